//! Times as text.

use jiff::tz::Offset;

use crate::time::Timestamp;

/// A time as RFC 3339 text in UTC with nine digits, so that no nanosecond is lost.
pub fn rfc3339(time: Timestamp) -> String {
    text_of(time).into_iter().map(char::from).collect()
}

/// The same as ASCII, without an allocation: results have several of them.
pub(super) fn text_of(time: Timestamp) -> [u8; 30] {
    let instant = jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos()))
        .expect("64-bit nanoseconds lie within the years that dates are computed for");
    let at = Offset::UTC.to_datetime(instant);
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    // 64-bit nanoseconds reach from 1677 to 2262.
    let mut put = |start: usize, digits: usize, number: i32| {
        let mut rest = number.unsigned_abs();
        for place in text[start..start + digits].iter_mut().rev() {
            *place += (rest % 10) as u8;
            rest /= 10;
        }
    };
    put(0, 4, at.year().into());
    put(5, 2, at.month().into());
    put(8, 2, at.day().into());
    put(11, 2, at.hour().into());
    put(14, 2, at.minute().into());
    put(17, 2, at.second().into());
    put(20, 9, at.subsec_nanosecond());
    text
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, rfc3339};

    #[test]
    fn is_what_others_read() {
        let day = 86_400_000_000_000;
        for nanos in [i64::MIN, -1, 0, 1, 999_999_999, 59 * day + 7, 18_321 * day, i64::MAX] {
            let text = rfc3339(Timestamp::from_nanos(nanos));
            let read: jiff::Timestamp = text.parse().expect("it is RFC 3339");
            assert_eq!((read.as_nanosecond(), text.len()), (i128::from(nanos), 30), "{text}");
        }
        assert_eq!(rfc3339(Timestamp::from_nanos(0)), "1970-01-01T00:00:00.000000000Z");
    }
}
