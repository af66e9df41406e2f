//! Events of a record to JSON, when somebody asks for them.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::batch::{CORRELATION, RAW};
use super::rfc3339;
use crate::decode::Decoder;
use crate::event::{Event, Fields};
use crate::plan::Plan;
use crate::time::Timestamp;

/// How the events of a query's records are decoded: the plan, and the decoders with the formats
/// they have found.
#[derive(Debug)]
pub struct Recipe<'a> {
    plan: &'a Plan,
    decoders: Vec<&'a Decoder>,
}

/// A record that is not one of this query's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a correlation record of this query: {0}")]
pub struct RecordError(&'static str);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventJson<'a> {
    alias: Option<&'a str>,
    source: &'a str,
    stream: &'a str,
    timestamp: String,
    timestamp_ns: String,
    message: &'a str,
    labels: Labels<'a>,
}

/// The labels of an event, then those its stream's parsers added.
struct Labels<'a>(&'a Fields, &'a Fields);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.labels().chain(self.1.labels()) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> Recipe<'a> {
    /// For a query with this plan, whose sources were read by these decoders.
    pub fn new(plan: &'a Plan, decoders: Vec<&'a Decoder>) -> Self {
        Self { plan, decoders }
    }

    /// The events of a correlation record (without its length field), as a JSON array of `{alias,
    /// source, stream, timestamp, timestampNs, message, labels}`. A host event is `null`: the host
    /// has it.
    ///
    /// # Errors
    /// The bytes are not such a record.
    pub fn events_json(&self, record: &[u8]) -> Result<Vec<u8>, RecordError> {
        let mut rest = Reader(record);
        if rest.take(1)? != [CORRELATION] {
            return Err(RecordError("it is of another kind"));
        }
        let head = rest.u32()?;
        rest.take(head)?;
        let count = rest.u32()?;
        let mut bytes = vec![b'['];
        let (mut fields, mut extracted) = (Fields::default(), Fields::default());
        for at in 0..count {
            if at > 0 {
                bytes.push(b',');
            }
            let stream = usize::from(u16::from_le_bytes(rest.array()?));
            let [kind] = rest.array()?;
            let time = Timestamp::from_nanos(i64::from_le_bytes(rest.array()?));
            let length = rest.u32()?;
            if kind != RAW {
                bytes.extend_from_slice(b"null");
                continue;
            }
            let raw = std::str::from_utf8(rest.take(length)?)
                .map_err(|_| RecordError("an event is not UTF-8"))?;
            let planned = self.plan.streams.get(stream).ok_or(RecordError("no such stream"))?;
            self.decoders[planned.source.index()].decode_again(raw, &mut fields);
            let event = Event { time, raw, fields: &fields };
            planned.pipeline.keeps(&event, &mut extracted);
            let source = &self.plan.sources[planned.source.index()].name;
            let json = EventJson {
                alias: planned.alias.as_deref(),
                source: or(fields.source(), source),
                stream: or(fields.stream(), &planned.name),
                timestamp: rfc3339(time),
                timestamp_ns: time.as_nanos().to_string(),
                message: fields.message(),
                labels: Labels(&fields, &extracted),
            };
            serde_json::to_writer(&mut bytes, &json).expect("an event is plain data");
        }
        bytes.push(b']');
        Ok(bytes)
    }
}

fn or<'a>(own: &'a str, given: &'a str) -> &'a str {
    if own.is_empty() { given } else { own }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(RecordError("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(RecordError("it is cut off"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<usize, RecordError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }
}
