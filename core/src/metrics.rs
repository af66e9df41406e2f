//! Counters. Plain numbers, read at any time, at no cost.

use serde::Serialize;

use crate::time::Watermark;

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
