//! Operators, clauses, groups and stages: what they parse to, what they plan, and how a mistake in
//! them is told.

use serde_json::json;

use super::diagnostic_tests::shows;
use super::tests::{codes, plan, seconds};
use super::*;
use crate::id::StreamId;
use crate::plan::{JoinKey, JoinKeys, JoinKind, Operand, Pick};

fn stream(at: usize) -> Operand {
    Operand::Stream(StreamId::new(at))
}

fn canonical(text: &str) -> String {
    match parse(text) {
        Ok(query) => query.to_string(),
        Err(found) => panic!("{text}\n{}", render(text, &found, false)),
    }
}

#[test]
fn every_operator_has_its_kind() {
    for (text, kind) in [
        ("and", JoinKind::And),
        ("OR", JoinKind::Or),
        ("outer", JoinKind::Outer),
        ("unless", JoinKind::Unless),
        ("then", JoinKind::Then),
        ("then not", JoinKind::ThenNot),
        ("Then # one (\n\t NOT", JoinKind::ThenNot),
    ] {
        let text = format!("a({{}}) {text} on(k) nothing({{}})");
        let plan = plan(&text);
        assert_eq!(plan.joins[0].kind, kind, "{text}");
        assert_eq!(plan.canonical, format!("a({{}}) {kind} on(k) nothing({{}})"));
        assert_eq!(plan.streams[1].name, "nothing", "not the `not` of `then not`");
    }
    assert_eq!(plan("a({}) then on(k) nothing({})").joins[0].kind, JoinKind::Then);
}

#[test]
fn what_follows_is_never_before() {
    for (within, lo, hi) in [
        ("", 0, None),
        (" within(5s)", 0, Some(5)),
        (" within(-5s, 0s)", 0, Some(0)),
        (" within(2s, 5s)", 2, Some(5)),
    ] {
        for kind in ["then", "then not"] {
            let plan = plan(&format!("a({{}}) {kind} on(k){within} b({{}})"));
            let join = &plan.joins[0];
            assert_eq!((join.lo, join.hi), (seconds(lo), hi.map_or(Span::MAX, seconds)));
        }
    }
}

#[test]
fn groups_on_the_right_become_operands() {
    let plan =
        plan("a({}) unless on(k) (b({}) and on(j) (c({}) or on(i) d({}))) then on(h) (e({}))");
    let operands: Vec<_> = plan.joins.iter().map(|join| (join.left, join.right)).collect();
    assert_eq!(
        operands,
        [
            (stream(2), stream(3)),
            (stream(1), Operand::Join(0)),
            (stream(0), Operand::Join(1)),
            (Operand::Join(2), stream(4)),
        ]
    );
    let keys =
        |label: &str| JoinKeys::On(vec![JoinKey { left: label.into(), right: label.into() }]);
    let planned: Vec<_> = plan.joins.iter().map(|join| join.keys.clone()).collect();
    assert_eq!(planned, ["i", "j", "k", "h"].map(keys));
    assert_eq!(plan.streams_of(Operand::Join(1)), 1..4);
    assert_eq!(
        plan.canonical,
        "a({}) unless on(k) (b({}) and on(j) (c({}) or on(i) d({}))) then on(h) e({})"
    );
}

#[test]
fn both_sides_may_be_groups() {
    let plan = plan("(a({}) and on(k) b({})) outer on(k) (c({}) and on(k) d({}))");
    let operands: Vec<_> = plan.joins.iter().map(|join| (join.left, join.right)).collect();
    let joins = (Operand::Join(0), Operand::Join(1));
    assert_eq!(operands, [(stream(0), stream(1)), (stream(2), stream(3)), joins]);
    assert_eq!(plan.canonical, "a({}) and on(k) b({}) outer on(k) (c({}) and on(k) d({}))");
}

#[test]
fn bounds_are_judged_by_the_widest_range_of_either_side() {
    plan("a({})[1m] and on(k) within(-10m, 1m) (b({})[1m] and on(k) c({})[10m])");
    let text = "a({})[1m] and on(k) within(-11m, 1m) (b({})[1m] and on(k) c({})[10m])";
    assert_eq!(codes(text), [code::QUERY_WITHIN_TOO_WIDE]);
    let text = "a({})[1m] and on(k) within(-12m, -11m) (b({})[1m] and on(k) c({})[10m])";
    assert_eq!(codes(text), [code::QUERY_BOUNDS]);
}

#[test]
fn ignoring_names_what_is_not_in_the_key() {
    let keys = |text: &str| plan(text).joins.remove(0).keys;
    let labels = |labels: &[&str]| labels.iter().map(ToString::to_string).collect();
    assert_eq!(
        keys("a({}) and IGNORING(level, err.code) b({})"),
        JoinKeys::Ignoring(labels(&["level", "err.code"]))
    );
    let text = "a({}) and on(k) ignoring(level) b({})";
    let checked = check(text, &PlanOptions::default());
    let key = JoinKey { left: "k".into(), right: "k".into() };
    assert_eq!(checked.plan.expect("a warning").joins[0].keys, JoinKeys::On(vec![key]));
    assert_eq!(codes(text), [code::QUERY_NO_EFFECT]);
}

#[test]
fn a_step_without_a_policy_is_a_session_over_sessions() {
    let picks = |text: &str| -> Vec<Pick> {
        let query = parse(text).expect("it parses");
        let plan = check::plan(&query, text, true, &PlanOptions::default(), &mut Vec::new());
        plan.joins.into_iter().map(|join| join.pick).collect()
    };
    let one_each = || Pick::GroupLeft(Vec::new());
    assert_eq!(picks("a({}) and on(k) b({}) or on(k) c({})"), [Pick::Session, Pick::Session]);
    assert_eq!(picks("a({}) and on(k) pick(session) b({})"), [Pick::Session]);
    assert_eq!(
        picks("a({}) and on(k) pick(PAIRS) b({}) or on(k) c({})"),
        [Pick::Pairs, one_each()]
    );
    // A session over what is none is a session, but what follows it is not over sessions.
    assert_eq!(
        picks("a({}) then on(k) pick(latest) b({}) or on(k) pick(session) c({}) or on(k) d({})"),
        [Pick::Latest, Pick::Session, one_each()]
    );
    assert_eq!(
        picks("a({}) or on(k) (b({}) and on(k) pick(first) c({})) unless on(k) d({})"),
        [Pick::First, one_each(), one_each()]
    );
    assert_eq!(
        picks("a({}) and on(k) Group_Left(x, y) b({}) and on(k) group_right c({})"),
        [Pick::GroupLeft(vec!["x".into(), "y".into()]), Pick::GroupRight(vec![])]
    );
}

#[test]
fn clauses_stand_in_any_order_and_have_one() {
    assert_eq!(
        canonical("a({}) and group_left within(5s) ignoring(x) b({})"),
        "a({}) and ignoring(x) within(5s) group_left() b({})"
    );
    assert_eq!(
        canonical("a({}) and pick(first) within(5s) on(k) ignoring(x) b({})"),
        "a({}) and on(k) ignoring(x) within(5s) pick(first) b({})"
    );
}

#[test]
fn a_group_is_told_from_the_labels_of_a_clause() {
    let text = "a({}) and on(k) group_left (b({}) and on(k) c({}))";
    assert_eq!(canonical(text), "a({}) and on(k) group_left() (b({}) and on(k) c({}))");
    let text = "a({}) and on(k) group_right (x, y) (b({}) and on(k) c({}))";
    assert_eq!(canonical(text), "a({}) and on(k) group_right(x, y) (b({}) and on(k) c({}))");
    assert_eq!(canonical("a({}) and on(k) group_left() b()"), "a({}) and on(k) group_left() b()");
}

#[test]
fn stages_are_taken_apart() {
    let text = "a({}) and on(k) b({}) {x=\"|\"} # one |
        | where a#1.x = \"|\" and (count( b ) > 1 # two ) \"
            | 5) # three
        |select  a.x,'#',\n b.y
        # four (
        |limit 5 # five";
    let query = parse(text).unwrap_or_else(|found| panic!("{}", render(text, &found, false)));
    let stages: Vec<_> = query.stages.iter().map(|stage| stage.value.as_str()).collect();
    let first = "where a#1.x = \"|\" and (count( b ) > 1 | 5)";
    assert_eq!(stages, [first, "select a.x,'#', b.y", "limit 5"]);
    let raw: Vec<_> = query.stages.iter().map(|stage| &text[stage.span.clone()]).collect();
    assert!(raw[0].starts_with("where a#1") && raw[0].ends_with("| 5)"), "{}", raw[0]);
    assert_eq!(raw[1..], ["select  a.x,'#',\n b.y", "limit 5"]);
    assert_eq!(query.span, 0..text.find(" # five").unwrap());
    let canonical = "a({}) and on(k) b({}) {x=\"|\"} | where a#1.x = \"|\" and (count( b ) > 1 | 5) \
                     | select a.x,'#', b.y | limit 5";
    assert_eq!(query.to_string(), canonical);
    assert_eq!(parse(canonical).unwrap().to_string(), canonical);
}

#[test]
fn the_clauses_are_json_for_hosts() {
    let query = parse("a() then not ignoring(x) group_left(y) b() | limit 1").unwrap();
    let value = serde_json::to_value(&query).unwrap();
    let span = |start: usize, end: usize| json!({"start": start, "end": end});
    assert_eq!(value["expr"]["kind"], json!({"value": "then not", "span": span(4, 12)}));
    assert_eq!(value["expr"]["on"], json!([]));
    let label = |name: &str, start: usize| json!([{"value": name, "span": span(start, start + 1)}]);
    assert_eq!(value["expr"]["ignoring"], json!({"labels": label("x", 22), "span": span(13, 24)}));
    assert_eq!(
        value["expr"]["grouping"],
        json!({"side": "left", "labels": label("y", 36), "span": span(25, 38)})
    );
    assert_eq!(value["stages"], json!([{"value": "limit 1", "span": span(45, 52)}]));
    let query = parse("a() and on(k) pick(first) b()").unwrap();
    let value = serde_json::to_value(&query).unwrap();
    assert_eq!(value["expr"]["pick"], json!({"policy": "first", "span": span(14, 25)}));
}

#[test]
fn policies() {
    shows(
        "a({}) and on(k) pick(first) b({}) or on(k) pick() d({})",
        r"
error[QUERY_SYNTAX]: expected a policy (`session`, `pairs`, `first`, `latest`), found `)`
 --> query:1:49
  |
1 | a({}) and on(k) pick(first) b({}) or on(k) pick() d({})
  |                                                 ^
",
    );
    shows(
        "a({}) and on(k) pick(frist) b({}) or on(k) pick(xyzzy) c({})",
        r"
error[QUERY_POLICY]: unknown policy `frist`; expected `session`, `pairs`, `first` or `latest`
 --> query:1:22
  |
1 | a({}) and on(k) pick(frist) b({}) or on(k) pick(xyzzy) c({})
  |                      ^^^^^
  |
  = help: did you mean `first`?

error[QUERY_POLICY]: unknown policy `xyzzy`; expected `session`, `pairs`, `first` or `latest`
 --> query:1:49
  |
1 | a({}) and on(k) pick(frist) b({}) or on(k) pick(xyzzy) c({})
  |                                                 ^^^^^
",
    );
    shows(
        "a({}) and on(k) pick(session) group_left b({}) or on(k) group_right(x) pick(session) c({})",
        r"
error[QUERY_POLICY]: `pick` and a group both say what makes a result; a join takes one of them
 --> query:1:31
  |
1 | a({}) and on(k) pick(session) group_left b({}) or on(k) group_right(x) pick(session) c({})
  |                               ^^^^^^^^^^

error[QUERY_POLICY]: `pick` and a group both say what makes a result; a join takes one of them
 --> query:1:72
  |
1 | a({}) and on(k) pick(session) group_left b({}) or on(k) group_right(x) pick(session) c({})
  |                                                                        ^^^^^^^^^^^^^
",
    );
    shows(
        "a({}) and on(k) pick(latest) b({}) then not on(k) pick(latest) c({})",
        r"
error[QUERY_POLICY]: `pick(latest)` goes with `then`, not with `and`
 --> query:1:17
  |
1 | a({}) and on(k) pick(latest) b({}) then not on(k) pick(latest) c({})
  |                 ^^^^^^^^^^^^
  |
  = help: write `then`, or `pick(first)` for one-to-one matches in any order

error[QUERY_POLICY]: `pick(latest)` goes with `then`, not with `then not`
 --> query:1:51
  |
1 | a({}) and on(k) pick(latest) b({}) then not on(k) pick(latest) c({})
  |                                                   ^^^^^^^^^^^^
  |
  = help: write `then`, or `pick(first)` for one-to-one matches in any order
",
    );
    shows(
        "a({}) followed_by on(k) pick(latest) b({})",
        r"
error[QUERY_UNKNOWN_OPERATOR]: unknown operator `followed_by`; expected `and`, `or`, `outer`, `unless`, `then` or `then not`
 --> query:1:7
  |
1 | a({}) followed_by on(k) pick(latest) b({})
  |       ^^^^^^^^^^^
  |
  = help: did you mean `then`?
",
    );
    shows(
        "a({}) and on(k) pick first b({})",
        r"
error[QUERY_SYNTAX]: expected `(` after `pick`, found `first`
 --> query:1:17
  |
1 | a({}) and on(k) pick first b({})
  |                 ^^^^^^^^^^
  |
  = help: write `pick(first)`
",
    );
}

#[test]
fn clauses_given_twice() {
    shows(
        "a({}) and on(k) pick(session) pick(session) ignoring(x) ignoring(y) b({})
  or ignoring(x, y, x) on(k) group_left(z, z) group_right c({})",
        r"
error[QUERY_DUPLICATE]: `pick(...)` is given twice
 --> query:1:31
  |
1 | a({}) and on(k) pick(session) pick(session) ignoring(x) ignoring(y) b({})
  |                               ^^^^^^^^^^^^^

warning[QUERY_NO_EFFECT]: `ignoring(...)` has no effect beside `on(...)`, which names the whole key
 --> query:1:45
  |
1 | a({}) and on(k) pick(session) pick(session) ignoring(x) ignoring(y) b({})
  |                                             ^^^^^^^^^^^
  |
  = help: leave one of the two out

error[QUERY_DUPLICATE]: `ignoring(...)` is given twice
 --> query:1:57
  |
1 | a({}) and on(k) pick(session) pick(session) ignoring(x) ignoring(y) b({})
  |                                                         ^^^^^^^^^^^

error[QUERY_DUPLICATE]: the label `x` is given twice
 --> query:2:21
  |
2 |   or ignoring(x, y, x) on(k) group_left(z, z) group_right c({})
  |                     ^

error[QUERY_DUPLICATE]: `on(...)` after `ignoring(...)`: a join takes one of them
 --> query:2:24
  |
2 |   or ignoring(x, y, x) on(k) group_left(z, z) group_right c({})
  |                        ^^^^^

error[QUERY_DUPLICATE]: the copied label `z` is given twice
 --> query:2:44
  |
2 |   or ignoring(x, y, x) on(k) group_left(z, z) group_right c({})
  |                                            ^

error[QUERY_DUPLICATE]: `group_left` or `group_right` is given twice
 --> query:2:47
  |
2 |   or ignoring(x, y, x) on(k) group_left(z, z) group_right c({})
  |                                               ^^^^^^^^^^^
",
    );
}

#[test]
fn ignoring_nothing() {
    shows(
        "a({}) and ignoring() b({}) and on(k) ignoring(x) c({})",
        r"
error[QUERY_NO_KEYS]: `ignoring()` names no label
 --> query:1:11
  |
1 | a({}) and ignoring() b({}) and on(k) ignoring(x) c({})
  |           ^^^^^^^^^^
  |
  = help: for instance `ignoring(level)`

warning[QUERY_NO_EFFECT]: `ignoring(...)` has no effect beside `on(...)`, which names the whole key
 --> query:1:38
  |
1 | a({}) and ignoring() b({}) and on(k) ignoring(x) c({})
  |                                      ^^^^^^^^^^^
  |
  = help: leave one of the two out
",
    );
}

#[test]
fn nothing_follows_before() {
    shows(
        "a({}) then on(k) within(-5s, -1s) b({})",
        r"
error[QUERY_BOUNDS]: `within(-5s, -1s)` allows only what is before the left side, and `then` nothing of that
 --> query:1:18
  |
1 | a({}) then on(k) within(-5s, -1s) b({})
  |                  ^^^^^^^^^^^^^^^^
  |
  = help: exchange the sides of the join, or the signs of the bounds
",
    );
}

#[test]
fn broken_clauses() {
    shows(
        "a({}) and on(k) group_left(x y) b({})",
        r"
error[QUERY_SYNTAX]: expected `,`, `)` or `(`, found `y`
 --> query:1:30
  |
1 | a({}) and on(k) group_left(x y) b({})
  |                              ^
",
    );
    shows(
        "a({}) then nto on(k) b({})",
        r"
error[QUERY_UNKNOWN_OPERATOR]: unknown word `nto` after `then`
 --> query:1:12
  |
1 | a({}) then nto on(k) b({})
  |            ^^^
  |
  = help: did you mean `then not`?
",
    );
    shows(
        "a({}) and on(k) b({}) |",
        r"
error[QUERY_SYNTAX]: expected a stage (`where`, `select`, `limit`), found the end of the query
 --> query:1:24
  |
1 | a({}) and on(k) b({}) |
  |                        ^
",
    );
    shows(
        "a({}) and on(k) b({}) | | where x",
        r"
error[QUERY_SYNTAX]: expected a stage (`where`, `select`, `limit`), found `|`
 --> query:1:25
  |
1 | a({}) and on(k) b({}) | | where x
  |                         ^
",
    );
    shows(
        "(a({}) and on(k) b({}) | where x)",
        r"
error[QUERY_SYNTAX]: expected `)`, a range such as `[5m]`, `as` or an operator (`and`, `or`, `outer`, `unless`, `then`), found `|`
 --> query:1:24
  |
1 | (a({}) and on(k) b({}) | where x)
  |                        ^
  |
  = help: stages stand at the end of the query, outside of parentheses
",
    );
}

#[test]
fn after_a_syntax_error_the_rest_is_read() {
    shows(
        "a({})[5min] and on(k j) b({}) or on() c({x=~\"(\"})
  then on(k) within(5) (d({}) and onn(k) e({}) unless on(k, k) f({})) {x=1} | | where y",
        r#"
error[QUERY_UNKNOWN_UNIT]: unknown unit `min` in the duration `5min`
 --> query:1:7
  |
1 | a({})[5min] and on(k j) b({}) or on() c({x=~"("})
  |       ^^^^
  |
  = help: did you mean `m`?

error[QUERY_SYNTAX]: expected `,`, `)` or `=`, found `j`
 --> query:1:22
  |
1 | a({})[5min] and on(k j) b({}) or on() c({x=~"("})
  |                      ^

error[QUERY_NO_KEYS]: `on()` names no label; a join needs at least one that must agree
 --> query:1:34
  |
1 | a({})[5min] and on(k j) b({}) or on() c({x=~"("})
  |                                  ^^^^
  |
  = help: for instance `on(request_id)`

error[QUERY_REGEX]: this regex does not compile: unclosed group
 --> query:1:46
  |
1 | a({})[5min] and on(k j) b({}) or on() c({x=~"("})
  |                                              ^

error[QUERY_DURATION]: the duration `5` ends without a unit
 --> query:2:21
  |
2 |   then on(k) within(5) (d({}) and onn(k) e({}) unless on(k, k) f({})) {x=1} | | where y
  |                     ^
  |
  = help: for instance `5s` for seconds

error[QUERY_SYNTAX]: unknown clause `onn(...)`
 --> query:2:35
  |
2 |   then on(k) within(5) (d({}) and onn(k) e({}) unless on(k, k) f({})) {x=1} | | where y
  |                                   ^^^
  |
  = help: did you mean `on(...)`?

error[QUERY_DUPLICATE]: the key `k` is given twice
 --> query:2:61
  |
2 |   then on(k) within(5) (d({}) and onn(k) e({}) unless on(k, k) f({})) {x=1} | | where y
  |                                                             ^

error[QUERY_SYNTAX]: expected a quoted text, found `1`
 --> query:2:74
  |
2 |   then on(k) within(5) (d({}) and onn(k) e({}) unless on(k, k) f({})) {x=1} | | where y
  |                                                                          ^
  |
  = help: texts are quoted: write `"1"`

error[QUERY_SYNTAX]: expected a stage (`where`, `select`, `limit`), found `|`
 --> query:2:79
  |
2 |   then on(k) within(5) (d({}) and onn(k) e({}) unless on(k, k) f({})) {x=1} | | where y
  |                                                                               ^
"#,
    );
    shows(
        "(a({})) 5m and on(k) within(1 s) b({})",
        r"
error[QUERY_SYNTAX]: expected an operator (`and`, `or`, `outer`, `unless`, `then`), a projection `{...}`, a stage such as `| where` or the end of the query, found `5m`
 --> query:1:9
  |
1 | (a({})) 5m and on(k) within(1 s) b({})
  |         ^^

error[QUERY_DURATION]: `1 s` is no duration; expected one such as `5m` or `1h30m`
 --> query:1:29
  |
1 | (a({})) 5m and on(k) within(1 s) b({})
  |                             ^^^
  |
  = help: write `1s`
",
    );
    shows(
        "x y({}) and on(k) pick(frist) b({})",
        r"
error[QUERY_SYNTAX]: expected `(`, found `y`
 --> query:1:3
  |
1 | x y({}) and on(k) pick(frist) b({})
  |   ^

error[QUERY_POLICY]: unknown policy `frist`; expected `session`, `pairs`, `first` or `latest`
 --> query:1:24
  |
1 | x y({}) and on(k) pick(frist) b({})
  |                        ^^^^^
  |
  = help: did you mean `first`?
",
    );
    shows(
        "a({}) and on(k) and on(k, k) b({}) or on(k, k) c({})",
        r#"
error[QUERY_SYNTAX]: expected a stream such as `app({level="error"})` or a clause, found `and`
 --> query:1:17
  |
1 | a({}) and on(k) and on(k, k) b({}) or on(k, k) c({})
  |                 ^^^

error[QUERY_DUPLICATE]: the key `k` is given twice
 --> query:1:27
  |
1 | a({}) and on(k) and on(k, k) b({}) or on(k, k) c({})
  |                           ^

error[QUERY_DUPLICATE]: the key `k` is given twice
 --> query:1:45
  |
1 | a({}) and on(k) and on(k, k) b({}) or on(k, k) c({})
  |                                             ^
"#,
    );
    shows(
        "a({}) and on(k b({})) or c({})",
        r"
error[QUERY_SYNTAX]: expected `,`, `)` or `=`, found `b`
 --> query:1:16
  |
1 | a({}) and on(k b({})) or c({})
  |                ^

error[QUERY_NO_KEYS]: `or` needs `on(...)`: the labels that must agree
 --> query:1:23
  |
1 | a({}) and on(k b({})) or c({})
  |                       ^^
  |
  = help: for instance `or on(request_id)`
",
    );
}
