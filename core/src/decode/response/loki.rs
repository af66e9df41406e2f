//! Loki: `query_range` and the frames of `tail`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ResponseError;
use super::entries::Entries;
use super::json::{self, Body, Data, Json, Wrapped};
use crate::time::Timestamp;

const METADATA: &str = "structuredMetadata";
const PARSED: &str = "parsed";

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
    #[serde(borrow)]
    streams: Option<Vec<Stream<'a>>>,
    #[serde(borrow)]
    dropped_entries: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Stream<'a> {
    #[serde(borrow)]
    stream: &'a RawValue,
    #[serde(borrow)]
    values: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Dropped<'a> {
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
}

type Labels<'a> = Vec<(Json<'a>, Json<'a>)>;

/// Finds the entries of an answer.
pub(super) fn read(body: &Body<'_>, entries: &mut Entries) -> Result<(), ResponseError> {
    let answer: Answer<'_> = body.parse(body.text)?;
    let Answer { status, error_type, error, data, streams, dropped_entries } = answer;
    let streams = if streams.is_some() || dropped_entries.is_some() {
        streams.unwrap_or_default()
    } else {
        result(body, Wrapped { status, error_type, error, data }.into_data(body)?)?
    };
    for Stream { stream, values } in streams {
        let labels = json::object(stream.get()).ok_or_else(|| {
            body.invalid(Some(body.offset(stream.get())), "expected the labels of a stream")
        })?;
        let stream = entries.identity.pairs(&labels).take();
        for value in values {
            if let Err(time) = entry(value.get(), stream, &labels, entries) {
                entries.no_entry(time, value.get());
            }
        }
    }
    for dropped in dropped_entries.unwrap_or_default() {
        let time = serde_json::from_str(dropped.get()).ok();
        let time = time.and_then(|Dropped { timestamp }| nanos(timestamp?.get()));
        entries.dropped.push(time);
    }
    Ok(())
}

fn result<'a>(body: &Body<'a>, data: Data<'a>) -> Result<Vec<Stream<'a>>, ResponseError> {
    if data.result_type != "streams" {
        let kind = data.result_type;
        return Err(body.invalid(
            None,
            format_args!("expected streams, as a log query has them, and this is a {kind:?}"),
        ));
    }
    let Some(result) = data.result else { return Ok(Vec::new()) };
    body.parse(result.get())
}

/// Takes an entry. What is none may still have a time.
fn entry(
    raw: &str,
    stream: u128,
    labels: &Labels<'_>,
    to: &mut Entries,
) -> Result<(), Option<Timestamp>> {
    let values = json::array(raw).unwrap_or_default();
    let time = values.first().and_then(|time| nanos(time)).ok_or(None)?;
    let line = *values.get(1).ok_or(Some(time))?;
    let text = json::string(line).ok_or(Some(time))?;
    let more = match values.get(2) {
        None | Some(&"null") => Vec::new(),
        Some(metadata) => more_labels(metadata).ok_or(Some(time))?,
    };
    let id = to.identity.id(stream).text(&text).take();
    to.event(time, id, Json::Raw(line), labels.iter().copied().chain(more));
    Ok(())
}

/// The labels of an entry that its stream does not have: by what they are, or as they are.
fn more_labels(raw: &str) -> Option<Labels<'_>> {
    let fields = json::object(raw)?;
    let kinds = fields.iter().filter_map(|(name, value)| match (&*name.text(), value) {
        (METADATA | PARSED, Json::Raw(raw)) => json::object(raw),
        _ => None,
    });
    let kinds: Vec<Labels<'_>> = kinds.collect();
    Some(if kinds.is_empty() { fields } else { kinds.concat() })
}

/// A time as Loki writes it: nanoseconds since the epoch, as text.
fn nanos(raw: &str) -> Option<Timestamp> {
    json::string(raw)?.parse().ok().map(Timestamp::from_nanos)
}
