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

use std::collections::{BTreeMap, VecDeque};

use crate::columns::{ColumnError, ColumnNames, HostEvents};
use crate::correlation::Correlation;
use crate::decode::{BadLine, Decoder, DecoderOptions, Sink};
use crate::emit::{Emit, Emitter, Identity, Stamp};
use crate::encode::{Batch, Recipe, write_output};
use crate::error::Error;
use crate::event::{Event, Fields};
use crate::id::{CorrelationId, DeliveryId, EventId, HostHandle, SourceId, StreamId};
use crate::join::results::{Results, results};
use crate::join::session::{Arrival, Closed, Inserted, Sessions};
use crate::key::{EventKeys, KeyPatterns};
use crate::limits;
use crate::metrics::{Metrics, SourceMetrics};
use crate::plan::Plan;
use crate::select::Selected;
use crate::time::{Span, Timestamp};
use crate::window::store::{EventOrder, Flags, Store};
use crate::window::watermark::Progress;

pub use crate::window::store::Payload;

/// What a host decides about a running query.
#[derive(Clone, Debug)]
pub struct CorrelatorOptions {
    /// How far events may be out of order; default 30 s.
    pub late_tolerance: Span,
    /// How long a live source may be silent before it no longer holds the watermark back; default
    /// 5 s.
    pub idle_timeout: Span,
    /// When correlations are delivered; default [`Emit::Final`].
    pub emit: Emit,
    /// How often one correlation is delivered at most while it grows ([`Emit::Eager`]); default
    /// 100 ms, zero for every time.
    pub processing_interval: Span,
    /// Decided correlations that may wait to be polled before all sources are paused; default 1000.
    pub buffer_size: usize,
    /// Bytes the engine may hold; default 100 MB. The query ends with [`Error::Memory`] when its
    /// window does not fit. Checked after each push.
    pub max_memory: usize,
    /// Only correlations whose first event is not earlier.
    pub start: Option<Timestamp>,
    /// Only correlations whose first event is earlier.
    pub end: Option<Timestamp>,
    /// End after so many final correlations.
    pub limit: Option<u64>,
    /// Seeds the hashing of keys; hosts that read untrusted logs give a random one. No result
    /// depends on it.
    pub hash_seed: u64,
    /// Per source of the plan, by position; sources beyond the end get the default.
    pub sources: Vec<SourceOptions>,
    /// How keys are found in messages.
    pub key_patterns: KeyPatterns,
}

impl Default for CorrelatorOptions {
    fn default() -> Self {
        Self {
            late_tolerance: Span::from_millis(30_000),
            idle_timeout: Span::from_millis(5_000),
            emit: Emit::Final,
            processing_interval: Span::from_millis(100),
            buffer_size: 1_000,
            max_memory: 100_000_000,
            start: None,
            end: None,
            limit: None,
            hash_seed: 0,
            sources: Vec::new(),
            key_patterns: KeyPatterns::default(),
        }
    }
}

/// What a host knows about a source.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Whether it ends by itself. A bounded source never counts as idle: the engine waits for it.
    /// Default true.
    pub bounded: bool,
    /// How to decode its bytes.
    pub decoder: DecoderOptions,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self { bounded: true, decoder: DecoderOptions::default() }
    }
}

/// What the engine has to say.
#[derive(Debug)]
pub enum Output<'a> {
    /// A correlation.
    Correlation(Correlation<'a>),
    /// Something about the input that somebody should know.
    Notice(Notice),
    /// Do not read this source for now.
    Pause(SourceId),
    /// Read this source again.
    Resume(SourceId),
    /// The engine no longer needs this event of the host.
    Released(HostHandle),
    /// Nothing will come any more; why, if the sources have not simply ended.
    End(Option<Error>),
}

/// Something about the input that somebody should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Lines that could not be used. Between two polls each source reports the first few
    /// (`limits::NOTICES_PER_POLL`) one by one and the rest of the same code together.
    BadLine {
        /// The source.
        source: SourceId,
        /// A stable code, such as `LINE_NOT_JSON`.
        code: &'static str,
        /// What was wrong and what was expected, for the first of them.
        message: String,
        /// The line of the first, from 1.
        line: u64,
        /// The byte at which that starts, from 0.
        byte: u64,
        /// How many.
        count: u64,
    },
    /// Events that were late, since the last poll.
    LateEvents {
        /// The source.
        source: SourceId,
        /// How many.
        count: u64,
        /// The time of the first of them.
        time: Timestamp,
        /// How far that was behind the watermark.
        behind: Span,
    },
    /// A bounded source has ended of whose events more than half were late: it runs backwards in
    /// time, or is far from sorted.
    RunsBackwards {
        /// The source.
        source: SourceId,
        /// Its events.
        events: u64,
        /// Those that were late.
        late: u64,
    },
}

/// A source and how far it is.
#[derive(Debug)]
struct Input {
    decoder: Option<Decoder>,
    columns: ColumnNames,
    bounded: bool,
    metrics: SourceMetrics,
    /// Events decoded that were late.
    late_events: u64,
    late_notice: Option<(u64, Timestamp, Span)>,
    bad_lines: BTreeMap<&'static str, (u64, Notice)>,
    bad_line_notices: usize,
}

/// Runs one query.
#[derive(Debug)]
pub struct Correlator {
    inputs: Vec<Input>,
    core: Core,
}

/// Everything but the decoders, so that these can push into it.
#[derive(Debug)]
struct Core {
    plan: Plan,
    options: CorrelatorOptions,
    progress: Progress,
    store: Store,
    sessions: Sessions,
    emitter: Emitter,
    closed: Vec<Closed>,
    outbox: VecDeque<Posted>,
    /// Results of the component looked at last, still to be delivered ([`Emit::Eager`]).
    updates: VecDeque<Vec<EventId>>,
    /// The events of the correlation polled last; forgotten before anything else happens where
    /// they are decided.
    polled: Vec<EventId>,
    polled_is_final: bool,
    stamp: Stamp,
    /// How many more times an event of the host is held that several streams selected.
    held_more: BTreeMap<HostHandle, u32>,
    extracted: Fields,
    keys: EventKeys,
    /// Counts events; wraps.
    arrivals: u32,
    selected: u64,
    unkeyed: u64,
    late: u64,
    late_matched: u64,
    correlations: u64,
    deliveries: u64,
    peak_memory: usize,
    end: End,
}

#[derive(Debug)]
enum Posted {
    Notice(Notice),
    Pause(SourceId, bool),
    Released(HostHandle),
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Running.
    No,
    /// Everything is decided; `poll` says so once the rest is taken.
    Decided,
    /// Ended by an error that has not been told yet.
    Failed(Error),
    /// Told.
    Told,
}

impl Correlator {
    /// An engine for a checked query.
    ///
    /// # Errors
    /// [`Error::Option`] for an option that makes no sense.
    pub fn new(plan: Plan, options: CorrelatorOptions) -> Result<Self, Error> {
        let mut inputs = Vec::new();
        for at in 0..plan.sources.len() {
            let source = options.sources.get(at).cloned().unwrap_or_default();
            let decoder = Decoder::new(source.decoder)
                .map_err(|error| Error::Option { name: "sources", message: error.to_string() })?;
            inputs.push(Input {
                decoder: Some(decoder),
                columns: ColumnNames::of(&plan, SourceId::new(at)),
                bounded: source.bounded,
                metrics: SourceMetrics::default(),
                late_events: 0,
                late_notice: None,
                bad_lines: BTreeMap::new(),
                bad_line_notices: 0,
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
        let sessions = Sessions::new(&plan, options.hash_seed, options.emit == Emit::Eager);
        let lead = sessions.reach().plus(options.late_tolerance);
        let core = Core {
            progress: Progress::new(
                inputs.iter().map(|input| input.bounded),
                options.late_tolerance,
                options.idle_timeout,
                lead,
            ),
            store: Store::new(sessions.shape().tables.len()),
            keys: EventKeys::new(sessions.shape().tables.len()),
            sessions,
            emitter: Emitter::new(&plan.canonical, options.processing_interval),
            closed: Vec::new(),
            outbox: VecDeque::new(),
            updates: VecDeque::new(),
            polled: Vec::new(),
            polled_is_final: false,
            stamp: Stamp {
                id: CorrelationId(0),
                revision: 0,
                is_final: false,
                replaces: Vec::new(),
            },
            held_more: BTreeMap::new(),
            extracted: Fields::default(),
            arrivals: 0,
            selected: 0,
            unkeyed: 0,
            late: 0,
            late_matched: 0,
            correlations: 0,
            deliveries: 0,
            peak_memory: 0,
            end: End::No,
            plan,
            options,
        };
        let mut correlator = Self { inputs, core };
        correlator.core.pace();
        Ok(correlator)
    }

    /// Takes bytes of a source, cut anywhere. Bytes after [`close`](Self::close) or after the end
    /// of the query are ignored.
    pub fn push(&mut self, source: SourceId, bytes: &[u8]) {
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
        self.core.begin();
        let input = &mut self.inputs[source.index()];
        events.check(&input.columns)?;
        let ignored = self.core.end != End::No || self.core.progress.source_ended(source);
        let mut fields = Fields::default();
        for at in 0..events.len() {
            let row = events.row(at, &input.columns, &mut fields);
            let mut held = false;
            if !ignored {
                let event = Event { time: row.time, raw: row.message, fields: &fields };
                held = self.core.take(source, input, &event, Some(row.handle));
            }
            if !held {
                self.core.outbox.push_back(Posted::Released(row.handle));
            }
        }
        self.settle();
        Ok(())
    }

    /// Nothing more will come for now: a live source that went quiet lets go of what its decoder
    /// was holding back to see the next line.
    pub fn flush(&mut self, source: SourceId) {
        self.decode(source, |decoder, sink| decoder.flush(sink));
    }

    /// Tells the host's time, which drives idle live sources and deferred deliveries.
    pub fn advance(&mut self, now: Timestamp) {
        self.core.begin();
        if self.core.progress.advance(now) {
            self.core.expire();
        }
        while let Some(event) = self.core.emitter.take_due(now) {
            self.core.sessions.touch(&mut self.core.store, event);
        }
        self.settle();
    }

    /// Nothing more will come from this source.
    pub fn close(&mut self, source: SourceId) {
        if self.core.progress.source_ended(source) {
            return;
        }
        self.decode(source, |decoder, sink| decoder.close(sink));
        let input = &self.inputs[source.index()];
        let (events, late) = (input.metrics.events, input.late_events);
        if self.core.end == End::No && input.bounded && late > events / 2 {
            let notice = Notice::RunsBackwards { source, events, late };
            self.core.outbox.push_back(Posted::Notice(notice));
        }
        if self.core.progress.end(source) {
            self.core.expire();
        }
        self.settle();
    }

    /// The next output. Drain it after every call that changes something: the view it returns is
    /// gone with the next call.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        self.core.begin_poll();
        for (at, input) in self.inputs.iter_mut().enumerate() {
            input.post(SourceId::new(at), &mut self.core.outbox);
        }
        if self.core.next_correlation() {
            let core = &self.core;
            return Some(Output::Correlation(Correlation {
                plan: &core.plan,
                store: &core.store,
                sessions: &core.sessions,
                events: &core.polled,
                stamp: &core.stamp,
            }));
        }
        self.core.pace();
        if let Some(posted) = self.core.outbox.pop_front() {
            return Some(match posted {
                Posted::Notice(notice) => Output::Notice(notice),
                Posted::Pause(source, true) => Output::Pause(source),
                Posted::Pause(source, false) => Output::Resume(source),
                Posted::Released(handle) => Output::Released(handle),
            });
        }
        match std::mem::replace(&mut self.core.end, End::Told) {
            End::No => {
                self.core.end = End::No;
                None
            }
            End::Decided => Some(Output::End(None)),
            End::Failed(error) => Some(Output::End(Some(error))),
            End::Told => None,
        }
    }

    /// Polls up to `max` outputs into `batch`.
    pub fn drain(&mut self, max: usize, batch: &mut Batch) {
        while batch.len() < max {
            let Some(output) = self.poll() else { break };
            write_output(batch, &output);
        }
    }

    /// When [`advance`](Self::advance) should be called at the latest, in host time; `None` when
    /// time changes nothing.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let core = &self.core;
        let follows = core.progress.follows_clock();
        let tolerance = core.progress.tolerance().plus(Span::from_nanos(1));
        let close = core.sessions.next_close().filter(|_| follows).map(|time| time.plus(tolerance));
        let deadlines = [core.progress.next_idle(), core.emitter.next_due(), close];
        deadlines.into_iter().flatten().min()
    }

    /// Whether the query has ended: everything else that is pushed is ignored.
    pub fn has_ended(&self) -> bool {
        self.core.end != End::No
    }

    /// Whether a source may not be read for now: what the last [`Output::Pause`] or
    /// [`Output::Resume`] of it says, or will say.
    pub fn is_paused(&self, source: SourceId) -> bool {
        self.core.progress.is_paused(source)
    }

    /// Counters.
    pub fn metrics(&self) -> Metrics {
        let core = &self.core;
        Metrics {
            sources: self.inputs.iter().map(|input| input.metrics.clone()).collect(),
            selected: core.selected,
            unkeyed: core.unkeyed,
            late: core.late,
            late_matched: core.late_matched,
            correlations: core.correlations,
            deliveries: core.deliveries,
            held_events: core.store.held(),
            held_keys: core.sessions.keys(),
            memory: core.memory(),
            peak_memory: core.peak_memory.max(core.memory()),
            watermark: core.progress.watermark(),
        }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.core.plan
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
        Recipe::new(&self.core.plan, decoders.collect())
    }

    /// Ends the query and frees what it holds. Only [`recipe`](Self::recipe), [`plan`](Self::plan)
    /// and [`metrics`](Self::metrics) are of use afterwards.
    pub fn stop(&mut self) {
        let core = &mut self.core;
        core.peak_memory = core.peak_memory.max(core.memory());
        let options = &core.options;
        core.sessions = Sessions::new(&core.plan, options.hash_seed, options.emit == Emit::Eager);
        core.store = Store::new(core.sessions.shape().tables.len());
        core.emitter = Emitter::new(&core.plan.canonical, options.processing_interval);
        core.polled.clear();
        core.updates.clear();
        core.outbox.clear();
        core.held_more.clear();
        core.end = End::Told;
    }

    fn decode(&mut self, source: SourceId, run: impl FnOnce(&mut Decoder, &mut dyn Sink)) {
        self.core.begin();
        if self.core.end != End::No || self.core.progress.source_ended(source) {
            return;
        }
        let input = &mut self.inputs[source.index()];
        let mut decoder =
            input.decoder.take().expect("a decoder is only away while it pushes into the engine");
        run(&mut decoder, &mut Intake { core: &mut self.core, input, source });
        self.inputs[source.index()].decoder = Some(decoder);
        self.settle();
    }

    /// Ends every change: checks the memory bound and whether everything is decided.
    fn settle(&mut self) {
        self.core.check_memory();
        self.core.check_end();
        self.core.pace();
    }
}

impl Input {
    /// Posts what was noticed since the last poll.
    fn post(&mut self, source: SourceId, outbox: &mut VecDeque<Posted>) {
        if let Some((count, time, behind)) = self.late_notice.take() {
            let notice = Notice::LateEvents { source, count, time, behind };
            outbox.push_back(Posted::Notice(notice));
        }
        for (_, (more, mut notice)) in std::mem::take(&mut self.bad_lines) {
            if let Notice::BadLine { count, .. } = &mut notice {
                *count = more;
            }
            outbox.push_back(Posted::Notice(notice));
        }
        self.bad_line_notices = 0;
    }
}

/// Takes what a decoder finds.
struct Intake<'a> {
    core: &'a mut Core,
    input: &'a mut Input,
    source: SourceId,
}

impl Sink for Intake<'_> {
    fn event(&mut self, event: Event<'_>) {
        self.core.take(self.source, self.input, &event, None);
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.input.metrics.bad_lines += 1;
        let notice = || Notice::BadLine {
            source: self.source,
            code: bad.code,
            message: bad.message.to_owned(),
            line: bad.line,
            byte: bad.byte,
            count: 1,
        };
        if self.input.bad_line_notices < limits::NOTICES_PER_POLL {
            self.input.bad_line_notices += 1;
            self.core.outbox.push_back(Posted::Notice(notice()));
        } else {
            self.input.bad_lines.entry(bad.code).or_insert_with(|| (0, notice())).0 += 1;
        }
    }
}

impl Core {
    /// Takes one event of a source into the streams that select it. Returns whether it is held.
    fn take(
        &mut self,
        source: SourceId,
        input: &mut Input,
        event: &Event<'_>,
        handle: Option<HostHandle>,
    ) -> bool {
        if self.end != End::No {
            return false;
        }
        input.metrics.events += 1;
        self.arrivals = self.arrivals.wrapping_add(1);
        let watermark = self.progress.watermark();
        if watermark.makes_late(event.time) {
            input.late_events += 1;
        }
        let reach = self.sessions.reach();
        let outside = self.options.start.is_some_and(|start| event.time < start.minus(reach))
            || self.options.end.is_some_and(|end| event.time >= end.plus(reach));
        let mut held = 0;
        if !outside {
            for at in 0..self.plan.sources[source.index()].streams.len() {
                let stream = self.plan.sources[source.index()].streams[at];
                held += u32::from(self.take_into(stream, input, event, handle));
            }
        }
        if let Some(handle) = handle.filter(|_| held > 1) {
            self.held_more.insert(handle, held - 1);
        }
        if self.progress.saw(source, event.time) {
            self.expire();
        }
        held > 0
    }

    fn take_into(
        &mut self,
        stream: StreamId,
        input: &mut Input,
        event: &Event<'_>,
        handle: Option<HostHandle>,
    ) -> bool {
        if !self.plan.streams[stream.index()].pipeline.keeps(event, &mut self.extracted) {
            return false;
        }
        self.selected += 1;
        let selected = Selected { event: *event, extracted: &self.extracted };
        let mut matchers = self.plan.projection.iter();
        let hidden = matchers.any(|matcher| !matcher.accepts(selected.label(&matcher.label)));
        let shape = self.sessions.shape();
        self.keys.read(&selected, stream, &shape.tables, &self.options.key_patterns);
        let enters_by = shape.joins[stream.index().saturating_sub(1)].table;
        self.unkeyed += u64::from(self.keys.get(enters_by).is_none());
        let payload = handle.map_or(Payload::Raw(event.raw), Payload::Host);
        let watermark = self.progress.watermark();
        let (time, number) = (event.time, self.arrivals);
        let arrival = Arrival { time, stream, number, payload, hidden };
        let inserted = self.sessions.insert(&mut self.store, &arrival, &self.keys, watermark);
        match inserted {
            Inserted::Held(_) => true,
            Inserted::Unkeyed => false,
            Inserted::Late(matched) => {
                self.late += 1;
                input.metrics.late += 1;
                let behind = Timestamp::from_nanos(watermark.as_nanos()).since(event.time);
                let notice = input.late_notice.get_or_insert((0, event.time, behind));
                notice.0 += 1;
                self.late_matched += u64::from(matched.is_some());
                matched.is_some()
            }
        }
    }

    /// Closes what the watermark has passed.
    fn expire(&mut self) {
        let watermark = self.progress.watermark();
        let mut closed = std::mem::take(&mut self.closed);
        self.sessions.expire(&mut self.store, watermark, &mut closed);
        for component in closed.drain(..) {
            self.decide(component);
        }
        self.closed = closed;
        // Only `Emit::Final` promises an order.
        let limit = self.sessions.first_waiting().filter(|_| self.options.emit == Emit::Final);
        self.emitter.release(limit);
    }

    /// Makes results of a closed component, and forgets what is in none.
    fn decide(&mut self, closed: Closed) {
        let parts = match results(self.sessions.shape(), &self.store, closed.ring, true) {
            Results::None => return self.forget_ring(closed.ring),
            Results::Whole => {
                match self.wanted(self.store.ring(closed.ring)) {
                    Some(first) => self.emitter.decided(closed.close, first, closed.ring),
                    None => self.forget_ring(closed.ring),
                }
                return;
            }
            Results::Parts(parts) => parts,
        };
        let members: Vec<EventId> = self.store.ring(closed.ring).collect();
        let mut keep = Vec::new();
        for events in parts {
            if let Some(first) = self.wanted(events.iter().copied()) {
                let ring = self.store.link(&events);
                self.emitter.decided(closed.close, first, ring);
                keep.extend(events);
            }
        }
        keep.sort_unstable();
        for id in members {
            if keep.binary_search(&id).is_err() {
                self.forget(id);
            }
        }
    }

    /// The first event of a result, if the result is to be delivered at all.
    fn wanted(&self, events: impl Iterator<Item = EventId>) -> Option<EventOrder> {
        let (mut first, mut visible, mut delivered) = (None::<EventOrder>, false, false);
        for id in events {
            let record = self.store.record(id);
            visible |= !record.flags.has(Flags::HIDDEN);
            delivered |= record.delivery != DeliveryId::NONE;
            let order = self.store.order(id);
            first = Some(first.map_or(order, |first| first.min(order)));
        }
        let first = first?;
        let inside = self.options.start.is_none_or(|start| first.time >= start)
            && self.options.end.is_none_or(|end| first.time < end);
        (visible && (inside || delivered)).then_some(first)
    }

    fn forget_ring(&mut self, ring: EventId) {
        let mut id = ring;
        loop {
            let next = self.store.record(id).next;
            self.forget(id);
            if next == ring {
                break;
            }
            id = next;
        }
    }

    fn forget(&mut self, id: EventId) {
        let Some(handle) = self.sessions.forget(&mut self.store, id) else { return };
        match self.held_more.get_mut(&handle) {
            Some(1) => {
                self.held_more.remove(&handle);
            }
            Some(more) => *more -= 1,
            None => self.outbox.push_back(Posted::Released(handle)),
        }
    }

    /// Begins a change: what was looked at for delivery has to be looked at again.
    fn begin(&mut self) {
        self.begin_poll();
        for events in std::mem::take(&mut self.updates) {
            self.sessions.touch(&mut self.store, events[0]);
        }
    }

    /// Lets go of the correlation polled last.
    fn begin_poll(&mut self) {
        let mut polled = std::mem::take(&mut self.polled);
        if self.polled_is_final {
            for id in polled.drain(..) {
                self.forget(id);
            }
        }
        polled.clear();
        self.polled = polled;
    }

    /// Moves to the next correlation to deliver, if there is one.
    fn next_correlation(&mut self) -> bool {
        if self.end == End::Told || self.options.limit.is_some_and(|n| self.correlations >= n) {
            return false;
        }
        if let Some(ring) = self.emitter.next_final() {
            let mut events = std::mem::take(&mut self.polled);
            events.extend(self.store.ring(ring));
            self.sort(&mut events);
            let key = Self::identity_key(&self.sessions, &self.store, &events);
            let identity = Identity { key: &key, first: self.store.order(events[0]) };
            self.stamp = self.emitter.stamp_final(&mut self.store, &events, &identity);
            self.polled = events;
            self.polled_is_final = true;
            self.deliveries += 1;
            self.correlations += 1;
            if self.options.limit == Some(self.correlations) && self.end == End::No {
                self.end = End::Decided;
            }
            return true;
        }
        while self.options.emit == Emit::Eager && self.end == End::No {
            let Some(mut events) = self.updates.pop_front() else {
                let Some(root) = self.sessions.next_dirty(&mut self.store) else { break };
                match results(self.sessions.shape(), &self.store, root, false) {
                    Results::None => {}
                    Results::Whole => self.updates.push_back(self.store.ring(root).collect()),
                    Results::Parts(parts) => self.updates.extend(parts),
                }
                continue;
            };
            if self.wanted(events.iter().copied()).is_none() {
                continue;
            }
            self.sort(&mut events);
            let key = Self::identity_key(&self.sessions, &self.store, &events);
            let identity = Identity { key: &key, first: self.store.order(events[0]) };
            let now = self.progress.now();
            if let Some(stamp) = self.emitter.stamp_update(&mut self.store, &events, &identity, now)
            {
                self.stamp = stamp;
                self.polled = events;
                self.polled_is_final = false;
                self.deliveries += 1;
                return true;
            }
        }
        false
    }

    fn sort(&self, events: &mut [EventId]) {
        events.sort_unstable_by_key(|id| self.store.order(*id));
    }

    /// The key of the first join, of the earliest event that has one.
    fn identity_key(sessions: &Sessions, store: &Store, events: &[EventId]) -> Vec<u8> {
        let mut keys = events.iter().filter_map(|id| sessions.key(store, *id, 0));
        keys.next().unwrap_or_default().to_vec()
    }

    /// Tells the readers which sources may be read.
    fn pace(&mut self) {
        if self.end != End::No {
            return;
        }
        let hold = self.emitter.backlog() >= self.options.buffer_size.max(1);
        let outbox = &mut self.outbox;
        self.progress.pace(hold, |source, paused| {
            outbox.push_back(Posted::Pause(source, paused));
        });
    }

    fn memory(&self) -> usize {
        self.store.memory() + self.sessions.memory() + self.emitter.memory()
    }

    fn check_memory(&mut self) {
        let used = self.memory();
        self.peak_memory = self.peak_memory.max(used);
        if used <= self.options.max_memory || self.end != End::No {
            return;
        }
        let oldest = self.store.oldest();
        let newest = self.progress.newest().unwrap_or(oldest);
        let span = newest.since(oldest).max(Span::from_nanos(1));
        let needed_span = self.sessions.reach().plus(self.options.late_tolerance).max(span);
        self.end = End::Failed(Error::Memory {
            limit: self.options.max_memory,
            used,
            held: self.store.held(),
            span_ms: span.as_millis(),
            needed_ms: needed_span.as_millis(),
            needed: scale(used, needed_span, span),
        });
    }

    fn check_end(&mut self) {
        if self.end != End::No {
            return;
        }
        let reach = self.sessions.reach();
        let watermark = self.progress.watermark();
        let past = |end: Timestamp| watermark.has_passed(end.plus(reach).plus(reach));
        if self.progress.has_ended() || self.options.end.is_some_and(past) {
            self.end = End::Decided;
        }
    }
}

/// `amount` in the proportion of `to` to `from`.
fn scale(amount: usize, to: Span, from: Span) -> usize {
    let amount = u128::try_from(amount).unwrap_or(u128::MAX);
    let to = u128::try_from(to.as_nanos()).unwrap_or(0);
    let from = u128::try_from(from.as_nanos()).unwrap_or(1).max(1);
    usize::try_from(amount.saturating_mul(to) / from).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
