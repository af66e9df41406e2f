//! Emitting and encoding.
//!
//! Neither is public without the engine: the same log is answered with results that are polled and
//! dropped, that are drained into batches, and whose events are decoded again. What lies between two of
//! them is the cost of the one. Eager delivery emits revisions, final delivery decides the order.

#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logbraid_benches::answer::{options, plan};
use logbraid_benches::workload::{Format, Workload};
use logbraid_benches::{BLOCK, WITHIN};
use logbraid_core::Emit;
use logbraid_core::encode::Batch;
use logbraid_core::engine::{Correlator, CorrelatorOptions};
use logbraid_core::id::SourceId;
use logbraid_core::time::Span;

/// What becomes of the results.
#[derive(Copy, Clone)]
enum Results {
    Dropped,
    Drained,
    Decoded,
}

fn answer(bytes: &[u8], options: CorrelatorOptions, results: Results) -> usize {
    let plan = plan(WITHIN).expect("the query is sound");
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    let source = SourceId::new(0);
    let mut size = 0;
    let mut blocks = bytes.chunks(BLOCK);
    let mut batch = Batch::default();
    loop {
        let block = blocks.next();
        match block {
            Some(block) => engine.push(source, block),
            None => engine.close(source),
        }
        match results {
            Results::Dropped => {
                while engine.poll().is_some() {
                    size += 1;
                }
            }
            Results::Drained | Results::Decoded => loop {
                batch.clear();
                engine.drain(256, &mut batch);
                if batch.is_empty() {
                    break;
                }
                let bytes = batch.finish();
                size += bytes.len();
                if matches!(results, Results::Decoded) {
                    let recipe = engine.recipe();
                    size += records(bytes)
                        .filter_map(|record| recipe.events_json(record).ok())
                        .map(|events| events.len())
                        .sum::<usize>();
                }
            },
        }
        if block.is_none() {
            return size;
        }
    }
}

/// The records of a batch, without their lengths.
fn records(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (record, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        bytes = rest;
        Some(record)
    })
}

fn encode(criterion: &mut Criterion) {
    let workload = Workload { requests: 10_000, ..Workload::default() };
    let (bytes, _) = workload.bytes(Format::Ndjson, None);
    let mut group = criterion.benchmark_group("results");
    group.throughput(Throughput::Elements(workload.answer().correlations)).sample_size(10);
    let eager = || CorrelatorOptions { emit: Emit::Eager, ..options() };
    let each = || CorrelatorOptions { processing_interval: Span::ZERO, ..eager() };
    for (name, results) in [
        ("polled and dropped", Results::Dropped),
        ("drained into batches", Results::Drained),
        ("drained, events decoded", Results::Decoded),
    ] {
        group.bench_function(format!("final, {name}"), |bencher| {
            bencher.iter(|| answer(&bytes, options(), results));
        });
    }
    for (name, options) in [("eager", &eager as &dyn Fn() -> _), ("eager, at once", &each)] {
        group.bench_function(format!("{name}, polled and dropped"), |bencher| {
            bencher.iter(|| answer(&bytes, options(), Results::Dropped));
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
