//! The events the engine holds, in segments that are freed whole.
//!
//! Owns the retained bytes, one record per event, and when each closes. Does not know why
//! an event is held, nor what it matches: the links of the join stage are plain data. Adding an event appends to
//! the newest segment of its stream, since events of one stream are held about equally long;
//! forgetting one is a decrement, and a segment whose events are all forgotten is used again. Steady
//! state allocates nothing.

use super::lists::Lists;
use super::record::{Arrival, EventOrder, Flags, KeptLabels, Link, Payload, Record};
use crate::id::{DeliveryId, EventId, HostEvent, HostHandle, KeyId, StreamId};
use crate::time::{Span, Timestamp};

/// Events per segment, as a power of two: large enough that a segment's bytes are a large block,
/// small enough that one long-lived event does not pin much.
const SEGMENT_BITS: u32 = 10;
const SEGMENT_EVENTS: usize = 1 << SEGMENT_BITS;

/// Bytes of a segment that holds more than one event: what one long-lived event pins, and what is freed
/// at a time, stays small beside the memory the engine may use.
const SEGMENT_BYTES: usize = 256 << 10;

/// Bytes a segment may keep when it is reused; one that held huge events is shrunk to it.
const SPARE_SEGMENT_BYTES: usize = SEGMENT_BYTES;

#[derive(Debug, Default)]
struct Segment {
    records: Vec<Record>,
    /// Of each record and key table but the first, the key and the event before it in the chain of that.
    more_keys: Vec<(KeyId, EventId)>,
    /// Of each record that has been delivered and may still grow, as what; shorter than `records`, and
    /// mostly empty.
    deliveries: Vec<DeliveryId>,
    bytes: String,
    /// Of each record, where each of its kept labels ends in `labels`, with [`MISSING_BIT`] where the
    /// event does not have it.
    label_ends: Vec<u64>,
    labels: String,
    /// Bytes that the host holds of its events.
    hosted: usize,
    held: usize,
    /// Of these, those that are not decided.
    open: usize,
    /// Bytes that are counted as those of a segment without any.
    decided_memory: usize,
    oldest: Timestamp,
}

/// Tells a label that an event does not have from an empty one.
const MISSING_BIT: u64 = 1 << 63;

impl Segment {
    /// Whether one more event takes no more memory, but for labels and what the host holds.
    fn has_room(&self, raw: usize) -> bool {
        self.records.len() < self.records.capacity()
            && raw <= self.bytes.capacity() - self.bytes.len()
            && self.labels.len() + self.hosted <= SEGMENT_BYTES
    }

    /// Makes room for one more event: by doubling, but for no more than a segment may have. Returns the
    /// bytes that takes.
    fn make_room(&mut self, raw: usize) -> usize {
        let before = self.memory();
        let (length, capacity) = (self.bytes.len(), self.bytes.capacity());
        if length + raw > capacity {
            let wanted = (2 * capacity).min(SEGMENT_BYTES).max(length + raw);
            self.bytes.reserve_exact(wanted - length);
        }
        self.records.reserve(1);
        self.memory() - before
    }

    fn clear(&mut self) {
        self.records.clear();
        self.more_keys.clear();
        self.deliveries.clear();
        self.bytes.clear();
        self.label_ends.clear();
        self.labels.clear();
        self.bytes.shrink_to(SPARE_SEGMENT_BYTES);
    }

    fn memory(&self) -> usize {
        self.records.capacity() * size_of::<Record>()
            + self.more_keys.capacity() * size_of::<(KeyId, EventId)>()
            + self.deliveries.capacity() * size_of::<DeliveryId>()
            + self.bytes.capacity()
            + self.label_ends.capacity() * size_of::<u64>()
            + self.labels.capacity()
            + self.hosted
    }
}

/// When the components of a stream's events close, as far as that is for the event to say.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Closes {
    /// How long after an event what it matches may come.
    pub reach: Span,
    /// How long after an unmatched event others join it.
    pub gap: Span,
}

/// All held events.
#[derive(Debug)]
pub(crate) struct Store {
    /// Room for lists of these events.
    pub lists: Lists,
    segments: Vec<Segment>,
    /// Empty segments that keep their memory for reuse.
    spare: Vec<usize>,
    spare_memory: usize,
    max_spare_memory: usize,
    /// Empty segments without memory.
    free: Vec<usize>,
    /// Per stream, the segment that takes its events.
    current: Vec<usize>,
    /// Keys of an event beside the first.
    more_keys: usize,
    labels_per_event: usize,
    /// Per stream, how long after its time the component of an event closes that is alone.
    closes: Vec<Closes>,
    held: usize,
    memory: usize,
    decided_memory: usize,
    /// Per stream, the newest time of which an event has been evicted.
    evicted: Vec<Timestamp>,
    has_evicted: bool,
}

impl Store {
    /// A store for events of streams that close so, which have keys in `tables` key tables, and of which
    /// up to `labels` labels are kept. Empty segments may keep `spare` bytes for reuse.
    pub fn new(closes: Vec<Closes>, tables: usize, labels: usize, spare: usize) -> Self {
        let streams = closes.len();
        Self {
            lists: Lists::default(),
            segments: (0..streams).map(|_| Segment::default()).collect(),
            spare: Vec::new(),
            spare_memory: 0,
            max_spare_memory: spare,
            free: Vec::new(),
            current: (0..streams).collect(),
            more_keys: tables - 1,
            labels_per_event: labels,
            closes,
            held: 0,
            memory: 0,
            decided_memory: 0,
            evicted: vec![Timestamp::MIN; streams],
            has_evicted: false,
        }
    }

    /// Holds an event. `keys` has one entry per key table; `before` is the event before it in the chain of
    /// the first.
    #[expect(clippy::inline_always, reason = "the way of every event, from one place each")]
    #[inline(always)]
    pub fn add(
        &mut self,
        event: &Arrival<'_>,
        link: Link,
        keys: &[KeyId],
        before: EventId,
    ) -> EventId {
        debug_assert_eq!(keys.len(), 1 + self.more_keys, "one key per table");
        let (raw, host) = match event.payload {
            Payload::Raw(raw) => (raw, None),
            Payload::Host(host) => ("", Some(host)),
        };
        let mut at = self.current[event.stream.index()];
        let mut segment = &mut self.segments[at];
        if !segment.has_room(raw.len()) {
            at = self.make_room(event.stream, raw.len());
            segment = &mut self.segments[at];
        }
        let id = EventId::new(at * SEGMENT_EVENTS + segment.records.len());
        let mut flags = Flags::HELD;
        flags.set_if(event.hidden, Flags::HIDDEN);
        flags.set_if(event.late, Flags::LATE);
        let (payload_start, payload_length) = if let Some(HostEvent { handle, bytes }) = host {
            flags.set(Flags::HOST);
            segment.hosted += bytes as usize;
            self.memory += bytes as usize;
            (handle.0, bytes)
        } else {
            (offset(segment.bytes.len()), offset(raw.len()))
        };
        segment.bytes.push_str(raw);
        if segment.held == 0 || event.time < segment.oldest {
            segment.oldest = event.time;
        }
        segment.held += 1;
        segment.open += 1;
        if segment.decided_memory > 0 {
            self.decided_memory -= std::mem::take(&mut segment.decided_memory);
        }
        segment.records.push(Record {
            time: event.time,
            arrival: event.number,
            link,
            next: id,
            key: keys[0],
            before,
            payload_start,
            payload_length,
            stream: event.stream,
            flags,
        });
        self.held += 1;
        if self.more_keys > 0 || self.labels_per_event > 0 {
            self.add_more(at, keys, event.kept);
        }
        id
    }

    /// Adds what most events do not have: further keys, and labels.
    #[inline(never)]
    fn add_more(&mut self, at: usize, keys: &[KeyId], kept: &KeptLabels) {
        let segment = &mut self.segments[at];
        let before = segment.memory();
        segment.more_keys.extend(keys[1..].iter().map(|key| (*key, EventId::NONE)));
        for at in 0..self.labels_per_event {
            let value = kept.get(at);
            segment.labels.push_str(value.unwrap_or_default());
            let end = segment.labels.len() as u64;
            segment.label_ends.push(if value.is_some() { end } else { end | MISSING_BIT });
        }
        self.memory = self.memory + segment.memory() - before;
    }

    /// Forgets an event. Returns the handle the host may let go of.
    pub fn forget(&mut self, id: EventId) -> Option<HostHandle> {
        let (at, place) = id.split(SEGMENT_BITS);
        let segment = &mut self.segments[at];
        let Record { flags, payload_start, payload_length, .. } = &mut segment.records[place];
        let handle = flags.has(Flags::HOST).then_some(HostHandle(*payload_start));
        let bytes = if handle.is_some() { *payload_length as usize } else { 0 };
        debug_assert!(flags.has(Flags::HELD), "an event is forgotten once");
        if !flags.has(Flags::CLOSED) {
            segment.open -= 1;
        }
        flags.clear(Flags::HELD);
        segment.held -= 1;
        self.held -= 1;
        if bytes > 0 {
            segment.hosted -= bytes;
            self.memory -= bytes;
            if segment.decided_memory > 0 {
                segment.decided_memory -= bytes;
                self.decided_memory -= bytes;
            }
        }
        if segment.held == 0 {
            self.empty(at);
        } else if segment.open == 0 {
            self.note_decided(at);
        }
        handle
    }

    /// Makes a segment that no event is held in any more ready for reuse.
    #[inline(never)]
    fn empty(&mut self, at: usize) {
        let segment = &mut self.segments[at];
        self.decided_memory -= std::mem::take(&mut segment.decided_memory);
        let before = segment.memory();
        segment.clear();
        if !self.current.contains(&at) {
            let kept = segment.memory();
            if self.spare_memory + kept <= self.max_spare_memory {
                self.spare_memory += kept;
                self.spare.push(at);
            } else {
                *segment = Segment::default();
                self.free.push(at);
            }
        }
        self.memory = self.memory + self.segments[at].memory() - before;
    }

    /// When everything has been seen that could be connected with an event: of a component, the latest
    /// of its members.
    pub fn close_of(&self, record: &Record) -> Timestamp {
        if record.flags.has(Flags::LATE) {
            // It waits for nothing.
            return Timestamp::MIN;
        }
        let Closes { reach, gap } = self.closes[record.stream.index()];
        let wait = if record.flags.has(Flags::UNMATCHED) { reach.max(gap) } else { reach };
        record.time.plus(wait)
    }

    /// The delivered correlation that an event is part of.
    pub fn delivery(&self, id: EventId) -> DeliveryId {
        let (at, place) = id.split(SEGMENT_BITS);
        self.segments[at].deliveries.get(place).copied().unwrap_or(DeliveryId::NONE)
    }

    /// Notes of which delivered correlation an event is part.
    pub fn set_delivery(&mut self, id: EventId, delivery: DeliveryId) {
        let (at, place) = id.split(SEGMENT_BITS);
        let Segment { deliveries, records, .. } = &mut self.segments[at];
        if deliveries.len() <= place {
            if delivery == DeliveryId::NONE {
                return;
            }
            let before = deliveries.capacity();
            deliveries.reserve_exact(records.capacity() - deliveries.len());
            self.memory += (deliveries.capacity() - before) * size_of::<DeliveryId>();
            deliveries.resize(place + 1, DeliveryId::NONE);
        }
        deliveries[place] = delivery;
    }

    /// Notes that what an event belongs to is decided: it waits to be delivered or forgotten.
    #[inline]
    pub fn close(&mut self, id: EventId) -> &mut Record {
        let (at, place) = id.split(SEGMENT_BITS);
        let segment = &mut self.segments[at];
        segment.open -= 1;
        if segment.open == 0 {
            self.note_decided(at);
        }
        let record = &mut self.segments[at].records[place];
        record.flags.set(Flags::CLOSED);
        record
    }

    #[inline(never)]
    fn note_decided(&mut self, at: usize) {
        let segment = &mut self.segments[at];
        if segment.open == 0 && segment.decided_memory == 0 {
            segment.decided_memory = segment.memory();
            self.decided_memory += segment.decided_memory;
        }
    }

    /// Whether an event is held and not known to be decided.
    pub fn is_open(&self, id: EventId) -> bool {
        let flags = self.flags(id);
        flags.has(Flags::HELD) && !flags.has(Flags::CLOSED)
    }

    /// Bytes that will be free once all that is decided has been forgotten.
    pub fn decided_memory(&self) -> usize {
        self.decided_memory
    }

    /// From now on empty segments may keep `spare` bytes for reuse.
    pub fn set_spare(&mut self, spare: usize) {
        self.max_spare_memory = spare;
        if self.spare_memory > spare {
            self.trim();
        }
    }

    /// Gives back the memory that empty segments keep for reuse.
    pub fn trim(&mut self) {
        let current = self.current.iter().copied().filter(|at| self.segments[*at].held == 0);
        let unused: Vec<_> = self.spare.iter().copied().chain(current).collect();
        for at in unused {
            let segment = &mut self.segments[at];
            self.memory -= segment.memory();
            *segment = Segment::default();
        }
        self.free.append(&mut self.spare);
        self.spare_memory = 0;
        self.lists = Lists::default();
    }

    /// Makes room for the next event of a stream, which brings so many bytes. Returns the segment.
    #[inline(never)]
    fn make_room(&mut self, stream: StreamId, raw: usize) -> usize {
        let current = self.current[stream.index()];
        let Segment { records, bytes, labels, hosted, .. } = &self.segments[current];
        let has_room = bytes.len() + labels.len() + hosted + raw <= SEGMENT_BYTES;
        let at = if (records.len() < SEGMENT_EVENTS && has_room) || records.is_empty() {
            current
        } else {
            self.next_segment(stream)
        };
        self.memory += self.segments[at].make_room(raw);
        at
    }

    /// Has events of a stream go to another segment.
    fn next_segment(&mut self, stream: StreamId) -> usize {
        let current = &mut self.current[stream.index()];
        *current = if let Some(at) = self.spare.pop() {
            self.spare_memory -= self.segments[at].memory();
            at
        } else if let Some(at) = self.free.pop() {
            at
        } else {
            self.segments.push(Segment::default());
            self.segments.len() - 1
        };
        *current
    }

    /// The record of a held event.
    pub fn record(&self, id: EventId) -> &Record {
        let (segment, place) = id.split(SEGMENT_BITS);
        &self.segments[segment].records[place]
    }

    /// The record of a held event.
    pub fn record_mut(&mut self, id: EventId) -> &mut Record {
        let (segment, place) = id.split(SEGMENT_BITS);
        &mut self.segments[segment].records[place]
    }

    /// Whether `id` is (still, or again) a held event.
    pub fn is_held(&self, id: EventId) -> bool {
        self.flags(id).has(Flags::HELD)
    }

    /// What is known about an event that is or was held; nothing, where that is forgotten.
    fn flags(&self, id: EventId) -> Flags {
        let (segment, place) = id.split(SEGMENT_BITS);
        self.segments[segment].records.get(place).map_or(Flags::default(), |record| record.flags)
    }

    /// The key of an event in `table`.
    pub fn key(&self, id: EventId, table: usize) -> KeyId {
        let (segment, place) = id.split(SEGMENT_BITS);
        let segment = &self.segments[segment];
        match table.checked_sub(1) {
            None => segment.records[place].key,
            Some(table) => segment.more_keys[place * self.more_keys + table].0,
        }
    }

    /// The keys of an event, one per key table.
    pub fn keys(&self, id: EventId) -> impl Iterator<Item = KeyId> {
        (0..=self.more_keys).map(move |table| self.key(id, table))
    }

    /// The event before this one in the chain of its key in `table`.
    pub fn before(&self, id: EventId, table: usize) -> EventId {
        let (segment, place) = id.split(SEGMENT_BITS);
        let segment = &self.segments[segment];
        match table.checked_sub(1) {
            None => segment.records[place].before,
            Some(table) => segment.more_keys[place * self.more_keys + table].1,
        }
    }

    /// Sets the event before this one in the chain of its key in `table`.
    pub fn set_before(&mut self, id: EventId, table: usize, before: EventId) {
        let (segment, place) = id.split(SEGMENT_BITS);
        let segment = &mut self.segments[segment];
        match table.checked_sub(1) {
            None => segment.records[place].before = before,
            Some(table) => segment.more_keys[place * self.more_keys + table].1 = before,
        }
    }

    /// What an event carries.
    pub fn payload(&self, id: EventId) -> Payload<'_> {
        let (segment, _) = id.split(SEGMENT_BITS);
        let record = self.record(id);
        if record.flags.has(Flags::HOST) {
            let (handle, bytes) = (HostHandle(record.payload_start), record.payload_length);
            Payload::Host(HostEvent { handle, bytes })
        } else {
            let start = record.payload_start as usize;
            Payload::Raw(
                &self.segments[segment].bytes[start..start + record.payload_length as usize],
            )
        }
    }

    /// The value of a kept label, by its position in what the stream keeps.
    pub fn kept(&self, id: EventId, at: usize) -> Option<&str> {
        let (segment, place) = id.split(SEGMENT_BITS);
        let Segment { label_ends, labels, .. } = &self.segments[segment];
        let at = place * self.labels_per_event + at;
        let end = |at: usize| {
            usize::try_from(label_ends[at] & !MISSING_BIT).expect("it was the length of a text")
        };
        let start = at.checked_sub(1).map_or(0, end);
        (label_ends[at] & MISSING_BIT == 0).then(|| &labels[start..end(at)])
    }

    /// The place of an event in event order.
    pub fn order(&self, id: EventId) -> EventOrder {
        self.record(id).order()
    }

    /// The members of the ring through `start`.
    pub fn ring(&self, start: EventId) -> Ring<'_> {
        Ring { store: self, start, at: Some(start) }
    }

    /// Joins `events` into a ring of their own and returns a member.
    pub fn link(&mut self, events: &[EventId]) -> EventId {
        for (at, id) in events.iter().enumerate() {
            let next = events[(at + 1) % events.len()];
            self.record_mut(*id).next = next;
        }
        events[0]
    }

    /// A time that no held event is older than.
    pub fn oldest(&self) -> Timestamp {
        let held = self.segments.iter().filter(|segment| segment.held > 0);
        held.map(|segment| segment.oldest).min().unwrap_or(Timestamp::MAX)
    }

    /// Remembers that an event of a stream has been evicted: what may have matched it is not known
    /// to be unmatched.
    pub fn note_evicted(&mut self, stream: StreamId, time: Timestamp) {
        let newest = &mut self.evicted[stream.index()];
        *newest = time.max(*newest);
        self.has_evicted = true;
    }

    /// Whether no event of a stream has been evicted that is not older than `time`.
    pub fn has_all_since(&self, stream: StreamId, time: Timestamp) -> bool {
        let newest = self.evicted[stream.index()];
        newest == Timestamp::MIN || newest < time
    }

    /// Whether anything has been evicted.
    pub fn has_evicted(&self) -> bool {
        self.has_evicted
    }

    /// Whether nothing has been evicted that is not older than `time`.
    pub fn has_everything_since(&self, time: Timestamp) -> bool {
        !self.has_evicted
            || (0..self.evicted.len()).all(|stream| self.has_all_since(StreamId::new(stream), time))
    }

    /// The held events that are not newer than `newest`, in no particular order.
    pub fn held_until(&self, newest: Timestamp) -> impl Iterator<Item = EventId> {
        let segments = self.segments.iter().enumerate();
        let segments = segments.filter(move |(_, s)| s.held > 0 && s.oldest <= newest);
        segments.flat_map(move |(at, segment)| {
            let records = segment.records.iter().enumerate();
            let held = records.filter(move |(_, r)| r.flags.has(Flags::HELD) && r.time <= newest);
            held.map(move |(place, _)| EventId::new(at * SEGMENT_EVENTS + place))
        })
    }

    /// How many events are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Bytes used, but for the room of lists.
    pub fn memory(&self) -> usize {
        self.memory
    }
}

/// Iterates over a ring once.
pub(crate) struct Ring<'a> {
    store: &'a Store,
    start: EventId,
    at: Option<EventId>,
}

impl Iterator for Ring<'_> {
    type Item = EventId;

    fn next(&mut self) -> Option<EventId> {
        let id = self.at?;
        let next = self.store.record(id).next;
        self.at = (next != self.start).then_some(next);
        Some(id)
    }
}

fn offset(length: usize) -> u32 {
    u32::try_from(length)
        .expect("a segment holds 1,024 events of at most limits::MAX_EVENT_BYTES: below 4 GiB")
}
