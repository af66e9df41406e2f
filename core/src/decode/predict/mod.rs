//! The usual lines of NDJSON, several times faster than by `serde_json`.
//!
//! Lines of a source are made alike: the same fields, mostly in the same order. So each field is first
//! compared to the one that followed last time, and only looked up where it is another. What stands in
//! the line is read in one pass, and only what somebody wants of it is kept, as a place in the line.
//!
//! Owns nothing that changes a result: whatever is unusual in a line gives it up, and [`Ndjson`] then
//! decides what it is. Unusual are lines that are not JSON, have keys with escapes, are nested deeply, or
//! lack what other fields stand in for. Both must agree on everything else, and tests hold them to it.

// What every string and every key runs through costs less than a call.
#![allow(clippy::inline_always)]

mod dictionary;
mod narrow;
mod scan;
mod walk;
mod whole;

use super::clock::Clock;
use super::ndjson::Ndjson;
use super::zone::Zone;
use crate::columns::ColumnNames;
use crate::decode::Sink;
use crate::decode::record::LEVELS;
use crate::event::{Event, Fields, SLOTS};
use crate::time::Timestamp;

use dictionary::Dictionary;
use narrow::{Meaning, Narrow, Wanted};
use scan::At;
use whole::Whole;

/// What has been seen of a source, to read its next lines fast.
#[derive(Debug)]
pub(super) struct Predictor {
    dictionary: Dictionary<Meaning>,
    wanted: Wanted,
    /// Everything is wanted of every line.
    is_all: bool,
    /// What is wanted of the line that is looked at.
    fields: Fields,
}

impl Predictor {
    /// For lines like those that `ndjson` has learnt from; of which the columns are wanted, or all: also
    /// where these are too many.
    pub fn new(columns: Option<&ColumnNames>, ndjson: &Ndjson) -> Self {
        let wanted = columns.filter(|columns| !columns.all_labels).filter(|columns| {
            let most = columns.labels.len().max(columns.join_keys.len());
            most + LEVELS.len() <= SLOTS
        });
        let is_all = wanted.is_none();
        let wanted = Wanted::new(wanted.unwrap_or(&ColumnNames::default()), ndjson);
        let fields = wanted.fields();
        Self { dictionary: Dictionary::new(Meaning::default()), wanted, is_all, fields }
    }

    /// Reads the lines of `text` up to one that is not usual: what is wanted of them, or all of what the sink
    /// wants whole. Returns how many lines these were, and what is left.
    pub fn read<'t>(
        &mut self,
        text: &'t str,
        mut known: Known<'_>,
        whole: &mut Fields,
        sink: &mut dyn Sink,
    ) -> (u64, &'t str) {
        let Self { dictionary, wanted, is_all, fields } = self;
        let mut narrow = Narrow::new(wanted, &mut known, fields, sink);
        let mut rest = text;
        loop {
            if !*is_all {
                rest = walk::lines(dictionary, rest, &mut narrow);
            }
            if rest.is_empty() || !*is_all && !narrow.wants_all {
                break;
            }
            let read = all_of(dictionary, wanted, narrow.known, rest, whole);
            let Some((end, time)) = read else { break };
            let (line, after) = rest.split_at(end as usize + 1);
            narrow.sink.event(Event { time, raw: without_ending(line), fields: whole });
            narrow.lines += 1;
            rest = after;
        }
        (narrow.lines, rest)
    }
}

/// What stands in a line.
#[inline(always)]
fn without_ending(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Reads all of the line that `text` begins with. Returns where its ending stands, and its time.
#[inline(never)]
fn all_of(
    dictionary: &mut Dictionary<Meaning>,
    wanted: &Wanted,
    known: &mut Known<'_>,
    text: &str,
    fields: &mut Fields,
) -> Option<(At, Timestamp)> {
    fields.clear();
    let mut scratch = fields.take_scratch();
    let mut whole = Whole::new(wanted, known, fields, &mut scratch.value);
    let end = walk::line(dictionary, text, &mut whole);
    let read = end.and_then(|end| Some((end, whole.finish()?)));
    fields.put_scratch(scratch);
    read
}

/// What is known of a source besides its fields.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub ndjson: &'a Ndjson,
    pub zone: &'a Zone,
    pub clock: &'a mut Clock,
}

impl Known<'_> {
    /// The time that the field of the time holds.
    #[inline]
    fn time(&mut self, text: &str) -> Option<Timestamp> {
        self.clock.read(text.as_bytes()).or_else(|| self.other_time(text))
    }

    /// A time of another minute, or written otherwise.
    #[inline(never)]
    fn other_time(&mut self, text: &str) -> Option<Timestamp> {
        let found = self.ndjson.roles.read_time(text, self.zone)?.ok()?;
        self.clock.note(text.as_bytes(), found, self.zone.is_fixed());
        Some(found.time)
    }
}
