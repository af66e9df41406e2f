use proptest::prelude::*;

use super::*;
use crate::limits::{MAX_EVENT_BYTES, MAX_EXTRACTED_BYTES, MAX_LABELS, MAX_QUERY_DEPTH};
use crate::query::{code, render};
use crate::regex_size::RegexSize;
use crate::time::Timestamp;

#[track_caller]
fn compile(selector: &str) -> Pipeline {
    Pipeline::compile(selector, 0, RegexSize::within(selector))
        .unwrap_or_else(|found| panic!("{selector}\n{}", render(selector, &found, false)))
}

/// What a selector extracts from an event with these labels and this line; `None` where it drops
/// the event.
#[track_caller]
fn select(selector: &str, labels: &[(&str, &str)], line: &str) -> Option<Vec<(String, String)>> {
    let (mut fields, mut extracted) = (Fields::default(), Fields::default());
    for (name, value) in labels {
        fields.set_label(name, value);
    }
    // What an event before it left behind.
    extracted.set_label("stale", "x");
    let event = Event { time: Timestamp::MIN, raw: line, fields: &fields };
    compile(selector).keeps(&event, &mut extracted).then(|| {
        extracted.labels().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    })
}

#[track_caller]
fn keeps(selector: &str, labels: &[(&str, &str)], line: &str) -> bool {
    select(selector, labels, line).is_some()
}

#[track_caller]
fn extracts(selector: &str, labels: &[(&str, &str)], line: &str, expected: &[(&str, &str)]) {
    let found = select(selector, labels, line).expect("the event is kept");
    let found: Vec<_> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(found, expected, "{selector} of {line}");
}

#[test]
fn nothing_said_keeps_everything() {
    for selector in ["", "  ", "{}", " { } "] {
        extracts(selector, &[], "any line", &[]);
        assert_eq!(compile(selector).reads(), Reads::default());
    }
    let mut extracted = Fields::default();
    let event = Event { time: Timestamp::MIN, raw: "", fields: &Fields::default() };
    assert!(Pipeline::default().keeps(&event, &mut extracted));
}

#[test]
fn matchers_are_those_of_promql() {
    let labels = [("level", "error"), ("status", "502"), ("err.code", "E1"), ("text", "a\nb")];
    for (selector, kept) in [
        (r#"{level="error"}"#, true),
        (r#"{level="Error"}"#, false),
        (r#"{level!="error"}"#, false),
        (r"{level='error', status=`502`,}", true),
        (r#"{level="error", status="500"}"#, false),
        (r#"{status=~"5.."}"#, true),
        (r#"{status=~"5"}"#, false),
        (r#"{status=~"4|50."}"#, true),
        (r#"{status=~"4|5"}"#, false),
        (r#"{status!~"4.."}"#, true),
        (r#"{status!~"5.."}"#, false),
        (r#"{err.code="E1"}"#, true),
        // A missing label is the empty text.
        (r#"{missing=""}"#, true),
        (r#"{missing!=""}"#, false),
        (r#"{missing!="x"}"#, true),
        (r#"{missing=~"x?"}"#, true),
        (r#"{missing=~".+"}"#, false),
        (r#"{missing!~"x"}"#, true),
        (r#"{level!=""}"#, true),
        // The anchors hold whatever the regex does to its surroundings.
        (r#"{text=~"a.b"}"#, true),
        (r#"{status=~"(?x) 502 # comment"}"#, true),
        (r#"{status=~"(?x) 50 # comment"}"#, false),
        (r#"{status=~"(?m)^502$"}"#, true),
        (r#"{text=~"(?m)^a$"}"#, false),
    ] {
        assert_eq!(keeps(selector, &labels, ""), kept, "{selector}");
    }
}

#[test]
fn line_filters_look_anywhere_in_the_raw_line() {
    let line = r#"{"msg":"GET /cart failed","ms":12}"#;
    for (selector, kept) in [
        (r#"{} |= "failed""#, true),
        (r#"{} |= "Failed""#, false),
        (r#"{} |= """#, true),
        (r#"{} != "failed""#, false),
        (r#"{} != "passed""#, true),
        (r#"{} |~ "GET /\\w+ failed""#, true),
        (r#"{} |~ `"ms":\d{3}`"#, false),
        (r#"{} |~ "(?i)FAILED""#, true),
        (r#"{} !~ `"ms":\d{3}`"#, true),
        (r#"{} !~ "cart""#, false),
        (r#"{} |= "GET" |= "cart" != "POST""#, true),
        (r#"{} |= "GET" |= "card""#, false),
        (r#"{}|="GET"|json|ms>10|="cart""#, true),
    ] {
        assert_eq!(keeps(selector, &[], line), kept, "{selector}");
    }
}

#[test]
fn json_flattens_objects_and_keeps_the_text_of_values() {
    extracts(
        "{} | json",
        &[],
        r#"{"a":"x\ny","b":{"c":1.50,"d e":{"f-g":true,"":"z"}},"n":null,"l":[1,{"m":2}],"big":12345678901234567890123,"e":"","1st":-0.0,"é":"u", "a":"last"}"#,
        &[
            ("a", "last"),
            ("b_c", "1.50"),
            ("b_d_e_f_g", "true"),
            ("b_d_e_", "z"),
            ("big", "12345678901234567890123"),
            ("_1st", "-0.0"),
            ("_", "u"),
        ],
    );
    extracts("{} | json", &[], r#"{"half":"\ud800","ok":1}"#, &[("half", r"\ud800"), ("ok", "1")]);
}

#[test]
fn a_parser_that_fails_says_so_and_keeps_the_line() {
    let failed = [("__error__", "JSONParserErr")];
    for line in ["", "plain", "[1]", "1", r#""text""#, "{", "{]", r#"{"a"}"#] {
        extracts("{} | json", &[], line, &failed);
    }
    extracts("{} | json", &[], r#"{"a":1} x"#, &[("a", "1"), failed[0]]);
    extracts("{} | json", &[], r#"{"a":1, "b":tru}"#, &[("a", "1"), failed[0]]);
    let failed = ("__error__", "LogfmtParserErr");
    extracts("{} | logfmt", &[], r#"a=1 b="open c=2"#, &[("a", "1"), failed]);
    extracts("{} | logfmt", &[], "=x a=1", &[("a", "1"), failed]);
    assert!(!keeps(r#"{} | json | __error__="""#, &[], "plain"));
    assert!(keeps(r#"{} | json | __error__="""#, &[], "{}"));
    assert!(keeps(r#"{} | json | __error__=~"JSON.*""#, &[], "plain"));
}

#[test]
fn extracted_labels_make_way_for_those_of_the_event() {
    let labels = [("level", "info"), ("status", "500")];
    extracts(
        "{} | json",
        &labels,
        r#"{"level":30,"status":500,"x":1}"#,
        &[("level_extracted", "30"), ("x", "1")],
    );
    extracts("{} | logfmt", &labels, "level=warn", &[("level_extracted", "warn")]);
    extracts(r#"{} | pattern "<level> <_>""#, &labels, "warn x", &[("level_extracted", "warn")]);
    extracts(r#"{} | regexp "^(?P<level>\\w+)""#, &labels, "warn", &[("level_extracted", "warn")]);
    // The event's own comes first in what follows, and an empty one is none.
    assert!(keeps(r#"{} | json | level="info" | level_extracted=30"#, &labels, r#"{"level":30}"#));
    extracts("{} | json", &[("level", "")], r#"{"level":30}"#, &[("level", "30")]);
}

#[test]
fn a_later_parser_replaces_what_an_earlier_one_found() {
    let selector = r#"{} | json | regexp "(?P<a>[0-9]+)ms""#;
    extracts(selector, &[], r#"{"a":"x","b":"12ms"}"#, &[("a", "12"), ("b", "12ms")]);
}

#[test]
fn logfmt_takes_pairs_and_skips_the_rest() {
    extracts(
        "{} | logfmt",
        &[],
        r#"  level=info msg="say \"hi\"\n\u00e9 \x" flag empty= url=/a?b=c 9x=1 req.id=7	t="" last="end""#,
        &[
            ("level", "info"),
            ("msg", "say \"hi\"\né \\x"),
            ("url", "/a?b=c"),
            ("_9x", "1"),
            ("req_id", "7"),
            ("last", "end"),
        ],
    );
    extracts("{} | logfmt", &[], "no pairs here", &[]);
    extracts("{} | logfmt", &[], "", &[]);
}

#[test]
fn patterns_capture_between_fixed_text() {
    let line = r#"10.0.0.1 - bob [20/Nov] "GET /x" 200"#;
    for (pattern, expected) in [
        ("<ip> - <_> [<time>] <_>", &[("ip", "10.0.0.1"), ("time", "20/Nov")][..]),
        ("<ip> <_>", &[("ip", "10.0.0.1")]),
        ("10.<rest>", &[("rest", r#"0.0.1 - bob [20/Nov] "GET /x" 200"#)]),
        // A fixed start that is not at the start.
        ("bob <x>", &[]),
        // A capture whose end is missing takes the rest.
        ("<ip> - <user> (<z>)", &[("ip", "10.0.0.1"), ("user", &line[11..])]),
        ("<_>[<time>]", &[("time", "20/Nov")]),
        (
            "<_> \"<method> <path>\" <status>",
            &[("method", "GET"), ("path", "/x"), ("status", "200")],
        ),
    ] {
        extracts(&format!("{{}} | pattern `{pattern}`"), &[], line, expected);
    }
    extracts("{} | pattern `<<a>>`", &[], "<x>", &[("a", "x")]);
    extracts("{} | pattern `a < b <1> <c>`", &[], "a < b <1> z", &[("c", "z")]);
    extracts("{} | pattern `<a>é<b>`", &[], "xéy", &[("a", "x"), ("b", "y")]);
}

#[test]
fn regexps_capture_by_name() {
    let selector = r#"{} | regexp "(?P<method>\\w+) (?P<path>[^ ]+)( (?P<query>.*))?""#;
    extracts(selector, &[], "-- GET /x", &[("method", "GET"), ("path", "/x")]);
    extracts(selector, &[], "nothing", &[]);
    extracts("{} | regexp `(?<a>a)|(?<b>b)`", &[], "b", &[("b", "b")]);
}

#[test]
fn label_filters_compare_numbers_durations_and_texts() {
    let labels = [
        ("status", "500"),
        ("took", "1.5s"),
        ("wait", "250µs"),
        ("ratio", "-0.25"),
        ("level", "error"),
        ("sci", "1e3"),
        ("nan", "NaN"),
    ];
    for (filter, kept) in [
        ("status = 500", true),
        ("status == 500.0", true),
        ("status != 500", false),
        ("status >= 500", true),
        ("status > 500", false),
        ("status <= 499", false),
        ("status < 5e2", false),
        ("status < 501", true),
        ("ratio < -0.2", true),
        ("ratio > -.3", true),
        ("sci = 1000", true),
        ("took > 250ms", true),
        ("took = 1500ms", true),
        ("took <= 1s499ms", false),
        ("took != 1.5s", false),
        ("wait < 0.3ms", true),
        ("wait >= 250µs", true),
        ("level = \"error\"", true),
        ("level=~\"err.*|x\"", true),
        ("level =~ \"err\"", false),
        ("level !~ \"err\"", true),
        ("level != \"error\"", false),
        // What is no number satisfies nothing.
        ("level > 1", false),
        ("level != 1", false),
        ("nan != 1", false),
        ("took > 1", false),
        ("status > 1s", false),
        ("missing < 1", false),
        ("missing != 1", false),
        ("missing < 1s", false),
        ("missing = \"\"", true),
        // `and` binds tighter than `or`, a comma is `and`.
        ("status=500 or level=\"x\" and level=\"y\"", true),
        ("(status=500 or level=\"x\") and level=\"y\"", false),
        ("level=\"x\" or status=500, took>1s", true),
        ("level=\"x\", status=500 or took>1s", true),
        ("status=500, level=\"x\"", false),
        ("((status>=500)) AND (level=\"x\" OR (took>1s))", true),
        ("status=500 | level=\"error\"", true),
        ("status=500 | level=\"x\"", false),
        ("and=\"\" and or=\"\" or status=1", true),
    ] {
        assert_eq!(keeps(&format!("{{}} | {filter}"), &labels, ""), kept, "{filter}");
    }
    assert!(keeps("{} | json | user_age >= 18", &[], r#"{"user":{"age":20}}"#));
    assert!(!keeps("{} | user_age >= 18 | json", &[], r#"{"user":{"age":20}}"#), "order counts");
}

#[test]
fn the_selectors_of_the_design_work() {
    let line = r#"{"level":"error","status":503,"app":"a","msg":"x"}"#;
    let labels = [("level", "error"), ("status", "503"), ("app", "a")];
    assert!(keeps(r#"{app="a"} |= "x" | json | status >= 500"#, &labels, line));
    assert!(keeps(r#"{level=~"error|fatal"}"#, &labels, line));
    assert!(keeps(r#"{} |= "STATEMENT""#, &[], "2026 [7] STATEMENT:  SELECT 1"));
}

#[test]
fn a_host_learns_what_is_looked_at() {
    let reads = |selector: &str| {
        let reads = compile(selector).reads();
        (reads.labels.join(" "), reads.line)
    };
    assert_eq!(reads(r#"{a="1", b=~"2", a!="3"}"#), ("a b".to_owned(), false));
    assert_eq!(reads(r#"{a="1"} | b > 1 and (c="x" or d < 1s)"#), ("a b c d".to_owned(), false));
    assert_eq!(reads(r#"{} |= "x""#), (String::new(), true));
    assert_eq!(reads("{} | json | x=1"), ("x".to_owned(), true));
    let selector = "{} | pattern `<p> <_>` | regexp `(?P<r>x)`";
    assert_eq!(reads(selector), ("p r".to_owned(), true));
}

#[test]
fn diagnostics_count_from_the_query() {
    let found = Pipeline::compile("{a=~\"x\",\nb=~\"(\"}", 100, RegexSize::each_of(2)).unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].span.clone(), found[0].line, found[0].column), (113..114, 2, 5));
    let found = Pipeline::compile("{} | a=~\"[\" | b=~\"*\" |~ \"(\"", 0, RegexSize::each_of(3))
        .unwrap_err();
    assert_eq!(found.len(), 3, "all of them");
}

#[test]
fn hostile_selectors_are_refused() {
    let code = |selector: &str| {
        Pipeline::compile(selector, 0, RegexSize::within(selector)).unwrap_err()[0].code
    };
    let nested = |depth: usize| format!("{{}} | {}a=1{}", "(".repeat(depth), ")".repeat(depth));
    compile(&nested(MAX_QUERY_DEPTH));
    assert_eq!(code(&nested(MAX_QUERY_DEPTH + 1)), code::QUERY_TOO_DEEP);
    assert_eq!(code(&nested(100_000)), code::QUERY_TOO_DEEP);
    assert_eq!(code("{a=\"x}"), code::QUERY_UNBALANCED);
    assert_eq!(code("{} | (a=1"), code::QUERY_UNBALANCED);
    assert_eq!(code("{} | a=1)"), code::QUERY_UNBALANCED);
    assert_eq!(code("{a=\"x\"} \0"), code::SELECTOR_SYNTAX);
    let regex = format!("{{a=~\"{}\"}}", "(a{1000}){1000}");
    assert_eq!(code(&regex), code::QUERY_REGEX);
    let regex = format!("{{a=~`{}`}}", "(?:".repeat(100_000) + &")".repeat(100_000));
    assert_eq!(code(&regex), code::QUERY_REGEX);
}

// Without bounds on depth and on labels, or with a regex that backtracks, this would take hours.
#[test]
fn hostile_lines_cost_bounded_memory() {
    let pipeline =
        compile("{} |~ `(x+x+)+y` | json | logfmt | pattern `<a> <b>` | regexp `(?P<c>(x+x+)+y)`");
    let deep = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    let long = "k".repeat(MAX_EVENT_BYTES / 2);
    let fields = (0..50_000).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(",");
    for line in [
        "x".repeat(MAX_EVENT_BYTES) + "y",
        deep.clone() + "xxy",
        "[".repeat(MAX_EVENT_BYTES) + "xxy",
        format!("{{{fields}}}xxy"),
        format!("{{\"{long}\":{{{fields}}}}}xxy"),
        "a=1 ".repeat(200_000) + "xxy",
        "\\\"".repeat(MAX_EVENT_BYTES / 2) + "xxy",
    ] {
        let mut extracted = Fields::default();
        let event = Event { time: Timestamp::MIN, raw: &line, fields: &Fields::default() };
        pipeline.keeps(&event, &mut extracted);
        assert!(extracted.labels().count() <= MAX_LABELS + 1, "labels are bounded");
        let bytes: usize = extracted.labels().map(|(name, value)| name.len() + value.len()).sum();
        assert!(bytes <= MAX_EXTRACTED_BYTES + 64, "{bytes} bytes of labels");
    }

    let found = select("{} | json", &[], &deep).unwrap();
    assert_eq!(found.len(), 1, "what is too deep stays JSON text");
    assert!(found[0].1.starts_with("{\"a\":"));
    assert_eq!(found[0].0, ["a"; crate::limits::MAX_LABEL_DEPTH].join("_"));
}

proptest! {
    #[test]
    fn any_text_is_answered(selector in prop_oneof![any::<String>(), "[{}()|=!~<>\"'`a1. ,\\\\orndjs-]{0,24}"], line in any::<String>()) {
        match Pipeline::compile(&selector, 0, RegexSize::within(&selector)) {
            Ok(pipeline) => {
                let mut extracted = Fields::default();
                let event = Event { time: Timestamp::MIN, raw: &line, fields: &Fields::default() };
                pipeline.keeps(&event, &mut extracted);
            }
            Err(found) => {
                prop_assert!(!found.is_empty());
                for found in found {
                    prop_assert!(selector.get(found.span.clone()).is_some(), "{:?} {:?}", selector, found);
                }
            }
        }
    }

    #[test]
    fn parsers_answer_any_line(line in prop_oneof![any::<String>(), "[{}\\[\\]\"a1:,=\\\\u é<>]{0,40}"]) {
        let pipeline = compile("{} | json | logfmt | pattern `a<a>,<b>\"<_>` | regexp `(?P<c>.)`");
        let mut extracted = Fields::default();
        let event = Event { time: Timestamp::MIN, raw: &line, fields: &Fields::default() };
        prop_assert!(pipeline.keeps(&event, &mut extracted));
        // What serde_json takes for an object, so does the parser, and the other way round; but for
        // numbers too large for it and half surrogate pairs, which the parser leaves as they are.
        let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&line).is_ok();
        let failed = compile("{} | json | __error__=\"JSONParserErr\"").keeps(&event, &mut extracted);
        prop_assert!(object != failed || line.contains("\\u") || line.contains('e'), "{:?}", line);
    }
}
