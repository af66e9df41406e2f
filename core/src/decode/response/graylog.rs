//! Graylog: the legacy search, the scripting API, and exports of messages as CSV.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ResponseError;
use super::entries::Entries;
use super::json::{self, Body, Json};
use crate::decode::instant;
use crate::decode::zone::Zone;
use crate::time::Timestamp;

const MESSAGE: &str = "message";
const TIMESTAMP: &str = "timestamp";
/// What names a message; the earlier one wins.
const IDS: [&str; 2] = ["_id", "gl2_message_id"];
/// What the scripting API writes for a missing value.
const MISSING: &str = "-";

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    messages: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    schema: Option<Vec<Column<'a>>>,
    #[serde(borrow)]
    datarows: Option<Vec<&'a RawValue>>,
    /// Of an error.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Column<'a> {
    #[serde(borrow)]
    field: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

impl Column<'_> {
    /// The field that is in it.
    fn field(&self) -> &str {
        match (&self.field, &self.name) {
            (Some(field), _) => field,
            (None, Some(name)) => name.strip_prefix("field: ").unwrap_or(name),
            (None, None) => "",
        }
    }
}

type Fields<'a> = Vec<(Json<'a>, Json<'a>)>;

/// Finds the messages of an answer that is JSON.
pub(super) fn read_json(body: &Body<'_>, entries: &mut Entries) -> Result<(), ResponseError> {
    let zone = utc();
    match body.parse(body.text)? {
        Answer { messages: Some(messages), .. } => {
            for raw in messages {
                let fields = legacy(raw.get()).ok_or(None);
                if let Err(time) = fields.and_then(|fields| take(&fields, &zone, entries)) {
                    entries.no_entry(time, raw.get());
                }
            }
            Ok(())
        }
        Answer { schema: Some(schema), datarows: Some(rows), .. } => {
            for raw in rows {
                let fields = row(raw.get(), &schema).ok_or(None);
                if let Err(time) = fields.and_then(|fields| take(&fields, &zone, entries)) {
                    entries.no_entry(time, raw.get());
                }
            }
            Ok(())
        }
        Answer { message, .. } => match message.and_then(|message| json::string(message.get())) {
            Some(error) => Err(body.invalid(None, format_args!("it tells of an error: {error}"))),
            None => Err(body.invalid(None, "expected `messages`, or `schema` and `datarows`")),
        },
    }
}

/// Finds the messages of an answer that is CSV.
pub(super) fn read_csv(body: &Body<'_>, entries: &mut Entries) -> Result<(), ResponseError> {
    // Without any message there is not even a header.
    if body.text.trim().is_empty() {
        return Ok(());
    }
    let zone = utc();
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(body.text.as_bytes());
    let invalid = |error: csv::Error| body.invalid(None, error);
    let header = table.headers().map_err(invalid)?.clone();
    if header.iter().all(|name| name != TIMESTAMP) {
        return Err(body.invalid(None, "expected a header line with the column `timestamp`"));
    }
    let mut record = csv::StringRecord::new();
    while table.read_record(&mut record).map_err(invalid)? {
        let cells = header.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        let fields: Fields<'_> =
            cells.map(|(name, cell)| (Json::Text(name), Json::Text(cell))).collect();
        let is_whole = record.len() == header.len();
        let taken = if is_whole { take(&fields, &zone, entries) } else { Err(None) };
        if let Err(time) = taken {
            let cells: Vec<&str> = record.iter().collect();
            entries.no_entry(time, &serde_json::to_string(&cells).expect("texts are JSON"));
        }
    }
    Ok(())
}

fn utc() -> Zone {
    Zone::new(None).expect("UTC is a zone")
}

/// The fields of a message in its envelope.
fn legacy(raw: &str) -> Option<Fields<'_>> {
    let envelope = json::object(raw)?;
    let message = envelope.into_iter().rev().find(|(name, _)| name.text() == MESSAGE);
    match message? {
        (_, Json::Raw(message)) => json::object(message),
        _ => None,
    }
}

/// The fields of a row.
fn row<'a>(raw: &'a str, schema: &'a [Column<'_>]) -> Option<Fields<'a>> {
    let cells = json::array(raw).filter(|cells| cells.len() == schema.len())?;
    let fields = schema.iter().zip(cells).map(|(column, cell)| (column.field(), Json::Raw(cell)));
    let present = fields.filter(|(_, value)| !value.is_string() || value.text() != MISSING);
    Some(present.map(|(field, value)| (Json::Text(field), value)).collect())
}

/// Takes a message. What is none may still have a time.
fn take(fields: &Fields<'_>, zone: &Zone, to: &mut Entries) -> Result<(), Option<Timestamp>> {
    let find = |wanted: &str| {
        let field = fields.iter().rev().find(|(name, _)| name.text() == wanted);
        field.map(|(_, value)| *value).filter(|value| !is_null(*value))
    };
    let time = find(TIMESTAMP).and_then(|time| instant::value(&time.text(), zone)?.ok());
    let time = time.ok_or(None)?.time;
    // It may not have been asked for.
    let message = find(MESSAGE).unwrap_or(Json::Text(""));
    if !message.is_string() {
        return Err(Some(time));
    }
    let named = IDS.iter().find_map(|name| Some((name, find(name)?.text())));
    let id = match named {
        Some((name, id)) => to.identity.text(name).text(&id).take(),
        None => to.identity.pairs(fields).take(),
    };
    let is_label = |name: &str| name != MESSAGE && name != TIMESTAMP;
    let labels = fields.iter().filter(|(name, value)| is_label(&name.text()) && !is_null(*value));
    to.event(time, id, message, labels.copied());
    Ok(())
}

fn is_null(value: Json<'_>) -> bool {
    matches!(value, Json::Raw("null"))
}
