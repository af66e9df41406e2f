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
fn probe() {
    for text in TEXTS {
        let found = checked(text).expect_err(text);
        for found in &found {
            println!("{text}\n    {} `{}`: {} ({:?})", found.code, &text[found.span.clone()], found.message, found.suggestion);
        }
    }
}
const TEXTS: &[&str] = &[
    "", "  ", "filter a.x = 1", "wher a.x = 1", "json", "42", "where", "select", "limit", "limit 0", "limit 5.5", "limit -1", "limit x", "limit 99999999999999999999999", "limit 5 6",
    "where a.x", "where a.x = 1 and b.x", "where not a.x", "where (a.x = 1) + 2 = 3", "where (a.x = 1) = 2", "where 1 < a.x < 5",
    "where a.x == 1", "where a.x <> 1", "where a.x = 1 && b.x = 1", "where !a.x = 1", "where a.x = 1 || b.x = 2",
    "where status = 500", "where a.x = error", "where durations > 5s", "where max(a.x) > 1", "where cout(a) > 1", "where count(a.x) > 1", "where first(a) > 1", "where first() > 1",
    "where every(a.x = 1 and a.y = 2)", "where every(a.x = b.x)", "where every(count(a) = 1)", "where every(a)", "where every(not a.x = 1)",
    "where a.x = \"open", "where (a.x = 1", "where a.x = 1)", "where a.x = 5 m", "where a.x > 5min", "where a.x > 1.5s", "where a.x > 5x5", "where a.x > 999999999999w", "where a.x > 1e999",
    "where a.x = \"\\q\"", "where a.x =~ \"a(b\"", "where a.x =~ \"\\\\d(\"", "where a.x =~ 5", "where a.x + 1 =~ \"5\"", "where a.ts =~ \"5\"", "where count(a) =~ \"5\"",
    "where d.x = 1", "where app.x = 1", "where application.x = 1", "where count(bb) = 1 and last(x).ts > x.ts",
    "where a.x > \"5\"", "where a.x > \"five\"", "where a.x * 2 = \"10\"", "where a.x * 2 = \"ten\"", "where count(a) = \"5\"", "where duration > \"250ms\"", "where \"a\" = \"b\"", "where duration > 5", "where count(a) > 5s",
    "where a.ts > 5s", "where a.ts = a.x", "where a.ts > \"yesterday\"", "where a.ts > \"2026-11-20 21:20\"", "where a.ts + b.ts > 5s", "where a.ts - 5 > b.ts", "where a.ts * 2 = b.ts", "where a.x + \"5\" = 1", "where 5s + 5 = duration", "where 5s * 2s = 1s", "where 1 / 5s > 2", "where 5 - a.ts > 2s",
    "where a.x = \"\"", "where a.x + b.x = 5", "where a.x + b.x > a.y", "where 1 / (a.x + b.x) > 1", "where a.x + b.x - a.y > 1", "where a.x > b.x + a.y",
    "select foo", "select reques_id", "select a.ts", "select d.x", "select a.x, a.x", "select a.x | select b.x", "select user as u", "select first(a).x", "select err.code, err.cod", "select app#9", "select app#9.x",
    "where a.x = 1 and", "where a.x =", "where a. x = 1", "where a-b.x = 1", "where a.x = 1 b.x = 2", "where a.x in (1, 2)", "where a.x = \"é", "where a.x > ٣",
];
