//! Every mistake as a person sees it.

use super::*;

/// Checks `text` and compares what is drawn.
#[track_caller]
pub(super) fn shows(text: &str, expected: &str) {
    let checked = check(text, &PlanOptions::default());
    let drawn = render(text, &checked.diagnostics, false);
    // Lines without text below them end in spaces.
    let drawn = drawn.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(drawn, expected.trim_matches('\n'), "\n{drawn}\n");
    let errors = checked.diagnostics.iter().any(|found| found.severity == Severity::Error);
    assert_eq!(checked.plan.is_none(), errors);
}

#[test]
fn empty() {
    shows(
        "",
        r"
error[QUERY_SYNTAX]: the query is empty
 --> query:1:1
  |
1 |
  | ^
  |
  = help: for instance `edge({}) and on(request_id) app({})`
",
    );
    shows(
        " # nothing\n",
        r#"
error[QUERY_SYNTAX]: expected a stream such as `app({level="error"})`, found the end of the query
 --> query:1:11
  |
1 |  # nothing
  |           ^
"#,
    );
}

#[test]
fn unbalanced() {
    shows(
        "a({}) and on(k",
        r"
error[QUERY_UNBALANCED]: this `(` is never closed
 --> query:1:13
  |
1 | a({}) and on(k
  |             ^
",
    );
    shows(
        "a({}) and on(k))",
        r"
error[QUERY_UNBALANCED]: this `)` closes nothing
 --> query:1:16
  |
1 | a({}) and on(k))
  |                ^
",
    );
    shows(
        r#"a({app="x}) and on(k) b({})"#,
        r#"
error[QUERY_UNBALANCED]: this quote is never closed
 --> query:1:8
  |
1 | a({app="x}) and on(k) b({})
  |        ^
  |
  = help: close it, or put the text it stands in between other quotes
"#,
    );
    shows(
        "graylog(message:don't) and on(k) b({})",
        r"
error[QUERY_UNBALANCED]: this quote is never closed
 --> query:1:20
  |
1 | graylog(message:don't) and on(k) b({})
  |                    ^
  |
  = help: close it, or put the text it stands in between other quotes
",
    );
}

#[test]
fn no_join() {
    shows(
        "a({})",
        r"
error[QUERY_NO_JOIN]: a query joins at least two streams
 --> query:1:1
  |
1 | a({})
  | ^^^^^
  |
  = help: for instance `a(...) and on(request_id) app({})`
",
    );
}

#[test]
fn missing_operator() {
    shows(
        "a({}) b({})",
        r"
error[QUERY_NOT_JOINED]: nothing joins `b`: an operator is missing before it
 --> query:1:7
  |
1 | a({}) b({})
  |       ^
  |
  = help: for instance `and on(request_id) b(...)`
",
    );
    shows(
        "a({}) on(k) b({})",
        r"
error[QUERY_SYNTAX]: expected an operator (`and`, `or`, `outer`, `unless`, `then`) before `on`
 --> query:1:7
  |
1 | a({}) on(k) b({})
  |       ^^
  |
  = help: clauses follow the operator: `and on(...) app({})`
",
    );
}

#[test]
fn unknown_operator() {
    shows(
        "a({}) adn on(k) b({})",
        r"
error[QUERY_UNKNOWN_OPERATOR]: unknown operator `adn`; expected `and`, `or`, `outer`, `unless`, `then` or `then not`
 --> query:1:7
  |
1 | a({}) adn on(k) b({})
  |       ^^^
  |
  = help: did you mean `and`?
",
    );
    shows(
        "a({}) && on(k) b({})",
        r"
error[QUERY_UNKNOWN_OPERATOR]: unknown operator `&&`; expected `and`, `or`, `outer`, `unless`, `then` or `then not`
 --> query:1:7
  |
1 | a({}) && on(k) b({})
  |       ^^
  |
  = help: did you mean `and`?
",
    );
    shows(
        "a({}) xyzzy on(k) b({})",
        r"
error[QUERY_UNKNOWN_OPERATOR]: unknown operator `xyzzy`; expected `and`, `or`, `outer`, `unless`, `then` or `then not`
 --> query:1:7
  |
1 | a({}) xyzzy on(k) b({})
  |       ^^^^^
",
    );
}

#[test]
fn misspelt_clause() {
    shows(
        "a({}) and onn(k) b({})",
        r"
error[QUERY_SYNTAX]: unknown clause `onn(...)`
 --> query:1:11
  |
1 | a({}) and onn(k) b({})
  |           ^^^
  |
  = help: did you mean `on(...)`?
",
    );
    shows(
        "a({}) and on(k) withn(5s) b({})",
        r"
error[QUERY_SYNTAX]: unknown clause `withn(...)`
 --> query:1:17
  |
1 | a({}) and on(k) withn(5s) b({})
  |                 ^^^^^
  |
  = help: did you mean `within(...)`?
",
    );
    shows(
        "a({}) and on request_id b({})",
        r"
error[QUERY_SYNTAX]: expected `(` after `on`, found `request_id`
 --> query:1:11
  |
1 | a({}) and on request_id b({})
  |           ^^^^^^^^^^^^^
  |
  = help: write `on(request_id)`
",
    );
    shows(
        "a({}) and on(k) within 5s b({})",
        r"
error[QUERY_SYNTAX]: expected `(` after `within`, found `5s`
 --> query:1:17
  |
1 | a({}) and on(k) within 5s b({})
  |                 ^^^^^^^^^
  |
  = help: write `within(5s)`
",
    );
}

#[test]
fn no_keys() {
    shows(
        "a({}) and b({})",
        r"
error[QUERY_NO_KEYS]: `and` needs `on(...)`: the labels that must agree
 --> query:1:7
  |
1 | a({}) and b({})
  |       ^^^
  |
  = help: for instance `and on(request_id)`
",
    );
    shows(
        "a({}) and on() b({})",
        r"
error[QUERY_NO_KEYS]: `on()` names no label; a join needs at least one that must agree
 --> query:1:11
  |
1 | a({}) and on() b({})
  |           ^^^^
  |
  = help: for instance `on(request_id)`
",
    );
}

#[test]
fn not_a_stream() {
    shows(
        "a and on(k) b({})",
        r#"
error[QUERY_SYNTAX]: expected `(`, found `and`
 --> query:1:3
  |
1 | a and on(k) b({})
  |   ^^^
  |
  = help: a selector stands in parentheses: `app({level="error"})`
"#,
    );
    shows(
        "a({}) and on(k) my-app({})",
        r"
error[QUERY_SYNTAX]: expected `(`, found `-`
 --> query:1:19
  |
1 | a({}) and on(k) my-app({})
  |                   ^
  |
  = help: names have letters, digits and `_`
",
    );
    shows(
        "And({}) and on(k) b({})",
        r"
error[QUERY_SYNTAX]: `And` is a word of the language and cannot name a source
 --> query:1:1
  |
1 | And({}) and on(k) b({})
  | ^^^
",
    );
    shows(
        "a({}) and on(k) b({}) as",
        r"
error[QUERY_SYNTAX]: expected a name after `as`, found the end of the query
 --> query:1:25
  |
1 | a({}) and on(k) b({}) as
  |                         ^
",
    );
}

#[test]
fn unexpected_text() {
    shows(
        "a({}) and on(k j) b({})",
        r"
error[QUERY_SYNTAX]: expected `,`, `)` or `=`, found `j`
 --> query:1:16
  |
1 | a({}) and on(k j) b({})
  |                ^
",
    );
    shows(
        "a({}) and on(k) b({}) \0",
        r"
error[QUERY_SYNTAX]: expected a range such as `[5m]`, `as`, an operator (`and`, `or`, `outer`, `unless`, `then`), a projection `{...}`, a stage such as `| where` or the end of the query, found `\u{0}`
 --> query:1:23
  |
1 | a({}) and on(k) b({}) ␀
  |                       ^
",
    );
    shows(
        "a({}) and on(k) b({})[]",
        r"
error[QUERY_SYNTAX]: expected a duration such as `5m`, found `]`
 --> query:1:23
  |
1 | a({}) and on(k) b({})[]
  |                       ^
",
    );
    shows(
        "é({}) and on(k) b({})",
        r#"
error[QUERY_SYNTAX]: expected a stream such as `app({level="error"})`, found `é`
 --> query:1:1
  |
1 | é({}) and on(k) b({})
  | ^
"#,
    );
}

#[test]
fn duplicates() {
    shows(
        r#"a({})[5m][6m] as x as y and on(k) on(j) within(1s) within(2s) b({}) {a="1"} {b="2"}"#,
        r#"
error[QUERY_DUPLICATE]: the range is given twice
 --> query:1:10
  |
1 | a({})[5m][6m] as x as y and on(k) on(j) within(1s) within(2s) b({}) {a="1"} {b="2"}
  |          ^^^^

error[QUERY_DUPLICATE]: `as` is given twice
 --> query:1:20
  |
1 | a({})[5m][6m] as x as y and on(k) on(j) within(1s) within(2s) b({}) {a="1"} {b="2"}
  |                    ^^^^

error[QUERY_DUPLICATE]: `on(...)` is given twice
 --> query:1:35
  |
1 | a({})[5m][6m] as x as y and on(k) on(j) within(1s) within(2s) b({}) {a="1"} {b="2"}
  |                                   ^^^^^

error[QUERY_DUPLICATE]: `within(...)` is given twice
 --> query:1:52
  |
1 | a({})[5m][6m] as x as y and on(k) on(j) within(1s) within(2s) b({}) {a="1"} {b="2"}
  |                                                    ^^^^^^^^^^

error[QUERY_DUPLICATE]: the projection `{...}` is given twice
 --> query:1:77
  |
1 | a({})[5m][6m] as x as y and on(k) on(j) within(1s) within(2s) b({}) {a="1"} {b="2"}
  |                                                                             ^^^^^^^
  |
  = help: put all matchers into one, separated by commas
"#,
    );
    shows(
        "a({}) and on(k, j, k) b({})",
        r"
error[QUERY_DUPLICATE]: the key `k` is given twice
 --> query:1:20
  |
1 | a({}) and on(k, j, k) b({})
  |                    ^
",
    );
}

#[test]
fn range_after_alias() {
    shows(
        "a({}) as x [5m] and on(k) b({})",
        r"
error[QUERY_SYNTAX]: the range stands before `as`
 --> query:1:12
  |
1 | a({}) as x [5m] and on(k) b({})
  |            ^^^^
",
    );
}

#[test]
fn duplicate_streams() {
    shows(
        "a({}) as x and on(k) x({})",
        r"
error[QUERY_DUPLICATE_STREAM]: two streams are called `x`
 --> query:1:22
  |
1 | a({}) as x and on(k) x({})
  |                      ^
  |
  = help: name streams apart with `as`
",
    );
    shows(
        "a({}) as x and on(k) a({}) as x",
        r"
error[QUERY_DUPLICATE_STREAM]: two streams are called `x`
 --> query:1:31
  |
1 | a({}) as x and on(k) a({}) as x
  |                               ^
  |
  = help: name streams apart with `as`
",
    );
}

#[test]
fn durations() {
    shows(
        "a({})[5min] and on(k) within(3y) b({})[10]",
        r"
error[QUERY_UNKNOWN_UNIT]: unknown unit `min` in the duration `5min`
 --> query:1:7
  |
1 | a({})[5min] and on(k) within(3y) b({})[10]
  |       ^^^^
  |
  = help: did you mean `m`?

error[QUERY_UNKNOWN_UNIT]: unknown unit `y` in the duration `3y`
 --> query:1:30
  |
1 | a({})[5min] and on(k) within(3y) b({})[10]
  |                              ^^
  |
  = help: units are ns, us, ms, s, m, h, d and w

error[QUERY_DURATION]: the duration `10` ends without a unit
 --> query:1:40
  |
1 | a({})[5min] and on(k) within(3y) b({})[10]
  |                                        ^^
  |
  = help: for instance `10s` for seconds
",
    );
    shows(
        "a({})[1.5h] and on(k) b({})[soon]",
        r"
error[QUERY_DURATION]: `1.5h` is no duration; expected one such as `5m` or `1h30m`
 --> query:1:7
  |
1 | a({})[1.5h] and on(k) b({})[soon]
  |       ^^^^
  |
  = help: write `1h30m`

error[QUERY_DURATION]: `soon` is no duration; expected one such as `5m` or `1h30m`
 --> query:1:29
  |
1 | a({})[1.5h] and on(k) b({})[soon]
  |                             ^^^^
",
    );
    shows(
        "a({})[-5m] and on(k) within(-3s) b({})[99999999w]",
        r"
error[QUERY_DURATION]: a range cannot be negative
 --> query:1:7
  |
1 | a({})[-5m] and on(k) within(-3s) b({})[99999999w]
  |       ^^^
  |
  = help: signed bounds are written `within(-5s, 5s)`

error[QUERY_DURATION]: a distance cannot be negative
 --> query:1:29
  |
1 | a({})[-5m] and on(k) within(-3s) b({})[99999999w]
  |                             ^^^
  |
  = help: two bounds are written `within(-3s, 0s)`

error[QUERY_DURATION]: the duration `99999999w` is longer than 292 years
 --> query:1:40
  |
1 | a({})[-5m] and on(k) within(-3s) b({})[99999999w]
  |                                        ^^^^^^^^^
",
    );
}

#[test]
fn bounds() {
    shows(
        "a({}) and on(k) within(20s, 10s) b({})",
        r"
error[QUERY_BOUNDS]: the lower bound 20s is above the upper bound 10s
 --> query:1:17
  |
1 | a({}) and on(k) within(20s, 10s) b({})
  |                 ^^^^^^^^^^^^^^^^
  |
  = help: did you mean `within(10s, 20s)`?
",
    );
    shows(
        "a({}) and on(k) within(10m, 20m) b({})",
        r"
error[QUERY_BOUNDS]: no match can be 10m or more after the left side: the range of `a` is 5m
 --> query:1:17
  |
1 | a({}) and on(k) within(10m, 20m) b({})
  |                 ^^^^^^^^^^^^^^^^
  |
  = help: give `a` a longer range, such as `[10m]`
",
    );
    shows(
        "a({}) and on(k) within(-1h, -10m) b({})[1m]",
        r"
error[QUERY_BOUNDS]: no match can be 10m or more before the left side: the range of `b` is 1m
 --> query:1:17
  |
1 | a({}) and on(k) within(-1h, -10m) b({})[1m]
  |                 ^^^^^^^^^^^^^^^^^
  |
  = help: give `b` a longer range, such as `[10m]`
",
    );
    shows(
        "a({}) and on(k) within(1s, 2s, 3s) b({})",
        r"
error[QUERY_SYNTAX]: `within` takes one distance or two bounds
 --> query:1:32
  |
1 | a({}) and on(k) within(1s, 2s, 3s) b({})
  |                                ^^
",
    );
}

#[test]
fn wider_than_the_ranges() {
    shows(
        "a({})[1m] and on(k) within(10m) b({})",
        r"
warning[QUERY_WITHIN_TOO_WIDE]: `within` allows 10m after and 10m before the left side, but the ranges allow less: 1m for `a` and 5m for `b`
 --> query:1:21
  |
1 | a({})[1m] and on(k) within(10m) b({})
  |                     ^^^^^^^^^^^
  |
  = help: give a longer range (`a[10m]` and `b[10m]`) or a shorter `within`
",
    );
    shows(
        "a({})[1h] and on(k) within(-1h, 1h) b({})[1m]",
        r"
warning[QUERY_WITHIN_TOO_WIDE]: `within` allows 1h before the left side, but the ranges allow less: 1m for `b`
 --> query:1:21
  |
1 | a({})[1h] and on(k) within(-1h, 1h) b({})[1m]
  |                     ^^^^^^^^^^^^^^^
  |
  = help: give a longer range (`b[1h]`) or a shorter `within`
",
    );
}

#[test]
fn projections() {
    shows(
        r#"(a({}) and on(k) b({}) {x="1"})"#,
        r#"
error[QUERY_SYNTAX]: expected `)`, a range such as `[5m]`, `as` or an operator (`and`, `or`, `outer`, `unless`, `then`), found `{`
 --> query:1:24
  |
1 | (a({}) and on(k) b({}) {x="1"})
  |                        ^
  |
  = help: a projection `{...}` stands once, at the end of the query
"#,
    );
    shows(
        "a({}) and on(k) b({}) {x=1}",
        r#"
error[QUERY_SYNTAX]: expected a quoted text, found `1`
 --> query:1:26
  |
1 | a({}) and on(k) b({}) {x=1}
  |                          ^
  |
  = help: texts are quoted: write `"1"`
"#,
    );
    shows(
        "a({}) and on(k) b({}) {}",
        r"
error[QUERY_SYNTAX]: expected a label, found `}`
 --> query:1:24
  |
1 | a({}) and on(k) b({}) {}
  |                        ^
",
    );
}

#[test]
fn escapes() {
    shows(
        r#"a({}) and on(k) b({}) {x=~"\d+", y="\xff", z="\u00"}"#,
        r#"
error[QUERY_ESCAPE]: unknown escape `\d`
 --> query:1:28
  |
1 | a({}) and on(k) b({}) {x=~"\d+", y="\xff", z="\u00"}
  |                            ^^
  |
  = help: in a regex write the backslash twice, or quote with backticks

error[QUERY_ESCAPE]: the escapes of this text are not UTF-8
 --> query:1:36
  |
1 | a({}) and on(k) b({}) {x=~"\d+", y="\xff", z="\u00"}
  |                                    ^^^^^^
  |
  = help: write characters as they are, or as `\u00e9`

error[QUERY_ESCAPE]: `\u00` is no character
 --> query:1:47
  |
1 | a({}) and on(k) b({}) {x=~"\d+", y="\xff", z="\u00"}
  |                                               ^^^^
"#,
    );
}

#[test]
fn regexes() {
    shows(
        r#"a({x=~"a\\d("}) and on(k) b({}) {x=~"(a|b", y=~`[z-a]`}"#,
        r#"
error[QUERY_REGEX]: this regex does not compile: unclosed group
 --> query:1:12
  |
1 | a({x=~"a\\d("}) and on(k) b({}) {x=~"(a|b", y=~`[z-a]`}
  |            ^

error[QUERY_REGEX]: this regex does not compile: unclosed group
 --> query:1:38
  |
1 | a({x=~"a\\d("}) and on(k) b({}) {x=~"(a|b", y=~`[z-a]`}
  |                                      ^

error[QUERY_REGEX]: this regex does not compile: invalid character class range, the start must be <= the end
 --> query:1:50
  |
1 | a({x=~"a\\d("}) and on(k) b({}) {x=~"(a|b", y=~`[z-a]`}
  |                                                  ^^^
"#,
    );
    shows(
        r#"a({x=~"(\\pL{1000}){1000}"}) and on(k) b({})"#,
        r#"
error[QUERY_REGEX]: this regex does not compile: it compiles to more than 1048576 bytes
 --> query:1:8
  |
1 | a({x=~"(\\pL{1000}){1000}"}) and on(k) b({})
  |        ^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn selectors() {
    shows(
        r#"a(level="error") and on(k) b(|= "x")"#,
        r#"
error[SELECTOR_SYNTAX]: the matchers of a selector stand in braces
 --> query:1:3
  |
1 | a(level="error") and on(k) b(|= "x")
  |   ^^^^^^^^^^^^^
  |
  = help: write `{level="error"}`

error[SELECTOR_SYNTAX]: a selector starts with its matchers; `{}` keeps everything
 --> query:1:30
  |
1 | a(level="error") and on(k) b(|= "x")
  |                              ^
  |
  = help: write `{} |= "x"`
"#,
    );
    shows(
        r"a({level=error} |= x) and on(k)
  b({} | level = error)",
        r#"
error[SELECTOR_SYNTAX]: expected a quoted text, found `error`
 --> query:1:10
  |
1 | a({level=error} |= x) and on(k)
  |          ^^^^^
  |
  = help: texts are quoted: write `"error"`

error[SELECTOR_SYNTAX]: expected a quoted text or a number, found `error`
 --> query:2:18
  |
2 |   b({} | level = error)
  |                  ^^^^^
  |
  = help: texts are quoted: write `"error"`
"#,
    );
    shows(
        "a({} | json | | logfmt) and on(k) b(level)",
        r#"
error[SELECTOR_SYNTAX]: expected a label or a parser (`json`, `logfmt`, `pattern`, `regexp`), found `|`
 --> query:1:15
  |
1 | a({} | json | | logfmt) and on(k) b(level)
  |               ^

error[SELECTOR_SYNTAX]: expected matchers such as `{level="error"}`, found `level`
 --> query:1:37
  |
1 | a({} | json | | logfmt) and on(k) b(level)
  |                                     ^^^^^
"#,
    );
}

#[test]
fn selector_stages() {
    shows(
        r#"a({} | line_format "{{.x}}" | json foo="bar") and on(k) b({} | logfmt --strict | drop x)"#,
        r#"
error[SELECTOR_UNSUPPORTED]: the engine's own selectors do not support `line_format`
 --> query:1:8
  |
1 | a({} | line_format "{{.x}}" | json foo="bar") and on(k) b({} | logfmt --strict | drop x)
  |        ^^^^^^^^^^^

error[SELECTOR_UNSUPPORTED]: `json` takes no parameters here
 --> query:1:36
  |
1 | a({} | line_format "{{.x}}" | json foo="bar") and on(k) b({} | logfmt --strict | drop x)
  |                                    ^^^^^^^^^
  |
  = help: `| json` alone extracts everything

error[SELECTOR_UNSUPPORTED]: `logfmt` takes no parameters here
 --> query:1:71
  |
1 | a({} | line_format "{{.x}}" | json foo="bar") and on(k) b({} | logfmt --strict | drop x)
  |                                                                       ^^^^^^^^
  |
  = help: `| logfmt` alone extracts everything

error[SELECTOR_UNSUPPORTED]: the engine's own selectors do not support `drop`
 --> query:1:82
  |
1 | a({} | line_format "{{.x}}" | json foo="bar") and on(k) b({} | logfmt --strict | drop x)
  |                                                                                  ^^^^
"#,
    );
    shows(
        r#"a({} | pattern "x <_>" | pattern "<a><b>") and on(k) b({} | pattern "<a> <a>" | regexp "(.*)")"#,
        r#"
error[SELECTOR_CAPTURE]: the pattern captures nothing by name
 --> query:1:16
  |
1 | a({} | pattern "x <_>" | pattern "<a><b>") and on(k) b({} | pattern "<a> <a>" | regexp "(.*)")
  |                ^^^^^^^
  |
  = help: for instance `pattern "<ip> - <_> [<time>] <_>"`

error[SELECTOR_CAPTURE]: nothing separates `<a>` from the capture behind it
 --> query:1:34
  |
1 | a({} | pattern "x <_>" | pattern "<a><b>") and on(k) b({} | pattern "<a> <a>" | regexp "(.*)")
  |                                  ^^^^^^^^
  |
  = help: for instance `pattern "<ip> - <_> [<time>] <_>"`

error[SELECTOR_CAPTURE]: the pattern captures `a` twice
 --> query:1:69
  |
1 | a({} | pattern "x <_>" | pattern "<a><b>") and on(k) b({} | pattern "<a> <a>" | regexp "(.*)")
  |                                                                     ^^^^^^^^^
  |
  = help: for instance `pattern "<ip> - <_> [<time>] <_>"`

error[SELECTOR_CAPTURE]: this regex captures nothing by name
 --> query:1:88
  |
1 | a({} | pattern "x <_>" | pattern "<a><b>") and on(k) b({} | pattern "<a> <a>" | regexp "(.*)")
  |                                                                                        ^^^^^^
  |
  = help: name a group: `(?P<status>[0-9]+)`
"#,
    );
}

#[test]
fn selector_comparisons() {
    shows(
        r#"a({} | status >= "500" | level == "error") and on(k) b({} | size > 20KB | status =~ 500)"#,
        r#"
error[SELECTOR_COMPARISON]: `>=` compares numbers and durations, not texts
 --> query:1:15
  |
1 | a({} | status >= "500" | level == "error") and on(k) b({} | size > 20KB | status =~ 500)
  |               ^^
  |
  = help: write `status >= 500`

error[SELECTOR_COMPARISON]: `==` compares numbers and durations, not texts
 --> query:1:32
  |
1 | a({} | status >= "500" | level == "error") and on(k) b({} | size > 20KB | status =~ 500)
  |                                ^^
  |
  = help: texts are compared with `=`, `!=`, `=~` and `!~`

error[SELECTOR_COMPARISON]: `20KB` is neither a number nor a duration
 --> query:1:68
  |
1 | a({} | status >= "500" | level == "error") and on(k) b({} | size > 20KB | status =~ 500)
  |                                                                    ^^^^
  |
  = help: for instance `500`, `0.5` or `250ms`; texts are quoted

error[SELECTOR_COMPARISON]: `=~` takes a quoted regex, not a number
 --> query:1:82
  |
1 | a({} | status >= "500" | level == "error") and on(k) b({} | size > 20KB | status =~ 500)
  |                                                                                  ^^
  |
  = help: write `status =~ "500"`
"#,
    );
}

#[test]
fn several_at_once() {
    shows(
        r#"a({x=~"("})[5min] adn on(k, k) within(9s, 1s) b({} | unpack) as a
  and on() c({}) {x=~"["}"#,
        r#"
error[QUERY_REGEX]: this regex does not compile: unclosed group
 --> query:1:8
  |
1 | a({x=~"("})[5min] adn on(k, k) within(9s, 1s) b({} | unpack) as a
  |        ^

error[QUERY_UNKNOWN_UNIT]: unknown unit `min` in the duration `5min`
 --> query:1:13
  |
1 | a({x=~"("})[5min] adn on(k, k) within(9s, 1s) b({} | unpack) as a
  |             ^^^^
  |
  = help: did you mean `m`?

error[QUERY_UNKNOWN_OPERATOR]: unknown operator `adn`; expected `and`, `or`, `outer`, `unless`, `then` or `then not`
 --> query:1:19
  |
1 | a({x=~"("})[5min] adn on(k, k) within(9s, 1s) b({} | unpack) as a
  |                   ^^^
  |
  = help: did you mean `and`?

error[QUERY_DUPLICATE]: the key `k` is given twice
 --> query:1:29
  |
1 | a({x=~"("})[5min] adn on(k, k) within(9s, 1s) b({} | unpack) as a
  |                             ^

error[QUERY_BOUNDS]: the lower bound 9s is above the upper bound 1s
 --> query:1:32
  |
1 | a({x=~"("})[5min] adn on(k, k) within(9s, 1s) b({} | unpack) as a
  |                                ^^^^^^^^^^^^^^
  |
  = help: did you mean `within(1s, 9s)`?

error[SELECTOR_UNSUPPORTED]: the engine's own selectors do not support `unpack`
 --> query:1:54
  |
1 | a({x=~"("})[5min] adn on(k, k) within(9s, 1s) b({} | unpack) as a
  |                                                      ^^^^^^

error[QUERY_DUPLICATE_STREAM]: two streams are called `a`
 --> query:1:65
  |
1 | a({x=~"("})[5min] adn on(k, k) within(9s, 1s) b({} | unpack) as a
  |                                                                 ^
  |
  = help: name streams apart with `as`

error[QUERY_NO_KEYS]: `on()` names no label; a join needs at least one that must agree
 --> query:2:7
  |
2 |   and on() c({}) {x=~"["}
  |       ^^^^
  |
  = help: for instance `on(request_id)`

error[QUERY_REGEX]: this regex does not compile: unclosed character class
 --> query:2:23
  |
2 |   and on() c({}) {x=~"["}
  |                       ^
"#,
    );
}

#[test]
fn what_comes_before_an_open_parenthesis_or_quote_is_read() {
    use code::{QUERY_DUPLICATE, QUERY_REGEX, QUERY_UNKNOWN_OPERATOR};
    let unbalanced = code::QUERY_UNBALANCED;
    let codes = |text: &str| {
        let found = check(text, &PlanOptions::default()).diagnostics;
        found.iter().map(|one| (one.code, one.span.start)).collect::<Vec<_>>()
    };
    assert_eq!(
        codes(r#"a({k=~"("}) adn on(k) b({}"#),
        [(QUERY_REGEX, 7), (QUERY_UNKNOWN_OPERATOR, 12), (unbalanced, 23)]
    );
    assert_eq!(
        codes("a({}) and on(k, k) (b({}) adn on(k) c({})"),
        [(QUERY_DUPLICATE, 16), (unbalanced, 19),]
    );
    assert_eq!(codes("a({}) and on(k) within(5x) b({}) or on(k c({})").len(), 2);
    assert_eq!(codes("a({})) adn on(k) b({})"), [(unbalanced, 5), (QUERY_UNKNOWN_OPERATOR, 7)]);
    assert_eq!(
        codes("a({}) adn on(k) b({}) | where a.x = \"1"),
        [(QUERY_UNKNOWN_OPERATOR, 6), (unbalanced, 36),]
    );
    assert_eq!(codes("(((a({}) and on(k) b({"), [(unbalanced, 20)]);
    assert_eq!(codes("a("), [(unbalanced, 1)]);
}

#[test]
fn of_very_many_diagnostics_the_first_are_drawn() {
    let text = format!("a({{}}) and on(k) b({{}}) {}", "| limit 0 ".repeat(101));
    let found = check(&text, &PlanOptions::default()).diagnostics;
    assert_eq!(found.len(), 101);
    let drawn = render(&text, &found, false);
    assert_eq!(drawn.matches("error[STAGE_LIMIT]").count(), 100);
    assert!(drawn.ends_with("\n\nand 1 more"), "{}", &drawn[drawn.len() - 80..]);
    assert!(!render(&text, &found[..100], false).ends_with("more"));
}
