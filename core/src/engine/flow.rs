//! The way of an event from its arrival to its delivery, and the bounds on it.

use std::collections::{BTreeMap, VecDeque};

use super::bounds::{Bounds, side_share};
use super::deliver::{TakenBack, Updates};
use super::input::Input;
use super::known::Known;
use super::reading::{Reading, Route, Routed};
use super::rows::Share;
use crate::emit::{Closing, Emit, Emitter, Identity, Stamp};
use crate::error::Error;
use crate::event::Event;
use crate::id::{DeliveryId, EventId, EventIds, HostHandle, KeyId, SourceId, StreamId};
use crate::join::results::{Evaluation, has_unknown, is_result};
use crate::join::session::Closed;
use crate::join::steps::Outcome;
use crate::join::{Inserted, Joins, Policy};
use crate::options::{CorrelatorOptions, Late, Overflow};
use crate::output::{DropReason, Notice, PauseReason};
use crate::plan::Plan;
use crate::time::{Timestamp, Watermark};
use crate::window::record::{Arrival, EventOrder, Flags, Payload, Record};
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
        handle: Option<HostHandle>,
    ) -> bool {
        if self.end.is_over() {
            return false;
        }
        input.metrics.events += 1;
        // What stays with the host is here in part only; the host tells of it.
        let looks = handle.is_none() && Known::looks_at(input.metrics.events);
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
            && !input.routes.is_empty()
        {
            for at in 0..input.routes.len() {
                let route = &input.routes[at];
                held += u32::from(match self.take_plain(route, event, handle) {
                    Some(is_held) => is_held,
                    None => self.take_into(route.stream, input, event, handle, looks),
                });
            }
        } else if !outside {
            for at in 0..self.plan.sources[source.index()].streams.len() {
                let stream = self.plan.sources[source.index()].streams[at];
                held += u32::from(self.take_into(stream, input, event, handle, looks));
            }
        }
        if held > 1 {
            self.has_twins = true;
            if let Some(handle) = handle {
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
        if self.progress.saw(source, time) && self.may_expire() {
            self.expire();
        }
    }

    /// An event has come, and may have been `held`.
    pub fn saw(&mut self, source: SourceId, time: Timestamp, held: bool) {
        if self.progress.saw(source, time) {
            if self.may_expire() {
                self.expire();
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
        handle: Option<HostHandle>,
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
        let payload = handle.map_or(Payload::Raw(event.raw), Payload::Host);
        self.enter(stream, input, event.time, payload, hidden)
    }

    /// Takes an event that is not late into a stream by the short way. `None` where more of it has to be looked
    /// at.
    #[inline]
    fn take_plain(
        &mut self,
        route: &Route,
        event: &Event<'_>,
        handle: Option<HostHandle>,
    ) -> Option<bool> {
        let key = match route.look(event) {
            Routed::Selected(key) => key,
            Routed::Left => return Some(false),
            Routed::Unclear => return None,
        };
        let payload = handle.map_or(Payload::Raw(event.raw), Payload::Host);
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

    /// Decides the sessions that have been closed before their time.
    fn close_early(&mut self) {
        let Policy::Sessions(sessions) = &mut self.joins.policy else { return };
        let (closed, left_out) = (sessions.closed_early(), sessions.left_out());
        for component in closed {
            self.decide(component);
        }
        for (stream, time) in left_out {
            let source = self.plan.streams[stream.index()].source;
            self.bounds.drop_events(source, DropReason::Truncated, 1, time);
        }
    }

    /// Whether there may be something that the watermark has passed: there is nothing, if this says so.
    #[inline]
    fn may_expire(&self) -> bool {
        match &self.joins.policy {
            Policy::Sessions(sessions) => {
                sessions.may_expire(self.progress.watermark())
                    || self.emitter.has_ready()
                    || !self.joins.tables.truncated.is_empty()
            }
            Policy::Steps(_) => true,
        }
    }

    /// Closes what the watermark has passed.
    pub fn expire(&mut self) {
        if self.end.is_over() {
            return;
        }
        let watermark = self.progress.watermark();
        match &mut self.joins.policy {
            Policy::Sessions(_) => {
                while let Some(closed) = self.next_closed(watermark) {
                    self.decide(closed);
                }
                self.collect();
            }
            Policy::Steps(_) => self.expire_steps(watermark),
        }
        self.joins.forget_truncated(&self.store, watermark);
    }

    fn next_closed(&mut self, watermark: Watermark) -> Option<Closed> {
        let Policy::Sessions(sessions) = &mut self.joins.policy else { return None };
        sessions.next_closed(&mut self.joins.tables, &mut self.store, watermark)
    }

    /// Has the steps follow the watermark as far as there is room for what they find.
    fn expire_steps(&mut self, watermark: Watermark) {
        while !self.is_backed_up() {
            let room = side_share(&self.options).saturating_sub(self.emitter.waiting_memory());
            let Policy::Steps(steps) = &mut self.joins.policy else { return };
            steps.expire(&self.joins.tables.shape, &mut self.store, watermark, room);
            self.collect();
            if !self.joins.is_behind() {
                break;
            }
            self.check_bounds();
            if self.end.is_over() {
                break;
            }
        }
    }

    /// Whether results that can be polled fill the room for them.
    fn is_backed_up(&self) -> bool {
        self.emitter.backlog() > 0 && self.emitter.waiting_memory() > side_share(&self.options)
    }

    /// Collects what has been decided.
    pub fn collect(&mut self) {
        if self.joins.has_closed_early() {
            self.close_early();
        }
        if let Policy::Steps(steps) = &mut self.joins.policy {
            let (dropped, unknown) = steps.left_out();
            for (stream, (count, time)) in dropped.into_iter().flatten() {
                let source = self.plan.streams[stream.index()].source;
                self.bounds.drop_events(source, DropReason::Truncated, count, time);
            }
            self.joins.tables.unknown += unknown;
            while let Policy::Steps(steps) = &mut self.joins.policy
                && let Some(outcome) = steps.next_outcome()
            {
                self.decide_outcome(outcome);
            }
            self.forget_gone();
        }
        // Only `Emit::Final` promises an order.
        let limit = self.joins.first_waiting().filter(|_| self.options.emit == Emit::Final);
        self.emitter.release(limit);
        if self.is_backed_up()
            && let Policy::Steps(steps) = &mut self.joins.policy
        {
            steps.fall_behind();
        }
    }

    /// Forgets what no step or result holds any more.
    fn forget_gone(&mut self) {
        while let Policy::Steps(steps) = &mut self.joins.policy
            && let Some(id) = steps.next_gone()
        {
            self.forget(id);
        }
    }

    fn decide_outcome(&mut self, mut outcome: Outcome) {
        // One that is made of results can be larger than each of them.
        let max_events = self.options.max_events_per_correlation;
        if outcome.events.len() > max_events {
            let beyond: Vec<_> = outcome.events.drain(max_events..).collect();
            for id in &beyond {
                let Record { stream, time, .. } = *self.store.record(*id);
                let source = self.plan.streams[stream.index()].source;
                self.bounds.drop_events(source, DropReason::Truncated, 1, time);
            }
            outcome.truncated = true;
            outcome.identity.retain(|id| !beyond.contains(id));
            if outcome.identity.is_empty() {
                outcome.identity.push(outcome.events[0]);
            }
            self.let_go(&beyond);
        }
        let delivered = outcome.delivery != DeliveryId::NONE;
        let Some(first) = self.wanted(outcome.events.iter().copied(), delivered) else {
            self.let_go(&outcome.events);
            self.store.lists.give_back(outcome.events);
            self.store.lists.give_back(outcome.identity);
            return;
        };
        let key = Self::identity_key(&self.joins, &self.store, &outcome.events);
        let is_early = outcome.truncated;
        outcome.truncated |= !self.is_whole(first);
        self.orders.extend(outcome.identity.iter().map(|id| self.store.order(*id)));
        let identity = Identity { key, events: &self.orders, is_unique: false };
        self.emitter.decided_list(first, &identity, outcome, is_early);
        self.orders.clear();
    }

    /// Whether nothing was evicted that might have belonged to a result which starts with `first`.
    fn is_whole(&self, first: EventOrder) -> bool {
        let reach = self.joins.reach();
        // One reach to what matches it or keeps it company, one more to what that might have matched.
        let joins = self.plan.joins.iter();
        let from = joins.fold(first.time, |from, _| from.minus(reach).minus(reach));
        self.store.has_everything_since(from)
    }

    /// Lets go of the events of a result that is not one component.
    pub fn let_go(&mut self, events: &[EventId]) {
        if let Policy::Steps(steps) = &mut self.joins.policy {
            steps.let_go(&mut self.store, events);
        }
        self.forget_gone();
    }

    /// Makes results of a closed component, and forgets what is in none.
    fn decide(&mut self, closed: Closed) {
        if let [join] = self.joins.shape().joins.as_slice() {
            let holds = is_result(join, &closed.members);
            return self.decide_whole(closed, holds);
        }
        let Closed { ring, close, is_early, .. } = closed;
        let mut evaluation = std::mem::take(&mut self.evaluation);
        evaluation.run(self.joins.shape(), &self.store, ring, !is_early);
        self.joins.tables.unknown += evaluation.unknown();
        let may_lack = is_early || has_unknown(&self.store, ring);
        let mut back = std::mem::take(&mut self.taken_back);
        self.take_back(evaluation.members(), evaluation.parts(), &mut back);
        let parts = evaluation.parts().iter().map(|events| (events, true));
        for (events, holds) in parts.chain(back.lists.iter().map(|events| (events, false))) {
            if let Some(first) = self.wanted(events.iter().copied(), false) {
                let ring = self.store.link(events);
                let truncated = may_lack || !self.is_whole(first);
                let closing = Closing { close, is_early, truncated, holds };
                let size = u32::try_from(events.len()).expect("fewer events than handles for them");
                self.emitter.decided(closing, first, (ring, size));
                self.kept.extend_from_slice(events);
            }
        }
        self.kept.sort_unstable();
        for id in evaluation.members() {
            if self.kept.binary_search(id).is_err() {
                self.leave_out(closed, *id);
            }
        }
        self.kept.clear();
        (self.evaluation, self.taken_back) = (evaluation, back);
    }

    /// Makes a result of a closed component as it is, if it is one that is asked for.
    fn decide_whole(&mut self, closed: Closed, holds: bool) {
        let Closed { ring, close, is_early, members } = closed;
        let first = members.first;
        let is_wanted = holds
            && !members.all.has(Flags::HIDDEN)
            && (self.is_inside(first.time) || self.is_delivered(ring));
        if is_wanted {
            let truncated = is_early || !self.is_whole(first);
            let closing = Closing { close, is_early, truncated, holds: true };
            self.emitter.decided(closing, first, (ring, members.size));
        } else {
            self.leave_out_all(closed);
        }
    }

    /// Whether any event of a ring has been delivered before.
    fn is_delivered(&self, ring: EventId) -> bool {
        let mut events = self.store.ring(ring);
        events.any(|id| self.store.delivery(id) != DeliveryId::NONE)
    }

    /// Forgets a closed component that is no result.
    fn leave_out_all(&mut self, closed: Closed) {
        let mut id = closed.ring;
        loop {
            let next = self.store.record(id).next;
            self.leave_out(closed, id);
            if next == closed.ring {
                break;
            }
            id = next;
        }
    }

    /// Forgets an event that is part of no result. Where that is so since its component was closed
    /// early, it has been dropped.
    fn leave_out(&mut self, closed: Closed, id: EventId) {
        if closed.is_early && !self.bounds.is_evicted(id) {
            let (stream, time) = (self.store.record(id).stream, self.store.record(id).time);
            let source = self.plan.streams[stream.index()].source;
            self.bounds.drop_events(source, DropReason::Truncated, 1, time);
        }
        self.forget(id);
    }

    /// The first event of a result, if the result is to be delivered at all; one that has been
    /// `delivered` before is.
    pub fn wanted(
        &self,
        events: impl Iterator<Item = EventId>,
        mut delivered: bool,
    ) -> Option<EventOrder> {
        let is_eager = self.options.emit == Emit::Eager;
        let (mut first, mut visible) = (None::<EventOrder>, false);
        for id in events {
            let record = self.store.record(id);
            visible |= !record.flags.has(Flags::HIDDEN);
            delivered |= is_eager && self.store.delivery(id) != DeliveryId::NONE;
            let order = record.order();
            first = Some(first.map_or(order, |first| first.min(order)));
        }
        let first = first?;
        (visible && (self.is_inside(first.time) || delivered)).then_some(first)
    }

    /// Whether a result whose first event is of this time is asked for.
    pub fn is_inside(&self, first: Timestamp) -> bool {
        self.options.start.is_none_or(|start| first >= start)
            && self.options.end.is_none_or(|end| first < end)
    }

    /// Forgets events of one result.
    pub fn forget_all(&mut self, events: &[EventId]) {
        if let ([table], [first, ..]) = (self.joins.tables.all.as_mut_slice(), events) {
            // All that matches has one key.
            let key = self.store.key(*first, 0);
            if key != KeyId::NONE {
                table.release_many(key, u32::try_from(events.len()).expect("events have handles"));
            }
            for id in events {
                let handle = self.store.forget(*id);
                if let Some(handle) = handle {
                    self.let_go_of_handle(handle);
                }
            }
        } else {
            for id in events {
                self.forget(*id);
            }
        }
    }

    pub fn forget(&mut self, id: EventId) {
        if let Some(handle) = self.joins.tables.forget(&mut self.store, id) {
            self.let_go_of_handle(handle);
        }
    }

    fn let_go_of_handle(&mut self, handle: HostHandle) {
        match self.held_more.get_mut(&handle) {
            Some(1) => {
                self.held_more.remove(&handle);
            }
            Some(more) => *more -= 1,
            None => self.outbox.push_back(Posted::Released(handle)),
        }
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
