//! What `cargo xtask bench instructions` counts: each part by itself, on small input, the same in every
//! run. Run under callgrind, which counts only what happens inside [`counted_by_callgrind`], and in pushes
//! of [`Steady`](logbraid_benches::live::Steady).

use std::hint::black_box;
use std::io::Write;

use anyhow::{Context, bail};
use clap::Args;
use logbraid_benches::answer::{correlate, options, plan};
use logbraid_benches::live::Live;
use logbraid_benches::workload::{Format, Workload};
use logbraid_benches::{BLOCK, Count, RANGES, WITHIN};
use logbraid_core::decode::{BadLine, Decoder, DecoderOptions, FORMATS, Sink};
use logbraid_core::encode::Batch;
use logbraid_core::engine::Correlator;
use logbraid_core::event::{Event, Fields};
use logbraid_core::id::SourceId;
use logbraid_core::key::{self, KeyPatterns};
use logbraid_core::regex_size::RegexSize;
use logbraid_core::select::{Pipeline, Selected};
use logbraid_core::time::Timestamp;

/// What it takes.
#[derive(Args)]
pub struct Arguments {
    /// The bench; none to list their names
    bench: Option<String>,
}

/// Requests of the log: 3.4 events each.
const WORKLOAD: Workload = Workload {
    requests: 600,
    seed: 1,
    rate: 200,
    disorder_ms: 0,
    late: 0.0,
    late_by_ms: 60_000,
    skew: 0.0,
    message_bytes: 67,
};

/// Events of the joins.
const EVENTS: usize = 2_000;

const JOINS: [(&str, &str); 5] = [
    ("session", "a({})[5m] and on(k) within(W) b({})[5m]"),
    ("pairs", "a({})[5m] and on(k) within(W) pick(pairs) b({})[5m]"),
    ("first", "a({})[5m] and on(k) within(W) pick(first) b({})[5m]"),
    ("latest", "a({})[5m] then on(k) within(W) pick(latest) b({})[5m]"),
    ("unless", "a({})[5m] unless on(k) within(W) b({})[5m]"),
];

/// Callgrind counts what happens in here, and knows it by its name.
#[inline(never)]
fn counted_by_callgrind<T>(run: impl FnOnce() -> T) -> T {
    black_box(run())
}

/// Runs one bench, or lists them all.
pub fn instructions(arguments: Arguments) -> anyhow::Result<()> {
    let Some(bench) = arguments.bench else {
        let mut all: Vec<String> = FORMATS.iter().map(|name| format!("decode-{name}")).collect();
        all.extend(["select", "key", "within", "ranges", "drain"].map(str::to_owned));
        all.extend(JOINS.map(|(name, _)| format!("join-{name}")));
        all.push("join-session-disordered".to_owned());
        return Ok(writeln!(std::io::stdout(), "{}", all.join("\n"))?);
    };
    let (bytes, events) = WORKLOAD.bytes(Format::Ndjson, None);
    if let Some(format) = bench.strip_prefix("decode-") {
        return decode(format);
    }
    if let Some(join) = bench.strip_prefix("join-") {
        return self::join(join);
    }
    match bench.as_str() {
        "select" | "key" => {
            let mut kept = Kept::default();
            let mut decoder = Decoder::new(DecoderOptions::default())?;
            decoder.push(&bytes, &mut kept);
            decoder.close(&mut kept);
            assert_eq!(kept.0.len() as u64, events);
            if bench == "select" { select(&kept)? } else { keys(&kept) }
        }
        "within" => assert_eq!(
            counted_by_callgrind(|| correlate(WITHIN, &[&bytes], BLOCK)),
            WORKLOAD.answer()
        ),
        "ranges" => assert_eq!(
            counted_by_callgrind(|| correlate(RANGES, &[&bytes], BLOCK)),
            WORKLOAD.answer()
        ),
        "drain" => drain(&bytes)?,
        _ => bail!("there is no bench {bench}"),
    }
    Ok(())
}

/// Events as they were decoded.
#[derive(Default)]
struct Kept(Vec<(String, Fields, Timestamp)>);

impl Sink for Kept {
    fn event(&mut self, event: Event<'_>) {
        self.0.push((event.raw.to_owned(), event.fields.clone(), event.time));
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        panic!("the workload has no bad lines: {bad:?}");
    }
}

impl Kept {
    fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.0.iter().map(|(raw, fields, time)| Event { time: *time, raw, fields })
    }
}

fn decode(name: &str) -> anyhow::Result<()> {
    let named = |format: &Format| format.name() == name;
    let format =
        Format::ALL.into_iter().find(named).with_context(|| format!("no format {name}"))?;
    let (bytes, events) = WORKLOAD.bytes(format, None);
    let mut count = Count(0);
    let mut decoder = Decoder::new(DecoderOptions::default())?;
    counted_by_callgrind(|| {
        decoder.push(&bytes, &mut count);
        decoder.close(&mut count);
    });
    assert_eq!(count.0, events);
    Ok(())
}

fn select(kept: &Kept) -> anyhow::Result<()> {
    let selector = r#"{service=~"back.*", request_id!=""} |= "order" |~ "order [0-9]+ failed""#;
    let Ok(pipeline) = Pipeline::compile(selector, 0, RegexSize::within(selector)) else {
        bail!("{selector}")
    };
    let mut extracted = Fields::default();
    let found = counted_by_callgrind(|| {
        kept.events().filter(|event| pipeline.keeps(event, &mut extracted)).count()
    });
    assert!(found > 100, "{found}");
    Ok(())
}

fn keys(kept: &Kept) {
    let (patterns, extracted) = (KeyPatterns::default(), Fields::default());
    counted_by_callgrind(|| {
        for event in kept.events() {
            let selected = Selected { event, extracted: &extracted };
            black_box(key::value(&selected, "request_id", &patterns));
            // Not a label, so it is looked for in the message.
            black_box(key::value(&selected, "trace_id", &patterns));
        }
    });
}

fn join(name: &str) -> anyhow::Result<()> {
    let plain = name.trim_end_matches("-disordered");
    let known = JOINS.iter().find(|(known, _)| *known == plain);
    let (_, query) = known.with_context(|| format!("no join {name}"))?;
    let live = Live { events: EVENTS as u64, dense: false, disordered: plain != name };
    let mut steady = live.engine(query)?;
    // Counted as well: each push, also of those that fill it.
    steady.push(EVENTS)?;
    Ok(())
}

fn drain(bytes: &[u8]) -> anyhow::Result<()> {
    let mut engine = Correlator::new(plan(WITHIN)?, options())?;
    engine.push(SourceId::new(0), bytes);
    engine.close(SourceId::new(0));
    let size = counted_by_callgrind(|| {
        let mut size = 0;
        let mut batch = Batch::default();
        loop {
            batch.clear();
            engine.drain(256, &mut batch);
            if batch.is_empty() {
                break size;
            }
            size += batch.finish().len();
        }
    });
    assert!(size > bytes.len() / 2);
    Ok(())
}
