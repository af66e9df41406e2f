//! What events are told apart by: a hash of their parts.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::json::Json;

/// Collects the parts of an identity.
#[derive(Debug)]
pub(super) struct Identity {
    seed: u64,
    bytes: Vec<u8>,
}

impl Identity {
    pub fn new(seed: u64) -> Self {
        Self { seed, bytes: Vec::new() }
    }

    /// A part that is text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes.extend_from_slice(&text.len().to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    /// A part that was hashed before.
    pub fn id(&mut self, id: u128) -> &mut Self {
        self.bytes.extend_from_slice(&id.to_le_bytes());
        self
    }

    /// Names with values, whose order does not matter. The last of several values of a name wins.
    pub fn pairs(&mut self, pairs: &[(Json<'_>, Json<'_>)]) -> &mut Self {
        let texts = pairs.iter().map(|(name, value)| (name.text(), value.text()));
        let mut texts: Vec<(Cow<'_, str>, Cow<'_, str>)> = texts.collect();
        texts.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (at, (name, value)) in texts.iter().enumerate() {
            if texts.get(at + 1).is_none_or(|(next, _)| next != name) {
                self.text(name).text(value);
            }
        }
        self
    }

    /// The hash of the parts; begins anew.
    pub fn take(&mut self) -> u128 {
        let id = xxh3_128_with_seed(&self.bytes, self.seed);
        self.bytes.clear();
        id
    }
}
