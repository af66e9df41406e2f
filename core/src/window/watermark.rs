//! How far event time has come, source by source: the watermark, idleness, and which sources have
//! run ahead.
//!
//! Owns time bookkeeping and nothing else. Costs a pass over the sources per event that moves a
//! source forward; queries have few.

use crate::id::SourceId;
use crate::time::{Span, Timestamp, Watermark};

#[derive(Clone, Debug)]
struct Source {
    bounded: bool,
    ended: bool,
    newest: Option<Timestamp>,
    /// Host time at which the source was last seen active; `None` before the first `advance`.
    active_at: Option<Timestamp>,
    /// Whether an event has come since the last `advance`.
    active: bool,
    idle: bool,
    paused: bool,
    /// It reads what is of the past, or is interrupted: that nothing comes of it says nothing.
    away: bool,
}

/// The progress of all sources of a query.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    sources: Vec<Source>,
    tolerance: Span,
    idle_timeout: Span,
    /// How far a live source may run ahead of the one that is most behind.
    lead: Span,
    now: Option<Timestamp>,
    watermark: Watermark,
}

impl Progress {
    /// Progress of sources that are `bounded` or live, by position.
    pub fn new(
        bounded: impl IntoIterator<Item = bool>,
        tolerance: Span,
        idle_timeout: Span,
        lead: Span,
    ) -> Self {
        let source = |bounded| Source {
            bounded,
            ended: false,
            newest: None,
            active_at: None,
            active: false,
            idle: false,
            paused: false,
            away: false,
        };
        Self {
            sources: bounded.into_iter().map(source).collect(),
            tolerance,
            idle_timeout,
            lead,
            now: None,
            watermark: Watermark::START,
        }
    }

    /// The watermark of the query.
    pub fn watermark(&self) -> Watermark {
        self.watermark
    }

    /// Host time, as last told.
    pub fn now(&self) -> Option<Timestamp> {
        self.now
    }

    /// An event of `time` came from `source`. Returns whether the watermark moved.
    #[expect(clippy::inline_always, reason = "the way of every event")]
    #[inline(always)]
    pub fn saw(&mut self, source: SourceId, time: Timestamp) -> bool {
        let state = &mut self.sources[source.index()];
        state.active = true;
        let was_idle = std::mem::take(&mut state.idle);
        if !was_idle && state.newest.is_some_and(|newest| time <= newest) {
            return false;
        }
        if state.newest.is_none_or(|newest| newest < time) {
            state.newest = Some(time);
        }
        if let [Source { ended: false, newest: Some(newest), .. }] = self.sources.as_slice() {
            // The only one says it all.
            let watermark = Watermark::behind(*newest, self.tolerance);
            let moved = watermark > self.watermark;
            self.watermark = self.watermark.max(watermark);
            return moved;
        }
        self.update()
    }

    /// `source` has ended. Returns whether the watermark moved.
    pub fn end(&mut self, source: SourceId) -> bool {
        self.sources[source.index()].ended = true;
        self.update()
    }

    /// Host time has come to `now`; it never goes back. Returns whether the watermark moved.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        let now = self.now.map_or(now, |before| before.max(now));
        self.now = Some(now);
        for source in self.sources.iter_mut().filter(|source| !source.bounded && !source.ended) {
            // A source that the engine has paused, or that is away, cannot show that it is alive.
            let is_hidden = source.paused || source.away;
            if std::mem::take(&mut source.active) || is_hidden || source.active_at.is_none() {
                source.active_at = Some(now);
            }
            let quiet = source.active_at.map_or(Span::ZERO, |at| now.since(at));
            source.idle = quiet >= self.idle_timeout;
        }
        self.update()
    }

    /// When the next live source becomes idle if nothing comes.
    pub fn next_idle(&self) -> Option<Timestamp> {
        let is_next = |s: &&Source| !s.bounded && !s.ended && !s.idle && !s.paused && !s.away;
        let live = self.sources.iter().filter(is_next);
        live.filter_map(|source| Some(source.active_at?.plus(self.idle_timeout))).min()
    }

    /// Whether every live source is idle, so that the watermark follows host time.
    pub fn follows_clock(&self) -> bool {
        let mut live = self.sources.iter().filter(|s| !s.bounded && !s.ended).peekable();
        live.peek().is_some() && live.all(|source| source.idle)
    }

    /// Whether all sources have ended.
    pub fn has_ended(&self) -> bool {
        self.sources.iter().all(|source| source.ended)
    }

    /// Whether `source` has ended.
    pub fn source_ended(&self, source: SourceId) -> bool {
        self.sources[source.index()].ended
    }

    /// Whether `source` is paused.
    pub fn is_paused(&self, source: SourceId) -> bool {
        self.sources[source.index()].paused
    }

    /// Has `source` paused or not, as somebody else has decided.
    pub fn set_paused(&mut self, source: SourceId, paused: bool) {
        self.sources[source.index()].paused = paused;
    }

    /// `source` is away, or is back: meanwhile it is not idle, and the watermark waits for it.
    pub fn set_away(&mut self, source: SourceId, away: bool) {
        let state = &mut self.sources[source.index()];
        state.away = away;
        // As if it had just been heard of.
        state.active_at = self.now;
        state.idle = false;
    }

    /// Whether every source that is waited for has had an event.
    pub fn has_begun(&self) -> bool {
        self.sources.iter().all(|source| source.newest.is_some() || source.ended || source.idle)
    }

    /// The tolerance for disorder.
    pub fn tolerance(&self) -> Span {
        self.tolerance
    }

    /// Decides anew which sources may be read, calling `changed(source, paused)` for each change.
    /// `hold` pauses them all: the consumer is behind. With `together` live sources may not run ahead
    /// either, nor before all have begun.
    pub fn pace(&mut self, hold: bool, together: bool, mut changed: impl FnMut(SourceId, bool)) {
        // A bounded source that has not been read yet is behind everything. A live one that has shown
        // nothing yet says nothing about where it is, but holds the watermark until it is idle.
        let behind = self
            .sources
            .iter()
            .filter(|source| !source.ended && !source.idle)
            .filter_map(|source| match source.newest {
                None if source.bounded || together => Some(Timestamp::MIN),
                newest => newest,
            })
            .min();
        let lead = self.lead;
        for (at, source) in self.sources.iter_mut().enumerate() {
            let lead = if source.bounded || together { Span::ZERO } else { lead };
            let ahead = match (source.newest, behind) {
                (Some(newest), Some(behind)) => newest > behind.plus(lead),
                _ => false,
            };
            let paused = !source.ended && (hold || ahead);
            if paused != source.paused {
                source.paused = paused;
                changed(SourceId::new(at), paused);
            }
        }
    }

    fn update(&mut self) -> bool {
        let mut lowest = Watermark::END;
        let (mut has_live, mut is_waiting) = (false, false);
        for source in self.sources.iter().filter(|source| !source.ended) {
            has_live |= !source.bounded;
            is_waiting |= !source.bounded && !source.idle;
            if source.idle {
                continue;
            }
            let watermark = match source.newest {
                Some(newest) => Watermark::behind(newest, self.tolerance),
                None => Watermark::START,
            };
            lowest = lowest.min(watermark);
        }
        if has_live
            && !is_waiting
            && let Some(now) = self.now
        {
            lowest = lowest.min(Watermark::behind(now, self.tolerance));
        }
        let moved = lowest > self.watermark;
        if moved {
            self.watermark = lowest;
        }
        moved
    }
}
