//! What a stream makes of an event before any join sees it: whether it is selected, its keys, and what
//! is kept of its labels.
//!
//! Knows nothing of other events: this may be done for several of them at once, in any order.

use crate::event::{Event, Fields};
use crate::id::StreamId;
use crate::join::shape::TableLabels;
use crate::key::{self, EventKeys, KeyPatterns};
use crate::plan::Plan;
use crate::select::Selected;
use crate::window::record::KeptLabels;

/// What was read of an event for one stream, in buffers that are reused from event to event.
#[derive(Debug)]
pub(super) struct Reading {
    /// What the parsers of the stream's selector added.
    pub extracted: Fields,
    pub keys: EventKeys,
    pub kept: KeptLabels,
}

impl Reading {
    pub fn new(keys: EventKeys) -> Self {
        Self { extracted: Fields::default(), keys, kept: KeptLabels::default() }
    }

    /// Reads an event for a stream. `None` where the stream does not select it, else whether the
    /// projection drops it from results.
    #[expect(
        clippy::inline_always,
        reason = "the way of every event, in the engine and in readers"
    )]
    #[inline(always)]
    pub fn read(
        &mut self,
        plan: &Plan,
        tables: &[TableLabels],
        patterns: &KeyPatterns,
        stream: StreamId,
        event: &Event<'_>,
    ) -> Option<bool> {
        let planned = &plan.streams[stream.index()];
        if !planned.pipeline.keeps(event, &mut self.extracted) {
            return None;
        }
        let selected = Selected { event: *event, extracted: &self.extracted };
        let mut matchers = plan.projection.iter();
        let hidden = matchers.any(|matcher| !matcher.accepts(selected.label(&matcher.label)));
        self.keys.read(&selected, stream, tables, patterns);
        let labels = planned.kept.iter();
        self.kept.read(labels.map(|label| key::value(&selected, label, patterns)));
        Some(hidden)
    }
}
