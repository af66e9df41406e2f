//! Any bytes as an answer of any server, whole or as the entries of a sound one: nothing panics, what is fresh is one
//! line each that a decoder takes note of, in order of time, and nothing that has a time is fresh again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logbraid_core::decode::response::{
    ResponseContent, ResponseFormat, ResponseOptions, ResponseReader,
};
use logbraid_core::decode::{BadLine, Decoder, DecoderOptions, Sink};
use logbraid_core::event::Event;
use logbraid_core::time::Timestamp;

/// What stands around the bytes.
const AROUND: [(&str, &str); 6] = [
    ("", ""),
    (
        r#"{"streams":[{"stream":{"a":"1"},"values":["#,
        r#"]}],"dropped_entries":[{"timestamp":"1"}]}"#,
    ),
    (r#"{"data":{"resultType":"matrix","result":[{"metric":{"__name__":"a"},"values":["#, "]}]}}"),
    (r#"{"messages":[{"message":{"timestamp":"2026-11-20T21:20:09Z","_id":"1","#, "}}]}"),
    (r#"{"schema":[{"field":"timestamp"},{"name":"field: message"}],"datarows":[["#, "]]}"),
    ("timestamp,message,_id\n2026-11-20T21:20:09Z,", ""),
];

#[derive(Default)]
struct Noted {
    times: Vec<i64>,
    lines: u64,
    bad: u64,
}

impl Sink for Noted {
    fn event(&mut self, event: Event<'_>) {
        self.lines += 1;
        self.times.push(event.time.as_nanos());
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        // The event is there, with fewer labels.
        self.lines += u64::from(bad.code != "EVENT_TOO_MANY_LABELS");
        self.bad += 1;
    }
}

fn decode(content: &ResponseContent) -> Noted {
    let options = DecoderOptions { format: Some("ndjson".to_owned()), ..DecoderOptions::default() };
    let mut decoder = Decoder::new(options).expect("a known format");
    let mut noted = Noted::default();
    decoder.push(&content.lines, &mut noted);
    decoder.close(&mut noted);
    noted
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (format, around, bytes) = input;
    let format = ResponseFormat::ALL[usize::from(format) % ResponseFormat::ALL.len()];
    let (before, after) = AROUND[usize::from(around) % AROUND.len()];
    let body = [before.as_bytes(), bytes, after.as_bytes()].concat();
    let options = ResponseOptions { format };
    let mut reader = ResponseReader::new(options, 7);
    let first = match reader.read(&body) {
        Ok(content) => content,
        Err(error) => {
            assert!(!error.message.is_empty());
            assert_eq!(
                reader.read(b"{\"streams\":[]}").ok().and_then(|none| none.remembered_from),
                None
            );
            return;
        }
    };
    let noted = decode(&first);
    assert_eq!(noted.lines, first.fresh, "a line is no line");
    assert!(first.fresh <= first.entries, "more comes out than is there");
    assert_eq!(first.first.is_some(), first.last.is_some());
    // What is no message of Graylog is an object too, which a decoder may find a time in.
    let all_are_events = noted.bad == 0 && format != ResponseFormat::Graylog;
    if all_are_events {
        assert!(noted.times.is_sorted(), "they are out of order");
        assert_eq!(noted.times.first(), first.first.map(Timestamp::as_nanos).as_ref());
    }
    let again = reader.read(&body).expect("it was an answer");
    assert_eq!((again.entries, again.dropped), (first.entries, first.dropped));
    assert!(again.fresh <= first.fresh, "it comes more often");
    if all_are_events {
        assert_eq!(again.fresh, 0, "an event comes twice");
    }
});
