//! A thread: takes a task, does it, tells what has come of it, and again.

use std::io::{self, ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use logbraid_core::engine::{Correlator, Output, Step};
use logbraid_core::time::Span;

use crate::Shared;
use crate::cutter::BLOCK;
use crate::state::State;
use crate::tasks::{Done, Task, Written};

/// Does what there is to do until the query is stopped.
pub fn work(shared: &Shared, number: usize) {
    let mut block = Vec::new();
    let mut state = shared.lock();
    while !state.is_stopping() {
        let Some(task) = state.take_task(number) else {
            // What nobody can do ends with somebody noticing it.
            shared.done.notify_all();
            let wakes = state.wakes();
            if wakes {
                drop(state);
                shared.wake();
                state = shared.lock();
                continue;
            }
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        drop(state);
        let now = shared.now();
        let done = catch_unwind(AssertUnwindSafe(|| run(task, shared, now, &mut block)));
        state = shared.lock();
        match done {
            Ok(put) => put(&mut state),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                state.put_broken(text.unwrap_or("a thread has panicked").to_owned());
            }
        }
        shared.work.notify_all();
        shared.done.notify_all();
        if state.wakes() {
            drop(state);
            shared.wake();
            state = shared.lock();
        }
    }
}

/// What has come of a task, to be put where all see it.
type Put = Box<dyn FnOnce(&mut State)>;

fn run(task: Task, shared: &Shared, now: Option<Span>, block: &mut Vec<u8>) -> Put {
    match task {
        Task::Follow { number, engine, steps, room } => {
            let done = follow(engine, &steps, room, now, shared);
            Box::new(move |state| state.put_done(number, done))
        }
        Task::Read { queue, ticket, source, piece, mut reader, is_apart } => {
            let steps = piece.read(source, &mut reader);
            Box::new(move |state| {
                state.put_read(queue, ticket, source, *reader, is_apart, steps);
            })
        }
        Task::Fetch { queue, mut file } => {
            block.resize(BLOCK, 0);
            let mut blocks = Vec::new();
            let length = fetch(&mut file.0, block);
            if let Ok(length) = length {
                file.1.push(&block[..length], |block| blocks.push(block));
            }
            Box::new(move |state| state.put_fetched(queue, file, blocks, length, now))
        }
    }
}

fn fetch(file: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(block) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Has an engine follow steps, and writes up to `room` results of what it tells.
fn follow(
    mut engine: Box<Correlator>,
    steps: &[Arc<Step>],
    room: usize,
    now: Option<Span>,
    shared: &Shared,
) -> Done {
    let write = shared.write;
    let (mut written, mut places) = (Vec::new(), Vec::new());
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
                    write(&mut written, &output);
                    places.push((engine.place(), from, written.len()));
                }
                Output::Released(handle) => released.push(handle),
                Output::End(error) => end = Some(error.map_or(Ok(()), Err)),
                Output::Pause(..) | Output::Resume(_) => {}
                Output::Notice(_) => write(&mut notices, &output),
            }
        }
    }
    let bytes = Arc::new(written);
    let written = |(place, from, to)| (place, Written { bytes: Arc::clone(&bytes), from, to });
    let results = places.into_iter().map(written).collect();
    Done { engine, results, notices, released, is_dry, end }
}
