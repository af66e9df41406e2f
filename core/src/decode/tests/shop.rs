//! The real logs of a small shop.

use super::{Decoder, Kept, Owned, at, decode_pieces, options};

const APP: &[u8] = include_bytes!("../../../../examples/shop/app.ndjson");
const ACCESS: &[u8] = include_bytes!("../../../../examples/shop/nginx-access.ndjson");

/// Decodes a log in one piece and in odd ones, without a bad line.
fn log(bytes: &[u8]) -> Vec<Owned> {
    let whole = decode_pieces(options(), std::iter::once(bytes));
    assert_eq!(whole.bad(), [], "{:?}", whole.messages);
    assert_eq!(decode_pieces(options(), bytes.chunks(997)).out, whole.out);
    whole.events().into_iter().cloned().collect()
}

fn detected(bytes: &[u8]) -> (String, Option<String>) {
    let mut decoder = Decoder::new(options()).expect("the options make sense");
    decoder.push(bytes, &mut Kept::default());
    let found = decoder.detected().expect("a format");
    (found.format.to_owned(), found.time_field.map(str::to_owned))
}

fn first_and_last(events: &[Owned]) -> (i64, i64) {
    (events[0].time, events[events.len() - 1].time)
}

#[test]
fn app() {
    let events = log(APP);
    assert_eq!(detected(APP), ("ndjson".to_owned(), Some("time".to_owned())));
    assert_eq!(events.len(), 3317);
    let ends = (at("2026-11-20T21:20:09.348Z"), at("2026-11-20T21:20:31.490Z"));
    assert_eq!(first_and_last(&events), ends);
    assert_eq!(events[0].message, "request started");
    assert_eq!(events[0].label("level"), Some("info"));
    assert_eq!(events[0].label("time"), None);
    assert_eq!(events[0].label("msg"), None);
    let failed = &events[3315];
    assert_eq!(failed.label("err.code"), Some("57014"));
    let stack = failed.label("err.stack").expect("a stack");
    assert!(stack.starts_with("error: canceling statement due to statement timeout\n    at /srv"));
}

#[test]
fn nginx_access_by_its_finest_time() {
    let events = log(ACCESS);
    assert_eq!(detected(ACCESS), ("ndjson".to_owned(), Some("msec".to_owned())));
    assert_eq!(events.len(), 1500);
    let ends = (at("2026-11-20T21:20:09.364Z"), at("2026-11-20T21:20:31.490Z"));
    assert_eq!(first_and_last(&events), ends);
    assert_eq!(events[0].label("time"), Some("2026-11-20T21:20:09+00:00"));
    assert_eq!(events[0].label("request_time"), Some("0.012"));
    assert_eq!(events[0].label("msec"), None);
    assert_eq!(events[0].message, "");
}
