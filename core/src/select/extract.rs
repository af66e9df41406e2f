//! Where parsers put the labels they find.

use super::{Event, Fields};
use crate::limits::{MAX_EXTRACTED_BYTES, MAX_LABELS};

/// The label that says which parser failed, as in `LogQL`.
const ERROR_LABEL: &str = "__error__";

/// Adds labels to those of an event.
pub(super) struct Extractor<'a> {
    own: Event<'a>,
    extracted: &'a mut Fields,
    labels: usize,
    bytes: usize,
}

impl<'a> Extractor<'a> {
    /// Empties `extracted`, to be filled beside the labels of `own`.
    pub(super) fn new(own: Event<'a>, extracted: &'a mut Fields) -> Self {
        extracted.clear();
        Self { own, extracted, labels: 0, bytes: 0 }
    }

    /// Sets a label, unless the event itself has it with the same value; where the event has it
    /// with another value, `_extracted` is added to the name. Empty text is missing.
    ///
    /// Once a bound is reached, further labels are dropped unseen: looking them up in a full set
    /// is what would make a hostile line slow.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let full = self.labels == MAX_LABELS || self.bytes > MAX_EXTRACTED_BYTES;
        if full || name.is_empty() || value.is_empty() {
            return;
        }
        match self.own.label(name) {
            Some(own) if own == value => {}
            Some(_) => self.keep(&format!("{name}_extracted"), value),
            None => self.keep(name, value),
        }
    }

    /// Says which parser failed.
    pub(super) fn fail(&mut self, error: &str) {
        self.extracted.set_label(ERROR_LABEL, error);
    }

    /// The value of a label, the event's own first.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.own.label(name).or_else(|| self.extracted.label(name))
    }

    fn keep(&mut self, name: &str, value: &str) {
        self.bytes += name.len() + value.len();
        if self.bytes <= MAX_EXTRACTED_BYTES {
            self.labels += usize::from(self.extracted.label(name).is_none());
            self.extracted.set_label(name, value);
        }
    }
}

/// Appends `key` to `name` as `LogQL` makes label names: what is no letter or digit is `_`.
pub(super) fn push_sanitized(name: &mut String, key: &str) {
    let key = key.trim();
    if name.is_empty() && key.starts_with(|c: char| c.is_ascii_digit()) {
        name.push('_');
    }
    name.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
}
