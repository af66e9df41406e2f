//! One dense key: n left and n right events that all have it, under `within`.
//!
//! Prints the time of an event against n for each operator and policy, in four layouts: everything
//! matches everything, with the sides interleaved and with all left events before all right ones;
//! neighbours match; nothing matches. Near n log n, the time of an event hardly grows; of a nested
//! loop, which is timed beside it, it grows tenfold. `pick(pairs)` and groups are not here where
//! everything matches: their answers have n² events.
//!
//! `cargo xtask bench dense` runs them, `cargo xtask bench "dense: all match: or"` some.

#![allow(missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use logbraid_benches::answer::correlate;

const SIZES: [u64; 3] = [1_000, 3_000, 10_000];
/// Of so many runs the fastest counts.
const RUNS: usize = 3;
const BLOCK: usize = 64 << 10;
const START_MS: u64 = 1_795_209_600_000;
/// Milliseconds between an event and the next one of its side; the right side comes in between.
const STEP: u64 = 2;

/// How far apart events may be, in milliseconds, and whether the sides come one after the other.
const LAYOUTS: [(&str, u64, bool); 4] = [
    ("all match", 60_000, false),
    ("left before right", 60_000, true),
    ("near match", 9, false),
    ("none match", 0, false),
];

/// Name, query with `W` for the bounds, and whether the answer stays small when everything matches.
const QUERIES: [(&str, &str, bool); 19] = [
    ("and", "a({})[5m] and on(k) within(W) b({})[5m]", true),
    ("or", "a({})[5m] or on(k) within(W) b({})[5m]", true),
    ("outer", "a({})[5m] outer on(k) within(W) b({})[5m]", true),
    ("unless", "a({})[5m] unless on(k) within(W) b({})[5m]", true),
    ("then", "a({})[5m] then on(k) within(W) b({})[5m]", true),
    ("then not", "a({})[5m] then not on(k) within(W) b({})[5m]", true),
    ("first", "a({})[5m] and on(k) within(W) pick(first) b({})[5m]", true),
    ("outer first", "a({})[5m] outer on(k) within(W) pick(first) b({})[5m]", true),
    ("latest", "a({})[5m] then on(k) within(W) pick(latest) b({})[5m]", true),
    ("unless pairs", "a({})[5m] unless on(k) within(W) pick(pairs) b({})[5m]", true),
    ("unless group_left", "a({})[5m] unless on(k) within(W) group_left b({})[5m]", true),
    ("pairs", "a({})[5m] and on(k) within(W) pick(pairs) b({})[5m]", false),
    ("group_left", "a({})[5m] and on(k) within(W) group_left b({})[5m]", false),
    ("or tree", "a({})[5m] or on(k) within(W) (b({})[5m] and on(k) within(W) c({})[5m])", true),
    ("or nothing", "a({})[5m] or on(k) within(W) (b({})[5m] and on(k) within(0s) c({})[5m])", true),
    (
        "first tree",
        "a({})[5m] and on(k) within(W) pick(first) \
         (b({})[5m] and on(k) within(W) pick(first) c({})[5m])",
        true,
    ),
    (
        "first of sessions",
        "a({})[5m] and on(k) within(W) b({})[5m] and on(k) within(W) pick(first) c({})[5m]",
        true,
    ),
    (
        "session of firsts",
        "a({})[5m] and on(k) within(W) pick(first) b({})[5m] \
         and on(k) within(W) pick(session) c({})[5m]",
        true,
    ),
    (
        "outer chain",
        "a({})[5m] and on(k) within(W) b({})[5m] outer on(k) within(W) c({})[5m]",
        true,
    ),
];

fn main() {
    // As criterion filters: by a part of the name.
    let filter = std::env::args().skip(1).find(|word| !word.starts_with("--")).unwrap_or_default();
    for (layout, within, in_blocks) in LAYOUTS {
        let name = |name: &str| format!("dense: {layout}: {name}");
        let is_wanted = |(query, _, is_small): &(&str, &str, bool)| {
            name(query).contains(&filter) && (*is_small || within < 1_000)
        };
        let wanted: Vec<_> = QUERIES.into_iter().filter(is_wanted).collect();
        if wanted.is_empty() {
            continue;
        }
        print!("\n{:<37}", "ns an event, of n events a stream");
        for n in SIZES {
            print!("{:>12}", format!("n = {n}"));
        }
        println!("{:>12}{:>22}", "growth", "nested loop ÷ this");
        let naive = SIZES.map(|n| per_event(n, 2, || nested_loop(n, within, in_blocks)));
        row(&name("nested loop"), naive, None);
        for (query_name, query, _) in wanted {
            let query = query.replace('W', &format!("{within}ms"));
            let streams = if query.contains("c({})") { 3 } else { 2 };
            let times = SIZES.map(|n| engine(&query, n, streams, in_blocks));
            row(&name(query_name), times, Some(naive));
        }
    }
}

fn row(name: &str, times: [f64; SIZES.len()], naive: Option<[f64; SIZES.len()]>) {
    print!("{name:<37}");
    for time in times {
        print!("{time:>12.0}");
    }
    print!("{:>11.1}×", times[SIZES.len() - 1] / times[0]);
    if let Some(naive) = naive {
        print!("{:>21.1}×", naive[SIZES.len() - 1] / times[SIZES.len() - 1]);
    }
    println!();
}

fn engine(query: &str, n: u64, streams: u64, in_blocks: bool) -> f64 {
    let logs: Vec<Vec<u8>> = (0..streams).map(|stream| log(n, stream, in_blocks)).collect();
    let logs: Vec<&[u8]> = logs.iter().map(Vec::as_slice).collect();
    per_event(n, streams, || correlate(query, &logs, BLOCK).correlations)
}

/// Nanoseconds an event takes, in the fastest run.
fn per_event(n: u64, streams: u64, mut run: impl FnMut() -> u64) -> f64 {
    let mut fastest = Duration::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        black_box(run());
        fastest = fastest.min(start.elapsed());
    }
    #[allow(clippy::cast_precision_loss)] // A bench.
    let (nanos, events) = (fastest.as_nanos() as f64, (n * streams) as f64);
    nanos / events
}

fn time(n: u64, at: u64, stream: u64, in_blocks: bool) -> u64 {
    let block = if in_blocks { stream * n * STEP / 2 } else { 0 };
    let step = if in_blocks { STEP / 2 } else { STEP };
    START_MS + block + at * step + stream % STEP
}

fn log(n: u64, stream: u64, in_blocks: bool) -> Vec<u8> {
    let line = |at| {
        let time = time(n, at, stream, in_blocks);
        format!("{{\"timestamp\":{time},\"k\":\"one dense key\",\"message\":\"event {at}\"}}\n")
    };
    (0..n).flat_map(|at| line(at).into_bytes()).collect()
}

/// The root of a tree of events, which gets shorter on the way.
fn root(parents: &mut [usize], mut at: usize) -> usize {
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

/// What the engine is held against: every left event looks at every right event, and those that match
/// are connected. Without decoding. Returns how many groups there are.
fn nested_loop(n: u64, within: u64, in_blocks: bool) -> u64 {
    let key = "one dense key".to_owned();
    let event = |at, stream| (key.clone(), time(n, at, stream, in_blocks));
    let events = |stream| (0..n).map(|at| event(at, stream)).collect::<Vec<_>>();
    let (left, right) = (events(0), events(1));
    let mut parents: Vec<usize> = (0..left.len() + right.len()).collect();
    for (at, (key, time)) in left.iter().enumerate() {
        for (other_at, (other_key, other_time)) in right.iter().enumerate() {
            if key == other_key && time.abs_diff(*other_time) <= within {
                let mine = root(&mut parents, at);
                let other = root(&mut parents, left.len() + other_at);
                parents[mine] = other;
            }
        }
    }
    (0..parents.len()).filter(|&at| parents[at] == at).count() as u64
}
