//! What a poll takes: the next correlation to deliver, of those that are decided and those that may
//! still grow.

use super::flow::{End, Flow};
use crate::correlation::Correlation;
use crate::emit::{Decided, Emit, Identity, Stamp};
use crate::id::{DeliveryId, EventId, EventIds};
use crate::join::results::{Parts, is_result};
use crate::join::{Joins, Open, Policy};
use crate::stage::PlannedStage;
use crate::window::record::{EventOrder, Members};
use crate::window::store::Store;

/// What looking for a correlation to deliver has come to.
enum Found {
    /// There is one.
    Correlation,
    /// What was looked at is none; there may be more.
    Nothing,
    /// There is nothing to look at.
    End,
}

/// Results of a component that may have changed.
#[derive(Debug, Default)]
pub(super) struct Updates {
    all: Parts,
    /// So many of them, the first, are results; the others have turned out to be none.
    holding: usize,
    next: usize,
}

impl Updates {
    /// Takes those of a component in place of what has been taken.
    fn fill(&mut self, parts: &Parts, taken_back: &Parts) {
        self.clear();
        parts.iter().chain(taken_back.iter()).for_each(|events| self.all.push(events));
        self.holding = parts.len();
    }

    /// The next one, with whether it is a result.
    fn next(&mut self) -> Option<(&[EventId], bool)> {
        let number = self.next;
        let events = self.all.get(number)?;
        self.next += 1;
        Some((events, number < self.holding))
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.all.clear();
        self.next = 0;
    }
}

/// What is no result any more, with the buffers to find that in.
#[derive(Debug, Default)]
pub(super) struct TakenBack {
    /// The events of each correlation.
    pub lists: Parts,
    /// The first event of each part, with its number.
    firsts: Vec<(Option<EventOrder>, usize)>,
    /// The place of the part of each event among all of them by their first event.
    part_of: Vec<(EventId, usize)>,
    /// The place of the part that each correlation goes on as.
    goes_on: Vec<(DeliveryId, usize)>,
    /// Members that were part of what does not go on.
    gone: Vec<(DeliveryId, usize)>,
}

impl TakenBack {
    fn clear(&mut self) {
        self.lists.clear();
        self.firsts.clear();
        self.part_of.clear();
        self.goes_on.clear();
        self.gone.clear();
    }
}

/// What is listed for something, in a list that is in order.
fn found<T: Copy + Ord>(list: &[(T, usize)], item: T) -> Option<usize> {
    list.binary_search_by_key(&item, |(other, _)| *other).ok().map(|at| list[at].1)
}

impl Flow {
    /// Begins a change that may need room.
    pub fn begin(&mut self) {
        self.begin_poll();
        self.check_room();
        self.look_again();
    }

    /// What was looked at for delivery has to be looked at again.
    pub fn look_again(&mut self) {
        while let Some((events, _)) = self.updates.next() {
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
                let (mut is_sorted, mut last) = (true, None);
                for id in self.store.ring(ring) {
                    let order = Some(self.store.order(id));
                    is_sorted &= last <= order;
                    last = order;
                    polled.push(id);
                }
                if !is_sorted {
                    self.sort(&mut polled);
                }
                (None, truncated, holds)
            }
            Decided::List { number, .. } => {
                let list = self.emitter.take_list(number);
                polled.extend_from_slice(&list.events);
                self.store.lists.give_back(list.events);
                self.closed_by = list.late;
                (Some((list.identity, list.delivery)), list.truncated, true)
            }
        };
        let kept = holds && self.keeps(&polled, true);
        let key = Self::identity_key(&self.joins, &self.store, &polled);
        let stamp = if let Some((identity, delivery)) = list {
            let mut orders = std::mem::take(&mut self.orders);
            orders.extend(identity.iter().map(|id| self.store.order(*id)));
            self.store.lists.give_back(identity);
            let identity = Identity { key, events: &orders, is_unique: false };
            let stamp = self.emitter.stamp_list(&self.store, &polled, &identity, delivery, kept);
            orders.clear();
            self.orders = orders;
            stamp
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
        // The room of the result before it.
        let mut events = std::mem::take(&mut self.polled);
        let holds = if let Some((update, holds)) = self.updates.next() {
            events.extend_from_slice(update);
            holds
        } else {
            self.polled = events;
            let Some(root) = sessions.next_dirty(&mut self.store) else { return Found::End };
            if let [join] = self.joins.shape().joins.as_slice() {
                let mut members = Members::default();
                self.store.ring(root).for_each(|id| members.add(self.store.record(id)));
                if !is_result(join, &members) {
                    return Found::Nothing;
                }
                events = std::mem::take(&mut self.polled);
                events.extend(self.store.ring(root));
                true
            } else {
                let mut evaluation = std::mem::take(&mut self.evaluation);
                evaluation.run(self.joins.shape(), &self.store, root, false);
                let mut back = std::mem::take(&mut self.taken_back);
                self.take_back(evaluation.members(), evaluation.parts(), &mut back);
                self.updates.fill(evaluation.parts(), &back.lists);
                (self.evaluation, self.taken_back) = (evaluation, back);
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

    /// Finds what has been delivered of the `members` of a component and is no result any more, since what was
    /// taken to follow it does not. A member that has left its correlation is not known as that any more,
    /// and of several results that were one, the first goes on as that.
    pub fn take_back(&mut self, members: &[EventId], parts: &Parts, back: &mut TakenBack) {
        back.clear();
        if self.options.emit != Emit::Eager || !self.joins.shape().takes_back() {
            return;
        }
        let TakenBack { lists, firsts, part_of, goes_on, gone } = back;
        for (at, events) in parts.iter().enumerate() {
            let first = events.iter().map(|id| self.store.order(*id)).min();
            firsts.push((first, at));
        }
        firsts.sort_unstable();
        for (place, (_, at)) in firsts.iter().enumerate() {
            for id in parts.get(*at).unwrap_or_default() {
                part_of.push((*id, place));
                goes_on.push((self.store.delivery(*id), place));
            }
        }
        part_of.sort_unstable();
        goes_on.sort_unstable();
        goes_on.dedup_by_key(|(delivery, _)| *delivery);
        for (at, id) in members.iter().enumerate() {
            let delivery = self.store.delivery(*id);
            let place = found(goes_on, delivery);
            if delivery == DeliveryId::NONE {
                continue;
            }
            if place.is_none() {
                gone.push((delivery, at));
            } else if found(part_of, *id) != place {
                self.store.set_delivery(*id, DeliveryId::NONE);
            }
        }
        gone.sort_unstable();
        for same in gone.chunk_by(|(one, _), (other, _)| one == other) {
            lists.push_all(same.iter().map(|(_, at)| members[*at]));
        }
    }

    /// Looks at one group that may have changed.
    fn poll_group(&mut self) -> Found {
        let Policy::Steps(steps) = &mut self.joins.policy else { return Found::End };
        // The room of the result before it.
        let mut events = std::mem::take(&mut self.polled);
        let Some(group) = steps.next_growing(&self.store, &mut events) else {
            self.polled = events;
            return Found::End;
        };
        let delivered = group.delivery != DeliveryId::NONE;
        if self.wanted(events.iter().copied(), delivered).is_none() {
            return self.poll_growing(None, events);
        }
        let kept = self.keeps(&events, false);
        let key = Self::identity_key(&self.joins, &self.store, &events);
        let Policy::Steps(steps) = &self.joins.policy else { return Found::End };
        let mut orders = std::mem::take(&mut self.orders);
        orders.extend(steps.identity(group).iter().map(|id| self.store.order(*id)));
        let identity = Identity { key, events: &orders, is_unique: false };
        let now = self.progress.now();
        let stamp = self.emitter.stamp_group(&self.store, &events, group, &identity, kept, now);
        orders.clear();
        self.orders = orders;
        let stamp = stamp.map(|(stamp, delivery)| {
            if let Policy::Steps(steps) = &mut self.joins.policy {
                steps.delivered(group, delivery);
            }
            stamp
        });
        self.poll_growing(stamp, events)
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
