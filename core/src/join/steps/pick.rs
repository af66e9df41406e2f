//! What is made of matches: pairs, the first or the latest, groups.
//!
//! Each policy says what happens when a group comes to a step and when nothing can match it any
//! more. `session` has a file of its own.

use super::step::{Events, Group, Item, ItemId, Side, Step};
use crate::id::{DeliveryId, EventId};
use crate::join::shape::Shape;
use crate::plan::Pick;
use crate::time::Watermark;
use crate::window::store::Store;

impl Step {
    /// A group has come to a side; it waits for matches to come if it is `kept`. Returns whether it
    /// has matched anything.
    pub fn accept(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        side: Side,
        group: Group,
        kept: bool,
    ) -> bool {
        let matches = self.matches(shape, store, side, &group);
        let any = !matches.is_empty();
        match self.pick {
            Pick::Session => self.accept_session(shape, store, side, group, &matches, kept),
            Pick::Pairs => self.accept_pairs(shape, store, side, group, &matches, kept),
            Pick::First => self.accept_first(shape, store, side, group, &matches, kept),
            Pick::Latest => self.accept_latest(shape, store, side, group, &matches, kept),
            Pick::GroupLeft(_) => {
                self.accept_group(shape, store, Side::Left, side, group, &matches, kept);
            }
            Pick::GroupRight(_) => {
                self.accept_group(shape, store, Side::Right, side, group, &matches, kept);
            }
        }
        any
    }

    /// Decides what nothing can match any more, where no event older than `low` comes in.
    pub fn expire(&mut self, shape: &Shape, store: &mut Store, low: Watermark) {
        if self.pick == Pick::Session {
            self.expire_sessions(shape, store, low);
            return;
        }
        while let Some((deadline, id)) = self.deadlines.first().copied() {
            if !low.has_passed(deadline) {
                break;
            }
            self.deadlines.pop_first();
            let item = self.remove(store, id);
            self.expire_item(store, item);
        }
    }

    fn expire_item(&mut self, store: &mut Store, item: Item) {
        let Item { side, group, matched, taken, delivery, .. } = item;
        let one_side = match self.pick {
            Pick::GroupLeft(_) => Some(Side::Left),
            Pick::GroupRight(_) => Some(Side::Right),
            _ => None,
        };
        if !matched && self.reports(side) {
            self.find(group, delivery);
        } else if matched && one_side == Some(side) && self.shape.kind.reports_matches() {
            let whole = Self::joined(store, &group, &taken, group.identity.clone());
            self.find(whole, delivery);
            self.let_go(store, &group.events);
        } else {
            self.let_go(store, &group.events);
        }
        self.let_go(store, &taken);
    }

    /// Has a group wait, if it is kept.
    fn keep(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        side: Side,
        group: Group,
        matched: bool,
        kept: bool,
    ) -> Option<ItemId> {
        if !kept {
            self.let_go(store, &group.events);
            return None;
        }
        let id = self.add(shape, store, side, group, matched);
        self.deadlines.insert((self.item(id).deadline, id));
        Some(id)
    }

    fn accept_pairs(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        side: Side,
        group: Group,
        matches: &[ItemId],
        kept: bool,
    ) {
        for id in matches {
            self.item_mut(*id).matched = true;
            if self.shape.kind.reports_matches() {
                self.find_pair(store, &group, *id);
            }
        }
        self.keep(shape, store, side, group, !matches.is_empty(), kept);
    }

    fn find_pair(&mut self, store: &mut Store, group: &Group, with: ItemId) {
        let other = self.item(with).group.events.clone();
        let mut pair = Self::joined(store, group, &other, Events::new());
        pair.identity.clone_from(&pair.events);
        self.find(pair, DeliveryId::NONE);
    }

    fn accept_first(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        side: Side,
        group: Group,
        matches: &[ItemId],
        kept: bool,
    ) {
        let Some(first) = matches.first() else {
            self.keep(shape, store, side, group, false, kept);
            return;
        };
        if self.shape.kind.reports_matches() {
            self.find_pair(store, &group, *first);
        }
        self.use_up(store, *first);
        self.let_go(store, &group.events);
    }

    fn accept_latest(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        side: Side,
        group: Group,
        matches: &[ItemId],
        kept: bool,
    ) {
        if side == Side::Left {
            if kept {
                for id in self.of_same_key(store, side, &group) {
                    self.use_up(store, id);
                }
            }
            self.keep(shape, store, side, group, false, kept);
            return;
        }
        if let Some(latest) = matches.last() {
            self.find_pair(store, &group, *latest);
            self.use_up(store, *latest);
        }
        self.let_go(store, &group.events);
    }

    /// Takes out an item that waits for nothing any more.
    fn use_up(&mut self, store: &mut Store, id: ItemId) {
        let item = self.remove(store, id);
        self.deadlines.remove(&(item.deadline, id));
        self.let_go(store, &item.group.events);
    }

    /// `one` is the side that each group is made for.
    #[expect(clippy::too_many_arguments, reason = "what comes, and what it meets")]
    fn accept_group(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        one: Side,
        side: Side,
        group: Group,
        matches: &[ItemId],
        kept: bool,
    ) {
        let mut taken: Vec<EventId> = Vec::new();
        for id in matches {
            self.item_mut(*id).matched = true;
            if side == one {
                taken.extend(&self.item(*id).group.events);
            } else {
                self.take(store, *id, &group.events);
                self.mark_dirty(*id);
            }
        }
        let matched = !matches.is_empty();
        if !kept && side == one && matched && self.shape.kind.reports_matches() {
            // A late one takes what is there, and waits for nothing.
            let whole = Self::joined(store, &group, &taken, group.identity.clone());
            self.find(whole, DeliveryId::NONE);
        }
        if let Some(id) = self.keep(shape, store, side, group, matched, kept)
            && side == one
        {
            self.take(store, id, &taken);
            self.mark_dirty(id);
        }
    }

    /// Has a group looked at, if it holds.
    pub fn mark_dirty(&mut self, id: ItemId) {
        let item = self.item_mut(id);
        if item.matched && !item.is_dirty {
            item.is_dirty = true;
            self.dirty.push_back(id);
        }
    }

    /// The next group that holds and may have grown since it was looked at, with its events.
    pub fn next_dirty(&mut self, store: &Store) -> Option<(ItemId, Vec<EventId>)> {
        while let Some(id) = self.dirty.pop_front() {
            if !self.waits(id) || !self.item(id).is_dirty {
                continue;
            }
            let reports = self.shape.kind.reports_matches();
            let item = self.item_mut(id);
            item.is_dirty = false;
            if !reports {
                continue;
            }
            let mut events: Vec<_> = item.group.events.iter().chain(&item.taken).copied().collect();
            events.sort_unstable_by_key(|id| store.order(*id));
            events.dedup();
            return Some((id, events));
        }
        None
    }
}
