//! The shape of a stage: its syntax tree, and the canonical text of it.
//!
//! Serialises to JSON as the tree of a query does: every node with a `type`, its fields and its
//! `span` in bytes of the query text. Nodes nest only where parentheses do: chains of `and`, `or`,
//! `+` and `*` are lists, so that a long condition is not a deep one.

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::query::{Duration, Spanned};

/// A stage. Displayed as canonical text, without the `|` before it: single spaces, lower-case
/// keywords, no superfluous parentheses, durations in whole units, texts in double quotes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Stage {
    /// `where condition`: keeps the correlations of which the condition holds.
    Where {
        /// The condition.
        condition: Condition,
        /// The stage.
        span: Range<usize>,
    },
    /// `select field, …`: makes these the labels of the result.
    Select {
        /// The fields; at least one, none twice.
        fields: Vec<Spanned<String>>,
        /// The stage.
        span: Range<usize>,
    },
    /// `limit n`: ends the query when its first `n` correlations are final.
    Limit {
        /// How many; at least one.
        count: u64,
        /// The stage.
        span: Range<usize>,
    },
}

/// What is true or false of a correlation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Condition {
    /// One of at least two conditions, none of them itself an `or`.
    Or {
        /// The conditions.
        of: Vec<Condition>,
    },
    /// All of at least two conditions, none of them itself an `and`.
    And {
        /// The conditions.
        of: Vec<Condition>,
    },
    /// Anything but a condition, which is not itself a `not`.
    Not {
        /// The condition.
        of: Box<Condition>,
    },
    /// A comparison that some choice of events makes hold.
    Compare(Comparison),
    /// `every(comparison)`: one that each event of its stream makes hold.
    Every(Comparison),
}

/// `left op right`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Comparison {
    /// The left side.
    pub left: Value,
    /// How they are compared.
    pub op: Spanned<CompareOp>,
    /// The right side.
    pub right: Value,
    /// From the start of the left side to the end of the right one.
    pub span: Range<usize>,
}

/// How two values are compared. Displayed and serialised as in the query.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub enum CompareOp {
    /// `=`
    #[serde(rename = "=")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
    /// `=~`
    #[serde(rename = "=~")]
    Match,
    /// `!~`
    #[serde(rename = "!~")]
    NotMatch,
    /// `<`
    #[serde(rename = "<")]
    Less,
    /// `<=`
    #[serde(rename = "<=")]
    LessOrEqual,
    /// `>`
    #[serde(rename = ">")]
    Greater,
    /// `>=`
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

/// Something that is compared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Value {
    /// A number.
    Number(Spanned<Number>),
    /// A duration.
    Duration(Spanned<Duration>),
    /// A text, a regex or a time, depending on what it is compared with; without quotes and escapes.
    Text(Spanned<String>),
    /// `name.label`, `first(name).label` or `last(name).label`.
    Label {
        /// The stream.
        stream: Spanned<String>,
        /// Of which event.
        which: Which,
        /// The label.
        label: String,
        /// The whole.
        span: Range<usize>,
    },
    /// `name.ts`, which is `first(name).ts`, or `last(name).ts`.
    Time {
        /// The stream.
        stream: Spanned<String>,
        /// Of which event; never [`Which::Any`].
        which: Which,
        /// The whole.
        span: Range<usize>,
    },
    /// `count(name)`, or `count()` of all streams.
    Count {
        /// The stream.
        stream: Option<Spanned<String>>,
        /// The whole.
        span: Range<usize>,
    },
    /// `duration`, from the first event to the last.
    Elapsed {
        /// The word.
        span: Range<usize>,
    },
    /// Arithmetic.
    Chain(Chain),
}

/// Which event of a stream.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// Some event.
    Any,
    /// The first one in event order.
    First,
    /// The last one in event order.
    Last,
}

/// A value, and what is done with it from left to right: sums and differences, or products and
/// quotients, never both. The first value is not itself a chain of that sort.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Chain {
    /// The value it starts with.
    pub first: Box<Value>,
    /// What follows; not empty.
    pub rest: Vec<Link>,
    /// From the start of the first value to the end of the last one.
    pub span: Range<usize>,
}

/// An operator of a chain and the value on its right.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Link {
    /// The operator.
    pub op: Spanned<ArithmeticOp>,
    /// The value.
    pub value: Value,
}

/// An arithmetic operator. Displayed and serialised as in the query.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Serialize)]
pub enum ArithmeticOp {
    /// `+`
    #[serde(rename = "+")]
    Add,
    /// `-`
    #[serde(rename = "-")]
    Subtract,
    /// `*`
    #[serde(rename = "*")]
    Multiply,
    /// `/`
    #[serde(rename = "/")]
    Divide,
}

/// A number that is finite.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Number(f64);

impl Number {
    /// `number`, if it is finite.
    pub fn new(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self(number))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

// What is finite equals itself.
impl Eq for Number {}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl Stage {
    /// Where it stands, in bytes.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Where { span, .. } | Self::Select { span, .. } | Self::Limit { span, .. } => {
                span.clone()
            }
        }
    }
}

impl Value {
    /// Where it stands, in bytes.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Number(Spanned { span, .. })
            | Self::Duration(Spanned { span, .. })
            | Self::Text(Spanned { span, .. })
            | Self::Label { span, .. }
            | Self::Time { span, .. }
            | Self::Count { span, .. }
            | Self::Elapsed { span }
            | Self::Chain(Chain { span, .. }) => span.clone(),
        }
    }
}

impl Chain {
    /// Whether it adds and subtracts; it multiplies and divides otherwise.
    pub fn is_sum(&self) -> bool {
        self.rest.first().is_some_and(|link| link.op.value.is_sum())
    }
}

impl ArithmeticOp {
    /// Whether it adds or subtracts.
    pub fn is_sum(self) -> bool {
        matches!(self, Self::Add | Self::Subtract)
    }
}
