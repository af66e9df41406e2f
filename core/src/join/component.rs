//! Components of events that match: union-find over the records of the store.
//!
//! Owns how two components become one, and how far one may grow. Knows nothing of time passing.

use super::list::Connect;
use crate::id::EventId;
use crate::time::{Span, Watermark};
use crate::window::record::{Component, Flags, Link, Place};
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
        if own == root {
            return;
        }
        let (of_own, of_root) = (self.store.component(own), self.store.component(root));
        if of_own.size + of_root.size > self.max_events {
            self.overfull.push(root);
        } else if of_own.size > of_root.size {
            unite_roots(self.store, own, root, of_own, of_root);
        } else {
            unite_roots(self.store, root, own, of_root, of_own);
        }
    }

    fn is_connected(&mut self, other: EventId) -> bool {
        find(self.store, other) == find(self.store, self.event)
    }

    fn store(&self) -> &Store {
        self.store
    }
}

/// The root of an event's component.
pub(super) fn find(store: &mut Store, mut id: EventId) -> EventId {
    loop {
        let Place::Below(parent) = store.record(id).link.place() else { return id };
        let above = store.record(parent).link;
        let Place::Below(grandparent) = above.place() else { return parent };
        store.record_mut(id).link = above;
        id = grandparent;
    }
}

/// Makes one component of two. On a tie the first stays the root: it has a deadline.
pub(super) fn unite(store: &mut Store, a: EventId, b: EventId) {
    let (mut a, mut b) = (find(store, a), find(store, b));
    if a != b {
        let (of_a, of_b) = (store.component(a), store.component(b));
        if of_a.size < of_b.size {
            std::mem::swap(&mut a, &mut b);
        }
        unite_roots(store, a, b, of_a, of_b);
    }
}

/// Puts the component with the root `b` below that with the root `a`.
fn unite_roots(store: &mut Store, a: EventId, b: EventId, of_a: Component, of_b: Component) {
    store.forget_component(b);
    let close = of_a.close.max(of_b.close);
    store.set_component(a, Component { close, size: of_a.size + of_b.size });
    let absorbed = store.record_mut(b);
    absorbed.link = Link::below(a);
    let next = absorbed.next;
    let after = std::mem::replace(&mut store.record_mut(a).next, next);
    store.record_mut(b).next = after;
}
