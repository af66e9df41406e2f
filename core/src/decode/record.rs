//! Records: lines that are names with values (NDJSON, logfmt). Which of them is the time, which the
//! message and which the level.
//!
//! Named fields are taken at their word. Otherwise the first lines of a source settle it for the
//! whole source: the finest time and the most frequent message of the well-known names; a line that
//! lacks them falls back to the next well-known name. Time and message are not labels. The level is
//! one: under its own name, and as `level`.

use super::code::{self, Bad};
use super::instant::{self, Found};
use super::words::Words;
use super::zone::Zone;
use crate::event::Fields;
use crate::time::Timestamp;

/// Names of times; the earlier one wins among equally fine ones.
const TIMES: &[&str] = &[
    "@timestamp",
    "timestamp",
    "Timestamp",
    "time",
    "Time",
    "ts",
    "@t",
    "datetime",
    "dateTime",
    "date_time",
    "eventTime",
    "event_time",
    "timeUnixNano",
    "time_unix_nano",
    "msec",
    "epoch",
    "_time",
    "asctime",
    "time_iso8601",
    "time_local",
    "_SOURCE_REALTIME_TIMESTAMP",
    "__REALTIME_TIMESTAMP",
    "date",
    "t",
    "observedTimeUnixNano",
    "observed_time_unix_nano",
];

static TIME_NAMES: Words = Words::new(TIMES);

/// Names that hold nothing but times, so that any number under them is one. Under other names, small
/// numbers are more likely durations.
const ONLY_TIMES: &[&str] = &["@timestamp", "timestamp", "Timestamp", "ts", "epoch"];

/// Names of messages; the earlier one wins among equally frequent ones.
const MESSAGES: &[&str] = &[
    "message",
    "msg",
    "Message",
    "@message",
    "@m",
    "MESSAGE",
    "log",
    "short_message",
    "event",
    "text",
    "body",
];

/// Names of levels; the earlier one wins.
pub(super) const LEVELS: &[&str] = &[
    "level",
    "severity",
    "Level",
    "severityText",
    "severity_text",
    "lvl",
    "loglevel",
    "logLevel",
    "log_level",
    "log.level",
    "levelname",
    "levelName",
    "level_name",
    "@l",
];

/// The label a level is found under, whatever its field is called.
pub(super) const LEVEL: &str = "level";

/// A value of a record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// Text, unescaped.
    Text(&'a str),
    /// Anything else, as written: a number, `true`, an array.
    Other(&'a str),
    /// Nothing.
    Null,
}

impl<'a> Value<'a> {
    /// Empty text for nothing: it means the same.
    pub fn text(self) -> &'a str {
        match self {
            Self::Text(text) | Self::Other(text) => text,
            Self::Null => "",
        }
    }
}

/// The field that plays a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    /// Not known yet.
    #[default]
    Open,
    /// Named in the options: no other field will do.
    Named(String),
    /// Found in the first lines: others stand in where it is missing.
    Found(&'static str),
}

impl Role {
    fn new(name: Option<String>) -> Self {
        name.map_or(Self::Open, Self::Named)
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Open => None,
            Self::Named(name) => Some(name),
            Self::Found(name) => Some(name),
        }
    }

    pub fn is(&self, name: &str) -> bool {
        self.name() == Some(name)
    }

    fn is_named(&self) -> bool {
        matches!(self, Self::Named(_))
    }
}

/// Which fields of a source play which role.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    pub time: Role,
    pub message: Role,
    pub level: Role,
}

impl Roles {
    /// The roles that the options name.
    pub fn new(time: Option<String>, message: Option<String>, level: Option<String>) -> Self {
        Self { time: Role::new(time), message: Role::new(message), level: Role::new(level) }
    }

    /// The field of the time, as far as it is known.
    pub fn time_field(&self) -> Option<&str> {
        self.time.name()
    }

    /// Whether there is nothing that the first lines could still tell.
    pub fn are_settled(&self) -> bool {
        self.time != Role::Open && self.message != Role::Open
    }

    /// Whether `name` is the field that holds the message of a `LogEvent`.
    pub fn is_event_message(&self, name: &str) -> bool {
        match &self.message {
            Role::Named(named) => named == name,
            _ => name == "message",
        }
    }

    /// Whether the field `name` becomes the message of a record that lacks the usual one.
    pub fn stands_in_as_message(&self, name: &str) -> bool {
        !self.message.is_named() && MESSAGES.contains(&name)
    }

    /// The time in the field that plays this role. `None` where it is no time, or not known.
    pub fn read_time(&self, text: &str, zone: &Zone) -> Option<Result<Found, Bad>> {
        match &self.time {
            Role::Named(_) => instant::value(text, zone),
            Role::Found(name) => known_time(name, text, zone),
            Role::Open => None,
        }
    }
}

/// What the first lines tell about the fields of a source.
#[derive(Debug)]
pub(super) struct Survey {
    times: [Seen; TIMES.len()],
    messages: [usize; MESSAGES.len()],
}

/// How often a time has been seen, and how fine.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    lines: usize,
    digits: u8,
}

impl Survey {
    pub fn new() -> Self {
        Self { times: [Seen::default(); TIMES.len()], messages: [0; MESSAGES.len()] }
    }

    /// Notes one field of one line.
    pub fn field(&mut self, name: &str, value: Value<'_>, zone: &Zone) {
        if let Some(at) = time_rank(name)
            && let Some(Ok(found)) = known_time(name, value.text(), zone)
        {
            self.times[at].lines += 1;
            self.times[at].digits = self.times[at].digits.max(found.digits);
        }
        if let (Value::Text(_), Some(at)) = (value, MESSAGES.iter().position(|m| *m == name)) {
            self.messages[at] += 1;
        }
    }

    /// Settles what is open. A time that only few lines have does not count.
    pub fn settle(&self, roles: &mut Roles) {
        let most = self.times.iter().map(|seen| seen.lines).max().unwrap_or(0);
        let times = self.times.iter().enumerate().rev();
        let finest = times.filter(|(_, seen)| seen.lines > 0 && seen.lines * 2 >= most);
        if let (Role::Open, Some((at, _))) = (&roles.time, finest.max_by_key(|(_, s)| s.digits)) {
            roles.time = Role::Found(TIMES[at]);
        }
        let messages = self.messages.iter().enumerate().rev().filter(|(_, lines)| **lines > 0);
        if let (Role::Open, Some((at, _))) = (&roles.message, messages.max_by_key(|(_, n)| **n)) {
            roles.message = Role::Found(MESSAGES[at]);
        }
    }
}

/// Fills [`Fields`] from the fields of one record.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    roles: &'a Roles,
    zone: &'a Zone,
    /// Where it all goes.
    pub fields: &'a mut Fields,
    time: Option<Result<Found, Bad>>,
    /// What may stand in for it, with its place in [`TIMES`].
    other: Option<(usize, Result<Found, Bad>)>,
    has_message: bool,
}

impl<'a> Reader<'a> {
    pub fn new(roles: &'a Roles, zone: &'a Zone, fields: &'a mut Fields) -> Self {
        Self { roles, zone, fields, time: None, other: None, has_message: false }
    }

    /// Takes one field, in whatever role it has.
    pub fn field(&mut self, name: &str, value: Value<'_>) {
        if self.time(name, value) || self.message(name, value) {
            return;
        }
        match value {
            Value::Null => self.fields.remove_label(name),
            Value::Text(text) | Value::Other(text) => self.fields.set_label(name, text),
        }
    }

    /// Takes the field if it is the time of this source.
    pub fn time(&mut self, name: &str, value: Value<'_>) -> bool {
        if !self.roles.time.is(name) {
            return false;
        }
        let text = value.text();
        let found = self.roles.read_time(text, self.zone);
        let found = found.unwrap_or_else(|| Err(no_time(name, text)));
        self.time = (!text.is_empty()).then_some(found);
        true
    }

    /// Takes the time of this source, which has been read already.
    pub fn found_time(&mut self, time: Timestamp) {
        self.time = Some(Ok(Found { time, digits: 0, end: 0 }));
    }

    /// The time of this source, if the last field that holds it is one.
    pub fn last_time(&self) -> Option<Found> {
        self.time.as_ref()?.as_ref().ok().copied()
    }

    /// Takes the field if it is the message of this source.
    fn message(&mut self, name: &str, value: Value<'_>) -> bool {
        if !self.roles.message.is(name) {
            return false;
        }
        let text = match value {
            Value::Other(text) if self.roles.message.is_named() => Some(text),
            Value::Text(text) => Some(text),
            Value::Other(_) | Value::Null => None,
        };
        self.has_message = text.is_some();
        self.fields.set_message(text.unwrap_or(""));
        self.has_message
    }

    /// Takes note of the field if it is a time that may stand in for the one of this source.
    pub fn other_time(&mut self, name: &str, value: Value<'_>) {
        let Some(rank) = time_rank(name) else { return };
        let better =
            self.other.as_ref().is_none_or(|(best, found)| rank <= *best || found.is_err());
        if let Some(found) = known_time(name, value.text(), self.zone).filter(|_| better) {
            self.other = Some((rank, found));
        }
    }

    /// There are no more fields: falls back to other names where a role is vacant.
    pub fn finish(self) -> Result<Timestamp, Bad> {
        let fields = &mut *self.fields;
        if !self.has_message && !self.roles.message.is_named() {
            let _found = MESSAGES.iter().any(|name| fields.take_message_from_label(name));
        }
        match &self.roles.level {
            Role::Named(name) => fields.alias_label(name, LEVEL),
            _ if fields.label(LEVEL).is_some() => {}
            _ => {
                if let Some(name) = LEVELS.iter().find(|name| fields.label(name).is_some()) {
                    fields.alias_label(name, LEVEL);
                }
            }
        }
        if matches!(self.time, Some(Ok(_))) || self.roles.time.is_named() {
            return self.finish_time();
        }
        let other = fallback(self.fields, self.zone);
        Self { other: other.map(|found| (0, found)), ..self }.finish_time()
    }

    /// As [`Self::finish`], for records whose labels are not their fields: only settles the time.
    pub fn finish_time(self) -> Result<Timestamp, Bad> {
        let other = self.other.map(|(_, found)| found);
        let found = match self.time {
            Some(Ok(found)) => Ok(found),
            time if self.roles.time.is_named() => time.unwrap_or_else(|| Err(missing(self.roles))),
            time => other.or(time).unwrap_or_else(|| Err(missing(self.roles))),
        };
        found.map(|found| found.time)
    }
}

/// Whether a field of this name may be a time.
pub(super) fn is_time_name(name: &str) -> bool {
    time_rank(name).is_some()
}

/// The place of a name in [`TIMES`].
fn time_rank(name: &str) -> Option<usize> {
    TIME_NAMES.contains(name).then(|| TIMES.iter().position(|known| *known == name))?
}

/// The time under a well-known name.
fn known_time(name: &str, text: &str, zone: &Zone) -> Option<Result<Found, Bad>> {
    if ONLY_TIMES.contains(&name) {
        instant::value(text, zone)
    } else {
        instant::plausible_value(text, zone)
    }
}

/// The time under the first well-known name that has one.
fn fallback(fields: &mut Fields, zone: &Zone) -> Option<Result<Found, Bad>> {
    let mut first_bad = None;
    for name in TIMES {
        match fields.label(name).and_then(|text| known_time(name, text, zone)) {
            Some(Ok(found)) => {
                fields.remove_label(name);
                return Some(Ok(found));
            }
            bad => first_bad = first_bad.or(bad),
        }
    }
    first_bad
}

fn no_time(name: &str, text: &str) -> Bad {
    let shown: String = text.chars().take(40).collect();
    Bad::new(
        code::LINE_BAD_TIME,
        format!(
            "`{name}` is no time: `{shown}`; expected one such as 2026-11-20T21:20:09.364Z, or a \
             number since the epoch"
        ),
    )
}

fn missing(roles: &Roles) -> Bad {
    match roles.time.name() {
        Some(name) => Bad::new(code::LINE_NO_TIME, format!("the line has no time field `{name}`")),
        None => Bad::new(
            code::LINE_NO_TIME,
            "the line has no field that is known to hold a time: name it, for example \
             time=created_at",
        ),
    }
}
