//! How long it takes from the arrival of an event to the delivery of what it completes.
//!
//! Owns the times of pushes by the numbers of their events, and the distributions. Knows no clock:
//! the host tells it, and where it does not, nothing is measured. Costs an entry per push, and per
//! delivery a search among the pushes that are remembered: those of the same age, to a hundredth,
//! are remembered as one, so that there are few however long events are held.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use crate::limits;
use crate::metrics::{Distribution, Latencies};
use crate::time::Span;

/// Pushes that are this part of their age apart are told as one.
const AGE_SHARE: i64 = 100;

/// What is measured of one query.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    clock: Option<Span>,
    arrivals: Arrivals,
    eager: Durations,
    finals: Durations,
    turns: Durations,
}

impl Latency {
    /// The time of what follows.
    pub fn set_clock(&mut self, at: Span) {
        self.clock = Some(at);
    }

    /// The event after the one with the number `last` arrives.
    pub fn arrive(&mut self, last: u32) {
        if let Some(at) = self.clock {
            self.arrivals.note(last, at);
        }
    }

    /// A correlation of events with these numbers is delivered; `last` is the newest of all events.
    pub fn deliver(&mut self, is_final: bool, events: impl Iterator<Item = u32>, last: u32) {
        let Some(now) = self.clock else { return };
        // Numbers wrap.
        let Some(newest) = events.min_by_key(|number| last.wrapping_sub(*number)) else { return };
        let Some(arrived) = self.arrivals.time_of(newest, last) else { return };
        let durations = if is_final { &mut self.finals } else { &mut self.eager };
        durations.record(difference(now, arrived));
    }

    /// The host was busy for so long.
    pub fn note_turn(&mut self, took: Span) {
        self.turns.record(took);
    }

    /// From arrival to delivery.
    pub fn latencies(&self) -> Latencies {
        Latencies { eager: self.eager.distribution(), finals: self.finals.distribution() }
    }

    /// How long the host was busy.
    pub fn turns(&self) -> Distribution {
        self.turns.distribution()
    }
}

/// Pushes whose events came at about the same time.
#[derive(Debug)]
struct Push {
    /// Number of the first event; numbers of events that have wrapped go on here.
    first: u64,
    /// When the first push came.
    at: Span,
    /// When the last push came.
    until: Span,
}

/// When which events have arrived.
#[derive(Debug, Default)]
struct Arrivals {
    pushes: VecDeque<Push>,
    /// The number of the event that came last before a push, without wrapping.
    count: u64,
    /// The same number, wrapped.
    last: u32,
}

impl Arrivals {
    /// What follows the event `last` came at this time.
    fn note(&mut self, last: u32, at: Span) {
        self.count += u64::from(last.wrapping_sub(self.last));
        self.last = last;
        let first = self.count + 1;
        let push = Push { first, at, until: at };
        match self.pushes.back_mut() {
            // That push had no event.
            Some(newest) if newest.first == first => *newest = push,
            _ => {
                if self.pushes.len() >= limits::ARRIVALS {
                    self.thin(at);
                }
                self.pushes.push_back(push);
            }
        }
    }

    /// When an event arrived, which is not newer than `last`.
    fn time_of(&self, number: u32, last: u32) -> Option<Span> {
        let newest = self.count + u64::from(last.wrapping_sub(self.last));
        let number = newest.saturating_sub(u64::from(last.wrapping_sub(number)));
        let after = self.pushes.partition_point(|push| push.first <= number);
        Some(self.pushes.get(after.checked_sub(1)?)?.at)
    }

    /// Makes one of pushes that are close to each other, as seen from `now`; halves at least.
    fn thin(&mut self, now: Span) {
        let mut kept: VecDeque<Push> = VecDeque::with_capacity(limits::ARRIVALS);
        for push in self.pushes.drain(..) {
            match kept.back_mut() {
                Some(before)
                    if difference(push.until, before.at).as_nanos()
                        <= difference(now, push.until).as_nanos() / AGE_SHARE =>
                {
                    before.until = push.until;
                }
                _ => kept.push_back(push),
            }
        }
        // What is older than all of these is told as old as the oldest of them.
        let beyond = kept.len().saturating_sub(limits::ARRIVALS / 2);
        if let Some(first) = kept.front().map(|push| push.first) {
            kept.drain(..beyond);
            if let Some(oldest) = kept.front_mut() {
                oldest.first = first;
            }
        }
        self.pushes = kept;
    }
}

/// Lengths of time; nothing is allocated before the first.
#[derive(Debug, Default)]
struct Durations {
    histogram: Option<Histogram<u64>>,
    sum: u64,
    max: u64,
}

impl Durations {
    fn record(&mut self, took: Span) {
        let micros = u64::try_from(took.as_nanos() / 1_000).unwrap_or(0);
        let histogram = self.histogram.get_or_insert_with(|| {
            Histogram::new(2).expect("two digits are among those it can keep")
        });
        histogram.record(micros).expect("it grows, to a few thousand buckets for all of 64 bits");
        self.sum = self.sum.saturating_add(micros);
        self.max = self.max.max(micros);
    }

    fn distribution(&self) -> Distribution {
        let Some(histogram) = &self.histogram else { return Distribution::default() };
        let buckets = histogram.iter_recorded();
        let buckets = buckets.map(|at| (at.value_iterated_to(), at.count_at_value()));
        let (sum, max) = (self.sum, self.max);
        Distribution { count: histogram.len(), sum, max, buckets: buckets.collect() }
    }
}

/// How much later; nothing where a clock has gone back.
fn difference(later: Span, earlier: Span) -> Span {
    later.plus(-earlier).max(Span::ZERO)
}

#[cfg(test)]
mod tests;
