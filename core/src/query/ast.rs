//! The shape of a query, and its canonical spelling.
//!
//! Every node knows its place in the text. As JSON a node is an object with a `span` of
//! `{start, end}` bytes; an expression is tagged by `type`: `stream` or `join`.

use std::fmt::{self, Display};
use std::ops::Range;

use serde::Serialize;

use crate::plan::JoinKind;
use crate::select::MatchOp;
use crate::time::Span;

/// A parsed query.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Query {
    /// The joins and streams.
    pub expr: Expr,
    /// The trailing projection; empty where there is none.
    pub projection: Vec<MatcherNode>,
    /// The whole text.
    pub span: Range<usize>,
}

/// A stream, or the join of two expressions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Expr {
    /// A stream.
    Stream(StreamNode),
    /// A join.
    Join(Box<JoinNode>),
}

/// `source(selector)[range] as name`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StreamNode {
    /// The source.
    pub source: String,
    /// The selector, unchanged to the byte.
    pub selector: String,
    /// Where the selector is.
    pub selector_span: Range<usize>,
    /// The range, in nanoseconds; `None` for the default.
    pub range: Option<Span>,
    /// The alias.
    pub alias: Option<String>,
    /// Where the name is that errors about it point to: the alias, else the source.
    pub name_span: Range<usize>,
    /// Where the stream is.
    pub span: Range<usize>,
}

/// `left kind on(...) within(...) right`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct JoinNode {
    /// The left side.
    pub left: Expr,
    /// The right side.
    pub right: Expr,
    /// The operator.
    pub kind: JoinKind,
    /// The keys. There is at least one.
    pub keys: Vec<KeyNode>,
    /// `within`, if given.
    pub within: Option<WithinNode>,
    /// From the operator to the last clause.
    pub span: Range<usize>,
}

/// One key of `on(...)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyNode {
    /// The label on the left side.
    pub left: String,
    /// The label on the right side.
    pub right: String,
    /// Where it is.
    pub span: Range<usize>,
}

/// `within(d)` or `within(lo, hi)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WithinNode {
    /// Smallest `right - left`, in nanoseconds.
    pub lo: Span,
    /// Largest `right - left`, in nanoseconds.
    pub hi: Span,
    /// Where it is.
    pub span: Range<usize>,
}

/// One `label op "value"` of a projection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MatcherNode {
    /// The label.
    pub label: String,
    /// The comparison.
    pub op: MatchOp,
    /// The value, with escapes resolved.
    pub value: String,
    /// Where the value is, quotes included.
    pub value_span: Range<usize>,
    /// Where it is.
    pub span: Range<usize>,
}

impl Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.expr)?;
        if !self.projection.is_empty() {
            write!(f, " {{")?;
            separated(f, &self.projection, |f, matcher| write!(f, "{matcher}"))?;
            write!(f, "}}")?;
        }
        Ok(())
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(stream) => write!(f, "{stream}"),
            Self::Join(join) => {
                write!(f, "{} {} on(", join.left, join.kind)?;
                separated(f, &join.keys, |f, key| {
                    if key.left == key.right {
                        write!(f, "{}", key.left)
                    } else {
                        write!(f, "{}={}", key.left, key.right)
                    }
                })?;
                write!(f, ")")?;
                if let Some(within) = &join.within {
                    write!(f, " {within}")?;
                }
                match &join.right {
                    Self::Stream(stream) => write!(f, " {stream}"),
                    nested @ Self::Join(_) => write!(f, " ({nested})"),
                }
            }
        }
    }
}

impl Display for StreamNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.source, self.selector)?;
        if let Some(range) = self.range {
            write!(f, "[{}]", DurationText(range))?;
        }
        if let Some(alias) = &self.alias {
            write!(f, " as {alias}")?;
        }
        Ok(())
    }
}

impl Display for WithinNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lo == -self.hi {
            write!(f, "within({})", DurationText(self.hi))
        } else {
            write!(f, "within({}, {})", DurationText(self.lo), DurationText(self.hi))
        }
    }
}

impl Display for MatcherNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.label, self.op, QuotedText(&self.value))
    }
}

impl Display for JoinKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        })
    }
}

/// A duration in the largest units that make it exact: `1h30m`, `-5s`, `0s`.
pub(super) struct DurationText(pub Span);

impl Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < 0 {
            f.write_str("-")?;
        }
        let mut rest = nanos.unsigned_abs();
        for (unit, size) in super::duration::UNITS {
            // Minutes and smaller read better than weeks of days; days and weeks only where whole.
            if *unit == "us" && rest == 0 {
                break;
            }
            let count = rest / size;
            if count > 0 {
                write!(f, "{count}{unit}")?;
                rest %= size;
            }
        }
        Ok(())
    }
}

/// Text between double quotes, escaped so that it reads back as itself.
pub(super) struct QuotedText<'a>(pub &'a str);

impl Display for QuotedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                other => write!(f, "{other}")?,
            }
        }
        f.write_str("\"")
    }
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    mut write: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}
