//! Where to go on after a syntax error, so that more than the first is told.
//!
//! A query is cut at its operators, its projection and its stages. The piece with the error is
//! overwritten with spaces, and what is left is parsed again. Better no second error than a false
//! one: where the rest makes no sense without the piece, that is all.

use std::ops::Range;

use crate::query::lex::{Lexeme, LexemeKind, Place, lexemes};
use crate::query::scan::Unpaired;

/// A stream that takes the place of a first operand with an error.
const FILLER: &str = "_()";

/// Operators that a piece can start with.
const OPERATORS: [&str; 5] = ["and", "or", "outer", "unless", "then"];

/// Takes the piece around `at`, where parsing `text` failed, out of `text`. Returns where it was;
/// `None` where nothing sensible would be left.
pub(super) fn cut(text: &mut String, at: usize) -> Option<Range<usize>> {
    let piece = piece(text, at).filter(|piece| {
        let old = text[piece.clone()].trim();
        !old.is_empty() && old != FILLER
    })?;
    let mut blank = " ".repeat(piece.len());
    let is_first = text[..piece.start].trim_end().chars().next_back().is_none_or(|c| c == '(');
    if is_first {
        if piece.len() < FILLER.len() || text[piece.end..].trim().is_empty() {
            return None;
        }
        blank.replace_range(..FILLER.len(), FILLER);
    }
    text.replace_range(piece.clone(), &blank);
    Some(piece)
}

/// Takes what has no partner out of `text`, so that the rest can be read. Behind what is never closed
/// nothing can be read for sure: returns where the text was cut off then.
pub(super) fn pair(text: &mut String, unpaired: &Unpaired) -> Option<usize> {
    let Unpaired { diagnostic, from, in_stage, open } = unpaired;
    if text[diagnostic.span.clone()] == *")" {
        text.replace_range(diagnostic.span.clone(), " ");
        return None;
    }
    text.truncate(*from);
    if !in_stage {
        text.push(' ');
        text.push_str(FILLER);
        text.push_str(&")".repeat(*open));
    }
    Some(*from)
}

/// The piece around `at`: from an operator, `{` or `|` to the next one of the same group.
fn piece(text: &str, at: usize) -> Option<Range<usize>> {
    let groups = groups(text);
    let holds = |group: &&Group| group.cuts[0] <= at && at <= group.end(text);
    let group = groups.iter().filter(holds).max_by_key(|group| group.cuts[0])?;
    let mut cuts = group.cuts.clone();
    cuts.push(group.end(text));
    let mut index = cuts.iter().rposition(|cut| *cut <= at)?;
    // At an operator or the end, what is before it is incomplete.
    let is_own = text[at..].starts_with(['{', '|']);
    if cuts[index] == at && !is_own || index + 1 == cuts.len() {
        index = index.checked_sub(1)?;
    }
    Some(cuts[index]..cuts[index + 1]).filter(|piece| !piece.is_empty())
}

/// The query, or operands in parentheses.
struct Group {
    /// Where it and its pieces start.
    cuts: Vec<usize>,
    /// Where its parenthesis closes.
    closes: Option<usize>,
    /// Other parentheses, brackets and braces that are open in it.
    opens: usize,
}

impl Group {
    fn end(&self, text: &str) -> usize {
        self.closes.unwrap_or(text.len())
    }
}

fn groups(text: &str) -> Vec<Group> {
    let all = lexemes(text).into_iter().filter(|lexeme| lexeme.kind != LexemeKind::Comment);
    let lexemes: Vec<_> = all.collect();
    let group = |start| Group { cuts: vec![start], closes: None, opens: 0 };
    let (mut open, mut closed) = (vec![group(0)], Vec::new());
    for (index, lexeme) in lexemes.iter().enumerate() {
        let Some(last) = open.last_mut() else { break };
        if last.opens == 0 && is_cut(text, &lexemes, index) {
            last.cuts.push(lexeme.span.start);
        }
        if lexeme.place == Place::Selector {
            continue;
        }
        match &text[lexeme.span.clone()] {
            "(" if last.opens == 0 && is_group(text, &lexemes, index) => {
                open.push(group(lexeme.span.end));
            }
            "(" | "[" | "{" => last.opens += 1,
            ")" if last.opens == 0 => {
                last.closes = Some(lexeme.span.start);
                closed.extend(open.pop());
            }
            ")" | "]" | "}" => last.opens = last.opens.saturating_sub(1),
            _ => {}
        }
    }
    closed.extend(open);
    closed
}

/// Whether a piece starts here.
fn is_cut(text: &str, lexemes: &[Lexeme], index: usize) -> bool {
    let Lexeme { kind, place, span } = &lexemes[index];
    let word = &text[span.clone()];
    match (kind, place) {
        (LexemeKind::Word, Place::Query) => {
            let before = index.checked_sub(1).map(|before| &text[lexemes[before].span.clone()]);
            OPERATORS.iter().any(|operator| operator.eq_ignore_ascii_case(word))
                && !before.is_some_and(|word| word.eq_ignore_ascii_case("as"))
        }
        (LexemeKind::Mark, Place::Query) => word == "{",
        (LexemeKind::Mark, Place::Stage) => word == "|",
        _ => false,
    }
}

/// Whether a parenthesis opens a group: whatever follows a word opens a clause or a selector, but for
/// operators.
fn is_group(text: &str, lexemes: &[Lexeme], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).map(|before| &lexemes[before]) else { return true };
    let word = &text[before.span.clone()];
    lexemes[index].place == Place::Query
        && (before.kind == LexemeKind::Mark
            || OPERATORS.iter().chain(&["not"]).any(|other| other.eq_ignore_ascii_case(word)))
}
