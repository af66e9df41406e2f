//! What a source holds: format, time field, labels, span. For people who want to know before they
//! write a query.
//!
//! Owns bounded tallies over the decoded events; keeps no event.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::decode::{BadLine, Decoder, DecoderError, DecoderOptions, Sink};
use crate::encode::rfc3339;
use crate::event::Event;
use crate::limits;
use crate::time::Timestamp;

/// Looks at a source.
#[derive(Debug)]
pub struct Inspector {
    decoder: Decoder,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    bytes: u64,
    events: u64,
    bad_lines: u64,
    out_of_order: u64,
    span: Option<(Timestamp, Timestamp)>,
    last: Option<Timestamp>,
    labels: BTreeMap<String, LabelTally>,
    other_labels: bool,
    samples: Vec<BadLineSample>,
}

#[derive(Debug)]
struct LabelTally {
    events: u64,
    /// Hashes of the values, which may be long; `None` once there are too many to count.
    values: Option<BTreeSet<u64>>,
    /// The value, as long as there is one.
    only: Option<String>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// The format; `None` where there was nothing to tell it from.
    pub format: Option<String>,
    /// The field the time was taken from, in formats that have fields.
    pub time_field: Option<String>,
    /// Bytes read.
    pub bytes: u64,
    /// Events decoded.
    pub events: u64,
    /// Lines that could not be used.
    pub bad_lines: u64,
    /// Events older than the one before.
    pub out_of_order: u64,
    /// The earliest time, RFC 3339.
    pub first_time: Option<String>,
    /// The latest time, RFC 3339.
    pub last_time: Option<String>,
    /// From the earliest to the latest, in nanoseconds.
    pub span_ns: u64,
    /// The labels, by name.
    pub labels: Vec<LabelInspection>,
    /// Whether there were more labels than are listed.
    pub more_labels: bool,
    /// The first lines that could not be used.
    pub bad_line_samples: Vec<BadLineSample>,
}

/// One label of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LabelInspection {
    /// Its name.
    pub name: String,
    /// Events that have it.
    pub events: u64,
    /// Distinct values; `None` where there are more than `limits::INSPECT_VALUES`.
    pub values: Option<usize>,
    /// The value, where all events that have the label share one.
    pub only: Option<String>,
}

/// One line that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BadLineSample {
    /// A stable code.
    pub code: &'static str,
    /// What was wrong and what was expected.
    pub message: String,
    /// The line, from 1.
    pub line: u64,
    /// The byte it starts at, from 0.
    pub byte: u64,
}

impl Inspector {
    /// Looks at a source with these options.
    ///
    /// # Errors
    /// An option that names no known format or zone.
    pub fn new(options: DecoderOptions) -> Result<Self, DecoderError> {
        Ok(Self { decoder: Decoder::new(options)?, tally: Tally::default() })
    }

    /// Takes bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.tally.bytes += bytes.len() as u64;
        self.decoder.push(bytes, &mut self.tally);
    }

    /// Tells what was found.
    pub fn finish(mut self) -> Inspection {
        self.decoder.close(&mut self.tally);
        let detected = self.decoder.detected();
        let tally = self.tally;
        let label = |(name, tally): (String, LabelTally)| LabelInspection {
            name,
            events: tally.events,
            values: tally.values.as_ref().map(BTreeSet::len),
            only: tally.only,
        };
        let (first, last) = tally.span.unzip();
        Inspection {
            format: detected.as_ref().map(|detected| detected.format.to_owned()),
            time_field: detected.and_then(|d| d.time_field.map(ToOwned::to_owned)),
            bytes: tally.bytes,
            events: tally.events,
            bad_lines: tally.bad_lines,
            out_of_order: tally.out_of_order,
            first_time: first.map(rfc3339),
            last_time: last.map(rfc3339),
            span_ns: tally.span.map_or(0, |(first, last)| {
                u64::try_from(last.since(first).as_nanos()).unwrap_or(0)
            }),
            labels: tally.labels.into_iter().map(label).collect(),
            more_labels: tally.other_labels,
            bad_line_samples: tally.samples,
        }
    }
}

impl Sink for Tally {
    fn event(&mut self, event: Event<'_>) {
        self.events += 1;
        self.out_of_order += u64::from(self.last.is_some_and(|last| event.time < last));
        self.last = Some(event.time);
        let (first, last) = self.span.unwrap_or((event.time, event.time));
        self.span = Some((first.min(event.time), last.max(event.time)));
        for (name, value) in event.labels() {
            if !self.labels.contains_key(name) {
                if self.labels.len() == limits::INSPECT_LABELS {
                    self.other_labels = true;
                    continue;
                }
                let (values, only) = (Some(BTreeSet::new()), Some(value.to_owned()));
                self.labels.insert(name.to_owned(), LabelTally { events: 0, values, only });
            }
            let Some(tally) = self.labels.get_mut(name) else { continue };
            tally.events += 1;
            if let Some(values) = &mut tally.values {
                values.insert(xxh3_64(value.as_bytes()));
                if values.len() > 1 {
                    tally.only = None;
                }
                if values.len() > limits::INSPECT_VALUES {
                    tally.values = None;
                }
            }
        }
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.bad_lines += 1;
        if self.samples.len() < limits::NOTICES_PER_POLL {
            let (code, message) = (bad.code, bad.message.to_owned());
            self.samples.push(BadLineSample { code, message, line: bad.line, byte: bad.byte });
        }
    }
}
