//! Components of events that match: union-find over the records of the store.
//!
//! Owns how two components become one, and how far one may grow. Knows nothing of time passing.

use super::list::Connect;
use super::shape::Found;
use crate::id::EventId;
use crate::time::Watermark;
use crate::window::record::{Component, Flags, Link, Place};
use crate::window::store::Store;

/// Connects one event with what it matches.
pub(super) struct Matches<'a> {
    pub store: &'a mut Store,
    pub event: EventId,
    /// What a match means.
    pub found: Found,
    pub watermark: Watermark,
    pub any: bool,
    /// The root of the component of the event, and what is known about that.
    pub root: EventId,
    pub component: Component,
    /// Events that a component may have.
    pub max_events: u32,
    /// Members of components that would have had more.
    pub overfull: Vec<EventId>,
}

impl Connect for Matches<'_> {
    fn connect(&mut self, other: EventId) {
        let Found { marks_event, marks_others, reports_others, others_reach } = self.found;
        // Only a late event gets to what is known to be unmatched: it takes back no "no match".
        if reports_others && self.store.record(other).flags.has(Flags::UNMATCHED) {
            return;
        }
        if marks_others {
            let record = self.store.record_mut(other);
            let decided = self.watermark.has_passed(record.time.plus(others_reach));
            if decided && !record.flags.has(Flags::MATCHED) {
                return;
            }
            record.flags.set(Flags::MATCHED);
        }
        if marks_event {
            self.store.record_mut(self.event).flags.set(Flags::MATCHED);
        }
        self.any = true;
        let root = find(self.store, other);
        if root == self.root {
            return;
        }
        let component = self.store.component(root);
        if self.component.size + component.size > self.max_events {
            self.overfull.push(root);
        } else if self.component.size > component.size {
            self.component = unite_roots(self.store, self.root, root, self.component, component);
        } else {
            self.component = unite_roots(self.store, root, self.root, component, self.component);
            self.root = root;
        }
    }

    fn is_connected(&mut self, other: EventId) -> bool {
        find(self.store, other) == self.root
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

/// Puts the component with the root `b` below that with the root `a`. Returns what is known of both.
fn unite_roots(
    store: &mut Store,
    a: EventId,
    b: EventId,
    of_a: Component,
    of_b: Component,
) -> Component {
    if of_b.size > 1 {
        store.forget_component(b);
    }
    let close = of_a.close.max(of_b.close);
    let component = Component { close, size: of_a.size + of_b.size };
    store.set_component(a, component);
    let root = store.record_mut(a);
    let after = root.next;
    // The newest comes first in the ring.
    let absorbed = store.record_mut(b);
    absorbed.link = Link::below(a);
    let next = std::mem::replace(&mut absorbed.next, after);
    store.record_mut(a).next = next;
    component
}
