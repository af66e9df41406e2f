//! One running query.

use std::cell::RefCell;
use std::rc::Rc;

use futures::channel::oneshot;
use js_sys::{Function, Promise, Uint8Array};
use logbraid_core::columns::Columns;
use logbraid_core::encode::{Batch, Recipe, RecordError};
use logbraid_core::engine;
use logbraid_core::error::Error as EngineError;
use logbraid_core::id::SourceId;
use logbraid_core::time::{NANOS_PER_MILLI, Span, Timestamp};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;

use crate::{Result, fail, feed, read_options, usage};

/// What the futures of a query share with it. Nothing is borrowed across an await.
pub(crate) struct Shared {
    engine: RefCell<engine::Correlator>,
    /// What a stream has given.
    pub block: RefCell<Option<feed::Block>>,
    /// Streams that are being read; they stop when these are dropped.
    feeds: RefCell<Vec<oneshot::Sender<()>>>,
}

/// Runs one query.
#[wasm_bindgen]
pub struct Correlator {
    shared: Rc<Shared>,
    batch: Batch,
}

#[wasm_bindgen]
impl Correlator {
    #[wasm_bindgen(constructor)]
    pub fn new(query: &str, options: JsValue) -> Result<Self> {
        let options = read_options(options)?;
        let plan_options = options.plan_options().map_err(|error| fail(&error))?;
        let checked = logbraid_core::query::check(query, &plan_options);
        let plan = checked.plan.ok_or_else(|| fail(&EngineError::Query(checked.diagnostics)))?;
        let seed = getrandom::u64().map_err(usage)?;
        let options = options.correlator_options(seed).map_err(|error| fail(&error))?;
        let engine = engine::Correlator::new(plan, options).map_err(|error| fail(&error))?;
        let shared = Shared {
            engine: RefCell::new(engine),
            block: RefCell::default(),
            feeds: RefCell::default(),
        };
        Ok(Self { shared: Rc::new(shared), batch: Batch::default() })
    }

    /// Takes bytes of a source, cut anywhere, that have arrived `at` that time of a steady clock, in
    /// milliseconds; latencies are measured where it is given, here and below.
    pub fn push(&self, source: u32, bytes: &[u8], at: Option<f64>) -> Result<()> {
        let source = self.source(source)?;
        let mut engine = self.shared.engine.borrow_mut();
        set_clock(&mut engine, at);
        engine.push(source, bytes);
        Ok(())
    }

    /// Takes events that stay in JavaScript, and labels of some of them to complete queries with. False
    /// where a text is none of the times that are read here: nothing is taken then.
    #[wasm_bindgen(js_name = pushColumns)]
    #[expect(clippy::too_many_arguments, reason = "an object would cost a lookup for each of them")]
    pub fn push_columns(
        &self,
        source: u32,
        ids: &[u32],
        millis: Vec<f64>,
        nanos: Vec<u32>,
        bytes: &[u8],
        times_end: usize,
        ends: &[u32],
        cells: usize,
        samples: &[u32],
        weights: &[u32],
        at: Option<f64>,
    ) -> Result<bool> {
        let source = self.source(source)?;
        let columns =
            Columns { ids, millis, nanos, bytes, times_end, ends, cells, samples, weights };
        let Some(batch) = columns.read().map_err(usage)? else { return Ok(false) };
        let mut engine = self.shared.engine.borrow_mut();
        set_clock(&mut engine, at);
        let events = batch.events().map_err(usage)?;
        if !events.is_empty() {
            engine.push_events(source, &events).map_err(usage)?;
        }
        for labels in batch.samples() {
            engine.observe(source, labels.map_err(usage)?);
        }
        Ok(true)
    }

    /// Reads a `ReadableStream` of bytes, a `Blob` or a `Response`, to its end. `fed` is told how many bytes
    /// were read, which it has to have taken with `takeBlock`, and 0 at the end, where it has to `close` the
    /// source; nothing more is read until the promise that it returns resolves.
    pub fn feed(&self, source: u32, stream: JsValue, fed: Function) -> Result<Promise> {
        let source = self.source(source)?;
        let (running, released) = oneshot::channel();
        self.shared.feeds.borrow_mut().push(running);
        let shared = Rc::clone(&self.shared);
        Ok(future_to_promise(async move {
            feed::read(&shared, source, stream, &fed, released).await?;
            Ok(JsValue::UNDEFINED)
        }))
    }

    /// Has the engine take what a stream has given.
    #[wasm_bindgen(js_name = takeBlock)]
    pub fn take_block(&self) {
        let Some(feed::Block { source, bytes, arrived }) = self.shared.block.take() else { return };
        let mut engine = self.shared.engine.borrow_mut();
        set_clock(&mut engine, Some(arrived));
        engine.push(source, &bytes.to_vec());
    }

    /// Labels and values seen so far, as JSON.
    pub fn vocabulary(&self) -> String {
        let vocabulary = self.shared.engine.borrow().vocabulary();
        serde_json::to_string(&vocabulary).expect("a vocabulary is plain data")
    }

    /// Tells the time, in milliseconds since the epoch.
    #[expect(clippy::cast_possible_truncation, reason = "what is too far saturates")]
    pub fn advance(&self, now_ms: f64) {
        let nanos = (now_ms as i64).saturating_mul(NANOS_PER_MILLI);
        self.shared.engine.borrow_mut().advance(Timestamp::from_nanos(nanos));
    }

    /// A live source reads what is of the past, or is interrupted, or is back.
    #[wasm_bindgen(js_name = setAway)]
    pub fn set_away(&self, source: u32, away: bool) -> Result<()> {
        let source = self.source(source)?;
        self.shared.engine.borrow_mut().set_away(source, away);
        Ok(())
    }

    /// From now on the query may hold so many bytes.
    #[wasm_bindgen(js_name = setMaxMemory)]
    pub fn set_max_memory(&self, bytes: usize) -> Result<()> {
        self.shared.engine.borrow_mut().set_max_memory(bytes).map_err(|error| fail(&error))
    }

    /// A live source went quiet.
    pub fn flush(&self, source: u32) -> Result<()> {
        let source = self.source(source)?;
        self.shared.engine.borrow_mut().flush(source);
        Ok(())
    }

    /// A source has ended.
    pub fn close(&self, source: u32) -> Result<()> {
        let source = self.source(source)?;
        self.shared.engine.borrow_mut().close(source);
        Ok(())
    }

    /// Up to `max` outputs, as one batch; empty when nothing waits.
    pub fn drain(&mut self, max: usize, at: Option<f64>) -> Uint8Array {
        let mut engine = self.shared.engine.borrow_mut();
        set_clock(&mut engine, at);
        self.batch.clear();
        engine.drain(max, &mut self.batch);
        Uint8Array::from(self.batch.finish())
    }

    /// When `advance` should be called next, in milliseconds since the epoch.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a nanosecond clock are exact")]
    pub fn deadline(&self) -> Option<f64> {
        let deadline = self.shared.engine.borrow().next_deadline()?.as_nanos();
        Some(deadline.div_euclid(NANOS_PER_MILLI).saturating_add(1) as f64)
    }

    /// A correlation record without its events as JSON; also after `release`.
    #[wasm_bindgen(js_name = headJson)]
    pub fn head_json(&self, record: &[u8]) -> Result<String> {
        self.json(|recipe| recipe.head_json(record))
    }

    /// The events of a correlation record as JSON; also after `release`.
    #[wasm_bindgen(js_name = eventsJson)]
    pub fn events_json(&self, record: &[u8]) -> Result<String> {
        self.json(|recipe| recipe.events_json(record))
    }

    /// Notes that the event loop was held for so many milliseconds.
    #[wasm_bindgen(js_name = noteTurn)]
    pub fn note_turn(&self, took: f64) {
        self.shared.engine.borrow_mut().note_turn(span(took));
    }

    /// Counters and distributions.
    pub fn metrics(&self) -> Result<JsValue> {
        let metrics = self.shared.engine.borrow().metrics();
        Ok(metrics.serialize(&Serializer::json_compatible())?)
    }

    /// Ends the query and frees what it holds.
    pub fn release(&self) {
        self.shared.feeds.borrow_mut().clear();
        self.shared.engine.borrow_mut().stop();
    }

    fn json(
        &self,
        write: impl FnOnce(Recipe<'_>) -> std::result::Result<Vec<u8>, RecordError>,
    ) -> Result<String> {
        let json = write(self.shared.engine.borrow().recipe()).map_err(usage)?;
        Ok(String::from_utf8(json).expect("JSON is UTF-8"))
    }

    fn source(&self, source: u32) -> Result<SourceId> {
        let sources = self.shared.engine.borrow().plan().sources.len();
        let index = source as usize;
        if index < sources {
            Ok(SourceId::new(index))
        } else {
            Err(usage(format!("source {source} does not exist: the query has {sources}")))
        }
    }
}

fn set_clock(engine: &mut engine::Correlator, at: Option<f64>) {
    if let Some(at) = at {
        engine.set_clock(span(at));
    }
}

/// Milliseconds of JavaScript as a span, to the nanosecond as far as they tell it.
#[expect(clippy::cast_possible_truncation, reason = "what is too long saturates")]
fn span(millis: f64) -> Span {
    Span::from_nanos((millis * 1e6) as i64)
}
