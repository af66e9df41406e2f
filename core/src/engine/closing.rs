//! What becomes of events as the watermark moves: components and picked results are decided, and what is in
//! none is forgotten.

use super::bounds::side_share;
use super::flow::{Flow, Posted};
use crate::emit::{Closing, Emit, Identity};
use crate::id::{DeliveryId, EventId, HostHandle, KeyId};
use crate::join::Policy;
use crate::join::results::{has_unknown, is_result};
use crate::join::session::Closed;
use crate::join::steps::Outcome;
use crate::output::DropReason;
use crate::time::{Timestamp, Watermark};
use crate::window::record::{EventOrder, Flags, Record};

/// Events of one push after which it is looked at what the watermark has passed, where that may wait: few
/// enough that it never takes long.
const LAG_EVENTS: u32 = 512;

impl Flow {
    /// Decides the sessions that have been closed before their time.
    pub fn close_early(&mut self) {
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

    /// Whether what the watermark has passed may wait for more: what is found together is cheaper.
    #[inline]
    pub fn lags(&self) -> bool {
        self.may_lag && !self.arrivals.is_multiple_of(LAG_EVENTS)
    }

    /// Closes what the watermark has passed, if there may be anything.
    #[inline]
    pub fn catch_up(&mut self) {
        if self.may_expire() {
            self.expire();
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
    #[inline]
    fn is_whole(&self, first: EventOrder) -> bool {
        if !self.store.has_evicted() {
            return true;
        }
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
}
