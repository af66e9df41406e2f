//! What is run as a process of its own: one program, since each costs a link of its own.

mod answer;
mod generate;
mod instructions;
mod live;

use clap::{Parser, Subcommand};

/// The programs behind `cargo xtask bench`
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Write the logs of requests over two services, frontend and backend, that share a key
    Generate(generate::Generate),
    /// Answer a query and print correlations, the events in them, and milliseconds, as JSON
    Answer(answer::Arguments),
    /// Print what an event costs, for each number of live events
    Live(live::Arguments),
    /// Run one of the benches whose instructions are counted, or list them
    Instructions(instructions::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().what {
        What::Generate(arguments) => Ok(generate::generate(arguments)?),
        What::Answer(arguments) => answer::answer(&arguments),
        What::Live(arguments) => live::live(arguments),
        What::Instructions(arguments) => instructions::instructions(arguments),
    }
}
