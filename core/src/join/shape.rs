//! What the joins of a plan mean for single events: which streams can match which, how far apart,
//! under which key, and how long an event has to wait.

use std::ops::Range;

use crate::id::{EventId, StreamId};
use crate::plan::{JoinKind, KeyLabels, Operand, Plan, PlannedJoin};
use crate::time::Span;
use crate::window::store::{Closes, Store};

/// The joins of a plan, resolved to streams and key tables.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub streams: Vec<StreamShape>,
    pub joins: Vec<JoinShape>,
    /// The key tables.
    pub tables: Vec<TableLabels>,
}

/// Of one key table: per stream, the labels that make the key; `None` where the stream has none.
pub(crate) type TableLabels = Vec<Option<KeyLabels>>;

/// What one stream takes part in.
#[derive(Clone, Debug)]
pub(crate) struct StreamShape {
    /// An event is decided once the watermark has passed its time plus this.
    pub reach: Span,
    /// Where its matches are, one per pair of a join and a stream on the other side.
    pub partners: Vec<Partner>,
    /// The join that takes the stream as an operand.
    pub entry: usize,
    /// The key table of that join.
    pub entry_table: usize,
    /// Whether an event without a key in that table is of no use.
    pub needs_key: bool,
    /// How its unmatched events are reported, where they are.
    pub partial: Option<Partial>,
}

/// How the unmatched events of a stream are reported.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Partial {
    /// The gap that keeps those of one key together.
    pub gap: Span,
    /// How many decisions on what is unmatched come one after the other before that on these: none
    /// where the other side of the join is a stream. Where it is a join, only its results say what
    /// is matched.
    pub depth: usize,
}

/// The events of one stream that an event of another may match: those with the same key in
/// `table` at its time plus `from..=to`.
#[derive(Clone, Debug)]
pub(crate) struct Partner {
    pub join: usize,
    pub stream: StreamId,
    pub table: usize,
    pub from: Span,
    pub to: Span,
    /// What finding one means.
    pub found: Found,
}

/// What finding a match in a join means for the two events.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Found {
    /// Whether the event that looks has to be told that it matches, since the unmatched ones are
    /// reported.
    pub marks_event: bool,
    /// Whether what it matches has to be told.
    pub marks_others: bool,
    /// Whether what it matches is reported where it is unmatched in this join.
    pub reports_others: bool,
    /// When what it matches is decided.
    pub others_reach: Span,
}

/// One join.
#[derive(Clone, Debug)]
pub(crate) struct JoinShape {
    pub kind: JoinKind,
    pub table: usize,
    pub left: Side,
    pub right: Side,
}

/// One side of a join.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub operand: Operand,
    /// The streams of the operand.
    pub streams: Range<usize>,
}

impl StreamShape {
    /// Whether only results of joins can say which events are unmatched.
    pub fn awaits_results(&self) -> bool {
        self.partial.is_some_and(|partial| partial.depth > 0)
    }
}

impl Shape {
    pub fn new(plan: &Plan) -> Self {
        let (tables, table_of) = assign_tables(plan);
        let side = |operand| Side { operand, streams: plan.streams_of(operand) };
        let joins: Vec<_> = plan
            .joins
            .iter()
            .zip(&table_of)
            .map(|(join, table)| JoinShape {
                kind: join.kind,
                table: *table,
                left: side(join.left),
                right: side(join.right),
            })
            .collect();
        let streams = (0..plan.streams.len()).map(|at| stream_shape(plan, &joins, at)).collect();
        let mut shape = Self { streams, joins, tables };
        for stream in 0..shape.streams.len() {
            for at in 0..shape.streams[stream].partners.len() {
                let Partner { join, stream: other, .. } = shape.streams[stream].partners[at];
                let found = Found {
                    marks_event: shape.marks(StreamId::new(stream), join),
                    marks_others: shape.marks(other, join),
                    reports_others: shape.reports(other, join),
                    others_reach: shape.streams[other.index()].reach,
                };
                shape.streams[stream].partners[at].found = found;
            }
        }
        shape
    }

    /// Of each stream, when the components of its events close.
    pub fn closes(&self) -> Vec<Closes> {
        let closes = self.streams.iter().map(|stream| Closes {
            reach: stream.reach,
            gap: stream.partial.map_or(Span::ZERO, |partial| partial.gap),
        });
        closes.collect()
    }

    /// The longest an event can have to wait for anything.
    pub fn reach(&self) -> Span {
        let waits = |stream: &StreamShape| {
            stream.partial.map_or(stream.reach, |partial| stream.reach.max(partial.gap))
        };
        self.streams.iter().map(waits).max().unwrap_or(Span::ZERO)
    }

    /// Whether a match in `join` decides at once that an event of `stream` is not unmatched.
    pub fn marks(&self, stream: StreamId, join: usize) -> bool {
        let stream = &self.streams[stream.index()];
        stream.entry == join && stream.partial.is_some() && !stream.awaits_results()
    }

    /// Whether events of `stream` without a match in `join` are reported.
    fn reports(&self, stream: StreamId, join: usize) -> bool {
        let stream = &self.streams[stream.index()];
        stream.entry == join && stream.partial.is_some()
    }

    /// Whether it can be known that an event has no match in `join`: nothing that it might match
    /// has been evicted.
    pub fn can_tell_unmatched(&self, store: &Store, id: EventId, join: usize) -> bool {
        let record = store.record(id);
        let JoinShape { left, right, .. } = &self.joins[join];
        let inner = left.streams.len() + right.streams.len() - 2;
        if inner > 0 {
            // A result of joins may be missing, or begin later than it should, since something has
            // been evicted that its events matched.
            let from = (0..=inner).fold(record.time, |from, _| from.minus(self.reach()));
            let mut streams = left.streams.clone().chain(right.streams.clone());
            return streams.all(|stream| store.has_all_since(StreamId::new(stream), from));
        }
        let partners = self.streams[record.stream.index()].partners.iter();
        partners
            .filter(|partner| partner.join == join)
            .all(|partner| store.has_all_since(partner.stream, record.time.plus(partner.from)))
    }

    /// Whether there are streams of which only results of joins can say what is unmatched.
    pub fn awaits_results(&self) -> bool {
        self.streams.iter().any(StreamShape::awaits_results)
    }

    /// Whether a result may turn out to be none: a sequence follows once each stream before it has had
    /// an event, and one that may have none may still have its first.
    pub fn takes_back(&self) -> bool {
        let mut ordered = self.joins.iter().filter(|join| join.kind.is_ordered());
        ordered.any(|join| {
            let before = &join.left.streams;
            self.joins.iter().any(|inner| {
                let streams = inner.left.streams.start..inner.right.streams.end;
                let is_inside = before.start <= streams.start && streams.end <= before.end;
                is_inside && (inner.kind.reports_left() || inner.kind.reports_right())
            })
        })
    }

    /// Whether nothing counts of an event but its key and what that matches: there is one key table, and
    /// nothing is reported that matches nothing.
    pub fn is_plain(&self) -> bool {
        let mut partners = self.streams.iter().flat_map(|stream| &stream.partners);
        self.tables.len() == 1
            && self.streams.iter().all(|stream| stream.needs_key && stream.partial.is_none())
            && partners.all(|partner| !partner.found.marks_event && !partner.found.marks_others)
    }

    /// Whether unmatched events of any stream are reported.
    pub fn reports_unmatched(&self) -> bool {
        self.streams.iter().any(|stream| stream.partial.is_some())
    }
}

/// The smallest and largest `right.time - left.time` that a join allows between two streams.
fn bounds(plan: &Plan, join: &PlannedJoin, left: usize, right: usize) -> (Span, Span) {
    (join.lo.max(-plan.streams[right].range), join.hi.min(plan.streams[left].range))
}

fn stream_shape(plan: &Plan, joins: &[JoinShape], stream: usize) -> StreamShape {
    let mut partners = Vec::new();
    let mut reach = Span::ZERO;
    let range = plan.streams[stream].range;
    for (at, (join, planned)) in joins.iter().zip(&plan.joins).enumerate() {
        let mut partner = |stream: usize, from: Span, to: Span| {
            let (table, stream) = (join.table, StreamId::new(stream));
            partners.push(Partner { join: at, stream, table, from, to, found: Found::default() });
        };
        if join.left.streams.contains(&stream) {
            for right in join.right.streams.clone() {
                let (lo, hi) = bounds(plan, planned, stream, right);
                partner(right, lo, hi);
            }
            reach = reach.max(range.min(planned.hi));
        } else if join.right.streams.contains(&stream) {
            for left in join.left.streams.clone() {
                let (lo, hi) = bounds(plan, planned, left, stream);
                partner(left, -hi, -lo);
            }
            reach = reach.max(range.min(-planned.lo));
        }
    }
    let (entry, partial) = (plan.join_of(StreamId::new(stream)), partial(plan, stream));
    StreamShape {
        reach,
        partners,
        entry,
        entry_table: joins[entry].table,
        needs_key: partial.is_none(),
        partial,
    }
}

/// How unmatched events of a stream are reported at the join that takes it.
fn partial(plan: &Plan, stream: usize) -> Option<Partial> {
    let id = StreamId::new(stream);
    let join = &plan.joins[plan.join_of(id)];
    let is_left = join.left == Operand::Stream(id);
    let reported = if is_left { join.kind.reports_left() } else { join.kind.reports_right() };
    if !reported {
        return None;
    }
    let farthest = join.hi.max(-join.hi).max(join.lo.max(-join.lo));
    let other = if is_left { join.right } else { join.left };
    let depth = match other {
        Operand::Stream(_) => 0,
        Operand::Join(_) => {
            let others = plan.streams_of(other).filter_map(|other| partial(plan, other));
            1 + others.map(|other| other.depth).max().unwrap_or(0)
        }
    };
    Some(Partial { gap: farthest.min(plan.streams[stream].range), depth })
}

/// Gives every join a key table, sharing one where each stream reads the same labels for both.
fn assign_tables(plan: &Plan) -> (Vec<TableLabels>, Vec<usize>) {
    let mut tables: Vec<TableLabels> = Vec::new();
    let mut table_of = Vec::new();
    for join in 0..plan.joins.len() {
        let streams = 0..plan.streams.len();
        let labels: TableLabels = streams.map(|stream| plan.key_labels(join, stream)).collect();
        let fits = |table: &TableLabels| {
            table.iter().zip(&labels).all(|pair| match pair {
                (Some(a), Some(b)) => a == b,
                _ => true,
            })
        };
        let table = tables.iter().position(fits).unwrap_or_else(|| {
            tables.push(vec![None; plan.streams.len()]);
            tables.len() - 1
        });
        for (slot, labels) in tables[table].iter_mut().zip(labels) {
            *slot = slot.take().or(labels);
        }
        table_of.push(table);
    }
    (tables, table_of)
}
