//! From query text to a [`Plan`].
//!
//! `grammar.pest` and `parse` know the syntax, `ast` its shape, `check` what makes sense,
//! `diagnostic` how a mistake is told. Nothing past this folder sees text.

pub mod ast;
mod check;
mod diagnostic;
mod duration;
mod parse;
mod suggest;
pub(crate) mod text;

pub use diagnostic::{Code, Diagnostic, Severity, render};

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
}

impl Default for PlanOptions {
    /// Five minutes; the engine selects.
    fn default() -> Self {
        Self { default_range: Span::from_millis(300_000), selecting_sources: BTreeSet::new() }
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

/// Parses `text` without asking whether it makes sense.
///
/// # Errors
/// What is wrong with its syntax.
pub fn parse(text: &str) -> Result<ast::Query, Vec<Diagnostic>> {
    parse::parse(text).map_err(|mut diagnostics| {
        diagnostic::locate(text, &mut diagnostics);
        diagnostics
    })
}

/// Parses and checks `text`.
///
/// ```
/// use logbraid_core::query::{PlanOptions, check};
///
/// let query = "edge({})[5m] and on(request_id) within(30s) app({level=\"error\"})[5m]";
/// let plan = check(query, &PlanOptions::default()).plan.unwrap();
/// assert_eq!(plan.streams[1].name, "app");
///
/// let checked = check("edge({})[5m] adn on(request_id) app({})[5m]", &PlanOptions::default());
/// assert!(checked.plan.is_none());
/// assert_eq!(checked.diagnostics[0].suggestion.as_deref(), Some("and"));
/// ```
pub fn check(text: &str, options: &PlanOptions) -> Checked {
    let (plan, mut diagnostics) = match parse::parse(text) {
        Ok(query) => check::check(&query, options),
        Err(diagnostics) => (None, diagnostics),
    };
    diagnostic::locate(text, &mut diagnostics);
    Checked { plan, diagnostics }
}
