//! What stages say of correlations.

use super::*;

const NONE: &[Literal] = &[];

/// Each condition with whether it holds of `events`.
#[track_caller]
fn all(events: &[&[Literal]], conditions: &[(&str, bool)]) {
    for (condition, expected) in conditions {
        assert_eq!(holds(condition, events), *expected, "{condition}");
    }
}

#[test]
fn a_label_stands_for_any_event() {
    let a: &[Literal] = &[(0, &[("x", "1"), ("y", "p")]), (1, &[("x", "2"), ("y", "q")])];
    all(
        &[a, NONE],
        &[
            ("a.x = \"1\"", true),
            ("a.x = \"2\"", true),
            ("a.x = \"3\"", false),
            ("a.x != \"1\"", true),
            ("a.x = \"1\" and a.x = \"2\"", true),
            ("a.x = \"1\" and not (a.x = \"1\")", false),
            ("\"2\" = a.x", true),
        ],
    );
}

#[test]
fn a_stream_without_events_or_a_missing_label_makes_a_comparison_false() {
    let a: &[Literal] = &[(0, &[("x", "1"), ("empty", "")])];
    for label in ["b.x", "a.missing", "a.empty", "first(b).x", "last(a).missing"] {
        for test in ["= \"1\"", "!= \"1\"", "=~ \".*\"", "!~ \"1\"", "= 1", "!= 1", "< 1s"] {
            assert!(!holds(&format!("{label} {test}"), &[a, NONE]), "{label} {test}");
            assert!(holds(&format!("not {label} {test}"), &[a, NONE]), "not {label} {test}");
        }
        assert!(!holds(&format!("{label} = a.x"), &[a, NONE]));
        assert!(!holds(&format!("{label} != a.x"), &[a, NONE]));
        assert!(!holds(&format!("{label} < a.x + 1"), &[a, NONE]));
    }
    all(
        &[a, NONE],
        &[
            ("b.ts = b.ts", false),
            ("last(b).ts - a.ts >= 0s", false),
            ("a.empty != \"\"", false),
            ("a.x != \"\"", true),
            ("count(b) = 0", true),
        ],
    );
}

#[test]
fn one_event_is_chosen_for_each_stream_in_a_comparison() {
    let a: &[Literal] = &[(0, &[("x", "1"), ("y", "2")]), (1, &[("x", "3"), ("y", "4")])];
    let b: &[Literal] = &[(2, &[("x", "4")]), (3, &[("x", "9")])];
    all(
        &[a, b],
        &[
            ("a.x = a.y", false),
            ("a.x - a.y = -1", true),
            ("a.x - a.y != -1", false),
            ("a.y = b.x", true),
            ("a.x = b.x", false),
            ("a.x != b.x", true),
            ("a.x + 1 = b.x", true),
            ("a.x > b.x", false),
            ("a.y >= b.x", true),
            ("b.x - a.x > 7", true),
            ("b.x - a.x > 8", false),
            ("b.x - a.x >= 8", true),
            ("b.x - a.x < 1", false),
            ("b.x - a.x <= 1", true),
            ("b.x * a.x != 4", true),
        ],
    );
}

#[test]
fn extremes_of_two_streams_are_those_of_all_pairs() {
    const A: &[Literal] = &[(0, &[("x", "7")])];
    const B: &[Literal] =
        &[(0, &[("x", "-3")]), (1, &[("x", "-1")]), (2, &[("x", "0")]), (3, &[("x", "0.1")])];
    all(
        &[A, B],
        &[
            ("a.x / b.x < -6", true),
            ("a.x / b.x < -7", false),
            ("a.x / b.x > 69", true),
            ("a.x / b.x > 71", false),
            ("a.x * b.x <= -21", true),
            ("a.x * b.x < -21", false),
            ("-1 * a.x * b.x > 20", true),
            ("a.x - b.x >= 10", true),
            ("a.x - b.x > 10", false),
            ("duration / (a.x - 6) - 1s * b.x > 3s", true),
            ("duration / (a.x - 6) - 1s * b.x > 3s3ms", false),
        ],
    );
    let four: &[Literal] = &[(0, &[("x", "4")])];
    let more: &[Literal] = &[(0, &[("x", "4")]), (1, &[("x", "9")])];
    for (a, b, expected) in [(four, four, false), (four, more, true), (more, four, true)] {
        assert_eq!(holds("a.x != b.x + 0", &[a, b]), expected);
        assert_eq!(holds("a.x + 0 != b.x", &[a, b]), expected);
        assert_eq!(holds("a.x != b.x", &[a, b]), expected);
    }
}

#[test]
fn every_is_about_all_events_and_false_of_none() {
    let a: &[Literal] = &[(0, &[("x", "1"), ("z", "1")]), (1, &[("x", "2")])];
    all(
        &[a, NONE],
        &[
            ("every(a.x < 3)", true),
            ("every(a.x < 2)", false),
            ("every(a.x =~ \"[12]\")", true),
            ("every(a.x != \"3\")", true),
            ("every(a.x = first(a).x)", false),
            ("every(a.x >= first(a).x)", true),
            ("every(a.z = \"1\")", false),
            ("every(b.x = \"1\")", false),
            ("not every(b.x = \"1\")", true),
            ("every(a.x + 1 > a.x)", true),
            ("every(a.x < count(a) + 1)", true),
        ],
    );
}

#[test]
fn labels_are_compared_as_what_they_stand_beside() {
    let a: &[Literal] = &[(
        0,
        &[
            ("n", " 500 "),
            ("f", "0.5e3"),
            ("t", "1.5s"),
            ("w", "word"),
            ("inf", "inf"),
            ("huge", "1e999"),
            ("d.e", "05"),
        ],
    )];
    all(
        &[a],
        &[
            ("a.n = 500", true),
            ("a.n = \"500\"", false),
            ("a.f = 500", true),
            ("a.f = \"0.5e3\"", true),
            ("a.n != 500", false),
            ("a.n >= 500.5", false),
            ("500 <= a.n", true),
            ("a.w = 500", false),
            ("a.w != 500", false),
            ("a.inf > 1", false),
            ("a.huge > 1", false),
            ("a.t > 1s", true),
            ("a.t > 1s500ms", false),
            ("a.t = 1500ms", true),
            ("a.n > 1s", false),
            ("a.t > 1", false),
            ("a.d.e = 5", true),
            ("a.d.e = \"5\"", false),
            ("a.n = a.f", false),
            ("a.n <= a.f", true),
            ("a.n + 0 = a.f", true),
        ],
    );
}

#[test]
fn arithmetic_keeps_numbers_durations_and_times_apart() {
    let a: &[Literal] = &[(1_000, &[("took", "250ms"), ("n", "4")]), (9_000, &[])];
    let b: &[Literal] = &[(3_500, &[]), (10_000, &[])];
    all(
        &[a, b],
        &[
            ("b.ts - a.ts > 2s", true),
            ("b.ts - a.ts = 2s500ms", true),
            ("first(b).ts - first(a).ts = 2500ms", true),
            ("last(b).ts - last(a).ts = 1s", true),
            ("a.ts + 2s < b.ts", true),
            ("a.ts - b.ts < 0s", true),
            ("a.ts - b.ts = -2s500ms", true),
            ("a.ts + a.took * 10 = b.ts", true),
            ("a.took + a.took = 500ms", true),
            ("(a.took + 0s) * a.n = 1s", true),
            ("a.took / 50ms = 5", true),
            ("1s / a.n = 250ms", true),
            ("2 * 3 + 4 / 2 - 1 = 7", true),
            ("2 * (3 + 4) = 14", true),
            ("10 - (3 - 2) = 9", true),
            ("10 - 3 - 2 = 5", true),
            ("8 / (4 / 2) = 4", true),
            ("duration = 9s", true),
            ("duration / 2 = 4s500ms", true),
            ("duration / 3s = 3", true),
            ("count(b) = 2 and count() = 4 and count(a) + count(b) = count()", true),
            ("b.ts - a.ts > 2s and count(b) >= 3", false),
        ],
    );
}

#[test]
fn a_division_by_zero_is_no_value_and_overflow_saturates() {
    let a: &[Literal] = &[(0, &[("x", "0"), ("y", "1e308"), ("t", "200000h")])];
    all(
        &[a],
        &[
            ("1 / a.x > 0", false),
            ("1 / a.x <= 0", false),
            ("a.x / a.x = 1", false),
            ("1 / a.x != 1", false),
            ("1s / 0s = 1 or 1s / 0 = 1s", false),
            ("a.y * 10 > 5", true),
            ("a.y * 10 = a.y * 100", true),
            ("-1 * a.y * 10 < 0", true),
            ("a.t * 1000 > 1s", true),
            ("a.t * -1000 < 1s", true),
        ],
    );
}

#[test]
fn times_are_compared_with_rfc_3339() {
    let a: &[Literal] = &[(1_000, &[])];
    all(
        &[a],
        &[
            ("a.ts = \"1970-01-01T00:00:01Z\"", true),
            ("a.ts = '1970-01-01T01:00:01+01:00'", true),
            ("a.ts < \"1970-01-01T00:00:01.000000001Z\"", true),
            ("\"1970-01-01T00:00:01Z\" <= a.ts", true),
            ("a.ts - \"1970-01-01T00:00:00Z\" = 1s", true),
            ("a.ts != \"1970-01-01T00:00:01Z\"", false),
        ],
    );
}

#[test]
fn regexes_are_anchored() {
    let a: &[Literal] = &[(0, &[("x", "500"), ("l", "one\ntwo")])];
    all(
        &[a],
        &[
            ("a.x =~ \"5\"", false),
            ("a.x =~ \"5..\"", true),
            ("a.x !~ \"5\"", true),
            ("a.x !~ \"5..\"", false),
            ("first(a).x =~ `\\d+`", true),
            ("a.l =~ \"one.two\"", true),
        ],
    );
}

#[test]
fn first_and_last_pick_by_event_order() {
    let a: &[Literal] = &[(5, &[("x", "p")]), (5, &[("x", "q")]), (9, &[])];
    all(
        &[a],
        &[
            ("first(a).x = \"p\"", true),
            ("first(a).x = \"q\"", false),
            ("last(a).x != \"zzz\"", false),
            ("last(a).ts - a.ts = 4ms", true),
            ("a.x != first(a).x", true),
            ("a.x < first(a).x", false),
        ],
    );
}

#[test]
fn streams_may_be_named_by_position_and_like_keywords() {
    let stream: &[Literal] = &[(0, &[("x", "1")])];
    all(
        &[NONE, NONE, NONE, stream],
        &[
            ("app#4.x = \"1\"", true),
            ("app#4.x = 1 # and a comment (\n and count(app#4) = 1", true),
            ("every(app#4.x = 1)", true),
        ],
    );
    let text = "where duration.x = 1 and not not.x = 2 and count.every = 3 and first(first).or = 4";
    let scope = Scope { text, streams: &["duration", "not", "count", "first"], labels: None };
    compile(&whole(text), scope).stages.unwrap();
}

#[test]
fn and_binds_tighter_than_or_and_not_tightest() {
    all(
        &[&[(0, &[("x", "1")])]],
        &[
            ("a.x = 1 or a.x = 2 and a.x = 3", true),
            ("(a.x = 1 or a.x = 2) and a.x = 3", false),
            ("not a.x = 2 and a.x = 1", true),
            ("not (a.x = 2 and a.x = 1)", true),
            ("not not a.x = 1", true),
            ("NOT a.x = 2 AND EVERY(a.x = 1) Or COUNT() = 9 and First(a).x > 1", true),
        ],
    );
}

#[test]
fn reads_are_the_labels_looked_at() {
    let text = "where a.x = 1 and b.err.code = \"e\" and a.x < first(a).y | select a.z, b.err.code";
    let stages = compiled(text);
    assert_eq!(stages.reads(StreamId::new(0)), ["x", "y", "z"]);
    assert_eq!(stages.reads(StreamId::new(1)), ["err.code"]);
    assert!(stages.reads(StreamId::new(2)).is_empty() && stages.reads(StreamId::new(9)).is_empty());
}

#[test]
fn select_takes_keys_copied_labels_and_first_events() {
    let stages =
        compiled("select user, b.x, request_id, a.x, a.missing, err.code, app#4.q | limit 3");
    let [PlannedStage::Select(selection), PlannedStage::Limit(3)] = &stages.stages[..] else {
        panic!("{stages:?}")
    };
    let streams = made(&[
        &[(0, &[("x", "first")]), (1, &[("x", "second"), ("missing", "1")])],
        &[],
        &[],
        &[(2, &[("q", "4")])],
    ]);
    let own = [("request_id", "r1"), ("user", ""), ("err.code", "E")];
    let group = Made { stages: &stages, streams: &streams, own: &own };
    let labels: Vec<_> = selection.labels(&group).collect();
    let expected = [("request_id", "r1"), ("a.x", "first"), ("err.code", "E"), ("app#4.q", "4")];
    assert_eq!(labels, expected);
}

#[test]
fn any_label_may_be_selected_where_keys_are_not_known() {
    let text = "select whatever";
    let scope = Scope { text, streams: &STREAMS, labels: None };
    assert!(compile(&whole(text), scope).stages.is_ok());
}

// Every pair would be 400 million a condition, and hours in all.
#[test]
fn dense_correlations_are_compared_without_trying_every_pair() {
    const EVENTS: i64 = 20_000;
    let stream = |from: i64| -> Vec<(i64, Vec<(String, String)>)> {
        (0..EVENTS).map(|at| (at, vec![("x".to_owned(), (from + at).to_string())])).collect()
    };
    let streams = vec![stream(0), stream(EVENTS), stream(2 * EVENTS)];
    for (condition, expected) in [
        ("a.x = b.x", false),
        ("a.x + 0 = b.x", false),
        ("a.x != b.x", true),
        ("a.x > b.x", false),
        ("a.x + b.x > c.x * 2", false),
        ("c.x - b.x < a.x / 1000000", false),
        ("a.x > count(b) + last(a).x", false),
        ("a.x = last(b).x", false),
        ("c.x / b.x < 1", false),
    ] {
        let stages = compiled(&format!("where {condition}"));
        let [PlannedStage::Where(filter)] = &stages.stages[..] else { panic!("one filter") };
        let group = Made { stages: &stages, streams: &streams, own: &[] };
        assert_eq!(filter.holds(&group), expected, "{condition}");
    }
}
