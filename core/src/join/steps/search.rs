//! Which of the items that wait match what comes.
//!
//! An item is found by the stream, key and time of each of its events. Finding costs a search by key
//! and time per event, and what is found; nothing scans all items.

use std::ops::RangeInclusive;

use super::step::{Group, ItemId, Place, Side, Step};
use crate::id::{EventId, KeyId, StreamId};
use crate::join::begun;
use crate::join::shape::{Partner, Shape};
use crate::time::Timestamp;
use crate::window::record::Record;
use crate::window::store::Store;

/// Which of the items that match are asked for. In a dense key there may be very many.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    All,
    /// The first one, and perhaps others behind it.
    First,
    /// One of them.
    Any,
}

/// What comes to a side, by one of its events.
#[derive(Copy, Clone, Debug)]
pub(super) struct Coming {
    pub side: Side,
    /// When each stream of it has had an event, where that counts.
    pub begun: Timestamp,
    pub event: EventId,
}

impl Step {
    /// Finds the waiting items that a group coming to `side` matches, as far as they are `wanted`, each
    /// once, in event order.
    pub fn matches(
        &self,
        shape: &Shape,
        store: &Store,
        side: Side,
        group: &Group,
        wanted: Wanted,
        found: &mut Vec<ItemId>,
    ) {
        // Items of one event are found in order of time; of larger ones, a later event may be found
        // of an earlier item.
        let is_by_time = self.stream(side.other()).is_some();
        let begun = self.begun(store, group);
        let index = &self.index[side.other() as usize];
        for event in &group.events {
            let coming = Coming { side, begun, event: *event };
            for places in self.searches(shape, store, *event) {
                let mut first = None;
                for place in index.range(places) {
                    let (_, _, time, _, item) = *place;
                    if wanted == Wanted::First && first.is_some_and(|first| first < time) {
                        break;
                    }
                    if !self.fits(store, coming, place) {
                        continue;
                    }
                    found.push(item);
                    if wanted == Wanted::Any {
                        return;
                    }
                    if is_by_time {
                        first.get_or_insert(time);
                    }
                }
            }
        }
        // A large item is found by many of its events.
        found.sort_unstable();
        found.dedup();
        // Results may share their first event; the next ones settle it.
        let order = |id: ItemId| self.item(id).group.events.iter().map(|id| store.order(*id));
        found.sort_unstable_by(|one, other| order(*one).cmp(order(*other)).then(one.cmp(other)));
    }

    /// Where the matches of an event are.
    pub fn searches<'s>(
        &self,
        shape: &'s Shape,
        store: &Store,
        event: EventId,
    ) -> impl Iterator<Item = RangeInclusive<Place>> + use<'s> {
        let Record { stream, time, .. } = *store.record(event);
        let (join, key) = (self.join, store.key(event, self.shape.table));
        let partners = shape.streams[stream.index()].partners.iter();
        let own = partners.filter(move |partner| partner.join == join);
        let places = own.map(move |Partner { stream, from, to, .. }| {
            let (from, to) = (time.plus(*from), time.plus(*to));
            let from = (*stream, key, from, EventId::new(0), ItemId::MIN);
            from..=(*stream, key, to, EventId::NONE, ItemId::MAX)
        });
        places.filter(move |places| key != KeyId::NONE && places.start() <= places.end())
    }

    /// Whether what comes matches what waits there, which has the time for it.
    pub fn fits(&self, store: &Store, coming: Coming, place: &Place) -> bool {
        let (_, _, time, other, item) = *place;
        let record = store.record(coming.event);
        // One event in two streams does not match itself.
        if store.record(other).arrival == record.arrival {
            return false;
        }
        match coming.side {
            _ if !self.shape.kind.is_ordered() => true,
            Side::Left => coming.begun <= time,
            Side::Right => self.item(item).begun <= record.time,
        }
    }

    /// When a sequence that begins with a group has begun.
    pub fn begun(&self, store: &Store, group: &Group) -> Timestamp {
        if self.shape.kind.is_ordered() { begun(store, &group.events) } else { Timestamp::MIN }
    }

    /// The nearest waiting item of one event of `stream` with this key, later than `after` and not
    /// later than `to`.
    pub fn next_of(
        &self,
        stream: StreamId,
        key: KeyId,
        side: Side,
        after: Timestamp,
        to: Timestamp,
    ) -> Option<ItemId> {
        let from = (stream, key, after, EventId::NONE, ItemId::MAX);
        let to = (stream, key, to, EventId::NONE, ItemId::MAX);
        let mut range = self.index[side as usize].range(from..=to);
        range.next().map(|(.., item)| *item)
    }

    /// Finds the waiting items of `side` that have a key in common with a group, each once.
    pub fn of_same_key(&self, store: &Store, side: Side, group: &Group, found: &mut Vec<ItemId>) {
        let streams = match side {
            Side::Left => self.shape.left.streams.clone(),
            Side::Right => self.shape.right.streams.clone(),
        };
        for event in &group.events {
            let key = store.key(*event, self.shape.table);
            if key == KeyId::NONE {
                continue;
            }
            for stream in streams.clone().map(StreamId::new) {
                let from = (stream, key, Timestamp::MIN, EventId::new(0), ItemId::MIN);
                let to = (stream, key, Timestamp::MAX, EventId::NONE, ItemId::MAX);
                found.extend(self.index[side as usize].range(from..=to).map(|(.., item)| *item));
            }
        }
        found.sort_unstable();
        found.dedup();
    }
}
