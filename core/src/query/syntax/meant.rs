//! What words and signs of other languages, and misspelt ones, stand for.

use crate::query::ast::Policy;
use crate::query::diagnostic::Diagnostic;

/// The diagnostic of a parser that gave up in or right behind the first character of a comparison as
/// other languages spell it.
pub(crate) fn comparison(text: &str, at: usize, code: &'static str) -> Option<Diagnostic> {
    let at = at - usize::from(text[..at].ends_with('='));
    let found = text.get(at..at + 2)?;
    let meant = match found {
        "==" => "=",
        "=>" => ">=",
        "=<" => "<=",
        _ => return None,
    };
    let more = text[at + 2..].bytes().take_while(|byte| *byte == b'=').count();
    let found = &text[at..at + 2 + more];
    let message = format!("`{}` is no operator here", super::shown(found));
    let diagnostic = Diagnostic::error(code, at..at + found.len(), message);
    Some(diagnostic.suggesting(format!("write `{meant}`")))
}

/// The operator that `word` stands for.
pub(in crate::query) fn operator_meant(word: &str) -> Option<&'static str> {
    match word {
        "&&" | "&" | "," | "join" | "inner" | "with" => Some("and"),
        "||" | "left" => Some("or"),
        "full" => Some("outer"),
        "->" | "=>" | "before" | "followed" | "followed_by" | "next" | "sequence" => Some("then"),
        "not" | "except" | "minus" | "without" => Some("unless"),
        word => nearest(word, &["and", "or", "unless", "outer", "then", "then not"]),
    }
}

/// The policy that `word` stands for.
pub(in crate::query) fn policy_meant(word: &str) -> Option<&'static str> {
    match word {
        "all" | "each" | "every" | "cross" => Some("pairs"),
        "earliest" | "oldest" | "one" => Some("first"),
        "last" | "newest" => Some("latest"),
        "group" | "connected" | "component" => Some("session"),
        word => nearest(word, &Policy::ALL.map(Policy::as_str)),
    }
}

/// Whether other languages have a stage of this name, such as `sort`.
pub(super) fn looks_like_stage(word: &str) -> bool {
    const STAGES: [&str; 20] = [
        "dedup", "distinct", "eval", "fields", "filter", "group", "having", "head", "if", "keep",
        "order", "project", "rename", "sort", "stats", "table", "tail", "take", "top", "when",
    ];
    STAGES.contains(&word)
}

/// The candidate that `word` is a misspelling of.
pub(crate) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    // A hostile name may be long, and the distance is quadratic.
    let word = word.get(..word.len().min(32))?.to_lowercase();
    let allowed = |candidate: &str| 1 + usize::from(candidate.len() > 3);
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= allowed(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

/// `word`, which stands where a quoted text should, in quotes.
pub(crate) fn unquoted(word: &str) -> Option<String> {
    let is_word = word.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    is_word.then(|| format!("texts are quoted: write `\"{}\"`", super::shown(word)))
}

/// What to do about `mark` where it is a quote of a word processor, and a text is `expected`.
pub(crate) fn straight_quotes(mark: &str, expected: &[&str]) -> Option<&'static str> {
    let takes_text =
        |words: &&str| words.starts_with("a quoted text") || words.starts_with("a value");
    let is_quote = matches!(mark, "“" | "”" | "„" | "‘" | "’" | "«" | "»");
    let suggestion = "texts stand in straight quotes: `\"...\"`";
    (is_quote && expected.iter().any(takes_text)).then_some(suggestion)
}
