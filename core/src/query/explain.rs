//! What a query will do and what it costs, before it runs: the plan as a tree, what is pushed down
//! to which source, what each stream holds, a score, and hints.
//!
//! Derived from the plan alone; how much a stream really sees, only the host knows.

mod hints;

use serde::{Deserialize, Serialize};

use super::ast::Query;
use super::diagnostic::Diagnostic;
use super::duration::Duration;
use super::{PlanOptions, check, parse};
use crate::id::StreamId;
use crate::plan::{JoinKeys, JoinKind, Operand, Pick, Plan, PlannedJoin, PlannedSource};
use crate::time::{NANOS_PER_SECOND, Span};

/// What a host expects of each stream.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Load {
    /// Events a second that its selector keeps. Default 1,000.
    pub events_per_second: u64,
    /// Bytes that the engine holds for an event, without its matches. Default 512: a line of 200 bytes
    /// with its labels and keys.
    pub bytes_per_event: u64,
    /// How far events may be out of order, in milliseconds: an event is held so much longer. Default
    /// 30,000, as of an engine.
    pub late_tolerance_ms: u64,
}

impl Load {
    fn late_tolerance(&self) -> Span {
        Span::from_millis(i64::try_from(self.late_tolerance_ms).unwrap_or(i64::MAX))
    }
}

impl Default for Load {
    fn default() -> Self {
        Self { events_per_second: 1_000, bytes_per_event: 512, late_tolerance_ms: 30_000 }
    }
}

/// What a query will do. Durations are serialised as text (`"1h30m"`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The joins and streams.
    pub tree: Node,
    /// What is read, each thing once.
    pub sources: Vec<ReadSource>,
    /// Events that all streams together hold.
    pub events: u64,
    /// Bytes that all streams together hold.
    pub bytes: u64,
    /// 10 for each stream, 5 for each key, 20 for a filter of results, 15 for `within` or an order,
    /// 25 for a group.
    pub score: usize,
    /// The score in a word.
    pub complexity: Complexity,
    /// What would make it cheaper, in sentences for people.
    pub hints: Vec<String>,
}

/// How hard a query is to grasp and to run. Serialised in lower case.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Complexity {
    /// A score below 30.
    Simple,
    /// A score below 60.
    Moderate,
    /// A score of 60 and more.
    Complex,
}

/// A part of the plan: `{"type": "stream", …}` or `{"type": "join", …}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Node {
    /// A stream.
    Stream(StreamNode),
    /// A join.
    Join(Box<JoinNode>),
}

/// A stream and what it holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamNode {
    /// Its name in results.
    pub name: String,
    /// The source that feeds it.
    pub source: String,
    /// The selector as written.
    pub selector: String,
    /// Whether the source applies the selector; else the engine does.
    pub pushed_down: bool,
    /// How long its events stay joinable.
    pub range: Duration,
    /// How long an event is held at most while nothing matches it: its farthest reach in any join,
    /// or the gap that keeps unmatched ones together, and the late tolerance. Connected events
    /// (`pick(session)`) are held until the last of them is decided.
    pub held: Duration,
    /// Events that it holds.
    pub events: u64,
    /// Bytes that it holds: of the events, and 400 more of each for each join above it whose matches
    /// are held one by one (all but `pick(session)`), if it is in one match of each.
    pub bytes: u64,
}

/// A join.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinNode {
    /// The operator.
    pub kind: JoinKind,
    /// What has to agree, as in the query: `on(k, a=b)` or `ignoring(l)`.
    pub keys: String,
    /// The smallest distance from left to right that `within`, the operator and the ranges allow.
    pub lo: Duration,
    /// The largest distance from left to right that they allow.
    pub hi: Duration,
    /// Which matches make a result: `session`, `pairs`, `first`, `latest`, `group_left(...)` or
    /// `group_right(...)`.
    pub pick: String,
    /// The left side.
    pub left: Node,
    /// The right side.
    pub right: Node,
}

/// Something that is read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadSource {
    /// The name of the source.
    pub name: String,
    /// The selector that is pushed down to it; `None` where the engine selects from all it has.
    pub selector: Option<String>,
    /// How far back it is read.
    pub range: Duration,
    /// The streams it feeds.
    pub streams: Vec<String>,
}

/// Explains `text` under a given load.
///
/// ```
/// use logbraid_core::query::{Complexity, Load, PlanOptions, explain};
///
/// let text = "a({})[1h] and on(k) within(10s) b({})[1h]";
/// let load = Load { events_per_second: 100, bytes_per_event: 1_000, late_tolerance_ms: 5_000 };
/// let explanation = explain(text, &PlanOptions::default(), &load).unwrap();
/// assert_eq!(explanation.events, 3_000);
/// assert_eq!(explanation.bytes, 3_000_000);
/// assert_eq!((explanation.score, explanation.complexity), (40, Complexity::Moderate));
/// ```
///
/// # Errors
/// What is wrong with the query, in text order; never empty.
pub fn explain(
    text: &str,
    options: &PlanOptions,
    load: &Load,
) -> Result<Explanation, Vec<Diagnostic>> {
    let query = parse(text)?;
    let checked = check(text, options);
    let Some(plan) = checked.plan else { return Err(checked.diagnostics) };
    let reaches: Vec<_> = (0..plan.streams.len()).map(|stream| reach(&plan, stream)).collect();
    let held = |at: usize| reaches[at].plus(load.late_tolerance());
    let streams: Vec<_> =
        (0..reaches.len()).map(|at| stream_node(&plan, at, held(at), load)).collect();
    let score = score(&plan, &query);
    Ok(Explanation {
        tree: node(&plan, Operand::Join(plan.joins.len() - 1), &streams),
        sources: sources(&plan),
        events: streams.iter().fold(0, |sum, stream| sum.saturating_add(stream.events)),
        bytes: streams.iter().fold(0, |sum, stream| sum.saturating_add(stream.bytes)),
        score,
        complexity: match score {
            0..30 => Complexity::Simple,
            30..60 => Complexity::Moderate,
            _ => Complexity::Complex,
        },
        hints: hints::hints(&plan, &query, &reaches, options),
    })
}

/// How long an event of a stream waits at most while nothing matches it, when none is late.
pub(super) fn reach(plan: &Plan, stream: usize) -> Span {
    let range = plan.streams[stream].range;
    let mut held = Span::ZERO;
    for join in &plan.joins {
        if plan.streams_of(join.left).contains(&stream) {
            held = held.max(range.min(join.hi));
        } else if plan.streams_of(join.right).contains(&stream) {
            held = held.max(range.min(-join.lo));
        }
    }
    let id = StreamId::new(stream);
    let join = &plan.joins[plan.join_of(id)];
    let is_left = join.left == Operand::Stream(id);
    let is_reported = if is_left { join.kind.reports_left() } else { join.kind.reports_right() };
    if is_reported && join.pick == Pick::Session {
        let farthest = join.hi.max(-join.hi).max(join.lo.max(-join.lo));
        held = held.max(range.min(farthest));
    }
    held
}

/// Bytes of a match that is held by itself, for each of its events.
const MATCH_BYTES: u64 = 400;

fn stream_node(plan: &Plan, at: usize, held: Span, load: &Load) -> StreamNode {
    let stream = &plan.streams[at];
    let source = &plan.sources[stream.source.index()];
    let nanos = u128::from(held.as_nanos().unsigned_abs());
    let second = u128::from(NANOS_PER_SECOND.unsigned_abs());
    let events = (nanos * u128::from(load.events_per_second)).div_ceil(second);
    let events = u64::try_from(events).unwrap_or(u64::MAX);
    let has_matches = |join: &&PlannedJoin| {
        let is_above = |operand| plan.streams_of(operand).contains(&at);
        join.pick != Pick::Session && (is_above(join.left) || is_above(join.right))
    };
    let policies = plan.joins.iter().filter(has_matches).count() as u64;
    let bytes_per_event = load.bytes_per_event.saturating_add(policies * MATCH_BYTES);
    StreamNode {
        name: stream.name.clone(),
        source: source.name.clone(),
        selector: stream.selector.clone(),
        pushed_down: source.pushed_down.is_some(),
        range: Duration(stream.range),
        held: Duration(held),
        events,
        bytes: events.saturating_mul(bytes_per_event),
    }
}

fn node(plan: &Plan, operand: Operand, streams: &[StreamNode]) -> Node {
    let join = match operand {
        Operand::Stream(stream) => return Node::Stream(streams[stream.index()].clone()),
        Operand::Join(join) => &plan.joins[join],
    };
    let widest = |operand| {
        let ranges = plan.streams[plan.streams_of(operand)].iter().map(|stream| stream.range);
        ranges.max().expect("an operand has a stream")
    };
    Node::Join(Box::new(JoinNode {
        kind: join.kind,
        keys: keys(join),
        lo: Duration(join.lo.max(-widest(join.right))),
        hi: Duration(join.hi.min(widest(join.left))),
        pick: pick(&join.pick),
        left: node(plan, join.left, streams),
        right: node(plan, join.right, streams),
    }))
}

fn keys(join: &PlannedJoin) -> String {
    match &join.keys {
        JoinKeys::Ignoring(labels) => format!("ignoring({})", labels.join(", ")),
        JoinKeys::On(keys) => {
            let keys = keys.iter().map(|key| {
                if key.left == key.right {
                    key.left.clone()
                } else {
                    format!("{}={}", key.left, key.right)
                }
            });
            format!("on({})", keys.collect::<Vec<_>>().join(", "))
        }
    }
}

fn pick(pick: &Pick) -> String {
    match pick {
        Pick::Session => "session".to_owned(),
        Pick::Pairs => "pairs".to_owned(),
        Pick::First => "first".to_owned(),
        Pick::Latest => "latest".to_owned(),
        Pick::GroupLeft(labels) => format!("group_left({})", labels.join(", ")),
        Pick::GroupRight(labels) => format!("group_right({})", labels.join(", ")),
    }
}

fn sources(plan: &Plan) -> Vec<ReadSource> {
    let streams = |ids: &[StreamId]| -> Vec<String> {
        ids.iter().map(|id| plan.streams[id.index()].name.clone()).collect()
    };
    let source = |source: &PlannedSource| ReadSource {
        name: source.name.clone(),
        selector: source.pushed_down.clone(),
        range: Duration(source.range(plan)),
        streams: streams(&source.streams),
    };
    plan.sources.iter().map(source).collect()
}

/// The score of the log-correlator guide.
fn score(plan: &Plan, query: &Query) -> usize {
    let (_, joins) = query.parts();
    let keys: usize = plan
        .joins
        .iter()
        .map(|join| match &join.keys {
            JoinKeys::On(keys) => keys.len(),
            JoinKeys::Ignoring(labels) => labels.len(),
        })
        .sum();
    let is_filtered = !query.projection.is_empty()
        || query.stages.iter().any(|stage| stage.value.starts_with("where"));
    let is_temporal =
        joins.iter().any(|join| join.within.is_some() || join.kind.value.is_ordered());
    let is_grouped = joins.iter().any(|join| join.grouping.is_some());
    10 * plan.streams.len()
        + 5 * keys
        + 20 * usize::from(is_filtered)
        + 15 * usize::from(is_temporal)
        + 25 * usize::from(is_grouped)
}
