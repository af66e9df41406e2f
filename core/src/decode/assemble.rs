//! Events out of lines: settles the format from the first lines, and puts multi-line events
//! together.
//!
//! Owns the two things that wait: the first lines, until there are enough of them to tell the format
//! (or the source ends, or goes quiet), and the last event of a multi-line format, until the next one
//! begins. Both are bounded by [`crate::limits`]. What comes out depends on the bytes alone, never on
//! how they were cut.

use super::clock::Clock;
use super::code::{self, Bad};
use super::format::{Context, Fit, Format};
use super::frame::{Block, Broken, Frame, text_of};
use super::predict::{Known, Predictor};
use super::{BadLine, DecoderError, DecoderOptions, Sink};
use crate::columns::ColumnNames;
use crate::event::{Event, Fields};
use crate::limits;
use crate::time::Timestamp;

use memchr::memrchr;

/// Makes events of lines.
#[derive(Debug)]
pub(super) struct Assembler {
    context: Context,
    /// What the format is chosen from, until it is settled.
    candidates: Vec<Format>,
    /// The format: settled, or what the lines so far look like most.
    format: Option<Format>,
    settled: bool,
    sample: Sample,
    pending: Pending,
    /// The line that is looked at.
    fields: Fields,
    /// What is wanted of every event; `None` where that is everything.
    columns: Option<ColumnNames>,
    /// To read the usual lines of NDJSON, once that is settled.
    predictor: Option<Box<Predictor>>,
    clock: Clock,
}

/// How much text is checked to be UTF-8 at once: it is still near when it is read then.
const CHECKED_BYTES: usize = 32 << 10;

/// The first lines, while the format is open.
#[derive(Debug, Default)]
struct Sample {
    text: String,
    lines: Vec<Sampled>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Sampled {
    line: u64,
    byte: u64,
    /// Where its text ends in the sample.
    end: usize,
    /// What makes it unusable; its text is then as far as it could be read.
    problem: Option<(&'static str, &'static str)>,
}

/// The last event of a multi-line format.
#[derive(Debug, Default)]
struct Pending {
    /// Whether there is one.
    active: bool,
    time: Timestamp,
    raw: String,
    /// Where the last line that is not blank ends: blank lines count only when more follows.
    end: usize,
    /// What was decoded of its first line.
    fields: Fields,
    /// There are more lines than the first.
    continued: bool,
    /// It has reached its bound: no further line may be added.
    full: bool,
    line: u64,
    byte: u64,
}

impl Assembler {
    pub fn new(options: DecoderOptions, context: Context) -> Result<Self, DecoderError> {
        let named = options.format.is_some();
        let mut candidates = Format::candidates(options)?;
        let format = candidates.first().filter(|_| named).cloned();
        let settled = format.as_ref().is_some_and(|format| !format.learns());
        if settled {
            candidates.clear();
        }
        Ok(Self {
            context,
            candidates,
            format,
            settled,
            sample: Sample::default(),
            pending: Pending::default(),
            fields: Fields::default(),
            columns: None,
            predictor: None,
            clock: Clock::default(),
        })
    }

    /// One that takes for granted what this one has found out, once that is settled.
    pub fn settled(&self) -> Option<Self> {
        let format = self.format.as_ref().filter(|_| self.settled)?;
        Some(Self {
            context: self.context.clone(),
            candidates: Vec::new(),
            format: Some(format.clone()),
            settled: true,
            sample: Sample::default(),
            pending: Pending::default(),
            fields: Fields::default(),
            columns: self.columns.clone(),
            predictor: None,
            clock: Clock::default(),
        })
    }

    /// Reads no more than these columns, where that is faster.
    pub fn read_only(&mut self, columns: ColumnNames) {
        self.columns = Some(columns);
        self.predictor = None;
    }

    /// The format, as far as it is known.
    pub fn format(&self) -> Option<&Format> {
        self.format.as_ref()
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Takes the next lines. Returns how many there were.
    pub fn lines(&mut self, block: Block<'_>, sink: &mut dyn Sink) -> u64 {
        let mut rest = block;
        while !rest.bytes.is_empty() {
            let mut text = self.usual(rest.bytes);
            if text.is_empty() {
                let (frame, length) = rest.first();
                self.line(frame, sink);
                rest.pass(1, length);
            }
            while !text.is_empty() {
                let (lines, after) = self.usual_lines(text, sink);
                rest.pass(lines, text.len() - after.len());
                text = after;
                if !text.is_empty() {
                    let (frame, length) = rest.first();
                    self.decode(frame, sink);
                    rest.pass(1, length);
                    text = &text[length..];
                }
            }
        }
        rest.line - block.line
    }

    /// The next lines, if they may be usual ones of NDJSON: whole lines of text.
    fn usual<'b>(&mut self, bytes: &'b [u8]) -> &'b str {
        let Some(Format::Ndjson(ndjson)) = self.format.as_ref().filter(|_| self.settled) else {
            return "";
        };
        self.predictor
            .get_or_insert_with(|| Box::new(Predictor::new(self.columns.as_ref(), ndjson)));
        let bytes = &bytes[..bytes.len().min(CHECKED_BYTES)];
        let whole = |bytes| memrchr(b'\n', bytes).map_or(0, |end| end + 1);
        let bytes = &bytes[..whole(bytes)];
        text_of(bytes).unwrap_or_else(|error| {
            let valid = &bytes[..error.valid_up_to()];
            std::str::from_utf8(&valid[..whole(valid)]).expect("it has just been checked")
        })
    }

    /// Takes the lines of `text` up to one that is not usual. Returns how many these were, and what is left.
    fn usual_lines<'t>(&mut self, text: &'t str, sink: &mut dyn Sink) -> (u64, &'t str) {
        let Self { format: Some(Format::Ndjson(ndjson)), predictor: Some(predictor), .. } = self
        else {
            unreachable!("there are usual lines only where `usual` has seen to both");
        };
        let known = Known { ndjson, zone: &self.context.zone, clock: &mut self.clock };
        predictor.read(text, known, &mut self.fields, sink)
    }

    /// Takes the next line.
    fn line(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        if self.settled {
            self.decode(frame, sink);
            return;
        }
        self.sample.add(frame);
        if self.sample.is_full() {
            self.settle(sink);
        }
    }

    /// Nothing follows for now: lets go of all that waits.
    pub fn flush(&mut self, sink: &mut dyn Sink) {
        if !self.settled {
            self.settle(sink);
        }
        self.release(sink);
    }

    /// Settles the format on the sample. Where no format makes an event of any of its lines, they
    /// are bad, and the next lines get another chance.
    fn settle(&mut self, sink: &mut dyn Sink) {
        let mut sample = std::mem::take(&mut self.sample);
        let mut best: Option<(Fit, Format)> = None;
        for candidate in &self.candidates {
            let mut format = candidate.clone();
            let lines = sample.frames().filter_map(|frame| frame.text.ok()).filter(|l| !blank(l));
            let fit = format.learn(lines, &self.context, &mut self.clock, &mut self.fields);
            if best.as_ref().is_none_or(|(most, _)| fit > *most) {
                best = Some((fit, format));
            }
        }
        let (fit, format) = best.expect("there is a candidate until the format is settled");
        self.settled = fit.events > 0;
        if fit > Fit::NONE {
            self.format = Some(format);
        }
        for frame in sample.frames() {
            self.decode(frame, sink);
        }
        if self.settled {
            self.candidates = Vec::new();
        } else {
            sample.text.clear();
            sample.lines.clear();
            self.sample = sample;
        }
    }

    fn decode(&mut self, frame: Frame<'_>, sink: &mut dyn Sink) {
        let text = match frame.text {
            Ok(text) => text,
            Err(broken) => return self.broken(frame, broken, sink),
        };
        if blank(text) {
            if self.pending.active {
                self.pending.add(text);
            }
            return;
        }
        let Some(format) = &self.format else {
            return report(frame, &unknown_format(), sink);
        };
        let multi_line = format.is_multi_line();
        match format.decode(text, &self.context, &mut self.clock, &mut self.fields) {
            Ok(time) if multi_line => {
                self.release(sink);
                self.pending.begin(frame, text, time, &mut self.fields);
            }
            Ok(time) => {
                sink.event(Event { time, raw: text, fields: &self.fields });
                report_dropped(frame.line, frame.byte, self.fields.dropped(), sink);
            }
            Err(bad) if multi_line && bad.foreign && self.pending.active => {
                if self.pending.add(text) {
                    self.pending.end = self.pending.raw.len();
                    self.pending.continued = true;
                } else {
                    let message = "the line belongs to an event that has grown to 1 MiB";
                    report(frame, &Bad::new(code::EVENT_TOO_LONG, message), sink);
                }
            }
            Err(bad) => {
                if multi_line && !bad.foreign {
                    self.release(sink);
                }
                report(frame, &bad, sink);
            }
        }
    }

    /// A line that is no text. What follows it still belongs to the event before it, unless it
    /// would have begun one itself.
    fn broken(&mut self, frame: Frame<'_>, broken: Broken<'_>, sink: &mut dyn Sink) {
        if let Some(format) = self.format.as_ref().filter(|_| self.pending.active) {
            let begins = match format.decode(
                broken.head,
                &self.context,
                &mut self.clock,
                &mut self.fields,
            ) {
                Ok(_) => true,
                Err(bad) => !bad.foreign,
            };
            if begins {
                self.release(sink);
            }
        }
        report(frame, &Bad::new(broken.code, broken.message), sink);
    }

    /// Lets go of the event that was waiting for more lines.
    fn release(&mut self, sink: &mut dyn Sink) {
        let pending = &mut self.pending;
        if !pending.active {
            return;
        }
        pending.active = false;
        let raw = &pending.raw[..pending.end];
        if pending.continued {
            let format = self.format.as_ref().expect("an event has been decoded, by some format");
            let decoded = format.decode(raw, &self.context, &mut self.clock, &mut pending.fields);
            debug_assert_eq!(decoded, Ok(pending.time), "the first line decides the time");
        }
        sink.event(Event { time: pending.time, raw, fields: &pending.fields });
        let (line, byte, dropped) = (pending.line, pending.byte, pending.fields.dropped());
        report_dropped(line, byte, dropped, sink);
    }
}

fn report_dropped(line: u64, byte: u64, dropped: usize, sink: &mut dyn Sink) {
    if dropped == 0 {
        return;
    }
    let (code, message) = (code::EVENT_TOO_MANY_LABELS, labels_dropped(dropped));
    sink.bad_line(BadLine { code, message: &message, line, byte });
}

/// What is said of an event that lost labels.
pub(crate) fn labels_dropped(labels: usize) -> String {
    format!("the event is kept without {labels} of its labels: too many, or too long")
}

impl Sample {
    fn add(&mut self, frame: Frame<'_>) {
        let (text, problem) = match frame.text {
            Ok(text) => (text, None),
            Err(broken) => (broken.head, Some((broken.code, broken.message))),
        };
        self.text.push_str(text);
        let end = self.text.len();
        self.lines.push(Sampled { line: frame.line, byte: frame.byte, end, problem });
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= limits::DETECT_LINES || self.text.len() >= limits::DETECT_BYTES
    }

    fn frames(&self) -> impl Iterator<Item = Frame<'_>> + Clone {
        let starts = std::iter::once(0).chain(self.lines.iter().map(|line| line.end));
        self.lines.iter().zip(starts).map(|(sampled, start)| {
            let text = &self.text[start..sampled.end];
            let text = match sampled.problem {
                None => Ok(text),
                Some((code, message)) => Err(Broken { code, message, head: text }),
            };
            Frame { line: sampled.line, byte: sampled.byte, text }
        })
    }
}

impl Pending {
    fn begin(&mut self, frame: Frame<'_>, text: &str, time: Timestamp, fields: &mut Fields) {
        self.active = true;
        self.time = time;
        self.raw.clear();
        self.raw.push_str(text);
        self.end = text.len();
        std::mem::swap(&mut self.fields, fields);
        self.continued = false;
        self.full = false;
        self.line = frame.line;
        self.byte = frame.byte;
    }

    /// Adds a line. False when there is no room for it, and then for none after it.
    fn add(&mut self, text: &str) -> bool {
        self.full |= self.raw.len() + 1 + text.len() > limits::MAX_EVENT_BYTES;
        if !self.full {
            self.raw.push('\n');
            self.raw.push_str(text);
        }
        !self.full
    }
}

fn report(frame: Frame<'_>, bad: &Bad, sink: &mut dyn Sink) {
    let Frame { line, byte, .. } = frame;
    sink.bad_line(BadLine { code: bad.code, message: &bad.message, line, byte });
}

fn blank(line: &str) -> bool {
    line.bytes().all(|byte| byte.is_ascii_whitespace())
}

fn unknown_format() -> Bad {
    Bad::foreign(
        code::FORMAT_UNKNOWN,
        format!(
            "no known format: expected one of {}; name the format, for example format=text, and for \
             JSON and logfmt the field of the time, for example time=created_at",
            Format::NAMES.join(", ")
        ),
    )
}
