//! The events of one key and one stream, in event order.
//!
//! Owns the order and the search by time. Most keys have a handful of events: these are a chain through
//! the store, newest first, that costs a key four bytes. Dense ones move to a deque with a remembered
//! block of events that are already connected, so that a window sliding over a dense key touches each
//! event once, not once per match.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::id::EventId;
use crate::time::Timestamp;
use crate::window::record::compare_arrival;
use crate::window::store::Store;

/// Events of a key from which on its lists are treated as dense: no chain is longer.
pub(super) const MANY: usize = 16;

#[derive(Copy, Clone, Debug)]
pub(crate) struct Item {
    pub time: Timestamp,
    /// [`EventId::NONE`] once the event has left; such items only keep the order searchable.
    pub event: EventId,
    arrival: u32,
}

/// All items with a time in `from..=to` are in the component of `member`.
#[derive(Copy, Clone, Debug)]
struct Block {
    from: Timestamp,
    to: Timestamp,
    member: EventId,
}

impl Block {
    fn holds(&self, time: Timestamp) -> bool {
        self.from <= time && time <= self.to
    }
}

/// How [`Lists::connect_range`] walks.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Walk {
    /// Events known to be in one component count as one.
    Connect,
    /// The same, but only what earlier walks of this kind have called counts as known: the
    /// caller marks every event it is called with.
    Mark,
    /// As [`Self::Connect`], for late events: they look further back, so they have a block of their
    /// own.
    Late,
    /// Every event is called.
    Each,
}

/// Connects the event that looks for its matches with those it finds.
pub(crate) trait Connect {
    /// Puts an event into the component of the one that looks.
    fn connect(&mut self, event: EventId);

    /// Whether an event is in the component of the one that looks.
    fn is_connected(&mut self, event: EventId) -> bool;

    /// Where the events are.
    fn store(&self) -> &Store;
}

/// The list of one key and one stream: nothing, the newest event of a chain, or the number of a dense
/// list.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Head(u32);

enum Held {
    Nothing,
    Chain(EventId),
    Dense(usize),
}

impl Head {
    /// No events.
    pub const EMPTY: Self = Self(u32::MAX);

    /// Tells a dense list from an event: there are never half as many of these.
    const DENSE_BIT: u32 = 1 << 31;

    /// Whether it is a dense list.
    pub fn is_dense(self) -> bool {
        !self.is_empty() && self.0 & Self::DENSE_BIT != 0
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// The chain from this event on.
    pub fn chain(newest: EventId) -> Self {
        debug_assert!(newest == EventId::NONE || newest.get() & Self::DENSE_BIT == 0);
        Self(newest.get())
    }

    /// The newest event of a chain, [`EventId::NONE`] where there is none.
    pub fn newest(self) -> EventId {
        debug_assert!(!self.is_dense(), "a dense list is no chain");
        EventId::from_get(self.0)
    }

    fn dense(number: usize) -> Self {
        let number = u32::try_from(number).expect("a dense list has more events than one");
        Self(number | Self::DENSE_BIT)
    }

    fn held(self) -> Held {
        if self.is_empty() {
            Held::Nothing
        } else if self.0 & Self::DENSE_BIT == 0 {
            Held::Chain(EventId::from_get(self.0))
        } else {
            Held::Dense((self.0 & !Self::DENSE_BIT) as usize)
        }
    }
}

/// The lists of one key table: what there is beside their heads.
#[derive(Debug)]
pub(crate) struct Lists {
    /// The key table, for the chains in the store.
    table: usize,
    dense: Vec<Dense>,
    free: Vec<usize>,
    memory: usize,
}

#[derive(Debug, Default)]
struct Dense {
    items: VecDeque<Item>,
    gone: usize,
    /// The newest block of [`Walk::Connect`], of [`Walk::Mark`] and of [`Walk::Late`].
    blocks: [Option<Block>; 3],
}

/// A chain, oldest first.
type Chain = SmallVec<[EventId; MANY]>;

impl Lists {
    /// No lists yet, of the key table of this number.
    pub fn new(table: usize) -> Self {
        Self { table, dense: Vec::new(), free: Vec::new(), memory: 0 }
    }

    /// Adds an event in event order. Most come last. `events` of this key are held.
    #[inline]
    pub fn insert(
        &mut self,
        head: &mut Head,
        store: &mut Store,
        id: EventId,
        events: usize,
    ) -> Density {
        match head.held() {
            Held::Nothing => {
                // Nothing is before it, as it came.
                *head = Head::chain(id);
                return Density::Sparse;
            }
            Held::Chain(newest) if events <= MANY => {
                let Item { time, arrival, .. } = item(store, id);
                if comes_after(&item(store, newest), time, arrival) {
                    self.insert_into_chain(newest, store, id);
                } else {
                    store.set_before(id, self.table, newest);
                    *head = Head::chain(id);
                }
                return Density::Sparse;
            }
            _ => self.insert_dense(head, store, id),
        }
        Density::Dense
    }

    #[inline(never)]
    fn insert_dense(&mut self, head: &mut Head, store: &mut Store, id: EventId) {
        match head.held() {
            Held::Dense(at) => {
                let item = item(store, id);
                self.change(at, |dense| dense.insert(item));
            }
            Held::Chain(newest) => {
                let item = item(store, id);
                let chain = self.chain(store, newest);
                let items = chain.iter().map(|id| self::item(store, *id)).collect();
                let at = self.free.pop().unwrap_or_else(|| {
                    self.dense.push(Dense::default());
                    self.dense.len() - 1
                });
                *head = Head::dense(at);
                self.change(at, |dense| {
                    dense.items = items;
                    dense.insert(item);
                });
            }
            Held::Nothing => unreachable!("one event is not many"),
        }
    }

    /// Adds an event before the newest of a chain.
    #[inline(never)]
    fn insert_into_chain(&self, newest: EventId, store: &mut Store, id: EventId) {
        let item = item(store, id);
        let (mut after, mut before) = (newest, store.before(newest, self.table));
        while before != EventId::NONE
            && comes_after(&self::item(store, before), item.time, item.arrival)
        {
            (after, before) = (before, store.before(before, self.table));
        }
        store.set_before(id, self.table, before);
        store.set_before(after, self.table, id);
    }

    /// Tells that an event, just inserted, has found its matches: `connected` says whether it is in the
    /// component of another event, `marked` whether a [`Walk::Mark`] would have called it. Blocks that
    /// it lies in but is not part of are cut.
    pub fn settle(
        &mut self,
        head: Head,
        time: Timestamp,
        marked: bool,
        connected: impl FnMut(EventId) -> bool,
    ) {
        if let Held::Dense(at) = head.held() {
            self.dense[at].settle(time, marked, connected);
        }
    }

    /// Removes an event.
    pub fn remove(&mut self, head: &mut Head, store: &mut Store, id: EventId) {
        match head.held() {
            Held::Nothing => debug_assert!(false, "a joinable event is in the lists of its keys"),
            Held::Chain(newest) => {
                let before = store.before(id, self.table);
                if newest == id {
                    *head = Head::chain(before);
                    return;
                }
                let mut after = newest;
                while store.before(after, self.table) != id {
                    after = store.before(after, self.table);
                }
                store.set_before(after, self.table, before);
            }
            Held::Dense(at) => self.remove_dense(at, head, store, id),
        }
    }

    #[inline(never)]
    fn remove_dense(&mut self, at: usize, head: &mut Head, store: &Store, id: EventId) {
        let item = item(store, id);
        self.change(at, |dense| dense.remove(item));
        if self.dense[at].items.is_empty() {
            *head = Head::EMPTY;
            self.memory -= self.dense[at].memory();
            self.dense[at] = Dense::default();
            self.free.push(at);
        }
    }

    /// Connects the events in `from..=to`, oldest first; `walk` says which may be left out. `twin` is the
    /// arrival of the event that looks: the same event in another stream is no match.
    #[inline]
    pub fn connect_range(
        &mut self,
        head: Head,
        (from, to): (Timestamp, Timestamp),
        twin: u32,
        walk: Walk,
        matches: &mut impl Connect,
    ) {
        match head.held() {
            Held::Nothing => {}
            Held::Chain(newest) => {
                let store = matches.store();
                let (mut found, mut count) = ([EventId::NONE; MANY], 0);
                let mut id = newest;
                while id != EventId::NONE {
                    let Item { time, arrival, .. } = item(store, id);
                    if time < from {
                        break;
                    }
                    if time <= to && arrival != twin {
                        found[count] = id;
                        count += 1;
                    }
                    id = store.before(id, self.table);
                }
                for id in found[..count].iter().rev() {
                    matches.connect(*id);
                }
            }
            Held::Dense(at) => self.dense[at].connect_range((from, to), twin, walk, matches),
        }
    }

    /// The nearest events before and after an event that `look` takes, going outwards until it says to
    /// stop.
    pub fn around(
        &self,
        head: Head,
        store: &Store,
        id: EventId,
        mut look: impl FnMut(&Item) -> Look,
    ) -> (Option<EventId>, Option<EventId>) {
        let Item { time, arrival, .. } = item(store, id);
        let few: SmallVec<[Item; MANY]>;
        let (front, back) = match head.held() {
            Held::Nothing => return (None, None),
            Held::Chain(newest) => {
                few = self.chain(store, newest).iter().map(|id| item(store, *id)).collect();
                (few.as_slice(), [].as_slice())
            }
            Held::Dense(at) => self.dense[at].items.as_slices(),
        };
        let split = |items: &[Item]| {
            let is_before = |item: &Item| comes_before(item, time, arrival);
            let is_not_after = |item: &Item| !comes_after(item, time, arrival);
            (items.partition_point(is_before), items.partition_point(is_not_after))
        };
        let ((before_front, after_front), (before_back, after_back)) = (split(front), split(back));
        let before = back[..before_back].iter().rev().chain(front[..before_front].iter().rev());
        let after = front[after_front..].iter().chain(&back[after_back..]);
        (taken(before, &mut look), taken(after, &mut look))
    }

    fn chain(&self, store: &Store, newest: EventId) -> Chain {
        let mut chain = Chain::new();
        let mut id = newest;
        while id != EventId::NONE {
            chain.push(id);
            id = store.before(id, self.table);
        }
        chain.reverse();
        chain
    }

    fn change(&mut self, at: usize, change: impl FnOnce(&mut Dense)) {
        let dense = &mut self.dense[at];
        let before = dense.memory();
        change(dense);
        self.memory = self.memory + dense.memory() - before;
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.memory
            + self.dense.capacity() * size_of::<Dense>()
            + self.free.capacity() * size_of::<usize>()
    }
}

/// How a list is kept.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Density {
    /// As a chain, in which everything is looked at.
    Sparse,
    /// As a deque, in which blocks are known.
    Dense,
}

/// What comes of looking at an event.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// The next one is looked at.
    On,
    /// This is the one.
    Take,
    /// There is none.
    Stop,
}

/// The first event that `look` takes.
fn taken<'a>(
    items: impl Iterator<Item = &'a Item>,
    look: &mut impl FnMut(&Item) -> Look,
) -> Option<EventId> {
    for item in items.filter(|item| item.event != EventId::NONE) {
        match look(item) {
            Look::On => {}
            Look::Take => return Some(item.event),
            Look::Stop => break,
        }
    }
    None
}

fn item(store: &Store, id: EventId) -> Item {
    let record = store.record(id);
    Item { time: record.time, event: id, arrival: record.arrival }
}

impl Dense {
    fn insert(&mut self, item: Item) {
        let (time, arrival) = (item.time, item.arrival);
        if self.items.back().is_none_or(|last| !comes_after(last, time, arrival)) {
            self.items.push_back(item);
        } else {
            let at = self.items.partition_point(|held| !comes_after(held, time, arrival));
            self.items.insert(at, item);
        }
    }

    fn settle(
        &mut self,
        time: Timestamp,
        marked: bool,
        mut connected: impl FnMut(EventId) -> bool,
    ) {
        for (slot, part) in self.blocks.iter_mut().zip([true, marked, true]) {
            let Some(block) = slot.as_mut().filter(|block| block.holds(time)) else { continue };
            if part && connected(block.member) {
                continue;
            }
            let nanos = time.as_nanos();
            if time < block.to {
                block.from = Timestamp::from_nanos(nanos + 1);
            } else if block.from < time {
                block.to = Timestamp::from_nanos(nanos - 1);
            } else {
                *slot = None;
            }
        }
    }

    fn remove(&mut self, Item { time, event, arrival }: Item) {
        let at = self.items.partition_point(|held| comes_before(held, time, arrival));
        debug_assert!(self.items[at].event == event, "an item keeps its place in order");
        self.items[at].event = EventId::NONE;
        self.gone += 1;
        for block in &mut self.blocks {
            // Components leave as a whole, so the block has left too.
            *block = block.filter(|block| !block.holds(time));
        }
        while self.items.front().is_some_and(|item| item.event == EventId::NONE) {
            self.items.pop_front();
            self.gone -= 1;
        }
        while self.items.back().is_some_and(|item| item.event == EventId::NONE) {
            self.items.pop_back();
            self.gone -= 1;
        }
        if self.gone > self.items.len() / 2 {
            self.items.retain(|item| item.event != EventId::NONE);
            self.gone = 0;
        }
    }

    /// Bytes used outside of itself.
    fn memory(&self) -> usize {
        self.items.capacity() * size_of::<Item>()
    }

    #[inline(never)]
    fn connect_range(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        twin: u32,
        walk: Walk,
        matches: &mut impl Connect,
    ) {
        let slot = match walk {
            Walk::Connect => Some(0),
            Walk::Mark => Some(1),
            Walk::Late => Some(2),
            Walk::Each => None,
        };
        let known = slot
            .and_then(|slot| self.blocks[slot])
            .filter(|block| block.from <= to && from <= block.to);
        let mut at = self.items.partition_point(|item| item.time < from);
        let mut member = None;
        let mut last = from;
        let mut own = None;
        while let Some(item) = self.items.get(at).copied().filter(|item| item.time <= to) {
            // Only late events look back so far: a block says nothing of what has left.
            if item.event == EventId::NONE {
                at += 1;
                continue;
            }
            last = item.time;
            if item.arrival == twin {
                own = Some(item.event);
                at += 1;
                continue;
            }
            if let Some(block) = known.filter(|block| block.holds(item.time)) {
                matches.connect(block.member);
                member = Some(block.member);
                last = block.to;
                at = self.items.partition_point(|item| item.time <= block.to);
                continue;
            }
            at += 1;
            matches.connect(item.event);
            member = Some(item.event);
        }
        // Everything in the range is in one component now, together with the block it overlaps.
        let (Some(slot), Some(member)) = (slot, member) else { return };
        if own.is_none_or(|own| walk != Walk::Mark && matches.is_connected(own)) {
            let from = known.map_or(from, |block| block.from.min(from));
            self.blocks[slot] = Some(Block { from, to: last, member });
        }
    }
}

fn comes_after(item: &Item, time: Timestamp, arrival: u32) -> bool {
    item.time > time || (item.time == time && compare_arrival(item.arrival, arrival).is_gt())
}

fn comes_before(item: &Item, time: Timestamp, arrival: u32) -> bool {
    item.time < time || (item.time == time && compare_arrival(item.arrival, arrival).is_lt())
}
