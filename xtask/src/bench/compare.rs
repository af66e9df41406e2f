//! `cargo xtask bench compare`: Logbraid and others, on the same file, in the same run.
//!
//! Every engine is a process for each run, the runs are interleaved, and an answer that differs from
//! Logbraid's ends the comparison.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use super::peers::{self, Contestant, Engine, Question, folder};
use super::report;
use super::run::{Run, run};
use super::table::{Spread, Table, Target, number};
use crate::process;

/// The reference workload has so many requests.
const REQUESTS: u64 = 200_500;

/// What `cargo xtask bench compare` takes.
#[derive(Args)]
pub struct Compare {
    /// Requests of the workload; the reference workload has 200,500, of 3.4 events each
    #[arg(long, default_value_t = REQUESTS, value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    /// Rounds, in each of which everybody answers every question once
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Only these, such as `duckdb,polars`; then the page is not written
    #[arg(long, value_delimiter = ',')]
    only: Vec<Engine>,
}

impl Compare {
    /// Small enough for a test, with nothing to install.
    pub fn small() -> Self {
        Self { requests: 2_000, rounds: 1, only: vec![Engine::Javascript] }
    }
}

/// Who cannot take part, and why.
struct Absent {
    contestant: Contestant,
    why: String,
}

/// The runs of a contestant for a question.
struct Entry {
    contestant: Contestant,
    question: Question,
    runs: Vec<Run>,
}

impl Entry {
    fn ms(&self) -> Spread {
        Spread::of(self.runs.iter().map(|run| run.ms))
    }

    fn is(&self, engine: Engine, threads: usize, question: Question) -> bool {
        self.contestant.engine == engine
            && self.contestant.threads == threads
            && self.contestant.best
            && self.question == question
    }
}

/// Runs it.
pub fn compare(compare: &Compare) -> anyhow::Result<()> {
    let machine = report::machine()?;
    let file = workload(compare.requests)?;
    let (contestants, absent) = contestants(compare)?;
    let mut entries: Vec<Entry> = Vec::new();
    for question in Question::ALL {
        entries.extend(contestants.iter().map(|contestant| Entry {
            contestant: contestant.clone(),
            question,
            runs: Vec::new(),
        }));
    }
    for round in 0..compare.rounds {
        eprintln!("round {} of {}", round + 1, compare.rounds);
        for entry in &mut entries {
            let mut command = entry.contestant.command(entry.question, &file);
            entry.runs.push(run(&mut command)?);
        }
        check(&entries)?;
    }
    let events = events(&entries)?;
    let mut text = format!("{machine} Medians of {} interleaved rounds", compare.rounds);
    text += &format!(", in brackets the least and the most. {}\n", log(&file, events)?);
    for question in Question::ALL {
        text += &format!("\n    {}\n\n", question.query());
        text += &table(&entries, question, events).text();
    }
    text += &format!("\nVersions: {}.\n", versions(&entries));
    for Absent { contestant: Contestant { name, threads, .. }, why } in absent {
        let threads = if threads > 1 { format!(" on {threads} threads") } else { String::new() };
        text += &format!("\n{name}{threads} did not run: {why}.\n");
    }
    text += &format!("\n### Targets\n\n{}", targets(&entries).text());
    println!("\n{text}");
    if compare.requests == REQUESTS && compare.only.is_empty() && compare.rounds >= 5 {
        report::write("compare", &text)?;
    }
    Ok(())
}

/// Builds what is measured, and writes the log.
fn workload(requests: u64) -> anyhow::Result<PathBuf> {
    peers::build()?;
    let file = folder().join(format!("{requests}.ndjson"));
    let requests = requests.to_string();
    process::run(peers::program().arg("generate").arg(&file).args(["--requests", &requests]))?;
    Ok(file)
}

/// Who takes part, and who cannot and why.
fn contestants(compare: &Compare) -> anyhow::Result<(Vec<Contestant>, Vec<Absent>)> {
    let empty = folder().join("empty.ndjson");
    fs::write(&empty, "").context("target/compare")?;
    let (mut there, mut absent) = (Vec::new(), Vec::<Absent>::new());
    for contestant in peers::contestants() {
        let engine = contestant.engine;
        let always = matches!(engine, Engine::Logbraid | Engine::Scan);
        let wanted = always || compare.only.is_empty() || compare.only.contains(&engine);
        if !wanted || absent.iter().any(|absent| absent.contestant.engine == engine) {
            continue;
        }
        let ready = peers::ensure(engine).and_then(|()| match (engine, contestant.threads) {
            // Whether it can run on that many threads is its own to say.
            (Engine::Logbraid, 2..) => {
                run(&mut contestant.command(Question::Within, &empty)).map(|_| ())
            }
            _ => Ok(()),
        });
        match ready {
            Ok(()) => there.push(contestant),
            // Whoever is named has to run.
            Err(error) if compare.only.contains(&engine) => return Err(error),
            Err(error) => absent.push(Absent { contestant, why: error.root_cause().to_string() }),
        }
    }
    Ok((there, absent))
}

/// Fails where somebody has answered something else than Logbraid.
fn check(entries: &[Entry]) -> anyhow::Result<()> {
    for question in Question::ALL {
        let expected = answer(entries, question)?;
        for entry in entries {
            let scans = entry.contestant.engine == Engine::Scan;
            for run in entry.runs.iter().filter(|_| entry.question == question && !scans) {
                if run.answer != expected {
                    let (name, threads) = (entry.contestant.name, entry.contestant.threads);
                    bail!(
                        "the answers to `{}` differ: Logbraid found {} correlations with {} events, \
                         {name} on {threads} threads {} with {}",
                        question.query(),
                        expected.0,
                        expected.1,
                        run.answer.0,
                        run.answer.1
                    );
                }
            }
        }
        if expected.0 == 0 {
            bail!("nothing was found for `{}`: equal answers prove nothing", question.query());
        }
    }
    Ok(())
}

fn find(entries: &[Entry], engine: Engine, threads: usize, question: Question) -> Option<&Entry> {
    entries.iter().find(|entry| entry.is(engine, threads, question))
}

fn answer(entries: &[Entry], question: Question) -> anyhow::Result<(u64, u64)> {
    let ours = find(entries, Engine::Logbraid, 1, question).context("Logbraid always runs")?;
    Ok(ours.runs[0].answer)
}

/// Events of the log.
fn events(entries: &[Entry]) -> anyhow::Result<u64> {
    let scan = find(entries, Engine::Scan, 1, Question::Within).context("the scan always runs")?;
    Ok(scan.runs[0].answer.1)
}

fn log(file: &PathBuf, events: u64) -> anyhow::Result<String> {
    let bytes = fs::metadata(file)?.len();
    #[allow(clippy::cast_precision_loss)] // Shown with three digits.
    let (megabytes, events) = (bytes as f64 / 1e6, events as f64);
    Ok(format!("The log: {} events, {} MB.", number(events), number(megabytes)))
}

#[allow(clippy::cast_precision_loss)] // Figures are shown with three digits.
fn table(entries: &[Entry], question: Question, events: u64) -> Table {
    let mut table = Table::new([
        "",
        "threads",
        "ms",
        "events/s",
        "÷ Logbraid",
        "÷ scan",
        "whole process, ms",
        "processor, ms",
        "peak MB",
    ]);
    let median =
        |engine, threads| find(entries, engine, threads, question).map(|it| it.ms().median);
    let scan = median(Engine::Scan, 1).unwrap_or(f64::NAN);
    for entry in entries.iter().filter(|entry| entry.question == question) {
        let threads = entry.contestant.threads;
        let ours = median(Engine::Logbraid, threads).or(median(Engine::Logbraid, 1));
        let ms = entry.ms();
        let spread = |figure: fn(&Run) -> f64| Spread::of(entry.runs.iter().map(figure)).median;
        table.row([
            entry.contestant.name.to_owned(),
            threads.to_string(),
            ms.text(),
            number(events as f64 / ms.median * 1e3),
            number(ms.median / ours.unwrap_or(f64::NAN)),
            number(ms.median / scan),
            number(spread(|run| run.process_ms)),
            number(spread(|run| run.cpu_ms)),
            number(spread(|run| run.peak_bytes as f64 / 1e6)),
        ]);
    }
    table
}

fn versions(entries: &[Entry]) -> String {
    let mut all: Vec<String> = Vec::new();
    for entry in entries {
        let version = entry.runs.iter().find_map(|run| run.version.as_ref());
        let name = entry.contestant.name.split(',').next().unwrap_or_default();
        let Some(version) = version.map(|version| format!("{name} ({version})")) else { continue };
        if !all.contains(&version) {
            all.push(version);
        }
    }
    if all.is_empty() { "none told".to_owned() } else { all.join(", ") }
}

/// What is to be reached: by how much Logbraid is faster than another, and how near to the scan.
const TARGETS: [(Engine, usize, Question, Target); 7] = [
    (Engine::Duckdb, 1, Question::Within, faster("DuckDB ÷ Logbraid, 30 s", 3.5, 5.0)),
    (Engine::Duckdb, 1, Question::Ranges, faster("DuckDB ÷ Logbraid, ranges", 2.8, 3.6)),
    (Engine::Duckdb, 2, Question::Within, faster("DuckDB ÷ Logbraid, 30 s, 2 threads", 3.5, 4.5)),
    (
        Engine::Javascript,
        1,
        Question::Within,
        faster("JSON.parse and a Map ÷ Logbraid, 30 s", 13.0, 20.0),
    ),
    (
        Engine::Javascript,
        1,
        Question::Ranges,
        faster("JSON.parse and a Map ÷ Logbraid, ranges", 13.0, 20.0),
    ),
    (
        Engine::Scan,
        1,
        Question::Within,
        Target {
            what: "Logbraid ÷ newline scan in memory, 30 s",
            at_most: true,
            floor: 14.0,
            aim: 9.5,
        },
    ),
    (
        Engine::Wasm,
        1,
        Question::Within,
        Target {
            what: "WebAssembly ÷ addon, both in Node, 30 s, 1 thread",
            at_most: true,
            floor: 1.35,
            aim: 1.2,
        },
    ),
];

const fn faster(what: &'static str, floor: f64, aim: f64) -> Target {
    Target { what, at_most: false, floor, aim }
}

fn targets(entries: &[Entry]) -> Table {
    Target::table(TARGETS.map(|(engine, threads, question, target)| {
        let median = |engine| Some(find(entries, engine, threads, question)?.ms().median);
        let peer = if engine == Engine::Wasm { Engine::Addon } else { Engine::Logbraid };
        let ratio = median(engine).zip(median(peer)).map(|(theirs, ours)| match engine {
            // How near Logbraid is to what cannot be passed.
            Engine::Scan => ours / theirs,
            _ => theirs / ours,
        });
        (target, ratio)
    }))
}
