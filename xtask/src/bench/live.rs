//! `cargo xtask bench live`: what an event costs against how many events are live.

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use super::peers::{build, program};
use super::report;
use super::table::{Table, Target, number};
use crate::process::output;

/// Numbers of live events.
const LIVE: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// What ratios are about.
const BASE: u64 = 100_000;

/// What is to be reached, with 3.4 events a key in order.
const TARGETS: [Target; 3] = [
    at_most("cost at ten million ÷ at 100,000", 2.5, 1.8),
    at_most("bytes of state an event, at ten million", 64.0, 48.0),
    at_most("longest push while growing to ten million, ms", 10.0, 2.0),
];

const fn at_most(what: &'static str, floor: f64, aim: f64) -> Target {
    Target { what, at_most: true, floor, aim }
}

/// What `cargo xtask bench live` takes.
#[derive(Args)]
pub struct Live {
    /// Not the ten million, which take gigabytes and minutes; then the page is not written
    #[arg(long)]
    short: bool,
    /// Events to measure at each
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
}

/// Measures, prints, and writes the page.
pub fn live(arguments: &Live) -> anyhow::Result<()> {
    let machine = report::machine()?;
    build()?;
    let mut text = format!("{machine}\n");
    let mut reached = None;
    for (title, flags) in [
        ("3.4 events a key, in order", [].as_slice()),
        ("3.4 events a key, up to 5 s out of order", &["--disordered"]),
        ("34 events a key, in order", &["--dense"]),
    ] {
        let mut table = Table::new([
            title,
            "ns an event",
            "÷ at 100,000",
            "bytes of state an event",
            "longest push while growing, ms",
        ]);
        let mut rows = Vec::new();
        for live in LIVE.into_iter().filter(|live| !arguments.short || *live < 10_000_000) {
            let mut run = program();
            run.args(["live", &live.to_string(), "--events", &arguments.events.to_string()]);
            let told: Value = serde_json::from_str(output(run.args(flags))?.trim())?;
            let figure = |name: &str| told[name].as_f64().context("a figure is missing");
            rows.push((live, figure("ns")?, figure("bytes")?, figure("longest_ms")?));
            eprintln!("{title}: {live} live, {} ns", number(figure("ns")?));
        }
        let base = rows.iter().find(|(live, ..)| *live == BASE).map_or(f64::NAN, |row| row.1);
        let most = rows.last().filter(|(live, ..)| *live == 10_000_000);
        reached = reached.or(most.map(|(_, ns, bytes, longest)| [ns / base, *bytes, *longest]));
        for (live, ns, bytes, longest) in rows {
            #[allow(clippy::cast_precision_loss)] // A round number.
            let live = number(live as f64);
            table.row([live, number(ns), number(ns / base), number(bytes), number(longest)]);
        }
        text += &format!("\n{}", table.text());
    }
    let measured = |at: usize| reached.map(|figures| figures[at]);
    let targets = TARGETS.into_iter().enumerate().map(|(at, target)| (target, measured(at)));
    text += &format!("\n{}", Target::table(targets).text());
    println!("\n{text}");
    if !arguments.short {
        report::write("live", &text)?;
    }
    Ok(())
}
