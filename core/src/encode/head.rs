//! A correlation without its events, as a JSON object.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::rfc3339;
use crate::correlation::Correlation;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    correlation_id: String,
    timestamp: &'a str,
    time_window: TimeWindow<'a>,
    join_key: String,
    join_value: String,
    metadata: Metadata<'a>,
    revision: u32,
    #[serde(rename = "final")]
    is_final: bool,
    replaces: Vec<String>,
    truncated: bool,
    withdrawn: bool,
    labels: Map<'a>,
    join_keys: Map<'a>,
}

#[derive(Serialize)]
struct TimeWindow<'a> {
    start: &'a str,
    end: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    completeness: &'static str,
    matched_streams: Vec<&'a str>,
    total_streams: usize,
}

/// Pairs as an object, in their order.
struct Map<'a>(Vec<(&'a str, &'a str)>);

impl Serialize for Map<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes the head of a correlation.
pub(super) fn write_head(bytes: &mut Vec<u8>, correlation: &Correlation<'_>) {
    let (start, end) = correlation.window();
    let (start, end) = (rfc3339(start), rfc3339(end));
    let matched = correlation.matched_streams();
    let streams = correlation.plan().streams.iter().zip(&matched);
    let head = Head {
        correlation_id: correlation.id().to_string(),
        timestamp: &start,
        time_window: TimeWindow { start: &start, end: &end },
        join_key: correlation.join_key().join(","),
        join_value: correlation.join_value().join(","),
        metadata: Metadata {
            completeness: if matched.iter().all(|m| *m) { "complete" } else { "partial" },
            matched_streams: streams.filter(|(_, m)| **m).map(|(s, _)| s.name.as_str()).collect(),
            total_streams: matched.len(),
        },
        revision: correlation.revision(),
        is_final: correlation.is_final(),
        replaces: correlation.replaces().iter().map(ToString::to_string).collect(),
        truncated: correlation.is_truncated(),
        withdrawn: correlation.is_withdrawn(),
        labels: Map(correlation.labels()),
        join_keys: Map(correlation.join_keys()),
    };
    serde_json::to_writer(bytes, &head).expect("a head is plain data");
}
