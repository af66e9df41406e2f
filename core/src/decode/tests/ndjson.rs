//! NDJSON and logfmt: records with fields.

use super::{DecoderOptions, at, bad_with, decode, event, event_with, events, options};
use crate::decode::code;
use crate::limits;

#[test]
fn top_level_fields_are_labels() {
    let found = event(
        r#" { "time":"2026-11-20T21:20:09.348Z","msg":"hi","n":1.50,"ok":true,"no":null,"a":[1, 2],"b":{"c":{"d":"x"}}, "e":"","o":{} } "#,
    );
    assert_eq!(found.time, at("2026-11-20T21:20:09.348Z"));
    assert_eq!(found.message, "hi");
    let labels = [("n", "1.50"), ("ok", "true"), ("a", "[1, 2]"), ("b.c.d", "x"), ("e", "")];
    assert_eq!(found.labels(), labels);
}

#[test]
fn numbers_are_kept_as_written() {
    let found = event(r#"{"ts":1795209609,"a":12345678901234567890123,"b":1E+2,"c":-0.10}"#);
    assert_eq!(found.labels(), [("a", "12345678901234567890123"), ("b", "1E+2"), ("c", "-0.10")]);
}

#[test]
fn escapes_are_resolved() {
    let found = event(
        r#"{"ts":1795209609,"msg":"a\"b\\c\/d\n\t\u00e9\ud83d\ude00","half":"\ud83d!","k\u0065y":"v"}"#,
    );
    assert_eq!(found.message, "a\"b\\c/d\n\té😀");
    assert_eq!(found.labels(), [("half", "\u{fffd}!"), ("key", "v")]);
}

#[test]
fn the_last_duplicate_wins() {
    let found = event(
        r#"{"ts":1,"ts":1795209609,"a":"x","msg":"m","a":"y","b":"z","b":null,"c":5,"c":{"d":1},"msg":"n"}"#,
    );
    assert_eq!(found.time, at("2026-11-20T21:20:09Z"));
    assert_eq!(found.message, "n");
    assert_eq!(found.label("a"), Some("y"));
    assert_eq!(found.label("b"), None);
    assert_eq!(found.label("c"), None);
    assert_eq!(found.label("c.d"), Some("1"));
}

#[test]
fn levels_are_a_label() {
    for (line, level) in [
        (r#"{"ts":1795209609,"level":30}"#, "30"),
        (r#"{"ts":1795209609,"severity":"WARN"}"#, "WARN"),
        (r#"{"ts":1795209609,"severityText":"Warn"}"#, "Warn"),
        (r#"{"ts":1795209609,"lvl":"warn"}"#, "warn"),
        (r#"{"ts":1795209609,"log.level":"warn"}"#, "warn"),
        (r#"{"ts":1795209609,"log":{"level":"warn"}}"#, "warn"),
        (r#"{"ts":1795209609,"severity":"a","level":"b"}"#, "b"),
        ("ts=1795209609 lvl=warn", "warn"),
    ] {
        assert_eq!(event(line).label("level"), Some(level), "{line}");
    }
    assert_eq!(event(r#"{"ts":1795209609,"severity":"x"}"#).label("severity"), Some("x"));
}

#[test]
fn log_events() {
    let found = event(
        r#"{"timestamp":"2026-11-20T21:20:09.1Z","source":"s","stream":"t","message":"m","labels":{"a":"1","n":2,"d":{"e":"f"},"no":null},"joinKeys":{"request_id":"r"},"extra":"x"}"#,
    );
    assert_eq!(found.time, at("2026-11-20T21:20:09.1Z"));
    assert_eq!((found.source.as_str(), found.stream.as_str()), ("s", "t"));
    assert_eq!(found.message, "m");
    assert_eq!(found.labels(), [("a", "1"), ("n", "2"), ("d.e", "f")]);
    assert_eq!(found.join_keys, [("request_id".to_owned(), "r".to_owned())]);
    let empty = event(r#"{"labels":{},"message":"","ts":1795209609}"#);
    assert_eq!((empty.labels(), empty.message.as_str()), (vec![], ""));
}

#[test]
fn what_lacks_a_part_is_no_log_event() {
    let found = event(r#"{"ts":1795209609,"labels":{"a":"1"},"source":"s","msg":"m"}"#);
    assert_eq!(found.labels(), [("labels.a", "1"), ("source", "s")]);
    assert_eq!((found.source.as_str(), found.message.as_str()), ("", "m"));
    let found = event(r#"{"ts":1795209609,"labels":["a"],"message":"m"}"#);
    assert_eq!(found.labels(), [("labels", r#"["a"]"#)]);
    let found = event(r#"{"ts":1795209609,"labels":{"a":"1"},"message":5}"#);
    assert_eq!(found.label("labels.a"), Some("1"));
}

#[test]
fn both_shapes_in_one_file() {
    let log_event = r#"{"ts":1795209609,"message":"m","labels":{"a":"1"}}"#;
    let plain = r#"{"ts":1795209609,"message":"m","a":"2"}"#;
    for (few, many) in [(log_event, plain), (plain, log_event)] {
        let events = events(format!("{few}\n{many}\n{many}\n"));
        let labels: Vec<_> = events.iter().map(|event| event.labels()).collect();
        let expected = |line: &str| vec![("a", if line == plain { "2" } else { "1" })];
        assert_eq!(labels, [expected(few), expected(many), expected(many)]);
    }
}

#[test]
fn the_finest_time_wins() {
    for (line, time) in [
        (r#"{"time":"2026-11-20T21:20:09+00:00","msec":1795209609.364}"#, "09.364"),
        (r#"{"time":"2026-11-20T21:20:09Z","request_time":0.012345}"#, "09"),
        (r#"{"timestamp":"2026-11-20T21:20:09.1Z","ts":1795209609000}"#, "09"),
        (r#"{"ts":1795209609364,"timestamp":"2026-11-20T21:20:09.111Z"}"#, "09.111"),
        (r#"{"date":"2026-11-20T21:20:09Z","timeUnixNano":"1795209609364000001"}"#, "09.364000001"),
        (r#"{"t":5,"time":"2026-11-20T21:20:09Z"}"#, "09"),
        (r#"{"timeUnixNano":"0","observedTimeUnixNano":"1795209609364000001"}"#, "09.364000001"),
    ] {
        assert_eq!(event(line).time, at(&format!("2026-11-20T21:20:{time}Z")), "{line}");
    }
}

#[test]
fn small_numbers_are_times_only_under_names_of_times() {
    assert_eq!(event(r#"{"timestamp":4}"#).time, 4_000_000_000);
    assert_eq!(event(r#"{"ts":-0.5,"time":0.012}"#).time, -500_000_000);
    assert_eq!(bad_with(options(), r#"{"time":0.012}"#).0, code::LINE_NO_TIME);
    let kept = decode("{\"time\":1795209609}\n{\"time\":0.012}\n");
    assert_eq!(kept.bad(), [(code::LINE_BAD_TIME, 2, 20)]);
}

#[test]
fn the_time_is_chosen_per_file() {
    let found = events(
        "{\"time\":\"2026-11-20T21:20:09Z\",\"msec\":1795209609.364}\n\
         {\"time\":\"2026-11-20T21:20:10.123456Z\",\"msec\":1795209610.5,\"rare\":1}\n\
         {\"time\":\"2026-11-20T21:20:11Z\"}\n\
         {\"msec\":1795209612.5}\n",
    );
    let times: Vec<_> = found.iter().map(|event| event.time).collect();
    let expected = ["09Z", "10.123456Z", "11Z", "12.5Z"];
    assert_eq!(times, expected.map(|time| at(&format!("2026-11-20T21:20:{time}"))));
    assert_eq!(found[1].label("msec"), Some("1795209610.5"));
    // The time that stands in is no label either.
    assert_eq!(found[3].labels(), []);
}

#[test]
fn a_time_that_few_lines_have_is_not_chosen() {
    let found = events(
        "{\"time\":\"2026-11-20T21:20:09Z\"}\n{\"time\":\"2026-11-20T21:20:10Z\"}\n\
         {\"time\":\"2026-11-20T21:20:11Z\",\"ts\":1795209600.123}\n",
    );
    assert_eq!(found[2].time, at("2026-11-20T21:20:11Z"));
}

#[test]
fn fields_can_be_named() {
    let named = DecoderOptions {
        time: Some("meta.at".to_owned()),
        message: Some("what".to_owned()),
        level: Some("how.bad".to_owned()),
        ..options()
    };
    let line = r#"{"time":"2020-01-01T00:00:00.000001Z","meta":{"at":"1795209609"},"msg":"no","what":7,"how":{"bad":"very"},"level":"x"}"#;
    let found = event_with(named.clone(), line);
    assert_eq!(found.time, at("2026-11-20T21:20:09Z"));
    assert_eq!(found.message, "7");
    assert_eq!(found.label("level"), Some("very"));
    assert_eq!(found.label("msg"), Some("no"));
    assert_eq!(found.label("time"), Some("2020-01-01T00:00:00.000001Z"));
    let (code, message) = bad_with(named.clone(), r#"{"time":"2020-01-01T00:00:00Z"}"#);
    assert_eq!(code, code::LINE_NO_TIME);
    assert!(message.contains("`meta.at`"), "{message}");
    let (code, message) = bad_with(named, r#"{"meta":{"at":"soon"}}"#);
    assert_eq!(code, code::LINE_BAD_TIME);
    assert!(message.contains("`soon`"), "{message}");
    // A named time may be small.
    let seconds = DecoderOptions { time: Some("t".to_owned()), ..options() };
    assert_eq!(event_with(seconds, r#"{"t":4.5}"#).time, 4_500_000_000);
}

#[test]
fn the_most_frequent_message_wins() {
    let found = events(
        "{\"ts\":1795209609,\"event\":\"a\",\"message\":\"b\"}\n\
         {\"ts\":1795209609,\"event\":\"c\"}\n{\"ts\":1795209609,\"msg\":\"d\"}\n",
    );
    let messages: Vec<_> = found.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(messages, ["a", "c", "d"]);
    assert_eq!(found[0].labels(), [("message", "b")]);
    assert_eq!(found[2].labels(), []);
}

#[test]
fn deep_json_is_text() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let found = event(&format!(r#"{{"ts":1795209609,"deep":{deep}}}"#));
    assert_eq!(found.label("deep"), Some(deep.as_str()));
    let levels = limits::MAX_LABEL_DEPTH;
    let inner = r#"{"x":1}"#;
    let nested = format!("{}{inner}{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let found = event(&format!(r#"{{"ts":1795209609,"a":{nested}}}"#));
    let name = vec!["a"; levels + 1].join(".");
    assert_eq!(found.label(&name), Some(inner));
    let hostile = format!("{}1{}", r#"{"a":"#.repeat(20_000), "}".repeat(20_000));
    event(&format!(r#"{{"ts":1795209609,"a":{hostile}}}"#));
    let kept = decode(r#"{"a":"#.repeat(100_000));
    assert_eq!(kept.bad(), [(code::FORMAT_UNKNOWN, 1, 0)]);
}

#[test]
fn too_many_labels_are_dropped_and_reported() {
    let fields: Vec<_> = (0..2000).map(|n| format!(r#","k{n}":{n}"#)).collect();
    let fields = fields.concat();
    let kept = decode(format!("\n{{\"ts\":1795209609{fields},\"msg\":\"m\"}}"));
    assert_eq!(kept.bad(), [(code::EVENT_TOO_MANY_LABELS, 2, 1)]);
    assert!(kept.messages[0].contains("976"), "{}", kept.messages[0]);
    let [event] = kept.events()[..] else { panic!("one event") };
    assert_eq!((event.labels.len(), event.message.as_str()), (1024, "m"));
    // Dotted names repeat their beginning: 500 kB times 1,000 must not be kept.
    let many: Vec<_> = (0..1000).map(|n| format!(r#""{n}":1,"#)).collect();
    let many = many.concat();
    let long = "n".repeat(500_000);
    let kept = decode(format!(r#"{{"ts":1795209609,"{long}":{{{many}"z":1}}}}"#));
    assert_eq!(kept.bad(), [(code::EVENT_TOO_MANY_LABELS, 1, 0)]);
    assert!(kept.events()[0].labels.len() < 10);
}

#[test]
fn logfmt() {
    let found = event(
        r#"time=2026-11-20T21:20:09.364Z level=info msg="it \"works\"\n" request_id=r=1 err.code=7 flag empty= a=1 a=2"#,
    );
    assert_eq!(found.time, at("2026-11-20T21:20:09.364Z"));
    assert_eq!(found.message, "it \"works\"\n");
    assert_eq!(found.label("flag"), None);
    assert_eq!(
        found.labels().into_iter().filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>(),
        [("level", "info"), ("request_id", "r=1"), ("err.code", "7"), ("a", "2")]
    );
    assert_eq!(
        event("ts=1795209609.364 msec=1795209609.3641 x=y").time,
        at("2026-11-20T21:20:09.3641Z")
    );
    let logfmt = || super::format("logfmt");
    assert_eq!(bad_with(logfmt(), "ts=1795209609 a=\"open").0, code::LINE_NOT_LOGFMT);
    assert_eq!(bad_with(logfmt(), "ts=1795209609 =b").0, code::LINE_NOT_LOGFMT);
    assert_eq!(bad_with(logfmt(), "it has = somewhere").0, code::LINE_NOT_LOGFMT);
    assert_eq!(bad_with(logfmt(), "a=b").0, code::LINE_NO_TIME);
}
