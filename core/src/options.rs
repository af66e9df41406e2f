//! The options of a running query, and how hosts of other languages write them: as JSON, durations
//! in milliseconds.
//!
//! Owns defaults and spelling, so that every binding takes the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::decode::DecoderOptions;
use crate::emit::Emit;
use crate::error::Error;
use crate::key::KeyPatterns;
use crate::limits;
use crate::query::PlanOptions;
use crate::time::{Span, Timestamp};

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
    /// What becomes of late events; default [`Late::Match`].
    pub late: Late,
    /// Bytes the engine may hold, by its own accounting; default 100 MiB, at most
    /// [`limits::MAX_MEMORY_BYTES`]. Not exceeded by more than one push. What waits to be polled counts
    /// by itself, up to the same bound.
    pub max_memory: usize,
    /// Events the engine may hold; default none. One that several streams select counts for each.
    /// What waits to be polled counts by itself, up to the same bound.
    pub max_events: Option<usize>,
    /// What happens when `max_memory` or `max_events` is reached; by default [`Overflow::Block`] where
    /// all sources are bounded, else [`Overflow::Evict`].
    pub overflow: Option<Overflow>,
    /// Events a correlation may have, at least 2; default 10,000. One that reaches it is closed as
    /// truncated, and what would still have joined it is dropped.
    pub max_events_per_correlation: usize,
    /// Whether exact repeats of events are dropped; default none.
    pub dedupe: Option<Dedupe>,
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
            late: Late::Match,
            max_memory: 100 << 20,
            max_events: None,
            overflow: None,
            max_events_per_correlation: 10_000,
            dedupe: None,
            start: None,
            end: None,
            limit: None,
            hash_seed: 0,
            sources: Vec::new(),
            key_patterns: KeyPatterns::default(),
        }
    }
}

/// What becomes of late events.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Late {
    /// They complete matches with what is held.
    #[default]
    Match,
    /// They are counted and ignored.
    Drop,
}

/// What happens when what the engine may hold is reached.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// The events with the oldest times are dropped and counted. What they were part of is delivered
    /// as truncated, and nothing that might have matched them is claimed to be unmatched.
    Evict,
    /// Sources that are ahead wait; where that does not help, the query ends with
    /// [`Error::Memory`].
    Block,
}

/// Which events are repeats: those of the same source and time with the same fields.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dedupe {
    /// For how much event time an event is remembered at least; by default the largest reach of the
    /// query and the late tolerance, so as long as a repeat could matter.
    pub window: Option<Span>,
    /// The labels to compare, and `message` for the message; by default all labels and the message.
    pub fields: Option<Vec<String>>,
}

/// What a host knows about a source.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Whether it ends by itself. A bounded source never counts as idle: the engine waits for it.
    /// Default true.
    pub bounded: bool,
    /// How to decode its bytes.
    pub decoder: DecoderOptions,
    /// How far its clock is ahead, negative where it is behind: taken off the time of each event before
    /// anything else sees it. Default none.
    pub clock_skew: Span,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self { bounded: true, decoder: DecoderOptions::default(), clock_skew: Span::ZERO }
    }
}

/// The options of a query, read from JSON.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JsonOptions {
    default_time_window_ms: Option<f64>,
    selecting_sources: BTreeSet<String>,
    late_tolerance_ms: Option<f64>,
    idle_timeout_ms: Option<f64>,
    processing_interval_ms: Option<f64>,
    emit: Option<JsonEmit>,
    buffer_size: Option<usize>,
    late: Late,
    max_memory_bytes: Option<f64>,
    max_events: Option<usize>,
    overflow: Option<Overflow>,
    max_events_per_correlation: Option<usize>,
    dedupe: Option<JsonDedupe>,
    join_type: JsonJoinType,
    start_ns: Option<String>,
    end_ns: Option<String>,
    limit: Option<u64>,
    sources: Vec<JsonSource>,
    key_patterns: BTreeMap<String, String>,
}

#[derive(Copy, Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsonEmit {
    Final,
    Eager,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum JsonJoinType {
    #[default]
    Inner,
    Left,
    Outer,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JsonDedupe {
    #[serde(default)]
    window_ms: Option<f64>,
    #[serde(default)]
    fields: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JsonSource {
    #[serde(default = "yes")]
    bounded: bool,
    #[serde(default)]
    decoder: DecoderOptions,
    #[serde(default)]
    clock_skew_ms: f64,
}

fn yes() -> bool {
    true
}

impl JsonOptions {
    /// Reads options; empty text gives the defaults.
    ///
    /// # Errors
    /// [`Error::Option`] naming what is not understood.
    pub fn parse(json: &str) -> Result<Self, Error> {
        if json.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(json)
            .map_err(|error| Error::Option { name: "options", message: error.to_string() })
    }

    /// The options for checking the query.
    ///
    /// # Errors
    /// [`Error::Option`] for a duration that makes no sense.
    pub fn plan_options(&self) -> Result<PlanOptions, Error> {
        let default = PlanOptions::default();
        Ok(PlanOptions {
            default_range: span("defaultTimeWindow", self.default_time_window_ms)?
                .unwrap_or(default.default_range),
            selecting_sources: self.selecting_sources.clone(),
            or_is_outer: self.join_type == JsonJoinType::Outer,
        })
    }

    /// How repeats are told.
    ///
    /// # Errors
    /// [`Error::Option`] for a window that makes no sense.
    pub fn dedupe(&self) -> Result<Option<Dedupe>, Error> {
        let dedupe = self.dedupe.as_ref().map(|dedupe| {
            let window = span("dedupe.window", dedupe.window_ms)?;
            Ok(Dedupe { window, fields: dedupe.fields.clone() })
        });
        dedupe.transpose()
    }

    /// The options for running it. `hash_seed` is the host's, since only a host has randomness.
    ///
    /// # Errors
    /// [`Error::Option`] for a value that makes no sense.
    pub fn correlator_options(&self, hash_seed: u64) -> Result<CorrelatorOptions, Error> {
        let default = CorrelatorOptions::default();
        let key_patterns = self.key_patterns.iter();
        let key_patterns = key_patterns.map(|(name, pattern)| (name.as_str(), pattern.as_str()));
        let key_patterns = KeyPatterns::new(key_patterns).map_err(|error| Error::Option {
            name: "keyPatterns",
            message: format!("{}: {error}", error.name),
        })?;
        let source = |source: &JsonSource| {
            Ok(SourceOptions {
                bounded: source.bounded,
                decoder: source.decoder.clone(),
                clock_skew: skew(source.clock_skew_ms)?,
            })
        };
        Ok(CorrelatorOptions {
            late_tolerance: span("lateTolerance", self.late_tolerance_ms)?
                .unwrap_or(default.late_tolerance),
            idle_timeout: span("idleTimeout", self.idle_timeout_ms)?
                .unwrap_or(default.idle_timeout),
            processing_interval: span("processingInterval", self.processing_interval_ms)?
                .unwrap_or(default.processing_interval),
            emit: match self.emit {
                Some(JsonEmit::Eager) => Emit::Eager,
                Some(JsonEmit::Final) | None => Emit::Final,
            },
            buffer_size: self.buffer_size.unwrap_or(default.buffer_size),
            late: self.late,
            max_events: self.max_events,
            overflow: self.overflow,
            max_events_per_correlation: self
                .max_events_per_correlation
                .unwrap_or(default.max_events_per_correlation),
            dedupe: self.dedupe()?,
            max_memory: match self.max_memory_bytes {
                Some(bytes) => bytes_of("maxMemory", bytes)?,
                None => default.max_memory,
            },
            start: time("start", self.start_ns.as_deref())?,
            end: time("end", self.end_ns.as_deref())?,
            limit: self.limit,
            hash_seed,
            sources: self.sources.iter().map(source).collect::<Result<_, _>>()?,
            key_patterns,
        })
    }
}

/// Whether an engine can be given so many bytes.
///
/// # Errors
/// [`Error::Option`] for more than [`limits::MAX_MEMORY_BYTES`].
pub fn check_max_memory(bytes: usize) -> Result<(), Error> {
    if bytes <= limits::MAX_MEMORY_BYTES {
        return Ok(());
    }
    let most = limits::MAX_MEMORY_BYTES >> 20;
    let message = format!("must be at most {most}: run several engines beside each other");
    Err(Error::Option { name: "maxMemoryMB", message })
}

/// Milliseconds, with a fraction, as a span.
#[allow(clippy::cast_possible_truncation)]
fn span(name: &'static str, millis: Option<f64>) -> Result<Option<Span>, Error> {
    let Some(millis) = millis else { return Ok(None) };
    if !millis.is_finite() || millis < 0.0 {
        let message = format!("{millis} is no duration: expected milliseconds, zero or more");
        return Err(Error::Option { name, message });
    }
    // The product is at most 2^63 for 292 years; beyond, the cast saturates, which is "for ever".
    Ok(Some(Span::from_nanos((millis * 1e6).round() as i64)))
}

/// As [`span`], of what may be negative.
fn skew(millis: f64) -> Result<Span, Error> {
    let span = span("clockSkew", Some(millis.abs()))?.unwrap_or_default();
    Ok(if millis < 0.0 { -span } else { span })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn bytes_of(name: &'static str, bytes: f64) -> Result<usize, Error> {
    if bytes.is_nan() || bytes < 0.0 {
        let message = format!("{bytes} is no number of bytes");
        return Err(Error::Option { name, message });
    }
    Ok(bytes as usize)
}

fn time(name: &'static str, nanos: Option<&str>) -> Result<Option<Timestamp>, Error> {
    let Some(text) = nanos else { return Ok(None) };
    let nanos = text.parse().map_err(|_| Error::Option {
        name,
        message: format!(
            "{text:?} is no time: expected nanoseconds since 1970, years 1677 to 2262"
        ),
    })?;
    Ok(Some(Timestamp::from_nanos(nanos)))
}
