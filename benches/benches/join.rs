//! Joining: what an event costs in each policy against how many events are live, with few and many
//! events a key, in order and out of order.
//!
//! Joins are not public by themselves: events of a host go through the engine with one label, and
//! come out as correlations whose events are counted. Ten million live events take gigabytes and minutes;
//! they are measured where `LOGBRAID_BENCH_LARGE` is set.

#![allow(missing_docs)]

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use logbraid_benches::live::Live;

const LIVE: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];

const QUERIES: [(&str, &str); 9] = [
    ("session", "a({})[5m] and on(k) within(W) b({})[5m]"),
    ("pairs", "a({})[5m] and on(k) within(W) pick(pairs) b({})[5m]"),
    ("first", "a({})[5m] and on(k) within(W) pick(first) b({})[5m]"),
    ("latest", "a({})[5m] then on(k) within(W) pick(latest) b({})[5m]"),
    ("group_left", "a({})[5m] and on(k) within(W) group_left b({})[5m]"),
    ("or", "a({})[5m] or on(k) within(W) b({})[5m]"),
    ("outer", "a({})[5m] outer on(k) within(W) b({})[5m]"),
    ("unless", "a({})[5m] unless on(k) within(W) b({})[5m]"),
    ("then not", "a({})[5m] then not on(k) within(W) b({})[5m]"),
];

/// Events of an iteration.
const EVENTS: usize = 1_024;

fn join(criterion: &mut Criterion) {
    let large = std::env::var_os("LOGBRAID_BENCH_LARGE").is_some();
    for (name, query) in QUERIES {
        for (dense, keys) in [(false, "sparse"), (true, "dense")] {
            for (disordered, order) in [(false, "in order"), (true, "disordered")] {
                let mut group = criterion.benchmark_group(format!("join {name}, {keys}, {order}"));
                group.sample_size(10).warm_up_time(Duration::from_millis(100));
                group.measurement_time(Duration::from_millis(500));
                group.throughput(Throughput::Elements(EVENTS as u64));
                for events in LIVE.into_iter().filter(|events| large || *events < 10_000_000) {
                    // Filled when it is wanted, and emptied before the next one is.
                    let mut steady = None;
                    group.bench_function(BenchmarkId::from_parameter(events), |bencher| {
                        let steady = steady.get_or_insert_with(|| {
                            let live = Live { events, dense, disordered };
                            live.engine(query).expect("the query is sound")
                        });
                        bencher.iter_custom(|times| {
                            let push = |_| steady.push(EVENTS).expect("the query goes on");
                            (0..times).map(push).sum()
                        });
                    });
                }
                group.finish();
            }
        }
    }
}

criterion_group!(benches, join);
criterion_main!(benches);
