//! Prometheus: `query` and `query_range`.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Number;
use serde_json::value::RawValue;

use super::ResponseError;
use super::entries::Entries;
use super::json::{self, Body, Data, Json, Wrapped};
use crate::decode::instant;

const NAME: &str = "__name__";
const VALUE: &str = "__value__";

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "errorType")]
    error_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(Deserialize)]
struct Series<'a> {
    #[serde(borrow)]
    metric: &'a RawValue,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    values: Option<Vec<&'a RawValue>>,
    /// Native histograms have no value to compare: they are reported.
    #[serde(borrow)]
    histogram: Option<&'a RawValue>,
    #[serde(borrow)]
    histograms: Option<Vec<&'a RawValue>>,
}

/// Finds the samples of an answer.
pub(super) fn read(body: &Body<'_>, entries: &mut Entries) -> Result<(), ResponseError> {
    let Answer { status, error_type, error, data } = body.parse(body.text)?;
    let data = Wrapped { status, error_type, error, data }.into_data(body)?;
    let Some(result) = data.result else { return Ok(()) };
    match &*data.result_type {
        "vector" | "matrix" => {
            let all: Vec<Series<'_>> = body.parse(result.get())?;
            for series in all {
                let labels = json::object(series.metric.get()).ok_or_else(|| {
                    let at = body.offset(series.metric.get());
                    body.invalid(Some(at), "expected the labels of a series")
                })?;
                let id = entries.identity.pairs(&labels).take();
                let name = exposition(&labels);
                let many = [series.values, series.histograms].into_iter().flatten().flatten();
                let one = [series.value, series.histogram].into_iter().flatten();
                for raw in one.chain(many) {
                    sample(raw.get(), id, &name, &labels, entries);
                }
            }
        }
        "scalar" | "string" => {
            let id = entries.identity.take();
            sample(result.get(), id, "", &[], entries);
        }
        kind => {
            return Err(body.invalid(
                None,
                format_args!("expected a vector, matrix, scalar or string, and this is a {kind:?}"),
            ));
        }
    }
    Ok(())
}

/// Takes a sample, or what is none.
fn sample(raw: &str, id: u128, name: &str, labels: &[(Json<'_>, Json<'_>)], to: &mut Entries) {
    let values = json::array(raw).unwrap_or_default();
    let time = values.first().and_then(|time| instant::seconds(time));
    let text = values.get(1).and_then(|value| json::string(value));
    let (Some(time), Some(text)) = (time, text) else { return to.no_entry(time, raw) };
    // Not every text that is a number in Prometheus is one in JSON.
    let value = match serde_json::from_str::<Number>(&text) {
        Ok(_) => Json::Raw(&text),
        Err(_) => Json::Text(&text),
    };
    let space = if name.is_empty() { "" } else { " " };
    let message = format!("{name}{space}{text}");
    let labels = labels.iter().copied().chain([(Json::Text(VALUE), value)]);
    to.event(time, id, Json::Text(&message), labels);
}

/// A series as the exposition format writes it: `name{a="b"}`.
fn exposition(labels: &[(Json<'_>, Json<'_>)]) -> String {
    let name = labels.iter().rev().find(|(name, _)| name.text() == NAME);
    let name = name.map(|(_, value)| value.text()).unwrap_or_default();
    let is_plain = is_word(&name, ":");
    let mut text = if is_plain { name.to_string() } else { String::new() };
    let mut parts = Vec::with_capacity(labels.len());
    if !name.is_empty() && !is_plain {
        parts.push(quoted(&name));
    }
    for (name, value) in labels {
        let (name, value) = (name.text(), quoted(&value.text()));
        if name != NAME {
            let name = if is_word(&name, "") { name } else { Cow::Owned(quoted(&name)) };
            parts.push(format!("{name}={value}"));
        }
    }
    if !parts.is_empty() || text.is_empty() {
        let _ = write!(text, "{{{}}}", parts.join(","));
    }
    text
}

/// Whether a name needs no quotes.
fn is_word(name: &str, more: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || more.contains(c);
    name.chars().all(is_part) && name.starts_with(|c: char| !c.is_ascii_digit())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
