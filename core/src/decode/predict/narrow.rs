//! What a query reads of a line, and nothing else.

use std::ops::Range;

use super::dictionary::{Dictionary, Field};
use super::scan::{self, At};
use super::walk::{Lines, Receive, Value, piece};
use super::{Known, without_ending};
use crate::columns::ColumnNames;
use crate::decode::Sink;
use crate::decode::escape;
use crate::decode::ndjson::{Filler, JOIN_KEYS, LABELS, Ndjson, Part, Shape};
use crate::decode::record::{LEVEL, LEVELS, Role};
use crate::event::{Event, Fields, Filling, Slot};
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
    pub whole: Plainly,
}

/// What a field is where all fields are wanted, if it is nothing in particular.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Plainly {
    /// That has to be found out.
    #[default]
    Unknown,
    /// A label, under its name without the first bytes.
    Label(u8),
    /// Nothing.
    Nothing,
}

/// The field is the message that makes a `LogEvent` of a line, if it is text.
const EVENT_MESSAGE: u8 = 1;
/// It is the object that does, if it is one.
const EVENT_LABELS: u8 = 2;
/// It becomes the message of a line that lacks the usual one.
const STANDS_IN: u8 = 4;
/// It is the usual message, if it is text.
const MESSAGE: u8 = 8;
/// Its value was the time.
const TIME: u8 = 16;

impl Meaning {
    pub fn is_event_message(&self) -> bool {
        self.signs & EVENT_MESSAGE != 0
    }
}

/// `labels.`
const LABELS_DOT: u8 = 7;
const _: () = assert!(LABELS_DOT as usize == LABELS.len() + 1);

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
    /// One bit for each set of signs, set where a line that shows them is usual.
    usual: u32,
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

/// Which signs the usual lines show.
fn usual(ndjson: &Ndjson) -> u32 {
    let is_usual = |signs: u32| {
        let has = |all: u8| signs & u32::from(all) == u32::from(all);
        let is_event = has(EVENT_LABELS | EVENT_MESSAGE);
        let lacks_message = has(STANDS_IN) && !has(MESSAGE);
        has(TIME) && is_event == (ndjson.usual == Shape::LogEvent) && !lacks_message
    };
    (0..u32::BITS).filter(|signs| is_usual(*signs)).fold(0, |usual, signs| usual | 1 << signs)
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
        Self {
            labels,
            join_keys: columns.join_keys.clone(),
            message: columns.message,
            level,
            usual: usual(ndjson),
        }
    }

    /// Slots for all of it.
    pub fn fields(&self) -> Fields {
        let labels = self.labels.iter().map(String::as_str);
        Fields::with_slots(labels, self.join_keys.iter().map(String::as_str))
    }

    /// What the field `name` means, which may be in an object.
    pub fn meaning(&self, ndjson: &Ndjson, name: &str, object: Option<&Meaning>) -> Meaning {
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
        let role = if role == Use::Message && !self.message { Use::Skip } else { role };
        let is_idle = role == Use::Skip && signs & !EVENT_LABELS == 0;
        let whole = match role {
            Use::Time | Use::Message => Plainly::Unknown,
            _ if signs & (EVENT_MESSAGE | MESSAGE) != 0 => Plainly::Unknown,
            _ if plain => Plainly::Label(0),
            _ if !top && part == Part::Labels => Plainly::Label(LABELS_DOT),
            _ if !top && part == Part::Other || top && !Filler::reads(name) => Plainly::Nothing,
            _ => Plainly::Unknown,
        };
        Meaning { role, part, signs, is_idle, whole }
    }
}

fn position(names: &[String], name: &str) -> Option<u16> {
    let at = names.iter().position(|known| known == name)?;
    Some(u16::try_from(at).expect("a query has at most limits::MAX_QUERY_BYTES"))
}

/// Fills the slots, and gives the events to a sink.
pub(super) struct Narrow<'a, 'k> {
    wanted: &'a Wanted,
    pub known: &'a mut Known<'k>,
    fields: &'a mut Fields,
    pub sink: &'a mut dyn Sink,
    time: Timestamp,
    /// What the fields say of the line.
    signs: u8,
    /// The sink wants the next event whole.
    pub wants_all: bool,
    /// How many lines there have been.
    pub lines: u64,
}

impl<'a, 'k> Narrow<'a, 'k> {
    pub fn new(
        wanted: &'a Wanted,
        known: &'a mut Known<'k>,
        fields: &'a mut Fields,
        sink: &'a mut dyn Sink,
    ) -> Self {
        let time = Timestamp::default();
        Self { wanted, known, fields, sink, time, signs: 0, wants_all: false, lines: 0 }
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

    fn fill(&mut self, slot: Slot, at: Range<At>) {
        self.fields.fill(slot, Filling::InLine(at.start, at.end));
    }

    #[inline(never)]
    fn fill_escaped(&mut self, slot: Slot, text: &str) {
        let mut scratch = self.fields.take_scratch();
        let text = escape::json(text, &mut scratch.value);
        self.fields.fill(slot, Filling::Text(text));
        self.fields.put_scratch(scratch);
    }

    /// Takes text that is neither a label nor the message, or has escapes. Gets parts of a [`Value`], which
    /// then need not be put together in memory.
    #[inline(never)]
    fn other_text(&mut self, role: Use, text: &str, at: Range<At>, escaped: bool) -> Option<()> {
        let slot = match role {
            Use::Skip => return Some(()),
            Use::Time if escaped => return None,
            Use::Time => return self.found_time(piece(text, &at)),
            Use::Message => Slot::Message,
            Use::Label(at) => Slot::Label(at),
            Use::JoinKey(at) => Slot::JoinKey(at),
        };
        if escaped {
            self.fill_escaped(slot, piece(text, &at));
        } else {
            self.fill(slot, at);
        }
        Some(())
    }

    fn found_time(&mut self, text: &str) -> Option<()> {
        self.time = self.known.time(text)?;
        self.signs |= TIME;
        Some(())
    }
}

impl Lines for Narrow<'_, '_> {
    #[inline(always)]
    fn begin(&mut self) -> bool {
        self.wants_all = self.sink.wants_all();
        self.fields.clear_slots();
        self.signs = 0;
        !self.wants_all
    }

    #[inline(always)]
    fn end(&mut self, line: &str) -> Option<()> {
        if self.wanted.usual.wrapping_shr(u32::from(self.signs)) & 1 == 0 {
            return None;
        }
        if !matches!(self.wanted.level, Level::Itself) {
            self.find_level();
        }
        self.sink.event(Event { time: self.time, raw: without_ending(line), fields: self.fields });
        self.lines += 1;
        Some(())
    }
}

impl Receive<Meaning> for Narrow<'_, '_> {
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
        let (time, length) = self.known.clock.millis(scan::chunk(bytes, at)?)?;
        self.time = time;
        self.signs |= TIME;
        Some(length)
    }

    #[inline(always)]
    fn text(&mut self, value: Value<'_, Meaning>, escaped: bool) -> Option<()> {
        let meaning = &value.field.meaning;
        self.signs |= meaning.signs & !EVENT_LABELS;
        if escaped {
            return self.other_text(meaning.role, value.text, value.at, true);
        }
        if let Use::Label(slot) = meaning.role {
            self.fill(Slot::Label(slot), value.at);
        } else if meaning.role == Use::Message {
            self.fill(Slot::Message, value.at);
        } else {
            return self.other_text(meaning.role, value.text, value.at, false);
        }
        Some(())
    }

    #[inline]
    fn other(&mut self, value: Value<'_, Meaning>) -> Option<()> {
        let meaning = &value.field.meaning;
        if meaning.signs & MESSAGE != 0 {
            return None;
        }
        self.signs |= meaning.signs & STANDS_IN;
        match meaning.role {
            Use::Skip | Use::Message => {}
            Use::Time => return self.found_time(value.text()),
            Use::Label(slot) => self.fill(Slot::Label(slot), value.at),
            Use::JoinKey(slot) => self.fill(Slot::JoinKey(slot), value.at),
        }
        Some(())
    }

    #[inline]
    fn null(
        &mut self,
        _: &Dictionary<Meaning>,
        field: &Field<Meaning>,
        is_object: bool,
    ) -> Option<()> {
        let meaning = &field.meaning;
        if meaning.signs & MESSAGE != 0 || meaning.role == Use::Time {
            return None;
        }
        if is_object {
            self.signs |= meaning.signs & EVENT_LABELS;
        }
        // Whatever had this name before is replaced.
        if let Use::Label(at) = meaning.role {
            self.fields.fill(Slot::Label(at), Filling::Nothing);
        }
        Some(())
    }
}
