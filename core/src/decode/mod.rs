//! From bytes, cut anywhere, to events.
//!
//! A [`Decoder`] per source: framing, detection of the format, and one file per format. Knows no
//! query. A bad line is reported with its place, and the lines around it are kept.

use crate::event::{Event, Fields};
use crate::time::Timestamp;

/// What a decoder should take for granted instead of finding it out.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DecoderOptions {
    /// The format; found out from the first lines where `None`.
    pub format: Option<String>,
    /// The field that holds the time (NDJSON, logfmt); dotted for nested ones.
    pub time: Option<String>,
    /// The field that holds the message.
    pub message: Option<String>,
    /// The field that holds the level.
    pub level: Option<String>,
    /// The zone of times that name none: `UTC` (default), `+02:00`, or a name such as `Europe/Berlin`.
    pub zone: Option<String>,
    /// "Now" in nanoseconds since the epoch, for times without a year (syslog RFC 3164).
    pub reference_time: Option<i64>,
}

/// A line that could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine<'a> {
    /// A stable code, such as `LINE_NOT_JSON`.
    pub code: &'static str,
    /// What was wrong and what was expected.
    pub message: &'a str,
    /// The line, from 1.
    pub line: u64,
    /// The byte of the source at which the line starts, from 0.
    pub byte: u64,
}

/// Takes what a decoder finds, in order.
pub trait Sink {
    /// One event.
    fn event(&mut self, event: Event<'_>);
    /// One line that could not be used.
    fn bad_line(&mut self, bad: BadLine<'_>);
}

/// Decodes the bytes of one source.
#[derive(Debug)]
pub struct Decoder {}

impl Decoder {
    /// A decoder for one source.
    ///
    /// # Errors
    /// An option that names no known format or zone.
    pub fn new(_options: DecoderOptions) -> Result<Self, DecoderError> {
        Ok(Self {})
    }

    /// Decodes what `bytes` complete, keeping the unfinished rest.
    pub fn push(&mut self, _bytes: &[u8], _sink: &mut dyn Sink) {}

    /// No more bytes for now: settles on a format and lets go of a multi-line event that was
    /// waiting for its next line. A line without its ending keeps waiting.
    pub fn flush(&mut self, _sink: &mut dyn Sink) {}

    /// No more bytes ever: the unfinished rest is a line.
    pub fn close(&mut self, _sink: &mut dyn Sink) {}

    /// What has been found out or was given; `None` before that.
    pub fn detected(&self) -> Option<Detected<'_>> {
        None
    }

    /// Decodes the retained bytes of one event again. Must only be given what [`Sink::event`] was
    /// given by this decoder.
    pub fn decode_again(&self, _raw: &str, _fields: &mut Fields) -> Timestamp {
        Timestamp::MIN
    }
}

/// What a decoder has settled on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected<'a> {
    /// The format.
    pub format: &'static str,
    /// The field that holds the time, in formats that have fields.
    pub time_field: Option<&'a str>,
}

/// An option of a decoder that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DecoderError {
    /// What was wrong and what was expected.
    pub message: String,
}
