//! What a component means: the results of the query among events that are connected.
//!
//! Follows the definition, join by join: results of the left side and events of the right side that
//! match form groups. With one join a component is its own result; with more, this costs a sort of
//! the component per join.

use std::collections::BTreeMap;

use super::shape::{JoinShape, Partial, Shape, Side};
use crate::id::{EventId, KeyId, StreamId};
use crate::plan::Operand;
use crate::time::{Span, Timestamp};
use crate::window::record::{Flags, Members, compare_arrival};
use crate::window::store::Store;

/// The results in a component of a query with several joins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Parts {
    /// Each as its events; members may be in none.
    pub parts: Vec<Vec<EventId>>,
    /// Events of results of joins that are left out, since it is not known whether these are
    /// unmatched.
    pub unknown: u64,
}

/// Whether a component is a result of the only join: everything that is connected matches, or is a group
/// of unmatched events.
pub(crate) fn is_result(join: &JoinShape, members: &Members) -> bool {
    // Only what is reported is marked as unmatched.
    let is_unmatched = members.all.has(Flags::UNMATCHED);
    is_unmatched || (members.has(0) && members.has(1) && join.kind.reports_matches())
}

/// The results in the component through `ring`. What is unmatched counts only where that is known:
/// everywhere if the component is `closed`, else for the events marked so.
pub(crate) fn results(shape: &Shape, store: &Store, ring: EventId, closed: bool) -> Parts {
    let mut evaluation = Evaluation::new(shape, store, ring, closed);
    let parts = evaluation.join(shape.joins.len() - 1);
    Parts { parts, unknown: evaluation.unknown }
}

/// Of the events in the component through `ring` that only results of joins can match, whose
/// matches are all seen: each with whether it is matched.
pub(crate) fn deferred(shape: &Shape, store: &Store, ring: EventId) -> Vec<(EventId, bool)> {
    let mut evaluation = Evaluation::new(shape, store, ring, true);
    evaluation.join(shape.joins.len() - 1);
    evaluation.deferred
}

/// Following the definition through the joins of one component.
struct Evaluation<'a> {
    shape: &'a Shape,
    store: &'a Store,
    members: Vec<EventId>,
    closed: bool,
    /// Events that only results of joins can match, with whether one does.
    deferred: Vec<(EventId, bool)>,
    /// Events of results of which it is not known whether they are unmatched.
    unknown: u64,
}

impl<'a> Evaluation<'a> {
    fn new(shape: &'a Shape, store: &'a Store, ring: EventId, closed: bool) -> Self {
        let members = store.ring(ring).collect();
        Self { shape, store, members, closed, deferred: Vec::new(), unknown: 0 }
    }

    fn operand(&mut self, operand: Operand) -> Vec<Vec<EventId>> {
        match operand {
            Operand::Stream(stream) => {
                let members = self.members.iter().copied();
                let own = members.filter(|id| self.store.record(*id).stream == stream);
                own.map(|id| vec![id]).collect()
            }
            Operand::Join(join) => self.join(join),
        }
    }

    fn join(&mut self, join: usize) -> Vec<Vec<EventId>> {
        let JoinShape { kind, left, right, .. } = &self.shape.joins[join];
        let lefts = self.operand(left.operand);
        let rights = self.operand(right.operand);
        let mut groups = Groups::new(lefts.len() + rights.len());
        self.connect(join, &lefts, &rights, &mut groups);
        // Only matches connect, so a group of more than one has both sides.
        let mut joined: Vec<Vec<EventId>> = vec![Vec::new(); lefts.len() + rights.len()];
        let (mut lonely_lefts, mut lonely_rights) = (Vec::new(), Vec::new());
        let first_right = lefts.len();
        for (at, events) in lefts.into_iter().chain(rights).enumerate() {
            let group = groups.find(at);
            if groups.size[group] > 1 {
                joined[group].extend(events);
            } else if at < first_right {
                lonely_lefts.push(events);
            } else {
                lonely_rights.push(events);
            }
        }
        for group in &joined {
            self.note_deferred(join, group, true);
        }
        let mut results = Vec::new();
        if kind.reports_matches() {
            results.extend(joined.into_iter().filter(|events| !events.is_empty()));
        }
        if kind.reports_left() {
            self.report(join, left, lonely_lefts, &mut results);
        }
        if kind.reports_right() {
            self.report(join, right, lonely_rights, &mut results);
        }
        results
    }

    /// Reports what is unmatched on one side of a join.
    fn report(
        &mut self,
        join: usize,
        side: &Side,
        mut lonely: Vec<Vec<EventId>>,
        results: &mut Vec<Vec<EventId>>,
    ) {
        let Operand::Stream(stream) = side.operand else {
            if self.closed {
                let (shape, store) = (self.shape, self.store);
                let has_unknown = has_unknown(store, self.members[0]);
                let known = |id: &EventId| shape.can_tell_unmatched(store, *id, join);
                for events in
                    lonely.extract_if(.., |events| has_unknown || !events.iter().all(known))
                {
                    self.unknown += events.len() as u64;
                }
                results.append(&mut lonely);
            }
            return;
        };
        let lonely: Vec<EventId> = lonely.into_iter().flatten().collect();
        self.note_deferred(join, &lonely, false);
        let partial = self.shape.streams[stream.index()].partial;
        let Partial { gap, .. } = partial.expect("its unmatched events are reported");
        let known = |id: &EventId| self.store.record(*id).flags.has(Flags::UNMATCHED);
        let known = lonely.into_iter().filter(known);
        self.group_by_gap(self.shape.joins[join].table, gap, known, results);
    }

    /// Notes events of `join` that only results can match.
    fn note_deferred(&mut self, join: usize, events: &[EventId], matched: bool) {
        for id in events {
            let stream = &self.shape.streams[self.store.record(*id).stream.index()];
            if stream.entry == join && stream.awaits_results() {
                self.deferred.push((*id, matched));
            }
        }
    }

    fn connect(
        &self,
        join: usize,
        lefts: &[Vec<EventId>],
        rights: &[Vec<EventId>],
        groups: &mut Groups,
    ) {
        let JoinShape { kind, table, .. } = self.shape.joins[join];
        let store = self.store;
        let mut index = Vec::new();
        for (group, events) in lefts.iter().enumerate() {
            let begun = if kind.is_ordered() { self.begun(events) } else { Timestamp::MIN };
            for event in events.iter().filter(|event| self.is_open(join, **event)) {
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
            for right in events.iter().filter(|right| self.is_open(join, **right)) {
                let key = store.key(*right, table);
                if key != KeyId::NONE {
                    self.connect_right(join, *right, lefts.len() + at, &mut index, groups);
                }
            }
        }
    }

    /// Connects the right result `group` with all left results that its event `right` matches.
    fn connect_right(
        &self,
        join: usize,
        right: EventId,
        group: usize,
        index: &mut [Left],
        groups: &mut Groups,
    ) {
        let key = self.store.key(right, self.shape.joins[join].table);
        let record = self.store.record(right);
        let partners = &self.shape.streams[record.stream.index()].partners;
        for partner in partners.iter().filter(|partner| partner.join == join) {
            let (stream, time) = (partner.stream, record.time);
            let from = (key, stream, time.plus(partner.from));
            let to = (key, stream, time.plus(partner.to));
            let mut at = index.partition_point(|left| (left.key, left.stream, left.time) < from);
            let mut before: Option<usize> = None;
            while index.get(at).is_some_and(|left| (left.key, left.stream, left.time) <= to) {
                let left = &index[at];
                if left.begun > time || !may_match(self.store, left.event, right) {
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

    /// Whether an event may still find matches in `join`: what is known to be unmatched stays so,
    /// although a late event may be here.
    fn is_open(&self, join: usize, event: EventId) -> bool {
        let record = self.store.record(event);
        let entry = self.shape.streams[record.stream.index()].entry;
        entry != join || !record.flags.has(Flags::UNMATCHED)
    }

    /// When each stream of a result has had an event.
    fn begun(&self, events: &[EventId]) -> Timestamp {
        let mut first: BTreeMap<StreamId, Timestamp> = BTreeMap::new();
        for id in events {
            let record = self.store.record(*id);
            let time = first.entry(record.stream).or_insert(record.time);
            *time = record.time.min(*time);
        }
        first.into_values().max().unwrap_or(Timestamp::MIN)
    }

    /// Groups events known to be unmatched by key and gap.
    fn group_by_gap(
        &self,
        table: usize,
        gap: Span,
        known: impl Iterator<Item = EventId>,
        results: &mut Vec<Vec<EventId>>,
    ) {
        let store = self.store;
        let known = known.map(|id| (store.key(id, table), id));
        let mut known: Vec<(KeyId, EventId)> = known.collect();
        known.sort_unstable_by_key(|(key, id)| (*key, store.order(*id)));
        let mut last: Option<(KeyId, Timestamp)> = None;
        for (key, id) in known {
            let time = store.record(id).time;
            let joins = |(last_key, last_time): (KeyId, Timestamp)| {
                key != KeyId::NONE && last_key == key && time.since(last_time) <= gap
            };
            match results.last_mut() {
                Some(group) if last.is_some_and(joins) => group.push(id),
                _ => results.push(vec![id]),
            }
            last = Some((key, time));
        }
    }
}

/// A left event, with what it is found by.
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

/// A union-find over positions.
struct Groups {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl Groups {
    fn new(count: usize) -> Self {
        Self { parent: (0..count).collect(), size: vec![1; count] }
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
}
