//! Answers a query over files, as a process of its own, and tells what it took: what the comparison
//! with other engines runs.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use logbraid_benches::BLOCK;
use logbraid_benches::answer::{self, Reading};
use logbraid_benches::workload::Answer;

/// What it takes.
#[derive(Args)]
pub struct Arguments {
    /// The query; none to only count the lines of the first file
    #[arg(long)]
    query: Option<String>,
    /// Threads to decode and join with
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Read the file whole before the clock starts; only where there is no query
    #[arg(long, conflicts_with = "query")]
    in_memory: bool,
    /// The sources of the query, in the order in which it names them
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Prints correlations, the events in them, and milliseconds.
pub fn answer(arguments: &Arguments) -> anyhow::Result<()> {
    let (answer, took) = match &arguments.query {
        Some(query) if arguments.threads > 1 => {
            let start = Instant::now();
            (answer::answer_on(arguments.threads, query, &arguments.files)?, start.elapsed())
        }
        Some(query) => {
            let start = Instant::now();
            let files = arguments.files.iter().map(|path| {
                let file = File::open(path).with_context(|| path.display().to_string())?;
                Ok(Reading::new(file, BLOCK))
            });
            let mut files = files.collect::<anyhow::Result<Vec<_>>>()?;
            (answer::answer(query, &mut files)?, start.elapsed())
        }
        None => scan(arguments)?,
    };
    writeln!(
        std::io::stdout(),
        r#"{{"correlations":{},"events":{},"ms":{:.3}}}"#,
        answer.correlations,
        answer.events,
        took.as_secs_f64() * 1e3
    )?;
    Ok(())
}

/// Counts the lines, which stand for events: the least that anything could do.
fn scan(arguments: &Arguments) -> anyhow::Result<(Answer, Duration)> {
    let path = &arguments.files[0];
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    let mut whole = Vec::new();
    if arguments.in_memory {
        file.read_to_end(&mut whole)?;
    }
    let start = Instant::now();
    let mut lines = count(&whole);
    if !arguments.in_memory {
        let mut block = vec![0; BLOCK];
        loop {
            let length = file.read(&mut block)?;
            if length == 0 {
                break;
            }
            lines += count(&block[..length]);
        }
    }
    Ok((Answer { correlations: 0, events: lines }, start.elapsed()))
}

fn count(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).map(std::hint::black_box).count() as u64
}
