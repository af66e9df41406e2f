//! One join whose matches are picked: what waits on its two sides, and until when.
//!
//! Owns items (events of a stream, or results of an earlier step), and knows when nothing can match an
//! item any more. Those that match are found in `search`; what is made of a match is told in `pick`
//! and `session`.

use std::collections::{BTreeMap, VecDeque};

use super::queue::Queue;
use super::session::Components;
use crate::growth::make_room;
use crate::id::{DeliveryId, EventId, EventIds, KeyId, StreamId};
use crate::join::begun;
use crate::join::shape::{JoinShape, Shape};
use crate::ordered::Ordered;
use crate::plan::{Operand, Pick};
use crate::time::{Timestamp, Watermark};
use crate::window::record::Link;
use crate::window::store::Store;

/// A side of a join.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Side {
    Left,
    Right,
}

impl Side {
    pub fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

/// Of each stream, how often its events were left out of results, and the newest time of one.
pub(crate) type LeftOut = BTreeMap<StreamId, (u64, Timestamp)>;

pub(super) type Events = EventIds;

/// Events that belong together, so far.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// All of them, in event order. Each is held once for the group.
    pub events: Events,
    /// Those that identify the group.
    pub identity: Events,
    /// Whether events that belong to it are missing.
    pub truncated: bool,
}

impl Group {
    /// Bytes used outside of itself.
    pub fn memory(&self) -> usize {
        let spilled = [&self.events, &self.identity].into_iter().filter(|ids| ids.spilled());
        spilled.map(|ids| ids.capacity() * size_of::<EventId>()).sum()
    }
}

/// What a step has found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub group: Group,
    /// The correlation as which it has been delivered before.
    pub delivery: DeliveryId,
}

pub(super) type ItemId = u32;

/// What waits for matches.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub side: Side,
    pub group: Group,
    /// When each stream of it has had an event.
    pub begun: Timestamp,
    /// Nothing later can match it.
    pub deadline: Timestamp,
    /// Nothing in it, taken or its own, is older.
    oldest: Timestamp,
    pub matched: bool,
    /// How many events it has taken in, where the policy groups.
    pub taken: usize,
    /// The correlation as which it has been delivered.
    pub delivery: DeliveryId,
    /// Whether it waits in `dirty`.
    pub is_dirty: bool,
    /// What it is connected with, where the policy is `session`.
    pub component: u32,
    /// Whether its result has been found since it had as many events as it may have: it takes
    /// nothing in any more.
    pub is_full: bool,
}

/// Where an event of an item is found.
pub(super) type Place = (StreamId, KeyId, Timestamp, EventId, ItemId);

#[derive(Debug)]
pub(super) struct Step {
    pub shape: JoinShape,
    pub pick: Pick,
    pub join: usize,
    items: Vec<Option<Item>>,
    free: Vec<ItemId>,
    pub index: [Ordered<Place>; 2],
    /// When nothing can match an item any more (where the policy is `session`: a component).
    pub deadlines: Ordered<(Timestamp, u32)>,
    /// The earliest event of each item.
    pub firsts: Ordered<(Timestamp, ItemId)>,
    /// What each item has taken in, each event once: results that it matches may share events. Held once
    /// for each.
    taken: Ordered<(ItemId, EventId)>,
    pub components: Components,
    /// What waits for its turn, where the policy decides in event order and what comes of an earlier
    /// join may come later than it is.
    pub queue: Queue,
    /// Groups that may have grown since they were delivered.
    pub dirty: VecDeque<ItemId>,
    /// What came out and has not been taken.
    pub found: Vec<Found>,
    /// Events that nothing holds any more.
    pub gone: Vec<EventId>,
    /// Matches that were left out since a result had as many events as it may have.
    pub dropped: LeftOut,
    /// Events of which it could not be known whether they are unmatched.
    pub unknown: u64,
    /// Events a result may have.
    pub max_events: usize,
    /// Whether a later step takes what this one finds.
    feeds: bool,
    bytes: usize,
    /// What is found of items and of events, in buffers that are used again.
    pub item_buffer: Vec<ItemId>,
    pub number_buffer: Vec<u32>,
    pub event_buffer: Vec<EventId>,
}

impl Step {
    pub fn new(shape: &Shape, join: usize, pick: Pick, max_events: usize) -> Self {
        Self {
            shape: shape.joins[join].clone(),
            pick,
            join,
            items: Vec::new(),
            free: Vec::new(),
            index: [Ordered::default(), Ordered::default()],
            deadlines: Ordered::default(),
            firsts: Ordered::default(),
            taken: Ordered::default(),
            components: Components::default(),
            queue: Queue::default(),
            dirty: VecDeque::new(),
            found: Vec::new(),
            gone: Vec::new(),
            dropped: LeftOut::new(),
            unknown: 0,
            max_events,
            feeds: join + 1 < shape.joins.len(),
            bytes: 0,
            item_buffer: Vec::new(),
            number_buffer: Vec::new(),
            event_buffer: Vec::new(),
        }
    }

    /// Leaves events out of a result that has as many as it may have. To a later step they are as good
    /// as evicted: what they match there is not known to be unmatched.
    pub fn leave_out(&mut self, store: &mut Store, events: &[EventId]) {
        for id in events {
            let record = store.record(*id);
            let (count, newest) = self.dropped.entry(record.stream).or_insert((0, record.time));
            *count += 1;
            *newest = record.time.max(*newest);
        }
        if self.feeds {
            note_evicted(store, events);
        }
    }

    /// The stream on a side, where that is one.
    pub fn stream(&self, side: Side) -> Option<StreamId> {
        let side = match side {
            Side::Left => &self.shape.left,
            Side::Right => &self.shape.right,
        };
        match side.operand {
            Operand::Stream(stream) => Some(stream),
            Operand::Join(_) => None,
        }
    }

    /// Whether what is unmatched on a side is a result.
    pub fn reports(&self, side: Side) -> bool {
        match side {
            Side::Left => self.shape.kind.reports_left(),
            Side::Right => self.shape.kind.reports_right(),
        }
    }

    /// No event older than this will come out, where none older than `clock` comes in.
    pub fn low(&self, clock: Watermark) -> Watermark {
        let held = self.firsts.first().map(|(first, _)| *first).into_iter();
        let held = held.chain(self.components.first()).chain(self.queue.oldest());
        held.min().map_or(clock, |first| clock.min(Watermark::at(first)))
    }

    /// Whether what comes has to wait for its turn.
    pub fn queues(&self) -> bool {
        let is_join = |side| self.stream(side).is_none();
        matches!(self.pick, Pick::First | Pick::Latest)
            && (is_join(Side::Left) || is_join(Side::Right))
    }

    /// Has a group wait for its turn.
    pub fn enqueue(&mut self, store: &Store, side: Side, group: Group) {
        let is_followed = self.shape.kind.is_ordered() && side == Side::Left;
        self.queue.push(store, side, group, is_followed);
    }

    /// The item of `id`, which waits.
    pub fn item(&self, id: ItemId) -> &Item {
        self.items[id as usize].as_ref().expect("an id is dropped with its item")
    }

    pub fn item_mut(&mut self, id: ItemId) -> &mut Item {
        self.items[id as usize].as_mut().expect("an id is dropped with its item")
    }

    /// Whether the item still waits.
    pub fn waits(&self, id: ItemId) -> bool {
        self.items.get(id as usize).is_some_and(Option::is_some)
    }

    /// Has a group wait for matches.
    pub fn add(
        &mut self,
        shape: &Shape,
        store: &Store,
        side: Side,
        group: Group,
        matched: bool,
    ) -> ItemId {
        let id = self.free.pop().unwrap_or_else(|| {
            make_room(&mut self.items);
            self.items.push(None);
            ItemId::try_from(self.items.len() - 1).expect("fewer than events times streams")
        });
        let mut deadline = Timestamp::MIN;
        for event in &group.events {
            let record = store.record(*event);
            let partners = &shape.streams[record.stream.index()].partners;
            let own = partners.iter().filter(|partner| partner.join == self.join);
            let last = own.map(|partner| record.time.plus(partner.to)).max();
            deadline = deadline.max(record.time).max(last.unwrap_or(record.time));
            let key = store.key(*event, self.shape.table);
            if key != KeyId::NONE {
                let place = (record.stream, key, record.time, *event, id);
                self.index[side as usize].insert(place);
            }
        }
        let first = store.record(group.events[0]).time;
        self.firsts.insert((first, id));
        let begun = begun(store, &group.events);
        self.bytes += group.memory();
        self.items[id as usize] = Some(Item {
            side,
            group,
            begun,
            deadline,
            oldest: first,
            matched,
            taken: 0,
            delivery: DeliveryId::NONE,
            is_dirty: false,
            component: 0,
            is_full: false,
        });
        id
    }

    /// Whether an item has taken in an event.
    pub fn has_taken(&self, id: ItemId, event: EventId) -> bool {
        self.item(id).taken > 0 && self.taken.contains(&(id, event))
    }

    /// Has an item take in an event that it has not yet, which is held once more for it.
    pub fn take(&mut self, store: &mut Store, id: ItemId, event: EventId) {
        hold(store, &[event]);
        self.taken.insert((id, event));
        let time = store.record(event).time;
        let item = self.item_mut(id);
        item.taken += 1;
        let before = item.oldest;
        if time < before {
            item.oldest = time;
            self.firsts.remove(&(before, id));
            self.firsts.insert((time, id));
        }
    }

    /// The events that an item has taken in.
    pub fn taken(&self, id: ItemId) -> impl Iterator<Item = EventId> {
        let count = self.item(id).taken;
        let from = (id, EventId::new(0));
        let events = (count > 0).then(|| self.taken.range(from..).take(count));
        events.into_iter().flatten().map(|(_, event)| *event)
    }

    /// Takes out what an item has taken in; it stays held. Adds it to `events`.
    pub fn take_out(&mut self, id: ItemId, events: &mut Vec<EventId>) {
        let from = events.len();
        events.extend(self.taken(id));
        for event in &events[from..] {
            self.taken.remove(&(id, *event));
        }
        self.item_mut(id).taken = 0;
    }

    /// When the next of what waits may be decided: an item, and a partial session.
    pub fn next_deadlines(&self) -> impl Iterator<Item = Timestamp> {
        let item = self.deadlines.first().map(|(deadline, _)| *deadline);
        item.into_iter().chain(self.components.next_deadline()).chain(self.queue.next())
    }

    /// Takes an item out.
    pub fn remove(&mut self, store: &Store, id: ItemId) -> Item {
        let item = self.items[id as usize].take().expect("an id is dropped with its item");
        self.free.push(id);
        for event in &item.group.events {
            let record = store.record(*event);
            let key = store.key(*event, self.shape.table);
            if key != KeyId::NONE {
                let place = (record.stream, key, record.time, *event, id);
                self.index[item.side as usize].remove(&place);
            }
        }
        self.firsts.remove(&(item.oldest, id));
        self.bytes -= item.group.memory();
        debug_assert!(item.taken == 0, "what an item has taken in is let go of with it");
        item
    }

    /// Gives back the memory of items, where there are none.
    pub fn trim(&mut self) {
        if self.free.len() == self.items.len() {
            (self.items, self.free) = (Vec::new(), Vec::new());
        }
        self.components.trim();
    }

    /// A group out of one and what it has matched, holding each event once more than before.
    pub fn joined(store: &mut Store, one: &Group, other: &[EventId], identity: Events) -> Group {
        let mut events = store.lists.take(one.events.len() + other.len());
        events.extend_from_slice(&one.events);
        events.extend_from_slice(other);
        events.sort_unstable_by_key(|id| store.order(*id));
        events.dedup();
        hold(store, &events);
        Group { events, identity, truncated: one.truncated }
    }

    /// Something has been found.
    pub fn find(&mut self, group: Group, delivery: DeliveryId) {
        self.found.push(Found { group, delivery });
    }

    /// Lets go of the events of a group that is not needed any more.
    pub fn drop_group(&mut self, store: &mut Store, group: Group) {
        self.let_go(store, &group.events);
        store.lists.give_back(group.events);
        store.lists.give_back(group.identity);
    }

    /// Lets go of events.
    pub fn let_go(&mut self, store: &mut Store, events: &[EventId]) {
        let_go(store, events, &mut self.gone);
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.bytes
            + self.items.capacity() * size_of::<Option<Item>>()
            + self.index.iter().map(Ordered::memory).sum::<usize>()
            + self.deadlines.memory()
            + self.firsts.memory()
            + self.taken.memory()
            + self.queue.memory()
            + self.components.memory()
    }
}

/// Holds each event once more.
pub(super) fn hold(store: &mut Store, events: &[EventId]) {
    for id in events {
        let link = &mut store.record_mut(*id).link;
        *link = Link::holders(link.count() + 1);
    }
}

/// Holds each event once less; those that nothing holds any more are added to `gone`.
pub(super) fn let_go(store: &mut Store, events: &[EventId], gone: &mut impl Extend<EventId>) {
    for id in events {
        let link = &mut store.record_mut(*id).link;
        *link = Link::holders(link.count() - 1);
        if link.count() == 0 {
            gone.extend([*id]);
        }
    }
}

/// Remembers that events are gone that others may match.
pub(super) fn note_evicted(store: &mut Store, events: &[EventId]) {
    for id in events {
        let (stream, time) = (store.record(*id).stream, store.record(*id).time);
        store.note_evicted(stream, time);
    }
}
