//! A query on the thread of JavaScript, or on threads of its own: the same calls for both.

use logbraid_core::columns::HostEvents;
use logbraid_core::encode::{Batch, Recipe, append_output};
use logbraid_core::engine::{Correlator, CorrelatorOptions};
use logbraid_core::id::SourceId;
use logbraid_core::metrics::Metrics;
use logbraid_core::plan::Plan;
use logbraid_core::query::Vocabulary;
use logbraid_core::time::{Span, Timestamp};
use logbraid_threads::{Threads, Work};
use napi::bindgen_prelude::Uint8Array;

use crate::files::{self, Files};
use crate::{Result, fail, usage};

/// Where a query runs.
pub enum Engine {
    Here(Box<Correlator>, Files, Batch),
    Threads(Box<Threads>),
}

impl Engine {
    /// Runs a query on so many threads; `wake` is called where there are several.
    pub fn new(
        plan: Plan,
        options: CorrelatorOptions,
        threads: usize,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self> {
        if threads > 1 {
            let threads = Threads::start(plan, &options, threads, append_output, wake);
            return Ok(Self::Threads(Box::new(threads.map_err(|error| fail(&error))?)));
        }
        let engine = Correlator::new(plan, options).map_err(|error| fail(&error))?;
        Ok(Self::Here(Box::new(engine), Files::default(), Batch::default()))
    }

    pub fn plan(&self) -> &Plan {
        match self {
            Self::Here(engine, ..) => engine.plan(),
            Self::Threads(threads) => threads.plan(),
        }
    }

    pub fn set_clock(&mut self, at: Span) {
        match self {
            Self::Here(engine, ..) => engine.set_clock(at),
            Self::Threads(threads) => threads.set_clock(at),
        }
    }

    pub fn push(&mut self, source: SourceId, bytes: &[u8]) {
        match self {
            Self::Here(engine, ..) => engine.push(source, bytes),
            Self::Threads(threads) => threads.push(source, bytes),
        }
    }

    pub fn push_events(&mut self, source: SourceId, events: &HostEvents<'_>) -> Result<()> {
        match self {
            Self::Here(engine, ..) => engine.push_events(source, events).map_err(usage)?,
            Self::Threads(threads) => threads.push_events(source, events),
        }
        Ok(())
    }

    pub fn observe(&mut self, source: SourceId, labels: &[(&str, &str)]) {
        match self {
            Self::Here(engine, ..) => engine.observe(source, labels.iter().copied()),
            Self::Threads(threads) => {
                let owned =
                    |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
                threads.observe(source, labels.iter().map(owned).collect());
            }
        }
    }

    pub fn vocabulary(&self) -> Vocabulary {
        match self {
            Self::Here(engine, ..) => engine.vocabulary(),
            Self::Threads(threads) => threads.vocabulary(),
        }
    }

    pub fn attach(&mut self, source: SourceId, path: String) -> Result<()> {
        match self {
            Self::Here(_, files, _) => files.attach(source, path).map_err(files::fail),
            Self::Threads(threads) => {
                let file = files::open(&path).map_err(files::fail)?;
                threads.attach(source, path, file);
                Ok(())
            }
        }
    }

    pub fn work(&mut self, max: usize) -> Result<Work> {
        match self {
            Self::Here(engine, files, _) => {
                let read = files.read(engine, max).map_err(files::fail)?;
                Ok(Work { pending: files.pending(), read })
            }
            Self::Threads(threads) => Ok(threads.grant(max)),
        }
    }

    pub fn advance(&mut self, now: Timestamp) {
        match self {
            Self::Here(engine, ..) => engine.advance(now),
            Self::Threads(threads) => threads.advance(now),
        }
    }

    pub fn set_away(&mut self, source: SourceId, away: bool) {
        match self {
            Self::Here(engine, ..) => engine.set_away(source, away),
            Self::Threads(threads) => threads.set_away(source, away),
        }
    }

    pub fn set_max_memory(&mut self, bytes: usize) -> Result<()> {
        let set = match self {
            Self::Here(engine, ..) => engine.set_max_memory(bytes),
            Self::Threads(threads) => threads.set_max_memory(bytes),
        };
        set.map_err(|error| fail(&error))
    }

    pub fn flush(&mut self, source: SourceId) {
        match self {
            Self::Here(engine, ..) => engine.flush(source),
            Self::Threads(threads) => threads.flush(source),
        }
    }

    pub fn close(&mut self, source: SourceId) {
        match self {
            Self::Here(engine, ..) => engine.close(source),
            Self::Threads(threads) => threads.close(source),
        }
    }

    pub fn has_room(&self, source: SourceId) -> bool {
        match self {
            Self::Here(..) => true,
            Self::Threads(threads) => threads.has_room(source),
        }
    }

    pub fn is_busy(&self) -> bool {
        match self {
            Self::Here(..) => false,
            Self::Threads(threads) => threads.is_busy(),
        }
    }

    pub fn drain(&mut self, max: usize) -> Result<Uint8Array> {
        match self {
            Self::Here(engine, _, batch) => {
                batch.clear();
                engine.drain(max, batch);
                Ok(Uint8Array::with_data_copied(batch.finish()))
            }
            Self::Threads(threads) => {
                let told = threads.drain(max);
                told.map(Uint8Array::from)
                    .map_err(|failure| napi::Error::new(failure.code, failure.message))
            }
        }
    }

    pub fn next_deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Here(engine, ..) => engine.next_deadline(),
            Self::Threads(threads) => threads.next_deadline(),
        }
    }

    pub fn with_recipe<T>(&self, look: impl FnOnce(Recipe<'_>) -> T) -> T {
        match self {
            Self::Here(engine, ..) => look(engine.recipe()),
            Self::Threads(threads) => threads.with_recipe(look),
        }
    }

    pub fn note_turn(&mut self, took: Span) {
        match self {
            Self::Here(engine, ..) => engine.note_turn(took),
            Self::Threads(threads) => threads.note_turn(took),
        }
    }

    pub fn metrics(&self) -> Metrics {
        match self {
            Self::Here(engine, ..) => engine.metrics(),
            Self::Threads(threads) => threads.metrics(),
        }
    }

    pub fn release(&mut self) {
        match self {
            Self::Here(engine, files, _) => {
                *files = Files::default();
                engine.stop();
            }
            Self::Threads(threads) => threads.stop(),
        }
    }
}
