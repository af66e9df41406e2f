//! The engine: sources in, correlations out.
//!
//! # Driving it
//!
//! A [`Correlator`] does no I/O and has no clock. The host
//!
//! 1. gives it what has arrived: [`push`](Correlator::push) bytes cut anywhere, or
//!    [`push_events`](Correlator::push_events) for events that stay with the host;
//! 2. tells the time: [`advance`](Correlator::advance), at [`next_deadline`](Correlator::next_deadline)
//!    at the latest (hosts whose sources are all bounded need not);
//! 3. tells when a source has ended: [`close`](Correlator::close);
//! 4. and after any of these drains [`poll`](Correlator::poll) until it returns `None`.
//!
//! What `poll` returns also says which sources may be read: all may at first; after
//! [`Output::Pause`] the host stops reading that source until [`Output::Resume`]. A host that obeys
//! gives several files to the engine merged by time, in memory for the window and one block per
//! file. What has been read already may still be pushed.
//!
//! # What it guarantees
//!
//! The same pushes give the same outputs. With bounded sources and [`Emit::Final`], the same
//! events give the same correlations with the same ids in the same order, however they are cut into
//! pushes and however the sources are interleaved, as long as none is late. No input panics.

mod bounds;
mod closing;
mod dedupe;
mod deliver;
mod flow;
mod input;
mod known;
mod memory;
mod merge;
mod reader;
mod reading;
mod rows;
mod sequence;
mod share;

use std::collections::{BTreeMap, VecDeque};

use crate::columns::{ColumnError, ColumnNames, HostEvents};
use crate::correlation::Correlation;
use crate::decode::{Decoder, Sink};
use crate::emit::{Emit, Emitter, Stamp};
use crate::encode::{Batch, Recipe, write_output};
use crate::error::Error;
use crate::event::Event;
use crate::id::{CorrelationId, EventIds, SourceId};
use crate::join::Joins;
use crate::join::results::Evaluation;
use crate::key::EventKeys;
use crate::latency::Latency;
use crate::limits;
use crate::metrics::{Metrics, SourceMetrics};
use crate::options::check_max_memory;
use crate::plan::Plan;
use crate::query::{KnownSource, Vocabulary};
use crate::time::{Span, Timestamp};
use crate::window::store::Store;
use crate::window::watermark::Progress;

use bounds::Bounds;
use dedupe::Seen;
use deliver::{TakenBack, Updates};
use flow::{End, Flow, Posted};
use input::{Input, Intake};
use known::Known;
use memory::{known_room, spare_room};
use reading::{Reading, Routes};

pub use crate::correlation::Payload;
pub use crate::options::{CorrelatorOptions, Dedupe, Late, Overflow, SourceOptions};
pub use crate::output::{DropReason, Notice, Output, PauseReason};
pub use merge::{Merge, Place};
pub use reader::Reader;
pub use rows::{Rows, Share};
pub use sequence::{Load, Sequencer, Step};

/// Runs one query.
#[derive(Debug)]
pub struct Correlator {
    inputs: Vec<Input>,
    flow: Flow,
    latency: Latency,
}

impl Correlator {
    /// An engine for a checked query.
    ///
    /// # Errors
    /// [`Error::Option`] for an option that makes no sense.
    pub fn new(mut plan: Plan, options: CorrelatorOptions) -> Result<Self, Error> {
        if options.max_events_per_correlation < 2 {
            let message = "must be at least 2: a match has two events".to_owned();
            return Err(Error::Option { name: "maxEventsPerCorrelation", message });
        }
        check_max_memory(options.max_memory)?;
        let mut inputs = Vec::new();
        let mut stream_columns = vec![ColumnNames::default(); plan.streams.len()];
        let known_room = known_room(&options) / plan.sources.len();
        for at in 0..plan.sources.len() {
            let source = options.sources.get(at).cloned().unwrap_or_default();
            let mut decoder = Decoder::new(source.decoder).map_err(|error| {
                let message = format!("source {}: {error}", plan.sources[at].name);
                Error::Option { name: "decoder", message }
            })?;
            let (id, dedupe) = (SourceId::new(at), options.dedupe.as_ref());
            let columns = ColumnNames::of_bytes(&plan, id, dedupe);
            for stream in plan.sources[at].streams.clone() {
                plan.streams[stream.index()].pipeline.set_columns(&columns);
                stream_columns[stream.index()] = columns.clone();
            }
            let hosted = ColumnNames::of(&plan, id, dedupe);
            let fields = hosted.fields(&columns);
            decoder.read_only(columns);
            inputs.push(Input {
                decoder: Some(decoder),
                columns: hosted,
                hosted: fields,
                routes: Routes::default(),
                bounded: source.bounded,
                clock_skew: source.clock_skew,
                metrics: SourceMetrics::default(),
                lines: 0,
                late_events: 0,
                late_notice: None,
                bad_lines: BTreeMap::new(),
                bad_line_notices: 0,
                seen: None,
                known: Known::new(known_room, options.hash_seed),
            });
        }
        for (name, span) in [
            ("lateTolerance", options.late_tolerance),
            ("idleTimeout", options.idle_timeout),
            ("processingInterval", options.processing_interval),
        ] {
            if span < Span::ZERO {
                let message = "must not be negative".to_owned();
                return Err(Error::Option { name, message });
            }
        }
        let joins = Joins::new(
            &plan,
            options.hash_seed,
            options.late_tolerance,
            options.emit == Emit::Eager,
            options.max_events_per_correlation,
        );
        let is_plain = joins.is_plain() && plan.projection.is_empty() && plan.kept_labels() == 0;
        if is_plain {
            for (at, input) in inputs.iter_mut().enumerate() {
                let source = SourceId::new(at);
                let columns = ColumnNames::of_bytes(&plan, source, options.dedupe.as_ref());
                input.routes = Routes::new(&plan, source, &columns);
            }
        }
        if let Some(dedupe) = &options.dedupe {
            let window = joins.reach().plus(options.late_tolerance);
            for input in &mut inputs {
                input.seen = Some(Seen::new(dedupe, window, options.hash_seed));
            }
        }
        let all_bounded = inputs.iter().all(|input| input.bounded);
        let default = if all_bounded { Overflow::Block } else { Overflow::Evict };
        let lead = joins.reach().plus(options.late_tolerance);
        let flow = Flow {
            progress: Progress::new(
                inputs.iter().map(|input| input.bounded),
                options.late_tolerance,
                options.idle_timeout,
                lead,
            ),
            store: Store::new(
                joins.shape().closes(),
                joins.shape().tables.len(),
                plan.kept_labels(),
                spare_room(&options),
            ),
            reading: Reading::new(EventKeys::new(&joins.shape().tables, &stream_columns)),
            emitter: new_emitter(&plan, &options),
            outbox: VecDeque::new(),
            updates: Updates::default(),
            evaluation: Evaluation::default(),
            taken_back: TakenBack::default(),
            kept: Vec::new(),
            orders: Vec::new(),
            polled: EventIds::new(),
            polled_is_final: false,
            stamp: Stamp {
                id: CorrelationId(0),
                revision: 0,
                is_final: false,
                withdrawn: false,
                truncated: false,
                replaces: Vec::new(),
            },
            held_more: BTreeMap::new(),
            arrivals: 0,
            selected: 0,
            unkeyed: 0,
            late: 0,
            late_matched: 0,
            correlations: 0,
            deliveries: 0,
            bounds: Bounds::default(),
            share: None,
            closed_at: Timestamp::MIN,
            closed_by: 0,
            overflow: options.overflow.unwrap_or(default),
            seen_memory: 0,
            known_memory: 0,
            end: if options.limit == Some(0) { End::Decided } else { End::No },
            is_plain,
            may_lag: joins.may_lag(),
            is_simple: joins.is_simple() && options.emit == Emit::Final,
            joins,
            has_twins: false,
            limited: false,
            counts: vec![0; plan.stages.stages.len()],
            plan,
            options,
        };
        let mut correlator = Self { inputs, flow, latency: Latency::default() };
        correlator.flow.pace();
        Ok(correlator)
    }

    /// Takes bytes of a source, cut anywhere. Bytes after [`close`](Self::close) or after the end
    /// of the query are ignored.
    pub fn push(&mut self, source: SourceId, bytes: &[u8]) {
        self.latency.arrive(self.flow.arrivals);
        self.decode(source, |decoder, sink| decoder.push(bytes, sink));
        self.inputs[source.index()].metrics.bytes += bytes.len() as u64;
    }

    /// Takes events that stay with the host. Each handle is given back by [`Output::Released`].
    ///
    /// # Errors
    /// The columns do not fit together; no event of the batch is taken.
    pub fn push_events(
        &mut self,
        source: SourceId,
        events: &HostEvents<'_>,
    ) -> Result<(), ColumnError> {
        self.flow.begin();
        let input = &mut self.inputs[source.index()];
        events.check(&input.columns)?;
        self.latency.arrive(self.flow.arrivals);
        let ignored = self.flow.end.is_over() || self.flow.progress.source_ended(source);
        let mut fields = std::mem::take(&mut input.hosted);
        for at in 0..events.len() {
            let row = events.row(at, &input.columns, &mut fields);
            let mut held = false;
            if !ignored {
                let time = row.time.minus(input.clock_skew);
                let event = Event { time, raw: row.message, fields: &fields };
                held = self.flow.take(source, input, &event, Some(row.host));
                let flow = &mut self.flow;
                Intake { flow, input, source }.tell_dropped(fields.dropped());
            }
            if !held {
                self.flow.outbox.push_back(Posted::Released(row.host.handle));
            }
        }
        input.hosted = fields;
        self.settle();
        Ok(())
    }

    /// Takes in labels of an event that stays with the host, for [`vocabulary`](Self::vocabulary):
    /// [`push_events`](Self::push_events) gets no more than the query reads. A sample is enough; at
    /// most [`limits::MAX_LABELS`] labels are looked at.
    pub fn observe<'a>(
        &mut self,
        source: SourceId,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        self.flow.begin();
        if !self.flow.end.is_over() {
            let labels = labels.into_iter().take(limits::MAX_LABELS);
            self.inputs[source.index()].known.look(labels);
            self.settle();
        }
    }

    /// The sources of the query with labels and values that their events have been seen to have, to
    /// [`complete`](crate::query::complete()) queries with: the most frequent first, of values as
    /// frequent the most recent. Of each source the first [`limits::KNOWN_FIRST`] events are looked
    /// at, then one of every [`limits::KNOWN_EVERY`], whether a stream selects it or not; where one
    /// does, also what its selector extracts. Bounded by [`limits::KNOWN_MEMORY`], and empty after
    /// [`stop`](Self::stop).
    ///
    /// ```
    /// use logbraid_core::engine::{Correlator, CorrelatorOptions};
    /// use logbraid_core::id::SourceId;
    /// use logbraid_core::query::{PlanOptions, check, complete};
    ///
    /// let query = "edge({}) and on(id) app({})";
    /// let plan = check(query, &PlanOptions::default()).plan.expect("a query");
    /// let mut engine = Correlator::new(plan, CorrelatorOptions::default())?;
    /// let line = b"{\"time\": \"2026-01-01T00:00:00Z\", \"id\": \"7\", \"status\": \"503\"}\n";
    /// engine.push(SourceId::new(0), line);
    /// engine.close(SourceId::new(0));
    ///
    /// let query = "edge({sta";
    /// assert_eq!(complete(query, query.len(), &engine.vocabulary())[0].insert, "status");
    /// let query = "edge({status=\"5";
    /// assert_eq!(complete(query, query.len(), &engine.vocabulary())[0].insert, "\"503\"");
    /// # Ok::<(), logbraid_core::error::Error>(())
    /// ```
    pub fn vocabulary(&self) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        for (planned, input) in self.flow.plan.sources.iter().zip(&self.inputs) {
            vocabulary.add(KnownSource {
                name: planned.name.clone(),
                selects: planned.pushed_down.is_some(),
                labels: input.known.labels(),
            });
        }
        vocabulary
    }

    /// Nothing more will come for now: a live source that went quiet lets go of what its decoder
    /// was holding back to see the next line.
    pub fn flush(&mut self, source: SourceId) {
        self.decode(source, |decoder, sink| decoder.flush(sink));
    }

    /// A live source reads what is of the past, or is interrupted, or is back: meanwhile it is not idle, since that
    /// nothing comes of it says nothing.
    pub fn set_away(&mut self, source: SourceId, away: bool) {
        self.flow.progress.set_away(source, away);
    }

    /// Tells the host's time, which drives idle live sources and deferred deliveries.
    pub fn advance(&mut self, now: Timestamp) {
        self.flow.begin();
        if self.flow.progress.advance(now) {
            self.flow.expire();
        }
        while let Some(open) = self.flow.emitter.take_due(now) {
            self.flow.joins.touch(&mut self.flow.store, open);
        }
        self.settle();
    }

    /// Nothing more will come from this source.
    pub fn close(&mut self, source: SourceId) {
        if self.flow.progress.source_ended(source) {
            return;
        }
        self.decode(source, |decoder, sink| decoder.close(sink));
        let input = &self.inputs[source.index()];
        let (events, late) = (input.metrics.events, input.late_events);
        if !self.flow.end.is_over() && input.bounded && late > events / 2 {
            let notice = Notice::RunsBackwards { source, events, late };
            self.flow.outbox.push_back(Posted::Notice(notice));
        }
        if self.flow.progress.end(source) {
            self.flow.expire();
        }
        self.settle();
    }

    /// The next output. Drain it after every call that changes something: the view it returns is
    /// gone with the next call.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        self.flow.begin_poll();
        if self.flow.next_correlation() {
            let flow = &self.flow;
            if !flow.stamp.withdrawn {
                let events = flow.polled.iter().map(|id| flow.store.record(*id).arrival);
                self.latency.deliver(flow.stamp.is_final, events, flow.arrivals);
            }
            return Some(Output::Correlation(Correlation {
                plan: &flow.plan,
                store: &flow.store,
                tables: &flow.joins.tables,
                events: &flow.polled,
                stamp: &flow.stamp,
            }));
        }
        for (at, input) in self.inputs.iter_mut().enumerate() {
            input.post(SourceId::new(at), &mut self.flow.outbox);
        }
        self.flow.post_drops();
        self.flow.pace();
        if let Some(posted) = self.flow.outbox.pop_front() {
            return Some(match posted {
                Posted::Notice(notice) => Output::Notice(notice),
                Posted::Pause(source, reason) => Output::Pause(source, reason),
                Posted::Resume(source) => Output::Resume(source),
                Posted::Released(handle) => Output::Released(handle),
            });
        }
        match std::mem::replace(&mut self.flow.end, End::Told) {
            End::No => {
                self.flow.end = End::No;
                None
            }
            End::Decided => Some(Output::End(None)),
            End::Failed(error) => Some(Output::End(Some(error))),
            End::Told => None,
        }
    }

    /// Polls up to `max` outputs into `batch`, fewer once it has grown to
    /// [`limits::BATCH_BYTES`]. A batch that stays empty says that nothing waits.
    pub fn drain(&mut self, max: usize, batch: &mut Batch) {
        while batch.len() < max && batch.bytes() < limits::BATCH_BYTES {
            let Some(output) = self.poll() else { break };
            let is_released = matches!(output, Output::Released(_));
            write_output(batch, &output);
            // They come last, and many at once.
            while is_released && let Some(Posted::Released(handle)) = self.flow.outbox.front() {
                write_output(batch, &Output::Released(*handle));
                self.flow.outbox.pop_front();
            }
        }
    }

    /// When [`advance`](Self::advance) should be called at the latest, in host time; `None` when
    /// time changes nothing.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let flow = &self.flow;
        let follows = flow.progress.follows_clock();
        let tolerance = flow.progress.tolerance().plus(Span::from_nanos(1));
        let follows = follows && !flow.joins.is_behind();
        let close = flow.joins.next_close().filter(|_| follows).map(|time| time.plus(tolerance));
        let deadlines = [flow.progress.next_idle(), flow.emitter.next_due(), close];
        deadlines.into_iter().flatten().min()
    }

    /// Whether the query has ended: everything else that is pushed is ignored.
    pub fn has_ended(&self) -> bool {
        self.flow.end.is_over()
    }

    /// Whether a source may not be read for now: what the last [`Output::Pause`] or
    /// [`Output::Resume`] of it says, or will say.
    pub fn is_paused(&self, source: SourceId) -> bool {
        self.flow.progress.is_paused(source)
    }

    /// Tells the time of the pushes and polls that follow, for [`metrics`](Self::metrics) alone: how long
    /// it takes from one to the other. By any clock that does not jump; only differences count.
    pub fn set_clock(&mut self, at: Span) {
        self.latency.set_clock(at);
    }

    /// Notes that the host was busy for so long before anything else had its turn, for
    /// [`metrics`](Self::metrics) alone.
    pub fn note_turn(&mut self, took: Span) {
        self.latency.note_turn(took);
    }

    /// Counters and distributions.
    pub fn metrics(&self) -> Metrics {
        let flow = &self.flow;
        Metrics {
            sources: self.inputs.iter().map(|input| input.metrics.clone()).collect(),
            selected: flow.selected,
            unkeyed: flow.unkeyed,
            late: flow.late,
            late_matched: flow.late_matched,
            evicted: flow.bounds.evicted,
            dropped: flow.bounds.dropped,
            unknown: flow.joins.tables.unknown,
            truncated: flow.bounds.truncated,
            correlations: flow.correlations,
            deliveries: flow.deliveries,
            held_events: flow.store.held(),
            held_keys: flow.joins.tables.len(),
            memory: flow.memory(),
            peak_memory: flow.bounds.peak_memory.max(flow.memory()),
            watermark: flow.progress.watermark(),
            latency: self.latency.latencies(),
            turns: self.latency.turns(),
        }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.flow.plan
    }

    /// The columns that [`push_events`](Self::push_events) takes for a source.
    pub fn columns(&self, source: SourceId) -> &ColumnNames {
        &self.inputs[source.index()].columns
    }

    /// How to turn the retained bytes of this query's events into labels and messages again, as of
    /// now; see [`Recipe`].
    pub fn recipe(&self) -> Recipe<'_> {
        let decoders = self.inputs.iter().map(|input| {
            input.decoder.as_ref().expect("a decoder is only away while it pushes into the engine")
        });
        Recipe::new(&self.flow.plan, decoders.collect())
    }

    /// Ends the query and frees what it holds. Only [`recipe`](Self::recipe), [`plan`](Self::plan)
    /// and [`metrics`](Self::metrics) are of use afterwards.
    pub fn stop(&mut self) {
        let flow = &mut self.flow;
        flow.bounds.peak_memory = flow.bounds.peak_memory.max(flow.memory());
        for input in &mut self.inputs {
            input.known = Known::new(0, 0);
        }
        flow.known_memory = 0;
        let options = &flow.options;
        flow.joins = Joins::new(
            &flow.plan,
            options.hash_seed,
            options.late_tolerance,
            options.emit == Emit::Eager,
            options.max_events_per_correlation,
        );
        flow.store = Store::new(
            flow.joins.shape().closes(),
            flow.joins.shape().tables.len(),
            flow.plan.kept_labels(),
            0,
        );
        flow.emitter = new_emitter(&flow.plan, options);
        flow.polled.clear();
        flow.updates.clear();
        flow.outbox.clear();
        flow.held_more.clear();
        flow.end = End::Told;
    }

    fn decode(&mut self, source: SourceId, run: impl FnOnce(&mut Decoder, &mut dyn Sink)) {
        self.flow.begin();
        if self.flow.end.is_over() || self.flow.progress.source_ended(source) {
            return;
        }
        let input = &mut self.inputs[source.index()];
        let mut decoder =
            input.decoder.take().expect("a decoder is only away while it pushes into the engine");
        run(&mut decoder, &mut Intake { flow: &mut self.flow, input, source });
        self.inputs[source.index()].decoder = Some(decoder);
        self.settle();
    }

    /// Ends every change: checks the memory bound and whether everything is decided.
    fn settle(&mut self) {
        let share = bounds::side_share(&self.flow.options) / self.inputs.len();
        self.flow.seen_memory = 0;
        for seen in self.inputs.iter_mut().filter_map(|input| input.seen.as_mut()) {
            if seen.memory() > share {
                seen.forget_older();
            }
            self.flow.seen_memory += seen.memory();
        }
        self.flow.known_memory = self.inputs.iter().map(|input| input.known.memory()).sum();
        if self.flow.may_lag {
            self.flow.catch_up();
        }
        self.flow.check_bounds();
        self.flow.check_end();
        self.flow.pace();
    }
}

/// Decides what is delivered of a plan.
fn new_emitter(plan: &Plan, options: &CorrelatorOptions) -> Emitter {
    Emitter::new(&plan.canonical, options.processing_interval, bounds::side_share(options))
}

#[cfg(test)]
mod push_tests;
#[cfg(test)]
mod tests;
