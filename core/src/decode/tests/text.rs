//! Text: programs' own layouts, and events of several lines.

use super::{
    DecoderOptions, Owned, at, decode, decode_pieces, decode_with, event, event_with, events,
    format, reference,
};
use crate::decode::code;
use crate::limits;

const POSTGRESQL: &[u8] = include_bytes!("../../../tests/data/postgresql.log");

#[test]
fn postgresql_statements_of_several_lines() {
    let found = events(POSTGRESQL);
    assert_eq!(found.len(), 7);
    assert_eq!(found[0].time, at("2026-11-20T21:00:00.001Z"));
    assert_eq!(found[0].labels(), [("level", "LOG"), ("pid", "4711")]);
    assert_eq!(found[0].message, "starting PostgreSQL 15.9 on x86_64-pc-linux-gnu");
    let statement = "duration: 12.345 ms  statement: /* request_id=aa01 */\n\tselect o.id,\n\t       \
                     o.item\n\n\tfrom orders o\n\twhere o.note = '2026-01-01'";
    assert_eq!(found[1].message, statement);
    assert_eq!(
        found[1].raw,
        format!("2026-11-20 22:00:01.250 CET [4720] shop@shop LOG:  {statement}")
    );
    let levels: Vec<_> = found.iter().map(|event| event.label("level").unwrap_or("")).collect();
    assert_eq!(levels, ["LOG", "LOG", "ERROR", "DETAIL", "STATEMENT", "FATAL", "LOG"]);
    assert!(found[4].message.ends_with("values (7, 'LOG:  not a level')"));
    // What cannot be told apart stays in the message.
    assert_eq!(found[5].message, "[4721] app=psql,client=10.0.0.7 FATAL:  terminating connection");
}

#[test]
fn times_after_times_with_other_zones() {
    let tails = [
        "",
        " INFO x",
        " info",
        " UTC x",
        " UTCx",
        "Z x",
        "Z",
        "z",
        "Zx",
        "+02:00 x",
        "+02:00:00",
        " +0200 x",
        "+02 x",
        "+02:30 x",
        "+0230",
        "-02",
        " - x",
        " -02 x",
        " CET [12] x",
        " CET x",
        " IST [12] x",
        " ABC [12] x",
        " ABC",
        " WARN [12]",
        ": x",
        ",5 x",
        ".5 x",
        ".5Z x",
        "0 x",
        "x",
        " 5 x",
        " [main] x",
        " é",
        "é",
    ];
    let clocks =
        ["2026-11-20 21:20:09", "2026-11-20T21:20:59", "2026-11-20 21:20:60", "2026/11/20 21:20:5"];
    let line = |at: usize| {
        let (clock, tail) = (clocks[at / tails.len()], tails[at % tails.len()]);
        format!("{clock}{tail}\n")
    };
    let count = clocks.len() * tails.len();
    for zone in ["UTC", "Europe/Berlin"] {
        let options = DecoderOptions { zone: Some(zone.to_owned()), ..format("text") };
        let pairs = (0..count).flat_map(|first| (0..count).map(move |second| [first, second]));
        let bytes: String = pairs.flatten().map(line).collect();
        let kept = decode_pieces(options.clone(), std::iter::once(bytes.as_bytes()));
        // Whether a line begins an event, and when, does not depend on the lines before it.
        let alone = |at| decode_pieces(options.clone(), std::iter::once(line(at).as_bytes()));
        let times: Vec<_> =
            (0..count).map(|at| alone(at).events().first().map(|event| event.time)).collect();
        let pairs = (0..count).flat_map(|first| (0..count).map(move |second| [first, second]));
        let expected: Vec<_> = pairs.flatten().filter_map(|at| times[at]).collect();
        let found: Vec<_> = kept.events().iter().map(|event| event.time).collect();
        assert_eq!(found, expected, "{zone}");
    }
}

#[test]
fn levels_of_text() {
    for (line, level) in [
        ("2026-11-20 21:20:09,364 INFO  [main] com.shop.App - started", Some("INFO")),
        ("2026-11-20 21:20:09,364 [http-nio-8080-exec-1] WARN com.shop.App - slow", Some("WARN")),
        ("2026-11-20 21:20:09,364 - root - ERROR - failed", Some("ERROR")),
        ("2026-11-20 21:20:09 [error] it failed", Some("error")),
        ("[2026-11-20 21:20:09] [Warning] it failed", Some("Warning")),
        ("2026-11-20T21:20:09Z DEBUG: x", Some("DEBUG")),
        ("1795209609 FATAL x", Some("FATAL")),
        ("2026-11-20T21:20:09Z an error occurred", None),
        ("2026-11-20T21:20:09Z INFORMATION is power", None),
        ("2026-11-20T21:20:09Z one two three four five six ERROR", None),
        ("2026-11-20T21:20:09Z see com.shop.ERROR-1", None),
    ] {
        assert_eq!(event(line).label("level"), level, "{line}");
    }
}

#[test]
fn process_ids() {
    assert_eq!(event("2026-11-20T21:20:09Z [77] hello").label("pid"), Some("77"));
    assert_eq!(event("2026-11-20T21:20:09Z [77-1] hello").label("pid"), None);
    let nginx = event("2026/11/20 21:20:26 [crit] 12#13: *5 open() failed, client: 10.0.0.1");
    assert_eq!(nginx.labels(), [("level", "crit"), ("pid", "12")]);
    assert_eq!(nginx.message, "*5 open() failed, client: 10.0.0.1");
}

#[test]
fn following_lines_belong_to_the_event_before() {
    let kept = decode(
        "lost\n2026-11-20T21:20:09Z ERROR boom\r\n  at a.b(C.java:5)\r\n\r\n\t... 3 more\n\n \n\
         2026-11-20T21:20:10Z fine\n",
    );
    assert_eq!(kept.bad(), [(code::LINE_NO_TIME, 1, 0)]);
    let [boom, fine] = kept.events()[..] else { panic!("two events") };
    assert_eq!(boom.raw, "2026-11-20T21:20:09Z ERROR boom\n  at a.b(C.java:5)\n\n\t... 3 more");
    assert_eq!(boom.message, "ERROR boom\n  at a.b(C.java:5)\n\n\t... 3 more");
    assert_eq!(fine.raw, "2026-11-20T21:20:10Z fine");
}

/// Found by fuzzing: a line that is a time and nothing else was no time any more once a line
/// followed it. It had escaped because all lines of the tests went on after their time.
#[test]
fn a_line_that_is_only_a_time_has_following_lines_too() {
    for (name, time) in [("epoch", "2222222222"), ("text", "2026-11-20 21:20:09.364 UTC")] {
        let text = format!("{time}\n0\nmore\n");
        let kept = decode_with(format(name), &text);
        let [event] = kept.events()[..] else { panic!("one event of {name}") };
        assert_eq!(event.raw, format!("{time}\n0\nmore"));
        assert_eq!(event.message, "\n0\nmore");
    }
}

#[test]
fn a_bad_first_line_takes_its_following_lines_with_it() {
    let kept = decode(
        "2026-11-20T21:20:09Z a\n2026-11-31T21:20:09Z b\n  of b\n2026-11-20T21:20:11Z c\n  of c\n",
    );
    assert_eq!(kept.bad(), [(code::LINE_BAD_TIME, 2, 23), (code::LINE_NO_TIME, 3, 46)]);
    let raws: Vec<_> = kept.events().iter().map(|event| event.raw.as_str()).collect();
    assert_eq!(raws, ["2026-11-20T21:20:09Z a", "2026-11-20T21:20:11Z c\n  of c"]);
}

#[test]
fn unusable_lines_within_an_event() {
    let kept = decode(
        b"2026-11-20T21:20:09Z a\n  one\n  \xff\n  two\n2026-11-20T21:20:10Z b\0\n  of b\n\
          2026-11-20T21:20:11Z c\n",
    );
    let bad =
        [(code::LINE_NOT_UTF8, 3, 29), (code::LINE_HAS_NUL, 5, 39), (code::LINE_NO_TIME, 6, 63)];
    assert_eq!(kept.bad(), bad);
    let raws: Vec<_> = kept.events().iter().map(|event| event.raw.as_str()).collect();
    assert_eq!(raws, ["2026-11-20T21:20:09Z a\n  one\n  two", "2026-11-20T21:20:11Z c"]);
}

#[test]
fn an_event_does_not_grow_without_bound() {
    let line = format!("{}\n", "x".repeat(400_000));
    let kept = decode_with(
        format("text"),
        format!("2026-11-20T21:20:09Z a\n{line}{line}{line}small\n2026-11-20T21:20:10Z b\n"),
    );
    assert_eq!(
        kept.bad(),
        [(code::EVENT_TOO_LONG, 4, 800_025), (code::EVENT_TOO_LONG, 5, 1_200_026)]
    );
    let lengths: Vec<_> = kept.events().iter().map(|event| event.raw.len()).collect();
    assert_eq!(lengths, [22 + 2 * 400_001, 22]);
    assert!(lengths[0] < limits::MAX_EVENT_BYTES);
}

#[test]
fn syslog_5424() {
    let found = event(
        "<165>1 2026-11-20T21:20:09.003Z web.example.com app 8710 ID47 \
         [ex@32473 iut=\"3\" src=\"a\\\"b\\]c\\d\"][o x=\"\"] \u{feff}it works",
    );
    assert_eq!(found.time, at("2026-11-20T21:20:09.003Z"));
    assert_eq!(found.message, "it works");
    assert_eq!(
        found.labels(),
        [
            ("host", "web.example.com"),
            ("app", "app"),
            ("pid", "8710"),
            ("msgid", "ID47"),
            ("ex@32473.iut", "3"),
            ("ex@32473.src", "a\"b]c\\d"),
            ("o.x", ""),
            ("facility", "local4"),
            ("level", "notice"),
        ]
    );
    let bare = event("<0>1 2026-11-20T23:20:09+02:00 - - - - -");
    assert_eq!((bare.time, bare.message.as_str()), (at("2026-11-20T21:20:09Z"), ""));
    assert_eq!(bare.labels(), [("facility", "kern"), ("level", "emerg")]);
    let broken = event("<11>1 2026-11-20T21:20:09Z h a - - [open x=\"1 rest");
    assert_eq!(broken.message, "[open x=\"1 rest");
    let kept = decode("<11>1 - h a - - - no time\n<11>1 2026-11-20T21:20:09Z h a - - - x\nmore\n");
    assert_eq!(kept.bad(), [(code::LINE_NO_TIME, 1, 0)]);
    assert_eq!(kept.events()[0].message, "x\nmore");
}

#[test]
fn syslog_3164() {
    let now = || reference("2026-11-21T00:00:00Z");
    let found = event_with(now(), "<34>Nov 20 21:20:09 web su[77]: 'su root' failed\n");
    assert_eq!(found.time, at("2026-11-20T21:20:09Z"));
    assert_eq!(found.message, "'su root' failed");
    let labels =
        [("host", "web"), ("app", "su"), ("pid", "77"), ("facility", "auth"), ("level", "crit")];
    assert_eq!(found.labels(), labels);
    let found = event_with(now(), "Nov  5 21:20:09 web kernel: [12.5] oops: it");
    assert_eq!(found.labels(), [("host", "web"), ("app", "kernel")]);
    assert_eq!(
        (found.time, found.message.as_str()),
        (at("2026-11-05T21:20:09Z"), "[12.5] oops: it")
    );
    let found = event_with(now(), "Nov 20 21:20:09 web last message repeated 2 times");
    assert_eq!(
        (found.labels(), found.message.as_str()),
        (vec![("host", "web")], "last message repeated 2 times")
    );
    let found = event_with(now(), "<13>Nov 20 21:20:09 app: no host");
    assert_eq!((found.label("app"), found.label("host")), (Some("app"), None));
    let found = event("<13>2026-11-20T21:20:09.5+01:00 web app[7]: hi");
    assert_eq!((found.time, found.label("host")), (at("2026-11-20T20:20:09.5Z"), Some("web")));
    let found = event("Nov 20 2026 21:20:09.364: %SYS-5-CONFIG: x");
    assert_eq!(found.time, at("2026-11-20T21:20:09.364Z"));
    let rsyslog = "2026-11-20T21:20:09.5Z web app[7]: hi";
    assert_eq!(event_with(format("syslog"), rsyslog).label("app"), Some("app"));
    assert_eq!(event(rsyslog).label("app"), None);
}

#[test]
fn access_logs() {
    let common = r#"127.0.0.1 - frank [20/Nov/2026:21:20:09 +0100] "GET /a?b=c HTTP/1.1" 200 2326"#;
    let labels = vec![
        ("remote_user", "frank"),
        ("remote_addr", "127.0.0.1"),
        ("method", "GET"),
        ("path", "/a?b=c"),
        ("protocol", "HTTP/1.1"),
        ("status", "200"),
        ("bytes", "2326"),
    ];
    let found = event(common);
    assert_eq!(found.time, at("2026-11-20T20:20:09Z"));
    assert_eq!(found.message, "GET /a?b=c HTTP/1.1");
    assert_eq!(found.labels(), labels);
    let combined =
        format!(r#"{common} "-" "curl/8 \"x\"" rt=0.012 request_id="a b" status=9 junk "#);
    let found = event(&combined);
    let more = [("user_agent", r#"curl/8 \"x\""#), ("rt", "0.012"), ("request_id", "a b")];
    assert_eq!(found.labels(), [labels, more.into()].concat());
    let found = event(
        r#"shop.example:443 ::1 - - [20/Nov/2026:21:20:09.5 +0000] "\x16\x03" 400 - "-" "-""#,
    );
    assert_eq!(found.time, at("2026-11-20T21:20:09.5Z"));
    assert_eq!(
        found.labels(),
        [("remote_addr", "::1"), ("vhost", "shop.example:443"), ("status", "400")]
    );
    assert_eq!(found.message, r"\x16\x03");
    let kept =
        decode(format!("{common}\nfollows\n1.1.1.1 - - [31/Nov/2026:21:20:09 +0000] \"G\" 1 1\n"));
    assert_eq!(kept.events()[0].message, "GET /a?b=c HTTP/1.1\nfollows");
    assert_eq!(kept.bad(), [(code::LINE_BAD_TIME, 3, common.len() as u64 + 9)]);
}

#[test]
fn plain_messages_are_whole() {
    let found: Owned = event("2026-11-20T21:20:09Z   request_id=7 done. ");
    assert_eq!(found.message, "request_id=7 done. ");
    assert_eq!(found.labels(), []);
}
