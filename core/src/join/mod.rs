//! Which held events belong together.
//!
//! `shape` derives from the plan which events can match; `table` and `list` find them by key and
//! time. Where everything connected is one result, `session` connects events and knows when a
//! component is closed, `results` says what a component means, and `truncated` what one that was
//! closed early had. `sparse` has most keys wait with that. Where matches are picked, `steps` makes results join by join.

mod component;
mod deadlines;
pub(crate) mod early;
mod index;
pub(crate) mod list;
pub(crate) mod results;
pub(crate) mod session;
pub(crate) mod shape;
mod sparse;
pub(crate) mod steps;
pub(crate) mod table;
pub(crate) mod tables;
mod truncated;
mod unmatched;

use smallvec::SmallVec;

use crate::id::{EventId, StreamId};
use crate::key::EventKeys;
use crate::plan::{Pick, Plan};
use crate::time::{Span, Timestamp, Watermark};
use crate::window::record::Arrival;
use crate::window::store::Store;

use session::Sessions;
use shape::Shape;
use steps::Steps;
use tables::Tables;

/// What became of an event.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Inserted {
    /// It is held.
    Held(EventId),
    /// It lacks the key that it needs to match anything, and is not held.
    Unkeyed,
    /// It would have joined what was closed early, and is not held.
    Dropped,
    /// It was late. It is only held for results that it is part of.
    Late {
        /// Whether it has completed a match.
        matched: bool,
        held: bool,
    },
}

/// A result that may grow.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Open {
    /// That of the session with this event.
    Session(EventId),
    /// A group of the last step.
    Group(u32),
}

/// The joins of a query.
#[derive(Debug)]
pub(crate) struct Joins {
    pub tables: Tables,
    pub policy: Policy,
}

/// How results are made.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one, and every event goes through it")]
pub(crate) enum Policy {
    /// Everything connected is one.
    Sessions(Sessions),
    /// Matches are picked, at least in one join.
    Steps(Steps),
}

impl Joins {
    /// The joins of a plan, whose results have up to `max_events` events, which may come out of order by
    /// `tolerance`.
    pub fn new(plan: &Plan, seed: u64, tolerance: Span, eager: bool, max_events: usize) -> Self {
        let shape = Shape::new(plan);
        let policy = if plan.joins.iter().all(|join| join.pick == Pick::Session) {
            Policy::Sessions(Sessions::new(&shape, tolerance, eager, max_events))
        } else {
            Policy::Steps(Steps::new(plan, &shape, eager, max_events))
        };
        Self { tables: Tables::new(shape, seed), policy }
    }

    /// Whether anything was closed before its time.
    pub fn has_closed_early(&self) -> bool {
        match &self.policy {
            Policy::Sessions(sessions) => sessions.has_closed_early(),
            Policy::Steps(_) => false,
        }
    }

    /// Whether results are sessions of a single join.
    pub fn is_simple(&self) -> bool {
        matches!(self.policy, Policy::Sessions(_)) && self.shape().joins.len() == 1
    }

    pub fn shape(&self) -> &Shape {
        &self.tables.shape
    }

    /// The table whose key an event of `stream` needs to match anything.
    pub fn entry_table(&self, stream: StreamId) -> usize {
        self.shape().streams[stream.index()].entry_table
    }

    /// Takes an event.
    pub fn insert(
        &mut self,
        store: &mut Store,
        event: &Arrival<'_>,
        keys: &EventKeys,
        watermark: Watermark,
    ) -> Inserted {
        if self.tables.lacks_key(event.stream, keys) {
            return Inserted::Unkeyed;
        }
        // Before keys are looked up, which a late event does not hold.
        if !self.tables.truncated.is_empty() {
            self.tables.settle_truncated(event.number);
        }
        self.tables.look_up(keys, event.late);
        let inserted = match &mut self.policy {
            Policy::Sessions(sessions) => {
                sessions.insert(&mut self.tables, store, event, watermark)
            }
            Policy::Steps(steps) => {
                let Tables { shape, ids, .. } = &self.tables;
                steps.insert(shape, store, event, ids)
            }
        };
        if event.late && matches!(inserted, Inserted::Late { held: true, .. }) {
            self.tables.hold_late();
        }
        inserted
    }

    /// Takes an event that is not late, in a query whose joins are plain, with its key. `None` where more
    /// has to be looked at.
    #[inline]
    pub fn insert_plain(
        &mut self,
        store: &mut Store,
        event: &Arrival<'_>,
        key: &[u8],
    ) -> Option<EventId> {
        let Policy::Sessions(sessions) = &mut self.policy else {
            unreachable!("plain joins have sessions")
        };
        let is_whole = self.tables.truncated.is_empty();
        is_whole.then(|| sessions.insert_plain(&mut self.tables, store, event, key))
    }

    /// Whether nothing has to be known about an event that is not late but its key and what that
    /// matches.
    pub fn is_plain(&self) -> bool {
        matches!(self.policy, Policy::Sessions(_)) && self.shape().is_plain()
    }

    /// Whether it makes no difference when exactly it is looked at what the watermark has passed, as long as that
    /// is before a late event comes.
    pub fn may_lag(&self) -> bool {
        matches!(&self.policy, Policy::Sessions(sessions) if sessions.defers)
    }

    /// When something may be decided next.
    pub fn next_close(&self) -> Option<Timestamp> {
        match &self.policy {
            Policy::Sessions(sessions) => sessions.next_close(),
            Policy::Steps(steps) => steps.next_close(),
        }
    }

    /// The close before which everything is decided, where something waits for that.
    pub fn first_waiting(&self) -> Option<Timestamp> {
        match &self.policy {
            Policy::Sessions(sessions) => sessions.first_waiting(),
            Policy::Steps(_) => None,
        }
    }

    /// Whether something waits that the watermark has passed, until results are taken.
    pub fn is_behind(&self) -> bool {
        match &self.policy {
            Policy::Sessions(_) => false,
            Policy::Steps(steps) => steps.is_behind(),
        }
    }

    /// Has a result looked at again, if it is still open.
    pub fn touch(&mut self, store: &mut Store, open: Open) {
        match (&mut self.policy, open) {
            (Policy::Sessions(sessions), Open::Session(event)) => sessions.touch(store, event),
            (Policy::Steps(steps), Open::Group(item)) => steps.touch(item),
            _ => unreachable!("what is open was made by this policy"),
        }
    }

    /// Forgets of what was truncated all that nothing can match any more.
    pub fn forget_truncated(&mut self, store: &Store, watermark: Watermark) {
        let Tables { shape, all, truncated, .. } = &mut self.tables;
        if !truncated.is_empty() {
            truncated.expire(shape, all, store, watermark);
        }
    }

    /// Forgets of what was truncated the oldest, until not more than `bytes` are used.
    pub fn shrink_truncated(&mut self, store: &mut Store, bytes: usize) {
        let Tables { shape, all, truncated, .. } = &mut self.tables;
        truncated.shrink(shape, all, store, bytes);
    }

    /// Gives back the memory of what is gone, as far as it lies together: after much of what was held has been
    /// evicted.
    pub fn trim(&mut self, store: &Store) {
        self.tables.trim();
        match &mut self.policy {
            Policy::Sessions(sessions) => sessions.shrink(&self.tables, store),
            Policy::Steps(steps) => steps.trim(),
        }
    }

    /// The largest reach of the query.
    pub fn reach(&self) -> Span {
        self.shape().reach()
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        let own = match &self.policy {
            Policy::Sessions(sessions) => sessions.memory(),
            Policy::Steps(steps) => steps.memory(),
        };
        self.tables.memory() + own
    }
}

/// When each stream among the events has had one.
fn begun(store: &Store, events: &[EventId]) -> Timestamp {
    let mut first: SmallVec<[(StreamId, Timestamp); 8]> = SmallVec::new();
    for id in events {
        let record = store.record(*id);
        match first.iter_mut().find(|(stream, _)| *stream == record.stream) {
            Some((_, time)) => *time = record.time.min(*time),
            None => first.push((record.stream, record.time)),
        }
    }
    first.iter().map(|(_, time)| *time).max().unwrap_or(Timestamp::MIN)
}
