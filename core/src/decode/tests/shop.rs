//! The real logs of a small shop.

use super::{Decoder, Kept, Owned, at, decode_pieces, options};
use crate::decode::code;
use crate::key::KeyPatterns;

const APP: &[u8] = include_bytes!("../../../../examples/shop/app.ndjson");
const ACCESS: &[u8] = include_bytes!("../../../../examples/shop/nginx-access.ndjson");
const POSTGRESQL: &[u8] = include_bytes!("../../../../examples/shop/postgresql.log");
const ERROR: &[u8] = include_bytes!("../../../../examples/shop/nginx-error.log");
const TRUTH: &[u8] = include_bytes!("../../../../examples/shop/truth.ndjson");

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

#[test]
fn postgresql() {
    let events = log(POSTGRESQL);
    assert_eq!(detected(POSTGRESQL), ("text".to_owned(), None));
    assert_eq!(events.len(), 2296);
    let ends = (at("2026-11-20T21:20:09.361Z"), at("2026-11-20T21:20:31.486Z"));
    assert_eq!(first_and_last(&events), ends);
    let last = &events[2295];
    assert_eq!(last.label("level"), Some("STATEMENT"));
    assert_eq!(last.label("pid"), Some("10578"));
    assert_eq!(last.label("user"), Some("shop"));
    assert_eq!(last.label("database"), Some("shop"));
    let message = "/* request_id=f56c9c7a0a76d663e5fb909c61087412 */ select pg_sleep(0.572)";
    assert_eq!(last.message, message);
    let patterns = KeyPatterns::default();
    let keyed = |event: &&Owned| patterns.find("request_id", &event.message).is_some();
    assert_eq!(events.iter().filter(keyed).count(), 2296 - 172);
}

#[test]
fn nginx_error() {
    let events = log(ERROR);
    assert_eq!(detected(ERROR), ("text".to_owned(), None));
    assert_eq!(events.len(), 32);
    let ends = (at("2026-11-20T21:20:07Z"), at("2026-11-20T21:20:31Z"));
    assert_eq!(first_and_last(&events), ends);
    assert_eq!(events[0].label("level"), Some("notice"));
    assert_eq!(events[0].label("pid"), Some("10315"));
    assert_eq!(events[0].message, r#"using the "epoll" event method"#);
}

#[test]
fn a_log_without_times_is_all_bad() {
    let truth = decode_pieces(options(), std::iter::once(TRUTH));
    assert_eq!(truth.events(), Vec::<&Owned>::new());
    let codes: Vec<_> = truth.bad().iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes, vec![code::LINE_NO_TIME; 1455]);
    assert!(truth.messages[0].contains("time=created_at"));
}
