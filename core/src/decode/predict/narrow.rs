//! What a query reads of a line, and nothing else.

use std::ops::Range;

use super::Known;
use super::dictionary::{Dictionary, Id};
use super::scan::At;
use super::walk::Receive;
use crate::columns::ColumnNames;
use crate::decode::escape;
use crate::decode::ndjson::{JOIN_KEYS, LABELS, Ndjson, Part, Shape};
use crate::decode::record::{LEVEL, LEVELS, Role};
use crate::event::{Fields, Filling, SLOTS, Slot};
use crate::time::Timestamp;

/// What a field means.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meaning {
    pub role: Use,
    /// The part of a `LogEvent` that it is, or is in.
    part: Part,
    /// What it says of the line.
    signs: u8,
    /// It means nothing, unless it is an object.
    is_idle: bool,
}

/// The field is the message that makes a `LogEvent` of a line, if it is text.
const EVENT_MESSAGE: u8 = 1;
/// It is the object that does, if it is one.
const EVENT_LABELS: u8 = 2;
/// It becomes the message of a line that lacks the usual one.
const STANDS_IN: u8 = 4;
/// It is the usual message, if it is text.
const MESSAGE: u8 = 8;

impl Meaning {
    pub fn is_event_message(&self) -> bool {
        self.signs & EVENT_MESSAGE != 0
    }
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

    /// Whether there are slots enough.
    pub fn fits(&self) -> bool {
        self.labels.len().max(self.join_keys.len()) <= SLOTS
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
        let sign = |sign: u8, is_it: bool| if is_it { sign } else { 0 };
        let signs = sign(EVENT_MESSAGE, event_message)
            | sign(EVENT_LABELS, top && name == LABELS)
            | sign(STANDS_IN, plain && roles.stands_in_as_message(name))
            | sign(MESSAGE, role == Use::Message);
        let is_idle = role == Use::Skip && signs & !EVENT_LABELS == 0;
        Meaning { role, part, signs, is_idle }
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
    let signs = if ndjson.roles.is_event_message(name) { EVENT_MESSAGE } else { 0 };
    Meaning { role, signs, ..Meaning::default() }
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
    start: At,
    fields: &'a mut Fields,
    time: Option<Timestamp>,
    /// What the fields say of the line.
    signs: u8,
}

impl<'a> Narrow<'a> {
    #[inline(always)]
    pub fn new(
        wanted: &'a Wanted,
        known: Known<'a>,
        text: &'a str,
        start: At,
        fields: &'a mut Fields,
    ) -> Self {
        fields.clear_slots();
        Self { wanted, known, text, start, fields, time: None, signs: 0 }
    }

    /// There are no more fields: the time of the line.
    #[inline(always)]
    pub fn finish(mut self) -> Option<Timestamp> {
        let is_event = self.signs & (EVENT_LABELS | EVENT_MESSAGE) == EVENT_LABELS | EVENT_MESSAGE;
        let lacks_message = self.signs & (STANDS_IN | MESSAGE) == STANDS_IN;
        if self.known.is_plain() == is_event || lacks_message {
            return None;
        }
        if !matches!(self.wanted.level, Level::Itself) {
            self.find_level();
        }
        self.time
    }

    #[inline(never)]
    fn find_level(&mut self) {
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
    }

    #[inline(always)]
    fn fill(&mut self, slot: Slot, at: Range<At>) {
        self.fields.fill(slot, Filling::InLine(at.start - self.start, at.end - self.start));
    }

    #[inline(never)]
    fn fill_escaped(&mut self, slot: Slot, at: Range<At>) {
        let mut scratch = self.fields.take_scratch();
        let text = &self.text[at.start as usize..at.end as usize];
        let text = escape::json(text, &mut scratch.value);
        self.fields.fill(slot, Filling::Text(text));
        self.fields.put_scratch(scratch);
    }
}

impl Receive<Meaning> for Narrow<'_> {
    fn meaning(&self, name: &str, object: Option<&Meaning>) -> Meaning {
        self.wanted.meaning(self.known.ndjson, name, object)
    }

    #[inline(always)]
    fn ignores(&self, meaning: &Meaning) -> bool {
        meaning.is_idle
    }

    #[inline]
    fn is_time(&self, meaning: &Meaning) -> bool {
        meaning.role == Use::Time && meaning.signs == 0
    }

    #[inline(always)]
    fn time(&mut self, bytes: &[u8], at: At) -> Option<At> {
        let (time, length) = self.known.clock.millis(bytes.get(at as usize..)?.first_chunk()?)?;
        self.time = Some(time);
        Some(length)
    }

    #[inline(always)]
    fn text(
        &mut self,
        names: &Dictionary<Meaning>,
        id: Id,
        at: Range<At>,
        escaped: bool,
    ) -> Option<()> {
        let meaning = &names.field(id).meaning;
        self.signs |= meaning.signs & !EVENT_LABELS;
        let slot = match meaning.role {
            Use::Skip => return Some(()),
            Use::Time if escaped => return None,
            Use::Time => {
                self.time = Some(self.known.time(self.text, at)?);
                return Some(());
            }
            Use::Message if !self.wanted.message => return Some(()),
            Use::Message => Slot::Message,
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
    fn other(&mut self, names: &Dictionary<Meaning>, id: Id, at: Range<At>) -> Option<()> {
        let meaning = &names.field(id).meaning;
        self.signs |= meaning.signs & STANDS_IN;
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
        let meaning = &names.field(id).meaning;
        if is_object {
            self.signs |= meaning.signs & EVENT_LABELS;
        }
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
