//! What can stand at the cursor: from the grammar between streams and in stages, from the look of
//! what is before the cursor in selectors.
//!
//! Knows no sources, labels and values; the host supplies those it has seen. Linear in the text and
//! in what the host supplies.

mod labels;
mod stage;
mod vocabulary;
mod word;
mod words;

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;

use word::Word;
use words::{
    CLAUSES, COMPARISONS, DURATIONS, LINE_FILTERS, MATCHERS, OPERATORS, PARSERS, POLICIES, STAGES,
};

use super::lex::{Lexeme, LexemeKind, Place, lexemes};
use super::parse::{self, Expected};
use super::{Policy, scan};
use crate::limits::MAX_QUERY_BYTES;

pub use vocabulary::{KnownLabel, KnownSource, Vocabulary};

/// Something that can stand at the cursor.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Completion {
    /// What to show.
    pub label: String,
    /// What to put in place of `span`.
    pub insert: String,
    /// What it is.
    pub kind: CompletionKind,
    /// The word at the cursor, in bytes; empty where there is none.
    pub span: Range<usize>,
    /// A few words about it.
    pub detail: String,
}

/// What is completed. Serialised in lower case.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CompletionKind {
    /// A join, a comparison, arithmetic, a line filter, what separates or closes.
    Operator,
    /// A clause, a policy, a parser, a stage, `as`.
    Keyword,
    /// A source.
    Source,
    /// A stream of the query.
    Stream,
    /// A label.
    Label,
    /// A text or duration.
    Value,
}

/// What can stand at byte `cursor` of `text`, best first. In the middle of a word, what can stand
/// in its place and starts as it does up to the cursor. Nothing in a text of more than
/// [`MAX_QUERY_BYTES`], which is no query.
///
/// ```
/// use logbraid_core::query::{Vocabulary, complete};
///
/// let found = complete("a({}) un", 8, &Vocabulary::default());
/// assert_eq!(found[0].insert, "unless");
/// assert_eq!(found[0].span, 6..8);
/// ```
pub fn complete(text: &str, cursor: usize, vocabulary: &Vocabulary) -> Vec<Completion> {
    let cursor = text.floor_char_boundary(cursor.min(text.len()));
    if text.len() > MAX_QUERY_BYTES {
        return Vec::new();
    }
    let all = lexemes(text);
    let Some(Word { start, head, span }) = word::at(text, cursor, &all) else {
        return Vec::new();
    };
    let before = &text[..start];
    let mut completer = Completer {
        vocabulary,
        text,
        before,
        lexemes: lexemes(before).into_iter().filter(|it| it.kind != LexemeKind::Comment).collect(),
        behind: &text[span.end..],
        head: head.map(|head| &text[head]),
        typed: &text[span.start..cursor],
        span,
        found: Vec::new(),
    };
    completer.run();
    completer.found
}

/// Whether `name` can be written as the name of a source.
fn is_source(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_on = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    starts && goes_on && !scan::is_reserved(name)
}

/// Whether `name` can be written as a label.
fn is_label(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.split('.').all(is_part) && !name.starts_with(|c: char| c.is_ascii_digit())
}

struct Completer<'c> {
    vocabulary: &'c Vocabulary,
    text: &'c str,
    /// The text before the word at the cursor, and what it is made of, without comments.
    before: &'c str,
    lexemes: Vec<Lexeme>,
    /// The text behind the word at the cursor.
    behind: &'c str,
    /// In a stage, the name of the stream before the dot that the word follows.
    head: Option<&'c str>,
    /// The part of that word before the cursor.
    typed: &'c str,
    span: Range<usize>,
    found: Vec<Completion>,
}

fn is(word: &str, any: &[&str]) -> bool {
    any.iter().any(|other| other.eq_ignore_ascii_case(word))
}

impl<'c> Completer<'c> {
    fn run(&mut self) {
        // Where a word here would stand.
        let place = lexemes(&[self.before, "x"].concat()).last().map(|last| last.place);
        match place {
            Some(Place::Selector) => self.selector(),
            Some(Place::Stage) => self.stage(),
            _ => self.query(),
        }
    }

    /// The piece that is `back` pieces before the cursor, from 1; empty where there is none.
    fn last(&self, back: usize) -> &'c str {
        let at = self.lexemes.len().checked_sub(back);
        at.map_or("", |at| &self.before[self.lexemes[at].span.clone()])
    }

    fn query(&mut self) {
        if is(self.last(1), &["as"]) {
            return;
        }
        let expected = parse::expected(self.before);
        let (operator, clauses) = self.join_here();
        let has_keys = clauses.iter().any(|word| is(word, &["on", "ignoring"]));
        let has_alias = is(self.last(2), &["as"]);
        if let Some(side) = self.grouping_here() {
            // A group of streams can stand in these parentheses, too.
            self.copied_labels(side);
            if expected.contains(&Expected::Stream) {
                self.sources();
            }
            return;
        }
        let mut is_then = is(self.last(1), &["then"]) && expected.contains(&Expected::Clause);
        if let Some(not) = self.not_behind() {
            is_then = false;
            // `then not` is one operator, and replaced as one.
            if expected.contains(&Expected::Operator) && !self.span.is_empty() {
                self.span.end += not;
            }
        }
        for what in &expected {
            match what {
                Expected::Stream if has_keys || !expected.contains(&Expected::Clause) => {
                    self.sources();
                }
                Expected::Clause => self.clauses(&clauses, has_keys),
                Expected::Operator => self.words(&OPERATORS, CompletionKind::Operator),
                Expected::Range if !has_alias && self.last(1) != "]" => {
                    self.offer("[", "[5m]", CompletionKind::Keyword, "range");
                }
                Expected::Alias if !has_alias => {
                    self.offer("as", "as ", CompletionKind::Keyword, "name of the stream");
                }
                Expected::Duration => self.durations(),
                Expected::Policy => {
                    for (policy, detail) in Policy::ALL.into_iter().zip(POLICIES) {
                        if policy != Policy::Latest || is(operator, &["then"]) {
                            let word = policy.as_str();
                            self.offer(word, word, CompletionKind::Keyword, detail);
                        }
                    }
                }
                // The right label of a key.
                Expected::Label if self.last(1) == "=" => self.copied_labels("group_left"),
                Expected::Label => {
                    let given = self.given();
                    self.labels(&self.sources_here(), &given);
                }
                Expected::Projection if self.last(1) != "}" => {
                    self.offer("{", "{", CompletionKind::Keyword, "keeps events of each result");
                }
                Expected::MatchOp => self.words(&MATCHERS, CompletionKind::Operator),
                Expected::Text => self.values(&self.sources_here()),
                Expected::Stage => {
                    for (word, detail) in STAGES {
                        let insert = format!("| {word} ");
                        self.offer(&format!("| {word}"), &insert, CompletionKind::Keyword, detail);
                    }
                }
                _ => {}
            }
        }
        if is_then {
            let detail = "the left side without a match that follows";
            self.offer("not", "not", CompletionKind::Operator, detail);
        }
    }

    /// How far behind the word at the cursor a `not` ends that follows it.
    fn not_behind(&self) -> Option<usize> {
        let gap = self.behind.len() - self.behind.trim_start().len();
        let first = lexemes(&self.behind[gap..]).into_iter().next()?;
        is(&self.behind[gap..][first.span.clone()], &["not"]).then_some(gap + first.span.end)
    }

    /// The operator of the join at the cursor, and the words of its clauses so far.
    fn join_here(&self) -> (&'c str, Vec<&'c str>) {
        let mut clauses = Vec::new();
        let mut depth = 0_usize;
        for lexeme in self.lexemes.iter().rev() {
            let word = &self.before[lexeme.span.clone()];
            match word {
                ")" => depth += 1,
                "(" => depth = depth.saturating_sub(1),
                _ if depth == 0 && scan::is_operator_word(word) => return (word, clauses),
                _ if depth == 0 && scan::is_clause_word(word) => clauses.push(word),
                _ => {}
            }
        }
        ("", clauses)
    }

    fn sources(&mut self) {
        let is_called = self.behind.trim_start().starts_with('(');
        for source in &self.vocabulary.sources {
            let name = &source.name;
            if !is_source(name) {
                continue;
            }
            let insert = if is_called { name.clone() } else { format!("{name}({{}})") };
            self.offer(name, &insert, CompletionKind::Source, "source");
        }
    }

    fn clauses(&mut self, given: &[&str], has_keys: bool) {
        let is_called = self.behind.trim_start().starts_with('(');
        let has_policy = given.iter().any(|word| is(word, &["pick", "group_left", "group_right"]));
        for (word, detail) in CLAUSES {
            let is_key = is(word, &["on", "ignoring"]);
            let is_policy = !is_key && word != "within";
            if is_key && has_keys || is_policy && has_policy || is(word, given) {
                continue;
            }
            let insert = if is_called { word.to_owned() } else { format!("{word}(") };
            self.offer(word, &insert, CompletionKind::Keyword, detail);
        }
    }

    fn durations(&mut self) {
        let is_number = !self.typed.is_empty() && self.typed.bytes().all(|b| b.is_ascii_digit());
        let units = is_number.then_some(["s", "m", "h", "d", "ms"]).into_iter().flatten();
        let own: Vec<_> = units.map(|unit| format!("{}{unit}", self.typed)).collect();
        for duration in own.iter().map(String::as_str).chain(DURATIONS) {
            self.offer(duration, duration, CompletionKind::Value, "duration");
        }
    }

    fn selector(&mut self) {
        let opens = self.lexemes.iter().rposition(|it| it.place == Place::Query);
        let source = opens.and_then(|at| self.lexemes.get(at.checked_sub(1)?));
        let source = source.map_or("", |it| &self.before[it.span.clone()]);
        let known: Vec<_> =
            self.vocabulary.sources.iter().filter(|known| known.name == source).collect();
        let is_ours = known.iter().all(|known| !known.selects);
        let inner = &self.lexemes[opens.map_or(0, |at| at + 1)..];
        let count = |mark| inner.iter().filter(|it| &self.before[it.span.clone()] == mark).count();
        let in_braces = count("{") > count("}");
        let kind = self.lexemes.last().map(|last| last.kind);
        let compares = |mark: &str| MATCHERS.iter().any(|(other, _)| *other == mark);
        match (self.last(1), kind) {
            ("(", _) => self.offer("{", "{", CompletionKind::Keyword, "matchers"),
            ("{" | ",", _) if in_braces => self.labels(&known, &BTreeSet::new()),
            (op, _) if compares(op) => self.values(&known),
            (_, Some(LexemeKind::Word)) if in_braces => {
                self.words(&MATCHERS, CompletionKind::Operator);
            }
            _ if in_braces || !is_ours => {}
            ("|", _) => {
                self.words(&PARSERS, CompletionKind::Keyword);
                self.labels(&known, &BTreeSet::new());
            }
            ("and" | "or" | ",", _) => self.labels(&known, &BTreeSet::new()),
            (word, Some(LexemeKind::Word)) if !PARSERS.iter().any(|(name, _)| *name == word) => {
                self.words(&MATCHERS, CompletionKind::Operator);
                self.words(&COMPARISONS, CompletionKind::Operator);
            }
            ("pattern" | "regexp", _) => {}
            (mark, Some(LexemeKind::Mark)) if mark != "}" => {}
            _ => {
                self.words(&LINE_FILTERS, CompletionKind::Operator);
                for (parser, detail) in PARSERS {
                    let insert = format!("| {parser}");
                    self.offer(&insert, &insert, CompletionKind::Keyword, detail);
                }
            }
        }
    }

    fn words(&mut self, words: &[(&str, &str)], kind: CompletionKind) {
        for (word, detail) in words {
            self.offer(word, word, kind, detail);
        }
    }

    /// Adds a completion if it starts with what has been typed, and is not there yet.
    fn offer(&mut self, label: &str, insert: &str, kind: CompletionKind, detail: &str) {
        let typed = self.typed.trim_start_matches(['"', '\'', '`']);
        let starts =
            label.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed));
        if !starts || self.found.iter().any(|other| other.insert.trim_start() == insert) {
            return;
        }
        let is_word = insert.starts_with(|c: char| c.is_alphanumeric() || c == '|');
        let touches = self.span.is_empty()
            && self.text[..self.span.start].ends_with([')', ']', '}', '"', '\'', '`']);
        let insert = if is_word && touches { format!(" {insert}") } else { insert.to_owned() };
        let (label, detail, span) = (label.to_owned(), detail.to_owned(), self.span.clone());
        self.found.push(Completion { label, insert, kind, span, detail });
    }
}
