//! Any bytes in any format, cut anywhere: the events and bad lines are those of the uncut bytes, what
//! was retained decodes again to the same event, which is without prediction, and what is wanted of an
//! event is the same where nothing else is read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logbraid_core::columns::ColumnNames;
use logbraid_core::decode::{BadLine, Decoder, DecoderOptions, FORMATS, Sink};
use logbraid_core::event::{Event, Fields};

/// Labels and join keys with a part in what an event is, and some that a fuzzer finds soon.
const NAMES: &[&str] = &["level", "severity", "message", "msg", "a", "a.b", "request_id", "host"];

/// Lines that come first, often enough to settle a format, so that the others are read as what is usual
/// there, or not.
const USUAL: [&str; 5] = [
    "",
    "{\"ts\":1795209609,\"msg\":\"m\",\"level\":\"info\",\"a\":{\"b\":1}}\n",
    "{\"timestamp\":\"2026-11-20T21:20:09Z\",\"message\":\"m\",\"labels\":{\"a\":\"1\"}}\n",
    "{\"ts\":1795209609,\"b\":{\"c\":\"2\"},\"x\":\"3\",\"d\":{\"x\":\"4\",\"e\":5}}\n",
    "2026-11-20 21:20:09.364 INFO a=1\n",
];

#[derive(Default)]
struct Found {
    /// Everything, where everything is read.
    all: Vec<String>,
    /// What is wanted.
    some: Vec<String>,
    raw: Vec<(String, i64)>,
    columns: Option<ColumnNames>,
}

impl Sink for Found {
    fn event(&mut self, event: Event<'_>) {
        let time = event.time.as_nanos();
        let join_keys: Vec<_> = event.join_keys().collect();
        let labels: Vec<_> = event.labels().collect();
        if self.columns.is_none() {
            self.all.push(describe(time, &labels, &join_keys, event.message()));
            self.raw.push((event.raw.to_owned(), time));
        }
        let labels: Vec<_> = NAMES.iter().map(|name| event.label(name)).collect();
        let join_keys: Vec<_> = NAMES.iter().map(|name| event.join_key(name)).collect();
        let message = event.message();
        self.some.push(format!("{time} {:?} {labels:?} {join_keys:?} {message:?}", event.raw));
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.all.push(format!("{bad:?}"));
        self.some.push(format!("{bad:?}"));
    }

    fn wants_all(&self) -> bool {
        self.some.len() % 3 == 2
    }
}

type Pairs<'a> = [(&'a str, &'a str)];

fn describe(time: i64, labels: &Pairs<'_>, join_keys: &Pairs<'_>, message: &str) -> String {
    format!("{time} {labels:?} {join_keys:?} {message:?}")
}

fn decode(
    format: Option<&str>,
    pieces: &[&[u8]],
    columns: Option<ColumnNames>,
) -> (Found, Decoder) {
    let options = DecoderOptions {
        format: format.map(ToOwned::to_owned),
        reference_time: Some(1_795_209_600_000_000_000),
        ..DecoderOptions::default()
    };
    let mut decoder = Decoder::new(options).expect("a known format");
    let mut found = Found { columns, ..Found::default() };
    if let Some(columns) = &found.columns {
        decoder.read_only(columns.clone());
    }
    for piece in pieces {
        decoder.push(piece, &mut found);
    }
    decoder.close(&mut found);
    (found, decoder)
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (format, cut, bytes) = input;
    let bytes = [USUAL[usize::from(cut / 7) % USUAL.len()].repeat(16).as_bytes(), bytes].concat();
    let format = FORMATS.get(usize::from(format) % (FORMATS.len() + 1)).copied();
    let (whole, decoder) = decode(format, &[&bytes], None);
    let pieces: Vec<&[u8]> = bytes.chunks(usize::from(cut % 7) + 1).collect();
    let (cut, _) = decode(format, &pieces, None);
    assert_eq!(whole.all, cut.all, "the cut of the bytes shows");
    let mut fields = Fields::default();
    let events = whole.all.iter().filter(|all| !all.starts_with("BadLine"));
    for (all, (raw, time)) in events.zip(&whole.raw) {
        let again = decoder.decode_again(raw, &mut fields).as_nanos();
        assert_eq!(again, *time, "the time of {raw:?} changed");
        let labels: Vec<_> = fields.labels().collect();
        let join_keys: Vec<_> = fields.join_keys().collect();
        assert_eq!(*all, describe(again, &labels, &join_keys, fields.message()), "{raw:?} changed");
    }
    let names = || NAMES.iter().map(|name| (*name).to_owned()).collect();
    let columns = ColumnNames {
        labels: names(),
        join_keys: names(),
        all_labels: false,
        message: true,
        message_always: true,
    };
    let (some, _) = decode(format, &[&bytes], Some(columns));
    assert_eq!(whole.some, some.some, "what is wanted changes what it is");
});
