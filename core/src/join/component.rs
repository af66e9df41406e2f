//! Components of events that match: union-find over the records of the store.
//!
//! Owns how two components become one, and how far one may grow. Knows nothing of time passing.

use super::list::Connect;
use super::shape::Found;
use crate::id::EventId;
use crate::time::{Timestamp, Watermark};
use crate::window::record::{Flags, Link, Place};
use crate::window::store::Store;

/// The component of an event that is being connected with what it matches.
pub(super) struct Component<'a> {
    pub root: EventId,
    /// When it closes.
    pub close: Timestamp,
    /// How many events it has.
    pub size: u32,
    /// How many a component may have.
    pub max_events: u32,
    /// Members of components that would have had more.
    pub overfull: &'a mut Vec<EventId>,
}

/// Connects one event with what it matches.
pub(super) struct Matches<'a> {
    pub store: &'a mut Store,
    pub event: EventId,
    pub watermark: Watermark,
    pub any: bool,
    pub component: Component<'a>,
}

/// With what a match means.
impl Connect for (&mut Matches<'_>, &Found) {
    #[inline]
    fn connect(&mut self, other: EventId) {
        let (matches, found) = self;
        let Found { marks_event, marks_others, reports_others, others_reach } = **found;
        // Only a late event gets to what is known to be unmatched: it takes back no "no match".
        if reports_others && matches.store.record(other).flags.has(Flags::UNMATCHED) {
            return;
        }
        if marks_others {
            let record = matches.store.record_mut(other);
            let decided = matches.watermark.has_passed(record.time.plus(others_reach));
            if decided && !record.flags.has(Flags::MATCHED) {
                return;
            }
            record.flags.set(Flags::MATCHED);
        }
        if marks_event {
            matches.store.record_mut(matches.event).flags.set(Flags::MATCHED);
        }
        matches.any = true;
        matches.component.take_in(matches.store, other);
    }

    fn is_connected(&mut self, other: EventId) -> bool {
        find(self.0.store, other) == self.0.component.root
    }

    fn store(&self) -> &Store {
        self.0.store
    }
}

/// Connects one event with what it matches, where no event is told whether it does.
pub(super) struct PlainMatches<'a> {
    pub store: &'a mut Store,
    pub component: Component<'a>,
}

impl Connect for PlainMatches<'_> {
    #[inline]
    fn connect(&mut self, other: EventId) {
        self.component.take_in(self.store, other);
    }

    fn is_connected(&mut self, other: EventId) -> bool {
        find(self.store, other) == self.component.root
    }

    fn store(&self) -> &Store {
        self.store
    }
}

impl Component<'_> {
    /// Makes one component of this and that of another event.
    #[inline]
    fn take_in(&mut self, store: &mut Store, other: EventId) {
        let root = find(store, other);
        if root == self.root {
            return;
        }
        let record = store.record(root);
        let (close, size) = (store.close_of(record), record.link.size());
        if self.size + size > self.max_events {
            self.overfull.push(root);
            return;
        }
        self.size += size;
        if close < self.close {
            put_below(store, self.root, root, self.size);
        } else {
            put_below(store, root, self.root, self.size);
            (self.root, self.close) = (root, close);
        }
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

/// How many events the component with this root has.
pub(super) fn size(store: &Store, root: EventId) -> u32 {
    store.record(root).link.size()
}

/// When everything has been seen that could be connected with the component with this root.
pub(super) fn close(store: &Store, root: EventId) -> Timestamp {
    store.close_of(store.record(root))
}

/// Makes one component of two.
pub(super) fn unite(store: &mut Store, a: EventId, b: EventId) {
    let (a, b) = (find(store, a), find(store, b));
    if a != b {
        let (above, below) = if close(store, a) < close(store, b) { (b, a) } else { (a, b) };
        let both = size(store, a) + size(store, b);
        put_below(store, above, below, both);
    }
}

/// Puts the component with the root `below` under that with the root `above`, which closes no earlier:
/// the root of a component is the last of its events to close. Together they have `size` events.
fn put_below(store: &mut Store, above: EventId, below: EventId, size: u32) {
    let root = store.record_mut(above);
    root.link = Link::root(size);
    let after = root.next;
    // The newest comes first in the ring.
    let absorbed = store.record_mut(below);
    absorbed.link = Link::below(above);
    let next = std::mem::replace(&mut absorbed.next, after);
    store.record_mut(above).next = next;
}

/// An event closes later than it did: it becomes the root where it is the last one to close now. Returns the
/// root.
pub(super) fn raise(store: &mut Store, id: EventId) -> EventId {
    let root = find(store, id);
    if root == id || close(store, id) <= close(store, root) {
        return root;
    }
    store.record_mut(id).link = store.record(root).link;
    store.record_mut(root).link = Link::below(id);
    id
}
