//! What the host says that its events take up there counts as held, and is given back.

use super::tests::QUERIES;
use crate::columns::HostEvents;
use crate::emit::Emit;
use crate::engine::{Correlator, CorrelatorOptions, Output, Overflow, SourceOptions};
use crate::id::SourceId;
use crate::query::{PlanOptions, check};
use crate::time::Span;

/// Bytes that an engine may hold here.
const BOUND: usize = 4 << 20;

const BATCH: usize = 50;

fn engine(query: &str, emit: Emit, max_memory: usize) -> Correlator {
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    let options = CorrelatorOptions {
        emit,
        late_tolerance: Span::from_millis(1_000),
        max_memory,
        overflow: Some(Overflow::Evict),
        sources: vec![SourceOptions { bounded: false, ..SourceOptions::default() }; 2],
        ..CorrelatorOptions::default()
    };
    Correlator::new(plan, options).expect("the options are sound")
}

/// The events of the host.
#[derive(Default)]
struct Host {
    /// By handle, the bytes that an event takes.
    weights: Vec<u32>,
    /// Bytes of those that have not been given back.
    held: usize,
}

impl Host {
    /// Pushes a batch into both sources, of which no event takes more than `largest` bytes, and takes all that comes.
    fn push(&mut self, engine: &mut Correlator, keys: u64, largest: u32) {
        for source in [0, 1] {
            let first = self.weights.len();
            let (mut texts, mut ends) = (String::new(), Vec::new());
            for number in first..first + BATCH {
                let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                texts += &(mixed % keys).to_string();
                // A label, a join key and a message.
                ends.extend([u32::try_from(texts.len()).expect("short"); 3]);
                self.weights.push(u32::try_from(mixed % 97).expect("small") * (largest / 96));
            }
            let weights = &self.weights[first..];
            self.held += weights.iter().map(|weight| *weight as usize).sum::<usize>();
            let handles: Vec<u32> = (first..self.weights.len()).map(handle).collect();
            let millis: Vec<f64> =
                handles.iter().map(|at| 1.8e12 + f64::from(*at) * 100.0).collect();
            let (nanos, handles) = (&[0; BATCH], &handles);
            let events =
                HostEvents { handles, millis: &millis, nanos, texts: &texts, ends: &ends, weights };
            engine.push_events(SourceId::new(source), &events).expect("the columns fit");
            self.take(engine);
        }
    }

    fn take(&mut self, engine: &mut Correlator) {
        while let Some(output) = engine.poll() {
            if let Output::Released(handle) = output {
                self.held -= self.weights[handle.0 as usize] as usize;
            }
        }
    }
}

fn handle(at: usize) -> u32 {
    u32::try_from(at).expect("few")
}

#[test]
fn what_the_host_holds_stays_within_the_bound() {
    for query in QUERIES {
        let mut evicted = 0;
        for (emit, keys, largest) in [
            (Emit::Final, 1 << 40, 100_000),
            (Emit::Final, 40, 20_000),
            (Emit::Eager, 1 << 40, 20_000),
            (Emit::Eager, 40, 100_000),
        ] {
            let mut engine = engine(query, emit, BOUND);
            let mut host = Host::default();
            for _ in 0..20 {
                host.push(&mut engine, keys, largest);
                let batch = BATCH * largest as usize;
                assert!(
                    host.held <= BOUND + batch,
                    "{query}: {} bytes are held, {keys} keys, {emit:?}",
                    host.held
                );
                let counted = engine.metrics().memory;
                assert!(counted >= host.held, "{query}: {} count as {counted}", host.held);
            }
            evicted += engine.metrics().evicted;
            for source in [0, 1] {
                engine.close(SourceId::new(source));
            }
            host.take(&mut engine);
            assert_eq!(host.held, 0, "{query}: something is not given back");
            let left = engine.metrics().memory;
            assert!(left < BOUND / 8, "{query}: {left} bytes count as held, and nothing is");
        }
        assert!(evicted > 0, "{query}: nothing had to go");
    }
}

#[test]
fn what_the_host_holds_counts_once_in_each_stream() {
    for query in QUERIES {
        let held = |largest| {
            let mut engine = engine(query, Emit::Final, 1 << 30);
            let mut host = Host::default();
            for _ in 0..4 {
                host.push(&mut engine, 1 << 40, largest);
            }
            (engine.metrics().memory, host.held)
        };
        let ((without, none), (with, held)) = (held(0), held(960));
        assert_eq!(none, 0);
        // Each event is in one stream, or in two.
        let streams = if query.contains("a2") { 2 } else { 1 };
        let counted = with - without;
        assert!(
            counted >= held && counted <= streams * held,
            "{query}: {held} bytes count as {counted}"
        );
        assert!(held > 0);
    }
}

#[test]
fn a_lower_bound_has_the_host_let_go() {
    let mut engine = engine(QUERIES[1], Emit::Final, 1 << 30);
    let mut host = Host::default();
    for _ in 0..4 {
        host.push(&mut engine, 1 << 40, 100_000);
    }
    assert!(host.held > BOUND);
    engine.set_max_memory(BOUND).expect("a sound bound");
    host.take(&mut engine);
    assert!(host.held <= BOUND && host.held > BOUND / 2, "{} bytes are held", host.held);
}

#[test]
fn what_is_decided_and_waits_counts_apart() {
    let mut engine = engine(QUERIES[1], Emit::Final, BOUND);
    let mut next = 0;
    let mut push = |engine: &mut Correlator, source, weights: &[u32], seconds: u32| {
        let handles: Vec<u32> = (0..weights.len()).map(|at| next + handle(at)).collect();
        next += handle(weights.len());
        let rows = handle(weights.len());
        let texts: String = (0..rows).map(|row| format!("{row:04}")).collect();
        let ends: Vec<u32> = (1..=rows).flat_map(|row| [row * 4; 3]).collect();
        let millis = &vec![1.8e12 + f64::from(seconds) * 1_000.0; weights.len()];
        let nanos = &vec![0; weights.len()];
        let (handles, texts, ends) = (&handles, &texts, &ends);
        let events = HostEvents { handles, millis, nanos, texts, ends, weights };
        engine.push_events(SourceId::new(source), &events).expect("the columns fit");
    };
    // Memory that has been used before, for many small events, is not filled with as many large ones.
    for seconds in [0, 500] {
        for source in [0, 1] {
            push(&mut engine, source, &[0; 1_000], seconds);
        }
    }
    for source in [0, 1] {
        push(&mut engine, source, &[10; 2], 1_000);
    }
    while engine.poll().is_some() {}
    for source in [0, 1] {
        push(&mut engine, source, &[9_000; 200], 1_500);
    }
    while engine.poll().is_some() {}
    // 200 pairs are decided by what comes later.
    for weights in [[0; 2].as_slice(), &[10_000; 90]] {
        for source in [0, 1] {
            push(&mut engine, source, weights, 2_000);
        }
    }
    let metrics = engine.metrics();
    assert!(metrics.memory > BOUND, "{} bytes do not reach the bound", metrics.memory);
    assert_eq!((metrics.evicted, metrics.held_events), (0, 584));
}
