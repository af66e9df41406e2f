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

use std::ops::Range;

use super::clock::Clock;
use super::ndjson::{Ndjson, Shape};
use super::zone::Zone;
use crate::columns::ColumnNames;
use crate::event::Fields;
use crate::time::Timestamp;

use dictionary::Dictionary;
use narrow::{Meaning, Narrow, Wanted};
use scan::At;
use whole::Whole;

/// What has been seen of a source, to read its next lines fast.
#[derive(Debug)]
pub(super) struct Predictor {
    dictionary: Dictionary<Meaning>,
    wanted: Option<Wanted>,
    /// What is wanted of the line that is looked at.
    fields: Fields,
}

impl Predictor {
    /// For lines like those that `ndjson` has learnt from; of which the columns are wanted, or all.
    pub fn new(columns: Option<&ColumnNames>, ndjson: &Ndjson) -> Self {
        let wanted = columns.filter(|columns| !columns.all_labels);
        let wanted = wanted.map(|columns| Wanted::new(columns, ndjson)).filter(Wanted::fits);
        let fields = wanted.as_ref().map_or_else(Fields::default, Wanted::fields);
        Self { dictionary: Dictionary::new(Meaning::default()), wanted, fields }
    }

    /// Reads what is wanted of the line of `text` that begins at `start`, or all of it. Returns its time
    /// and where its line ending stands; `None` for a line that is not usual.
    #[inline]
    pub fn read<'f>(
        &'f mut self,
        text: &str,
        start: At,
        all: bool,
        to: Known<'_>,
        whole: &'f mut Fields,
    ) -> Option<(Timestamp, At, &'f Fields)> {
        let Self { dictionary, wanted, fields } = self;
        if let Some(wanted) = wanted.as_ref().filter(|_| !all) {
            let mut narrow = Narrow::new(wanted, to, text, start, fields);
            let end = walk::walk(dictionary, text, start, &mut narrow)?;
            Some((narrow.finish()?, end, fields))
        } else {
            whole.clear();
            let mut scratch = whole.take_scratch();
            let mut receive = Whole::new(wanted.as_ref(), to, text, whole, &mut scratch.value);
            let read = walk::walk(dictionary, text, start, &mut receive)
                .and_then(|end| Some((receive.finish()?, end)));
            whole.put_scratch(scratch);
            let (time, end) = read?;
            Some((time, end, whole))
        }
    }
}

/// What is known of a source besides its fields.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub ndjson: &'a Ndjson,
    pub zone: &'a Zone,
    pub clock: &'a mut Clock,
}

impl Known<'_> {
    /// The time in this place of the text, where the field of the time stands.
    #[inline]
    fn time(&mut self, text: &str, at: Range<At>) -> Option<Timestamp> {
        let at = at.start as usize..at.end as usize;
        let time = self.clock.read(&text.as_bytes()[at.clone()]);
        time.or_else(|| self.other_time(&text[at]))
    }

    /// A time of another minute, or written otherwise.
    #[inline(never)]
    fn other_time(&mut self, text: &str) -> Option<Timestamp> {
        let found = self.ndjson.roles.read_time(text, self.zone)?.ok()?;
        self.clock.note(text.as_bytes(), found, self.zone.is_fixed());
        Some(found.time)
    }

    fn is_plain(&self) -> bool {
        self.ndjson.usual == Shape::Plain
    }
}
