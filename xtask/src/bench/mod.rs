//! `cargo xtask bench`: the benches, and what is measured beside them.
//!
//! Wall-clock times are told, never judged: only counts of instructions can fail a build.

mod compare;
mod peers;
mod report;
mod run;
mod table;

use clap::{Args, Subcommand};

use crate::process::{self, cargo};

/// What `cargo xtask bench` takes.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
    #[command(subcommand)]
    what: Option<What>,
    /// Passed on to `cargo bench`, such as a filter
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[derive(Subcommand)]
enum What {
    /// Compare with other engines: same questions, same file, same run, answers checked equal
    Compare(compare::Compare),
}

/// Runs it.
pub fn bench(bench: Bench) -> anyhow::Result<()> {
    match bench.what {
        Some(What::Compare(compare)) => compare::compare(&compare),
        None => process::run(
            cargo()
                .args(["bench", "--package", "logbraid-benches", "--benches", "--"])
                .args(bench.arguments),
        ),
    }
}

/// Holds the answers to those of another engine, on a small file: the part of the comparison that must
/// pass.
pub fn check() -> anyhow::Result<()> {
    compare::compare(&compare::Compare::small())
}
