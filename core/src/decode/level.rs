//! Levels in text: the words that programs print for them.

/// Levels as they are printed in capitals, and `PostgreSQL`'s.
const LEVELS: &[&str] = &[
    "TRACE",
    "DEBUG",
    "INFO",
    "NOTICE",
    "WARN",
    "WARNING",
    "ERROR",
    "ERR",
    "FATAL",
    "PANIC",
    "CRITICAL",
    "CRIT",
    "ALERT",
    "EMERG",
    "SEVERE",
    "LOG",
    "DETAIL",
    "HINT",
    "CONTEXT",
    "STATEMENT",
    "QUERY",
    "LOCATION",
    "DEBUG1",
    "DEBUG2",
    "DEBUG3",
    "DEBUG4",
    "DEBUG5",
];

/// Whether `word` is a level in capitals.
pub(super) fn is_level(word: &str) -> bool {
    LEVELS.contains(&word)
}
