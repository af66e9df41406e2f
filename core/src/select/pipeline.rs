//! The pipeline of one selector: matchers, line filters, parsers and label filters in order.

use super::{Event, Fields, Matcher};
use crate::query::Diagnostic;

/// A compiled selector. The default keeps everything.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    matchers: Vec<Matcher>,
}

impl Pipeline {
    /// Compiles `selector`, which stands `offset` bytes into the query.
    pub fn compile(_selector: &str, _offset: usize) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self::default())
    }

    /// Whether the stream keeps `event`. Clears `extracted` and fills it with the labels that the
    /// selector's parsers add.
    pub fn keeps(&self, event: &Event<'_>, extracted: &mut Fields) -> bool {
        extracted.clear();
        self.matchers.iter().all(|matcher| matcher.accepts(event.fields.label(&matcher.label)))
    }
}
