//! Any sequence of operations on an engine: it keeps its promises whatever the host does.

#![no_main]

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use logbraid_core::Emit;
use logbraid_core::decode::DecoderOptions;
use logbraid_core::engine::{
    Correlator, CorrelatorOptions, Dedupe, Late, Output, Overflow, SourceOptions,
};
use logbraid_core::id::SourceId;
use logbraid_core::query::{PlanOptions, check};
use logbraid_core::time::{Span, Timestamp};

/// Where the times of a run start: numbers near zero would not be taken for times.
const START: i64 = 1_795_209_600_000_000_000;

/// A time of the run.
fn time(quarters: u8) -> i64 {
    START + i64::from(quarters) * 250_000_000
}

const QUERIES: [&str; 16] = [
    "a({})[10s] and on(k) b({})[10s]",
    "a({})[10s] or on(k) within(3s) b({})[10s]",
    "a({})[10s] unless on(k) within(-2s, 4s) b({})[10s]",
    "a({})[10s] and on(k) b({})[10s] or on(j) within(5s) a({})[4s] as c",
    "a({})[10s] or on(k) within(3s) b({})[10s] unless on(k=j) c({})[5s]",
    "a({})[10s] unless on(k, j) b({})[10s] and on(k) within(2s) c({})[10s] {k!=\"3\"}",
    "a({})[10s] outer on(k) within(3s) (b({})[10s] outer on(j) within(2s) c({})[10s])",
    "(a({})[9s] and on(k) within(2s) b({})[9s]) outer on(j) within(3s) c({})[9s] then not on(k) a({})[4s] as d",
    "a({})[10s] then on(k) within(3s) b({})[10s] unless ignoring(j, time) c({})[10s]",
    "a({})[10s] outer on(k) within(3s) pick(pairs) b({})[10s]",
    "a({})[10s] or on(k) within(3s) pick(first) b({})[10s] and on(j) c({})[5s]",
    "a({})[10s] then on(k) within(3s) pick(latest) b({})[10s]",
    "a({})[10s] outer on(k) within(3s) group_left(j) b({})[10s] | where count(b) > 1 | limit 5",
    "a({})[10s] or on(k) within(1s) b({})[10s] outer on(j) within(3s) group_right(k) c({})[9s]",
    "a({})[9s] unless on(k) within(3s) (b({})[9s] and on(j) pick(pairs) c({})[9s])",
    "a({})[10s] and on(k) within(3s) b({})[10s] | where b.j != \"1\" and b.ts > a.ts | select k, b.j",
];

#[derive(Arbitrary, Debug)]
enum Operation {
    Event { source: u8, time: u8, k: u8, j: u8 },
    Bytes { source: u8, bytes: Vec<u8> },
    Advance(u8),
    Flush(u8),
    Close(u8),
    Poll(u8),
}

#[derive(Arbitrary, Debug)]
struct Input {
    query: u8,
    eager: bool,
    live: bool,
    tolerance: u8,
    limit: Option<u8>,
    max_events: Option<u8>,
    is_blocked: bool,
    /// Events a correlation may have, and where that is so, late events and repeats are ignored.
    max_events_per_correlation: Option<u8>,
    operations: Vec<Operation>,
}

fuzz_target!(|input: Input| {
    let query = QUERIES[usize::from(input.query) % QUERIES.len()];
    let plan = check(query, &PlanOptions::default()).plan.expect("the queries are sound");
    let sources = plan.sources.len();
    // Known beforehand, so that no event waits for more lines to tell the format.
    let decoder = DecoderOptions {
        format: Some("ndjson".to_owned()),
        time: Some("time".to_owned()),
        message: Some("message".to_owned()),
        ..DecoderOptions::default()
    };
    let options = CorrelatorOptions {
        late_tolerance: Span::from_millis(i64::from(input.tolerance) * 100),
        emit: if input.eager { Emit::Eager } else { Emit::Final },
        limit: input.limit.map(u64::from),
        sources: vec![
            SourceOptions { bounded: !input.live, decoder, ..SourceOptions::default() };
            sources
        ],
        max_events: input.max_events.map(|most| usize::from(most % 16) + 1),
        overflow: Some(if input.is_blocked { Overflow::Block } else { Overflow::Evict }),
        ..CorrelatorOptions::default()
    };
    let options = match input.max_events_per_correlation {
        None => options,
        Some(most) => CorrelatorOptions {
            max_events_per_correlation: usize::from(most % 8) + 2,
            late: Late::Drop,
            dedupe: Some(Dedupe::default()),
            ..options
        },
    };
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    let mut seen = Seen::default();
    let source = |at: u8| SourceId::new(usize::from(at) % sources);
    for operation in input.operations {
        match operation {
            Operation::Event { source: at, time, k, j } => {
                let (k, j) = (k % 4, j % 4);
                let time = self::time(time);
                let line = format!("{{\"time\":{time},\"k\":\"{k}\",\"j\":\"{j}\"}}\n");
                engine.push(source(at), line.as_bytes());
            }
            Operation::Bytes { source: at, bytes } => engine.push(source(at), &bytes),
            Operation::Advance(time) => {
                engine.advance(Timestamp::from_nanos(self::time(time)));
            }
            Operation::Flush(at) => engine.flush(source(at)),
            Operation::Close(at) => engine.close(source(at)),
            Operation::Poll(count) => {
                for _ in 0..count {
                    seen.poll(&mut engine);
                }
            }
        }
    }
    for at in 0..sources {
        engine.close(SourceId::new(at));
    }
    while seen.poll(&mut engine) {}
    assert!(seen.ended, "a query whose sources have ended ends");
    if !seen.failed && input.limit.is_none() && !query.contains("limit") {
        assert_eq!(engine.metrics().held_events, 0, "nothing stays behind");
        assert_eq!(engine.metrics().held_keys, 0, "nothing stays behind");
    }
});

#[derive(Default)]
struct Seen {
    finals: BTreeSet<u128>,
    replaced: BTreeSet<u128>,
    ended: bool,
    failed: bool,
}

impl Seen {
    fn poll(&mut self, engine: &mut Correlator) -> bool {
        match engine.poll() {
            None => return false,
            Some(Output::Correlation(correlation)) => {
                let id = correlation.id().0;
                assert!(!self.ended, "nothing comes after the end");
                assert!(!self.finals.contains(&id), "a final correlation came again");
                assert!(!self.replaced.contains(&id), "a replaced correlation came again");
                assert!(correlation.events().next().is_some(), "a correlation has events");
                self.replaced.extend(correlation.replaces().iter().map(|id| id.0));
                if correlation.is_final() {
                    self.finals.insert(id);
                }
            }
            Some(Output::End(error)) => {
                assert!(!self.ended, "a query ends once");
                self.ended = true;
                self.failed = error.is_some();
            }
            Some(_) => {}
        }
        true
    }
}
