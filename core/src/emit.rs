//! When a result becomes a delivered correlation: final order, ids, revisions, coalescing.
//!
//! Owns what has been delivered and what waits to be. Does not know why events belong together.
//! Results stay as rings in the store until they are taken; nothing is copied.

mod ids;

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::ids::Identity;
use self::ids::Ids;
use crate::growth::{Slab, make_room};
use crate::id::{CorrelationId, DeliveryId, EventId, EventIds};
use crate::join::Open;
use crate::join::steps::{Growing, Outcome};
use crate::time::{Span, Timestamp};
use crate::window::record::{EventOrder, Flags};
use crate::window::store::Store;

/// When correlations are delivered.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Emit {
    /// Each once, when it can no longer change, in a defined order.
    #[default]
    Final,
    /// When it first holds, and again when it grows.
    Eager,
}

/// When and how a result was closed.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Closing {
    pub close: Timestamp,
    /// Whether that was before the watermark had passed it.
    pub is_early: bool,
    /// Whether events that belong to it are or may be missing.
    pub truncated: bool,
    /// Whether it is a result; not where it has turned out to be none after it was delivered.
    pub holds: bool,
}

/// A decided result, in final order.
#[derive(Copy, Clone, Debug)]
struct Ready {
    close: Timestamp,
    first: EventOrder,
    result: Decided,
}

/// A decided result that is to be taken.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Final {
    /// The least where it has been closed early, and so has no place in the order.
    pub close: Timestamp,
    pub result: Decided,
}

/// The events of a decided result.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Decided {
    /// Those of the ring through this one.
    Ring {
        /// One of them.
        ring: EventId,
        /// How many.
        size: u32,
        truncated: bool,
        /// Whether it is a result; not where it has turned out to be none after it was delivered.
        holds: bool,
    },
    /// Those of the [list](Emitter::take_list) of this number.
    List {
        number: u32,
        /// How many.
        size: u32,
    },
}

/// A decided result that may share events with others.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// Its id, but for the occurrence number: the order of those that share their first event. Of those
    /// that share it, too, the last event that identifies each, and which was found first.
    id: CorrelationId,
    last: EventOrder,
    sequence: u64,
    pub events: EventIds,
    /// Those that identify it.
    pub identity: EventIds,
    /// The correlation as which it has been delivered before.
    pub delivery: DeliveryId,
    pub truncated: bool,
    /// The number of the late event that has made it, if one has.
    pub late: u32,
}

impl Decided {
    fn size(self) -> usize {
        let (Self::Ring { size, .. } | Self::List { size, .. }) = self;
        size as usize
    }
}

impl List {
    /// Bytes used.
    fn memory(&self) -> usize {
        let spilled = [&self.events, &self.identity].into_iter().filter(|ids| ids.spilled());
        let events: usize = spilled.map(SmallVec::capacity).sum();
        size_of::<Self>() + events * size_of::<EventId>()
    }
}

/// A correlation that has been delivered and may grow.
#[derive(Clone, Debug)]
struct Delivery {
    id: CorrelationId,
    revision: u32,
    /// Counts deliveries: the correlation that was delivered first survives a merger.
    sequence: u64,
    /// The events that the projection keeps, when last delivered; see [`content`].
    content: u64,
    /// Whether it was withdrawn when last delivered.
    withdrawn: bool,
    /// Host time before which it is not delivered again.
    due: Timestamp,
    /// Whether it waits in `deferred`.
    deferred: bool,
    replaces: Vec<CorrelationId>,
}

/// What a delivery says about a result, besides its events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    pub id: CorrelationId,
    pub revision: u32,
    pub is_final: bool,
    /// Whether it is asked for no longer.
    pub withdrawn: bool,
    /// Whether events that belong to it are or may be missing.
    pub truncated: bool,
    pub replaces: Vec<CorrelationId>,
}

#[derive(Debug)]
pub(crate) struct Emitter {
    interval: Span,
    /// What is decided and waits for its place in the order, in that order. Most come last, or nearly.
    ready: VecDeque<Ready>,
    finals: VecDeque<Final>,
    /// Events in `finals`; one that is in several counts for each.
    waiting: usize,
    /// Those of `ready` and `finals` that are no rings, and their bytes.
    lists: Slab<List>,
    list_memory: usize,
    deliveries: Vec<Delivery>,
    free: Vec<DeliveryId>,
    sequence: u64,
    deferred: BinaryHeap<Reverse<(Timestamp, Open)>>,
    ids: Ids,
}

/// As many decided results may keep their room.
const FEW: usize = 1_024;

impl Emitter {
    /// An emitter for the query with this canonical text, which may use so many bytes to tell results
    /// apart that the same identifies.
    pub fn new(canonical: &str, interval: Span, max_memory: usize) -> Self {
        Self {
            interval,
            ready: VecDeque::new(),
            finals: VecDeque::new(),
            waiting: 0,
            lists: Slab::default(),
            list_memory: 0,
            deliveries: Vec::new(),
            free: Vec::new(),
            sequence: 0,
            deferred: BinaryHeap::new(),
            ids: Ids::new(canonical, max_memory),
        }
    }

    /// A result is decided. It is the ring through `ring`, of `size` events, starts with `first` and
    /// closed at `closing`.
    pub fn decided(&mut self, closing: Closing, first: EventOrder, (ring, size): (EventId, u32)) {
        let Closing { close, is_early, truncated, holds } = closing;
        let result = Decided::Ring { ring, size, truncated, holds };
        self.wait(Ready { close, first, result }, is_early);
    }

    /// A result is decided that may share events with others.
    pub fn decided_list(
        &mut self,
        first: EventOrder,
        hashed: &Identity<'_>,
        outcome: Outcome,
        is_early: bool,
    ) {
        let Outcome { close, late, events, identity, delivery, truncated } = outcome;
        let (id, sequence) = (self.ids.base(hashed), self.sequence);
        let last = hashed.events.last().copied().unwrap_or(first);
        self.sequence += 1;
        let size = u32::try_from(events.len()).expect("fewer events than handles for them");
        let list = List { id, last, sequence, events, identity, delivery, truncated, late };
        self.list_memory += list.memory();
        let number = self.lists.insert(list);
        self.wait(Ready { close, first, result: Decided::List { number, size } }, is_early);
    }

    /// The list of a decided result, which is taken.
    pub fn take_list(&mut self, number: u32) -> List {
        let list = self.lists.take(number);
        self.list_memory -= list.memory();
        list
    }

    /// What is closed early has no place in the order: it does not wait for it.
    fn wait(&mut self, ready: Ready, is_early: bool) {
        if is_early {
            self.finish(Timestamp::MIN, ready.result);
        } else {
            let Self { ready: all, lists, .. } = self;
            let is_before = |other: &Ready| Self::order(lists, other, &ready).is_lt();
            if all.back().is_none_or(is_before) {
                all.push_back(ready);
            } else {
                let at = all.partition_point(is_before);
                all.insert(at, ready);
            }
        }
    }

    /// The order of two decided results. Only lists can share their first event.
    fn order(lists: &Slab<List>, one: &Ready, other: &Ready) -> Ordering {
        let order = one.close.cmp(&other.close).then(one.first.cmp(&other.first));
        order.then_with(|| match (one.result, other.result) {
            (Decided::List { number: one, .. }, Decided::List { number: other, .. }) => {
                let (one, other) = (&lists[one], &lists[other]);
                let order = one.id.cmp(&other.id).then(one.last.cmp(&other.last));
                order.then(one.sequence.cmp(&other.sequence))
            }
            _ => Ordering::Equal,
        })
    }

    fn finish(&mut self, close: Timestamp, result: Decided) {
        self.waiting += result.size();
        self.finals.push_back(Final { close, result });
    }

    /// The first close of what is decided and has not been taken.
    pub fn first_close(&self) -> Option<Timestamp> {
        let mut finals = self.finals.iter().map(|next| next.close);
        let first = finals.find(|close| *close > Timestamp::MIN);
        first.or_else(|| self.ready.front().map(|ready| ready.close))
    }

    /// Puts decided results that closed before `limit` into their final order; `None` lets all go.
    pub fn release(&mut self, limit: Option<Timestamp>) {
        while let Some(ready) = self.ready.front() {
            if limit.is_some_and(|limit| ready.close >= limit) {
                break;
            }
            let Some(ready) = self.ready.pop_front() else { break };
            self.finish(ready.close, ready.result);
        }
        if self.ready.capacity() > FEW && self.ready.len() < self.ready.capacity() / 4 {
            self.ready.shrink_to(self.ready.capacity() / 2);
        }
    }

    /// The next final result.
    #[inline]
    pub fn next_final(&mut self) -> Option<Final> {
        let next = self.finals.pop_front()?;
        self.waiting -= next.result.size();
        if self.finals.capacity() > FEW && self.finals.len() < self.finals.capacity() / 4 {
            self.finals.shrink_to(self.finals.capacity() / 2);
        }
        Some(next)
    }

    /// Final results that wait to be taken.
    pub fn backlog(&self) -> usize {
        self.finals.len()
    }

    /// Bytes used by decided results.
    pub fn waiting_memory(&self) -> usize {
        self.list_memory
            + self.finals.capacity() * size_of::<Final>()
            + self.ready.capacity() * size_of::<Ready>()
    }

    /// Whether decided results wait for their place in the order.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Events in final results that wait to be taken; one that is in several counts for each.
    pub fn waiting_events(&self) -> usize {
        self.waiting
    }

    /// The stamp of a result that can no longer change; `None` where it is not to be delivered,
    /// since the stages do not keep it (`kept`) and nobody knows it.
    pub fn stamp_final(
        &mut self,
        store: &mut Store,
        events: &[EventId],
        identity: &Identity<'_>,
        kept: bool,
    ) -> Option<Stamp> {
        let delivery = self.merge(store, events).unwrap_or(DeliveryId::NONE);
        let stamp = self.stamp_list(store, events, identity, delivery, kept);
        if delivery != DeliveryId::NONE {
            for id in events {
                store.set_delivery(*id, DeliveryId::NONE);
            }
        }
        stamp
    }

    /// The stamp of a result that can no longer change, and has been delivered as `delivery`.
    pub fn stamp_list(
        &mut self,
        store: &Store,
        events: &[EventId],
        identity: &Identity<'_>,
        delivery: DeliveryId,
        kept: bool,
    ) -> Option<Stamp> {
        if delivery == DeliveryId::NONE {
            if !kept {
                return None;
            }
            let id = self.ids.next(store, identity);
            return Some(Stamp {
                id,
                revision: 1,
                is_final: true,
                withdrawn: false,
                truncated: false,
                replaces: Vec::new(),
            });
        }
        let delivered = &mut self.deliveries[delivery.index()];
        let unchanged = delivered.content == content(store, events) && kept != delivered.withdrawn;
        let stamp = Stamp {
            id: delivered.id,
            revision: delivered.revision + u32::from(!unchanged),
            is_final: true,
            withdrawn: !kept,
            truncated: false,
            replaces: std::mem::take(&mut delivered.replaces),
        };
        let is_told = kept || !delivered.withdrawn;
        self.free.push(delivery);
        is_told.then_some(stamp)
    }

    /// The stamp of a result that may still grow; `None` when nothing is to be delivered now.
    pub fn stamp_update(
        &mut self,
        store: &mut Store,
        events: &[EventId],
        identity: &Identity<'_>,
        kept: bool,
        now: Option<Timestamp>,
    ) -> Option<Stamp> {
        let absorbs = self.deliveries_of(store, events);
        let survivor = absorbs.first().copied().unwrap_or(DeliveryId::NONE);
        let open = Open::Session(events[0]);
        let merges = absorbs.len() > 1;
        if !self.is_wanted(store, events, survivor, merges, open, kept, now) {
            return None;
        }
        self.absorb(&absorbs);
        let (stamp, delivery) = self.revise(store, events, identity, survivor, kept, now);
        for id in events {
            store.set_delivery(*id, delivery);
        }
        Some(stamp)
    }

    /// The stamp of a growing group, and what it is delivered as; `None` when nothing is to be
    /// delivered now.
    pub fn stamp_group(
        &mut self,
        store: &Store,
        events: &[EventId],
        group: Growing,
        identity: &Identity<'_>,
        kept: bool,
        now: Option<Timestamp>,
    ) -> Option<(Stamp, DeliveryId)> {
        let Growing { item, delivery } = group;
        let open = Open::Group(item);
        let wanted = self.is_wanted(store, events, delivery, false, open, kept, now);
        wanted.then(|| self.revise(store, events, identity, delivery, kept, now))
    }

    /// Whether a result that may still grow is to be delivered now. Where it is too early, that is
    /// remembered.
    #[expect(clippy::too_many_arguments, reason = "all that delivery depends on")]
    fn is_wanted(
        &mut self,
        store: &Store,
        events: &[EventId],
        delivery: DeliveryId,
        merges: bool,
        open: Open,
        kept: bool,
        now: Option<Timestamp>,
    ) -> bool {
        if delivery == DeliveryId::NONE {
            return kept;
        }
        let delivered = &mut self.deliveries[delivery.index()];
        let unchanged = delivered.content == content(store, events) && kept != delivered.withdrawn;
        if !merges && (unchanged || (!kept && delivered.withdrawn)) {
            return false;
        }
        let early = now.is_some_and(|now| now < delivered.due);
        if early && !delivered.deferred {
            delivered.deferred = true;
            self.deferred.push(Reverse((delivered.due, open)));
        }
        !early
    }

    /// Counts one more revision of a result that may still grow.
    fn revise(
        &mut self,
        store: &Store,
        events: &[EventId],
        identity: &Identity<'_>,
        delivery: DeliveryId,
        kept: bool,
        now: Option<Timestamp>,
    ) -> (Stamp, DeliveryId) {
        let delivery = if delivery == DeliveryId::NONE {
            let id = self.ids.next(store, identity);
            self.begin(id)
        } else {
            delivery
        };
        let due = now.map_or(Timestamp::MIN, |now| now.plus(self.interval));
        let delivered = &mut self.deliveries[delivery.index()];
        delivered.revision += 1;
        delivered.content = content(store, events);
        delivered.withdrawn = !kept;
        delivered.due = due;
        delivered.deferred = false;
        let stamp = Stamp {
            id: delivered.id,
            revision: delivered.revision,
            is_final: false,
            withdrawn: !kept,
            truncated: false,
            replaces: delivered.replaces.clone(),
        };
        (stamp, delivery)
    }

    /// The next deferred result that is due at `now`.
    pub fn take_due(&mut self, now: Timestamp) -> Option<Open> {
        let Reverse((due, open)) = *self.deferred.peek()?;
        if due > now {
            return None;
        }
        self.deferred.pop();
        Some(open)
    }

    /// When the next deferred result is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.deferred.peek().map(|Reverse((due, _))| *due)
    }

    /// The distinct deliveries the events are part of, the one delivered first in front.
    fn deliveries_of(&self, store: &Store, events: &[EventId]) -> SmallVec<[DeliveryId; 4]> {
        if self.deliveries.is_empty() {
            return SmallVec::new();
        }
        let mut all = SmallVec::new();
        for id in events {
            let delivery = store.delivery(*id);
            // Mostly there is one.
            if delivery != DeliveryId::NONE && !all.ends_with(&[delivery]) {
                all.push(delivery);
            }
        }
        all.sort_unstable_by_key(|delivery| self.deliveries[delivery.index()].sequence);
        all.dedup();
        all
    }

    fn merge(&mut self, store: &Store, events: &[EventId]) -> Option<DeliveryId> {
        let all = self.deliveries_of(store, events);
        self.absorb(&all);
        all.first().copied()
    }

    /// Makes the first delivery replace the others.
    fn absorb(&mut self, all: &[DeliveryId]) {
        let Some((survivor, others)) = all.split_first() else { return };
        for other in others {
            let absorbed = &mut self.deliveries[other.index()];
            let id = absorbed.id;
            let further = std::mem::take(&mut absorbed.replaces);
            let replaces = &mut self.deliveries[survivor.index()].replaces;
            replaces.push(id);
            replaces.extend(further);
            self.free.push(*other);
        }
    }

    fn begin(&mut self, id: CorrelationId) -> DeliveryId {
        let delivery = Delivery {
            id,
            revision: 0,
            sequence: self.sequence,
            content: 0,
            withdrawn: false,
            due: Timestamp::MIN,
            deferred: false,
            replaces: Vec::new(),
        };
        self.sequence += 1;
        if let Some(slot) = self.free.pop() {
            self.deliveries[slot.index()] = delivery;
            slot
        } else {
            make_room(&mut self.deliveries);
            self.deliveries.push(delivery);
            DeliveryId::new(self.deliveries.len() - 1)
        }
    }

    /// From now on about so many bytes may be used to tell results apart that the same identifies.
    pub fn set_ids_memory(&mut self, store: &Store, max_memory: usize) {
        self.ids.set_max_memory(store, max_memory);
    }

    /// Forgets what cannot be identified the same again, and gives back the memory of what has been
    /// delivered where nothing of it may grow.
    pub fn trim(&mut self, store: &Store) {
        self.ids.forget(store);
        if self.free.len() == self.deliveries.len() {
            (self.deliveries, self.free) = (Vec::new(), Vec::new());
        }
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.waiting_memory()
            + self.deliveries.capacity() * size_of::<Delivery>()
            + self.lists.memory()
            - self.lists.len() * size_of::<List>()
            + self.deferred.capacity() * size_of::<Reverse<(Timestamp, Open)>>()
            + self.ids.memory()
    }
}

/// Tells sets of events apart, as far as the projection keeps them: what it hides is no change to a
/// consumer. A sum, since the order does not count.
fn content(store: &Store, events: &[EventId]) -> u64 {
    let visible = events.iter().filter(|id| !store.record(**id).flags.has(Flags::HIDDEN));
    visible.fold(0, |sum, id| sum.wrapping_add(xxh3_64(&id.get().to_le_bytes())))
}
