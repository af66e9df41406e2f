//! The event: one line, message or object with its time and its labels.
//!
//! Owns the reusable buffer a decoder fills ([`Fields`]) and the borrowed view a stage reads
//! ([`Event`]). Knows no format and no query. Costs no allocation once the buffers have grown; what a
//! decoder finds as it stands in the line is not copied.

use crate::columns::Column;
use crate::limits;
use crate::time::Timestamp;

/// One event as the stages see it: a time, the bytes it came from and what was read out of them.
#[derive(Copy, Clone, Debug)]
pub struct Event<'a> {
    /// Event time.
    pub time: Timestamp,
    /// The bytes the event came from, valid UTF-8, without the final line ending. Line filters and
    /// parsers see these.
    pub raw: &'a str,
    /// What the decoder read out of them. Read it through the event: part of it may still stand in
    /// `raw`.
    pub fields: &'a Fields,
}

impl<'a> Event<'a> {
    /// The value of a label; `None` when it is missing or empty.
    pub fn label(&self, name: &str) -> Option<&'a str> {
        self.fields.labels.get(&self.fields.text, self.raw, name)
    }

    /// As [`label`](Self::label), of a label whose column among those that are wanted is known.
    #[inline]
    pub(crate) fn label_in(&self, column: Column, name: &str) -> Option<&'a str> {
        let fields = self.fields;
        if fields.is_slotted
            && let Some(at) = column.index()
        {
            let value = fields.labels.slot(at)?;
            return (value.len() > 0).then(|| value.of(&fields.text, self.raw));
        }
        self.label(name)
    }

    /// Its labels by column; `None` where they have not been read by that.
    #[inline]
    pub(crate) fn columns(&self) -> Option<Columns<'a>> {
        let Fields { is_slotted, labels, text, .. } = self.fields;
        let Pairs { values, empty, .. } = labels;
        let (text, line) = (text.as_bytes(), self.raw.as_bytes());
        is_slotted.then_some(Columns { values, empty: *empty, text, line })
    }

    /// The value of a join key the event itself names; `None` when it is missing or empty.
    pub fn join_key(&self, name: &str) -> Option<&'a str> {
        self.fields.join_keys.get(&self.fields.text, self.raw, name)
    }

    /// All labels that were read, in the order they were first set; empty values are missing ones.
    pub fn labels(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.fields.labels.iter(&self.fields.text, self.raw)
    }

    /// All join keys the event itself names that were read, as [`labels`](Self::labels).
    pub fn join_keys(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.fields.join_keys.iter(&self.fields.text, self.raw)
    }

    /// The message; empty when there is none, or nobody wants it.
    pub fn message(&self) -> &'a str {
        self.fields.message.of(&self.fields.text, self.raw)
    }
}

/// The labels of one event by column.
#[derive(Copy, Clone)]
pub(crate) struct Columns<'a> {
    values: &'a [Piece],
    /// As that of [`Pairs`].
    empty: u64,
    text: &'a [u8],
    line: &'a [u8],
}

impl<'a> Columns<'a> {
    /// The value in a column; `None` when it is missing or empty.
    #[inline]
    pub(crate) fn get(&self, column: usize) -> Option<&'a [u8]> {
        let Piece { start, end } = *self.values.get(column)?;
        if self.empty >> (column % SLOTS) & 1 != 0 {
            return None;
        }
        let whole = if start & IN_LINE == 0 { self.text } else { self.line };
        whole.get((start & !IN_LINE) as usize..end as usize).filter(|value| !value.is_empty())
    }
}

/// A piece of [`Fields::text`], or of the line.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
struct Piece {
    /// With [`IN_LINE`] where it is one of the line.
    start: u32,
    end: u32,
}

/// Marks a piece of the line. Neither text is half as long as that.
const IN_LINE: u32 = 1 << 31;

/// The decoded parts of one event, in a buffer that is reused from event to event.
///
/// Empty text counts as missing everywhere, as in `PromQL`. Holds at most
/// [`limits::MAX_LABELS`] labels and as many join keys, and [`limits::MAX_FIELDS_BYTES`] of their
/// text; what is over is dropped and counted.
///
/// Those of an [`Event`] are read through it. The methods here read fields that stand by themselves:
/// filled with `set_…`, or by [`Decoder::decode_again`](crate::decode::Decoder::decode_again).
#[derive(Clone, Debug, Default)]
pub struct Fields {
    text: String,
    labels: Pairs,
    join_keys: Pairs,
    message: Piece,
    source: Piece,
    stream: Piece,
    dropped: usize,
    /// How much of the text is names that stay from event to event; see [`Self::with_slots`].
    fixed: usize,
    /// Whether there is a slot for each label that is wanted, in that order.
    is_slotted: bool,
    scratch: Scratch,
}

/// Buffers that a decoder may build text in, kept here so that their memory is reused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Fields {
    /// Fields of these labels and join keys only, each in a slot of its own, in this order. They are
    /// emptied with [`clear_slots`](Self::clear_slots) and filled by slot.
    pub(crate) fn with_slots<'n>(
        labels: impl IntoIterator<Item = &'n str>,
        join_keys: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let mut fields = Self::default();
        for name in labels {
            fields.labels.add(&mut fields.text, name, Piece::default());
        }
        for name in join_keys {
            fields.join_keys.add(&mut fields.text, name, Piece::default());
        }
        fields.fixed = fields.text.len();
        fields.is_slotted = true;
        fields
    }

    /// Empties the slots.
    #[inline]
    pub(crate) fn clear_slots(&mut self) {
        if self.text.len() > self.fixed {
            self.text.truncate(self.fixed);
        }
        self.labels.empty = u64::MAX;
        self.join_keys.empty = u64::MAX;
        self.message = Piece::default();
        self.dropped = 0;
    }

    /// Whether there is a slot for each label that is wanted.
    pub(crate) fn has_slots(&self) -> bool {
        self.is_slotted
    }

    /// Fills a slot with a copy of a text, or with nothing where there is no room for that.
    #[inline]
    pub(crate) fn fill_text(&mut self, slot: Slot, text: &str) {
        let fits = self.text.len() + text.len() <= limits::MAX_FIELDS_BYTES;
        self.dropped += usize::from(!fits);
        let is_there = fits && !text.is_empty();
        self.fill(slot, if is_there { Filling::Text(text) } else { Filling::Nothing });
    }

    /// Fills a slot.
    #[expect(
        clippy::inline_always,
        reason = "mostly what it is filled with is known where that is called"
    )]
    #[inline(always)]
    pub(crate) fn fill(&mut self, slot: Slot, value: Filling<'_>) {
        let value = match value {
            Filling::InLine(start, end) => Piece { start: start | IN_LINE, end },
            Filling::Text(text) => keep(&mut self.text, text),
            Filling::Nothing => Piece::default(),
        };
        match slot {
            Slot::Label(at) => self.labels.fill(at, value),
            Slot::JoinKey(at) => self.join_keys.fill(at, value),
            Slot::Message => self.message = value,
        }
    }

    /// Whether the slot of a label has been filled, be it with empty text, and whether with any text.
    pub(crate) fn is_filled(&self, label: u16) -> (bool, bool) {
        let value = self.labels.piece(usize::from(label));
        (value != Piece::default(), value.len() > 0)
    }

    /// Fills the slot of the label `to` with what is in that of `from`.
    pub(crate) fn copy_label(&mut self, from: u16, to: u16) {
        self.labels.fill(to, self.labels.piece(usize::from(from)));
    }

    /// Empties the buffer, keeping its memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.labels.clear();
        self.join_keys.clear();
        self.message = Piece::default();
        self.source = Piece::default();
        self.stream = Piece::default();
        self.dropped = 0;
    }

    /// Sets a label. A later value of the same name replaces an earlier one, as in JSON.
    pub fn set_label(&mut self, name: &str, value: &str) {
        let kept = self.labels.set(&mut self.text, name, value);
        self.dropped += usize::from(!kept);
    }

    /// Sets the label `to` to the value of the label `from`, if there is one.
    pub fn alias_label(&mut self, from: &str, to: &str) {
        if let Some(value) = self.labels.find(&self.text, from) {
            let kept = self.labels.set_piece(&mut self.text, to, value);
            self.dropped += usize::from(!kept);
        }
    }

    /// Removes a label, if there is one.
    pub fn remove_label(&mut self, name: &str) {
        self.labels.remove(&self.text, name);
    }

    /// Makes the value of the label `name` the message instead. False when there is no such label.
    pub fn take_message_from_label(&mut self, name: &str) -> bool {
        let value = self.labels.remove(&self.text, name);
        self.message = value.unwrap_or(self.message);
        value.is_some()
    }

    /// Sets a join key that the event itself names (`joinKeys` of a `LogEvent`).
    pub fn set_join_key(&mut self, name: &str, value: &str) {
        let kept = self.join_keys.set(&mut self.text, name, value);
        self.dropped += usize::from(!kept);
    }

    /// Sets the message.
    pub fn set_message(&mut self, message: &str) {
        self.message = keep(&mut self.text, message);
    }

    /// Adds the following lines of a multi-line event to the message.
    pub fn append_message(&mut self, lines: &str) {
        let start = self.text.len();
        self.text.extend_from_within(self.message.start as usize..self.message.end as usize);
        self.text.push('\n');
        self.text.push_str(lines);
        self.message = Piece { start: offset(start), end: offset(self.text.len()) };
    }

    /// Sets the source the event says it is from (`source` of a `LogEvent`).
    pub fn set_source(&mut self, source: &str) {
        self.source = keep(&mut self.text, source);
    }

    /// Sets the stream the event says it is from (`stream` of a `LogEvent`).
    pub fn set_stream(&mut self, stream: &str) {
        self.stream = keep(&mut self.text, stream);
    }

    /// The value of a label; `None` when it is missing or empty.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(&self.text, "", name)
    }

    /// The value of a join key the event itself names; `None` when it is missing or empty.
    pub fn join_key(&self, name: &str) -> Option<&str> {
        self.join_keys.get(&self.text, "", name)
    }

    /// All labels, in the order they were first set.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter(&self.text, "")
    }

    /// All join keys the event itself names, in the order they were first set.
    pub fn join_keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.join_keys.iter(&self.text, "")
    }

    /// The message; empty when there is none.
    pub fn message(&self) -> &str {
        self.message.of(&self.text, "")
    }

    /// The source the event says it is from; empty when it does not say.
    pub fn source(&self) -> &str {
        self.source.of(&self.text, "")
    }

    /// The stream the event says it is from; empty when it does not say.
    pub fn stream(&self) -> &str {
        self.stream.of(&self.text, "")
    }

    /// How many labels and join keys were dropped, because there were too many of them or they were
    /// too long.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Lends the scratch buffers, emptied; give them back with [`Self::put_scratch`].
    pub(crate) fn take_scratch(&mut self) -> Scratch {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.name.clear();
        scratch.value.clear();
        scratch
    }

    /// Takes the scratch buffers back.
    pub(crate) fn put_scratch(&mut self, scratch: Scratch) {
        self.scratch = scratch;
    }
}

/// Most labels, and most join keys, that [`Fields::with_slots`] can have.
pub(crate) const SLOTS: usize = u64::BITS as usize;

/// One of the places of [`Fields::with_slots`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Label(u16),
    JoinKey(u16),
    Message,
}

/// What a slot is filled with.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Filling<'a> {
    /// What stands in the line from one byte to another.
    InLine(u32, u32),
    /// Text of its own, which is copied.
    Text(&'a str),
    Nothing,
}

/// Names with values, in the order they were first set.
#[derive(Clone, Debug, Default)]
struct Pairs {
    names: Vec<Piece>,
    values: Vec<Piece>,
    /// The length and the ends of each name: what is not the same is another name.
    tags: Vec<u32>,
    /// One bit per name set, by its tag: most names are new, and this tells without a scan. A bit that
    /// is set proves nothing.
    seen: u64,
    /// One bit for each of the first values, the first in the lowest, that is not there, whatever stands in
    /// its place: to empty slots at once.
    empty: u64,
}

impl Pairs {
    fn clear(&mut self) {
        self.names.clear();
        self.values.clear();
        self.tags.clear();
        self.seen = 0;
    }

    /// False when there is no room.
    fn set(&mut self, text: &mut String, name: &str, value: &str) -> bool {
        if text.len() + name.len() + value.len() > limits::MAX_FIELDS_BYTES {
            return false;
        }
        let value = keep(text, value);
        self.set_piece(text, name, value)
    }

    fn set_piece(&mut self, text: &mut String, name: &str, value: Piece) -> bool {
        if let Some(at) = self.position(text, name) {
            self.values[at] = value;
        } else if self.names.len() == limits::MAX_LABELS {
            return false;
        } else {
            self.add(text, name, value);
        }
        true
    }

    /// Adds a name that is new.
    fn add(&mut self, text: &mut String, name: &str, value: Piece) {
        self.names.push(keep(text, name));
        self.values.push(value);
        let tag = tag(name);
        self.tags.push(tag);
        self.seen |= bit(tag);
    }

    fn remove(&mut self, text: &str, name: &str) -> Option<Piece> {
        let at = self.position(text, name)?;
        self.names.remove(at);
        self.tags.remove(at);
        Some(self.values.remove(at))
    }

    fn find(&self, text: &str, name: &str) -> Option<Piece> {
        Some(self.piece(self.position(text, name)?))
    }

    fn get<'t>(&self, text: &'t str, line: &'t str, name: &str) -> Option<&'t str> {
        self.value(text, line, self.position(text, name)?)
    }

    /// Fills the slot `at`.
    #[inline]
    fn fill(&mut self, at: u16, value: Piece) {
        self.values[usize::from(at)] = value;
        self.empty &= !(1_u64.wrapping_shl(u32::from(at)));
    }

    /// What is in the slot `at`, if it has been filled.
    #[inline]
    fn slot(&self, at: usize) -> Option<Piece> {
        let is_empty = self.empty >> (at % SLOTS) & 1 == 1;
        if is_empty { None } else { self.values.get(at).copied() }
    }

    #[inline]
    fn piece(&self, at: usize) -> Piece {
        let is_empty = at < SLOTS && self.empty >> at & 1 == 1;
        if is_empty { Piece::default() } else { self.values[at] }
    }

    #[inline]
    fn value<'t>(&self, text: &'t str, line: &'t str, at: usize) -> Option<&'t str> {
        let value = self.piece(at);
        (value.len() > 0).then(|| value.of(text, line))
    }

    fn iter<'a>(
        &'a self,
        text: &'a str,
        line: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let pairs = self.names.iter().enumerate();
        pairs.map(move |(at, name)| (name.of(text, line), self.piece(at).of(text, line)))
    }

    /// Labels are few, and comparing tags first makes a scan cheaper than a map.
    #[inline]
    fn position(&self, text: &str, name: &str) -> Option<usize> {
        let tag = tag(name);
        if self.seen & bit(tag) == 0 {
            return None;
        }
        let mut from = 0;
        while let Some(more) = self.tags[from..].iter().position(|other| *other == tag) {
            let at = from + more;
            let Piece { start, end } = self.names[at];
            if text.as_bytes()[start as usize..end as usize] == *name.as_bytes() {
                return Some(at);
            }
            from = at + 1;
        }
        None
    }
}

impl Piece {
    fn len(self) -> usize {
        (self.end - (self.start & !IN_LINE)) as usize
    }

    fn of<'t>(self, text: &'t str, line: &'t str) -> &'t str {
        let whole = if self.start & IN_LINE == 0 { text } else { line };
        &whole[(self.start & !IN_LINE) as usize..self.end as usize]
    }
}

/// The length of a name and its ends.
#[inline]
fn tag(name: &str) -> u32 {
    let (Some(first), Some(last)) = (name.as_bytes().first(), name.as_bytes().last()) else {
        return 0;
    };
    let [short, ..] = name.len().to_le_bytes();
    u32::from_le_bytes([*first, *last, short, 0])
}

#[inline]
fn bit(tag: u32) -> u64 {
    1 << (tag.wrapping_mul(0x9e37_79b1) >> 26)
}

fn keep(text: &mut String, piece: &str) -> Piece {
    let start = offset(text.len());
    text.push_str(piece);
    Piece { start, end: offset(text.len()) }
}

#[inline]
fn offset(length: usize) -> u32 {
    u32::try_from(length).expect("limits::MAX_FIELDS_BYTES keeps an event's text far below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::{Fields, limits};

    fn labels(fields: &Fields) -> Vec<(&str, &str)> {
        fields.labels().collect()
    }

    #[test]
    fn later_values_replace_earlier_ones_in_place() {
        let mut fields = Fields::default();
        for (name, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "")] {
            fields.set_label(name, value);
        }
        assert_eq!(labels(&fields), [("a", "3"), ("b", "2"), ("c", "")]);
        assert_eq!(
            (fields.label("a"), fields.label("c"), fields.label("d")),
            (Some("3"), None, None)
        );
        fields.clear();
        assert_eq!((labels(&fields), fields.label("a")), (vec![], None));
    }

    #[test]
    fn many_labels_are_all_found() {
        let mut fields = Fields::default();
        for number in 0..limits::MAX_LABELS {
            fields.set_label(&format!("name{number}"), &number.to_string());
        }
        for number in 0..limits::MAX_LABELS {
            let value = number.to_string();
            assert_eq!(fields.label(&format!("name{number}")), Some(value.as_str()));
        }
        fields.set_label("one more", "1");
        fields.set_label("name7", "replaced");
        assert_eq!((fields.dropped(), fields.label("one more")), (1, None));
        assert_eq!(fields.label("name7"), Some("replaced"));
    }

    #[test]
    fn labels_move() {
        let mut fields = Fields::default();
        for name in ["severity", "msg", "time"] {
            fields.set_label(name, name);
        }
        fields.alias_label("severity", "level");
        fields.alias_label("missing", "other");
        fields.remove_label("time");
        assert!(fields.take_message_from_label("msg"));
        assert!(!fields.take_message_from_label("msg"));
        assert_eq!(fields.message(), "msg");
        assert_eq!(labels(&fields), [("severity", "severity"), ("level", "severity")]);
        fields.append_message("more");
        assert_eq!(fields.message(), "msg\nmore");
    }

    #[test]
    fn text_is_bounded() {
        let mut fields = Fields::default();
        let long = "x".repeat(limits::MAX_FIELDS_BYTES / 2);
        fields.set_label("a", &long);
        fields.set_join_key("b", &long);
        assert_eq!(
            (fields.label("a").map(str::len), fields.join_key("b")),
            (Some(long.len()), None)
        );
        assert_eq!(fields.dropped(), 1);
    }
}
