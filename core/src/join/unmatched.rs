//! Which events are known to match nothing, and which of these belong together.
//!
//! An event is known to be unmatched when nothing more can come that it matches. Unmatched events of one stream
//! and key that are near each other are one session; only results of joins can match some, and these are decided
//! when the component they are in would close.

use smallvec::SmallVec;

use super::component::{self, find, unite};
use super::deadlines::Turn;
use super::list::Look;
use super::results::has_unknown;
use super::session::Sessions;
use super::shape::Partial;
use super::tables::Tables;
use crate::id::{EventId, KeyId};
use crate::time::{Span, Timestamp, Watermark};
use crate::window::record::{Flags, Record};
use crate::window::store::Store;

/// The events next to one, before and after it.
pub(super) type Company = SmallVec<[EventId; 2]>;

impl Sessions {
    /// Whether an event is known to be unmatched, and if so, groups it with the one before it.
    pub(super) fn decide(
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
    pub(super) fn undecided_depth(tables: &Tables, store: &Store, root: EventId) -> Option<usize> {
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
    pub(super) fn decide_deferred(
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

    /// When an undecided event of a depth `below` some is decided that would join the component if it
    /// turned out to be unmatched. Where the unmatched events of a dense key keep being extended, the newest comes
    /// first in the ring.
    pub(super) fn extension(
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
