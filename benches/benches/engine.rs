//! The engine as a whole, from bytes to correlations: one file of two services, a file for each, and
//! every format.

#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logbraid_benches::answer::correlate;
use logbraid_benches::workload::{Format, Service, Workload};
use logbraid_benches::{BLOCK, RANGES, WITHIN};
use logbraid_core::decode::FORMATS;

const WORKLOAD: Workload = Workload {
    requests: 20_000,
    seed: 1,
    rate: 200,
    disorder_ms: 0,
    late: 0.0,
    late_by_ms: 60_000,
    skew: 0.0,
    message_bytes: 67,
};

/// Two sources, a service each.
const APART: &str = "a({})[5m] and on(request_id) within(30s) b({})[5m]";

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    let (bytes, events) = WORKLOAD.bytes(Format::Ndjson, None);
    group.throughput(Throughput::Elements(events)).sample_size(10);
    for (name, query) in [("within 30s", WITHIN), ("range 5m", RANGES)] {
        assert_eq!(correlate(query, &[&bytes], BLOCK), WORKLOAD.answer());
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(correlate(query, &[&bytes], BLOCK)));
        });
    }
    for format in Format::ALL.into_iter().filter(|format| FORMATS.contains(&format.name())) {
        let logs = Service::ALL.map(|service| WORKLOAD.bytes(format, Some(service)).0);
        let logs = [logs[0].as_slice(), logs[1].as_slice()];
        group.bench_function(format!("two sources, {}", format.name()), |bencher| {
            bencher.iter(|| black_box(correlate(APART, &logs, BLOCK)));
        });
    }
    for (name, workload) in [
        ("disordered", Workload { disorder_ms: 5_000, ..WORKLOAD }),
        ("late", Workload { late: 0.01, ..WORKLOAD }),
        ("skewed", Workload { skew: 0.1, ..WORKLOAD }),
        ("long messages", Workload { message_bytes: 1_000, ..WORKLOAD }),
    ] {
        let (bytes, events) = workload.bytes(Format::Ndjson, None);
        group.throughput(Throughput::Elements(events));
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(correlate(WITHIN, &[&bytes], BLOCK)));
        });
    }
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
