//! What has come before.
//!
//! Owns a hash of each event by time, up to a bound and a distance from the newest. Knows nothing of what an event
//! is. Both looking one up and forgetting one cost O(log n).

use std::collections::BTreeSet;

use crate::time::{Span, Timestamp};

/// Remembers events.
#[derive(Debug)]
pub(super) struct Seen {
    remember: Span,
    most: usize,
    ids: BTreeSet<(Timestamp, u128)>,
    newest: Option<Timestamp>,
    /// The newest of those that were forgotten for being too many.
    crowded_out: Option<Timestamp>,
}

impl Seen {
    /// Remembers at most so many, and those only that are not older than this before the newest.
    pub fn new(remember: Span, most: usize) -> Self {
        Self { remember, most, ids: BTreeSet::new(), newest: None, crowded_out: None }
    }

    /// Takes note of an event; false where it is known.
    pub fn insert(&mut self, time: Timestamp, id: u128) -> bool {
        if !self.ids.insert((time, id)) {
            return false;
        }
        self.newest = self.newest.max(Some(time));
        if self.ids.len() > self.most {
            let oldest = self.ids.pop_first().map(|(time, _)| time);
            self.crowded_out = self.crowded_out.max(oldest);
        }
        true
    }

    /// Forgets what is too old. To be called after a whole answer: one may begin long before it ends.
    pub fn forget(&mut self) {
        let Some(newest) = self.newest else { return };
        let from = newest.minus(self.remember);
        while self.ids.first().is_some_and(|(time, _)| *time < from) {
            self.ids.pop_first();
        }
    }

    /// From when on everything that has come is known.
    pub fn remembered_from(&self) -> Option<Timestamp> {
        let from = self.newest?.minus(self.remember);
        let after = self.crowded_out.map(|time| time.plus(Span::from_nanos(1)));
        Some(after.map_or(from, |after| from.max(after)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Seen, Span, Timestamp};

    proptest! {
        /// The model remembers everything. Of answers that overlap at random, each event is fresh once,
        /// as long as it is not older than what the reader says that it remembers.
        #[test]
        fn every_event_is_fresh_once(
            remember in 0_i64..40,
            most in 1_usize..24,
            answers in prop::collection::vec((0_i64..60, 0_i64..30, any::<u64>()), 1..30),
        ) {
            let mut seen = Seen::new(Span::from_nanos(remember), most);
            let mut model = BTreeSet::new();
            for (start, length, chosen) in answers {
                let known_from = seen.remembered_from();
                let mut events: Vec<_> = (0..64_u32)
                    .filter(|bit| chosen >> bit & 1 == 1)
                    .map(|bit| (Timestamp::from_nanos(start + i64::from(bit) % (length + 1)), u128::from(bit % 5)))
                    .collect();
                events.sort();
                let fits = events.iter().collect::<BTreeSet<_>>().len() + seen.ids.len() <= most;
                for event in events {
                    let is_known = !model.insert(event);
                    let fresh = seen.insert(event.0, event.1);
                    if !is_known {
                        prop_assert!(fresh, "an event is lost");
                    } else if fits && known_from.is_some_and(|from| from <= event.0) {
                        prop_assert!(!fresh, "an event is doubled");
                    }
                }
                seen.forget();
                prop_assert!(seen.ids.len() <= most);
                let newest = model.last().map(|(time, _)| *time);
                prop_assert_eq!(seen.newest, newest);
                let from = seen.remembered_from();
                for event in model.iter().filter(|(time, _)| from.is_some_and(|from| from <= *time)) {
                    prop_assert!(seen.ids.contains(event), "it says that it knows what it has forgotten");
                }
            }
        }
    }
}
