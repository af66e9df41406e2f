//! Words where they do not belong, and what was likely meant.

use super::diagnostic_tests::shows;
use super::{PlanOptions, check, code};

/// The code, the text at the only diagnostic, and the suggestion.
#[track_caller]
fn found(text: &str) -> (&'static str, &str, String) {
    let checked = check(text, &PlanOptions::default());
    let [one] = checked.diagnostics.as_slice() else {
        panic!("{text}: {:?}", checked.diagnostics);
    };
    (one.code, &text[one.span.clone()], one.suggestion.clone().unwrap_or_default())
}

const QUERY: &str = "a({}) and on(k) b({})";

#[test]
fn stages_without_a_bar() {
    shows(
        "a({}) and on(k) b({}) where a.x = \"1\"",
        r#"
error[QUERY_SYNTAX]: expected `|` before `where`
 --> query:1:23
  |
1 | a({}) and on(k) b({}) where a.x = "1"
  |                       ^^^^^
  |
  = help: stages begin with `|`: write `| where`
"#,
    );
    for (stage, word) in [
        ("WHERE (a.x = \"1\")", "where"),
        ("where not (a.x = \"1\")", "where"),
        ("where count(b) > 1", "where"),
        ("wher a.x = \"1\"", "where"),
        ("{x=\"1\"} where a.x = \"1\"", "where"),
        ("limit 5", "limit"),
        ("as c select a.x, b.x", "select"),
    ] {
        let text = format!("{QUERY} {stage}");
        let (code, at, suggestion) = found(&text);
        assert_eq!(code, code::QUERY_SYNTAX, "{text}");
        assert!(word.starts_with(&at.to_lowercase()), "{text}: {at}");
        assert_eq!(suggestion, format!("stages begin with `|`: write `| {word}`"));
    }
    let (code, at, _) = found("a({}) and on(k) b({}) limit({})");
    assert_eq!((code, at), (code::QUERY_NOT_JOINED, "limit"), "a stream");
}

#[test]
fn words_that_are_no_operator() {
    shows(
        "a({}) and on(k) b({}) sort by x",
        r"
error[QUERY_SYNTAX]: expected a range such as `[5m]`, `as`, an operator (`and`, `or`, `outer`, `unless`, `then`), a projection `{...}`, a stage such as `| where` or the end of the query, found `sort`
 --> query:1:23
  |
1 | a({}) and on(k) b({}) sort by x
  |                       ^^^^
  |
  = help: stages begin with `|`: `| where`, `| select`, `| limit`
",
    );
    for (rest, word) in
        [("sort", "sort"), ("offset 5m", "offset"), ("sort and on(k) c({})", "sort")]
    {
        assert_eq!(found(&format!("{QUERY} {rest}")).1, word, "{rest}");
    }
    let (code, at, suggestion) = found("a({}) adn b and on(k) c({})");
    assert_eq!((code, at), (code::QUERY_UNKNOWN_OPERATOR, "adn"));
    assert_eq!(suggestion, "did you mean `and`?");
}

#[test]
fn words_that_are_no_clause() {
    shows(
        "a({}) and on(k) bool b({})",
        r#"
error[QUERY_SYNTAX]: expected a stream such as `app({level="error"})` or a clause, found `bool`
 --> query:1:17
  |
1 | a({}) and on(k) bool b({})
  |                 ^^^^
  |
  = help: leave `bool` out
"#,
    );
    for (text, word, suggestion) in [
        ("a({}) and bool on(k) b({})", "bool", "leave `bool` out"),
        ("a({}) and on(k) group_left bool b({})", "bool", "leave `bool` out"),
        ("a({}) and on(k) grup_left b({})", "grup_left", "did you mean `group_left`?"),
    ] {
        assert_eq!(found(text), (code::QUERY_SYNTAX, word, suggestion.to_owned()));
    }
}

#[test]
fn only_streams_are_named_and_have_ranges() {
    shows(
        "(a({}) and on(k) b({})) as j",
        r"
error[QUERY_SYNTAX]: only a stream can be named
 --> query:1:25
  |
1 | (a({}) and on(k) b({})) as j
  |                         ^^
  |
  = help: write `as` behind a stream: `app({}) as name`
",
    );
    shows(
        "c({}) or on(k) (a({}) and on(k) b({})) [5m]",
        r"
error[QUERY_SYNTAX]: only a stream can have a range
 --> query:1:40
  |
1 | c({}) or on(k) (a({}) and on(k) b({})) [5m]
  |                                        ^
  |
  = help: write it behind a stream: `app({})[5m]`
",
    );
}

#[test]
fn negated_operators() {
    shows(
        "a({}) and not on(k) b({}) or on(k, k) c({})",
        r"
error[QUERY_UNKNOWN_OPERATOR]: unknown operator `and not`; expected `and`, `or`, `outer`, `unless`, `then` or `then not`
 --> query:1:7
  |
1 | a({}) and not on(k) b({}) or on(k, k) c({})
  |       ^^^^^^^
  |
  = help: did you mean `unless`?

error[QUERY_DUPLICATE]: the key `k` is given twice
 --> query:1:36
  |
1 | a({}) and not on(k) b({}) or on(k, k) c({})
  |                                    ^
",
    );
    for (operator, meant) in [
        ("unless not", "unless"),
        ("OR Not", "unless"),
        ("not", "unless"),
        ("thennot", "then not"),
        ("Then_Not", "then not"),
    ] {
        let text = format!("a({{}}) {operator} on(k) b({{}})");
        let suggestion = format!("did you mean `{meant}`?");
        assert_eq!(found(&text), (code::QUERY_UNKNOWN_OPERATOR, operator, suggestion));
    }
    let (code, at, _) = found("a({}) then not not on(k) b({})");
    assert_eq!((code, at), (code::QUERY_SYNTAX, "not"));
    assert!(check("a({}) then # x\n not on(k) b({})", &PlanOptions::default()).plan.is_some());
}

#[test]
fn lists_end_without_a_comma() {
    for text in [
        "a({}) and on(k, ) b({})",
        "a({}) and on(k=j,) b({})",
        "a({}) and ignoring(k,) b({})",
        "a({}) and on(k) group_left(x, y,) b({})",
        "a({}) and on(k) b({}) {x=\"1\",}",
    ] {
        let (code, at, suggestion) = found(text);
        assert_eq!((code, at, suggestion.as_str()), (code::QUERY_SYNTAX, ",", "leave it out"));
    }
}
