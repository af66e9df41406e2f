//! The engine against the naive model: the written cases first, then random ones.

use std::collections::BTreeMap;

use logbraid_tests::case::{self, Case, Step};
use logbraid_tests::consumer::Consumer;
use logbraid_tests::hold::{
    self, all_distinct, as_far_as_known, in_any_order, in_order, interleave, nothing_is_left,
    on_random_cases,
};
use logbraid_tests::oracle::{InTheEnd, Oracle, Told};
use logbraid_tests::random::{self, Disorder};
use logbraid_tests::run::{Delivered, Delivery, Driver};
use proptest::prelude::*;

/// The number of tests that share the steps.
const TESTS: u32 = 6;

/// Written cases tell labels where they are about them.
fn unlabelled(events: Vec<String>) -> Told {
    Told { events, labels: String::new() }
}

fn all_unlabelled(all: Vec<Told>) -> Vec<Told> {
    all.into_iter().map(|one| unlabelled(one.events)).collect()
}

#[test]
fn model_agrees_with_the_written_cases() {
    let (mut followed, mut wrong) = (0, Vec::new());
    for case in case::written() {
        let Some(mut oracle) = Oracle::new(&case).expect("cases are well formed") else {
            continue;
        };
        followed += 1;
        let picks = oracle.picks();
        let mut view = BTreeMap::new();
        let mut expected = Vec::new();
        let mut is_late = false;
        for step in &case.steps {
            oracle.step(step).expect("cases are well formed");
            let is_eager = case.emit.as_deref() == Some("eager");
            let lines = step.expect.iter().filter(|line| line.contains('{'));
            for line in lines {
                let (head, events) = line.split_once('{').expect("was filtered");
                let events = events.split_once('}').expect("braces are closed").0;
                let events: Vec<_> = events.split(' ').map(str::to_owned).collect();
                let id = head.split('.').next().unwrap_or_default().to_owned();
                if let Some((_, replaced)) = head.split_once("replaces ") {
                    replaced.trim().split(',').for_each(|id| drop(view.remove(id)));
                }
                if head.contains("withdrawn") {
                    view.remove(&id);
                } else {
                    view.insert(id, events.clone());
                }
                expected.push(unlabelled(events));
            }
            let view: Vec<_> = view.values().cloned().map(unlabelled).collect();
            let compared = if picks {
                // Known in the end only, and where nothing is late.
                is_late |= !step.notices.is_empty();
                let is_last = std::ptr::eq(step, case.steps.last().expect("has this one"));
                let found = oracle.in_the_end().told.into_iter().map(|one| unlabelled(one.events));
                let found: Vec<_> = found.collect();
                if is_last && !is_late {
                    in_any_order("", [&found; 2], if is_eager { &view } else { &expected })
                } else {
                    Ok(())
                }
            } else if is_eager {
                let [must, may] = oracle.holding().map(all_unlabelled);
                in_any_order("", [&must, &may], &view)
            } else {
                let [must, may] = oracle.finished().map(|(told, _)| all_unlabelled(told));
                in_order("", [&must, &may], &expected)
            };
            if let Err(difference) = compared {
                wrong.push(format!("{}: {step:?}{difference}", case.name));
                break;
            }
        }
    }
    assert!(followed > 20, "only {followed} cases were followed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn model_and_engine_agree_on_final_correlations() {
    let polls = prop::collection::vec(any::<bool>(), 40);
    let delivery = prop_oneof![
        (1..40_usize).prop_map(Delivery::Bytes),
        Just(Delivery::Bytes(usize::MAX)),
        Just(Delivery::Host),
    ];
    let strategy = (random::case(Disorder::Some), (polls, delivery));
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
            if polls[at % polls.len()] || at + 1 == case.steps.len() {
                let told = driver.drain()?;
                found.extend(told.correlations);
                let told: Vec<_> = found.iter().map(hold::told).collect();
                let [(must, _), (may, _)] = oracle.finished();
                in_order(&format!("after step {}", at + 1), [&must, &may], &told)?;
            }
        }
        for one in &found {
            if !(one.is_final && one.revision == 1 && one.replaces.is_empty()) {
                return Err(format!("in final mode a correlation is told once: {one:?}"));
            }
        }
        all_distinct(&found)?;
        nothing_is_left(&driver, case)
    });
}

#[test]
fn model_and_engine_agree_on_live_sources() {
    let delivery = prop_oneof![Just(Delivery::Bytes(usize::MAX)), Just(Delivery::Host)];
    on_random_cases(TESTS, (random::live_case(), delivery), |case, delivery| {
        let mut driver = Driver::new(case, *delivery)?;
        let mut oracle = Oracle::new(case)?.ok_or("the model follows all random cases")?;
        let mut found = Vec::new();
        for (at, step) in case.steps.iter().enumerate() {
            // Each step is told of at once: how far sources have run ahead depends on it.
            found.extend(driver.step(step)?.correlations);
            oracle.step(step)?;
            if oracle.is_ambiguous() {
                return Ok(());
            }
            let told: Vec<_> = found.iter().map(hold::told).collect();
            let [(must, _), (may, _)] = oracle.finished();
            in_order(&format!("after step {}", at + 1), [&must, &may], &told)?;
        }
        all_distinct(&found)?;
        nothing_is_left(&driver, case)
    });
}

#[test]
fn model_and_engine_agree_on_live_sources_that_are_eager() {
    on_random_cases(TESTS, (random::live_case(), Just(())), |case, ()| {
        let case = Case { emit: Some("eager".into()), limit: None, ..case.clone() };
        let mut driver = Driver::new(&case, Delivery::Bytes(usize::MAX))?;
        let mut oracle = Oracle::new(&case)?.ok_or("the model follows all random cases")?;
        let mut consumer = Consumer::default();
        for (at, step) in case.steps.iter().enumerate() {
            consumer.take(&driver.step(step)?.correlations)?;
            oracle.step(step)?;
            if oracle.is_ambiguous() {
                return Ok(());
            }
            let [must, may] = oracle.holding();
            as_far_as_known(&format!("after step {}", at + 1), [&must, &may], &consumer.view())?;
        }
        consumer.finish()?;
        nothing_is_left(&driver, &case)
    });
}

/// All that an engine says of a case.
fn all_told(case: &Case, delivery: Delivery) -> Result<Vec<Delivered>, String> {
    let mut driver = Driver::new(case, delivery)?;
    let mut told = Vec::new();
    for step in &case.steps {
        told.extend(driver.step(step)?.correlations);
    }
    nothing_is_left(&driver, case)?;
    Ok(told)
}

/// The case in eager mode while time passes, so that deliveries are deferred, some beyond the close of what they
/// deliver; no watermark depends on it.
fn eager_and_deferred(case: Case) -> Case {
    let ticks = (0..)
        .map(|tick| Step { advance: Some(format!("@0.{:02}", tick % 100)), ..Step::default() });
    let steps = case.steps.iter().cloned().zip(ticks);
    Case {
        emit: Some("eager".into()),
        processing_interval: Some("80ms".into()),
        steps: steps.flat_map(|(step, tick)| [tick, step]).collect(),
        ..case
    }
}

#[test]
fn model_and_engine_agree_on_policies() {
    let order = prop::collection::vec(any::<prop::sample::Index>(), 40);
    let delivery = prop_oneof![(1..40_usize).prop_map(Delivery::Bytes), Just(Delivery::Host)];
    let strategy = (random::picking_case(), (order, delivery));
    on_random_cases(TESTS, strategy, |case, (order, delivery)| {
        let mut oracle = Oracle::new(&Case { limit: None, ..case.clone() })?
            .ok_or("the model follows all random cases")?;
        case.steps.iter().try_for_each(|step| oracle.step(step))?;
        let InTheEnd { told: mut expected, has_order } = oracle.in_the_end();
        let first = all_told(case, Delivery::Bytes(usize::MAX))?;
        let told: Vec<_> = first.iter().map(hold::told).collect();
        let limit = case.limit.map_or(usize::MAX, |limit| limit.try_into().expect("is small"));
        if has_order {
            expected.truncate(limit);
            in_order("in order", [&expected; 2], &told)?;
        } else if limit < usize::MAX {
            if told.len() != expected.len().min(limit) {
                return Err(format!("{} of {} with limit {limit}", told.len(), expected.len()));
            }
            in_any_order("of these", [&told, &expected], &told)?;
        } else {
            in_any_order("in the end", [&expected; 2], &told)?;
        }
        all_distinct(&first)?;
        let shuffled = Case { steps: interleave(&case.steps, order), ..case.clone() };
        let second = all_told(&shuffled, *delivery)?;
        if first != second {
            let shuffled = shuffled.to_toml();
            return Err(format!("{first:#?}\n{second:#?}\nafter interleaving as in {shuffled}"));
        }
        if case.limit.is_none() {
            let eager = eager_and_deferred(shuffled);
            let mut consumer = Consumer::default();
            consumer.take(&all_told(&eager, *delivery)?)?;
            consumer.finish()?;
            in_any_order("last revisions", [&expected; 2], &consumer.view())?;
        }
        Ok(())
    });
}

#[test]
fn model_and_engine_agree_on_eager_correlations() {
    let polls = prop::collection::vec(any::<bool>(), 40);
    let strategy = (random::case(Disorder::Some), polls);
    on_random_cases(TESTS, strategy, |case, polls| {
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

#[test]
fn model_and_engine_agree_for_any_interleaving() {
    let order = prop::collection::vec(any::<prop::sample::Index>(), 40);
    let delivery = prop_oneof![(1..40_usize).prop_map(Delivery::Bytes), Just(Delivery::Host)];
    let strategy = (random::case(Disorder::None), (order, delivery));
    on_random_cases(TESTS, strategy, |case, (order, delivery)| {
        let first = all_told(case, Delivery::Bytes(usize::MAX))?;
        let shuffled = Case { steps: interleave(&case.steps, order), ..case.clone() };
        let second = all_told(&shuffled, *delivery)?;
        if first != second {
            let shuffled = shuffled.to_toml();
            return Err(format!("{first:#?}\n{second:#?}\nafter interleaving as in {shuffled}"));
        }
        if case.limit.is_none() {
            let eager = eager_and_deferred(shuffled);
            let mut consumer = Consumer::default();
            consumer.take(&all_told(&eager, *delivery)?)?;
            consumer.finish()?;
            let sets: Vec<_> = first.iter().map(hold::told).collect();
            in_any_order("last revisions", [&sets; 2], &consumer.view())?;
        }
        Ok(())
    });
}
