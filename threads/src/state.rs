//! Who does what next, and what has come of it: all that the threads share.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::sync::Arc;

use logbraid_core::Emit;
use logbraid_core::columns::ColumnError;
use logbraid_core::decode::Decoder;
use logbraid_core::encode::append_released;
use logbraid_core::engine::{
    Correlator, CorrelatorOptions, Load, Merge, Output, Place, Reader, Sequencer, Step,
};
use logbraid_core::error::Error;
use logbraid_core::id::{HostHandle, SourceId};
use logbraid_core::metrics::Metrics;
use logbraid_core::query::Vocabulary;
use logbraid_core::time::{Span, Timestamp};

use crate::cutter::{Block, Cutter};
use crate::piece::{Piece, Slot, Stage};
use crate::{Work, Write};

/// Bytes that are pushed and not read yet, above which there is no room.
const ROOM: usize = 8 << 20;

/// Pieces that are pushed and not joined yet, above which there is no room.
const PIECES: usize = 256;

/// Pieces of each file that are read ahead, beside one for each thread.
const AHEAD: usize = 2;

/// Steps in order that some engine has not followed, beside one for each thread.
const STEPS: usize = 4;

/// Why a query cannot go on, besides what the engine tells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// A stable code.
    pub code: &'static str,
    /// What was wrong.
    pub message: String,
}

/// How a source is read.
struct Source {
    /// Reads it in order; away while it does.
    in_order: Option<Reader>,
    /// Whether its lines can be read apart from each other.
    is_apart: bool,
    /// Readers of such lines that have nothing to do.
    idle: Vec<Reader>,
    /// A decoder that knows the format, once that is known.
    decoder: Decoder,
}

/// A file that is read into a source.
struct Attached {
    path: String,
    /// Away while it is read; none once it has been read.
    file: Option<Box<(File, Cutter)>>,
    has_ended: bool,
}

/// Pieces whose order is known: what was pushed, or a file.
#[derive(Default)]
struct Queue {
    slots: VecDeque<Slot>,
    next_ticket: u64,
    /// The source and where it comes from, if it is a file.
    file: Option<(SourceId, Attached)>,
}

/// An engine and how far it is.
struct Engine {
    /// Away while it is at work.
    at_home: Option<Box<Correlator>>,
    /// The number of the step that it follows next.
    next: u64,
    /// Whether it may have something to tell.
    may_tell: bool,
    /// Results of it that others have to come before.
    waiting: usize,
    backlog: usize,
    /// Events and bytes.
    held: (usize, usize),
    deadline: Option<Timestamp>,
    has_ended: bool,
}

/// A result as it was written, in what an engine has told at once.
pub struct Written {
    pub bytes: Arc<Vec<u8>>,
    pub from: usize,
    pub to: usize,
}

/// What an engine has done in one go.
pub struct Done {
    pub engine: Box<Correlator>,
    pub results: Vec<(Place, Written)>,
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
    },
}

/// A task, before it is taken.
enum Found {
    Follow(usize, usize),
    Read(usize, usize),
    Fetch(usize),
}

#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub struct State {
    write: Write,
    /// The first is what was pushed, the others are files.
    queues: Vec<Queue>,
    sources: Vec<Source>,
    sequencer: Sequencer,
    steps: VecDeque<Arc<Step>>,
    /// The number of the first of them.
    first_step: u64,
    engines: Vec<Engine>,
    merge: Merge<Written>,
    /// Host events that several engines have, and how many still.
    parted: BTreeMap<HostHandle, u32>,
    released: Vec<HostHandle>,
    /// What the host has not taken, and how many results are in it.
    out: Vec<u8>,
    out_results: usize,
    /// How many results the host waits for.
    demand: usize,
    is_eager: bool,
    buffer_size: usize,
    threads: usize,
    /// Bytes pushed that are not read.
    unread: usize,
    /// Bytes of files that may be read, and that have been since the host last asked.
    credit: usize,
    read: usize,
    /// Tasks that are being done.
    active: usize,
    /// Whether engines are wanted at home.
    is_called: usize,
    /// Whether the host has been woken and has not come.
    is_woken: bool,
    /// Whether the host was told that there is no room.
    is_full: bool,
    turns: Vec<Span>,
    failure: Option<Failure>,
    has_failed: bool,
    /// The end of the query: known, and told.
    end: Option<Result<(), Error>>,
    has_ended: bool,
    is_stopping: bool,
    /// What was counted when somebody last asked.
    last_metrics: Metrics,
}

impl State {
    pub fn new(
        engines: Vec<Correlator>,
        options: &CorrelatorOptions,
        threads: usize,
        write: Write,
    ) -> Result<Self, Error> {
        let first = &engines[0];
        let readers = (0..first.plan().sources.len())
            .map(|at| Reader::new(first, SourceId::new(at), engines.len()));
        let sources = readers.map(|reader| {
            let reader = reader?;
            let decoder = Decoder::new(logbraid_core::decode::DecoderOptions::default())
                .map_err(|error| Error::Option { name: "decoder", message: error.to_string() })?;
            Ok(Source { in_order: Some(reader), is_apart: false, idle: Vec::new(), decoder })
        });
        let sources = sources.collect::<Result<_, Error>>()?;
        let sequencer = Sequencer::new(first);
        let merge = Merge::new(engines.len());
        let last_metrics = first.metrics();
        let engine = |engine| Engine {
            at_home: Some(Box::new(engine)),
            next: 0,
            may_tell: true,
            waiting: 0,
            backlog: 0,
            held: (0, 0),
            deadline: None,
            has_ended: false,
        };
        let mut state = Self {
            write,
            queues: vec![Queue::default()],
            sources,
            sequencer,
            steps: VecDeque::new(),
            first_step: 0,
            engines: engines.into_iter().map(engine).collect(),
            merge,
            parted: BTreeMap::new(),
            released: Vec::new(),
            out: Vec::new(),
            out_results: 0,
            demand: 0,
            is_eager: options.emit == Emit::Eager,
            buffer_size: options.buffer_size.max(1),
            threads,
            unread: 0,
            credit: 0,
            read: 0,
            active: 0,
            is_called: 0,
            is_woken: false,
            is_full: false,
            turns: Vec::new(),
            failure: None,
            has_failed: false,
            end: None,
            has_ended: false,
            is_stopping: false,
            last_metrics,
        };
        state.pace();
        Ok(state)
    }

    // What the host does.

    pub fn push(&mut self, source: SourceId, piece: Piece) {
        if self.is_over() {
            self.released.extend(piece.handles());
            return;
        }
        let queue = &mut self.queues[0];
        self.unread += piece.size();
        if let Some(last) = queue.slots.back_mut()
            && last.source == source
            && let Stage::Unread(waiting) = &mut last.stage
            && waiting.append(&piece)
        {
            last.size += piece.size();
            return;
        }
        queue.add(source, piece);
    }

    pub fn advance(&mut self, now: Timestamp) {
        // The source does not matter.
        self.push(SourceId::new(0), Piece::Step(Step::Advance(now)));
    }

    pub fn attach(&mut self, source: SourceId, path: String, file: File) {
        let file = Some(Box::new((file, Cutter::default())));
        let attached = Attached { path, file, has_ended: false };
        self.queues.push(Queue { file: Some((source, attached)), ..Queue::default() });
    }

    pub fn grant(&mut self, bytes: usize) -> Work {
        self.credit = bytes;
        let mut files = self.queues.iter().filter_map(|queue| queue.file.as_ref());
        let pending = !self.is_over() && files.any(|(_, file)| !file.has_ended);
        Work { pending, read: std::mem::take(&mut self.read) }
    }

    pub fn has_room(&mut self) -> bool {
        self.is_full = self.unread > ROOM || self.queues[0].slots.len() > PIECES;
        !self.is_full
    }

    pub fn drain(&mut self, max: usize) -> Result<Vec<u8>, Failure> {
        self.is_woken = false;
        if self.out.is_empty() && self.released.is_empty() {
            self.demand = max;
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            return Ok(Vec::new());
        }
        self.demand = 0;
        self.out_results = 0;
        let mut out = std::mem::take(&mut self.out);
        if !self.released.is_empty() {
            append_released(&mut out, std::mem::take(&mut self.released));
        }
        self.pace();
        Ok(out)
    }

    /// Whether there is something to drain.
    pub fn has_news(&self) -> bool {
        !self.out.is_empty() || !self.released.is_empty() || self.failure.is_some()
    }

    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub fn engines(&self) -> usize {
        self.engines.len()
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.engines.iter().filter_map(|engine| engine.deadline).min()
    }

    pub fn note_turn(&mut self, took: Span) {
        match self.engines[0].at_home.as_mut() {
            Some(engine) => engine.note_turn(took),
            None => self.turns.push(took),
        }
    }

    /// Whether engines are wanted at home.
    pub fn call_home(&mut self, is_called: bool) {
        if is_called { self.is_called += 1 } else { self.is_called -= 1 }
    }

    /// Whether all engines are at home, or never will be.
    pub fn is_home(&self) -> bool {
        self.has_failed || self.engines.iter().all(|engine| engine.at_home.is_some())
    }

    pub fn metrics(&mut self) -> Metrics {
        let mut all = self.engines.iter().filter_map(|engine| engine.at_home.as_ref());
        let first = all.next().map(|engine| engine.metrics());
        let mut metrics = first.unwrap_or_else(|| self.last_metrics.clone());
        all.for_each(|engine| metrics.add(&engine.metrics()));
        metrics.memory += self.waiting_memory();
        self.last_metrics = metrics.clone();
        metrics
    }

    pub fn vocabulary(&mut self) -> Vocabulary {
        let first = self.engines[0].at_home.as_ref();
        first.map_or_else(Vocabulary::default, |engine| engine.vocabulary())
    }

    pub fn decoders(&self) -> Vec<&Decoder> {
        self.sources.iter().map(|source| &source.decoder).collect()
    }

    pub fn stop(&mut self) {
        self.is_stopping = true;
    }

    /// Frees what the query holds; no thread is at work.
    pub fn clear(&mut self) {
        self.queues = vec![Queue::default()];
        self.steps.clear();
        self.out = Vec::new();
        self.merge = Merge::new(self.engines.len());
        for source in &mut self.sources {
            (source.in_order, source.idle) = (None, Vec::new());
        }
        for engine in self.engines.iter_mut().filter_map(|engine| engine.at_home.as_mut()) {
            engine.stop();
        }
    }

    /// Whether nothing that comes in matters any more.
    fn is_over(&self) -> bool {
        self.is_stopping || self.has_failed || self.end.is_some()
    }

    // What the threads do.

    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// Whether nothing is being done, and nothing can be.
    pub fn is_idle(&mut self) -> bool {
        self.active == 0 && (self.is_stopping || self.find(0).is_none())
    }

    /// The next task of a thread, which prefers the engine of its own number.
    pub fn take_task(&mut self, thread: usize) -> Option<Task> {
        let task = match self.find(thread)? {
            Found::Follow(number, room) => self.take_engine(number, room),
            Found::Read(queue, at) => self.take_piece(queue, at),
            Found::Fetch(queue) => {
                let (_, attached) = self.queues[queue].file.as_mut().expect("it was found there");
                let file = attached.file.take().expect("it was found there");
                Task::Fetch { queue, file }
            }
        };
        self.active += 1;
        Some(task)
    }

    fn find(&mut self, thread: usize) -> Option<Found> {
        if self.has_failed {
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
            self.buffer_size.saturating_sub(engine.waiting)
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
        let Engine { at_home, next, .. } = &mut self.engines[number];
        let mut engine = at_home.take().expect("it was found there");
        engine.set_beside(memory, events);
        if number == 0 {
            self.turns.drain(..).for_each(|took| engine.note_turn(took));
        }
        let known = usize::try_from(*next - self.first_step).expect("steps that are kept are few");
        let steps: Vec<_> = self.steps.range(known..).cloned().collect();
        *next += steps.len() as u64;
        Task::Follow { number, engine, steps, room }
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
        let reader = if is_apart {
            let apart = || source.in_order.as_ref().and_then(Reader::apart);
            source.idle.pop().or_else(apart).expect("its lines can be read apart")
        } else {
            source.in_order.take().expect("it was found there")
        };
        let (ticket, source) = (slot.ticket, slot.source);
        Task::Read { queue, ticket, source, piece, reader: Box::new(reader), is_apart }
    }

    /// Brings what has been read into the one order in which the engines follow.
    fn put_in_order(&mut self) {
        while self.steps.len() <= self.threads + STEPS {
            let Some(step) = self.next_step() else { break };
            if let Step::Rows(_, rows) = &step {
                self.parted.extend(rows.parted().iter().copied());
            }
            self.sequencer.follow(&step);
            self.steps.push_back(Arc::new(step));
            self.pace();
        }
    }

    fn next_step(&mut self) -> Option<Step> {
        if let Some(step) = self.queues[0].pop() {
            return Some(step);
        }
        // Of files the first that may be read, as one thread would.
        let sequencer = &self.sequencer;
        let queue = self.queues.iter_mut().find(|queue| {
            let may_go_on = |(source, file): &(SourceId, Attached)| {
                !file.has_ended && !sequencer.is_paused(*source)
            };
            queue.file.as_ref().is_some_and(may_go_on)
        })?;
        let step = queue.pop()?;
        if let (Step::Close(_), Some((_, file))) = (&step, &mut queue.file) {
            file.has_ended = true;
        }
        Some(step)
    }

    /// Decides anew which sources may be read.
    fn pace(&mut self) {
        if self.is_over() {
            return;
        }
        // A host that waits for results is not behind.
        let backlog: usize = self.engines.iter().map(|engine| engine.backlog).sum();
        let is_behind = self.demand == 0;
        let results = if is_behind { self.out_results + self.merge.waiting() + backlog } else { 0 };
        let load = Load {
            results,
            memory: self.engines.iter().map(|engine| engine.held.1).sum(),
            events: self.engines.iter().map(|engine| engine.held.0).sum(),
        };
        for (source, why) in self.sequencer.pace(load) {
            let output = match why {
                Some(why) => Output::Pause(source, why),
                None => Output::Resume(source),
            };
            (self.write)(&mut self.out, &output);
            self.steps.push_back(Arc::new(Step::Pause(source, why.is_some())));
        }
    }

    /// A piece has been read.
    pub fn put_read(
        &mut self,
        queue: usize,
        ticket: u64,
        source: SourceId,
        reader: Reader,
        is_apart: bool,
        steps: Result<VecDeque<Step>, ColumnError>,
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
        match steps {
            Ok(steps) => {
                let slots = &mut self.queues[queue].slots;
                let slot = slots.iter_mut().find(|slot| slot.ticket == ticket);
                slot.expect("a piece stays until it is read").stage = Stage::Read(steps);
            }
            Err(error) => self.fail("INVALID_ARGUMENT", error.to_string()),
        }
    }

    /// A block of a file has been read into pieces; `length` is how many bytes, none at its end.
    pub fn put_fetched(
        &mut self,
        queue: usize,
        file: Box<(File, Cutter)>,
        blocks: Vec<Block>,
        length: std::io::Result<usize>,
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
                    slots.add(source, Piece::Lines(block, None));
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
        let Done { engine, results, notices, released, is_dry, end } = done;
        self.active -= 1;
        let own = &mut self.engines[number];
        own.held = engine.held();
        own.backlog = engine.backlog();
        own.deadline = engine.next_deadline();
        own.may_tell = !is_dry;
        own.waiting += results.len();
        for (place, result) in results {
            self.merge.add(number, place, result);
        }
        self.out.extend_from_slice(&notices);
        if let Some(end) = end {
            own.has_ended = true;
            if end.is_err() {
                self.end = Some(end);
            }
        }
        let frontier = engine.frontier().filter(|_| !own.has_ended);
        self.merge.pass(number, frontier);
        own.at_home = Some(engine);
        for handle in released {
            self.release(handle);
        }
        while let Some((number, result)) = self.merge.next() {
            let Written { bytes, from, to } = result;
            self.out.extend_from_slice(&bytes[from..to]);
            self.out_results += 1;
            self.engines[number].waiting -= 1;
        }
        let followed = self.engines.iter().map(|engine| engine.next).min().unwrap_or(0);
        while self.first_step < followed && self.steps.pop_front().is_some() {
            self.first_step += 1;
        }
        if self.end.is_none() && self.engines.iter().all(|engine| engine.has_ended) {
            self.end = Some(Ok(()));
        }
        if let Some(end) = self.end.clone()
            && !self.has_ended
            && (end.is_err() || self.merge.has_ended())
        {
            self.has_ended = true;
            for slot in &self.queues[0].slots {
                if let Stage::Unread(piece) = &slot.stage {
                    self.released.extend(piece.handles());
                }
            }
            self.queues[0].slots.retain(|slot| !matches!(slot.stage, Stage::Unread(_)));
            (self.write)(&mut self.out, &Output::End(end.err()));
        }
        self.pace();
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

    /// Whether the host is to be woken, which it is then.
    pub fn wakes(&mut self) -> bool {
        let has_room = self.is_full && self.has_room();
        let files = self.read > 0 && (self.credit == 0 || self.queues.iter().all(Queue::is_read));
        let wakes = !self.is_woken && (self.has_news() || has_room || files);
        self.is_woken |= wakes;
        wakes
    }

    /// Bytes of results that wait for the host.
    fn waiting_memory(&self) -> usize {
        self.out.capacity()
    }
}

impl Queue {
    fn add(&mut self, source: SourceId, piece: Piece) {
        let (ticket, size) = (self.next_ticket, piece.size());
        self.next_ticket += 1;
        let stage = match piece {
            Piece::Step(step) => Stage::Read(VecDeque::from([step])),
            piece => Stage::Unread(piece),
        };
        self.slots.push_back(Slot { ticket, source, stage, size });
    }

    /// The next step, if it has been read.
    fn pop(&mut self) -> Option<Step> {
        loop {
            let Stage::Read(steps) = &mut self.slots.front_mut()?.stage else { return None };
            if let Some(step) = steps.pop_front() {
                return Some(step);
            }
            self.slots.pop_front();
        }
    }

    /// The first piece that can be read now.
    fn readable(&self, sources: &[Source]) -> Option<usize> {
        let mut is_tried = 0_u128;
        self.slots.iter().position(|slot| {
            let source = &sources[slot.source.index()];
            let is_unread = matches!(slot.stage, Stage::Unread(_));
            if source.is_apart {
                return is_unread;
            }
            // In order: only the first that is not read.
            let bit = 1_u128.checked_shl(u32::from(slot.source.get())).unwrap_or(0);
            let is_first = is_tried & bit == 0 && !matches!(slot.stage, Stage::Read(_));
            is_tried |= if is_first { bit } else { 0 };
            is_unread && is_first && source.in_order.is_some()
        })
    }

    /// Whether its file, if it is one, has been read to its end.
    fn is_read(&self) -> bool {
        self.file.as_ref().is_none_or(|(_, file)| file.file.is_none() && self.slots.is_empty())
    }
}
