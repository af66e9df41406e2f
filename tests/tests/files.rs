//! Files that threads read: as one thread would, and without waiting for what is not there yet.

use std::fs::File;
use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;

use logbraid_core::encode::{Batch, append_output};
use logbraid_core::engine::{Correlator, CorrelatorOptions};
use logbraid_core::id::SourceId;
use logbraid_core::plan::Plan;
use logbraid_core::query::{PlanOptions, check};
use logbraid_threads::Threads;

const QUERY: &str = r#"
    file({service="frontend"})[5m] and on(request_id) within(1s) file({service="backend"})[5m]
"#;

/// How long a test waits for what has to come at once.
const PATIENCE: Duration = Duration::from_secs(10);

fn plan() -> Plan {
    check(QUERY, &PlanOptions::default()).plan.expect("the query is sound")
}

fn line(at: usize, service: &str, request: usize, message: &str) -> String {
    let (second, milli) = (at / 1_000, at % 1_000);
    let time = format!("2026-01-01T00:{:02}:{:02}.{milli:03}Z", second / 60, second % 60);
    format!(
        r#"{{"time":"{time}","service":"{service}","request_id":"{request}","message":"{message}"}}"#
    )
}

/// Some megabytes: two services, lines of any length, among them such as cannot be read.
fn log() -> String {
    let mut log = String::new();
    for at in 0..30_000_usize {
        let service = if at % 3 == 0 { "backend" } else { "frontend" };
        let length = match at {
            7_000 => 2_000_000,
            14_000 => 300_000,
            _ => at * 7_919 % 300,
        };
        log.push_str(&line(at, service, at / 4, &"x".repeat(length)));
        log.push_str(if at % 1_000 == 500 { "}\r\n" } else { "\n" });
    }
    log.push_str(&line(30_000, "backend", 1, "without an end"));
    log
}

/// The records of correlations.
fn correlations(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (record, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        if record[0] == 1 {
            all.push(record);
        }
        bytes = rest;
    }
    all
}

fn on_one_thread(log: &str) -> Vec<u8> {
    let mut engine = Correlator::new(plan(), CorrelatorOptions::default()).expect("options");
    let mut told = Vec::new();
    let mut drain = |engine: &mut Correlator| {
        loop {
            let mut batch = Batch::default();
            engine.drain(usize::MAX, &mut batch);
            if batch.finish().is_empty() {
                break;
            }
            told.extend_from_slice(batch.finish());
        }
    };
    for block in log.as_bytes().chunks(100_000) {
        engine.push(SourceId::new(0), block);
        drain(&mut engine);
    }
    engine.close(SourceId::new(0));
    drain(&mut engine);
    assert!(engine.has_ended());
    told
}

#[test]
fn a_file_comes_out_as_on_one_thread() {
    let log = log();
    let path = std::env::temp_dir().join(format!("logbraid-files-{}.ndjson", std::process::id()));
    std::fs::write(&path, &log).expect("a file for a while");
    let expected = on_one_thread(&log);
    let expected = correlations(&expected);
    assert!(expected.len() > 5_000, "only {} correlations", expected.len());
    for threads in [2, 3, 8] {
        let options = CorrelatorOptions::default();
        let mut query =
            Threads::start(plan(), &options, threads, append_output, || ()).expect("options");
        query.attach(SourceId::new(0), "log".into(), File::open(&path).expect("it is there"));
        let mut told = Vec::new();
        let mut has_ended = false;
        while !has_ended {
            query.grant(1 << 20);
            query.wait();
            has_ended = query.has_ended();
            told.extend(query.drain(usize::MAX).expect("the query goes on"));
        }
        assert!(correlations(&told) == expected, "{threads} threads tell something else");
        let counted = query.metrics().sources[0].clone();
        assert_eq!((counted.bytes, counted.bad_lines), (log.len() as u64, 31), "{threads} threads");
    }
    std::fs::remove_file(path).expect("it is there");
}

/// A thread that waits for a file to go on has told what it found before.
#[cfg(unix)]
#[test]
fn what_was_found_does_not_wait_for_the_file_to_go_on() {
    // With a limit there is one engine.
    for (threads, limit) in [(2, None), (2, Some(1_000_000)), (3, None), (3, Some(1_000_000))] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let (wake, woken) = mpsc::channel();
        let wake = move || _ = wake.send(());
        let options = CorrelatorOptions { limit, ..CorrelatorOptions::default() };
        let mut query =
            Threads::start(plan(), &options, threads, append_output, wake).expect("options");
        let file = File::from(std::os::fd::OwnedFd::from(reader));
        query.attach(SourceId::new(0), "pipe".into(), file);
        query.grant(usize::MAX);
        // Dropped before the query, whose thread reads what it writes.
        let mut writer = writer;
        // So many lines that it is known what is in them.
        for at in 0..1_000 {
            writeln!(writer, "{}", line(at, "other", at, "")).expect("somebody reads");
        }
        for request in 1..50 {
            let at = request * 60_000;
            let lines = [line(at, "frontend", request, ""), line(at + 1, "backend", request, "")];
            // A later event closes it.
            let last = line(at + 50_000, "other", request, "");
            writeln!(writer, "{}\n{}\n{last}", lines[0], lines[1]).expect("somebody reads");
            let mut found = 0;
            while found == 0 {
                woken.recv_timeout(PATIENCE).expect("the host is woken");
                found += correlations(&query.drain(usize::MAX).expect("it goes on")).len();
            }
            assert_eq!(found, 1);
        }
        drop(writer);
        while !query.has_ended() {
            query.wait();
        }
    }
}
