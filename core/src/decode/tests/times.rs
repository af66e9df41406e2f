//! Times: numbers, calendar layouts and zones.

use super::{DecoderOptions, at, bad_with, event, event_with, options, reference, zone};
use crate::decode::code;

fn number(text: &str) -> i64 {
    let named = DecoderOptions { time: Some("at".to_owned()), ..options() };
    event_with(named, &format!(r#"{{"at":{text}}}"#)).time
}

#[test]
fn numbers_are_exact() {
    for (text, nanos) in [
        ("1795209609", 1_795_209_609_000_000_000),
        ("1795209609.364", 1_795_209_609_364_000_000),
        ("1795209609.3640000019", 1_795_209_609_364_000_001),
        ("1795209609364", 1_795_209_609_364_000_000),
        ("1795209609364.5", 1_795_209_609_364_500_000),
        ("1795209609364001", 1_795_209_609_364_001_000),
        ("1795209609364001002", 1_795_209_609_364_001_002),
        ("\"1795209609364001002\"", 1_795_209_609_364_001_002),
        ("\"1795209609.364\"", 1_795_209_609_364_000_000),
        ("1.795209609364e9", 1_795_209_609_364_000_000),
        ("1.7e9", 1_700_000_000_000_000_000),
        ("17E+8", 1_700_000_000_000_000_000),
        ("1795209609364e-3", 1_795_209_609_364_000_000),
        // The smallest of milliseconds, microseconds and nanoseconds.
        ("100000000000", 100_000_000_000_000_000),
        ("100000000000000", 100_000_000_000_000_000),
        ("100000000000000000", 100_000_000_000_000_000),
        ("0", 0),
        ("0.000000001", 1),
        ("-1.5", -1_500_000_000),
        ("1e-400", 0),
        ("0e999999999999999999999", 0),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(number(text), nanos, "{text}");
    }
}

fn out_of_range(text: &str) -> &'static str {
    let named = DecoderOptions { time: Some("at".to_owned()), ..options() };
    bad_with(named, &format!(r#"{{"at":{text}}}"#)).0
}

#[test]
fn numbers_out_of_range_are_bad() {
    for text in [
        "99999999999",
        "99999999999999",
        "99999999999999999",
        "9223372036854775808",
        "1e30",
        "1e999999999999999999999",
        "-9223372036854775809",
    ] {
        assert_eq!(out_of_range(text), code::LINE_TIME_OUT_OF_RANGE, "{text}");
    }
    for text in ["\"1.\"", "\".5\"", "\"1e\"", "\"0x10\"", "\"+5\"", "true", "[1]"] {
        assert_eq!(out_of_range(text), code::LINE_BAD_TIME, "{text}");
    }
    assert_eq!(bad_with(options(), r#"{"ts":1e30}"#).0, code::LINE_TIME_OUT_OF_RANGE);
    assert_eq!(bad_with(options(), "9999-01-01T00:00:00Z far").0, code::LINE_TIME_OUT_OF_RANGE);
    assert_eq!(bad_with(options(), "1600-01-01T00:00:00Z old").0, code::LINE_TIME_OUT_OF_RANGE);
}

#[test]
fn calendar_layouts() {
    for (text, time) in [
        ("2026-11-20T21:20:09Z", "2026-11-20T21:20:09Z"),
        ("2026-11-20t21:20:09z", "2026-11-20T21:20:09Z"),
        ("2026-11-20T21:20:09.364Z", "2026-11-20T21:20:09.364Z"),
        ("2026-11-20T21:20:09,364Z", "2026-11-20T21:20:09.364Z"),
        ("2026-11-20T21:20:09.1234567899Z", "2026-11-20T21:20:09.123456789Z"),
        ("2026-11-20T21:20:09+02:00", "2026-11-20T19:20:09Z"),
        ("2026-11-20T21:20:09.5-0330", "2026-11-21T00:50:09.5Z"),
        ("2026-11-20T21:20:09+02", "2026-11-20T19:20:09Z"),
        ("2026-11-20 21:20:09 +0200", "2026-11-20T19:20:09Z"),
        ("2026-11-20 21:20:09.364 UTC", "2026-11-20T21:20:09.364Z"),
        ("2026-11-20 21:20:09.364 CET", "2026-11-20T20:20:09.364Z"),
        ("2026-11-20 21:20:09.364 PST", "2026-11-21T05:20:09.364Z"),
        ("2026-11-20 21:20:09.364 +03", "2026-11-20T18:20:09.364Z"),
        ("2026-11-20 21:20:09,364", "2026-11-20T21:20:09.364Z"),
        ("2026/11/20 21:20:09", "2026-11-20T21:20:09Z"),
        ("2026/11/20 21:20:09.000001", "2026-11-20T21:20:09.000001Z"),
        ("2024-02-29T23:59:60Z", "2024-03-01T00:00:00Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
    ] {
        for line in [format!("{text} the message"), format!("[{text}] the message")] {
            let found = event(&line);
            assert_eq!((found.time, found.message.as_str()), (at(time), "the message"), "{line}");
        }
        for line in [text.to_owned(), format!("{{\"time\":\"{text}\"}}")] {
            let found = event(&line);
            assert_eq!((found.time, found.message.as_str()), (at(time), ""), "{line}");
        }
    }
}

#[test]
fn what_is_no_calendar_time() {
    for line in [
        "2026-11-20",
        "2026-11-20T21:20",
        "2026-11/20 21:20:09",
        "2026-11-20_21:20:09",
        "2026-11-20T21:20:09foo",
        " 2026-11-20T21:20:09Z",
        "[2026-11-20T21:20:09Z",
        "é026-11-20T21:20:09Z",
        "2026-11-20T21:20:0é",
    ] {
        assert_eq!(bad_with(options(), line).0, code::FORMAT_UNKNOWN, "{line}");
        assert_eq!(bad_with(super::format("text"), line).0, code::LINE_NO_TIME, "{line}");
    }
    for line in ["2026-02-30T21:20:09Z x", "2026-11-20 24:00:00 x", "2026-13-01 00:00:00 x"] {
        assert_eq!(bad_with(options(), line).0, code::LINE_BAD_TIME, "{line}");
    }
}

#[test]
fn words_after_a_time_are_not_zones() {
    for (line, message) in [
        ("2026-11-20 21:20:09 ERROR it failed", "ERROR it failed"),
        ("2026-11-20 21:20:09 GET /x", "GET /x"),
        ("2026-11-20 21:20:09 UTCX", "UTCX"),
        ("2026-11-20 21:20:09 -12x", "-12x"),
        ("2026-11-20 21:20:09 INFO [12] x", "INFO [12] x"),
        ("2026-11-20 21:20:09 - x", "- x"),
    ] {
        let found = event(line);
        assert_eq!((found.time, found.message.as_str()), (at("2026-11-20T21:20:09Z"), message));
    }
}

#[test]
fn unknown_zones_are_bad_and_say_so() {
    for line in [
        "2026-11-20 21:20:09.364 IST [1] LOG:  x",
        "2026-11-20 21:20:09.364 XYZT [1] LOG:  x",
        r#"{"time":"2026-11-20 21:20:09 IST"}"#,
        r#"{"time":"2026-11-20 21:20:09 XYZT"}"#,
    ] {
        let (code, message) = bad_with(options(), line);
        assert_eq!(code, code::LINE_UNKNOWN_ZONE, "{line}");
        assert!(message.contains("zone="), "{message}");
    }
    let kolkata = || zone("Asia/Kolkata");
    let found = event_with(kolkata(), "2026-11-20 21:20:09.364 IST [1] LOG:  x");
    assert_eq!(found.time, at("2026-11-20T15:50:09.364Z"));
    assert_eq!(event_with(kolkata(), "2026-11-20 21:20:09 UTC x").time, at("2026-11-20T21:20:09Z"));
}

#[test]
fn the_zone_of_a_source() {
    let time = |name, line: &str| event_with(zone(name), line).time;
    assert_eq!(time("UTC", "2026-07-01 12:00:00 x"), at("2026-07-01T12:00:00Z"));
    assert_eq!(time("Z", "2026-07-01 12:00:00 x"), at("2026-07-01T12:00:00Z"));
    assert_eq!(time("+02:00", "2026-07-01 12:00:00 x"), at("2026-07-01T10:00:00Z"));
    assert_eq!(time("-0330", "2026-07-01 12:00:00 x"), at("2026-07-01T15:30:00Z"));
    let berlin = |line: &str| time("Europe/Berlin", line);
    assert_eq!(berlin("2026-07-01 12:00:00 x"), at("2026-07-01T10:00:00Z"));
    assert_eq!(berlin("2026-12-01 12:00:00 x"), at("2026-12-01T11:00:00Z"));
    assert_eq!(berlin("2026-07-01 12:00:00Z x"), at("2026-07-01T12:00:00Z"));
    assert_eq!(berlin(r#"{"time":"2026-07-01 12:00:00"}"#), at("2026-07-01T10:00:00Z"));
    assert_eq!(berlin(r#"{"time":1795209609}"#), at("2026-11-20T21:20:09Z"));
    // Clocks show 02:30 twice on this day; the abbreviation tells which, and else it is the first.
    assert_eq!(berlin("2026-10-25 02:30:00 x"), at("2026-10-25T00:30:00Z"));
    assert_eq!(berlin("2026-10-25 02:30:00 CEST x"), at("2026-10-25T00:30:00Z"));
    assert_eq!(berlin("2026-10-25 02:30:00 CET x"), at("2026-10-25T01:30:00Z"));
    // And never on this one.
    assert_eq!(berlin("2026-03-29 02:30:00 x"), at("2026-03-29T01:30:00Z"));
}

#[test]
fn unknown_options_are_errors() {
    for name in ["", "Mars/Olympus", "+25:00", "+2", "local"] {
        let error = super::Decoder::new(zone(name)).expect_err("no such zone");
        assert!(error.to_string().contains("Europe/Berlin"), "{error}");
    }
    let error = super::Decoder::new(super::format("xml")).expect_err("no such format");
    for name in crate::decode::FORMATS {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn epoch_numbers_in_front_of_text() {
    for (line, time) in [
        ("1795209609 the message", "2026-11-20T21:20:09Z"),
        ("1795209609.364 the message", "2026-11-20T21:20:09.364Z"),
        ("[1795209609.364] the message", "2026-11-20T21:20:09.364Z"),
        ("1795209609364: the message", "2026-11-20T21:20:09.364Z"),
        ("1795209609364001\tthe message", "2026-11-20T21:20:09.364001Z"),
        ("1795209609364001002 the message", "2026-11-20T21:20:09.364001002Z"),
    ] {
        let found = event(line);
        assert_eq!((found.time, found.message.as_str()), (at(time), "the message"), "{line}");
    }
    for line in ["404 not found", "1795209609x", "99999999 x"] {
        assert_eq!(bad_with(super::format("epoch"), line).0, code::LINE_NO_TIME, "{line}");
    }
    assert_eq!(
        bad_with(super::format("epoch"), "99999999999999999999 x").0,
        code::LINE_TIME_OUT_OF_RANGE
    );
}

#[test]
fn years_of_times_without_one() {
    let time = |now: &str, line: &str| event_with(reference(now), line).time;
    let line = "Nov 20 21:20:09 web app[7]: hi";
    assert_eq!(time("2026-11-21T00:00:00Z", line), at("2026-11-20T21:20:09Z"));
    assert_eq!(time("2026-11-20T00:00:00Z", line), at("2026-11-20T21:20:09Z"));
    assert_eq!(time("2026-11-19T21:20:09Z", line), at("2026-11-20T21:20:09Z"));
    assert_eq!(time("2026-11-19T21:20:08Z", line), at("2025-11-20T21:20:09Z"));
    assert_eq!(
        time("2026-01-01T00:00:00Z", "Dec 31 23:59:59 web x: y"),
        at("2025-12-31T23:59:59Z")
    );
    assert_eq!(
        time("2025-12-31T23:59:59Z", "Jan  1 00:00:05 web x: y"),
        at("2026-01-01T00:00:05Z")
    );
    assert_eq!(
        time("2026-11-21T00:00:00Z", "Feb 29 12:00:00 web x: y"),
        at("2024-02-29T12:00:00Z")
    );
    assert_eq!(
        time("1903-11-21T00:00:00Z", "Feb 29 12:00:00 web x: y"),
        at("1896-02-29T12:00:00Z")
    );
    let ahead =
        DecoderOptions { zone: Some("+14:00".to_owned()), ..reference("2026-12-30T20:00:00Z") };
    assert_eq!(event_with(ahead, "Jan  1 00:30:00 web x: y").time, at("2026-12-31T10:30:00Z"));
    let earliest = DecoderOptions { reference_time: Some(i64::MIN), ..options() };
    assert_eq!(bad_with(earliest, line).0, code::LINE_TIME_OUT_OF_RANGE);
    let latest = DecoderOptions { reference_time: Some(i64::MAX), ..options() };
    assert_eq!(event_with(latest, line).time, at("2261-11-20T21:20:09Z"));
    let (code, message) = bad_with(options(), line);
    assert_eq!(code, code::LINE_NO_YEAR);
    assert!(message.contains("referenceTime"), "{message}");
    assert_eq!(
        bad_with(reference("2026-01-01T00:00:00Z"), "Feb 30 12:00:00 web x: y").0,
        code::LINE_BAD_TIME
    );
}
