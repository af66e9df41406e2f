//! A correlation without its events, as a JSON object.

use super::moment::text_of;
use crate::correlation::{Pairs, join_key, join_keys};
use crate::id::CorrelationId;
use crate::plan::Plan;
use crate::time::Timestamp;

/// What a record says of a correlation beside its events.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub id: CorrelationId,
    pub revision: u32,
    pub is_final: bool,
    pub is_truncated: bool,
    pub is_withdrawn: bool,
    pub replaces: Vec<CorrelationId>,
    /// The times of the first event and of the last.
    pub window: (Timestamp, Timestamp),
    /// Whether each stream of the query has an event in it.
    pub matched: Vec<bool>,
    pub labels: Pairs<'a>,
    /// Of each join, the key that was found.
    pub keys: Vec<Pairs<'a>>,
}

impl<'a> Head<'a> {
    /// Writes it.
    pub fn write(&self, plan: &'a Plan, bytes: &mut Vec<u8>) {
        let (start, end) = (text_of(self.window.0), text_of(self.window.1));
        bytes.extend_from_slice(b"{\"correlationId\":");
        id(bytes, self.id);
        bytes.extend_from_slice(b",\"timestamp\":\"");
        bytes.extend_from_slice(&start);
        bytes.extend_from_slice(b"\",\"timeWindow\":{\"start\":\"");
        bytes.extend_from_slice(&start);
        bytes.extend_from_slice(b"\",\"end\":\"");
        bytes.extend_from_slice(&end);
        let first = self.keys.first().cloned().unwrap_or_default();
        bytes.extend_from_slice(b"\"},\"joinKey\":\"");
        joined(bytes, join_key(plan, first.clone()));
        bytes.extend_from_slice(b"\",\"joinValue\":\"");
        joined(bytes, first.into_iter().map(|(_, value)| value));
        bytes.extend_from_slice(b"\",\"metadata\":{\"completeness\":");
        let is_complete = self.matched.iter().all(|matched| *matched);
        let completeness: &[u8] = if is_complete { b"\"complete\"" } else { b"\"partial\"" };
        bytes.extend_from_slice(completeness);
        bytes.extend_from_slice(b",\"matchedStreams\":[");
        let matched = plan.streams.iter().zip(&self.matched).filter(|(_, matched)| **matched);
        each(bytes, matched, |bytes, (stream, _)| text(bytes, &stream.name));
        bytes.extend_from_slice(b"],\"totalStreams\":");
        json(bytes, &plan.streams.len());
        bytes.extend_from_slice(b"},\"revision\":");
        json(bytes, &self.revision);
        bytes.extend_from_slice(b",\"final\":");
        json(bytes, &self.is_final);
        bytes.extend_from_slice(b",\"replaces\":[");
        each(bytes, &self.replaces, |bytes, replaced| id(bytes, *replaced));
        bytes.extend_from_slice(b"],\"truncated\":");
        json(bytes, &self.is_truncated);
        bytes.extend_from_slice(b",\"withdrawn\":");
        json(bytes, &self.is_withdrawn);
        bytes.extend_from_slice(b",\"labels\":{");
        each(bytes, self.labels.iter().copied(), pair);
        bytes.extend_from_slice(b"},\"joinKeys\":{");
        each(bytes, join_keys(plan, self.keys.iter().cloned()), pair);
        bytes.extend_from_slice(b"}}");
    }
}

fn json(bytes: &mut Vec<u8>, value: &impl serde::Serialize) {
    serde_json::to_writer(bytes, value).expect("plain data has a JSON text");
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    json(bytes, &text);
}

/// Items with commas between them.
fn each<T>(
    bytes: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            bytes.push(b',');
        }
        write(bytes, item);
    }
}

fn pair(bytes: &mut Vec<u8>, (name, value): (&str, &str)) {
    text(bytes, name);
    bytes.push(b':');
    text(bytes, value);
}

/// Texts with commas between them, inside of quotes.
fn joined<'a>(bytes: &mut Vec<u8>, texts: impl Iterator<Item = &'a str>) {
    each(bytes, texts, |bytes, part| {
        let start = bytes.len();
        text(bytes, part);
        bytes.pop();
        bytes.remove(start);
    });
}

/// As it is displayed, in quotes.
fn id(bytes: &mut Vec<u8>, CorrelationId(id): CorrelationId) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.push(b'"');
    for byte in id.to_be_bytes() {
        bytes.push(DIGITS[usize::from(byte >> 4)]);
        bytes.push(DIGITS[usize::from(byte & 15)]);
    }
    bytes.push(b'"');
}
