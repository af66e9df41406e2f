//! Durations as text: `1h30m`.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::time::Span;

/// The units with their length in nanoseconds, longest first.
const UNITS: [(&str, i64); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A signed duration of the query language. Displayed in whole units, so that equal durations look
/// equal: `90m` is `1h30m`, none is `0s`; weeks are shown as days.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Duration(pub Span);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < 0 {
            f.write_str("-")?;
        }
        let mut rest = nanos.unsigned_abs();
        for (unit, length) in &UNITS[1..] {
            let length = length.unsigned_abs();
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no duration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum DurationError {
    /// It does not have the shape of one.
    Malformed,
    /// A number without a unit.
    NoUnit,
    /// A unit that does not exist.
    UnknownUnit(String),
    /// More than 64-bit nanoseconds hold.
    TooLong,
}

/// A signed duration of whole numbers, as queries have them: `-1h30m`.
pub(crate) fn parse(text: &str) -> Result<Duration, DurationError> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    };
    let nanos = sum(text, false)?;
    Ok(Duration(Span::from_nanos(if negative { -nanos } else { nanos })))
}

/// A signed duration as programs log them, fractions included: `1.5s`, `250µs`.
pub(crate) fn parse_logged(text: &str) -> Option<Span> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if text == "0" {
        return Some(Span::ZERO);
    }
    let nanos = sum(text, true).ok()?;
    Some(Span::from_nanos(if negative { -nanos } else { nanos }))
}

/// Nanoseconds of `NUMBER UNIT` repeated.
fn sum(text: &str, fractions: bool) -> Result<i64, DurationError> {
    let mut rest = text;
    let mut total = 0_i64;
    if rest.is_empty() {
        return Err(DurationError::Malformed);
    }
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) if fractions => digits(after),
            _ => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::Malformed);
        }
        let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let micro = fractions && matches!(unit, "µs" | "μs");
        let unit = if micro { "us" } else { unit };
        let Some(&(_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(match unit {
                "" if after.is_empty() => DurationError::NoUnit,
                "" => DurationError::Malformed,
                _ => DurationError::UnknownUnit(unit.to_owned()),
            });
        };
        let nanos = decimal(whole, fraction, length).ok_or(DurationError::TooLong)?;
        total = total.checked_add(nanos).ok_or(DurationError::TooLong)?;
        rest = after;
    }
    Ok(total)
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// `whole.fraction * length`, what is less than a nanosecond cut off.
fn decimal(whole: &str, fraction: &str, length: i64) -> Option<i64> {
    let mut nanos = 0_i64;
    for digit in whole.bytes() {
        nanos = nanos.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    nanos = nanos.checked_mul(length)?;
    // 18 digits tell every nanosecond of a week apart and fit 128 bits.
    let mut numerator = 0_i128;
    let mut denominator = 1_i128;
    for digit in fraction.bytes().take(18) {
        numerator = numerator * 10 + i128::from(digit - b'0');
        denominator *= 10;
    }
    let below = i64::try_from(i128::from(length) * numerator / denominator).ok()?;
    nanos.checked_add(below)
}

/// The unit that a wrongly spelled one stands for.
pub(crate) fn unit_meant(unit: &str) -> Option<&'static str> {
    Some(match unit.to_lowercase().as_str() {
        "ns" | "nano" | "nanos" | "nsec" | "nanosecond" | "nanoseconds" => "ns",
        "us" | "µs" | "μs" | "micro" | "micros" | "usec" | "microsecond" | "microseconds" => "us",
        "msec" | "msecs" | "milli" | "millis" | "millisecond" | "milliseconds" | "ms" => "ms",
        "sec" | "secs" | "second" | "seconds" | "s" => "s",
        "min" | "mins" | "minute" | "minutes" | "m" => "m",
        "hr" | "hrs" | "hour" | "hours" | "h" => "h",
        "day" | "days" | "d" => "d",
        "wk" | "week" | "weeks" | "w" => "w",
        _ => return None,
    })
}
