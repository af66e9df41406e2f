//! Stages against the naive model, on random input: what is kept, its labels, and when a limit ends
//! the query.

use logbraid_tests::case::Case;
use logbraid_tests::consumer::Consumer;
use logbraid_tests::hold::{
    self, as_far_as_known, in_any_order, in_order, nothing_is_left, on_random_cases,
};
use logbraid_tests::oracle::{InTheEnd, Oracle};
use logbraid_tests::random::{self, Disorder};
use logbraid_tests::run::{Delivery, Driver};
use proptest::prelude::*;

/// The number of tests that share the steps.
const TESTS: u32 = 3;

#[test]
fn model_and_engine_agree_on_stages() {
    let polls = prop::collection::vec(any::<bool>(), 40);
    let delivery = prop_oneof![Just(Delivery::Bytes(usize::MAX)), Just(Delivery::Host)];
    let strategy = (random::staged_case(Disorder::Some), (polls, delivery));
    on_random_cases(TESTS, strategy, |case, (polls, delivery)| {
        let mut driver = Driver::new(case, *delivery)?;
        let mut oracle = Oracle::new(case)?.ok_or("the model follows all random cases")?;
        let mut found = Vec::new();
        for (at, step) in case.steps.iter().enumerate() {
            driver.act(step)?;
            oracle.step(step)?;
            if oracle.is_ambiguous() {
                return Ok(());
            }
            let is_last = at + 1 == case.steps.len();
            if polls[at % polls.len()] || is_last {
                let drained = driver.drain()?.correlations;
                found.extend(drained.iter().map(hold::told));
                let [(must, must_end), (may, may_end)] = oracle.finished();
                in_order(&format!("after step {}", at + 1), [&must, &may], &found)?;
                let has_ended = driver.has_ended();
                let may_end = may_end || driver.is_closed() || case.end.is_some();
                if must_end && !has_ended || has_ended && !may_end {
                    return Err(format!("after step {}: ended: {has_ended}", at + 1));
                }
            }
        }
        nothing_is_left(&driver, case)
    });
}

#[test]
fn model_and_engine_agree_on_stages_of_policies() {
    on_random_cases(TESTS, (random::picking_staged_case(), Just(())), |case, ()| {
        let case = Case { limit: None, ..case.clone() };
        let mut oracle = Oracle::new(&case)?.ok_or("the model follows all random cases")?;
        let mut driver = Driver::new(&case, Delivery::Bytes(usize::MAX))?;
        let mut found = Vec::new();
        for step in &case.steps {
            oracle.step(step)?;
            found.extend(driver.step(step)?.correlations.iter().map(hold::told));
        }
        nothing_is_left(&driver, &case)?;
        let InTheEnd { told, has_order } = oracle.in_the_end();
        if has_order {
            in_order("in order", [&told; 2], &found)
        } else if case.query.contains("| limit") {
            // Which of them come first is not known, so neither is what a condition makes of them.
            Ok(())
        } else {
            in_any_order("in the end", [&told; 2], &found)
        }
    });
}

#[test]
fn model_and_engine_agree_on_what_holds_eagerly() {
    let polls = prop::collection::vec(any::<bool>(), 40);
    let strategy = (random::staged_case(Disorder::Some), polls);
    on_random_cases(TESTS, strategy, |case, polls| {
        // A limit counts what is final, in the order it becomes so.
        if case.query.contains("| limit") {
            return Ok(());
        }
        let case = Case { emit: Some("eager".into()), limit: None, ..case.clone() };
        let mut driver = Driver::new(&case, Delivery::Bytes(usize::MAX))?;
        let mut oracle = Oracle::new(&case)?.ok_or("the model follows all random cases")?;
        let mut consumer = Consumer::default();
        for (at, step) in case.steps.iter().enumerate() {
            driver.act(step)?;
            oracle.step(step)?;
            if oracle.is_ambiguous() {
                return Ok(());
            }
            if polls[at % polls.len()] || at + 1 == case.steps.len() {
                consumer.take(&driver.drain()?.correlations)?;
                let [must, may] = oracle.holding();
                as_far_as_known(
                    &format!("after step {}", at + 1),
                    [&must, &may],
                    &consumer.view(),
                )?;
            }
        }
        consumer.finish()?;
        nothing_is_left(&driver, &case)
    });
}
