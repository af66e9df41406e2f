//! Ids of correlations.
//!
//! An id is a hash of the query and of what identifies the result, and the same on every machine.
//! Results that the same identifies (equal times, streams and key) are told apart by a number, for which
//! it is remembered how often each was given: for as long as such a result may come, in a bounded
//! number of bytes.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use crate::id::CorrelationId;
use crate::time::Timestamp;
use crate::window::record::EventOrder;
use crate::window::store::Store;

/// What identifies a result.
pub(crate) struct Identity<'a> {
    /// The key of the first join, empty where no event has one.
    pub key: &'a [u8],
    /// The events that tell it from others; for a session, the earliest.
    pub events: &'a [EventOrder],
    /// Whether no result that is still to come is identified the same.
    pub is_unique: bool,
}

/// How often a result was identified the same, and when that began.
type Occurrence = (CorrelationId, (u64, Timestamp));

/// Occurrences kept without asking whether they are still needed.
const FEW: usize = 1_024;

/// How many take about so many bytes, with the room that a growing table has.
fn most(max_memory: usize) -> usize {
    max_memory / (3 * size_of::<Occurrence>())
}

#[derive(Debug)]
pub(super) struct Ids {
    query: u64,
    given: HashMap<CorrelationId, (u64, Timestamp), FixedState>,
    /// Occurrences to keep before old ones are forgotten; doubled when all are still needed.
    keep: usize,
    /// Occurrences that may be kept.
    most: usize,
    /// What is hashed.
    bytes: Vec<u8>,
}

impl Ids {
    /// Ids for the query with this canonical text, which may use about so many bytes.
    pub fn new(canonical: &str, max_memory: usize) -> Self {
        Self {
            query: xxh3_64(canonical.as_bytes()),
            given: HashMap::default(),
            keep: FEW,
            most: most(max_memory),
            bytes: Vec::new(),
        }
    }

    /// From now on about so many bytes may be used.
    pub fn set_max_memory(&mut self, store: &Store, max_memory: usize) {
        self.most = most(max_memory);
        self.keep = self.keep.min(self.most.max(FEW));
        while self.given.len() > self.keep {
            self.forget(store);
        }
    }

    /// The id of the first result that is identified so.
    pub fn base(&mut self, identity: &Identity<'_>) -> CorrelationId {
        self.hash(identity, 0)
    }

    /// The id of one more result.
    pub fn next(&mut self, store: &Store, identity: &Identity<'_>) -> CorrelationId {
        let base = self.base(identity);
        if identity.is_unique && !self.given.contains_key(&base) {
            return base;
        }
        if self.given.len() >= self.keep {
            self.forget(store);
        }
        let (count, _) = self.given.entry(base).or_insert((0, identity.events[0].time));
        let occurrence = *count;
        *count += 1;
        if occurrence == 0 { base } else { self.hash(identity, occurrence) }
    }

    /// Forgets what began before the oldest event that is held, which cannot come again; and what began
    /// first where there is still too much.
    pub fn forget(&mut self, store: &Store) {
        let oldest = store.oldest();
        self.given.retain(|_, (_, began)| *began >= oldest);
        if self.given.len() > self.most / 2 {
            let mut begun: Vec<_> = self.given.values().map(|(_, began)| *began).collect();
            let middle = *begun.select_nth_unstable(self.given.len() / 2).1;
            self.given.retain(|_, (_, began)| *began > middle);
        }
        self.keep = (self.given.len() * 2).clamp(FEW, self.most.max(FEW));
        if self.given.len() < self.given.capacity() / 4 {
            self.given.shrink_to(self.keep);
        }
    }

    fn hash(&mut self, identity: &Identity<'_>, occurrence: u64) -> CorrelationId {
        let bytes = &mut self.bytes;
        bytes.clear();
        for event in identity.events {
            bytes.extend_from_slice(&event.time.as_nanos().to_le_bytes());
            bytes.extend_from_slice(&event.stream.get().to_le_bytes());
        }
        bytes.extend_from_slice(&occurrence.to_le_bytes());
        bytes.extend_from_slice(identity.key);
        CorrelationId(xxh3_128_with_seed(bytes, self.query))
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.given.allocation_size()
    }
}
