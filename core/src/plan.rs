//! The validated plan of a query. Past `query::check` there is only this: no stage ever sees
//! options or query text.

use std::ops::Range;

use crate::id::{SourceId, StreamId};
use crate::select::{Matcher, Pipeline};
use crate::stage::Stages;
use crate::time::Span;

/// A query that makes sense, ready to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The query in canonical spelling: what correlation ids are hashed from, so that comments and
    /// white space do not change them.
    pub canonical: String,
    /// What has to be read, each thing once.
    pub sources: Vec<PlannedSource>,
    /// The streams, by position in the query.
    pub streams: Vec<PlannedStream>,
    /// The joins, each after those it takes as operands; the last one is the whole query. There is
    /// at least one, and one less than there are streams.
    pub joins: Vec<PlannedJoin>,
    /// The trailing projection; empty keeps every event.
    pub projection: Vec<Matcher>,
    /// What happens to results, in the order written.
    pub stages: Stages,
}

/// Something to read: a source the engine selects from, or one selector of a source that selects
/// by itself.
#[derive(Clone, Debug)]
pub struct PlannedSource {
    /// The name of the source in the query.
    pub name: String,
    /// The selector the source applies, unchanged to the byte; `None` where the engine selects.
    pub pushed_down: Option<String>,
    /// The streams it feeds, in query order.
    pub streams: Vec<StreamId>,
}

/// One stream of the query.
#[derive(Clone, Debug)]
pub struct PlannedStream {
    /// Its name in results: the alias, else the source where that is used once, else
    /// `source#position` (counted from 1 over the whole query).
    pub name: String,
    /// The alias, if the query gives one.
    pub alias: Option<String>,
    /// What feeds it.
    pub source: SourceId,
    /// The selector as written.
    pub selector: String,
    /// How long its events stay joinable.
    pub range: Span,
    /// The labels that are kept with its events, because results or later stages read them.
    pub kept: Vec<String>,
    /// What the engine selects; keeps everything where the source selects by itself.
    pub pipeline: Pipeline,
}

/// One join.
#[derive(Clone, Debug)]
pub struct PlannedJoin {
    /// The operator.
    pub kind: JoinKind,
    /// The left side.
    pub left: Operand,
    /// The right side.
    pub right: Operand,
    /// What has to agree.
    pub keys: JoinKeys,
    /// Smallest `right.time - left.time` that `within` and the operator allow; [`Span::MIN`] where
    /// they say nothing.
    pub lo: Span,
    /// Largest `right.time - left.time` that `within` allows; [`Span::MAX`] where it says nothing.
    pub hi: Span,
    /// Which matches make a result.
    pub pick: Pick,
}

/// One side of a join.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A stream of the query.
    Stream(StreamId),
    /// The results of an earlier join, by its position in [`Plan::joins`].
    Join(usize),
}

/// What has to agree for two events to match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum JoinKeys {
    /// The values of these labels, all of them. There is at least one.
    On(Vec<JoinKey>),
    /// The values of all labels but these, and which labels there are.
    Ignoring(Vec<String>),
}

/// Which matches make a result.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pick {
    /// Everything that is connected.
    Session,
    /// Each match of a left result and a right one.
    Pairs,
    /// One to one: in event order, each takes the earliest unused one that it matches.
    First,
    /// Of the left results of a key only the newest waits, and the right one that completes it uses
    /// it up.
    Latest,
    /// Each left result with everything that matches it. The labels are copied from the right side.
    GroupLeft(Vec<String>),
    /// Each right result with everything that matches it. The labels are copied from the left side.
    GroupRight(Vec<String>),
}

/// A label on each side of a join.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JoinKey {
    /// The label on the left side.
    pub left: String,
    /// The label on the right side.
    pub right: String,
}

/// A join operator. Displayed and serialised as in the query.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, serde::Serialize)]
pub enum JoinKind {
    /// Both sides are needed.
    #[serde(rename = "and")]
    And,
    /// The left side is needed; the right side where there is any.
    #[serde(rename = "or")]
    Or,
    /// Either side.
    #[serde(rename = "outer")]
    Outer,
    /// The left side, where the right side has no match.
    #[serde(rename = "unless")]
    Unless,
    /// Both sides, the right one not before the left one.
    #[serde(rename = "then")]
    Then,
    /// The left side, where the right side has no match that is not before it.
    #[serde(rename = "then not")]
    ThenNot,
}

impl JoinKind {
    /// Whether a left result without a match is a result.
    pub fn reports_left(self) -> bool {
        matches!(self, Self::Or | Self::Outer | Self::Unless | Self::ThenNot)
    }

    /// Whether a right result without a match is a result.
    pub fn reports_right(self) -> bool {
        self == Self::Outer
    }

    /// Whether what matches is a result.
    pub fn reports_matches(self) -> bool {
        !matches!(self, Self::Unless | Self::ThenNot)
    }

    /// Whether the right side may not be before the left side.
    pub fn is_ordered(self) -> bool {
        matches!(self, Self::Then | Self::ThenNot)
    }
}

impl std::fmt::Display for JoinKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Outer => "outer",
            Self::Unless => "unless",
            Self::Then => "then",
            Self::ThenNot => "then not",
        })
    }
}

impl Plan {
    /// The streams of an operand, which stand next to each other in the query.
    pub fn streams_of(&self, operand: Operand) -> Range<usize> {
        match operand {
            Operand::Stream(stream) => stream.index()..stream.index() + 1,
            Operand::Join(join) => {
                let PlannedJoin { left, right, .. } = &self.joins[join];
                self.streams_of(*left).start..self.streams_of(*right).end
            }
        }
    }

    /// Has the streams keep what stages read and results copy of their events. What stages read
    /// comes first, so that their places count.
    pub(crate) fn keep_labels(&mut self) {
        for (at, stream) in self.streams.iter_mut().enumerate() {
            stream.keep(self.stages.reads(StreamId::new(at)));
        }
        for join in 0..self.joins.len() {
            let PlannedJoin { left, right, pick, .. } = &self.joins[join];
            let (streams, labels) = match pick {
                Pick::GroupLeft(labels) => (self.streams_of(*right), labels.clone()),
                Pick::GroupRight(labels) => (self.streams_of(*left), labels.clone()),
                _ => continue,
            };
            for stream in streams {
                self.streams[stream].keep(&labels);
            }
        }
    }

    /// The labels that results copy, each once.
    pub(crate) fn copied_labels(&self) -> impl Iterator<Item = &str> {
        let picks = self.joins.iter().map(|join| match &join.pick {
            Pick::GroupLeft(labels) | Pick::GroupRight(labels) => labels.as_slice(),
            _ => &[],
        });
        picks.flatten().map(String::as_str)
    }

    /// The most labels that any stream keeps.
    pub(crate) fn kept_labels(&self) -> usize {
        self.streams.iter().map(|stream| stream.kept.len()).max().unwrap_or(0)
    }

    /// The join that takes a stream as an operand.
    pub fn join_of(&self, stream: StreamId) -> usize {
        let operand = Operand::Stream(stream);
        let takes = |join: &PlannedJoin| join.left == operand || join.right == operand;
        self.joins.iter().position(takes).expect("every stream of a plan is joined")
    }

    /// The labels that make the key of `join` on the side that has `stream`; `None` where neither
    /// side has it.
    pub fn key_labels(&self, join: usize, stream: usize) -> Option<KeyLabels> {
        let PlannedJoin { left, right, keys, .. } = &self.joins[join];
        let is_left = self.streams_of(*left).contains(&stream);
        if !is_left && !self.streams_of(*right).contains(&stream) {
            return None;
        }
        Some(match keys {
            JoinKeys::On(keys) => KeyLabels::All(
                keys.iter()
                    .map(|key| if is_left { key.left.clone() } else { key.right.clone() })
                    .collect(),
            ),
            JoinKeys::Ignoring(labels) => KeyLabels::AllBut(labels.clone()),
        })
    }
}

/// The labels of one stream that make a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyLabels {
    /// These, all of them.
    All(Vec<String>),
    /// All that the event has but these.
    AllBut(Vec<String>),
}

impl PlannedStream {
    /// Has these labels kept with its events.
    pub(crate) fn keep(&mut self, labels: &[String]) {
        for label in labels {
            if !self.kept.contains(label) {
                self.kept.push(label.clone());
            }
        }
    }
}

impl PlannedSource {
    /// How far back an adapter fetches: the longest range of its streams.
    pub fn range(&self, plan: &Plan) -> Span {
        self.streams
            .iter()
            .map(|stream| plan.streams[stream.index()].range)
            .max()
            .unwrap_or(Span::ZERO)
    }
}
