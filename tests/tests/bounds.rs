//! What bounds promise, on random input: whatever is dropped, nothing wrong is said.
//!
//! A bounded engine is held against one that has no bounds. Sessions, pairs and groups are promised
//! to be parts of what that one finds, and exactly that where they are not said to be truncated.
//! `first` and `latest` choose among what is held, so that one dropped event may change the choice of
//! all that follow: of these it is promised that only what matches is picked, and that nothing
//! differs where nothing was dropped.

use std::collections::BTreeSet;

use logbraid_core::engine::Overflow;
use logbraid_core::plan::PlannedJoin;
use logbraid_core::query::{PlanOptions, check};
use logbraid_tests::case::Case;
use logbraid_tests::hold::on_random_cases;
use logbraid_tests::random::{self, Disorder};
use logbraid_tests::run::{Delivered, Delivery, Driver};

/// The number of tests that share the steps.
const TESTS: u32 = 6;

/// What came of a case.
struct Answer {
    all: Vec<Delivered>,
    evicted: u64,
    dropped: u64,
    most_held: usize,
    /// The most that was held besides the results just told, an event counted for each: under
    /// policies it may still match others, and is held to the bounds with the next push.
    most_open: usize,
}

fn answer(case: &Case) -> Result<Answer, String> {
    let mut driver = Driver::new(case, Delivery::Bytes(usize::MAX))?;
    let (mut all, mut most_held, mut most_open) = (Vec::new(), 0, 0);
    for step in &case.steps {
        let told = driver.step(step)?;
        if let Some(code) = told.error {
            return Err(format!("the query ended with {code}"));
        }
        let held = driver.metrics().held_events;
        most_held = most_held.max(held);
        let told_now: usize = told.correlations.iter().map(|one| one.events.len()).sum();
        most_open = most_open.max(held.saturating_sub(told_now));
        all.extend(told.correlations);
    }
    let metrics = driver.metrics();
    if metrics.held_events > 0 || metrics.held_keys > 0 {
        return Err(format!("at the end something is still held: {metrics:?}"));
    }
    Ok(Answer { all, evicted: metrics.evicted, dropped: metrics.dropped, most_held, most_open })
}

fn events(one: &Delivered) -> BTreeSet<&str> {
    one.events.iter().map(String::as_str).collect()
}

/// Whether results only grow: not where order is asked for after an operator that does without a
/// stream.
fn only_grows(case: &Case) -> bool {
    let plan = check(&case.query, &PlanOptions::default()).plan.expect("the query runs");
    let reports = |join: &PlannedJoin| join.kind.reports_left() || join.kind.reports_right();
    let mut ordered = plan.joins.iter().filter(|join| join.kind.is_ordered());
    !ordered.any(|join| {
        let left = plan.streams_of(join.left);
        plan.joins.iter().any(|inner| {
            let streams = plan.streams_of(inner.left).start..plan.streams_of(inner.right).end;
            left.start <= streams.start && streams.end <= left.end && reports(inner)
        })
    })
}

/// Every correlation is part of one that an engine without bounds finds. Of a sequence that begins with
/// what may lack a stream, one that is truncated may begin before the whole does, which what it is
/// followed by may not follow.
fn is_part_of_truth(case: &Case, found: &Answer, truth: &Answer) -> Result<(), String> {
    let only_grows = only_grows(case);
    for one in found.all.iter().filter(|one| only_grows || !one.is_truncated) {
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

/// Every pair is one that matches; what is alone says only that it found nothing unused.
fn picks_only_matches(found: &Answer, all: &Answer) -> Result<(), String> {
    for one in found.all.iter().filter(|one| one.events.len() > 1) {
        if !all.all.iter().any(|pair| events(one) == events(pair)) {
            return Err(format!("{:?} do not match", one.events));
        }
    }
    Ok(())
}

/// Holds the engine to `bound`; what the projection hides is not told, so that it cannot be counted.
fn holds_no_more(case: &Case, found: &Answer, bound: usize) -> Result<(), String> {
    if found.most_open > bound && !case.query.contains(" {") {
        return Err(format!("{} events were held", found.most_open));
    }
    Ok(())
}

fn plain(case: &Case) -> Case {
    Case { start: None, end: None, limit: None, ..case.clone() }
}

fn evicting(case: &Case, bound: usize) -> Case {
    Case { max_events: Some(bound), overflow: Some(Overflow::Evict), ..case.clone() }
}

/// Whether what is picked depends on what else is there.
fn is_exclusive(case: &Case) -> bool {
    case.query.contains("pick(first)") || case.query.contains("pick(latest)")
}

/// A query of one join without its exclusive policy: what it may pick from.
fn all_matches(case: &Case) -> Option<Case> {
    let is_single = [" on(", " ignoring("].map(|word| case.query.matches(word).count());
    if is_single.iter().sum::<usize>() != 1 {
        return None;
    }
    let query = case.query.replace("pick(first)", "pick(pairs)");
    Some(Case { query: query.replace("pick(latest)", "pick(pairs)"), ..case.clone() })
}

#[test]
fn nothing_is_claimed_because_of_what_was_evicted() {
    on_random_cases(TESTS, (random::case(Disorder::None), 1..8_usize), |case, bound| {
        let (case, bound) = (&plain(case), *bound);
        let truth = answer(case)?;
        let found = answer(&evicting(case, bound))?;
        is_part_of_truth(case, &found, &truth)?;
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
    on_random_cases(TESTS, (random::case(Disorder::None), 2..6_usize), |case, bound| {
        let (case, bound) = (&plain(case), *bound);
        let truth = answer(case)?;
        let found = answer(&Case { max_events_per_correlation: Some(bound), ..case.clone() })?;
        is_part_of_truth(case, &found, &truth)?;
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
    on_random_cases(TESTS, (random::case(Disorder::None), 1..8_usize), |case, bound| {
        let (case, bound) = (&plain(case), *bound);
        let truth = answer(case)?;
        let bounded = Case { emit: Some("eager".into()), ..evicting(case, bound) };
        is_part_of_truth(case, &answer(&bounded)?, &truth)
    });
}

#[test]
fn policies_claim_nothing_because_of_what_was_evicted() {
    on_random_cases(TESTS, (random::picking_case(), 1..8_usize), |case, bound| {
        let (case, bound) = (&plain(case), *bound);
        let truth = answer(case)?;
        let found = answer(&evicting(case, bound))?;
        holds_no_more(case, &found, bound)?;
        let same = found.all.iter().map(events).eq(truth.all.iter().map(events));
        if found.evicted == 0 && !same {
            return Err("the answer differs although nothing was evicted".into());
        }
        if !is_exclusive(case) {
            is_part_of_truth(case, &found, &truth)?;
            is_whole_unless_truncated(&found, &truth)?;
        } else if let Some(all) = all_matches(case) {
            picks_only_matches(&found, &answer(&all)?)?;
        }
        Ok(())
    });
}

#[test]
fn what_policies_close_early_is_said_to_be_truncated() {
    on_random_cases(TESTS, (random::picking_case(), 2..6_usize), |case, bound| {
        let (case, bound) = (&plain(case), *bound);
        let truth = answer(case)?;
        let found = answer(&Case { max_events_per_correlation: Some(bound), ..case.clone() })?;
        for one in &found.all {
            if one.events.len() > bound {
                return Err(format!("{:?} has more events than it may", one.events));
            }
        }
        if !is_exclusive(case) {
            is_part_of_truth(case, &found, &truth)?;
            is_whole_unless_truncated(&found, &truth)?;
        } else if let Some(all) = all_matches(case) {
            picks_only_matches(&found, &answer(&all)?)?;
        }
        Ok(())
    });
}

#[test]
fn what_policies_grow_is_part_of_truth_under_eviction() {
    on_random_cases(TESTS, (random::picking_case(), 1..8_usize), |case, bound| {
        let (case, bound) = (&plain(case), *bound);
        let found = answer(&Case { emit: Some("eager".into()), ..evicting(case, bound) })?;
        holds_no_more(case, &found, bound)?;
        if is_exclusive(case) {
            return Ok(());
        }
        is_part_of_truth(case, &found, &answer(case)?)
    });
}
