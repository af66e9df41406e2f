//! Labels and values, of the sources that are known.

use std::collections::BTreeSet;

use super::{Completer, CompletionKind, KnownLabel, KnownSource, is, is_label};
use crate::query::lex::{LexemeKind, lexemes};
use crate::query::literal;

/// Those of `sources` that `text` names.
fn named<'c>(sources: &[&'c KnownSource], text: &str) -> Vec<&'c KnownSource> {
    let all = lexemes(text);
    let words = all.iter().filter(|it| it.kind == LexemeKind::Word);
    let words: Vec<&str> = words.map(|it| &text[it.span.clone()]).collect();
    sources.iter().copied().filter(|source| words.contains(&source.name.as_str())).collect()
}

impl<'c> Completer<'c> {
    /// The word of the grouping whose labels the cursor is among.
    pub(super) fn grouping_here(&self) -> Option<&'c str> {
        let mut depth = 0_usize;
        for (at, lexeme) in self.lexemes.iter().enumerate().rev() {
            match &self.before[lexeme.span.clone()] {
                ")" => depth += 1,
                "(" if depth > 0 => depth -= 1,
                "(" => {
                    let word = &self.before[self.lexemes[at.checked_sub(1)?].span.clone()];
                    return is(word, &["group_left", "group_right"]).then_some(word);
                }
                _ => {}
            }
        }
        None
    }

    /// Labels of the side that the grouping `word` copies from, then all others: of the right one, but
    /// for `group_right`. What the right side is made of stands behind the cursor, where it is there
    /// yet.
    pub(super) fn copied_labels(&mut self, word: &str) {
        let all: Vec<_> = self.vocabulary.sources.iter().collect();
        let (before, behind) = (named(&all, self.before), named(&all, self.behind));
        let other: Vec<_> = if is(word, &["group_right"]) {
            before
        } else if behind.is_empty() {
            all.iter().copied().filter(|source| !before.contains(source)).collect()
        } else {
            behind
        };
        let given = self.given();
        self.labels(&other, &given);
        self.labels(&self.sources_here(), &given);
    }

    /// The labels that stand in the clause at the cursor already and cannot stand there twice: none in
    /// a projection, which may compare one several times, and behind the `=` of a key.
    pub(super) fn given(&self) -> BTreeSet<&'c str> {
        let opens = self.before.rfind(['(', '{']).filter(|at| self.before[*at..].starts_with('('));
        let Some(opens) = opens.filter(|_| self.last(1) != "=") else { return BTreeSet::new() };
        let behind = self.behind.split(')').next().unwrap_or_default();
        let keys = self.before[opens + 1..].split(',').chain(behind.split(','));
        keys.map(|key| key.split('=').next().unwrap_or_default().trim()).collect()
    }

    /// The known sources that the query names; all where it names none.
    pub(super) fn sources_here(&self) -> Vec<&'c KnownSource> {
        let all: Vec<_> = self.vocabulary.sources.iter().collect();
        let found = named(&all, &[self.before, self.behind].join(" "));
        if found.is_empty() { all } else { found }
    }

    /// The labels of `sources` but those `given`, those of most of them first.
    pub(super) fn labels(&mut self, sources: &[&'c KnownSource], given: &BTreeSet<&str>) {
        let mut labels: Vec<(&str, usize)> = Vec::new();
        let all = sources.iter().flat_map(|source| &source.labels);
        let is_free = |label: &&KnownLabel| !given.contains(label.name.as_str());
        for label in all.filter(is_free).filter(|label| is_label(&label.name)) {
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
    pub(super) fn values(&mut self, sources: &[&'c KnownSource]) {
        self.values_of(self.last(1), self.last(2), sources);
    }

    /// The values of the label `name` that `op` can compare with.
    pub(super) fn values_of(&mut self, op: &str, name: &str, sources: &[&'c KnownSource]) {
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
}
