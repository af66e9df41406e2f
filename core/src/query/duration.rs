//! Durations: `1h30m`, `250ms`.

use super::suggest::nearest;
use crate::time::Span;

/// The units, largest first, in nanoseconds.
pub(super) const UNITS: &[(&str, u64)] = &[
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// What is wrong with a duration, and what may have been meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DurationError {
    pub message: String,
    pub suggestion: Option<String>,
}

/// Reads a duration: one or more of a whole number and a unit.
pub(super) fn parse(text: &str) -> Result<Span, DurationError> {
    let fail = |message: String, suggestion: Option<String>| DurationError { message, suggestion };
    let mut nanos: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if number.is_empty() {
            let message = format!("`{text}` is no duration: expected a number before `{rest}`");
            return Err(fail(message, None));
        }
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        if unit.is_empty() {
            let message = format!("`{text}` has no unit: expected ns, us, ms, s, m, h, d or w");
            return Err(fail(message, Some(format!("{text}s"))));
        }
        if unit.starts_with('.') {
            let message =
                format!("`{text}` has a fraction: write it in a smaller unit, as in 1s500ms");
            return Err(fail(message, None));
        }
        let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            let meant = meant(unit);
            let suggestion = meant.map(|meant| text.replacen(unit, meant, 1));
            let message = format!("unknown unit `{unit}`: expected ns, us, ms, s, m, h, d or w");
            return Err(fail(message, suggestion));
        };
        nanos = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*size))
            .and_then(|part| nanos.checked_add(part))
            .filter(|nanos| i64::try_from(*nanos).is_ok())
            .ok_or_else(|| fail(format!("`{text}` is too long: at most 292 years"), None))?;
        rest = after;
    }
    let nanos = i64::try_from(nanos).map_err(|_| fail("too long".to_owned(), None))?;
    Ok(Span::from_nanos(nanos))
}

/// The unit that a word people write instead stands for.
fn meant(unit: &str) -> Option<&'static str> {
    let unit = unit.to_ascii_lowercase();
    let unit = unit.trim_end_matches('s');
    match unit {
        "sec" | "second" => Some("s"),
        "min" | "minute" => Some("m"),
        "hr" | "hour" => Some("h"),
        "day" => Some("d"),
        "week" | "wk" => Some("w"),
        "milli" | "msec" | "millisecond" => Some("ms"),
        "µ" | "micro" | "usec" | "microsecond" => Some("us"),
        "nano" | "nsec" | "nanosecond" => Some("ns"),
        _ => {
            let names: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
            let found = nearest(unit, &names)?;
            UNITS.iter().map(|(name, _)| *name).find(|name| *name == found)
        }
    }
}
