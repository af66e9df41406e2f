//! A look at the text before it is parsed: are quotes and parentheses paired, and how deep do they
//! nest? The parser recurses once per level, so it must only see what passes here.
//!
//! Knows just enough of the language to tell a selector (opaque, quotes count) from the rest
//! (comments count) and from the stages (nothing is opaque, `a#2` is a name), by the same rules as
//! `grammar.pest`. Linear in the text, constant memory.

use std::ops::Range;

use super::diagnostic::{Diagnostic, code};
use crate::limits::MAX_QUERY_DEPTH;

/// Words that open a clause when a parenthesis follows.
pub(super) const CLAUSE_WORDS: [&str; 6] =
    ["on", "within", "ignoring", "pick", "group_left", "group_right"];

/// Words that a group may follow.
const OPERATOR_WORDS: [&str; 6] = ["and", "or", "unless", "outer", "then", "not"];

/// What is wrong with the pairs of a query.
pub(super) struct Unpaired {
    pub(super) diagnostic: Box<Diagnostic>,
    /// Where what cannot be read for sure begins: the stream, group or stage with the error.
    pub(super) from: usize,
    /// Whether that is a stage.
    pub(super) in_stage: bool,
    /// Parentheses open there.
    pub(super) open: usize,
}

/// Finds the first quote or parenthesis without a partner, or too deep nesting, in a query.
pub(super) fn query(text: &str) -> Result<(), Unpaired> {
    walk(text, |_, _| {})
}

/// The name and the selector, without its parentheses, of a stream at the very end of `text`.
pub(super) fn last_call(text: &str) -> Option<(Range<usize>, Range<usize>)> {
    let mut last = None;
    // What is left open before the end is not asked here.
    let _ = walk(text, |name, selector| last = Some((name, selector)));
    last.filter(|(_, selector)| selector.end + 1 == text.trim_end().len())
}

fn walk(text: &str, mut call: impl FnMut(Range<usize>, Range<usize>)) -> Result<(), Unpaired> {
    let bytes = text.as_bytes();
    let unpaired = |diagnostic, from: usize, stage: Option<usize>, open: usize| Unpaired {
        diagnostic: Box::new(diagnostic),
        from: stage.unwrap_or(from),
        in_stage: stage.is_some(),
        // A stage begins outside of all.
        open: if stage.is_some() { 0 } else { open },
    };
    // Where each open parenthesis is, and the clause that begins with it.
    let mut open: Vec<(usize, usize)> = Vec::new();
    // The word just before, which makes a parenthesis the start of a selector.
    let mut word: Option<Range<usize>> = None;
    let mut stage: Option<usize> = None;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let next = at + c.len_utf8();
        match c {
            '|' => {
                let is_operator = bytes.get(next) == Some(&b'|');
                if open.is_empty() && !is_operator {
                    stage = Some(at);
                }
                word = None;
                at = next + usize::from(is_operator);
            }
            '#' if stage.is_some() && is_numbered(text, word.as_ref(), at) => at = next,
            '#' => at = end_of_comment(bytes, at),
            '"' | '\'' | '`' => {
                at = end_of_quoted(bytes, at)
                    .ok_or_else(|| unpaired(unquoted(at), at, stage, open.len()))?;
                word = None;
            }
            '(' => {
                let before = word.take();
                let is_free = |word: &Range<usize>| !is_reserved(&text[word.clone()]);
                if let Some(name) = before.clone().filter(|word| stage.is_none() && is_free(word)) {
                    let end = end_of_call(bytes, at, open.len())
                        .map_err(|found| unpaired(found, name.start, stage, open.len()))?;
                    call(name, next..end - 1);
                    at = end;
                    continue;
                }
                if open.len() == MAX_QUERY_DEPTH {
                    return Err(unpaired(too_deep(at), at, stage, open.len()));
                }
                let clause = before.filter(|word| is_clause_word(&text[word.clone()]));
                open.push((at, clause.map_or(at, |word| word.start)));
                at = next;
            }
            ')' => {
                if open.pop().is_none() {
                    return Err(unpaired(closes_nothing(at), at, stage, 0));
                }
                word = None;
                at = next;
            }
            c if c.is_whitespace() => at = next,
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let rest = &text[at..];
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                let start = at;
                at += end.unwrap_or(rest.len());
                word = Some(start..at);
            }
            _ => {
                word = None;
                at = next;
            }
        }
    }
    let Some(&(last, from)) = open.last() else { return Ok(()) };
    Err(unpaired(unclosed(last), from, stage.filter(|stage| *stage < last), open.len() - 1))
}

/// Whether the `#` at `at` belongs to the name of a stream by its position, such as `a#2`.
fn is_numbered(text: &str, word: Option<&Range<usize>>, at: usize) -> bool {
    let is_name =
        |word: &Range<usize>| !text[word.clone()].starts_with(|c: char| c.is_ascii_digit());
    word.is_some_and(|word| word.end == at && is_name(word))
        && text[at + 1..].starts_with(|c: char| c.is_ascii_digit())
}

/// As [`query`], for the text of a selector alone.
pub(crate) fn selector(text: &str) -> Result<(), Diagnostic> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'"' | b'\'' | b'`' => end_of_quoted(bytes, at).ok_or_else(|| unquoted(at))?,
            b'(' => end_of_call(bytes, at, 0)?,
            b')' => return Err(closes_nothing(at)),
            _ => at + 1,
        };
    }
    Ok(())
}

/// Whether `word` opens a clause when a parenthesis follows.
pub(super) fn is_clause_word(word: &str) -> bool {
    CLAUSE_WORDS.iter().any(|clause| clause.eq_ignore_ascii_case(word))
}

/// Whether `word` with a parenthesis after it is part of a join, so that it cannot name a source.
/// Such words can still be aliases and labels.
pub(super) fn is_reserved(word: &str) -> bool {
    is_clause_word(word) || is_operator_word(word)
}

/// Whether `word` is an operator or part of one.
pub(crate) fn is_operator_word(word: &str) -> bool {
    OPERATOR_WORDS.iter().any(|other| other.eq_ignore_ascii_case(word))
}

/// Whether `text` starts with a stream: a name that is free, and a parenthesis.
pub(super) fn starts_call(text: &str) -> bool {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    !name.is_empty() && !is_reserved(name) && rest.trim_start().starts_with('(')
}

/// The end of the balanced parentheses that open at `start`.
fn end_of_call(bytes: &[u8], start: usize, outer: usize) -> Result<usize, Diagnostic> {
    let mut depth = 0;
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b'"' | b'\'' | b'`' => {
                at = end_of_quoted(bytes, at).ok_or_else(|| unquoted(at))?;
                continue;
            }
            b'(' if outer + depth == MAX_QUERY_DEPTH => {
                return Err(too_deep(at));
            }
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Ok(at);
        }
    }
    Err(unclosed(start))
}

fn end_of_comment(bytes: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length)
}

pub(super) fn end_of_quoted(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes[start];
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote != b'`' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

fn unquoted(at: usize) -> Diagnostic {
    Diagnostic::error(code::QUERY_UNBALANCED, at..at + 1, "this quote is never closed")
        .suggesting("close it, or put the text it stands in between other quotes")
}

fn unclosed(at: usize) -> Diagnostic {
    Diagnostic::error(code::QUERY_UNBALANCED, at..at + 1, "this `(` is never closed")
}

fn closes_nothing(at: usize) -> Diagnostic {
    Diagnostic::error(code::QUERY_UNBALANCED, at..at + 1, "this `)` closes nothing")
}

/// The diagnostic of nesting that is too deep at `at`.
pub(super) fn too_deep(at: usize) -> Diagnostic {
    let message = format!("parentheses nest more than {MAX_QUERY_DEPTH} deep");
    Diagnostic::error(code::QUERY_TOO_DEEP, at..at, message)
}
