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
        (
            "a({}) and on(k === j) b({})",
            "QUERY_SYNTAX `===`: `===` is no operator here (write `=`)",
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

#[test]
fn words_without_their_parentheses() {
    for (query, expected) in [
        (
            "a({}) and on b({})",
            "QUERY_SYNTAX `b`: expected `(` after `on`, found `b` (write `on(...)`)",
        ),
        (
            "a({}) and on(k) within b({})",
            "QUERY_SYNTAX `b`: expected `(` after `within`, found `b` (write `within(...)`)",
        ),
        (
            "a({}) and on(k) PICK b({})",
            "QUERY_SYNTAX `b`: expected `(` after `pick`, found `b` (write `pick(...)`)",
        ),
        (
            "a({}) and on k b({})",
            "QUERY_SYNTAX `on k`: expected `(` after `on`, found `k` (write `on(k)`)",
        ),
        // A key may be called so.
        ("a({}) and on(k, on m) b({})", "QUERY_SYNTAX `m`: expected `,`, `)` or `=`, found `m`"),
    ] {
        assert_eq!(said(query), [expected], "{query}");
    }
}

#[test]
fn ranges_that_are_never_closed() {
    let unclosed = "QUERY_UNBALANCED `[`: this `[` is never closed (write `[5m]`)";
    for query in [
        "a({})[5m and on(k) b({})",
        "a({}) and on(k) b({})[5m",
        "a({})[5m as x and on(k) b({})[1m]",
        "a({}) and on(k) b({})[5m {x=\"1\"}",
        "a({}) and on(k) b({})[5m | limit 3",
    ] {
        assert_eq!(said(query), [unclosed], "{query}");
    }
    assert_eq!(said("a({})[ and on(k) b({})"), ["QUERY_UNBALANCED `[`: this `[` is never closed"]);
    assert_eq!(said("a({})[5m(x)] and on(k) b({})"), ["QUERY_SYNTAX `(`: expected `]`, found `(`"]);
}

#[test]
fn names_and_operators_out_of_place() {
    let misnamed = "QUERY_SYNTAX `as`: only a stream can be named (write `as` behind a stream: `app({}) as name`)";
    assert_eq!(said("a({}) and on(k) within(5s) as x b({})"), [misnamed]);
    assert_eq!(said("(a({}) and on(k) b({})) as x"), [misnamed]);
    let behind = |found: &str| {
        format!(
            "QUERY_SYNTAX `{found}`: nothing is joined behind a projection: found `{found}` (write the projection `{{...}}` behind all joins)"
        )
    };
    assert_eq!(said("a({}) and on(k) b({}) {x=\"1\"} and on(k) c({})"), [behind("and")]);
    assert_eq!(said("a({}) and on(k) b({}) {x=\"1\"} THEN on(k) c({})"), [behind("THEN")]);
    assert_eq!(
        said("a({}) AND THEN on(k) b({})"),
        [
            "QUERY_UNKNOWN_OPERATOR `AND THEN`: unknown operator `AND THEN`; expected `and`, `or`, `outer`, `unless`, `then` or `then not` (did you mean `then`?)"
        ]
    );
    let expected = "expected an operator (`and`, `or`, `outer`, `unless`, `then`), a projection `{...}`, a stage such as `| where` or the end of the query";
    assert_eq!(
        said("a({})[5m] offset 1m and on(k) b({})"),
        [format!(
            "QUERY_SYNTAX `offset`: {}, found `offset`",
            expected.replace("an op", "`as`, an op")
        )]
    );
    assert_eq!(
        said("a({})[5m] sa x and on(k) b({})"),
        [format!(
            "QUERY_SYNTAX `sa`: {}, found `sa` (did you mean `as`?)",
            expected.replace("an op", "`as`, an op")
        )]
    );
    // What is given already is not expected once more.
    assert_eq!(
        said("a({})[5m] as x ! and on(k) b({})"),
        [format!("QUERY_SYNTAX `!`: {expected}, found `!`")]
    );
    assert_eq!(
        said("a({}) and on(k)"),
        [
            "QUERY_SYNTAX ``: expected a stream such as `app({level=\"error\"})` or a clause such as `within(30s)`, found the end of the query"
        ]
    );
}

#[test]
fn texts_without_straight_quotes() {
    let texts = r#"texts are quoted: write `"500"`"#;
    assert_eq!(
        said("a({}) and on(k) b({}) {x=500}"),
        [format!("QUERY_SYNTAX `500`: expected a quoted text, found `500` ({texts})")]
    );
    assert_eq!(
        said("a({x=500}) and on(k) b({})"),
        [format!("SELECTOR_SYNTAX `500`: expected a quoted text, found `500` ({texts})")]
    );
    let straight = r#"texts stand in straight quotes: `"..."`"#;
    for (query, expected) in [
        ("a({x=“1”}) and on(k) b({})", "SELECTOR_SYNTAX `“`: expected a quoted text, found `“`"),
        ("a({}) and on(k) b({}) {x=“1”}", "QUERY_SYNTAX `“`: expected a quoted text, found `“`"),
    ] {
        assert_eq!(said(query), [format!("{expected} ({straight})")], "{query}");
    }
    assert_eq!(
        said("a({}) and on(k) b({}) | where a.x = “1”"),
        [format!(
            "QUERY_SYNTAX `“`: expected a value such as `app.status` or `count(app)`, found `“` ({straight})"
        )]
    );
}

#[test]
fn numbers_compared_where_texts_are_matched() {
    for (query, expected) in [
        (
            "a({status>=500}) and on(k) b({})",
            "SELECTOR_SYNTAX `>`: expected `=`, `!=`, `=~` or `!~`, found `>` (numbers are compared behind the braces: `{} | status >= 500`)",
        ),
        (
            "a({}) and on(k) b({}) {status<500}",
            "QUERY_SYNTAX `<`: expected `=`, `!=`, `=~` or `!~`, found `<` (numbers are compared in a stage: `| where app.status >= 500`)",
        ),
    ] {
        assert_eq!(said(query), [expected], "{query}");
    }
}

#[test]
fn words_of_conditions() {
    for (query, expected) in [
        ("a.x = 1 adn b.x = 2", "`adn`: .. (did you mean `and`?)"),
        ("a.x = 1 ro b.x = 2", "`ro`: .. (did you mean `or`?)"),
        (
            "a.x like \"%y%\"",
            "`like`: .. (a part of a text is found by `app.path =~ \".*cart.*\"`)",
        ),
        ("a.x ~ \"y\"", "`~`: .. (a part of a text is found by `app.path =~ \".*cart.*\"`)"),
        ("a.x and.b", "`and`: .."),
        ("a.x is null", "`is`: .."),
        ("a.x eq 5", "`eq`: .. (write `=`)"),
        ("duration > 1h 30m", "`30m`: .. (durations are written without spaces, such as `1h30m`)"),
        ("a.x > 5 30m", "`30m`: .."),
        (
            "duration() > 2s",
            "`duration`: .. (write `duration`, or for instance `last(app).ts - app.ts`)",
        ),
        ("first(a.x.y) = 1", "`first`: .. (write `first(a).x.y`)"),
        ("last(a.x + 1) = 1", "`last`: .. (for instance `last(app)`)"),
        ("count(a.x) = 1", "`count`: .. (for instance `count(app)`)"),
        ("a.x > 5 > 3", "`a.x > 5 > 3`: .. (write `a.x > 5 and 5 > 3`)"),
        ("- a.x > 5", "`- a.x`: .. (write `-1 * a.x`)"),
    ] {
        let query = format!("a({{}}) and on(k) b({{}}) | where {query}");
        let said = said(&query);
        let [one] = said.as_slice() else { panic!("{query}: {said:?}") };
        let (span, rest) = one.split_once(": ").expect("a message follows the span");
        let help = rest.find(" (").filter(|_| rest.ends_with(')')).map_or("", |at| &rest[at..]);
        assert_eq!(format!("{span}: ..{help}"), format!("QUERY_SYNTAX {expected}"), "{query}");
    }
}

#[test]
fn what_does_not_follow_a_query() {
    for (query, expected) in [
        (
            "| limit 5 and on(k) c({})",
            "expected the end of the stage, found `and` (joins stand before the stages)",
        ),
        (
            "| limit 5 {x=\"1\"}",
            "expected the end of the stage, found `{` (a projection `{...}` stands before the stages)",
        ),
        (
            "|= \"x\"",
            "expected a stage (`where`, `select`, `limit`), found `=` (line filters stand in the selector of a stream)",
        ),
        (
            "| {x=\"1\"}",
            "expected a stage (`where`, `select`, `limit`), found `{` (a projection `{...}` stands before the stages, without a `|`)",
        ),
        (
            "| status >= 500",
            "expected a stage (`where`, `select`, `limit`), found `status` (conditions follow `where`: `| where app.status >= 500`)",
        ),
        (
            "| a.status = 500",
            "expected a stage (`where`, `select`, `limit`), found `a` (conditions follow `where`: `| where app.status >= 500`)",
        ),
        ("| select k,", "nothing follows this `,` (leave it out)"),
    ] {
        let said = said(&format!("a({{}}) and on(k) b({{}}) {query}"));
        let [one] = said.as_slice() else { panic!("{query}: {said:?}") };
        assert!(one.ends_with(&format!(": {expected}")), "{query}: {one}");
    }
}

#[test]
fn parsers_and_bounds() {
    for (query, expected) in [
        (
            "a({} | jsn) and on(k) b({})",
            "SELECTOR_SYNTAX `jsn`: unknown parser `jsn` (did you mean `json`?)",
        ),
        (
            "a({} |= \"x\" | lgofmt | y > 5) and on(k) b({})",
            "SELECTOR_SYNTAX `lgofmt`: unknown parser `lgofmt` (did you mean `logfmt`?)",
        ),
        (
            "a({} | patern \"<x>\") and on(k) b({})",
            "SELECTOR_SYNTAX `patern`: unknown parser `patern` (did you mean `pattern`?)",
        ),
        (
            "a({} | x > 1 && y < 2) and on(k) b({})",
            "SELECTOR_SYNTAX `&`: expected `,`, a line filter (`|=`, `!=`, `|~`, `!~`), `or`, `and` or the end of the selector, found `&` (conditions are joined by `and`)",
        ),
        (
            "a({}) and on(k) within(5s 10s) b({})",
            "QUERY_DURATION `5s 10s`: the bounds of `within` are separated by a comma (write `5s, 10s`)",
        ),
        (
            "a({}) and on(k) within(-5s  5s) b({})",
            "QUERY_DURATION `-5s  5s`: the bounds of `within` are separated by a comma (write `-5s, 5s`)",
        ),
        (
            "a({}) and on(k) within(1m 30s) b({})",
            "QUERY_DURATION `1m 30s`: `1m 30s` is no duration; expected one such as `5m` or `1h30m` (write `1m30s`)",
        ),
    ] {
        assert_eq!(said(query), [expected], "{query}");
    }
    assert_eq!(
        said("a({} | x = ip(\"10.0.0.0/8\")) and on(k) b({})"),
        ["SELECTOR_UNSUPPORTED `ip`: the engine's own selectors do not support `ip(...)`"]
    );
    // A label may be called nearly like a parser.
    assert!(said("a({} | jsn > 5) and on(k) b({})").is_empty());
}

#[test]
fn selectors_without_source_or_parentheses() {
    let source = "(a source stands before its selector: `app({level=\"error\"})`)";
    let parentheses = "(a selector stands in parentheses: `app({level=\"error\"})`)";
    for (query, helps) in [
        ("{app=\"x\"} and on(k) b({})", &[source][..]),
        ("a({}) and on(k) {app=\"x\"}", &[source]),
        ("a{} and on(k) b{}", &[parentheses; 2]),
        ("a({}) and on(k) b", &[parentheses]),
        ("a and on(k) b({})", &[parentheses]),
    ] {
        let said = said(query);
        assert_eq!(said.len(), helps.len(), "{query}: {said:?}");
        for (said, help) in said.iter().zip(helps) {
            assert!(said.starts_with("QUERY_SYNTAX") && said.ends_with(help), "{query}: {said}");
        }
    }
}

#[test]
fn anchors_of_one_side() {
    for (value, means, meant) in [
        ("^5", "5", "5.."),
        ("^/cart", "/cart", "/cart.*"),
        ("5$", "5", ".*5"),
        ("500", "500", ".*500.*"),
    ] {
        let query = format!("a({{x=~\"{value}\"}}) and on(k) b({{}})");
        assert_eq!(
            said(&query),
            [format!(
                "QUERY_UNANCHORED `\"{value}\"`: regexes of labels match whole values, so that \
                 `x=~\"{value}\"` means `x=\"{means}\"` (did you mean `x=~\"{meant}\"`?)"
            )]
        );
    }
    for known in ["^5$", "^5.*", ".*5$", "^", "$", "^$", "^4|5$"] {
        assert_eq!(said(&format!("a({{x=~\"{known}\"}}) and on(k) b({{}})")), [""; 0], "{known}");
    }
}
