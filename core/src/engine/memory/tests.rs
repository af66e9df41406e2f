use super::super::{Correlator, CorrelatorOptions, Dedupe, Notice, Output, Overflow};
use super::super::{SourceOptions, Step};
use crate::emit::Emit;
use crate::error::Error;
use crate::id::SourceId;
use crate::limits::MAX_MEMORY_BYTES;
use crate::query::{PlanOptions, check};
use crate::time::Span;

const QUERIES: [&str; 6] = [
    "a({})[1h] and on(k) within(10m) b({})[1h]",
    "a({})[1h] outer on(k) within(1m) b({})[1h]",
    "a({})[1h] or on(k) within(1m) (b({})[1h] and on(k) a({})[1h] as a2)",
    "a({})[1h] or on(k) within(10m) group_left() b({})[1h]",
    "a({})[1h] then on(k) within(10m) pick(latest) b({})[1h]",
    "a({})[1h] and on(k) within(1m) b({})[1h] then on(k) within(10m) pick(first) a({})[1h] as a2",
];

/// Keys of two sources, beside bytes of message of each event.
type Log = (u64, usize);

const ONE_EACH: Log = (u64::MAX, 300);
const SMALL: Log = (u64::MAX, 0);
const SHARED: Log = (5_000, 10);

fn engine(query: &str, options: CorrelatorOptions) -> Correlator {
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    let live = SourceOptions { bounded: false, ..SourceOptions::default() };
    let options = CorrelatorOptions {
        late_tolerance: Span::from_millis(1_000),
        processing_interval: Span::ZERO,
        sources: vec![live; 2],
        ..options
    };
    Correlator::new(plan, options).expect("the options are sound")
}

/// What an engine tells, but for correlations.
fn drain(engine: &mut Correlator) -> Vec<Notice> {
    let mut notices = Vec::new();
    while let Some(output) = engine.poll() {
        match output {
            Output::Notice(notice) => notices.push(notice),
            Output::End(end) => panic!("it has ended: {end:?}"),
            _ => {}
        }
    }
    notices
}

/// Pushes so many events of each source, the first of this number.
fn push(engine: &mut Correlator, numbers: std::ops::Range<u64>, (keys, padding): Log) {
    let message = "x".repeat(padding);
    for (at, source) in [0, 1].map(SourceId::new).into_iter().enumerate() {
        let mut text = String::new();
        for number in numbers.clone() {
            let time = 1_800_000_000_000 + number * 2;
            let event = 2 * number + u64::from(at == 1);
            let key = (event.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) % keys;
            text.push_str(&format!(
                "{{\"time\":{time},\"k\":\"key {key:010}\",\"n\":{number},\"message\":\"{message}\"}}\n"
            ));
        }
        engine.push(source, text.as_bytes());
        drain(engine);
    }
}

/// Lowers the bound of an engine that holds a lot to one part of that in so many.
fn lower(query: &str, emit: Emit, log: Log, dedupe: bool, parts: usize) {
    let options = CorrelatorOptions {
        emit,
        dedupe: dedupe.then(Dedupe::default),
        ..CorrelatorOptions::default()
    };
    let mut engine = engine(query, options);
    push(&mut engine, 0..8_000, log);
    let before = engine.metrics();
    assert_eq!(before.evicted, 0, "{query}: all fits");

    let bound = before.memory / parts;
    engine.set_max_memory(bound).expect("a sound bound");
    let notices = drain(&mut engine);
    let warned = notices.iter().any(
        |notice| matches!(notice, Notice::MemoryWarning { used, max } if used > max && *max == bound),
    );
    assert!(warned, "{query}: {notices:?}");
    let dropped = notices.iter().any(|notice| matches!(notice, Notice::Dropped { .. }));
    assert!(dropped, "{query}: {notices:?}");
    let after = engine.metrics();
    assert!(after.evicted > 0 && after.held_events < before.held_events, "{query}");
    let most = bound + bound / 2;
    assert!(after.memory <= if log == SHARED { most } else { bound }, "{query}: {}", after.memory);

    // It holds what comes, and no more than it may.
    push(&mut engine, 8_000..8_200, log);
    let next = engine.metrics();
    assert!(next.memory <= bound, "{query}: {} bytes of {bound}", next.memory);
    assert!(next.held_events >= 200, "{query}: {} events are held", next.held_events);

    engine.set_max_memory(100 << 20).expect("a sound bound");
    push(&mut engine, 8_200..12_000, log);
    let last = engine.metrics();
    assert_eq!(last.evicted, next.evicted, "{query}: there is room again");
    assert!(last.memory > bound, "{query}: {} bytes show nothing", last.memory);
}

#[test]
fn what_is_held_comes_below_a_lower_bound() {
    for query in QUERIES {
        for parts in [2, 6] {
            lower(query, Emit::Final, ONE_EACH, false, parts);
            lower(query, Emit::Final, SMALL, false, parts);
        }
    }
}

#[test]
fn what_is_held_comes_below_a_lower_bound_where_it_is_in_results() {
    for query in &QUERIES[..4] {
        lower(query, Emit::Final, SHARED, false, 3);
        lower(query, Emit::Eager, SHARED, false, 3);
    }
}

#[test]
fn what_tells_repeats_comes_below_a_lower_bound() {
    lower(QUERIES[0], Emit::Final, SMALL, true, 2);
    lower(QUERIES[0], Emit::Final, SMALL, true, 6);
}

#[test]
fn the_newest_stay() {
    for query in &QUERIES[..2] {
        let mut engine = engine(query, CorrelatorOptions::default());
        push(&mut engine, 0..8_000, ONE_EACH);
        let before = engine.metrics();
        engine.set_max_memory(before.memory / 2).expect("a sound bound");
        let newest = drain(&mut engine).into_iter().filter_map(|notice| match notice {
            Notice::Dropped { count, time, .. } => Some((count, time)),
            _ => None,
        });
        let newest: Vec<_> = newest.collect();
        let after = engine.metrics();
        assert!(
            after.held_events > before.held_events / 3,
            "{query}: {} events are left of {}",
            after.held_events,
            before.held_events
        );
        // Two sources, each of which has lost all of the time before.
        assert_eq!(newest.len(), 2, "{query}: {newest:?}");
        for (count, time) in newest {
            let first = 1_800_000_000_000;
            let millis = time.as_nanos() / 1_000_000 - first;
            let before = u64::try_from(millis / 2 + 1).expect("after the first");
            assert_eq!(count, before, "{query}: {count} up to {millis} ms");
        }
    }
}

#[test]
fn each_lower_bound_is_warned_of() {
    let mut engine = engine(QUERIES[0], CorrelatorOptions::default());
    push(&mut engine, 0..4_000, ONE_EACH);
    let warnings = |engine: &mut Correlator, bound| {
        engine.set_max_memory(bound).expect("a sound bound");
        let notices = drain(engine).into_iter();
        let warnings = notices.filter_map(|notice| match notice {
            Notice::MemoryWarning { max, .. } => Some(max),
            _ => None,
        });
        warnings.collect::<Vec<_>>()
    };
    let held = engine.metrics().memory;
    assert_eq!(warnings(&mut engine, held), [held]);
    assert_eq!(warnings(&mut engine, held / 10 * 9), [held / 10 * 9]);
    assert!(warnings(&mut engine, held / 10 * 9 + 1).is_empty(), "it is no lower one");
}

#[test]
fn results_may_be_polled_in_part_when_the_bound_changes() {
    let mut told = 0;
    for query in QUERIES {
        for polled in [0, 1, 2, 7] {
            let options = CorrelatorOptions { emit: Emit::Eager, ..CorrelatorOptions::default() };
            let mut engine = engine(query, options);
            for number in 0..60_u64 {
                let (time, key) = (1_800_000_000 + number, number % 3);
                let line = format!("{{\"time\":{time},\"k\":{key},\"n\":{number}}}\n");
                for source in [0, 1].map(SourceId::new) {
                    engine.push(source, line.as_bytes());
                    engine.flush(source);
                }
            }
            for _ in 0..polled {
                told += usize::from(matches!(engine.poll(), Some(Output::Correlation(_))));
            }
            engine.set_max_memory(1).expect("a sound bound");
            drain(&mut engine);
            let metrics = engine.metrics();
            assert_eq!((metrics.held_events, metrics.held_keys), (0, 0), "{query}, {polled}");
        }
    }
    assert!(told > 6, "only {told} results were polled before");
}

#[test]
fn a_query_that_may_drop_nothing_fails_at_once() {
    let options =
        CorrelatorOptions { overflow: Some(Overflow::Block), ..CorrelatorOptions::default() };
    let mut engine = engine(QUERIES[0], options);
    push(&mut engine, 0..2_000, ONE_EACH);
    engine.set_max_memory(1 << 20).expect("a sound bound");
    let error = std::iter::from_fn(|| match engine.poll()? {
        Output::End(error) => Some(error),
        _ => Some(None),
    });
    let errors: Vec<_> = error.flatten().collect();
    assert!(matches!(errors.as_slice(), [Error::Memory(_)]), "{errors:?}");
}

#[test]
fn results_that_wait_are_waited_for() {
    let options =
        CorrelatorOptions { overflow: Some(Overflow::Block), ..CorrelatorOptions::default() };
    let mut engine = engine("a({})[1s] and on(n) b({})[1s]", options);
    let message = "x".repeat(1_000);
    for number in 0..2_000 {
        let time = 1_800_000_000 + number;
        let line = format!("{{\"time\":{time},\"n\":{number},\"message\":\"{message}\"}}\n");
        for source in [0, 1].map(SourceId::new) {
            engine.push(source, line.as_bytes());
            engine.flush(source);
        }
    }
    let waiting = engine.metrics().memory;
    let bound = waiting / 2;
    engine.set_max_memory(bound).expect("a sound bound");
    let mut told = 0;
    while let Some(output) = engine.poll() {
        assert!(!matches!(output, Output::End(_)), "{output:?}");
        told += u64::from(matches!(output, Output::Correlation(_)));
        if told == 1 {
            // More, less, and nothing is lost.
            engine.set_max_memory(bound - bound / 8).expect("a sound bound");
            engine.set_max_memory(bound).expect("a sound bound");
            told += 1;
        }
    }
    assert!(told > 1_990, "{told} results of 2000");
    push(&mut engine, 0..10, SMALL);
    let memory = engine.metrics().memory;
    assert!(memory <= bound, "{memory} of {bound}, not {waiting}");
}

#[test]
fn sources_wait_for_room_until_there_is_more() {
    let options =
        CorrelatorOptions { overflow: Some(Overflow::Block), ..CorrelatorOptions::default() };
    let mut engine = engine(QUERIES[0], options);
    let line = |engine: &mut Correlator, source, number: u32| {
        let time = 1_800_000_000 + number;
        let line = format!("{{\"time\":{time},\"k\":{number}}}\n");
        engine.push(SourceId::new(source), line.as_bytes());
        engine.flush(SourceId::new(source));
        drain(engine);
    };
    (0..200).for_each(|number| line(&mut engine, 0, number));
    line(&mut engine, 1, 0);
    let held = engine.metrics().memory;
    let paused = |engine: &Correlator| [0, 1].map(|at| engine.is_paused(SourceId::new(at)));
    assert_eq!(paused(&engine), [false, false]);
    engine.set_max_memory(held * 3 / 2).expect("a sound bound");
    assert_eq!(paused(&engine), [true, false], "the one that is ahead waits");
    engine.set_max_memory(held * 3).expect("a sound bound");
    assert_eq!(paused(&engine), [false, false]);
}

#[test]
fn a_bound_that_makes_no_sense_changes_nothing() {
    let mut engine = engine(QUERIES[0], CorrelatorOptions::default());
    push(&mut engine, 0..1_000, ONE_EACH);
    let before = engine.metrics().memory;
    let error = engine.set_max_memory(MAX_MEMORY_BYTES + 1).expect_err("too much");
    assert!(matches!(error, Error::Option { name: "maxMemoryMB", .. }), "{error:?}");
    assert_eq!((engine.metrics().memory, drain(&mut engine)), (before, Vec::new()));
}

#[test]
fn a_query_that_has_ended_is_left_as_it_is() {
    let mut engine = engine(QUERIES[0], CorrelatorOptions::default());
    push(&mut engine, 0..10, SMALL);
    engine.stop();
    let before = engine.metrics().memory;
    engine.follow(&Step::MaxMemory(0));
    assert_eq!((engine.metrics().memory, drain(&mut engine)), (before, Vec::new()));
}
