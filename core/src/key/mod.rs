//! Join keys: where the value of a key is found in an event.
//!
//! A label is looked up in the labels first, then in the join keys the event names, then in the
//! message, by patterns such as `request_id=…`. Empty text is missing.

mod patterns;

pub use patterns::{KeyPatternError, KeyPatterns};

use std::ops::Range;

use crate::id::StreamId;
use crate::join::shape::TableLabels;
use crate::select::Selected;

/// The value of the key label `name` in an event.
pub fn value<'a>(selected: &Selected<'a>, name: &str, patterns: &KeyPatterns) -> Option<&'a str> {
    selected
        .label(name)
        .or_else(|| selected.event.fields.join_key(name))
        .or_else(|| patterns.find(name, selected.event.fields.message()))
}

/// The keys of one event, one per key table, in a buffer that is reused from event to event.
#[derive(Debug)]
pub(crate) struct EventKeys {
    bytes: Vec<u8>,
    ranges: Vec<Option<Range<usize>>>,
}

impl EventKeys {
    /// Keys for `tables` key tables.
    pub fn new(tables: usize) -> Self {
        Self { bytes: Vec::new(), ranges: vec![None; tables] }
    }

    /// Reads the keys of an event of `stream`. `tables` gives, per table and stream, the labels.
    pub fn read(
        &mut self,
        selected: &Selected<'_>,
        stream: StreamId,
        tables: &[TableLabels],
        patterns: &KeyPatterns,
    ) {
        self.bytes.clear();
        for (range, table) in self.ranges.iter_mut().zip(tables) {
            let labels = table[stream.index()].as_deref();
            *range = labels.and_then(|labels| {
                let start = self.bytes.len();
                append(&mut self.bytes, selected, labels, patterns)?;
                Some(start..self.bytes.len())
            });
        }
    }

    /// The key in `table`; `None` where the event lacks any part of it.
    pub fn get(&self, table: usize) -> Option<&[u8]> {
        self.ranges[table].clone().map(|range| &self.bytes[range])
    }
}

/// Appends the key made of `labels`. A single value stands for itself; of several, each is preceded
/// by its length, so that no two keys can be told apart only by where a value ends.
fn append(
    bytes: &mut Vec<u8>,
    selected: &Selected<'_>,
    labels: &[String],
    patterns: &KeyPatterns,
) -> Option<()> {
    if let [label] = labels {
        bytes.extend_from_slice(value(selected, label, patterns)?.as_bytes());
        return Some(());
    }
    for label in labels {
        let value = value(selected, label, patterns)?;
        let length = u32::try_from(value.len()).expect("limits::MAX_EVENT_BYTES is below 4 GiB");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    Some(())
}

/// The values of a key of `count` labels, as [`EventKeys`] wrote it.
pub(crate) fn values(key: &[u8], count: usize) -> impl Iterator<Item = &str> {
    let mut rest = key;
    (0..count).map_while(move |_| {
        let value = if count == 1 {
            std::mem::take(&mut rest)
        } else {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (value, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = after;
            value
        };
        std::str::from_utf8(value).ok()
    })
}
