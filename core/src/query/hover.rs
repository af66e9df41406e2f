//! What the thing under the cursor means, in a sentence or two.

use std::ops::Range;

use serde::Serialize;

use super::highlight::{Token, TokenKind, highlight};
use super::lex::{Lexeme, LexemeKind, Place, lexemes};
use crate::limits::MAX_QUERY_BYTES;

/// An explanation of a piece of a query.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Hover {
    /// Markdown, one paragraph.
    pub text: &'static str,
    /// What it is about, in bytes.
    pub span: Range<usize>,
}

/// What stands at byte `offset` of `text`; `None` where there is nothing to say, and in a text of more
/// than [`MAX_QUERY_BYTES`], which is no query. Behind the last character of a word is still on it.
///
/// ```
/// use logbraid_core::query::hover;
///
/// let hover = hover("a({}) then  not on(k) b({})", 7).unwrap();
/// assert!(hover.text.starts_with("`left then not right`"));
/// assert_eq!(hover.span, 6..15);
/// ```
pub fn hover(text: &str, offset: usize) -> Option<Hover> {
    if text.len() > MAX_QUERY_BYTES {
        return None;
    }
    let tokens = highlight(text);
    let at = tokens
        .iter()
        .position(|token| token.span.contains(&offset))
        .or_else(|| tokens.iter().rposition(|token| token.span.end == offset))?;
    let word = |at: usize| tokens.get(at).map_or("", |token: &Token| &text[token.span.clone()]);
    let lower = |at: usize| word(at).to_ascii_lowercase();
    let mut span = tokens[at].span.clone();
    // Tokens are lexemes, one each.
    let lexemes = lexemes(text);
    let place = lexemes[at].place;
    if place == Place::Selector {
        let selector = selector_around(&lexemes, at);
        if is_foreign(text, &lexemes, &selector) {
            let span = lexemes[selector.start].span.start..lexemes[selector.end - 1].span.end;
            return Some(Hover { text: FOREIGN, span });
        }
    }
    let about = match tokens[at].kind {
        TokenKind::Operator if place == Place::Query => {
            let is_not = |at: usize| lower(at) == "not" && tokens[at].kind == TokenKind::Operator;
            if lower(at) == "then" && at + 1 < tokens.len() && is_not(at + 1) {
                span.end = tokens[at + 1].span.end;
                "then not".to_owned()
            } else if is_not(at) && at > 0 && lower(at - 1) == "then" {
                span.start = tokens[at - 1].span.start;
                "then not".to_owned()
            } else {
                lower(at)
            }
        }
        TokenKind::Operator => format!("{} in a condition", lower(at)),
        TokenKind::Keyword => lower(at),
        TokenKind::Function if place == Place::Stage => format!("{}()", lower(at)),
        TokenKind::Name if place == Place::Stage => {
            let follows_dot = at > 0 && word(at - 1) == ".";
            let is_label = word(at).split_once('.').is_some_and(|(_, label)| label == "ts");
            if word(at) == "ts" && follows_dot || is_label && offset + 2 >= span.end {
                span.start = span.end - 2;
                "ts".to_owned()
            } else if lower(at) == "duration" && !follows_dot {
                "duration in a condition".to_owned()
            } else {
                return None;
            }
        }
        TokenKind::Source => "source".to_owned(),
        TokenKind::Comparison => word(at).to_owned(),
        TokenKind::Punctuation => match word(at) {
            mark @ ("[" | "]" | "{") => mark.to_owned(),
            mark @ ("+" | "-" | "*" | "/") if place == Place::Stage => mark.to_owned(),
            _ => return None,
        },
        TokenKind::Duration => "duration".to_owned(),
        _ => return None,
    };
    TEXTS.iter().find(|(name, _)| *name == about).map(|(_, text)| Hover { text, span })
}

/// The lexemes of the selector that has the one at `at`.
fn selector_around(lexemes: &[Lexeme], at: usize) -> Range<usize> {
    let is_outside = |it: &Lexeme| it.place != Place::Selector;
    let start = lexemes[..at].iter().rposition(is_outside).map_or(0, |outside| outside + 1);
    let end = lexemes[at..].iter().position(is_outside).map_or(lexemes.len(), |inner| at + inner);
    start..end
}

/// Whether a selector is of a language that is not ours. Ours starts with
/// matchers; only a `|` brings conditions, and nothing has brackets or functions.
fn is_foreign(text: &str, lexemes: &[Lexeme], selector: &Range<usize>) -> bool {
    let here = |at: usize| &text[lexemes[at].span.clone()];
    let mut depth = 0_usize;
    let mut is_piped = false;
    for other in selector.clone() {
        match here(other) {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            "|" | "|=" | "|~" | "!=" | "!~" if depth == 0 => is_piped = true,
            "[" | "]" if depth == 0 => return true,
            // Behind the matchers of ours is nothing but filters.
            _ if depth == 0 && !is_piped && lexemes[other].kind != LexemeKind::Text => return true,
            _ => {}
        }
    }
    here(selector.start) != "{"
}

/// Of what the source reads itself.
const FOREIGN: &str = "The selector of this source, in the language of the source, which gets it \
                       unchanged.";

/// Every construct with its text.
const TEXTS: &[(&str, &str)] = &[
    ("and", "`left and right`: both sides, with matching events. What has no match is dropped."),
    (
        "or",
        "`left or right`: the left side, with the right where there is a match (a left outer join). A \
         left side without one is reported once none can come any more.",
    ),
    (
        "outer",
        "`left outer right`: either side, together where they match (a full outer join). What has no \
         match is reported once none can come any more.",
    ),
    (
        "unless",
        "`left unless right`: the left side where the right has no match (an anti join), reported once \
         none can come any more.",
    ),
    (
        "then",
        "`left then right`: both sides in order; the right event is not before any event of the left. \
         Equal times are in order.",
    ),
    (
        "then not",
        "`left then not right`: the left side where no match follows it, reported once none can come \
         any more.",
    ),
    (
        "on",
        "`on(label, left=right)`: the labels whose values must agree, all of them. `left=right` takes \
         `left` from the left side and `right` from the right side. An event without one of them \
         matches nothing.",
    ),
    (
        "ignoring",
        "`ignoring(label)`: all labels must agree but these. Without effect beside `on(...)`.",
    ),
    (
        "within",
        "`within(30s)`: at most so far apart, either way. `within(-5s, 30s)`: the right event from 5s \
         before to 30s after the left one. The ranges of the streams hold as well.",
    ),
    (
        "pick",
        "`pick(policy)`: which matches make a result: `session` (default), `pairs`, `first` or \
         `latest`.",
    ),
    (
        "session",
        "`pick(session)`: everything that is connected by matches is one result. The default.",
    ),
    ("pairs", "`pick(pairs)`: every match of a left and a right side is a result, as in SQL."),
    (
        "first",
        "`pick(first)`: one to one; in event order, each event takes the earliest unused one that it \
         matches.",
    ),
    (
        "latest",
        "`pick(latest)`, with `then`: per key only the newest left side waits, and the right event \
         that completes it uses it up.",
    ),
    (
        "group_left",
        "`group_left(labels)`: one result per left event, with everything that matches it. The labels \
         are copied from the right side into the result.",
    ),
    (
        "group_right",
        "`group_right(labels)`: one result per right event, with everything that matches it. The \
         labels are copied from the left side into the result.",
    ),
    ("as", "`as name`: the name of the stream in results and stages."),
    (
        "source",
        "`source(selector)[range] as name`: a stream of events. The selector belongs to the source: \
         LogQL for Loki, PromQL for Prometheus, Graylog's own; the engine selects from everything \
         else, in a subset of LogQL.",
    ),
    (
        "[",
        "`[5m]`, the range: how far back the source is read, and how long an event stays joinable.",
    ),
    (
        "]",
        "`[5m]`, the range: how far back the source is read, and how long an event stays joinable.",
    ),
    (
        "{",
        "`{label=\"value\"}`: keeps the events that satisfy all matchers; in a selector before they are \
         joined, at the end of the query of each result.",
    ),
    (
        "duration",
        "A duration: a number with one of the units `ns us ms s m h d w`, or several: `1h30m`.",
    ),
    ("where", "`| where condition`: keeps the correlations that satisfy it."),
    ("select", "`| select fields`: the labels of the result are exactly these."),
    ("limit", "`| limit n`: the query ends when its first n correlations are final."),
    (
        "json",
        "`| json`: the fields of a JSON line as labels; those of inner objects as `outer.inner`.",
    ),
    ("logfmt", "`| logfmt`: the `key=value` pairs of a line as labels."),
    (
        "pattern",
        "`| pattern \"<ip> - <_> [<time>]\"`: the parts of a line as labels; `<_>` is skipped.",
    ),
    ("regexp", "`| regexp \"(?P<status>[0-9]+)\"`: the named groups of a regex as labels."),
    ("=", "`=`: equal. In `on(left=right)`: the label of the left side, and that of the right."),
    (
        "!=",
        "`!=`: not equal. Behind the matchers of a selector: lines that do not contain the text.",
    ),
    ("=~", "`=~`: the whole value matches the regex; write `.*5.*` to find it anywhere."),
    (
        "!~",
        "`!~`: the whole value does not match the regex. Behind the matchers of a selector: lines in \
         which the regex is nowhere found.",
    ),
    (">", "`>`: more than, of numbers, durations and times."),
    (">=", "`>=`: at least, of numbers, durations and times."),
    ("<", "`<`: less than, of numbers, durations and times."),
    ("<=", "`<=`: at most, of numbers, durations and times."),
    ("==", "`==`: equal, as numbers; in selectors only."),
    ("+", "`a + b`: the sum of numbers or durations, or a time so much later."),
    (
        "-",
        "`a - b`: the difference of numbers or durations, the duration between two times, or a time so \
         much earlier.",
    ),
    ("*", "`a * b`: the product of numbers, or of a duration and a number."),
    ("/", "`a / b`: the quotient of numbers or durations, or a duration divided by a number."),
    ("and in a condition", "`condition and condition`: both hold. Binds tighter than `or`."),
    ("or in a condition", "`condition or condition`: at least one holds."),
    (
        "not in a condition",
        "`not condition`: it does not hold; so it is true where a label or event is missing.",
    ),
    (
        "duration in a condition",
        "`duration`: the time from the first to the last event of the correlation.",
    ),
    ("ts", "`name.ts`: the time of the first event of the stream; `last(name).ts`: of the last."),
    ("|=", "`|=`: lines that contain the text."),
    ("|~", "`|~`: lines in which the regex is found anywhere."),
    (
        "count()",
        "`count(name)`: how many events of the stream the correlation has; `count()`: of all.",
    ),
    ("every()", "`every(name.label = \"x\")`: whether all events of the stream satisfy it."),
    ("first()", "`first(name)`: the first event of the stream."),
    ("last()", "`last(name)`: the last event of the stream."),
];
