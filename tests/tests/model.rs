//! The engine against the naive model: the written cases first, then random ones.
//!
//! `LOGBRAID_MODEL_OPS` sets about how many steps the random tests take in all (default 6,000).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use logbraid_core::id::CorrelationId;
use logbraid_core::plan::PlannedJoin;
use logbraid_core::query::{PlanOptions, Severity, check, code};
use logbraid_tests::case::{Case, CaseFile, Step};
use logbraid_tests::oracle::Oracle;
use logbraid_tests::random::{self, Disorder};
use logbraid_tests::run::{Delivered, Delivery, Driver, Told, diagnostics};
use logbraid_tests::script;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

/// Steps of an average random case.
const STEPS: u32 = 17;

/// The number of tests that share the steps.
const TESTS: u32 = 5;

fn config() -> Config {
    let steps = std::env::var("LOGBRAID_MODEL_OPS").ok();
    let steps: u32 = steps.and_then(|steps| steps.parse().ok()).unwrap_or(6_000);
    Config {
        cases: (steps / STEPS / TESTS).max(1),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        max_global_rejects: u32::MAX,
        ..Config::default()
    }
}

/// Runs `hold` on random cases; a failure shows the smallest case, ready to be kept.
fn on_random_cases<S: Strategy<Value = (Case, Extra)>, Extra: Clone + std::fmt::Debug>(
    strategy: S,
    hold: impl Fn(&Case, &Extra) -> Result<(), String>,
) {
    let outcome = TestRunner::new(config()).run(&strategy, |(case, extra)| {
        if !makes_sense(&case) {
            return Err(TestCaseError::reject("nothing can satisfy the bounds"));
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

/// Random bounds may contradict the ranges; such a query does not run.
fn makes_sense(case: &Case) -> bool {
    let found = diagnostics(case);
    let mut errors = found.iter().filter(|one| one.severity == Severity::Error);
    let impossible = errors.clone().count();
    assert!(errors.all(|one| one.code == code::QUERY_BOUNDS), "{}: {found:#?}", case.query);
    impossible == 0
}

#[test]
fn model_agrees_with_the_written_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let (mut followed, mut wrong) = (0, Vec::new());
    for entry in fs::read_dir(folder).expect("tests/cases is there") {
        let path = entry.expect("is readable").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("is readable");
        let file: CaseFile = toml::from_str(&text).expect("cases are well formed");
        for case in file.case {
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
                    view.insert(id, events.clone());
                    expected.push(events);
                }
                let compared = if picks {
                    // Known in the end only, and where nothing is late.
                    is_late |= !step.notices.is_empty();
                    let is_last = std::ptr::eq(step, case.steps.last().expect("has this one"));
                    let sets =
                        if is_eager { view.values().cloned().collect() } else { expected.clone() };
                    let found = oracle.in_the_end();
                    if is_last && !is_late {
                        in_any_order("", &(found.clone(), found), &sets)
                    } else {
                        Ok(())
                    }
                } else if is_eager {
                    in_any_order("", &oracle.holding(), &view.values().cloned().collect())
                } else {
                    in_order("", &oracle.finished(), &expected)
                };
                if let Err(difference) = compared {
                    wrong.push(format!("{}: {step:?}{difference}", case.name));
                    break;
                }
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
    on_random_cases(strategy, |case, (polls, delivery)| {
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
                let events: Vec<_> = found.iter().map(|one| one.events.clone()).collect();
                in_order(&format!("after step {}", at + 1), &oracle.finished(), &events)?;
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
fn model_and_engine_agree_on_policies() {
    let order = prop::collection::vec(any::<prop::sample::Index>(), 40);
    let delivery = prop_oneof![(1..40_usize).prop_map(Delivery::Bytes), Just(Delivery::Host)];
    let strategy = (random::picking_case(), (order, delivery));
    on_random_cases(strategy, |case, (order, delivery)| {
        let case = Case { start: None, end: None, limit: None, ..case.clone() };
        let mut oracle = Oracle::new(&case)?.ok_or("the model follows all random cases")?;
        case.steps.iter().try_for_each(|step| oracle.step(step))?;
        let expected = oracle.in_the_end();
        let expected = (expected.clone(), expected);
        let told = |case: &Case, delivery| {
            let mut driver = Driver::new(case, delivery)?;
            let mut told = Vec::new();
            for step in &case.steps {
                told.extend(driver.step(step)?.correlations);
            }
            nothing_is_left(&driver, case)?;
            Ok::<_, String>(told)
        };
        let first = told(&case, Delivery::Bytes(usize::MAX))?;
        let sets = first.iter().map(|one| one.events.clone()).collect();
        in_any_order("in final mode", &expected, &sets)?;
        all_distinct(&first)?;
        let shuffled = Case { steps: interleave(&case.steps, order), ..case.clone() };
        let second = told(&shuffled, *delivery)?;
        if first != second {
            let shuffled = shuffled.to_toml();
            return Err(format!("{first:#?}\n{second:#?}\nafter interleaving as in {shuffled}"));
        }
        if only_grows(&case) {
            let eager = Case { emit: Some("eager".into()), ..shuffled };
            let mut consumer = Consumer::default();
            consumer.take(&Told { correlations: told(&eager, *delivery)?, ..Told::default() })?;
            consumer.finish()?;
            in_any_order("last revisions", &expected, &consumer.view())?;
        }
        Ok(())
    });
}

/// A stage, as text and as what it does to a list of correlations.
#[derive(Copy, Clone, Debug)]
enum Stage {
    CountAtLeast(usize),
    LongerThan(i64),
    Limit(usize),
}

impl Stage {
    fn text(self) -> String {
        match self {
            Self::CountAtLeast(count) => format!(" | where count() >= {count}"),
            Self::LongerThan(nanos) => format!(" | where not (duration <= {nanos}ns)"),
            Self::Limit(limit) => format!(" | limit {limit}"),
        }
    }

    fn apply(self, mut sets: Sets) -> Sets {
        match self {
            Self::CountAtLeast(count) => sets.retain(|events| events.len() >= count),
            Self::LongerThan(nanos) => sets.retain(|events| {
                let time = |event: &String| {
                    let mark = event.split('@').nth(1).expect("events are named with their time");
                    let instant = mark.split('#').next().expect("has a first part");
                    script::instant(&format!("@{instant}")).expect("is an instant")
                };
                let times = || events.iter().map(time);
                times().max() > times().min().map(|first| first + nanos)
            }),
            Self::Limit(limit) => sets.truncate(limit),
        }
        sets
    }
}

#[test]
fn model_and_engine_agree_on_stages() {
    let stage = prop_oneof![
        (1..5_usize).prop_map(Stage::CountAtLeast),
        (0..4_i64, prop_oneof![Just(1), Just(1_000_000), Just(1_000_000_000)])
            .prop_map(|(count, unit)| Stage::LongerThan(count * unit)),
        (1..4_usize).prop_map(Stage::Limit),
    ];
    let strategy = (random::picking_case(), prop::collection::vec(stage, 1..4));
    on_random_cases(strategy, |case, stages| {
        let plain = Case { limit: None, ..case.clone() };
        let told = |case: &Case| {
            let mut driver = Driver::new(case, Delivery::Bytes(usize::MAX))?;
            let mut sets = Sets::new();
            for step in &case.steps {
                sets.extend(driver.step(step)?.correlations.into_iter().map(|one| one.events));
            }
            if driver.has_ended() { Ok::<_, String>(sets) } else { Err("has not ended".into()) }
        };
        let all = told(&plain)?;
        // Ids settle what closes together and begins with the same event, and they depend on the
        // query: which of those come before a limit is no matter of the stages.
        let firsts: BTreeSet<_> = all.iter().map(|events| events.first()).collect();
        let has_ties = firsts.len() < all.len();
        let is_limit = |stage: &Stage| matches!(stage, Stage::Limit(_));
        let stages: Vec<_> =
            stages.iter().copied().filter(|stage| !(has_ties && is_limit(stage))).collect();
        let mut expected = stages.iter().fold(all, |sets, stage| stage.apply(sets));
        let staged: String = stages.iter().map(|stage| stage.text()).collect();
        let mut found = told(&Case { query: format!("{}{staged}", plain.query), ..plain.clone() })?;
        if has_ties {
            expected.sort_unstable();
            found.sort_unstable();
        }
        in_order(&staged, &(expected.clone(), expected), &found)
    });
}

#[test]
fn model_and_engine_agree_on_eager_correlations() {
    let polls = prop::collection::vec(any::<bool>(), 40);
    let strategy = (random::case(Disorder::Some), polls);
    on_random_cases(strategy, |case, polls| {
        if !only_grows(case) {
            return Ok(());
        }
        // What has been told cannot be taken back when it turns out to begin before the start.
        let (emit, start) = (Some("eager".into()), None);
        let case = Case { emit, start, limit: None, ..case.clone() };
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
                consumer.take(&driver.drain()?)?;
                in_any_order(
                    &format!("after step {}", at + 1),
                    &oracle.holding(),
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
    on_random_cases(strategy, |case, (order, delivery)| {
        let told = |case: &Case, delivery| {
            let mut driver = Driver::new(case, delivery)?;
            let mut told = Vec::new();
            for step in &case.steps {
                told.extend(driver.step(step)?.correlations);
            }
            nothing_is_left(&driver, case)?;
            Ok::<_, String>(told)
        };
        let first = told(case, Delivery::Bytes(usize::MAX))?;
        let shuffled = Case { steps: interleave(&case.steps, order), ..case.clone() };
        let second = told(&shuffled, *delivery)?;
        if first != second {
            let shuffled = shuffled.to_toml();
            return Err(format!("{first:#?}\n{second:#?}\nafter interleaving as in {shuffled}"));
        }
        if case.limit.is_none() && case.start.is_none() && only_grows(case) {
            // Time passes, so that deliveries are deferred; no watermark depends on it.
            let ticks = (0..).map(|tenth| Step {
                advance: Some(format!("@0.{:02}", tenth % 100)),
                ..Step::default()
            });
            let steps = shuffled.steps.iter().cloned().zip(ticks);
            let eager = Case {
                emit: Some("eager".into()),
                processing_interval: Some("40ms".into()),
                steps: steps.flat_map(|(step, tick)| [tick, step]).collect(),
                ..shuffled
            };
            let mut consumer = Consumer::default();
            consumer.take(&Told { correlations: told(&eager, *delivery)?, ..Told::default() })?;
            consumer.finish()?;
            let sets: Vec<_> = first.into_iter().map(|one| one.events).collect();
            in_any_order("last revisions", &(sets.clone(), sets), &consumer.view())?;
        }
        Ok(())
    });
}

/// Whether results only grow. Not where order is asked for after an operator that does without a
/// stream: a result that gets its first event of one is later begun.
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

/// The same events of each source in the same order, the sources mixed anew.
fn interleave(steps: &[Step], order: &[prop::sample::Index]) -> Vec<Step> {
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

/// Correlations, each as the names of its events.
type Sets = Vec<Vec<String>>;

/// Compares with the final correlations that the model says must have been told, and those that may.
fn in_order(when: &str, (must, may): &(Sets, Sets), engine: &Sets) -> Result<(), String> {
    if engine.starts_with(must) && may.starts_with(engine) {
        return Ok(());
    }
    Err(format!("{when}\n  must   {must:?}\n  may    {may:?}\n  engine {engine:?}"))
}

/// The same for what holds in eager mode, where order says nothing.
fn in_any_order(when: &str, (must, may): &(Sets, Sets), engine: &Sets) -> Result<(), String> {
    let sorted = |sets: &Sets| {
        let mut sets = sets.clone();
        sets.sort();
        sets
    };
    let (must, may, engine) = (sorted(must), sorted(may), sorted(engine));
    let contains = |all: &Sets, some: &Sets| {
        let mut all = all.iter();
        some.iter().all(|one| all.any(|other| other == one))
    };
    if contains(&engine, &must) && contains(&may, &engine) {
        return Ok(());
    }
    Err(format!("{when}\n  must   {must:?}\n  may    {may:?}\n  engine {engine:?}"))
}

fn all_distinct(found: &[Delivered]) -> Result<(), String> {
    let ids: BTreeSet<_> = found.iter().map(|one| one.id.0).collect();
    if ids.len() == found.len() { Ok(()) } else { Err(format!("an id was used twice: {found:#?}")) }
}

fn nothing_is_left(driver: &Driver, case: &Case) -> Result<(), String> {
    let metrics = driver.metrics();
    if !driver.has_ended() {
        return Err("everything is closed, but the engine has not ended".into());
    }
    let may_hold = case.limit.is_some();
    if !may_hold && (metrics.held_events > 0 || metrics.held_keys > 0 || driver.unreleased() > 0) {
        return Err(format!("something is left: {metrics:?}, {} events", driver.unreleased()));
    }
    Ok(())
}

/// Keeps the rules of eager delivery and knows what holds.
#[derive(Default)]
struct Consumer {
    live: BTreeMap<u128, Delivered>,
    /// Ids in order of first delivery.
    order: Vec<u128>,
    replaced: BTreeSet<u128>,
}

impl Consumer {
    fn take(&mut self, told: &Told) -> Result<(), String> {
        told.correlations.iter().try_for_each(|one| {
            self.one(one).map_err(|wrong| format!("{wrong}: {one:?}\nknown: {:#?}", self.live))
        })
    }

    fn one(&mut self, one: &Delivered) -> Result<(), &'static str> {
        if self.replaced.contains(&one.id.0) {
            return Err("a replaced id appears again");
        }
        let before = self.live.get(&one.id.0).cloned();
        let before = before.as_ref();
        let mut absorbed = false;
        let grew = before.is_none_or(|before| before.events != one.events);
        let revision = before.map_or(0, |before| before.revision);
        if before.is_some_and(|before| before.is_final) {
            return Err("a final correlation is delivered again");
        }
        if before.is_some_and(|before| before.events.iter().any(|e| !one.events.contains(e))) {
            return Err("a correlation lost an event");
        }
        if before.is_none() {
            self.order.push(one.id.0);
        }
        let place = |id: &u128| self.order.iter().position(|other| other == id);
        for CorrelationId(replaced) in &one.replaces {
            // The list is of all it ever absorbed, so that no delivery has to be seen to follow.
            let Some(gone) = self.live.remove(replaced) else {
                if self.replaced.contains(replaced) {
                    continue;
                }
                return Err("replaces something that was not delivered");
            };
            absorbed = true;
            if gone.events.iter().any(|event| !one.events.contains(event)) {
                return Err("absorbing a correlation lost an event");
            }
            if place(replaced) < place(&one.id.0) {
                return Err("the correlation that was delivered first survives");
            }
            self.replaced.insert(*replaced);
        }
        let changed = grew || absorbed;
        if !changed && !one.is_final {
            return Err("nothing has changed");
        }
        if one.revision != revision + u32::from(changed) {
            return Err("revisions count changes");
        }
        self.live.insert(one.id.0, one.clone());
        Ok(())
    }

    fn view(&self) -> Sets {
        self.live.values().map(|one| one.events.clone()).collect()
    }

    fn finish(&self) -> Result<(), String> {
        match self.live.values().find(|one| !one.is_final) {
            Some(open) => Err(format!("never became final: {open:?}")),
            None => Ok(()),
        }
    }
}
