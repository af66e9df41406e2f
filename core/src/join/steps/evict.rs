//! Taking out an event before its time, with what it is part of.
//!
//! A group or session that loses an event is reported as it is, truncated; what waits alone is
//! dropped. Everything that goes is remembered as evicted, so that nothing which it may have matched
//! is claimed to be unmatched.

use super::search::Wanted;
use super::step::{Item, ItemId, Side, Step, note_evicted};
use super::{Steps, step};
use crate::id::{EventId, KeyId};
use crate::join::early::Evicted;
use crate::join::shape::Shape;
use crate::plan::Pick;
use crate::time::Timestamp;
use crate::window::store::Store;

impl Steps {
    /// Takes an event out of everything that is not decided.
    pub fn evict(&mut self, shape: &Shape, store: &mut Store, id: EventId) -> Evicted {
        // Held while it is looked at.
        step::hold(store, &[id]);
        let mut any = self.ahead.remove(&(store.order(id), id));
        if any {
            note_evicted(store, &[id]);
            self.let_go(store, &[id]);
        }
        for step in &mut self.all {
            any |= step.evict(shape, store, id);
        }
        self.settle(shape, store, store.record(id).time, 0);
        self.let_go(store, &[id]);
        if any { Evicted::Closed } else { Evicted::Decided }
    }
}

impl Step {
    /// Takes an event out. Returns whether it was part of anything that waits.
    fn evict(&mut self, shape: &Shape, store: &mut Store, id: EventId) -> bool {
        let mut any = false;
        while let Some((_, group)) = self.queue.take_with(store, id) {
            any = true;
            note_evicted(store, &group.events);
            self.drop_group(store, group);
        }
        for side in [Side::Left, Side::Right] {
            for item in self.items_with(store, side, id) {
                any = true;
                // An earlier one may have closed the same session.
                if self.waits(item) {
                    self.evict_item(shape, store, item);
                }
            }
            let key = store.key(id, self.shape.table);
            if key != KeyId::NONE && self.has_partial(side, key, id) {
                any = true;
                note_evicted(store, &[id]);
                self.report_partial(store, side, key, true);
            }
        }
        for item in self.takers(store, id) {
            any = true;
            note_evicted(store, &[id]);
            self.close_group(store, item);
        }
        any
    }

    /// The items that have taken an event in, which may wait for nothing itself any more. What is
    /// evicted is the oldest event there is, so it is the oldest of theirs.
    fn takers(&self, store: &Store, id: EventId) -> Vec<ItemId> {
        let time = store.record(id).time;
        let begin = self.firsts.range((time, ItemId::MIN)..=(time, ItemId::MAX));
        let items = begin.map(|(_, item)| *item);
        items.filter(|item| self.has_taken(*item, id)).collect()
    }

    /// The items of a side that have an event.
    fn items_with(&self, store: &Store, side: Side, id: EventId) -> Vec<ItemId> {
        let record = store.record(id);
        let key = store.key(id, self.shape.table);
        if key != KeyId::NONE {
            let place = |item| (record.stream, key, record.time, id, item);
            let found = self.index[side as usize].range(place(ItemId::MIN)..=place(ItemId::MAX));
            return found.map(|(.., item)| *item).collect();
        }
        // One without a key matches nothing, so it is part of nothing with others in this step.
        let at_its_time =
            self.firsts.range((record.time, ItemId::MIN)..=(record.time, ItemId::MAX));
        let items = at_its_time.map(|(_, item)| *item);
        let has = |item: &ItemId| {
            let Item { side: own, group, .. } = self.item(*item);
            *own == side && group.events.contains(&id)
        };
        items.filter(has).collect()
    }

    fn evict_item(&mut self, shape: &Shape, store: &mut Store, id: ItemId) {
        let one_side = match self.pick {
            Pick::Session => {
                let component = self.item(id).component;
                self.close_early(shape, store, component);
                return;
            }
            Pick::GroupLeft(_) => Some(Side::Left),
            Pick::GroupRight(_) => Some(Side::Right),
            Pick::Pairs | Pick::First | Pick::Latest => None,
        };
        let side = self.item(id).side;
        if one_side == Some(side) {
            self.close_group(store, id);
        } else if one_side.is_some() {
            let group = self.item(id).group.clone();
            let mut others = Vec::new();
            self.matches(shape, store, side, &group, Wanted::All, &mut others);
            for other in others {
                self.close_group(store, other);
            }
        }
        let mut taken = Vec::new();
        self.take_out(id, &mut taken);
        let item = self.remove(store, id);
        let deadline: (Timestamp, ItemId) = (item.deadline, id);
        self.deadlines.remove(&deadline);
        note_evicted(store, &item.group.events);
        self.drop_group(store, item.group);
        self.let_go(store, &taken);
    }
}
