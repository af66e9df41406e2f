//! What is held stays within its bound, whatever the query and the events: small and large events,
//! few keys and many, matched and alone.

use crate::emit::Emit;
use crate::engine::{Correlator, CorrelatorOptions, Dedupe, Output, Overflow, SourceOptions};
use crate::id::{CorrelationId, SourceId};
use crate::metrics::Metrics;
use crate::query::{Load, PlanOptions, check, explain};
use crate::time::Span;

const QUERIES: [&str; 10] = [
    "a({})[1h] and on(k) b({})[1h]",
    "a({})[1h] and on(k) within(1m) b({})[1h]",
    "a({})[1h] unless on(k) within(10m) b({})[1h]",
    "a({})[1h] outer on(k) within(1m) b({})[1h]",
    "a({})[1h] or on(k) within(1m) (b({})[1h] and on(k) a({})[1h] as a2)",
    "a({})[1h] and on(k) within(1m) pick(pairs) b({})[1h]",
    "a({})[1h] or on(k) within(10m) group_left() b({})[1h]",
    "a({})[1h] then on(k) within(10m) pick(latest) b({})[1h]",
    "a({})[1h] and on(k) within(1m) b({})[1h] then on(k) within(10m) pick(first) a({})[1h] as a2",
    "a({})[1h] and on(k) within(1m) pick(pairs) b({})[1h] outer on(k) pick(session) a({})[1h] as a2",
];

/// Bytes that an engine may hold here.
const BOUND: usize = 2 << 20;

/// Pushes 12 batches of each source, 18 minutes of event time in all.
fn run(query: &str, emit: Emit, keys: u64, padding: usize, dedupe: bool) -> (Metrics, usize) {
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    let options = CorrelatorOptions {
        emit,
        late_tolerance: Span::from_millis(1_000),
        max_memory: BOUND,
        overflow: Some(Overflow::Evict),
        max_events_per_correlation: 1_000,
        dedupe: dedupe.then(Dedupe::default),
        sources: vec![SourceOptions { bounded: false, ..SourceOptions::default() }; 2],
        ..CorrelatorOptions::default()
    };
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    let message = "x".repeat(padding);
    let (mut number, mut largest, mut after) = (0_u64, 0, 0);
    for batch in 0..12_u64 {
        for source in 0..2 {
            let mut text = String::new();
            for at in 0..500_u64 {
                let time = 1_800_000_000_000 + batch * 90_000 + at * 180;
                // Keys come back in an order that is not that of time.
                let key = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % keys;
                number += 1;
                text.push_str(&format!(
                    "{{\"time\":{time},\"k\":\"{key}\",\"n\":{number},\"message\":\"{message}\"}}\n"
                ));
            }
            largest = largest.max(text.len());
            engine.push(SourceId::new(source), text.as_bytes());
            while let Some(output) = engine.poll() {
                assert!(!matches!(output, Output::End(_)), "{query} has ended");
            }
            after = after.max(engine.metrics().memory);
        }
    }
    // What is told of growing results is noted while they are polled.
    let most = BOUND + largest.max(128 << 10);
    assert!(after <= most, "{query}: {after} bytes are held after a push, {keys} keys");
    let metrics = engine.metrics();
    for source in 0..2 {
        engine.close(SourceId::new(source));
    }
    while engine.poll().is_some() {}
    let left = engine.metrics();
    assert_eq!((left.held_events, left.held_keys), (0, 0), "{query}: something is left");
    (metrics, largest)
}

fn all(queries: &[&str], emit: Emit, dedupe: bool) {
    for query in queries {
        for (keys, padding) in [(u64::MAX, 300), (300, 10), (3, 2_000)] {
            let (metrics, batch) = run(query, emit, keys, padding, dedupe);
            let Metrics { peak_memory, evicted, .. } = metrics;
            // What a push brings may be held beside its bytes as records, keys and lists.
            let most = BOUND + 2 * batch + (256 << 10);
            assert!(peak_memory <= most, "{query}: {peak_memory} bytes, {keys} keys");
            let is_large = keys == u64::MAX && query.contains("on(k) b(");
            assert!(!is_large || evicted > 0, "{query}: nothing was dropped, so nothing is shown");
            assert!(evicted <= 80_000, "{query}: events count once a stream");
        }
    }
}

#[test]
fn what_is_held_stays_within_its_bound() {
    all(&QUERIES, Emit::Final, false);
}

#[test]
fn what_is_held_stays_within_its_bound_where_results_grow() {
    all(&QUERIES[3..7], Emit::Eager, false);
}

#[test]
fn what_tells_repeats_stays_within_the_bound() {
    all(&QUERIES[..2], Emit::Final, true);
}

/// The ids of what 300 events of each source lead to, all of one key and each matching hundreds.
fn dense(query: &str, emit: Emit, max_memory: usize) -> (Vec<CorrelationId>, Metrics) {
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    let options = CorrelatorOptions { emit, max_memory, ..CorrelatorOptions::default() };
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    let mut ids = Vec::new();
    for source in [0, 1] {
        for event in 0..300_u64 {
            let time = 1_800_000_000_000 + event * 20;
            let line = format!("{{\"time\":{time},\"k\":1,\"n\":{event}}}\n");
            engine.push(SourceId::new(source), line.as_bytes());
        }
        engine.close(SourceId::new(source));
        loop {
            match engine.poll() {
                Some(Output::Correlation(one)) if one.is_final() => ids.push(one.id()),
                Some(Output::End(error)) => assert_eq!(error, None, "{query}"),
                Some(_) => {}
                None => break,
            }
        }
    }
    let metrics = engine.metrics();
    assert_eq!((metrics.held_events, metrics.evicted), (0, 0), "{query}: nothing is lost or left");
    assert!(engine.has_ended(), "{query}: all is told");
    (ids, metrics)
}

#[test]
fn results_that_are_more_than_events_are_found_as_they_are_polled() {
    let (bound, far) = (2 << 20, 1 << 30);
    for (query, results) in [
        ("a({})[1h] and on(k) within(4s) pick(pairs) b({})[1h]", 50_000),
        ("a({})[1h] outer on(k) within(4s) group_left() b({})[1h]", 300),
    ] {
        let (all, plenty) = dense(query, Emit::Final, far);
        let (found, metrics) = dense(query, Emit::Final, bound);
        assert!(all.len() >= results, "{query}: there is much to tell");
        assert_eq!(found, all, "{query}: each is told, in the same order");
        let is_far_more = results < 50_000 || plenty.peak_memory > 4 * bound;
        assert!(is_far_more, "{query}: nothing is shown by {} bytes", plenty.peak_memory);
        assert!(metrics.peak_memory <= bound, "{query}: {} bytes", metrics.peak_memory);
        let (mut found, metrics) = dense(query, Emit::Eager, bound);
        assert!(metrics.peak_memory <= bound, "{query}: {} bytes", metrics.peak_memory);
        let mut all = all;
        all.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, all, "{query}");
    }
}

/// Pushes two live sources, of 500 events/s each, for a minute; each key comes once on either side, a
/// second apart or never. The most events held after a push, and the most bytes.
fn hold(query: &str) -> (u64, u64) {
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    let options = CorrelatorOptions {
        late_tolerance: Span::from_millis(1_000),
        sources: vec![SourceOptions { bounded: false, ..SourceOptions::default() }; 2],
        ..CorrelatorOptions::default()
    };
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    let message = "x".repeat(140);
    let mut held = 0;
    for step in 0..600_u64 {
        for source in 0..2 {
            let mut text = String::new();
            for number in step * 50..(step + 1) * 50 {
                let time = 1_800_000_000_000 + number * 2;
                // What `a` has comes back in `b` a second later.
                let number = number + 500 * (1 - source);
                text.push_str(&format!(
                    "{{\"time\":{time},\"k\":\"request-{number:08}\",\"message\":\"{message}\"}}\n"
                ));
            }
            engine.push(SourceId::new(usize::try_from(source).unwrap()), text.as_bytes());
            while let Some(output) = engine.poll() {
                assert!(!matches!(output, Output::End(_)), "{query} has ended");
            }
            held = held.max(engine.metrics().held_events);
        }
    }
    (held as u64, engine.metrics().peak_memory as u64)
}

#[test]
fn explain_bounds_what_is_held() {
    let load = Load { events_per_second: 500, late_tolerance_ms: 1_000, ..Load::default() };
    for query in [
        "a({})[20s] and on(k) within(-8s, -2s) b({})[20s]",
        "a({})[20s] or on(k) within(-8s, -2s) b({})[20s]",
        "a({})[20s] then on(k) within(8s) pick(pairs) b({})[20s]",
        "a({})[20s] and on(k) within(8s) pick(first) b({})[20s]",
        "a({})[20s] outer on(k) within(8s) group_left() b({})[20s]",
        "a({})[20s] unless on(k) within(-8s, -2s) b({})[20s]",
    ] {
        let (events, bytes) = hold(query);
        let told = explain(query, &PlanOptions::default(), &load).expect("the query is sound");
        // Beside what is held there is what a push brings, and what has been forgotten since the last
        // segment was freed.
        assert!(events <= told.events + 100, "{query}: {events} events, not {}", told.events);
        assert!(bytes <= told.bytes + (1 << 20), "{query}: {bytes} bytes, not {}", told.bytes);
    }
}
