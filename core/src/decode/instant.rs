//! Instants out of text: calendar times in the layouts of logs, and numbers since the epoch.
//!
//! Scans digits of fixed layouts by hand, which is the hot path of text formats; jiff decides what is
//! a date and when it was. Numbers are decimal text throughout: no floating point touches a time.

use jiff::civil::DateTime;

use super::code::{self, Bad};
use super::zone::{self, Zone};
use crate::time::{NANOS_PER_SECOND, Timestamp};

/// A time found at the start of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// When it was.
    pub time: Timestamp,
    /// How fine it is: digits after the second, up to 9.
    pub digits: u8,
    /// Where the text after it begins.
    pub end: usize,
}

/// A calendar time at the start of a line, optionally in brackets: RFC 3339 and its relatives
/// (`T` or space, `.` or `,`, `-` or `/` in the date, with an offset, an abbreviation or neither).
/// `None` where the line starts otherwise.
pub(super) fn leading(line: &str, zone: &Zone) -> Option<Result<Found, Bad>> {
    bracketed(line, |text| calendar(text, zone, true))
}

/// A number since the epoch at the start of a line, optionally in brackets. `None` where the line
/// starts otherwise, or with a number that is too small to be a time.
pub(super) fn leading_epoch(line: &str) -> Option<Result<Found, Bad>> {
    bracketed(line, |text| {
        let length = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let ends = text.as_bytes().get(length).is_none_or(|next| b" \t]:,;|".contains(next));
        let number = text[..length].strip_suffix('.').unwrap_or(&text[..length]);
        let epoch = epoch(number).filter(|epoch| ends && epoch.plausible)?;
        Some(epoch.found(number.len()))
    })
}

fn bracketed(
    line: &str,
    scan: impl Fn(&str) -> Option<Result<Found, Bad>>,
) -> Option<Result<Found, Bad>> {
    let Some(inner) = line.strip_prefix('[') else { return scan(line) };
    match scan(inner)? {
        Ok(found) if inner.as_bytes().get(found.end) == Some(&b']') => {
            Some(Ok(Found { end: found.end + 2, ..found }))
        }
        Ok(_) => None,
        Err(bad) => Some(Err(bad)),
    }
}

/// The value of a time field: a calendar time, the time of the common log format, or a number.
/// Nothing may follow. `None` where it is no time.
pub(super) fn value(text: &str, zone: &Zone) -> Option<Result<Found, Bad>> {
    let text = text.trim();
    if let Some(epoch) = epoch(text) {
        return Some(epoch.found(text.len()));
    }
    let found = match calendar(text, zone, false) {
        None => common_log(text, zone)?,
        some => some?,
    };
    match found {
        Ok(found) if found.end < text.len() => rest_is_zone(&text[found.end..]),
        found => Some(found),
    }
}

/// After a calendar time, one capital word can only be a zone nobody knows.
fn rest_is_zone(rest: &str) -> Option<Result<Found, Bad>> {
    let word = rest.strip_prefix(' ')?;
    is_upper_word(word).then(|| Err(unknown_zone(word)))
}

/// The value of a time field that nobody has named: as [`value`], but a number that is too small to
/// be a time is taken for something else, such as a duration.
pub(super) fn plausible_value(text: &str, zone: &Zone) -> Option<Result<Found, Bad>> {
    match epoch(text.trim()) {
        Some(epoch) if !epoch.plausible => None,
        _ => value(text, zone),
    }
}

/// `20/Nov/2026:21:20:09 +0000`, also with a fraction.
fn common_log(text: &str, zone: &Zone) -> Option<Result<Found, Bad>> {
    let bytes = text.as_bytes();
    let day = two(bytes, 0)?;
    let month = month(bytes.get(3..6)?)?;
    let year = i16::try_from(number(bytes.get(7..11)?)?).ok()?;
    if bytes[2] != b'/' || bytes[6] != b'/' || bytes.get(11) != Some(&b':') {
        return None;
    }
    let clock = clock(bytes, 12)?;
    Some(finish(text, (year, month, day), clock, zone, false))
}

/// A month by its English abbreviation.
pub(super) fn month(name: &[u8]) -> Option<i8> {
    const NAMES: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = NAMES.chunks_exact(3).position(|known| known == name)?;
    i8::try_from(at + 1).ok()
}

/// A time of day.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeOfDay {
    pub hour: i8,
    pub minute: i8,
    pub second: i8,
    pub nanos: i32,
    pub digits: u8,
    pub end: usize,
}

/// `21:20:09`, also with a fraction after `.` or `,`, at `at`.
pub(super) fn clock(bytes: &[u8], at: usize) -> Option<TimeOfDay> {
    let [hour, minute, second] = [two(bytes, at)?, two(bytes, at + 3)?, two(bytes, at + 6)?];
    if bytes[at + 2] != b':' || bytes[at + 5] != b':' {
        return None;
    }
    let mut clock = TimeOfDay { hour, minute, second, nanos: 0, digits: 0, end: at + 8 };
    if let Some(b'.' | b',') = bytes.get(clock.end) {
        let fraction = &bytes[clock.end + 1..];
        let length = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length > 0 {
            let mut unit = 100_000_000;
            for digit in fraction[..length].iter().take(9) {
                clock.nanos += i32::from(digit - b'0') * unit;
                unit /= 10;
            }
            clock.digits = u8::try_from(length.min(9)).expect("at most 9");
            clock.end += 1 + length;
        }
    }
    Some(clock)
}

/// A date and a time of day, to an instant in `zone`. A leap second is the second after.
pub(super) fn instant(
    (year, month, day): (i16, i8, i8),
    clock: TimeOfDay,
    to_instant: impl FnOnce(DateTime) -> Result<Result<jiff::Timestamp, jiff::Error>, Bad>,
) -> Result<Timestamp, Bad> {
    let leap = clock.second == 60;
    let second = if leap { 59 } else { clock.second };
    let local = DateTime::new(year, month, day, clock.hour, clock.minute, second, clock.nanos)
        .map_err(|error| Bad::new(code::LINE_BAD_TIME, format!("not a time: {error}")))?;
    let instant = to_instant(local)?.map_err(|_| out_of_range())?;
    let nanos = instant.as_nanosecond() + i128::from(leap) * i128::from(NANOS_PER_SECOND);
    Ok(Timestamp::from_nanos(i64::try_from(nanos).map_err(|_| out_of_range())?))
}

/// `in_line`: text may follow, and a capital word may be its first.
fn calendar(text: &str, zone: &Zone, in_line: bool) -> Option<Result<Found, Bad>> {
    let bytes = text.as_bytes();
    let separator = *bytes.get(4)?;
    if !matches!(separator, b'-' | b'/') || *bytes.get(7)? != separator {
        return None;
    }
    let year = i16::try_from(number(&bytes[..4])?).ok()?;
    let (month, day) = (two(bytes, 5)?, two(bytes, 8)?);
    if !matches!(bytes.get(10)?, b'T' | b't' | b' ') {
        return None;
    }
    let clock = clock(bytes, 11)?;
    let found = finish(text, (year, month, day), clock, zone, in_line);
    match &found {
        Ok(found) if bytes.get(found.end).is_some_and(u8::is_ascii_alphanumeric) => None,
        _ => Some(found),
    }
}

/// What may follow a time of day: an offset or an abbreviation.
fn finish(
    text: &str,
    date: (i16, i8, i8),
    clock: TimeOfDay,
    zone: &Zone,
    in_line: bool,
) -> Result<Found, Bad> {
    let rest = &text[clock.end..];
    let bytes = rest.as_bytes();
    let space = usize::from(bytes.first() == Some(&b' '));
    let found = |time, length: usize| Found { time, digits: clock.digits, end: clock.end + length };
    if let Some((offset, length)) = zone::offset(&bytes[space..]) {
        let time = instant(date, clock, |local| Ok(offset.to_timestamp(local)))?;
        return Ok(found(time, space + length));
    }
    let letters = bytes[space..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &rest[space..space + letters];
    if letters > 0 {
        if space == 0 && word.eq_ignore_ascii_case("z") || zone::is_abbreviation(word) {
            let word = if letters == 1 { "Z" } else { word };
            let time = instant(date, clock, |local| zone.abbreviated(local, word))?;
            return Ok(found(time, space + letters));
        }
        if in_line && space == 1 && is_upper_word(word) && before_process_id(&rest[1 + letters..]) {
            return Err(unknown_zone(word));
        }
    }
    Ok(found(instant(date, clock, |local| Ok(zone.instant(local)))?, 0))
}

/// Three to five capitals, as zone abbreviations are, and no level.
fn is_upper_word(word: &str) -> bool {
    (3..=5).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_uppercase())
        && !super::level::is_level(word)
}

/// ` [10341]`, as `PostgreSQL` writes after the zone.
fn before_process_id(rest: &str) -> bool {
    rest.strip_prefix(" [")
        .and_then(|rest| rest.split_once(']'))
        .is_some_and(|(id, _)| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
}

fn unknown_zone(word: &str) -> Bad {
    Bad::new(
        code::LINE_UNKNOWN_ZONE,
        format!(
            "unknown zone abbreviation `{word}`: name the zone of the source, for example \
             zone=Europe/Berlin"
        ),
    )
}

pub(super) fn out_of_range() -> Bad {
    Bad::new(code::LINE_TIME_OUT_OF_RANGE, "the time is not within the years 1677 to 2262")
}

/// A number since the epoch.
struct Epoch {
    nanos: Option<i64>,
    digits: u8,
    /// At least 100,000,000 seconds (1973): smaller numbers are rarely times.
    plausible: bool,
}

impl Epoch {
    fn found(self, end: usize) -> Result<Found, Bad> {
        let time = Timestamp::from_nanos(self.nanos.ok_or_else(out_of_range)?);
        Ok(Found { time, digits: self.digits, end })
    }
}

/// Reads a decimal number, also with an exponent, as seconds, milliseconds, microseconds or
/// nanoseconds since the epoch, by its size: below 10^11, 10^14, 10^17, and above. `None` where the
/// text is no number.
fn epoch(text: &str) -> Option<Epoch> {
    scaled(text, |before| match before {
        ..=11 => 9,
        12..=14 => 6,
        15..=17 => 3,
        _ => 0,
    })
}

/// A decimal number of seconds since the epoch, exactly, up to nanoseconds.
pub(super) fn seconds(text: &str) -> Option<Timestamp> {
    scaled(text, |_| 9)?.nanos.map(Timestamp::from_nanos)
}

/// Reads a decimal number, also with an exponent. `unit` tells how many digits its unit is above a
/// nanosecond, given how many significant digits it has before the decimal point.
fn scaled(text: &str, unit: impl FnOnce(i64) -> i64) -> Option<Epoch> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let point = whole.len() < mantissa.len();
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || point && fraction.is_empty()
        || !all_digits(whole)
        || !all_digits(fraction)
    {
        return None;
    }
    let zeros = |part: &str| part.bytes().take_while(|&byte| byte == b'0').count();
    let digits = || whole.bytes().chain(fraction.bytes());
    let skipped = match zeros(whole) {
        all if all == whole.len() => all + zeros(fraction),
        some => some,
    };
    let significant = whole.len() + fraction.len() - skipped;
    // How many of the significant digits stand before the decimal point; lines are far shorter than
    // an i64 can count.
    let before = i64::try_from(whole.len()).ok()? - i64::try_from(skipped).ok()? + exponent;
    let after = i64::try_from(significant).ok()? - before;
    let unit = unit(before);
    let precision = u8::try_from((after.max(0) + 9 - unit).min(9)).expect("between 0 and 9");
    let nanos = if significant == 0 {
        Some(0)
    } else if before > 19 {
        None
    } else {
        let mut rest = digits().skip(skipped);
        let mut nanos: i128 = 0;
        for _ in 0..(before + unit).max(0) {
            nanos = nanos * 10 + i128::from(rest.next().map_or(0, |digit| digit - b'0'));
        }
        i64::try_from(if negative { -nanos } else { nanos }).ok()
    };
    Some(Epoch { nanos, digits: precision, plausible: !negative && before >= 9 })
}

/// An exponent; beyond any time it no longer matters how far.
fn exponent(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(sign * digits.parse::<i64>().map_or(1 << 40, |value| value.min(1 << 40)))
}

fn two(bytes: &[u8], at: usize) -> Option<i8> {
    i8::try_from(number(bytes.get(at..at + 2)?)?).ok()
}

/// Up to four digits.
fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0'))
    })
}
