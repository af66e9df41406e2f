//! The memory bound: how much of it is for what is no event, and what happens when it changes.

use super::bounds::side_share;
use super::{Correlator, CorrelatorOptions};
use crate::error::Error;
use crate::limits;
use crate::options::check_max_memory;

/// The share of the memory bound that may be kept for reuse while nothing is in it.
const SPARE_SHARE: usize = 32;

/// The share of the memory bound that may be used to know labels and values.
const KNOWN_SHARE: usize = 64;

impl Correlator {
    /// From now on the engine may hold so many bytes, instead of
    /// [`max_memory`](CorrelatorOptions::max_memory). What it holds beyond that goes at once, or ends the
    /// query, as [`Overflow`](super::Overflow) says; sources that had to wait for room may be read again
    /// where there is some now. What waits to be polled stays, and is waited for.
    ///
    /// ```
    /// use logbraid_core::engine::{Correlator, CorrelatorOptions, Overflow};
    /// use logbraid_core::id::SourceId;
    /// use logbraid_core::query::{PlanOptions, check};
    ///
    /// let query = "edge({}) and on(id) app({})";
    /// let plan = check(query, &PlanOptions::default()).plan.expect("a query");
    /// let overflow = Some(Overflow::Evict);
    /// let mut engine = Correlator::new(plan, CorrelatorOptions { overflow, ..Default::default() })?;
    /// for id in 0..10_000 {
    ///     let line = format!("{{\"time\": \"2026-01-01T00:00:00Z\", \"id\": \"{id}\"}}\n");
    ///     engine.push(SourceId::new(0), line.as_bytes());
    /// }
    /// assert!(engine.metrics().memory > 500_000);
    ///
    /// engine.set_max_memory(500_000)?;
    /// assert!(engine.metrics().memory <= 500_000);
    /// # Ok::<(), logbraid_core::error::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Option`] for more than [`limits::MAX_MEMORY_BYTES`]; nothing changes then.
    pub fn set_max_memory(&mut self, max_memory: usize) -> Result<(), Error> {
        check_max_memory(max_memory)?;
        self.change_max_memory(max_memory);
        Ok(())
    }

    /// As [`set_max_memory`](Self::set_max_memory), of a bound that has been checked.
    pub(super) fn change_max_memory(&mut self, max_memory: usize) {
        let Self { inputs, flow, .. } = self;
        if flow.end.is_over() {
            return;
        }
        // Not `begin`: that there is too little room may be what changes.
        flow.begin_poll();
        flow.look_again();
        let is_lower = max_memory < flow.options.max_memory;
        flow.options.max_memory = max_memory;
        let (known, seen) = (known_room(&flow.options), side_share(&flow.options));
        let sources = inputs.len();
        for input in inputs {
            input.known.set_room(known / sources);
            if let Some(seen_here) = input.seen.as_mut().filter(|_| is_lower) {
                seen_here.shrink(seen / sources);
            }
        }
        flow.store.set_spare(spare_room(&flow.options));
        flow.emitter.set_ids_memory(&flow.store, side_share(&flow.options));
        if is_lower {
            flow.bounds.warn_again();
        }
        self.settle();
    }
}

/// Bytes that empty segments may keep.
pub(super) fn spare_room(options: &CorrelatorOptions) -> usize {
    options.max_memory / SPARE_SHARE
}

/// Bytes that may be used to know labels and values.
pub(super) fn known_room(options: &CorrelatorOptions) -> usize {
    limits::KNOWN_MEMORY.min(options.max_memory / KNOWN_SHARE)
}

#[cfg(test)]
mod tests;
