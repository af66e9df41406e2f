//! What is in a record as JSON, when somebody asks for it.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::batch::{CORRELATION, FINAL, RAW, TRUNCATED, WITHDRAWN};
use super::head::Head;
use super::rfc3339;
use crate::correlation::Pairs;
use crate::decode::Decoder;
use crate::event::{Event, Fields};
use crate::id::CorrelationId;
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

    /// All of a correlation record (without its length field) but its events, as a JSON object.
    ///
    /// # Errors
    /// The bytes are not such a record.
    pub fn head_json(&self, record: &[u8]) -> Result<Vec<u8>, RecordError> {
        let (start, mut rest) = Start::read(record)?;
        let mut matched = vec![false; self.plan.streams.len()];
        let mut window = None;
        for _ in 0..start.events {
            let Place { stream, time, .. } = Place::read(&mut rest)?;
            *matched.get_mut(stream).ok_or(NO_STREAM)? = true;
            window = Some((window.map_or(time, |(first, _)| first), time));
        }
        let replaces = rest.u32()?;
        let head = Head {
            id: start.id,
            revision: start.revision,
            is_final: start.flags & FINAL != 0,
            is_truncated: start.flags & TRUNCATED != 0,
            is_withdrawn: start.flags & WITHDRAWN != 0,
            replaces: (0..replaces).map(|_| rest.id()).collect::<Result<_, _>>()?,
            window: window.ok_or(RecordError("it has no events"))?,
            matched,
            labels: rest.pairs()?,
            keys: self.plan.joins.iter().map(|_| rest.pairs()).collect::<Result<_, _>>()?,
        };
        let mut bytes = Vec::new();
        head.write(self.plan, &mut bytes);
        Ok(bytes)
    }

    /// The events of a correlation record (without its length field), as a JSON array of `{alias,
    /// source, stream, timestamp, timestampNs, message, labels}`. A host event is `null`: the host
    /// has it.
    ///
    /// # Errors
    /// The bytes are not such a record.
    pub fn events_json(&self, record: &[u8]) -> Result<Vec<u8>, RecordError> {
        let (Start { events, .. }, mut rest) = Start::read(record)?;
        let mut bytes = vec![b'['];
        let (mut fields, mut extracted) = (Fields::default(), Fields::default());
        for at in 0..events {
            if at > 0 {
                bytes.push(b',');
            }
            let Place { stream, time, raw } = Place::read(&mut rest)?;
            let Some(raw) = raw else {
                bytes.extend_from_slice(b"null");
                continue;
            };
            let planned = self.plan.streams.get(stream).ok_or(NO_STREAM)?;
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

const NO_STREAM: RecordError = RecordError("no such stream");

/// What a record begins with.
struct Start {
    flags: u8,
    revision: u32,
    id: CorrelationId,
    events: usize,
}

impl Start {
    /// Reads it; what follows is the events.
    fn read(record: &[u8]) -> Result<(Self, Reader<'_>), RecordError> {
        let mut rest = Reader(record);
        let [kind, flags] = rest.array()?;
        if kind != CORRELATION {
            return Err(RecordError("it is of another kind"));
        }
        let revision = u32::from_le_bytes(rest.array()?);
        let (id, events) = (rest.id()?, rest.u32()?);
        Ok((Self { flags, revision, id, events }, rest))
    }
}

/// An event of a record.
struct Place<'a> {
    stream: usize,
    time: Timestamp,
    /// `None` where the host has it.
    raw: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn read(rest: &mut Reader<'a>) -> Result<Self, RecordError> {
        let stream = usize::from(u16::from_le_bytes(rest.array()?));
        let [kind] = rest.array()?;
        let time = Timestamp::from_nanos(i64::from_le_bytes(rest.array()?));
        let raw = if kind == RAW {
            Some(rest.text()?)
        } else {
            rest.u32()?;
            None
        };
        Ok(Self { stream, time, raw })
    }
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

    fn id(&mut self) -> Result<CorrelationId, RecordError> {
        Ok(CorrelationId(u128::from_le_bytes(self.array()?)))
    }

    fn text(&mut self) -> Result<&'a str, RecordError> {
        let length = self.u32()?;
        str::from_utf8(self.take(length)?).map_err(|_| RecordError("a text is not UTF-8"))
    }

    fn pairs(&mut self) -> Result<Pairs<'a>, RecordError> {
        let count = self.u32()?;
        (0..count).map(|_| Ok((self.text()?, self.text()?))).collect()
    }
}
