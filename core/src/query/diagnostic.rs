//! What is wrong with a query, where, and what to do about it.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// How bad it is.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The query does not run.
    Error,
    /// The query runs; part of it has no effect or not the expected one.
    Warning,
}

/// The stable codes of diagnostics.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, serde::Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The text is not a query.
    QuerySyntax,
    /// The text is longer than `limits::MAX_QUERY_BYTES`, nested deeper than
    /// `limits::MAX_QUERY_DEPTH`, or has more streams than `limits::MAX_STREAMS`.
    QueryTooLarge,
    /// A word of the language that this version does not run.
    QueryUnsupported,
    /// No such operator.
    QueryUnknownOperator,
    /// A query needs a join.
    QueryNoJoin,
    /// A join needs `on(...)` with a label.
    QueryNoKey,
    /// A clause, or a key in it, is given twice.
    QueryDuplicate,
    /// Two streams have one name.
    QueryDuplicateName,
    /// A duration that cannot be read.
    QueryDuration,
    /// Bounds that no two events can satisfy.
    QueryImpossible,
    /// `within` is wider than the ranges allow; the ranges hold.
    QueryWithinTooWide,
    /// A text that cannot be read.
    QueryText,
    /// A regular expression that does not compile.
    QueryRegex,
    /// A selector that the engine does not understand.
    QuerySelector,
}

impl Code {
    /// The code as text, such as `QUERY_SYNTAX`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QuerySyntax => "QUERY_SYNTAX",
            Self::QueryTooLarge => "QUERY_TOO_LARGE",
            Self::QueryUnsupported => "QUERY_UNSUPPORTED",
            Self::QueryUnknownOperator => "QUERY_UNKNOWN_OPERATOR",
            Self::QueryNoJoin => "QUERY_NO_JOIN",
            Self::QueryNoKey => "QUERY_NO_KEY",
            Self::QueryDuplicate => "QUERY_DUPLICATE",
            Self::QueryDuplicateName => "QUERY_DUPLICATE_NAME",
            Self::QueryDuration => "QUERY_DURATION",
            Self::QueryImpossible => "QUERY_IMPOSSIBLE",
            Self::QueryWithinTooWide => "QUERY_WITHIN_TOO_WIDE",
            Self::QueryText => "QUERY_TEXT",
            Self::QueryRegex => "QUERY_REGEX",
            Self::QuerySelector => "QUERY_SELECTOR",
        }
    }
}

/// One finding about a query.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what was expected, in a sentence.
    pub message: String,
    /// Where, in bytes of the query text.
    pub span: Range<usize>,
    /// Line of the start, from 1; set by [`locate`].
    pub line: usize,
    /// Column of the start, in characters, from 1; set by [`locate`].
    pub column: usize,
    /// What to write in place of the span, where that is known.
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// An error without a suggestion.
    pub(crate) fn error(code: Code, span: Range<usize>, message: impl Into<String>) -> Self {
        let (severity, message) = (Severity::Error, message.into());
        Self { code, severity, message, span, line: 0, column: 0, suggestion: None }
    }

    /// A warning without a suggestion.
    pub(crate) fn warning(code: Code, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// The same with a suggestion.
    pub(crate) fn suggest(self, suggestion: Option<impl Into<String>>) -> Self {
        Self { suggestion: suggestion.map(Into::into), ..self }
    }
}

/// Puts diagnostics into text order and fills in lines and columns.
pub(crate) fn locate(text: &str, diagnostics: &mut [Diagnostic]) {
    for diagnostic in diagnostics.iter_mut() {
        let clamp = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        diagnostic.span = clamp(diagnostic.span.start)..clamp(diagnostic.span.end);
        let before = &text[..diagnostic.span.start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        diagnostic.line = before.matches('\n').count() + 1;
        diagnostic.column = before[line_start..].chars().count() + 1;
    }
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
}

/// Draws diagnostics over the query text, with carets; empty where there are none. `color` uses
/// terminal escapes.
pub fn render(text: &str, diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    // Control characters of the text would reach the terminal.
    let shown: String = text.chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect();
    let same_length = shown.len() == text.len();
    let shown = if same_length { shown.as_str() } else { text };
    let mut drawn = String::new();
    for diagnostic in diagnostics {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let kind = AnnotationKind::Primary.span(diagnostic.span.clone());
        let snippet = Snippet::source(shown).annotation(kind);
        let title = level.primary_title(&diagnostic.message).id(diagnostic.code.as_str());
        let mut group = title.element(snippet);
        if let Some(suggestion) = &diagnostic.suggestion {
            group = group.element(Level::HELP.message(format!("write `{suggestion}`")));
        }
        drawn.push_str(&renderer.render(&[group]));
        drawn.push('\n');
    }
    drawn
}

fn is_harmful(character: char) -> bool {
    character.is_ascii_control() && character != '\n' && character != '\t'
}
