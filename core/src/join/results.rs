//! What a component means: the results of the query among events that are connected.
//!
//! Follows the definition, join by join: results of the left side and events of the right side that
//! match form groups. With one join a component is its own result; with more, this costs a sort of
//! the component per join.

use super::shape::Shape;
use crate::id::{EventId, KeyId, StreamId};
use crate::plan::JoinKind;
use crate::time::Timestamp;
use crate::window::store::{Flags, Store, compare_arrival};

/// The results in a component.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Results {
    /// None.
    None,
    /// The component as it is.
    Whole,
    /// Each as its events; members may be in none.
    Parts(Vec<Vec<EventId>>),
}

/// The results in the component through `ring`. What is unmatched counts only where that is known:
/// everywhere if the component is `closed`, else for the events marked so.
pub(crate) fn results(shape: &Shape, store: &Store, ring: EventId, closed: bool) -> Results {
    if let [join] = shape.joins.as_slice() {
        return single_join(join.kind, store, ring);
    }
    let members: Vec<EventId> = store.ring(ring).collect();
    let of_stream = |stream: usize| {
        let members = members.iter().copied();
        members.filter(move |id| store.record(*id).stream.index() == stream)
    };
    let mut lefts: Vec<Vec<EventId>> = of_stream(0).map(|id| vec![id]).collect();
    for join in 0..shape.joins.len() {
        let rights: Vec<EventId> = of_stream(join + 1).collect();
        lefts = apply(shape, store, join, lefts, &rights, closed);
    }
    Results::Parts(lefts)
}

/// With one join everything that is connected matches, or is a group of unmatched events.
fn single_join(kind: JoinKind, store: &Store, ring: EventId) -> Results {
    let (mut left, mut right, mut unmatched) = (false, false, true);
    for id in store.ring(ring) {
        let record = store.record(id);
        left |= record.stream.index() == 0;
        right |= record.stream.index() == 1;
        unmatched &= record.flags.has(Flags::UNMATCHED);
    }
    let holds = match kind {
        JoinKind::And => left && right,
        JoinKind::Or => (left && right) || unmatched,
        JoinKind::Unless => unmatched,
    };
    if holds { Results::Whole } else { Results::None }
}

fn apply(
    shape: &Shape,
    store: &Store,
    join: usize,
    lefts: Vec<Vec<EventId>>,
    rights: &[EventId],
    closed: bool,
) -> Vec<Vec<EventId>> {
    let kind = shape.joins[join].kind;
    let first_right = lefts.len();
    let mut groups = Groups::new(lefts.len() + rights.len());
    connect(shape, store, join, &lefts, rights, &mut groups);
    // Only matches connect, so a group of more than one has both sides.
    let mut joined: Vec<Vec<EventId>> = vec![Vec::new(); lefts.len() + rights.len()];
    let mut unmatched = Vec::new();
    for (at, left) in lefts.into_iter().enumerate() {
        let group = groups.find(at);
        if groups.size[group] > 1 {
            joined[group].extend(left);
        } else if kind != JoinKind::And {
            unmatched.push(left);
        }
    }
    for (at, right) in rights.iter().enumerate() {
        let group = groups.find(first_right + at);
        if groups.size[group] > 1 {
            joined[group].push(*right);
        }
    }
    let mut results = match kind {
        JoinKind::And | JoinKind::Or => joined.into_iter().filter(|e| !e.is_empty()).collect(),
        JoinKind::Unless => Vec::new(),
    };
    if join == 0 {
        group_by_gap(shape, store, unmatched, &mut results);
    } else if closed {
        results.append(&mut unmatched);
    }
    results
}

/// A left event, with what it is found by.
struct Left {
    key: KeyId,
    stream: StreamId,
    time: Timestamp,
    event: EventId,
    group: usize,
    /// The next one that may be in another group.
    next: usize,
}

fn connect(
    shape: &Shape,
    store: &Store,
    join: usize,
    lefts: &[Vec<EventId>],
    rights: &[EventId],
    groups: &mut Groups,
) {
    let table = shape.joins[join].table;
    let mut index = Vec::new();
    for (group, events) in lefts.iter().enumerate() {
        for event in events {
            let record = store.record(*event);
            let key = store.keys(*event)[table];
            // In the first join, what is known to be unmatched stays so: a late event may be here.
            let open = join > 0 || !record.flags.has(Flags::UNMATCHED);
            if key != KeyId::NONE && open {
                let (stream, time) = (record.stream, record.time);
                index.push(Left { key, stream, time, event: *event, group, next: 0 });
            }
        }
    }
    index.sort_unstable_by_key(|left| (left.key, left.stream, left.time));
    for (at, left) in index.iter_mut().enumerate() {
        left.next = at + 1;
    }
    for (at, right) in rights.iter().enumerate() {
        let key = store.keys(*right)[table];
        if key == KeyId::NONE {
            continue;
        }
        let right_group = lefts.len() + at;
        let record = store.record(*right);
        let partners = &shape.streams[record.stream.index()].partners;
        for partner in partners.iter().filter(|partner| partner.join == join) {
            let (stream, time) = (partner.stream, record.time);
            let from = (key, stream, time.plus(partner.from));
            let to = (key, stream, time.plus(partner.to));
            let mut at = index.partition_point(|left| (left.key, left.stream, left.time) < from);
            let mut before: Option<usize> = None;
            while index.get(at).is_some_and(|left| (left.key, left.stream, left.time) <= to) {
                if !may_match(store, index[at].event, *right) {
                    before = None;
                    at += 1;
                    continue;
                }
                groups.unite(index[at].group, right_group);
                // Everything up to `next` is in this group already.
                let next = follow(&mut index, at);
                if let Some(before) = before {
                    index[before].next = next;
                }
                before = Some(next - 1);
                at = next;
            }
        }
    }
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

/// Groups events known to be unmatched by key and gap.
fn group_by_gap(
    shape: &Shape,
    store: &Store,
    unmatched: Vec<Vec<EventId>>,
    results: &mut Vec<Vec<EventId>>,
) {
    let Some(gap) = shape.partial_gap else { return };
    let table = shape.joins[0].table;
    let known = unmatched.into_iter().flatten();
    let mut known: Vec<(KeyId, EventId)> = known
        .filter(|id| store.record(*id).flags.has(Flags::UNMATCHED))
        .map(|id| (store.keys(id)[table], id))
        .collect();
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
