//! The validated plan of a query. Past `query::check` there is only this: no stage ever sees
//! options or query text.

use crate::id::{SourceId, StreamId};
use crate::select::{Matcher, Pipeline};
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
    /// The joins, left-associative: `joins[j]` joins the result over streams `0..=j` with stream
    /// `j + 1`. There is at least one.
    pub joins: Vec<PlannedJoin>,
    /// The trailing projection; empty keeps every event.
    pub projection: Vec<Matcher>,
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
    /// What the engine selects; keeps everything where the source selects by itself.
    pub pipeline: Pipeline,
}

/// One join.
#[derive(Clone, Debug)]
pub struct PlannedJoin {
    /// The operator.
    pub kind: JoinKind,
    /// The labels whose values must agree, all of them. There is at least one.
    pub keys: Vec<JoinKey>,
    /// Smallest `right.time - left.time` that `within` allows; [`Span::MIN`] where it says nothing.
    pub lo: Span,
    /// Largest `right.time - left.time` that `within` allows; [`Span::MAX`] where it says nothing.
    pub hi: Span,
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
#[serde(rename_all = "lowercase")]
pub enum JoinKind {
    /// Both sides are needed.
    And,
    /// The left side is needed; the right side where there is any.
    Or,
    /// The left side, where the right side has no match.
    Unless,
}

impl std::fmt::Display for JoinKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        })
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
