//! The event: one line, message or object with its time and its labels.
//!
//! Owns the reusable buffer a decoder fills ([`Fields`]) and the borrowed view a stage reads
//! ([`Event`]). Knows no format and no query. Costs no allocation once the buffers have grown.

use crate::time::Timestamp;

/// One event as the stages see it: a time, the bytes it came from and what was read out of them.
#[derive(Copy, Clone, Debug)]
pub struct Event<'a> {
    /// Event time.
    pub time: Timestamp,
    /// The bytes the event came from, valid UTF-8, without the final line ending. Line filters and
    /// parsers see these.
    pub raw: &'a str,
    /// What the decoder read out of them.
    pub fields: &'a Fields,
}

/// A piece of [`Fields::text`].
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
struct Piece {
    start: u32,
    end: u32,
}

/// The decoded parts of one event, in a buffer that is reused from event to event.
///
/// Empty text counts as missing everywhere, as in `PromQL`.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    text: String,
    labels: Vec<(Piece, Piece)>,
    join_keys: Vec<(Piece, Piece)>,
    message: Piece,
    source: Piece,
    stream: Piece,
}

impl Fields {
    /// Empties the buffer, keeping its memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.labels.clear();
        self.join_keys.clear();
        self.message = Piece::default();
        self.source = Piece::default();
        self.stream = Piece::default();
    }

    /// Sets a label. A later value of the same name replaces an earlier one, as in JSON.
    pub fn set_label(&mut self, name: &str, value: &str) {
        let value = self.keep(value);
        if let Some(at) = find(&self.text, &self.labels, name) {
            self.labels[at].1 = value;
        } else {
            let name = self.keep(name);
            self.labels.push((name, value));
        }
    }

    /// Sets a join key that the event itself names (`joinKeys` of a `LogEvent`).
    pub fn set_join_key(&mut self, name: &str, value: &str) {
        let value = self.keep(value);
        if let Some(at) = find(&self.text, &self.join_keys, name) {
            self.join_keys[at].1 = value;
        } else {
            let name = self.keep(name);
            self.join_keys.push((name, value));
        }
    }

    /// Sets the message.
    pub fn set_message(&mut self, message: &str) {
        self.message = self.keep(message);
    }

    /// Sets the source the event says it is from (`source` of a `LogEvent`).
    pub fn set_source(&mut self, source: &str) {
        self.source = self.keep(source);
    }

    /// Sets the stream the event says it is from (`stream` of a `LogEvent`).
    pub fn set_stream(&mut self, stream: &str) {
        self.stream = self.keep(stream);
    }

    /// The value of a label; `None` when it is missing or empty.
    pub fn label(&self, name: &str) -> Option<&str> {
        let at = find(&self.text, &self.labels, name)?;
        Some(self.piece(self.labels[at].1)).filter(|value| !value.is_empty())
    }

    /// The value of a join key the event itself names; `None` when it is missing or empty.
    pub fn join_key(&self, name: &str) -> Option<&str> {
        let at = find(&self.text, &self.join_keys, name)?;
        Some(self.piece(self.join_keys[at].1)).filter(|value| !value.is_empty())
    }

    /// All labels, in the order they were first set.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(name, value)| (self.piece(*name), self.piece(*value)))
    }

    /// The message; empty when there is none.
    pub fn message(&self) -> &str {
        self.piece(self.message)
    }

    /// The source the event says it is from; empty when it does not say.
    pub fn source(&self) -> &str {
        self.piece(self.source)
    }

    /// The stream the event says it is from; empty when it does not say.
    pub fn stream(&self) -> &str {
        self.piece(self.stream)
    }

    fn keep(&mut self, text: &str) -> Piece {
        let start = offset(self.text.len());
        self.text.push_str(text);
        Piece { start, end: offset(self.text.len()) }
    }

    fn piece(&self, piece: Piece) -> &str {
        &self.text[piece.start as usize..piece.end as usize]
    }
}

/// Labels are few, and comparing lengths first makes a scan cheaper than a map.
fn find(text: &str, pairs: &[(Piece, Piece)], name: &str) -> Option<usize> {
    pairs.iter().position(|(piece, _)| &text[piece.start as usize..piece.end as usize] == name)
}

fn offset(length: usize) -> u32 {
    u32::try_from(length).expect("limits::MAX_EVENT_BYTES keeps an event's text far below 4 GiB")
}
