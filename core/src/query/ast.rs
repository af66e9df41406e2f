//! The shape of a query: its syntax tree, and the canonical text of it.
//!
//! Serialises to JSON for hosts that show a query: `{"expr", "projection", "stages", "span"}`, where
//! `expr` is `{"type": "stream", …}` or `{"type": "join", …}` with the fields below, durations are
//! canonical text (`"1h30m"`), and spans are `{"start", "end"}` in bytes of the query text.

use std::fmt;
use std::ops::Range;

use serde::Serialize;

use super::duration::Duration;
use super::literal;
use crate::plan::JoinKind;
use crate::select::MatchOp;

/// A query. Displayed as canonical text: single spaces, lower-case keywords, no superfluous
/// parentheses, durations in whole units, texts in double quotes; selectors unchanged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Query {
    /// The streams and joins.
    pub expr: Expr,
    /// The trailing projection; empty keeps every event.
    pub projection: Vec<LabelMatcher>,
    /// What stands behind each `|`, with single spaces in place of white space and comments.
    pub stages: Vec<Spanned<String>>,
    /// The whole query, without white space and comments around it.
    pub span: Range<usize>,
}

/// A stream, or a join of two expressions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Expr {
    /// One stream.
    Stream(Stream),
    /// A join.
    Join(Box<Join>),
}

/// `source(selector)[range] as alias`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stream {
    /// The source.
    pub source: Spanned<String>,
    /// The selector, unchanged to the byte.
    pub selector: Spanned<String>,
    /// The range, where the stream gives one.
    pub range: Option<Spanned<Duration>>,
    /// The alias, where the stream gives one.
    pub alias: Option<Spanned<String>>,
    /// From the source to the alias.
    pub span: Range<usize>,
}

/// `left kind on(keys) within(lo, hi) pick(policy) right`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Join {
    /// The operator.
    pub kind: Spanned<JoinKind>,
    /// The labels whose values must agree; empty where `ignoring` stands instead.
    pub on: Vec<Key>,
    /// The labels that need not agree, while all others must; without effect beside `on`.
    pub ignoring: Option<Ignoring>,
    /// The bounds, where the join gives some.
    pub within: Option<Within>,
    /// Which matches make a result, where the join says; never beside `grouping`.
    pub pick: Option<Picked>,
    /// The side with one result per event, where the join says.
    pub grouping: Option<Grouping>,
    /// The left side.
    pub left: Expr,
    /// The right side.
    pub right: Expr,
    /// From the start of the left side to the end of the right side.
    pub span: Range<usize>,
}

/// `left=right`, or one label that is the same on both sides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Key {
    /// The label on the left side.
    pub left: String,
    /// The label on the right side.
    pub right: String,
    /// The key.
    pub span: Range<usize>,
}

/// `within(lo, hi)`: how far the right side may be from the left. `within(d)` is
/// `within(-d, d)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Within {
    /// The smallest distance.
    pub lo: Duration,
    /// The largest distance.
    pub hi: Duration,
    /// The clause.
    pub span: Range<usize>,
}

/// `ignoring(labels)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Ignoring {
    /// The labels; at least one.
    pub labels: Vec<Spanned<String>>,
    /// The clause.
    pub span: Range<usize>,
}

/// `pick(policy)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Picked {
    /// The policy.
    pub policy: Policy,
    /// The clause.
    pub span: Range<usize>,
}

/// Which matches make a result. Displayed and serialised as in the query.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Everything that is connected.
    Session,
    /// Each match.
    Pairs,
    /// One to one, the earliest first.
    First,
    /// Only the newest left result of a key waits.
    Latest,
}

impl Policy {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Session, Self::Pairs, Self::First, Self::Latest];

    /// As in the query.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Pairs => "pairs",
            Self::First => "first",
            Self::Latest => "latest",
        }
    }
}

/// `group_left(labels)` or `group_right(labels)`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Grouping {
    /// The side that has one result per event.
    pub side: Side,
    /// The labels that are copied from the other side.
    pub labels: Vec<Spanned<String>>,
    /// The clause.
    pub span: Range<usize>,
}

/// A side of a join.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The left side.
    Left,
    /// The right side.
    Right,
}

/// `label op "value"`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LabelMatcher {
    /// The label.
    pub label: String,
    /// The comparison.
    pub op: MatchOp,
    /// The text or regex, without quotes and escapes.
    pub value: Spanned<String>,
    /// The matcher.
    pub span: Range<usize>,
}

/// A value and where it stands in the query, in bytes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub span: Range<usize>,
}

impl Query {
    /// The streams in text order, and the joins in the order they are made.
    pub fn parts(&self) -> (Vec<&Stream>, Vec<&Join>) {
        let (mut streams, mut joins) = (Vec::new(), Vec::new());
        self.expr.collect(&mut streams, &mut joins);
        (streams, joins)
    }
}

impl Expr {
    /// Where it stands, in bytes.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Stream(stream) => stream.span.clone(),
            Self::Join(join) => join.span.clone(),
        }
    }

    /// Makes every `or` an `outer`.
    pub(super) fn make_or_outer(&mut self) {
        if let Self::Join(join) = self {
            if join.kind.value == JoinKind::Or {
                join.kind.value = JoinKind::Outer;
            }
            join.left.make_or_outer();
            join.right.make_or_outer();
        }
    }

    fn collect<'q>(&'q self, streams: &mut Vec<&'q Stream>, joins: &mut Vec<&'q Join>) {
        match self {
            Self::Stream(stream) => streams.push(stream),
            Self::Join(join) => {
                join.left.collect(streams, joins);
                join.right.collect(streams, joins);
                joins.push(join);
            }
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.expr)?;
        if !self.projection.is_empty() {
            write!(f, " {{{}}}", list(&self.projection))?;
        }
        self.stages.iter().try_for_each(|stage| write!(f, " | {}", stage.value))
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(stream) => stream.fmt(f),
            Self::Join(join) => join.fmt(f),
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.source.value, self.selector.value)?;
        if let Some(range) = &self.range {
            write!(f, "[{}]", range.value)?;
        }
        if let Some(alias) = &self.alias {
            write!(f, " as {}", alias.value)?;
        }
        Ok(())
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.left, self.kind.value)?;
        if !self.on.is_empty() {
            write!(f, "on({}) ", list(&self.on))?;
        }
        if let Some(ignoring) = &self.ignoring {
            write!(f, "{ignoring} ")?;
        }
        if let Some(within) = &self.within {
            write!(f, "{within} ")?;
        }
        if let Some(pick) = &self.pick {
            write!(f, "{pick} ")?;
        }
        if let Some(grouping) = &self.grouping {
            write!(f, "{grouping} ")?;
        }
        match &self.right {
            Expr::Join(join) => write!(f, "({join})"),
            Expr::Stream(stream) => stream.fmt(f),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.left)?;
        if self.right != self.left {
            write!(f, "={}", self.right)?;
        }
        Ok(())
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lo.0 == -self.hi.0 && self.lo <= self.hi {
            write!(f, "within({})", self.hi)
        } else {
            write!(f, "within({}, {})", self.lo, self.hi)
        }
    }
}

impl fmt::Display for Ignoring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ignoring({})", list(&self.labels))
    }
}

impl fmt::Display for Picked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pick({})", self.policy)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group_{}({})", self.side, list(&self.labels))
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Right => "right",
        })
    }
}

impl<T: fmt::Display> fmt::Display for Spanned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl fmt::Display for LabelMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.label, self.op, literal::quote(&self.value.value))
    }
}

/// Displays `items` with commas between them.
pub(super) fn list<T: fmt::Display>(items: &[T]) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            item.fmt(f)?;
        }
        Ok(())
    })
}
