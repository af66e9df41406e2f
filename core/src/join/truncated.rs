//! What truncated sessions leave behind: where their events were.
//!
//! A session that is closed early must not begin anew with what would still have joined it, nor may
//! that be claimed to be unmatched. So the times of its events stay known, by key and stream, until
//! nothing can match them any more. Times so near to each other that whatever comes between matches
//! one of them become one run: a dense session leaves a few of these, not one per event. What
//! is known has a bound of its own; beyond it the oldest runs are forgotten and count as evicted.

use std::collections::BTreeSet;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::shape::{Shape, StreamShape};
use super::table::KeyTable;
use crate::id::{KeyId, StreamId};
use crate::time::{Span, Timestamp, Watermark};
use crate::window::store::Store;

/// What a time was that of.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Trace {
    /// Of an event that others may match.
    Event,
    /// Of an event known to be unmatched, which keeps others company.
    Unmatched,
}

/// A table, a key in it, a stream, and what is known.
type Place = (usize, KeyId, StreamId, Trace);

/// Times of events, near to each other.
#[derive(Copy, Clone, Debug)]
struct Run {
    from: Timestamp,
    to: Timestamp,
}

/// What a run costs: its entries in the map and in the order, and the key that it holds.
const RUN_BYTES: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Truncated {
    runs: HashMap<Place, SmallVec<[Run; 1]>, FixedState>,
    /// When the first run of each place is of no use any more.
    ends: BTreeSet<(Timestamp, Place)>,
    count: usize,
    /// Events that are not known yet.
    new: Vec<Arrived>,
}

/// An event that a truncated session had.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub arrival: u32,
    pub stream: StreamId,
    pub time: Timestamp,
    /// One per table.
    pub keys: SmallVec<[KeyId; 2]>,
}

impl Truncated {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.new.is_empty()
    }

    /// The joins in which an event with the keys `ids`, one per table, matches what a truncated
    /// session had.
    pub fn matched_by(
        &self,
        shape: &Shape,
        ids: &[KeyId],
        stream: StreamId,
        time: Timestamp,
    ) -> impl Iterator<Item = usize> {
        let partners = shape.streams[stream.index()].partners.iter();
        let matching = partners.filter(move |partner| {
            let key = ids[partner.table];
            let place = (partner.table, key, partner.stream, Trace::Event);
            let (from, to) = (time.plus(partner.from), time.plus(partner.to));
            let runs = self.runs.get(&place).filter(|_| from <= to);
            runs.is_some_and(|runs| runs.iter().any(|run| run.from <= to && from <= run.to))
        });
        matching.map(|partner| partner.join)
    }

    /// Remembers an event, from the next arrival on: the same event in another stream does not match
    /// it.
    pub fn add(&mut self, tables: &mut [KeyTable], event: Arrived) {
        for (table, key) in tables.iter_mut().zip(&event.keys) {
            if *key != KeyId::NONE {
                table.hold_again(*key);
            }
        }
        self.new.push(event);
    }

    /// Makes known what has been added, but for what came with the arrival `number`.
    pub fn settle(&mut self, shape: &Shape, tables: &mut [KeyTable], number: Option<u32>) {
        if self.new.is_empty() {
            return;
        }
        let is_own = |event: &Arrived| Some(event.arrival) == number;
        for event in self.new.extract_if(.., |event| !is_own(event)).collect::<Vec<_>>() {
            self.make_known(shape, tables, &event);
            for (table, key) in tables.iter_mut().zip(&event.keys) {
                if *key != KeyId::NONE {
                    table.release(*key);
                }
            }
        }
    }

    fn make_known(&mut self, shape: &Shape, tables: &mut [KeyTable], event: &Arrived) {
        let partners = &shape.streams[event.stream.index()].partners;
        for (table, key) in event.keys.iter().enumerate().filter(|(_, key)| **key != KeyId::NONE) {
            let partners = partners.iter().filter(|partner| partner.table == table);
            // Whatever lies between two times that are not farther apart matches one of them.
            let widths = partners.map(|partner| partner.to.plus(-partner.from));
            let width = widths.filter(|width| *width >= Span::ZERO).min();
            let Some(width) = width else { continue };
            let place = (table, *key, event.stream, Trace::Event);
            self.insert(shape, tables, place, event.time, width);
        }
    }

    /// Whether an unmatched event with this key belongs to those of a truncated session.
    pub fn takes_unmatched(
        &self,
        shape: &Shape,
        key: KeyId,
        stream: StreamId,
        time: Timestamp,
    ) -> bool {
        let StreamShape { entry_table, partial, .. } = &shape.streams[stream.index()];
        let gap = partial.expect("its unmatched events are reported").gap;
        let (from, to) = (time.minus(gap), time.plus(gap));
        let runs = self.runs.get(&(*entry_table, key, stream, Trace::Unmatched));
        runs.is_some_and(|runs| runs.iter().any(|run| run.from <= to && from <= run.to))
    }

    /// Remembers an unmatched event.
    pub fn add_unmatched(
        &mut self,
        shape: &Shape,
        tables: &mut [KeyTable],
        key: KeyId,
        stream: StreamId,
        time: Timestamp,
    ) {
        let StreamShape { entry_table, partial, .. } = &shape.streams[stream.index()];
        let gap = partial.expect("its unmatched events are reported").gap;
        self.insert(shape, tables, (*entry_table, key, stream, Trace::Unmatched), time, gap);
    }

    fn insert(
        &mut self,
        shape: &Shape,
        tables: &mut [KeyTable],
        place: Place,
        time: Timestamp,
        width: Span,
    ) {
        let (table, key, ..) = place;
        let runs = self.runs.entry(place).or_default();
        if runs.is_empty() {
            self.ends.insert((end(shape, place, time), place));
        }
        let mut new = Run { from: time, to: time };
        let before = runs.len();
        runs.retain(|run| {
            let near = new.from <= run.to.plus(width) && run.from <= new.to.plus(width);
            if near {
                new = Run { from: new.from.min(run.from), to: new.to.max(run.to) };
            }
            !near
        });
        runs.push(new);
        let after = runs.len();
        self.count = self.count + after - before;
        if after > before {
            tables[table].hold_again(key);
        }
        for _ in after..before {
            tables[table].release(key);
        }
    }

    /// Forgets what nothing can match any more.
    pub fn expire(
        &mut self,
        shape: &Shape,
        tables: &mut [KeyTable],
        store: &Store,
        mut watermark: Watermark,
    ) {
        self.settle(shape, tables, None);
        let has_passed = |ends: &BTreeSet<(Timestamp, Place)>, watermark: Watermark| {
            ends.first().is_some_and(|(end, _)| watermark.has_passed(*end))
        };
        let is_late = shape.awaits_results() && watermark != Watermark::END;
        if is_late && has_passed(&self.ends, watermark) {
            // An event may be decided long after the watermark has passed its reach.
            watermark = watermark.min(Watermark::at(store.oldest()));
        }
        while has_passed(&self.ends, watermark) {
            self.forget_first(shape, tables, |run_end| watermark.has_passed(run_end), |_| {});
        }
    }

    /// Forgets the oldest until not more than `bytes` are used. No event is on its way.
    pub fn shrink(
        &mut self,
        shape: &Shape,
        tables: &mut [KeyTable],
        store: &mut Store,
        bytes: usize,
    ) {
        self.settle(shape, tables, None);
        while self.memory() > bytes {
            let Some((end, (_, _, stream, _))) = self.ends.first().copied() else { break };
            let forget = |run_end| run_end <= end;
            self.forget_first(shape, tables, forget, |time| store.note_evicted(stream, time));
        }
    }

    /// Forgets the runs of the first place whose end is to be forgotten.
    fn forget_first(
        &mut self,
        shape: &Shape,
        tables: &mut [KeyTable],
        forget: impl Fn(Timestamp) -> bool,
        mut forgotten: impl FnMut(Timestamp),
    ) {
        let Some((_, place)) = self.ends.pop_first() else { return };
        let (table, key, ..) = place;
        let runs = self.runs.get_mut(&place).expect("a place with an end has runs");
        let mut next = None::<Timestamp>;
        runs.retain(|run| {
            let end = end(shape, place, run.to);
            if forget(end) {
                forgotten(run.to);
                tables[table].release(key);
                self.count -= 1;
                return false;
            }
            next = Some(next.map_or(end, |next| next.min(end)));
            true
        });
        match next {
            Some(next) => {
                self.ends.insert((next, place));
            }
            None => {
                self.runs.remove(&place);
            }
        }
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        (self.count + self.new.len()) * RUN_BYTES
    }
}

/// When what has this as its newest time is of no use any more.
fn end(shape: &Shape, (_, _, stream, trace): Place, newest: Timestamp) -> Timestamp {
    let StreamShape { reach, partial, .. } = &shape.streams[stream.index()];
    match (trace, partial) {
        // The next one is known to be unmatched one reach later.
        (Trace::Unmatched, Some(partial)) => newest.plus(partial.gap).plus(*reach),
        _ => newest.plus(*reach),
    }
}
