//! What has come before.
//!
//! Owns a hash of each event by time, up to a bound, until it is told to forget it. Knows nothing of what an event
//! is. Both looking one up and forgetting one cost O(log n).

use std::collections::BTreeSet;

use crate::time::{Span, Timestamp};

/// Remembers events.
#[derive(Debug)]
pub(super) struct Seen {
    most: usize,
    ids: BTreeSet<(Timestamp, u128)>,
    /// Everything from then on is known; `None` where nothing has been forgotten.
    from: Option<Timestamp>,
}

impl Seen {
    /// Remembers at most so many; the oldest are forgotten first.
    pub fn new(most: usize) -> Self {
        Self { most, ids: BTreeSet::new(), from: None }
    }

    /// Takes note of an event; false where it is known.
    pub fn insert(&mut self, time: Timestamp, id: u128) -> bool {
        if !self.ids.insert((time, id)) {
            return false;
        }
        if self.ids.len() > self.most
            && let Some((oldest, _)) = self.ids.pop_first()
        {
            self.from = self.from.max(Some(oldest.plus(Span::from_nanos(1))));
        }
        true
    }

    /// Forgets what was before a time.
    pub fn forget(&mut self, before: Timestamp) {
        while self.ids.first().is_some_and(|(time, _)| *time < before) {
            self.ids.pop_first();
        }
        self.from = self.from.max(Some(before));
    }

    /// From when on everything that has come is known; `None` where nothing has been forgotten.
    pub fn remembered_from(&self) -> Option<Timestamp> {
        self.from
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
            forgets in 0_i64..40,
            most in 1_usize..24,
            answers in prop::collection::vec((0_i64..60, 0_i64..30, any::<u64>()), 1..30),
        ) {
            let mut seen = Seen::new(most);
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
                    } else if fits && known_from.is_none_or(|from| from <= event.0) {
                        prop_assert!(!fresh, "an event is doubled");
                    }
                }
                if let Some((newest, _)) = model.last() {
                    seen.forget(newest.minus(Span::from_nanos(forgets)));
                }
                prop_assert!(seen.ids.len() <= most);
                let from = seen.remembered_from();
                for event in model.iter().filter(|(time, _)| from.is_none_or(|from| from <= *time)) {
                    prop_assert!(seen.ids.contains(event), "it says that it knows what it has forgotten");
                }
            }
        }
    }
}
