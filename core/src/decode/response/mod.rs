//! Whole answers of servers, as adapters fetch them, to the lines of NDJSON that a [`Decoder`] reads.
//!
//! A [`ResponseReader`] per source: one file per server finds the entries, `entries` writes each as a
//! `LogEvent`, `seen` tells which have come before, since requests overlap so that nothing is lost
//! between them. Knows no query and fetches nothing. An answer is read in one piece, several times
//! over; nothing of it is kept but a hash of each event.
//!
//! | format | what is read | what an event is told from others by |
//! |---|---|---|
//! | `loki` | streams of `query_range`, frames of `tail` | time, labels of its stream, line; not its metadata |
//! | `prometheus` | vector, matrix, scalar and string of `query` and `query_range` | time, labels; not its value |
//! | `graylog` | messages of the legacy search, rows of the scripting API | `_id`, else `gl2_message_id`, else all of it |
//! | `graylog-csv` | exports of messages | the same |
//!
//! What is no entry, for its time is none or its line no text, is a line as it is, for the decoder to
//! report. Without a time it comes last, and is not known when it comes again.
//!
//! [`Decoder`]: super::Decoder

mod entries;
mod graylog;
mod identity;
mod json;
mod loki;
mod prometheus;
mod seen;

use serde::Deserialize;

use crate::limits;
use crate::time::Timestamp;

use entries::Entries;
use json::Body;
use seen::Seen;

/// What the answers of a server are.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResponseFormat {
    /// Of Loki, as JSON.
    Loki,
    /// Of Prometheus, as JSON.
    Prometheus,
    /// Of Graylog, as JSON.
    Graylog,
    /// Of Graylog, as CSV.
    GraylogCsv,
}

impl ResponseFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Loki, Self::Prometheus, Self::Graylog, Self::GraylogCsv];

    fn server(self) -> &'static str {
        match self {
            Self::Loki => "Loki",
            Self::Prometheus => "Prometheus",
            Self::Graylog | Self::GraylogCsv => "Graylog",
        }
    }
}

/// How answers are read.
#[derive(Copy, Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResponseOptions {
    /// What they are.
    pub format: ResponseFormat,
}

/// What an answer held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseContent {
    /// Those that have not come before, as NDJSON, in order of time.
    pub lines: Vec<u8>,
    /// All.
    pub entries: u64,
    /// Those of the lines.
    pub fresh: u64,
    /// The time of the first of all.
    pub first: Option<Timestamp>,
    /// The time of the last of all.
    pub last: Option<Timestamp>,
    /// From when on nothing that comes again is taken for new; `None` where that is so of all that has come.
    pub remembered_from: Option<Timestamp>,
    /// How many the server says that it left out.
    pub dropped: u64,
    /// The time of the first that it names of these.
    pub dropped_from: Option<Timestamp>,
    /// The time of the last.
    pub dropped_to: Option<Timestamp>,
}

/// What was to be read is no answer of the server, or none with events in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ResponseError {
    /// What was expected, where, and how the body begins.
    pub message: String,
}

impl ResponseError {
    /// The stable code, the same in every language.
    pub fn code(&self) -> &'static str {
        "RESPONSE_INVALID"
    }
}

/// Reads the answers of a server, one after the other, and leaves out what came before.
#[derive(Debug)]
pub struct ResponseReader {
    format: ResponseFormat,
    seed: u64,
    seen: Seen,
}

impl ResponseReader {
    /// A reader for one source. Only the `seed` is chance: whoever writes logs could otherwise make two
    /// events that look like one.
    pub fn new(options: ResponseOptions, seed: u64) -> Self {
        let seen = Seen::new(limits::REMEMBERED_EVENTS);
        Self { format: options.format, seed, seen }
    }

    /// Events before that time will not come again.
    pub fn forget(&mut self, before: Timestamp) {
        self.seen.forget(before);
    }

    /// Reads one answer.
    ///
    /// # Errors
    ///
    /// It is none of this server, tells of an error, or is of another kind of query. Nothing of it has
    /// been taken then.
    pub fn read(&mut self, bytes: &[u8]) -> Result<ResponseContent, ResponseError> {
        let body = Body::new(bytes, self.format.server())?;
        let mut entries = Entries::new(self.seed);
        match self.format {
            ResponseFormat::Loki => loki::read(&body, &mut entries)?,
            ResponseFormat::Prometheus => prometheus::read(&body, &mut entries)?,
            ResponseFormat::Graylog => graylog::read_json(&body, &mut entries)?,
            ResponseFormat::GraylogCsv => graylog::read_csv(&body, &mut entries)?,
        }
        if entries.are_too_long() {
            let most = limits::RESPONSE_BYTES >> 20;
            return Err(body.invalid(
                None,
                format_args!("its events take more than {most} MiB: ask for fewer at a time"),
            ));
        }
        Ok(entries.take_fresh(&mut self.seen))
    }
}

#[cfg(test)]
mod tests;
