//! Warnings about what makes sense to the engine and hardly to its author.

use super::diagnostic_tests::shows;
use super::{PlanOptions, check, code};

/// The code and the text at each diagnostic.
fn found(text: &str) -> Vec<(&'static str, &str)> {
    let checked = check(text, &PlanOptions::default());
    assert!(checked.plan.is_some(), "{text}: {:?}", checked.diagnostics);
    checked.diagnostics.iter().map(|one| (one.code, &text[one.span.clone()])).collect()
}

#[test]
fn regexes_that_only_their_own_text_matches() {
    shows(
        r#"a({status=~"5", x=~"", y=~"4..|x"} |~ "5" | json !~ "5" | level !~ 'error') and on(k) b({}) {z=~"a.b", s=~"50"}"#,
        r#"
warning[QUERY_UNANCHORED]: regexes of labels match whole values, so that `status=~"5"` means `status="5"`
 --> query:1:12
  |
1 | a({status=~"5", x=~"", y=~"4..|x"} |~ "5" | json !~ "5" | level !~ 'error') and on(k) b({}) {z=~"a.b", s=~"50"}
  |            ^^^
  |
  = help: did you mean `status=~"5.."`?

warning[QUERY_UNANCHORED]: regexes of labels match whole values, so that `level!~"error"` means `level!="error"`
 --> query:1:68
  |
1 | a({status=~"5", x=~"", y=~"4..|x"} |~ "5" | json !~ "5" | level !~ 'error') and on(k) b({}) {z=~"a.b", s=~"50"}
  |                                                                    ^^^^^^^
  |
  = help: did you mean `level!~".*error.*"`?

warning[QUERY_UNANCHORED]: regexes of labels match whole values, so that `s=~"50"` means `s="50"`
 --> query:1:107
  |
1 | a({status=~"5", x=~"", y=~"4..|x"} |~ "5" | json !~ "5" | level !~ 'error') and on(k) b({}) {z=~"a.b", s=~"50"}
  |                                                                                                           ^^^^
  |
  = help: did you mean `s=~"50."`?
"#,
    );
    shows(
        r#"a({}) and on(k) b({}) | where a.x =~ "4.." or not every(b.s!~"5") | limit 3 | where last(b).t =~ 'no'"#,
        r#"
warning[QUERY_UNANCHORED]: regexes of labels match whole values, so that `b.s!~"5"` means `b.s!="5"`
 --> query:1:62
  |
1 | a({}) and on(k) b({}) | where a.x =~ "4.." or not every(b.s!~"5") | limit 3 | where last(b).t =~ 'no'
  |                                                              ^^^
  |
  = help: did you mean `b.s!~"5.."`?

warning[QUERY_UNANCHORED]: regexes of labels match whole values, so that `last(b).t=~"no"` means `last(b).t="no"`
 --> query:1:98
  |
1 | a({}) and on(k) b({}) | where a.x =~ "4.." or not every(b.s!~"5") | limit 3 | where last(b).t =~ 'no'
  |                                                                                                  ^^^^
  |
  = help: did you mean `last(b).t=~".*no.*"`?
"#,
    );
    let mut options = PlanOptions::default();
    options.selecting_sources.insert("a".into());
    let checked = check("a({x=~\"5\"}) and on(k) b({})", &options);
    assert!(checked.diagnostics.is_empty(), "the source may see it otherwise");
}

#[test]
fn keys_that_cannot_agree() {
    shows(
        r#"a({k="1", x="1"}) and on(x, k=j) b({j="2"})"#,
        r#"
warning[QUERY_KEY_MISMATCH]: nothing matches: the selectors leave no `k=j` that both sides have
 --> query:1:29
  |
1 | a({k="1", x="1"}) and on(x, k=j) b({j="2"})
  |                             ^^^
  |
  = help: change a selector, or join on another label
"#,
    );
    shows(
        r#"a({k=""}) and on(k) b({}) or on(j) c({j="1"})"#,
        r#"
warning[QUERY_KEY_MISMATCH]: no labels match: `a` has only events without `k`
 --> query:1:18
  |
1 | a({k=""}) and on(k) b({}) or on(j) c({j="1"})
  |                  ^
  |
  = help: change a selector, or join on another label; only join keys and key patterns of your own could match here
"#,
    );
    for (text, key) in [
        (r#"a({k="1"}) and on(k) b({k!="1"})"#, "k"),
        (r#"a({k="1"}) and on(k) b({k=~"2|3"})"#, "k"),
        (r#"a({k=~"2|3"} |= "x") and on(k) b({k="1"} | json)"#, "k"),
        (r#"a({k=~"2|3"}) and on(k=j) b({j="1"})"#, "k=j"),
        (r#"a({k="1"}) and on(k) b({k=""})"#, "k"),
        (r#"a({k=""} | regexp "(?P<j>.)") and on(j, k) b({})"#, "k"),
        (r#"a({k="1"}) and on(j) b({k!~".*"}) or on(k) c({k="2"})"#, "k"),
    ] {
        assert_eq!(found(text), [(code::QUERY_KEY_MISMATCH, key)], "{text}");
    }
    let twice = r#"a({k="1"}) and on(k) b({k="2"}) or on(k) c({k="3"})"#;
    assert_eq!(found(twice).len(), 2);
}

#[test]
fn keys_that_may_agree() {
    for text in [
        r#"a({k="1"}) and on(k) b({k="1"})"#,
        r#"a({k="1"}) and on(k) b({k=~"1|2"})"#,
        r#"a({k="1"}) and on(k) b({k!="2"})"#,
        r#"a({k=~"1|2"}) and on(k) b({k=~"3|4"})"#,
        r#"a({k="1"}) and on(j) b({}) or on(k) c({k="2"})"#,
        r#"a({k="1"}) and on(k=j) b({k="2"})"#,
        // A parser or the message may have it.
        r#"a({k="1"}) and on(k) b({k!="1"} | json)"#,
        r#"a({k=""} | logfmt) and on(k) b({})"#,
        r#"a({k=""} | pattern "<k> <_>") and on(k) b({})"#,
        r#"a({k_extracted=""} | regexp "(?P<k>.)") and on(k_extracted) b({})"#,
        r#"a({request_id=""}) and on(request_id) b({})"#,
        r#"a({traceId="1"}) and on(traceId) b({traceId!="1"})"#,
        // Behind the parsers a filter sees other labels, and may be one of several.
        r#"a({k="1"}) and on(k) b({} | k="2" or j="1")"#,
    ] {
        assert_eq!(found(text), [], "{text}");
    }
    let mut options = PlanOptions::default();
    options.selecting_sources.insert("a".into());
    let checked = check(r#"a({k="1"}) and on(k) b({k="2"})"#, &options);
    assert!(checked.diagnostics.is_empty(), "the source may see it otherwise");
}

#[test]
fn labels_that_are_not_ignored() {
    shows(
        r#"a({level="ERROR", k="1"}) as e then ignoring(pid) a({level="LOG"})"#,
        r#"
warning[QUERY_KEY_MISMATCH]: nothing matches: the selectors leave no `level` that both sides have, and it is not ignored
 --> query:1:37
  |
1 | a({level="ERROR", k="1"}) as e then ignoring(pid) a({level="LOG"})
  |                                     ^^^^^^^^^^^^^
  |
  = help: did you mean `ignoring(pid, level)`?
"#,
    );
    let mismatch = (code::QUERY_KEY_MISMATCH, "ignoring(j)");
    for text in [
        r#"a({request_id="1"}) and ignoring(j) b({request_id!="1"})"#,
        r#"a({k="1"}) and ignoring(j) b({k=""})"#,
    ] {
        assert_eq!(found(text), [mismatch], "{text}");
    }
    for text in [
        r#"a({k="1"}) and ignoring(k) b({k="2"})"#,
        r#"a({k="1"}) and ignoring(j) b({k!="1"} | json)"#,
        r#"a({k=""}) and ignoring(j) b({})"#,
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn matchers_that_nothing_satisfies() {
    shows(
        r#"a({k="1", k="2.", k="3"}) and on(k) b({k="4", j!="", j=""} | json) {x!~"1|2", x="1"}"#,
        r#"
warning[QUERY_CONTRADICTION]: nothing satisfies both `k="1"` and `k="2."`
 --> query:1:11
  |
1 | a({k="1", k="2.", k="3"}) and on(k) b({k="4", j!="", j=""} | json) {x!~"1|2", x="1"}
  |           ^^^^^^
  |
  = help: for either of them write `k=~"1|2\\."`

warning[QUERY_CONTRADICTION]: nothing satisfies both `j=""` and `j!=""`
 --> query:1:54
  |
1 | a({k="1", k="2.", k="3"}) and on(k) b({k="4", j!="", j=""} | json) {x!~"1|2", x="1"}
  |                                                      ^^^^
  |
  = help: leave one of them out

warning[QUERY_CONTRADICTION]: nothing satisfies both `x="1"` and `x!~"1|2"`
 --> query:1:79
  |
1 | a({k="1", k="2.", k="3"}) and on(k) b({k="4", j!="", j=""} | json) {x!~"1|2", x="1"}
  |                                                                               ^^^^^
  |
  = help: leave one of them out
"#,
    );
    for text in [
        r#"a({k="1", k="1", k=~"1|2", k!="2"}) and on(k) b({})"#,
        r#"a({k!="1", k!="2"} | json | k="1" | k="2") and on(k) b({}) {x="1", y="2"}"#,
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn regexes_are_tried_a_bounded_number_of_times() {
    let keys: Vec<_> = (0..2000).map(|n| format!("k=l{n}")).collect();
    let fixed: Vec<_> = (0..2000).map(|n| format!("l{n}=\"{n}\"")).collect();
    let text = format!(r#"a({{k=~"x"}}) and on({}) b({{{}}})"#, keys.join(","), fixed.join(","));
    let count = found(&text).iter().filter(|(code, _)| *code == code::QUERY_KEY_MISMATCH).count();
    assert!((10..200).contains(&count), "{count}");
    let long = "x".repeat(1000);
    let text = format!(r#"a({{k=~"y.*"}}) and on(k) b({{k="{long}"}})"#);
    assert_eq!(found(&text), []);
}

#[test]
fn streams_that_no_result_has() {
    shows(
        r#"a({}) then not on(k) group_left(x) b({}) | where a.x = "1" or not (count(b) + 1 > 2) | select a.x, b.y"#,
        r#"
warning[QUERY_NO_EFFECT]: no label is copied: `then not` reports only its left side, so that no result has an event to copy from
 --> query:1:22
  |
1 | a({}) then not on(k) group_left(x) b({}) | where a.x = "1" or not (count(b) + 1 > 2) | select a.x, b.y
  |                      ^^^^^^^^^^^^^
  |
  = help: write `group_left()`

warning[QUERY_NO_EFFECT]: no result has an event of `b`: `then not` reports only its left side
 --> query:1:68
  |
1 | a({}) then not on(k) group_left(x) b({}) | where a.x = "1" or not (count(b) + 1 > 2) | select a.x, b.y
  |                                                                    ^^^^^^^^
  |
  = help: put what `b` has to satisfy into its selector

warning[QUERY_NO_EFFECT]: no result has an event of `b`: `then not` reports only its left side
 --> query:1:100
  |
1 | a({}) then not on(k) group_left(x) b({}) | where a.x = "1" or not (count(b) + 1 > 2) | select a.x, b.y
  |                                                                                                    ^^^
  |
  = help: leave `b.y` out
"#,
    );
    let nested = "a({}) unless on(k) (b({}) and on(k) group_right(x) b({})) | where b#3.ts > a.ts";
    let places: Vec<_> = found(nested).into_iter().map(|(_, place)| place).collect();
    assert_eq!(places, ["group_right(x)", "b#3.ts"]);
    for text in [
        "a({}) unless on(k) group_right(x) b({}) | select x, k | where count() > 1",
        "a({}) unless on(k) group_left b({}) | where last(a).x = \"1\"",
        "a({}) unless on(k) b({}) or on(k) group_left(x) c({}) | where c.x = a.x",
        "(a({}) unless on(k) b({})) and on(k) group_right(x) c({})",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}
