//! All that a line has.

use std::ops::Range;

use super::Known;
use super::dictionary::{Dictionary, Id};
use super::narrow::{Meaning, Use, Wanted, meaning};
use super::scan::At;
use super::walk::Receive;
use crate::decode::escape;
use crate::decode::ndjson::{Filler, Visit};
use crate::decode::record::Value;
use crate::event::Fields;
use crate::time::Timestamp;

/// Hands the fields to what decides their roles in lines of any kind.
pub(super) struct Whole<'a> {
    wanted: Option<&'a Wanted>,
    known: Known<'a>,
    text: &'a str,
    filler: Filler<'a>,
    buffer: &'a mut String,
}

impl<'a> Whole<'a> {
    pub fn new(
        wanted: Option<&'a Wanted>,
        known: Known<'a>,
        text: &'a str,
        fields: &'a mut Fields,
        buffer: &'a mut String,
    ) -> Self {
        let filler = known.ndjson.filler(known.ndjson.usual, known.zone, fields);
        Self { wanted, known, text, filler, buffer }
    }

    /// There are no more fields: the time of the line.
    pub fn finish(self) -> Option<Timestamp> {
        let (shape, time) = self.filler.finish();
        time.ok().filter(|_| shape == self.known.ndjson.usual)
    }
}

impl Receive<Meaning> for Whole<'_> {
    fn meaning(&self, name: &str, object: Option<&Meaning>) -> Meaning {
        meaning(self.wanted, self.known.ndjson, name, object)
    }

    fn ignores(&self, _: &Meaning) -> bool {
        false
    }

    fn is_time(&self, meaning: &Meaning) -> bool {
        meaning.role == Use::Time && !meaning.is_event_message()
    }

    fn time(&mut self, bytes: &[u8], at: At) -> Option<At> {
        let (time, length) = self.known.clock.millis(bytes.get(at as usize..)?.first_chunk()?)?;
        self.filler.reader.found_time(time);
        Some(length)
    }

    fn text(
        &mut self,
        names: &Dictionary<Meaning>,
        id: Id,
        at: Range<At>,
        escaped: bool,
    ) -> Option<()> {
        if escaped {
            let text = self.piece(at);
            let text = escape::json(text, self.buffer);
            let is_top = names.field(id).depth == 0;
            self.filler.field(names.name(id), is_top, Value::Text(text));
            return Some(());
        }
        let value = Value::Text(self.piece(at.clone()));
        self.value(names, id, at, value);
        Some(())
    }

    fn other(&mut self, names: &Dictionary<Meaning>, id: Id, at: Range<At>) -> Option<()> {
        let value = Value::Other(self.piece(at.clone()));
        self.value(names, id, at, value);
        Some(())
    }

    fn null(&mut self, names: &Dictionary<Meaning>, id: Id, is_object: bool) -> Option<()> {
        let (name, is_top) = (names.name(id), names.field(id).depth == 0);
        if is_object {
            self.filler.object(name, is_top);
        } else {
            self.filler.field(name, is_top, Value::Null);
        }
        Some(())
    }
}

impl<'a> Whole<'a> {
    fn piece(&self, at: Range<At>) -> &'a str {
        &self.text[at.start as usize..at.end as usize]
    }

    fn value(&mut self, names: &Dictionary<Meaning>, id: Id, at: Range<At>, value: Value<'_>) {
        let field = names.field(id);
        if self.is_time(&field.meaning)
            && let Some(time) = self.known.time(self.text, at)
        {
            self.filler.reader.found_time(time);
        } else {
            self.filler.field(names.name(id), field.depth == 0, value);
        }
    }
}
