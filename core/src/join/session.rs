//! Sessions: components of events that match, and when they are closed.
//!
//! Every pair of held events that matches in any join is connected (union-find over the records of
//! the store). A component is decided as a whole, once the watermark has passed the latest close of
//! its events. What is unmatched is `unmatched`'s business, and what a component means that of `results`. An event costs a lookup per key table, the
//! matches not yet connected, and one deadline per component; there is no scan over keys.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Inserted;
use super::component::{self, Component, Matches, PlainMatches, find};
use super::deadlines::{Deadlines, Turn};
use super::list::{Density, MANY, Walk};
use super::results::Evaluation;
use super::shape::Shape;
use super::sparse::Few;
use super::table::NEAR;
use super::tables::Tables;
use crate::id::{EventId, KeyId, StreamId};
use crate::time::{Span, Timestamp, Watermark};
use crate::window::record::{Arrival, Flags, Link, Members, Record};
use crate::window::store::Store;

/// A component that can no longer change.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Closed {
    /// A member of its ring.
    pub ring: EventId,
    /// Its close.
    pub close: Timestamp,
    /// Whether the watermark has not passed it.
    pub is_early: bool,
    /// What its events are.
    pub members: Members,
}

#[derive(Debug)]
pub(crate) struct Sessions {
    /// When to look at an event again. Every root has an entry not later than its close.
    pub(super) deadlines: Deadlines,
    /// Components past their close that an undecided event may still extend, by close.
    pub(super) waiting: BTreeSet<(Timestamp, EventId)>,
    /// Of each its close, and when it is looked at again.
    pub(super) waiting_until: BTreeMap<EventId, (Timestamp, (Timestamp, Turn))>,
    /// Roots whose results may have changed, each once; only filled where `eager`.
    dirty: VecDeque<EventId>,
    eager: bool,
    /// Whether the few events of a key are connected only when one of them may close; see [`sparse`](super::sparse).
    pub(super) defers: bool,
    /// Components that have been found closed, and not yet been returned.
    pub(super) found_closed: Vec<Closed>,
    /// The events of the key that is looked at.
    pub(super) few: Few,
    /// Events that a component may have.
    pub(super) max_events: u32,
    /// Members of the components that would have more events with the one that has come than they may have.
    overfull: Vec<EventId>,
    /// Components that were closed early.
    pub(super) cut: Vec<Closed>,
    /// Unmatched events of sessions that were closed early.
    pub(super) left_out: Vec<(StreamId, Timestamp)>,
    pub(super) evaluation: Evaluation,
}

/// What connecting an event has come to.
struct Connected {
    /// Whether it matches anything.
    matched: bool,
    /// The root of its component.
    root: EventId,
    /// Members of its component.
    size: u32,
}

impl Sessions {
    pub fn new(shape: &Shape, tolerance: Span, eager: bool, max_events: usize) -> Self {
        Self {
            deadlines: Deadlines::new(shape.reach().plus(tolerance)),
            waiting: BTreeSet::new(),
            waiting_until: BTreeMap::new(),
            dirty: VecDeque::new(),
            eager,
            defers: shape.is_plain() && shape.streams.len() == NEAR && !eager && max_events > MANY,
            found_closed: Vec::new(),
            few: Few::default(),
            max_events: u32::try_from(max_events).unwrap_or(u32::MAX),
            overfull: Vec::new(),
            cut: Vec::new(),
            left_out: Vec::new(),
            evaluation: Evaluation::default(),
        }
    }

    /// Takes an event, whose keys have just been looked up, and connects it with what it matches.
    pub fn insert(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        event: &Arrival<'_>,
        watermark: Watermark,
    ) -> Inserted {
        let Arrival { time, stream, late, .. } = *event;
        if self.defers && tables.ids[0] != KeyId::NONE {
            // What a late event comes too late for may still be there.
            self.find_closed(tables, store, tables.ids[0], watermark);
            self.connect_all(tables, store, tables.ids[0]);
        }
        let is_dropped = !tables.truncated.is_empty() && Self::matches_truncated(tables, event);
        if is_dropped && late {
            return Inserted::Late { matched: false, held: false };
        }
        let id = store.add(event, Link::ALONE, &tables.ids, EventId::NONE);
        // What it would connect with what was closed early is closed, too.
        let max_events = if is_dropped { 0 } else { self.max_events };
        let shape = &tables.shape.streams[stream.index()];
        let (reach, is_reported) = (shape.reach, shape.partial.is_some());
        // A late event waits for nothing.
        let close = if late { Timestamp::MIN } else { time.plus(reach) };
        let overfull = &mut self.overfull;
        let component = Component { root: id, close, size: 1, max_events, overfull };
        let Connected { matched, root, size } =
            connect(tables, store, id, event, watermark, component);
        if is_dropped {
            let overfull = std::mem::take(&mut self.overfull);
            self.drop_event(tables, store, id, &overfull);
            return Inserted::Dropped;
        }
        if late {
            if !matched {
                store.forget(id);
                return Inserted::Late { matched: false, held: false };
            }
        } else {
            make_joinable(tables, store, id, event, root);
            // What is part of a component is looked at with that.
            if size == 1 || is_reported {
                let turn = if tables.reports_unmatched { Turn::Decide } else { Turn::Close };
                self.await_close(store, id, (close, turn));
            }
        }
        if !self.overfull.is_empty() || size >= self.max_events {
            self.close_overfull(tables, store, root);
        } else if self.eager {
            self.mark_dirty(store, id);
        }
        if late { Inserted::Late { matched: true, held: true } } else { Inserted::Held(id) }
    }

    /// As [`insert`](Self::insert), of an event that is not late, with its key, in a query whose joins are
    /// plain, where nothing was closed early.
    #[inline(never)]
    pub fn insert_plain(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        event: &Arrival<'_>,
        key: &[u8],
    ) -> EventId {
        let [table] = tables.all.as_mut_slice() else {
            unreachable!("plain joins have one key table")
        };
        let key = table.hold(key);
        if self.defers {
            if let Some(chains) = table.unconnected(key) {
                return self.add_unconnected(tables, store, event, (key, chains));
            }
            self.connect_all(tables, store, key);
        }
        let id = store.add(event, Link::ALONE, &[key], EventId::NONE);
        let Arrival { time, stream, number, .. } = *event;
        let Tables { shape, all, .. } = tables;
        let [table] = all.as_mut_slice() else { unreachable!("plain joins have one key table") };
        let shape = &shape.streams[stream.index()];
        let close = time.plus(shape.reach);
        let (max_events, overfull) = (self.max_events, &mut self.overfull);
        let component = Component { root: id, close, size: 1, max_events, overfull };
        let mut matches = PlainMatches { store, component };
        for partner in &shape.partners {
            let range = (time.plus(partner.from), time.plus(partner.to));
            let list = (key, partner.stream);
            table.connect_range(list, range, number, Walk::Connect, &mut matches);
        }
        let Component { root, size, .. } = matches.component;
        if table.insert(store, key, stream, id) == Density::Dense {
            table.settle(key, stream, time, false, |member| find(store, member) == root);
        }
        if size == 1 {
            self.await_close(store, id, (close, Turn::Close));
        }
        if !self.overfull.is_empty() || size >= self.max_events {
            self.close_overfull(tables, store, root);
        } else if self.eager {
            self.mark_dirty(store, id);
        }
        id
    }

    /// Closes a component that has as many events as it may have, with those that would have had more.
    #[inline(never)]
    fn close_overfull(&mut self, tables: &mut Tables, store: &mut Store, root: EventId) {
        let overfull = std::mem::take(&mut self.overfull);
        self.close_early(tables, store, root);
        self.close_all_early(tables, store, &overfull);
    }

    /// Whether an event matches what was closed early.
    fn matches_truncated(tables: &Tables, event: &Arrival<'_>) -> bool {
        let Tables { shape, ids, truncated, .. } = tables;
        truncated.matched_by(shape, ids, event.stream, event.time).next().is_some()
    }

    pub(super) fn mark_dirty(&mut self, store: &mut Store, id: EventId) {
        if !self.eager {
            return;
        }
        let root = find(store, id);
        let flags = &mut store.record_mut(root).flags;
        if !flags.has(Flags::DIRTY) {
            flags.set(Flags::DIRTY);
            self.dirty.push_back(root);
        }
    }

    /// Has the component of `id` looked at again, if it is still open.
    pub fn touch(&mut self, store: &mut Store, id: EventId) {
        if store.is_held(id) && !store.record(id).flags.has(Flags::CLOSED) {
            self.mark_dirty(store, id);
        }
    }

    /// The next open component whose results may have changed, by its root.
    pub fn next_dirty(&mut self, store: &mut Store) -> Option<EventId> {
        while let Some(root) = self.dirty.pop_front() {
            if !store.is_held(root) {
                continue;
            }
            let flags = &mut store.record_mut(root).flags;
            let marked = flags.has(Flags::DIRTY) && !flags.has(Flags::CLOSED);
            flags.clear(Flags::DIRTY);
            // One that has been absorbed is marked at its new root.
            if marked && find(store, root) == root {
                return Some(root);
            }
        }
        None
    }

    /// Whether there may be components whose close the watermark has passed: there are none, if this
    /// says so.
    pub fn may_expire(&self, watermark: Watermark) -> bool {
        self.deadlines.may_be_due(watermark) || !self.found_closed.is_empty()
    }

    /// Closes the next component whose close the watermark has passed: these come in no particular order.
    pub fn next_closed(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        watermark: Watermark,
    ) -> Option<Closed> {
        loop {
            if let Some(closed) = self.found_closed.pop() {
                return Some(closed);
            }
            let (time, turn, id) = self.deadlines.pop(watermark)?;
            if !self.waiting_until.is_empty()
                && let Some((close, _)) = self.waiting_until.remove(&id)
            {
                self.waiting.remove(&(close, id));
            }
            // The slot may have been forgotten, or hold another event by now: looking at that one
            // too early does no harm.
            if !store.is_open(id) {
                continue;
            }
            if self.defers && self.find_closed(tables, store, store.key(id, 0), watermark) {
                continue;
            }
            store.record_mut(id).flags.clear(Flags::AWAITED);
            if turn == Turn::Decide {
                self.decide(tables, store, id, watermark);
            }
            if store.record(id).flags.has(Flags::CLOSED) {
                continue;
            }
            let root = find(store, id);
            if root != id {
                self.await_close_of(store, root);
                continue;
            }
            let closed = self.close_component(tables, store, id, (time, turn), watermark);
            if closed.is_some() {
                return closed;
            }
        }
    }

    /// Has the component of an event looked at again at a time not later than its close, if the event is
    /// the root then.
    pub(super) fn await_close(
        &mut self,
        store: &mut Store,
        id: EventId,
        (time, turn): (Timestamp, Turn),
    ) {
        store.record_mut(id).flags.set(Flags::AWAITED);
        self.deadlines.push((time, turn, id));
    }

    /// Has a component looked at again when it closes, unless it is looked at before.
    pub(super) fn await_close_of(&mut self, store: &mut Store, root: EventId) {
        if !store.record(root).flags.has(Flags::AWAITED) {
            self.await_close(store, root, (component::close(store, root), Turn::Close));
        }
    }

    fn close_component(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        root: EventId,
        now: (Timestamp, Turn),
        watermark: Watermark,
    ) -> Option<Closed> {
        let close = loop {
            let close = component::close(store, root);
            // Not before its turn: members that close at the same time may still be undecided.
            let early = tables.reports_unmatched && now < (close, Turn::Close);
            if early || !watermark.has_passed(close) {
                self.await_close(store, root, (close, Turn::Close));
                return None;
            }
            if !tables.reports_unmatched {
                break close;
            }
            // A decision depends on sessions of lower depth only.
            let depth = Self::undecided_depth(tables, store, root);
            let extension = self.extension(tables, store, root, depth.unwrap_or(usize::MAX));
            if let Some((decided, turn)) = extension {
                self.await_close(store, root, (decided, turn));
                self.waiting.insert((close, root));
                self.waiting_until.insert(root, (close, (decided, turn)));
                return None;
            }
            let Some(depth) = depth else { break close };
            self.decide_deferred(tables, store, root, depth);
            if store.record(root).flags.has(Flags::CLOSED) {
                return None;
            }
            let above = find(store, root);
            if above != root {
                self.await_close_of(store, above);
                return None;
            }
        };
        let members = Self::detach(tables, store, root);
        Some(Closed { ring: store.record(root).next, close, is_early: false, members })
    }

    /// The close before which everything is decided.
    pub fn first_waiting(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(close, _)| *close)
    }

    /// Takes the events of a closed component out of the key tables. Returns what they are.
    pub(super) fn detach(tables: &mut Tables, store: &mut Store, root: EventId) -> Members {
        let mut members = Members::default();
        // Where there is one table, all that matches has one key.
        let at_once = tables.all.len() == 1 && {
            let key = store.key(root, 0);
            key != KeyId::NONE && tables.all[0].clear(key, component::size(store, root))
        };
        let mut id = root;
        loop {
            let record = store.close(id);
            members.add(record);
            let Record { stream, next, flags, .. } = *record;
            if flags.has(Flags::UNMATCHED) {
                tables.remove_unmatched(store, id);
            }
            if !at_once && !flags.has(Flags::LATE) {
                for at in 0..tables.all.len() {
                    let key = store.key(id, at);
                    if key != KeyId::NONE {
                        tables.all[at].remove(store, key, stream, id);
                    }
                }
            }
            if next == root {
                return members;
            }
            id = next;
        }
    }

    /// When the next component may close.
    pub fn next_close(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.deadlines.memory()
            + self.waiting.len() * 2 * size_of::<(Timestamp, EventId)>()
            + self.dirty.capacity() * size_of::<EventId>()
    }
}

/// Connects an event, which is a component of its own, with every joinable event it matches.
fn connect(
    tables: &mut Tables,
    store: &mut Store,
    id: EventId,
    event: &Arrival<'_>,
    watermark: Watermark,
    component: Component<'_>,
) -> Connected {
    let Arrival { time, stream, number, late, .. } = *event;
    let Tables { shape, all, ids, .. } = tables;
    let mut matches = Matches { store, event: id, watermark, any: false, component };
    for partner in &shape.streams[stream.index()].partners {
        let key = ids[partner.table];
        let range = (time.plus(partner.from), time.plus(partner.to));
        if key == KeyId::NONE || range.0 > range.1 {
            continue;
        }
        let list = (key, partner.stream);
        let found = &partner.found;
        let walk = if late {
            if found.reports_others { Walk::Each } else { Walk::Late }
        } else if found.marks_others {
            Walk::Mark
        } else {
            Walk::Connect
        };
        let matches = &mut (&mut matches, found);
        all[partner.table].connect_range(list, range, number, walk, matches);
    }
    let Matches { any, component: Component { root, size, .. }, .. } = matches;
    Connected { matched: any, root, size }
}

/// Makes an event one that others match.
fn make_joinable(
    tables: &mut Tables,
    store: &mut Store,
    id: EventId,
    event: &Arrival<'_>,
    root: EventId,
) {
    let Arrival { time, stream, .. } = *event;
    for at in 0..tables.all.len() {
        let (table, key) = (&mut tables.all[at], tables.ids[at]);
        if key != KeyId::NONE && table.insert(store, key, stream, id) == Density::Dense {
            let marked = store.record(id).flags.has(Flags::MATCHED);
            table.settle(key, stream, time, marked, |member| find(store, member) == root);
        }
    }
}
