//! What a poll takes: the next correlation to deliver, of those that are decided and those that may
//! still grow.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::flow::{End, Flow};
use crate::correlation::Correlation;
use crate::emit::{Decided, Emit, Identity, Stamp};
use crate::id::{DeliveryId, EventId, EventIds};
use crate::join::results::{Parts, is_result, results};
use crate::join::{Joins, Open, Policy};
use crate::stage::PlannedStage;
use crate::window::record::{EventOrder, Members};
use crate::window::store::Store;

/// Where the events that identify a result stand: mostly few, and then without an allocation.
pub(super) type Orders = SmallVec<[EventOrder; 4]>;

/// What looking for a correlation to deliver has come to.
enum Found {
    /// There is one.
    Correlation,
    /// What was looked at is none; there may be more.
    Nothing,
    /// There is nothing to look at.
    End,
}

impl Flow {
    /// Begins a change: what was looked at for delivery has to be looked at again.
    pub fn begin(&mut self) {
        self.begin_poll();
        self.check_room();
        while let Some((events, _)) = self.updates.pop_front() {
            self.joins.touch(&mut self.store, Open::Session(events[0]));
        }
    }

    /// Lets go of the correlation polled last.
    pub fn begin_poll(&mut self) {
        let mut polled = std::mem::take(&mut self.polled);
        if self.polled_is_final && matches!(self.joins.policy, Policy::Steps(_)) {
            self.let_go(&polled);
        } else if self.polled_is_final {
            self.forget_all(&polled);
        }
        polled.clear();
        self.polled = polled;
    }

    /// Moves to the next correlation to deliver, if there is one.
    pub fn next_correlation(&mut self) -> bool {
        let is_over = self.end == End::Told || self.limited;
        if is_over || self.options.limit.is_some_and(|n| self.correlations >= n) {
            return false;
        }
        loop {
            while let Some(result) = self.emitter.next_final() {
                self.closed_at = result.close;
                if self.poll_final(result.result) {
                    return true;
                }
                // Its events are let go of before the next is looked at.
                self.begin_poll();
                if self.end.is_over() && self.limited {
                    return false;
                }
            }
            if self.end.is_over() || !self.joins.is_behind() {
                break;
            }
            self.expire();
            self.check_bounds();
            self.check_end();
        }
        while self.options.emit == Emit::Eager && !self.end.is_over() {
            let found = match &self.joins.policy {
                Policy::Sessions(_) => self.poll_session(),
                Policy::Steps(_) => self.poll_group(),
            };
            match found {
                Found::Correlation => return true,
                Found::Nothing => {}
                Found::End => break,
            }
        }
        false
    }

    /// Takes a result that can no longer change. Returns whether it is to be delivered.
    fn poll_final(&mut self, result: Decided) -> bool {
        let mut polled = std::mem::take(&mut self.polled);
        self.closed_by = 0;
        let (list, truncated, holds) = match result {
            Decided::Ring { ring, truncated, holds, .. } => {
                for id in self.store.ring(ring) {
                    polled.push(id);
                }
                self.sort(&mut polled);
                (None, truncated, holds)
            }
            Decided::List(list) => {
                polled = list.events;
                self.closed_by = list.late;
                (Some((list.identity, list.delivery)), list.truncated, true)
            }
        };
        let kept = holds && self.keeps(&polled, true);
        let key = Self::identity_key(&self.joins, &self.store, &polled);
        let stamp = if let Some((identity, delivery)) = list {
            let events: Orders = identity.iter().map(|id| self.store.order(*id)).collect();
            let identity = Identity { key, events: &events, is_unique: false };
            self.emitter.stamp_list(&self.store, &polled, &identity, delivery, kept)
        } else {
            // What another session of the key had at that time would have matched what this one has,
            // unless that were the same event in another stream.
            let is_unique = self.is_simple && !self.has_twins && !truncated && !key.is_empty();
            let identity = Identity { key, events: &[self.store.order(polled[0])], is_unique };
            self.emitter.stamp_final(&mut self.store, &polled, &identity, kept)
        };
        self.polled = polled;
        self.polled_is_final = true;
        let Some(stamp) = stamp else { return false };
        self.stamp = Stamp { truncated, ..stamp };
        self.deliveries += 1;
        self.correlations += u64::from(kept);
        self.bounds.truncated += u64::from(truncated);
        if self.options.limit == Some(self.correlations) && !self.end.is_over() {
            self.end = End::Decided;
        }
        true
    }

    /// Whether a result is asked for, as `start`, `end` and the stages of the query have it. One that is
    /// `decided` counts for their limits.
    fn keeps(&mut self, events: &[EventId], decided: bool) -> bool {
        // One that has been delivered may turn out to begin too early.
        if !self.is_inside(self.store.record(events[0]).time) {
            return false;
        }
        for (at, stage) in self.plan.stages.stages.iter().enumerate() {
            match stage {
                PlannedStage::Where(filter) => {
                    let correlation = Correlation {
                        plan: &self.plan,
                        store: &self.store,
                        tables: &self.joins.tables,
                        events,
                        stamp: &self.stamp,
                    };
                    if !filter.holds(&correlation) {
                        return false;
                    }
                }
                PlannedStage::Limit(limit) => {
                    let count = &mut self.counts[at];
                    if *count >= *limit {
                        return false;
                    }
                    *count += u64::from(decided);
                    if *count == *limit && !self.end.is_over() {
                        self.end = End::Decided;
                        self.limited = true;
                    }
                }
                PlannedStage::Select(_) => {}
            }
        }
        true
    }

    /// Looks at one session that may have changed.
    fn poll_session(&mut self) -> Found {
        let Policy::Sessions(sessions) = &mut self.joins.policy else { return Found::End };
        let (mut events, holds) = if let Some(update) = self.updates.pop_front() {
            update
        } else {
            let Some(root) = sessions.next_dirty(&mut self.store) else { return Found::End };
            if let [join] = self.joins.shape().joins.as_slice() {
                let mut members = Members::default();
                self.store.ring(root).for_each(|id| members.add(self.store.record(id)));
                if !is_result(join, &members) {
                    return Found::Nothing;
                }
                // The room of the result before it.
                let mut events = std::mem::take(&mut self.polled);
                events.extend(self.store.ring(root));
                (events, true)
            } else {
                let Parts { parts, .. } = results(self.joins.shape(), &self.store, root, false);
                let members: Vec<_> = self.store.ring(root).collect();
                let taken_back = self.taken_back(&members, &parts);
                let updates = parts.into_iter().map(|events| (events, true));
                let updates = updates.chain(taken_back.into_iter().map(|events| (events, false)));
                self.updates.extend(updates.map(|(events, holds)| (events.into(), holds)));
                return Found::Nothing;
            }
        };
        if self.wanted(events.iter().copied(), false).is_none() {
            return self.poll_growing(None, events);
        }
        self.sort(&mut events);
        let kept = holds && self.keeps(&events, false);
        let key = Self::identity_key(&self.joins, &self.store, &events);
        let first = self.store.order(events[0]);
        let identity = Identity { key, events: &[first], is_unique: false };
        let now = self.progress.now();
        let stamp = self.emitter.stamp_update(&mut self.store, &events, &identity, kept, now);
        self.poll_growing(stamp, events)
    }

    /// What has been delivered of the `members` of a component and is no result any more, since what was
    /// taken to follow it does not. A member that has left its correlation is not known as that any more,
    /// and of several results that were one, the first goes on as that.
    pub fn taken_back(&mut self, members: &[EventId], parts: &[Vec<EventId>]) -> Vec<Vec<EventId>> {
        if self.options.emit != Emit::Eager || !self.joins.shape().takes_back() {
            return Vec::new();
        }
        let mut parts: Vec<_> = parts.iter().collect();
        let first = |events: &[EventId]| events.iter().map(|id| self.store.order(*id)).min();
        parts.sort_by_key(|events| first(events));
        let mut goes_on: BTreeMap<DeliveryId, usize> = BTreeMap::new();
        let mut part_of = BTreeMap::new();
        for (at, events) in parts.into_iter().enumerate() {
            for id in events {
                part_of.insert(*id, at);
                goes_on.entry(self.store.delivery(*id)).or_insert(at);
            }
        }
        let mut taken_back: BTreeMap<DeliveryId, Vec<EventId>> = BTreeMap::new();
        for id in members {
            let delivery = self.store.delivery(*id);
            match goes_on.get(&delivery) {
                _ if delivery == DeliveryId::NONE => {}
                None => taken_back.entry(delivery).or_default().push(*id),
                Some(at) if part_of.get(id) == Some(at) => {}
                Some(_) => self.store.set_delivery(*id, DeliveryId::NONE),
            }
        }
        taken_back.into_values().collect()
    }

    /// Looks at one group that may have changed.
    fn poll_group(&mut self) -> Found {
        let Policy::Steps(steps) = &mut self.joins.policy else { return Found::End };
        let Some(group) = steps.next_growing(&self.store) else { return Found::End };
        let delivered = group.delivery != DeliveryId::NONE;
        if self.wanted(group.events.iter().copied(), delivered).is_none() {
            return Found::Nothing;
        }
        let kept = self.keeps(&group.events, false);
        let key = Self::identity_key(&self.joins, &self.store, &group.events);
        let events: Orders = group.identity.iter().map(|id| self.store.order(*id)).collect();
        let identity = Identity { key, events: &events, is_unique: false };
        let now = self.progress.now();
        let stamp = self.emitter.stamp_group(&self.store, &group, &identity, kept, now);
        let stamp = stamp.map(|(stamp, delivery)| {
            if let Policy::Steps(steps) = &mut self.joins.policy {
                steps.delivered(&group, delivery);
            }
            stamp
        });
        self.poll_growing(stamp, group.events)
    }

    fn poll_growing(&mut self, stamp: Option<Stamp>, events: EventIds) -> Found {
        self.polled = events;
        let Some(stamp) = stamp else {
            self.polled.clear();
            return Found::Nothing;
        };
        self.stamp = stamp;
        self.polled_is_final = false;
        self.deliveries += 1;
        Found::Correlation
    }

    fn sort(&self, events: &mut [EventId]) {
        if !events.is_sorted_by_key(|id| self.store.order(*id)) {
            events.sort_unstable_by_key(|id| self.store.order(*id));
        }
    }

    /// The key of the first join, of the earliest event that has one.
    pub fn identity_key<'a>(joins: &'a Joins, store: &Store, events: &[EventId]) -> &'a [u8] {
        let mut keys = events.iter().filter_map(|id| joins.tables.key(store, *id, 0));
        keys.next().unwrap_or_default()
    }
}
