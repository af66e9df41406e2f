//! The words, texts, marks and comments of any text, also of one that does not parse.
//!
//! For what has to make something of broken queries (recovery, completion, highlighting) and of
//! comments (formatting). Knows where selectors and stages begin, by the same rules as `scan.rs`, and
//! nothing else of the grammar. Never fails; linear in the text.

use std::ops::Range;

use super::scan;

/// A piece of a query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Lexeme {
    pub(super) kind: LexemeKind,
    pub(super) place: Place,
    /// In bytes.
    pub(super) span: Range<usize>,
}

/// What a piece is by its look.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum LexemeKind {
    /// A name, a keyword, a label with its dots.
    Word,
    /// Starts with a digit: a number or a duration.
    Number,
    /// In quotes; ends with its line where the closing one is missing.
    Text,
    /// From `#` to the end of the line.
    Comment,
    /// An operator of up to two characters, or any other single character.
    Mark,
}

/// Where a piece stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Where streams and joins are.
    Query,
    /// Inside the parentheses of a stream.
    Selector,
    /// Behind the first `|` outside of selectors, which belongs to it.
    Stage,
}

/// Marks of two characters.
const PAIRS: [&str; 13] =
    ["=~", "!~", "!=", "|=", "|~", ">=", "<=", "==", "&&", "||", "->", "=>", "--"];

/// The pieces of `text` in order, without the white space between them.
pub(super) fn lexemes(text: &str) -> Vec<Lexeme> {
    run(text, Place::Query)
}

/// The pieces of a selector without its parentheses.
pub(super) fn lexemes_of_selector(text: &str) -> Vec<Lexeme> {
    run(text, Place::Selector)
}

fn run(text: &str, place: Place) -> Vec<Lexeme> {
    let mut lexer = Lexer { text, lexemes: Vec::new(), at: 0 };
    lexer.run(place);
    lexer.lexemes
}

struct Lexer<'t> {
    text: &'t str,
    lexemes: Vec<Lexeme>,
    at: usize,
}

impl Lexer<'_> {
    fn run(&mut self, mut place: Place) {
        // Parentheses of the query, and of the selector within.
        let (mut outer, mut inner) = (0_usize, 0_usize);
        while let Some(c) = self.text[self.at..].chars().next() {
            if c.is_whitespace() || c == '\u{feff}' && self.at == 0 {
                self.at += c.len_utf8();
                continue;
            }
            let calls = c == '(' && place == Place::Query && self.follows_source();
            let (kind, length) = self.next(c, place);
            let mark = &self.text[self.at..self.at + length];
            match mark {
                "(" if place == Place::Selector => inner += 1,
                ")" if place == Place::Selector && inner > 0 => inner -= 1,
                ")" if place == Place::Selector => place = Place::Query,
                "(" if !calls => outer += 1,
                ")" => outer = outer.saturating_sub(1),
                "|" if place == Place::Query && outer == 0 => place = Place::Stage,
                _ => {}
            }
            self.lexemes.push(Lexeme { kind, place, span: self.at..self.at + length });
            if calls {
                place = Place::Selector;
            }
            self.at += length;
        }
    }

    /// Kind and length of what starts with `c` here.
    fn next(&self, c: char, place: Place) -> (LexemeKind, usize) {
        let rest = &self.text[self.at..];
        match c {
            '#' if place != Place::Selector => (LexemeKind::Comment, line(rest)),
            '"' | '\'' | '`' => (LexemeKind::Text, quoted(rest)),
            c if c.is_alphanumeric() || c == '_' => {
                let is_number = c.is_ascii_digit();
                let length = word(rest, |c| c.is_alphanumeric() || matches!(c, '_' | '.'));
                if place == Place::Stage && !is_number {
                    return (LexemeKind::Word, length + position(&rest[length..]));
                }
                (if is_number { LexemeKind::Number } else { LexemeKind::Word }, length)
            }
            c => {
                let pair = PAIRS.iter().find(|pair| rest.starts_with(**pair));
                (LexemeKind::Mark, pair.map_or(c.len_utf8(), |pair| pair.len()))
            }
        }
    }

    /// Whether a parenthesis here opens a selector.
    fn follows_source(&self) -> bool {
        let last = self.lexemes.iter().rfind(|lexeme| lexeme.kind != LexemeKind::Comment);
        last.is_some_and(|last| {
            let is_word = matches!(last.kind, LexemeKind::Word | LexemeKind::Number);
            is_word && !scan::is_reserved(&self.text[last.span.clone()])
        })
    }
}

fn word(text: &str, continues: impl Fn(char) -> bool) -> usize {
    text.find(|c| !continues(c)).unwrap_or(text.len())
}

fn line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// The length of `#2` in `a#2`, where `text` follows the name.
fn position(text: &str) -> usize {
    let Some(digits) = text.strip_prefix('#') else { return 0 };
    match word(digits, |c| c.is_ascii_digit()) {
        0 => 0,
        length => length + 1,
    }
}

/// The length of the quoted text that `text` starts with.
fn quoted(text: &str) -> usize {
    scan::end_of_quoted(text.as_bytes(), 0).unwrap_or_else(|| line(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_place(text: &str, place: Place) -> Vec<&str> {
        let all = lexemes(text);
        all.iter().filter(|l| l.place == place).map(|l| &text[l.span.clone()]).collect()
    }

    #[test]
    fn places_are_told_apart() {
        let text =
            "(a({x=~\"(\"} |= `#`)[5m] # ( |\n and on(k.l) b((x)) ) {m!=\"v\"} | where b#2.n>1#x";
        assert_eq!(
            of_place(text, Place::Selector),
            ["{", "x", "=~", "\"(\"", "}", "|=", "`#`", "(", "x", ")"]
        );
        let query = "( a ( ) [ 5m ] # ( | and on ( k.l ) b ( ) ) { m != \"v\" }";
        assert_eq!(of_place(text, Place::Query).join(" "), query);
        assert_eq!(of_place(text, Place::Stage), ["|", "where", "b#2", ".", "n", ">", "1", "#x"]);
    }

    #[test]
    fn broken_text_is_cut_at_its_lines() {
        assert_eq!(of_place("a({x=\"1\n}) é", Place::Selector), ["{", "x", "=", "\"1", "}"]);
        assert_eq!(of_place("a({x=\"1\n}) é", Place::Query), ["a", "(", ")", "é"]);
    }
}
