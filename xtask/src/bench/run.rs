//! One run of one engine, as a process of its own.

use std::fs::{self, File};
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, anyhow};
use serde_json::Value;
use wait4::Wait4;

use super::peers::folder;

/// What a process has answered and what it took.
#[derive(Clone, Debug)]
pub struct Run {
    /// Correlations, and the events in them.
    pub answer: (u64, u64),
    /// By its own clock: from opening the file to the answer, without starting up.
    pub ms: f64,
    /// From starting the process to its end.
    pub process_ms: f64,
    /// Processor time of the process.
    pub cpu_ms: f64,
    /// Most memory that was resident.
    pub peak_bytes: u64,
    /// Of the engine, where it tells.
    pub version: Option<String>,
}

/// Runs a command that prints an answer as its last line.
pub fn run(command: &mut Command) -> anyhow::Result<Run> {
    let line = crate::process::line(command);
    let errors = folder().join("stderr.txt");
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(File::create(&errors).with_context(|| errors.display().to_string())?)
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let mut printed = String::new();
    let mut stdout = child.stdout.take().expect("it has just been piped");
    stdout.read_to_string(&mut printed).with_context(|| format!("`{line}` printed no UTF-8"))?;
    let ended = child.wait4()?;
    let process_ms = start.elapsed().as_secs_f64() * 1e3;
    if !ended.status.success() {
        let told = fs::read_to_string(&errors).unwrap_or_default();
        let failed = format!("`{line}` failed ({})", ended.status);
        return Err(anyhow!(reason(&told).to_owned()).context(failed));
    }
    let last = printed.lines().next_back().unwrap_or_default();
    let told: Value = serde_json::from_str(last)
        .with_context(|| format!("`{line}` printed no answer, but {last:?}"))?;
    let number = |name: &str| {
        told[name].as_u64().with_context(|| format!("`{line}` printed no {name}: {last}"))
    };
    let ms = told["ms"].as_f64().with_context(|| format!("`{line}` printed no ms: {last}"))?;
    Ok(Run {
        answer: (number("correlations")?, number("events")?),
        ms,
        process_ms,
        cpu_ms: (ended.rusage.utime + ended.rusage.stime).as_secs_f64() * 1e3,
        peak_bytes: ended.rusage.maxrss,
        version: told["version"].as_str().map(str::to_owned),
    })
}

/// What a program gives as the reason of its failure: Rust says it first, the others last.
fn reason(told: &str) -> &str {
    let mut lines = told.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.clone().next_back().unwrap_or("it does not say why");
    lines.find_map(|line| line.strip_prefix("Error: ")).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found() {
        let rust = "Error: no such file\n\nStack backtrace:\n  0: main\n";
        assert_eq!(reason(rust), "no such file");
        let python = "Traceback (most recent call last):\n  File x\nValueError: no\n\n";
        assert_eq!(reason(python), "ValueError: no");
        assert_eq!(reason(""), "it does not say why");
    }
}
