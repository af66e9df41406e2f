//! All that a line has.

use super::Known;
use super::dictionary::{Dictionary, Field};
use super::narrow::{Meaning, Use, Wanted, meaning};
use super::walk::{Receive, Written};
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

    fn value(
        &mut self,
        names: &Dictionary<Meaning>,
        field: &Field<Meaning>,
        value: Written,
    ) -> Option<()> {
        let text = self.text;
        if let (Use::Time, Written::Text(start, end, false) | Written::Other(start, end)) =
            (field.meaning.role, value)
            && !field.meaning.event_message
            && let Some(time) = self.known.time(&text[start..end])
        {
            self.filler.reader.found_time(time);
            return Some(());
        }
        let value = match value {
            Written::Text(start, end, false) => Value::Text(&text[start..end]),
            Written::Text(start, end, true) => {
                Value::Text(escape::json(&text[start..end], self.buffer))
            }
            Written::Other(start, end) => Value::Other(&text[start..end]),
            Written::Null => Value::Null,
        };
        self.filler.field(names.name(field), field.depth == 0, value);
        Some(())
    }

    fn object(&mut self, names: &Dictionary<Meaning>, field: &Field<Meaning>) -> Option<()> {
        self.filler.object(names.name(field), field.depth == 0);
        Some(())
    }
}
