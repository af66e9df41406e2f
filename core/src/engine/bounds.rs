//! What the engine may hold, and what happens when that is reached.
//!
//! Events that are decided and wait to be polled count by themselves: the host takes these next, and
//! is asked to read nothing before it has. Of the rest the oldest go first, exactly in event order;
//! to find them costs a pass over what is held for every eighth of it that is evicted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::flow::{End, Flow, Posted};
use crate::error::{Bound, Cause, Error, Overrun};
use crate::id::{EventId, SourceId};
use crate::join::Policy;
use crate::join::early::Evicted;
use crate::options::{CorrelatorOptions, Overflow};
use crate::output::{DropReason, Notice};
use crate::time::{Span, Timestamp};
use crate::window::record::EventOrder;

/// Events of one push after which the bounds are looked at, so that a push of any size is held to them.
const CHECK_EVENTS: u32 = 64;

/// The memory bound is this many times what may be spent beside the events.
const SIDE_SHARE: usize = 8;

/// Events looked at to find out which are the oldest.
const SAMPLE: usize = 1 << 10;

/// What a window takes is told from no less than this part of it: logs come in bursts.
const ESTIMATE_SHARE: u128 = 10;

/// What is known about the bounds.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// The oldest events, each also with its arrival: a slot may have been used again.
    oldest: BinaryHeap<Reverse<(EventOrder, EventId)>>,
    /// All held events that are not newer are in `oldest`.
    newest_listed: Option<Timestamp>,
    /// Whether nothing more can be held until something is polled.
    is_full: bool,
    has_warned: bool,
    /// The event that is being evicted.
    evicting: Option<EventId>,
    pub evicted: u64,
    pub dropped: u64,
    pub truncated: u64,
    pub peak_memory: usize,
    /// Bytes and events that other engines of the query hold.
    beside: (usize, usize),
    /// What steps held when the bounds were last looked at.
    steps_memory: usize,
    /// What was dropped since the last poll: how many, and the newest time.
    drops: BTreeMap<(SourceId, DropReason), (u64, Timestamp)>,
}

impl Bounds {
    /// Whether an event is being evicted, and so counted.
    pub fn is_evicted(&self, id: EventId) -> bool {
        self.evicting == Some(id)
    }

    /// Notes what other engines of the query hold.
    pub fn set_beside(&mut self, memory: usize, events: usize) {
        self.beside = (memory, events);
    }

    /// Has the next warning told, whatever has been told.
    pub fn warn_again(&mut self) {
        self.has_warned = false;
    }

    /// Counts events that are dropped, of which the newest has this time.
    pub fn drop_events(
        &mut self,
        source: SourceId,
        reason: DropReason,
        events: u64,
        time: Timestamp,
    ) {
        match reason {
            DropReason::Evicted => self.evicted += events,
            DropReason::Truncated => self.dropped += events,
        }
        let (count, newest) = self.drops.entry((source, reason)).or_insert((0, time));
        *count += events;
        *newest = time.max(*newest);
    }
}

impl Flow {
    /// Whether an arriving event can be held.
    pub fn has_room(&self) -> bool {
        !self.bounds.is_full
    }

    /// Posts what was dropped since the last poll.
    pub fn post_drops(&mut self) {
        while let Some(((source, reason), (count, time))) = self.bounds.drops.pop_first() {
            let notice = Notice::Dropped { source, reason, count, time };
            self.outbox.push_back(Posted::Notice(notice));
        }
    }

    /// Looks at the bounds after an event.
    #[inline]
    pub fn check_event(&mut self) {
        let (memory, events) = self.bounds.beside;
        let crowded = self.options.max_events.is_some_and(|max| self.store.held() + events > max);
        let many = self.arrivals.is_multiple_of(CHECK_EVENTS);
        let large = self.store.memory() + memory > self.options.max_memory;
        if crowded || many || large || self.has_grown() {
            self.check_bounds();
        }
    }

    /// Whether what steps hold has grown by more than may be left unchecked: one event may have matches
    /// without number.
    fn has_grown(&self) -> bool {
        let Policy::Steps(steps) = &self.joins.policy else { return false };
        steps.memory() > self.bounds.steps_memory + side_share(&self.options)
    }

    /// Notes what steps hold once the bounds have been looked at.
    fn note_checked(&mut self) {
        if let Policy::Steps(steps) = &self.joins.policy {
            self.bounds.steps_memory = steps.memory();
        }
    }

    /// Holds what is held to the bounds.
    pub fn check_bounds(&mut self) {
        if self.end.is_over() {
            return;
        }
        self.joins.shrink_truncated(&mut self.store, side_share(&self.options));
        let used = self.memory();
        self.bounds.peak_memory = self.bounds.peak_memory.max(used);
        self.warn(used);
        if self.may_lag && self.has_too_much_open(self.options.max_memory) {
            self.catch_up();
        }
        if self.has_too_much_open(self.options.max_memory) {
            match self.overflow {
                Overflow::Block => self.fail(Cause::Window),
                Overflow::Evict => self.evict(),
            }
        }
        self.note_checked();
    }

    fn warn(&mut self, used: usize) {
        if self.share.is_some_and(|share| !share.is_first()) {
            return;
        }
        let max = self.options.max_memory;
        let used = used + self.bounds.beside.0;
        if used > max / 5 * 4 && !self.bounds.has_warned {
            self.bounds.has_warned = true;
            self.outbox.push_back(Posted::Notice(Notice::MemoryWarning { used, max }));
        } else if used < max / 5 * 3 {
            self.bounds.has_warned = false;
        }
    }

    /// Events held that do not wait to be polled.
    pub fn open(&self) -> usize {
        self.store.held() - self.waiting()
    }

    /// Bytes used but for events that wait to be polled.
    pub fn open_memory(&self) -> usize {
        self.memory() - self.store.decided_memory()
    }

    /// Events held that wait to be polled.
    fn waiting(&self) -> usize {
        self.emitter.waiting_events().min(self.store.held())
    }

    /// Whether `events` of those held are more than may be held, or take more than `max_memory`.
    fn is_too_much(&self, events: usize, max_memory: usize) -> bool {
        let of = self.engines();
        self.options.max_events.is_some_and(|max| events > max / of)
            || self.part(events) > max_memory / of
    }

    /// How many engines the query has.
    fn engines(&self) -> usize {
        self.share.map_or(1, |share| share.of)
    }

    /// Bytes that `events` of those held take: their share of what is used is as large as their number.
    fn part(&self, events: usize) -> usize {
        scaled(self.memory(), events as u128, self.store.held() as u128)
    }

    /// Whether what does not wait to be polled is more than may be held, or takes more than
    /// `max_memory`, in all engines of the query together; and this one has at least its part of it.
    fn has_too_much_open(&self, max_memory: usize) -> bool {
        let used = self.open_memory();
        let (memory, events) = self.bounds.beside;
        let of = self.engines();
        let too_much = |own: usize, beside, max| own + beside > max && own > max / of;
        self.options.max_events.is_some_and(|max| too_much(self.open(), events, max))
            || too_much(used, memory, max_memory)
    }

    /// Whether the sources should not be read ahead: half of what may be held is.
    pub fn is_tight(&self) -> bool {
        let held = self.store.held();
        self.options.max_events.is_some_and(|max| held > max / 2)
            || self.memory() > self.options.max_memory / 2
    }

    /// Drops the oldest events until what is held fits.
    fn evict(&mut self) {
        // Memory comes and goes in blocks: room is made for some.
        let max_memory = self.options.max_memory - self.options.max_memory / 16;
        while !self.end.is_over() && self.has_too_much_open(max_memory) {
            self.store.trim();
            if !self.has_too_much_open(max_memory) {
                break;
            }
            if let Some(id) = self.next_oldest() {
                self.evict_event(id);
            } else if self.emitter.has_ready() {
                // What is decided gives up its place in the order, to be polled at once.
                self.emitter.release(None);
            } else {
                break;
            }
        }
        if let Policy::Sessions(sessions) = &mut self.joins.policy {
            sessions.shrink(&self.joins.tables, &self.store);
        }
    }

    /// Evicts an event, unless all that it is part of turns out to be decided.
    fn evict_event(&mut self, id: EventId) {
        let record = self.store.record(id);
        let (stream, time) = (record.stream, record.time);
        let source = self.plan.streams[stream.index()].source;
        let evicted = match &mut self.joins.policy {
            Policy::Sessions(sessions) => {
                let watermark = self.progress.watermark();
                sessions.evict(&mut self.joins.tables, &mut self.store, id, watermark)
            }
            Policy::Steps(steps) => steps.evict(&self.joins.tables.shape, &mut self.store, id),
        };
        match evicted {
            Evicted::Decided => {
                self.store.close(id);
                return;
            }
            Evicted::Passed => {
                self.expire();
                return;
            }
            Evicted::Alone => self.forget(id),
            Evicted::Closed => {}
        }
        self.bounds.drop_events(source, DropReason::Evicted, 1, time);
        self.bounds.evicting = Some(id);
        self.collect();
        self.bounds.evicting = None;
        self.joins.shrink_truncated(&mut self.store, side_share(&self.options));
    }

    /// The oldest event that is not decided, as far as that is known.
    fn next_oldest(&mut self) -> Option<EventId> {
        loop {
            while let Some(Reverse((order, id))) = self.bounds.oldest.pop() {
                if self.store.is_open(id) && self.store.order(id) == order {
                    return Some(id);
                }
            }
            self.list_oldest();
            if self.bounds.oldest.is_empty() {
                return None;
            }
        }
    }

    /// Lists an eighth of the events, the oldest. What is known of older ones is forgotten.
    fn list_oldest(&mut self) {
        self.emitter.trim(&self.store);
        self.joins.trim(&self.store);
        let open = |id: &EventId| self.store.is_open(*id);
        let times = self.store.held_until(Timestamp::MAX).filter(open);
        let step = (self.store.held() / SAMPLE).max(1);
        let mut sample: Vec<_> = times.step_by(step).map(|id| self.store.record(id).time).collect();
        let eighth = sample.len() / 8;
        if sample.is_empty() {
            self.bounds.newest_listed = None;
            return;
        }
        let newest = *sample.select_nth_unstable(eighth).1;
        let listed = self.store.held_until(newest).filter(open);
        self.bounds.oldest = listed.map(|id| Reverse((self.store.order(id), id))).collect();
        self.bounds.newest_listed = Some(newest);
    }

    /// An event is held that may be among the oldest.
    #[inline]
    pub fn note_held(&mut self, time: Timestamp, id: EventId) {
        if self.bounds.newest_listed.is_some_and(|newest| time <= newest) {
            self.list(id);
        }
    }

    #[inline(never)]
    fn list(&mut self, id: EventId) {
        self.bounds.oldest.push(Reverse((self.store.order(id), id)));
    }

    /// Ends the query, which has to hold more than it may.
    fn fail(&mut self, cause: Cause) {
        let (memory, events) = self.bounds.beside;
        let (held_events, held_bytes) = match cause {
            Cause::Window => (self.open() + events, self.open_memory() + memory),
            Cause::Results => (self.waiting(), self.part(self.waiting())),
        };
        let bound = match self.options.max_events {
            Some(limit) if held_events > limit => Bound::Events(limit),
            _ => Bound::Bytes(self.options.max_memory),
        };
        let window = self.joins.reach().plus(self.options.late_tolerance);
        let (held_span, needed) = (Span::ZERO, None);
        let overrun = Overrun { bound, cause, held_events, held_bytes, held_span, window, needed };
        self.end = End::Failed(Error::Memory(self.spanning(&overrun, self.ends(cause))));
    }

    /// The oldest and the newest time of what is held for a cause.
    pub fn ends(&self, cause: Cause) -> Option<(Timestamp, Timestamp)> {
        let held = self.store.held_until(Timestamp::MAX);
        let held = held.filter(|id| self.store.is_open(*id) == (cause == Cause::Window));
        let times = held.map(|id| self.store.record(id).time);
        times.map(|time| (time, time)).reduce(around)
    }

    /// An overrun where what is held has these ends.
    pub fn spanning(&self, overrun: &Overrun, ends: Option<(Timestamp, Timestamp)>) -> Overrun {
        let held_span = ends.map_or(Span::ZERO, |(from, to)| to.since(from));
        let held = match overrun.bound {
            Bound::Events(_) => overrun.held_events,
            Bound::Bytes(_) => overrun.held_bytes,
        };
        let can_tell = overrun.cause == Cause::Window && self.progress.has_begun();
        let needed = can_tell.then(|| estimate(held, held_span, overrun.window)).flatten();
        Overrun { held_span, needed, ..*overrun }
    }

    /// A push begins: what waits to be polled since earlier ones must not fill the engine.
    pub fn check_room(&mut self) {
        if self.end.is_over() {
            return;
        }
        let waiting = self.waiting();
        self.bounds.is_full = waiting > 0 && self.is_too_much(waiting, self.options.max_memory);
        if self.bounds.is_full && self.overflow == Overflow::Block {
            self.fail(Cause::Results);
        }
    }

    /// An event comes that there is no room for.
    pub fn turn_away(&mut self, source: SourceId, time: Timestamp) {
        self.bounds.drop_events(source, DropReason::Evicted, 1, time);
        for stream in self.plan.sources[source.index()].streams.clone() {
            self.store.note_evicted(stream, time);
        }
    }

    /// Bytes used to know the oldest events.
    pub fn bounds_memory(&self) -> usize {
        self.bounds.oldest.len() * size_of::<Reverse<(EventOrder, EventId)>>()
    }
}

/// From the older of two beginnings to the newer of two ends.
pub(super) fn around(
    one: (Timestamp, Timestamp),
    other: (Timestamp, Timestamp),
) -> (Timestamp, Timestamp) {
    (one.0.min(other.0), one.1.max(other.1))
}

/// Bytes that may be spent on what truncated sessions leave behind, on telling repeats, and on telling
/// results apart that the same identifies: as many on each.
pub(super) fn side_share(options: &CorrelatorOptions) -> usize {
    options.max_memory / SIDE_SHARE
}

/// What a window takes of which `held` fills the part `span`, rounded up to two digits. None where the
/// part is too small to judge by, or more than the whole.
fn estimate(held: usize, span: Span, window: Span) -> Option<usize> {
    let nanos = |span: Span| u128::try_from(span.as_nanos()).unwrap_or(0);
    let (span, window) = (nanos(span), nanos(window));
    if span == 0 || span * ESTIMATE_SHARE < window || span > window {
        return None;
    }
    // Both ends of a window belong to it.
    let needed = scaled(held, window, span).saturating_add(1);
    let unit = 10_usize.pow(needed.ilog10().saturating_sub(1));
    Some(needed.div_ceil(unit).saturating_mul(unit))
}

/// `amount` in the proportion of `to` to `from`.
fn scaled(amount: usize, to: u128, from: u128) -> usize {
    let amount = u128::try_from(amount).unwrap_or(u128::MAX);
    usize::try_from(amount.saturating_mul(to) / from.max(1)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod hosted_tests;
#[cfg(test)]
mod tests;
