//! Counters and distributions. Plain numbers, read at any time.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::time::{Span, Watermark};

/// What an engine has done so far and holds now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Per source, by position in the plan.
    pub sources: Vec<SourceMetrics>,
    /// Events taken by a stream's selector, over all streams; an event that two streams select
    /// counts twice.
    pub selected: u64,
    /// Selected events that lack the key of the join that would use them.
    pub unkeyed: u64,
    /// Selected events that were late.
    pub late: u64,
    /// Late events that completed a match.
    pub late_matched: u64,
    /// Events dropped since they were the oldest when the engine held as much as it may hold.
    pub evicted: u64,
    /// Events dropped since they would have joined a correlation that was closed as truncated; once for
    /// each that they would have joined.
    pub dropped: u64,
    /// Events not reported since it could not be known whether they are unmatched: what they might
    /// have matched had been evicted.
    pub unknown: u64,
    /// Correlations closed as truncated and delivered.
    pub truncated: u64,
    /// Correlations delivered, revisions not counted.
    pub correlations: u64,
    /// Deliveries, revisions counted.
    pub deliveries: u64,
    /// Events held now.
    pub held_events: usize,
    /// Distinct keys held now.
    pub held_keys: usize,
    /// Bytes the engine holds now, by its own accounting.
    pub memory: usize,
    /// The most bytes it has held after a push.
    pub peak_memory: usize,
    /// The watermark; in JSON, nanoseconds as text, or `null` before it is known or after the end.
    pub watermark: Watermark,
    /// From arrival to delivery.
    pub latency: Latencies,
    /// How long the host was busy in one go; see [`note_turn`](crate::engine::Correlator::note_turn).
    pub turns: Distribution,
}

impl Metrics {
    /// Adds those of another engine of the same query, which has other keys. The peaks are added up,
    /// too, so that their sum is a bound.
    pub fn add(&mut self, other: &Self) {
        for (own, other) in self.sources.iter_mut().zip(&other.sources) {
            own.bytes += other.bytes;
            own.events += other.events;
            own.bad_lines += other.bad_lines;
            own.late += other.late;
            own.repeats += other.repeats;
        }
        self.selected += other.selected;
        self.unkeyed += other.unkeyed;
        self.late += other.late;
        self.late_matched += other.late_matched;
        self.evicted += other.evicted;
        self.dropped += other.dropped;
        self.unknown += other.unknown;
        self.truncated += other.truncated;
        self.correlations += other.correlations;
        self.deliveries += other.deliveries;
        self.held_events += other.held_events;
        self.held_keys += other.held_keys;
        self.memory += other.memory;
        self.peak_memory += other.peak_memory;
        self.watermark = self.watermark.min(other.watermark);
        self.latency.eager.add(&other.latency.eager);
        self.latency.finals.add(&other.latency.finals);
        self.turns.add(&other.turns);
    }
}

/// How long it took from the arrival of the last event of a correlation until the correlation was
/// polled, by the clock that [`set_clock`](crate::engine::Correlator::set_clock) tells; empty where
/// nobody tells it. Withdrawn correlations are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latencies {
    /// Of the deliveries that may still grow ([`Emit::Eager`](crate::Emit::Eager)): how soon one hears
    /// of what has happened.
    pub eager: Distribution,
    /// Of the final ones: these wait for the window and the late tolerance, by what they promise.
    #[serde(rename = "final")]
    pub finals: Distribution,
}

/// How often which lengths of time were measured, in microseconds, to a hundredth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// How many were measured.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    /// The longest, exactly.
    pub max: u64,
    /// How many were about as long as each value, shortest first; values that were not measured are
    /// left out. The values are the same in all distributions, so that these can be added up.
    pub buckets: Vec<(u64, u64)>,
}

impl Distribution {
    /// Adds what was measured elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
        let mut buckets: BTreeMap<u64, u64> = self.buckets.drain(..).collect();
        for (value, count) in &other.buckets {
            *buckets.entry(*value).or_insert(0) += count;
        }
        self.buckets = buckets.into_iter().collect();
    }

    /// What a share of the lengths, from 0 to 1, did not exceed, such as the median for 0.5; `None`
    /// where nothing was measured.
    pub fn quantile(&self, share: f64) -> Option<Span> {
        let mut left = count_of(self.count, share);
        let bucket = self.buckets.iter().find(|(_, count)| {
            left = left.saturating_sub(*count);
            left == 0
        })?;
        let micros = bucket.0.min(self.max);
        Some(Span::from_nanos(i64::try_from(micros).unwrap_or(i64::MAX).saturating_mul(1_000)))
    }
}

/// How many of `count` are a `share`, one at least.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts below 2^53, and a share of them"
)]
fn count_of(count: u64, share: f64) -> u64 {
    ((count as f64 * share.clamp(0.0, 1.0)).ceil() as u64).max(1)
}

/// What came from one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceMetrics {
    /// Bytes pushed.
    pub bytes: u64,
    /// Events decoded or pushed.
    pub events: u64,
    /// Lines that could not be used.
    pub bad_lines: u64,
    /// Selected events that were late.
    pub late: u64,
    /// Events ignored as repeats.
    pub repeats: u64,
}
