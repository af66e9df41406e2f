//! Runs cases on the engine: one way to drive it, for the written cases and the random ones.

use std::collections::{BTreeMap, BTreeSet};

use logbraid_core::Emit;
use logbraid_core::correlation::{Correlation, Pairs};
use logbraid_core::decode::DecoderOptions;
use logbraid_core::encode::Batch;
use logbraid_core::engine::{
    Correlator, CorrelatorOptions, Dedupe, DropReason, Notice, Output, Payload, SourceOptions,
};
use logbraid_core::error::Error;
use logbraid_core::id::{CorrelationId, HostEvent, HostHandle, SourceId};
use logbraid_core::metrics::Metrics;
use logbraid_core::plan::Plan;
use logbraid_core::query::{self, Diagnostic, PlanOptions};
use logbraid_core::time::{Span, Timestamp};

use crate::case::{Case, CaseDedupe, Step};
use crate::columns::Columns;
use crate::script::{self, BASE, ScriptEvent};

/// How pushes reach the engine. No result may depend on it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// As bytes, cut into pieces of so many.
    Bytes(usize),
    /// As events that stay with the host.
    Host,
}

/// A correlation as it was delivered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivered {
    /// Its id.
    pub id: CorrelationId,
    /// Its revision.
    pub revision: u32,
    /// Whether it was final.
    pub is_final: bool,
    /// The ids it absorbed.
    pub replaces: Vec<CorrelationId>,
    /// Its events, as `a@4#x`.
    pub events: Vec<String>,
    /// Whether every stream has an event in it.
    pub is_complete: bool,
    /// The key of the first join, as `k=1,j=2`.
    pub join_key: String,
    /// Whether the stages keep it no longer.
    pub is_withdrawn: bool,
    /// Whether it was closed early.
    pub is_truncated: bool,
    /// The labels of the result, as `k=1 j=2`.
    pub labels: String,
    /// All keys, as `k=1 j=2`.
    pub join_keys: String,
}

/// All that came of one step.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Told {
    /// Correlations, in order.
    pub correlations: Vec<Delivered>,
    /// Notices, in order, as a case writes them.
    pub notices: Vec<String>,
    /// `pause a`, `resume a`.
    pub pace: Vec<String>,
    /// Whether the engine has said that nothing more will come.
    pub has_ended: bool,
    /// The error that the engine has ended with, as a case writes it.
    pub error: Option<String>,
}

/// A running case.
pub struct Driver {
    engine: Correlator,
    delivery: Delivery,
    sources: Vec<String>,
    is_open: Vec<bool>,
    /// Events that stay here, with the streams' view of them; by handle.
    hosted: Vec<ScriptEvent>,
    /// How far the clocks of the sources are ahead.
    skews: Vec<i64>,
    released: BTreeSet<u32>,
    has_ended: bool,
}

/// What the query language has to say about the query of a case.
pub fn diagnostics(case: &Case) -> Vec<Diagnostic> {
    query::check(&case.query, &plan_options(case)).diagnostics
}

/// How the query of a case is read.
pub fn plan_options(case: &Case) -> PlanOptions {
    let or_is_outer = case.join_type.as_deref() == Some("outer");
    let selecting_sources = case.selects.iter().cloned().collect();
    PlanOptions { or_is_outer, selecting_sources, ..PlanOptions::default() }
}

/// Whether a selector looks at the text of lines, which events that stay with the host lack.
pub fn reads_lines(plan: &Plan) -> bool {
    plan.streams.iter().any(|stream| stream.selector.contains('|'))
}

/// What a case calls the sources of a plan: by their names, or, where a source is read once for each of
/// its selectors, by the name of the stream.
pub fn source_names(plan: &Plan) -> Vec<String> {
    let is_alone = |name: &str| plan.sources.iter().filter(|other| other.name == name).count() == 1;
    let names = plan.sources.iter().map(|source| {
        let stream = &plan.streams[source.streams[0].index()];
        if is_alone(&source.name) { source.name.clone() } else { stream.name.clone() }
    });
    names.collect()
}

/// The plan and the options of a case.
///
/// # Errors
/// Says what is wrong with them.
pub fn prepared(case: &Case) -> Result<(Plan, CorrelatorOptions), String> {
    let checked = query::check(&case.query, &plan_options(case));
    let Some(plan) = checked.plan else {
        return Err(format!("the query is wrong: {:#?}", checked.diagnostics));
    };
    let span = |text: &Option<String>, default: Span| {
        let text = text.as_deref().map(script::duration).transpose()?;
        Ok::<_, String>(text.map_or(default, Span::from_nanos))
    };
    let time = |text: &Option<String>| {
        let text = text.as_deref().map(script::instant).transpose()?;
        Ok::<_, String>(text.map(|at| Timestamp::from_nanos(BASE + at)))
    };
    let sources = source_names(&plan);
    for name in case.live.iter().chain(case.decoders.keys()) {
        if !sources.contains(name) {
            return Err(format!("the query has no source `{name}`"));
        }
    }
    let ndjson = DecoderOptions {
        format: Some("ndjson".into()),
        time: Some("time".into()),
        message: Some("message".into()),
        ..DecoderOptions::default()
    };
    let default = CorrelatorOptions::default();
    let options = CorrelatorOptions {
        late_tolerance: span(&case.late_tolerance, Span::ZERO)?,
        idle_timeout: span(&case.idle_timeout, default.idle_timeout)?,
        processing_interval: span(&case.processing_interval, Span::ZERO)?,
        emit: match case.emit.as_deref() {
            None | Some("final") => Emit::Final,
            Some("eager") => Emit::Eager,
            Some(other) => return Err(format!("emit is final or eager, not `{other}`")),
        },
        start: time(&case.start)?,
        end: time(&case.end)?,
        limit: case.limit,
        late: case.late.unwrap_or_default(),
        overflow: case.overflow,
        max_events: case.max_events,
        max_memory: case.max_memory.unwrap_or(default.max_memory),
        max_events_per_correlation: case
            .max_events_per_correlation
            .unwrap_or(default.max_events_per_correlation),
        dedupe: match &case.dedupe {
            None | Some(CaseDedupe::Default(false)) => None,
            Some(CaseDedupe::Default(true)) => Some(Dedupe::default()),
            Some(CaseDedupe::Options { window, fields }) => {
                let window = window.as_deref().map(script::duration).transpose()?;
                let window = window.map(Span::from_nanos);
                Some(Dedupe { window, fields: fields.clone() })
            }
        },
        sources: sources
            .iter()
            .map(|name| {
                Ok(SourceOptions {
                    bounded: !case.live.contains(name),
                    decoder: case.decoders.get(name).cloned().unwrap_or_else(|| ndjson.clone()),
                    clock_skew: Span::from_nanos(case.clock_skew_of(name)?),
                })
            })
            .collect::<Result<_, String>>()?,
        ..default
    };
    Ok((plan, options))
}

impl Driver {
    /// An engine for the query and the options of `case`.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn new(case: &Case, delivery: Delivery) -> Result<Self, String> {
        let (plan, options) = prepared(case)?;
        let sources = source_names(&plan);
        let engine = Correlator::new(plan, options).map_err(|error| error.to_string())?;
        Ok(Self {
            engine,
            delivery,
            is_open: vec![true; sources.len()],
            hosted: Vec::new(),
            skews: sources.iter().map(|name| case.clock_skew_of(name)).collect::<Result<_, _>>()?,
            sources,
            released: BTreeSet::new(),
            has_ended: false,
        })
    }

    /// Does one step and drains what comes of it.
    ///
    /// # Errors
    /// Says what the step cannot mean, or which promise of the interface was broken.
    pub fn step(&mut self, step: &Step) -> Result<Told, String> {
        self.act(step)?;
        self.drain()
    }

    /// Does one step, and leaves what comes of it to be drained later.
    ///
    /// # Errors
    /// Says what the step cannot mean.
    pub fn act(&mut self, step: &Step) -> Result<(), String> {
        if let Some(name) = &step.push {
            let source = self.source(name)?;
            if let Some(events) = &step.events {
                self.push(source, script::events(events)?)?;
            }
            if let Some(text) = &step.bytes {
                self.push_bytes(source, text.as_bytes());
            }
            if let Some(digits) = &step.hex {
                self.push_bytes(source, &script::bytes_of(digits)?);
            }
        }
        if let Some(name) = &step.flush {
            let source = self.source(name)?;
            self.engine.flush(source);
        }
        for (name, away) in step.moves() {
            let source = self.source(name)?;
            self.engine.set_away(source, away);
        }
        if let Some(bytes) = step.max_memory {
            self.engine.set_max_memory(bytes).map_err(|error| error.to_string())?;
        }
        if let Some(time) = &step.advance {
            self.engine.advance(Timestamp::from_nanos(BASE + script::instant(time)?));
        }
        if let Some(name) = &step.close {
            for at in 0..self.sources.len() {
                if self.is_open[at] && (name == "*" || *name == self.sources[at]) {
                    self.is_open[at] = false;
                    self.engine.close(SourceId::new(at));
                }
            }
        }
        Ok(())
    }

    /// Counters.
    pub fn metrics(&self) -> Metrics {
        self.engine.metrics()
    }

    /// Whether every source has been closed.
    pub fn is_closed(&self) -> bool {
        !self.is_open.contains(&true)
    }

    /// Whether the engine has said that nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Events that stay with the host and that the engine has not given back.
    pub fn unreleased(&self) -> usize {
        self.hosted.len() - self.released.len()
    }

    fn source(&self, name: &str) -> Result<SourceId, String> {
        let at = self.sources.iter().position(|source| source == name);
        at.map(SourceId::new).ok_or_else(|| format!("the query has no source `{name}`"))
    }

    fn push(&mut self, source: SourceId, events: Vec<ScriptEvent>) -> Result<(), String> {
        if self.delivery == Delivery::Host {
            return self.push_hosted(source, events);
        }
        let lines: String = events.iter().map(|event| event.line() + "\n").collect();
        self.push_bytes(source, lines.as_bytes());
        Ok(())
    }

    fn push_bytes(&mut self, source: SourceId, bytes: &[u8]) {
        let size = match self.delivery {
            Delivery::Bytes(size) => size.max(1),
            Delivery::Host => bytes.len().max(1),
        };
        for piece in bytes.chunks(size) {
            self.engine.push(source, piece);
        }
    }

    fn push_hosted(&mut self, source: SourceId, events: Vec<ScriptEvent>) -> Result<(), String> {
        let names = self.engine.columns(source).clone();
        let columns = Columns::of(&events, &names, self.hosted.len());
        let skew = self.skews[source.index()];
        self.hosted.extend(
            events.into_iter().map(|event| ScriptEvent { time: event.time - skew, ..event }),
        );
        self.engine.push_events(source, &columns.view()).map_err(|error| error.to_string())
    }

    /// Takes everything the engine has to say as records of a batch, one behind the other without their
    /// lengths.
    pub fn records(&mut self) -> Vec<u8> {
        let (mut batch, mut records) = (Batch::default(), Vec::new());
        loop {
            batch.clear();
            self.engine.drain(3, &mut batch);
            let mut rest = batch.finish();
            if rest.is_empty() {
                return records;
            }
            while let Some((length, behind)) = rest.split_first_chunk() {
                let (record, next) = behind.split_at(u32::from_le_bytes(*length) as usize);
                records.extend_from_slice(record);
                rest = next;
            }
        }
    }

    /// Takes everything the engine has to say.
    ///
    /// # Errors
    /// Says which promise of the interface was broken.
    pub fn drain(&mut self) -> Result<Told, String> {
        let mut told = Told::default();
        while let Some(output) = self.engine.poll() {
            if self.has_ended && !matches!(output, Output::Released(_)) {
                return Err(format!("this came after the end: {output:?}"));
            }
            match output {
                Output::Correlation(correlation) => {
                    told.correlations.push(delivered(&correlation, &self.hosted)?);
                }
                Output::Notice(notice) => told.notices.push(notice_text(&notice, &self.sources)),
                Output::Pause(source, _) => {
                    told.pace.push(format!("pause {}", self.sources[source.index()]));
                }
                Output::Resume(source) => {
                    told.pace.push(format!("resume {}", self.sources[source.index()]));
                }
                Output::Released(HostHandle(handle)) => {
                    if !self.released.insert(handle) {
                        return Err(format!("event {handle} was released twice"));
                    }
                }
                Output::End(None) => {
                    self.has_ended = true;
                    told.has_ended = true;
                }
                Output::End(Some(error)) => {
                    self.has_ended = true;
                    told.error = Some(error_text(&error));
                }
            }
        }
        Ok(told)
    }
}

fn delivered(correlation: &Correlation<'_>, hosted: &[ScriptEvent]) -> Result<Delivered, String> {
    let streams = &correlation.plan().streams;
    let mut events = Vec::new();
    for event in correlation.events() {
        let time = event.time.as_nanos() - BASE;
        let mark = match event.payload() {
            Payload::Raw(line) => script::mark(time, name_of(line).as_deref()),
            Payload::Host(HostEvent { handle: HostHandle(handle), .. }) => {
                let hosted = &hosted[handle as usize];
                if hosted.time != time {
                    return Err(format!("{hosted:?} came back with time {time}"));
                }
                hosted.mark()
            }
        };
        events.push(format!("{}{mark}", streams[event.stream.index()].name));
    }
    let pairs = |pairs: Pairs<'_>, between: &str| {
        let pairs = pairs.into_iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join(between)
    };
    let join_key = correlation.join_key().zip(correlation.join_value()).collect();
    Ok(Delivered {
        id: correlation.id(),
        revision: correlation.revision(),
        is_final: correlation.is_final(),
        is_withdrawn: correlation.is_withdrawn(),
        is_truncated: correlation.is_truncated(),
        replaces: correlation.replaces().to_vec(),
        events,
        is_complete: correlation.is_complete(),
        join_key: pairs(join_key, ","),
        join_keys: pairs(correlation.join_keys(), " "),
        labels: pairs(correlation.labels(), " "),
    })
}

/// The name a compact event carries in its line; lines of other formats have none.
fn name_of(line: &str) -> Option<String> {
    let fields: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).ok()?;
    Some(fields.get("n")?.as_str()?.to_owned())
}

fn notice_text(notice: &Notice, sources: &[String]) -> String {
    let times = |count: u64| if count > 1 { format!(" x{count}") } else { String::new() };
    match notice {
        Notice::BadLine { source, code, line, byte, count, message: _ } => {
            let (name, times) = (&sources[source.index()], times(*count));
            format!("bad {name} line {line} byte {byte} {code}{times}")
        }
        Notice::LateEvents { source, count, time, behind } => {
            let (name, times) = (&sources[source.index()], times(*count));
            let time = script::instant_text(time.as_nanos() - BASE);
            let behind = script::instant_text(behind.as_nanos());
            format!("late {name}{time} behind {}s{times}", behind.trim_start_matches('@'))
        }
        Notice::Dropped { source, reason, count, time } => {
            let (name, times) = (&sources[source.index()], times(*count));
            let time = script::instant_text(time.as_nanos() - BASE);
            let reason = match reason {
                DropReason::Evicted => "evicted",
                DropReason::Truncated => "truncated",
            };
            format!("dropped {name}{time} {reason}{times}")
        }
        Notice::MemoryWarning { .. } => "memory".to_owned(),
        Notice::RunsBackwards { source, events, late } => {
            format!("backwards {} {late}/{events}", sources[source.index()])
        }
    }
}

/// What is held in bytes depends on how events come, and so does all where the bound is one of bytes.
fn error_text(error: &Error) -> String {
    let facts = error.details().map(|facts| serde_json::to_value(facts).expect("plain data"));
    let facts = facts.as_ref().and_then(serde_json::Value::as_object);
    let facts = facts.filter(|facts| !facts.contains_key("maxBytes")).into_iter().flatten();
    let facts = facts.filter(|(name, _)| !name.ends_with("Bytes"));
    let mut shown: Vec<_> = facts.map(|(name, fact)| format!(" {name}={fact}")).collect();
    shown.sort();
    format!("error {}{}", error.code(), shown.concat())
}
