//! What the joins of a plan mean for single events: which streams can match which, how far apart,
//! under which key, and how long an event has to wait.

use crate::id::StreamId;
use crate::plan::{JoinKind, Plan, PlannedJoin};
use crate::time::Span;

/// The joins of a plan, resolved to streams and key tables.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub streams: Vec<StreamShape>,
    pub joins: Vec<JoinShape>,
    /// The gap that keeps unmatched events of the first stream together, where the first join
    /// reports unmatched events.
    pub partial_gap: Option<Span>,
    /// The key tables.
    pub tables: Vec<TableLabels>,
}

/// Of one key table: per stream, the labels that make the key; `None` where the stream has none.
pub(crate) type TableLabels = Vec<Option<Vec<String>>>;

/// What one stream takes part in.
#[derive(Clone, Debug)]
pub(crate) struct StreamShape {
    /// An event is decided once the watermark has passed its time plus this.
    pub reach: Span,
    /// Where its matches are, one per pair of a join and a stream on the other side.
    pub partners: Vec<Partner>,
    /// The table whose key an event must have to be of any use.
    pub needs: Option<usize>,
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
}

/// One join.
#[derive(Clone, Debug)]
pub(crate) struct JoinShape {
    pub kind: JoinKind,
    pub table: usize,
}

impl Shape {
    pub fn new(plan: &Plan) -> Self {
        let (tables, table_of) = assign_tables(plan);
        let joins: Vec<_> = plan
            .joins
            .iter()
            .zip(&table_of)
            .map(|(join, table)| JoinShape { kind: join.kind, table: *table })
            .collect();
        let streams = (0..plan.streams.len()).map(|at| stream_shape(plan, &joins, at)).collect();
        let first = &plan.joins[0];
        let partial_gap = (first.kind != JoinKind::And).then(|| {
            let farthest = first.hi.max(-first.hi).max(first.lo.max(-first.lo));
            farthest.min(plan.streams[0].range)
        });
        Self { streams, joins, partial_gap, tables }
    }

    /// The longest an event can have to wait for anything.
    pub fn reach(&self) -> Span {
        let reach = self.streams.iter().map(|stream| stream.reach).max();
        reach.unwrap_or(Span::ZERO).max(self.partial_gap.unwrap_or(Span::ZERO))
    }

    /// Whether the unmatched events of the first stream are reported.
    pub fn reports_unmatched(&self) -> bool {
        self.partial_gap.is_some()
    }
}

/// The smallest and largest `right.time - left.time` that a join allows between two streams.
fn bounds(plan: &Plan, join: &PlannedJoin, left: usize, right: usize) -> (Span, Span) {
    (join.lo.max(-plan.streams[right].range), join.hi.min(plan.streams[left].range))
}

fn stream_shape(plan: &Plan, joins: &[JoinShape], stream: usize) -> StreamShape {
    let mut partners = Vec::new();
    let mut reach = Span::ZERO;
    if let Some(at) = stream.checked_sub(1) {
        for left in 0..stream {
            let (lo, hi) = bounds(plan, &plan.joins[at], left, stream);
            let stream = StreamId::new(left);
            partners.push(Partner { join: at, stream, table: joins[at].table, from: -hi, to: -lo });
        }
        let join = &plan.joins[at];
        reach = reach.max(plan.streams[stream].range.min(-join.lo));
    }
    for (at, join) in plan.joins.iter().enumerate().skip(stream) {
        let right = at + 1;
        let (lo, hi) = bounds(plan, join, stream, right);
        let partner = StreamId::new(right);
        partners.push(Partner {
            join: at,
            stream: partner,
            table: joins[at].table,
            from: lo,
            to: hi,
        });
        reach = reach.max(plan.streams[stream].range.min(join.hi));
    }
    let needs = match stream.checked_sub(1) {
        Some(at) => Some(joins[at].table),
        None => (joins[0].kind == JoinKind::And).then(|| joins[0].table),
    };
    StreamShape { reach, partners, needs }
}

/// Gives every join a key table, sharing one where each stream reads the same labels for both.
fn assign_tables(plan: &Plan) -> (Vec<TableLabels>, Vec<usize>) {
    let mut tables: Vec<TableLabels> = Vec::new();
    let mut table_of = Vec::new();
    for (at, join) in plan.joins.iter().enumerate() {
        let labels: TableLabels = (0..plan.streams.len())
            .map(|stream| {
                let keys = join.keys.iter();
                match stream.cmp(&(at + 1)) {
                    std::cmp::Ordering::Less => Some(keys.map(|key| key.left.clone()).collect()),
                    std::cmp::Ordering::Equal => Some(keys.map(|key| key.right.clone()).collect()),
                    std::cmp::Ordering::Greater => None,
                }
            })
            .collect();
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
