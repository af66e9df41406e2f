//! What waits for its turn in a step that takes what comes in event order, where that is made of
//! results of earlier steps.

use super::step::{Group, Side};
use crate::growth::Slab;
use crate::id::EventId;
use crate::ordered::Ordered;
use crate::time::{Timestamp, Watermark};
use crate::window::record::EventOrder;
use crate::window::store::Store;

/// When it is whose turn, but for what else has the same event.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Turn {
    event: EventOrder,
    number: u32,
}

/// What waits, each by its number.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Slab<Waiting>,
    turns: Ordered<Turn>,
    /// What has an event, as it came.
    by_event: Ordered<(EventId, u64, u32)>,
    /// How many have come.
    count: u64,
    /// The earliest event of each.
    firsts: Ordered<(Timestamp, u32)>,
    /// Bytes of the lists of events.
    lists: usize,
}

#[derive(Debug)]
struct Waiting {
    side: Side,
    group: Group,
    turn: EventOrder,
    /// Whether the turn is not that of the last event.
    is_followed: bool,
    count: u64,
}

impl Waiting {
    /// What comes first of those whose turn is that of one event, by the others, from the last to the first.
    fn others(&self, store: &Store) -> impl Iterator<Item = EventOrder> {
        let last = usize::from(!self.is_followed);
        self.group.events.iter().rev().skip(last).map(|id| store.order(*id))
    }
}

impl Queue {
    /// Has a group wait for its turn. That is the event that completes it; what is to be followed by
    /// the right side (`is_followed`) is complete when each stream of it has had an event.
    pub fn push(&mut self, store: &Store, side: Side, group: Group, is_followed: bool) {
        let events = &group.events;
        let (mut turn, mut seen) = (events[events.len() - 1], 0_u64);
        for id in events.iter().filter(|_| is_followed) {
            let stream = 1 << store.record(*id).stream.index();
            if seen & stream == 0 {
                seen |= stream;
                turn = *id;
            }
        }
        let turn = store.order(turn);
        let first = store.record(events[0]).time;
        self.lists += group.memory();
        self.count += 1;
        let count = self.count;
        let number = self.waiting.insert(Waiting { side, group, turn, is_followed, count });
        self.firsts.insert((first, number));
        let Self { waiting, turns, by_event, .. } = self;
        for id in &waiting[number].group.events {
            by_event.insert((*id, count, number));
        }
        let turn = Turn { event: turn, number };
        turns.insert_behind(turn, |other| is_before(store, waiting, other, &turn));
    }

    /// The next group whose turn it is, where no event older than `low` comes in.
    pub fn pop(&mut self, store: &Store, low: Watermark) -> Option<(Side, Group)> {
        let Turn { event, number } = *self.turns.first()?;
        low.has_passed(event.time).then(|| self.remove(store, number))
    }

    /// Takes out a group that has an event.
    pub fn take_with(&mut self, store: &Store, id: EventId) -> Option<(Side, Group)> {
        let mut with = self.by_event.range((id, 0, 0)..=(id, u64::MAX, u32::MAX));
        let (.., number) = *with.next()?;
        drop(with);
        Some(self.remove(store, number))
    }

    fn remove(&mut self, store: &Store, number: u32) -> (Side, Group) {
        let Self { waiting, turns, by_event, .. } = self;
        let Waiting { turn, count, ref group, .. } = waiting[number];
        for id in &group.events {
            by_event.remove(&(*id, count, number));
        }
        self.firsts.remove(&(store.record(group.events[0]).time, number));
        let turn = Turn { event: turn, number };
        turns.remove_behind(&turn, |other| is_before(store, waiting, other, &turn));
        let Waiting { side, group, .. } = self.waiting.take(number);
        self.lists -= group.memory();
        (side, group)
    }

    /// When it is the next one's turn.
    pub fn next(&self) -> Option<Timestamp> {
        self.turns.first().map(|turn| turn.event.time)
    }

    /// The earliest event of what waits.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.firsts.first().map(|(first, _)| *first)
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.waiting.memory()
            + self.turns.memory()
            + self.by_event.memory()
            + self.firsts.memory()
            + self.lists
    }
}

/// Whether one has its turn before another: no two have the same events.
fn is_before(store: &Store, waiting: &Slab<Waiting>, one: &Turn, other: &Turn) -> bool {
    let order = one.event.cmp(&other.event);
    let others = |turn: &Turn| waiting[turn.number].others(store);
    order.then_with(|| others(one).cmp(others(other))).is_lt()
}
