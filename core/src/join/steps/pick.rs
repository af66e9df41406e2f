//! What is made of matches: pairs, the first or the latest, groups.
//!
//! Each policy says what happens when a group comes to a step and when nothing can match it any
//! more. `session` has a file of its own.

use super::search::Wanted;
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
        let reports_matches = self.shape.kind.reports_matches();
        let only_absence = !reports_matches && !matches!(self.pick, Pick::Session | Pick::First);
        let wanted = match (side, &self.pick) {
            (Side::Left, _) if only_absence => Wanted::Any,
            (_, Pick::First) => Wanted::First,
            _ => Wanted::All,
        };
        let mut matches = std::mem::take(&mut self.item_buffer);
        if self.pick == Pick::Session {
            self.connections(shape, store, side, &group, &mut matches);
        } else {
            self.matches(shape, store, side, &group, wanted, &mut matches);
        }
        let any = !matches.is_empty();
        match self.pick {
            _ if only_absence => self.accept_absence(shape, store, side, group, &matches, kept),
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
        matches.clear();
        self.item_buffer = matches;
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
            self.expire_item(shape, store, id);
        }
    }

    fn expire_item(&mut self, shape: &Shape, store: &mut Store, id: ItemId) {
        let mut taken = std::mem::take(&mut self.event_buffer);
        self.take_out(id, &mut taken);
        let Item { side, group, matched, delivery, is_full, .. } = self.remove(store, id);
        let one_side = match self.pick {
            Pick::GroupLeft(_) => Some(Side::Left),
            Pick::GroupRight(_) => Some(Side::Right),
            _ => None,
        };
        if !matched && self.reports(side) {
            self.find_unmatched(shape, store, group, delivery);
        } else if matched && !is_full && one_side == Some(side) && self.shape.kind.reports_matches()
        {
            let identity = store.lists.copy(&group.identity);
            let whole = Self::joined(store, &group, &taken, identity);
            self.find(whole, delivery);
            self.drop_group(store, group);
        } else {
            self.drop_group(store, group);
        }
        self.let_go(store, &taken);
        taken.clear();
        self.event_buffer = taken;
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
            self.drop_group(store, group);
            return None;
        }
        let id = self.add(shape, store, side, group, matched);
        self.deadlines.insert((self.item(id).deadline, id));
        Some(id)
    }

    /// Where matches are no results, a left item that has one waits for nothing any more.
    fn accept_absence(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        side: Side,
        group: Group,
        matches: &[ItemId],
        kept: bool,
    ) {
        if side == Side::Right {
            for id in matches {
                self.use_up(store, *id);
            }
            self.keep(shape, store, side, group, false, kept);
        } else {
            self.keep(shape, store, side, group, false, kept && matches.is_empty());
        }
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
            self.find_pair(store, &group, *id);
        }
        self.keep(shape, store, side, group, !matches.is_empty(), kept);
    }

    fn find_pair(&mut self, store: &mut Store, group: &Group, with: ItemId) {
        let other = &self.item(with).group;
        let mut pair = Self::joined(store, group, &other.events, Events::new());
        pair.truncated |= other.truncated;
        pair.identity = store.lists.copy(&pair.events);
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
        self.drop_group(store, group);
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
                let mut replaced = std::mem::take(&mut self.number_buffer);
                self.of_same_key(store, side, &group, &mut replaced);
                replaced.drain(..).for_each(|id| self.use_up(store, id));
                self.number_buffer = replaced;
            }
            self.keep(shape, store, side, group, false, kept);
            return;
        }
        if let Some(latest) = matches.last() {
            self.find_pair(store, &group, *latest);
            self.use_up(store, *latest);
        }
        self.drop_group(store, group);
    }

    /// Takes out an item that waits for nothing any more.
    fn use_up(&mut self, store: &mut Store, id: ItemId) {
        let item = self.remove(store, id);
        self.deadlines.remove(&(item.deadline, id));
        self.drop_group(store, item.group);
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
        let mut taken = std::mem::take(&mut self.event_buffer);
        for id in matches {
            self.item_mut(*id).matched = true;
            if side == one {
                taken.extend(&self.item(*id).group.events);
            } else {
                self.take_in(store, *id, &group.events);
            }
        }
        let matched = !matches.is_empty();
        if !kept && side == one && matched && self.shape.kind.reports_matches() {
            // A late one takes what is there, and waits for nothing.
            let identity = store.lists.copy(&group.identity);
            let whole = Self::joined(store, &group, &taken, identity);
            self.find(whole, DeliveryId::NONE);
        }
        if let Some(id) = self.keep(shape, store, side, group, matched, kept)
            && side == one
        {
            self.take_in(store, id, &taken);
        }
        taken.clear();
        self.event_buffer = taken;
    }

    /// Has an item take in what it matches, as far as it may grow.
    fn take_in(&mut self, store: &mut Store, id: ItemId, events: &[EventId]) {
        for event in events {
            if self.has_taken(id, *event) {
                continue;
            }
            if self.has_room(id) {
                self.take(store, id, *event);
            } else {
                self.leave_out(store, &[*event]);
            }
        }
        self.mark_dirty(id);
        if !self.item(id).is_full && !self.has_room(id) {
            self.close_group(store, id);
        }
    }

    /// Whether a group takes in one more event.
    fn has_room(&self, id: ItemId) -> bool {
        let Item { group, taken, is_full, .. } = self.item(id);
        !is_full && group.events.len() + taken < self.max_events
    }

    /// Reports a group early, if it holds. It stays to be matched.
    pub fn close_group(&mut self, store: &mut Store, id: ItemId) {
        let reports = self.shape.kind.reports_matches();
        let item = self.item_mut(id);
        let is_told = reports && item.matched && !item.is_full;
        item.is_full = true;
        let delivery = std::mem::replace(&mut item.delivery, DeliveryId::NONE);
        let mut group = item.group.clone();
        let mut taken = Vec::new();
        self.take_out(id, &mut taken);
        if is_told {
            group.truncated = true;
            let whole = Self::joined(store, &group, &taken, group.identity.clone());
            self.find(whole, delivery);
        }
        self.let_go(store, &taken);
    }

    /// Reports a group that is unmatched, if that can be known.
    pub fn find_unmatched(
        &mut self,
        shape: &Shape,
        store: &mut Store,
        group: Group,
        delivery: DeliveryId,
    ) {
        let join = self.join;
        if group.events.iter().all(|id| shape.can_tell_unmatched(store, *id, join)) {
            self.find(group, delivery);
        } else {
            self.unknown += group.events.len() as u64;
            self.drop_group(store, group);
        }
    }

    /// Has a group looked at, if it holds.
    pub fn mark_dirty(&mut self, id: ItemId) {
        let item = self.item_mut(id);
        if item.matched && !item.is_dirty && !item.is_full {
            item.is_dirty = true;
            self.dirty.push_back(id);
        }
    }

    /// The next group that holds and may have grown since it was looked at. Its events are added to
    /// `events`, in event order.
    pub fn next_dirty(&mut self, store: &Store, events: &mut Events) -> Option<ItemId> {
        while let Some(id) = self.dirty.pop_front() {
            if !self.waits(id) || !self.item(id).is_dirty || self.item(id).is_full {
                continue;
            }
            let reports = self.shape.kind.reports_matches();
            self.item_mut(id).is_dirty = false;
            if !reports {
                continue;
            }
            events.extend_from_slice(&self.item(id).group.events);
            events.extend(self.taken(id));
            events.sort_unstable_by_key(|id| store.order(*id));
            events.dedup();
            return Some(id);
        }
        None
    }
}
