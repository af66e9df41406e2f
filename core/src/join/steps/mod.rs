//! Joins whose matches are picked: pairs, the first or the latest, groups, and sessions among them.
//!
//! Each join of the plan is a step; what a step finds comes to the step that takes it as an operand.
//! Time moves event by event: where the outcome must not depend on how sources interleave, an event
//! waits until the watermark has passed it, and is then taken in event order. A step decides what
//! is unmatched when nothing older can come to it, neither from its streams nor from earlier steps.
//! An event is held for as long as a step or a result holds it. An event costs a search per step it
//! matches in; what waits for it costs nothing.

mod connected;
mod evict;
mod pick;
mod queue;
mod search;
mod session;
mod step;

use std::collections::VecDeque;

use crate::id::{DeliveryId, EventId, EventIds, KeyId};
use crate::join::Inserted;
use crate::join::shape::Shape;
use crate::ordered::Ordered;
use crate::plan::{Operand, Pick, Plan};
use crate::time::{Span, Timestamp, Watermark};
use crate::window::record::{Arrival, EventOrder, Link};
use crate::window::store::Store;

use step::{Events, Found, Group, LeftOut, Side, Step};

/// A result of the query.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// When it was decided: of what a late event has made, the last time that had passed.
    pub close: Timestamp,
    /// The number of that event, or 0.
    pub late: u32,
    /// In event order.
    pub events: EventIds,
    /// Those that identify it.
    pub identity: EventIds,
    /// The correlation as which it has been delivered before.
    pub delivery: DeliveryId,
    /// Whether events that belong to it are missing.
    pub truncated: bool,
}

/// A result of the query that may grow.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Growing {
    /// What [`Steps::touch`] knows it by.
    pub item: u32,
    pub delivery: DeliveryId,
}

/// Bytes that may be used before somebody looks at the bounds.
#[derive(Copy, Clone, Debug)]
struct Room {
    found: usize,
    held: usize,
}

/// As many of what is found and taken again keep their room.
const FEW: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Steps {
    /// One per join.
    all: Vec<Step>,
    /// The step, and its side, that takes what a step finds; `None` for the last.
    taken_by: Vec<Option<(usize, Side)>>,
    /// Events that are not taken yet, where they are taken in event order.
    ahead: Ordered<(EventOrder, EventId)>,
    in_order: bool,
    /// No event older than this will be taken.
    clock: Watermark,
    outcomes: VecDeque<Outcome>,
    /// Bytes of `outcomes`.
    found: usize,
    /// Whether something waits that the watermark has passed, until there is room for what it leads to.
    is_behind: bool,
    gone: VecDeque<EventId>,
}

impl Steps {
    /// The steps of a plan. Where results may be told before the watermark has passed them
    /// (`eager`), events are taken as they arrive, unless a policy depends on their order.
    pub fn new(plan: &Plan, shape: &Shape, eager: bool, max_events: usize) -> Self {
        let picks = plan.joins.iter().map(|join| join.pick.clone());
        let steps: Vec<_> =
            picks.enumerate().map(|(at, pick)| Step::new(shape, at, pick, max_events)).collect();
        let takes = |step: usize, operand: Operand| operand == Operand::Join(step);
        let taken_by = (0..steps.len()).map(|step| {
            plan.joins.iter().enumerate().find_map(|(at, join)| {
                (takes(step, join.left).then_some((at, Side::Left)))
                    .or_else(|| takes(step, join.right).then_some((at, Side::Right)))
            })
        });
        let depends_on_order =
            plan.joins.iter().any(|join| matches!(join.pick, Pick::First | Pick::Latest));
        Self {
            taken_by: taken_by.collect(),
            all: steps,
            ahead: Ordered::default(),
            in_order: !eager || depends_on_order,
            clock: Watermark::START,
            outcomes: VecDeque::new(),
            found: 0,
            is_behind: false,
            gone: VecDeque::new(),
        }
    }

    /// Takes an event whose keys, one per table, are `key_ids`.
    pub fn insert(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        event: &Arrival<'_>,
        key_ids: &[KeyId],
    ) -> Inserted {
        let time = event.time;
        // Held once for waiting, or for being looked at.
        let id = store.add(event, Link::holders(1), key_ids, EventId::NONE);
        if event.late {
            if self.is_behind && !self.clock.makes_late(time) {
                // It matches what is held: that must be as far as it is.
                self.expire(shape, store, Watermark::at(time), usize::MAX);
            }
            return self.take_late(shape, store, id);
        }
        if self.in_order || self.is_behind {
            self.ahead.insert((store.order(id), id));
        } else {
            self.take(shape, store, id, true);
        }
        Inserted::Held(id)
    }

    fn take_late(&mut self, shape: &Shape, store: &mut Store, id: EventId) -> Inserted {
        // Held for the answer.
        step::hold(store, &[id]);
        let matched = self.take(shape, store, id, false);
        step::let_go(store, &[id], &mut self.gone);
        let held = self.gone.back() != Some(&id);
        if !held {
            // Its keys are not held for it, so it is not forgotten as others are.
            self.gone.pop_back();
            store.forget(id);
        }
        Inserted::Late { matched, held }
    }

    /// Takes an event into the step that has its stream. It is held once for this.
    fn take(&mut self, shape: &Shape, store: &mut Store, id: EventId, kept: bool) -> bool {
        let record = store.record(id);
        let (stream, time) = (record.stream, record.time);
        let at = shape.streams[stream.index()].entry;
        let is_left = shape.joins[at].left.streams.contains(&stream.index());
        let side = if is_left { Side::Left } else { Side::Right };
        let group = Group {
            events: Events::from_slice(&[id]),
            identity: Events::from_slice(&[id]),
            truncated: false,
        };
        let matched = if kept && self.all[at].queues() {
            self.all[at].enqueue(store, side, group);
            false
        } else {
            self.all[at].accept(shape, store, side, group, kept)
        };
        let late = if kept { 0 } else { store.record(id).arrival };
        let clock = Timestamp::from_nanos(self.clock.as_nanos());
        let now = if kept { time } else { time.max(clock.minus(Span::from_nanos(1))) };
        self.settle(shape, store, now, late);
        matched
    }

    /// Has the watermark move on, event by event. Falls behind it where more than `room` bytes of
    /// results are found, or held for later steps: matches may be very many more than events. What is
    /// decided at one time stays together, to be put in order.
    pub fn expire(&mut self, shape: &Shape, store: &mut Store, watermark: Watermark, room: usize) {
        self.is_behind = true;
        let room = Room { found: room, held: self.memory().saturating_add(room) };
        let mut last = None;
        while let Some((order, id)) = self.ahead.first().copied() {
            if self.in_order {
                if !watermark.has_passed(order.time) {
                    break;
                }
                if !self.run_to(shape, store, Watermark::at(order.time), room, &mut last) {
                    return;
                }
            }
            if self.has_filled(room, last, order.time) {
                return;
            }
            self.ahead.pop_first();
            self.take(shape, store, id, true);
            last = Some(order.time);
        }
        self.is_behind = !self.run_to(shape, store, watermark, room, &mut last);
    }

    /// Lets time pass, from deadline to deadline, from the `last` on that was decided. Returns whether
    /// all of it has.
    fn run_to(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        to: Watermark,
        room: Room,
        last: &mut Option<Timestamp>,
    ) -> bool {
        loop {
            // A deadline that has passed waits for an earlier step.
            let ahead = self.deadlines().filter(|deadline| !self.clock.has_passed(*deadline));
            let Some(next) = ahead.min().filter(|next| to.has_passed(*next)) else { break };
            if self.has_filled(room, *last, next) {
                return false;
            }
            self.clock = Watermark::at(next.plus(Span::from_nanos(1)));
            self.settle(shape, store, next, 0);
            *last = Some(next);
        }
        self.clock = self.clock.max(to);
        self.settle(shape, store, Timestamp::from_nanos(to.as_nanos()), 0);
        true
    }

    fn has_filled(&self, room: Room, last: Option<Timestamp>, next: Timestamp) -> bool {
        let is_full = self.found > room.found || self.memory() > room.held;
        is_full && last.is_some_and(|last| last != next)
    }

    /// Whether something waits that the watermark has passed.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Has events wait until what is found is taken.
    pub fn fall_behind(&mut self) {
        self.is_behind = true;
    }

    fn deadlines(&self) -> impl Iterator<Item = Timestamp> {
        self.all.iter().flat_map(Step::next_deadlines)
    }

    /// Decides what can be decided, and hands on what has been found, as of `now`; where a late event has
    /// come, by its number.
    fn settle(&mut self, shape: &Shape, store: &mut Store, now: Timestamp, late: u32) {
        for at in 0..self.all.len() {
            let low = self.low_before(at);
            while let Some((side, group)) = self.all[at].queue.pop(store, low) {
                self.all[at].accept(shape, store, side, group, true);
            }
            let queued = self.all[at].queue.oldest();
            let low = queued.map_or(low, |oldest| low.min(Watermark::at(oldest)));
            self.all[at].expire(shape, store, low);
            let mut found = std::mem::take(&mut self.all[at].found);
            for Found { group, delivery } in found.drain(..) {
                if let Some((next, side)) = self.taken_by[at] {
                    // What a later step finds at once is handed on when its turn comes.
                    if self.all[next].queues() {
                        self.all[next].enqueue(store, side, group);
                    } else {
                        self.all[next].accept(shape, store, side, group, true);
                    }
                } else {
                    self.found += size_of::<Outcome>() + size_of_val(&group.events[..]);
                    self.outcomes.push_back(Outcome {
                        close: now,
                        late,
                        events: group.events,
                        identity: group.identity,
                        delivery,
                        truncated: group.truncated,
                    });
                }
            }
            if found.capacity() > FEW {
                found.shrink_to(FEW);
            }
            self.all[at].found = found;
            self.gone.extend(self.all[at].gone.drain(..));
        }
    }

    /// No event older than this comes to a step any more.
    fn low_before(&self, at: usize) -> Watermark {
        let shape = &self.all[at].shape;
        let sides = [shape.left.operand, shape.right.operand];
        let low = sides.map(|operand| match operand {
            Operand::Stream(_) => self.clock,
            Operand::Join(step) => self.all[step].low(self.low_before(step)),
        });
        low[0].min(low[1])
    }

    /// When something may be decided next.
    pub fn next_close(&self) -> Option<Timestamp> {
        let ahead = self.ahead.first().map(|(order, _)| order.time);
        ahead.into_iter().chain(self.deadlines()).min()
    }

    /// Has a growing result that has been delivered looked at again, if it still waits.
    pub fn touch(&mut self, item: u32) {
        let last = self.all.last_mut().expect("a plan has a join");
        // The place may be that of another by now, which no result is made for.
        if last.waits(item) && last.item(item).delivery != DeliveryId::NONE {
            last.mark_dirty(item);
        }
    }

    /// Gives back the memory of steps in which nothing waits.
    pub fn trim(&mut self) {
        self.all.iter_mut().for_each(Step::trim);
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        let steps: usize = self.all.iter().map(Step::memory).sum();
        steps + self.ahead.memory()
    }

    /// The next result that has been found. All are taken before time goes on.
    pub fn next_outcome(&mut self) -> Option<Outcome> {
        self.found = 0;
        let next = self.outcomes.pop_front();
        if next.is_none() && self.outcomes.capacity() > FEW {
            self.outcomes.shrink_to(FEW);
        }
        next
    }

    /// Events that were left out since a result had as many as it may have, and how many there were of
    /// which it could not be known whether they are unmatched, since the last call.
    pub fn left_out(&mut self) -> (Vec<LeftOut>, u64) {
        let unknown = self.all.iter_mut().map(|step| std::mem::take(&mut step.unknown)).sum();
        let dropped = self.all.iter_mut().map(|step| std::mem::take(&mut step.dropped));
        (dropped.filter(|one| !one.is_empty()).collect(), unknown)
    }

    /// The next event that nothing holds any more.
    pub fn next_gone(&mut self) -> Option<EventId> {
        let next = self.gone.pop_front();
        if next.is_none() && self.gone.capacity() > FEW {
            self.gone.shrink_to(FEW);
        }
        next
    }

    /// Lets go of the events of a result that has been delivered for good, or is not wanted.
    pub fn let_go(&mut self, store: &mut Store, events: &[EventId]) {
        step::let_go(store, events, &mut self.gone);
    }

    /// The next result that holds and may grow, and has changed since it was looked at. Its events are
    /// added to `events`, in event order.
    pub fn next_growing(&mut self, store: &Store, events: &mut EventIds) -> Option<Growing> {
        let last = self.all.last_mut().expect("a plan has a join");
        let item = last.next_dirty(store, events)?;
        Some(Growing { item, delivery: last.item(item).delivery })
    }

    /// The events that identify a growing result.
    pub fn identity(&self, growing: Growing) -> &[EventId] {
        &self.all.last().expect("a plan has a join").item(growing.item).group.identity
    }

    /// The result has been delivered.
    pub fn delivered(&mut self, growing: Growing, delivery: DeliveryId) {
        self.all.last_mut().expect("a plan has a join").item_mut(growing.item).delivery = delivery;
    }
}
