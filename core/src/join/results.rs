//! What a component means: the results of the query among events that are connected.
//!
//! Follows the definition, join by join: results of the left side and events of the right side that
//! match form groups. With one join a component is its own result; with more, this costs a sort of
//! the component per join.

use super::begun;
use super::shape::{JoinShape, Partial, Shape, Side};
use crate::id::{EventId, KeyId, StreamId};
use crate::plan::Operand;
use crate::time::{Span, Timestamp};
use crate::window::record::{Flags, Members, compare_arrival};
use crate::window::store::Store;

/// Lists of events, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    events: Vec<EventId>,
    /// Where each list ends.
    ends: Vec<usize>,
}

impl Parts {
    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The list of this number.
    pub fn get(&self, number: usize) -> Option<&[EventId]> {
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.events[start..end])
    }

    /// The lists, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[EventId]> {
        (0..self.len()).filter_map(|number| self.get(number))
    }

    /// Adds a list.
    pub fn push(&mut self, events: &[EventId]) {
        self.push_all(events.iter().copied());
    }

    /// Adds a list of these events.
    pub fn push_all(&mut self, events: impl Iterator<Item = EventId>) {
        self.events.extend(events);
        self.ends.push(self.events.len());
    }

    /// Adds an event to the last list.
    fn extend_last(&mut self, event: EventId) {
        self.events.push(event);
        if let Some(end) = self.ends.last_mut() {
            *end += 1;
        }
    }

    /// Forgets all lists.
    pub fn clear(&mut self) {
        self.events.clear();
        self.ends.clear();
    }
}

/// Whether a component is a result of the only join: everything that is connected matches, or is a group
/// of unmatched events.
pub(crate) fn is_result(join: &JoinShape, members: &Members) -> bool {
    // Only what is reported is marked as unmatched.
    let is_unmatched = members.all.has(Flags::UNMATCHED);
    is_unmatched || (members.has(0) && members.has(1) && join.kind.reports_matches())
}

/// What a component of a query with several joins means, in buffers that are used again.
#[derive(Debug, Default)]
pub(crate) struct Evaluation {
    members: Vec<EventId>,
    /// The results of each join, until they are taken as an operand.
    found: Vec<Parts>,
    /// Events that only results of joins can match, with whether one does.
    deferred: Vec<(EventId, bool)>,
    /// Events of results of which it is not known whether they are unmatched.
    unknown: u64,
    /// The two sides of a join, where they are streams.
    sides: [Parts; 2],
    groups: Groups,
    lefts: Vec<Left>,
    unmatched: Vec<(KeyId, EventId)>,
}

impl Evaluation {
    /// Finds the results in the component through `ring`. What is unmatched counts only where that is known:
    /// everywhere if the component is `closed`, else for the events marked so.
    pub fn run(&mut self, shape: &Shape, store: &Store, ring: EventId, closed: bool) {
        self.members.clear();
        self.members.extend(store.ring(ring));
        self.deferred.clear();
        self.unknown = 0;
        self.found.resize_with(shape.joins.len(), Parts::default);
        // Each join comes after those it takes.
        for join in 0..shape.joins.len() {
            self.join(Scope { shape, store, closed, join });
        }
    }

    /// The events of the component.
    pub fn members(&self) -> &[EventId] {
        &self.members
    }

    /// Its results. Events may be in none.
    pub fn parts(&self) -> &Parts {
        self.found.last().expect("a plan has a join")
    }

    /// Events of results of joins that are left out, since it is not known whether these are unmatched.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// The events that only results of joins can match, with whether one does, where all that they match
    /// has been seen.
    pub fn deferred(&self) -> impl Iterator<Item = (EventId, bool)> {
        self.deferred.iter().copied()
    }

    /// Keeps some of the deferred events.
    pub fn retain_deferred(&mut self, is_kept: impl Fn(EventId) -> bool) {
        self.deferred.retain(|(id, _)| is_kept(*id));
    }

    fn join(&mut self, scope: Scope<'_>) {
        let JoinShape { kind, left, right, .. } = &scope.shape.joins[scope.join];
        let mut results = std::mem::take(&mut self.found[scope.join]);
        results.clear();
        let lefts = self.take_operand(scope, left, 0);
        let rights = self.take_operand(scope, right, 1);
        self.groups.reset(lefts.len() + rights.len());
        scope.connect(&lefts, &rights, &mut self.lefts, &mut self.groups);
        // Only matches connect, so a group of more than one has both sides.
        self.groups.gather(&lefts, &rights, &mut results);
        for events in results.iter() {
            self.note_deferred(scope, events, true);
        }
        if !kind.reports_matches() {
            results.clear();
        }
        if kind.reports_left() {
            self.report(scope, left, &lefts, 0, &mut results);
        }
        if kind.reports_right() {
            self.report(scope, right, &rights, lefts.len(), &mut results);
        }
        self.give_back(left, lefts, 0);
        self.give_back(right, rights, 1);
        self.found[scope.join] = results;
    }

    /// What is on a side of a join, as its results or as the events of a stream one by one.
    fn take_operand(&mut self, scope: Scope<'_>, side: &Side, at: usize) -> Parts {
        match side.operand {
            Operand::Join(join) => std::mem::take(&mut self.found[join]),
            Operand::Stream(stream) => {
                let mut parts = std::mem::take(&mut self.sides[at]);
                parts.clear();
                let is_own = |id: &&EventId| scope.store.record(**id).stream == stream;
                self.members.iter().filter(is_own).for_each(|id| parts.push(&[*id]));
                parts
            }
        }
    }

    /// The room of what was taken.
    fn give_back(&mut self, side: &Side, parts: Parts, at: usize) {
        match side.operand {
            Operand::Join(join) => self.found[join] = parts,
            Operand::Stream(_) => self.sides[at] = parts,
        }
    }

    /// Reports what is unmatched on one side of a join, whose lists have numbers from `first` on.
    fn report(
        &mut self,
        scope: Scope<'_>,
        side: &Side,
        parts: &Parts,
        first: usize,
        results: &mut Parts,
    ) {
        let Scope { shape, store, closed, join } = scope;
        let Operand::Stream(stream) = side.operand else {
            if closed {
                let has_unknown = has_unknown(store, self.members[0]);
                let known = |id: &EventId| shape.can_tell_unmatched(store, *id, join);
                for (at, events) in parts.iter().enumerate() {
                    if !self.groups.is_alone(first + at) {
                        continue;
                    }
                    if has_unknown || !events.iter().all(known) {
                        self.unknown += events.len() as u64;
                    } else {
                        results.push(events);
                    }
                }
            }
            return;
        };
        let JoinShape { table, .. } = shape.joins[join];
        self.unmatched.clear();
        for (at, events) in parts.iter().enumerate() {
            if !self.groups.is_alone(first + at) {
                continue;
            }
            self.note_deferred(scope, events, false);
            let known = events.iter().filter(|id| store.record(**id).flags.has(Flags::UNMATCHED));
            self.unmatched.extend(known.map(|id| (store.key(*id, table), *id)));
        }
        let partial = shape.streams[stream.index()].partial;
        let Partial { gap, .. } = partial.expect("its unmatched events are reported");
        self.group_by_gap(store, gap, results);
    }

    /// Notes events of a join that only results can match.
    fn note_deferred(&mut self, scope: Scope<'_>, events: &[EventId], matched: bool) {
        for id in events {
            let stream = &scope.shape.streams[scope.store.record(*id).stream.index()];
            if stream.entry == scope.join && stream.awaits_results() {
                self.deferred.push((*id, matched));
            }
        }
    }

    /// Groups events known to be unmatched by key and gap.
    fn group_by_gap(&mut self, store: &Store, gap: Span, results: &mut Parts) {
        self.unmatched.sort_unstable_by_key(|(key, id)| (*key, store.order(*id)));
        let mut last: Option<(KeyId, Timestamp)> = None;
        for (key, id) in self.unmatched.iter().copied() {
            let time = store.record(id).time;
            let joins = |(last_key, last_time): (KeyId, Timestamp)| {
                key != KeyId::NONE && last_key == key && time.since(last_time) <= gap
            };
            if last.is_some_and(joins) {
                results.extend_last(id);
            } else {
                results.push(&[id]);
            }
            last = Some((key, time));
        }
    }
}

/// One join of a component.
#[derive(Copy, Clone)]
struct Scope<'a> {
    shape: &'a Shape,
    store: &'a Store,
    closed: bool,
    join: usize,
}

impl Scope<'_> {
    fn connect(self, lefts: &Parts, rights: &Parts, index: &mut Vec<Left>, groups: &mut Groups) {
        let Self { shape, store, join, .. } = self;
        let JoinShape { kind, table, .. } = shape.joins[join];
        index.clear();
        for (group, events) in lefts.iter().enumerate() {
            let begun = if kind.is_ordered() { begun(store, events) } else { Timestamp::MIN };
            for event in events.iter().filter(|event| self.is_open(**event)) {
                let record = store.record(*event);
                let key = store.key(*event, table);
                if key != KeyId::NONE {
                    let (stream, time, event) = (record.stream, record.time, *event);
                    index.push(Left { key, stream, time, event, begun, group, next: 0 });
                }
            }
        }
        index.sort_unstable_by_key(|left| (left.key, left.stream, left.time));
        for (at, left) in index.iter_mut().enumerate() {
            left.next = at + 1;
        }
        for (at, events) in rights.iter().enumerate() {
            for right in events.iter().filter(|right| self.is_open(**right)) {
                let key = store.key(*right, table);
                if key != KeyId::NONE {
                    self.connect_right(*right, lefts.len() + at, index, groups);
                }
            }
        }
    }

    /// Connects the right result `group` with all left results that its event `right` matches.
    fn connect_right(self, right: EventId, group: usize, index: &mut [Left], groups: &mut Groups) {
        let Self { shape, store, join, .. } = self;
        let key = store.key(right, shape.joins[join].table);
        let record = store.record(right);
        let partners = &shape.streams[record.stream.index()].partners;
        for partner in partners.iter().filter(|partner| partner.join == join) {
            let (stream, time) = (partner.stream, record.time);
            let from = (key, stream, time.plus(partner.from));
            let to = (key, stream, time.plus(partner.to));
            let mut at = index.partition_point(|left| (left.key, left.stream, left.time) < from);
            let mut before: Option<usize> = None;
            while index.get(at).is_some_and(|left| (left.key, left.stream, left.time) <= to) {
                let left = &index[at];
                if left.begun > time || !may_match(store, left.event, right) {
                    before = None;
                    at += 1;
                    continue;
                }
                groups.unite(left.group, group);
                // Everything up to `next` is in this group already.
                let next = follow(index, at);
                if let Some(before) = before {
                    index[before].next = next;
                }
                before = Some(next - 1);
                at = next;
            }
        }
    }

    /// Whether an event may still find matches in the join: what is known to be unmatched stays so,
    /// although a late event may be here.
    fn is_open(self, event: EventId) -> bool {
        let record = self.store.record(event);
        let entry = self.shape.streams[record.stream.index()].entry;
        entry != self.join || !record.flags.has(Flags::UNMATCHED)
    }
}

/// A left event, with what it is found by.
#[derive(Debug)]
struct Left {
    key: KeyId,
    stream: StreamId,
    time: Timestamp,
    event: EventId,
    /// What comes before this is not after it, where the join is ordered.
    begun: Timestamp,
    group: usize,
    /// The next one that may be in another group.
    next: usize,
}

/// The first place after `at` that is not known to be in its group.
fn follow(index: &mut [Left], at: usize) -> usize {
    let mut end = index[at].next;
    while end < index.len() && index[end - 1].next > end {
        end = index[end - 1].next;
    }
    index[at].next = end;
    end
}

/// Whether it is not known of a member of the component through `ring` whether it is unmatched: then
/// results may be missing that others match.
pub(crate) fn has_unknown(store: &Store, ring: EventId) -> bool {
    store.ring(ring).any(|id| store.record(id).flags.has(Flags::UNKNOWN))
}

/// Whether two events that match by key and time do match: one event in two streams does not match
/// itself, and nothing that arrives after a late event matches that.
fn may_match(store: &Store, a: EventId, b: EventId) -> bool {
    let (a, b) = (store.record(a), store.record(b));
    let arrived = compare_arrival(a.arrival, b.arrival);
    match arrived {
        std::cmp::Ordering::Less => !a.flags.has(Flags::LATE),
        std::cmp::Ordering::Equal => false,
        std::cmp::Ordering::Greater => !b.flags.has(Flags::LATE),
    }
}

/// A union-find over the lists of the two sides of a join, by number.
#[derive(Debug, Default)]
struct Groups {
    parent: Vec<usize>,
    size: Vec<usize>,
    /// Where the next event of each group goes.
    places: Vec<usize>,
}

impl Groups {
    /// Makes a group of each of so many.
    fn reset(&mut self, count: usize) {
        self.parent.clear();
        self.parent.extend(0..count);
        self.size.clear();
        self.size.resize(count, 1);
    }

    fn find(&mut self, mut at: usize) -> usize {
        while self.parent[at] != at {
            self.parent[at] = self.parent[self.parent[at]];
            at = self.parent[at];
        }
        at
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (mut a, mut b) = (self.find(a), self.find(b));
        if a == b {
            return;
        }
        if self.size[a] < self.size[b] {
            std::mem::swap(&mut a, &mut b);
        }
        self.parent[b] = a;
        self.size[a] += self.size[b];
    }

    /// Whether one is a group of its own.
    fn is_alone(&self, at: usize) -> bool {
        self.parent[at] == at && self.size[at] == 1
    }

    /// Makes a list of the events of each group of more than one. There are none in `joined`.
    fn gather(&mut self, lefts: &Parts, rights: &Parts, joined: &mut Parts) {
        let count = self.parent.len();
        self.places.clear();
        self.places.resize(count, 0);
        let parts = || lefts.iter().chain(rights.iter()).enumerate();
        for (at, events) in parts() {
            let group = self.find(at);
            if self.size[group] > 1 {
                self.places[group] += events.len();
            }
        }
        let mut end = 0;
        for place in &mut self.places {
            let events = std::mem::replace(place, end);
            end += events;
            if events > 0 {
                joined.ends.push(end);
            }
        }
        joined.events.resize(end, EventId::NONE);
        for (at, events) in parts() {
            let group = self.find(at);
            if self.size[group] > 1 {
                let place = self.places[group];
                self.places[group] += events.len();
                joined.events[place..self.places[group]].copy_from_slice(events);
            }
        }
    }
}
