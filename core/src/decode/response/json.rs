//! Bodies that are JSON: reading pieces of them, and saying where one is not what was expected.

use std::borrow::Cow;
use std::fmt::{self, Display};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::ResponseError;
use crate::decode::escape;

/// Characters of a body that an error shows.
const SHOWN: usize = 100;

/// The body of an answer.
#[derive(Copy, Clone, Debug)]
pub(super) struct Body<'a> {
    pub text: &'a str,
    server: &'static str,
}

impl<'a> Body<'a> {
    /// A body that has to be text.
    pub fn new(bytes: &'a [u8], server: &'static str) -> Result<Self, ResponseError> {
        simdutf8::compat::from_utf8(bytes).map(|text| Self { text, server }).map_err(|error| {
            let valid = error.valid_up_to();
            // A character has at most four bytes.
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]);
            let before = String::from_utf8_lossy(&bytes[..valid]);
            describe(&shown, server, Some(Place::of(&before, valid)), "expected UTF-8")
        })
    }

    /// Reads the whole, or a piece of it that starts at `piece`.
    pub fn parse<T: Deserialize<'a>>(&self, piece: &'a str) -> Result<T, ResponseError> {
        serde_json::from_str(piece).map_err(|error| {
            let message = error.to_string();
            let what = message.rsplit_once(" at line ").map_or(&*message, |(what, _)| what);
            let line_start = (1..error.line())
                .try_fold(0, |start, _| Some(start + piece[start..].find('\n')? + 1))
                .unwrap_or(0);
            let inside = match error.column() {
                _ if error.is_eof() => piece.len(),
                column => line_start + column.saturating_sub(1),
            };
            self.invalid(Some(self.offset(piece) + inside), what)
        })
    }

    /// The error that something else was expected, at a byte of the body or in all of it.
    pub fn invalid(&self, at: Option<usize>, what: impl Display) -> ResponseError {
        describe(self.text, self.server, at.map(|at| Place::of(self.text, at)), what)
    }

    /// The byte at which a piece of the body begins.
    pub fn offset(&self, piece: &str) -> usize {
        piece.as_ptr().addr() - self.text.as_ptr().addr()
    }
}

/// Where something is.
struct Place {
    byte: usize,
    line: usize,
    column: usize,
}

impl Place {
    fn of(text: &str, byte: usize) -> Self {
        let before = &text.as_bytes()[..byte.min(text.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = byte - memchr::memrchr(b'\n', before).map_or(0, |end| end + 1) + 1;
        Self { byte, line, column }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { byte, line, column } = self;
        write!(f, " at byte {byte} (line {line}, column {column})")
    }
}

fn describe(body: &str, server: &str, place: Option<Place>, what: impl Display) -> ResponseError {
    let start: String = body.chars().take(SHOWN).collect();
    let place = place.map_or_else(String::new, |place| place.to_string());
    let shown = if start.is_empty() {
        "it is empty".to_owned()
    } else if start.len() == body.len() {
        format!("it is {start:?}")
    } else {
        format!("it begins with {start:?}")
    };
    ResponseError {
        message: format!("no answer of {server} that can be used: {what}{place}; {shown}"),
    }
}

/// What both Loki and Prometheus wrap a result in.
#[derive(Debug)]
pub(super) struct Wrapped<'a> {
    pub status: Option<Cow<'a, str>>,
    pub error_type: Option<Cow<'a, str>>,
    pub error: Option<Cow<'a, str>>,
    pub data: Option<Data<'a>>,
}

/// The result of a query.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data<'a> {
    #[serde(borrow)]
    pub result_type: Cow<'a, str>,
    #[serde(borrow)]
    pub result: Option<&'a RawValue>,
}

impl<'a> Wrapped<'a> {
    /// The result, unless the server tells of an error.
    pub fn into_data(self, body: &Body<'_>) -> Result<Data<'a>, ResponseError> {
        match (self.status.as_deref(), self.data) {
            (Some("error"), _) => {
                let kind = self.error_type.unwrap_or(Cow::Borrowed("error"));
                let error = self.error.unwrap_or_default();
                Err(body.invalid(None, format_args!("it tells of an error, {kind}: {error}")))
            }
            (_, Some(data)) => Ok(data),
            (_, None) => Err(body.invalid(None, "expected `data` with the result of a query")),
        }
    }
}

/// A value: as JSON, or as the text of a string.
#[derive(Copy, Clone, Debug)]
pub(super) enum Json<'a> {
    Raw(&'a str),
    Text(&'a str),
}

impl<'a> Json<'a> {
    /// The text of a string; other values as they are written.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Raw(raw) => string(raw).unwrap_or(Cow::Borrowed(raw)),
        }
    }

    /// Whether it is a string.
    pub fn is_string(self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Raw(raw) => raw.starts_with('"'),
        }
    }
}

/// The text of a JSON string; `None` where it is something else.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = String::new();
    escape::json(inner, &mut text);
    Some(Cow::Owned(text))
}

/// The values of a JSON array; `None` where it is something else.
pub(super) fn array(raw: &str) -> Option<Vec<&str>> {
    let values: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    Some(values.into_iter().map(RawValue::get).collect())
}

/// The fields of a JSON object; `None` where it is something else.
pub(super) fn object(raw: &str) -> Option<Vec<(Json<'_>, Json<'_>)>> {
    let fields: Fields<'_> = serde_json::from_str(raw).ok()?;
    Some(fields.0)
}

struct Fields<'a>(Vec<(Json<'a>, Json<'a>)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    fields.push((Json::Raw(name.get()), Json::Raw(value.get())));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}
