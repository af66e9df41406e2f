//! The policy `session` within a query that has others, too: groups that are connected by matches.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::connected::Stretches;
use super::step::{Events, Group, ItemId, Side, Step, note_evicted};
use crate::growth::make_room;
use crate::id::{DeliveryId, EventId, KeyId, StreamId};
use crate::join::shape::Shape;
use crate::ordered::Ordered;
use crate::time::{Timestamp, Watermark};
use crate::window::store::Store;

/// What is connected.
#[derive(Debug, Default)]
pub(super) struct Components {
    all: Vec<Component>,
    free: Vec<u32>,
    partials: HashMap<(Side, KeyId), Partial, FixedState>,
    partial_deadlines: Ordered<(Timestamp, Side, KeyId)>,
    partial_firsts: Ordered<(Timestamp, Side, KeyId)>,
    pub stretches: Stretches,
    /// Bytes of what is known of events that items share.
    shared: usize,
}

/// Items that are connected, or one alone.
#[derive(Clone, Debug, Default)]
struct Component {
    items: Vec<ItemId>,
    /// What late events have brought; held once for each.
    late: Vec<EventId>,
    /// Events in it.
    size: usize,
    /// These, where items are results, which may share them.
    events: HashSet<EventId, FixedState>,
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
    first: Timestamp,
    /// Whether it has been reported since it had as many events as it may have: what follows is left
    /// out.
    is_full: bool,
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

    /// Gives back the memory of components, where there are none.
    pub fn trim(&mut self) {
        if self.free.len() == self.all.len() {
            self.shared -= self.all.iter().map(|one| one.events.allocation_size()).sum::<usize>();
            (self.all, self.free) = (Vec::new(), Vec::new());
        }
    }

    pub fn memory(&self) -> usize {
        self.all.capacity() * (size_of::<Component>() + FEW * size_of::<ItemId>())
            + self.partials.capacity() * size_of::<((Side, KeyId), Partial)>()
            + self.stretches.memory()
            + self.shared
    }

    /// Counts events that come into a component, those that it has already once.
    fn count(&mut self, at: u32, events: impl Iterator<Item = EventId>, are_shared: bool) {
        let component = &mut self.all[at as usize];
        if are_shared {
            self.shared -= component.events.allocation_size();
            component.events.extend(events);
            self.shared += component.events.allocation_size();
            component.size = component.events.len();
        } else {
            component.size += events.count();
        }
    }

    /// A component without anything in it.
    fn begin(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            make_room(&mut self.all);
            self.all.push(Component::default());
            u32::try_from(self.all.len() - 1).expect("not more than items")
        })
    }

    /// Takes a component out.
    fn take(&mut self, at: u32) -> Component {
        std::mem::take(&mut self.all[at as usize])
    }

    /// Keeps the room of a component that has been taken out for the next one.
    fn give_back(&mut self, at: u32, mut component: Component) {
        let Component { items, late, size, events, .. } = &mut component;
        self.shared -= events.allocation_size();
        items.clear();
        late.clear();
        events.clear();
        *size = 0;
        items.shrink_to(MANY);
        late.shrink_to(MANY);
        events.shrink_to(MANY);
        self.shared += events.allocation_size();
        self.all[at as usize] = component;
        self.free.push(at);
    }
}

/// Items that a component has room for once it has one.
const FEW: usize = 4;

/// So much of what a component had keeps its room.
const MANY: usize = 64;

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
        let are_shared = [Side::Left, Side::Right].iter().any(|side| self.stream(*side).is_none());
        let mut components = std::mem::take(&mut self.number_buffer);
        components.extend(matches.iter().map(|id| self.item(*id).component));
        components.sort_unstable_by_key(|at| {
            (std::cmp::Reverse(self.components.all[*at as usize].items.len()), *at)
        });
        components.dedup();
        for id in matches {
            self.item_mut(*id).matched = true;
        }
        if kept {
            let own = self.components.begin();
            self.components.count(own, group.events.iter().copied(), are_shared);
            let id = self.add(shape, store, side, group, !matches.is_empty());
            let deadline = self.item(id).deadline;
            let component = &mut self.components.all[own as usize];
            component.items.push(id);
            component.deadline = deadline;
            self.item_mut(id).component = own;
            self.deadlines.insert((deadline, own));
            components.push(own);
            self.unite(&components);
            self.enter_stretches(store, id);
            let whole = components[0];
            if self.components.all[whole as usize].size >= self.max_events {
                self.close_early(shape, store, whole);
            }
        } else if let Some(first) = components.first().copied() {
            self.unite(&components);
            self.components.count(first, group.events.iter().copied(), are_shared);
            self.components.all[first as usize].late.extend(&group.events);
            store.lists.give_back(group.events);
            store.lists.give_back(group.identity);
        } else {
            self.drop_group(store, group);
        }
        components.clear();
        self.number_buffer = components;
    }

    /// Closes what is connected before its time.
    pub(super) fn close_early(&mut self, shape: &Shape, store: &mut Store, at: u32) {
        let component = self.components.take(at);
        self.deadlines.remove(&(component.deadline, at));
        self.close(shape, store, &component, true);
        self.components.give_back(at, component);
    }

    /// Makes one component of several: the first, which is the largest.
    fn unite(&mut self, components: &[u32]) {
        let Some((into, others)) = components.split_first() else { return };
        for other in others {
            let mut absorbed = self.components.take(*other);
            self.deadlines.remove(&(absorbed.deadline, *other));
            for id in &absorbed.items {
                self.item_mut(*id).component = *into;
            }
            let kept = &mut self.components.all[*into as usize];
            self.deadlines.remove(&(kept.deadline, *into));
            kept.deadline = kept.deadline.max(absorbed.deadline);
            self.deadlines.insert((kept.deadline, *into));
            kept.items.append(&mut absorbed.items);
            kept.late.append(&mut absorbed.late);
            if absorbed.events.is_empty() {
                kept.size += absorbed.size;
            } else {
                self.components.count(*into, absorbed.events.iter().copied(), true);
            }
            self.components.give_back(*other, absorbed);
        }
    }

    pub(super) fn expire_sessions(&mut self, shape: &Shape, store: &mut Store, low: Watermark) {
        while let Some((deadline, at)) = self.deadlines.first().copied() {
            if !low.has_passed(deadline) {
                break;
            }
            self.deadlines.pop_first();
            let component = self.components.take(at);
            self.close(shape, store, &component, false);
            self.components.give_back(at, component);
        }
        while let Some((deadline, side, key)) = self.components.partial_deadlines.first().copied() {
            if !low.has_passed(deadline) {
                break;
            }
            self.components.partial_deadlines.pop_first();
            self.close_partial(store, side, key);
        }
    }

    /// Makes a result of what is connected; nothing is claimed to be unmatched where that is
    /// `early`.
    fn close(&mut self, shape: &Shape, store: &mut Store, component: &Component, early: bool) {
        let mut events = std::mem::take(&mut self.event_buffer);
        events.extend_from_slice(&component.late);
        let mut earliest: Option<Group> = None;
        let (mut side, mut matched, mut truncated) = (Side::Left, false, early);
        for id in &component.items {
            let item = self.remove(store, *id);
            self.leave_stretches(store, item.side, &item.group);
            truncated |= item.group.truncated;
            events.extend(&item.group.events);
            (side, matched) = (item.side, item.matched);
            let earlier = earliest.as_ref().is_none_or(|group| {
                store.order(item.group.events[0]) < store.order(group.events[0])
            });
            let dropped = if item.side == Side::Left && earlier {
                earliest.replace(item.group)
            } else {
                Some(item.group)
            };
            for list in dropped.into_iter().flat_map(|group| [group.events, group.identity]) {
                store.lists.give_back(list);
            }
        }
        events.sort_unstable_by_key(|id| store.order(*id));
        // Groups may share events; each is held once for each group.
        let mut once = store.lists.copy(&events);
        once.dedup();
        if early {
            note_evicted(store, &once);
        }
        super::step::hold(store, &once);
        self.let_go(store, &events);
        events.clear();
        self.event_buffer = events;
        let identity = match earliest {
            Some(group) if self.stream(Side::Left).is_none() => {
                store.lists.give_back(group.events);
                group.identity
            }
            _ => Events::from_slice(&once[..1]),
        };
        let group = Group { events: once, identity, truncated };
        if matched && self.shape.kind.reports_matches() {
            self.find(group, DeliveryId::NONE);
        } else if !matched && !early && self.reports(side) {
            match self.stream(side) {
                Some(stream) => self.add_partial(shape, store, side, stream, group),
                None => self.find_unmatched(shape, store, group, DeliveryId::NONE),
            }
        } else {
            self.drop_group(store, group);
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
        let key = store.key(event, self.shape.table);
        if key == KeyId::NONE || !shape.can_tell_unmatched(store, event, self.join) {
            self.find_unmatched(shape, store, group, DeliveryId::NONE);
            return;
        }
        let time = store.record(event).time;
        let partial = shape.streams[stream.index()].partial;
        let gap = partial.expect("its unmatched events are reported").gap;
        if let Some(partial) = self.components.partials.get_mut(&(side, key)) {
            if time.since(partial.last) <= gap {
                self.components.partial_deadlines.remove(&(partial.deadline, side, key));
                let is_full = partial.is_full;
                if !is_full {
                    partial.events.push(event);
                }
                partial.last = time;
                partial.until = time.plus(gap);
                partial.deadline = partial.until;
                self.components.partial_deadlines.insert((partial.deadline, side, key));
                let is_now_full = partial.events.len() >= self.max_events;
                if is_full {
                    self.leave_out(store, &[event]);
                    self.let_go(store, &[event]);
                } else if is_now_full {
                    self.report_full(store, side, key);
                }
                return;
            }
            self.components.partial_deadlines.remove(&(partial.deadline, side, key));
            self.report_partial(store, side, key, false);
        }
        let until = time.plus(gap);
        let partial = Partial {
            events: group.events,
            last: time,
            until,
            deadline: until,
            first: time,
            is_full: false,
        };
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
        self.report_partial(store, side, key, false);
    }

    /// The unmatched events of a key that wait for more, if they have this one.
    pub(super) fn has_partial(&self, side: Side, key: KeyId, event: EventId) -> bool {
        let partial = self.components.partials.get(&(side, key));
        partial.is_some_and(|partial| partial.events.contains(&event))
    }

    pub(super) fn report_partial(&mut self, store: &Store, side: Side, key: KeyId, early: bool) {
        let partial = self.components.partials.remove(&(side, key)).expect("it waits");
        self.components.partial_firsts.remove(&(partial.first, side, key));
        self.components.partial_deadlines.remove(&(partial.deadline, side, key));
        if !partial.is_full {
            self.find_partial(store, partial.events, early);
        }
    }

    /// Reports the unmatched events of a key early. What follows them is still waited for.
    fn report_full(&mut self, store: &Store, side: Side, key: KeyId) {
        let partial = self.components.partials.get_mut(&(side, key)).expect("it waits");
        partial.is_full = true;
        let events = std::mem::take(&mut partial.events);
        self.find_partial(store, events, true);
    }

    fn find_partial(&mut self, store: &Store, mut events: Events, truncated: bool) {
        // Events of one time are decided in no order.
        events.sort_unstable_by_key(|id| store.order(*id));
        let identity = Events::from_slice(&events[..1]);
        self.find(Group { events, identity, truncated }, DeliveryId::NONE);
    }
}
