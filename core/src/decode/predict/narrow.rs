//! What a query reads of a line, and nothing else.

use std::ops::Range;

use super::Known;
use super::dictionary::{Dictionary, Id};
use super::walk::Receive;
use crate::columns::ColumnNames;
use crate::decode::escape;
use crate::decode::ndjson::{JOIN_KEYS, LABELS, Ndjson, Part, Shape};
use crate::decode::record::{LEVEL, LEVELS, Role};
use crate::event::{Fields, Filling, Slot};
use crate::time::Timestamp;

/// What a field means.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meaning {
    pub role: Use,
    /// The part of a `LogEvent` that it is, or is in.
    part: Part,
    /// It is the object that makes a `LogEvent` of a line.
    labels: bool,
    /// It is the message that makes a `LogEvent` of a line.
    pub event_message: bool,
    /// It becomes the message of a line that lacks the usual one.
    stands_in: bool,
    /// It means nothing, unless it is an object.
    is_idle: bool,
}

/// What is made of the value of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Use {
    #[default]
    Skip,
    Time,
    Message,
    Label(u16),
    JoinKey(u16),
}

/// What is wanted of every line.
#[derive(Debug)]
pub(super) struct Wanted {
    labels: Vec<String>,
    join_keys: Vec<String>,
    message: bool,
    level: Level,
}

/// Where the label `level` comes from, if it is wanted.
#[derive(Debug)]
enum Level {
    /// From the field of its name.
    Itself,
    /// From another label, wherever that is there.
    Named { from: u16, to: u16 },
    /// From the first of these that is there, where the field of its name is not.
    First { from: Vec<u16>, to: u16 },
}

impl Wanted {
    pub fn new(columns: &ColumnNames, ndjson: &Ndjson) -> Self {
        let mut labels = columns.labels.clone();
        let mut level = Level::Itself;
        if let (Shape::Plain, Some(to)) = (ndjson.usual, position(&labels, LEVEL)) {
            let mut slot = |name: &str| {
                position(&labels, name).unwrap_or_else(|| {
                    labels.push(name.to_owned());
                    position(&labels, name).expect("it has just been added")
                })
            };
            level = match &ndjson.roles.level {
                Role::Named(name) => Level::Named { from: slot(name), to },
                Role::Open | Role::Found(_) => {
                    Level::First { from: LEVELS.iter().map(|name| slot(name)).collect(), to }
                }
            };
        }
        Self { labels, join_keys: columns.join_keys.clone(), message: columns.message, level }
    }

    /// Slots for all of it.
    pub fn fields(&self) -> Fields {
        let labels = self.labels.iter().map(String::as_str);
        Fields::with_slots(labels, self.join_keys.iter().map(String::as_str))
    }

    /// What the field `name` means, which may be in an object.
    fn meaning(&self, ndjson: &Ndjson, name: &str, object: Option<&Meaning>) -> Meaning {
        let (roles, top) = (&ndjson.roles, object.is_none());
        let part = object.map_or_else(|| Part::of(name), |object| object.part);
        let plain = ndjson.usual == Shape::Plain;
        let event_message = roles.is_event_message(name);
        let label = |name| position(&self.labels, name).map(Use::Label);
        let role = if roles.time.is(name) {
            Some(Use::Time)
        } else if plain && roles.message.is(name) || !plain && top && event_message {
            Some(Use::Message)
        } else if plain {
            label(name)
        } else if top {
            None
        } else {
            match part {
                Part::Labels => label(&name[LABELS.len() + 1..]),
                Part::JoinKeys => {
                    position(&self.join_keys, &name[JOIN_KEYS.len() + 1..]).map(Use::JoinKey)
                }
                Part::Other => None,
            }
        };
        let role = role.unwrap_or_default();
        let stands_in = plain && roles.stands_in_as_message(name);
        Meaning {
            role,
            part,
            labels: top && name == LABELS,
            event_message,
            stands_in,
            is_idle: role == Use::Skip && !event_message && !stands_in,
        }
    }
}

/// The meaning of a field where all fields are wanted.
pub(super) fn meaning(
    wanted: Option<&Wanted>,
    ndjson: &Ndjson,
    name: &str,
    object: Option<&Meaning>,
) -> Meaning {
    if let Some(wanted) = wanted {
        return wanted.meaning(ndjson, name, object);
    }
    let role = if ndjson.roles.time.is(name) { Use::Time } else { Use::Skip };
    let event_message = ndjson.roles.is_event_message(name);
    Meaning { role, event_message, ..Meaning::default() }
}

fn position(names: &[String], name: &str) -> Option<u16> {
    let at = names.iter().position(|known| known == name)?;
    Some(u16::try_from(at).expect("a query has at most limits::MAX_QUERY_BYTES"))
}

/// Fills the slots.
pub(super) struct Narrow<'a> {
    wanted: &'a Wanted,
    known: Known<'a>,
    text: &'a str,
    start: usize,
    fields: &'a mut Fields,
    time: Option<Timestamp>,
    has_message: bool,
    has_labels: bool,
    has_event_message: bool,
    has_stand_in: bool,
}

impl<'a> Narrow<'a> {
    #[inline]
    pub fn new(
        wanted: &'a Wanted,
        known: Known<'a>,
        text: &'a str,
        start: usize,
        fields: &'a mut Fields,
    ) -> Self {
        fields.clear_slots();
        Self {
            wanted,
            known,
            text,
            start,
            fields,
            time: None,
            has_message: false,
            has_labels: false,
            has_event_message: false,
            has_stand_in: false,
        }
    }

    /// There are no more fields: the time of the line.
    #[inline]
    pub fn finish(self) -> Option<Timestamp> {
        let is_plain = self.known.is_plain();
        let is_event = self.has_labels && self.has_event_message;
        if is_plain == is_event || is_plain && !self.has_message && self.has_stand_in {
            return None;
        }
        match &self.wanted.level {
            Level::Itself => {}
            Level::Named { from, to } => {
                if self.fields.is_filled(*from).0 {
                    self.fields.copy_label(*from, *to);
                }
            }
            Level::First { from, to } => {
                if !self.fields.is_filled(*to).1
                    && let Some(from) = from.iter().find(|from| self.fields.is_filled(**from).1)
                {
                    self.fields.copy_label(*from, *to);
                }
            }
        }
        self.time
    }

    #[inline(always)]
    fn fill(&mut self, slot: Slot, at: Range<usize>) {
        self.fields.fill(slot, Filling::InLine(at.start - self.start, at.end - self.start));
    }

    #[inline(never)]
    fn fill_escaped(&mut self, slot: Slot, at: Range<usize>) {
        let mut scratch = self.fields.take_scratch();
        let text = escape::json(&self.text[at], &mut scratch.value);
        self.fields.fill(slot, Filling::Text(text));
        self.fields.put_scratch(scratch);
    }
}

impl Receive<Meaning> for Narrow<'_> {
    fn meaning(&self, name: &str, object: Option<&Meaning>) -> Meaning {
        self.wanted.meaning(self.known.ndjson, name, object)
    }

    #[inline]
    fn ignores(&self, meaning: &Meaning) -> bool {
        meaning.is_idle
    }

    #[inline]
    fn text(
        &mut self,
        names: &Dictionary<Meaning>,
        id: Id,
        at: Range<usize>,
        escaped: bool,
    ) -> Option<()> {
        let meaning = names.field(id).meaning;
        self.has_event_message |= meaning.event_message;
        self.has_stand_in |= meaning.stands_in;
        let slot = match meaning.role {
            Use::Skip => return Some(()),
            Use::Time if escaped => return None,
            Use::Time => {
                self.time = Some(self.known.time(self.text, at)?);
                return Some(());
            }
            Use::Message => {
                self.has_message = true;
                if !self.wanted.message {
                    return Some(());
                }
                Slot::Message
            }
            Use::Label(at) => Slot::Label(at),
            Use::JoinKey(at) => Slot::JoinKey(at),
        };
        if escaped {
            self.fill_escaped(slot, at);
        } else {
            self.fill(slot, at);
        }
        Some(())
    }

    #[inline]
    fn other(&mut self, names: &Dictionary<Meaning>, id: Id, at: Range<usize>) -> Option<()> {
        let meaning = names.field(id).meaning;
        self.has_stand_in |= meaning.stands_in;
        match meaning.role {
            Use::Skip => {}
            Use::Time => self.time = Some(self.known.time(self.text, at)?),
            Use::Message => return None,
            Use::Label(slot) => self.fill(Slot::Label(slot), at),
            Use::JoinKey(slot) => self.fill(Slot::JoinKey(slot), at),
        }
        Some(())
    }

    #[inline]
    fn null(&mut self, names: &Dictionary<Meaning>, id: Id, is_object: bool) -> Option<()> {
        let meaning = names.field(id).meaning;
        self.has_labels |= is_object && meaning.labels;
        match meaning.role {
            Use::Skip | Use::JoinKey(_) => Some(()),
            // Whatever had this name before is replaced.
            Use::Label(at) => {
                self.fields.fill(Slot::Label(at), Filling::Nothing);
                Some(())
            }
            Use::Time | Use::Message => None,
        }
    }
}
