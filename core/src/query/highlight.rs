//! What each piece of a query is, for editors. Works on broken text too; linear in the text.

use std::ops::Range;

use serde::Serialize;

use super::lex::{Lexeme, LexemeKind, Place, lexemes};
use super::scan;
use crate::limits::MAX_QUERY_BYTES;

/// A piece of a query.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
}

/// What a piece of a query is. Serialised in lower case.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// A join, or `and`, `or` and `not` in a condition.
    Operator,
    /// A clause, a policy, a parser, a stage, `as`.
    Keyword,
    /// The source of a stream.
    Source,
    /// The name of a stream, where it is given or used.
    Name,
    /// A label.
    Label,
    /// What is called in a stage, or in a selector that the source applies.
    Function,
    /// A text in quotes.
    Text,
    /// A number with a unit.
    Duration,
    /// A number.
    Number,
    /// `=`, `!=`, `=~`, `|=`, `>` and the like.
    Comparison,
    /// A parenthesis, bracket, brace, comma, or any other single character.
    Punctuation,
    /// From `#` to the end of the line.
    Comment,
}

/// The pieces of `text` in order: all of it but white space, none overlapping another. What comes
/// behind the first [`MAX_QUERY_BYTES`] has none, since no query is as long.
///
/// ```
/// use logbraid_core::query::{TokenKind, highlight};
///
/// let kinds: Vec<_> = highlight("a({}) then (").into_iter().map(|token| token.kind).collect();
/// assert_eq!(kinds[0], TokenKind::Source);
/// assert_eq!(kinds[5], TokenKind::Operator);
/// ```
pub fn highlight(text: &str) -> Vec<Token> {
    let text = &text[..text.floor_char_boundary(MAX_QUERY_BYTES)];
    let lexemes = lexemes(text);
    let mut open = Vec::new();
    let mut tokens = Vec::with_capacity(lexemes.len());
    for (at, lexeme) in lexemes.iter().enumerate() {
        let around = Around { text, lexemes: &lexemes, at };
        let kind = match lexeme.kind {
            LexemeKind::Comment => TokenKind::Comment,
            LexemeKind::Text => TokenKind::Text,
            LexemeKind::Number if lexeme.place == Place::Query && around.after() == "(" => {
                TokenKind::Source
            }
            LexemeKind::Number => number(around.here()),
            LexemeKind::Mark => {
                match around.here() {
                    "(" => open.push(around.word_before()),
                    "[" | "{" => open.push(around.here()),
                    ")" | "]" | "}" => drop(open.pop()),
                    _ => {}
                }
                mark(around.here())
            }
            LexemeKind::Word => match lexeme.place {
                Place::Query => query_word(&around, open.last().copied().unwrap_or_default()),
                Place::Selector => selector_word(&around, open.last() == Some(&"{")),
                Place::Stage => stage_word(&around),
            },
        };
        tokens.push(Token { kind, span: lexeme.span.clone() });
    }
    tokens
}

/// A lexeme with its neighbours.
struct Around<'t> {
    text: &'t str,
    lexemes: &'t [Lexeme],
    at: usize,
}

impl<'t> Around<'t> {
    fn here(&self) -> &'t str {
        &self.text[self.lexemes[self.at].span.clone()]
    }

    fn before(&self) -> Option<&'t Lexeme> {
        let mut before = self.lexemes[..self.at].iter();
        before.rfind(|lexeme| lexeme.kind != LexemeKind::Comment)
    }

    /// The text of the lexeme before; empty for none.
    fn text_before(&self) -> &'t str {
        self.before().map_or("", |lexeme| &self.text[lexeme.span.clone()])
    }

    /// The word before; empty where something else is.
    fn word_before(&self) -> &'t str {
        let word = self.before().filter(|lexeme| lexeme.kind == LexemeKind::Word);
        word.map_or("", |lexeme| &self.text[lexeme.span.clone()])
    }

    fn after(&self) -> &'t str {
        let mut after = self.lexemes[self.at + 1..].iter();
        let after = after.find(|lexeme| lexeme.kind != LexemeKind::Comment);
        after.map_or("", |lexeme| &self.text[lexeme.span.clone()])
    }
}

fn is(word: &str, any: &[&str]) -> bool {
    any.iter().any(|other| other.eq_ignore_ascii_case(word))
}

/// A word between streams; `open` is the word before the innermost open parenthesis, or the mark
/// that is open instead.
fn query_word(around: &Around<'_>, open: &str) -> TokenKind {
    let word = around.here();
    if open == "{" || is(open, &["on", "ignoring", "group_left", "group_right"]) {
        return TokenKind::Label;
    }
    if is(open, &["pick"]) {
        return TokenKind::Keyword;
    }
    if around.word_before().eq_ignore_ascii_case("as") {
        return TokenKind::Name;
    }
    if scan::is_operator_word(word) {
        return TokenKind::Operator;
    }
    if scan::is_clause_word(word) {
        return TokenKind::Keyword;
    }
    match around.after() {
        "(" => TokenKind::Source,
        _ if is(word, &["as"]) => TokenKind::Keyword,
        _ => TokenKind::Name,
    }
}

fn selector_word(around: &Around<'_>, in_braces: bool) -> TokenKind {
    let word = around.here();
    if in_braces {
        return TokenKind::Label;
    }
    if is(word, &["and", "or", "not"]) {
        return TokenKind::Operator;
    }
    match around.after() {
        "(" => TokenKind::Function,
        after if mark(after) == TokenKind::Comparison && !is(word, &["json", "logfmt"]) => {
            TokenKind::Label
        }
        _ if around.text_before() == "|" => TokenKind::Keyword,
        _ => TokenKind::Name,
    }
}

fn stage_word(around: &Around<'_>) -> TokenKind {
    let word = around.here();
    match around.after() {
        _ if around.text_before() == "|" => TokenKind::Keyword,
        _ if is(word, &["and", "or", "not"]) => TokenKind::Operator,
        "(" => TokenKind::Function,
        _ => TokenKind::Name,
    }
}

fn number(text: &str) -> TokenKind {
    let has_unit = text.ends_with(|c: char| c.is_alphabetic());
    if has_unit { TokenKind::Duration } else { TokenKind::Number }
}

fn mark(text: &str) -> TokenKind {
    match text {
        "=" | "=~" | "!~" | "!=" | "|=" | "|~" | ">=" | "<=" | "==" | ">" | "<" => {
            TokenKind::Comparison
        }
        "&&" | "||" | "->" | "=>" => TokenKind::Operator,
        _ => TokenKind::Punctuation,
    }
}
