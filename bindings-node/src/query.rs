//! The query tools: text in, JSON out. Spans are bytes of the text, and so is a cursor.

use logbraid_core::encode::checked_json;
use logbraid_core::options::JsonOptions;
use logbraid_core::query;
use napi_derive::napi;
use serde::Serialize;

use crate::{Result, fail, usage};

/// Checks a query: `{diagnostics, plan?}` as JSON.
#[napi(catch_unwind)]
pub fn check(query: String, options_json: String) -> Result<String> {
    let options = JsonOptions::parse(&options_json).map_err(|error| fail(&error))?;
    let dedupe = options.dedupe().map_err(|error| fail(&error))?;
    Ok(checked_json(&checked(&query, &options_json)?, dedupe.as_ref()))
}

/// Draws the diagnostics of a query with carets; empty where there are none.
#[napi(catch_unwind)]
pub fn render(query: String, options_json: String, color: bool) -> Result<String> {
    Ok(query::render(&query, &checked(&query, &options_json)?.diagnostics, color))
}

/// Parses a query: `{ast}` or `{diagnostics}` as JSON.
#[napi(catch_unwind)]
pub fn parse(query: String) -> String {
    either("ast", query::parse(&query))
}

/// The canonical text of a query: `{text}` or `{diagnostics}` as JSON.
#[napi(catch_unwind)]
pub fn format(query: String) -> String {
    either("text", query::format(&query))
}

/// What can stand at a cursor, as a JSON array.
#[napi(catch_unwind)]
pub fn complete(query: String, cursor: u32, vocabulary_json: String) -> Result<String> {
    let vocabulary = serde_json::from_str(&vocabulary_json).map_err(usage)?;
    Ok(json(&query::complete(&query, cursor as usize, &vocabulary)))
}

/// The pieces of a query, as a JSON array.
#[napi(catch_unwind)]
pub fn highlight(query: String) -> String {
    json(&query::highlight(&query))
}

/// What stands at an offset, as a JSON object or `null`.
#[napi(catch_unwind)]
pub fn hover(query: String, offset: u32) -> String {
    json(&query::hover(&query, offset as usize))
}

/// What a query will do under a load: `{explanation}` or `{diagnostics}` as JSON.
#[napi(catch_unwind)]
pub fn explain(query: String, options_json: String, load_json: String) -> Result<String> {
    let load = serde_json::from_str(&load_json).map_err(usage)?;
    Ok(either("explanation", query::explain(&query, &plan_options(&options_json)?, &load)))
}

fn checked(query: &str, options_json: &str) -> Result<query::Checked> {
    Ok(query::check(query, &plan_options(options_json)?))
}

fn plan_options(options_json: &str) -> Result<query::PlanOptions> {
    let options = JsonOptions::parse(options_json).map_err(|error| fail(&error))?;
    options.plan_options().map_err(|error| fail(&error))
}

fn either<T: Serialize>(
    name: &str,
    result: std::result::Result<T, Vec<query::Diagnostic>>,
) -> String {
    let json = match result {
        Ok(value) => serde_json::json!({ name: value }),
        Err(diagnostics) => serde_json::json!({ "diagnostics": diagnostics }),
    };
    json.to_string()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what the query tools say is plain data")
}
