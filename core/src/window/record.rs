//! What is known about one held event, and what it brings when it comes.

use std::ops::Range;

use crate::id::{EventId, HostEvent, KeyId, StreamId};
use crate::time::Timestamp;

/// What is known about an event; see [`Record`].
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Flags(u16);

impl Flags {
    /// The record is in use.
    pub const HELD: Self = Self(1);
    /// The event was late: it is part of a result, but nothing that arrives later matches it.
    pub const LATE: Self = Self(1 << 1);
    /// The event has a match in the first join.
    pub const MATCHED: Self = Self(1 << 2);
    /// The event is known to have no match in the first join.
    pub const UNMATCHED: Self = Self(1 << 3);
    /// The projection drops the event from results.
    pub const HIDDEN: Self = Self(1 << 4);
    /// The payload is with the host.
    pub const HOST: Self = Self(1 << 5);
    /// The event is a root whose results may have changed since they were last looked at.
    pub const DIRTY: Self = Self(1 << 6);
    /// The event's component is closed: it is out of the key tables and waits to be delivered.
    pub const CLOSED: Self = Self(1 << 7);
    /// Whether the event has a match cannot be known: what it might match has been evicted.
    pub const UNKNOWN: Self = Self(1 << 8);
    /// The event is looked at again no later than its component closes if it is the root.
    pub const AWAITED: Self = Self(1 << 9);

    /// Whether all of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Sets `other`.
    pub const fn set(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Sets `other` where `is` holds.
    pub const fn set_if(&mut self, is: bool, other: Self) {
        if is {
            self.set(other);
        }
    }

    /// Clears `other`.
    pub const fn clear(&mut self, other: Self) {
        self.0 &= !other.0;
    }
}

/// One held event. `link` and `next` form the components of the join stage: a union-find forest, and a
/// ring through all members; `key` and `before` the chain of its key.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// Event time.
    pub time: Timestamp,
    /// Order of arrival; wraps, and is only compared between events held at the same time. One
    /// event that several streams select is held once for each, with one number.
    pub arrival: u32,
    pub link: Link,
    /// Next member of the component, or of the result once that is closed.
    pub next: EventId,
    /// The key in the first key table; the others are beside.
    pub(super) key: KeyId,
    /// The event before this one in the chain of that key.
    pub(super) before: EventId,
    pub(super) payload_start: u32,
    pub(super) payload_length: u32,
    /// The stream.
    pub stream: StreamId,
    pub flags: Flags,
}

impl Record {
    /// The event before this one in the chain of its key in the first key table.
    pub fn before(&self) -> EventId {
        self.before
    }

    /// The place of the event in event order.
    pub fn order(&self) -> EventOrder {
        EventOrder { time: self.time, stream: self.stream, arrival: self.arrival }
    }
}

/// Where an event stands: in a component, or, where results share events, how many hold it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Link(u32);

/// Where an event stands in its component.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// It is the root of a component of so many events.
    Root(u32),
    /// It has this parent in the forest.
    Below(EventId),
}

impl Link {
    /// A component of its own.
    pub const ALONE: Self = Self::root(1);

    /// Tells a number from an event: there are never half as many of these.
    const ROOT_BIT: u32 = 1 << 31;

    /// Held by so many results.
    pub const fn holders(count: u32) -> Self {
        Self(count)
    }

    /// How many results hold the event.
    pub const fn count(self) -> u32 {
        self.0
    }

    /// Where the event stands.
    pub const fn place(self) -> Place {
        if self.0 & Self::ROOT_BIT == 0 {
            Place::Below(EventId::from_get(self.0))
        } else {
            Place::Root(self.0 & !Self::ROOT_BIT)
        }
    }

    /// How many events the component has, of which this is the root.
    pub const fn size(self) -> u32 {
        debug_assert!(self.0 & Self::ROOT_BIT != 0, "only a root knows");
        self.0 & !Self::ROOT_BIT
    }

    /// The root of a component of `size` events.
    pub const fn root(size: u32) -> Self {
        debug_assert!(size < Self::ROOT_BIT, "the memory bound is far below 2³¹ records");
        Self(size | Self::ROOT_BIT)
    }

    /// Below `parent` in the forest.
    pub const fn below(parent: EventId) -> Self {
        debug_assert!(parent.get() < Self::ROOT_BIT, "the memory bound is far below 2³¹ records");
        Self(parent.get())
    }
}

/// What the events of a closed component are.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Members {
    /// How many.
    pub size: u32,
    /// The first in event order.
    pub first: EventOrder,
    /// The streams that have one, as bits.
    pub streams: u64,
    /// The flags that any has.
    pub any: Flags,
    /// The flags that all have.
    pub all: Flags,
}

impl Default for Members {
    /// None.
    fn default() -> Self {
        let (time, stream) = (Timestamp::MAX, StreamId::new(usize::from(u16::MAX)));
        Self {
            size: 0,
            first: EventOrder { time, stream, arrival: 0 },
            streams: 0,
            any: Flags(0),
            all: Flags(u16::MAX),
        }
    }
}

impl Members {
    /// So many, of these streams, of which nothing else is known and this one is the first.
    pub fn plain(size: u32, streams: u64, first: &Record) -> Self {
        Self { size, first: first.order(), streams, any: Flags::HELD, all: Flags::HELD }
    }

    /// Takes in one more.
    pub fn add(&mut self, record: &Record) {
        self.size += 1;
        self.first = self.first.min(record.order());
        self.streams |= 1 << record.stream.index();
        self.any.0 |= record.flags.0;
        self.all.0 &= record.flags.0;
    }

    /// Whether a stream has one.
    pub fn has(&self, stream: usize) -> bool {
        self.streams & 1 << stream != 0
    }
}

/// What an event carries to the result.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Payload<'a> {
    /// The bytes it came from.
    Raw(&'a str),
    /// The host has it.
    Host(HostEvent),
}

/// A position in event order: time, position of the stream, order within the source.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct EventOrder {
    pub time: Timestamp,
    pub stream: StreamId,
    pub arrival: u32,
}

impl Ord for EventOrder {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.time
            .cmp(&other.time)
            .then(self.stream.cmp(&other.stream))
            .then_with(|| compare_arrival(self.arrival, other.arrival))
    }
}

impl PartialOrd for EventOrder {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Orders two arrival numbers that are less than 2³¹ apart.
pub(crate) fn compare_arrival(a: u32, b: u32) -> std::cmp::Ordering {
    if a == b {
        std::cmp::Ordering::Equal
    } else if b.wrapping_sub(a) < 1 << 31 {
        std::cmp::Ordering::Less
    } else {
        std::cmp::Ordering::Greater
    }
}

/// Stands for the end of what is missing.
const MISSING: usize = usize::MAX;

/// The labels of one event that are kept with it, in a buffer that is reused from event to event.
#[derive(Debug, Default)]
pub(crate) struct KeptLabels {
    text: String,
    ranges: Vec<Option<Range<usize>>>,
}

impl KeptLabels {
    /// Takes the values of an event, in the order its stream keeps them.
    pub fn read<'a>(&mut self, values: impl Iterator<Item = Option<&'a str>>) {
        self.text.clear();
        self.ranges.clear();
        for value in values {
            self.ranges.push(value.map(|value| {
                let start = self.text.len();
                self.text.push_str(value);
                start..self.text.len()
            }));
        }
    }

    /// Appends the labels, and where each ends.
    pub fn save(&self, text: &mut String, ends: &mut Vec<usize>) {
        let start = text.len();
        text.push_str(&self.text);
        let ranges = self.ranges.iter();
        ends.extend(ranges.map(|range| range.as_ref().map_or(MISSING, |range| start + range.end)));
    }

    /// Takes labels that were [saved](Self::save) from `start` on, in place of those of an event; as
    /// many as `labels`.
    pub fn load(&mut self, text: &str, start: usize, labels: usize, ends: &[usize]) {
        self.ranges.clear();
        let mut from = 0;
        for end in &ends[..labels] {
            self.ranges.push((*end != MISSING).then(|| from..*end - start));
            from = if *end == MISSING { from } else { *end - start };
        }
        self.text.clear();
        self.text.push_str(&text[start..start + from]);
    }

    pub(super) fn get(&self, at: usize) -> Option<&str> {
        self.ranges.get(at).cloned().flatten().map(|range| &self.text[range])
    }
}

/// An event that has come to a stream.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Arrival<'a> {
    pub time: Timestamp,
    pub stream: StreamId,
    /// Counts events; the same for each stream that selects the event.
    pub number: u32,
    pub payload: Payload<'a>,
    /// Whether the projection drops it from results.
    pub hidden: bool,
    /// Whether the watermark has passed it.
    pub late: bool,
    /// What is kept of its labels.
    pub kept: &'a KeptLabels,
}
