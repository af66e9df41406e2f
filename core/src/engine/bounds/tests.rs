//! What is held stays within its bound, whatever the query and the events: small and large events,
//! few keys and many, matched and alone. Where it cannot, the error says what is known.

use crate::decode::DecoderOptions;
use crate::emit::Emit;
use crate::engine::{Correlator, CorrelatorOptions, Dedupe, Output, Overflow, SourceOptions};
use crate::error::{Bound, Cause, Error, Overrun};
use crate::id::{CorrelationId, SourceId};
use crate::limits::MAX_MEMORY_BYTES;
use crate::metrics::Metrics;
use crate::query::{Load, PlanOptions, check, explain};
use crate::time::{Span, Timestamp};

pub(super) const QUERIES: [&str; 10] = [
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

/// The error that a query over bounded sources ends with when events come at these milliseconds, a
/// line each, to the one source and the other in turn.
fn overrun(query: &str, options: CorrelatorOptions, times: &[(usize, u64)]) -> Overrun {
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    let options = CorrelatorOptions { late_tolerance: Span::from_millis(1_000), ..options };
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    for (at, (source, time)) in times.iter().enumerate() {
        let line = format!("{{\"time\":{},\"k\":\"{at}\"}}\n", 1_800_000_000_000 + time);
        engine.push(SourceId::new(*source), line.as_bytes());
        engine.flush(SourceId::new(*source));
    }
    while let Some(output) = engine.poll() {
        if let Output::End(error) = output {
            let Some(Error::Memory(overrun)) = error else { panic!("ended with {error:?}") };
            return overrun;
        }
    }
    panic!("the query goes on")
}

fn at_most(max_events: usize) -> CorrelatorOptions {
    CorrelatorOptions { max_events: Some(max_events), ..CorrelatorOptions::default() }
}

/// Events of both sources in turn, so many milliseconds apart.
fn both(events: u64, apart: u64) -> Vec<(usize, u64)> {
    (0..events).map(|at| (usize::from(at % 2 == 1), at * apart)).collect()
}

const MINUTE: &str = "a({})[1m] and on(k) b({})[1m]";

#[test]
fn what_a_window_takes_is_estimated_from_a_good_part_of_it() {
    let found = overrun(MINUTE, at_most(10), &both(20, 1_000));
    assert_eq!(
        found,
        Overrun {
            bound: Bound::Events(10),
            cause: Cause::Window,
            held_events: 11,
            held_bytes: found.held_bytes,
            held_span: Span::from_millis(10_000),
            window: Span::from_millis(61_000),
            // 67.1: two digits, and rather too many.
            needed: Some(68),
        }
    );
    assert_eq!(
        found.to_string(),
        "the query needs more than 10 events (maxEvents): it holds 11 over 10s of event time, of the \
         1m1s of its ranges and lateTolerance; at this rate these take about 68; raise maxEvents, or \
         use a shorter range or within"
    );
    // It would do indeed.
    let plan = check(MINUTE, &PlanOptions::default()).plan.expect("the query is sound");
    let options = CorrelatorOptions { late_tolerance: Span::from_millis(1_000), ..at_most(68) };
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    for (source, time) in both(1_000, 1_000) {
        let line = format!("{{\"time\":{},\"k\":\"{time}\"}}\n", 1_800_000_000_000 + time);
        engine.push(SourceId::new(source), line.as_bytes());
        engine.flush(SourceId::new(source));
        assert!(!engine.has_ended(), "at {time} ms");
    }
}

#[test]
fn nothing_is_estimated_from_less() {
    for (what, times) in [
        ("a tenth of the window has not been seen", both(20, 600)),
        ("all at one time", both(20, 0)),
        ("the other source has not begun", (0..20).map(|at| (0, at * 1_000)).collect()),
    ] {
        let found = overrun(MINUTE, at_most(10), &times);
        assert_eq!((found.held_events, found.needed), (11, None), "{what}");
        let text = found.to_string();
        assert!(text.contains("what these take cannot be told yet; raise maxEvents"), "{text}");
    }
    // Short spans are not rounded away, long ones lose what nobody reads.
    let text = overrun(MINUTE, at_most(2), &both(3, 1)).to_string();
    assert!(text.contains("it holds 3 over 2ms of event time, of the 1m1s of"), "{text}");
    let text = overrun("a({})[300d] and on(k) b({})[300d]", at_most(2), &both(3, 5_001));
    assert!(text.to_string().contains("over 10s of event time, of the 300d1s"), "{text}");
}

#[test]
fn more_than_the_window_is_said_to_be_more() {
    let times: Vec<_> = (0..20).map(|at| (0, at * 10_000)).collect();
    let found = overrun(MINUTE, at_most(10), &times);
    assert_eq!((found.held_span, found.needed), (Span::from_millis(100_000), None));
    assert_eq!(
        found.to_string(),
        "the query needs more than 10 events (maxEvents): it holds 11 over 1m40s of event time, more \
         than the 1m1s of its ranges and lateTolerance: a source is behind the others, or a session \
         goes on; raise maxEvents, or use a shorter range or within"
    );
}

#[test]
fn memory_is_told_in_the_unit_of_its_option() {
    let bounded = |max_memory| CorrelatorOptions { max_memory, ..CorrelatorOptions::default() };
    let found = overrun(MINUTE, bounded(64 << 10), &both(2_000, 100));
    assert_eq!((found.bound, found.cause), (Bound::Bytes(64 << 10), Cause::Window));
    let needed = found.needed.expect("enough has been seen");
    assert!(found.held_bytes > 64 << 10 && found.held_bytes < 128 << 10, "{found:?}");
    let ratio = found.window.as_millis() * 100 / found.held_span.as_millis();
    let percent = i64::try_from(needed * 100 / found.held_bytes).expect("a small number");
    assert!((ratio - 1..ratio * 11 / 10).contains(&percent), "{percent} % of {found:?}");
    let text = found.to_string();
    assert!(
        text.starts_with("the query needs more than 0.0625 MiB (maxMemoryMB): it holds "),
        "{text}"
    );
    assert!(
        text.contains(" events (0.06")
            && text.ends_with("raise maxMemoryMB, or use a shorter range or within"),
        "{text}"
    );
    let far = Overrun { needed: Some(MAX_MEMORY_BYTES + (10 << 20)), ..found.clone() };
    let text = far.to_string();
    let end = "take about 3010 MiB, and no query may have more than 3000 MiB: use a shorter range or within";
    assert!(text.ends_with(end), "{text}");
    assert_eq!(
        serde_json::to_value(&found).expect("plain data"),
        serde_json::json!({
            "maxBytes": 64 << 10,
            "heldEvents": found.held_events,
            "heldBytes": found.held_bytes,
            "heldMs": found.held_span.as_millis(),
            "windowMs": 61_000,
            "neededBytes": needed,
        })
    );
}

#[test]
fn results_that_nobody_takes_are_told_from_a_window_that_does_not_fit() {
    let query = "a({})[1s] and on(k) pick(pairs) b({})[1s]";
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    let mut engine = Correlator::new(plan, at_most(10)).expect("the options are sound");
    for time in 0..40_u64 {
        for source in [0, 1] {
            let line = format!("{{\"time\":{},\"k\":{time}}}\n", 1_800_000_000 + time * 60);
            engine.push(SourceId::new(source), line.as_bytes());
            engine.flush(SourceId::new(source));
        }
    }
    let mut text = String::new();
    while let Some(output) = engine.poll() {
        if let Output::End(Some(error)) = output {
            text = error.to_string();
        }
    }
    assert_eq!(
        text,
        "results that are not taken hold more than 10 events (maxEvents): 12; take them before more \
         is pushed, or raise maxEvents"
    );
}

#[test]
fn a_query_that_has_failed_does_not_fail_again() {
    let query = "a({})[10s] or on(k) within(1s) b({})[10s] \
                 outer on(j) within(3s) group_right(k) c({})[9s]";
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    let decoder = DecoderOptions {
        format: Some("ndjson".to_owned()),
        time: Some("time".to_owned()),
        message: Some("message".to_owned()),
        ..DecoderOptions::default()
    };
    let options = CorrelatorOptions {
        overflow: Some(Overflow::Block),
        late_tolerance: Span::from_millis(23_900),
        sources: vec![SourceOptions { bounded: false, decoder, ..SourceOptions::default() }; 3],
        ..at_most(1)
    };
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    let time =
        |quarter: i64| Timestamp::from_nanos(1_800_000_000_000_000_000 + quarter * 250_000_000);
    let mut ends = 0;
    for key in ["1", "2"] {
        let line = format!("{{\"time\":{},\"k\":\"{key}\",\"j\":\"{key}\"}}\n", time(9).as_nanos());
        engine.push(SourceId::new(0), line.as_bytes());
    }
    for now in [100, 300, 400, 500, 600] {
        while let Some(output) = engine.poll() {
            assert!(ends == 0, "{output:?} after the end");
            ends += usize::from(matches!(output, Output::End(_)));
        }
        engine.advance(time(now));
    }
    assert_eq!(ends, 1);
}

#[test]
fn joins_of_matches_stay_within_the_bound() {
    for (query, n) in [
        (
            "a({})[1h] and on(k) within(1h) group_left() b({})[1h] \
             and on(k) within(1h) group_right() c({})[1h]",
            100_u64,
        ),
        (
            "a({})[1h] and on(k) within(1h) pick(pairs) b({})[1h] \
             and on(k) within(1h) group_right() c({})[1h]",
            60,
        ),
    ] {
        let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
        let max_memory = BOUND / 8;
        let overflow = Some(Overflow::Evict);
        let options = CorrelatorOptions { max_memory, overflow, ..CorrelatorOptions::default() };
        let mut engine = Correlator::new(plan, options).expect("the options are sound");
        let lines = (0..n).map(|at| {
            let time = 1_800_000_000_000 + at * 10;
            format!("{{\"time\":{time},\"k\":\"1\",\"n\":{at}}}\n")
        });
        let text: String = lines.collect();
        for source in (0..3).map(SourceId::new) {
            engine.push(source, text.as_bytes());
            engine.close(source);
        }
        while engine.poll().is_some() {}
        let Metrics { peak_memory, evicted, held_events, .. } = engine.metrics();
        assert!(evicted > 0, "{query}: all fits, so nothing is shown");
        assert_eq!(held_events, 0, "{query}");
        let most = max_memory + 3 * text.len() + (64 << 10);
        assert!(peak_memory <= most, "{query}: {peak_memory} bytes, not {most}");
    }
}
