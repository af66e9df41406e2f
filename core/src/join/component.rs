//! Components of events that match: union-find over the records of the store.
//!
//! Owns how two components become one, and how far one may grow. Knows nothing of time passing.

use super::list::{Connect, Item, List};
use crate::id::EventId;
use crate::time::{Span, Watermark};
use crate::window::record::Flags;
use crate::window::store::Store;

/// Connects one event with what it matches.
pub(super) struct Matches<'a> {
    pub store: &'a mut Store,
    pub event: EventId,
    /// Whether the event has to be told that it matches, since the unmatched ones are reported.
    pub marks_event: bool,
    /// Whether what it matches has to be told.
    pub marks_others: bool,
    /// Whether what it matches is reported where it is unmatched in this join.
    pub reports_others: bool,
    /// When what it matches is decided.
    pub others_reach: Span,
    pub watermark: Watermark,
    pub any: bool,
    /// Events that a component may have.
    pub max_events: u32,
    /// Members of components that would have had more.
    pub overfull: Vec<EventId>,
}

impl Connect for Matches<'_> {
    fn connect(&mut self, other: EventId) {
        // Only a late event gets to what is known to be unmatched: it takes back no "no match".
        if self.reports_others && self.store.record(other).flags.has(Flags::UNMATCHED) {
            return;
        }
        if self.marks_others {
            let record = self.store.record_mut(other);
            let decided = self.watermark.has_passed(record.time.plus(self.others_reach));
            if decided && !record.flags.has(Flags::MATCHED) {
                return;
            }
            record.flags.set(Flags::MATCHED);
        }
        if self.marks_event {
            self.store.record_mut(self.event).flags.set(Flags::MATCHED);
        }
        self.any = true;
        let (own, root) = (find(self.store, self.event), find(self.store, other));
        let size = |root| self.store.record(root).size;
        if own != root && size(own) + size(root) > self.max_events {
            self.overfull.push(root);
        } else {
            unite(self.store, root, own);
        }
    }

    fn is_connected(&mut self, other: EventId) -> bool {
        find(self.store, other) == find(self.store, self.event)
    }
}

/// Whether an event is unmatched or may turn out to be.
pub(super) fn lonely(flags: Flags) -> bool {
    !flags.has(Flags::MATCHED) && !flags.has(Flags::UNKNOWN)
}

/// The nearest events before and after an event of the same key whose flags are `wanted`, not
/// farther than `gap`.
pub(super) fn neighbours(
    store: &Store,
    list: &List,
    id: EventId,
    gap: Span,
    wanted: impl Fn(Flags) -> bool,
) -> (Option<EventId>, Option<EventId>) {
    let record = store.record(id);
    let (time, arrival) = (record.time, record.arrival);
    let wanted = |item: &&Item| wanted(store.record(item.event).flags);
    let before = list.before(time, arrival).take_while(|item| time.since(item.time) <= gap);
    let after = list.after(time, arrival).take_while(|item| item.time.since(time) <= gap);
    let (before, after) = (before.into_iter().find(wanted), after.into_iter().find(wanted));
    (before.map(|item| item.event), after.map(|item| item.event))
}

/// The root of an event's component.
pub(super) fn find(store: &mut Store, mut id: EventId) -> EventId {
    loop {
        let parent = store.record(id).parent;
        if parent == id {
            return id;
        }
        let grandparent = store.record(parent).parent;
        store.record_mut(id).parent = grandparent;
        id = grandparent;
    }
}

/// Makes one component of two. On a tie the first stays the root: it has a deadline.
pub(super) fn unite(store: &mut Store, a: EventId, b: EventId) {
    let (mut a, mut b) = (find(store, a), find(store, b));
    if a == b {
        return;
    }
    if store.record(a).size < store.record(b).size {
        std::mem::swap(&mut a, &mut b);
    }
    let (size, close, next) = {
        let absorbed = store.record_mut(b);
        absorbed.parent = a;
        (absorbed.size, absorbed.close, absorbed.next)
    };
    let root = store.record_mut(a);
    root.size += size;
    root.close = root.close.max(close);
    let after = std::mem::replace(&mut root.next, next);
    store.record_mut(b).next = after;
}
