//! The word at the cursor.

use std::ops::Range;

use crate::query::lex::{Lexeme, LexemeKind, Place};
use crate::query::scan;

/// What is typed at the cursor: a word, an open text, the first half of an operator; in a stage a
/// name such as `app#2.err.code`. Empty where there is nothing.
pub(super) struct Word {
    /// Where it starts, in bytes.
    pub(super) start: usize,
    /// What stands before its first dot, where the cursor is behind that.
    pub(super) head: Option<Range<usize>>,
    /// The part at the cursor, which is replaced: all of it, or the stream, or the label behind the
    /// dot.
    pub(super) span: Range<usize>,
}

/// The word at `cursor`, where `all` are the pieces of `text`; `None` in comments.
pub(super) fn at(text: &str, cursor: usize, all: &[Lexeme]) -> Option<Word> {
    let at = all.iter().find(|it| it.span.start < cursor && cursor <= it.span.end);
    let plain = |span: Range<usize>| Word { start: span.start, head: None, span };
    Some(match at {
        // Behind a closed quote nothing is completed but what follows it.
        Some(it) if it.kind == LexemeKind::Text && is_open(text, it, cursor) => {
            let is_closed = is_closed(text, it);
            let end =
                if is_closed { it.span.end } else { end_of(&text[..it.span.end], cursor, is_word) };
            plain(it.span.start..end)
        }
        Some(it) if it.kind == LexemeKind::Mark && text[it.span.start..cursor] == *"!" => {
            plain(it.span.clone())
        }
        Some(it) if it.kind == LexemeKind::Comment && !is_position(text, it, cursor) => {
            return None;
        }
        Some(it) if it.place != Place::Stage => {
            let is_word = matches!(it.kind, LexemeKind::Word | LexemeKind::Number);
            plain(if is_word { it.span.clone() } else { cursor..cursor })
        }
        Some(_) => path(text, cursor),
        None => plain(cursor..cursor),
    })
}

fn path(text: &str, cursor: usize) -> Word {
    let goes_on = |c: char| is_word(c) || matches!(c, '.' | '#');
    let start = text[..cursor].trim_end_matches(goes_on).len();
    let typed = &text[start..cursor];
    if typed.is_empty() {
        return Word { start, head: None, span: start..start };
    }
    let is_number = typed.starts_with(|c: char| c.is_ascii_digit());
    if let Some(dot) = typed.find('.').filter(|_| !is_number) {
        let label = start + dot + 1;
        let end = end_of(text, cursor, |c| is_word(c) || c == '.');
        return Word { start, head: Some(start..label - 1), span: label..end };
    }
    let mut end = end_of(text, cursor, |c| is_word(c) || is_number && c == '.');
    let position = &text[end..];
    if position.starts_with('#') && position[1..].starts_with(|c: char| c.is_ascii_digit()) {
        end = end_of(text, end + 1, |c| c.is_ascii_digit());
    }
    Word { start, head: None, span: start..end }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The end of what goes on at `at`.
fn end_of(text: &str, at: usize, goes_on: impl Fn(char) -> bool) -> usize {
    text.len() - text[at..].trim_start_matches(goes_on).len()
}

/// Whether the `#` of `comment`, right before the cursor, follows a name in a stage: what is typed
/// there becomes the position of a stream.
fn is_position(text: &str, comment: &Lexeme, cursor: usize) -> bool {
    let follows = comment.place == Place::Stage && comment.span.start + 1 == cursor;
    follows && text[..comment.span.start].ends_with(is_word)
}

/// Whether the quotes of `lexeme` are closed anywhere.
fn is_closed(text: &str, lexeme: &Lexeme) -> bool {
    scan::end_of_quoted(text[lexeme.span.clone()].as_bytes(), 0).is_some()
}

/// Whether the quotes of `lexeme` are open at `cursor`.
fn is_open(text: &str, lexeme: &Lexeme, cursor: usize) -> bool {
    let quoted = &text[lexeme.span.start..cursor];
    scan::end_of_quoted(quoted.as_bytes(), 0).is_none()
}
