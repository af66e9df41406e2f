//! What bounds promise, on random input: whatever is dropped, nothing wrong is said.
//!
//! A bounded engine is held against one that has no bounds. `LOGBRAID_MODEL_OPS` sets about how many
//! steps the tests take in all (default 6,000).

use std::collections::BTreeSet;

use logbraid_core::engine::Overflow;
use logbraid_core::query::Severity;
use logbraid_tests::case::Case;
use logbraid_tests::random::{self, Disorder};
use logbraid_tests::run::{Delivered, Delivery, Driver, diagnostics};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

/// Steps of an average random case.
const STEPS: u32 = 17;

/// The number of tests that share the steps.
const TESTS: u32 = 3;

/// What came of a case.
struct Answer {
    all: Vec<Delivered>,
    evicted: u64,
    dropped: u64,
    most_held: usize,
}

fn answer(case: &Case) -> Result<Answer, String> {
    let mut driver = Driver::new(case, Delivery::Bytes(usize::MAX))?;
    let (mut all, mut most_held) = (Vec::new(), 0);
    for step in &case.steps {
        let told = driver.step(step)?;
        if let Some(code) = told.error {
            return Err(format!("the query ended with {code}"));
        }
        all.extend(told.correlations);
        most_held = most_held.max(driver.metrics().held_events);
    }
    let metrics = driver.metrics();
    if metrics.held_events > 0 || metrics.held_keys > 0 {
        return Err(format!("at the end something is still held: {metrics:?}"));
    }
    Ok(Answer { all, evicted: metrics.evicted, dropped: metrics.dropped, most_held })
}

fn events(one: &Delivered) -> BTreeSet<&str> {
    one.events.iter().map(String::as_str).collect()
}

/// Every correlation is part of one that an engine without bounds finds.
fn is_part_of_truth(found: &Answer, truth: &Answer) -> Result<(), String> {
    for one in &found.all {
        if !truth.all.iter().any(|whole| events(one).is_subset(&events(whole))) {
            return Err(format!("{:?} is not part of anything that holds", one.events));
        }
    }
    Ok(())
}

/// What is not said to be truncated is exactly what an engine without bounds finds.
fn is_whole_unless_truncated(found: &Answer, truth: &Answer) -> Result<(), String> {
    for one in found.all.iter().filter(|one| !one.is_truncated) {
        if !truth.all.iter().any(|whole| events(one) == events(whole)) {
            return Err(format!("{:?} is not whole", one.events));
        }
    }
    Ok(())
}

fn on_random_cases<S: Strategy<Value = (Case, usize)>>(
    strategy: S,
    hold: impl Fn(&Case, usize) -> Result<(), String>,
) {
    let steps = std::env::var("LOGBRAID_MODEL_OPS").ok();
    let steps: u32 = steps.and_then(|steps| steps.parse().ok()).unwrap_or(6_000);
    let config = Config {
        cases: (steps / STEPS / TESTS).max(1),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        max_global_rejects: u32::MAX,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&strategy, |(case, bound)| {
        if diagnostics(&case).iter().any(|one| one.severity == Severity::Error) {
            return Err(TestCaseError::reject("nothing can satisfy the bounds"));
        }
        let case = Case { start: None, end: None, limit: None, ..case };
        hold(&case, bound).map_err(|wrong| {
            TestCaseError::fail(format!("bound {bound}: {wrong}\n\n{}", case.to_toml()))
        })
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn nothing_is_claimed_because_of_what_was_evicted() {
    on_random_cases((random::case(Disorder::None), 1..8_usize), |case, bound| {
        let truth = answer(case)?;
        let bounded =
            Case { max_events: Some(bound), overflow: Some(Overflow::Evict), ..case.clone() };
        let found = answer(&bounded)?;
        is_part_of_truth(&found, &truth)?;
        is_whole_unless_truncated(&found, &truth)?;
        if found.most_held > bound {
            return Err(format!("{} events were held", found.most_held));
        }
        let same = found.all.iter().map(events).eq(truth.all.iter().map(events));
        if found.evicted == 0 && !same {
            return Err("the answer differs although nothing was evicted".into());
        }
        Ok(())
    });
}

#[test]
fn what_is_closed_early_is_said_to_be_truncated() {
    on_random_cases((random::case(Disorder::None), 2..6_usize), |case, bound| {
        let truth = answer(case)?;
        let found = answer(&Case { max_events_per_correlation: Some(bound), ..case.clone() })?;
        is_part_of_truth(&found, &truth)?;
        for one in &found.all {
            if one.events.len() > bound {
                return Err(format!("{:?} has more events than it may", one.events));
            }
        }
        is_whole_unless_truncated(&found, &truth)?;
        let truncated = found.all.iter().any(|one| one.is_truncated);
        let same = found.all.iter().map(events).eq(truth.all.iter().map(events));
        if !same && !truncated && found.dropped == 0 && case.query.matches(" on(").count() == 1 {
            return Err("the answer differs although nothing was closed early".into());
        }
        Ok(())
    });
}

#[test]
fn what_grows_is_part_of_truth_under_eviction() {
    on_random_cases((random::case(Disorder::None), 1..8_usize), |case, bound| {
        let truth = answer(case)?;
        let bounded = Case {
            emit: Some("eager".into()),
            max_events: Some(bound),
            overflow: Some(Overflow::Evict),
            ..case.clone()
        };
        is_part_of_truth(&answer(&bounded)?, &truth)
    });
}
