//! Event time: instants, signed distances between them, and the watermark.
//!
//! Owns the arithmetic (always saturating, so no log line can overflow it). Knows nothing of text
//! or time zones: those are the decoders' business.

use serde::{Deserialize, Serialize};

/// Nanoseconds in a millisecond.
pub const NANOS_PER_MILLI: i64 = 1_000_000;
/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// An instant of event time: signed nanoseconds since the Unix epoch, UTC (years 1677 to 2262).
#[derive(
    Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest instant.
    pub const MAX: Self = Self(i64::MAX);

    /// The instant `nanos` nanoseconds after the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// This instant moved by `span`, kept within the representable instants.
    #[must_use]
    pub const fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// This instant moved back by `span`, kept within the representable instants.
    #[must_use]
    pub const fn minus(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// The signed distance from `earlier` to this instant.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

/// A signed distance in event time, in nanoseconds.
#[derive(
    Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// No distance.
    pub const ZERO: Self = Self(0);
    /// The longest distance; as a bound it means "none".
    pub const MAX: Self = Self(i64::MAX);
    /// The longest negative distance; as a bound it means "none".
    pub const MIN: Self = Self(-i64::MAX);

    /// A distance of `nanos` nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// A distance of `millis` milliseconds, saturating.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(NANOS_PER_MILLI))
    }

    /// The distance in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The distance in whole milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0 / NANOS_PER_MILLI
    }

    /// The sum of two distances, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Neg for Span {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

/// The watermark: no event older than this is expected any more.
///
/// [`Watermark::START`] before anything is known, [`Watermark::END`] once every stream has ended.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Watermark(i64);

impl Watermark {
    /// Nothing is known yet.
    pub const START: Self = Self(i64::MIN);
    /// Everything has been seen.
    pub const END: Self = Self(i64::MAX);

    /// The watermark of a stream that has seen `newest` and tolerates disorder of `tolerance`.
    pub const fn behind(newest: Timestamp, tolerance: Span) -> Self {
        // Kept below END, which only the end of the stream may claim.
        let nanos = newest.0.saturating_sub(tolerance.0);
        Self(if nanos == i64::MAX { i64::MAX - 1 } else { nanos })
    }

    /// No event older than `time` is expected.
    pub const fn at(time: Timestamp) -> Self {
        Self(time.0)
    }

    /// Whether the watermark has passed `time`: everything up to and including it has been seen.
    pub const fn has_passed(self, time: Timestamp) -> bool {
        self.0 > time.0 || self.0 == i64::MAX
    }

    /// Whether an event of `time` arriving now is late.
    pub const fn makes_late(self, time: Timestamp) -> bool {
        time.0 < self.0
    }

    /// Nanoseconds since the Unix epoch, for display and metrics; the ends of the range stand for
    /// [`Self::START`] and [`Self::END`].
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
}

impl Serialize for Watermark {
    /// Nanoseconds as text, since JSON numbers lose some; null at both ends.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::START | Self::END => serializer.serialize_none(),
            Self(nanos) => serializer.collect_str(&nanos),
        }
    }
}
