//! The engine as a Node.js addon: synchronous and batched. Adds what a process has (files, a random
//! seed); everything else is core's. Async iteration, cancellation and back-pressure are written
//! once, in TypeScript.

// Every export is `catch_unwind`: a broken invariant becomes an exception, not an abort.
#![allow(missing_docs, clippy::missing_errors_doc, clippy::needless_pass_by_value)]

mod columns;
mod engine;
mod files;
pub mod inspect;
pub mod query;
pub mod response;

use logbraid_core::error::Error as EngineError;
use logbraid_core::id::SourceId;
use logbraid_core::options::JsonOptions;
use logbraid_core::time::{NANOS_PER_MILLI, Span, Timestamp};
use napi::Status;
use napi::bindgen_prelude::{Function, Uint8Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use columns::Columns;
use engine::Engine;

/// An exception whose `code` is the stable code of the mistake.
type Result<T> = napi::Result<T, &'static str>;

fn fail(error: &EngineError) -> napi::Error<&'static str> {
    napi::Error::new(error.code(), error.to_string())
}

fn usage(message: impl ToString) -> napi::Error<&'static str> {
    napi::Error::new("INVALID_ARGUMENT", message.to_string())
}

/// What a call of `work` did.
#[napi(object)]
pub struct Work {
    /// Whether a file has not been read to its end.
    pub pending: bool,
    /// Bytes read.
    pub read: u32,
}

/// Calls JavaScript from any thread, without keeping the process alive.
type Wake = ThreadsafeFunction<(), (), (), Status, false, true>;

/// Runs one query.
#[napi]
pub struct Correlator {
    engine: Engine,
}

#[napi]
impl Correlator {
    /// On so many threads, by default as many as there are processors, up to 8; with more than one,
    /// `wake` is called when there is something to drain, or room to push more.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        query: String,
        options_json: String,
        threads: Option<u32>,
        wake: Option<Function<'_, (), ()>>,
    ) -> Result<Self> {
        let options = JsonOptions::parse(&options_json).map_err(|error| fail(&error))?;
        let plan_options = options.plan_options().map_err(|error| fail(&error))?;
        let checked = logbraid_core::query::check(&query, &plan_options);
        let plan = checked.plan.ok_or_else(|| fail(&EngineError::Query(checked.diagnostics)))?;
        let seed = getrandom::u64().map_err(usage)?;
        let options = options.correlator_options(seed).map_err(|error| fail(&error))?;
        let wake: Option<Wake> = wake
            .map(|wake| wake.build_threadsafe_function().weak::<true>().build())
            .transpose()
            .map_err(usage)?;
        let wake = move || {
            if let Some(wake) = &wake {
                // Where it cannot be called, JavaScript is going away.
                wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }
        };
        let threads =
            threads.map_or_else(logbraid_threads::default_threads, |threads| threads as usize);
        let engine = Engine::new(plan, options, threads, wake)?;
        Ok(Self { engine })
    }

    /// Takes bytes of a source, cut anywhere, that have arrived `at` that time of a steady clock, in
    /// milliseconds; latencies are measured where it is given, here and below.
    #[napi(catch_unwind)]
    pub fn push(&mut self, source: u32, bytes: &[u8], at: Option<f64>) -> Result<()> {
        self.set_clock(at);
        self.engine.push(self.source(source)?, bytes);
        Ok(())
    }

    /// Takes events that stay in JavaScript, and labels of some of them to complete queries with. False
    /// where a text is none of the times that are read here: nothing is taken then.
    #[napi(catch_unwind)]
    pub fn push_columns(&mut self, source: u32, columns: Columns, at: Option<f64>) -> Result<bool> {
        self.set_clock(at);
        let source = self.source(source)?;
        let Some(batch) = columns.view()?.read().map_err(usage)? else { return Ok(false) };
        let events = batch.events().map_err(usage)?;
        if !events.is_empty() {
            self.engine.push_events(source, &events)?;
        }
        for labels in batch.samples() {
            self.engine.observe(source, &labels.map_err(usage)?);
        }
        Ok(true)
    }

    /// Labels and values seen so far, as JSON.
    #[napi(catch_unwind)]
    pub fn vocabulary(&self) -> String {
        serde_json::to_string(&self.engine.vocabulary()).expect("a vocabulary is plain data")
    }

    /// Has `work` read a file into a source. Fails at once if it cannot be opened.
    #[napi(catch_unwind)]
    pub fn attach_file(&mut self, source: u32, path: String) -> Result<()> {
        let source = self.source(source)?;
        self.engine.attach(source, path)
    }

    /// Reads the attached files, merged by time, until about `max_bytes` are read or results wait. On
    /// several threads it returns at once, and says what has been read since the last call.
    #[napi(catch_unwind)]
    pub fn work(&mut self, max_bytes: u32, at: Option<f64>) -> Result<Work> {
        self.set_clock(at);
        let logbraid_threads::Work { pending, read } = self.engine.work(max_bytes as usize)?;
        Ok(Work { pending, read: u32::try_from(read).unwrap_or(u32::MAX) })
    }

    /// Tells the time, in milliseconds since the epoch.
    #[napi(catch_unwind)]
    pub fn advance(&mut self, now_ms: i64) {
        self.engine.advance(Timestamp::from_nanos(now_ms.saturating_mul(NANOS_PER_MILLI)));
    }

    /// A live source reads what is of the past, or is interrupted, or is back.
    #[napi(catch_unwind)]
    pub fn set_away(&mut self, source: u32, away: bool) -> Result<()> {
        self.engine.set_away(self.source(source)?, away);
        Ok(())
    }

    /// From now on the query may hold so many bytes.
    #[napi(catch_unwind)]
    pub fn set_max_memory(&mut self, bytes: u32) -> Result<()> {
        self.engine.set_max_memory(bytes as usize)
    }

    /// A live source went quiet.
    #[napi(catch_unwind)]
    pub fn flush(&mut self, source: u32) -> Result<()> {
        self.engine.flush(self.source(source)?);
        Ok(())
    }

    /// A source has ended.
    #[napi(catch_unwind)]
    pub fn close(&mut self, source: u32) -> Result<()> {
        self.engine.close(self.source(source)?);
        Ok(())
    }

    /// Up to `max` outputs, as one batch; empty when nothing waits.
    #[napi(catch_unwind)]
    pub fn drain(&mut self, max: u32, at: Option<f64>) -> Result<Uint8Array> {
        self.set_clock(at);
        self.engine.drain(max as usize)
    }

    /// Whether more of a source should be pushed for now.
    #[napi(catch_unwind)]
    pub fn has_room(&mut self, source: u32, at: Option<f64>) -> Result<bool> {
        self.set_clock(at);
        Ok(self.engine.has_room(self.source(source)?))
    }

    /// Whether `wake` will be called without anything being pushed.
    #[napi(catch_unwind)]
    pub fn is_busy(&self) -> bool {
        self.engine.is_busy()
    }

    /// When `advance` should be called next, in milliseconds since the epoch.
    #[napi(catch_unwind)]
    pub fn deadline(&self) -> Option<i64> {
        let deadline = self.engine.next_deadline()?.as_nanos();
        Some(deadline.div_euclid(NANOS_PER_MILLI).saturating_add(1))
    }

    /// A correlation record without its events as JSON; also after `release`.
    #[napi(catch_unwind)]
    pub fn head_json(&self, record: &[u8]) -> Result<String> {
        let json = self.engine.with_recipe(|recipe| recipe.head_json(record)).map_err(usage)?;
        Ok(String::from_utf8(json).expect("JSON is UTF-8"))
    }

    /// The events of a correlation record as JSON; also after `release`.
    #[napi(catch_unwind)]
    pub fn events_json(&self, record: &[u8]) -> Result<String> {
        let json = self.engine.with_recipe(|recipe| recipe.events_json(record)).map_err(usage)?;
        Ok(String::from_utf8(json).expect("JSON is UTF-8"))
    }

    /// Notes that the event loop was held for so many milliseconds.
    #[napi(catch_unwind)]
    pub fn note_turn(&mut self, took: f64) {
        self.engine.note_turn(span(took));
    }

    /// Counters and distributions, as JSON.
    #[napi(catch_unwind)]
    pub fn metrics(&self) -> String {
        serde_json::to_string(&self.engine.metrics()).expect("counters are plain data")
    }

    /// Ends the query and frees what it holds.
    #[napi(catch_unwind)]
    pub fn release(&mut self) {
        self.engine.release();
    }

    fn set_clock(&mut self, at: Option<f64>) {
        if let Some(at) = at {
            self.engine.set_clock(span(at));
        }
    }

    fn source(&self, source: u32) -> Result<SourceId> {
        let sources = self.engine.plan().sources.len();
        let index = source as usize;
        if index < sources {
            Ok(SourceId::new(index))
        } else {
            Err(usage(format!("source {source} does not exist: the query has {sources}")))
        }
    }
}

/// Milliseconds of JavaScript as a span, to the nanosecond as far as they tell it.
#[expect(clippy::cast_possible_truncation, reason = "what is too long saturates")]
fn span(millis: f64) -> Span {
    Span::from_nanos((millis * 1e6) as i64)
}
