//! The engine as a whole, from bytes to correlations, and what decoding alone costs.

#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logbraid_benches::BLOCK;
use logbraid_benches::answer::correlate;
use logbraid_benches::workload::{Format, Service, Workload};
use logbraid_core::decode::{BadLine, Decoder, DecoderOptions, Sink};
use logbraid_core::event::Event;

struct Count(u64);

impl Sink for Count {
    fn event(&mut self, event: Event<'_>) {
        black_box(event.time);
        self.0 += 1;
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        panic!("the workload has no bad lines: {bad:?}");
    }
}

fn engine(criterion: &mut Criterion) {
    let workload = Workload { requests: 20_000, ..Workload::default() };
    let (frontend, frontends) = workload.bytes(Format::Ndjson, Some(Service::Frontend));
    let (backend, backends) = workload.bytes(Format::Ndjson, Some(Service::Backend));
    let events = frontends + backends;
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(events)).sample_size(10);
    group.bench_function("decode ndjson", |bencher| {
        bencher.iter(|| {
            let mut count = Count(0);
            for bytes in [&frontend, &backend] {
                let mut decoder = Decoder::new(DecoderOptions::default()).expect("no options");
                for block in bytes.chunks(BLOCK) {
                    decoder.push(block, &mut count);
                }
                decoder.close(&mut count);
            }
            assert_eq!(count.0, events);
        });
    });
    for (name, within) in [("within 30s", "within(30s)"), ("range 5m", "")] {
        let query = format!("frontend({{}})[5m] and on(request_id) {within} backend({{}})[5m]");
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(correlate(&query, &[&frontend, &backend], BLOCK)));
        });
    }
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
