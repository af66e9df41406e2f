//! From query text to a [`Plan`].
//!
//! `grammar.pest` and `parse` know the syntax, `ast` its shape, `check` what makes sense, `lint` what
//! is hardly meant, `diagnostic` how a mistake is told, and [`builder`] makes queries without text. On the same ground stand the tools of an
//! editor: [`format`](format()), [`highlight`](highlight()), [`hover`](hover()),
//! [`complete`](complete()) and [`explain`](explain()). Nothing past this folder sees text. Costs time
//! linear in the text, and stack for [`crate::limits::MAX_QUERY_DEPTH`] levels at most.

mod ast;
pub mod builder;
mod check;
mod complete;
mod diagnostic;
#[cfg(test)]
mod diagnostic_tests;
pub(crate) mod duration;
#[cfg(test)]
mod editor_tests;
mod explain;
#[cfg(test)]
mod explain_tests;
mod format;
#[cfg(test)]
mod format_tests;
#[cfg(test)]
mod habit_tests;
#[cfg(test)]
mod hidden_tests;
mod highlight;
mod hover;
#[cfg(test)]
mod join_tests;
mod lex;
mod lint;
#[cfg(test)]
mod lint_tests;
pub(crate) mod literal;
mod parse;
pub(crate) mod scan;
pub(crate) mod syntax;
#[cfg(test)]
mod syntax_tests;
#[cfg(test)]
mod tests;

pub use ast::{
    Expr, Grouping, Ignoring, Join, Key, LabelMatcher, Picked, Policy, Query, Side, Spanned,
    Stream, Within,
};
pub use builder::QueryBuilder;
pub use complete::{Completion, CompletionKind, KnownLabel, KnownSource, Vocabulary, complete};
pub use diagnostic::{Diagnostic, Severity, code, render};
pub use duration::Duration;
pub use explain::{Complexity, Explanation, JoinNode, Load, Node, ReadSource, StreamNode, explain};
pub use format::format;
pub use highlight::{Token, TokenKind, highlight};
pub use hover::{Hover, hover};

use std::collections::BTreeSet;

use crate::plan::Plan;
use crate::time::Span;

/// What the host decides about a query, apart from its text.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// The range of a stream that gives none (`defaultTimeWindow`).
    pub default_range: Span,
    /// The names of the sources that apply selectors themselves, so that the selector is passed to
    /// them unchanged. All others are selected by the engine.
    pub selecting_sources: BTreeSet<String>,
    /// Whether `or` means `outer`, as the log-correlator option `joinType: 'outer'` has it.
    pub or_is_outer: bool,
}

impl Default for PlanOptions {
    /// Five minutes; the engine selects.
    fn default() -> Self {
        Self {
            default_range: Span::from_millis(300_000),
            selecting_sources: BTreeSet::new(),
            or_is_outer: false,
        }
    }
}

/// The outcome of checking a query: everything found, and the plan if nothing was an error.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The plan; `None` exactly when a diagnostic is an error.
    pub plan: Option<Plan>,
    /// All diagnostics, in text order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses `text`, without asking whether it makes sense (a query of one stream parses).
///
/// # Errors
/// Everything found wrong, in text order; never empty.
pub fn parse(text: &str) -> Result<Query, Vec<Diagnostic>> {
    let read = parse::read(text);
    match read.query.filter(|_| read.diagnostics.is_empty()) {
        Some(query) => Ok(query),
        None => Err(in_text_order(text, read.diagnostics)),
    }
}

/// Parses and checks `text`.
pub fn check(text: &str, options: &PlanOptions) -> Checked {
    let parse::Read { query, mut diagnostics, is_whole } = parse::read(text);
    let mut plan = query.map(|mut query| {
        if options.or_is_outer {
            query.expr.make_or_outer();
        }
        check::plan(&query, text, is_whole, options, &mut diagnostics)
    });
    if diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        plan = None;
    }
    Checked { plan, diagnostics: in_text_order(text, diagnostics) }
}

/// `diagnostics` in text order, with line and column of `text`, which their spans are about.
pub(crate) fn in_text_order(text: &str, mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
    let (mut line, mut column, mut done) = (1, 1, 0);
    for diagnostic in &mut diagnostics {
        let start = text.floor_char_boundary(diagnostic.span.start);
        for c in text[done..start].chars() {
            (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        done = start;
        (diagnostic.line, diagnostic.column) = (line, column);
    }
    diagnostics
}
