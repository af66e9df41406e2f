//! The events of one key and one stream, in event order.
//!
//! Owns the order and the search by time. Most keys have a handful of events and stay in a few
//! inline slots; dense ones move to a deque with a remembered block of events that are already
//! connected, so that a window sliding over a dense key touches each event once, not once per
//! match.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::id::EventId;
use crate::time::Timestamp;
use crate::window::record::compare_arrival;

/// Events a list holds before it is treated as dense.
const SMALL: usize = 8;

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

/// How [`List::connect_range`] walks.
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
}

#[derive(Debug, Default)]
pub(crate) struct Dense {
    items: VecDeque<Item>,
    gone: usize,
    /// The newest block of [`Walk::Connect`], of [`Walk::Mark`] and of [`Walk::Late`].
    blocks: [Option<Block>; 3],
}

#[derive(Debug)]
pub(crate) enum List {
    Few(SmallVec<[Item; 2]>),
    /// Boxed so that the common short list stays small.
    Many(Box<Dense>),
}

impl Default for List {
    fn default() -> Self {
        Self::Few(SmallVec::new())
    }
}

impl List {
    /// Adds an event in event order. Most come last.
    pub fn insert(&mut self, time: Timestamp, arrival: u32, event: EventId) {
        let item = Item { time, event, arrival };
        match self {
            Self::Few(items) if items.len() < SMALL => {
                let at = items.iter().rposition(|held| !comes_after(held, time, arrival));
                items.insert(at.map_or(0, |at| at + 1), item);
            }
            Self::Few(items) => {
                let items = items.drain(..).collect();
                *self = Self::Many(Box::new(Dense { items, ..Dense::default() }));
                self.insert(time, arrival, event);
            }
            Self::Many(dense) => {
                let items = &mut dense.items;
                if items.back().is_none_or(|last| !comes_after(last, time, arrival)) {
                    items.push_back(item);
                } else {
                    let at = items.partition_point(|held| !comes_after(held, time, arrival));
                    items.insert(at, item);
                }
            }
        }
    }

    /// Tells that the event of `time`, just inserted, has found its matches: `connected` says
    /// whether it is in the component of another event, `marked` whether a [`Walk::Mark`] would
    /// have called it. Blocks that it lies in but is not part of are cut.
    pub fn settle(
        &mut self,
        time: Timestamp,
        marked: bool,
        mut connected: impl FnMut(EventId) -> bool,
    ) {
        let Self::Many(dense) = self else { return };
        for (slot, part) in dense.blocks.iter_mut().zip([true, marked, true]) {
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

    /// Removes an event.
    pub fn remove(&mut self, time: Timestamp, arrival: u32, event: EventId) {
        match self {
            Self::Few(items) => items.retain(|item| item.event != event),
            Self::Many(dense) => {
                let at = dense.items.partition_point(|held| comes_before(held, time, arrival));
                debug_assert!(dense.items[at].event == event, "an item keeps its place in order");
                dense.items[at].event = EventId::NONE;
                dense.gone += 1;
                for block in &mut dense.blocks {
                    // Components leave as a whole, so the block has left too.
                    *block = block.filter(|block| !block.holds(time));
                }
                while dense.items.front().is_some_and(|item| item.event == EventId::NONE) {
                    dense.items.pop_front();
                    dense.gone -= 1;
                }
                while dense.items.back().is_some_and(|item| item.event == EventId::NONE) {
                    dense.items.pop_back();
                    dense.gone -= 1;
                }
                if dense.gone > dense.items.len() / 2 {
                    dense.items.retain(|item| item.event != EventId::NONE);
                    dense.gone = 0;
                }
                if dense.items.is_empty() {
                    *self = Self::default();
                }
            }
        }
    }

    /// Connects the events in `from..=to`; `walk` says which may be left out. `twin` is the arrival
    /// of the event that looks: the same event in another stream is no match.
    pub fn connect_range(
        &mut self,
        (from, to): (Timestamp, Timestamp),
        twin: u32,
        walk: Walk,
        matches: &mut impl Connect,
    ) {
        match self {
            Self::Few(items) => {
                let inside = |item: &&Item| from <= item.time && item.time <= to;
                for item in items.iter().filter(inside).filter(|item| item.arrival != twin) {
                    matches.connect(item.event);
                }
            }
            Self::Many(dense) => dense.connect_range((from, to), twin, walk, matches),
        }
    }

    /// The items after the place (`time`, `arrival`), nearest first.
    pub fn after(&self, time: Timestamp, arrival: u32) -> impl Iterator<Item = &Item> {
        let (front, back) = self.slices();
        front
            .iter()
            .chain(back)
            .skip(self.place(time, arrival, true))
            .filter(|i| i.event != EventId::NONE)
    }

    /// The items before the place (`time`, `arrival`), nearest first.
    pub fn before(&self, time: Timestamp, arrival: u32) -> impl Iterator<Item = &Item> {
        let (front, back) = self.slices();
        let place = self.place(time, arrival, false);
        let from_front = place.min(front.len());
        let from_back = place - from_front;
        back[..from_back]
            .iter()
            .rev()
            .chain(front[..from_front].iter().rev())
            .filter(|item| item.event != EventId::NONE)
    }

    fn slices(&self) -> (&[Item], &[Item]) {
        match self {
            Self::Few(items) => (items, &[]),
            Self::Many(dense) => dense.items.as_slices(),
        }
    }

    /// How many items come before the place, or up to and with it.
    fn place(&self, time: Timestamp, arrival: u32, inclusive: bool) -> usize {
        let is_before = |item: &Item| {
            comes_before(item, time, arrival)
                || (inclusive && item.time == time && item.arrival == arrival)
        };
        match self {
            Self::Few(items) => items.partition_point(is_before),
            Self::Many(dense) => dense.items.partition_point(is_before),
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        let (front, back) = self.slices();
        front.is_empty() && back.is_empty()
    }

    /// Bytes used outside the list itself.
    pub fn memory(&self) -> usize {
        match self {
            Self::Few(items) if items.spilled() => items.capacity() * size_of::<Item>(),
            Self::Few(_) => 0,
            Self::Many(dense) => size_of::<Dense>() + dense.items.capacity() * size_of::<Item>(),
        }
    }
}

impl Dense {
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
