//! `cargo xtask bench`: the benches, and what is measured beside them.
//!
//! Wall-clock times are told, never judged: only counts of instructions can fail a build.

mod boundary;
mod compare;
mod instructions;
mod live;
mod peers;
mod report;
mod run;
mod soak;
mod table;

use clap::{Args, Subcommand};

pub use soak::{Soak, soak};

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
    /// Measure what crossing between Node.js and the engine costs, beside `JSON.parse`
    Node(boundary::Boundary),
    /// Measure what an event costs against how many events are live
    Live(live::Live),
    /// Count the instructions of the main parts, and hold them to benches/instructions.toml
    Instructions(instructions::Instructions),
}

/// Runs it.
pub fn bench(bench: Bench) -> anyhow::Result<()> {
    match bench.what {
        Some(What::Compare(compare)) => compare::compare(&compare),
        Some(What::Node(boundary)) => boundary::boundary(&boundary),
        Some(What::Live(live)) => live::live(&live),
        Some(What::Instructions(instructions)) => instructions::instructions(&instructions),
        None => process::run(
            cargo()
                .args(["bench", "--package", "logbraid-benches", "--benches", "--"])
                .args(bench.arguments),
        ),
    }
}

/// What must pass: the answers are those of another engine, on a small file, and nothing takes more
/// instructions than it did.
pub fn check() -> anyhow::Result<()> {
    compare::compare(&compare::Compare::small())?;
    soak(&Soak::short())?;
    instructions::instructions(&instructions::Instructions::default())
}
