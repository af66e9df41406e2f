//! What those write who come from other languages.

use super::{PlanOptions, check};

/// What is said of `query`: code, what the span covers, message and suggestion.
fn said(query: &str) -> Vec<String> {
    let found = check(query, &PlanOptions::default()).diagnostics;
    let line = |found: &super::Diagnostic| {
        let help = found.suggestion.as_ref().map_or(String::new(), |help| format!(" ({help})"));
        format!("{} `{}`: {}{help}", found.code, &query[found.span.clone()], found.message)
    };
    found.iter().map(line).collect()
}

#[test]
fn comparisons_of_other_languages() {
    for (query, expected) in [
        (
            r#"a({level=="error"}) and on(k) b({})"#,
            "SELECTOR_SYNTAX `==`: `==` is no operator here (write `=`)",
        ),
        (
            r#"a({x="1", level == "error"}) and on(k) b({})"#,
            "SELECTOR_SYNTAX `==`: `==` is no operator here (write `=`)",
        ),
        (
            "a({} | status => 500) and on(k) b({})",
            "SELECTOR_SYNTAX `=>`: `=>` is no operator here (write `>=`)",
        ),
        (
            "a({} | status =< 500) and on(k) b({})",
            "SELECTOR_SYNTAX `=<`: `=<` is no operator here (write `<=`)",
        ),
        (
            r#"a({level=>"error"}) and on(k) b({})"#,
            "SELECTOR_SYNTAX `>`: expected a quoted text, found `>`",
        ),
        (
            r#"a({}) and on(k) b({}) {level=="error"}"#,
            "QUERY_SYNTAX `==`: `==` is no operator here (write `=`)",
        ),
        ("a({}) and on(k == j) b({})", "QUERY_SYNTAX `==`: `==` is no operator here (write `=`)"),
        (
            r#"a({}) and on(k) b({}) | where a.level=="error""#,
            "QUERY_SYNTAX `==`: `==` is no comparison (write `=`)",
        ),
        (
            "a({}) and on(k) b({}) | where a.x = 1 || b.x = 2",
            "QUERY_SYNTAX `|`: expected a stage (`where`, `select`, `limit`), found `|` (conditions are joined by `or`)",
        ),
    ] {
        assert_eq!(said(query), [expected], "{query}");
    }
    // Label filters of LogQL have it.
    assert!(said("a({} | status == 500) and on(k) b({})").is_empty());
}

#[test]
fn what_could_not_be_read_is_not_missing() {
    let unknown = "QUERY_SYNTAX `onn`: unknown clause `onn(...)` (did you mean `on(...)`?)";
    assert_eq!(said("a({}) and onn(k) b({}) | where b.x = 1 | select k"), [unknown]);
    let type_error = "STAGE_TYPE `b.ts > 5`: a time cannot be compared with a number (the difference \
                      of two times is a duration: `b.ts - a.ts > 2s`)";
    assert_eq!(said("a({}) and onn(k) b({}) | where b.ts > 5"), [unknown, type_error]);
}

#[test]
fn mistakes_of_a_query_and_its_stages_are_told_together() {
    assert_eq!(
        said(r#"a({}) and on(k) pick(frist) b({}) | where c.x > "5" | select k, k | select k"#),
        [
            "QUERY_POLICY `frist`: unknown policy `frist`; expected `session`, `pairs`, `first` or \
             `latest` (did you mean `first`?)",
            "STAGE_STREAM `c`: no stream is called `c` (the streams are `a` and `b`)",
            "STAGE_TYPE `c.x > \"5\"`: `>` compares numbers, durations and times, not texts (write \
             `5` without quotes)",
            "QUERY_DUPLICATE `k`: `k` is selected twice",
            "QUERY_DUPLICATE `select k`: `select` is given twice",
        ]
    );
}

#[test]
fn only_the_words_of_joins_name_no_source() {
    let reserved = [
        "and",
        "or",
        "outer",
        "unless",
        "then",
        "not",
        "on",
        "ignoring",
        "within",
        "pick",
        "group_left",
        "group_right",
    ];
    for word in reserved {
        for query in
            [format!("{word}({{}}) and on(k) b({{}})"), format!("a({{}}) and on(k) {word}({{}})")]
        {
            assert!(!said(&query).is_empty(), "{query}");
        }
        let query = format!(
            "a({{}}) as {word} and on({word}) b({{}}) | where {word}.{word} = count({word})"
        );
        assert!(said(&query).is_empty(), "{query}");
    }
    let free = [
        "as", "where", "select", "limit", "count", "first", "last", "every", "duration", "session",
        "pairs", "latest", "json", "in",
    ];
    for word in free {
        for query in [
            format!(
                "{word}({{}}) and on({word}) b({{}}) | where {word}.{word} = 1 or count({word}) = 1"
            ),
            format!(
                "a({{}}) and on(k) {word}({{}})[5m] as b | where last(b).{word} = 1 | select b.{word}"
            ),
            format!(
                "a({{}}) as {word} and on(k) b({{}}) | where first({word}).x = 1 | select {word}.x"
            ),
        ] {
            assert!(said(&query).is_empty(), "{query}: {:?}", said(&query));
        }
    }
}
