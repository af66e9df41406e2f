//! All that a line has.

use super::Known;
use super::dictionary::{Dictionary, Field};
use super::narrow::{Meaning, Plainly, Use, Wanted};
use super::scan::{self, At};
use super::walk::{Receive, Value};
use crate::decode::escape;
use crate::decode::ndjson::{Filler, Visit};
use crate::decode::record;
use crate::event::Fields;
use crate::time::Timestamp;

/// Hands the fields to what decides their roles in lines of any kind.
pub(super) struct Whole<'a, 'k> {
    wanted: &'a Wanted,
    known: &'a mut Known<'k>,
    filler: Filler<'a>,
    buffer: &'a mut String,
}

impl<'a, 'k> Whole<'a, 'k> {
    pub fn new(
        wanted: &'a Wanted,
        known: &'a mut Known<'k>,
        fields: &'a mut Fields,
        buffer: &'a mut String,
    ) -> Self {
        let ndjson = known.ndjson;
        let filler = ndjson.filler(ndjson.usual, known.zone, fields);
        Self { wanted, known, filler, buffer }
    }

    /// There are no more fields: the time of the line.
    pub fn finish(self) -> Option<Timestamp> {
        let (shape, time) = self.filler.finish();
        time.ok().filter(|_| shape == self.known.ndjson.usual)
    }
}

impl Receive<Meaning> for Whole<'_, '_> {
    fn meaning(&self, name: &str, object: Option<&Meaning>) -> Meaning {
        self.wanted.meaning(self.known.ndjson, name, object)
    }

    fn ignores(&self, _: &Meaning) -> bool {
        false
    }

    fn is_time(&self, meaning: &Meaning) -> bool {
        meaning.role == Use::Time && !meaning.is_event_message()
    }

    fn time(&mut self, bytes: &[u8], at: At) -> Option<At> {
        let (time, length) = self.known.clock.millis(scan::chunk(bytes, at)?)?;
        self.filler.reader.found_time(time);
        Some(length)
    }

    fn text(&mut self, value: Value<'_, Meaning>, escaped: bool) -> Option<()> {
        if escaped {
            let text = escape::json(value.text(), self.buffer);
            let (name, is_top) = (value.names.name(value.field.id), value.field.depth == 0);
            self.filler.field(name, is_top, record::Value::Text(text));
        } else if !self.is_plain(&value) {
            self.value(&value, record::Value::Text(value.text()));
        }
        Some(())
    }

    fn other(&mut self, value: Value<'_, Meaning>) -> Option<()> {
        if !self.is_plain(&value) {
            self.value(&value, record::Value::Other(value.text()));
        }
        Some(())
    }

    fn null(
        &mut self,
        names: &Dictionary<Meaning>,
        field: &Field<Meaning>,
        is_object: bool,
    ) -> Option<()> {
        let (name, is_top) = (names.name(field.id), field.depth == 0);
        if is_object {
            self.filler.object(name, is_top);
        } else {
            self.filler.field(name, is_top, record::Value::Null);
        }
        Some(())
    }
}

impl Whole<'_, '_> {
    /// Takes the value if it plays no role.
    #[inline]
    fn is_plain(&mut self, value: &Value<'_, Meaning>) -> bool {
        match value.field.meaning.whole {
            Plainly::Unknown => return false,
            Plainly::Nothing => {}
            Plainly::Label(skipped) => {
                let name = &value.names.name(value.field.id)[usize::from(skipped)..];
                self.filler.reader.fields.set_label(name, value.text());
            }
        }
        true
    }

    fn value(&mut self, value: &Value<'_, Meaning>, text: record::Value<'_>) {
        if self.is_time(&value.field.meaning)
            && let Some(time) = self.known.time(value.text())
        {
            self.filler.reader.found_time(time);
        } else {
            let (name, is_top) = (value.names.name(value.field.id), value.field.depth == 0);
            self.filler.field(name, is_top, text);
        }
    }
}
