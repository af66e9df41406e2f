//! Exact repeats of events, as sources send them again after they have lost a connection.
//!
//! Owns what has been seen, as 128-bit hashes in two generations: the older one is forgotten as a
//! whole, so that nothing is ever scanned. An event is remembered for at least one window of event
//! time and at most two.

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use xxhash_rust::xxh3::{Xxh3, xxh3_128_with_seed};

use crate::event::Event;
use crate::options::Dedupe;
use crate::time::{Span, Timestamp};

/// Bytes for a hash in a set, at its usual load.
const HASH_BYTES: usize = 24;

/// What of events is compared.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    fields: Option<Vec<String>>,
    seed: u64,
}

impl Compared {
    pub fn new(dedupe: &Dedupe, seed: u64) -> Self {
        Self { fields: dedupe.fields.clone(), seed }
    }

    /// The hash of what is compared. Labels add up, whatever their order: a server need not tell them
    /// in the same one twice.
    pub fn hash(&self, event: &Event<'_>) -> u128 {
        let field = |name: &str, value: &str| {
            let mut hasher = Xxh3::with_seed(self.seed);
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(value.as_bytes());
            hasher.digest128()
        };
        let message = event.message();
        let time = event.time.as_nanos().to_le_bytes();
        let mut hash = xxh3_128_with_seed(&time, self.seed);
        let mut add = |field: u128| hash = hash.wrapping_add(field);
        match &self.fields {
            None => {
                event.labels().for_each(|(name, value)| add(field(name, value)));
                add(xxh3_128_with_seed(message.as_bytes(), self.seed));
            }
            Some(fields) => {
                for name in fields {
                    let value = event.label(name);
                    let value = value.or((name == "message").then_some(message));
                    add(field(name, value.unwrap_or_default()));
                }
            }
        }
        hash
    }
}

/// What has been seen of one source.
#[derive(Debug)]
pub(super) struct Seen {
    window: Span,
    compared: Compared,
    newer: HashSet<u128, FixedState>,
    older: HashSet<u128, FixedState>,
    /// The newest time when the newer generation began.
    began: Timestamp,
    newest: Timestamp,
}

impl Seen {
    /// Nothing yet. What `dedupe` leaves open is remembered for `window`.
    pub fn new(dedupe: &Dedupe, window: Span, seed: u64) -> Self {
        Self {
            window: dedupe.window.unwrap_or(window),
            compared: Compared::new(dedupe, seed),
            newer: HashSet::default(),
            older: HashSet::default(),
            began: Timestamp::MIN,
            newest: Timestamp::MIN,
        }
    }

    /// Whether an event is seen for the first time; it is remembered.
    pub fn is_new(&mut self, event: &Event<'_>) -> bool {
        let hash = self.compared.hash(event);
        self.is_new_hash(event.time, hash)
    }

    /// As [`is_new`](Self::is_new), of an event whose hash is known.
    pub fn is_new_hash(&mut self, time: Timestamp, hash: u128) -> bool {
        self.newest = time.max(self.newest);
        if self.newest.since(self.began) > self.window {
            self.forget_older();
        }
        !self.older.contains(&hash) && self.newer.insert(hash)
    }

    /// Forgets the older generation.
    pub fn forget_older(&mut self) {
        std::mem::swap(&mut self.newer, &mut self.older);
        self.newer.clear();
        self.began = self.newest;
    }

    /// Forgets the older generation where more than so many bytes are used, then the newer; and gives back
    /// what is not used.
    pub fn shrink(&mut self, bytes: usize) {
        while self.memory() > bytes {
            self.forget_older();
        }
        self.newer.shrink_to_fit();
        self.older.shrink_to_fit();
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        (self.newer.len() + self.older.len()) * HASH_BYTES
    }
}
