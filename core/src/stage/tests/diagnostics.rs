//! Every mistake as a person sees it.

use super::*;

/// Compiles the stages of `text` and compares what is said: code, what the span covers, message and
/// suggestion, one line for each mistake.
#[track_caller]
fn says(text: &str, expected: &[&str]) {
    let found = checked(text).expect_err(text);
    let said: Vec<_> = found
        .iter()
        .map(|found| {
            let help = found.suggestion.as_ref();
            let help = help.map_or(String::new(), |help| format!(" ({help})"));
            format!("{} `{}`: {}{help}", found.code, &text[found.span.clone()], found.message)
        })
        .collect();
    assert_eq!(said, expected, "{text}\n{}", render(text, &found, false));
}

#[test]
fn a_stage_that_does_not_exist() {
    says(
        "",
        &[
            "STAGE_UNKNOWN ``: expected a stage (`where`, `select`, `limit`), found the end of the stage",
        ],
    );
    says(
        "  ",
        &[
            "STAGE_UNKNOWN ``: expected a stage (`where`, `select`, `limit`), found the end of the stage",
        ],
    );
    says(
        "filter a.x = 1",
        &[
            "STAGE_UNKNOWN `filter`: expected a stage (`where`, `select`, `limit`), found `filter` (did you mean `| where`?)",
        ],
    );
    says(
        "wher a.x = 1",
        &[
            "STAGE_UNKNOWN `wher`: expected a stage (`where`, `select`, `limit`), found `wher` (did you mean `| where`?)",
        ],
    );
    says(
        "json",
        &[
            "STAGE_UNKNOWN `json`: expected a stage (`where`, `select`, `limit`), found `json` (parsers stand in the selector of a stream)",
        ],
    );
    says("42", &["STAGE_UNKNOWN `42`: expected a stage (`where`, `select`, `limit`), found `42`"]);
}

#[test]
fn limits() {
    says("limit", &["QUERY_SYNTAX ``: expected a number, found the end of the stage"]);
    says(
        "limit 0",
        &[
            "STAGE_LIMIT `0`: `0` is no number of correlations; expected a whole number from 1 (write `limit 100`)",
        ],
    );
    says(
        "limit 5.5",
        &[
            "STAGE_LIMIT `5.5`: `5.5` is no number of correlations; expected a whole number from 1 (write `limit 100`)",
        ],
    );
    says(
        "limit -1",
        &[
            "STAGE_LIMIT `-1`: `-1` is no number of correlations; expected a whole number from 1 (write `limit 100`)",
        ],
    );
    says(
        "limit x",
        &[
            "STAGE_LIMIT `x`: `x` is no number of correlations; expected a whole number from 1 (write `limit 100`)",
        ],
    );
    says(
        "limit 99999999999999999999999",
        &[
            "STAGE_LIMIT `99999999999999999999999`: `99999999999999999999999` is no number of correlations; expected a whole number from 1 (write `limit 100`)",
        ],
    );
    says("limit 5 6", &["QUERY_SYNTAX `6`: expected the end of the stage, found `6`"]);
}

#[test]
fn fields() {
    says(
        "select",
        &[
            "QUERY_SYNTAX ``: expected a field such as `request_id` or `app.status`, found the end of the stage",
        ],
    );
    says(
        "select foo",
        &[
            "STAGE_LABEL `foo`: `foo` is no key of the query and no copied label (a label of the first event of a stream is written `name.label`)",
        ],
    );
    says(
        "select reques_id",
        &[
            "STAGE_LABEL `reques_id`: `reques_id` is no key of the query and no copied label (did you mean `request_id`?)",
        ],
    );
    says(
        "select a.ts",
        &[
            "STAGE_LABEL `a.ts`: `ts` is the time of an event, which results have anyway; `select` takes labels",
        ],
    );
    says(
        "select d.x",
        &["STAGE_STREAM `d`: no stream is called `d` (the streams are `a`, `b`, `c` and `app#4`)"],
    );
    says("select a.x, a.x", &["QUERY_DUPLICATE `a.x`: `a.x` is selected twice"]);
    says("select a.x | select b.x", &["QUERY_DUPLICATE `select b.x`: `select` is given twice"]);
    says(
        "select user as u",
        &["QUERY_SYNTAX `as`: expected `,` or the end of the stage, found `as`"],
    );
    says(
        "select first(a).x",
        &["QUERY_SYNTAX `(`: expected `,` or the end of the stage, found `(`"],
    );
    says(
        "select err.code, err.cod",
        &[
            "STAGE_LABEL `err.cod`: `err.cod` is no key of the query and no copied label (did you mean `err.code`?)",
        ],
    );
    says(
        "select app#9",
        &[
            "STAGE_LABEL `app#9`: `app#9` is no key of the query and no copied label (a label of the first event of a stream is written `name.label`)",
        ],
    );
    says(
        "select app#9.x",
        &["STAGE_STREAM `app#9`: no stream is called `app#9` (did you mean `app#4`?)"],
    );
}

#[test]
fn conditions_and_values_in_each_others_place() {
    says(
        "where a.x",
        &[
            "QUERY_SYNTAX `a.x`: `a.x` is a value where a condition is expected (compare it, for instance `app.status >= 500`)",
        ],
    );
    says(
        "where a.x = 1 and b.x",
        &[
            "QUERY_SYNTAX `b.x`: `b.x` is a value where a condition is expected (compare it, for instance `app.status >= 500`)",
        ],
    );
    says(
        "where not a.x",
        &[
            "QUERY_SYNTAX `a.x`: `a.x` is a value where a condition is expected (compare it, for instance `app.status >= 500`)",
        ],
    );
    says(
        "where (a.x = 1) + 2 = 3",
        &[
            "QUERY_SYNTAX `(a.x = 1)`: `(a.x = 1)` is a condition where a value is expected (conditions are joined by `and`, `or` and `not` only)",
        ],
    );
    says(
        "where (a.x = 1) = 2",
        &[
            "QUERY_SYNTAX `(a.x = 1)`: `(a.x = 1)` is a condition where a value is expected (conditions are joined by `and`, `or` and `not` only)",
        ],
    );
    says(
        "where 1 < a.x < 5",
        &["QUERY_SYNTAX `1 < a.x < 5`: a comparison has two sides (write `1 < a.x and a.x < 5`)"],
    );
}

#[test]
fn habits_from_other_languages() {
    says("where a.x == 1", &["QUERY_SYNTAX `==`: `==` is no comparison (write `=`)"]);
    says("where a.x <> 1", &["QUERY_SYNTAX `<>`: `<>` is no comparison (write `!=`)"]);
    says(
        "where a.x = 1 && b.x = 1",
        &["QUERY_SYNTAX `&&`: `&&` is no word of a condition (write `and`)"],
    );
    says("where !a.x = 1", &["QUERY_SYNTAX `!`: `!` is no word of a condition (write `not`)"]);
    says(
        "where a.x = 1 || b.x = 2",
        &["QUERY_SYNTAX `||`: `||` is no word of a condition (write `or`)"],
    );
    says(
        "where (a.x = 1 & b.x = 2)",
        &["QUERY_SYNTAX `&`: `&` is no word of a condition (write `and`)"],
    );
    says("where a.x => 5", &["QUERY_SYNTAX `=>`: `=>` is no comparison (write `>=`)"]);
    says("where a.x =< 5", &["QUERY_SYNTAX `=<`: `=<` is no comparison (write `<=`)"]);
    says("where a.x <> \"\"", &["QUERY_SYNTAX `<>`: `<>` is no comparison (write `!=`)"]);
    for (written, at, meant) in [
        ("-count(a) > 5", "-count(a)", "-1 * count(a)"),
        ("1 - -a.x > 5", "-a.x", "-1 * a.x"),
        ("1 / - a.x > 5", "- a.x", "(-1 * a.x)"),
        ("1 * -(a.x + 1) > 5", "-(a.x + 1)", "-1 * (a.x + 1)"),
        ("a.x > - 5", "- 5", "-5"),
        ("a.x > - 5s # five", "- 5s", "-5s"),
        ("a.x > - -5", "- -5", "5"),
        ("a.x = --duration", "--duration", "duration"),
    ] {
        says(
            &format!("where {written}"),
            &[&format!(
                "QUERY_SYNTAX `{at}`: `-` stands between two values, or right before a number (write `{meant}`)"
            )],
        );
        // What stands there can be replaced by what is meant.
        let replaced = format!("where {}", written.replace(at, meant));
        assert!(parse(&replaced, 0).is_ok(), "{replaced}");
    }
    says(
        "where status = 500",
        &[
            "QUERY_SYNTAX `status`: `status` alone is no value: a label is written with its stream (write `name.status` with the name of the stream, or quote a text)",
        ],
    );
    says(
        "where a.x = error",
        &[
            "QUERY_SYNTAX `error`: `error` alone is no value: a label is written with its stream (write `name.error` with the name of the stream, or quote a text)",
        ],
    );
    says(
        "where durations > 5s",
        &[
            "QUERY_SYNTAX `durations`: `durations` alone is no value: a label is written with its stream (did you mean `duration`?)",
        ],
    );
    says(
        "where max(a.x) > 1",
        &[
            "QUERY_SYNTAX `max`: there is no function `max` (there are `first`, `last`, `count` and `every`)",
        ],
    );
    says(
        "where cout(a) > 1",
        &["QUERY_SYNTAX `cout`: there is no function `cout` (did you mean `count`?)"],
    );
    says(
        "where a.x = 5 m",
        &[
            "QUERY_SYNTAX `m`: expected a comparison such as `=` or `>=`, `or`, `and` or the end of the stage, found `m` (durations are written without spaces, such as `1h30m`)",
        ],
    );
    says(
        "where a.x > 5min",
        &[
            "QUERY_UNKNOWN_UNIT `5min`: unknown unit `min` in the duration `5min` (did you mean `m`?)",
        ],
    );
    says(
        "where a.x > 1.5s",
        &["QUERY_DURATION `1.5s`: `1.5s` is neither a number nor a duration (write `1s500ms`)"],
    );
    says(
        "where a.x > 5x5",
        &[
            "QUERY_UNKNOWN_UNIT `5x5`: unknown unit `x` in the duration `5x5` (units are ns, us, ms, s, m, h, d and w)",
        ],
    );
    says(
        "where a.x in (1, 2)",
        &[
            r#"QUERY_SYNTAX `in`: expected a comparison such as `=` or `>=`, `or`, `and` or the end of the stage, found `in` (one of several is written `app.status =~ "500|503"`)"#,
        ],
    );
}

#[test]
fn events_and_functions() {
    says(
        "where count(a.x) > 1",
        &["QUERY_SYNTAX `count`: `count` takes the name of one stream (for instance `count(app)`)"],
    );
    says(
        "where first(a) > 1",
        &[
            "QUERY_SYNTAX `first(a)`: `first(a)` is an event; a value is expected (write `first(a).ts` or `first(a).status`)",
        ],
    );
    says(
        "where first() > 1",
        &["QUERY_SYNTAX `first`: `first` takes the name of one stream (for instance `first(app)`)"],
    );
    says(
        "where every(a.x = 1 and a.y = 2)",
        &[
            "STAGE_EVERY `a.x = 1 and a.y = 2`: `every` takes one comparison (write `every(...)` around each comparison)",
        ],
    );
    says(
        "where every(a.x = b.x)",
        &[
            "STAGE_EVERY `a.x = b.x`: `every` is about the events of one stream, and this comparison names several (take one event of the others with `first(...)` or `last(...)`)",
        ],
    );
    says(
        "where every(count(a) = 1)",
        &[
            "STAGE_EVERY `count(a) = 1`: nothing in this comparison is about every event (write `name.label` of one stream in it, without `first` or `last`)",
        ],
    );
    says(
        "where every(a)",
        &[
            "QUERY_SYNTAX `a`: `a` alone is no value: a label is written with its stream (write `name.a` with the name of the stream, or quote a text)",
        ],
    );
    says(
        "where every(not a.x = 1)",
        &[
            "STAGE_EVERY `not a.x = 1`: `every` takes one comparison (write `every(...)` around each comparison)",
        ],
    );
}

#[test]
fn combinations() {
    says(
        "where a.x + b.x = 5",
        &[
            "STAGE_COMBINATIONS `a.x + b.x = 5`: only trying every combination of events could answer this comparison (keep what is about one stream together, `=` with one stream on each side; or take one event with `first(...)` or `last(...)`)",
        ],
    );
    says(
        "where a.x + b.x > a.y",
        &[
            "STAGE_COMBINATIONS `a.x + b.x > a.y`: only trying every combination of events could answer this comparison (keep what is about one stream together, `=` with one stream on each side; or take one event with `first(...)` or `last(...)`)",
        ],
    );
    says(
        "where 1 / (a.x + b.x) > 1",
        &[
            "STAGE_COMBINATIONS `1 / (a.x + b.x)`: only trying every combination of events could answer this comparison (keep what is about one stream together, `=` with one stream on each side; or take one event with `first(...)` or `last(...)`)",
        ],
    );
    says(
        "where a.x + b.x - a.y > 1",
        &[
            "STAGE_COMBINATIONS `a.x + b.x - a.y`: only trying every combination of events could answer this comparison (keep what is about one stream together, `=` with one stream on each side; or take one event with `first(...)` or `last(...)`)",
        ],
    );
    says(
        "where a.x > b.x + a.y",
        &[
            "STAGE_COMBINATIONS `a.x > b.x + a.y`: only trying every combination of events could answer this comparison (keep what is about one stream together, `=` with one stream on each side; or take one event with `first(...)` or `last(...)`)",
        ],
    );
}

#[test]
fn names() {
    says(
        "where d.x = 1",
        &["STAGE_STREAM `d`: no stream is called `d` (the streams are `a`, `b`, `c` and `app#4`)"],
    );
    says(
        "where app.x = 1",
        &[
            "STAGE_STREAM `app`: no stream is called `app` (write `app#4`, or give the streams names with `as`)",
        ],
    );
    says(
        "where application.x = 1",
        &[
            "STAGE_STREAM `application`: no stream is called `application` (the streams are `a`, `b`, `c` and `app#4`)",
        ],
    );
    says(
        "where count(bb) = 1 and last(x).ts > x.ts",
        &[
            "STAGE_STREAM `bb`: no stream is called `bb` (did you mean `b`?)",
            "STAGE_STREAM `x`: no stream is called `x` (the streams are `a`, `b`, `c` and `app#4`)",
            "STAGE_STREAM `x`: no stream is called `x` (the streams are `a`, `b`, `c` and `app#4`)",
        ],
    );
    says(
        "where a-b.x = 1",
        &[
            "QUERY_SYNTAX `a`: `a` alone is no value: a label is written with its stream (write `name.a` with the name of the stream, or quote a text)",
        ],
    );
}

#[test]
fn types() {
    says(
        "where a.x > 1e999",
        &["STAGE_TYPE `1e999`: this number is larger than any the engine computes with"],
    );
    says(
        "where a.x =~ 5",
        &[
            r#"STAGE_TYPE `5`: `=~` takes a quoted regex on its right side (for instance `app.path =~ "/cart/.*"`)"#,
        ],
    );
    says(
        r#"where a.x + 1 =~ "5""#,
        &["STAGE_TYPE `a.x + 1`: `=~` matches labels, and this is arithmetic"],
    );
    says(r#"where a.ts =~ "5""#, &["STAGE_TYPE `a.ts`: `=~` matches labels, and this is a time"]);
    says(
        r#"where count(a) =~ "5""#,
        &["STAGE_TYPE `count(a)`: `=~` matches labels, and this is a number"],
    );
    says(
        r#"where a.x > "5""#,
        &[
            r#"STAGE_TYPE `a.x > "5"`: `>` compares numbers, durations and times, not texts (write `5` without quotes)"#,
        ],
    );
    says(
        r#"where a.x > "five""#,
        &[
            r#"STAGE_TYPE `a.x > "five"`: `>` compares numbers, durations and times, not texts (texts are compared with `=`, `!=`, `=~` and `!~`)"#,
        ],
    );
    says(
        r#"where a.x * 2 = "10""#,
        &[
            r#"STAGE_TYPE `a.x * 2 = "10"`: arithmetic on labels gives a number or a duration, not a text (write `10` without quotes)"#,
        ],
    );
    says(
        r#"where a.x * 2 = "ten""#,
        &[
            r#"STAGE_TYPE `a.x * 2 = "ten"`: arithmetic on labels gives a number or a duration, not a text (texts are compared with `=`, `!=`, `=~` and `!~`)"#,
        ],
    );
    says(
        r#"where count(a) = "5""#,
        &[
            r#"STAGE_TYPE `count(a) = "5"`: a number cannot be compared with a text (write `5` without quotes)"#,
        ],
    );
    says(
        r#"where duration > "250ms""#,
        &[
            r#"STAGE_TYPE `duration > "250ms"`: a duration cannot be compared with a text (write `250ms` without quotes)"#,
        ],
    );
    says(
        r#"where "a" = "b""#,
        &[
            r#"STAGE_TYPE `"a" = "b"`: both sides are fixed texts (write a label as `name.label`, without quotes)"#,
        ],
    );
    says(
        "where duration > 5",
        &[
            "STAGE_TYPE `duration > 5`: a duration cannot be compared with a number (give the number a unit, such as `2s`)",
        ],
    );
    says(
        "where count(a) > 5s",
        &["STAGE_TYPE `count(a) > 5s`: a number cannot be compared with a duration"],
    );
    says(
        "where a.ts > 5s",
        &[
            "STAGE_TYPE `a.ts > 5s`: a time cannot be compared with a duration (the difference of two times is a duration: `b.ts - a.ts > 2s`)",
        ],
    );
    says(
        "where a.ts = a.x",
        &["STAGE_TYPE `a.ts = a.x`: a label is no time (the time of an event is `name.ts`)"],
    );
    says(
        r#"where a.ts > "yesterday""#,
        &[
            r#"STAGE_TIME `"yesterday"`: `yesterday` is no time with a date and an offset, as RFC 3339 has them (for instance `"2026-11-20T21:20:09Z"`)"#,
        ],
    );
    says(
        r#"where a.ts > "2026-11-20 21:20""#,
        &[
            r#"STAGE_TIME `"2026-11-20 21:20"`: `2026-11-20 21:20` is no time with a date and an offset, as RFC 3339 has them (for instance `"2026-11-20T21:20:09Z"`)"#,
        ],
    );
    says(
        "where a.ts + b.ts > 5s",
        &[
            "STAGE_TYPE `+`: cannot add a time to a time (`b.ts - a.ts` is the duration between two times)",
        ],
    );
    says(
        "where a.ts - 5 > b.ts",
        &[
            "STAGE_TYPE `-`: cannot subtract a number from a time (give the number a unit, such as `5s`)",
        ],
    );
    says(
        "where a.ts * 2 = b.ts",
        &[
            "STAGE_TYPE `*`: cannot multiply a time by a number (give the number a unit, such as `5s`)",
        ],
    );
    says(
        r#"where a.x + "5" = 1"#,
        &[
            "STAGE_TYPE `+`: cannot add a text to a label (numbers and durations are written without quotes)",
        ],
    );
    says(
        "where 5s + 5 = duration",
        &[
            "STAGE_TYPE `+`: cannot add a number to a duration (give the number a unit, such as `5s`)",
        ],
    );
    says("where 5s * 2s = 1s", &["STAGE_TYPE `*`: cannot multiply a duration by a duration"]);
    says(
        "where 1 / 5s > 2",
        &[
            "STAGE_TYPE `/`: cannot divide a number by a duration (give the number a unit, such as `5s`)",
        ],
    );
    says("where 5 - a.ts > 2s", &["STAGE_TYPE `-`: cannot subtract a time from a number"]);
    says(
        r#"where a.x = """#,
        &[
            r#"STAGE_TYPE `""`: no label is the empty text: a missing label satisfies no comparison (write `not (app.user != "")` where no event has the label)"#,
        ],
    );
}

#[test]
fn names_of_times_that_are_no_labels() {
    for (written, code, at, message, meant) in [
        (
            "a.timestamp > \"2026-11-20T21:20:09Z\"",
            "STAGE_TYPE",
            "a.timestamp > \"2026-11-20T21:20:09Z\"",
            "`>` compares numbers, durations and times, not texts",
            "a.ts",
        ),
        (
            "a.ts < last(b).Time",
            "STAGE_TYPE",
            "a.ts < last(b).Time",
            "a label is no time",
            "last(b).ts",
        ),
        ("a.time - b.ts > 2s", "STAGE_TYPE", "-", "cannot subtract a time from a label", "a.ts"),
        (
            "b.ts - a.timestamp > 2s",
            "STAGE_TYPE",
            "b.ts - a.timestamp > 2s",
            "a time cannot be compared with a duration",
            "a.ts",
        ),
    ] {
        let said =
            format!("{code} `{at}`: {message} (the time of an event is no label: `{meant}`)");
        says(&format!("where {written}"), &[&said]);
    }
    says(
        "where a.time > \"5\"",
        &[
            r#"STAGE_TYPE `a.time > "5"`: `>` compares numbers, durations and times, not texts (write `5` without quotes)"#,
        ],
    );
    // It may well be a label.
    assert!(checked("where a.time > 5ms and a.timestamp = \"x\"").is_ok());
}

#[test]
fn text_that_does_not_parse() {
    says("where", &["QUERY_SYNTAX ``: expected a condition, found the end of the stage"]);
    says(r#"where a.x = "open"#, &[r#"QUERY_UNBALANCED `"`: this quote is never closed"#]);
    says(
        "where (a.x = 1",
        &[
            "QUERY_SYNTAX ``: expected `)`, a comparison such as `=` or `>=`, `or` or `and`, found the end of the stage",
        ],
    );
    says(
        "where a.x = 1)",
        &[
            "QUERY_SYNTAX `)`: expected a comparison such as `=` or `>=`, `or`, `and` or the end of the stage, found `)`",
        ],
    );
    says(
        "where a.x > 999999999999w",
        &["QUERY_DURATION `999999999999w`: the duration `999999999999w` is longer than 292 years"],
    );
    says(
        r#"where a.x = "\q""#,
        &[
            r"QUERY_ESCAPE `\q`: unknown escape `\q` (in a regex write the backslash twice, or quote with backticks)",
        ],
    );
    says(
        r#"where a.x =~ "a(b""#,
        &["QUERY_REGEX `(`: this regex does not compile: unclosed group"],
    );
    says(
        r#"where a.x =~ "\\d(""#,
        &["QUERY_REGEX `(`: this regex does not compile: unclosed group"],
    );
    says(
        "where a.x = 1 and",
        &["QUERY_SYNTAX ``: expected a condition, found the end of the stage"],
    );
    says(
        "where a.x =",
        &[
            "QUERY_SYNTAX ``: expected a value such as `app.status` or `count(app)`, found the end of the stage",
        ],
    );
    says("where a. x = 1", &["QUERY_SYNTAX ` `: expected a label, found ` `"]);
    says(
        "where a.x = 1 b.x = 2",
        &[
            "QUERY_SYNTAX `b`: expected a comparison such as `=` or `>=`, `or`, `and` or the end of the stage, found `b`",
        ],
    );
    says(r#"where a.x = "é"#, &[r#"QUERY_UNBALANCED `"`: this quote is never closed"#]);
    says(
        "where a.x > ٣",
        &["QUERY_SYNTAX `٣`: expected a value such as `app.status` or `count(app)`, found `٣`"],
    );
}
