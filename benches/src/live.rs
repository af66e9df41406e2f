//! An engine in its steady state, with a given number of live events.
//!
//! Events come as those of a host, so that nothing is decoded and no bytes are kept: what is timed is
//! the smallest public way into keys, window, join and emission. Making the events is not timed.

use std::time::{Duration, Instant};

use logbraid_core::columns::HostEvents;
use logbraid_core::engine::{Correlator, CorrelatorOptions};
use logbraid_core::id::SourceId;
use logbraid_core::limits;
use logbraid_core::time::Span;

use crate::answer;
use crate::workload::{Answer, Lines, START_MS, Service, Workload};

/// How long an event is live, in milliseconds of event time.
const LIVE_MS: u64 = 30_000;
/// How far out of order lines are where they are; the engine's tolerance is the same.
const DISORDER_MS: u64 = 5_000;
/// Requests that share a key where keys are dense.
const DENSE: u64 = 10;
/// Events a push has, over both sources.
const PUSH: usize = 64;

/// What an engine is to hold, and how it comes.
#[derive(Copy, Clone, Debug)]
pub struct Live {
    /// Events that are live at any time, about.
    pub events: u64,
    /// 34 events a key in place of 3.4.
    pub dense: bool,
    /// Up to 5 s out of order, in place of in order.
    pub disordered: bool,
}

impl Live {
    /// The bounds that keep events live as long as they should be, for `within`.
    fn within_ms(self) -> u64 {
        LIVE_MS - self.tolerance_ms()
    }

    fn tolerance_ms(self) -> u64 {
        if self.disordered { DISORDER_MS } else { 0 }
    }

    /// An engine that answers `query`, where `W` stands for the bounds, in its steady state.
    ///
    /// # Errors
    /// A query that is not sound, or that ends with an error.
    pub fn engine(self, query: &str) -> anyhow::Result<Steady> {
        let query = query.replace('W', &format!("{}ms", self.within_ms()));
        let options = CorrelatorOptions {
            max_memory: limits::MAX_MEMORY_BYTES,
            late_tolerance: Span::from_millis(self.tolerance_ms().cast_signed()),
            ..CorrelatorOptions::default()
        };
        let engine = Correlator::new(answer::plan(&query)?, options)?;
        // 3.4 events a request.
        let rate = (self.events * 10_000 / 34 / LIVE_MS).max(1);
        let workload = Workload {
            requests: u64::MAX >> 16,
            rate,
            disorder_ms: self.tolerance_ms(),
            ..Workload::default()
        };
        let mut steady = Steady {
            engine,
            lines: workload.lines(),
            dense: self.dense,
            newest_ms: START_MS,
            handles: 0,
            answer: Answer::default(),
            longest: Duration::ZERO,
            sides: [Columns::default(), Columns::default()],
        };
        // A fifth more than fills it.
        while steady.newest_ms < START_MS + LIVE_MS * 6 / 5 {
            steady.push(PUSH)?;
        }
        Ok(steady)
    }
}

/// An engine in its steady state.
#[derive(Debug)]
pub struct Steady {
    /// The engine.
    pub engine: Correlator,
    /// What it has answered so far.
    pub answer: Answer,
    /// The longest that one push has taken, with taking what came of it.
    pub longest: Duration,
    lines: Lines,
    dense: bool,
    newest_ms: u64,
    handles: u32,
    sides: [Columns; 2],
}

impl Steady {
    /// Pushes `events` more, and takes what comes of it. Returns how long that took.
    ///
    /// # Errors
    /// The error that the query ends with.
    pub fn push(&mut self, events: usize) -> anyhow::Result<Duration> {
        let mut took = Duration::ZERO;
        let mut left = events;
        while left > 0 {
            let now = left.min(PUSH);
            left -= now;
            self.make(now);
            let start = Instant::now();
            self.push_made()?;
            let push = start.elapsed();
            self.longest = self.longest.max(push);
            took += push;
        }
        Ok(took)
    }

    /// Pushes what has been made, and takes what comes of it. Callgrind knows it by its name.
    #[inline(never)]
    fn push_made(&mut self) -> anyhow::Result<()> {
        for (at, side) in self.sides.iter().enumerate() {
            self.engine.push_events(SourceId::new(at), &side.events())?;
        }
        answer::take(&mut self.engine, &mut self.answer)
    }

    fn make(&mut self, events: usize) {
        self.sides.iter_mut().for_each(Columns::clear);
        for line in self.lines.by_ref().take(events) {
            self.newest_ms = self.newest_ms.max(line.arrival_ms);
            let side = usize::from(line.moment.service() == Service::Backend);
            let key = if self.dense { line.request / DENSE } else { line.key };
            self.sides[side].add(self.handles, line.time_ms, key);
            self.handles = self.handles.wrapping_add(1);
        }
    }
}

/// Events of one source, with one label.
#[derive(Debug, Default)]
struct Columns {
    handles: Vec<u32>,
    millis: Vec<f64>,
    zeros: Vec<u32>,
    texts: String,
    ends: Vec<u32>,
}

impl Columns {
    fn clear(&mut self) {
        let Self { handles, millis, zeros, texts, ends } = self;
        handles.clear();
        millis.clear();
        zeros.clear();
        texts.clear();
        ends.clear();
    }

    fn add(&mut self, handle: u32, time_ms: u64, key: u64) {
        self.handles.push(handle);
        #[allow(clippy::cast_precision_loss)] // Below 2⁵³.
        self.millis.push(time_ms as f64);
        self.zeros.push(0);
        // As long as a UUID.
        self.texts += &format!("{key:016x}-{:019x}", !key);
        // A label, and neither a join key nor a message.
        self.ends.extend([u32::try_from(self.texts.len()).unwrap_or(0); 3]);
    }

    /// The columns of a source of which a query reads the key alone.
    fn events(&self) -> HostEvents<'_> {
        HostEvents {
            handles: &self.handles,
            millis: &self.millis,
            nanos: &self.zeros,
            texts: &self.texts,
            ends: &self.ends,
            weights: &[],
        }
    }
}
