//! Time zones: the one a source is in, and the abbreviations that log lines carry.
//!
//! Offsets and their history come from the tz database that jiff brings along, so that an answer
//! does not depend on the machine.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::DecoderError;
use super::code::{self, Bad};
use super::words::Words;

/// The zone of times that name none.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    name: String,
    /// The offset, where it never changes.
    fixed: Option<Offset>,
    rules: TimeZone,
}

impl Zone {
    /// `UTC` (also what `None` means), `Z`, an offset such as `+02:00`, or a name of the tz database.
    pub fn new(name: Option<&str>) -> Result<Self, DecoderError> {
        let name = name.unwrap_or("UTC");
        let rules = match offset(name.as_bytes()) {
            Some((offset, length)) if length == name.len() => TimeZone::fixed(offset),
            _ if matches!(name, "Z" | "z") => TimeZone::UTC,
            _ => TimeZone::get(name).map_err(|_| DecoderError {
                message: format!(
                    "unknown time zone `{name}`: expected `UTC`, an offset such as `+02:00`, or a \
                     name of the tz database such as `Europe/Berlin`"
                ),
            })?,
        };
        Ok(Self { name: name.to_owned(), fixed: rules.to_fixed_offset().ok(), rules })
    }

    /// The name it was made of.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the offset never changes.
    pub fn is_fixed(&self) -> bool {
        self.fixed.is_some()
    }

    /// The instant at which clocks in this zone show `local`. Of an hour that is shown twice, the
    /// first; in an hour that is skipped, as if clocks had not been changed yet.
    pub fn instant(&self, local: DateTime) -> Result<jiff::Timestamp, jiff::Error> {
        match self.fixed {
            Some(offset) => offset.to_timestamp(local),
            None => self.rules.to_ambiguous_timestamp(local).compatible(),
        }
    }

    /// The instant at which clocks that say `abbreviation` show `local`. What the zone itself uses
    /// comes first, so that `IST` can be read once the zone is named.
    pub fn abbreviated(
        &self,
        local: DateTime,
        abbreviation: &str,
    ) -> Result<Result<jiff::Timestamp, jiff::Error>, Bad> {
        if self.fixed.is_none() {
            let ambiguous = self.rules.to_ambiguous_timestamp(local);
            let choices = [ambiguous.earlier(), ambiguous.later()];
            let own = choices
                .into_iter()
                .flatten()
                .find(|&instant| self.rules.to_offset_info(instant).abbreviation() == abbreviation);
            if let Some(own) = own {
                return Ok(Ok(own));
            }
        }
        match KNOWN.iter().find(|(name, _)| *name == abbreviation) {
            Some((_, minutes)) => Ok(minutes_east(*minutes).to_timestamp(local)),
            None => Err(Bad::new(
                code::LINE_UNKNOWN_ZONE,
                format!(
                    "the zone abbreviation `{abbreviation}` is not unique: name the zone of the \
                     source, for example zone=Asia/Kolkata"
                ),
            )),
        }
    }
}

/// Abbreviations that mean one thing to nearly everybody, in minutes east of UTC. The American ones
/// as in RFC 2822.
const KNOWN: &[(&str, i32)] = &[
    ("UTC", 0),
    ("GMT", 0),
    ("UT", 0),
    ("Z", 0),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("AKDT", -480),
    ("HST", -600),
    ("WET", 0),
    ("WEST", 60),
    ("BST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("SAST", 120),
    ("CAT", 120),
    ("EAT", 180),
    ("PKT", 300),
    ("WIB", 420),
    ("HKT", 480),
    ("AWST", 480),
    ("JST", 540),
    ("KST", 540),
    ("ACST", 570),
    ("ACDT", 630),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
];

/// The abbreviations of [`KNOWN`].
static NAMES: Words = {
    const NAMES: [&str; KNOWN.len()] = {
        let mut names = [""; KNOWN.len()];
        let mut at = 0;
        while at < names.len() {
            names[at] = KNOWN[at].0;
            at += 1;
        }
        names
    };
    Words::new(&NAMES)
};

/// Abbreviations in use that mean several things; only the named zone of a source tells.
static AMBIGUOUS: Words = Words::new(&[
    "IST", "AST", "ADT", "NST", "NDT", "IDT", "WAT", "WIT", "WITA", "SST", "SGT", "PHT", "GST",
    "AMT", "BRT", "ART", "CLT", "COT", "PET", "HDT", "CHST", "ICT", "MYT", "TRT", "IRST",
]);

/// Whether `word` is a zone abbreviation, and not the first word of a message.
pub(super) fn is_abbreviation(word: &str) -> bool {
    NAMES.contains(word) || AMBIGUOUS.contains(word)
}

/// The offset that `bytes` start with (`+02:00`, `+0200`, `+02`), and its length. A digit or a letter
/// must not follow.
pub(super) fn offset(bytes: &[u8]) -> Option<(Offset, usize)> {
    let sign = match bytes.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |at: usize| -> Option<i32> {
        let digits = bytes.get(at..at + 2)?;
        let all = digits.iter().all(u8::is_ascii_digit);
        all.then(|| i32::from(digits[0] - b'0') * 10 + i32::from(digits[1] - b'0'))
    };
    let hours = two(1)?;
    let (minutes, length) = if bytes.get(3) == Some(&b':') {
        (two(4)?, 6)
    } else {
        two(3).map_or((0, 3), |minutes| (minutes, 5))
    };
    let ends = bytes.get(length).is_none_or(|next| !next.is_ascii_alphanumeric());
    (ends && hours < 24 && minutes < 60)
        .then(|| (minutes_east(sign * (hours * 60 + minutes)), length))
}

fn minutes_east(minutes: i32) -> Offset {
    Offset::from_seconds(minutes * 60).expect("a day is within what an offset can be")
}
