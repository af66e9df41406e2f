//! `| json`: the fields of the line as labels, names of nested ones joined with `_`, arrays left
//! out.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::extract::{Extractor, push_sanitized};
use crate::limits::MAX_LABEL_DEPTH;

/// Extracts what it can; an error if the line is not one JSON object.
pub(super) fn extract(line: &str, to: &mut Extractor<'_>) -> Result<(), serde_json::Error> {
    object(line, 1, &mut String::new(), to)
}

fn object(
    text: &str,
    depth: usize,
    name: &mut String,
    to: &mut Extractor<'_>,
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    json.deserialize_map(Object { depth, name, to })?;
    json.end()
}

struct Object<'o, 'a> {
    depth: usize,
    /// The name of the label for this object, empty at the top.
    name: &'o mut String,
    to: &'o mut Extractor<'a>,
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let outer = self.name.len();
        while let Some(key) = map.next_key::<Text<'_>>()? {
            // Values are taken as text, so that numbers keep every digit.
            let value: &RawValue = map.next_value()?;
            if outer > 0 {
                self.name.push('_');
            }
            push_sanitized(self.name, &key.0);
            field(value.get(), self.depth, self.name, self.to);
            self.name.truncate(outer);
        }
        Ok(())
    }
}

fn field(value: &str, depth: usize, name: &mut String, to: &mut Extractor<'_>) {
    match value.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<Text<'_>>(value) {
            Ok(text) => to.set(name, &text.0),
            // Half of a surrogate pair: better as it is written than not at all.
            Err(_) => to.set(name, value.trim_matches('"')),
        },
        // Only a name that is half of a surrogate pair can fail here, and costs its object.
        Some(b'{') if depth < MAX_LABEL_DEPTH => drop(object(value, depth + 1, name, to)),
        Some(b'[' | b'n') => {}
        _ => to.set(name, value),
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
