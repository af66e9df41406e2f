//! The seeded workload: requests over two services, as their logs arrive.
//!
//! Per request the frontend logs at +0 and +20 ms, the backend at +3 ms with probability 0.9 and at
//! +4 ms with probability 0.5. [`Workload::default`] is the reference workload: 200 requests a second of
//! event time, in order, a key for each request, lines of about 220 bytes as NDJSON.
//!
//! Everything is a function of the seed and the number of the request, in integers, so the same
//! seed gives the same bytes on every machine. Lines are made one by one: what is in memory is the
//! lines that are delayed, never the log.

mod format;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

pub use format::Format;

/// When the first request starts, in milliseconds since the epoch.
pub const START_MS: u64 = 1_795_209_600_000;

/// How many keys are hot, where some are: each is met half as often as the one before it.
const HOT_KEYS: u32 = 16;

/// Requests over two services.
#[derive(Copy, Clone, Debug)]
pub struct Workload {
    /// How many requests; default 200,500.
    pub requests: u64,
    /// Seed of the random choices; default 1.
    pub seed: u64,
    /// Requests that start in a second of event time, at least 1; default 200.
    pub rate: u64,
    /// Lines are delayed by up to so many milliseconds, and written as they arrive; default 0.
    pub disorder_ms: u64,
    /// The fraction of lines that arrive later than that; default 0.
    pub late: f64,
    /// How much later these arrive, in milliseconds; default 60,000.
    pub late_by_ms: u64,
    /// The fraction of requests that share a few hot keys; default 0: each request has its own.
    pub skew: f64,
    /// Bytes of a message on average; they vary by half of it. Default 67, which makes NDJSON lines
    /// of 220 bytes.
    pub message_bytes: usize,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            requests: 200_500,
            seed: 1,
            rate: 200,
            disorder_ms: 0,
            late: 0.0,
            late_by_ms: 60_000,
            skew: 0.0,
            message_bytes: 67,
        }
    }
}

/// What writes the lines.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Service {
    /// Two lines a request.
    Frontend,
    /// None, one or two lines a request.
    Backend,
}

impl Service {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frontend => "frontend",
            Self::Backend => "backend",
        }
    }
}

/// What a line tells.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Moment {
    /// Frontend, +0 ms.
    Started,
    /// Backend, +3 ms, of nine requests in ten.
    Queried,
    /// Backend, +4 ms, of every second request.
    Failed,
    /// Frontend, +20 ms.
    Completed,
}

impl Moment {
    const ALL: [Self; 4] = [Self::Started, Self::Queried, Self::Failed, Self::Completed];

    /// Milliseconds after the start of the request.
    fn offset(self) -> u64 {
        match self {
            Self::Started => 0,
            Self::Queried => 3,
            Self::Failed => 4,
            Self::Completed => 20,
        }
    }

    /// Who writes it.
    pub fn service(self) -> Service {
        match self {
            Self::Started | Self::Completed => Service::Frontend,
            Self::Queried | Self::Failed => Service::Backend,
        }
    }
}

/// A line of a log, before it has a format.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Line {
    /// When it arrives, in milliseconds since the epoch. Lines are ordered by it.
    pub arrival_ms: u64,
    /// Its request, from 0.
    pub request: u64,
    /// What it tells.
    pub moment: Moment,
    /// Event time, in milliseconds since the epoch.
    pub time_ms: u64,
    /// Names its `request_id`.
    pub key: u64,
}

/// What has been written.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Events.
    pub events: u64,
    /// Bytes.
    pub bytes: u64,
}

/// How many correlations there are, and how many events are in them.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// Correlations.
    pub correlations: u64,
    /// Events in them.
    pub events: u64,
}

/// What a random choice is about, so that no choice follows from another.
#[derive(Copy, Clone)]
enum Choice {
    Presence = 1,
    Hot,
    Key,
    Delay,
    Late,
    Words,
}

impl Workload {
    /// The lines in the order in which they arrive.
    pub fn lines(&self) -> Lines {
        Lines { workload: *self, next: 0, delayed: BinaryHeap::new() }
    }

    /// Writes the lines, all or those of one service, in the order in which they arrive.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(
        &self,
        format: Format,
        service: Option<Service>,
        out: &mut impl Write,
    ) -> io::Result<Written> {
        let wanted = |line: &Line| service.is_none_or(|service| line.moment.service() == service);
        format::write(self, self.lines().filter(wanted), format, out)
    }

    /// What is written, in memory.
    pub fn bytes(&self, format: Format, service: Option<Service>) -> (Vec<u8>, u64) {
        let mut bytes = Vec::new();
        let written = self.write(format, service, &mut bytes).expect("memory takes writes");
        (bytes, written.events)
    }

    /// The requests with lines of both services, and their lines: the answer of `frontend and
    /// on(request_id) backend` where every request has its own key and no line is late.
    pub fn answer(&self) -> Answer {
        let mut answer = Answer::default();
        for request in 0..self.requests {
            let lines =
                Moment::ALL.iter().filter(|moment| self.is_there(request, **moment)).count();
            if lines > 2 {
                answer.correlations += 1;
                answer.events += lines as u64;
            }
        }
        answer
    }

    fn random(&self, choice: Choice, of: u64) -> u64 {
        mix(self.seed ^ mix(of ^ mix(choice as u64)))
    }

    /// Whether something happens that does so in a `fraction` of all cases.
    fn happens(&self, fraction: f64, choice: Choice, of: u64) -> bool {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss
        )]
        let threshold = (fraction.clamp(0.0, 1.0) * (1_u64 << 32) as f64) as u64;
        self.random(choice, of) >> 32 < threshold
    }

    fn is_there(&self, request: u64, moment: Moment) -> bool {
        let random = self.random(Choice::Presence, request);
        match moment {
            Moment::Started | Moment::Completed => true,
            Moment::Queried => random % 10 < 9,
            Moment::Failed => (random / 10).is_multiple_of(2),
        }
    }

    /// When a request starts.
    fn start_ms(&self, request: u64) -> u64 {
        START_MS + request * 1_000 / self.rate.max(1)
    }

    fn key(&self, request: u64) -> u64 {
        if self.happens(self.skew, Choice::Hot, request) {
            let rank = self.random(Choice::Key, request).trailing_ones().min(HOT_KEYS - 1);
            return mix(self.seed ^ u64::from(rank));
        }
        mix(mix(self.seed) ^ request)
    }

    fn line(&self, request: u64, moment: Moment) -> Line {
        let time_ms = self.start_ms(request) + moment.offset();
        let of = request * 4 + moment as u64;
        let delay = if self.happens(self.late, Choice::Late, of) {
            self.disorder_ms + self.late_by_ms
        } else {
            self.random(Choice::Delay, of) % (self.disorder_ms + 1)
        };
        let (arrival_ms, key) = (time_ms + delay, self.key(request));
        Line { arrival_ms, request, moment, time_ms, key }
    }
}

/// The lines of a workload, in the order in which they arrive.
#[derive(Debug)]
pub struct Lines {
    workload: Workload,
    /// The next request to start.
    next: u64,
    delayed: BinaryHeap<Reverse<Line>>,
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let Self { workload, next, delayed } = self;
        while *next < workload.requests {
            // What arrives before anything else can be made.
            let is_due = |line: &Reverse<Line>| line.0.arrival_ms < workload.start_ms(*next);
            if delayed.peek().is_some_and(is_due) {
                break;
            }
            let there = Moment::ALL.into_iter().filter(|it| workload.is_there(*next, *it));
            delayed.extend(there.map(|moment| Reverse(workload.line(*next, moment))));
            *next += 1;
        }
        delayed.pop().map(|Reverse(line)| line)
    }
}

/// A well mixed function of `x` (the finaliser of `SplitMix64`).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
