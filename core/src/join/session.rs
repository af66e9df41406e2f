//! Sessions: components of events that match, and when they are closed.
//!
//! Every pair of held events that matches in any join is connected (union-find over the records of
//! the store). A component is decided as a whole, once the watermark has passed the latest close of
//! its events. Unmatched events, where they are reported, are grouped by gaps when they become known.
//! What a component means is `results`' business; this file only knows what is connected. An event costs a lookup per key table, the matches not yet connected, and one
//! deadline per component; there is no scan over keys.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use smallvec::SmallVec;

use super::Inserted;
use super::component::{self, Component, Matches, PlainMatches, find, unite};
use super::deadlines::{Deadlines, Turn};
use super::list::{Density, Look, MANY, Walk};
use super::results::{Evaluation, has_unknown};
use super::shape::{Partial, Shape};
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

/// The events next to one, before and after it.
pub(super) type Company = SmallVec<[EventId; 2]>;

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
    max_events: u32,
    /// Members of the components that would have more events with the one that has come than they may have.
    overfull: Vec<EventId>,
    /// Components that were closed early.
    pub(super) cut: Vec<Closed>,
    /// Unmatched events of sessions that were closed early.
    pub(super) left_out: Vec<(StreamId, Timestamp)>,
    evaluation: Evaluation,
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

    fn mark_dirty(&mut self, store: &mut Store, id: EventId) {
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
        self.deadlines.may_be_due(watermark)
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
            if self.defers && self.find_closed(tables, store, id, watermark) {
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

    /// Whether an event is known to be unmatched, and if so, groups it with the one before it.
    fn decide(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        id: EventId,
        watermark: Watermark,
    ) {
        let record = store.record(id);
        let shape = &tables.shape.streams[record.stream.index()];
        let open = shape.partial.is_none_or(|partial| partial.depth > 0)
            || record.flags.has(Flags::MATCHED)
            || record.flags.has(Flags::UNMATCHED)
            || record.flags.has(Flags::UNKNOWN)
            || record.flags.has(Flags::LATE)
            || !watermark.has_passed(record.time.plus(shape.reach));
        if !open {
            self.group_unmatched(tables, store, id);
        }
    }

    /// Marks an event as unmatched, and puts it into one partial session with those next to it.
    fn group_unmatched(&mut self, tables: &mut Tables, store: &mut Store, id: EventId) {
        let (time, stream) = (store.record(id).time, store.record(id).stream);
        let shape = &tables.shape.streams[stream.index()];
        if !tables.shape.can_tell_unmatched(store, id, shape.entry) {
            store.record_mut(id).flags.set(Flags::UNKNOWN);
            tables.unknown += 1;
            return;
        }
        let key = store.key(id, shape.entry_table);
        let Tables { shape: shapes, truncated, .. } = &*tables;
        let is_taken = !truncated.is_empty()
            && key != KeyId::NONE
            && truncated.takes_unmatched(shapes, key, stream, time);
        if is_taken {
            self.left_out.push((stream, time));
            self.leave_unknown(tables, store, id);
            return;
        }
        store.record_mut(id).flags.set(Flags::UNMATCHED);
        tables.add_unmatched(store, id);
        // It closes later now.
        component::raise(store, id);
        let mut overfull = false;
        for other in Self::company(tables, store, id) {
            let (own, other) = (find(store, id), find(store, other));
            let size = component::size(store, own) + component::size(store, other);
            if own == other {
                continue;
            }
            // What is closed may take the event along, so nothing is added to that any more.
            overfull |= size > self.max_events;
            if overfull {
                self.close_early(tables, store, other);
            } else {
                unite(store, other, own);
            }
        }
        self.mark_dirty(store, id);
        let root = find(store, id);
        if overfull || component::size(store, root) >= self.max_events {
            self.close_early(tables, store, root);
        }
    }

    /// Leaves an event out of which it is not known whether it is unmatched, since what it belongs to was
    /// closed early. Others of its key that are unmatched may belong to it.
    fn leave_unknown(&mut self, tables: &mut Tables, store: &mut Store, id: EventId) {
        let record = store.record_mut(id);
        record.flags.set(Flags::UNKNOWN);
        let (stream, time) = (record.stream, record.time);
        let Tables { shape, all, truncated, .. } = &mut *tables;
        let key = store.key(id, shape.streams[stream.index()].entry_table);
        if key != KeyId::NONE {
            truncated.add_unmatched(shape, all, key, stream, time);
        }
        let company = Self::company(tables, store, id);
        self.close_all_early(tables, store, &company);
    }

    /// The events known to be unmatched that an unmatched one is grouped with.
    pub(super) fn company(tables: &Tables, store: &Store, id: EventId) -> Company {
        let stream = store.record(id).stream;
        let shape = &tables.shape.streams[stream.index()];
        let Partial { gap, depth } = shape.partial.expect("unmatched events of the stream count");
        let key = store.key(id, shape.entry_table);
        if key == KeyId::NONE {
            return Company::new();
        }
        if depth > 0 {
            return tables.near_unmatched(store, id, gap);
        }
        // Decided in order of time, none is known to be unmatched beyond one that is not.
        let (before, after) = neighbours(tables, store, id, gap, lonely);
        let next = before.into_iter().chain(after);
        next.filter(|id| store.record(*id).flags.has(Flags::UNMATCHED)).collect()
    }

    /// The first depth at which events of a component are undecided that only results of joins
    /// could match.
    fn undecided_depth(tables: &Tables, store: &Store, root: EventId) -> Option<usize> {
        if !tables.shape.awaits_results() {
            return None;
        }
        store.ring(root).filter_map(|id| Self::open_depth(tables, store, id)).min()
    }

    fn open_depth(tables: &Tables, store: &Store, id: EventId) -> Option<usize> {
        let record = store.record(id);
        let is_open = [Flags::MATCHED, Flags::UNMATCHED, Flags::UNKNOWN, Flags::LATE]
            .iter()
            .all(|flag| !record.flags.has(*flag));
        let partial = tables.shape.streams[record.stream.index()].partial;
        partial.map(|partial| partial.depth).filter(|depth| is_open && *depth > 0)
    }

    /// Decides which events of `depth` in a component whose matches are all seen are unmatched.
    fn decide_deferred(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        root: EventId,
        depth: usize,
    ) {
        let is_unknown = has_unknown(store, root);
        let mut evaluation = std::mem::take(&mut self.evaluation);
        evaluation.run(&tables.shape, store, root, true);
        evaluation.retain_deferred(|id| Self::open_depth(tables, store, id) == Some(depth));
        for (id, matched) in evaluation.deferred() {
            if store.record(id).flags.has(Flags::CLOSED) {
                continue;
            }
            if matched {
                store.record_mut(id).flags.set(Flags::MATCHED);
            } else if is_unknown {
                tables.unknown += 1;
                self.leave_unknown(tables, store, id);
            } else {
                self.group_unmatched(tables, store, id);
            }
        }
        self.evaluation = evaluation;
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

    /// When an undecided event of a depth `below` some is decided that would join the component if it
    /// turned out to be unmatched. Where the unmatched events of a dense key keep being extended, the newest comes
    /// first in the ring.
    fn extension(
        &self,
        tables: &Tables,
        store: &mut Store,
        root: EventId,
        below: usize,
    ) -> Option<(Timestamp, Turn)> {
        let undecided = store.ring(root).find_map(|id| {
            let record = store.record(id);
            let shape = &tables.shape.streams[record.stream.index()];
            let Partial { gap, depth } = shape.partial.filter(|partial| partial.depth < below)?;
            let key = store.key(id, shape.entry_table);
            if !record.flags.has(Flags::UNMATCHED) || key == KeyId::NONE {
                return None;
            }
            let (before, after) = neighbours(tables, store, id, gap, lonely);
            // One that is known to be unmatched has joined when that became known.
            let undecided = |id: &EventId| !store.record(*id).flags.has(Flags::UNMATCHED);
            let found = before.into_iter().chain(after).find(undecided)?;
            Some((found, store.record(found).time.plus(shape.reach), depth))
        });
        let (event, decided, depth) = undecided?;
        if depth == 0 {
            return Some((decided, Turn::Close));
        }
        let root = find(store, event);
        Some(match self.waiting_until.get(&root) {
            // Late events can have two components wait for each other: then this one goes first.
            Some((_, (_, Turn::Wait(u8::MAX)))) => return None,
            Some((_, (time, Turn::Wait(turn)))) => (*time, Turn::Wait(turn + 1)),
            Some((_, (time, _))) => (*time, Turn::Wait(0)),
            None => (component::close(store, root), Turn::Wait(0)),
        })
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
            let Record { stream, next, flags, .. } = *store.close(id, &mut members);
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

/// Whether an event is unmatched or may turn out to be.
fn lonely(flags: Flags) -> bool {
    !flags.has(Flags::MATCHED) && !flags.has(Flags::UNKNOWN)
}

/// The nearest events before and after an event of the same stream and key of its first join whose flags
/// are `wanted`, not farther than `gap`.
fn neighbours(
    tables: &Tables,
    store: &Store,
    id: EventId,
    gap: Span,
    wanted: impl Fn(Flags) -> bool,
) -> (Option<EventId>, Option<EventId>) {
    let Record { time, stream, .. } = *store.record(id);
    let table = tables.shape.streams[stream.index()].entry_table;
    let list = (store.key(id, table), stream);
    tables.all[table].around(store, list, id, |item| {
        if item.time.since(time) > gap || time.since(item.time) > gap {
            Look::Stop
        } else if wanted(store.record(item.event).flags) {
            Look::Take
        } else {
            Look::On
        }
    })
}
