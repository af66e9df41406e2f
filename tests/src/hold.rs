//! Holding an engine to something on random cases: how many, which, and comparing what was told.
//!
//! `LOGBRAID_MODEL_OPS` sets about how many steps the random tests of a file take in all (default
//! 6,000).

use std::collections::{BTreeMap, BTreeSet};

use logbraid_core::query::{Severity, code};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::case::{Case, Step};
use crate::oracle::Told;
use crate::run::{Delivered, Driver, diagnostics};

/// Steps of an average random case.
const STEPS: u32 = 17;

/// Runs `hold` on random cases, a test of `tests` that share the steps; a failure shows the smallest
/// case, ready to be kept.
///
/// # Panics
/// With what `hold` says.
pub fn on_random_cases<S: Strategy<Value = (Case, Extra)>, Extra: Clone + std::fmt::Debug>(
    tests: u32,
    strategy: S,
    hold: impl Fn(&Case, &Extra) -> Result<(), String>,
) {
    let steps = std::env::var("LOGBRAID_MODEL_OPS").ok();
    let steps: u32 = steps.and_then(|steps| steps.parse().ok()).unwrap_or(6_000);
    let config = Config {
        cases: (steps / STEPS / tests).max(1),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        max_global_rejects: u32::MAX,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&strategy, |(case, extra)| {
        if !makes_sense(&case) {
            return Err(TestCaseError::reject("such a query does not run"));
        }
        hold(&case, &extra).map_err(|wrong| {
            TestCaseError::fail(format!("{wrong}\n\n{}({extra:?})", case.to_toml()))
        })
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
    }
}

/// Random bounds may contradict the ranges, and random conditions ask for every combination of
/// events; such a query does not run.
fn makes_sense(case: &Case) -> bool {
    let found = diagnostics(case);
    let mut errors = found.iter().filter(|one| one.severity == Severity::Error);
    let impossible = errors.clone().count();
    let expected = [code::QUERY_BOUNDS, code::STAGE_COMBINATIONS];
    assert!(errors.all(|one| expected.contains(&one.code)), "{}: {found:#?}", case.query);
    impossible == 0
}

/// The same events of each source in the same order, the sources mixed anew.
pub fn interleave(steps: &[Step], order: &[prop::sample::Index]) -> Vec<Step> {
    let mut queues: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    let mut ends = Vec::new();
    for step in steps.iter().rev() {
        match &step.push {
            Some(source) => queues.entry(source).or_default().push(step),
            None => ends.push(step.clone()),
        }
    }
    let mut mixed = Vec::new();
    let mut order = order.iter().cycle();
    while !queues.is_empty() {
        let names: Vec<_> = queues.keys().copied().collect();
        let name = order.next().expect("cycles").get(&names);
        let queue = queues.get_mut(name).expect("is there");
        mixed.extend(queue.pop().cloned());
        queues.retain(|_, queue| !queue.is_empty());
    }
    ends.reverse();
    mixed.extend(ends);
    mixed
}

/// A correlation as it was delivered, as the model would tell it.
pub fn told(one: &Delivered) -> Told {
    Told { events: one.events.clone(), labels: one.labels.clone() }
}

/// Compares with the final correlations that the model says must have been told, and those that may.
///
/// # Errors
/// The difference.
pub fn in_order(when: &str, [must, may]: [&[Told]; 2], engine: &[Told]) -> Result<(), String> {
    if engine.starts_with(must) && may.starts_with(engine) {
        return Ok(());
    }
    Err(difference(when, [must, may], engine))
}

/// The same for what holds in eager mode, where order says nothing.
///
/// # Errors
/// The difference.
pub fn in_any_order(when: &str, [must, may]: [&[Told]; 2], engine: &[Told]) -> Result<(), String> {
    let sorted = |all: &[Told]| {
        let mut all = all.to_vec();
        all.sort();
        all
    };
    let (must, may, engine) = (sorted(must), sorted(may), sorted(engine));
    let contains = |all: &[Told], some: &[Told]| {
        let mut all = all.iter();
        some.iter().all(|one| all.any(|other| other == one))
    };
    if contains(&engine, &must) && contains(&may, &engine) {
        return Ok(());
    }
    Err(difference(when, [&must, &may], &engine))
}

/// Compares what holds in eager mode with what the model says must be known, and what may be: where more
/// is known of what is unmatched, a result that must be known may have grown to one that may. Then the
/// smaller one is not among those that may.
///
/// # Errors
/// The difference.
pub fn as_far_as_known(
    when: &str,
    [must, may]: [&[Told]; 2],
    engine: &[Told],
) -> Result<(), String> {
    let has_grown = |one: &Told| {
        let has_all = |other: &&Told| one.events.iter().all(|event| other.events.contains(event));
        !may.contains(one) && engine.iter().filter(has_all).any(|other| may.contains(other))
    };
    let must: Vec<_> = must.iter().filter(|one| !has_grown(one)).cloned().collect();
    in_any_order(when, [&must, may], engine)
}

fn difference(when: &str, [must, may]: [&[Told]; 2], engine: &[Told]) -> String {
    let list = |all: &[Told]| {
        let all = all.iter().map(|Told { events, labels }| format!("{events:?} {labels}"));
        all.collect::<Vec<_>>().join("\n         ")
    };
    let (must, may, engine) = (list(must), list(may), list(engine));
    format!("{when}\n  must   {must}\n  may    {may}\n  engine {engine}")
}

/// No two correlations have one id.
///
/// # Errors
/// Says so.
pub fn all_distinct(found: &[Delivered]) -> Result<(), String> {
    let ids: BTreeSet<_> = found.iter().map(|one| one.id.0).collect();
    if ids.len() == found.len() { Ok(()) } else { Err(format!("an id was used twice: {found:#?}")) }
}

/// Where everything is closed the engine has ended, and where it has not ended early it holds
/// nothing.
///
/// # Errors
/// What is left.
pub fn nothing_is_left(driver: &Driver, case: &Case) -> Result<(), String> {
    let metrics = driver.metrics();
    if !driver.has_ended() {
        return Err("everything is closed, but the engine has not ended".into());
    }
    let may_hold = case.limit.is_some() || case.query.contains("| limit");
    if !may_hold && (metrics.held_events > 0 || metrics.held_keys > 0 || driver.unreleased() > 0) {
        return Err(format!("something is left: {metrics:?}, {} events", driver.unreleased()));
    }
    Ok(())
}
