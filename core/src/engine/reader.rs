//! From the bytes of one source to rows: everything that can be done of an event before any other is
//! known.
//!
//! Owns a decoder and what the streams of the source select. Does not know the engine that takes the
//! rows, nor what time it is there, so that a host with threads can have several readers at work.

use super::Correlator;
use super::dedupe::Compared;
use super::known::Known;
use super::reading::{Reading, Routed, Routes};
use super::rows::{Origin, Rows, Size};
use crate::columns::{ColumnError, ColumnNames, HostEvents};
use crate::decode::{self, BadLine, Decoder, Sink, code};
use crate::error::Error;
use crate::event::{Event, Fields};
use crate::id::{HostEvent, SourceId};
use crate::join::shape::TableLabels;
use crate::key::KeyPatterns;
use crate::plan::Plan;
use crate::time::Span;

/// Reads one source apart from the engine.
///
/// The first reader of a source reads it from its beginning, in order. Once [`apart`](Self::apart) gives
/// others, each of these reads whole lines from anywhere, at the same time as the others.
#[derive(Debug)]
pub struct Reader {
    decoder: Decoder,
    intake: Intake,
    /// Whether it reads whole lines from anywhere.
    is_apart: bool,
    /// Bytes that were left out so far, where it does not.
    left_out: u64,
}

/// What makes rows of events.
#[derive(Debug)]
struct Intake {
    shared: Shared,
    source: SourceId,
    /// How far its clock is ahead.
    clock_skew: Span,
    columns: ColumnNames,
    /// What is read of an event of the host.
    hosted: Fields,
    compared: Option<Compared>,
    reading: Reading,
    routes: Routes,
    shards: usize,
    /// Events read.
    events: u64,
    /// What the last piece made.
    size: Size,
    /// Empty rows whose room can be used again.
    spare: Option<Rows>,
}

/// What all readers of a source have in common. Each has its own: regular expressions lend out what they
/// search with, and one lender for all would be in their way.
#[derive(Clone, Debug)]
struct Shared {
    plan: Plan,
    tables: Vec<TableLabels>,
    patterns: KeyPatterns,
    seed: u64,
}

impl Reader {
    /// Reads a source of an engine, for so many that share its query.
    ///
    /// # Errors
    /// [`Error::Option`] for options of the decoder that make no sense, which such an engine has not.
    pub fn new(engine: &Correlator, source: SourceId, shards: usize) -> Result<Self, Error> {
        let flow = &engine.flow;
        let input = &engine.inputs[source.index()];
        let options = flow.options.sources.get(source.index()).cloned().unwrap_or_default();
        let mut decoder = Decoder::new(options.decoder)
            .map_err(|error| Error::Option { name: "decoder", message: error.to_string() })?;
        let dedupe = flow.options.dedupe.as_ref();
        decoder.read_only(ColumnNames::of_bytes(&flow.plan, source, dedupe));
        let shared = Shared {
            plan: flow.plan.clone(),
            tables: flow.joins.shape().tables.clone(),
            patterns: flow.options.key_patterns.clone(),
            seed: flow.options.hash_seed,
        };
        let intake = Intake {
            shared,
            source,
            clock_skew: input.clock_skew,
            columns: input.columns.clone(),
            hosted: input.hosted.clone(),
            compared: dedupe.map(|dedupe| Compared::new(dedupe, flow.options.hash_seed)),
            reading: Reading::new(flow.reading.keys.clone()),
            routes: input.routes.clone(),
            shards,
            events: 0,
            size: Size::default(),
            spare: None,
        };
        Ok(Self { decoder, intake, is_apart: false, left_out: 0 })
    }

    /// One more reader, of whole lines from anywhere in the source, with the same answers; `None` where
    /// lines depend on those before them, or that is not known yet.
    pub fn apart(&self) -> Option<Self> {
        if !self.decoder.reads_apart() {
            return None;
        }
        let Intake {
            shared,
            source,
            clock_skew,
            columns,
            hosted,
            compared,
            reading,
            routes,
            shards,
            events,
            size,
            ..
        } = &self.intake;
        let intake = Intake {
            shared: shared.clone(),
            source: *source,
            clock_skew: *clock_skew,
            columns: columns.clone(),
            hosted: hosted.clone(),
            compared: compared.clone(),
            reading: Reading::new(reading.keys.clone()),
            routes: routes.clone(),
            shards: *shards,
            events: *events,
            size: *size,
            spare: None,
        };
        Some(Self { decoder: self.decoder.settled()?, intake, is_apart: true, left_out: 0 })
    }

    /// Its decoder.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Has the next rows use the room of these, which all engines have taken.
    pub fn reuse(&mut self, rows: Rows) {
        self.intake.spare = Some(rows);
    }

    /// Reads bytes of the source: cut anywhere, or, where it reads [apart](Self::apart), whole lines. Of the
    /// first line `left_out` bytes may be missing, since it is too long anyway.
    pub fn read(&mut self, bytes: &[u8], left_out: u64) -> Rows {
        let Self { decoder, intake, is_apart, left_out: before } = self;
        let mut rows = intake.empty_rows();
        rows.bytes = bytes.len() as u64 + left_out;
        let first = if *is_apart {
            rows.origin = Origin::Block;
            rows.lines = decoder.push_apart(bytes, &mut Taking { intake, rows: &mut rows });
            0
        } else {
            let first = decoder.line();
            decoder.push(bytes, &mut Taking { intake, rows: &mut rows });
            rows.lines = decoder.line() - first;
            first
        };
        let bad = rows.bad.iter_mut().chain(rows.more_bad.values_mut().map(|(_, bad)| bad));
        for bad in bad {
            bad.byte += *before + if bad.line > first { left_out } else { 0 };
        }
        if !*is_apart {
            *before += left_out;
        }
        intake.size = rows.size();
        rows
    }

    /// Nothing more comes for now; see [`Correlator::flush`].
    pub fn flush(&mut self) -> Rows {
        let Self { decoder, intake, .. } = self;
        let mut rows = Rows::new(intake.shards);
        decoder.flush(&mut Taking { intake, rows: &mut rows });
        rows
    }

    /// Nothing more will come: what the unfinished rest makes.
    pub fn close(&mut self) -> Rows {
        let Self { decoder, intake, .. } = self;
        let mut rows = Rows::new(intake.shards);
        decoder.close(&mut Taking { intake, rows: &mut rows });
        rows
    }

    /// Reads events that stay with the host; see [`Correlator::push_events`].
    ///
    /// # Errors
    /// The columns do not fit together; no event is taken.
    pub fn read_events(&mut self, events: &HostEvents<'_>) -> Result<Rows, ColumnError> {
        let intake = &mut self.intake;
        events.check(&intake.columns)?;
        let mut rows = intake.empty_rows();
        rows.origin = Origin::Host;
        let mut fields = std::mem::take(&mut intake.hosted);
        for at in 0..events.len() {
            let row = events.row(at, &intake.columns, &mut fields);
            let time = row.time.minus(intake.clock_skew);
            let event = Event { time, raw: row.message, fields: &fields };
            intake.take(&event, Some(row.host), &mut rows);
            if fields.dropped() > 0 {
                let message = decode::labels_dropped(fields.dropped());
                let (code, line) = (code::EVENT_TOO_MANY_LABELS, at as u64 + 1);
                rows.add_bad(BadLine { code, message: &message, line, byte: 0 });
            }
        }
        intake.hosted = fields;
        intake.size = rows.size();
        Ok(rows)
    }
}

impl Intake {
    /// Room for a piece: pieces are about as large as each other, or small.
    fn empty_rows(&mut self) -> Rows {
        let new = || Rows::like(self.shards, &self.size);
        self.spare.take().map_or_else(new, Rows::cleared)
    }

    fn take(&mut self, event: &Event<'_>, host: Option<HostEvent>, rows: &mut Rows) {
        self.events += 1;
        let Self { shared, source, compared, reading, routes, events, .. } = self;
        let Shared { plan, tables, patterns, seed } = shared;
        rows.begin(event.time);
        if let Some(compared) = compared {
            rows.hashes.push(compared.hash(event));
        }
        let looks = host.is_none() && Known::looks_at(*events);
        if looks {
            rows.samples.push(owned(event.labels()));
        }
        let columns = event.columns().filter(|_| !looks);
        for (at, stream) in plan.sources[source.index()].streams.iter().enumerate() {
            if let (Some(columns), Some(route)) = (&columns, routes.all.get(at)) {
                match route.look(columns) {
                    Routed::Selected(key) => {
                        rows.add_plain(*stream, event, host, key, *seed);
                        continue;
                    }
                    Routed::Left => continue,
                    Routed::Unclear => {}
                }
            }
            if let Some(hidden) = reading.read(plan, tables, patterns, *stream, event) {
                if looks && reading.extracted.labels().next().is_some() {
                    rows.samples.push(owned(reading.extracted.labels()));
                }
                rows.add(*stream, event, host, hidden, reading, *seed);
            }
        }
        if let Some(host) = host {
            rows.note_handle(host.handle);
        }
        rows.finish(event.time);
    }
}

fn owned<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Takes what a decoder finds.
struct Taking<'a> {
    intake: &'a mut Intake,
    rows: &'a mut Rows,
}

impl Sink for Taking<'_> {
    fn event(&mut self, event: Event<'_>) {
        let event = Event { time: event.time.minus(self.intake.clock_skew), ..event };
        self.intake.take(&event, None, self.rows);
    }

    fn wants_all(&self) -> bool {
        Known::looks_at(self.intake.events + 1)
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.rows.add_bad(bad);
    }
}
