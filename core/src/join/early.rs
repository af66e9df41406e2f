//! Sessions that are closed before the watermark has passed their close: they have as many events
//! as they may have, or one of them is evicted.
//!
//! What is known to hold is delivered; nothing is claimed to be unmatched. What would still have
//! joined is dropped, and with it everything that it would have brought along.

use super::component::{self, find};
use super::deadlines::Turn;
use super::session::{Closed, Sessions};
use super::tables::Tables;
use super::truncated::Arrived;
use crate::id::{EventId, KeyId, StreamId};
use crate::time::{Timestamp, Watermark};
use crate::window::record::Flags;
use crate::window::store::Store;

/// What became of an event that was to be evicted.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Evicted {
    /// It was connected with nothing, and can be forgotten.
    Alone,
    /// Its component has been closed.
    Closed,
    /// It is part of what is decided.
    Decided,
    /// It is part of what the watermark has passed, as is known now.
    Passed,
}

impl Sessions {
    /// Whether anything was closed early since it was last asked for.
    pub fn has_closed_early(&self) -> bool {
        !self.cut.is_empty() || !self.left_out.is_empty()
    }

    /// The components that were closed early since the last call.
    pub fn closed_early(&mut self) -> Vec<Closed> {
        std::mem::take(&mut self.cut)
    }

    /// The unmatched events that were left out since the last call, since they belong to a session
    /// that was closed early.
    pub fn left_out(&mut self) -> Vec<(StreamId, Timestamp)> {
        std::mem::take(&mut self.left_out)
    }

    /// Takes an event out, and closes what it is part of.
    pub fn evict(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        id: EventId,
        watermark: Watermark,
    ) -> Evicted {
        let (stream, time, flags) = {
            let record = store.record(id);
            (record.stream, record.time, record.flags)
        };
        if flags.has(Flags::CLOSED) {
            return Evicted::Decided;
        }
        if self.defers && store.key(id, 0) != KeyId::NONE {
            self.find_closed(tables, store, store.key(id, 0), watermark);
            if !store.is_open(id) {
                return Evicted::Passed;
            }
            self.connect_all(tables, store, store.key(id, 0));
        }
        store.note_evicted(stream, time);
        let root = find(store, id);
        if component::size(store, root) == 1 && !flags.has(Flags::UNMATCHED) {
            self.stop_waiting(id);
            Self::detach(tables, store, id);
            return Evicted::Alone;
        }
        self.close_early(tables, store, root);
        Evicted::Closed
    }

    /// Drops an event that a truncated session would have had, with everything it would have
    /// brought along: members of the components it matches.
    pub(super) fn drop_event(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        id: EventId,
        matched: &[EventId],
    ) {
        self.close_all_early(tables, store, matched);
        let (stream, time) = (store.record(id).stream, store.record(id).time);
        let Tables { shape, ids, truncated, .. } = &*tables;
        let entry = shape.streams[stream.index()].entry;
        let is_matched = shape.marks(stream, entry)
            && truncated.matched_by(shape, ids, stream, time).any(|join| join == entry);
        if is_matched {
            store.record_mut(id).flags.set(Flags::MATCHED);
        }
        self.remember(tables, store, id);
        tables.forget(store, id);
    }

    pub(super) fn close_all_early(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        members: &[EventId],
    ) {
        for id in members {
            let root = find(store, *id);
            self.close_early(tables, store, root);
        }
    }

    /// Closes a component, if it is not closed: another one that was closed may have taken it along.
    pub(super) fn close_early(&mut self, tables: &mut Tables, store: &mut Store, root: EventId) {
        if store.record(root).flags.has(Flags::CLOSED) {
            return;
        }
        let close = component::close(store, root);
        let members = Self::detach(tables, store, root);
        let mut id = root;
        loop {
            self.stop_waiting(id);
            if !store.record(id).flags.has(Flags::LATE) {
                self.remember(tables, store, id);
            }
            id = store.record(id).next;
            if id == root {
                break;
            }
        }
        self.cut.push(Closed { ring: root, close, is_early: true, members });
    }

    fn remember(&mut self, tables: &mut Tables, store: &mut Store, id: EventId) {
        let record = store.record(id);
        let Tables { shape, all, truncated, .. } = &mut *tables;
        let (stream, time) = (record.stream, record.time);
        let arrival = record.arrival;
        truncated.add(all, Arrived { arrival, stream, time, keys: store.keys(id).collect() });
        // One that is or may be unmatched belongs to others of its key that are.
        let key = store.key(id, shape.streams[stream.index()].entry_table);
        let reports = shape.streams[stream.index()].partial.is_some();
        if reports && !record.flags.has(Flags::MATCHED) && key != KeyId::NONE {
            truncated.add_unmatched(shape, all, key, stream, time);
            let company = Self::company(tables, store, id);
            self.close_all_early(tables, store, &company);
        }
    }

    fn stop_waiting(&mut self, id: EventId) {
        if let Some((close, _)) = self.waiting_until.remove(&id) {
            self.waiting.remove(&(close, id));
        }
    }

    /// Makes the deadlines anew where most of them are those of events that have been evicted.
    pub fn shrink(&mut self, tables: &Tables, store: &Store) {
        if self.deadlines.len() < 2 * store.held() + 1_024 {
            return;
        }
        let turn = if tables.shape.reports_unmatched() { Turn::Decide } else { Turn::Close };
        let open = store.held_until(Timestamp::MAX).filter_map(|id| {
            let record = store.record(id);
            if record.flags.has(Flags::CLOSED) {
                return None;
            }
            let reach = tables.shape.streams[record.stream.index()].reach;
            Some(match self.waiting_until.get(&id) {
                Some((_, (time, turn))) => (*time, *turn, id),
                // Not later than the close of its component, of which one has to be looked at.
                None => (record.time.plus(reach), turn, id),
            })
        });
        self.deadlines.replace(open);
    }
}
