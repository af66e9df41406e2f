//! A correlation without its events, as a JSON object.
//!
//! Written piece by piece into the batch: what never changes is copied as it is, what is text of
//! somebody is escaped, and nothing is allocated.

use super::moment::text_of;
use crate::correlation::Correlation;
use crate::id::CorrelationId;

/// Writes the head of a correlation.
pub(super) fn write_head(bytes: &mut Vec<u8>, correlation: &Correlation<'_>) {
    let (start, end) = correlation.window();
    let (start, end) = (text_of(start), text_of(end));
    bytes.extend_from_slice(b"{\"correlationId\":");
    id(bytes, correlation.id());
    bytes.extend_from_slice(b",\"timestamp\":\"");
    bytes.extend_from_slice(&start);
    bytes.extend_from_slice(b"\",\"timeWindow\":{\"start\":\"");
    bytes.extend_from_slice(&start);
    bytes.extend_from_slice(b"\",\"end\":\"");
    bytes.extend_from_slice(&end);
    bytes.extend_from_slice(b"\"},\"joinKey\":\"");
    joined(bytes, correlation.join_key());
    bytes.extend_from_slice(b"\",\"joinValue\":\"");
    joined(bytes, correlation.join_value());
    bytes.extend_from_slice(b"\",\"metadata\":{\"completeness\":");
    let completeness: &[u8] =
        if correlation.is_complete() { b"\"complete\"" } else { b"\"partial\"" };
    bytes.extend_from_slice(completeness);
    bytes.extend_from_slice(b",\"matchedStreams\":[");
    let streams = &correlation.plan().streams;
    let matched = streams.iter().zip(correlation.matched_streams()).filter(|(_, matched)| *matched);
    each(bytes, matched, |bytes, (stream, _)| text(bytes, &stream.name));
    bytes.extend_from_slice(b"],\"totalStreams\":");
    json(bytes, &streams.len());
    bytes.extend_from_slice(b"},\"revision\":");
    json(bytes, &correlation.revision());
    bytes.extend_from_slice(b",\"final\":");
    json(bytes, &correlation.is_final());
    bytes.extend_from_slice(b",\"replaces\":[");
    each(bytes, correlation.replaces(), |bytes, replaced| id(bytes, *replaced));
    bytes.extend_from_slice(b"],\"truncated\":");
    json(bytes, &correlation.is_truncated());
    bytes.extend_from_slice(b",\"withdrawn\":");
    json(bytes, &correlation.is_withdrawn());
    bytes.extend_from_slice(b",\"labels\":{");
    each(bytes, correlation.labels(), pair);
    bytes.extend_from_slice(b"},\"joinKeys\":{");
    each(bytes, correlation.join_keys(), pair);
    bytes.extend_from_slice(b"}}");
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
