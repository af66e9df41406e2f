//! Holds all that comes of a written case to what it expects.

use std::collections::{BTreeMap, BTreeSet};

use logbraid_core::id::CorrelationId;
use logbraid_core::metrics::Metrics;

use crate::case::Case;
use crate::run::{Delivered, Delivery, Driver, diagnostics};

/// Runs a case and compares everything it says.
///
/// # Errors
/// All differences.
pub fn check(case: &Case, delivery: Delivery) -> Result<(), String> {
    let found: Vec<String> = diagnostics(case)
        .iter()
        .map(|one| format!("{} {}:{}", one.code, one.line, one.column))
        .collect();
    if found != case.diagnostics {
        return Err(differ("diagnostics", &case.diagnostics, &found));
    }
    if case.steps.is_empty() {
        return Ok(());
    }
    let mut wrong = Vec::new();
    let mut driver = Driver::new(case, delivery)?;
    let mut letters = Letters::default();
    let (mut ids, mut ended_early) = (Vec::new(), false);
    for (at, step) in case.steps.iter().enumerate() {
        let told = driver.step(step).map_err(|error| format!("step {}: {error}", at + 1))?;
        let is_eager = case.emit.as_deref() == Some("eager");
        let mut seen = Vec::new();
        for (at, one) in told.correlations.iter().enumerate() {
            let expected = step.expect.get(at).map_or("", String::as_str);
            seen.push(text(one, is_eager.then_some(&mut letters), expected));
        }
        let finals = told.correlations.iter().filter(|one| one.is_final);
        ids.extend(finals.map(|one| one.id.to_string()));
        if case.pace {
            seen.extend(told.pace);
        }
        if let Some(error) = told.error {
            seen.push(error);
            ended_early = true;
        }
        if told.has_ended && !driver.is_closed() {
            seen.push("end".to_owned());
            ended_early = true;
        }
        if seen != step.expect {
            wrong.push(differ(&format!("step {}: {}", at + 1, step), &step.expect, &seen));
        }
        if told.notices != step.notices {
            let title = format!("step {}: {}: notices", at + 1, step);
            wrong.push(differ(&title, &step.notices, &told.notices));
        }
    }
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        wrong.push(format!("an id was used twice: {ids:?}"));
    }
    if !case.ids.is_empty() && case.ids != ids {
        wrong.push(differ("ids", &case.ids, &ids));
    }
    if driver.is_closed() {
        let metrics = driver.metrics();
        if !driver.has_ended() {
            wrong.push("all sources are closed, but the engine has not ended".to_owned());
        }
        if !ended_early && (metrics.held_events > 0 || metrics.held_keys > 0) {
            wrong.push(format!("at the end something is still held: {metrics:?}"));
        }
        if !ended_early && delivery == Delivery::Host && driver.unreleased() > 0 {
            wrong.push(format!("{} events were not released", driver.unreleased()));
        }
    }
    let metrics = counters(&driver.metrics());
    for (name, expected) in &case.metrics {
        match metrics.get(name.as_str()) {
            Some(found) if found == expected => {}
            Some(found) => wrong.push(format!("metrics: {name} is {found}, expected {expected}")),
            None => wrong.push(format!("metrics: there is no `{name}`; {:?}", metrics.keys())),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The counters a case can name.
fn counters(metrics: &Metrics) -> BTreeMap<&'static str, i64> {
    let sum = |of: fn(&logbraid_core::metrics::SourceMetrics) -> u64| {
        metrics.sources.iter().map(of).sum::<u64>()
    };
    let counters = [
        ("events", sum(|source| source.events)),
        ("badLines", sum(|source| source.bad_lines)),
        ("selected", metrics.selected),
        ("unkeyed", metrics.unkeyed),
        ("late", metrics.late),
        ("lateMatched", metrics.late_matched),
        ("repeats", sum(|source| source.repeats)),
        ("evicted", metrics.evicted),
        ("dropped", metrics.dropped),
        ("unknown", metrics.unknown),
        ("truncated", metrics.truncated),
        ("correlations", metrics.correlations),
        ("deliveries", metrics.deliveries),
        ("heldEvents", metrics.held_events as u64),
    ];
    let count = |count: u64| i64::try_from(count).expect("cases are small");
    counters.map(|(name, value)| (name, count(value))).into()
}

/// Letters for ids, in order of appearance.
#[derive(Default)]
struct Letters {
    known: BTreeMap<CorrelationId, String>,
}

impl Letters {
    fn of(&mut self, id: CorrelationId) -> String {
        let next = self.known.len();
        let letter = || {
            let letter = char::from(b'A' + u8::try_from(next % 26).expect("is below 26"));
            if next < 26 { letter.to_string() } else { format!("{letter}{}", next / 26) }
        };
        self.known.entry(id).or_insert_with(letter).clone()
    }
}

/// A correlation as a case writes it. Keys are told where `expected` tells them.
fn text(one: &Delivered, letters: Option<&mut Letters>, expected: &str) -> String {
    let mut text = String::new();
    if let Some(letters) = letters {
        text = format!("{}.{} ", letters.of(one.id), one.revision);
        if one.is_final {
            text.push_str("final ");
        }
        if one.is_withdrawn {
            text.push_str("withdrawn ");
        }
        if !one.replaces.is_empty() {
            let replaced: Vec<_> = one.replaces.iter().map(|id| letters.of(*id)).collect();
            text.push_str(&format!("replaces {} ", replaced.join(",")));
        }
    }
    if one.is_truncated {
        text.push_str("truncated ");
    }
    let completeness = if one.is_complete { "complete" } else { "partial" };
    text.push_str(&format!("{{{}}} {completeness}", one.events.join(" ")));
    if expected.contains(" on ") {
        text.push_str(&format!(" on {}", one.join_key));
    }
    if expected.contains(" keys ") {
        text.push_str(&format!(" keys {}", one.join_keys));
    }
    if expected.contains(" labels ") {
        text.push_str(&format!(" labels {}", one.labels));
    }
    text
}

fn differ(what: &str, expected: &[String], found: &[String]) -> String {
    let list = |lines: &[String]| match lines {
        [] => "\n      (nothing)".to_owned(),
        lines => lines.iter().map(|line| format!("\n      {line}")).collect(),
    };
    format!("{what}\n    expected{}\n    found{}", list(expected), list(found))
}
