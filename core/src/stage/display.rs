//! The canonical text of a stage.

use std::fmt::{self, Display, Formatter};

use super::ast::{ArithmeticOp, Chain, CompareOp, Comparison, Condition, Stage, Value, Which};
use crate::query::literal;

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Where { condition, .. } => write!(f, "where {condition}"),
            Self::Select { fields, .. } => {
                f.write_str("select ")?;
                separated(f, fields.iter().map(|field| &field.value), ", ")
            }
            Self::Limit { count, .. } => write!(f, "limit {count}"),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or { of } => separated(f, of, " or "),
            Self::And { of } => separated(f, of.iter().map(Tighter), " and "),
            Self::Not { of } => match **of {
                Self::Every(_) => write!(f, "not {of}"),
                // `not a.x = 1` would read as if the value were negated.
                _ => write!(f, "not ({of})"),
            },
            Self::Compare(comparison) => comparison.fmt(f),
            Self::Every(comparison) => write!(f, "every({comparison})"),
        }
    }
}

/// A condition inside an `and`.
struct Tighter<'c>(&'c Condition);

impl Display for Tighter<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Condition::Or { .. } => write!(f, "({})", self.0),
            other => other.fmt(f),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.op.value, self.right)
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.value.fmt(f),
            Self::Duration(duration) => duration.value.fmt(f),
            Self::Text(text) => f.write_str(&literal::quote(&text.value)),
            Self::Label { stream, which, label, .. } => {
                picked(f, *which, &stream.value)?;
                write!(f, ".{label}")
            }
            Self::Time { stream, which, .. } => {
                let which = if *which == Which::First { Which::Any } else { *which };
                picked(f, which, &stream.value)?;
                f.write_str(".ts")
            }
            Self::Count { stream, .. } => {
                write!(f, "count({})", stream.as_ref().map_or("", |stream| &stream.value))
            }
            Self::Elapsed { .. } => f.write_str("duration"),
            Self::Chain(chain) => chain.fmt(f),
        }
    }
}

impl Display for Chain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_sum = self.is_sum();
        operand(f, &self.first, is_sum, true)?;
        self.rest.iter().try_for_each(|link| {
            write!(f, " {} ", link.op.value)?;
            operand(f, &link.value, is_sum, false)
        })
    }
}

/// A value inside a chain. One in parentheses stays in them where they say what comes first.
fn operand(f: &mut Formatter<'_>, value: &Value, in_sum: bool, is_first: bool) -> fmt::Result {
    match value {
        Value::Chain(chain) if in_sum && (is_first || !chain.is_sum()) => chain.fmt(f),
        Value::Chain(chain) => write!(f, "({chain})"),
        value => value.fmt(f),
    }
}

fn picked(f: &mut Formatter<'_>, which: Which, stream: &str) -> fmt::Result {
    match which {
        Which::Any => f.write_str(stream),
        Which::First => write!(f, "first({stream})"),
        Which::Last => write!(f, "last({stream})"),
    }
}

impl Display for CompareOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Match => "=~",
            Self::NotMatch => "!~",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}

impl Display for ArithmeticOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        })
    }
}

fn separated<T: Display>(
    f: &mut Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    separator: &str,
) -> fmt::Result {
    items.into_iter().enumerate().try_for_each(|(at, item)| {
        if at > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)
    })
}
