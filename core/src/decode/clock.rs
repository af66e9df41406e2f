//! Times of lines that follow each other: mostly of the same minute.

use wide::{i16x8, u8x16};

use super::code::Bad;
use super::instant::{self, Found};
use super::level;
use super::zone::Zone;
use crate::time::{NANOS_PER_MILLI, NANOS_PER_SECOND, Timestamp};

/// The last minute seen, as it was written, and what stood after the seconds. Changes what reading a
/// time costs, never the time.
#[derive(Debug)]
pub(super) struct Clock {
    /// Such as `2026-11-20T21:20`; of the common log format, the first bytes of `20/Nov/2026:21:20`.
    minute: [u8; MINUTE],
    /// The byte of it that is missing there.
    last: Option<u8>,
    /// The zone, such as `Z` or `+02:00`, in the first bytes.
    zone: [u8; MAX_ZONE],
    /// Longer than it can be where no minute has been seen.
    zone_length: usize,
    /// When the minute began, in nanoseconds since the epoch.
    began: i64,
    /// The zone and the quote after it, and which bits of them count; nothing is the same where a minute is
    /// written otherwise.
    tail: u64,
    tail_mask: u64,
    /// How long a time with milliseconds is, without the quote.
    length: u32,
}

/// `2026-11-20T21:20`.
const MINUTE: usize = 16;

/// What no text ends with.
const NO_TAIL: u64 = u64::MAX;

/// Longest beginning of a line that [`Clock::millis`] looks at: a minute, `:09.364`, a zone and a quote.
pub(super) const QUICK: usize = MINUTE + 7 + 8;

/// ` +02:00`.
const MAX_ZONE: usize = 7;

impl Default for Clock {
    fn default() -> Self {
        Self {
            minute: [0; MINUTE],
            last: None,
            zone: [0; MAX_ZONE],
            zone_length: usize::MAX,
            began: 0,
            tail: NO_TAIL,
            tail_mask: NO_TAIL,
            length: 0,
        }
    }
}

impl Clock {
    /// The time with milliseconds that `text` begins with, up to a quote, if it is of the last minute; and
    /// its length.
    #[inline]
    pub fn millis(&self, text: &[u8; QUICK]) -> Option<(Timestamp, u32)> {
        let (minute, rest) = text.split_first_chunk()?;
        let (seconds, tail) = (rest.first_chunk()?, rest.last_chunk()?);
        let tail = (u64::from_le_bytes(*tail) ^ self.tail) & self.tail_mask;
        if u128::from_le_bytes(*minute) != u128::from_le_bytes(self.minute)
            || tail != 0
            || !is_seconds(u64::from_le_bytes(*seconds))
        {
            return None;
        }
        // From the last digit of the minute on.
        let digits = i16x8::from_u8x16_low(u8x16::new(*text.last_chunk()?));
        let millis = digits.dot(i16x8::new(WEIGHTS)).reduce_add() - ZEROS;
        let time = self.began.checked_add(i64::from(millis) * NANOS_PER_MILLI)?;
        Some((Timestamp::from_nanos(time), self.length))
    }

    /// The time that `text` is: of the last minute, or a whole number since the epoch. `None` where it is
    /// neither.
    #[inline]
    pub fn read(&self, text: &[u8]) -> Option<Timestamp> {
        let Some((minute, rest)) = text.split_first_chunk() else { return epoch(text) };
        if u128::from_le_bytes(*minute) != u128::from_le_bytes(self.minute) {
            return epoch(text);
        }
        let rest = match self.last {
            None => rest,
            Some(last) => rest.strip_prefix(&[last])?,
        };
        let (nanos, zone) = seconds(rest)?;
        // Mostly `Z`.
        let same = match zone {
            [zone] => self.zone_length == 1 && *zone == self.zone[0],
            _ => zone == self.zone.get(..self.zone_length)?,
        };
        same.then(|| self.began.checked_add(nanos).map(Timestamp::from_nanos))?
    }

    /// The time that `line` starts with, if it is of the last minute, and where the text after it begins. As
    /// [`instant::leading`], where it finds one.
    pub fn leading(&self, line: &str) -> Option<(Timestamp, usize)> {
        let (minute, rest) = line.as_bytes().split_first_chunk()?;
        if u128::from_le_bytes(*minute) != u128::from_le_bytes(self.minute) || self.last.is_some() {
            return None;
        }
        let (nanos, rest) = seconds(rest)?;
        let zone = self.zone.get(..self.zone_length)?;
        let after = rest.strip_prefix(zone)?;
        let ends = if zone.is_empty() { !may_be_zone(after) } else { !may_go_on(after) };
        let time = self.began.checked_add(nanos).filter(|_| ends)?;
        Some((Timestamp::from_nanos(time), line.len() - after.len()))
    }

    /// As [`instant::value`], which it saves where it can.
    pub fn value(&mut self, text: &str, zone: &Zone) -> Option<Result<Timestamp, Bad>> {
        if let Some(time) = self.read(text.as_bytes()) {
            return Some(Ok(time));
        }
        let found = instant::value(text, zone)?;
        if let Ok(found) = found {
            self.note(text.as_bytes(), found, zone.is_fixed());
        }
        Some(found.map(|found| found.time))
    }

    /// Takes note of the minute that `text` is in, which is all of it: `found`, by other means. `fixed`
    /// says that the zone of times that name none is always the same.
    pub fn note(&mut self, text: &[u8], found: Found, fixed: bool) {
        let Some((minute, rest)) = text.split_first_chunk::<MINUTE>() else { return };
        let (last, rest) = match rest.split_first() {
            Some((last, rest)) if minute[2] == b'/' => (Some(*last), rest),
            _ => (None, rest),
        };
        let Some((nanos, zone)) = seconds(rest) else { return };
        let knows = match zone {
            [] => fixed,
            [b'Z' | b'z'] | b" UTC" => true,
            [b' ', b'+' | b'-', offset @ ..] | [b'+' | b'-', offset @ ..] => {
                offset.iter().all(|byte| matches!(byte, b'0'..=b'9' | b':'))
            }
            _ => false,
        };
        if let (true, Some(own)) = (knows, self.zone.get_mut(..zone.len()))
            && let Some(began) = found.time.as_nanos().checked_sub(nanos)
        {
            own.copy_from_slice(zone);
            (self.minute, self.last, self.began) = (*minute, last, began);
            self.zone_length = zone.len();
            let mut tail = [0; 8];
            tail[..zone.len()].copy_from_slice(zone);
            tail[zone.len()] = b'"';
            self.tail_mask = u64::MAX >> (56 - 8 * zone.len());
            self.tail = u64::from_le_bytes(tail);
            self.length = u32::try_from(MINUTE + 7 + zone.len()).expect("at most MAX_ZONE more");
            if last.is_some() {
                (self.tail, self.tail_mask) = (NO_TAIL, NO_TAIL);
            }
        }
    }
}

/// How many milliseconds the characters of `0:09.364` stand for, besides the minute, and how many too many
/// these are as characters.
const WEIGHTS: [i16; 8] = [0, 0, 10_000, 1_000, 0, 100, 10, 1];
const ZEROS: i32 = b'0' as i32 * 11_111;

/// Whether a zone may be longer, given what follows what is one.
fn may_go_on(after: &[u8]) -> bool {
    after.first().is_some_and(|next| next.is_ascii_alphanumeric() || *next == b':')
}

/// Whether what follows a time without a zone may be one after all.
fn may_be_zone(after: &[u8]) -> bool {
    let text = match after {
        [b'+' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z', ..] => return true,
        [b' ', text @ ..] => text,
        _ => return false,
    };
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    match &text[..letters] {
        [] => matches!(text, [b'+' | b'-', ..]),
        word if word.iter().any(u8::is_ascii_lowercase) => false,
        word => !std::str::from_utf8(word).is_ok_and(level::is_level),
    }
}

/// Whether the lower seven bytes are as in `:09.364`.
#[inline]
fn is_seconds(text: u64) -> bool {
    // Punctuation and the upper bits of digits; then that digits added to are still no more than nine,
    // tens no more than five.
    let shape = (text ^ 0x0030_3030_2e30_303a) & 0x00f0_f0f0_fff0_f8ff;
    let range =
        (text.wrapping_add(0x0006_0606_0006_0200) ^ 0x0030_3030_0030_3000) & 0x00f0_f0f0_00f0_f800;
    shape | range == 0
}

/// `:09.364` in nanoseconds, and what follows. `None` for leap seconds, and for fractions that are finer
/// or have no digits.
#[inline]
fn seconds(text: &[u8]) -> Option<(i64, &[u8])> {
    // Mostly milliseconds.
    if let [b':', tens @ b'0'..=b'5', ones, b'.', a, b, c, zone @ ..] = text
        && [ones, a, b, c].iter().all(|byte| byte.is_ascii_digit())
        && !zone.first().is_some_and(u8::is_ascii_digit)
    {
        let digits = [tens, ones, a, b, c];
        let millis = digits.into_iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0'));
        return Some((millis * NANOS_PER_MILLI, zone));
    }
    let ([b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9'], rest) = text.split_first_chunk()? else {
        return None;
    };
    let mut nanos = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    let Some((b'.' | b',', fraction)) = rest.split_first() else {
        return Some((nanos * NANOS_PER_SECOND, rest));
    };
    let mut digits = 0;
    while let Some(digit @ b'0'..=b'9') = fraction.get(digits) {
        if digits == 9 {
            return None;
        }
        nanos = nanos * 10 + i64::from(digit - b'0');
        digits += 1;
    }
    (digits > 0).then(|| (nanos * POWERS[9 - digits], &fraction[digits..]))
}

const POWERS: [i64; 10] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// A whole number since the epoch that can only be a time: in seconds, ms, µs or ns, by its length.
#[inline]
fn epoch(text: &[u8]) -> Option<Timestamp> {
    let unit = match text.len() {
        9..=11 => 9,
        12..=14 => 6,
        15..=17 => 3,
        18 => 0,
        _ => return None,
    };
    if text[0] == b'0' {
        return None;
    }
    let mut number = 0_i64;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    number.checked_mul(POWERS[unit]).map(Timestamp::from_nanos)
}
