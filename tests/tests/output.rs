//! Output is made of the bytes that came in: an event of a result is its line, byte for byte.

use logbraid_core::encode::Batch;
use logbraid_core::engine::{Correlator, CorrelatorOptions};
use logbraid_core::id::SourceId;
use logbraid_core::query::{PlanOptions, check};

/// Lines that nobody would write twice the same: order and repetition of fields, escapes that need not be,
/// numbers with an exponent, space wherever it may be, text beyond ASCII.
const LINES: [&str; 5] = [
    r#"{"time":"2026-01-01T00:00:00Z","request_id":"1","n":1.50e+2,"message":"a\u0041\/é"}"#,
    r#"  { "request_id" : "1" ,"x":[ 1,  2 ],"message" : "second", "time":1767225601000 , "x":{} }"#,
    r#"{"timestamp":"2026-01-01T01:00:02+01:00","labels":{"request_id":"1","z":"\ud83d\ude00"},"message":""}"#,
    r#"time=2026-01-01T00:00:03Z request_id=1   msg="says \"no\""  level=warn"#,
    "2026-01-01T00:00:04Z WARN \u{1f600} \t request_id=1 trailing ",
];

/// A line of each source, and what the batch has of them.
fn delivered(left: &str, right: &str) -> Vec<String> {
    let checked = check("a({}) and on(request_id) b({})", &PlanOptions::default());
    let plan = checked.plan.expect("the query is sound");
    let mut engine =
        Correlator::new(plan, CorrelatorOptions::default()).expect("the options are sound");
    for (at, line) in [left, right].into_iter().enumerate() {
        // Cut in the middle, so that neither is read in one piece.
        let (start, rest) = line.as_bytes().split_at(line.len() / 2);
        engine.push(SourceId::new(at), start);
        engine.push(SourceId::new(at), rest);
        engine.close(SourceId::new(at));
    }
    let mut batch = Batch::default();
    engine.drain(256, &mut batch);
    let mut rest = batch.finish();
    let mut found = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (record, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        rest = after;
        // Notices are told as well.
        if record[0] == 1 {
            found.extend(events(record));
            let head = engine.recipe().head_json(record).expect("it is a record of this query");
            let head = String::from_utf8(head).expect("JSON is UTF-8");
            assert!(head.contains(r#""joinKey":"request_id","joinValue":"1""#), "{head}");
        }
    }
    found
}

/// The raw bytes of the events of a correlation.
fn events(record: &[u8]) -> Vec<String> {
    let number = |at: usize| {
        let bytes = record[at..at + 4].try_into().expect("four bytes");
        u32::from_le_bytes(bytes) as usize
    };
    // After the kind, the flags, the revision and the id.
    let mut at = 22;
    let count = number(at);
    at += 4;
    let event = |_| {
        assert_eq!(record[at + 2], 0, "raw bytes");
        let (start, length) = (at + 15, number(at + 11));
        at = start + length;
        String::from_utf8(record[start..at].to_vec()).expect("lines are text")
    };
    (0..count).map(event).collect()
}

#[test]
fn an_event_of_a_result_is_its_line() {
    let plain = r#"{"time":"2026-01-01T00:00:00Z","request_id":"1"}"#;
    for line in LINES {
        let found = delivered(line, plain);
        assert_eq!(found.len(), 2, "{line}");
        assert!(found.iter().any(|event| event == line), "{line} became {found:?}");
    }
}
