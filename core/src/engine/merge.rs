//! The final results of several engines that share a query, in the order in which one would tell them.

use std::collections::VecDeque;

use crate::id::StreamId;
use crate::time::Timestamp;
use crate::window::record::EventOrder;

/// The place of a final correlation among all of its query: by when it was closed, then by the late
/// event that has made it, if one has, then by its first event.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub(crate) close: Timestamp,
    /// The number of that event, from 1; 0 where the watermark has decided it.
    pub(crate) late: u32,
    pub(crate) first: EventOrder,
}

impl Place {
    /// Of what has no place in the order, and is told at once: what was closed early, and what is not
    /// final.
    pub(crate) const EARLY: Self = Self::before(Timestamp::MIN);

    /// The place before all that are closed then or later.
    pub(crate) const fn before(close: Timestamp) -> Self {
        let first = EventOrder { time: Timestamp::MIN, stream: StreamId::FIRST, arrival: 0 };
        Self { close, late: 0, first }
    }
}

/// Puts results that come from several engines, from each in order, into one order.
///
/// ```
/// // Results are handed on once no engine can come up with an earlier one.
/// use logbraid_core::engine::Merge;
/// let mut merge: Merge<&str> = Merge::new(2);
/// assert_eq!(merge.next(), None);
/// merge.pass(0, None);
/// merge.pass(1, None);
/// assert!(merge.has_ended());
/// ```
#[derive(Debug)]
pub struct Merge<T> {
    lanes: Vec<Lane<T>>,
    waiting: usize,
}

#[derive(Debug)]
struct Lane<T> {
    results: VecDeque<(Place, T)>,
    /// Nothing that comes has a place before; `None` where nothing comes.
    frontier: Option<Place>,
}

impl<T> Merge<T> {
    /// Of so many engines.
    pub fn new(engines: usize) -> Self {
        let lane = || Lane { results: VecDeque::new(), frontier: Some(Place::EARLY) };
        Self { lanes: (0..engines).map(|_| lane()).collect(), waiting: 0 }
    }

    /// The next results of an engine.
    pub fn add(&mut self, engine: usize, results: impl IntoIterator<Item = (Place, T)>) {
        let own = &mut self.lanes[engine].results;
        let before = own.len();
        own.extend(results);
        self.waiting += own.len() - before;
    }

    /// What that engine has still to tell has no place before `frontier`; `None` where it has told
    /// everything. See [`Correlator::frontier`](super::Correlator::frontier).
    pub fn pass(&mut self, engine: usize, frontier: Option<Place>) {
        let lane = &mut self.lanes[engine];
        lane.frontier = match (lane.frontier, frontier) {
            (Some(before), Some(now)) => Some(before.max(now)),
            _ => None,
        };
    }

    /// The next result of all with the engine it is of, if it is known which that is.
    #[expect(clippy::should_implement_trait, reason = "there may be more after none")]
    pub fn next(&mut self) -> Option<(usize, T)> {
        let firsts = self.lanes.iter().enumerate();
        let firsts = firsts.filter_map(|(at, lane)| Some((lane.results.front()?.0, at)));
        let (place, first) = firsts.min()?;
        let may_precede = |lane: &Lane<T>| {
            lane.results.is_empty() && lane.frontier.is_some_and(|frontier| frontier <= place)
        };
        if place.close > Timestamp::MIN && self.lanes.iter().any(may_precede) {
            return None;
        }
        self.waiting -= 1;
        self.lanes[first].results.pop_front().map(|(_, result)| (first, result))
    }

    /// Results that wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether every engine has told everything, and all of it has been handed on.
    pub fn has_ended(&self) -> bool {
        self.waiting == 0 && self.lanes.iter().all(|lane| lane.frontier.is_none())
    }
}
