//! The query tools: text in, JSON out. Spans are bytes of the text, and so is a cursor.

use logbraid_core::encode::tools;
use logbraid_core::options::JsonOptions;
use napi_derive::napi;

use crate::{Result, fail, usage};

/// Checks a query: `{diagnostics, plan?}` as JSON.
#[napi(catch_unwind)]
pub fn check(query: String, options_json: String) -> Result<String> {
    tools::check(&query, &options(&options_json)?).map_err(|error| fail(&error))
}

/// Draws the diagnostics of a query with carets; empty where there are none.
#[napi(catch_unwind)]
pub fn render(query: String, options_json: String, color: bool) -> Result<String> {
    tools::render(&query, &options(&options_json)?, color).map_err(|error| fail(&error))
}

/// Parses a query: `{ast}` or `{diagnostics}` as JSON.
#[napi(catch_unwind)]
pub fn parse(query: String) -> String {
    tools::parse(&query)
}

/// The canonical text of a query: `{text}` or `{diagnostics}` as JSON.
#[napi(catch_unwind)]
pub fn format(query: String) -> String {
    tools::format(&query)
}

/// What can stand at a cursor, as a JSON array.
#[napi(catch_unwind)]
pub fn complete(query: String, cursor: u32, vocabulary_json: String) -> Result<String> {
    let vocabulary = serde_json::from_str(&vocabulary_json).map_err(usage)?;
    Ok(tools::complete(&query, cursor as usize, &vocabulary))
}

/// The pieces of a query, as a JSON array.
#[napi(catch_unwind)]
pub fn highlight(query: String) -> String {
    tools::highlight(&query)
}

/// What stands at an offset, as a JSON object or `null`.
#[napi(catch_unwind)]
pub fn hover(query: String, offset: u32) -> String {
    tools::hover(&query, offset as usize)
}

/// What a query will do under a load: `{explanation}` or `{diagnostics}` as JSON.
#[napi(catch_unwind)]
pub fn explain(query: String, options_json: String, load_json: String) -> Result<String> {
    let load = serde_json::from_str(&load_json).map_err(usage)?;
    tools::explain(&query, &options(&options_json)?, &load).map_err(|error| fail(&error))
}

fn options(json: &str) -> Result<JsonOptions> {
    JsonOptions::parse(json).map_err(|error| fail(&error))
}
