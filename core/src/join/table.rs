//! Key tables: from the values of a key to the events that have it, stream by stream.
//!
//! Owns keys and their event lists. Joins whose streams read the same labels share a table. A key
//! is stored once, found by a seeded hash (log content is hostile), and forgotten with its last
//! event. A lookup costs one probe; short keys and lists need no allocation.

use std::hash::{BuildHasher, Hasher};

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use hashbrown::HashTable;
use smallvec::SmallVec;

use super::list::List;
use crate::id::{KeyId, StreamId};

/// Key text: the values of the key's labels, each preceded by its length where there are several.
type KeyBytes = SmallVec<[u8; 40]>;

#[derive(Debug)]
struct Entry {
    key: KeyBytes,
    hash: u64,
    /// Events that have this key, joinable or waiting to be delivered.
    events: u32,
}

/// One key table.
#[derive(Debug)]
pub(crate) struct KeyTable {
    index: HashTable<KeyId>,
    entries: Vec<Entry>,
    /// `streams` lists per entry.
    lists: Vec<List>,
    free: Vec<KeyId>,
    streams: usize,
    hasher: SeedableRandomState,
    spilled: usize,
}

impl KeyTable {
    /// A table for a query of `streams` streams.
    pub fn new(streams: usize, seed: u64) -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
            lists: Vec::new(),
            free: Vec::new(),
            streams,
            hasher: SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()),
            spilled: 0,
        }
    }

    /// The key, if an event has it.
    pub fn find(&self, key: &[u8]) -> Option<KeyId> {
        let hash = self.hash(key);
        let same = |id: &KeyId| self.entries[id.index()].key.as_slice() == key;
        self.index.find(hash, same).copied()
    }

    /// The key, for one more event.
    pub fn hold(&mut self, key: &[u8]) -> KeyId {
        let hash = self.hash(key);
        let same = |id: &KeyId| self.entries[id.index()].key.as_slice() == key;
        if let Some(id) = self.index.find(hash, same) {
            self.entries[id.index()].events += 1;
            return *id;
        }
        let key = KeyBytes::from_slice(key);
        if key.spilled() {
            self.spilled += key.capacity();
        }
        let entry = Entry { key, hash, events: 1 };
        let id = if let Some(id) = self.free.pop() {
            self.entries[id.index()] = entry;
            id
        } else {
            // By a quarter, not by doubling: these are large, and count at once.
            if self.entries.len() == self.entries.capacity() {
                let more = self.entries.len() / 4 + 16;
                self.entries.reserve_exact(more);
                self.lists.reserve_exact(more * self.streams);
            }
            self.entries.push(entry);
            self.lists.extend(std::iter::repeat_with(List::default).take(self.streams));
            KeyId::new(self.entries.len() - 1)
        };
        let entries = &self.entries;
        self.index.insert_unique(hash, id, |id| entries[id.index()].hash);
        id
    }

    /// One more event has the key `id`.
    pub fn hold_again(&mut self, id: KeyId) {
        self.entries[id.index()].events += 1;
    }

    /// One event less has the key.
    pub fn release(&mut self, id: KeyId) {
        let entry = &mut self.entries[id.index()];
        entry.events -= 1;
        if entry.events > 0 {
            return;
        }
        let lists = &self.lists[id.index() * self.streams..][..self.streams];
        debug_assert!(lists.iter().all(List::is_empty), "a joinable event holds its keys");
        let found = self.index.find_entry(entry.hash, |other| *other == id);
        found.expect("a key in use is in the index").remove();
        let key = std::mem::take(&mut entry.key);
        if key.spilled() {
            self.spilled -= key.capacity();
        }
        self.free.push(id);
    }

    /// The values of a key.
    pub fn key(&self, id: KeyId) -> &[u8] {
        &self.entries[id.index()].key
    }

    /// The joinable events of a key in one stream.
    pub fn list(&self, id: KeyId, stream: StreamId) -> &List {
        &self.lists[id.index() * self.streams + stream.index()]
    }

    /// Changes the joinable events of a key in one stream.
    pub fn change<R>(
        &mut self,
        id: KeyId,
        stream: StreamId,
        change: impl FnOnce(&mut List) -> R,
    ) -> R {
        let list = &mut self.lists[id.index() * self.streams + stream.index()];
        let before = list.memory();
        let result = change(list);
        self.spilled = self.spilled + list.memory() - before;
        result
    }

    /// Keys in use.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.lists.capacity() * size_of::<List>()
            + self.free.capacity() * size_of::<KeyId>()
            + self.index.allocation_size()
            + self.spilled
    }

    fn hash(&self, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish()
    }
}
