//! Lines that cannot be used: each is reported at its place, and the ones around it are kept.

use super::{Kept, Out, decode, decode_pieces, decode_with, format};
use crate::decode::code;
use crate::limits;

const GOOD: &str = "{\"ts\":1795209609}\n";

/// What becomes of a bad line among good ones.
fn among_good(line: &[u8]) -> Kept {
    let kept = decode([GOOD.as_bytes(), line, b"\n", GOOD.as_bytes()].concat());
    let events = kept.events();
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.raw == GOOD.trim_end()));
    kept
}

#[test]
fn one_bad_line_of_ndjson() {
    for (line, code) in [
        (&b"not json"[..], code::LINE_NOT_JSON),
        (b"{\"ts\":1795209609", code::LINE_NOT_JSON),
        (b"{\"ts\":1795209609} {}", code::LINE_NOT_JSON),
        (b"{\"ts\":1795209609,}", code::LINE_NOT_JSON),
        (b"{\"ts\":01795209609}", code::LINE_NOT_JSON),
        (b"{\"ts\":\"\x01\"}", code::LINE_NOT_JSON),
        (b"{\"ts\":\"\\x\"}", code::LINE_NOT_JSON),
        (b"[1795209609]", code::LINE_NOT_JSON),
        (b"1795209609", code::LINE_NOT_JSON),
        (b"null", code::LINE_NOT_JSON),
        (b"{}", code::LINE_NO_TIME),
        (b"{\"a\":1}", code::LINE_NO_TIME),
        (b"{\"ts\":null}", code::LINE_NO_TIME),
        (b"{\"ts\":\"\"}", code::LINE_NO_TIME),
        (b"{\"ts\":\"soon\"}", code::LINE_BAD_TIME),
        (b"{\"ts\":{\"a\":1}}", code::LINE_NO_TIME),
        (b"{\"ts\":\"2026-02-30T00:00:00Z\"}", code::LINE_BAD_TIME),
        (b"{\"ts\":1e40}", code::LINE_TIME_OUT_OF_RANGE),
        (b"{\"ts\":1795209609,\"a\":\"\xff\"}", code::LINE_NOT_UTF8),
        (b"{\"ts\":1795209609,\"a\":\"\xc3\"}", code::LINE_NOT_UTF8),
        (b"{\"ts\":1795209609}\0", code::LINE_HAS_NUL),
        (b"\xef\xbb\xbf{\"ts\":1795209609}", code::LINE_NOT_JSON),
    ] {
        let kept = among_good(line);
        assert_eq!(kept.bad(), [(code, 2, 18)], "{}", String::from_utf8_lossy(line));
        assert!(!kept.messages[0].contains("line 1"), "{}", kept.messages[0]);
    }
}

#[test]
fn reasons_are_told() {
    let kept = among_good(b"{\"ts\":1795209609,}");
    assert_eq!(kept.messages, ["not a JSON object: trailing comma at column 18"]);
    let kept = among_good(b"5");
    assert!(kept.messages[0].contains("expected a JSON object"), "{}", kept.messages[0]);
}

#[test]
fn line_endings_and_blank_lines() {
    let line = GOOD.trim_end();
    for text in [
        format!("{line}\n{line}\n"),
        format!("{line}\r\n{line}\r\n"),
        format!("{line}\n{line}"),
        format!("{line}\r\n{line}\r"),
        format!("\n\r\n \t\n{line}\n\n{line}\n  "),
        format!("\u{feff}{line}\n{line}"),
    ] {
        let kept = decode(&text);
        assert_eq!(kept.bad(), []);
        assert_eq!(kept.events().iter().filter(|event| event.raw == line).count(), 2, "{text:?}");
    }
}

#[test]
fn places_count_every_line() {
    let kept = decode("\u{feff}\r\n\n{\"ts\":1795209609}\r\nbad\r\nüü\nbad");
    assert_eq!(
        kept.bad().iter().map(|(_, line, byte)| (*line, *byte)).collect::<Vec<_>>(),
        [(4, 25), (5, 30), (6, 35)]
    );
}

#[test]
fn the_longest_line_is_kept_and_a_longer_one_is_not() {
    let head = r#"{"ts":1795209609,"a":""#;
    let line = |length: usize| format!("{head}{}\"}}", "x".repeat(length - head.len() - 2));
    let longest = line(limits::MAX_EVENT_BYTES);
    let longer = line(limits::MAX_EVENT_BYTES + 1);
    for ending in ["\n", "\r\n", ""] {
        let kept = decode_with(format("ndjson"), format!("{longest}{ending}"));
        assert_eq!(kept.bad(), []);
        assert_eq!(kept.events().len(), 1);
        let kept = decode_with(format("ndjson"), format!("{longer}{ending}"));
        assert_eq!(kept.bad(), [(code::LINE_TOO_LONG, 1, 0)]);
    }
    let text = format!("{GOOD}{longer}{longer}\n{GOOD}{longer}\n{GOOD}");
    let kept = decode(text);
    let second = 18 + 2 * longer.len() as u64 + 1 + 18;
    assert_eq!(kept.bad(), [(code::LINE_TOO_LONG, 2, 18), (code::LINE_TOO_LONG, 4, second)]);
    assert_eq!(kept.events().len(), 3);
}

#[test]
fn an_endless_line_is_not_kept() {
    let block = vec![b'x'; 1 << 20];
    let mut pieces: Vec<&[u8]> = vec![&block; 64];
    pieces.push(b"\n");
    pieces.push(GOOD.as_bytes());
    let kept = decode_pieces(super::options(), pieces.into_iter());
    assert_eq!(kept.bad(), [(code::LINE_TOO_LONG, 1, 0)]);
    assert_eq!(kept.events().len(), 1);
}

#[test]
fn events_and_bad_lines_come_in_order() {
    let kept = decode(format!("bad\n{GOOD}\0\n{GOOD}bad\n"));
    let kinds: Vec<_> = kept.out.iter().map(|out| matches!(out, Out::Event(_))).collect();
    assert_eq!(kinds, [false, true, false, true, false]);
}

#[test]
fn nothing_is_nothing() {
    for bytes in ["", "\n", "\n\n\n", "\r\n", " ", "\u{feff}"] {
        assert_eq!(decode(bytes).out, []);
    }
}
