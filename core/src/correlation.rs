//! A correlation, as a view of what the engine holds.

use crate::emit::Stamp;
use crate::id::{CorrelationId, EventId, StreamId};
use crate::join::tables::Tables;
use crate::limits;
use crate::plan::{JoinKeys, Pick, Plan};
use crate::stage::{Group, PlannedStage};
use crate::time::Timestamp;
use crate::window::record::Flags;
use crate::window::store::Store;

pub use crate::key::Pairs;
pub use crate::window::record::Payload;

/// Events that belong together. Valid until the engine is called again.
#[derive(Copy, Clone, Debug)]
pub struct Correlation<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) store: &'a Store,
    pub(crate) tables: &'a Tables,
    /// All events of the result in event order, also those the projection hides.
    pub(crate) events: &'a [EventId],
    pub(crate) stamp: &'a Stamp,
}

/// One event of a correlation.
#[derive(Copy, Clone, Debug)]
pub struct CorrelatedEvent<'a> {
    /// The stream it came through.
    pub stream: StreamId,
    /// Event time.
    pub time: Timestamp,
    store: &'a Store,
    id: EventId,
}

impl<'a> CorrelatedEvent<'a> {
    /// What it carries. Who only counts events leaves it where it is.
    pub fn payload(&self) -> Payload<'a> {
        self.store.payload(self.id)
    }
}

impl<'a> Correlation<'a> {
    /// Its id; the same for all revisions.
    pub fn id(&self) -> CorrelationId {
        self.stamp.id
    }

    /// Whether it has been delivered, but is asked for no longer: the stages of the query do not keep it,
    /// it turned out to begin before the start, or what was to follow a sequence does not.
    pub fn is_withdrawn(&self) -> bool {
        self.stamp.withdrawn
    }

    /// Whether events that belong to it are or may be missing: it was closed early, or something
    /// was evicted that might have belonged to it.
    pub fn is_truncated(&self) -> bool {
        self.stamp.truncated
    }

    /// Counts deliveries of changed content, from 1.
    pub fn revision(&self) -> u32 {
        self.stamp.revision
    }

    /// Whether it can no longer change.
    pub fn is_final(&self) -> bool {
        self.stamp.is_final
    }

    /// The delivered correlations that this one has absorbed.
    pub fn replaces(&self) -> &'a [CorrelationId] {
        &self.stamp.replaces
    }

    /// Its events that the projection keeps, in event order. There is at least one.
    pub fn events(&self) -> impl Iterator<Item = CorrelatedEvent<'a>> + use<'a> {
        let store = self.store;
        self.events.iter().filter_map(move |id| {
            let record = store.record(*id);
            let event =
                CorrelatedEvent { stream: record.stream, time: record.time, store, id: *id };
            (!record.flags.has(Flags::HIDDEN)).then_some(event)
        })
    }

    /// The time of the first event and of the last.
    pub fn window(&self) -> (Timestamp, Timestamp) {
        let mut times = self.events().map(|event| event.time);
        let first = times.next().expect("a correlation without visible events is not delivered");
        (first, times.last().unwrap_or(first))
    }

    /// Whether each stream of the query has an event in it, by position.
    pub fn matched_streams(&self) -> impl ExactSizeIterator<Item = bool> + use<> {
        let matched = self.events().fold([false; limits::MAX_STREAMS], |mut matched, event| {
            matched[event.stream.index()] = true;
            matched
        });
        matched.into_iter().take(self.plan.streams.len())
    }

    /// Whether every stream of the query has an event in it.
    pub fn is_complete(&self) -> bool {
        self.matched_streams().all(|matched| matched)
    }

    /// The labels of the first join's key, in the spelling of the left side.
    pub fn join_key(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        join_key(self.plan, self.found(0))
    }

    /// The values of the first join's key, of the earliest event that has one; empty where none
    /// has.
    pub fn join_value(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.found(0).into_iter().map(|(_, value)| value)
    }

    /// All keys of the query with the value found on the earliest event that has it; mapped keys in
    /// both spellings. In query order.
    pub fn join_keys(&self) -> Pairs<'a> {
        join_keys(self.plan, self.found_keys())
    }

    /// Of each join, the key on the earliest event that has it.
    pub(crate) fn found_keys(&self) -> impl Iterator<Item = Pairs<'a>> {
        (0..self.plan.joins.len()).map(|join| self.found(join))
    }

    /// The labels of the result: those that `select` names, else those its groups copy.
    pub fn labels(&self) -> Pairs<'_> {
        let selection = self.plan.stages.stages.iter().find_map(|stage| match stage {
            PlannedStage::Select(selection) => Some(selection),
            _ => None,
        });
        match selection {
            Some(selection) => selection.labels(self).collect(),
            None => self.copied_labels(),
        }
    }

    /// The labels that groups copy, in query order, from the earliest event of the copied side that
    /// has them.
    fn copied_labels(&self) -> Pairs<'a> {
        let mut all = Pairs::new();
        for join in &self.plan.joins {
            let (side, labels) = match &join.pick {
                Pick::GroupLeft(labels) => (join.right, labels),
                Pick::GroupRight(labels) => (join.left, labels),
                _ => continue,
            };
            let streams = self.plan.streams_of(side);
            for label in labels {
                if all.iter().any(|(name, _)| name == label) {
                    continue;
                }
                let value = self.events.iter().find_map(|id| {
                    let stream = self.store.record(*id).stream.index();
                    streams.contains(&stream).then(|| self.kept(*id, label)).flatten()
                });
                all.extend(value.map(|value| (label.as_str(), value)));
            }
        }
        all
    }

    /// The value of a label that the stream of the event keeps.
    fn kept(&self, id: EventId, label: &str) -> Option<&'a str> {
        let stream = &self.plan.streams[self.store.record(id).stream.index()];
        let at = stream.kept.iter().position(|kept| kept == label)?;
        self.store.kept(id, at)
    }

    /// The key of a join on the earliest event that has it.
    fn found(&self, join: usize) -> Pairs<'a> {
        let (tables, store) = (self.tables, self.store);
        let keyed = |id: &EventId| tables.key_parts(store, *id, join);
        self.events.iter().find_map(keyed).unwrap_or_default()
    }

    /// The plan of the query.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }
}

/// [`Correlation::join_key`], of the key that was found.
pub(crate) fn join_key<'a>(
    plan: &'a Plan,
    found: Pairs<'a>,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let (on, found) = match &plan.joins[0].keys {
        JoinKeys::On(keys) => (keys.as_slice(), Pairs::new()),
        JoinKeys::Ignoring(_) => (&[][..], found),
    };
    let on = on.iter().map(|key| key.left.as_str());
    on.chain(found.into_iter().map(|(name, _)| name))
}

/// [`Correlation::join_keys`], of the keys that were found, join by join.
pub(crate) fn join_keys<'a>(plan: &'a Plan, found: impl Iterator<Item = Pairs<'a>>) -> Pairs<'a> {
    let mut all = Pairs::new();
    let mut add = |name: &'a str, value: &'a str| {
        if all.iter().all(|(other, _)| *other != name) {
            all.push((name, value));
        }
    };
    for (join, found) in plan.joins.iter().zip(found) {
        match &join.keys {
            JoinKeys::On(keys) => {
                for (key, (_, value)) in keys.iter().zip(found) {
                    add(&key.left, value);
                    add(&key.right, value);
                }
            }
            JoinKeys::Ignoring(_) => found.into_iter().for_each(|(name, value)| add(name, value)),
        }
    }
    all
}

/// What the stages see: the events that the projection keeps, by position.
impl Group for Correlation<'_> {
    type Event = usize;

    fn events(&self, stream: Option<StreamId>) -> impl DoubleEndedIterator<Item = usize> {
        let wanted = move |at: &usize| {
            let record = self.store.record(self.events[*at]);
            !record.flags.has(Flags::HIDDEN) && stream.is_none_or(|stream| record.stream == stream)
        };
        (0..self.events.len()).filter(wanted)
    }

    fn time(&self, event: usize) -> Timestamp {
        self.store.record(self.events[event]).time
    }

    fn label(&self, event: usize, place: usize) -> Option<&str> {
        // What stages read is kept first.
        self.store.kept(self.events[event], place)
    }

    fn own_label(&self, name: &str) -> Option<&str> {
        let mut all = self.copied_labels().into_iter().chain(self.join_keys());
        all.find(|(label, _)| *label == name).map(|(_, value)| value)
    }
}
