//! The stages after a query: `| where condition`, `| select fields`, `| limit n`.
//!
//! Owns their grammar, what makes sense in them, and what they say of a correlation. Sees
//! correlations through [`Group`] only: does not know joins, keys, time passing or how events are
//! held.
//!
//! # What a condition means
//!
//! - A comparison holds if some choice of events makes it hold: one event for each stream that
//!   `name.label` names in it, however often it names it. `a.x = a.y` is about one event of `a`,
//!   `a.x = b.y` about any pair. Two comparisons choose each for themselves.
//! - It is false of a choice where a label is missing or empty, or is no number (duration) where
//!   one is needed; also under `!=` and `!~`. So it is false where a stream has no event, and
//!   `not (b.x = "1")` is true there.
//! - `every(comparison)` holds if all events of its one stream make the comparison hold, and there
//!   is one at least.
//! - A label is text. Beside a number, or in arithmetic, it is the number it spells in decimal; beside
//!   a duration the duration, such as `250ms` or `1.5s`. Two labels are texts under `=` and `!=`,
//!   numbers under `<`, `<=`, `>` and `>=`.
//! - Arithmetic saturates, as all arithmetic of time here does; a division by zero has no value and
//!   makes the comparison false of that choice. Numbers are 64-bit floating point, times and
//!   durations 64-bit nanoseconds; a duration times or divided by a number is computed in floating
//!   point.
//!
//! # What it costs
//!
//! Linear in the events of the correlation for each comparison, times their logarithm for `=` between
//! two streams: a side of which only the smallest and largest value matter is never spread out. A
//! comparison of several streams for which that cannot be done is refused when it is compiled.
//! Allocates nothing per event.

pub mod ast;
mod compile;
mod display;
mod eval;
mod parse;
mod plan;
mod scalar;
mod scan;
#[cfg(test)]
mod tests;

pub use ast::Stage;
pub use plan::{Filter, PlannedStage, Selection, Stages};

use std::ops::Range;

use crate::id::StreamId;
use crate::query::Diagnostic;
use crate::time::Timestamp;

/// A correlation as the stages see it.
pub trait Group {
    /// An event of the correlation.
    type Event: Copy;

    /// The events of a stream, or of all streams, in event order.
    fn events(&self, stream: Option<StreamId>) -> impl DoubleEndedIterator<Item = Self::Event>;

    /// The event time of `event`.
    fn time(&self, event: Self::Event) -> Timestamp;

    /// A label of `event`, by its place in [`Stages::reads`] of the event's stream; `None` where it
    /// is missing.
    fn label(&self, event: Self::Event, place: usize) -> Option<&str>;

    /// A key label or copied label of the correlation itself; `None` where it has none.
    fn own_label(&self, name: &str) -> Option<&str>;
}

/// What the stages of a query can name.
#[derive(Copy, Clone, Debug)]
pub struct Scope<'q> {
    /// The query text that the spans of the trees count in.
    pub text: &'q str,
    /// The names of the streams, by position.
    pub streams: &'q [&'q str],
    /// The key labels and copied labels of results; `None` where they are known only once events
    /// are, as under `ignoring(...)`.
    pub labels: Option<&'q [&'q str]>,
}

/// Parses one stage, the text after its `|`. Spans have `offset` added, the place of `text` in the
/// query; line and column of diagnostics count from the start of `text`.
///
/// # Errors
/// Everything found wrong, in text order; never empty.
pub fn parse(text: &str, offset: usize) -> Result<Stage, Vec<Diagnostic>> {
    let read = parse::read(text, offset);
    match read.stage {
        Some(stage) if read.diagnostics.is_empty() => Ok(stage),
        _ => Err(read.diagnostics),
    }
}

/// The stages of a query.
#[derive(Debug)]
pub struct Compiled {
    /// Their trees; of a stage with mistakes what makes sense without them, if anything does.
    pub trees: Vec<Stage>,
    /// The stages ready to run, or everything found wrong, in text order.
    pub stages: Result<Stages, Vec<Diagnostic>>,
}

/// Parses and compiles the stages of a query, which stand at `places` of its text, without the `|`.
/// A mistake in one hides none in another, and as few as can be of its own stage.
pub fn compile(places: &[Range<usize>], scope: Scope<'_>) -> Compiled {
    let read = places.iter().map(|at| parse::read(&scope.text[at.clone()], at.start));
    compile::compile(read, scope)
}
