//! Which format a source is in.

use super::{BadLine, Decoder, Kept, Sink, decode, events, format, options};
use crate::decode::{Detected, code};
use crate::event::Event;
use crate::limits;

fn detected(text: &str) -> Option<(String, Option<String>)> {
    let mut decoder = Decoder::new(options()).expect("the options make sense");
    decoder.push(text.as_bytes(), &mut Kept::default());
    decoder.close(&mut Kept::default());
    let Detected { format, time_field, zone } = decoder.detected()?;
    assert_eq!(zone, "UTC");
    Some((format.to_owned(), time_field.map(str::to_owned)))
}

#[test]
fn every_format_is_detected() {
    for (line, name, field) in [
        (r#"{"ts":1795209609}"#, "ndjson", Some("ts")),
        ("level=info ts=1795209609", "logfmt", Some("ts")),
        ("2026-11-20 21:20:09.364 UTC [1] LOG:  x", "text", None),
        ("2026/11/20 21:20:26 [notice] 1#1: x", "text", None),
        ("2026-11-20T21:20:09Z level=info ts=1795209609", "text", None),
        ("1795209609 x", "epoch", None),
        ("1795209609 ts=1795209609", "epoch", None),
        ("<34>1 2026-11-20T21:20:09Z h a - - - x", "syslog", None),
        ("Nov 20 21:20:09 web su: x", "syslog", None),
        (r#"::1 - - [20/Nov/2026:21:20:09 +0000] "GET / HTTP/1.1" 200 1"#, "combined", None),
        (r#"{"no":"time"}"#, "ndjson", None),
    ] {
        let expected = Some((name.to_owned(), field.map(str::to_owned)));
        assert_eq!(detected(line), expected, "{line}");
        assert!(crate::decode::FORMATS.contains(&name));
        let named = Decoder::new(format(name)).expect("a format");
        assert_eq!(named.detected().map(|detected| detected.format), Some(name));
    }
    assert_eq!(detected("just some words"), None);
    assert_eq!(detected(""), None);
}

#[test]
fn most_lines_win() {
    let json = "{\"ts\":1795209609}\n";
    let text = "2026-11-20T21:20:09Z x\n";
    assert_eq!(detected(&format!("{json}{text}{text}")).expect("a format").0, "text");
    assert_eq!(detected(&format!("{text}{json}{json}")).expect("a format").0, "ndjson");
}

#[test]
fn unknown_lines_are_bad_with_advice() {
    let kept = decode("hello\nworld\n");
    assert_eq!(kept.bad(), [(code::FORMAT_UNKNOWN, 1, 0), (code::FORMAT_UNKNOWN, 2, 6)]);
    for name in crate::decode::FORMATS {
        assert!(kept.messages[0].contains(name), "{}", kept.messages[0]);
    }
    assert!(kept.messages[0].contains("format="));
}

#[test]
fn a_banner_does_not_hide_the_log() {
    let kept = decode(format!("{}{{\"ts\":1795209609}}\n", "~~~~\n".repeat(100)));
    assert_eq!(kept.bad().len(), 100);
    assert_eq!(kept.events().len(), 1);
}

#[test]
fn a_long_stack_trace_in_front_does_not_either() {
    let text =
        format!("2026-11-20T21:20:09Z a\n{}2026-11-20T21:20:10Z b\n", "  at x\n".repeat(100));
    let found = events(text);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].raw.lines().count(), 101);
}

/// Counts.
#[derive(Default)]
struct Count {
    events: usize,
    bad: usize,
}

impl Sink for Count {
    fn event(&mut self, _event: Event<'_>) {
        self.events += 1;
    }

    fn bad_line(&mut self, _bad: BadLine<'_>) {
        self.bad += 1;
    }
}

/// How many events have come after a push and after a flush.
fn after_push_and_flush(text: &str) -> (usize, usize) {
    let mut decoder = Decoder::new(options()).expect("the options make sense");
    let mut count = Count::default();
    decoder.push(text.as_bytes(), &mut count);
    let pushed = count.events;
    decoder.flush(&mut count);
    assert_eq!(count.bad, 0);
    (pushed, count.events)
}

#[test]
fn detection_waits_for_enough_lines_or_a_flush() {
    let line = "{\"ts\":1795209609}\n";
    let enough = limits::DETECT_LINES;
    assert_eq!(after_push_and_flush(&line.repeat(enough - 1)), (0, enough - 1));
    assert_eq!(after_push_and_flush(&line.repeat(enough)), (enough, enough));
    let long = format!("{{\"ts\":1795209609,\"a\":\"{}\"}}\n", "x".repeat(limits::DETECT_BYTES));
    assert_eq!(after_push_and_flush(&long), (1, 1));
}

#[test]
fn a_flush_lets_go_of_the_last_event_and_keeps_an_unfinished_line() {
    let text = "2026-11-20T21:20:09Z a\n".repeat(20);
    assert_eq!(after_push_and_flush(&format!("{text}2026-11-20T21:20:10")), (19, 20));
    let mut decoder = Decoder::new(options()).expect("the options make sense");
    let mut kept = Kept::default();
    decoder.push(format!("{text}2026-11-20T21:20:10Z b").as_bytes(), &mut kept);
    decoder.flush(&mut kept);
    decoder.push(b"c\n  more\n", &mut kept);
    decoder.flush(&mut kept);
    decoder.push(b"  too late\n", &mut kept);
    decoder.close(&mut kept);
    let last = kept.events()[20];
    assert_eq!(last.raw, "2026-11-20T21:20:10Z bc\n  more");
    assert_eq!(kept.bad(), [(code::LINE_NO_TIME, 23, 491)]);
}

#[test]
fn named_formats_do_not_wait() {
    let mut decoder = Decoder::new(format("combined")).expect("a format");
    let mut count = Count::default();
    let line = "::1 - - [20/Nov/2026:21:20:09 +0000] \"GET / HTTP/1.1\" 200 1\n";
    decoder.push(line.repeat(2).as_bytes(), &mut count);
    assert_eq!(count.events, 1);
}
