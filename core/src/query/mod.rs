//! From query text to a [`Plan`].
//!
//! `grammar.pest` and `parse` know the syntax, `ast` its shape, `check` what makes sense,
//! `diagnostic` how a mistake is told. Nothing past this folder sees text.

mod diagnostic;

pub use diagnostic::{Diagnostic, Severity};

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

/// Parses and checks `text`.
pub fn check(_text: &str, _options: &PlanOptions) -> Checked {
    unimplemented!("written next")
}
