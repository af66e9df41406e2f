//! A thread: takes a task, does it, tells what has come of it, and again.
//!
//! Threads are started when there is something for them to do, one by one, and leave when there has
//! been nothing for a while.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError};
use std::thread::{Builder, available_parallelism};
use std::time::Duration;

use logbraid_core::engine::{Correlator, Output, Step};
use logbraid_core::time::Span;

use crate::Shared;
use crate::state::State;
use crate::tasks::{Done, Results, Task};

/// How long a thread waits for something to do before it leaves.
const REST: Duration = Duration::from_secs(1);

/// Threads of all queries of the process.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Processors that the process may use, as far as that is known.
pub fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| available_parallelism().map_or(1, usize::from))
}

/// Whether a query that has a thread, and may have so many, may start one more: all together have as
/// many as there are processors, and one each.
fn has_processor(threads: usize) -> bool {
    STARTED.load(Ordering::Relaxed) < threads.max(processors())
}

/// Has a thread take the next task, if there is one. It sees to it that another takes the one after.
pub fn rouse<'a>(
    shared: &'a Arc<Shared>,
    mut state: MutexGuard<'a, State>,
) -> MutexGuard<'a, State> {
    while state.has_task() {
        if state.resting > 0 {
            shared.work.notify_one();
            break;
        }
        let started = state.started;
        let may_start = started == 0 || (started < state.threads && has_processor(state.threads));
        if (may_start && start(shared, &mut state)) || started > 0 {
            break;
        }
        // No thread can be started.
        let Some(task) = state.take_task(0) else { break };
        drop(state);
        let put = perform(task, shared);
        state = shared.lock();
        put(&mut state);
    }
    state
}

fn start(shared: &Arc<Shared>, state: &mut State) -> bool {
    let (number, own) = (state.started, Arc::clone(shared));
    let thread = Builder::new().name(format!("logbraid-{number}"));
    let Ok(thread) = thread.spawn(move || work(&own, number)) else { return false };
    state.started += 1;
    STARTED.fetch_add(1, Ordering::Relaxed);
    let mut running = shared.running.lock().unwrap_or_else(PoisonError::into_inner);
    running.retain(|thread| !thread.is_finished());
    running.push(thread);
    true
}

/// Does what there is to do until there is nothing for a while, or the query is stopped.
fn work(shared: &Arc<Shared>, number: usize) {
    let mut state = shared.lock();
    while !state.is_stopping() {
        let task = state.take_task(number);
        let is_awaited = state.is_awaited();
        let wakes = state.wakes();
        match task {
            Some(task) => {
                drop(rouse(shared, state));
                if is_awaited {
                    shared.done.notify_all();
                }
                if wakes {
                    shared.wake();
                }
                let put = perform(task, shared);
                state = shared.lock();
                put(&mut state);
            }
            None if wakes => {
                drop(state);
                shared.wake();
                state = shared.lock();
            }
            None => {
                // What nobody can do ends with somebody noticing it.
                shared.done.notify_all();
                state.resting += 1;
                let rest = shared.work.wait_timeout(state, REST);
                let (roused, rest) = rest.unwrap_or_else(PoisonError::into_inner);
                state = roused;
                state.resting -= 1;
                if rest.timed_out() && !state.has_task() {
                    break;
                }
            }
        }
    }
    state.forget_room();
    state.started -= 1;
    STARTED.fetch_sub(1, Ordering::Relaxed);
}

/// What has come of a task, to be put where all see it.
pub type Put = Box<dyn FnOnce(&mut State)>;

/// Does a task. A panic fails the query.
pub fn perform(task: Task, shared: &Shared) -> Put {
    let now = shared.now();
    catch_unwind(AssertUnwindSafe(|| run(task, shared, now))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_else(|| "a thread has panicked".to_owned());
        Box::new(move |state| state.put_broken(text))
    })
}

fn run(task: Task, shared: &Shared, now: Option<Span>) -> Put {
    match task {
        Task::Follow { number, engine, steps, room, results } => {
            let done = follow(engine, steps, room, results, now, shared);
            Box::new(move |state| state.put_done(number, done))
        }
        Task::Read { queue, ticket, source, piece, mut reader, is_apart } => {
            let steps = piece.read(source, &mut reader);
            Box::new(move |state| {
                state.put_read(queue, ticket, source, *reader, is_apart, steps);
            })
        }
        Task::Fetch { queue, file: mut attached, room } => {
            let mut blocks = Vec::new();
            let (file, cutter) = &mut *attached;
            let length = cutter.read(file, room, |block| blocks.push(block));
            Box::new(move |state| state.put_fetched(queue, attached, blocks, length, now))
        }
    }
}

/// Has an engine follow steps, and writes up to `room` results of what it tells.
fn follow(
    mut engine: Box<Correlator>,
    steps: Vec<Arc<Step>>,
    room: usize,
    mut results: Results,
    now: Option<Span>,
    shared: &Shared,
) -> Done {
    let write = shared.write;
    let Results { written, places } = &mut results;
    let (mut notices, mut released) = (Vec::new(), Vec::new());
    let (mut is_dry, mut end) = (false, None);
    for at in 0..steps.len().max(1) {
        if shared.is_stopping.load(Ordering::Relaxed) {
            break;
        }
        if let Some(step) = steps.get(at) {
            engine.follow(step);
        }
        if let Some(now) = now {
            engine.set_clock(now);
        }
        is_dry = false;
        while places.len() < room {
            let Some(output) = engine.poll() else {
                is_dry = true;
                break;
            };
            match output {
                Output::Correlation(_) => {
                    let from = written.len();
                    write(written, &output);
                    places.push((engine.place(), written.len() - from));
                }
                Output::Released(handle) => released.push(handle),
                Output::End(error) => end = Some(error.map_or(Ok(()), Err)),
                Output::Pause(..) | Output::Resume(_) => {}
                Output::Notice(_) => write(&mut notices, &output),
            }
        }
    }
    Done { engine, steps, results, notices, released, is_dry, end }
}
