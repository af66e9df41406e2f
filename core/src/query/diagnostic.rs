//! What is wrong with a query, where, and what to do about it.

use std::ops::Range;

/// How bad it is.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The query does not run.
    Error,
    /// The query runs; part of it has no effect or not the expected one.
    Warning,
}

/// One finding about a query.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Diagnostic {
    /// A stable code, such as `QUERY_SYNTAX`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what was expected, in a sentence.
    pub message: String,
    /// Where, in bytes of the query text.
    pub span: Range<usize>,
    /// Line of the start, from 1.
    pub line: usize,
    /// Column of the start, in characters, from 1.
    pub column: usize,
    /// A replacement for the span that would mend it, or what to do, where there is one.
    pub suggestion: Option<String>,
}
