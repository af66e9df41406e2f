//! Times of host events that come as text, such as `2026-11-20T21:20:09.364Z`.
//!
//! Reads what most programs write and nothing else: the host, which takes more, reads the others. A
//! time in the minute of the one before costs a comparison and its last digits.

/// The last millisecond of 64-bit nanoseconds; as far from the epoch, none is before the first.
const MAX_MILLIS: f64 = 9_223_372_036_854.0;

/// `2026-11-20T21:20`.
const MINUTE: usize = 16;

/// `2026-11-20T21:20:09`.
const SECONDS: usize = 19;

/// `.123456789Z`.
const FRACTION: usize = 11;

/// Fills in the times that are not a number in `millis` from `texts`, where they stand one after the
/// other, each with a `Z` at its end. `None` where there are more or fewer of them, or one is no such
/// time.
pub fn read_times(mut texts: &[u8], millis: &mut [f64], nanos: &mut [u32]) -> Option<()> {
    let mut minute = Minute::default();
    for (millis, nanos) in millis.iter_mut().zip(nanos) {
        if millis.is_nan() {
            let mut fraction = texts.get(SECONDS..)?.iter().take(FRACTION);
            let end = SECONDS + fraction.position(|byte| *byte == b'Z')?;
            (*millis, *nanos) = minute.read(&texts[..end])?;
            texts = &texts[end + 1..];
        }
    }
    texts.is_empty().then_some(())
}

/// The minute that was read last.
#[derive(Default)]
struct Minute {
    text: [u8; MINUTE],
    /// Milliseconds since the epoch.
    began: f64,
}

impl Minute {
    /// The milliseconds since the epoch, and the nanoseconds within the last of them, of a time
    /// without its `Z`.
    fn read(&mut self, text: &[u8]) -> Option<(f64, u32)> {
        let (minute, rest) = text.split_first_chunk::<MINUTE>()?;
        if *minute != self.text {
            *self = Self { text: *minute, began: began(minute)? };
        }
        let (seconds, fraction) = rest.split_first_chunk::<3>()?;
        let [b':', tens @ b'0'..=b'5', ones @ b'0'..=b'9'] = seconds else { return None };
        let mut nanos = 0;
        if let Some(digits) = fraction.strip_prefix(b".") {
            if !(1..=9).contains(&digits.len()) {
                return None;
            }
            for digit in digits {
                nanos = nanos * 10 + u32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
            }
            nanos *= 10_u32.pow(9 - u32::try_from(digits.len()).ok()?);
        } else if !fraction.is_empty() {
            return None;
        }
        let seconds = u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
        let millis = self.began + f64::from(seconds * 1_000 + nanos / 1_000_000);
        (millis.abs() <= MAX_MILLIS).then_some((millis, nanos % 1_000_000))
    }
}

/// When a minute began, in milliseconds since the epoch.
#[expect(clippy::cast_precision_loss, reason = "whole milliseconds are far below 2⁵³")]
fn began(minute: &[u8; MINUTE]) -> Option<f64> {
    let digits = |from: usize, to: usize| {
        minute[from..to].iter().try_fold(0_i16, |number, digit| {
            Some(number * 10 + i16::from(digit.is_ascii_digit().then(|| digit - b'0')?))
        })
    };
    let byte = |at: usize| i8::try_from(digits(at, at + 2)?).ok();
    if [minute[4], minute[7], minute[10], minute[13]] != *b"--T:" {
        return None;
    }
    let date = jiff::civil::Date::new(digits(0, 4)?, byte(5)?, byte(8)?).ok()?;
    let time = jiff::civil::Time::new(byte(11)?, byte(14)?, 0, 0).ok()?;
    let instant = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    Some(instant.as_millisecond() as f64)
}

#[cfg(test)]
mod tests {
    use super::read_times;

    fn read(text: &str) -> Option<(f64, u32)> {
        let (mut millis, mut nanos) = ([f64::NAN], [0]);
        read_times(text.as_bytes(), &mut millis, &mut nanos).map(|()| (millis[0], nanos[0]))
    }

    #[test]
    fn usual_times_are_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", (0.0, 0)),
            ("1970-01-01T00:00:59.9Z", (59_900.0, 0)),
            ("1969-12-31T23:59:59.000000001Z", (-1_000.0, 1)),
            ("2024-02-29T12:34:56.123456789Z", (1_709_210_096_123.0, 456_789)),
            ("2262-04-11T23:47:16.854Z", (9_223_372_036_854.0, 0)),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn others_are_left_to_the_host() {
        for text in [
            "",
            "Z",
            "2026-01-01",
            "2026-01-01T00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01t00:00:00Z",
            "2026-01-01T00:00:00z",
            "2026-01-01T00:00:00,5Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567891Z",
            "2026-01-01T00:00:00.+1Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "+026-01-01T00:00:00Z",
            "2262-04-11T23:47:16.855Z",
            "0000-01-01T00:00:00Z",
            "2026-01-01T00:00:00ZZ",
            "2026-01-01T00:00:00Z2026-01-01T00:00:00Z",
            "2026-01-01T00:00:0\u{e9}Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn times_that_are_known_stay() {
        let texts = "2026-01-01T00:00:01Z2026-01-01T00:01:02.5Z2026-01-01T00:01:02.75Z";
        let read = |texts: &str| {
            let (mut millis, mut nanos) = ([f64::NAN, 7.0, f64::NAN, f64::NAN], [0, 3, 0, 0]);
            read_times(texts.as_bytes(), &mut millis, &mut nanos).map(|()| (millis, nanos))
        };
        let start = 1_767_225_600_000.0;
        let millis = [start + 1_000.0, 7.0, start + 62_500.0, start + 62_750.0];
        assert_eq!(read(texts), Some((millis, [0, 3, 0, 0])));
        let (first, _) = texts.split_at(42);
        assert_eq!((read(first), read(&texts.repeat(2))), (None, None), "too few, and too many");
    }
}
