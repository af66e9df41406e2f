//! Line filters and label filters.

use std::cmp::Ordering;

use memchr::memmem::Finder;
use regex::Regex;

use super::matcher::Matcher;
use crate::query::duration;
use crate::time::Span;

/// `|=`, `!=`, `|~` or `!~` on the raw line; not anchored.
#[derive(Clone, Debug)]
pub(super) struct LineFilter {
    needle: Needle,
    negated: bool,
}

#[derive(Clone, Debug)]
enum Needle {
    Text(Box<Finder<'static>>),
    Regex(Regex),
}

impl LineFilter {
    pub(super) fn text(finder: Finder<'static>, negated: bool) -> Self {
        Self { needle: Needle::Text(Box::new(finder)), negated }
    }

    pub(super) fn regex(regex: Regex, negated: bool) -> Self {
        Self { needle: Needle::Regex(regex), negated }
    }

    pub(super) fn keeps(&self, line: &str) -> bool {
        let found = match &self.needle {
            Needle::Text(finder) => finder.find(line.as_bytes()).is_some(),
            Needle::Regex(regex) => regex.is_match(line),
        };
        found != self.negated
    }
}

/// A condition on labels. Numbers and durations are compared as such; a label that is none, or that
/// is missing, satisfies no comparison.
#[derive(Clone, Debug)]
pub(super) enum LabelFilter {
    Text(Matcher),
    Number { label: String, comparison: Comparison, number: f64 },
    Duration { label: String, comparison: Comparison, duration: Span },
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl LabelFilter {
    /// All of `filters`; `None` of none.
    pub(super) fn all(mut filters: Vec<Self>) -> Option<Self> {
        if filters.len() > 1 { Some(Self::All(filters)) } else { filters.pop() }
    }

    /// Any of `filters`; `None` of none.
    pub(super) fn any(mut filters: Vec<Self>) -> Option<Self> {
        if filters.len() > 1 { Some(Self::Any(filters)) } else { filters.pop() }
    }

    pub(super) fn keeps<'e>(&self, value: &impl Fn(&str) -> Option<&'e str>) -> bool {
        match self {
            Self::Text(matcher) => matcher.accepts(value(&matcher.label)),
            Self::Number { label, comparison, number } => {
                let found = value(label).and_then(|text| text.trim().parse::<f64>().ok());
                comparison.holds(found.and_then(|found| found.partial_cmp(number)))
            }
            Self::Duration { label, comparison, duration } => {
                let found = value(label).and_then(|text| duration::parse_logged(text.trim()));
                comparison.holds(found.map(|found| found.cmp(duration)))
            }
            Self::All(filters) => filters.iter().all(|filter| filter.keeps(value)),
            Self::Any(filters) => filters.iter().any(|filter| filter.keeps(value)),
        }
    }

    /// Calls `with` for each label that is looked at.
    pub(super) fn labels(&self, with: &mut impl FnMut(&str)) {
        match self {
            Self::Text(matcher) => with(&matcher.label),
            Self::Number { label, .. } | Self::Duration { label, .. } => with(label),
            Self::All(filters) | Self::Any(filters) => {
                for filter in filters {
                    filter.labels(with);
                }
            }
        }
    }
}

/// How numbers and durations are compared.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(match text {
            "=" | "==" => Self::Equal,
            "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// Whether the comparison holds of two values ordered so; never where they have no order.
    fn holds(self, order: Option<Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        })
    }
}
