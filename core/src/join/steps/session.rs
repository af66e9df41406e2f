//! The policy `session` within a query that has others, too: groups that are connected by matches.

use std::collections::BTreeSet;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::step::{Events, Group, ItemId, Side, Step};
use crate::id::{DeliveryId, EventId, KeyId, StreamId};
use crate::join::shape::Shape;
use crate::time::{Timestamp, Watermark};
use crate::window::store::Store;

/// What is connected.
#[derive(Debug, Default)]
pub(super) struct Components {
    all: Vec<Component>,
    free: Vec<u32>,
    partials: HashMap<(Side, KeyId), Partial, FixedState>,
    partial_deadlines: BTreeSet<(Timestamp, Side, KeyId)>,
    partial_firsts: BTreeSet<(Timestamp, Side, KeyId)>,
}

/// Items that are connected, or one alone.
#[derive(Clone, Debug, Default)]
struct Component {
    items: Vec<ItemId>,
    /// What late events have brought; held once for each.
    late: Vec<EventId>,
    deadline: Timestamp,
}

/// Unmatched events of one key, in event order.
#[derive(Clone, Debug)]
struct Partial {
    events: Events,
    last: Timestamp,
    /// Nothing later extends it.
    until: Timestamp,
    /// When that is known.
    deadline: Timestamp,
}

impl Components {
    /// The earliest event of a partial session that waits.
    pub fn first(&self) -> Option<Timestamp> {
        self.partial_firsts.first().map(|(first, ..)| *first)
    }

    /// When the next partial session may be decided.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.partial_deadlines.first().map(|(deadline, ..)| *deadline)
    }

    pub fn memory(&self) -> usize {
        self.all.capacity() * size_of::<Component>()
            + self.partials.capacity() * size_of::<((Side, KeyId), Partial)>()
    }
}

impl Step {
    pub(super) fn accept_session(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        side: Side,
        group: Group,
        matches: &[ItemId],
        kept: bool,
    ) {
        let mut components: Vec<u32> = matches.iter().map(|id| self.item(*id).component).collect();
        components.sort_unstable_by_key(|at| {
            (std::cmp::Reverse(self.components.all[*at as usize].items.len()), *at)
        });
        components.dedup();
        for id in matches {
            self.item_mut(*id).matched = true;
        }
        if !kept {
            if let Some(first) = components.first().copied() {
                self.unite(&components);
                self.components.all[first as usize].late.extend(&group.events);
            } else {
                self.let_go(store, &group.events);
            }
            return;
        }
        let id = self.add(shape, store, side, group, !matches.is_empty());
        let deadline = self.item(id).deadline;
        let own = self.components.free.pop().unwrap_or_else(|| {
            self.components.all.push(Component::default());
            u32::try_from(self.components.all.len() - 1).expect("not more than items")
        });
        self.components.all[own as usize] =
            Component { items: vec![id], late: Vec::new(), deadline };
        self.item_mut(id).component = own;
        self.deadlines.insert((deadline, own));
        components.push(own);
        self.unite(&components);
    }

    /// Makes one component of several: the first, which is the largest.
    fn unite(&mut self, components: &[u32]) {
        let Some((into, others)) = components.split_first() else { return };
        for other in others {
            let absorbed = std::mem::take(&mut self.components.all[*other as usize]);
            self.components.free.push(*other);
            self.deadlines.remove(&(absorbed.deadline, *other));
            for id in &absorbed.items {
                self.item_mut(*id).component = *into;
            }
            let kept = &mut self.components.all[*into as usize];
            self.deadlines.remove(&(kept.deadline, *into));
            kept.deadline = kept.deadline.max(absorbed.deadline);
            self.deadlines.insert((kept.deadline, *into));
            kept.items.extend(absorbed.items);
            kept.late.extend(absorbed.late);
        }
    }

    pub(super) fn expire_sessions(&mut self, shape: &Shape, store: &mut Store, low: Watermark) {
        while let Some((deadline, at)) = self.deadlines.first().copied() {
            if !low.has_passed(deadline) {
                break;
            }
            self.deadlines.pop_first();
            let component = std::mem::take(&mut self.components.all[at as usize]);
            self.components.free.push(at);
            self.close(shape, store, component);
        }
        while let Some((deadline, side, key)) = self.components.partial_deadlines.first().copied() {
            if !low.has_passed(deadline) {
                break;
            }
            self.components.partial_deadlines.pop_first();
            self.close_partial(store, side, key);
        }
    }

    fn close(&mut self, shape: &Shape, store: &mut Store, component: Component) {
        let mut events: Vec<EventId> = component.late;
        let mut earliest: Option<Group> = None;
        let (mut side, mut matched) = (Side::Left, false);
        for id in component.items {
            let item = self.remove(store, id);
            events.extend(&item.group.events);
            (side, matched) = (item.side, item.matched);
            let earlier = earliest.as_ref().is_none_or(|group| {
                store.order(item.group.events[0]) < store.order(group.events[0])
            });
            if item.side == Side::Left && earlier {
                earliest = Some(item.group);
            }
        }
        events.sort_unstable_by_key(|id| store.order(*id));
        // Groups may share events; each is held once for each group.
        let mut once = events.clone();
        once.dedup();
        super::step::hold(store, &once);
        self.let_go(store, &events);
        let identity = match earliest {
            Some(group) if self.stream(Side::Left).is_none() => group.identity,
            _ => Events::from_slice(&once[..1]),
        };
        let group = Group { events: once.into(), identity };
        if matched && self.shape.kind.reports_matches() {
            self.find(group, DeliveryId::NONE);
        } else if !matched && self.reports(side) {
            match self.stream(side) {
                Some(stream) => self.add_partial(shape, store, side, stream, group),
                None => self.find(group, DeliveryId::NONE),
            }
        } else {
            self.let_go(store, &group.events);
        }
    }

    /// Puts an unmatched event into the partial session of its key.
    fn add_partial(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        side: Side,
        stream: StreamId,
        group: Group,
    ) {
        let event = group.events[0];
        let key = store.keys(event)[self.shape.table];
        if key == KeyId::NONE {
            self.find(group, DeliveryId::NONE);
            return;
        }
        let time = store.record(event).time;
        let partial = shape.streams[stream.index()].partial;
        let gap = partial.expect("its unmatched events are reported").gap;
        if let Some(partial) = self.components.partials.get_mut(&(side, key)) {
            if time.since(partial.last) <= gap {
                self.components.partial_deadlines.remove(&(partial.deadline, side, key));
                partial.events.push(event);
                partial.last = time;
                partial.until = time.plus(gap);
                partial.deadline = partial.until;
                self.components.partial_deadlines.insert((partial.deadline, side, key));
                return;
            }
            self.components.partial_deadlines.remove(&(partial.deadline, side, key));
            self.report_partial(store, side, key);
        }
        let until = time.plus(gap);
        let partial = Partial { events: group.events, last: time, until, deadline: until };
        self.components.partial_deadlines.insert((until, side, key));
        self.components.partial_firsts.insert((time, side, key));
        self.components.partials.insert((side, key), partial);
    }

    /// Nothing unmatched can follow within the gap, unless it is still undecided.
    fn close_partial(&mut self, store: &Store, side: Side, key: KeyId) {
        let partial = &self.components.partials[&(side, key)];
        let stream = self.stream(side).expect("partial sessions are those of a stream");
        if let Some(next) = self.next_of(stream, key, side, partial.last, partial.until) {
            // Whatever is decided by now has been looked at already.
            let component = self.item(next).component;
            let decided = self.components.all[component as usize].deadline;
            let partial = self.components.partials.get_mut(&(side, key));
            partial.expect("it waits").deadline = decided;
            self.components.partial_deadlines.insert((decided, side, key));
            return;
        }
        self.report_partial(store, side, key);
    }

    fn report_partial(&mut self, store: &Store, side: Side, key: KeyId) {
        let mut partial = self.components.partials.remove(&(side, key)).expect("it waits");
        // Events of one time are decided in no order.
        partial.events.sort_unstable_by_key(|id| store.order(*id));
        let first = partial.events[0];
        self.components.partial_firsts.remove(&(store.record(first).time, side, key));
        let group = Group { identity: Events::from_slice(&[first]), events: partial.events };
        self.find(group, DeliveryId::NONE);
    }
}
