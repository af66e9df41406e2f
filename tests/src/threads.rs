//! One case on one thread and on several: what they tell has to be the same, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use logbraid_core::columns::ColumnNames;
use logbraid_core::encode::{Batch, append_output};
use logbraid_core::engine::Correlator;
use logbraid_core::id::SourceId;
use logbraid_core::metrics::Metrics;
use logbraid_core::time::Timestamp;
use logbraid_threads::Threads;

use crate::case::{Case, Step};
use crate::columns::Columns;
use crate::run::{Delivery, prepared, source_names};
use crate::script::{self, BASE, ScriptEvent};

/// Results asked for at once.
const MANY: usize = 1_000_000;

/// A query on one thread or on several.
enum Query {
    One(Box<Correlator>),
    Several(Box<Threads>),
}

/// What came of a step.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// Records of correlations.
    correlations: Vec<Vec<u8>>,
    /// Notices and the end, in no order: which sources may be read depends on how fast things are.
    notices: Vec<String>,
    /// Events that notices are about.
    counts: BTreeMap<String, u64>,
    released: BTreeSet<u64>,
    has_ended: bool,
}

impl Query {
    fn push(&mut self, source: SourceId, bytes: &[u8]) {
        match self {
            Self::One(engine) => engine.push(source, bytes),
            Self::Several(threads) => threads.push(source, bytes),
        }
    }

    fn push_events(&mut self, source: SourceId, columns: &Columns) -> Result<(), String> {
        match self {
            Self::One(engine) => {
                engine.push_events(source, &columns.view()).map_err(|error| error.to_string())?;
            }
            Self::Several(threads) => threads.push_events(source, &columns.view()),
        }
        Ok(())
    }

    fn flush(&mut self, source: SourceId) {
        match self {
            Self::One(engine) => engine.flush(source),
            Self::Several(threads) => threads.flush(source),
        }
    }

    fn set_away(&mut self, source: SourceId, away: bool) {
        match self {
            Self::One(engine) => engine.set_away(source, away),
            Self::Several(threads) => threads.set_away(source, away),
        }
    }

    fn set_max_memory(&mut self, bytes: usize) -> Result<(), String> {
        let set = match self {
            Self::One(engine) => engine.set_max_memory(bytes),
            Self::Several(threads) => threads.set_max_memory(bytes),
        };
        set.map_err(|error| error.to_string())
    }

    fn advance(&mut self, now: Timestamp) {
        match self {
            Self::One(engine) => engine.advance(now),
            Self::Several(threads) => threads.advance(now),
        }
    }

    fn close(&mut self, source: SourceId) {
        match self {
            Self::One(engine) => engine.close(source),
            Self::Several(threads) => threads.close(source),
        }
    }

    fn metrics(&self) -> Metrics {
        match self {
            Self::One(engine) => engine.metrics(),
            Self::Several(threads) => threads.metrics(),
        }
    }

    fn drain(&mut self) -> Result<Told, String> {
        let mut bytes = Vec::new();
        match self {
            Self::One(engine) => {
                let mut batch = Batch::default();
                engine.drain(MANY, &mut batch);
                bytes = batch.finish().to_vec();
            }
            Self::Several(threads) => loop {
                let mut drain = |max| threads.drain(max).map_err(|failure| failure.message);
                let mut more = drain(MANY)?;
                threads.settle();
                let mut drain = |max| threads.drain(max).map_err(|failure| failure.message);
                more.extend(drain(0)?);
                if more.is_empty() {
                    break;
                }
                bytes.extend(more);
            },
        }
        told(&bytes)
    }
}

fn told(mut bytes: &[u8]) -> Result<Told, String> {
    let mut told = Told::default();
    let mut released = BTreeSet::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (record, rest) = rest
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or("a record is cut off")?;
        bytes = rest;
        if record[0] == 1 {
            if let Some(handle) = handles(record).into_iter().find(|one| released.contains(one)) {
                return Err(format!("{handle} was released before the correlation that has it"));
            }
            told.correlations.push(record.to_vec());
            continue;
        }
        if record[0] == 3 {
            for id in record[1..].as_chunks().0.iter().map(|id| u64::from(u32::from_le_bytes(*id)))
            {
                released.insert(id);
                if !told.released.insert(id) {
                    return Err(format!("{id} was released twice"));
                }
            }
            continue;
        }
        let text = String::from_utf8_lossy(&record[1..]).into_owned();
        let notice: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        told.has_ended |= matches!(notice["type"].as_str(), Some("end" | "error"));
        match notice["type"].as_str() {
            Some("pause" | "resume" | "memoryWarning") => {}
            // How much is held is not told to the byte: several engines reserve differently.
            Some("error") => told.notices.push(notice["code"].to_string()),
            // Each engine tells of its own.
            Some(kind @ ("lateEvent" | "eventDropped")) => {
                let of = format!("{kind} {} {}", notice["source"], notice["reason"]);
                *told.counts.entry(of).or_insert(0) += notice["count"].as_u64().unwrap_or(0);
            }
            _ => told.notices.push(text),
        }
    }
    told.notices.sort();
    // What is closed early has no place in the order.
    let is_early = |record: &Vec<u8>| record[1] & TRUNCATED != 0;
    if told.correlations.iter().any(is_early) {
        told.correlations.sort();
    }
    Ok(told)
}

/// The flag of a correlation that was closed early.
const TRUNCATED: u8 = 2;

/// The events of the host in a record.
fn handles(record: &[u8]) -> Vec<u64> {
    let word = |at: usize| {
        let bytes = record[at..at + 4].try_into().expect("four bytes");
        u32::from_le_bytes(bytes)
    };
    // After the kind, the flags, the revision and the id.
    let events = 1 + 1 + 4 + 16;
    let (mut handles, mut at) = (Vec::new(), events + 4);
    for _ in 0..word(events) {
        let (is_hosted, value) = (record[at + 2] == 1, word(at + 11));
        at += 15;
        if is_hosted {
            handles.push(u64::from(value));
        } else {
            at += value as usize;
        }
    }
    handles
}

/// Whether a case comes out the same on so many threads, step by step, whether the calling thread does
/// small amounts itself or not. Returns whether several engines have shared it.
///
/// # Errors
/// Says what differs.
pub fn agree(case: &Case, delivery: Delivery, threads: usize) -> Result<bool, String> {
    agree_with(case, delivery, threads, false)
        .map_err(|difference| format!("left to threads: {difference}"))?;
    agree_with(case, delivery, threads, true)
        .map_err(|difference| format!("with the caller: {difference}"))
}

fn agree_with(
    case: &Case,
    delivery: Delivery,
    threads: usize,
    caller_takes_part: bool,
) -> Result<bool, String> {
    let (plan, options) = prepared(case)?;
    let sources = source_names(&plan);
    let several = Threads::start(plan.clone(), &options, threads, append_output, || ());
    let one = Correlator::new(plan, options).map_err(|error| error.to_string())?;
    let columns: Vec<_> =
        (0..sources.len()).map(|at| one.columns(SourceId::new(at)).clone()).collect();
    let mut several = several.map_err(|error| error.to_string())?;
    if !caller_takes_part {
        several.leave_to_threads();
    }
    let is_shared = several.engines() > 1;
    let mut queries = [Query::One(Box::new(one)), Query::Several(Box::new(several))];
    let mut hosted = [0, 0];
    let mut has_ended_early = false;
    let mut released = [BTreeSet::new(), BTreeSet::new()];
    let mut is_open = vec![true; sources.len()];
    for (at, step) in case.steps.iter().enumerate() {
        let mut both = Vec::new();
        for (query, hosted) in queries.iter_mut().zip(&mut hosted) {
            let mut is_open = is_open.clone();
            act(query, step, &sources, &columns, delivery, hosted, &mut is_open)?;
            let mut told = query.drain()?;
            // When exactly the engine lets go of what is in no result is its own affair.
            for handle in std::mem::take(&mut told.released) {
                if !released[both.len()].insert(handle) {
                    return Err(format!("{handle} was released twice"));
                }
            }
            both.push(told);
        }
        if let Some(name) = &step.close {
            let named = |source: &String| name == "*" || name == source;
            is_open
                .iter_mut()
                .zip(&sources)
                .filter(|(_, source)| named(source))
                .for_each(|(is_open, _)| *is_open = false);
        }
        has_ended_early |= is_open.contains(&true) && both[0].has_ended;
        if both[0] != both[1] {
            let both: Vec<_> = both.iter().map(shown).collect();
            let (one, several) = (&both[0], &both[1]);
            return Err(format!("after step {}: {step}\none: {one}\nseveral: {several}", at + 1));
        }
    }
    // What is ignored, since the query has ended, counts or not.
    if has_ended_early || case.limit.is_some() || case.end.is_some() {
        return Ok(is_shared);
    }
    if released[0] != released[1] {
        return Err(format!("released {released:?}"));
    }
    let [one, several] = queries.map(|query| counted(&query.metrics()));
    if one == several {
        Ok(is_shared)
    } else {
        Err(format!("counted\none: {one}\nseveral: {several}"))
    }
}

fn shown(told: &Told) -> String {
    let text = |record: &Vec<u8>| String::from_utf8_lossy(record).into_owned();
    let correlations: Vec<_> = told.correlations.iter().map(text).collect();
    format!("{correlations:#?}\n{:#?}\n{:?}", told.notices, told.counts)
}

/// What does not depend on how much is held at once.
fn counted(metrics: &Metrics) -> String {
    let Metrics { sources, selected, unkeyed, late, late_matched, correlations, .. } = metrics;
    format!(
        "{sources:?} {selected} {unkeyed} {late} {late_matched} {correlations} {} {:?}",
        metrics.held_events, metrics.watermark
    )
}

fn act(
    query: &mut Query,
    step: &Step,
    sources: &[String],
    columns: &[ColumnNames],
    delivery: Delivery,
    hosted: &mut usize,
    is_open: &mut [bool],
) -> Result<(), String> {
    let find = |name: &String| {
        let at = sources.iter().position(|source| source == name);
        at.map(SourceId::new).ok_or_else(|| format!("the query has no source `{name}`"))
    };
    let size = match delivery {
        Delivery::Bytes(size) => size.max(1),
        Delivery::Host => usize::MAX,
    };
    if let Some(name) = &step.push {
        let source = find(name)?;
        if let Some(events) = &step.events {
            let events = script::events(events)?;
            if delivery == Delivery::Host {
                let batch = Columns::of(&events, &columns[source.index()], *hosted);
                *hosted += events.len();
                query.push_events(source, &batch)?;
            } else {
                let lines: String =
                    events.iter().map(|event: &ScriptEvent| event.line() + "\n").collect();
                lines.as_bytes().chunks(size).for_each(|piece| query.push(source, piece));
            }
        }
        let hex = step.hex.as_deref().map(script::bytes_of).transpose()?;
        let bytes = step.bytes.as_deref().map(str::as_bytes).or(hex.as_deref());
        for piece in bytes.unwrap_or_default().chunks(size) {
            query.push(source, piece);
        }
    }
    if let Some(name) = &step.flush {
        query.flush(find(name)?);
    }
    for (name, away) in step.moves() {
        query.set_away(find(name)?, away);
    }
    if let Some(bytes) = step.max_memory {
        query.set_max_memory(bytes)?;
    }
    if let Some(time) = &step.advance {
        query.advance(Timestamp::from_nanos(BASE + script::instant(time)?));
    }
    if let Some(name) = &step.close {
        for at in 0..sources.len() {
            if is_open[at] && (name == "*" || *name == sources[at]) {
                is_open[at] = false;
                query.close(SourceId::new(at));
            }
        }
    }
    Ok(())
}
