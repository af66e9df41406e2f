//! The pipeline of one selector: matchers, line filters, parsers and label filters in order.

use super::{Event, Fields};

/// A compiled selector. The default keeps everything.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {}

impl Pipeline {
    /// Whether the stream keeps `event`. Clears `extracted` and fills it with the labels that the
    /// selector's parsers add.
    pub fn keeps(&self, _event: &Event<'_>, extracted: &mut Fields) -> bool {
        extracted.clear();
        true
    }
}

/// What a pipeline reads of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Labels.
    pub labels: Vec<String>,
    /// Whether the raw line is read.
    pub line: bool,
}

impl Pipeline {
    /// What it reads of an event.
    pub fn reads(&self) -> Reads {
        Reads::default()
    }
}
