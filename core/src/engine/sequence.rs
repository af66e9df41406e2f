//! What happens to a query that several engines share, in the one order in which it happens to each.

use super::{Correlator, Overflow, PauseReason, Rows};
use crate::id::SourceId;
use crate::time::Timestamp;
use crate::window::watermark::Progress;

/// Something that happens to a query. The same steps in the same order make all engines that
/// [follow](Correlator::follow) them agree on the watermark at each event.
#[derive(Debug)]
pub enum Step {
    /// A piece of a source has been read.
    Rows(SourceId, Box<Rows>),
    /// The time, as by [`Correlator::advance`].
    Advance(Timestamp),
    /// A source has ended.
    Close(SourceId),
    /// A source may not be read for now, or may again.
    Pause(SourceId, bool),
    /// A source is away, or is back, as by [`Correlator::set_away`].
    Away(SourceId, bool),
    /// So many bytes may be held from now on, as by [`Correlator::set_max_memory`].
    MaxMemory(usize),
    /// Labels of an event that stays with the host, as by [`Correlator::observe`].
    Observe(SourceId, Vec<(String, String)>),
}

/// What the engines hold together.
#[derive(Copy, Clone, Debug, Default)]
pub struct Load {
    /// Results that wait for the consumer, as far as it is behind.
    pub results: usize,
    /// Results that wait in the engines.
    pub backlog: usize,
    /// Bytes.
    pub memory: usize,
    /// Events.
    pub events: usize,
}

/// Follows the steps ahead of the engines, and decides which sources may be read.
#[derive(Debug)]
pub struct Sequencer {
    progress: Progress,
    overflow: Overflow,
    max_memory: usize,
    max_events: Option<usize>,
    buffer_size: usize,
}

impl Sequencer {
    /// For engines like this new one.
    pub fn new(engine: &Correlator) -> Self {
        let options = &engine.flow.options;
        Self {
            progress: engine.flow.progress.clone(),
            overflow: engine.flow.overflow,
            max_memory: options.max_memory,
            max_events: options.max_events,
            buffer_size: options.buffer_size.max(1),
        }
    }

    /// The next step.
    pub fn follow(&mut self, step: &Step) {
        match step {
            Step::Rows(source, rows) if !self.has_closed(*source) => {
                if let Some(newest) = rows.newest {
                    self.progress.saw(*source, newest);
                }
            }
            Step::Rows(..) | Step::Observe(..) => {}
            Step::Advance(now) => {
                self.progress.advance(*now);
            }
            Step::Close(source) => {
                self.progress.end(*source);
            }
            Step::Pause(source, paused) => self.progress.set_paused(*source, *paused),
            Step::Away(source, away) => self.progress.set_away(*source, *away),
            Step::MaxMemory(bytes) => self.max_memory = *bytes,
        }
    }

    /// Decides anew which sources may be read, as [`Output::Pause`](super::Output::Pause) and
    /// [`Output::Resume`](super::Output::Resume) say. Returns what has changed: why a source may not, or
    /// `None` where it may again. The engines have to be told, by [`Step::Pause`].
    pub fn pace(&mut self, load: Load) -> Vec<(SourceId, Option<PauseReason>)> {
        let is_tight = load.memory > self.max_memory / 2
            || self.max_events.is_some_and(|max| load.events > max / 2);
        let hold = load.results >= self.buffer_size || (load.backlog > 0 && is_tight);
        let together = is_tight && self.overflow == Overflow::Block;
        let why = if hold { PauseReason::Consumer } else { PauseReason::Ahead };
        let mut changes = Vec::new();
        self.progress.pace(hold, together, |source, paused| {
            changes.push((source, paused.then_some(why)));
        });
        changes
    }

    /// Whether a source may not be read for now.
    pub fn is_paused(&self, source: SourceId) -> bool {
        self.progress.is_paused(source)
    }

    /// Whether a source has ended.
    pub fn has_closed(&self, source: SourceId) -> bool {
        self.progress.source_ended(source)
    }
}
