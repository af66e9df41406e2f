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
use crate::window::record::{Arrival, Members};
use crate::window::store::Store;

/// One of the events of a key.
#[derive(Copy, Clone, Debug)]
struct Single {
    id: EventId,
    time: Timestamp,
    /// When everything has been seen that it may match.
    close: Timestamp,
    arrival: u32,
    stream: usize,
    /// The newest event of its component, by position.
    component: usize,
}

/// The events of a key, the newest first.
struct Few {
    all: [Single; MANY],
    count: usize,
}

impl Few {
    /// Those of two chains.
    fn of(shape: &Shape, store: &Store, chains: [Head; NEAR]) -> Self {
        let (id, time) = (EventId::NONE, Timestamp::MIN);
        let none = Single { id, time, close: time, arrival: 0, stream: 0, component: 0 };
        let mut few = Self { all: [none; MANY], count: 0 };
        let [mut left, mut right] = chains.map(Head::newest);
        loop {
            let is_left = match (left != EventId::NONE, right != EventId::NONE) {
                (false, false) => return few,
                (true, false) => true,
                (false, true) => false,
                // Of the same time the left one comes first.
                (true, true) => store.record(left).time > store.record(right).time,
            };
            let (stream, next) = if is_left { (0, &mut left) } else { (1, &mut right) };
            let (id, record) = (*next, store.record(*next));
            *next = store.before(id, 0);
            let (time, arrival) = (record.time, record.arrival);
            let close = time.plus(shape.streams[stream].reach);
            let component = few.count;
            few.all[few.count] = Single { id, time, close, arrival, stream, component };
            few.count += 1;
        }
    }

    fn as_slice(&self) -> &[Single] {
        &self.all[..self.count]
    }

    /// Finds what belongs together.
    fn connect(&mut self, shape: &Shape) {
        for at in 1..self.count {
            let Single { time, arrival, stream, .. } = self.all[at];
            let partner = &shape.streams[stream].partners[0];
            let (from, to) = (time.plus(partner.from), time.plus(partner.to));
            for other in 0..at {
                let (own, other) = (self.all[at].component, self.all[other]);
                if other.component != own
                    && other.stream != stream
                    && other.arrival != arrival
                    && from <= other.time
                    && other.time <= to
                {
                    let (first, second) = (own.min(other.component), own.max(other.component));
                    let close = self.all[first].close.max(self.all[second].close);
                    for event in &mut self.all[second..=at] {
                        if event.component == second {
                            event.component = first;
                        }
                    }
                    self.all[first].close = close;
                }
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
        id: EventId,
        (key, chains): (KeyId, [Head; NEAR]),
    ) -> EventId {
        let Tables { shape, all, .. } = tables;
        let table = &mut all[0];
        let reach = |stream: usize| shape.streams[stream].reach;
        let close = event.time.plus(reach(event.stream.index()));
        // Each component has a deadline no later than its close, and so one no later than the last of these.
        let (mut is_first, mut is_last) = (true, true);
        for (stream, chain) in chains.into_iter().enumerate() {
            let newest = chain.newest();
            if newest != EventId::NONE {
                is_first = false;
                is_last &= store.record(newest).time.plus(reach(stream)) <= close;
            }
        }
        if is_first {
            table.set_connected(key, false);
        }
        table.insert(store, key, event.stream, id);
        if is_first || !is_last {
            self.deadlines.push((close, Turn::Close, id));
        }
        id
    }

    /// Finds the components of an event's key which the watermark has passed. False where the events of
    /// that key are connected.
    pub(super) fn find_closed(
        &mut self,
        tables: &mut Tables,
        store: &mut Store,
        id: EventId,
        watermark: Watermark,
    ) -> bool {
        let Tables { shape, all, .. } = tables;
        let (table, key) = (&mut all[0], store.key(id, 0));
        if key == KeyId::NONE || table.is_connected(key) {
            return false;
        }
        let Some(chains) = table.unconnected(key) else { return false };
        let mut few = Few::of(shape, store, chains);
        few.connect(shape);
        let (mut is_rest, mut next) = (false, None::<(Timestamp, EventId)>);
        for (at, single) in few.as_slice().iter().enumerate() {
            if single.component != at {
                continue;
            }
            if watermark.has_passed(single.close) {
                let closed = close(store, &few, at);
                self.found_closed.push(closed);
            } else {
                is_rest = true;
                let this = (single.close, single.id);
                next = Some(next.map_or(this, |next| next.min(this)));
            }
        }
        if let Some((close, id)) = next {
            self.deadlines.push((close, Turn::Close, id));
        }
        let mut chains = [Head::EMPTY; NEAR];
        if is_rest {
            // From the oldest to the newest.
            for single in few.as_slice().iter().rev() {
                if !watermark.has_passed(few.all[single.component].close) {
                    let chain = &mut chains[single.stream];
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
        let table: &mut KeyTable = &mut all[0];
        if table.is_connected(key) {
            return;
        }
        let chains = table.chains(key);
        table.set_connected(key, true);
        let mut few = Few::of(shape, store, chains);
        few.connect(shape);
        for single in few.as_slice() {
            unite(store, single.id, few.all[single.component].id);
        }
        for single in few.as_slice() {
            let root = find(store, single.id);
            self.await_close_of(store, root);
        }
    }
}

/// Closes the component with the newest event at `newest`, as a ring that begins with the oldest.
fn close(store: &mut Store, few: &Few, newest: usize) -> Closed {
    let mut members = Members::default();
    let mut next = EventId::NONE;
    for single in &few.as_slice()[newest..] {
        if single.component == newest {
            store.close(single.id, &mut members).next = next;
            next = single.id;
        }
    }
    let Single { id, close, .. } = few.all[newest];
    store.record_mut(id).next = next;
    Closed { ring: next, close, is_early: false, members }
}
