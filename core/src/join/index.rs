//! From the hash of a key to the key: a hash table that never stops to grow.
//!
//! Owns the places of key ids. Doubling one large table moves all of it at once, which takes a
//! tenth of a second at some millions of keys; here many small tables are split one at a time (linear
//! hashing), so that no insertion costs more than the moving of a few thousand ids.

use hashbrown::HashTable;

use crate::id::KeyId;

/// Keys per table on average at which one more table is split.
const TABLE_KEYS: usize = 2 << 10;

/// One of the tables is given up when there are so many times fewer keys than there may be in the others.
const FEWER: usize = 4;

/// Which keys there are, by hash.
#[derive(Debug)]
pub(super) struct KeyIndex {
    /// A power of two of tables and those that have been split off since.
    tables: Vec<HashTable<KeyId>>,
    /// The largest power of two that is not more than the number of tables.
    first_half: usize,
    keys: usize,
    memory: usize,
}

impl KeyIndex {
    /// No keys.
    pub fn new() -> Self {
        Self { tables: vec![HashTable::new()], first_half: 1, keys: 0, memory: 0 }
    }

    /// The key with this hash of which `same` holds.
    #[expect(clippy::inline_always, reason = "the way of every event")]
    #[inline(always)]
    pub fn find(&self, hash: u32, same: impl Fn(KeyId) -> bool) -> Option<KeyId> {
        self.tables[self.table(hash)].find(spread(hash), |id| same(*id)).copied()
    }

    /// Adds a key, which is not in it. `hash_of` tells the hashes of those that are.
    pub fn insert(&mut self, hash: u32, id: KeyId, hash_of: impl Fn(KeyId) -> u32) {
        if self.keys >= self.tables.len() * TABLE_KEYS {
            self.split(&hash_of);
        }
        let at = self.table(hash);
        let table = &mut self.tables[at];
        let is_full = table.len() == table.capacity();
        let before = if is_full { table.allocation_size() } else { 0 };
        table.insert_unique(spread(hash), id, |id| spread(hash_of(*id)));
        if is_full {
            self.memory = self.memory + table.allocation_size() - before;
        }
        self.keys += 1;
    }

    /// Removes a key. `hash_of` tells the hashes of the others.
    pub fn remove(&mut self, hash: u32, id: KeyId, hash_of: impl Fn(KeyId) -> u32) {
        let at = self.table(hash);
        let found = self.tables[at].find_entry(spread(hash), |other| *other == id);
        found.expect("a key in use is in the index").remove();
        self.keys -= 1;
        if self.keys < (self.tables.len() - 1) * TABLE_KEYS / FEWER {
            self.unite(&hash_of);
        }
    }

    /// Keys in it.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.memory + self.tables.capacity() * size_of::<HashTable<KeyId>>()
    }

    /// Splits the next table that is due into itself and a new one.
    fn split(&mut self, hash_of: &impl Fn(KeyId) -> u32) {
        let at = self.tables.len() - self.first_half;
        let old = std::mem::take(&mut self.tables[at]);
        self.memory -= old.allocation_size();
        self.tables.push(HashTable::new());
        if self.tables.len() == 2 * self.first_half {
            self.first_half *= 2;
        }
        for id in old {
            let hash = hash_of(id);
            let to = self.table(hash);
            self.tables[to].insert_unique(spread(hash), id, |id| spread(hash_of(*id)));
        }
        let new = self.tables.len() - 1;
        self.memory += self.tables[at].allocation_size() + self.tables[new].allocation_size();
    }

    /// Takes the last table back into the one that it has been split off.
    #[inline(never)]
    fn unite(&mut self, hash_of: &impl Fn(KeyId) -> u32) {
        if self.tables.len() == self.first_half {
            self.first_half /= 2;
        }
        let Some(last) = self.tables.pop() else { return };
        let at = self.tables.len() - self.first_half;
        let table = &mut self.tables[at];
        self.memory -= table.allocation_size() + last.allocation_size();
        for id in last {
            table.insert_unique(spread(hash_of(id)), id, |id| spread(hash_of(*id)));
        }
        table.shrink_to(2 * table.len(), |id| spread(hash_of(*id)));
        self.memory += table.allocation_size();
    }

    /// The table of a hash: by as many of its bits as there are tables for.
    #[inline]
    fn table(&self, hash: u32) -> usize {
        let half = self.first_half;
        let by_more = hash as usize & (2 * half - 1);
        if by_more < self.tables.len() { by_more } else { by_more & (half - 1) }
    }
}

/// Spreads a hash over the bits that a table looks at: its lowest ones have chosen the table.
fn spread(hash: u32) -> u64 {
    let mixed = u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::{HashTable, KeyIndex, TABLE_KEYS};
    use crate::id::KeyId;

    /// Some function of the number that looks random.
    fn hash(id: KeyId) -> u32 {
        let mixed = (id.index() as u64 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        u32::try_from(mixed >> 32).expect("half of the bits")
    }

    #[test]
    fn keys_are_found_while_it_grows_and_empties() {
        let mut index = KeyIndex::new();
        let all: Vec<_> = (0..9 * TABLE_KEYS).map(KeyId::new).collect();
        for (count, id) in all.iter().enumerate() {
            assert_eq!(index.find(hash(*id), |other| other == *id), None);
            index.insert(hash(*id), *id, hash);
            let looked_up = all[count / 2];
            assert_eq!(index.find(hash(looked_up), |id| id == looked_up), Some(looked_up));
        }
        assert_eq!(index.tables.len(), 9);
        let sizes = index.tables.iter().map(HashTable::allocation_size).sum::<usize>();
        assert_eq!((index.len(), index.memory), (all.len(), sizes));
        for (count, id) in all.iter().enumerate() {
            index.remove(hash(*id), *id, hash);
            assert_eq!(index.find(hash(*id), |other| other == *id), None);
            assert_eq!(index.len(), all.len() - count - 1);
            for left in [all.get(count + 1), all.last()].into_iter().flatten() {
                let found = index.find(hash(*left), |other| other == *left);
                assert_eq!(found.is_some(), left.index() > count);
            }
        }
        assert_eq!(index.tables.len(), 1);
        let sizes = index.tables.iter().map(HashTable::allocation_size).sum::<usize>();
        assert_eq!(index.memory, sizes);
        for id in &all {
            index.insert(hash(*id), *id, hash);
        }
        assert!(all.iter().all(|id| index.find(hash(*id), |other| other == *id).is_some()));
    }

    #[test]
    fn equal_hashes_are_told_apart() {
        let mut index = KeyIndex::new();
        for id in (0..100).map(KeyId::new) {
            index.insert(7, id, |_| 7);
        }
        index.remove(7, KeyId::new(50), |_| 7);
        for id in (0..100).map(KeyId::new) {
            let found = index.find(7, |other| other == id);
            assert_eq!(found, (id.index() != 50).then_some(id));
        }
    }
}
