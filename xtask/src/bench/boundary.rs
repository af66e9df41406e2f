//! `cargo xtask bench node`: what crossing between JavaScript and the engine costs.

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use super::peers::{build, folder, program};
use super::report;
use super::table::{Spread, Table, Target, number};
use crate::node;
use crate::process::{self, command, output};

/// Requests of the page.
const REQUESTS: u32 = 30_000;

/// The case that the target is about.
const PUSHED: &str = "objects pushed, results counted";

/// What is to be reached.
const TARGET: Target =
    Target { what: "objects pushed, ns an event all in", at_most: true, floor: 300.0, aim: 150.0 };

/// Seconds and events a second of the page that pushes.
const PAGE: [u32; 2] = [10, 20_000];

/// What `cargo xtask bench node` takes.
#[derive(Args)]
pub struct Boundary {
    /// Requests of the log, of 3.4 events each; the page is written at the default only
    #[arg(long, default_value_t = REQUESTS)]
    requests: u32,
    /// Rounds, in each of which every case runs once, after one to warm up
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// Builds the package, measures, prints, and writes the page.
pub fn boundary(arguments: &Boundary) -> anyhow::Result<()> {
    let machine = report::machine()?;
    node::build()?;
    node::ensure_browser()?;
    build()?;
    let log = folder().join("boundary.ndjson");
    let requests = arguments.requests.to_string();
    process::run(program().arg("generate").arg(&log).args(["--requests", &requests]))?;
    let rounds = arguments.rounds.to_string();
    let measured = |script: &str, backend: &[&str]| {
        let mut run = command("node");
        run.arg(format!("benches/boundary/{script}")).arg(&log).arg(&rounds).args(backend);
        output(&mut run)?.lines().map(read).collect::<anyhow::Result<Vec<_>>>()
    };
    let native = measured("in_node.mjs", &["native"])?;
    let wasm = measured("in_node.mjs", &["wasm"])?;
    let chromium = measured("in_chromium.mjs", &[])?;
    let mut run = command("node");
    let [seconds, rate] = PAGE.map(|figure| figure.to_string());
    run.arg("benches/boundary/long_tasks.mjs").args([&seconds, &rate]);
    let page = long_tasks(&output(&mut run)?)?;
    let pushed = native.iter().find(|row| row.name == PUSHED).map(|row| row.ns.median);
    let node = output(command("node").arg("--version"))?;
    let text = format!(
        "{machine} Node.js {}. Medians of {rounds} rounds, in brackets the least and the most.\n\n\
         The addon, in Node:\n\n{}\nWebAssembly, in Node:\n\n{}\nWebAssembly, in a page of headless \
         Chromium:\n\n{}\nA page that pushes {rate} events/s for {seconds} s, as objects. A long task holds it \
         up for more than 50 ms.\n\n{}\n{}",
        node.trim().trim_start_matches('v'),
        table(&native)?,
        table(&wasm)?,
        table(&chromium)?,
        page,
        Target::table([(TARGET, pushed)]).text()
    );
    println!("\n{text}");
    if arguments.requests == REQUESTS && arguments.rounds >= 5 {
        report::write("node", &text)?;
    }
    Ok(())
}

/// What is printed of pages that push.
fn long_tasks(printed: &str) -> anyhow::Result<String> {
    let mut table =
        Table::new(["the engine is", "events", "correlations", "long tasks", "longest, ms"]);
    for line in printed.lines() {
        let told: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
        let place = if told["inWorker"] == true { "in a Worker" } else { "in the page" };
        let [events, correlations, tasks, longest] =
            ["events", "correlations", "longTasks", "longest"]
                .map(|name| number(told[name].as_f64().unwrap_or(f64::NAN)));
        table.row([place.to_owned(), events, correlations, tasks, longest]);
    }
    Ok(table.text())
}

fn table(rows: &[Row]) -> anyhow::Result<String> {
    let mut table = Table::new([
        "",
        "ns an event",
        "engine, taking",
        "engine, giving",
        "JavaScript",
        "÷ JSON.parse",
    ]);
    let peer = rows.first().context("nothing was measured")?.ns.median;
    for Row { name, ns, parts } in rows {
        let [taking, giving, rest] = match parts {
            Some([taking, giving]) => [*taking, *giving, ns.median - taking - giving].map(number),
            None => [const { String::new() }; 3],
        };
        table.row([name.clone(), ns.text(), taking, giving, rest, number(ns.median / peer)]);
    }
    Ok(table.text())
}

/// A case, and what an event costs there, in nanoseconds.
struct Row {
    name: String,
    ns: Spread,
    /// Of these, in calls of the engine that take input and in those that give results, where they are
    /// watched.
    parts: Option<[f64; 2]>,
}

fn read(line: &str) -> anyhow::Result<Row> {
    let told: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
    let times = |what: &str| {
        let all = told[what].as_array().with_context(|| format!("a case without `{what}`"))?;
        anyhow::Ok(Spread::of(all.iter().filter_map(Value::as_f64)))
    };
    let name = told["name"].as_str().context("a case without a name")?.to_owned();
    let parts = [times("taking")?.median, times("giving")?.median];
    let is_watched = name == "JSON.parse" || parts.iter().any(|part| *part > 0.0);
    Ok(Row { name, ns: times("ns")?, parts: is_watched.then_some(parts) })
}
