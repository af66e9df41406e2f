//! What an event costs against how many are live: one line of JSON for each number of live events.

use std::io::Write;

use clap::Args;
use logbraid_benches::live::Live;

/// What it takes.
#[derive(Args)]
pub struct Arguments {
    /// Numbers of live events
    #[arg(required = true, value_parser = clap::value_parser!(u64).range(1_000..))]
    live: Vec<u64>,
    /// The query of two sources, `W` for the bounds
    #[arg(long, default_value = "a({})[5m] and on(k) within(W) b({})[5m]")]
    query: String,
    /// Events to measure
    #[arg(long, default_value_t = 1_000_000)]
    events: usize,
    /// 34 events a key in place of 3.4
    #[arg(long)]
    dense: bool,
    /// Up to 5 s out of order
    #[arg(long)]
    disordered: bool,
}

/// Measures and prints.
pub fn live(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { live, query, events, dense, disordered } = arguments;
    for events_live in live {
        let mut steady = Live { events: events_live, dense, disordered }.engine(&query)?;
        let growing = steady.longest;
        let took = steady.push(events)?;
        let metrics = steady.engine.metrics();
        #[allow(clippy::cast_precision_loss)] // Figures for people.
        writeln!(
            std::io::stdout(),
            r#"{{"live":{events_live},"held":{},"ns":{:.1},"bytes":{:.1},"longest_ms":{:.3}}}"#,
            metrics.held_events,
            took.as_nanos() as f64 / events as f64,
            metrics.memory as f64 / metrics.held_events as f64,
            growing.as_secs_f64() * 1e3,
        )?;
    }
    Ok(())
}
