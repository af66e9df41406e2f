//! One query on several threads: pieces of sources are read side by side, and joined by engines that
//! each have a share of the keys.
//!
//! Core has the parts: readers that make rows of bytes, steps that all engines follow, and the merging
//! of what they tell. Here is only who does what next, on threads of the standard library: a task is
//! to read a piece, or to have an engine follow the steps it has not followed yet, and every thread
//! takes whatever task there is. Pieces are put in order again before any engine sees them, so that
//! nothing depends on which thread was faster.
//!
//! The calling thread does small amounts itself where nobody is at work, up to a tenth of its time, so
//! that a query which little comes to has no threads. What is more is done by threads, and it is told,
//! by a function that it gives, when there is something to [`drain`](Threads::drain).

mod caller;
mod cutter;
mod order;
mod piece;
mod queue;
mod state;
mod tasks;
mod worker;

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use logbraid_core::columns::HostEvents;
use logbraid_core::encode::Recipe;
use logbraid_core::engine::{Correlator, CorrelatorOptions, Output, Share, Step};
use logbraid_core::error::Error;
use logbraid_core::id::SourceId;
use logbraid_core::metrics::Metrics;
use logbraid_core::options::check_max_memory;
use logbraid_core::plan::Plan;
use logbraid_core::query::Vocabulary;
use logbraid_core::time::{Span, Timestamp};

use caller::Caller;
use cutter::Cutter;
use piece::{OwnedEvents, Piece};
use state::State;

pub use state::Failure;

/// Most threads of a query.
pub const MAX_THREADS: usize = 64;

/// Most threads of a query that is told nothing of them: the caller, who cuts what arrives into pieces
/// for all of them, keeps no more at work.
const MANY_THREADS: usize = 8;

/// Threads of a query that is told nothing of them: as many as there are processors for the process,
/// but no more than 8.
pub fn default_threads() -> usize {
    worker::processors().min(MANY_THREADS)
}

/// Writes an output for the host, after those before it.
pub type Write = fn(&mut Vec<u8>, &Output<'_>);

/// What the threads share.
struct Shared {
    state: Mutex<State>,
    /// There may be something to do.
    work: Condvar,
    /// A thread has finished something.
    done: Condvar,
    /// None once the query has been stopped: it may hold on to whoever holds this.
    wake: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
    /// Said beside the state, to those who are at work.
    is_stopping: AtomicBool,
    write: Write,
    /// A time of the host's clock, and when it was told.
    clock: Mutex<Option<(Span, Instant)>>,
    /// Threads that have been started; some may have left.
    running: Mutex<Vec<JoinHandle<()>>>,
}

impl Shared {
    fn wake(&self) {
        let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(wake) = wake {
            wake();
        }
    }

    /// The time, by the host's clock, where that has been told.
    fn now(&self) -> Option<Span> {
        let (at, told) = (*self.clock.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = i64::try_from(told.elapsed().as_nanos()).unwrap_or(i64::MAX);
        Some(at.plus(Span::from_nanos(since)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic happens while it is locked, but for broken invariants.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the reading of files has come.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Whether a file has not been read to its end.
    pub pending: bool,
    /// Bytes read since the last time this was asked.
    pub read: usize,
}

/// Runs one query on threads of its own.
pub struct Threads {
    shared: Arc<Shared>,
    caller: Caller,
    cutters: Vec<Cutter>,
    plan: Plan,
    /// When what is pushed has arrived, where that is told.
    arrival: Option<Span>,
}

impl Threads {
    /// Runs a query on up to so many threads, from 2. They are started once there is enough to do for
    /// them, no more in the process than it has processors but for one of each query, and leave when
    /// there has been nothing to do for a second. `write` writes outputs for [`drain`](Self::drain), but
    /// for released events, which are written as a batch has them; `wake` is called, on any of the
    /// threads, when there is something to drain or room for more again, once until the next `drain`.
    ///
    /// # Errors
    /// [`Error::Option`] for options that make no sense.
    pub fn start(
        plan: Plan,
        options: &CorrelatorOptions,
        threads: usize,
        write: Write,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        if !(2..=MAX_THREADS).contains(&threads) {
            let message = format!("must be from 2 to {MAX_THREADS} here, not {threads}");
            return Err(Error::Option { name: "threads", message });
        }
        let whole = Correlator::shard(plan.clone(), options.clone(), Share::WHOLE)?;
        let of = if whole.can_share() { threads } else { 1 };
        let engines = if of == 1 {
            vec![whole]
        } else {
            let engine =
                |index| Correlator::shard(plan.clone(), options.clone(), Share { index, of });
            (0..of).map(engine).collect::<Result<Vec<_>, _>>()?
        };
        let cutters = plan.sources.iter().map(|_| Cutter::default()).collect();
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(engines, options, threads, write)?),
            work: Condvar::new(),
            done: Condvar::new(),
            wake: Mutex::new(Some(Arc::new(wake))),
            is_stopping: AtomicBool::new(false),
            write,
            clock: Mutex::new(None),
            running: Mutex::new(Vec::new()),
        });
        Ok(Self { shared, caller: Caller::GIVING, cutters, plan, arrival: None })
    }

    /// Leaves all that there is to do to threads, from now on, and be it little. Else the calling thread
    /// does small amounts itself, while no thread is at work, for up to a tenth of its time.
    pub fn leave_to_threads(&mut self) {
        self.caller = Caller::RESTING;
    }

    /// Tells the time of the pushes that follow; see [`Correlator::set_clock`]. Otherwise the latest time
    /// told goes on by itself.
    pub fn set_clock(&mut self, at: Span) {
        self.arrival = Some(at);
        if self.shared.now().is_none_or(|now| now < at) {
            *self.shared.clock.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((at, Instant::now()));
        }
    }

    /// Takes bytes of a source, cut anywhere.
    pub fn push(&mut self, source: SourceId, bytes: &[u8]) {
        let at = self.arrival;
        let mut blocks = Vec::new();
        self.cutters[source.index()].push(bytes, |block| blocks.push(block));
        self.change(|state| {
            for block in blocks {
                state.push(source, Piece::Lines(block, at));
            }
        });
    }

    /// Takes events that stay with the host. Columns that do not fit together fail the query.
    pub fn push_events(&mut self, source: SourceId, events: &HostEvents<'_>) {
        let at = self.arrival;
        let piece = Piece::Events(Box::new(OwnedEvents::of(events)), at);
        self.change(|state| state.push(source, piece));
    }

    /// Takes in labels of an event that stays with the host; see [`Correlator::observe`].
    pub fn observe(&mut self, source: SourceId, labels: Vec<(String, String)>) {
        self.change(|state| state.push(source, Piece::Step(Step::Observe(source, labels))));
    }

    /// Tells the host's time.
    pub fn advance(&mut self, now: Timestamp) {
        self.change(|state| state.advance(now));
    }

    /// A source is away, or is back; see [`Correlator::set_away`].
    pub fn set_away(&mut self, source: SourceId, away: bool) {
        self.change(|state| state.push(source, Piece::Step(Step::Away(source, away))));
    }

    /// From now on the query may hold so many bytes, on all threads together, once what was pushed before has
    /// been joined; see [`Correlator::set_max_memory`].
    ///
    /// # Errors
    /// [`Error::Option`] for more than an engine can be given; nothing changes then.
    pub fn set_max_memory(&mut self, max_memory: usize) -> Result<(), Error> {
        check_max_memory(max_memory)?;
        // The source does not matter.
        let step = Piece::Step(Step::MaxMemory(max_memory));
        self.change(|state| state.push(SourceId::new(0), step));
        Ok(())
    }

    /// Nothing more comes of a source for now.
    pub fn flush(&mut self, source: SourceId) {
        self.change(|state| state.push(source, Piece::Flush));
    }

    /// Nothing more will come of a source.
    pub fn close(&mut self, source: SourceId) {
        let rest = self.cutters[source.index()].finish();
        self.change(|state| state.push(source, Piece::Close(rest)));
    }

    /// Has a file read into a source, where [`grant`](Self::grant) lets it. `path` is how errors call it.
    pub fn attach(&mut self, source: SourceId, path: String, file: File) {
        self.change(|state| state.attach(source, path, file));
    }

    /// Has about so many more bytes of the files read, merged by time.
    pub fn grant(&mut self, bytes: usize) -> Work {
        self.change(|state| state.grant(bytes))
    }

    /// Whether more of a source should be pushed: what was pushed waits otherwise, in memory.
    pub fn has_room(&self, source: SourceId) -> bool {
        self.shared.lock().has_room(source)
    }

    /// Whether something is being done or can be, or has been told and not drained, or there is room
    /// again: without being pushed more, there will be news.
    pub fn is_busy(&self) -> bool {
        let mut state = self.shared.lock();
        state.has_news() || state.has_room_again() || !state.is_idle()
    }

    /// What the query has to tell, as it was written. Eager results are not written before as many
    /// have been asked for as `max` says; final ones are.
    ///
    /// # Errors
    /// Why the query cannot go on; said once.
    pub fn drain(&mut self, max: usize) -> Result<Vec<u8>, Failure> {
        let told = self.change(|state| state.drain(max))?;
        // What was asked for may be there already.
        if told.is_empty() { self.change(|state| state.drain(max)) } else { Ok(told) }
    }

    /// How many engines share the query: one for each thread, or one in all where keys do not say what
    /// belongs together, or what belongs together is not all that counts.
    pub fn engines(&self) -> usize {
        self.shared.lock().engines()
    }

    /// Whether everything has been told.
    pub fn has_ended(&self) -> bool {
        self.shared.lock().has_ended()
    }

    /// Waits until there is something to [`drain`](Self::drain), or nothing can be done.
    pub fn wait(&self) {
        self.wait_until(State::has_news);
    }

    /// Waits until nothing can be done.
    pub fn settle(&self) {
        self.wait_until(|_| false);
    }

    fn wait_until(&self, is_enough: impl Fn(&State) -> bool) {
        let mut state = self.shared.lock();
        while !is_enough(&state) {
            state = worker::rouse(&self.shared, state);
            if state.is_idle() {
                break;
            }
            state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// When [`advance`](Self::advance) should be called at the latest, as far as that is known.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.shared.lock().next_deadline()
    }

    /// Notes that the host was busy for so long; see [`Correlator::note_turn`].
    pub fn note_turn(&mut self, took: Span) {
        self.shared.lock().note_turn(took);
    }

    /// Counters and distributions. Waits for what is being done, not for what is to be done.
    pub fn metrics(&self) -> Metrics {
        self.with_engines(State::metrics)
    }

    /// See [`Correlator::vocabulary`].
    pub fn vocabulary(&self) -> Vocabulary {
        self.with_engines(State::vocabulary)
    }

    /// Runs `look` with how the retained bytes of events are decoded.
    pub fn with_recipe<T>(&self, look: impl FnOnce(Recipe<'_>) -> T) -> T {
        let state = self.shared.lock();
        look(Recipe::new(&self.plan, state.decoders()))
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Ends the query, its threads, and what they hold. Counters can still be read.
    pub fn stop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        self.shared.lock().stop();
        self.shared.work.notify_all();
        let running = std::mem::take(
            &mut *self.shared.running.lock().unwrap_or_else(PoisonError::into_inner),
        );
        for thread in running {
            // A panic was caught in it and has been told.
            let _ = thread.join();
        }
        *self.shared.wake.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.shared.lock().clear();
    }

    /// Changes something, after which there may be something to do.
    fn change<T>(&mut self, change: impl FnOnce(&mut State) -> T) -> T {
        let Self { shared, caller, .. } = self;
        let mut state = shared.lock();
        let result = change(&mut state);
        caller.take_part(shared, state);
        result
    }

    /// Looks at the engines once none is at work.
    fn with_engines<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.shared.lock();
        state.call_home(true);
        while !state.is_home() {
            state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.call_home(false);
        let result = look(&mut state);
        drop(worker::rouse(&self.shared, state));
        result
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop();
    }
}
