//! The way of an event from its arrival into the joins; and what of an engine is not its decoders.

use std::collections::{BTreeMap, VecDeque};

use super::bounds::Bounds;
use super::deliver::{TakenBack, Updates};
use super::input::Input;
use super::known::Known;
use super::reading::{Reading, Route, Routed};
use super::rows::Share;
use crate::emit::{Emitter, Stamp};
use crate::error::Error;
use crate::event::{Columns, Event};
use crate::id::{EventId, EventIds, HostEvent, HostHandle, SourceId, StreamId};
use crate::join::results::Evaluation;
use crate::join::{Inserted, Joins, Policy};
use crate::options::{CorrelatorOptions, Late, Overflow};
use crate::output::{DropReason, Notice, PauseReason};
use crate::plan::Plan;
use crate::time::Timestamp;
use crate::window::record::{Arrival, EventOrder, Payload};
use crate::window::store::Store;
use crate::window::watermark::Progress;

/// The way of an event from its arrival to its delivery: everything but the decoders, so that these
/// can push into it.
#[derive(Debug)]
pub(super) struct Flow {
    pub plan: Plan,
    pub options: CorrelatorOptions,
    pub progress: Progress,
    pub store: Store,
    pub joins: Joins,
    pub emitter: Emitter,
    pub outbox: VecDeque<Posted>,
    /// Results of the component looked at last, still to be delivered ([`Emit::Eager`]).
    pub updates: Updates,
    /// What the component that is looked at means.
    pub evaluation: Evaluation,
    pub taken_back: TakenBack,
    /// Its events that are in results.
    pub kept: Vec<EventId>,
    /// Where the events stand that identify the result that is looked at.
    pub orders: Vec<EventOrder>,
    /// The events of the correlation polled last; forgotten before anything else happens where
    /// they are decided.
    pub polled: EventIds,
    pub polled_is_final: bool,
    pub stamp: Stamp,
    /// When that correlation was closed, where it is final.
    pub closed_at: Timestamp,
    /// The number of the late event that has made it, if one has.
    pub closed_by: u32,
    /// Which keys it has, where it follows steps that others follow, too.
    pub share: Option<Share>,
    /// How many more times an event of the host is held that several streams selected.
    pub held_more: BTreeMap<HostHandle, u32>,
    /// What was read of the event that is looked at.
    pub reading: Reading,
    /// Counts events; wraps.
    pub arrivals: u32,
    pub selected: u64,
    pub unkeyed: u64,
    pub late: u64,
    pub late_matched: u64,
    pub correlations: u64,
    pub deliveries: u64,
    pub bounds: Bounds,
    /// What happens when that is reached which may be held.
    pub overflow: Overflow,
    /// Bytes used to tell repeats, over all sources.
    pub seen_memory: usize,
    /// Bytes used to know labels and values, over all sources.
    pub known_memory: usize,
    pub end: End,
    /// Whether results are sessions of a single join, each told once.
    pub is_simple: bool,
    /// Whether nothing counts of an event that is not late but its key.
    pub is_plain: bool,
    /// Whether what the watermark has passed need not be looked at after each event.
    pub may_lag: bool,
    /// Whether an event has ever been held in several streams.
    pub has_twins: bool,
    /// Whether a stage has ended the query.
    pub limited: bool,
    /// Decided results that have reached each stage.
    pub counts: Vec<u64>,
}

#[derive(Debug)]
pub(super) enum Posted {
    Notice(Notice),
    Pause(SourceId, PauseReason),
    Resume(SourceId),
    Released(HostHandle),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Running.
    No,
    /// Everything is decided; `poll` says so once the rest is taken.
    Decided,
    /// Ended by an error that has not been told yet.
    Failed(Error),
    /// Told.
    Told,
}

impl End {
    /// Whether nothing more is taken.
    pub fn is_over(&self) -> bool {
        !matches!(self, Self::No)
    }
}

impl Flow {
    /// Takes one event of a source into the streams that select it. Returns whether it is held.
    pub fn take(
        &mut self,
        source: SourceId,
        input: &mut Input,
        event: &Event<'_>,
        host: Option<HostEvent>,
    ) -> bool {
        if self.end.is_over() {
            return false;
        }
        input.metrics.events += 1;
        // What stays with the host is here in part only; the host tells of it.
        let looks = host.is_none() && Known::looks_at(input.metrics.events);
        if looks {
            input.known.look(event.labels());
        }
        self.arrivals = self.arrivals.wrapping_add(1);
        let watermark = self.progress.watermark();
        if watermark.makes_late(event.time) {
            input.late_events += 1;
        }
        if let Some(seen) = &mut input.seen
            && !seen.is_new(event)
        {
            input.metrics.repeats += 1;
            self.saw(source, event.time, false);
            return false;
        }
        let outside = self.is_outside(event.time);
        let mut held = 0;
        if !outside && !self.has_room() {
            self.turn_away(source, event.time);
        } else if !outside
            && !looks
            && !watermark.makes_late(event.time)
            && !input.routes.all.is_empty()
            && let Some(columns) = event.columns()
        {
            for at in 0..input.routes.all.len() {
                let route = &input.routes.all[at];
                held += u32::from(match self.take_plain(route, event, &columns, host) {
                    Some(is_held) => is_held,
                    None => self.take_into(route.stream, input, event, host, looks),
                });
                if held > 0 && input.routes.are_exclusive {
                    break;
                }
            }
        } else if !outside {
            for at in 0..self.plan.sources[source.index()].streams.len() {
                let stream = self.plan.sources[source.index()].streams[at];
                held += u32::from(self.take_into(stream, input, event, host, looks));
            }
        }
        if held > 1 {
            self.has_twins = true;
            if let Some(HostEvent { handle, .. }) = host {
                self.held_more.insert(handle, held - 1);
            }
        }
        self.saw(source, event.time, held > 0);
        held > 0
    }

    /// Whether an event of this time can be part of nothing that is asked for.
    #[inline]
    pub fn is_outside(&self, time: Timestamp) -> bool {
        let reach = || self.joins.reach();
        self.options.start.is_some_and(|start| time < start.minus(reach()))
            || self.options.end.is_some_and(|end| time >= end.plus(reach()))
    }

    /// A source has come to `time`.
    pub fn follow_time(&mut self, source: SourceId, time: Timestamp) {
        if self.progress.saw(source, time) && !self.lags() {
            self.catch_up();
        }
    }

    /// An event has come, and may have been `held`.
    #[expect(clippy::inline_always, reason = "the way of every event")]
    #[inline(always)]
    pub fn saw(&mut self, source: SourceId, time: Timestamp, held: bool) {
        if self.progress.saw(source, time) {
            if !self.lags() {
                self.catch_up();
            }
        } else if held && matches!(self.joins.policy, Policy::Steps(_)) {
            self.collect();
        }
        self.check_event();
    }

    #[inline(never)]
    fn take_into(
        &mut self,
        stream: StreamId,
        input: &mut Input,
        event: &Event<'_>,
        host: Option<HostEvent>,
        looks: bool,
    ) -> bool {
        let Self { reading, plan, joins, options, .. } = self;
        let tables = &joins.shape().tables;
        let Some(hidden) = reading.read(plan, tables, &options.key_patterns, stream, event) else {
            return false;
        };
        if looks {
            input.known.look(reading.extracted.labels());
        }
        let payload = host.map_or(Payload::Raw(event.raw), Payload::Host);
        self.enter(stream, input, event.time, payload, hidden)
    }

    /// Takes an event that is not late into a stream by the short way. `None` where more of it has to be looked
    /// at.
    #[inline]
    fn take_plain(
        &mut self,
        route: &Route,
        event: &Event<'_>,
        columns: &Columns<'_>,
        host: Option<HostEvent>,
    ) -> Option<bool> {
        let key = match route.look(columns) {
            Routed::Selected(key) => key,
            Routed::Left => return Some(false),
            Routed::Unclear => return None,
        };
        let payload = host.map_or(Payload::Raw(event.raw), Payload::Host);
        self.enter_plain(route.stream, event.time, payload, key).then_some(true)
    }

    /// Has an event that is not late enter joins that are plain, with its key. False where more has to be looked
    /// at, and nothing was done.
    #[inline]
    pub fn enter_plain(
        &mut self,
        stream: StreamId,
        time: Timestamp,
        payload: Payload<'_>,
        key: &[u8],
    ) -> bool {
        let number = self.arrivals;
        let (hidden, late, kept) = (false, false, &self.reading.kept);
        let arrival = Arrival { time, stream, number, payload, hidden, late, kept };
        let Some(id) = self.joins.insert_plain(&mut self.store, &arrival, key) else {
            return false;
        };
        self.selected += 1;
        self.note_held(time, id);
        if self.joins.has_closed_early() {
            self.close_early();
        }
        true
    }

    /// Has an event that a stream selects enter the joins, with the keys and labels that have been read
    /// last. Returns whether it is held.
    #[inline]
    pub fn enter(
        &mut self,
        stream: StreamId,
        input: &mut Input,
        time: Timestamp,
        payload: Payload<'_>,
        hidden: bool,
    ) -> bool {
        self.selected += 1;
        let watermark = self.progress.watermark();
        let number = self.arrivals;
        // One of the first stream may be held all the same, to be reported alone.
        let keyed = self.reading.keys.get(self.joins.entry_table(stream)).is_some();
        self.unkeyed += u64::from(!keyed);
        let late = watermark.makes_late(time);
        if late {
            self.note_late(input, time);
            if self.may_lag {
                // It matches nothing that the watermark has passed.
                self.catch_up();
            }
        }
        if late && self.options.late == Late::Drop {
            return false;
        }
        let Reading { keys, kept, .. } = &self.reading;
        let arrival = Arrival { time, stream, number, payload, hidden, late, kept };
        if self.is_plain
            && !late
            && let Some(key) = keys.get(0)
            && let Some(id) = self.joins.insert_plain(&mut self.store, &arrival, key)
        {
            return self.note_inserted(stream, time, Inserted::Held(id));
        }
        let inserted = self.joins.insert(&mut self.store, &arrival, keys, watermark);
        self.note_inserted(stream, time, inserted)
    }

    /// An event has entered the joins. Returns whether it is held.
    #[inline]
    fn note_inserted(&mut self, stream: StreamId, time: Timestamp, inserted: Inserted) -> bool {
        match inserted {
            Inserted::Held(id) => {
                self.note_held(time, id);
                if self.joins.has_closed_early() {
                    self.close_early();
                }
                true
            }
            Inserted::Unkeyed => false,
            Inserted::Dropped => {
                let source = self.plan.streams[stream.index()].source;
                self.bounds.drop_events(source, DropReason::Truncated, 1, time);
                self.close_early();
                false
            }
            Inserted::Late { matched, held } => {
                self.late_matched += u64::from(matched);
                if self.joins.has_closed_early() {
                    self.close_early();
                }
                held
            }
        }
    }

    fn note_late(&mut self, input: &mut Input, time: Timestamp) {
        self.late += 1;
        input.metrics.late += 1;
        let watermark = self.progress.watermark();
        let behind = Timestamp::from_nanos(watermark.as_nanos()).since(time);
        let notice = input.late_notice.get_or_insert((0, time, behind));
        notice.0 += 1;
    }

    /// Tells the readers which sources may be read.
    pub fn pace(&mut self) {
        if self.end.is_over() || self.share.is_some() {
            return;
        }
        let (backlog, is_tight) = (self.emitter.backlog(), self.is_tight());
        let hold = backlog >= self.options.buffer_size.max(1) || (backlog > 0 && is_tight);
        let together = is_tight && self.overflow == Overflow::Block;
        let outbox = &mut self.outbox;
        let why = if hold { PauseReason::Consumer } else { PauseReason::Ahead };
        self.progress.pace(hold, together, |source, paused| {
            let posted = if paused { Posted::Pause(source, why) } else { Posted::Resume(source) };
            outbox.push_back(posted);
        });
    }

    pub fn memory(&self) -> usize {
        self.store.memory()
            + self.store.lists.memory()
            + self.joins.memory()
            + self.emitter.memory()
            + self.bounds_memory()
            + self.seen_memory
            + self.known_memory
    }

    pub fn check_end(&mut self) {
        if self.end.is_over() || self.joins.is_behind() {
            return;
        }
        let reach = self.joins.reach();
        let watermark = self.progress.watermark();
        let past = |end: Timestamp| watermark.has_passed(end.plus(reach).plus(reach));
        if self.progress.has_ended() || self.options.end.is_some_and(past) {
            self.end = End::Decided;
        }
    }
}
