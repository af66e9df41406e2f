//! Which items something is connected with, in a dense key where nearly everything is.
//!
//! Owns, for each key of a stream, a stretch of time whose events are known to be connected with each
//! other: a search that meets one of them goes on behind the last. Where time moves on and the key
//! stays the same, an event is so looked at once, not once for each match.

use std::ops::{Bound, RangeInclusive};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::search::Coming;
use super::step::{Group, Item, ItemId, Place, Side, Step};
use crate::id::{EventId, KeyId, StreamId};
use crate::join::shape::Shape;
use crate::time::Timestamp;
use crate::window::store::Store;

/// The events of one key in one stream of a side.
type Line = (Side, StreamId, KeyId);

/// All items with an event in `from..=to` are in the component of `member`, and matched.
#[derive(Copy, Clone, Debug)]
struct Stretch {
    from: Timestamp,
    to: Timestamp,
    member: ItemId,
}

impl Stretch {
    fn holds(&self, time: Timestamp) -> bool {
        self.from <= time && time <= self.to
    }
}

/// The newest stretch of each line.
#[derive(Debug, Default)]
pub(super) struct Stretches(HashMap<Line, Stretch, FixedState>);

impl Stretches {
    pub fn memory(&self) -> usize {
        self.0.capacity() * size_of::<(Line, Stretch)>()
    }
}

impl Step {
    /// Finds of the waiting items that a group coming to `side` matches at least one of each component.
    /// The caller makes one component of these.
    pub fn connections(
        &mut self,
        shape: &Shape,
        store: &Store,
        side: Side,
        group: &Group,
        found: &mut Vec<ItemId>,
    ) {
        let begun = self.begun(store, group);
        for event in &group.events {
            let coming = Coming { side, begun, event: *event };
            for places in self.searches(shape, store, *event) {
                let line = (side.other(), places.start().0, places.start().1);
                if let Some(stretch) = self.connect(store, coming, line, places, found) {
                    self.components.stretches.0.insert(line, stretch);
                }
            }
        }
        found.sort_unstable();
        found.dedup();
    }

    /// Finds what one search does, and the stretch that is connected by it.
    fn connect(
        &self,
        store: &Store,
        coming: Coming,
        line: Line,
        places: RangeInclusive<Place>,
        found: &mut Vec<ItemId>,
    ) -> Option<Stretch> {
        let (other, stream, key) = line;
        let known = self.components.stretches.0.get(&line);
        let index = &self.index[other as usize];
        let (from, last) = places.into_inner();
        let mut next = Bound::Included(from);
        let mut stretch: Option<Stretch> = None;
        // The newest time of an event that does not match.
        let mut gap = None;
        loop {
            let mut behind = None;
            for place in index.range((next, Bound::Included(last))) {
                let (_, _, time, _, item) = *place;
                if !self.fits(store, coming, place) {
                    stretch = None;
                    gap = Some(time);
                    continue;
                }
                found.push(item);
                let known = known.filter(|known| known.holds(time));
                let (begin, end) = known.map_or((time, time), |known| (known.from, known.to));
                if let Some(stretch) = &mut stretch {
                    stretch.to = end;
                } else if gap != Some(time) || known.is_some() {
                    stretch = Some(Stretch { from: begin, to: end, member: item });
                }
                if known.is_some() {
                    behind = Some((stream, key, end, EventId::NONE, ItemId::MAX));
                    break;
                }
            }
            match behind {
                Some(behind) if behind < last => next = Bound::Excluded(behind),
                _ => return stretch,
            }
        }
    }

    /// An item waits, in its component: the stretches it comes into hold only if that is theirs.
    pub fn enter_stretches(&mut self, store: &Store, id: ItemId) {
        for at in 0..self.item(id).group.events.len() {
            let Item { side, group, component, .. } = self.item(id);
            let Some((line, stretch)) = self.stretch_of(store, *side, group.events[at]) else {
                continue;
            };
            if self.item(stretch.member).component != *component {
                self.components.stretches.0.remove(&line);
            }
        }
    }

    /// An item is taken out, with its component: so are the stretches it is in.
    pub fn leave_stretches(&mut self, store: &Store, side: Side, group: &Group) {
        for event in &group.events {
            if let Some((line, _)) = self.stretch_of(store, side, *event) {
                self.components.stretches.0.remove(&line);
            }
        }
    }

    /// The stretch that an event of a side is in.
    fn stretch_of(&self, store: &Store, side: Side, event: EventId) -> Option<(Line, &Stretch)> {
        let record = store.record(event);
        let line = (side, record.stream, store.key(event, self.shape.table));
        let known = self.components.stretches.0.get(&line);
        known.filter(|known| known.holds(record.time)).map(|known| (line, known))
    }
}
