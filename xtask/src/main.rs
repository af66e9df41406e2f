//! The developer commands. Each does its own set-up, can be repeated, and costs seconds when there
//! is nothing to do: cargo, npm and tsc each know what is out of date, and are asked every time.

mod bench;
mod fuzz;
mod node;
mod process;
mod version;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use process::{cargo, run};

/// The developer commands of Logbraid.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the native addon, the WebAssembly module and the TypeScript packages
    Build,
    /// Build the WebAssembly module alone, and say how large it is
    Wasm,
    /// Build, then answer the nine questions of examples/shop with the logbraid command
    Demo {
        /// Serve the page of examples/browser to this machine instead, until Ctrl-C
        #[arg(long)]
        browser: bool,
    },
    /// Run everything that must pass: lint, the Rust tests, the TypeScript tests
    Test,
    /// Run the benchmarks, or compare with other engines
    Bench(bench::Bench),
    /// Build, then write anew what the examples of docs/language.md print
    Docs,
    /// Build, then measure the figures of docs/performance.md and docs/electron.md anew; nothing else should run meanwhile
    Figures {
        /// Only those of commands that contain this text
        only: Option<String>,
    },
    /// Build, then push events at a high rate for minutes, and fail where memory grows
    Soak(bench::Soak),
    /// Check formatting, lints and types, of Rust and of TypeScript, without changing a file
    Lint,
    /// Format all Rust and TypeScript sources
    Fmt,
    /// Say the version, which is the same everywhere; or write another
    Version(version::Arguments),
    /// Run the fuzz targets of tests/fuzz, one after the other, on stable Rust
    Fuzz {
        /// Seconds for each target
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Only these targets; all when none is given
        targets: Vec<String>,
    },
    /// Hold the engine to the naive model of its semantics, on random operations
    Model {
        /// Random operations to run
        #[arg(long, default_value_t = 1_000_000)]
        ops: u64,
    },
}

fn main() -> ExitCode {
    match run_command(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_command(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Build => node::build(),
        Command::Wasm => {
            node::install()?;
            wasm::build()
        }
        Command::Demo { browser } => {
            node::build()?;
            let demo =
                if browser { "examples/browser/serve.mjs" } else { "examples/shop/demo.mjs" };
            run(process::command("node").arg(demo))
        }
        Command::Test => test(),
        Command::Bench(arguments) => bench::bench(arguments),
        Command::Docs => {
            node::build()?;
            run(process::command("node")
                .arg("--test")
                .args(
                    ["language", "sources"]
                        .map(|page| format!("npm/packages/logbraid/dist/test/{page}.test.js")),
                )
                .env("LOGBRAID_UPDATE_DOCS", "1"))
        }
        Command::Figures { only } => {
            node::build()?;
            run(process::command("node").arg("benches/node/figures.mjs").args(only))
        }
        Command::Soak(arguments) => bench::soak(&arguments),
        Command::Lint => lint(),
        Command::Fmt => {
            run(cargo().args(["fmt", "--all"]))?;
            node::install()?;
            node::npm_script("fmt")
        }
        Command::Version(arguments) => version::run_command(&arguments),
        Command::Fuzz { seconds, targets } => fuzz::fuzz(seconds, &targets),
        Command::Model { ops } => run(cargo()
            .args(["test", "--package", "logbraid-tests", "--release"])
            .args(["--test", "model", "--test", "stages", "--test", "bounds"])
            .env("LOGBRAID_MODEL_OPS", ops.to_string())),
    }
}

/// Quick checks first, so that a slip is told in seconds.
fn test() -> anyhow::Result<()> {
    lint()?;
    run(cargo().args(["test", "--workspace", "--quiet"]))?;
    bench::check()?;
    node::build()?;
    // The cases that the model is held to, for the other backends.
    let cases = process::root().join("target/random-cases.toml");
    // Built with the tests; for itself, cargo would build half of what it needs anew, with other features.
    run(process::command(process::root().join("target/debug/examples/random_cases")).arg(&cases))?;
    node::test(&cases)
}

fn lint() -> anyhow::Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))?;
    version::check(&process::root())?;
    node::install()?;
    node::npm_script("lint")?;
    fuzz::ensure_compiler()?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    run(cargo().args(clippy))
}
