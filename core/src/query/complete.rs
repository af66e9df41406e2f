//! What can stand at the cursor: from the grammar between streams, from the look of what is before
//! the cursor in selectors and stages.
//!
//! Knows no sources, labels and values; the host supplies those it has seen. Linear in the text and
//! in what the host supplies.

mod vocabulary;
mod words;

use std::ops::Range;

use serde::Serialize;

use words::{
    CLAUSES, COMPARISONS, DURATIONS, FUNCTIONS, LINE_FILTERS, MATCHERS, OPERATORS, PARSERS,
    POLICIES, STAGES,
};

use super::lex::{Lexeme, LexemeKind, Place, lexemes};
use super::parse::{self, Expected};
use super::{Policy, check, literal, scan};
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
    /// A join, a comparison, a line filter.
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
/// in its place and starts as it does up to the cursor.
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
    let at = all.iter().find(|it| it.span.start < cursor && cursor <= it.span.end);
    let (span, typed) = match at {
        Some(it) if it.kind == LexemeKind::Comment => return Vec::new(),
        // Behind a closed quote nothing is completed but what follows it.
        Some(it) if it.kind == LexemeKind::Text && is_open(text, it, cursor) => {
            (it.span.clone(), &text[it.span.start..cursor])
        }
        Some(it) if matches!(it.kind, LexemeKind::Word | LexemeKind::Number) => {
            (it.span.clone(), &text[it.span.start..cursor])
        }
        _ => (cursor..cursor, ""),
    };
    let before = &text[..span.start];
    let mut completer = Completer {
        vocabulary,
        before,
        lexemes: lexemes(before).into_iter().filter(|it| it.kind != LexemeKind::Comment).collect(),
        behind: &text[span.end..],
        typed,
        span,
        found: Vec::new(),
    };
    completer.run();
    completer.found
}

/// Whether the quotes of `lexeme` are open at `cursor`.
fn is_open(text: &str, lexeme: &Lexeme, cursor: usize) -> bool {
    let quoted = &text[lexeme.span.start..cursor];
    scan::end_of_quoted(quoted.as_bytes(), 0).is_none()
}

struct Completer<'c> {
    vocabulary: &'c Vocabulary,
    /// The text before the word at the cursor, and what it is made of, without comments.
    before: &'c str,
    lexemes: Vec<Lexeme>,
    /// The text behind the word at the cursor.
    behind: &'c str,
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
                Expected::Label => self.labels(&self.sources_here()),
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

    /// The known sources that the query names; all where it names none.
    fn sources_here(&self) -> Vec<&'c KnownSource> {
        let text = [self.before, self.behind];
        let words = text.into_iter().flat_map(|text| {
            lexemes(text)
                .into_iter()
                .filter(|it| it.kind == LexemeKind::Word)
                .map(|it| &text[it.span])
        });
        let words: Vec<&str> = words.collect();
        let sources = &self.vocabulary.sources;
        let named: Vec<_> =
            sources.iter().filter(|source| words.contains(&source.name.as_str())).collect();
        if named.is_empty() { sources.iter().collect() } else { named }
    }

    /// The labels of `sources`, those of most of them first.
    fn labels(&mut self, sources: &[&'c KnownSource]) {
        let mut labels: Vec<(&str, usize)> = Vec::new();
        for label in sources.iter().flat_map(|source| &source.labels) {
            match labels.iter_mut().find(|(name, _)| *name == label.name) {
                Some((_, count)) => *count += 1,
                None => labels.push((&label.name, 1)),
            }
        }
        labels.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (label, _) in labels {
            self.offer(label, label, CompletionKind::Label, "label");
        }
    }

    /// The values of the label before the comparison at the cursor.
    fn values(&mut self, sources: &[&'c KnownSource]) {
        let (op, name) = (self.last(1), self.last(2));
        if !is(op, &["=", "!=", "=~", "!~"]) {
            return;
        }
        let labels = sources.iter().flat_map(|source| &source.labels);
        for value in labels.filter(|label| label.name == name).flat_map(|label| &label.values) {
            let is_regex = op.ends_with('~');
            let insert = if is_regex { regex_syntax::escape(value) } else { value.clone() };
            self.offer(value, &literal::quote(&insert), CompletionKind::Value, name);
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
            ("{" | ",", _) if in_braces => self.labels(&known),
            (op, _) if compares(op) => self.values(&known),
            (_, Some(LexemeKind::Word)) if in_braces => {
                self.words(&MATCHERS, CompletionKind::Operator);
            }
            _ if in_braces || !is_ours => {}
            ("|", _) => {
                self.words(&PARSERS, CompletionKind::Keyword);
                self.labels(&known);
            }
            ("and" | "or" | ",", _) => self.labels(&known),
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

    fn stage(&mut self) {
        let opens = self.lexemes.iter().rposition(|it| &self.before[it.span.clone()] == "|");
        let Some(opens) = opens else { return };
        let Some(word) = self.lexemes.get(opens + 1) else {
            return self.words(&STAGES, CompletionKind::Keyword);
        };
        let word = &self.before[word.span.clone()];
        if is(word, &["limit"]) {
            return;
        }
        for (stream, source) in self.streams() {
            self.offer(&stream, &stream, CompletionKind::Stream, &source);
        }
        if is(word, &["where"]) {
            self.words(&FUNCTIONS, CompletionKind::Keyword);
        }
    }

    /// The names of the streams before the cursor, and their sources.
    fn streams(&self) -> Vec<(String, String)> {
        let stage = self.lexemes.iter().find(|it| it.place == Place::Stage);
        let end = stage.map_or(self.before.len(), |stage| stage.span.start);
        let Some(query) = parse::read(&self.before[..end]).query else { return Vec::new() };
        let (streams, _) = query.parts();
        let sources = streams.iter().map(|stream| stream.source.value.clone());
        check::names(&streams, &mut Vec::new()).into_iter().zip(sources).collect()
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
        let touches = self.span.is_empty() && self.before.ends_with([')', ']', '}', '"']);
        let insert = if is_word && touches { format!(" {insert}") } else { insert.to_owned() };
        let (label, detail, span) = (label.to_owned(), detail.to_owned(), self.span.clone());
        self.found.push(Completion { label, insert, kind, span, detail });
    }
}
