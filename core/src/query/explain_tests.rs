use serde_json::json;

use super::explain::{Complexity, Explanation, Load, explain, reach};
use super::{Duration, PlanOptions, check, code, parse};

fn of(text: &str) -> Explanation {
    let mut options = PlanOptions::default();
    options.selecting_sources.insert("loki".into());
    let load = Load { events_per_second: 10, bytes_per_event: 100, late_tolerance_ms: 10_000 };
    explain(text, &options, &load).expect("it makes sense")
}

#[test]
fn the_plan_is_a_tree_with_what_it_holds() {
    let explanation = of("loki({a=\"1\"} | x)[1h] as l then on(k=j) within(30s) \
                          (b({}) unless ignoring(x, y) loki({}))");
    assert_eq!(
        serde_json::to_value(&explanation.tree).unwrap(),
        json!({
            "type": "join", "kind": "then", "keys": "on(k=j)", "lo": "0s", "hi": "30s",
            "pick": "session",
            "left": {
                "type": "stream", "name": "l", "source": "loki",
                "selector": "{a=\"1\"} | x", "pushedDown": true, "range": "1h", "held": "40s",
                "events": 400, "bytes": 40_000,
            },
            "right": {
                "type": "join", "kind": "unless", "keys": "ignoring(x, y)", "lo": "-5m",
                "hi": "5m", "pick": "session",
                "left": {
                    "type": "stream", "name": "b", "source": "b", "selector": "{}",
                    "pushedDown": false, "range": "5m", "held": "5m10s", "events": 3_100,
                    "bytes": 310_000,
                },
                "right": {
                    "type": "stream", "name": "loki#3", "source": "loki", "selector": "{}",
                    "pushedDown": true, "range": "5m", "held": "5m10s", "events": 3_100,
                    "bytes": 310_000,
                },
            },
        })
    );
    assert_eq!((explanation.events, explanation.bytes), (6_600, 660_000));
    assert_eq!(
        serde_json::to_value(&explanation.sources).unwrap(),
        json!([
            {"name": "loki", "selector": "{a=\"1\"} | x", "range": "1h", "streams": ["l"]},
            {"name": "b", "selector": null, "range": "5m", "streams": ["b"]},
            {"name": "loki", "selector": "{}", "range": "5m", "streams": ["loki#3"]},
        ])
    );
}

#[test]
fn an_event_is_held_as_long_as_it_can_match() {
    let held = |text: &str| -> Vec<String> {
        let (query, plan) = (parse(text).unwrap(), check(text, &PlanOptions::default()).plan);
        assert_eq!(query.stages.len(), 0);
        let plan = plan.unwrap();
        (0..plan.streams.len()).map(|at| Duration(reach(&plan, at)).to_string()).collect()
    };
    assert_eq!(held("a({})[1m] and on(k) b({})[2m]"), ["1m", "2m"]);
    assert_eq!(held("a({})[1m] then on(k) b({})[2m]"), ["1m", "0s"]);
    assert_eq!(held("a({})[1m] and on(k) within(5s, 10s) b({})[2m]"), ["10s", "0s"]);
    assert_eq!(held("a({})[1m] and on(k) within(-10s, -5s) b({})[2m]"), ["0s", "10s"]);
    // Unmatched events of a stream are reported together over the gap.
    assert_eq!(held("a({})[1m] or on(k) within(-10s, -5s) b({})[2m]"), ["10s", "10s"]);
    let text = "a({})[1m] and on(k) within(1s) b({})[1m] and on(k) within(9s) c({})[1m]";
    assert_eq!(held(text), ["9s", "9s", "9s"]);
}

#[test]
fn the_score_is_that_of_the_guide() {
    let score = |text: &str| {
        let Explanation { score, complexity, .. } = of(text);
        (score, complexity)
    };
    assert_eq!(score("a({}) and on(k) b({})"), (25, Complexity::Simple));
    assert_eq!(score("a({}) and on(k) within(1s) b({}) {x=\"1\"}"), (60, Complexity::Complex));
    assert_eq!(score("a({}) then on(k, j) b({})"), (45, Complexity::Moderate));
    assert_eq!(score("a({}) and on(k) b({}) and ignoring(x) c({})"), (40, Complexity::Moderate));
}

#[test]
fn hints_say_what_would_be_cheaper() {
    assert_eq!(of("a({}) and on(k) b({})").hints, [""; 0]);
    let hints = of("loki({})[1h] and on(k) within(0s, 1h) b({})[1h] {x=\"1\"}").hints;
    assert_eq!(hints.len(), 2, "{hints:?}");
    assert!(hints[0].starts_with("`{x=\"1\"}` drops events"), "{}", hints[0]);
    assert!(hints[1].starts_with("range 1h of `loki` holds 12 times what 5m does"));
    let hints = of("loki({})[1h] and on(k) within(10s) b({})").hints;
    assert!(hints[0].starts_with("`loki` waits for 10s only"), "{hints:?}");
}

#[test]
fn a_filter_that_a_selector_could_be_is_pointed_out_where_it_means_the_same() {
    let hinted = |text: &str| -> Vec<String> {
        let hints = of(text).hints.into_iter();
        let hints = hints.filter_map(|hint| Some(hint.split_once("` drops results")?.0.to_owned()));
        hints.map(|hint| hint.trim_start_matches("`where ").to_owned()).collect()
    };
    let pairs = "a({}) and on(k) pick(pairs) b({})";
    for (condition, is_hinted) in [
        (r#"a.x = "1""#, true),
        ("a.x >= 500", true),
        ("a.x != 5", true),
        ("b.x < 250ms", true),
        (r#"a.x =~ "5..""#, true),
        (r#"every(a.x = "1")"#, true),
        (r#"first(b).x = "1""#, true),
        // A selector takes missing labels for the empty text.
        (r#"a.x != "1""#, false),
        (r#"a.x =~ ".*""#, false),
        (r#"a.x !~ "1""#, false),
        // A result need not pass these.
        (r#"a.x = "1" or b.x = "1""#, false),
        (r#"not (a.x = "1")"#, false),
        // These are not about one event and a constant.
        ("a.x = b.x", false),
        ("count(a) > 1", false),
        (r#"a.ts > "2026-01-01T00:00:00Z""#, false),
        // An id that is found in messages too.
        (r#"a.request_id = "1""#, false),
    ] {
        let expected = if is_hinted { vec![condition.to_owned()] } else { vec![] };
        assert_eq!(hinted(&format!("{pairs} | where {condition}")), expected, "{condition}");
    }
    let both = r#"| where a.x = "1" and b.y > 2 and count(a) > 0 | limit 3 | where a.x = "2""#;
    assert_eq!(hinted(&format!("{pairs} {both}")), [r#"a.x = "1""#, "b.y > 2"]);

    let filter = r#"| where a.x = "1""#;
    for (query, is_hinted) in [
        ("a({}) then on(k) pick(pairs) b({})", true),
        ("a({}) and on(k) pick(pairs) b({}) and on(k) pick(pairs) c({})", true),
        ("a({}) and on(k) group_left(x) b({})", true),
        ("b({}) and on(k) group_right(x) a({})", true),
        // Several events of the stream in a result.
        ("a({}) and on(k) b({})", false),
        ("a({}) and on(k) group_right(x) b({})", false),
        ("b({}) and on(k) group_left(x) a({})", false),
        ("a({}) and on(k) pick(pairs) b({}) and on(k) c({})", false),
        // Others would be chosen.
        ("a({}) and on(k) pick(first) b({})", false),
        ("a({}) then on(k) pick(latest) b({})", false),
        // What lacks a match would be reported.
        ("b({}) or on(k) pick(pairs) a({})", false),
        ("b({}) outer on(k) pick(pairs) a({})", false),
        // The projection may have dropped it.
        (r#"a({}) and on(k) pick(pairs) b({}) {y="1"}"#, false),
    ] {
        assert_eq!(!hinted(&format!("{query} {filter}")).is_empty(), is_hinted, "{query}");
    }
}

#[test]
fn nothing_overflows_and_errors_are_told() {
    let text = "a({})[9223372036854775807ns] and on(k) b({})[0s]";
    let load = Load {
        events_per_second: u64::MAX,
        bytes_per_event: u64::MAX,
        late_tolerance_ms: u64::MAX,
    };
    let explanation = explain(text, &PlanOptions::default(), &load).unwrap();
    assert_eq!((explanation.events, explanation.bytes), (u64::MAX, u64::MAX));
    let found = explain("a({})", &PlanOptions::default(), &load).expect_err("no join");
    assert_eq!(found[0].code, code::QUERY_NO_JOIN);
}
