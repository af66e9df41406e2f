//! `cargo xtask soak`: a high rate for minutes, through the public API of the package, in little memory.
//!
//! Judges what may not grow: the run is cut into a start, which may fill caches, and two halves. A figure is
//! flat where neither its most rises from the first half to the second, nor its trend within the second, by
//! more than is allowed. How far the engine is behind is told, and has to be little at the end.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde::Deserialize;

use super::peers::{build, program};
use super::report;
use super::table::{Table, number};
use crate::node;
use crate::process::command;

/// Seconds and events a second of the page.
const SECONDS: u32 = 600;
const RATE: u32 = 50_000;

/// What the query may hold.
const MAX_MIB: f64 = 50.0;

/// A share of the run that may fill caches, and the seconds it has at least.
const START: usize = 10;
const START_SECONDS: usize = 5;

/// V8 has its young generation grow when enough has survived in it, which takes it minutes at this rate: it
/// has all that it may from the start, so that what grows is not V8's.
const YOUNG: &str = "--min-semi-space-size=16";

/// Rows of the table.
const ROWS: usize = 10;

/// What a figure may rise by: a share of itself, and what noise may be.
const SHARE: f64 = 0.05;

/// What `cargo xtask soak` takes.
#[derive(Args)]
pub struct Soak {
    /// How long; the page is written at the defaults only
    #[arg(long, default_value_t = SECONDS, value_parser = clap::value_parser!(u32).range(10..))]
    seconds: u32,
    /// Events a second
    #[arg(long, default_value_t = RATE, value_parser = clap::value_parser!(u32).range(34..))]
    rate: u32,
}

impl Soak {
    /// Shows in seconds that it works at all, at a rate that a busy machine keeps up with.
    pub fn short() -> Self {
        Self { seconds: 12, rate: 10_000 }
    }

    fn is_whole(&self) -> bool {
        self.seconds >= 120
    }
}

/// How things were at some time: milliseconds, bytes.
#[derive(Clone, Debug, Default, Deserialize)]
struct Sample {
    at: f64,
    events: f64,
    correlations: f64,
    rss: f64,
    heap: f64,
    memory: f64,
    held: f64,
    lag: f64,
}

/// How it ended.
#[derive(Clone, Debug, Deserialize)]
struct End {
    sent: f64,
    events: f64,
    correlations: f64,
    /// Events that were late, evicted, dropped or unreadable.
    lost: f64,
    peak: f64,
}

/// A figure that may not grow.
struct Figure {
    name: &'static str,
    of: fn(&Sample) -> f64,
    /// What noise may be.
    noise: f64,
    /// Whether it says something in seconds.
    is_quick: bool,
}

const FIGURES: [Figure; 4] = [
    Figure { name: "resident, MiB", of: |it| mib(it.rss), noise: 5.0, is_quick: false },
    Figure { name: "JavaScript heap, MiB", of: |it| mib(it.heap), noise: 5.0, is_quick: false },
    Figure { name: "the engine, MiB", of: |it| mib(it.memory), noise: 1.0, is_quick: true },
    Figure { name: "events held", of: |it| it.held, noise: 1_000.0, is_quick: true },
];

/// Builds the package, runs, prints, and writes the page. Fails where something is not flat.
pub fn soak(arguments: &Soak) -> anyhow::Result<()> {
    let machine = report::machine()?;
    node::build()?;
    build()?;
    let (samples, end) = run(arguments)?;
    let mut wrong = Vec::new();
    let table = verdicts(&samples, arguments.is_whole(), &mut wrong)?;
    let lag = samples.last().map_or(0.0, |last| last.lag);
    for (holds, what) in [
        ((end.events - end.sent).abs() < 1.0, "not all events arrived"),
        (end.lost < 1.0, "events were lost"),
        (end.correlations > 0.0, "nothing was found"),
        (mib(end.peak) <= MAX_MIB, "the engine held more than it may"),
        (lag <= 1_000.0 || !arguments.is_whole(), "it was behind at the end"),
    ] {
        if !holds {
            wrong.push(what.to_owned());
        }
    }
    let verdict = if wrong.is_empty() { "flat".to_owned() } else { wrong.join("; ") };
    let text = format!(
        "{machine} {} s at {} events/s, node {YOUNG}: {} events, {} correlations, {} events lost; the engine held \
         {} MiB at most.\n\n{}\n{}\nVerdict: **{verdict}**.",
        arguments.seconds,
        number(arguments.rate.into()),
        number(end.events),
        number(end.correlations),
        number(end.lost),
        number(mib(end.peak)),
        over_time(&samples),
        table.text(),
    );
    println!("\n{text}");
    if arguments.seconds == SECONDS && arguments.rate == RATE {
        report::write("soak", &text)?;
    }
    ensure!(wrong.is_empty(), "not flat: {verdict}");
    Ok(())
}

/// Has the generator write into the script.
fn run(arguments: &Soak) -> anyhow::Result<(Vec<Sample>, End)> {
    // 3.4 events a request.
    let rate = (arguments.rate / 34 * 10).to_string();
    let requests = (arguments.rate / 34 * 10 * arguments.seconds).to_string();
    let mut generator = program()
        .args(["generate", "-", "--requests", &requests, "--rate", &rate])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the generator")?;
    let log = generator.stdout.take().expect("it has just been piped");
    let mut script = command("node")
        .args([YOUNG, "benches/node/soak.mjs", "--rate", &arguments.rate.to_string()])
        .stdin(log)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start node")?;
    let told = BufReader::new(script.stdout.take().expect("it has just been piped"));
    let mut lines = Vec::new();
    for line in told.lines() {
        let line = line?;
        eprintln!("{line}");
        lines.push(line);
    }
    let (status, made) = (script.wait()?, generator.wait()?);
    if !status.success() || !made.success() {
        bail!("the script ended with {status}, the generator with {made}");
    }
    let end = lines.pop().context("nothing was measured")?;
    let end = serde_json::from_str(&end).with_context(|| format!("no end: {end}"))?;
    let samples = lines.iter().map(|line| serde_json::from_str(line).context("no sample"));
    Ok((samples.collect::<anyhow::Result<_>>()?, end))
}

/// The worst of every tenth of the time.
fn over_time(samples: &[Sample]) -> String {
    let mut table = Table::new([
        "seconds",
        "events/s",
        "correlations/s",
        "resident, MiB",
        "JavaScript heap, MiB",
        "the engine, MiB",
        "events held",
        "behind, ms",
    ]);
    let mut before = Sample::default();
    for part in samples.chunks(samples.len().div_ceil(ROWS).max(1)) {
        let last = part.last().expect("no part is empty").clone();
        let rate = |of: fn(&Sample) -> f64| {
            number((of(&last) - of(&before)) * 1e3 / (last.at - before.at))
        };
        let most = |of: fn(&Sample) -> f64| number(part.iter().map(of).fold(0.0, f64::max));
        let [resident, heap, engine, held] = FIGURES.map(|figure| most(figure.of));
        table.row([
            number(last.at / 1e3),
            rate(|it| it.events),
            rate(|it| it.correlations),
            resident,
            heap,
            engine,
            held,
            most(|it| it.lag),
        ]);
        before = last;
    }
    table.text()
}

/// Whether what may not grow did not, as a table; adds what did to `wrong`.
fn verdicts(samples: &[Sample], whole: bool, wrong: &mut Vec<String>) -> anyhow::Result<Table> {
    let from = (samples.len() / START).max(START_SECONDS);
    let steady = samples.get(from..).filter(|steady| steady.len() > 3);
    let steady = steady.context("too short to say anything")?;
    let mut table = Table::new([
        "",
        "most, first half",
        "most, second half",
        "trend of the second half",
        "flat",
    ]);
    for Figure { name, of, noise, is_quick } in FIGURES {
        let values: Vec<f64> = steady.iter().map(of).collect();
        let Grown { first, second, trend } = grown(&values);
        let allowed = first * SHARE + noise;
        let is_flat = second - first <= allowed && trend <= allowed;
        let is_judged = whole || is_quick;
        if is_judged && !is_flat {
            wrong.push(format!("{name} grew"));
        }
        let flat = if !is_judged {
            "–"
        } else if is_flat {
            "yes"
        } else {
            "no"
        };
        let trend = format!("{}{}", if trend >= 0.0 { "+" } else { "" }, number(trend));
        table.row([name.to_owned(), number(first), number(second), trend, flat.to_owned()]);
    }
    Ok(table)
}

/// How a figure changed.
#[derive(Debug, PartialEq)]
struct Grown {
    /// The most of the first half, and of the second.
    first: f64,
    second: f64,
    /// What the straight line through the second half rises by, from its start to its end.
    trend: f64,
}

#[expect(clippy::cast_precision_loss, reason = "a sample a second")]
fn grown(values: &[f64]) -> Grown {
    let (first, second) = values.split_at(values.len() / 2);
    let most = |values: &[f64]| values.iter().copied().fold(f64::MIN, f64::max);
    let count = second.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, second.iter().sum::<f64>() / count);
    let (mut rise, mut run) = (0.0, 0.0);
    for (at, value) in second.iter().enumerate() {
        let from_middle = at as f64 - middle;
        rise += from_middle * (value - mean);
        run += from_middle * from_middle;
    }
    Grown { first: most(first), second: most(second), trend: rise / run * (count - 1.0) }
}

fn mib(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(memory: impl Fn(f64) -> f64) -> Vec<Sample> {
        let sample = |at| Sample {
            at: f64::from(at) * 1e3,
            memory: memory(f64::from(at)) * f64::from(1 << 20),
            ..Sample::default()
        };
        (0..200).map(sample).collect()
    }

    fn told(memory: impl Fn(f64) -> f64) -> Vec<String> {
        let mut wrong = Vec::new();
        verdicts(&samples(memory), true, &mut wrong).expect("it is long enough");
        wrong
    }

    #[test]
    fn a_line_is_found() {
        let grown = grown(&[9.0, 2.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(grown, Grown { first: 9.0, second: 4.0, trend: 2.0 });
    }

    #[test]
    fn what_grows_is_told() {
        assert_eq!(told(|at| 30.0 + at * 0.05), ["the engine, MiB grew"]);
        // A step, whose line is not steep.
        assert_eq!(told(|at| if at > 190.0 { 40.0 } else { 30.0 }), ["the engine, MiB grew"]);
        // Growth that stays below a peak at the start.
        let peak = |at| if at < 30.0 { 60.0 } else { 30.0 + at * 0.1 };
        assert_eq!(told(peak), ["the engine, MiB grew"]);
    }

    #[test]
    fn what_is_filled_at_the_start_or_goes_up_and_down_is_flat() {
        assert_eq!(told(|at| 30.0 + at.min(5.0)), [""; 0]);
        assert_eq!(told(|at| 30.0 + at % 7.0), [""; 0]);
        assert_eq!(told(|at| if at > 90.0 { 40.0 } else { 30.0 }), [""; 0]);
    }
}
