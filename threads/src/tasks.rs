//! What a thread does next, and what comes of it.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use logbraid_core::columns::ColumnError;
use logbraid_core::engine::{Correlator, Output, Place, Reader, Step};
use logbraid_core::error::Error;
use logbraid_core::id::{HostHandle, SourceId};
use logbraid_core::time::Span;

use crate::cutter::{Block, Cutter};
use crate::piece::{Piece, Stage};
use crate::queue::Queue;
use crate::state::{Engine, Failure, STEPS, State};

/// Pieces of each file that are read ahead, beside one for each thread.
const AHEAD: usize = 2;

/// Results that an engine has told at once.
#[derive(Default)]
pub struct Results {
    /// As they were written.
    pub written: Vec<u8>,
    /// Of each, its place, and how many bytes it was written in.
    pub places: Vec<(Place, usize)>,
}

/// What an engine has done in one go.
pub struct Done {
    pub engine: Box<Correlator>,
    /// What it has followed.
    pub steps: Vec<Arc<Step>>,
    pub results: Results,
    /// Other outputs, written.
    pub notices: Vec<u8>,
    pub released: Vec<HostHandle>,
    /// Whether it had nothing more to tell.
    pub is_dry: bool,
    /// What it has ended with.
    pub end: Option<Result<(), Error>>,
}

/// Something to do.
pub enum Task {
    Follow {
        number: usize,
        engine: Box<Correlator>,
        steps: Vec<Arc<Step>>,
        /// How many results it may tell.
        room: usize,
        /// Where it tells them: nothing but the room of earlier ones.
        results: Results,
    },
    Read {
        queue: usize,
        ticket: u64,
        source: SourceId,
        piece: Piece,
        reader: Box<Reader>,
        is_apart: bool,
    },
    Fetch {
        queue: usize,
        file: Box<(File, Cutter)>,
        /// Room for what is read.
        room: Vec<u8>,
    },
}

/// A task, before it is taken.
enum Found {
    Follow(usize, usize),
    Read(usize, usize),
    Fetch(usize),
}
impl State {
    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Whether nothing is being done, and nothing can be.
    pub fn is_idle(&mut self) -> bool {
        self.active == 0 && !self.has_task()
    }

    /// Whether there is something to do.
    pub fn has_task(&mut self) -> bool {
        !self.is_stopping && self.find(0).is_some()
    }

    /// The next task of a thread, which prefers the engine of its own number.
    pub fn take_task(&mut self, thread: usize) -> Option<Task> {
        let task = match self.find(thread)? {
            Found::Follow(number, room) => self.take_engine(number, room),
            Found::Read(queue, at) => self.take_piece(queue, at),
            Found::Fetch(queue) => {
                let (_, attached) = self.queues[queue].file.as_mut().expect("it was found there");
                let file = attached.file.take().expect("it was found there");
                let room = self.rooms.pop().unwrap_or_default();
                Task::Fetch { queue, file, room }
            }
        };
        self.active += 1;
        Some(task)
    }

    fn find(&mut self, thread: usize) -> Option<Found> {
        if self.has_failed || matches!(self.end, Some(Err(_))) {
            return None;
        }
        self.put_in_order();
        if self.is_called == 0 {
            let engines = self.engines.len();
            let numbers = (0..engines).map(|at| (thread + at) % engines);
            for number in numbers {
                let engine = &self.engines[number];
                let room = self.room_of(engine);
                let has_steps = engine.next < self.first_step + self.steps.len() as u64;
                if engine.at_home.is_some() && (has_steps || (engine.may_tell && room > 0)) {
                    return Some(Found::Follow(number, room));
                }
            }
        }
        if self.is_over() {
            return None;
        }
        for (number, queue) in self.queues.iter().enumerate() {
            if let Some(at) = queue.readable(&self.sources) {
                return Some(Found::Read(number, at));
            }
        }
        let is_crowded = self.steps.len() > self.threads + STEPS;
        let may_fetch = self.credit > 0 && !is_crowded && self.out_results < self.buffer_size;
        let ahead = self.threads + AHEAD;
        let fetchable = |queue: &Queue| {
            let file = queue.file.as_ref().is_some_and(|(_, attached)| attached.file.is_some());
            file && queue.slots.len() < ahead
        };
        let file = self.queues.iter().position(fetchable).filter(|_| may_fetch);
        file.map(Found::Fetch)
    }

    /// How many results an engine may tell now.
    fn room_of(&self, engine: &Engine) -> usize {
        if self.is_eager {
            self.demand.saturating_sub(self.out_results)
        } else if self.out_results >= self.buffer_size {
            0
        } else {
            let waiting = usize::try_from(engine.told - engine.handed_on).unwrap_or(usize::MAX);
            self.buffer_size.saturating_sub(waiting)
        }
    }

    fn take_engine(&mut self, number: usize, room: usize) -> Task {
        let of = self.engines.iter();
        let (events, memory) = of
            .enumerate()
            .filter(|(at, _)| *at != number)
            .fold((0, 0), |(events, memory), (_, other)| {
                (events + other.held.0, memory + other.held.1)
            });
        let Engine { at_home, next, spare, .. } = &mut self.engines[number];
        let mut engine = at_home.take().expect("it was found there");
        engine.set_beside(memory, events);
        if number == 0 {
            self.turns.drain(..).for_each(|took| engine.note_turn(took));
        }
        let known = usize::try_from(*next - self.first_step).expect("steps that are kept are few");
        let steps: Vec<_> = self.steps.range(known..).cloned().collect();
        *next += steps.len() as u64;
        Task::Follow { number, engine, steps, room, results: std::mem::take(spare) }
    }

    fn take_piece(&mut self, queue: usize, at: usize) -> Task {
        let slot = &mut self.queues[queue].slots[at];
        let Stage::Unread(piece) = std::mem::replace(&mut slot.stage, Stage::Reading) else {
            unreachable!("it was found unread")
        };
        if queue == 0 {
            self.unread -= slot.size;
        }
        let source = &mut self.sources[slot.source.index()];
        let is_apart = source.is_apart;
        let mut reader = if is_apart {
            let apart = || source.in_order.as_ref().and_then(Reader::apart);
            source.idle.pop().or_else(apart).expect("its lines can be read apart")
        } else {
            source.in_order.take().expect("it was found there")
        };
        if let Some(spare) = self.spare.pop_if(|_| slot.size > 0) {
            reader.reuse(spare);
        }
        let (ticket, source) = (slot.ticket, slot.source);
        Task::Read { queue, ticket, source, piece, reader: Box::new(reader), is_apart }
    }

    /// A piece has been read.
    pub fn put_read(
        &mut self,
        queue: usize,
        ticket: u64,
        source: SourceId,
        reader: Reader,
        is_apart: bool,
        read: Result<(VecDeque<Step>, Vec<u8>), ColumnError>,
    ) {
        self.active -= 1;
        let known = &mut self.sources[source.index()];
        if is_apart {
            known.idle.push(reader);
        } else {
            if reader.decoder().settled().is_some() && known.decoder.settled().is_none() {
                known.decoder = reader.decoder().settled().expect("it has just been asked");
            }
            known.is_apart = reader.decoder().reads_apart();
            known.in_order = Some(reader);
        }
        match read {
            Ok((steps, room)) => {
                let own = &mut self.queues[queue];
                let slot = own.slots.iter_mut().find(|slot| slot.ticket == ticket);
                slot.expect("a piece stays until it is read").stage = Stage::Read(steps);
                if own.file.is_some() && self.rooms.len() < self.threads + AHEAD {
                    self.rooms.push(room);
                }
            }
            Err(error) => self.fail("INVALID_ARGUMENT", error.to_string()),
        }
    }

    /// A block of a file has been read into pieces, `at` that time; `length` is how many bytes, none at
    /// its end.
    pub fn put_fetched(
        &mut self,
        queue: usize,
        file: Box<(File, Cutter)>,
        blocks: Vec<Block>,
        length: std::io::Result<usize>,
        at: Option<Span>,
    ) {
        self.active -= 1;
        let slots = &mut self.queues[queue];
        let Some((source, attached)) = &mut slots.file else { return };
        let source = *source;
        match length {
            Ok(length) => {
                let rest = if length == 0 { Some(file) } else { attached.file.replace(file) };
                self.credit = self.credit.saturating_sub(length);
                self.read += length;
                for block in blocks {
                    slots.add(source, Piece::Lines(block, at));
                }
                if let Some(mut file) = rest {
                    slots.add(source, Piece::Close(file.1.finish()));
                }
            }
            Err(error) => {
                let message = format!("{}: {error}", attached.path);
                self.fail("SOURCE_ERROR", message);
            }
        }
    }

    /// An engine has followed some steps.
    pub fn put_done(&mut self, number: usize, done: Done) {
        let Done { engine, mut steps, mut results, notices, released, is_dry, end } = done;
        self.active -= 1;
        let own = &mut self.engines[number];
        own.held = engine.held();
        own.backlog = engine.backlog();
        own.deadline = engine.next_deadline();
        own.may_tell = !is_dry;
        own.told += results.places.len() as u64;
        own.releasing.extend(released.into_iter().map(|handle| (own.told, handle)));
        self.merge.add(number, results.places.drain(..));
        own.spare.places = results.places;
        if !results.written.is_empty() {
            own.written.push_back((results.written, 0));
        }
        self.out.extend_from_slice(&notices);
        if let Some(end) = end {
            own.has_ended = true;
            if end.is_err() && self.end.is_none() {
                self.end = Some(end);
            }
        }
        let frontier = engine.frontier().filter(|_| !own.has_ended);
        self.merge.pass(number, frontier);
        own.at_home = Some(engine);
        while let Some((number, length)) = self.merge.next() {
            self.engines[number].hand_on(length, &mut self.out);
            self.out_results += 1;
        }
        self.release_handed_on();
        let taken = self.engines.iter().map(|engine| engine.next).min().unwrap_or(0);
        while self.first_step < taken
            && let Some(step) = self.steps.pop_front()
        {
            self.first_step += 1;
            steps.push(step);
        }
        // Whoever has followed a step last has it alone.
        for step in steps {
            if let Ok(Step::Rows(_, rows)) = Arc::try_unwrap(step)
                && rows.memory() > 0
            {
                self.spare.push(*rows);
            }
        }
        self.spare.truncate(2 * (self.threads + STEPS));
        if self.end.is_none() && self.engines.iter().all(|engine| engine.has_ended) {
            self.end = Some(Ok(()));
        }
        // An error is of all engines.
        let is_known = match &self.end {
            Some(Ok(())) => self.merge.has_ended(),
            Some(Err(_)) => self.is_home(),
            None => false,
        };
        if let Some(end) = self.end.clone().filter(|_| is_known && !self.has_ended) {
            self.has_ended = true;
            let all = self.engines.iter().filter_map(|engine| engine.at_home.as_deref());
            let error = end.err().map(|error| Correlator::ended_together(error, all));
            for slot in &self.queues[0].slots {
                if let Stage::Unread(piece) = &slot.stage {
                    self.released.extend(piece.handles());
                }
            }
            self.queues[0].slots.retain(|slot| !matches!(slot.stage, Stage::Unread(_)));
            (self.write)(&mut self.out, &Output::End(error));
        }
        self.pace();
    }

    fn release_handed_on(&mut self) {
        for number in 0..self.engines.len() {
            loop {
                let Engine { releasing, handed_on, .. } = &mut self.engines[number];
                let Some((_, handle)) = releasing.pop_front_if(|(told, _)| *told <= *handed_on)
                else {
                    break;
                };
                self.release(handle);
            }
        }
    }

    fn release(&mut self, handle: HostHandle) {
        if let Some(more) = self.parted.get_mut(&handle) {
            *more -= 1;
            if *more > 0 {
                return;
            }
            self.parted.remove(&handle);
        }
        self.released.push(handle);
    }

    /// A thread has panicked.
    pub fn put_broken(&mut self, message: String) {
        self.active -= 1;
        self.fail("INTERNAL_ERROR", message);
    }

    fn fail(&mut self, code: &'static str, message: String) {
        if !self.is_over() {
            self.failure = Some(Failure { code, message });
        }
        self.has_failed = true;
    }
}
