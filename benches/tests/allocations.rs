//! What the steady state allocates.
//!
//! Bytes go in and results are encoded. Allocations are counted over the second half of a log, of which the
//! first is longer than anything is held. No query allocates for an event or for a result, whatever its
//! joins are and however they pick their matches: what remains comes once for many of them, such as
//! the buckets of deadlines, and what grows since there has never been as much of it.

use allocation_counter::measure;
use logbraid_benches::answer::{options, plan};
use logbraid_benches::workload::{Format, Workload};
use logbraid_core::Emit;
use logbraid_core::encode::Batch;
use logbraid_core::engine::{Correlator, CorrelatorOptions};
use logbraid_core::id::SourceId;
use logbraid_core::time::Span;

/// Bytes of a push.
const BLOCK: usize = 16 << 10;

/// How late events may be, and how far apart what matches.
const TOLERANCE: Span = Span::from_millis(500);

/// 7,700 events in each half of 1.1 s.
const WORKLOAD: Workload = Workload {
    requests: 4_500,
    seed: 1,
    rate: 2_000,
    disorder_ms: 0,
    late: 0.0,
    late_by_ms: 3_000,
    skew: 0.0,
    message_bytes: 67,
};

const AND: &str =
    r#"a({service="frontend"}) and on(request_id) within(500ms) a({service="backend"})"#;

/// What is asked, of what, and how.
#[derive(Copy, Clone)]
struct Case<'q> {
    query: &'q str,
    format: Format,
    workload: Workload,
    emit: Emit,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self { query: AND, format: Format::Ndjson, workload: WORKLOAD, emit: Emit::Final }
    }
}

impl Case<'_> {
    /// Holds it, told at the end and told as it grows, to so many allocations by a thousand events.
    #[track_caller]
    fn allocates_at_most(self, most: u64) {
        for emit in [Emit::Final, Emit::Eager] {
            let (allocations, events) = Self { emit, ..self }.allocations();
            let per_thousand = allocations * 1_000 / events;
            assert!(per_thousand <= most, "{per_thousand} by a thousand events, {emit:?}");
        }
    }

    /// Allocations of the second half, and its events.
    fn allocations(self) -> (u64, u64) {
        let (bytes, _) = self.workload.bytes(self.format, None);
        let options = CorrelatorOptions { late_tolerance: TOLERANCE, emit: self.emit, ..options() };
        let plan = plan(self.query).expect("the query is sound");
        let mut engine = Correlator::new(plan, options).expect("the options are sound");
        let mut batch = Batch::default();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        drive(&mut engine, &mut batch, first);
        let before = engine.metrics();
        let counted = measure(|| drive(&mut engine, &mut batch, second));
        let after = engine.metrics();
        let events = after.sources[0].events - before.sources[0].events;
        let found = after.correlations - before.correlations;
        assert!(events > 5_000 && found > 100, "{found} results of {events} events");
        (counted.count_total, events)
    }
}

/// Pushes bytes block by block, and encodes what comes of it.
fn drive(engine: &mut Correlator, batch: &mut Batch, bytes: &[u8]) {
    for block in bytes.chunks(BLOCK) {
        engine.push(SourceId::new(0), block);
        loop {
            batch.clear();
            engine.drain(256, batch);
            if batch.finish().is_empty() {
                break;
            }
        }
    }
}

#[test]
fn sessions() {
    let of = |query| Case { query, ..Case::default() };
    of(AND).allocates_at_most(130);
    of(r#"a({service="frontend"}) or on(request_id) within(500ms) a({service="backend"})"#)
        .allocates_at_most(190);
    of(r#"a({service="frontend"}) unless on(request_id) within(500ms) a({service="backend"})"#)
        .allocates_at_most(190);
    of(r#"a({service="frontend"}) then on(request_id) within(500ms) a({service="backend"})"#)
        .allocates_at_most(130);
}

#[test]
fn stages() {
    let query = r#"a({service="frontend"}) as f and on(request_id) within(500ms)
        a({service="backend"}) as b | where b.ts - f.ts < 1s | select f.level"#;
    Case { query, ..Case::default() }.allocates_at_most(130);
}

#[test]
fn disordered_and_late_lines_and_hot_keys() {
    let of = |workload| Case { workload, ..Case::default() };
    of(Workload { disorder_ms: 250, ..WORKLOAD }).allocates_at_most(230);
    of(Workload { disorder_ms: 250, late: 0.01, ..WORKLOAD }).allocates_at_most(230);
    of(Workload { skew: 0.2, ..WORKLOAD }).allocates_at_most(230);
    let workload = Workload { disorder_ms: 250, skew: 0.02, ..WORKLOAD };
    let query = &written("FRONT and NEAR group_left(level) BACK");
    Case { query, workload, ..Case::default() }.allocates_at_most(40);
}

#[test]
fn formats() {
    let query = r#"a({} |= "frontend") and on(request_id) within(500ms) a({} |= "backend")"#;
    let all = Format::ALL.into_iter().filter(|format| *format != Format::Loki);
    for format in all {
        Case { query, format, ..Case::default() }.allocates_at_most(130);
    }
}

/// Queries of these streams, in short.
fn written(query: &str) -> String {
    let streams = [
        ("FRONT", r#"a({service="frontend"})"#),
        ("BACK", r#"a({service="backend"})"#),
        ("ERROR", r#"a({level="error"})"#),
        ("ANY", r#"a({service=~".+"})"#),
        ("NEAR", "on(request_id) within(500ms)"),
    ];
    streams.iter().fold(query.into(), |text: String, (word, meant)| text.replace(word, meant))
}

#[track_caller]
fn of_each_allocates_at_most(queries: &[&str], most: u64) {
    for query in queries {
        Case { query: &written(query), ..Case::default() }.allocates_at_most(most);
    }
}

#[test]
fn matches_that_are_picked() {
    of_each_allocates_at_most(
        &[
            "FRONT and NEAR pick(pairs) BACK",
            "FRONT and NEAR pick(first) BACK",
            "FRONT then NEAR pick(latest) BACK",
            "FRONT and NEAR group_left(level) BACK",
            "FRONT and NEAR group_right(level) BACK",
            "FRONT unless NEAR pick(pairs) BACK",
        ],
        20,
    );
}

#[test]
fn trees_of_joins() {
    of_each_allocates_at_most(
        &[
            "FRONT and NEAR BACK or NEAR ERROR",
            "FRONT or NEAR (BACK or NEAR ERROR)",
            "FRONT or NEAR BACK and NEAR ANY",
            // What is told may turn out to be none.
            "FRONT or NEAR BACK then NEAR ANY",
        ],
        60,
    );
}

#[test]
fn matches_that_are_picked_in_trees() {
    of_each_allocates_at_most(
        &[
            "FRONT and NEAR pick(pairs) BACK then NEAR pick(first) ANY",
            "FRONT and NEAR pick(pairs) BACK then NEAR pick(latest) ANY",
            "FRONT or NEAR pick(pairs) BACK or NEAR ANY",
            "FRONT and NEAR BACK and NEAR group_left(level) ANY",
        ],
        150,
    );
}

/// What a burst took and what it left behind, by the allocator's own count, and in how many pieces it was
/// freed.
#[test]
fn memory_of_a_burst_is_given_back_in_bulk() {
    let burst = Workload { message_bytes: 1_000, rate: 6_000, requests: 6_000, ..WORKLOAD };
    // From the same time on, and long past it: all of the burst is decided.
    let quiet = Workload { rate: 100, requests: 1_000, seed: 2, ..burst };
    let [burst, quiet] = [burst, quiet].map(|workload| workload.bytes(Format::Ndjson, None));
    let options = CorrelatorOptions { late_tolerance: TOLERANCE, ..CorrelatorOptions::default() };
    let plan = plan(AND).expect("the query is sound");
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    let mut batch = Batch::default();
    let took = measure(|| drive(&mut engine, &mut batch, &burst.0));
    let (held, memory) = (engine.metrics().held_events as u64, engine.metrics().memory);
    assert!(held > burst.1 / 2, "{held} of {} events", burst.1);
    let gave = measure(|| drive(&mut engine, &mut batch, &quiet.0));
    assert!(engine.metrics().held_events < 1_000);
    assert!(-gave.bytes_current > took.bytes_current * 3 / 4, "{took:?}, then {gave:?}");
    assert!(engine.metrics().memory < memory / 4, "{} of {memory}", engine.metrics().memory);
    let freed = gave.count_total.cast_signed() - gave.count_current;
    assert!(freed < held.cast_signed() / 10, "{held} events were freed in {freed} pieces");
}
