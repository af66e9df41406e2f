//! What is wrong with a query, where, and what to do about it.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use super::literal;

/// The stable codes of [`Diagnostic::code`].
pub mod code {
    /// The text is longer than [`crate::limits::MAX_QUERY_BYTES`].
    pub const QUERY_TOO_LONG: &str = "QUERY_TOO_LONG";
    /// Parentheses nest deeper than [`crate::limits::MAX_QUERY_DEPTH`].
    pub const QUERY_TOO_DEEP: &str = "QUERY_TOO_DEEP";
    /// A quote or parenthesis has no partner.
    pub const QUERY_UNBALANCED: &str = "QUERY_UNBALANCED";
    /// Something else was expected here.
    pub const QUERY_SYNTAX: &str = "QUERY_SYNTAX";
    /// A word stands where an operator is expected, and is none.
    pub const QUERY_UNKNOWN_OPERATOR: &str = "QUERY_UNKNOWN_OPERATOR";
    /// A clause, a range, an alias, a key or a projection is given twice.
    pub const QUERY_DUPLICATE: &str = "QUERY_DUPLICATE";
    /// Two streams have one name.
    pub const QUERY_DUPLICATE_STREAM: &str = "QUERY_DUPLICATE_STREAM";
    /// The query joins nothing.
    pub const QUERY_NO_JOIN: &str = "QUERY_NO_JOIN";
    /// A stream stands beside the query without an operator.
    pub const QUERY_NOT_JOINED: &str = "QUERY_NOT_JOINED";
    /// A join names no label to join on.
    pub const QUERY_NO_KEYS: &str = "QUERY_NO_KEYS";
    /// `pick` names a policy that does not exist or does not fit the operator, or stands beside a
    /// group.
    pub const QUERY_POLICY: &str = "QUERY_POLICY";
    /// A clause that has no effect; a warning.
    pub const QUERY_NO_EFFECT: &str = "QUERY_NO_EFFECT";
    /// A join that the selectors let nothing match: they leave no value of the key that both sides
    /// have; a warning.
    pub const QUERY_KEY_MISMATCH: &str = "QUERY_KEY_MISMATCH";
    /// Matchers of which no event satisfies all; a warning.
    pub const QUERY_CONTRADICTION: &str = "QUERY_CONTRADICTION";
    /// A regular expression that only its own text matches, since regexes of labels are anchored; a
    /// warning.
    pub const QUERY_UNANCHORED: &str = "QUERY_UNANCHORED";
    /// More streams than [`crate::limits::MAX_STREAMS`].
    pub const QUERY_TOO_MANY_STREAMS: &str = "QUERY_TOO_MANY_STREAMS";
    /// A duration is malformed, negative where that makes no sense, or too long.
    pub const QUERY_DURATION: &str = "QUERY_DURATION";
    /// A duration has a unit that does not exist.
    pub const QUERY_UNKNOWN_UNIT: &str = "QUERY_UNKNOWN_UNIT";
    /// The bounds of `within` are the wrong way round, or the ranges leave nothing of them.
    pub const QUERY_BOUNDS: &str = "QUERY_BOUNDS";
    /// `within` allows more than the ranges do; a warning.
    pub const QUERY_WITHIN_TOO_WIDE: &str = "QUERY_WITHIN_TOO_WIDE";
    /// A quoted text has an escape that does not exist.
    pub const QUERY_ESCAPE: &str = "QUERY_ESCAPE";
    /// A regular expression does not compile.
    pub const QUERY_REGEX: &str = "QUERY_REGEX";
    /// A selector that the engine applies is not understood.
    pub const SELECTOR_SYNTAX: &str = "SELECTOR_SYNTAX";
    /// A stage of `LogQL` that the engine does not run.
    pub const SELECTOR_UNSUPPORTED: &str = "SELECTOR_UNSUPPORTED";
    /// A comparison that makes no sense, such as `>` with a text.
    pub const SELECTOR_COMPARISON: &str = "SELECTOR_COMPARISON";
    /// A `pattern` or `regexp` that captures nothing, or nothing that could be told apart.
    pub const SELECTOR_CAPTURE: &str = "SELECTOR_CAPTURE";
    /// A stage that does not exist.
    pub const STAGE_UNKNOWN: &str = "STAGE_UNKNOWN";
    /// A stage names a stream that the query does not have.
    pub const STAGE_STREAM: &str = "STAGE_STREAM";
    /// `select` names a label that results do not have.
    pub const STAGE_LABEL: &str = "STAGE_LABEL";
    /// A comparison or arithmetic on values that do not go together, such as a time and a number.
    pub const STAGE_TYPE: &str = "STAGE_TYPE";
    /// A text compared with a time is none.
    pub const STAGE_TIME: &str = "STAGE_TIME";
    /// `every` is about no stream, about several, or not about one comparison.
    pub const STAGE_EVERY: &str = "STAGE_EVERY";
    /// A comparison of several streams that only trying every combination of events could answer.
    pub const STAGE_COMBINATIONS: &str = "STAGE_COMBINATIONS";
    /// The number of `limit` is none.
    pub const STAGE_LIMIT: &str = "STAGE_LIMIT";
}

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
    /// A stable code, one of [`code`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what was expected.
    pub message: String,
    /// Where, in bytes of the query text.
    pub span: Range<usize>,
    /// Line of the start, from 1.
    pub line: usize,
    /// Column of the start, in characters, from 1.
    pub column: usize,
    /// What to do about it, where that is known: one clause, for a person.
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// An error; [`Self::locate`] fills in line and column.
    pub(crate) fn error(
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        let (message, severity) = (message.into(), Severity::Error);
        Self { code, severity, message, span, line: 1, column: 1, suggestion: None }
    }

    /// A warning; [`Self::locate`] fills in line and column.
    pub(crate) fn warning(
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Says what to do about it.
    pub(crate) fn suggest(&mut self, suggestion: impl Into<String>) {
        self.suggestion = Some(suggestion.into());
    }

    /// As [`Self::suggest`].
    #[must_use]
    pub(crate) fn suggesting(mut self, suggestion: impl Into<String>) -> Self {
        self.suggest(suggestion);
        self
    }

    /// Fills in line and column of `text`, which `span` is about.
    pub(crate) fn locate(&mut self, text: &str) {
        let before = &text[..text.floor_char_boundary(self.span.start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.line = before.matches('\n').count() + 1;
        self.column = before[line_start..].chars().count() + 1;
    }
}

/// Most diagnostics that are drawn: each costs time in the length of the text, and nobody reads more.
const MAX_DRAWN: usize = 100;

/// Draws diagnostics with the lines they are about and carets below, the way rustc does; a blank
/// line between two. `text` is the query text they were made from; `color` adds ANSI colours. A sign
/// stands for each character that a terminal would obey or not show, such as `␛` or `�`.
/// Empty without diagnostics; ends without a line ending. Of more than 100 diagnostics the first 100
/// are drawn, and how many are not.
pub fn render(text: &str, diagnostics: &[Diagnostic], color: bool) -> String {
    let drawn_text = visible(text);
    // Where a place of `text` is in what is drawn.
    let drawn_at = |at: usize| match &drawn_text {
        Cow::Borrowed(_) => at,
        Cow::Owned(_) => {
            signs(text).take_while(|(from, _)| *from < at).map(|(_, c)| c.len_utf8()).sum()
        }
    };
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let drawn = diagnostics.iter().take(MAX_DRAWN).map(|diagnostic| {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let start = text.floor_char_boundary(diagnostic.span.start);
        let end = text.ceil_char_boundary(diagnostic.span.end).max(start);
        let annotation = AnnotationKind::Primary.span(drawn_at(start)..drawn_at(end));
        let mut group = level
            .primary_title(visible(&diagnostic.message))
            .id(diagnostic.code)
            .element(Snippet::source(drawn_text.as_ref()).path("query").annotation(annotation));
        if let Some(suggestion) = &diagnostic.suggestion {
            group = group.element(Level::HELP.message(visible(suggestion)));
        }
        renderer.render(&[group])
    });
    let mut drawn: Vec<_> = drawn.collect();
    if let Some(more) = diagnostics.len().checked_sub(MAX_DRAWN).filter(|more| *more > 0) {
        drawn.push(format!("and {more} more"));
    }
    drawn.join("\n\n")
}

/// `text` with a sign in place of each hidden character.
fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().any(literal::is_hidden) {
        signs(text).map(|(_, sign)| sign).collect()
    } else {
        Cow::Borrowed(text)
    }
}

/// What is drawn for each character of `text`, one column for each hidden one; tabs and the ends of
/// lines are left to the renderer.
fn signs(text: &str) -> impl Iterator<Item = (usize, char)> {
    text.char_indices().map(|(at, c)| {
        let sign = match c {
            '\t' | '\n' => c,
            '\r' if text[at + 1..].starts_with('\n') => c,
            '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('�'),
            '\u{7f}' => '␡',
            c if literal::is_hidden(c) => '�',
            c => c,
        };
        (at, sign)
    })
}
