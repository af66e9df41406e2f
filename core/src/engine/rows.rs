//! What a reader makes of one piece of a source: the events that a stream selects, with keys and labels,
//! and of the others what the watermark follows from.
//!
//! Owns all that it needs of the bytes, so that these can go while the joins are elsewhere. Costs a copy
//! of what is selected.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::reading::Reading;
use crate::decode::BadLine;
use crate::event::Event;
use crate::id::{HostEvent, HostHandle, StreamId};
use crate::limits;
use crate::time::{Span, Timestamp};
use crate::window::record::Payload;

/// Which part of the keys an engine has, where several engines answer one query.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Share {
    /// Its number, from 0. The first also has what has no key, and tells what concerns no key at all.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Whether it is the first.
    pub fn is_first(self) -> bool {
        self.index == 0
    }
}

/// One event in one stream.
#[derive(Debug)]
pub(super) struct Row {
    pub time: Timestamp,
    /// The newest time of the events before it, of which the watermark it meets follows.
    pub before: Timestamp,
    /// The number of the event among all that were read, from 0.
    pub event: u32,
    pub stream: StreamId,
    pub hidden: bool,
    host: Option<HostEvent>,
    raw: (u32, u32),
    keys_at: u32,
    ends_at: u32,
}

/// The rows that one engine takes, in order, with all that is kept of them: an engine reads nothing that
/// is another's.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub rows: Vec<Row>,
    text: String,
    keys: Vec<u8>,
    /// Of each row, where its keys and labels end.
    ends: Vec<usize>,
}

impl Part {
    fn like(size: &Size) -> Self {
        Self {
            rows: Vec::with_capacity(size.rows),
            text: String::with_capacity(size.text),
            keys: Vec::with_capacity(size.keys),
            ends: Vec::with_capacity(size.ends),
        }
    }

    fn clear(&mut self) {
        let Self { rows, text, keys, ends } = self;
        rows.clear();
        text.clear();
        keys.clear();
        ends.clear();
    }

    fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
            + self.text.capacity()
            + self.keys.capacity()
            + self.ends.capacity() * size_of::<usize>()
    }

    /// Puts the keys and the `labels` kept labels of a row where those of an event are that has just
    /// been read.
    pub fn load(&self, row: &Row, reading: &mut Reading, labels: usize) {
        let ends = &self.ends[row.ends_at as usize..];
        let ends = reading.keys.load(&self.keys, row.keys_at as usize, ends);
        reading.kept.load(&self.text, row.raw.1 as usize, labels, ends);
    }

    /// The key of a row in the first table.
    pub fn first_key(&self, row: &Row) -> Option<&[u8]> {
        let end = *self.ends.get(row.ends_at as usize)?;
        self.keys.get(row.keys_at as usize..end)
    }

    pub fn payload(&self, row: &Row) -> Payload<'_> {
        let raw = || Payload::Raw(&self.text[row.raw.0 as usize..row.raw.1 as usize]);
        row.host.map_or_else(raw, Payload::Host)
    }
}

/// A place in what is kept of one piece.
fn place(at: usize) -> u32 {
    u32::try_from(at).expect("a piece has far fewer than 4 billion events and bytes")
}

/// A line that could not be used, as [`BadLine`].
#[derive(Debug)]
pub(super) struct Bad {
    pub code: &'static str,
    pub message: String,
    pub line: u64,
    pub byte: u64,
}

impl Bad {
    pub fn view(&self) -> BadLine<'_> {
        let Self { code, message, line, byte } = self;
        BadLine { code, message, line: *line, byte: *byte }
    }
}

/// What the places of bad lines are counted from.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(super) enum Origin {
    /// The beginning of the source.
    #[default]
    Source,
    /// The end of what was read of the source before.
    Block,
    /// As `Block`; a line is an event of the host.
    Host,
}

/// What a [`Reader`](super::Reader) has made of one piece of a source.
#[derive(Debug, Default)]
pub struct Rows {
    /// When the piece arrived, where the host measures that.
    pub(super) at: Option<Span>,
    pub(super) bytes: u64,
    pub(super) lines: u64,
    pub(super) origin: Origin,
    /// Of all events, selected or not, in order.
    pub(super) times: Vec<Timestamp>,
    /// Tells repeats; of all events, where these are to be dropped.
    pub(super) hashes: Vec<u128>,
    pub(super) oldest: Option<Timestamp>,
    pub(super) newest: Option<Timestamp>,
    /// Of each engine.
    parts: Vec<Part>,
    /// How many bad lines there were, and the first of them.
    pub(super) bad_lines: u64,
    pub(super) bad: Vec<Bad>,
    /// The others by code: how many, and the first.
    pub(super) more_bad: BTreeMap<&'static str, (u64, Bad)>,
    /// Labels of some events, to complete queries with.
    pub(super) samples: Vec<Vec<(String, String)>>,
    /// Events of the host that no stream selects.
    pub(super) unselected: Vec<HostHandle>,
    /// Events of the host that go to several engines, and to how many.
    pub(super) parted: Vec<(HostHandle, u32)>,
}

/// How much is in [`Rows`]: events, and the most of what a part has.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Size {
    events: usize,
    rows: usize,
    text: usize,
    keys: usize,
    ends: usize,
}

impl Rows {
    /// For so many engines.
    pub(super) fn new(shards: usize) -> Self {
        Self::like(shards, &Size::default())
    }

    /// As [`new`](Self::new), with room for about as much as is in another.
    pub(super) fn like(shards: usize, size: &Size) -> Self {
        Self {
            times: Vec::with_capacity(size.events),
            parts: (0..shards).map(|_| Part::like(size)).collect(),
            ..Self::default()
        }
    }

    /// Leaves its room, and nothing in it.
    pub(super) fn cleared(self) -> Self {
        let Self { mut times, mut hashes, mut parts, .. } = self;
        times.clear();
        hashes.clear();
        parts.iter_mut().for_each(Part::clear);
        Self { times, hashes, parts, ..Self::default() }
    }

    /// How much is in it, and an eighth.
    pub(super) fn size(&self) -> Size {
        let more = |length: usize| length + length / 8;
        let most =
            |length: fn(&Part) -> usize| more(self.parts.iter().map(length).max().unwrap_or(0));
        Size {
            events: more(self.times.len()),
            rows: most(|part| part.rows.len()),
            text: most(|part| part.text.len()),
            keys: most(|part| part.keys.len()),
            ends: most(|part| part.ends.len()),
        }
    }

    /// Events of the host that several engines take, and how many do: it is released once all of them
    /// have.
    pub fn parted(&self) -> &[(HostHandle, u32)] {
        &self.parted
    }

    /// Notes when the piece arrived, by the clock of [`set_clock`](super::Correlator::set_clock).
    pub fn set_arrival(&mut self, at: Span) {
        self.at = Some(at);
    }

    /// About how many bytes it takes.
    pub fn memory(&self) -> usize {
        self.parts.iter().map(Part::memory).sum::<usize>()
            + self.times.capacity() * size_of::<Timestamp>()
    }

    /// Adds the last event to a stream, as it has been read.
    pub(super) fn add(
        &mut self,
        stream: StreamId,
        event: &Event<'_>,
        host: Option<HostEvent>,
        hidden: bool,
        reading: &Reading,
        seed: u64,
    ) {
        let part = self.add_row(stream, event, host, hidden, reading.keys.get(0), seed);
        reading.keys.save(&mut part.keys, &mut part.ends);
        reading.kept.save(&mut part.text, &mut part.ends);
    }

    /// The same of an event of which nothing counts but its key in the only table.
    pub(super) fn add_plain(
        &mut self,
        stream: StreamId,
        event: &Event<'_>,
        host: Option<HostEvent>,
        key: &[u8],
        seed: u64,
    ) {
        let part = self.add_row(stream, event, host, false, Some(key), seed);
        part.keys.extend_from_slice(key);
        part.ends.push(part.keys.len());
    }

    #[inline]
    fn add_row(
        &mut self,
        stream: StreamId,
        event: &Event<'_>,
        host: Option<HostEvent>,
        hidden: bool,
        key: Option<&[u8]>,
        seed: u64,
    ) -> &mut Part {
        let shards = self.parts.len();
        // What has an empty key is identified as what has none.
        let key = key.filter(|key| shards > 1 && !key.is_empty());
        let share = key.map_or(0, |key| share_of(key, seed, shards));
        let part = &mut self.parts[share];
        let start = part.text.len();
        if host.is_none() {
            part.text.push_str(event.raw);
        }
        part.rows.push(Row {
            time: event.time,
            before: self.newest.unwrap_or(Timestamp::MIN),
            event: place(self.times.len() - 1),
            stream,
            hidden,
            host,
            raw: (place(start), place(part.text.len())),
            keys_at: place(part.keys.len()),
            ends_at: place(part.ends.len()),
        });
        part
    }

    /// An event was read.
    pub(super) fn begin(&mut self, time: Timestamp) {
        self.times.push(time);
        self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
    }

    /// The last event has been added to the streams that select it.
    pub(super) fn finish(&mut self, time: Timestamp) {
        self.newest = self.newest.max(Some(time));
    }

    /// Notes to whom the last event goes, which is one of the host.
    pub(super) fn note_handle(&mut self, handle: HostHandle) {
        let number = place(self.times.len() - 1);
        let has_it = |part: &&Part| part.rows.last().is_some_and(|row| row.event == number);
        match self.parts.iter().filter(has_it).count() {
            0 => self.unselected.push(handle),
            1 => {}
            several => {
                self.parted.push((handle, u32::try_from(several).expect("engines are few")));
            }
        }
    }

    pub(super) fn add_bad(&mut self, bad: BadLine<'_>) {
        self.bad_lines += 1;
        let owned = || Bad {
            code: bad.code,
            message: bad.message.to_owned(),
            line: bad.line,
            byte: bad.byte,
        };
        if self.bad.len() < limits::NOTICES_PER_POLL {
            self.bad.push(owned());
        } else {
            self.more_bad.entry(bad.code).or_insert_with(|| (0, owned())).0 += 1;
        }
    }

    /// What an engine takes.
    pub(super) fn of(&self, share: Share) -> &Part {
        &self.parts[share.index]
    }
}

/// Which engine has a key.
fn share_of(key: &[u8], seed: u64, shards: usize) -> usize {
    // Other bits than those that the tables hash to, so that these are used as evenly as by one.
    let hash = u128::from(xxh3_64_with_seed(key, !seed));
    usize::try_from((hash * shards as u128) >> 64).expect("is below the number of engines")
}
