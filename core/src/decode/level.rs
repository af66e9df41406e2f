//! Levels in text: the words that programs print for them, as they print them.

use super::words::Words;

/// Levels that loggers print in capitals.
static LEVELS: Words = Words::new(&[
    "TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "ERR", "FATAL", "PANIC",
    "CRITICAL", "CRIT", "ALERT", "EMERG", "SEVERE",
]);

/// Severities and parts of an error report that `PostgreSQL` prints.
static POSTGRESQL: Words = Words::new(&[
    "LOG",
    "ERROR",
    "STATEMENT",
    "DETAIL",
    "HINT",
    "CONTEXT",
    "WARNING",
    "NOTICE",
    "INFO",
    "FATAL",
    "PANIC",
    "QUERY",
    "LOCATION",
    "DEBUG",
    "DEBUG1",
    "DEBUG2",
    "DEBUG3",
    "DEBUG4",
    "DEBUG5",
]);

/// How far into a line a level is looked for, in words and in bytes.
const NEAR_WORDS: usize = 6;
const NEAR_BYTES: usize = 96;

/// Whether `word` is a level in capitals.
pub(super) fn is_level(word: &str) -> bool {
    LEVELS.contains(word) || POSTGRESQL.contains(word)
}

/// Whether `word` is a level, in any case.
pub(super) fn is_level_ignoring_case(word: &str) -> bool {
    LEVELS.contains_ignoring_case(word)
}

/// Whether `word` is a severity of `PostgreSQL`.
pub(super) fn is_postgresql(word: &str) -> bool {
    POSTGRESQL.contains(word)
}

/// The level near the start of `text`: a word of its own in capitals, or in brackets in any case.
pub(super) fn near_start(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    let mut at = 0;
    for _ in 0..NEAR_WORDS {
        at += bytes[at..].iter().take(NEAR_BYTES).take_while(|&&byte| !in_word(byte)).count();
        let length = bytes[at..].iter().take_while(|&&byte| in_word(byte)).count();
        if length == 0 || at + length > NEAR_BYTES {
            return None;
        }
        let word = &text[at..at + length];
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let after = bytes.get(at + length).copied();
        let bracketed = before == Some(b'[') && after == Some(b']');
        let joined = |side: Option<u8>| side.is_some_and(|byte| b"-./=@".contains(&byte));
        let apart = !joined(before) && !joined(after);
        if apart && LEVELS.contains(word) || bracketed && is_level_ignoring_case(word) {
            return Some(word);
        }
        at += length;
    }
    None
}
