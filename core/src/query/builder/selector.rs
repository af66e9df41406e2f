//! What stands between the parentheses of a stream.

use std::fmt::{Display, Write as _};

use super::error::Problems;
use super::unplaced;
use crate::limits::MAX_QUERY_BYTES;
use crate::query::ast::{LabelMatcher, list};
use crate::query::diagnostic::code;
use crate::query::{Duration, literal, scan};
use crate::select::MatchOp;
use crate::stage::ast::{CompareOp, Number};
use crate::time::Span;

/// The selector of a stream; made by [`local`] or [`raw`].
#[derive(Clone, Debug)]
pub struct Selector {
    pub(super) text: String,
    /// Whether it is in the language of its source.
    pub(super) is_raw: bool,
    pub(super) problems: Problems,
}

/// A selector in the language of its source, unchanged to the byte. One whose quotes or parentheses
/// are not paired would end elsewhere, so that the query does not build.
pub fn raw(text: impl Into<String>) -> Selector {
    let (text, mut problems) = (text.into(), Problems::default());
    if let Err(found) = scan::selector(&text) {
        problems.tell(found.code, format!("a selector cannot end elsewhere: {}", found.message));
    }
    Selector { text, is_raw: true, problems }
}

/// `label op "value"`, for [`local`] and [`project`](super::QueryBuilder::project).
pub fn matcher(label: impl Into<String>, op: MatchOp, value: impl Into<String>) -> LabelMatcher {
    LabelMatcher { label: label.into(), op, value: unplaced(value.into()), span: 0..0 }
}

/// A selector that the engine applies itself: begins with the matchers that events must satisfy, all
/// events without any. What is added to it sees only what has passed so far.
///
/// ```
/// use logbraid_core::query::builder::{field, local, matcher, on, stream};
/// use logbraid_core::select::MatchOp;
/// use logbraid_core::stage::ast::CompareOp;
/// use logbraid_core::time::Span;
///
/// let slow = field("took", CompareOp::Greater, Span::from_millis(1_500));
/// let failed = field("status", CompareOp::GreaterOrEqual, 500);
/// let selector = local([matcher("env", MatchOp::NotEqual, "dev")])
///     .contains("GET")
///     .logfmt()
///     .filter(slow.or(failed));
/// let query = stream("app", selector).and(stream("db", local([])), on(["id"])).build()?;
/// assert_eq!(
///     query.to_string(),
///     "app({env!=\"dev\"} |= \"GET\" | logfmt | took > 1s500ms or status >= 500) and on(id) db({})"
/// );
/// # Ok::<(), logbraid_core::query::builder::BuildError>(())
/// ```
pub fn local(matchers: impl IntoIterator<Item = LabelMatcher>) -> LocalSelector {
    let matchers: Vec<_> = matchers.into_iter().collect();
    let mut problems = Problems::default();
    problems.matchers(&matchers);
    let text = format!("{{{}}}", list(&matchers));
    LocalSelector(Selector { text, is_raw: false, problems })
}

/// A selector that the engine applies itself; made by [`local`].
#[derive(Clone, Debug)]
#[must_use = "a selector does nothing without a stream"]
pub struct LocalSelector(Selector);

impl From<LocalSelector> for Selector {
    fn from(selector: LocalSelector) -> Self {
        selector.0
    }
}

impl LocalSelector {
    /// Lines that contain a text.
    pub fn contains(self, text: &str) -> Self {
        self.quoted("|=", text)
    }

    /// Lines that do not contain a text.
    pub fn lacks(self, text: &str) -> Self {
        self.quoted("!=", text)
    }

    /// Lines in which a regular expression is found.
    pub fn matches(self, regex: &str) -> Self {
        self.quoted("|~", regex)
    }

    /// Lines in which a regular expression is not found.
    pub fn matches_not(self, regex: &str) -> Self {
        self.quoted("!~", regex)
    }

    /// Adds the fields of a JSON line as labels.
    pub fn json(self) -> Self {
        self.with("| json")
    }

    /// Adds the fields of a logfmt line as labels.
    pub fn logfmt(self) -> Self {
        self.with("| logfmt")
    }

    /// Adds the named parts of a pattern such as `<ip> - <method>` as labels.
    pub fn pattern(self, pattern: &str) -> Self {
        self.quoted("| pattern", pattern)
    }

    /// Adds the named groups of a regular expression as labels.
    pub fn regexp(self, regex: &str) -> Self {
        self.quoted("| regexp", regex)
    }

    /// Events of which a comparison of labels holds.
    pub fn filter(mut self, filter: FieldFilter) -> Self {
        self.0.problems.append(filter.problems);
        // A label that begins like a parser would be read as one.
        let is_parser = ["json", "logfmt"].iter().any(|parser| filter.text.starts_with(parser));
        if is_parser {
            self.with(format_args!("| ({})", filter.text))
        } else {
            self.with(format_args!("| {}", filter.text))
        }
    }

    fn quoted(self, what: &str, text: &str) -> Self {
        self.with(format_args!("{what} {}", literal::quote(text)))
    }

    fn with(mut self, step: impl Display) -> Self {
        write!(self.0.text, " {step}").expect("writing to a String cannot fail");
        self
    }
}

/// A comparison in [`LocalSelector::filter`], or several; made by [`field`].
#[derive(Clone, Debug)]
#[must_use = "a comparison does nothing without a selector"]
pub struct FieldFilter {
    text: String,
    is_or: bool,
    problems: Problems,
}

/// Compares a label with a text, a number or a duration, missing labels being compared with none.
pub fn field(label: impl Into<String>, op: CompareOp, value: impl Into<FieldValue>) -> FieldFilter {
    let (label, mut problems) = (label.into(), Problems::default());
    problems.require_label(&label);
    let value = match value.into() {
        FieldValue::Text(text) => literal::quote(&text),
        FieldValue::Duration(span) => Duration(span).to_string(),
        FieldValue::Number(number) => problems.number(number).to_string(),
    };
    FieldFilter { text: format!("{label} {op} {value}"), is_or: false, problems }
}

impl FieldFilter {
    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        self.joined("and", other)
    }

    /// One of them holds.
    pub fn or(self, other: Self) -> Self {
        self.joined("or", other)
    }

    fn joined(mut self, word: &str, mut other: Self) -> Self {
        self.problems.append(other.problems);
        // Parentheses copy what is in them.
        if self.text.len() + other.text.len() > MAX_QUERY_BYTES {
            let message =
                format!("the filter is too long; queries have at most {MAX_QUERY_BYTES} bytes");
            self.problems.tell(code::QUERY_TOO_LONG, message);
            return self;
        }
        let is_or = word == "or";
        for (text, inner_or) in [(&mut self.text, self.is_or), (&mut other.text, other.is_or)] {
            if inner_or && !is_or {
                *text = format!("({text})");
            }
        }
        write!(self.text, " {word} {}", other.text).expect("writing to a String cannot fail");
        Self { is_or, ..self }
    }
}

/// What a label is compared with in [`field`].
#[derive(Clone, PartialEq, Debug)]
pub enum FieldValue {
    /// A text or a regex.
    Text(String),
    /// A number; must be finite.
    Number(f64),
    /// A duration.
    Duration(Span),
}

impl From<&str> for FieldValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for FieldValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for FieldValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for FieldValue {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<Span> for FieldValue {
    fn from(span: Span) -> Self {
        Self::Duration(span)
    }
}

impl Problems {
    /// Something harmless stands for a number that is not finite.
    pub(super) fn number(&mut self, number: f64) -> Number {
        Number::new(number).unwrap_or_else(|| {
            self.tell(code::STAGE_TYPE, format!("`{number}` is no number that can be written"));
            Number::new(0.0).expect("zero is finite")
        })
    }
}
