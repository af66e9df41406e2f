//! NDJSON of any shape: one JSON object a line.
//!
//! A line with a time, a text `message` and an object `labels` is a `LogEvent`: its `labels` are the
//! labels, and `joinKeys`, `source` and `stream` are what they say. Otherwise every field is a label:
//! nested objects are dotted (`err.code`), arrays, numbers and what is nested too deeply are their
//! JSON text as written, null is missing. The last of several values of a label wins.
//!
//! `serde_json` finds where values begin and end; text goes straight into [`Fields`]. Nesting costs a
//! scan of the nested text per level, and at most [`limits::MAX_LABEL_DEPTH`] stack frames.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::code::{self, Bad};
use super::escape;
use super::record::{self, Reader, Roles, Survey, Value};
use super::zone::Zone;
use crate::event::{Fields, Scratch};
use crate::limits;
use crate::time::Timestamp;

/// Decodes NDJSON.
#[derive(Clone, Debug)]
pub(super) struct Ndjson {
    pub roles: Roles,
    /// What is tried first. Changes the cost, never the result.
    pub usual: Shape,
}

/// How a line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Plain,
    LogEvent,
}

impl Ndjson {
    pub fn new(roles: Roles) -> Self {
        Self { roles, usual: Shape::Plain }
    }

    /// Decodes one line.
    pub fn decode(&self, line: &str, zone: &Zone, fields: &mut Fields) -> Result<Timestamp, Bad> {
        let (shape, time) = self.read(line, self.usual, zone, fields)?;
        // Without a time a line is no LogEvent, and is then bad in either shape.
        if shape == self.usual { time } else { self.read(line, shape, zone, fields)?.1 }
    }

    /// Settles what the first lines tell: the roles of the fields, and the usual shape.
    pub fn learn<'l>(&mut self, lines: impl Iterator<Item = &'l str>, zone: &Zone) {
        let mut survey = Survey::new();
        let mut fields = Fields::default();
        let (mut plain, mut events) = (0, 0);
        for line in lines {
            let mut surveyor = Surveyor { zone, survey: &mut survey };
            if walk(line, &mut Scratch::default(), &mut surveyor).is_err() {
                continue;
            }
            match self.read(line, Shape::Plain, zone, &mut fields) {
                Ok((Shape::LogEvent, _)) => events += 1,
                _ => plain += 1,
            }
        }
        survey.settle(&mut self.roles);
        self.usual = if events > plain { Shape::LogEvent } else { Shape::Plain };
    }

    /// Reads the line as if it had `shape`, and tells which one it has.
    fn read(
        &self,
        line: &str,
        shape: Shape,
        zone: &Zone,
        fields: &mut Fields,
    ) -> Result<(Shape, Result<Timestamp, Bad>), Bad> {
        fields.clear();
        let mut scratch = fields.take_scratch();
        let mut filler = self.filler(shape, zone, fields);
        let walked = walk(line, &mut scratch, &mut filler);
        filler.reader.fields.put_scratch(scratch);
        walked?;
        Ok(filler.finish())
    }

    /// Fills `fields`, which are empty, from the fields of a line that is read as if it had `shape`.
    pub fn filler<'a>(
        &'a self,
        shape: Shape,
        zone: &'a Zone,
        fields: &'a mut Fields,
    ) -> Filler<'a> {
        Filler {
            shape,
            roles: &self.roles,
            reader: Reader::new(&self.roles, zone, fields),
            part: Part::Other,
            has_labels: false,
            has_message: false,
        }
    }
}

/// Takes the fields of a line, nested ones under their dotted names.
pub(super) trait Visit {
    /// An object begins; `top` when it is not nested.
    fn object(&mut self, name: &str, top: bool);
    /// A value; `top` when it is not nested.
    fn field(&mut self, name: &str, top: bool, value: Value<'_>);
}

/// The object a nested field of a `LogEvent` is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    Labels,
    JoinKeys,
    #[default]
    Other,
}

pub(super) const LABELS: &str = "labels";
pub(super) const JOIN_KEYS: &str = "joinKeys";
const SOURCE: &str = "source";
const STREAM: &str = "stream";

impl Part {
    /// What a field that is not nested begins, if it is an object.
    pub fn of(name: &str) -> Self {
        match name {
            LABELS => Self::Labels,
            JOIN_KEYS => Self::JoinKeys,
            _ => Self::Other,
        }
    }
}

/// Fills [`Fields`].
pub(super) struct Filler<'a> {
    shape: Shape,
    roles: &'a Roles,
    pub reader: Reader<'a>,
    part: Part,
    has_labels: bool,
    has_message: bool,
}

impl Filler<'_> {
    /// Whether a `LogEvent` reads this field, which is not nested, besides its time and its message, if it
    /// is no object.
    pub fn reads(name: &str) -> bool {
        matches!(name, SOURCE | STREAM) || record::is_time_name(name)
    }

    /// There are no more fields: the shape that the line has, and its time in the one it was read in.
    pub fn finish(self) -> (Shape, Result<Timestamp, Bad>) {
        let is_event = self.has_labels && self.has_message;
        let actual = if is_event { Shape::LogEvent } else { Shape::Plain };
        let time = match self.shape {
            Shape::Plain => self.reader.finish(),
            Shape::LogEvent => self.reader.finish_time(),
        };
        (actual, time)
    }
}

impl Visit for Filler<'_> {
    fn object(&mut self, name: &str, top: bool) {
        if top {
            self.has_labels |= name == LABELS;
            self.part = Part::of(name);
        }
        // Whatever had this name before is replaced.
        self.field(name, top, Value::Null);
    }

    fn field(&mut self, name: &str, top: bool, value: Value<'_>) {
        let is_message = self.roles.is_event_message(name) && matches!(value, Value::Text(_));
        self.has_message |= is_message;
        if self.shape == Shape::Plain {
            self.reader.field(name, value);
            return;
        }
        if self.reader.time(name, value) {
            return;
        }
        let text = value.text();
        let fields = &mut *self.reader.fields;
        match (top, self.part) {
            (true, _) if is_message => fields.set_message(text),
            (true, _) if name == SOURCE => fields.set_source(text),
            (true, _) if name == STREAM => fields.set_stream(text),
            (true, _) => self.reader.other_time(name, value),
            (false, Part::Labels) => {
                let name = &name[LABELS.len() + 1..];
                match value {
                    Value::Null => fields.remove_label(name),
                    Value::Text(text) | Value::Other(text) => fields.set_label(name, text),
                }
            }
            (false, Part::JoinKeys) if matches!(value, Value::Null) => {}
            (false, Part::JoinKeys) => fields.set_join_key(&name[JOIN_KEYS.len() + 1..], text),
            (false, Part::Other) => {}
        }
    }
}

/// Notes which fields there are.
struct Surveyor<'a> {
    zone: &'a Zone,
    survey: &'a mut Survey,
}

impl Visit for Surveyor<'_> {
    fn object(&mut self, _name: &str, _top: bool) {}

    fn field(&mut self, name: &str, _top: bool, value: Value<'_>) {
        self.survey.field(name, value, self.zone);
    }
}

fn walk(line: &str, scratch: &mut Scratch, visit: &mut impl Visit) -> Result<(), Bad> {
    let mut json = serde_json::Deserializer::from_str(line);
    Object { depth: 0, base: 0, scratch, visit }
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| {
            let reason = error.to_string().replace(" at line 1 column ", " at column ");
            Bad::foreign(code::LINE_NOT_JSON, format!("not a JSON object: {reason}"))
        })
}

/// An object whose fields are visited. `scratch.name` holds its name in the first `base` bytes.
struct Object<'a, V> {
    depth: usize,
    base: usize,
    scratch: &'a mut Scratch,
    visit: &'a mut V,
}

impl<'de, V: Visit> DeserializeSeed<'de> for Object<'_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, V: Visit> Visitor<'de> for Object<'_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { depth, base, scratch, visit } = self;
        let top = depth == 0;
        while map.next_key_seed(Key { base, name: &mut scratch.name })?.is_some() {
            let raw = map.next_value_seed(Raw)?;
            let name = &scratch.name;
            match raw.as_bytes()[0] {
                b'"' => {
                    let inner = &raw[1..raw.len() - 1];
                    let text = escape::json(inner, &mut scratch.value);
                    visit.field(name, top, Value::Text(text));
                }
                b'{' if depth < limits::MAX_LABEL_DEPTH => {
                    visit.object(name, top);
                    let base = name.len();
                    Object { depth: depth + 1, base, scratch: &mut *scratch, visit: &mut *visit }
                        .deserialize(&mut serde_json::Deserializer::from_str(raw))
                        .map_err(A::Error::custom)?;
                }
                b'n' => visit.field(name, top, Value::Null),
                _ => visit.field(name, top, Value::Other(raw)),
            }
        }
        Ok(())
    }
}

/// Reads a key behind the name of the object it is in.
struct Key<'a> {
    base: usize,
    name: &'a mut String,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<(), E> {
        self.name.truncate(self.base);
        if self.base > 0 {
            self.name.push('.');
        }
        self.name.push_str(key);
        Ok(())
    }
}

/// Reads a value as its text.
struct Raw;

impl<'de> DeserializeSeed<'de> for Raw {
    type Value = &'de str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'de str, D::Error> {
        <&RawValue>::deserialize(deserializer).map(RawValue::get)
    }
}
