//! The key tables of a query: which key an event has in each.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::shape::{JoinShape, Shape};
use super::table::KeyTable;
use super::truncated::Truncated;
use super::unmatched::Company;
use crate::id::{EventId, HostHandle, KeyId, StreamId};
use crate::key::{self, EventKeys, Pairs};
use crate::time::{Span, Timestamp};
use crate::window::store::Store;

#[derive(Debug)]
pub(crate) struct Tables {
    pub shape: Shape,
    pub all: Vec<KeyTable>,
    /// The keys of the event that came last, one per table.
    pub ids: Vec<KeyId>,
    /// What sessions that were closed early had.
    pub truncated: Truncated,
    /// Events known to be unmatched that only results of joins could have matched: unlike others, these
    /// do not become known in event order, so that the next one may lie behind many.
    pub unmatched: BTreeSet<(StreamId, KeyId, Timestamp, EventId)>,
    /// Events of which it could not be known whether they are unmatched.
    pub unknown: u64,
    /// Whether unmatched events of any stream are reported.
    pub reports_unmatched: bool,
}

impl Tables {
    pub fn new(shape: Shape, seed: u64) -> Self {
        let streams = shape.streams.len();
        let tables = 0..shape.tables.len();
        let ids = vec![KeyId::NONE; tables.len()];
        let all = tables.map(|number| KeyTable::new(number, streams, seed)).collect();
        Self {
            reports_unmatched: shape.reports_unmatched(),
            shape,
            all,
            ids,
            truncated: Truncated::default(),
            unmatched: BTreeSet::new(),
            unknown: 0,
        }
    }

    /// Whether an event of `stream` lacks the key without which it is of no use.
    pub fn lacks_key(&self, stream: StreamId, keys: &EventKeys) -> bool {
        let shape = &self.shape.streams[stream.index()];
        shape.needs_key && keys.get(shape.entry_table).is_none()
    }

    /// Makes known what truncated sessions had, but for what came with the arrival `number`.
    pub fn settle_truncated(&mut self, number: u32) {
        let Self { shape, all, truncated, .. } = self;
        truncated.settle(shape, all, Some(number));
    }

    /// Looks up the keys of an event. One that is not late makes its keys known; they are held for
    /// it.
    pub fn look_up(&mut self, keys: &EventKeys, late: bool) {
        for at in 0..self.all.len() {
            self.ids[at] = match keys.get(at) {
                None => KeyId::NONE,
                // A late event is not kept, so it makes no key known.
                Some(key) if late => self.all[at].find(key).unwrap_or(KeyId::NONE),
                Some(key) => self.all[at].hold(key),
            };
        }
    }

    /// A late event is held after all: so are its keys.
    pub fn hold_late(&mut self) {
        for (table, key) in self.all.iter_mut().zip(&self.ids) {
            if *key != KeyId::NONE {
                table.hold_again(*key);
            }
        }
    }

    /// Forgets an event and its keys. Returns the handle the host may let go of.
    pub fn forget(&mut self, store: &mut Store, id: EventId) -> Option<HostHandle> {
        for at in 0..self.all.len() {
            let key = store.key(id, at);
            if key != KeyId::NONE {
                self.all[at].release(key);
            }
        }
        store.forget(id)
    }

    /// The key of an event in join `join`.
    pub fn key<'a>(&'a self, store: &Store, id: EventId, join: usize) -> Option<&'a [u8]> {
        let JoinShape { table, left, right, .. } = &self.shape.joins[join];
        // A shared table also has keys of streams that do not take part in this join.
        let stream = store.record(id).stream.index();
        if !left.streams.contains(&stream) && !right.streams.contains(&stream) {
            return None;
        }
        let key = store.key(id, *table);
        (key != KeyId::NONE).then(|| self.all[*table].key(key))
    }

    /// The key of an event in join `join`: names of labels with their values.
    pub fn key_parts<'a>(&'a self, store: &Store, id: EventId, join: usize) -> Option<Pairs<'a>> {
        let key = self.key(store, id, join)?;
        let table = self.shape.joins[join].table;
        let labels = self.shape.tables[table][store.record(id).stream.index()].as_ref();
        Some(key::parts(key, labels.expect("an event with a key has labels that make it")))
    }

    /// Knows an event to be unmatched.
    pub fn add_unmatched(&mut self, store: &Store, id: EventId) {
        if let Some(place) = self.unmatched_place(store, id) {
            self.unmatched.insert(place);
        }
    }

    /// An event leaves.
    pub fn remove_unmatched(&mut self, store: &Store, id: EventId) {
        if let Some(place) = self.unmatched_place(store, id) {
            self.unmatched.remove(&place);
        }
    }

    fn unmatched_place(
        &self,
        store: &Store,
        id: EventId,
    ) -> Option<(StreamId, KeyId, Timestamp, EventId)> {
        let record = store.record(id);
        let shape = &self.shape.streams[record.stream.index()];
        let key = store.key(id, shape.entry_table);
        let is_listed = shape.awaits_results() && key != KeyId::NONE;
        is_listed.then_some((record.stream, key, record.time, id))
    }

    /// The nearest events known to be unmatched before and after one that only results of joins could
    /// have matched, not farther than `gap`.
    pub fn near_unmatched(&self, store: &Store, id: EventId, gap: Span) -> Company {
        let Some(place) = self.unmatched_place(store, id) else { return Company::new() };
        let (stream, key, time, _) = place;
        let from = (stream, key, time.minus(gap), EventId::new(0));
        let to = (stream, key, time.plus(gap), EventId::NONE);
        let before = self.unmatched.range(from..place).next_back();
        let after = self.unmatched.range((Bound::Excluded(place), Bound::Included(to))).next();
        before.into_iter().chain(after).map(|(.., event)| *event).collect()
    }

    /// Gives back the memory of keys that are gone.
    pub fn trim(&mut self) {
        self.all.iter_mut().for_each(KeyTable::trim);
    }

    /// Distinct keys held, over all tables.
    pub fn len(&self) -> usize {
        self.all.iter().map(KeyTable::len).sum()
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.all.iter().map(KeyTable::memory).sum::<usize>()
            + self.truncated.memory()
            + self.unmatched.len() * 2 * size_of::<(StreamId, KeyId, Timestamp, EventId)>()
    }
}
