//! The query tools: text in, JSON out. Spans are bytes of the text, and so is a cursor.

use logbraid_core::encode::tools;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

use crate::{Result, fail, read_options, usage};

/// Checks a query: `{diagnostics, plan?}` as JSON.
#[wasm_bindgen]
pub fn check(query: &str, options: JsValue) -> Result<String> {
    tools::check(query, &read_options(options)?).map_err(|error| fail(&error))
}

/// Draws the diagnostics of a query with carets; empty where there are none.
#[wasm_bindgen]
pub fn render(query: &str, options: JsValue, color: bool) -> Result<String> {
    tools::render(query, &read_options(options)?, color).map_err(|error| fail(&error))
}

/// Parses a query: `{ast}` or `{diagnostics}` as JSON.
#[wasm_bindgen]
pub fn parse(query: &str) -> String {
    tools::parse(query)
}

/// The canonical text of a query: `{text}` or `{diagnostics}` as JSON.
#[wasm_bindgen]
pub fn format(query: &str) -> String {
    tools::format(query)
}

/// What can stand at a cursor, as a JSON array.
#[wasm_bindgen]
pub fn complete(query: &str, cursor: usize, vocabulary_json: &str) -> Result<String> {
    let vocabulary = serde_json::from_str(vocabulary_json).map_err(usage)?;
    Ok(tools::complete(query, cursor, &vocabulary))
}

/// The pieces of a query, as a JSON array.
#[wasm_bindgen]
pub fn highlight(query: &str) -> String {
    tools::highlight(query)
}

/// What stands at an offset, as a JSON object or `null`.
#[wasm_bindgen]
pub fn hover(query: &str, offset: usize) -> String {
    tools::hover(query, offset)
}

/// What a query will do under a load: `{explanation}` or `{diagnostics}` as JSON.
#[wasm_bindgen]
pub fn explain(query: &str, options: JsValue, load_json: &str) -> Result<String> {
    let load = serde_json::from_str(load_json).map_err(usage)?;
    tools::explain(query, &read_options(options)?, &load).map_err(|error| fail(&error))
}
