//! Compiled stages.

use regex::Regex;

use super::ast::{ArithmeticOp, CompareOp, Which};
use super::scalar::{Reading, Scalar};
use crate::id::StreamId;

/// The compiled stages of a query.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// The stages, in the order written.
    pub stages: Vec<PlannedStage>,
    pub(super) reads: Vec<Vec<String>>,
}

impl Stages {
    /// The labels of a stream that the stages look at, each once: their values are all that has to
    /// be kept of its events. The place of a label here is what [`super::Group::label`] is asked for.
    pub fn reads(&self, stream: StreamId) -> &[String] {
        self.reads.get(stream.index()).map_or(&[], Vec::as_slice)
    }
}

/// One stage.
#[derive(Clone, Debug)]
pub enum PlannedStage {
    /// Keeps the correlations that the filter holds of.
    Where(Filter),
    /// Makes these the labels of the result.
    Select(Selection),
    /// Ends the query when its first so many correlations are final; at least one.
    Limit(u64),
}

/// A compiled condition; [`Filter::holds`] evaluates it.
#[derive(Clone, Debug)]
pub struct Filter(pub(super) Test);

/// The compiled fields of a `select`; [`Selection::labels`] evaluates them.
#[derive(Clone, Debug)]
pub struct Selection(pub(super) Vec<Field>);

#[derive(Clone, Debug)]
pub(super) struct Field {
    /// As written: the name of the label in the result.
    pub name: String,
    pub from: FieldFrom,
}

#[derive(Clone, Debug)]
pub(super) enum FieldFrom {
    /// A key label or a copied label.
    Result,
    /// The first event of a stream.
    First { stream: StreamId, place: usize },
}

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Any(Vec<Test>),
    All(Vec<Test>),
    Not(Box<Test>),
    Compare(Comparison),
}

/// One comparison: for some event of each stream it varies over, or for every event of one stream.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// The same for all choices of events, so that they are worked out once. One that is missing
    /// makes the comparison false.
    pub facts: Vec<Fact>,
    pub sides: Sides,
    /// The streams that it varies over.
    pub varies: Streams,
    pub every: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Sides {
    Scalars { left: Expr, op: Order, right: Expr },
    Texts { left: Text, negated: bool, right: Text },
    Regex { text: Text, negated: bool, regex: Regex },
}

/// How scalars are compared.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    /// `None` for `=~` and `!~`.
    pub fn of(op: CompareOp) -> Option<Self> {
        Some(match op {
            CompareOp::Equal => Self::Equal,
            CompareOp::NotEqual => Self::NotEqual,
            CompareOp::Less => Self::Less,
            CompareOp::LessOrEqual => Self::LessOrEqual,
            CompareOp::Greater => Self::Greater,
            CompareOp::GreaterOrEqual => Self::GreaterOrEqual,
            CompareOp::Match | CompareOp::NotMatch => return None,
        })
    }

    /// Whether it holds of two values.
    pub fn holds(self, left: Scalar, right: Scalar) -> bool {
        let order = left.order(right);
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// What is the same for all choices of events.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    /// The time of the first or last event of a stream.
    Time {
        stream: StreamId,
        which: Which,
    },
    Label {
        stream: StreamId,
        which: Which,
        place: usize,
        reading: Reading,
    },
    Count(Option<StreamId>),
    Elapsed,
}

/// A scalar expression.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    Constant(Scalar),
    /// By its place in [`Comparison::facts`].
    Fact(usize),
    /// Of any event.
    Label {
        stream: StreamId,
        place: usize,
        reading: Reading,
    },
    /// From left to right. Where it varies over several streams, `first` and each link vary over
    /// streams of their own, and what is divided by over one at most.
    Chain {
        first: Box<Expr>,
        rest: Vec<(ArithmeticOp, Expr)>,
        varies: Streams,
    },
}

impl Expr {
    /// The streams it varies over.
    pub fn varies(&self) -> Streams {
        match self {
            Self::Constant(_) | Self::Fact(_) => Streams::NONE,
            Self::Label { stream, .. } => Streams::one(*stream),
            Self::Chain { varies, .. } => *varies,
        }
    }
}

/// A text.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Literal(String),
    Label { stream: StreamId, which: Which, place: usize },
}

impl Text {
    /// The streams it varies over.
    pub fn varies(&self) -> Streams {
        match self {
            Self::Label { stream, which: Which::Any, .. } => Streams::one(*stream),
            _ => Streams::NONE,
        }
    }
}

/// A set of streams; plans have at most [`crate::limits::MAX_STREAMS`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Streams(u64);

impl Streams {
    pub const NONE: Self = Self(0);

    pub fn one(stream: StreamId) -> Self {
        Self(1 << (stream.index() % 64))
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The first of them.
    pub fn first(self) -> Option<StreamId> {
        (self.0 != 0).then(|| StreamId::new(self.0.trailing_zeros() as usize))
    }
}
