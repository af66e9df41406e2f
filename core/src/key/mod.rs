//! Join keys: where the value of a key is found in an event.
//!
//! A label is looked up in the labels first, then in the join keys the event names, then in the
//! message, by patterns such as `request_id=…`. Empty text is missing.

mod patterns;

pub use patterns::{KeyPatternError, KeyPatterns};

use std::ops::Range;

use smallvec::SmallVec;

use crate::columns::{Column, ColumnNames};
use crate::id::StreamId;
use crate::join::shape::TableLabels;
use crate::plan::KeyLabels;
use crate::select::Selected;

/// The value of the key label `name` in an event.
pub fn value<'a>(selected: &Selected<'a>, name: &str, patterns: &KeyPatterns) -> Option<&'a str> {
    value_in(selected, Column::UNKNOWN, name, patterns)
}

/// As [`value`], of a label whose column is known.
fn value_in<'a>(
    selected: &Selected<'a>,
    column: Column,
    name: &str,
    patterns: &KeyPatterns,
) -> Option<&'a str> {
    let own = selected.event.label_in(column, name);
    own.or_else(|| selected.extracted.label(name))
        .or_else(|| selected.event.join_key(name))
        .or_else(|| patterns.find(name, selected.event.message()))
}

/// Stands for the end of what is missing.
const MISSING: usize = usize::MAX;

/// The keys of one event, one per key table, in a buffer that is reused from event to event.
#[derive(Clone, Debug)]
pub(crate) struct EventKeys {
    bytes: Vec<u8>,
    ranges: Vec<Option<Range<usize>>>,
    /// Per table and stream, the columns of the labels.
    columns: Vec<Vec<Vec<Column>>>,
}

impl EventKeys {
    /// Keys for these key tables, of events that come to each stream with these columns.
    pub fn new(tables: &[TableLabels], columns: &[ColumnNames]) -> Self {
        let of_stream = |(labels, names): (&Option<KeyLabels>, &ColumnNames)| match labels {
            Some(KeyLabels::All(labels)) => {
                labels.iter().map(|label| names.column(label)).collect()
            }
            _ => Vec::new(),
        };
        let of_table = |table: &TableLabels| table.iter().zip(columns).map(of_stream).collect();
        Self {
            bytes: Vec::new(),
            ranges: vec![None; tables.len()],
            columns: tables.iter().map(of_table).collect(),
        }
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
        for (at, table) in tables.iter().enumerate() {
            let labels = table[stream.index()].as_ref();
            self.ranges[at] = labels.and_then(|labels| {
                let start = self.bytes.len();
                match labels {
                    KeyLabels::All(labels) => {
                        let columns = &self.columns[at][stream.index()];
                        append(&mut self.bytes, selected, labels, columns, patterns)?;
                    }
                    KeyLabels::AllBut(but) => append_all_but(&mut self.bytes, selected, but),
                }
                Some(start..self.bytes.len())
            });
        }
    }

    /// Appends the keys, and where each ends.
    pub fn save(&self, bytes: &mut Vec<u8>, ends: &mut Vec<usize>) {
        for range in &self.ranges {
            // Between two keys there may be the beginning of one that lacks a part.
            let key = range.clone().map(|range| &self.bytes[range]);
            bytes.extend_from_slice(key.unwrap_or_default());
            ends.push(if key.is_some() { bytes.len() } else { MISSING });
        }
    }

    /// Takes keys that were [saved](Self::save) from `start` on, in place of those of an event. Returns
    /// the ends that are none of theirs.
    pub fn load<'e>(&mut self, bytes: &[u8], start: usize, ends: &'e [usize]) -> &'e [usize] {
        let (ends, rest) = ends.split_at(self.ranges.len());
        let mut from = 0;
        for (range, end) in self.ranges.iter_mut().zip(ends) {
            *range = (*end != MISSING).then(|| from..*end - start);
            from = range.as_ref().map_or(from, |range| range.end);
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(&bytes[start..start + from]);
        rest
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
    columns: &[Column],
    patterns: &KeyPatterns,
) -> Option<()> {
    if let ([label], [column]) = (labels, columns) {
        bytes.extend_from_slice(value_in(selected, *column, label, patterns)?.as_bytes());
        return Some(());
    }
    for (label, column) in labels.iter().zip(columns) {
        append_text(bytes, value_in(selected, *column, label, patterns)?);
    }
    Some(())
}

/// Appends the key made of all labels that have a value, but `but`: names and values, by name.
fn append_all_but(bytes: &mut Vec<u8>, selected: &Selected<'_>, but: &[String]) {
    let own = selected.event;
    let added = selected.extracted.labels().filter(|(name, _)| own.label(name).is_none());
    let all = own.labels().chain(added);
    let mut all: Vec<_> =
        all.filter(|(name, value)| !value.is_empty() && but.iter().all(|b| b != name)).collect();
    all.sort_unstable();
    for (name, value) in all {
        append_text(bytes, name);
        append_text(bytes, value);
    }
}

fn append_text(bytes: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).expect("limits::MAX_EVENT_BYTES is below 4 GiB");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

/// Names of labels with their values: mostly few, and then without an allocation.
pub type Pairs<'a> = SmallVec<[(&'a str, &'a str); 4]>;

/// The values of a key of `labels`, as [`EventKeys`] wrote it, each with the name of its label.
pub(crate) fn parts<'a>(key: &'a [u8], labels: &'a KeyLabels) -> Pairs<'a> {
    match labels {
        KeyLabels::All(labels) => match labels.as_slice() {
            [label] => {
                str::from_utf8(key).map(|value| (label.as_str(), value)).into_iter().collect()
            }
            labels => labels.iter().map(String::as_str).zip(texts(key)).collect(),
        },
        KeyLabels::AllBut(_) => {
            let mut texts = texts(key);
            std::iter::from_fn(|| Some((texts.next()?, texts.next()?))).collect()
        }
    }
}

fn texts(mut rest: &[u8]) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        rest = after;
        str::from_utf8(text).ok()
    })
}
