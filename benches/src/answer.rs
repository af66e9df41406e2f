//! Asks the engine a query about bytes, block by block, as it allows.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use anyhow::Context;
use logbraid_core::engine::{Correlator, CorrelatorOptions, Output};
use logbraid_core::id::SourceId;
use logbraid_core::limits;
use logbraid_core::plan::Plan;
use logbraid_core::query::{PlanOptions, check};
use logbraid_threads::Threads;

use crate::workload::Answer;

/// Bytes of a source, block by block.
pub trait Blocks {
    /// The next block; empty at the end.
    ///
    /// # Errors
    /// Those of reading it.
    fn next(&mut self) -> io::Result<&[u8]>;
}

/// Blocks of bytes in memory, which are not copied.
#[derive(Debug)]
pub struct Slice<'a> {
    /// What is left.
    pub rest: &'a [u8],
    /// Bytes of a block.
    pub block: usize,
}

impl Blocks for Slice<'_> {
    fn next(&mut self) -> io::Result<&[u8]> {
        let (now, later) = self.rest.split_at(self.rest.len().min(self.block));
        self.rest = later;
        Ok(now)
    }
}

/// Blocks of what is read, such as a file.
#[derive(Debug)]
pub struct Reading<R> {
    from: R,
    block: Vec<u8>,
}

impl<R: Read> Reading<R> {
    /// Reads `block` bytes at a time.
    pub fn new(from: R, block: usize) -> Self {
        Self { from, block: vec![0; block] }
    }
}

impl<R: Read> Blocks for Reading<R> {
    fn next(&mut self) -> io::Result<&[u8]> {
        let length = self.from.read(&mut self.block)?;
        Ok(&self.block[..length])
    }
}

/// The plan of a query.
///
/// # Errors
/// What is wrong with it.
pub fn plan(query: &str) -> anyhow::Result<Plan> {
    let checked = check(query, &PlanOptions::default());
    let wrong = || anyhow::anyhow!("{}: {:?}", query, checked.diagnostics);
    checked.plan.ok_or_else(wrong)
}

/// The options of a bench: the defaults, with room for anything and a fixed seed of the hashing, so that
/// runs can be compared.
pub fn options() -> CorrelatorOptions {
    CorrelatorOptions {
        max_memory: limits::MAX_MEMORY_BYTES,
        max_events_per_correlation: usize::MAX,
        ..CorrelatorOptions::default()
    }
}

/// Answers `query` over its sources, in the order in which it names them.
///
/// # Errors
/// A query that is not sound, a source that cannot be read, a query that ends with an error.
pub fn answer(query: &str, sources: &mut [impl Blocks]) -> anyhow::Result<Answer> {
    let mut engine = Correlator::new(plan(query)?, options()).context("options")?;
    let mut answer = Answer::default();
    let mut open = vec![true; sources.len()];
    while open.contains(&true) {
        for (at, blocks) in sources.iter_mut().enumerate() {
            let source = SourceId::new(at);
            if !open[at] || engine.is_paused(source) {
                continue;
            }
            let block = blocks.next()?;
            if block.is_empty() {
                engine.close(source);
                open[at] = false;
            } else {
                engine.push(source, block);
            }
            take(&mut engine, &mut answer)?;
        }
    }
    Ok(answer)
}

/// Bytes of files that the threads may read before they are asked again.
const GRANT: usize = 64 << 20;

/// Answers `query` over files on so many threads, from 2.
///
/// # Errors
/// As [`answer`].
pub fn answer_on(threads: usize, query: &str, files: &[PathBuf]) -> anyhow::Result<Answer> {
    let mut engine = Threads::start(plan(query)?, &options(), threads, count, || ())?;
    for (at, path) in files.iter().enumerate() {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        engine.attach(SourceId::new(at), path.display().to_string(), file);
    }
    let mut answer = Answer::default();
    let mut has_ended = false;
    while !has_ended {
        engine.grant(GRANT);
        engine.wait();
        has_ended = engine.has_ended();
        for count in engine.drain(usize::MAX)?.as_chunks::<8>().0 {
            answer.correlations += 1;
            answer.events += u64::from_le_bytes(*count);
        }
    }
    Ok(answer)
}

/// Of outputs only how many events a correlation has, since nobody looks at more.
fn count(bytes: &mut Vec<u8>, output: &Output<'_>) {
    if let Output::Correlation(correlation) = output {
        bytes.extend_from_slice(&(correlation.events().count() as u64).to_le_bytes());
    }
}

/// Counts what the engine has to say.
///
/// # Errors
/// The one that the query ends with.
pub fn take(engine: &mut Correlator, answer: &mut Answer) -> anyhow::Result<()> {
    while let Some(output) = engine.poll() {
        match output {
            Output::Correlation(correlation) => {
                answer.correlations += 1;
                answer.events += correlation.events().count() as u64;
            }
            Output::End(Some(error)) => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Answers `query` over bytes in memory, pushed in blocks of `block` bytes.
///
/// # Panics
/// On anything that [`answer`] takes for an error: a bench has none.
pub fn correlate(query: &str, sources: &[&[u8]], block: usize) -> Answer {
    let mut slices: Vec<_> = sources.iter().map(|rest| Slice { rest, block }).collect();
    answer(query, &mut slices).expect("a bench has no errors")
}
