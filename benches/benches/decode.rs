//! Decoding alone: from the bytes of each format to events.

#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logbraid_benches::workload::{Format, Workload};
use logbraid_benches::{BLOCK, Count};
use logbraid_core::decode::{Decoder, DecoderOptions, FORMATS};

fn decode(bytes: &[u8]) -> u64 {
    let mut count = Count(0);
    let mut decoder = Decoder::new(DecoderOptions::default()).expect("no options");
    for block in bytes.chunks(BLOCK) {
        decoder.push(block, &mut count);
    }
    decoder.close(&mut count);
    count.0
}

fn formats(criterion: &mut Criterion) {
    let workload = Workload { requests: 10_000, ..Workload::default() };
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(10);
    for format in Format::ALL.into_iter().filter(|format| FORMATS.contains(&format.name())) {
        let (bytes, events) = workload.bytes(format, None);
        assert_eq!(decode(&bytes), events);
        group.throughput(Throughput::Elements(events));
        group.bench_function(format.name(), |bencher| bencher.iter(|| decode(black_box(&bytes))));
    }
    group.finish();
}

criterion_group!(benches, formats);
criterion_main!(benches);
