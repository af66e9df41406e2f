//! syslog: RFC 5424, and RFC 3164 as found in the wild, with and without a priority.
//!
//! Labels: `host`, `app`, `pid`, `msgid`, `facility`, `level` (the severity by its name in
//! `syslog.h`) and the structured data as `id.parameter`; `-` is missing. RFC 3164 has no year: the
//! latest one is taken in which the time is at most a day after the reference time. Where the format
//! is named, or a priority stands in front, the time may also be in RFC 3339, as rsyslog writes it.

use memchr::{memchr, memchr2};

use super::clock::Clock;
use super::code::{self, Bad};
use super::format::Context;
use super::instant::{self, TimeOfDay};
use super::record::LEVEL;
use super::zone::Zone;
use crate::event::{Fields, Scratch};
use crate::time::{NANOS_PER_SECOND, Span, Timestamp};

const SEVERITIES: [&str; 8] =
    ["emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"];

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "console", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// How far ahead of the reference time a clock may be.
const AHEAD: Span = Span::from_nanos(24 * 60 * 60 * NANOS_PER_SECOND);

/// How many years are tried: 29 February is eight years apart at worst.
const YEARS_BACK: i16 = 9;

/// Decodes a line of syslog. `named`: the user says that it is one.
pub(super) fn decode(
    line: &str,
    named: bool,
    context: &Context,
    times: &mut Clock,
    fields: &mut Fields,
) -> Result<Timestamp, Bad> {
    fields.clear();
    let (priority, rest) = match priority(line) {
        Some((priority, rest)) => (Some(priority), rest),
        None => (None, line),
    };
    let (time, message) = match rest.strip_prefix("1 ") {
        Some(rest) => rfc5424(rest, &context.zone, times, fields)?,
        None => rfc3164(rest, named || priority.is_some(), context, fields)?,
    };
    if let Some(priority) = priority {
        fields.set_label("facility", FACILITIES[priority / 8]);
        fields.set_label(LEVEL, SEVERITIES[priority % 8]);
    }
    fields.set_message(message);
    Ok(time)
}

/// `<34>`, and what follows.
fn priority(line: &str) -> Option<(usize, &str)> {
    let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
    let digits = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    let number = number.parse().ok().filter(|number| digits && *number < 8 * FACILITIES.len())?;
    Some((number, rest))
}

/// What stands behind the version. Returns the time and the message.
fn rfc5424<'l>(
    text: &'l str,
    zone: &Zone,
    times: &mut Clock,
    fields: &mut Fields,
) -> Result<(Timestamp, &'l str), Bad> {
    let (time, mut rest) = word(text).ok_or_else(foreign)?;
    if time == "-" {
        return Err(Bad::new(code::LINE_NO_TIME, "the time of the line is `-`: none"));
    }
    let time = times.value(time, zone).ok_or_else(foreign)??;
    for name in ["host", "app", "pid", "msgid"] {
        let (value, after) = word(rest).ok_or_else(foreign)?;
        set(fields, name, value);
        rest = after;
    }
    let mut scratch = fields.take_scratch();
    let message = match rest.strip_prefix('-') {
        Some(message) => message,
        None => structured_data(rest, &mut scratch, fields),
    };
    fields.put_scratch(scratch);
    let message = message.strip_prefix(' ').unwrap_or(message);
    Ok((time, message.strip_prefix('\u{feff}').unwrap_or(message)))
}

/// What stands before the first space, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let space = memchr(b' ', text.as_bytes())?;
    Some((&text[..space], &text[space + 1..]))
}

/// `[id name="value" …][…]`. Returns what follows; what is malformed is left to the message.
fn structured_data<'l>(mut text: &'l str, scratch: &mut Scratch, fields: &mut Fields) -> &'l str {
    while let Some(after) = element(text, scratch, fields) {
        text = after;
    }
    text
}

fn element<'l>(text: &'l str, scratch: &mut Scratch, fields: &mut Fields) -> Option<&'l str> {
    let inner = text.strip_prefix('[')?;
    let (id, mut rest) = inner.split_at(inner.find([' ', ']'])?);
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Some(after);
        }
        let (name, value) = rest.strip_prefix(' ')?.split_once("=\"")?;
        if name.contains([' ', ']', '"']) {
            return None;
        }
        scratch.value.clear();
        let length = parameter(value, &mut scratch.value)?;
        scratch.name.clear();
        for part in [id, ".", name] {
            scratch.name.push_str(part);
        }
        fields.set_label(&scratch.name, &scratch.value);
        rest = &value[length..];
    }
}

/// Reads a value up to its closing quote, and returns its length with the quote.
fn parameter(text: &str, value: &mut String) -> Option<usize> {
    let mut at = 0;
    loop {
        let end = at + memchr2(b'"', b'\\', &text.as_bytes()[at..])?;
        value.push_str(&text[at..end]);
        if text[end..].starts_with('"') {
            return Some(end + 1);
        }
        // What is no escape stays as it is.
        let escapes = matches!(text.as_bytes().get(end + 1), Some(b'"' | b'\\' | b']'));
        at = end + usize::from(escapes);
        if escapes {
            value.push_str(&text[at..=at]);
        } else {
            value.push('\\');
        }
        at += 1;
    }
}

/// `Nov 20 21:20:09 host app[123]: message`; `rfc3339`: the time may also be one of these. Returns
/// the time and the message.
fn rfc3164<'l>(
    text: &'l str,
    rfc3339: bool,
    context: &Context,
    fields: &mut Fields,
) -> Result<(Timestamp, &'l str), Bad> {
    let (time, end) = if let Some(yearless) = Yearless::of(text) {
        (yearless.instant(context)?, yearless.clock.end)
    } else {
        let found = instant::leading(text, &context.zone).filter(|_| rfc3339);
        let found = found.ok_or_else(foreign)??;
        (found.time, found.end)
    };
    let rest = text[end..].trim_start_matches(':').trim_start_matches(' ');
    let (host, after) = rest.split_once(' ').unwrap_or((rest, ""));
    // Some write no host: the first word is then the tag already.
    let message = if host.ends_with(':') {
        rest
    } else {
        set(fields, "host", host);
        after
    };
    Ok((time, tag(message, fields)))
}

/// `app[123]: message` or `app: message`. Returns the message; all of it where there is no tag.
fn tag<'l>(text: &'l str, fields: &mut Fields) -> &'l str {
    let Some((app, rest)) = text.find([' ', ':', '[']).map(|end| text.split_at(end)) else {
        return text;
    };
    let (pid, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((pid, rest)) if !pid.contains(' ') => (pid, rest),
        _ => ("", rest),
    };
    let Some(message) = rest.strip_prefix(':').filter(|_| !app.is_empty()) else { return text };
    set(fields, "app", app);
    set(fields, "pid", pid);
    message.strip_prefix(' ').unwrap_or(message)
}

/// A date without a year, perhaps, and a time of day.
#[derive(Clone, Copy, Debug)]
struct Yearless {
    month: i8,
    day: i8,
    year: Option<i16>,
    clock: TimeOfDay,
}

impl Yearless {
    /// `Nov 20 21:20:09`, `Nov  5 21:20:09`, and as Cisco writes it, `Nov 20 2026 21:20:09.364`.
    fn of(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let month = instant::month(bytes.get(..3)?)?;
        let spaces = bytes[3..].iter().take_while(|&&byte| byte == b' ').count();
        let start = 3 + spaces;
        let digits = bytes[start..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        let day = text[start..start + digits].parse().ok()?;
        let mut at = start + digits;
        if !(1..=2).contains(&spaces) || !(1..=2).contains(&digits) || bytes.get(at) != Some(&b' ')
        {
            return None;
        }
        at += 1;
        let year = text.get(at..at + 5).and_then(|year| year.strip_suffix(' '));
        let year = year.and_then(|year| year.parse().ok());
        if year.is_some() {
            at += 5;
        }
        let clock = instant::clock(bytes, at)?;
        let ends = bytes.get(clock.end).is_none_or(|next| matches!(next, b' ' | b':'));
        ends.then_some(Self { month, day, year, clock })
    }

    fn instant(self, context: &Context) -> Result<Timestamp, Bad> {
        if let Some(year) = self.year {
            return self.in_year(year, &context.zone);
        }
        let reference = context.reference.ok_or_else(|| {
            Bad::new(
                code::LINE_NO_YEAR,
                "the time has no year: set referenceTime, the time around which the log was \
                 written, to find it",
            )
        })?;
        let latest = reference.plus(AHEAD);
        // The local year may be one ahead of the year in UTC.
        let last = year(latest) + 1;
        let mut bad = None;
        for year in (last - YEARS_BACK..=last).rev() {
            match self.in_year(year, &context.zone) {
                Ok(time) if time <= latest => return Ok(time),
                Ok(_) => {}
                Err(error) => bad = Some(error),
            }
        }
        Err(bad.unwrap_or_else(instant::out_of_range))
    }

    fn in_year(self, year: i16, zone: &Zone) -> Result<Timestamp, Bad> {
        instant::instant((year, self.month, self.day), self.clock, |local| Ok(zone.instant(local)))
    }
}

/// The year of an instant in UTC.
fn year(time: Timestamp) -> i16 {
    jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos()))
        .expect("jiff's range holds all of an i64 of nanoseconds")
        .to_zoned(jiff::tz::TimeZone::UTC)
        .year()
}

fn set(fields: &mut Fields, name: &str, value: &str) {
    if !matches!(value, "" | "-") {
        fields.set_label(name, value);
    }
}

fn foreign() -> Bad {
    Bad::foreign(
        code::LINE_NO_TIME,
        "not syslog: expected <34>1 2026-11-20T21:20:09.364Z host app … or Nov 20 21:20:09 host \
         app: …, and there is no event before it that the line could belong to",
    )
}
