//! Keys with few events: what of them belongs together is found when one may close, not when it comes.
//!
//! Most keys have a handful of events, all of which are there before the first of them closes. Until then such an
//! event is only an entry in the chain of its key, and the key has one deadline. Then the events are
//! looked at all at once, which is cheaper than connecting each with those before it. Where a key gets many
//! events, or one that needs to know more (a late one, one to be evicted), its events are [connected] first.
//!
//! Owns when that is. Only for joins of two streams that are [plain](Shape::is_plain), told at the end.
//!
//! [connected]: Sessions::connect_all

use super::component::{find, unite};
use super::deadlines::Turn;
use super::list::{Head, MANY};
use super::session::{Closed, Sessions};
use super::shape::Shape;
use super::table::{KeyTable, NEAR};
use super::tables::Tables;
use crate::id::{EventId, KeyId};
use crate::time::{Timestamp, Watermark};
use crate::window::record::{Arrival, Link, Members};
use crate::window::store::Store;

/// One of the events of a key.
#[derive(Copy, Clone, Debug)]
struct Single {
    time: Timestamp,
    /// When everything has been seen that it may match; of the newest of a component, what any of that may.
    close: Timestamp,
    id: EventId,
    arrival: u32,
    stream: u8,
    /// The newest event of its component, by position.
    component: u8,
}

/// The events of a key, the newest first. Used again for each key.
#[derive(Debug)]
pub(super) struct Few {
    all: [Single; MANY],
    count: usize,
}

impl Default for Few {
    fn default() -> Self {
        let (id, time) = (EventId::NONE, Timestamp::MIN);
        let none = Single { time, close: time, id, arrival: 0, stream: 0, component: 0 };
        Self { all: [none; MANY], count: 0 }
    }
}

impl Few {
    /// Gathers those of two chains.
    fn gather(&mut self, shape: &Shape, store: &Store, [left, right]: [Head; NEAR]) {
        self.count = 0;
        let record = |head: EventId| (head != EventId::NONE).then(|| store.record(head));
        let (mut left, mut right) = (left.newest(), right.newest());
        let (mut left_record, mut right_record) = (record(left), record(right));
        loop {
            let is_left = match (left_record, right_record) {
                (None, None) => return,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                // Of the same time the left one comes first.
                (Some(left), Some(right)) => left.time > right.time,
            };
            let (stream, next, next_record) = if is_left {
                (0, &mut left, &mut left_record)
            } else {
                (1, &mut right, &mut right_record)
            };
            let Some(held) = *next_record else { return };
            let [component, ..] = self.count.to_le_bytes();
            self.all[self.count] = Single {
                time: held.time,
                close: held.time.plus(shape.streams[usize::from(stream)].reach),
                id: *next,
                arrival: held.arrival,
                stream,
                component,
            };
            self.count += 1;
            *next = held.before();
            *next_record = record(*next);
        }
    }

    fn as_slice(&self) -> &[Single] {
        &self.all[..self.count]
    }

    /// The newest event of the component of another.
    fn newest_with(&self, single: &Single) -> &Single {
        &self.all[usize::from(single.component)]
    }

    /// Finds what belongs together.
    fn connect(&mut self, shape: &Shape) {
        for at in 1..self.count {
            let (newer, rest) = self.all.split_at_mut(at);
            let Single { time, arrival, stream, .. } = rest[0];
            let mut own = rest[0].component;
            let partner = &shape.streams[usize::from(stream)].partners[0];
            let (from, to) = (time.plus(partner.from), time.plus(partner.to));
            for other in 0..at {
                let Single { component, .. } = newer[other];
                if component == own
                    || newer[other].stream == stream
                    || newer[other].arrival == arrival
                    || newer[other].time < from
                    || to < newer[other].time
                {
                    continue;
                }
                // The newest of both comes first.
                let (first, second) = (own.min(component), own.max(component));
                let close = if usize::from(second) == at {
                    rest[0].close
                } else {
                    newer[usize::from(second)].close
                };
                let close_first = &mut newer[usize::from(first)].close;
                *close_first = close.max(*close_first);
                if usize::from(second) != at {
                    for single in newer.iter_mut().filter(|single| single.component == second) {
                        single.component = first;
                    }
                }
                rest[0].component = first;
                own = first;
            }
        }
    }
}

impl Sessions {
    /// Takes an event whose key has only such as are not connected, in these chains.
    #[inline]
    pub(super) fn add_unconnected(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        event: &Arrival<'_>,
        (key, chains): (KeyId, [Head; NEAR]),
    ) -> EventId {
        let Tables { shape, all, .. } = tables;
        let (table, own) = (&mut all[0], event.stream.index());
        let reach = |stream: usize| shape.streams[stream].reach;
        let newest = chains.map(|chain| {
            let newest = chain.newest();
            (newest != EventId::NONE).then(|| store.record(newest).time)
        });
        let is_first = newest == [None, None];
        let is_behind = newest.into_iter().flatten().any(|newest| event.time < newest);
        // A result has an event of the stream that waits longest, and closes no earlier than that would. There is
        // a deadline no later than the close of the newest: so one is needed only for such an event that comes
        // behind it. Where there is none of that stream, there is no result, but what there is has to leave.
        let longest = usize::from(reach(0) < reach(1));
        let is_awaited = if own == longest {
            !is_first && !is_behind
        } else {
            newest[longest].is_some() || (!is_first && !is_behind)
        };
        if is_first {
            table.set_connected(key, false);
        }
        let id = if newest[own].is_none_or(|newest| newest <= event.time) {
            let id = store.add(event, Link::ALONE, &[key], chains[own].newest());
            table.set_chain(key, event.stream, id);
            id
        } else {
            add_between(table, store, event, key)
        };
        if !is_awaited {
            self.deadlines.push((event.time.plus(reach(own)), Turn::Close, id));
        }
        id
    }

    /// Finds the components of a key which the watermark has passed. False where the events of that key are
    /// connected.
    pub(super) fn find_closed(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        key: KeyId,
        watermark: Watermark,
    ) -> bool {
        let Tables { shape, all, .. } = tables;
        let table = &mut all[0];
        if key == KeyId::NONE || table.is_connected(key) {
            return false;
        }
        let Some(chains) = table.unconnected(key) else { return false };
        let Self { few, found_closed, deadlines, .. } = self;
        few.gather(shape, store, chains);
        few.connect(shape);
        let mut next = None::<(Timestamp, EventId)>;
        for (at, single) in few.as_slice().iter().enumerate() {
            if usize::from(single.component) != at {
                continue;
            }
            if watermark.has_passed(single.close) {
                found_closed.push(close(store, few, at));
            } else {
                let this = (single.close, single.id);
                next = Some(next.map_or(this, |next| next.min(this)));
            }
        }
        let mut chains = [Head::EMPTY; NEAR];
        if let Some((close, id)) = next {
            deadlines.push((close, Turn::Close, id));
            // From the oldest to the newest.
            for single in few.as_slice().iter().rev() {
                if !watermark.has_passed(few.newest_with(single).close) {
                    let chain = &mut chains[usize::from(single.stream)];
                    store.set_before(single.id, 0, chain.newest());
                    *chain = Head::chain(single.id);
                }
            }
        }
        table.set_chains(key, chains);
        true
    }

    /// Connects the events of a key with what they match, and so all that come as long as there are any.
    #[inline(never)]
    pub(super) fn connect_all(&mut self, tables: &mut Tables, store: &mut Store, key: KeyId) {
        let Tables { shape, all, .. } = tables;
        let table = &mut all[0];
        if table.is_connected(key) {
            return;
        }
        table.set_connected(key, true);
        let mut few = std::mem::take(&mut self.few);
        few.gather(shape, store, table.chains(key));
        few.connect(shape);
        for single in few.as_slice() {
            unite(store, single.id, few.newest_with(single).id);
        }
        for single in few.as_slice() {
            let root = find(store, single.id);
            self.await_close_of(store, root);
        }
        self.few = few;
    }
}

/// Closes the component with the newest event at `newest`, as a ring that begins with the oldest.
fn close(store: &mut Store, few: &Few, newest: usize) -> Closed {
    let Single { id, close, stream, .. } = few.all[newest];
    let (mut oldest, mut size, mut streams) = (id, 1, 1 << stream);
    for single in &few.as_slice()[newest + 1..] {
        if usize::from(single.component) == newest {
            store.close(single.id).next = oldest;
            oldest = single.id;
            size += 1;
            streams |= 1 << single.stream;
        }
    }
    store.close(id).next = oldest;
    let members = Members::plain(size, streams, store.record(oldest));
    Closed { ring: oldest, close, is_early: false, members }
}

/// Adds an event which does not come last in the chain of its key.
#[inline(never)]
fn add_between(
    table: &mut KeyTable,
    store: &mut Store,
    event: &Arrival<'_>,
    key: KeyId,
) -> EventId {
    let id = store.add(event, Link::ALONE, &[key], EventId::NONE);
    table.insert(store, key, event.stream, id);
    id
}
