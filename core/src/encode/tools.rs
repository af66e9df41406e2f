//! The query tools as hosts of other languages use them: text in, JSON out. Spans are bytes of the text,
//! and so is a cursor.

use serde::Serialize;

use super::checked_json;
use crate::error::Error;
use crate::options::JsonOptions;
use crate::query::{self, Diagnostic, Load, Vocabulary};

/// Checks a query: `{diagnostics, plan?}`, see [`checked_json`].
///
/// # Errors
/// [`Error::Option`] for an option that makes no sense.
pub fn check(query: &str, options: &JsonOptions) -> Result<String, Error> {
    let checked = query::check(query, &options.plan_options()?);
    Ok(checked_json(&checked, options.dedupe()?.as_ref()))
}

/// The diagnostics of a query drawn with carets; empty where there are none.
///
/// # Errors
/// [`Error::Option`] for an option that makes no sense.
pub fn render(query: &str, options: &JsonOptions, color: bool) -> Result<String, Error> {
    let checked = query::check(query, &options.plan_options()?);
    Ok(query::render(query, &checked.diagnostics, color))
}

/// The syntax tree of a query: `{ast}` or `{diagnostics}`.
pub fn parse(query: &str) -> String {
    either("ast", query::parse(query))
}

/// The canonical text of a query: `{text}` or `{diagnostics}`.
pub fn format(query: &str) -> String {
    either("text", query::format(query))
}

/// What can stand at a cursor, as an array.
pub fn complete(query: &str, cursor: usize, vocabulary: &Vocabulary) -> String {
    json(&query::complete(query, cursor, vocabulary))
}

/// The pieces of a query, as an array.
pub fn highlight(query: &str) -> String {
    json(&query::highlight(query))
}

/// What stands at an offset, as an object or `null`.
pub fn hover(query: &str, offset: usize) -> String {
    json(&query::hover(query, offset))
}

/// What a query will do under a load: `{explanation}` or `{diagnostics}`.
///
/// # Errors
/// [`Error::Option`] for an option that makes no sense.
pub fn explain(query: &str, options: &JsonOptions, load: &Load) -> Result<String, Error> {
    Ok(either("explanation", query::explain(query, &options.plan_options()?, load)))
}

#[derive(Serialize)]
struct Refused<'a> {
    diagnostics: &'a [Diagnostic],
}

fn either<T: Serialize>(name: &str, result: Result<T, Vec<Diagnostic>>) -> String {
    match result {
        Ok(value) => json(&std::collections::BTreeMap::from([(name, value)])),
        Err(diagnostics) => json(&Refused { diagnostics: &diagnostics }),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what the query tools say is plain data")
}
