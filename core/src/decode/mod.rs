//! From bytes, cut anywhere, to events.
//!
//! A [`Decoder`] per source: framing, detection of the format, and one file per format. Knows no
//! query. A bad line is reported with its place and one of the [`code`]s, and the lines around it
//! are kept. Costs no allocation per event once the buffers have grown.
//!
//! | format | what a line is | what is read out of it |
//! |---|---|---|
//! | `ndjson` | a JSON object; a `LogEvent`, or any other | the fields, nested ones dotted |
//! | `combined` | nginx's and Apache's common or combined access log | `remote_addr`, `remote_user`, `method`, `path`, `protocol`, `status`, `bytes`, `referer`, `user_agent`, `vhost` |
//! | `syslog` | RFC 5424, or RFC 3164 with or without a priority | `host`, `app`, `pid`, `msgid`, `facility`, `level`, structured data dotted |
//! | `logfmt` | `key=value` pairs | the pairs |
//! | `text` | anything after a calendar time: RFC 3339 and its relatives, `PostgreSQL`, nginx error logs, log4j | `level`, `pid`, and for `PostgreSQL` `user` and `database` |
//! | `epoch` | anything after a number of s, ms, µs or ns since 1970 | as for `text` |
//!
//! In all but `ndjson` and `logfmt` a line that does not begin as an event does belongs to the event
//! before it. Blank lines count only within such an event.

mod assemble;
mod clock;
pub mod code;
mod combined;
mod escape;
mod format;
mod frame;
mod instant;
mod level;
mod logfmt;
mod ndjson;
mod predict;
mod record;
pub mod response;
mod syslog;
mod text;
mod words;
mod zone;

use serde::{Deserialize, Deserializer};

use crate::columns::ColumnNames;
use crate::event::{Event, Fields};
use crate::time::{NANOS_PER_MILLI, Timestamp};

use assemble::Assembler;
pub(crate) use assemble::labels_dropped;
use clock::Clock;
use format::{Context, Format};
use frame::Framer;
use zone::Zone;

/// The names of all formats.
pub const FORMATS: &[&str] = Format::NAMES;

/// What a decoder should take for granted instead of finding it out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DecoderOptions {
    /// The format, one of [`FORMATS`]; found out from the first lines where `None`.
    pub format: Option<String>,
    /// The field that holds the time (NDJSON, logfmt); dotted for nested ones. Where `None`, the
    /// finest of the well-known ones in the first lines, and another one in lines that lack it.
    pub time: Option<String>,
    /// The field that holds the message (NDJSON, logfmt). Where `None`, the most frequent of the
    /// well-known ones in the first lines, and another one in lines that lack it.
    pub message: Option<String>,
    /// The field that holds the level (NDJSON, logfmt), which becomes the label `level`. Where
    /// `None`, the first of the well-known ones in each line.
    pub level: Option<String>,
    /// The zone of times that name none: `UTC` (default), `+02:00`, or a name such as
    /// `Europe/Berlin`.
    pub zone: Option<String>,
    /// "Now" in nanoseconds since the epoch, for times without a year (syslog RFC 3164): the year is
    /// the latest in which the time is at most a day after this. Where `None`, such lines are bad. Hosts
    /// of other languages give it in milliseconds, as a number that they have too.
    #[serde(rename = "referenceTimeMs", deserialize_with = "nanos_of_millis")]
    pub reference_time: Option<i64>,
}

#[expect(clippy::cast_possible_truncation, reason = "what is too far saturates")]
fn nanos_of_millis<'de, D: Deserializer<'de>>(millis: D) -> Result<Option<i64>, D::Error> {
    let millis = Option::<f64>::deserialize(millis)?;
    Ok(millis.map(|millis| (millis as i64).saturating_mul(NANOS_PER_MILLI)))
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
    /// Whether the next event, if that is what comes next, is to have all that can be read out of it,
    /// whatever the decoder was told to read. False by default.
    fn wants_all(&self) -> bool {
        false
    }
}

/// What a decoder has found out about its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected<'a> {
    /// The format, one of [`FORMATS`].
    pub format: &'a str,
    /// The field of the time, in formats that have fields; `None` also where none has been found.
    pub time_field: Option<&'a str>,
    /// The zone of times that name none.
    pub zone: &'a str,
}

/// Decodes the bytes of one source.
///
/// Give it bytes with [`push`](Self::push) as they come; call [`flush`](Self::flush) when a live
/// source has gone quiet, and [`close`](Self::close) at its end. What the sink is given depends on
/// the bytes alone, never on how they were cut; flushing may only cut a multi-line event short.
#[derive(Debug)]
pub struct Decoder {
    framer: Framer,
    assembler: Assembler,
}

impl Decoder {
    /// A decoder for one source.
    ///
    /// # Errors
    ///
    /// An option names no known format or zone.
    pub fn new(options: DecoderOptions) -> Result<Self, DecoderError> {
        let zone = Zone::new(options.zone.as_deref())?;
        let reference = options.reference_time.map(Timestamp::from_nanos);
        let assembler = Assembler::new(options, Context { zone, reference })?;
        Ok(Self { framer: Framer::new(), assembler })
    }

    /// Reads no more than these columns, where that is faster: then labels, join keys or a message that
    /// are not among them are missing, and so is what a `LogEvent` says of its source. Without this,
    /// everything is read.
    pub fn read_only(&mut self, columns: ColumnNames) {
        self.assembler.read_only(columns);
    }

    /// Decodes what `bytes` complete, keeping the unfinished rest: at most
    /// [`limits::MAX_EVENT_BYTES`](crate::limits::MAX_EVENT_BYTES) each of a line and of a
    /// multi-line event, and the first lines while the format is open.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn Sink) {
        let Self { framer, assembler } = self;
        framer.push(bytes, &mut |block| assembler.lines(block, sink));
    }

    /// No more bytes for now: settles on a format and lets go of a multi-line event that was
    /// waiting for its next line. A line without its ending keeps waiting.
    pub fn flush(&mut self, sink: &mut dyn Sink) {
        self.assembler.flush(sink);
    }

    /// No more bytes ever: the unfinished rest is a line.
    pub fn close(&mut self, sink: &mut dyn Sink) {
        let Self { framer, assembler } = self;
        framer.close(&mut |block| assembler.lines(block, sink));
        assembler.flush(sink);
    }

    /// A decoder that takes for granted what this one has found out; `None` as long as its lines look
    /// like nothing.
    pub fn settled(&self) -> Option<Self> {
        Some(Self { framer: Framer::new(), assembler: self.assembler.settled()? })
    }

    /// Whether a line means the same wherever it stands, so that several [settled](Self::settled)
    /// decoders may share the lines of the source among them.
    pub fn reads_apart(&self) -> bool {
        self.assembler.settled().is_some_and(|one| !one.format().is_none_or(Format::is_multi_line))
    }

    /// Decodes whole lines that may stand anywhere in the source but at its beginning. Their places are
    /// told as if they began with line 0 at byte 0. Returns how many there were.
    pub fn push_apart(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> u64 {
        let Self { framer, assembler } = self;
        *framer = Framer::new_at(0);
        framer.push(bytes, &mut |block| assembler.lines(block, sink));
        framer.close(&mut |block| assembler.lines(block, sink));
        framer.line()
    }

    /// The number of the line that has not ended yet.
    pub(crate) fn line(&self) -> u64 {
        self.framer.line()
    }

    /// What has been found out about the source; `None` as long as its lines look like nothing.
    pub fn detected(&self) -> Option<Detected<'_>> {
        let format = self.assembler.format()?;
        let zone = self.assembler.context().zone.name();
        Some(Detected { format: format.name(), time_field: format.time_field(), zone })
    }

    /// Decodes the retained bytes of one event again. Must only be given what [`Sink::event`] was
    /// given by this decoder.
    pub fn decode_again(&self, raw: &str, fields: &mut Fields) -> Timestamp {
        let format = self.assembler.format().expect("an event was decoded, so there is a format");
        let decoded = format.decode(raw, self.assembler.context(), &mut Clock::default(), fields);
        decoded.expect("it was decoded before, and decoding keeps no state")
    }
}

/// An option of a decoder that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct DecoderError {
    /// What was wrong and what was expected.
    pub message: String,
}

#[cfg(test)]
mod tests;
