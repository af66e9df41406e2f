//! Selecting and finding keys in decoded events. The time of copying the events out of the decoder is
//! not in it.

#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logbraid_benches::workload::{Format, Workload};
use logbraid_core::decode::{BadLine, Decoder, DecoderOptions, Sink};
use logbraid_core::event::{Event, Fields};
use logbraid_core::key::{self, KeyPatterns};
use logbraid_core::regex_size::RegexSize;
use logbraid_core::select::{Pipeline, Selected};
use logbraid_core::time::Timestamp;

/// Events as they were decoded.
#[derive(Default)]
struct Kept(Vec<(Timestamp, String, Fields)>);

impl Sink for Kept {
    fn event(&mut self, event: Event<'_>) {
        self.0.push((event.time, event.raw.to_owned(), event.fields.clone()));
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        panic!("the workload has no bad lines: {bad:?}");
    }
}

impl Kept {
    fn of(format: Format) -> Self {
        let mut kept = Self::default();
        let workload = Workload { requests: 1_000, ..Workload::default() };
        let mut decoder = Decoder::new(DecoderOptions::default()).expect("no options");
        decoder.push(&workload.bytes(format, None).0, &mut kept);
        decoder.close(&mut kept);
        kept
    }

    fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.0.iter().map(|(time, raw, fields)| Event { time: *time, raw, fields })
    }
}

/// Name, format of the log, selector.
const SELECTORS: [(&str, Format, &str); 9] = [
    ("nothing", Format::Ndjson, ""),
    ("a label that is equal", Format::Ndjson, r#"{service="backend"}"#),
    ("a label that matches", Format::Ndjson, r#"{service=~"back.*|edge"}"#),
    ("a line that contains", Format::Ndjson, r#"{} |= "failed""#),
    ("a line that matches", Format::Ndjson, r#"{} |~ "order [0-9]+ failed""#),
    ("json", Format::Ndjson, "{} | json"),
    ("logfmt", Format::Logfmt, "{} | logfmt"),
    ("pattern", Format::Text, r"{} | pattern `<_> <level> <service>: <message>`"),
    ("regexp", Format::Text, r"{} | regexp `order (?P<order>\d+)`"),
];

fn select(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("select");
    for (name, format, selector) in SELECTORS {
        let kept = Kept::of(format);
        let pipeline =
            Pipeline::compile(selector, 0, RegexSize::within(selector)).expect("a selector");
        let mut extracted = Fields::default();
        group.throughput(Throughput::Elements(kept.0.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let keeps = |event: &Event<'_>| pipeline.keeps(event, &mut extracted);
                black_box(kept.events()).filter(keeps).count()
            });
        });
    }
    group.finish();
}

/// Name, format of the log, labels of the key. A mapped key (`on(a=b)`) asks each side for a label of
/// its own and costs what a simple one does.
const KEYS: [(&str, Format, &[&str]); 4] = [
    ("a label", Format::Ndjson, &["request_id"]),
    ("two labels", Format::Ndjson, &["service", "request_id"]),
    ("found in the message", Format::Text, &["request_id"]),
    ("not there", Format::Text, &["trace_id"]),
];

fn keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("key");
    let (patterns, extracted) = (KeyPatterns::default(), Fields::default());
    for (name, format, labels) in KEYS {
        let kept = Kept::of(format);
        group.throughput(Throughput::Elements(kept.0.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for event in black_box(kept.events()) {
                    let selected = Selected { event, extracted: &extracted };
                    for label in labels {
                        black_box(key::value(&selected, label, &patterns));
                    }
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, select, keys);
criterion_main!(benches);
