//! Decoders from outside: bytes in, events and bad lines out.

use super::{BadLine, Decoder, DecoderOptions, Sink, code};
use crate::columns::ColumnNames;
use crate::event::{Event, Fields};
use crate::time::Timestamp;

/// One thing a sink was given.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Out {
    Event(Owned),
    Bad(&'static str, u64, u64),
}

/// An event with everything it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Owned {
    time: i64,
    raw: String,
    message: String,
    source: String,
    stream: String,
    labels: Vec<(String, String)>,
    join_keys: Vec<(String, String)>,
}

impl Owned {
    fn of(event: &Event<'_>) -> Self {
        let pairs = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            time: event.time.as_nanos(),
            raw: event.raw.to_owned(),
            message: event.message().to_owned(),
            source: event.fields.source().to_owned(),
            stream: event.fields.stream().to_owned(),
            labels: event.labels().map(pairs).collect(),
            join_keys: event.join_keys().map(pairs).collect(),
        }
    }

    fn new(time: Timestamp, raw: &str, fields: &Fields) -> Self {
        let pairs = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            time: time.as_nanos(),
            raw: raw.to_owned(),
            message: fields.message().to_owned(),
            source: fields.source().to_owned(),
            stream: fields.stream().to_owned(),
            labels: fields.labels().map(pairs).collect(),
            join_keys: fields.join_keys().map(pairs).collect(),
        }
    }

    /// What is left of it where only these columns are wanted; empty values are missing ones.
    fn narrowed(&self, columns: &ColumnNames) -> Self {
        let wanted = |pairs: &[(String, String)], names: &[String]| {
            let find = |name: &String| {
                pairs.iter().find(|(known, value)| known == name && !value.is_empty()).cloned()
            };
            names.iter().filter_map(find).collect()
        };
        Self {
            time: self.time,
            raw: self.raw.clone(),
            message: if columns.message { self.message.clone() } else { String::new() },
            source: String::new(),
            stream: String::new(),
            labels: wanted(&self.labels, &columns.labels),
            join_keys: wanted(&self.join_keys, &columns.join_keys),
        }
    }

    fn labels(&self) -> Vec<(&str, &str)> {
        self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn label(&self, name: &str) -> Option<&str> {
        let (_, value) = self.labels.iter().find(|(known, _)| known == name)?;
        Some(value).filter(|value| !value.is_empty()).map(String::as_str)
    }
}

/// Keeps what it is given.
#[derive(Default)]
struct Kept {
    out: Vec<Out>,
    messages: Vec<String>,
}

impl Sink for Kept {
    fn event(&mut self, event: Event<'_>) {
        self.out.push(Out::Event(Owned::of(&event)));
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.out.push(Out::Bad(bad.code, bad.line, bad.byte));
        self.messages.push(bad.message.to_owned());
    }
}

impl Kept {
    fn events(&self) -> Vec<&Owned> {
        let events = self.out.iter().filter_map(|out| match out {
            Out::Event(event) => Some(event),
            Out::Bad(..) => None,
        });
        events.collect()
    }

    fn bad(&self) -> Vec<(&'static str, u64, u64)> {
        let bad = |out: &Out| match *out {
            Out::Event(_) => None,
            Out::Bad(code, line, byte) => Some((code, line, byte)),
        };
        self.out.iter().filter_map(bad).collect()
    }
}

fn options() -> DecoderOptions {
    DecoderOptions::default()
}

fn format(name: &str) -> DecoderOptions {
    DecoderOptions { format: Some(name.to_owned()), ..options() }
}

fn zone(name: &str) -> DecoderOptions {
    DecoderOptions { zone: Some(name.to_owned()), ..options() }
}

/// The time around which logs without a year were written.
fn reference(time: &str) -> DecoderOptions {
    DecoderOptions { reference_time: Some(at(time)), ..options() }
}

/// Decodes pieces, and checks that each event decodes again to the same, which is without prediction;
/// and that some of it is the same where no more is wanted.
fn decode_pieces<'b>(
    options: DecoderOptions,
    pieces: impl Iterator<Item = &'b [u8]> + Clone,
) -> Kept {
    let mut kept = Kept::default();
    let mut decoder = Decoder::new(options.clone()).expect("the options make sense");
    for piece in pieces.clone() {
        decoder.push(piece, &mut kept);
    }
    decoder.close(&mut kept);
    let mut dropped = 0;
    for event in kept.events() {
        let mut fields = Fields::default();
        let time = decoder.decode_again(&event.raw, &mut fields);
        assert_eq!(&Owned::new(time, &event.raw, &fields), event);
        dropped += usize::from(fields.dropped() > 0);
    }
    let told = kept.bad().into_iter().filter(|(code, ..)| *code == code::EVENT_TOO_MANY_LABELS);
    assert_eq!(told.count(), dropped);
    some_of(&kept, kept.out.len() % 3, options, pieces);
    kept
}

/// Decodes pieces again, for a third of the labels and join keys, and checks that these are as in `all`.
fn some_of<'b>(
    all: &Kept,
    part: usize,
    options: DecoderOptions,
    pieces: impl Iterator<Item = &'b [u8]>,
) {
    let names = |of: fn(&Owned) -> &Vec<(String, String)>| {
        let mut names: Vec<_> =
            all.events().into_iter().flat_map(of).map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        // In one of three cases also more than there are slots.
        names.truncate(if part == 0 { 240 } else { 100 });
        names.into_iter().enumerate().filter(|(at, _)| at % 3 == part).map(|(_, name)| name)
    };
    let columns = ColumnNames {
        labels: names(|event| &event.labels).chain(["none".to_owned()]).collect(),
        join_keys: names(|event| &event.join_keys).collect(),
        all_labels: false,
        message: part != 1,
        message_always: false,
    };
    let mut some =
        Partly { columns: columns.clone(), every: part, events: 0, kept: Kept::default() };
    let mut decoder = Decoder::new(options).expect("the options make sense");
    decoder.read_only(columns.clone());
    for piece in pieces {
        decoder.push(piece, &mut some);
    }
    decoder.close(&mut some);
    let expected = all.out.iter().map(|out| match out {
        Out::Event(event) => Out::Event(event.narrowed(&columns)),
        bad @ Out::Bad(..) => bad.clone(),
    });
    assert_eq!(some.kept.out, expected.collect::<Vec<_>>());
    assert_eq!(some.kept.messages, all.messages);
}

/// Keeps only some columns of what it is given.
struct Partly {
    columns: ColumnNames,
    /// Asks for everything every so many events; never where 0.
    every: usize,
    events: usize,
    kept: Kept,
}

impl Sink for Partly {
    fn event(&mut self, event: Event<'_>) {
        self.events += 1;
        self.kept.out.push(Out::Event(Owned::of(&event).narrowed(&self.columns)));
        let Out::Event(kept) = &self.kept.out[self.kept.out.len() - 1] else { unreachable!() };
        for (name, value) in &kept.labels {
            assert_eq!(event.label(name), Some(value.as_str()));
        }
        for (name, value) in &kept.join_keys {
            assert_eq!(event.join_key(name), Some(value.as_str()));
        }
        assert!(!self.columns.message || event.message() == kept.message);
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.kept.bad_line(bad);
    }

    fn wants_all(&self) -> bool {
        self.every > 0 && self.events.is_multiple_of(self.every * 3)
    }
}

/// Decodes the whole, and checks that it does not matter how it is cut.
fn decode_with(options: DecoderOptions, bytes: impl AsRef<[u8]>) -> Kept {
    let bytes = bytes.as_ref();
    let whole = decode_pieces(options.clone(), std::iter::once(bytes));
    // One byte at a time; of what is long, the end.
    let (start, end) = bytes.split_at(bytes.len().saturating_sub(50_000));
    let cut = decode_pieces(options, start.chunks(4_093).chain(end.chunks(1)));
    assert_eq!(whole.out, cut.out);
    assert_eq!(whole.messages, cut.messages);
    whole
}

fn decode(bytes: impl AsRef<[u8]>) -> Kept {
    decode_with(options(), bytes)
}

/// Decodes the whole to events only.
fn events(bytes: impl AsRef<[u8]>) -> Vec<Owned> {
    let kept = decode(bytes);
    assert_eq!(kept.bad(), [], "{:?}", kept.messages);
    kept.events().into_iter().cloned().collect()
}

/// Decodes one line to one event.
fn event(line: &str) -> Owned {
    event_with(options(), line)
}

fn event_with(options: DecoderOptions, line: &str) -> Owned {
    let kept = decode_with(options, line);
    assert_eq!(kept.bad(), [], "{:?}", kept.messages);
    let events = kept.events();
    assert_eq!(events.len(), 1);
    events[0].clone()
}

/// Decodes one line to the code and the message of what is wrong with it.
fn bad_with(options: DecoderOptions, line: &str) -> (&'static str, String) {
    let kept = decode_with(options, line);
    assert_eq!(kept.events(), Vec::<&Owned>::new());
    let [(code, 1, 0)] = kept.bad()[..] else { panic!("{:?}", kept.bad()) };
    (code, kept.messages[0].clone())
}

/// Nanoseconds of an RFC 3339 time, by another parser.
fn at(time: &str) -> i64 {
    let time: jiff::Timestamp = time.parse().expect("a time");
    i64::try_from(time.as_nanosecond()).expect("a time within 1677 to 2262")
}

mod bad;
mod cuts;
mod detection;
mod ndjson;
mod predict;
mod shop;
mod text;
mod times;
