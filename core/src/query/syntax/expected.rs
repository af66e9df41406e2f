//! What a parser would have taken, in words.

use pest::RuleType;
use pest::error::{Error, ErrorVariant};

use super::{ALIAS, KEYS, RANGE, STREAM, last_word};
use crate::query::scan;

/// What a parser would have taken, in words, each once; rules without words are left out.
pub(crate) fn expected<R: RuleType>(
    error: &Error<R>,
    words: impl Fn(&R) -> Option<&'static str>,
) -> Vec<&'static str> {
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else { return Vec::new() };
    let mut expected: Vec<_> = positives.iter().filter_map(words).collect();
    let mut seen = std::collections::BTreeSet::new();
    expected.retain(|words| seen.insert(*words));
    // What could have gone on is more useful than that it could have ended.
    expected.sort_by_key(|words| words.starts_with("the end"));
    expected
}

/// `expected a, b or c, found d`.
pub(crate) fn sentence(expected: &[&str], found: &str) -> String {
    match expected {
        [] => format!("unexpected {found}"),
        [one] => format!("expected {one}, found {found}"),
        [most @ .., last] => format!("expected {} or {last}, found {found}", most.join(", ")),
    }
}

/// Takes out of `expected` what the grammar would take at `at`, but what stands there already, and what
/// something else in it says better.
pub(super) fn without_given(text: &str, at: usize, expected: &mut Vec<&'static str>) {
    let before = text[..at].trim_end();
    let word = last_word(before).unwrap_or_default();
    let is_named = last_word(before[..before.len() - word.len()].trim_end())
        .is_some_and(|word| word.eq_ignore_ascii_case("as"));
    expected.retain(|words| match *words {
        RANGE => !is_named && !before.ends_with(']'),
        ALIAS => !is_named,
        _ => true,
    });
    if expected.contains(&STREAM) {
        expected.retain(|words| *words != "a name");
    }
    if !scan::is_operator_word(word) {
        for words in expected.iter_mut().filter(|words| **words == KEYS) {
            *words = "a clause such as `within(30s)`";
        }
    }
}
