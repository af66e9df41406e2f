//! What waits for its turn in a step that takes what comes in event order, where that is made of
//! results of earlier steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::step::{Group, Side};
use crate::id::EventId;
use crate::time::{Timestamp, Watermark};
use crate::window::record::EventOrder;
use crate::window::store::Store;

/// When it is whose turn: the event that has the turn, then all, from the last to the first. Shared,
/// since each of the events knows it.
type Turn = Arc<[EventOrder]>;

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Turn, Waiting>,
    /// The turns of what has an event, by ticket: turns of many events take long to compare.
    by_event: BTreeMap<(EventId, u64), Turn>,
    /// Of what comes next.
    ticket: u64,
    /// The earliest events of what waits, each with how many have it.
    firsts: BTreeMap<Timestamp, usize>,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    side: Side,
    group: Group,
    ticket: u64,
}

impl Queue {
    /// Has a group wait for its turn. That is the event that completes it; what is to be followed by
    /// the right side (`is_followed`) is complete when each stream of it has had an event.
    pub fn push(&mut self, store: &Store, side: Side, group: Group, is_followed: bool) {
        let mut turn: Vec<EventOrder> = group.events.iter().map(|id| store.order(*id)).collect();
        turn.reverse();
        if is_followed {
            let mut seen = BTreeSet::new();
            let begins = group.events.iter().filter(|id| seen.insert(store.record(**id).stream));
            let last = begins.last().map(|id| store.order(*id));
            turn.splice(0..0, last);
        }
        let turn: Turn = turn.into();
        let first = store.record(group.events[0]).time;
        *self.firsts.entry(first).or_default() += 1;
        self.bytes += bytes(&group);
        self.ticket += 1;
        let ticket = self.ticket;
        for id in &group.events {
            self.by_event.insert((*id, ticket), turn.clone());
        }
        let before = self.waiting.insert(turn, Waiting { side, group, ticket });
        debug_assert!(before.is_none(), "no two results have the same events");
    }

    /// The next group whose turn it is, where no event older than `low` comes in.
    pub fn pop(&mut self, store: &Store, low: Watermark) -> Option<(Side, Group)> {
        let (turn, _) = self.waiting.first_key_value()?;
        let turn = low.has_passed(turn[0].time).then(|| turn.clone())?;
        self.remove(store, &turn)
    }

    /// Takes out a group that has an event.
    pub fn take_with(&mut self, store: &Store, id: EventId) -> Option<(Side, Group)> {
        let turns = self.by_event.range((id, 0)..=(id, u64::MAX));
        let turn = turns.map(|(_, turn)| turn.clone()).next()?;
        self.remove(store, &turn)
    }

    fn remove(&mut self, store: &Store, turn: &Turn) -> Option<(Side, Group)> {
        let Waiting { side, group, ticket } = self.waiting.remove(turn)?;
        for id in &group.events {
            self.by_event.remove(&(*id, ticket));
        }
        let first = store.record(group.events[0]).time;
        if let Some(count) = self.firsts.get_mut(&first) {
            *count -= 1;
            if *count == 0 {
                self.firsts.remove(&first);
            }
        }
        self.bytes -= bytes(&group);
        Some((side, group))
    }

    /// When it is the next one's turn.
    pub fn next(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|(turn, _)| turn[0].time)
    }

    /// The earliest event of what waits.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.firsts.first_key_value().map(|(first, _)| *first)
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.bytes
    }
}

/// What a group costs while it waits: its turn, and a place for each event. Trees have their nodes
/// half to fully used.
fn bytes(group: &Group) -> usize {
    let events = group.events.len();
    let turn = (events + 1) * size_of::<EventOrder>() + 2 * size_of::<usize>();
    turn + 3 * size_of::<(Turn, Waiting)>() / 2 + events * size_of::<(EventId, u64, Turn)>() * 3 / 2
}
