//! The way of an event from its arrival to its delivery, and the bounds on it.

use std::collections::{BTreeMap, VecDeque};

use super::bounds::{Bounds, side_share};
use super::input::Input;
use super::known::Known;
use crate::correlation::Correlation;
use crate::emit::{Closing, Decided, Emit, Emitter, Identity, Stamp};
use crate::error::Error;
use crate::event::{Event, Fields};
use crate::id::{DeliveryId, EventId, HostHandle, SourceId, StreamId};
use crate::join::results::{Results, has_unknown, results};
use crate::join::session::Closed;
use crate::join::steps::Outcome;
use crate::join::{Arrival, Inserted, Joins, Open, Policy};
use crate::key::{self, EventKeys};
use crate::options::{CorrelatorOptions, Late, Overflow};
use crate::output::{DropReason, Notice};
use crate::plan::Plan;
use crate::select::Selected;
use crate::stage::PlannedStage;
use crate::time::{Timestamp, Watermark};
use crate::window::store::{EventOrder, Flags, KeptLabels, Payload, Store};
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
    pub closed: Vec<Closed>,
    pub outbox: VecDeque<Posted>,
    /// Results of the component looked at last, still to be delivered ([`Emit::Eager`]).
    pub updates: VecDeque<Vec<EventId>>,
    /// The events of the correlation polled last; forgotten before anything else happens where
    /// they are decided.
    pub polled: Vec<EventId>,
    pub polled_is_final: bool,
    pub stamp: Stamp,
    /// How many more times an event of the host is held that several streams selected.
    pub held_more: BTreeMap<HostHandle, u32>,
    pub extracted: Fields,
    pub keys: EventKeys,
    pub kept: KeptLabels,
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
    /// Whether a stage has ended the query.
    pub limited: bool,
    /// Decided results that have reached each stage.
    pub counts: Vec<u64>,
}

#[derive(Debug)]
pub(super) enum Posted {
    Notice(Notice),
    Pause(SourceId, bool),
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

/// What looking for a correlation to deliver has come to.
enum Found {
    /// There is one.
    Correlation,
    /// What was looked at is none; there may be more.
    Nothing,
    /// There is nothing to look at.
    End,
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
        if self.end != End::No {
            return false;
        }
        input.metrics.events += 1;
        // What stays with the host is here in part only; the host tells of it.
        let looks = handle.is_none() && Known::looks_at(input.metrics.events);
        if looks {
            input.known.look(event.fields.labels());
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
        let reach = self.joins.reach();
        let outside = self.options.start.is_some_and(|start| event.time < start.minus(reach))
            || self.options.end.is_some_and(|end| event.time >= end.plus(reach));
        let mut held = 0;
        if !outside && !self.has_room() {
            self.turn_away(source, event.time);
        } else if !outside {
            for at in 0..self.plan.sources[source.index()].streams.len() {
                let stream = self.plan.sources[source.index()].streams[at];
                held += u32::from(self.take_into(stream, input, event, handle, looks));
            }
        }
        if let Some(handle) = handle.filter(|_| held > 1) {
            self.held_more.insert(handle, held - 1);
        }
        self.saw(source, event.time, held > 0);
        held > 0
    }

    /// An event has come, and may have been `held`.
    fn saw(&mut self, source: SourceId, time: Timestamp, held: bool) {
        if self.progress.saw(source, time) {
            self.expire();
        } else if held && matches!(self.joins.policy, Policy::Steps(_)) {
            self.collect();
        }
        self.check_event();
    }

    fn take_into(
        &mut self,
        stream: StreamId,
        input: &mut Input,
        event: &Event<'_>,
        handle: Option<HostHandle>,
        looks: bool,
    ) -> bool {
        if !self.plan.streams[stream.index()].pipeline.keeps(event, &mut self.extracted) {
            return false;
        }
        self.selected += 1;
        if looks {
            input.known.look(self.extracted.labels());
        }
        let selected = Selected { event: *event, extracted: &self.extracted };
        let mut matchers = self.plan.projection.iter();
        let hidden = matchers.any(|matcher| !matcher.accepts(selected.label(&matcher.label)));
        let tables = &self.joins.shape().tables;
        self.keys.read(&selected, stream, tables, &self.options.key_patterns);
        let labels = self.plan.streams[stream.index()].kept.iter();
        self.kept
            .read(labels.map(|label| key::value(&selected, label, &self.options.key_patterns)));
        let payload = handle.map_or(Payload::Raw(event.raw), Payload::Host);
        let watermark = self.progress.watermark();
        let (time, number) = (event.time, self.arrivals);
        if self.options.late == Late::Drop && watermark.makes_late(time) {
            self.note_late(input, time);
            return false;
        }
        let kept = &self.kept;
        let arrival = Arrival { time, stream, number, payload, hidden, kept };
        // One of the first stream may be held all the same, to be reported alone.
        let keyed = self.keys.get(self.joins.entry_table(stream)).is_some();
        self.unkeyed += u64::from(!keyed);
        let inserted = self.joins.insert(&mut self.store, &arrival, &self.keys, watermark);
        match inserted {
            Inserted::Held(id) => {
                self.note_held(id);
                self.close_early();
                true
            }
            Inserted::Unkeyed => false,
            Inserted::Dropped => {
                let source = self.plan.streams[stream.index()].source;
                self.bounds.drop_event(source, DropReason::Truncated, time);
                self.close_early();
                false
            }
            Inserted::Late { matched, held } => {
                self.note_late(input, time);
                self.late_matched += u64::from(matched);
                self.close_early();
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
            self.bounds.drop_event(source, DropReason::Truncated, time);
        }
    }

    /// Closes what the watermark has passed.
    pub fn expire(&mut self) {
        let watermark = self.progress.watermark();
        match &mut self.joins.policy {
            Policy::Sessions(sessions) => {
                let mut closed = std::mem::take(&mut self.closed);
                sessions.expire(&mut self.joins.tables, &mut self.store, watermark, &mut closed);
                for component in closed.drain(..) {
                    self.decide(component);
                }
                self.closed = closed;
                self.collect();
            }
            Policy::Steps(_) => self.expire_steps(watermark),
        }
        self.joins.forget_truncated(&self.store, watermark);
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
        }
    }

    /// Whether results that can be polled fill the room for them.
    fn is_backed_up(&self) -> bool {
        self.emitter.backlog() > 0 && self.emitter.waiting_memory() > side_share(&self.options)
    }

    /// Collects what has been decided.
    pub fn collect(&mut self) {
        self.close_early();
        if let Policy::Steps(steps) = &mut self.joins.policy {
            let (dropped, unknown) = steps.left_out();
            self.bounds.dropped += dropped;
            self.joins.tables.unknown += unknown;
            for outcome in steps.outcomes() {
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
        let Policy::Steps(steps) = &mut self.joins.policy else { return };
        for id in steps.gone() {
            self.forget(id);
        }
    }

    fn decide_outcome(&mut self, mut outcome: Outcome) {
        // One that is made of results can be larger than each of them.
        let max_events = self.options.max_events_per_correlation;
        if outcome.events.len() > max_events {
            let beyond = outcome.events.split_off(max_events);
            self.bounds.dropped += beyond.len() as u64;
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
            return;
        };
        let key = Self::identity_key(&self.joins, &self.store, &outcome.events);
        let orders: Vec<_> = outcome.identity.iter().map(|id| self.store.order(*id)).collect();
        let identity = Identity { key: &key, events: &orders };
        let is_early = outcome.truncated;
        outcome.truncated |= !self.is_whole(first);
        self.emitter.decided_list(first, &identity, outcome, is_early);
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
    fn let_go(&mut self, events: &[EventId]) {
        if let Policy::Steps(steps) = &mut self.joins.policy {
            steps.let_go(&mut self.store, events);
        }
        self.forget_gone();
    }

    /// Makes results of a closed component, and forgets what is in none.
    fn decide(&mut self, closed: Closed) {
        let Closed { ring, close, is_early } = closed;
        let parts = match results(self.joins.shape(), &self.store, ring, !is_early) {
            Results::None => {
                self.leave_out(closed, self.store.ring(ring).collect());
                return;
            }
            Results::Whole => {
                match self.wanted(self.store.ring(ring), false) {
                    Some(first) => {
                        let size = self.store.ring(ring).count();
                        let truncated = is_early || !self.is_whole(first);
                        let closing = Closing { close, is_early, truncated };
                        self.emitter.decided(closing, first, (ring, size));
                    }
                    None => self.leave_out(closed, self.store.ring(ring).collect()),
                }
                return;
            }
            Results::Parts(parts) => parts,
        };
        let may_lack = is_early || has_unknown(&self.store, ring);
        let members: Vec<EventId> = self.store.ring(ring).collect();
        let mut keep = Vec::new();
        for events in parts {
            if let Some(first) = self.wanted(events.iter().copied(), false) {
                let ring = self.store.link(&events);
                let truncated = may_lack || !self.is_whole(first);
                let closing = Closing { close, is_early, truncated };
                self.emitter.decided(closing, first, (ring, events.len()));
                keep.extend(events);
            }
        }
        keep.sort_unstable();
        let left = members.into_iter().filter(|id| keep.binary_search(id).is_err());
        self.leave_out(closed, left.collect());
    }

    /// Forgets what is part of no result. Where that is so since the component was closed early, it
    /// has been dropped.
    fn leave_out(&mut self, closed: Closed, events: Vec<EventId>) {
        for id in events {
            if closed.is_early && !self.bounds.is_evicted(id) {
                let (stream, time) = (self.store.record(id).stream, self.store.record(id).time);
                let source = self.plan.streams[stream.index()].source;
                self.bounds.drop_event(source, DropReason::Truncated, time);
            }
            self.forget(id);
        }
    }

    /// The first event of a result, if the result is to be delivered at all; one that has been
    /// `delivered` before is.
    fn wanted(
        &self,
        events: impl Iterator<Item = EventId>,
        mut delivered: bool,
    ) -> Option<EventOrder> {
        let (mut first, mut visible) = (None::<EventOrder>, false);
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

    pub fn forget(&mut self, id: EventId) {
        let Some(handle) = self.joins.tables.forget(&mut self.store, id) else { return };
        match self.held_more.get_mut(&handle) {
            Some(1) => {
                self.held_more.remove(&handle);
            }
            Some(more) => *more -= 1,
            None => self.outbox.push_back(Posted::Released(handle)),
        }
    }

    /// Begins a change: what was looked at for delivery has to be looked at again.
    pub fn begin(&mut self) {
        self.begin_poll();
        self.check_room();
        for events in std::mem::take(&mut self.updates) {
            self.joins.touch(&mut self.store, Open::Session(events[0]));
        }
    }

    /// Lets go of the correlation polled last.
    pub fn begin_poll(&mut self) {
        let mut polled = std::mem::take(&mut self.polled);
        if self.polled_is_final && matches!(self.joins.policy, Policy::Steps(_)) {
            self.let_go(&polled);
        } else if self.polled_is_final {
            for id in polled.drain(..) {
                self.forget(id);
            }
        }
        polled.clear();
        self.polled = polled;
    }

    /// Moves to the next correlation to deliver, if there is one.
    pub fn next_correlation(&mut self) -> bool {
        let is_over = self.end == End::Told || self.limited;
        if is_over || self.options.limit.is_some_and(|n| self.correlations >= n) {
            return false;
        }
        loop {
            while let Some(result) = self.emitter.next_final() {
                if self.poll_final(result) {
                    return true;
                }
                // Its events are let go of before the next is looked at.
                self.begin_poll();
                if self.end != End::No && self.limited {
                    return false;
                }
            }
            if self.end != End::No || !self.joins.is_behind() {
                break;
            }
            self.expire();
            self.check_bounds();
            self.check_end();
        }
        while self.options.emit == Emit::Eager && self.end == End::No {
            let found = match &self.joins.policy {
                Policy::Sessions(_) => self.poll_session(),
                Policy::Steps(_) => self.poll_group(),
            };
            match found {
                Found::Correlation => return true,
                Found::Nothing => {}
                Found::End => break,
            }
        }
        false
    }

    /// Takes a result that can no longer change. Returns whether it is to be delivered.
    fn poll_final(&mut self, result: Decided) -> bool {
        let mut polled = std::mem::take(&mut self.polled);
        let (list, truncated) = match result {
            Decided::Ring { ring, truncated, .. } => {
                polled.extend(self.store.ring(ring));
                self.sort(&mut polled);
                (None, truncated)
            }
            Decided::List(list) => {
                polled = list.events;
                (Some((list.identity, list.delivery)), list.truncated)
            }
        };
        let kept = self.keeps(&polled, true);
        let key = Self::identity_key(&self.joins, &self.store, &polled);
        let stamp = if let Some((identity, delivery)) = list {
            let events: Vec<_> = identity.iter().map(|id| self.store.order(*id)).collect();
            let identity = Identity { key: &key, events: &events };
            self.emitter.stamp_list(&self.store, &polled, &identity, delivery, kept)
        } else {
            let identity = Identity { key: &key, events: &[self.store.order(polled[0])] };
            self.emitter.stamp_final(&mut self.store, &polled, &identity, kept)
        };
        self.polled = polled;
        self.polled_is_final = true;
        let Some(stamp) = stamp else { return false };
        self.stamp = Stamp { truncated, ..stamp };
        self.deliveries += 1;
        self.correlations += 1;
        self.bounds.truncated += u64::from(truncated);
        if self.options.limit == Some(self.correlations) && self.end == End::No {
            self.end = End::Decided;
        }
        true
    }

    /// Whether the stages of the query keep a result. One that is `decided` counts for their limits.
    fn keeps(&mut self, events: &[EventId], decided: bool) -> bool {
        for (at, stage) in self.plan.stages.stages.iter().enumerate() {
            match stage {
                PlannedStage::Where(filter) => {
                    let correlation = Correlation {
                        plan: &self.plan,
                        store: &self.store,
                        tables: &self.joins.tables,
                        events,
                        stamp: &self.stamp,
                    };
                    if !filter.holds(&correlation) {
                        return false;
                    }
                }
                PlannedStage::Limit(limit) => {
                    let count = &mut self.counts[at];
                    if *count >= *limit {
                        return false;
                    }
                    *count += u64::from(decided);
                    if *count == *limit && self.end == End::No {
                        self.end = End::Decided;
                        self.limited = true;
                    }
                }
                PlannedStage::Select(_) => {}
            }
        }
        true
    }

    /// Looks at one session that may have changed.
    fn poll_session(&mut self) -> Found {
        let Policy::Sessions(sessions) = &mut self.joins.policy else { return Found::End };
        let Some(mut events) = self.updates.pop_front() else {
            let Some(root) = sessions.next_dirty(&mut self.store) else { return Found::End };
            match results(self.joins.shape(), &self.store, root, false) {
                Results::None => {}
                Results::Whole => self.updates.push_back(self.store.ring(root).collect()),
                Results::Parts(parts) => self.updates.extend(parts),
            }
            return Found::Nothing;
        };
        if self.wanted(events.iter().copied(), false).is_none() {
            return Found::Nothing;
        }
        self.sort(&mut events);
        let kept = self.keeps(&events, false);
        let key = Self::identity_key(&self.joins, &self.store, &events);
        let identity = Identity { key: &key, events: &[self.store.order(events[0])] };
        let now = self.progress.now();
        let stamp = self.emitter.stamp_update(&mut self.store, &events, &identity, kept, now);
        self.poll_growing(stamp, events)
    }

    /// Looks at one group that may have changed.
    fn poll_group(&mut self) -> Found {
        let Policy::Steps(steps) = &mut self.joins.policy else { return Found::End };
        let Some(group) = steps.next_growing(&self.store) else { return Found::End };
        let delivered = group.delivery != DeliveryId::NONE;
        if self.wanted(group.events.iter().copied(), delivered).is_none() {
            return Found::Nothing;
        }
        let kept = self.keeps(&group.events, false);
        let key = Self::identity_key(&self.joins, &self.store, &group.events);
        let events: Vec<_> = group.identity.iter().map(|id| self.store.order(*id)).collect();
        let identity = Identity { key: &key, events: &events };
        let now = self.progress.now();
        let stamp = self.emitter.stamp_group(&self.store, &group, &identity, kept, now);
        let stamp = stamp.map(|(stamp, delivery)| {
            if let Policy::Steps(steps) = &mut self.joins.policy {
                steps.delivered(&group, delivery);
            }
            stamp
        });
        self.poll_growing(stamp, group.events)
    }

    fn poll_growing(&mut self, stamp: Option<Stamp>, events: Vec<EventId>) -> Found {
        let Some(stamp) = stamp else { return Found::Nothing };
        self.stamp = stamp;
        self.polled = events;
        self.polled_is_final = false;
        self.deliveries += 1;
        Found::Correlation
    }

    fn sort(&self, events: &mut [EventId]) {
        events.sort_unstable_by_key(|id| self.store.order(*id));
    }

    /// The key of the first join, of the earliest event that has one.
    fn identity_key(joins: &Joins, store: &Store, events: &[EventId]) -> Vec<u8> {
        let mut keys = events.iter().filter_map(|id| joins.tables.key(store, *id, 0));
        keys.next().unwrap_or_default().to_vec()
    }

    /// Tells the readers which sources may be read.
    pub fn pace(&mut self) {
        if self.end != End::No {
            return;
        }
        let (backlog, is_tight) = (self.emitter.backlog(), self.is_tight());
        let hold = backlog >= self.options.buffer_size.max(1) || (backlog > 0 && is_tight);
        let together = is_tight && self.overflow == Overflow::Block;
        let outbox = &mut self.outbox;
        self.progress.pace(hold, together, |source, paused| {
            outbox.push_back(Posted::Pause(source, paused));
        });
    }

    pub fn memory(&self) -> usize {
        self.store.memory()
            + self.joins.memory()
            + self.emitter.memory()
            + self.bounds_memory()
            + self.seen_memory
            + self.known_memory
    }

    pub fn check_end(&mut self) {
        if self.end != End::No || self.joins.is_behind() {
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
