//! The reference workload: requests over two services, as NDJSON.
//!
//! Per request, 5 ms apart: the frontend logs at +0 and +20 ms, the backend at +3 ms with probability
//! 0.9 and at +4 ms with probability 0.5. A line has about 220 bytes. The same seed gives the same
//! bytes on every machine.

use std::io::{self, Write};

use logbraid_core::engine::{Correlator, CorrelatorOptions, Output};
use logbraid_core::id::SourceId;
use logbraid_core::limits;
use logbraid_core::query::{PlanOptions, check};

/// When the first request starts, in milliseconds since the epoch.
const START_MS: u64 = 1_795_209_600_000;

/// A workload of `requests` requests.
#[derive(Copy, Clone, Debug)]
pub struct Workload {
    /// How many requests.
    pub requests: u64,
    /// Seed of the random choices.
    pub seed: u64,
}

/// Which service to write.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Service {
    /// Two lines a request.
    Frontend,
    /// None, one or two lines a request.
    Backend,
}

impl Workload {
    /// Writes the log of one service. Returns how many lines it has.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, service: Service, out: &mut impl Write) -> io::Result<u64> {
        let mut lines = 0;
        for request in 0..self.requests {
            let random = mix(self.seed ^ mix(request));
            let start = START_MS + request * 5;
            let mut line = |offset: u64, message: &str| {
                lines += 1;
                write_line(out, service, start + offset, random, message)
            };
            match service {
                // The answer of a request comes 20 ms later, among the starts of the next ones.
                Service::Frontend => {
                    line(0, "request started")?;
                    if let Some(earlier) = request.checked_sub(4) {
                        let random = mix(self.seed ^ mix(earlier));
                        write_line(out, service, start, random, "request completed")?;
                        lines += 1;
                    }
                }
                Service::Backend => {
                    if random % 10 < 9 {
                        line(3, "query started")?;
                    }
                    if (random / 10).is_multiple_of(2) {
                        line(4, "query failed: connection reset by peer")?;
                    }
                }
            }
        }
        if service == Service::Frontend {
            for request in self.requests.saturating_sub(4)..self.requests {
                let random = mix(self.seed ^ mix(request));
                write_line(out, service, START_MS + request * 5 + 20, random, "request completed")?;
                lines += 1;
            }
        }
        Ok(lines)
    }
}

fn write_line(
    out: &mut impl Write,
    service: Service,
    millis: u64,
    random: u64,
    message: &str,
) -> io::Result<()> {
    let name = match service {
        Service::Frontend => "frontend",
        Service::Backend => "backend",
    };
    let (high, low) = (mix(random), mix(!random));
    writeln!(
        out,
        "{{\"timestamp\":{millis},\"level\":\"info\",\"message\":\"{message}\",\"service\":\"{name}\",\
         \"host\":\"{name}-{}\",\"request_id\":\"{high:016x}{low:016x}\",\"path\":\"/orders/{}\",\
         \"status\":200,\"duration_ms\":{}}}",
        random % 8,
        random % 100_000,
        random % 400,
    )
}

/// A well mixed function of `x` (the finaliser of `SplitMix64`).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Answers `query` over the sources, pushed block by block as the engine allows. Returns the
/// correlations and the events in them.
pub fn correlate(query: &str, sources: &[&[u8]], block: usize) -> (u64, u64) {
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    let options = CorrelatorOptions {
        max_memory: limits::MAX_MEMORY_BYTES,
        max_events_per_correlation: usize::MAX,
        ..CorrelatorOptions::default()
    };
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    let mut rest: Vec<Option<&[u8]>> = sources.iter().map(|bytes| Some(*bytes)).collect();
    let (mut correlations, mut events) = (0, 0);
    while rest.iter().any(Option::is_some) {
        for (at, slot) in rest.iter_mut().enumerate() {
            let source = SourceId::new(at);
            let Some(bytes) = slot.filter(|_| !engine.is_paused(source)) else { continue };
            let (now, later) = bytes.split_at(bytes.len().min(block));
            if now.is_empty() {
                engine.close(source);
                *slot = None;
            } else {
                engine.push(source, now);
                *slot = Some(later);
            }
            while let Some(output) = engine.poll() {
                if let Output::Correlation(correlation) = output {
                    correlations += 1;
                    events += correlation.events().count() as u64;
                }
            }
        }
    }
    (correlations, events)
}
