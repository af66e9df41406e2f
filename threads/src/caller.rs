//! What the calling thread does by itself: small amounts, where nobody is at work.
//!
//! To wake a thread costs the caller about as much as a few events do, and a query that little comes to
//! needs no threads at all. So the caller does what is done soon, and hands on the rest; and hands on
//! all where it has just given its share, so that it stays free whatever comes.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use crate::Shared;
use crate::state::State;
use crate::worker;

/// Bytes that wait to be read, above which they are for threads.
pub const SMALL: usize = 64 << 10;

/// Longest time given in one go, but for the task it ends with.
const GO: Duration = Duration::from_millis(1);

/// Of so much of its time the caller gives one part.
const PARTS: u32 = 10;

/// How much of its time the caller has given.
#[derive(Debug)]
pub struct Caller {
    /// When what it has given will have been its share.
    even: Option<Instant>,
    gives: bool,
}

impl Caller {
    /// Gives a share of its time.
    pub const GIVING: Self = Self { even: None, gives: true };

    /// Gives nothing.
    pub const RESTING: Self = Self { even: None, gives: false };

    /// Does what there is to do, or has threads do it.
    pub fn take_part<'a>(&mut self, shared: &'a Arc<Shared>, mut state: MutexGuard<'a, State>) {
        let begun = Instant::now();
        let is_free = self.even.is_none_or(|even| even <= begun + GO * PARTS);
        let may_give = self.gives && is_free;
        let mut given = Duration::ZERO;
        while may_give
            && given < GO
            && state.is_small()
            && let Some(task) = state.take_task(0)
        {
            drop(state);
            let put = worker::perform(task, shared);
            state = shared.lock();
            put(&mut state);
            given = begun.elapsed();
        }
        if given > Duration::ZERO {
            let from = self.even.map_or(begun, |even| even.max(begun));
            self.even = Some(from + given * PARTS);
        }
        let mut state = worker::rouse(shared, state);
        // What is told is drained; that there is room again has to be told.
        if given > Duration::ZERO && state.has_room_again() && state.wakes() {
            drop(state);
            shared.wake();
        }
    }
}
