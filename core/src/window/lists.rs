//! The room of lists of events that are gone, for lists to come.

use crate::id::{EventId, EventIds};

/// So many lists keep their room.
const MANY: usize = 1_024;

/// Longer lists do not.
const LONG: usize = 256;

/// The room of lists that are not short enough to be without.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    spare: Vec<EventIds>,
    memory: usize,
}

impl Lists {
    /// An empty list, for so many events.
    pub fn take(&mut self, length: usize) -> EventIds {
        let short = EventIds::new();
        if length <= short.capacity() {
            return short;
        }
        let Some(mut list) = self.spare.pop() else { return EventIds::with_capacity(length) };
        self.memory -= list.capacity() * size_of::<EventId>();
        list.reserve(length);
        list
    }

    /// A list of these events.
    pub fn copy(&mut self, events: &[EventId]) -> EventIds {
        let mut list = self.take(events.len());
        list.extend_from_slice(events);
        list
    }

    /// Keeps the room of a list that is not needed any more.
    pub fn give_back(&mut self, mut list: EventIds) {
        if list.spilled() && list.capacity() <= LONG && self.spare.len() < MANY {
            list.clear();
            self.memory += list.capacity() * size_of::<EventId>();
            self.spare.push(list);
        }
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.memory + self.spare.capacity() * size_of::<EventIds>()
    }
}
