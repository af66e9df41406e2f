//! Key tables: from the values of a key to the events that have it, stream by stream.
//!
//! Owns keys and their event lists. Joins whose streams read the same labels share a table. A key
//! is stored once, found by a seeded hash (log content is hostile), and forgotten with its last
//! event. A key of up to 40 bytes fits with the lists of two streams into one cache line; a lookup costs
//! one probe and that line.

use std::hash::{BuildHasher, Hasher};

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use smallvec::SmallVec;

use super::index::KeyIndex;
use super::list::{Connect, Density, Head, Item, Lists, Look, MANY, Walk};
use crate::growth::{FreePlaces, Pieces};
use crate::id::{EventId, KeyId, StreamId};
use crate::time::Timestamp;
use crate::window::store::Store;

/// Key text: the values of the key's labels, each preceded by its length where there are several.
type KeyBytes = SmallVec<[u8; 40]>;

/// Streams whose lists are beside the key.
pub(super) const NEAR: usize = 2;

#[derive(Debug)]
#[repr(align(64))]
struct Entry {
    key: KeyBytes,
    hash: u32,
    holders: Holders,
    near: [Head; NEAR],
}

/// How many events have a key, joinable or waiting to be delivered, and whether the joinable ones are
/// connected with what they match; see [`KeyTable::unconnected`].
#[derive(Copy, Clone, Debug)]
struct Holders(u32);

impl Holders {
    const CONNECTED_BIT: u32 = 1 << 31;

    const ONE: Self = Self(1);

    fn count(self) -> u32 {
        self.0 & !Self::CONNECTED_BIT
    }

    fn is_connected(self) -> bool {
        self.0 & Self::CONNECTED_BIT != 0
    }

    fn set_connected(&mut self, connected: bool) {
        self.0 = self.count() | if connected { Self::CONNECTED_BIT } else { 0 };
    }
}

/// One key table.
#[derive(Debug)]
pub(crate) struct KeyTable {
    index: KeyIndex,
    entries: Pieces<Entry>,
    /// The lists of the further streams of each entry.
    far: Pieces<Head>,
    far_streams: usize,
    lists: Lists,
    free: FreePlaces,
    hasher: SeedableRandomState,
    spilled: usize,
}

impl KeyTable {
    /// The table of this number, for a query of `streams` streams.
    pub fn new(number: usize, streams: usize, seed: u64) -> Self {
        Self {
            index: KeyIndex::new(),
            entries: Pieces::default(),
            far: Pieces::default(),
            far_streams: streams.saturating_sub(NEAR),
            lists: Lists::new(number),
            free: FreePlaces::default(),
            hasher: SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()),
            spilled: 0,
        }
    }

    /// The key, if an event has it.
    pub fn find(&self, key: &[u8]) -> Option<KeyId> {
        self.find_hashed(key, self.hash(key))
    }

    #[inline]
    fn find_hashed(&self, key: &[u8], hash: u32) -> Option<KeyId> {
        self.index.find(hash, |id| {
            let entry = &self.entries[id.index()];
            entry.hash == hash && entry.key.as_slice() == key
        })
    }

    /// The key, for one more event.
    #[inline]
    pub fn hold(&mut self, key: &[u8]) -> KeyId {
        let hash = self.hash(key);
        if let Some(id) = self.find_hashed(key, hash) {
            self.entries[id.index()].holders.0 += 1;
            return id;
        }
        self.add(key, hash)
    }

    /// Adds a key, which is not in it, for an event.
    #[inline(never)]
    fn add(&mut self, key: &[u8], hash: u32) -> KeyId {
        let key = KeyBytes::from_slice(key);
        if key.spilled() {
            self.spilled += key.capacity();
        }
        let entry = Entry { key, hash, holders: Holders::ONE, near: [Head::EMPTY; NEAR] };
        let id = if let Some(place) = self.free.take().or_else(|| self.open()) {
            self.entries[place] = entry;
            KeyId::new(place)
        } else {
            self.entries.push(entry);
            for _ in 0..self.far_streams {
                self.far.push(Head::EMPTY);
            }
            KeyId::new(self.entries.len() - 1)
        };
        let entries = &self.entries;
        self.index.insert(hash, id, |id| entries[id.index()].hash);
        id
    }

    /// One more event has the key `id`.
    pub fn hold_again(&mut self, id: KeyId) {
        self.entries[id.index()].holders.0 += 1;
    }

    /// One event less has the key.
    pub fn release(&mut self, id: KeyId) {
        self.release_many(id, 1);
    }

    /// So many events less have the key.
    #[inline]
    pub fn release_many(&mut self, id: KeyId, events: u32) {
        let entry = &mut self.entries[id.index()];
        entry.holders.0 -= events;
        if entry.holders.count() == 0 {
            self.forget(id);
        }
    }

    /// Forgets a key that no event has any more.
    #[inline(never)]
    fn forget(&mut self, id: KeyId) {
        let entry = &mut self.entries[id.index()];
        debug_assert!(
            entry.near.iter().all(|head| head.is_empty()),
            "a joinable event holds its keys"
        );
        if entry.key.spilled() {
            self.spilled -= entry.key.capacity();
            entry.key = KeyBytes::new();
        }
        let hash = entry.hash;
        let entries = &self.entries;
        self.index.remove(hash, id, |id| entries[id.index()].hash);
        let unused = self.free.put(id.index(), self.entries.len());
        if unused > 0 {
            self.entries.truncate(self.entries.len() - unused);
            self.far.truncate(self.entries.len() * self.far_streams);
        }
    }

    /// Gives back the memory of keys that are gone, as far as none between them is left: the oldest lie
    /// together.
    pub fn trim(&mut self) {
        for piece in self.free.close() {
            self.entries.empty(*piece);
            for far in 0..self.far_streams {
                self.far.empty(piece * self.far_streams + far);
            }
        }
    }

    /// A place in what has been given back.
    fn open(&mut self) -> Option<usize> {
        let piece = self.free.open()?;
        let gone = || Entry {
            key: KeyBytes::new(),
            hash: 0,
            holders: Holders(0),
            near: [Head::EMPTY; NEAR],
        };
        self.entries.fill(piece, gone);
        for far in 0..self.far_streams {
            self.far.fill(piece * self.far_streams + far, || Head::EMPTY);
        }
        self.free.take()
    }

    /// The values of a key.
    pub fn key(&self, id: KeyId) -> &[u8] {
        &self.entries[id.index()].key
    }

    /// Makes an event, which has the key `id`, one that others match.
    #[inline]
    pub fn insert(
        &mut self,
        store: &mut Store,
        id: KeyId,
        stream: StreamId,
        event: EventId,
    ) -> Density {
        let events = self.entries[id.index()].holders.count() as usize;
        let Self { entries, far, lists, .. } = self;
        let head = head_mut(entries, far, self.far_streams, id, stream);
        lists.insert(head, store, event, events)
    }

    /// Tells that an event, just inserted, has found its matches; see [`Lists::settle`].
    pub fn settle(
        &mut self,
        id: KeyId,
        stream: StreamId,
        time: Timestamp,
        marked: bool,
        connected: impl FnMut(EventId) -> bool,
    ) {
        self.lists.settle(self.head(id, stream), time, marked, connected);
    }

    /// Takes an event from those that others match.
    pub fn remove(&mut self, store: &mut Store, id: KeyId, stream: StreamId, event: EventId) {
        let Self { entries, far, lists, .. } = self;
        let head = head_mut(entries, far, self.far_streams, id, stream);
        lists.remove(head, store, event);
    }

    /// Takes all events of a key from those that others match, where these are the only `events` that have
    /// it. False where they have to be taken one by one.
    pub fn clear(&mut self, id: KeyId, events: u32) -> bool {
        let entry = &mut self.entries[id.index()];
        let is_all = entry.holders.count() == events
            && self.far_streams == 0
            && entry.near.iter().all(|head| !head.is_dense());
        if is_all {
            entry.near = [Head::EMPTY; NEAR];
        }
        is_all
    }

    /// The chains of a key, if what is joinable is few events that are not connected with each other. Only of
    /// a table with no more streams than a key has places for.
    #[inline]
    pub fn unconnected(&self, id: KeyId) -> Option<[Head; NEAR]> {
        let Entry { holders, near, .. } = &self.entries[id.index()];
        let is_empty = near.iter().all(|head| head.is_empty());
        let is_few = holders.count() as usize <= MANY;
        (is_few && (is_empty || !holders.is_connected())).then_some(*near)
    }

    /// Whether the joinable events of a key are connected with each other.
    #[inline]
    pub fn is_connected(&self, id: KeyId) -> bool {
        self.entries[id.index()].holders.is_connected()
    }

    /// Tells whether they are.
    #[inline]
    pub fn set_connected(&mut self, id: KeyId, connected: bool) {
        self.entries[id.index()].holders.set_connected(connected);
    }

    /// Has the chain of a key begin with an event that comes after all of them.
    #[inline]
    pub fn set_chain(&mut self, id: KeyId, stream: StreamId, newest: EventId) {
        self.entries[id.index()].near[stream.index()] = Head::chain(newest);
    }

    /// Where the chains of a key begin.
    pub fn chains(&self, id: KeyId) -> [Head; NEAR] {
        self.entries[id.index()].near
    }

    /// Has the chains of a key begin with these.
    #[inline]
    pub fn set_chains(&mut self, id: KeyId, near: [Head; NEAR]) {
        self.entries[id.index()].near = near;
    }

    /// Connects the events of a key in one stream; see [`Lists::connect_range`].
    #[inline]
    pub fn connect_range(
        &mut self,
        (id, stream): (KeyId, StreamId),
        range: (Timestamp, Timestamp),
        twin: u32,
        walk: Walk,
        matches: &mut impl Connect,
    ) {
        self.lists.connect_range(self.head(id, stream), range, twin, walk, matches);
    }

    /// Looks around an event of a key in one stream; see [`Lists::around`].
    pub fn around(
        &self,
        store: &Store,
        (id, stream): (KeyId, StreamId),
        event: EventId,
        look: impl FnMut(&Item) -> Look,
    ) -> (Option<EventId>, Option<EventId>) {
        self.lists.around(self.head(id, stream), store, event, look)
    }

    #[inline]
    fn head(&self, id: KeyId, stream: StreamId) -> Head {
        let stream = stream.index();
        if stream < NEAR {
            self.entries[id.index()].near[stream]
        } else {
            self.far[id.index() * self.far_streams + stream - NEAR]
        }
    }

    /// Keys in use.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.entries.memory()
            + self.far.memory()
            + self.free.memory()
            + self.index.memory()
            + self.lists.memory()
            + self.spilled
    }

    #[inline(never)]
    fn hash(&self, key: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        let hash = hasher.finish();
        // Both halves, since either may be the weaker one.
        u32::try_from((hash ^ hash >> 32) & u64::from(u32::MAX)).expect("half of the bits")
    }
}

fn head_mut<'a>(
    entries: &'a mut Pieces<Entry>,
    far: &'a mut Pieces<Head>,
    far_streams: usize,
    id: KeyId,
    stream: StreamId,
) -> &'a mut Head {
    let stream = stream.index();
    if stream < NEAR {
        &mut entries[id.index()].near[stream]
    } else {
        &mut far[id.index() * far_streams + stream - NEAR]
    }
}

#[cfg(test)]
mod tests {
    use super::KeyTable;

    #[test]
    fn memory_of_a_burst_of_keys_is_given_back() {
        let mut table = KeyTable::new(0, 3, 1);
        let key = |number: u32| format!("key {number}");
        let few = |table: &mut KeyTable, from: u32| -> Vec<_> {
            (from..from + 1_000).map(|number| table.hold(key(number).as_bytes())).collect()
        };
        let mut held = few(&mut table, 0);
        let usual = table.memory();
        let burst: Vec<_> =
            (1_000..200_000).map(|number| table.hold(key(number).as_bytes())).collect();
        let most = table.memory();
        assert!(most > 50 * usual, "{most} of {usual}");
        for id in burst {
            table.release(id);
        }
        // Keys come and go meanwhile, and always a few are held.
        for round in 1..10 {
            let next = few(&mut table, round * 1_000_000);
            for id in std::mem::replace(&mut held, next) {
                table.release(id);
            }
        }
        assert_eq!(table.len(), 1_000);
        assert!(table.memory() < most / 20, "{} of {most}", table.memory());
        for (number, id) in (9_000_000..).zip(&held) {
            assert_eq!(table.find(key(number).as_bytes()), Some(*id));
            assert_eq!(table.key(*id), key(number).as_bytes());
        }
    }

    #[test]
    fn memory_of_the_oldest_keys_is_given_back() {
        let mut table = KeyTable::new(0, 4, 1);
        let key = |number: u32| format!("key {number}");
        let hold = |table: &mut KeyTable, numbers: std::ops::Range<u32>| -> Vec<_> {
            numbers.map(|number| table.hold(key(number).as_bytes())).collect()
        };
        let old = hold(&mut table, 0..90_000);
        let newest = hold(&mut table, 90_000..100_000);
        let most = table.memory();
        for id in old {
            table.release(id);
        }
        table.trim();
        table.trim();
        assert!(table.memory() < most / 5, "{} of {most}", table.memory());
        // Their places are given again.
        let next = hold(&mut table, 100_000..190_000);
        let (least, memory) = (most - most / 10, table.memory());
        assert!((least..most + most / 10).contains(&memory), "{memory} of {most}");
        for (number, id) in (90_000..).zip(newest.into_iter().chain(next)) {
            assert_eq!(table.find(key(number).as_bytes()), Some(id));
            assert_eq!(table.key(id), key(number).as_bytes());
        }
    }
}
