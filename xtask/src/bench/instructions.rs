//! `cargo xtask bench instructions`: how many instructions the main parts take, held to a baseline.
//!
//! Counts do not depend on what else the machine does, so that they can fail a build where times cannot. They
//! do depend on compiler and libraries: after an update of these the baseline is written anew.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, bail};
use clap::Args;

use super::peers::{build, folder, program};
use super::table::{Table, number};
use crate::process::{command, ensure_debian_packages, output, root};

const BASELINE: &str = "benches/instructions.toml";

/// What stands above the figures.
const HEAD: &str = "\
# Instructions of the main parts, as `cargo xtask bench instructions` counts them; written with --update.
# A part that takes more than the margin beyond its figure fails the build.
";

/// What is counted: these functions and all that they call.
const COUNTED: [&str; 2] = ["*counted_by_callgrind*", "*Steady*push_made*"];

/// From which size on glibc copies by one instruction, or past the caches, depends on the caches of the
/// processor: here, never.
const COPYING: &str =
    "glibc.cpu.x86_rep_movsb_threshold=0x40000000:glibc.cpu.x86_non_temporal_threshold=0x40000000";

/// Of what it was, so much more is not told. Counts repeat to a hundredth of a percent; compilers and
/// processors differ by a little more.
const MARGIN_PERCENT: f64 = 3.0;

/// What `cargo xtask bench instructions` takes.
#[derive(Args, Default)]
pub struct Instructions {
    /// Take what is counted now as the baseline
    #[arg(long)]
    update: bool,
}

/// Counts, and fails where something takes more than the baseline and the margin.
pub fn instructions(instructions: &Instructions) -> anyhow::Result<()> {
    ensure_valgrind()?;
    build()?;
    let mut counts = BTreeMap::new();
    for bench in output(program().arg("instructions"))?.lines() {
        counts.insert(bench.to_owned(), count(bench)?);
    }
    let path = root().join(BASELINE);
    if instructions.update {
        fs::write(&path, written(&counts)).context(BASELINE)?;
        println!("{}written to {BASELINE}", table(&counts, &counts).text());
        return Ok(());
    }
    let text = fs::read_to_string(&path).with_context(|| {
        format!("{BASELINE} (write it with `cargo xtask bench instructions --update`)")
    })?;
    let (margin, baseline) = read(&text)?;
    println!("{}", table(&baseline, &counts).text());
    let slips = slips(&baseline, &counts, margin);
    if !slips.is_empty() {
        bail!(
            "instruction counts are not what {BASELINE} says:\n{}\nwhere that is meant, accept it with \
             `cargo xtask bench instructions --update`",
            slips.join("\n")
        );
    }
    Ok(())
}

fn ensure_valgrind() -> anyhow::Result<()> {
    match output(command("valgrind").arg("--version")) {
        Ok(_) => Ok(()),
        Err(_) => ensure_debian_packages(&["valgrind"], "counting instructions needs valgrind"),
    }
}

/// Runs one bench under callgrind.
fn count(bench: &str) -> anyhow::Result<u64> {
    let profile = folder().join("callgrind.out");
    let mut run = command("valgrind");
    run.env("GLIBC_TUNABLES", COPYING);
    run.args(["--tool=callgrind", "--quiet", "--collect-atstart=no"]);
    run.args(COUNTED.map(|name| format!("--toggle-collect={name}")));
    run.arg(format!("--callgrind-out-file={}", profile.display())).arg(program().get_program());
    run.args(["instructions", bench]);
    output(&mut run)?;
    let profile = fs::read_to_string(&profile).context("what callgrind has written")?;
    total(&profile).with_context(|| format!("callgrind has counted nothing for {bench}"))
}

/// The sum of a profile.
fn total(profile: &str) -> Option<u64> {
    let totals = profile.lines().rev().find_map(|line| line.strip_prefix("totals: "))?;
    totals.trim().parse().ok().filter(|total| *total > 0)
}

fn written(counts: &BTreeMap<String, u64>) -> String {
    let mut text = format!("{HEAD}margin_percent = {MARGIN_PERCENT:.1}\n\n[instructions]\n");
    for (bench, count) in counts {
        text += &format!("{bench} = {count}\n");
    }
    text
}

fn read(text: &str) -> anyhow::Result<(f64, BTreeMap<String, u64>)> {
    #[derive(serde::Deserialize)]
    struct Baseline {
        margin_percent: f64,
        instructions: BTreeMap<String, u64>,
    }
    let Baseline { margin_percent, instructions } = toml::from_str(text).context(BASELINE)?;
    Ok((margin_percent, instructions))
}

/// By how much a count is above the baseline, in percent.
#[allow(clippy::cast_precision_loss)] // Counts are far below 2⁵³.
fn growth(baseline: u64, count: u64) -> f64 {
    (count as f64 - baseline as f64) * 100.0 / baseline as f64
}

/// What is beyond the margin, new or gone.
fn slips(
    baseline: &BTreeMap<String, u64>,
    counts: &BTreeMap<String, u64>,
    margin: f64,
) -> Vec<String> {
    let mut slips = Vec::new();
    for (bench, count) in counts {
        match baseline.get(bench) {
            None => slips.push(format!("  {bench} has no baseline")),
            Some(before) if growth(*before, *count) > margin => slips.push(format!(
                "  {bench} takes {:.1} % more: {count} instructions, not {before} (margin {margin} %)",
                growth(*before, *count)
            )),
            Some(_) => {}
        }
    }
    let gone = baseline.keys().filter(|bench| !counts.contains_key(*bench));
    slips.extend(gone.map(|bench| format!("  {bench} is no longer counted")));
    slips
}

#[allow(clippy::cast_precision_loss)] // Shown with commas; far below 2⁵³.
fn table(baseline: &BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) -> Table {
    let mut table = Table::new(["", "instructions", "baseline", "growth"]);
    for (bench, count) in counts {
        let before = baseline.get(bench);
        table.row([
            bench.clone(),
            number(*count as f64),
            before.map_or("–".to_owned(), |before| number(*before as f64)),
            before.map_or("–".to_owned(), |before| format!("{:+.2} %", growth(*before, *count))),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(all: &[(&str, u64)]) -> BTreeMap<String, u64> {
        all.iter().map(|(bench, count)| ((*bench).to_owned(), *count)).collect()
    }

    #[test]
    fn only_what_is_beyond_the_margin_is_told() {
        let baseline = counts(&[("a", 1_000), ("b", 1_000), ("c", 1_000), ("gone", 1)]);
        let now = counts(&[("a", 1_030), ("b", 1_031), ("c", 10), ("new", 1)]);
        let slips = slips(&baseline, &now, 3.0);
        assert_eq!(slips.len(), 3, "{slips:?}");
        assert!(slips[0].contains("b takes 3.1 % more: 1031 instructions, not 1000"));
        assert!(slips[1].contains("new has no baseline"));
        assert!(slips[2].contains("gone is no longer counted"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all = counts(&[("decode-ndjson", 123_456), ("within", 7)]);
        let (margin, read) = read(&written(&all)).expect("it is TOML");
        assert_eq!((margin, read), (MARGIN_PERCENT, all));
    }

    #[test]
    fn the_total_of_a_profile_is_found() {
        assert_eq!(total("events: Ir\nfn=(1) counted\n1 5\n\ntotals: 4711\n"), Some(4711));
        assert_eq!(total("totals: 0\n"), None, "nothing matched the name");
        assert_eq!(total(""), None);
    }
}
