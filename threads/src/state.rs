//! All that the threads share; here what the host does with it.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::sync::Arc;

use logbraid_core::Emit;
use logbraid_core::decode::Decoder;
use logbraid_core::encode::append_released;
use logbraid_core::engine::{Correlator, CorrelatorOptions, Merge, Reader, Rows, Sequencer, Step};
use logbraid_core::error::Error;
use logbraid_core::id::{HostHandle, SourceId};
use logbraid_core::metrics::Metrics;
use logbraid_core::query::Vocabulary;
use logbraid_core::time::{Span, Timestamp};

use crate::caller::SMALL;
use crate::cutter::Cutter;
use crate::piece::{Piece, Stage};
use crate::queue::{Attached, Queue, Source};
use crate::tasks::Results;
use crate::{Work, Write};

/// Bytes that are pushed and not read yet, above which there is no room.
const ROOM: usize = 8 << 20;

/// Pieces that are pushed and not joined yet, above which there is no room.
const PIECES: usize = 256;

/// Steps in order that some engine has not followed, beside one for each thread.
pub const STEPS: usize = 4;

/// Why a query cannot go on, besides what the engine tells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// A stable code.
    pub code: &'static str,
    /// What was wrong.
    pub message: String,
}
/// An engine and how far it is.
pub struct Engine {
    /// Away while it is at work.
    pub at_home: Option<Box<Correlator>>,
    /// The number of the step that it follows next.
    pub next: u64,
    /// Whether it may have something to tell.
    pub may_tell: bool,
    /// Results it has told, and those of them that have been handed on: before the others may come
    /// results of other engines.
    pub told: u64,
    pub handed_on: u64,
    /// These results, as they were written, and how much of that has been handed on.
    pub written: VecDeque<(Vec<u8>, usize)>,
    /// Room for results.
    pub spare: Results,
    /// Host events it has let go of, and how many results have to be handed on before: these may name
    /// them.
    pub releasing: VecDeque<(u64, HostHandle)>,
    pub backlog: usize,
    /// Events and bytes.
    pub held: (usize, usize),
    pub deadline: Option<Timestamp>,
    pub has_ended: bool,
}

impl Engine {
    /// Writes its next result, which takes so many bytes, to `out`.
    pub fn hand_on(&mut self, length: usize, out: &mut Vec<u8>) {
        self.handed_on += 1;
        let Some((written, at)) = self.written.front_mut().filter(|_| length > 0) else { return };
        out.extend_from_slice(&written[*at..*at + length]);
        *at += length;
        if *at == written.len()
            && let Some((mut written, _)) = self.written.pop_front()
        {
            written.clear();
            self.spare.written = written;
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each says something of its own")]
pub struct State {
    pub write: Write,
    /// The first is what was pushed, the others are files.
    pub queues: Vec<Queue>,
    /// Rows that all engines have taken: room for others.
    pub spare: Vec<Rows>,
    /// What had bytes of files that have been read: room for others.
    pub rooms: Vec<Vec<u8>>,
    pub sources: Vec<Source>,
    pub sequencer: Sequencer,
    pub steps: VecDeque<Arc<Step>>,
    /// The number of the first of them.
    pub first_step: u64,
    pub engines: Vec<Engine>,
    pub merge: Merge<usize>,
    /// Host events that several engines have, and how many still.
    pub parted: BTreeMap<HostHandle, u32>,
    pub released: Vec<HostHandle>,
    /// What the host has not taken, and how many results are in it.
    pub out: Vec<u8>,
    pub out_results: usize,
    /// How many results the host waits for.
    pub demand: usize,
    pub is_eager: bool,
    pub buffer_size: usize,
    /// How many threads there may be, how many there are, and how many of these have nothing to do.
    pub threads: usize,
    pub started: usize,
    pub resting: usize,
    /// Bytes pushed that are not read.
    pub unread: usize,
    /// Bytes of files that may be read, and that have been since the host last asked.
    pub credit: usize,
    pub read: usize,
    /// Tasks that are being done.
    pub active: usize,
    /// Whether engines are wanted at home.
    pub is_called: usize,
    /// Whether the host has been woken and has not come.
    pub is_woken: bool,
    /// By source, whether the host was told that there is no room.
    pub is_full: Vec<bool>,
    pub turns: Vec<Span>,
    pub failure: Option<Failure>,
    pub has_failed: bool,
    /// The end of the query: known, and told.
    pub end: Option<Result<(), Error>>,
    pub has_ended: bool,
    pub is_stopping: bool,
    /// What was counted when somebody last asked.
    pub last_metrics: Metrics,
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
        let all: Vec<_> = sources.collect::<Result<_, Error>>()?;
        let sources = all.len();
        let sequencer = Sequencer::new(first);
        let merge = Merge::new(engines.len());
        let last_metrics = first.metrics();
        let engine = |engine| Engine {
            at_home: Some(Box::new(engine)),
            next: 0,
            may_tell: true,
            told: 0,
            handed_on: 0,
            written: VecDeque::new(),
            spare: Results::default(),
            releasing: VecDeque::new(),
            backlog: 0,
            held: (0, 0),
            deadline: None,
            has_ended: false,
        };
        let mut state = Self {
            write,
            queues: vec![Queue::default()],
            spare: Vec::new(),
            rooms: Vec::new(),
            sources: all,
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
            started: 0,
            resting: 0,
            unread: 0,
            credit: 0,
            read: 0,
            active: 0,
            is_called: 0,
            is_woken: false,
            is_full: vec![false; sources],
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

    pub fn has_room(&mut self, source: SourceId) -> bool {
        let has_room = self.has_room_for(source);
        self.is_full[source.index()] = !has_room;
        has_room
    }

    fn has_room_for(&self, source: SourceId) -> bool {
        let pushed = &self.queues[0];
        // Sources wait for each other: each is heard of before it brings more.
        let is_ahead =
            self.sources.len() > 1 && pushed.slots.iter().any(|slot| slot.source == source);
        !is_ahead && self.unread <= ROOM && pushed.slots.len() <= PIECES
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
        self.forget_room();
        self.out = Vec::new();
        self.merge = Merge::new(self.engines.len());
        for source in &mut self.sources {
            (source.in_order, source.idle) = (None, Vec::new());
        }
        for engine in self.engines.iter_mut().filter_map(|engine| engine.at_home.as_mut()) {
            engine.stop();
        }
    }

    /// Frees what is kept to be used again.
    pub fn forget_room(&mut self) {
        self.spare = Vec::new();
        self.rooms = Vec::new();
        self.engines.iter_mut().for_each(|engine| engine.spare = Results::default());
    }

    /// Whether what there is to do is soon done, with nobody at it: no files are read, and little has
    /// been pushed.
    pub fn is_small(&self) -> bool {
        self.active == 0 && self.queues.len() == 1 && self.unread <= SMALL
    }

    /// Whether nothing that comes in matters any more.
    pub fn is_over(&self) -> bool {
        self.is_stopping || self.has_failed || self.end.is_some()
    }

    /// Whether there is what the calling thread may be waiting for.
    pub fn is_awaited(&self) -> bool {
        self.is_called > 0 || self.has_news()
    }

    /// Whether the host is to be woken, which it is then.
    pub fn wakes(&mut self) -> bool {
        let files = self.read > 0 && (self.credit == 0 || self.queues.iter().all(Queue::is_read));
        let wakes = !self.is_woken && (self.has_news() || self.has_room_again() || files);
        self.is_woken |= wakes;
        wakes
    }

    /// Whether there is room where the host was told that there is none.
    pub fn has_room_again(&self) -> bool {
        let mut full = self.is_full.iter().enumerate().filter(|(_, is_full)| **is_full);
        full.any(|(source, _)| self.has_room_for(SourceId::new(source)))
    }

    /// Bytes of results that wait for the host.
    fn waiting_memory(&self) -> usize {
        self.out.capacity()
    }
}
