//! Join keys: where the value of a key is found in an event.
//!
//! A label is looked up in the labels first, then in the join keys the event names, then in the
//! message, by patterns such as `request_id=…`. Empty text is missing.

use crate::select::Selected;

/// Finds ids in messages.
#[derive(Clone, Debug, Default)]
pub struct KeyPatterns {}

impl KeyPatterns {
    /// The value of the id called `name` in `message`; `None` when there is none.
    pub fn find<'m>(&self, _name: &str, _message: &'m str) -> Option<&'m str> {
        None
    }
}

/// The value of the key label `name` in an event.
pub fn value<'a>(selected: &Selected<'a>, name: &str, patterns: &KeyPatterns) -> Option<&'a str> {
    selected
        .label(name)
        .or_else(|| selected.event.fields.join_key(name))
        .or_else(|| patterns.find(name, selected.event.fields.message()))
}
