use std::fmt::Debug;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limits::{MAX_QUERY_BYTES, MAX_QUERY_DEPTH, MAX_STREAMS};
use crate::plan::{JoinKey, JoinKeys, JoinKind};

pub(super) fn plan(text: &str) -> Plan {
    plan_with(text, &PlanOptions::default())
}

#[track_caller]
fn plan_with(text: &str, options: &PlanOptions) -> Plan {
    let checked = check(text, options);
    let drawn = render(text, &checked.diagnostics, false);
    assert!(checked.diagnostics.is_empty(), "{text}\n{drawn}");
    checked.plan.expect("a query without diagnostics has a plan")
}

/// The codes of what is wrong with `text`.
pub(super) fn codes(text: &str) -> Vec<&'static str> {
    let checked = check(text, &PlanOptions::default());
    checked.diagnostics.iter().map(|found| found.code).collect()
}

pub(super) fn seconds(seconds: i64) -> Span {
    Span::from_millis(seconds * 1_000)
}

#[test]
fn a_plan_has_what_the_query_says() {
    let plan = plan(
        "edge({status=~\"5..\"})[10m] as e
           unless on(request_id=req.id, user) within(-1s, 1m30s) app({})
         {level!=\"debug\", msg!~'(?i)ok'}",
    );
    assert_eq!(plan.sources.len(), 2);
    assert_eq!(plan.streams[0].name, "e");
    assert_eq!(plan.streams[0].alias.as_deref(), Some("e"));
    assert_eq!(plan.streams[0].selector, "{status=~\"5..\"}");
    assert_eq!(plan.streams[0].range, seconds(600));
    assert_eq!(plan.streams[1].name, "app");
    assert_eq!(plan.streams[1].alias, None);
    assert_eq!(plan.streams[1].range, seconds(300), "the default range");
    let [join] = &plan.joins[..] else { panic!("one join") };
    assert_eq!(join.kind, JoinKind::Unless);
    let key = |left: &str, right: &str| JoinKey { left: left.into(), right: right.into() };
    assert_eq!(join.keys, JoinKeys::On(vec![key("request_id", "req.id"), key("user", "user")]));
    assert_eq!((join.lo, join.hi), (seconds(-1), seconds(90)));
    assert!(plan.projection[0].accepts(Some("info")) && !plan.projection[0].accepts(Some("debug")));
    assert!(plan.projection[1].accepts(Some("not ok")) && !plan.projection[1].accepts(Some("OK")));
}

#[test]
fn within_a_distance_reaches_both_ways_and_is_unbounded_by_default() {
    let plan = plan("a({}) and on(k) within(30s) b({}) or on(k) c({})");
    assert_eq!((plan.joins[0].lo, plan.joins[0].hi), (seconds(-30), seconds(30)));
    assert_eq!((plan.joins[1].lo, plan.joins[1].hi), (Span::MIN, Span::MAX));
    assert_eq!(plan.joins[1].kind, JoinKind::Or);
}

#[test]
fn a_range_of_nothing_means_equal_times() {
    assert_eq!(plan("a({})[0s] and on(k) b({})[0s]").streams[0].range, Span::ZERO);
}

#[test]
fn streams_without_alias_are_named_by_source_or_position() {
    let names = |text: &str| -> Vec<String> {
        plan(text).streams.into_iter().map(|stream| stream.name).collect()
    };
    assert_eq!(names("a({}) and on(k) b({}) and on(k) a({})"), ["a#1", "b", "a#3"]);
    assert_eq!(names("a({}) as x and on(k) a({}) and on(k) b({})"), ["x", "a#2", "b"]);
}

#[test]
fn a_source_the_engine_selects_from_is_read_once() {
    let plan = plan("a({}) and on(k) b({}) and on(k) a({x=\"1\"})[1h] as y");
    let sources: Vec<_> = plan
        .sources
        .iter()
        .map(|source| (source.name.as_str(), source.pushed_down.as_deref(), source.streams.len()))
        .collect();
    assert_eq!(sources, [("a", None, 2), ("b", None, 1)]);
    assert_eq!(plan.streams[2].source.index(), 0);
    assert_eq!(plan.sources[0].range(&plan), seconds(3600));
}

#[test]
fn a_selecting_source_is_read_once_per_selector_unchanged() {
    let mut options = PlanOptions::default();
    options.selecting_sources.insert("loki".into());
    let text = "loki( {a=\")\"} |= `(` | line_format \"x\" # no comment\n) as x and on(k) \
                loki({b=\"1\"}) as y and on(k) loki({b=\"1\"})[1m] as z and on(k) c({})";
    let plan = plan_with(text, &options);
    let pushed: Vec<_> = plan.sources.iter().map(|source| source.pushed_down.as_deref()).collect();
    let first = " {a=\")\"} |= `(` | line_format \"x\" # no comment\n";
    assert_eq!(pushed, [Some(first), Some("{b=\"1\"}"), None]);
    assert_eq!(plan.sources[1].streams.len(), 2);
    assert_eq!(plan.streams[0].selector, first);
}

#[test]
fn queries_of_the_log_correlator_guide_are_valid() {
    let mut options = PlanOptions::default();
    options.selecting_sources.extend(["loki", "graylog", "promql"].map(String::from));
    for text in [
        r#"loki({service="frontend"})[5m] and on(request_id) loki({service="backend"})[5m]"#,
        r#"loki({service="frontend"})[5m] and on(request_id) within(30s) loki({service="backend"})[5m]"#,
        r#"loki({job="nginx"})[5m] and on(request_id) graylog(service:api)[5m]"#,
        r#"(loki({service="frontend"})[10m] and on(request_id) loki({service="backend"})[10m]) {status="500"}"#,
        r#"loki({a="1"})[5m] and on(session_id=trace_id, user) loki({b="2"})[5m]"#,
        r#"loki({a="1"})[5m] or on(k) loki({b="2"})[5m]"#,
        r#"loki({a="1"})[5m] unless on(k) loki({b="2"})[5m]"#,
        r#"loki({a="1"})[5m] and on(k) loki({b="2"})[5m] and on(k) graylog(x:1)[5m] or on(j) promql(up)[1m]"#,
        r#"loki({a="1"})[5m] and on(k) loki({b="2"})[5m] {status=~"4..|5.."}"#,
        r#"loki({a="1"})[5m] and on(k) promql(http_requests_total{job="api"})[5m]"#,
        "loki({service='frontend'})[5m] and on(request_id) loki({service='backend'})[5m] {status='500'}",
        r#"promql(rate(http_requests_total{job="api"}[1m]))[5m] and on(k) graylog(service:api AND level:3)[5m]"#,
        r#"loki({app="a"} |= "x" | json | status >= 500)[5m] and on(k) loki({})[5m]"#,
    ] {
        plan_with(text, &options);
    }
}

#[test]
fn spelling_is_free_where_it_says_so() {
    let canonical = "a({}) and on(k, j=i) within(1h30m) b({})[1m] as x {s=\"it's\", t=~\"\\\\d\"}";
    for text in [
        "a({}) and on(k,j=i) within(1h30m) b({})[1m] as x{s=\"it's\",t=~`\\d`}",
        "a({})AND ON(k,j = i)\n\tWithin ( 90m ) b ({})[ 60s ] AS x { s = 'it\\'s' , t=~'\\\\d' }",
        "# first\n(a({}) # second ( \" \n and on(k, # it's\n j=i) within(-90m, 5400s) (b({})[1m]as x))\n\
         {s=\"it\\x27s\", t=~\"\\134d\"} # last",
        "((a({})) and on(k=k, j=i) within(1h30m0s) b({})[1m] as\u{a0}x) {s=\"\\u0069t's\", t=~\"\\\\d\"}",
    ] {
        let plan = check(text, &PlanOptions { default_range: seconds(7200), ..Default::default() });
        let drawn = render(text, &plan.diagnostics, false);
        let plan = plan.plan.unwrap_or_else(|| panic!("{text}\n{drawn}"));
        assert_eq!(plan.canonical, canonical, "{text}");
    }
}

#[test]
fn words_of_the_language_are_free_as_aliases_labels_and_where_no_parenthesis_follows() {
    let text =
        "a({}) as and and on(on, or=unless) within(1s) as({}) as within {and=\"x\", pick!=\"y\"}";
    let plan = plan(text);
    assert_eq!(plan.canonical, text);
    assert_eq!(plan.streams[0].name, "and");
    assert_eq!(plan.streams[1].name, "within");
    assert_eq!(plan.sources[1].name, "as");
}

#[test]
fn parentheses_around_the_left_side_change_nothing() {
    let nested = plan("((a({}) and on(k) b({})) or on(k) c({})) unless on(k) d({})");
    let flat = plan("a({}) and on(k) b({}) or on(k) c({}) unless on(k) d({})");
    assert_eq!(nested.canonical, flat.canonical);
}

#[test]
fn the_tree_is_json_for_hosts() {
    let query = parse("a({})[90s] as x or on(k=l) within(1s) b() {m!=\"v\"}").unwrap();
    let span = |start: usize, end: usize| json!({"start": start, "end": end});
    assert_eq!(
        serde_json::to_value(&query).unwrap(),
        json!({
            "expr": {
                "type": "join",
                "kind": {"value": "or", "span": span(16, 18)},
                "on": [{"left": "k", "right": "l", "span": span(22, 25)}],
                "ignoring": null,
                "within": {"lo": "-1s", "hi": "1s", "span": span(27, 37)},
                "pick": null,
                "grouping": null,
                "left": {
                    "type": "stream",
                    "source": {"value": "a", "span": span(0, 1)},
                    "selector": {"value": "{}", "span": span(2, 4)},
                    "range": {"value": "1m30s", "span": span(6, 9)},
                    "alias": {"value": "x", "span": span(14, 15)},
                    "span": span(0, 15),
                },
                "right": {
                    "type": "stream",
                    "source": {"value": "b", "span": span(38, 39)},
                    "selector": {"value": "", "span": span(40, 40)},
                    "range": null,
                    "alias": null,
                    "span": span(38, 41),
                },
                "span": span(0, 41),
            },
            "projection": [{
                "label": "m",
                "op": "!=",
                "value": {"value": "v", "span": span(46, 49)},
                "span": span(43, 49),
            }],
            "stages": [],
            "span": span(0, 50),
        })
    );
}

#[test]
fn diagnostics_are_json_with_bytes_lines_and_columns() {
    let checked = check("é(\n)\n", &PlanOptions::default());
    assert_eq!(codes("é(\n)\n"), [code::QUERY_SYNTAX]);
    assert_eq!(checked.diagnostics[0].span, 0..2);
    let text = "a({x=\"é\"}) and on(k)\n  b({y=~\"é(\"})";
    let checked = check(text, &PlanOptions::default());
    assert_eq!(
        serde_json::to_value(&checked.diagnostics).unwrap(),
        json!([{
            "code": "QUERY_REGEX",
            "severity": "error",
            "message": "this regex does not compile: unclosed group",
            "span": {"start": 33, "end": 34},
            "line": 2,
            "column": 11,
            "suggestion": null,
        }])
    );
    assert_eq!(&text[33..34], "(");
}

#[test]
fn bounds_are_judged_by_the_widest_range_of_the_left_side() {
    // `c` can be 10m after `b`, though never after `a`.
    plan("a({})[1m] and on(k) b({})[10m] and on(k) within(2m, 10m) c({})[1m]");
    let text = "a({})[1m] and on(k) b({})[1m] and on(k) within(1m, 10m) c({})[1m]";
    assert_eq!(codes(text), [code::QUERY_WITHIN_TOO_WIDE]);
    let text = "a({})[1m] and on(k) b({})[1m] and on(k) within(61s, 10m) c({})[1m]";
    assert_eq!(codes(text), [code::QUERY_BOUNDS]);
}

#[test]
fn a_warning_leaves_the_plan() {
    let checked = check("a({}) and on(k) within(1h) b({})", &PlanOptions::default());
    assert!(checked.plan.is_some());
    assert_eq!(checked.diagnostics[0].severity, Severity::Warning);
}

#[test]
fn durations_take_every_unit_and_overflow_is_told() {
    let range = |text: &str| plan(&format!("a({{}})[{text}] and on(k) b({{}})")).streams[0].range;
    assert_eq!(range("1w2d3h4m5s6ms7us8ns").as_nanos(), 788_645_006_007_008);
    assert_eq!(range("9223372036854775807ns"), Span::MAX);
    for text in ["9223372036854775808ns", "15251w", "9223372036854775807ns1ns"] {
        let query = format!("a({{}})[{text}] and on(k) b({{}})");
        assert_eq!(codes(&query), [code::QUERY_DURATION], "{text}");
    }
}

#[test]
fn too_much_of_anything_is_told_and_nothing_overflows() {
    let nested = |depth: usize| {
        format!("{}a({{}}){} and on(k) b({{}})", "(".repeat(depth), ")".repeat(depth))
    };
    plan(&nested(MAX_QUERY_DEPTH - 1));
    assert_eq!(codes(&nested(MAX_QUERY_DEPTH)), [code::QUERY_TOO_DEEP]);
    let mut options = PlanOptions::default();
    options.selecting_sources.insert("a".into());
    let selector =
        |depth: usize| format!("a({}{}) and on(k) b()", "(".repeat(depth), ")".repeat(depth));
    plan_with(&selector(MAX_QUERY_DEPTH - 1), &options);
    assert_eq!(codes(&selector(MAX_QUERY_DEPTH)), [code::QUERY_TOO_DEEP]);

    for hostile in [
        "(".repeat(60_000),
        ")".repeat(60_000),
        "a(".repeat(30_000),
        "a({}) and (".repeat(5_000),
        "a({}) then not (".repeat(4_000),
        "a({}) and # \"\n((".repeat(4_000),
    ] {
        assert!(!codes(&hostile).is_empty(), "{}", &hostile[..20]);
    }
    assert_eq!(codes(&"(".repeat(100_000)), [code::QUERY_TOO_LONG]);
    assert_eq!(codes(&" ".repeat(MAX_QUERY_BYTES + 1)), [code::QUERY_TOO_LONG]);

    let streams = |count: usize| format!("a(){}", " and on(k) a()".repeat(count - 1));
    assert_eq!(plan(&streams(MAX_STREAMS)).streams.len(), MAX_STREAMS);
    assert_eq!(codes(&streams(MAX_STREAMS + 1)), [code::QUERY_TOO_MANY_STREAMS]);
    assert_eq!(codes(&streams(4_000)), [code::QUERY_TOO_MANY_STREAMS]);
}

// What is quadratic in the text would take minutes here.
#[test]
fn a_huge_query_is_refused_and_drawn_briefly() {
    for text in [
        "x".repeat(1 << 20),
        format!("a({{x=\"{}\"}}) adn on(k) b({{}})", "y".repeat(60_000)),
        format!(
            "{}({{}}) {} on(k) b({{}})[{}]",
            "a".repeat(9_000),
            "x".repeat(9_000),
            "9".repeat(9_000)
        ),
        format!("a({{}}) and on(k) b({{}}) {{x=~\"{}\"}}", "(".repeat(60_000)),
        format!("a({{}}) and on(k) b({{}} {})", "| x > 1".repeat(8_000)),
        "a({}) and on(k) ".repeat(4_000),
        "é\0\u{1b}[31m\"".repeat(8_000),
    ] {
        let checked = check(&text, &PlanOptions::default());
        let drawn = render(&text, &checked.diagnostics, true);
        assert!(drawn.len() < 40_000, "{} bytes drawn", drawn.len());
    }
}

// As above.
#[test]
fn the_tools_stand_hostile_text() {
    for text in [
        "(".repeat(60_000),
        "a(".repeat(30_000),
        "a({}) and on(k) ".repeat(4_000),
        format!("a({{}}) {} and on(k) b({{}})", "#\n".repeat(30_000)),
        format!("a({{}}) and on(k) b({{}}) {}", "| x #1\n".repeat(9_000)),
        format!("a({{}}) and on({}) b({{}})", "k, ".repeat(20_000)),
        format!("a({{{}}}) and on(k) b({{}})", "k=~\"5\", ".repeat(7_000)),
        "{ and [".repeat(9_000),
    ] {
        for cursor in [0, text.len() / 2, text.len()] {
            complete(&text, cursor, &Vocabulary::default());
            hover(&text, cursor);
        }
        if let Ok(formatted) = format(&text) {
            assert!(format(&formatted).is_ok_and(|again| again == formatted));
        }
        check(&text, &PlanOptions::default());
    }
}

#[test]
fn a_terminal_is_not_written_to_by_a_query() {
    let text = "a({}) and on(k) b({}) \u{1b}]0;title\u{7}";
    let checked = check(text, &PlanOptions::default());
    let drawn = render(text, &checked.diagnostics, false);
    assert!(!drawn.contains(['\u{1b}', '\u{7}']), "{drawn:?}");
}

/// The tree as JSON without its spans.
pub(super) fn shape(query: &Query) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("span");
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(query).unwrap();
    strip(&mut value);
    value
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z_][a-zA-Z0-9_]{0,5}"
}

fn source() -> impl Strategy<Value = String> {
    name().prop_filter("words of the language name no source", |name| !scan::is_reserved(name))
}

fn label() -> impl Strategy<Value = String> {
    prop_oneof![name(), "[a-z]{1,3}\\.[a-z0-9]{1,3}(\\.[0-9])?"]
}

fn selector() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[^()\"'`\\\\]{0,6}",
        "\"([^\"\\\\]|\\\\.){0,5}\"".prop_map(|text| text.replace('\n', " ")),
        "'([^'\\\\]|\\\\'){0,5}'",
        "`[^`]{0,5}`",
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|parts| {
            parts.iter().flat_map(|part| ["(", part, ")", part]).collect::<String>()
        })
    })
}

fn duration() -> impl Strategy<Value = String> {
    let unit = prop::sample::select(vec!["ns", "us", "ms", "s", "m", "h", "d", "w"]);
    prop::collection::vec((0..1000_u32, unit), 1..4).prop_map(|parts| {
        let parts = parts.iter().flat_map(|(number, unit)| [number.to_string(), (*unit).into()]);
        parts.collect()
    })
}

fn quoted() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|text| literal::quote(&text)),
        "'[^'\\\\]{0,5}'",
        "`[^`]{0,5}`"
    ]
}

/// The tokens of a query; every one may be followed by white space, and has to be by some.
pub(super) fn tokens() -> impl Strategy<Value = Vec<String>> {
    let stream = (source(), selector(), prop::option::of(duration()), prop::option::of(name()))
        .prop_map(|(source, selector, range, alias)| {
            let mut tokens = vec![source, format!("({selector})")];
            tokens.extend(range.map(|range| format!("[{range}]")));
            tokens.extend(alias.into_iter().flat_map(|alias| ["aS".to_owned(), alias]));
            tokens
        })
        .boxed();
    // A set of pairs of labels: `k` and `k=k` are one key, which is given once.
    let key = (label(), prop::option::of(label()))
        .prop_map(|(left, right)| (left.clone(), right.unwrap_or(left)))
        .boxed();
    let keys = (few_or_many(key), any::<bool>()).prop_map(|(keys, spelled)| {
        let keys = keys.into_iter().map(|(left, right)| {
            if left == right && !spelled { vec![left] } else { vec![left, "=".into(), right] }
        });
        keys.collect::<Vec<_>>().join(&",".to_owned())
    });
    let within = prop_oneof![
        Just(vec![]),
        duration().prop_map(|d| vec!["within".into(), "(".into(), d, ")".into()]),
        (duration(), duration()).prop_map(|(lo, hi)| {
            vec!["WITHIN".into(), "(".into(), format!("-{lo}"), ",".into(), hi, ")".into()]
        }),
    ];
    let kind = prop::sample::select(vec!["and", "Or", "unless", "OUTER", "then", "then not"]);
    let clause = |word: &'static str| {
        few_or_many(label().boxed()).prop_map(move |labels| {
            let labels = labels.into_iter().collect::<Vec<_>>().join(" , ");
            vec![word.to_owned(), "(".into(), labels, ")".into()]
        })
    };
    let keys = keys
        .prop_map(|keys| [vec!["on".to_owned(), "(".into()], keys, vec![")".into()]].concat())
        .boxed();
    let policy = prop::sample::select(vec!["session", "pairs", "FIRST", "latest"]);
    let matched = prop_oneof![
        3 => keys.clone(),
        1 => clause("ignoring"),
        1 => (keys, clause("Ignoring")).prop_map(|(keys, labels)| [keys, labels].concat()),
    ];
    let results = prop_oneof![
        3 => Just(vec![]),
        1 => policy.prop_map(|policy| ["Pick", "(", policy, ")"].map(String::from).to_vec()),
        1 => Just(vec!["group_left".to_owned()]),
        1 => Just(["group_left", "(", ")"].map(String::from).to_vec()),
        1 => clause("Group_Right"),
    ];
    let head = (kind, matched, within, results)
        .prop_map(|(kind, matched, within, results)| {
            [vec![kind.to_owned()], matched, within, results].concat()
        })
        .boxed();
    let grouped = (stream.clone(), head.clone(), stream.clone()).prop_map(|(left, head, right)| {
        [vec!["(".to_owned()], left, head, right, vec![")".into()]].concat()
    });
    let right = prop_oneof![3 => stream.clone(), 1 => grouped];
    let join = (head, right).prop_map(|(head, right)| [head, right].concat());
    let op = prop::sample::select(vec!["=", "!=", "=~", "!~"]);
    let matcher = (label(), op, quoted()).prop_map(|(l, op, v)| vec![l, op.into(), v]);
    let projection = prop::collection::vec(matcher, 1..8).prop_map(|matchers| {
        let mut tokens = matchers.join(&",".to_owned());
        tokens.insert(0, "{".into());
        tokens.push("}".into());
        tokens
    });
    let joins = prop::collection::vec((join, any::<bool>()), 0..4);
    let piece = prop::sample::select(vec!["x", "a#1", "> 5", "\"|(\"", "( '#' | b )", "é"]);
    let stage = prop::collection::vec(piece, 0..4).prop_map(|pieces| {
        ["|", "where"].into_iter().chain(pieces).map(String::from).collect::<Vec<_>>()
    });
    let select = few_or_many(label().boxed()).prop_map(|labels| {
        let fields = labels.into_iter().map(|label| vec![label]).collect::<Vec<_>>();
        [vec!["|".to_owned(), "Select".into()], fields.join(&",".to_owned())].concat()
    });
    let filter = condition()
        .prop_map(|condition| [vec!["|".to_owned(), "Where".into()], condition].concat());
    let stages = prop::collection::vec(prop_oneof![2 => stage, 1 => select, 2 => filter], 0..3);
    (stream, joins, prop::option::of(projection), stages).prop_map(|parts| {
        let (first, joins, projection, stages) = parts;
        let mut tokens = first;
        for (join, grouped) in joins {
            if grouped {
                tokens.insert(0, "(".into());
                tokens.push(")".into());
            }
            tokens.extend(join);
        }
        tokens.extend(projection.into_iter().flatten());
        tokens.extend(stages.into_iter().flatten());
        tokens
    })
}

/// A set of a few or, more rarely, so many that they do not fit a line.
fn few_or_many<T: Ord + Debug>(item: BoxedStrategy<T>) -> impl Strategy<Value = BTreeSet<T>> {
    prop_oneof![
        9 => prop::collection::btree_set(item.clone(), 1..4),
        1 => prop::collection::btree_set(item, 20..30),
    ]
}

/// The tokens of a condition, most of which do not fit a line.
fn condition() -> impl Strategy<Value = Vec<String>> {
    let tokens = |tokens: &[&str]| tokens.iter().map(|token| (*token).to_owned()).collect();
    let comparisons: Vec<Vec<String>> = vec![
        tokens(&["a.status", ">=", "500"]),
        tokens(&["every", "(", "some_long_name.with.dots", "=~", "'(4|5).. and or'", ")"]),
        tokens(&[
            "count", "(", "a", ")", "*", "(", "first", "(", "b", ")", ".took", "+", "2", ")", "<",
            "9",
        ]),
        tokens(&["duration", ">", "90s"]),
    ];
    prop::sample::select(comparisons).prop_recursive(5, 24, 6, |inner| {
        let joined = |word: &'static str| {
            prop::collection::vec(inner.clone(), 2..6).prop_map(move |of| of.join(&word.to_owned()))
        };
        let wrap = |start: &[&str], inner: Vec<String>| {
            let start = start.iter().map(|token| (*token).to_owned());
            start.chain(inner).chain([")".to_owned()]).collect::<Vec<_>>()
        };
        prop_oneof![
            joined("and"),
            joined("OR"),
            joined("and").prop_map(move |inner| wrap(&["("], inner)),
            joined("or").prop_map(move |inner| wrap(&["not", "("], inner)),
        ]
    })
}

pub(super) fn space() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![" ", "\n", "\t \r\n", " # it's (\n", "#\n", "\u{a0}"])
}

/// The scan and the parser agree on what is quoted, commented and nested: where the scan has nothing
/// to say, the parser never runs short of stack. All short ways to hide parentheses are tried.
#[test]
fn depth_cannot_be_hidden_from_the_scan() {
    let marks = ["", "(", ")", "\"", "#", "\n"];
    let mut marked = vec![String::new()];
    for _ in 0..3 {
        let longer = marked.iter().flat_map(|text| marks.map(|mark| format!("{text}{mark}")));
        marked = longer.collect();
        marked.sort_unstable();
        marked.dedup();
    }
    let starts = ["", "a({}) and on(k) ", "a({}) ", "a({}) | x", "a({}) || "];
    let words = ["", "group_left", "then not", "b", "#1"];
    // What can end a quote, a comment or a selector that the parentheses are in.
    let ends = ["", "\"", "\n", ")", "\")", "\n)"];
    let deep = "(".repeat(200);
    let attack = move || {
        let mut passed = 0;
        for (start, word) in starts.iter().flat_map(|start| words.map(|word| (start, word))) {
            for before in &marked {
                for after in ends {
                    let text = [start, word, before, &deep, after].concat();
                    if scan::query(&text).is_ok() {
                        passed += 1;
                        let found = parse(&text).err().unwrap_or_default();
                        let deep = found.iter().any(|found| found.code == code::QUERY_TOO_DEEP);
                        assert!(!deep, "{start}{word}{before}(…{after}");
                    }
                }
            }
        }
        passed
    };
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let passed = small.spawn(attack).unwrap().join().unwrap();
    assert!(passed > 1_000, "the scan lets quoted and commented ones through: {passed}");
}

proptest! {
    #[test]
    fn canonical_text_parses_to_the_same_tree(
        tokens in tokens(),
        spaces in prop::collection::vec(space(), 80),
    ) {
        let spaced: String = tokens
            .iter()
            .zip(spaces.iter().cycle())
            .flat_map(|(token, space)| [token.as_str(), space])
            .collect();
        let query = parse(&spaced).map_err(|found| {
            TestCaseError::fail(format!("{spaced}\n{}", render(&spaced, &found, false)))
        })?;
        let canonical = query.to_string();
        let again = parse(&canonical).map_err(|found| {
            TestCaseError::fail(format!("{canonical}\n{}", render(&canonical, &found, false)))
        })?;
        prop_assert_eq!(shape(&query), shape(&again));
        prop_assert_eq!(&canonical, &again.to_string());
        let plain = parse(&tokens.join(" ")).expect("spaces change nothing");
        prop_assert_eq!(canonical, plain.to_string());
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        answered(&text)?;
    }

    #[test]
    fn any_soup_of_tokens_is_answered(tokens in prop::collection::vec(prop::sample::select(SOUP), 0..24)) {
        answered(&tokens.concat())?;
    }
}

const SOUP: &[&str] = &[
    "(",
    ")",
    "a",
    "a({})",
    "and",
    "or",
    "then",
    "not",
    "on",
    "on(k)",
    "within",
    "within(1s)",
    "as",
    "[",
    "5m",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "`",
    "\\",
    "#",
    "\n",
    " ",
    ",",
    "|",
    "=",
    "=~",
    "json",
    "é",
    "\0",
    "-",
    "{}",
    "a({}) and ",
    "a({}) and on(k) ",
    "pick(",
    "ignoring ",
    "not ",
    "as x",
    "\"\n",
    "# ",
    "||",
    "| where ",
    "a#1",
    "pick(first)",
    "group_left",
    "ignoring(x)",
];

/// Checks what holds of every text: a plan or an error, every span in the text, every one drawn.
fn answered(text: &str) -> Result<(), TestCaseError> {
    let checked = check(text, &PlanOptions::default());
    let errors = checked.diagnostics.iter().any(|found| found.severity == Severity::Error);
    prop_assert_eq!(checked.plan.is_none(), errors);
    for found in &checked.diagnostics {
        prop_assert!(text.get(found.span.clone()).is_some(), "{:?} {:?}", text, found);
        prop_assert!(!found.message.is_empty() && !found.message.contains('\n'));
        prop_assert_eq!(found.line, text[..found.span.start].matches('\n').count() + 1);
    }
    let drawn = render(text, &checked.diagnostics, false);
    prop_assert_eq!(drawn.is_empty(), checked.diagnostics.is_empty());
    Ok(())
}
