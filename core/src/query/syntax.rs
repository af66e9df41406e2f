//! Syntax errors in plain words: what was expected, what stands there, and what was likely meant.

use std::ops::Range;

use pest::RuleType;
use pest::error::{Error, ErrorVariant, InputLocation};
use pest::iterators::Pair;

use super::diagnostic::{Diagnostic, code};
use super::literal::{self, LiteralError};
use super::{duration, scan};
use crate::select::RegexError;

mod expected;
mod meant;

use expected::without_given;
pub(crate) use expected::{expected, sentence};
pub(crate) use meant::{comparison, nearest, straight_quotes, unquoted};
pub(super) use meant::{operator_meant, policy_meant};

/// What stands at the start of a query, in words.
pub(super) const STREAM: &str = "a stream such as `app({level=\"error\"})`";
/// What stands between two streams, in words.
pub(super) const OPERATOR: &str = "an operator (`and`, `or`, `outer`, `unless`, `then`)";
/// The words that stages begin with.
const STAGES: [&str; 3] = ["where", "select", "limit"];
/// All operators, in words.
pub(super) const OPERATORS: &str = "`and`, `or`, `outer`, `unless`, `then` or `then not`";
/// What keeps events, in words.
pub(super) const PROJECTION: &str = "a projection `{...}`";
/// What stands behind a selector, in words.
pub(super) const RANGE: &str = "a range such as `[5m]`";
/// What names a stream, in words.
pub(super) const ALIAS: &str = "`as`";
/// The first clause of a join, in words.
pub(super) const KEYS: &str = "`on(...)`";
/// What begins a stage, in words.
pub(super) const STAGE: &str = "a stage such as `| where`";
/// Comparisons of texts, in words.
pub(crate) const MATCH_OPS: &str = "`=`, `!=`, `=~` or `!~`";

/// The span of a pair, in bytes.
pub(crate) fn range<R: RuleType>(pair: &Pair<'_, R>) -> Range<usize> {
    pair.as_span().start()..pair.as_span().end()
}

/// The span of a pair without the white space that an optional part at its end may have taken.
pub(crate) fn trimmed<R: RuleType>(pair: &Pair<'_, R>) -> Range<usize> {
    let start = pair.as_span().start();
    start..start + pair.as_str().trim_end().len()
}

/// Where a parser gave up, in bytes.
pub(crate) fn position<R: RuleType>(error: &Error<R>) -> usize {
    match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    }
}

/// The diagnostic of a parser that ran short of stack. The scan before it lets no text through that
/// nests so deep; this is for a caller that has next to no stack left.
pub(crate) fn out_of_stack<R: RuleType>(error: &Error<R>) -> Option<Diagnostic> {
    let ErrorVariant::CustomError { .. } = &error.variant else { return None };
    Some(scan::too_deep(position(error)))
}

/// What stands at `at`: its span and a name for it.
pub(crate) fn found(text: &str, at: usize, end: &str) -> (Range<usize>, String) {
    let rest = &text[at..];
    let Some(first) = rest.chars().next() else {
        // Behind the last thing there is, not on an empty line below it.
        let at = text.trim_end().len();
        return (at..at, end.to_owned());
    };
    let length = match rest.find(|c: char| !(c.is_alphanumeric() || c == '_')) {
        Some(0) => first.len_utf8(),
        Some(length) => length,
        None => rest.len(),
    };
    (at..at + length, format!("`{}`", shown(&rest[..length])))
}

/// Text of the query as a message shows it: on one line, without hidden characters, not long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == 60 {
            shown.push('…');
            break;
        }
        if literal::is_hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// The diagnostic of a query that does not parse at `at`.
pub(super) fn query_error(text: &str, at: usize, mut expected: Vec<&'static str>) -> Diagnostic {
    if let Some(diagnostic) = misspelt(text, at) {
        return diagnostic;
    }
    without_given(text, at, &mut expected);
    let expected = expected.as_slice();
    if expected == ["`]`"]
        && let Some(diagnostic) = unclosed_range(text, at)
    {
        return diagnostic;
    }
    let compares = |words: &&str| match *words {
        "a label" => text[..at].ends_with('='),
        words => matches!(words, MATCH_OPS | "`=`"),
    };
    if expected.iter().any(compares)
        && let Some(diagnostic) = comparison(text, at, code::QUERY_SYNTAX)
    {
        return diagnostic;
    }
    let (span, found) = found(text, at, "the end of the query");
    let word = &text[span.clone()];
    let before = text[..at].trim_end();
    let error = |message: String| Diagnostic::error(code::QUERY_SYNTAX, span.clone(), message);
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return error("the query is empty".to_owned())
            .suggesting("for instance `edge({}) and on(request_id) app({})`");
    }
    if scan::is_clause_word(word) && expected.contains(&OPERATOR) {
        let word = word.to_ascii_lowercase();
        return error(format!("expected {OPERATOR} before `{word}`"))
            .suggesting(format!("clauses follow the operator: `and {word}(...) app({{}})`"));
    }
    if let Some(diagnostic) = misplaced(text, at, expected) {
        return diagnostic;
    }
    if scan::is_reserved(word) && expected.contains(&STREAM) {
        return error(format!("{found} is a word of the language and cannot name a source"));
    }
    if expected.contains(&OPERATOR) && scan::starts_call(&text[at..]) {
        let message = format!("nothing joins `{}`: an operator is missing before it", shown(word));
        return Diagnostic::error(code::QUERY_NOT_JOINED, span.clone(), message)
            .suggesting(format!("for instance `and on(request_id) {}(...)`", shown(word)));
    }
    if word.eq_ignore_ascii_case("on")
        && let Some(word) = last_word(before)
        && last_word(before[..before.len() - word.len()].trim_end())
            .is_some_and(|word| word.eq_ignore_ascii_case("then"))
        && nearest(word, &["not"]).is_some()
    {
        let span = before.len() - word.len()..before.len();
        let message = format!("unknown word `{}` after `then`", shown(word));
        return Diagnostic::error(code::QUERY_UNKNOWN_OPERATOR, span, message)
            .suggesting("did you mean `then not`?");
    }
    if expected == ["`(`"]
        && let Some(word) = last_word(before)
        && let Some(diagnostic) = not_a_stream(text, at, word, before.len() - word.len())
    {
        return diagnostic;
    }
    match last_word(before).map(str::to_ascii_lowercase) {
        Some(clause) if expected == ["`(`"] && scan::is_clause_word(&clause) => {
            let message = format!("expected `(` after `{clause}`, found {found}");
            let is_inside =
                word.starts_with(char::is_alphanumeric) && !scan::starts_call(&text[at..]);
            if !is_inside {
                return error(message).suggesting(format!("write `{clause}(...)`"));
            }
            let span = before.len() - clause.len()..span.end;
            return Diagnostic::error(code::QUERY_SYNTAX, span, message)
                .suggesting(format!("write `{clause}({})`", shown(word)));
        }
        Some(word) if word == "as" && expected.contains(&"a name") => {
            return error(format!("expected a name after `as`, found {found}"));
        }
        _ => {}
    }
    let diagnostic = error(sentence(expected, &found));
    match word {
        "{" if expected.contains(&"`)`") => {
            diagnostic.suggesting("a projection `{...}` stands once, at the end of the query")
        }
        "|" if expected.contains(&"`)`") => {
            diagnostic.suggesting("stages stand at the end of the query, outside of parentheses")
        }
        "-" => diagnostic.suggesting("names have letters, digits and `_`"),
        "|" if text[..at].ends_with('|') => diagnostic.suggesting("conditions are joined by `or`"),
        "=" | "~" if text[..at].ends_with('|') => {
            diagnostic.suggesting("line filters stand in the selector of a stream")
        }
        "{" if expected.contains(&STREAM) => {
            diagnostic.suggesting("a source stands before its selector: `app({level=\"error\"})`")
        }
        _ if expected == ["`(`"] && !scan::starts_call(&text[at..]) => {
            diagnostic.suggesting("a selector stands in parentheses: `app({level=\"error\"})`")
        }
        "{" if text[..at].trim_end().ends_with('|') => {
            diagnostic.suggesting("a projection `{...}` stands before the stages, without a `|`")
        }
        "<" | ">" if expected.contains(&MATCH_OPS) => {
            diagnostic.suggesting("numbers are compared in a stage: `| where app.status >= 500`")
        }
        _ => match expected.contains(&"a quoted text").then(|| unquoted(word)).flatten() {
            Some(quoted) => diagnostic.suggesting(quoted),
            None => match straight_quotes(word, expected) {
                Some(quotes) => diagnostic.suggesting(quotes),
                None => diagnostic,
            },
        },
    }
}

/// A `[` before `at` that is never closed; `None` where it is.
fn unclosed_range(text: &str, at: usize) -> Option<Diagnostic> {
    let open = text[..at].rfind('[')?;
    let behind = text[at..].chars().find(|c| matches!(c, '[' | ']'));
    if behind == Some(']') {
        return None;
    }
    let message = "this `[` is never closed";
    let diagnostic = Diagnostic::error(code::QUERY_UNBALANCED, open..open + 1, message);
    let length = text[open + 1..at].split_whitespace().next().unwrap_or_default();
    Some(match duration::parse(length) {
        Ok(_) => diagnostic.suggesting(format!("write `[{length}]`")),
        Err(_) => diagnostic,
    })
}

/// `word`, which stands at `start` where a stream or clause should, without a selector; `at` is
/// what follows it.
fn not_a_stream(text: &str, at: usize, word: &str, start: usize) -> Option<Diagnostic> {
    if scan::is_clause_word(word) {
        return None;
    }
    let before = text[..start].trim_end();
    let operator = last_word(before).filter(|word| scan::is_operator_word(word));
    let is_in_join = before.ends_with(')') || last_word(before).is_some_and(scan::is_reserved);
    let or_clause = if is_in_join { " or a clause" } else { "" };
    let message = format!("expected {STREAM}{or_clause}, found `{word}`");
    let span = start..start + word.len();
    let diagnostic = Diagnostic::error(code::QUERY_SYNTAX, span.clone(), message);
    if let Some(operator) = operator.filter(|operator| !operator.eq_ignore_ascii_case("not"))
        && scan::is_operator_word(word)
    {
        let span = before.len() - operator.len()..span.end;
        let message = format!("unknown operator `{operator} {word}`; expected {OPERATORS}");
        let word = word.to_ascii_lowercase();
        let meant = if word == "not" { "unless" } else { &word };
        return Some(
            Diagnostic::error(code::QUERY_UNKNOWN_OPERATOR, span, message)
                .suggesting(format!("did you mean `{meant}`?")),
        );
    }
    if scan::is_operator_word(word) {
        return Some(diagnostic);
    }
    if is_in_join && word.eq_ignore_ascii_case("as") {
        return Some(not_named(span));
    }
    let (next, _) = found(text, at, "");
    let goes_on = scan::starts_call(&text[at..]) || scan::is_clause_word(&text[next]);
    (is_in_join && goes_on).then(|| {
        diagnostic.suggesting(match nearest(word, &scan::CLAUSE_WORDS) {
            Some(meant) if meant.starts_with("group") => format!("did you mean `{meant}`?"),
            Some(meant) => format!("did you mean `{meant}(...)`?"),
            None => format!("leave `{}` out", shown(word)),
        })
    })
}

/// A word that has a place in the language, but not at `at`.
fn misplaced(text: &str, at: usize, expected: &[&str]) -> Option<Diagnostic> {
    let (span, found) = found(text, at, "");
    let word = text[span.clone()].to_ascii_lowercase();
    let follows = expected.contains(&OPERATOR) || expected.contains(&PROJECTION);
    let error = |message: String| Diagnostic::error(code::QUERY_SYNTAX, span.clone(), message);
    match word.as_str() {
        "as" if follows => Some(not_named(span)),
        "[" if follows => Some(
            error("only a stream can have a range".to_owned())
                .suggesting("write it behind a stream: `app({})[5m]`"),
        ),
        _ if follows && word.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let call = scan::starts_call(&text[at..]);
            if call && (!STAGES.contains(&word.as_str()) || is_stream(&text[span.end..])) {
                return None;
            }
            if let Some(stage) = nearest(&word, &STAGES) {
                return Some(
                    error(format!("expected `|` before `{}`", shown(&word)))
                        .suggesting(format!("stages begin with `|`: write `| {stage}`")),
                );
            }
            if expected.contains(&ALIAS)
                && nearest(&word, &["as"]).is_some()
                && names(&text[span.end..])
            {
                return Some(
                    error(sentence(expected, &found)).suggesting("did you mean `as`?".to_owned()),
                );
            }
            if !expected.contains(&OPERATOR) && scan::is_operator_word(&word) {
                return Some(
                    error(format!("nothing is joined behind a projection: found {found}"))
                        .suggesting("write the projection `{...}` behind all joins"),
                );
            }
            if let Some(meant) = operator_meant(&word).filter(|_| expected.contains(&OPERATOR)) {
                let message = format!("unknown operator `{}`; expected {OPERATORS}", shown(&word));
                let code = code::QUERY_UNKNOWN_OPERATOR;
                return Some(
                    Diagnostic::error(code, span, message)
                        .suggesting(format!("did you mean `{meant}`?")),
                );
            }
            let diagnostic = error(sentence(expected, &found));
            if !expected.contains(&STAGE) || !meant::looks_like_stage(&word) {
                return Some(diagnostic);
            }
            let stages = STAGES.map(|stage| format!("`| {stage}`")).join(", ");
            Some(diagnostic.suggesting(format!("stages begin with `|`: {stages}")))
        }
        _ => None,
    }
}

/// The diagnostic of an `as` where no stream is before it.
fn not_named(span: Range<usize>) -> Diagnostic {
    Diagnostic::error(code::QUERY_SYNTAX, span, "only a stream can be named")
        .suggesting("write `as` behind a stream: `app({}) as name`")
}

/// Whether `text` starts with a name that something could be called.
fn names(text: &str) -> bool {
    let (span, _) = found(text, text.len() - text.trim_start().len(), "");
    let word = &text[span.clone()];
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !scan::is_reserved(word)
        && !text[span.end..].trim_start().starts_with('(')
}

/// Whether `text`, which follows a name, makes it a stream beyond doubt.
fn is_stream(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('(');
    inside.is_some_and(|inside| inside.trim_start().starts_with('{'))
}

/// A misspelt clause, which the parser took for the right side of the join.
fn misspelt(text: &str, at: usize) -> Option<Diagnostic> {
    let (name, selector) = scan::last_call(&text[..at])?;
    if text[selector].trim_start().starts_with('{') {
        return None;
    }
    let word = &text[name.clone()];
    let meant = nearest(word, &scan::CLAUSE_WORDS)?;
    let message = format!("unknown clause `{}(...)`", shown(word));
    let suggestion = format!("did you mean `{meant}(...)`?");
    Some(Diagnostic::error(code::QUERY_SYNTAX, name, message).suggesting(suggestion))
}

/// The diagnostic of a quoted text that starts at `start`.
pub(crate) fn escape(error: LiteralError, start: usize) -> Diagnostic {
    let span = start + error.span.start..start + error.span.end;
    let diagnostic = Diagnostic::error(code::QUERY_ESCAPE, span, error.message);
    match error.suggestion {
        Some(suggestion) => diagnostic.suggesting(suggestion),
        None => diagnostic,
    }
}

/// The diagnostic of a regex in the quoted text that starts at `start`.
pub(crate) fn regex(error: &RegexError, quoted: &str, start: usize) -> Diagnostic {
    let at = |position| start + literal::origin(quoted, position);
    let from = at(error.span.start);
    let span = from..at(error.span.end).max(from);
    Diagnostic::error(code::QUERY_REGEX, span, format!("this regex does not compile: {error}"))
}

fn last_word(text: &str) -> Option<&str> {
    let start =
        text.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
    text.get(start..).filter(|word| !word.is_empty())
}
