//! Decoders from outside: bytes in, events and bad lines out.

use super::{BadLine, Decoder, DecoderOptions, Sink};
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
        self.out.push(Out::Event(Owned::new(event.time, event.raw, event.fields)));
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

/// Decodes pieces, and checks that each event decodes again to the same.
fn decode_pieces<'b>(options: DecoderOptions, pieces: impl Iterator<Item = &'b [u8]>) -> Kept {
    let mut kept = Kept::default();
    let mut decoder = Decoder::new(options).expect("the options make sense");
    for piece in pieces {
        decoder.push(piece, &mut kept);
    }
    decoder.close(&mut kept);
    for event in kept.events() {
        let mut fields = Fields::default();
        let time = decoder.decode_again(&event.raw, &mut fields);
        assert_eq!(&Owned::new(time, &event.raw, &fields), event);
    }
    kept
}

/// Decodes the whole, and checks that it does not matter how it is cut.
fn decode_with(options: DecoderOptions, bytes: impl AsRef<[u8]>) -> Kept {
    let bytes = bytes.as_ref();
    let whole = decode_pieces(options.clone(), std::iter::once(bytes));
    let single = decode_pieces(options, bytes.chunks(1));
    assert_eq!(whole.out, single.out);
    assert_eq!(whole.messages, single.messages);
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
    let mut events = events(line);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// Nanoseconds of an RFC 3339 time, by another parser.
fn at(time: &str) -> i64 {
    let time: jiff::Timestamp = time.parse().expect("a time");
    i64::try_from(time.as_nanosecond()).expect("a time within 1677 to 2262")
}

mod ndjson;
mod shop;
