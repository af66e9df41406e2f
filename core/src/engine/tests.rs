//! The engine from outside, with events that stay with the host, so that no format or query text
//! takes part. The rules themselves are pinned by the language-neutral cases.

use crate::columns::HostEvents;
use crate::emit::Emit;
use crate::encode::Batch;
use crate::engine::{Correlator, CorrelatorOptions, Output, Payload, SourceOptions};
use crate::id::{SourceId, StreamId};
use crate::limits;
use crate::plan::{
    JoinKey, JoinKeys, JoinKind, Operand, Pick, Plan, PlannedJoin, PlannedSource, PlannedStream,
};
use crate::query::{PlanOptions, check};
use crate::select::Pipeline;
use crate::stage::Stages;
use crate::time::Span;

fn seconds(s: i64) -> Span {
    Span::from_millis(s * 1_000)
}

/// A plan over streams `a`, `b`, … of 60 s, each from a source of its own.
fn plan(joins: &[(JoinKind, i64)]) -> Plan {
    let names = ["a", "b", "c", "d"];
    let count = joins.len() + 1;
    Plan {
        canonical: format!("{joins:?}"),
        sources: (0..count)
            .map(|at| PlannedSource {
                name: names[at].to_owned(),
                pushed_down: None,
                streams: vec![StreamId::new(at)],
            })
            .collect(),
        streams: (0..count)
            .map(|at| PlannedStream {
                name: names[at].to_owned(),
                alias: None,
                source: SourceId::new(at),
                selector: String::new(),
                range: seconds(60),
                kept: Vec::new(),
                pipeline: Pipeline::default(),
            })
            .collect(),
        joins: joins
            .iter()
            .enumerate()
            .map(|(at, (kind, within))| PlannedJoin {
                kind: *kind,
                left: at.checked_sub(1).map_or(Operand::Stream(StreamId::new(0)), Operand::Join),
                right: Operand::Stream(StreamId::new(at + 1)),
                keys: JoinKeys::On(vec![JoinKey { left: "k".to_owned(), right: "k".to_owned() }]),
                lo: -seconds(*within),
                hi: seconds(*within),
                pick: Pick::Session,
            })
            .collect(),
        projection: Vec::new(),
        stages: Stages::default(),
    }
}

struct Run {
    engine: Correlator,
    next: u32,
    names: Vec<String>,
    released: Vec<u32>,
}

impl Run {
    fn new(joins: &[(JoinKind, i64)], emit: Emit) -> Self {
        Self::of(plan(joins), emit)
    }

    fn of(plan: Plan, emit: Emit) -> Self {
        let options = CorrelatorOptions {
            late_tolerance: Span::ZERO,
            emit,
            processing_interval: Span::ZERO,
            sources: vec![SourceOptions { bounded: true, ..SourceOptions::default() }; 4],
            max_events_per_correlation: 100_000,
            ..CorrelatorOptions::default()
        };
        let engine = Correlator::new(plan, options).expect("the options are sound");
        Self { engine, next: 0, names: Vec::new(), released: Vec::new() }
    }

    /// Pushes one event, written `a@4` or `b@6:key`.
    fn push(&mut self, event: &str) -> Vec<String> {
        let (name, key) = event.split_once(':').unwrap_or((event, "x"));
        let (stream, time) = name.split_once('@').expect("an event is stream@second");
        let source = "abcd".find(stream).expect("a stream is a, b, c or d");
        let millis = time.parse::<f64>().expect("seconds") * 1_000.0;
        let end = u32::try_from(key.len()).expect("short");
        self.names.push(format!("{stream}{time}"));
        let events = HostEvents {
            handles: &[self.next],
            millis: &[millis],
            nanos: &[0],
            texts: key,
            // A label, a join key and a message.
            ends: &[end; 3],
            weights: &[],
        };
        self.next += 1;
        self.engine.push_events(SourceId::new(source), &events).expect("the columns fit");
        self.drain()
    }

    fn end(&mut self) -> Vec<String> {
        for at in 0..self.engine.plan().sources.len() {
            self.engine.close(SourceId::new(at));
        }
        self.drain()
    }

    fn drain(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Correlation(correlation) => {
                    let events = correlation.events().map(|event| match event.payload() {
                        Payload::Host(host) => self.names[host.handle.0 as usize].clone(),
                        Payload::Raw(_) => unreachable!("only host events were pushed"),
                    });
                    let events = events.collect::<Vec<_>>().join(" ");
                    let revision = correlation.revision();
                    let last = if correlation.is_final() { " final" } else { "" };
                    all.push(format!("{{{events}}} r{revision}{last}"));
                }
                Output::Released(handle) => self.released.push(handle.0),
                _ => {}
            }
        }
        all
    }
}

const EXAMPLE: [&str; 7] = ["a@0", "a@4", "b@6", "a@30", "b@35", "b@37", "a@80"];

fn run_example(kind: JoinKind) -> Vec<String> {
    run_picking(kind, 10, Pick::Session, Emit::Final)
}

fn run_picking(kind: JoinKind, within: i64, pick: Pick, emit: Emit) -> Vec<String> {
    let mut plan = plan(&[(kind, within)]);
    if kind.is_ordered() {
        plan.joins[0].lo = Span::ZERO;
    }
    plan.joins[0].pick = pick;
    let mut run = Run::of(plan, emit);
    let mut all: Vec<String> = EXAMPLE.iter().flat_map(|event| run.push(event)).collect();
    all.extend(run.end());
    assert_eq!(run.engine.metrics().held_events, 0, "everything decided is forgotten");
    let mut released = run.released;
    released.sort_unstable();
    assert_eq!(released, [0, 1, 2, 3, 4, 5, 6], "every host event is released once");
    all
}

#[test]
fn and_joins_what_matches() {
    assert_eq!(run_example(JoinKind::And), ["{a0 a4 b6} r1 final", "{a30 b35 b37} r1 final"]);
}

#[test]
fn policies_pick_matches() {
    let picked =
        |kind, pick| run_picking(kind, 10, pick, Emit::Final).join(" ").replace(" r1 final", "");
    assert_eq!(picked(JoinKind::And, Pick::Pairs), "{a0 b6} {a4 b6} {a30 b35} {a30 b37}");
    assert_eq!(picked(JoinKind::And, Pick::First), "{a0 b6} {a30 b35}");
    assert_eq!(picked(JoinKind::Then, Pick::Latest), "{a4 b6} {a30 b35}");
    let group = Pick::GroupLeft(Vec::new());
    assert_eq!(picked(JoinKind::And, group.clone()), "{a0 b6} {a4 b6} {a30 b35 b37}");
    assert_eq!(picked(JoinKind::Unless, group), "{a80}");
    let group = Pick::GroupRight(Vec::new());
    assert_eq!(picked(JoinKind::And, group), "{a0 a4 b6} {a30 b35} {a30 b37}");
    assert_eq!(picked(JoinKind::Or, Pick::Pairs), "{a0 b6} {a4 b6} {a30 b35} {a30 b37} {a80}");
    assert_eq!(picked(JoinKind::Or, Pick::First), "{a0 b6} {a4} {a30 b35} {a80}");
    assert_eq!(picked(JoinKind::Outer, Pick::First), "{a0 b6} {a4} {a30 b35} {b37} {a80}");
    assert_eq!(picked(JoinKind::Then, Pick::Session), "{a0 a4 b6} {a30 b35 b37}");
    assert_eq!(picked(JoinKind::ThenNot, Pick::Session), "{a80}");
}

#[test]
fn eager_groups_grow() {
    let group = Pick::GroupLeft(Vec::new());
    let expected = [
        "{a0 b6} r1",
        "{a4 b6} r1",
        "{a0 b6} r1 final",
        "{a4 b6} r1 final",
        "{a30 b35} r1",
        "{a30 b35 b37} r2",
        "{a30 b35 b37} r2 final",
    ];
    assert_eq!(run_picking(JoinKind::And, 10, group, Emit::Eager), expected);
    let pairs = run_picking(JoinKind::And, 10, Pick::Pairs, Emit::Eager).join(" ");
    assert_eq!(pairs.replace(" r1 final", ""), "{a0 b6} {a4 b6} {a30 b35} {a30 b37}");
}

#[test]
fn or_reports_the_left_side_too() {
    let expected = ["{a0 a4 b6} r1 final", "{a30 b35 b37} r1 final", "{a80} r1 final"];
    assert_eq!(run_example(JoinKind::Or), expected);
}

#[test]
fn unless_reports_what_has_no_match() {
    assert_eq!(run_example(JoinKind::Unless), ["{a80} r1 final"]);
}

#[test]
fn nothing_negative_is_claimed_before_the_close() {
    let mut run = Run::new(&[(JoinKind::Unless, 10)], Emit::Final);
    assert!(run.push("a@80").is_empty());
    assert!(run.push("b@90:other").is_empty(), "W is 80: b has only reached 90, a 80");
    assert!(run.push("a@90:other").is_empty(), "W is 90: an event at 90 may still come");
    assert!(run.push("b@90.5:other").is_empty());
    assert_eq!(run.push("a@90.5:other"), ["{a80} r1 final"]);
}

#[test]
fn unmatched_events_are_grouped_by_gap() {
    let mut run = Run::new(&[(JoinKind::Unless, 10)], Emit::Final);
    let mut all = Vec::new();
    for event in ["a@0", "a@10", "a@15", "b@23", "a@20", "a@40", "a@51"] {
        all.extend(run.push(event));
    }
    all.extend(run.end());
    // a15 and a20 match b23; a0 and a10 are 10 s apart; a40 and a51 are not.
    assert_eq!(all, ["{a0 a10} r1 final", "{a40} r1 final", "{a51} r1 final"]);
}

#[test]
fn eager_delivers_grows_and_ends() {
    let mut run = Run::new(&[(JoinKind::And, 10)], Emit::Eager);
    let mut all = Vec::new();
    for event in EXAMPLE {
        all.extend(run.push(event));
    }
    all.extend(run.end());
    let expected = [
        "{a0 a4 b6} r1",
        // b35 moves the watermark to 30, past the close of the first.
        "{a0 a4 b6} r1 final",
        "{a30 b35} r1",
        "{a30 b35 b37} r2",
        "{a30 b35 b37} r2 final",
    ];
    assert_eq!(all, expected);
}

#[test]
fn three_streams_bridge_only_through_results() {
    let mut run = Run::new(&[(JoinKind::And, 10), (JoinKind::And, 10)], Emit::Final);
    let mut all = Vec::new();
    // c15 is near b20 and near a5, but a5 and b20 do not match each other.
    for event in ["a@5", "c@15", "b@20", "a@40", "b@42", "c@50"] {
        all.extend(run.push(event));
    }
    all.extend(run.end());
    assert_eq!(all, ["{a40 b42 c50} r1 final"]);
    assert_eq!(run.engine.metrics().held_events, 0);
}

#[test]
fn a_dense_key_is_one_session() {
    let mut run = Run::new(&[(JoinKind::And, 10)], Emit::Final);
    let mut all = Vec::new();
    for at in 0..20_000 {
        all.extend(run.push(&format!("a@{}", f64::from(at) / 1_000.0)));
        all.extend(run.push(&format!("b@{}", f64::from(at) / 1_000.0)));
    }
    all.extend(run.end());
    assert_eq!(all.len(), 1);
    assert_eq!(run.engine.metrics().held_events, 0);
}

#[test]
fn a_limit_of_none_ends_at_once() {
    let options = CorrelatorOptions { limit: Some(0), ..CorrelatorOptions::default() };
    let mut engine =
        Correlator::new(plan(&[(JoinKind::And, 10)]), options).expect("the options are sound");
    assert!(engine.has_ended());
    assert!(matches!(engine.poll(), Some(Output::End(None))));
    assert!(engine.poll().is_none());
}

#[test]
fn what_one_record_cannot_hold_is_refused() {
    let options =
        CorrelatorOptions { max_memory: (3_000 << 20) + 1, ..CorrelatorOptions::default() };
    let error = Correlator::new(plan(&[(JoinKind::And, 10)]), options).expect_err("too much");
    assert!(error.to_string().contains("maxMemoryMB: must be at most 3000"), "{error}");
}

#[test]
fn one_large_push_keeps_to_the_memory_bound() {
    let options = CorrelatorOptions { max_memory: 4 << 20, ..CorrelatorOptions::default() };
    let mut engine =
        Correlator::new(plan(&[(JoinKind::And, 10)]), options).expect("the options are sound");
    let line =
        |at: i64| format!("{{\"time\":{},\"k\":\"{at}\"}}", 1_795_209_609_000_i64 + at / 100);
    let lines: Vec<String> = (0..100_000).map(line).collect();
    engine.push(SourceId::new(0), lines.join("\n").as_bytes());
    let peak = engine.metrics().peak_memory;
    assert!(peak < 8 << 20, "held {peak} bytes");
}

#[test]
fn a_batch_ends_before_it_gets_large() {
    let options = CorrelatorOptions { max_memory: 1 << 30, ..CorrelatorOptions::default() };
    let mut engine =
        Correlator::new(plan(&[(JoinKind::And, 10)]), options).expect("the options are sound");
    let text = "x".repeat(1 << 20);
    let line = |key: usize| {
        let text = &text[..text.len() - 200];
        format!("{{\"time\":1795209609,\"k\":\"{key}\",\"message\":\"{text}\"}}\n")
    };
    for source in [0, 1] {
        for key in 0..32 {
            engine.push(SourceId::new(source), line(key).as_bytes());
        }
    }
    for source in [0, 1] {
        engine.close(SourceId::new(source));
    }
    let mut batches = 0;
    loop {
        let mut batch = Batch::default();
        engine.drain(1_000, &mut batch);
        if batch.is_empty() {
            break;
        }
        let length = batch.finish().len();
        assert!(length < limits::BATCH_BYTES + (3 << 20), "a batch of {length} bytes");
        batches += 1;
    }
    assert!(batches > 1, "all was drained");
}

#[test]
fn late_events_join_a_dense_key() {
    let mut run = Run::new(&[(JoinKind::And, 60)], Emit::Final);
    run.push("a@59:other");
    for at in 0..20_000 {
        run.push(&format!("b@{}", f64::from(at) * 59.0 / 20_000.0));
    }
    run.push("b@59:another");
    for _ in 0..20_000 {
        run.push("a@30");
    }
    let all = run.end();
    assert_eq!((all.len(), run.engine.metrics().late_matched), (1, 20_000));
}

#[test]
fn a_dense_key_of_unmatched_events_is_one_group() {
    let mut run = Run::new(&[(JoinKind::Unless, 10)], Emit::Final);
    run.engine.close(SourceId::new(1));
    let mut all = Vec::new();
    for at in 0..60_000 {
        all.extend(run.push(&format!("a@{}", f64::from(at) / 1_000.0)));
    }
    all.extend(run.end());
    assert_eq!(all.len(), 1);
}

/// An engine for a query, and what its first source is known to have: names with values.
fn known(query: &str, lines: impl IntoIterator<Item = String>) -> (Correlator, Vec<String>) {
    let plan = check(query, &PlanOptions::default()).plan.expect("a query");
    let mut engine = Correlator::new(plan, CorrelatorOptions::default()).expect("good options");
    for line in lines {
        engine.push(SourceId::new(0), line.as_bytes());
    }
    engine.flush(SourceId::new(0));
    let labels = engine.vocabulary().sources.remove(0).labels;
    let shown = labels.iter().map(|label| format!("{}={}", label.name, label.values.join(",")));
    let shown = shown.collect();
    (engine, shown)
}

fn line(second: usize, rest: &str) -> String {
    format!("{{\"time\":{},{rest}}}\n", 1_700_000_000 + second)
}

#[test]
fn labels_and_values_of_events_are_known_selected_or_not() {
    let lines = || [line(0, r#""a":"1","msg":"{\"b\":\"2\"}""#), line(1, r#""a":"3""#)];
    let (_, labels) = known(r#"x({a="9"}) and on(k) y({})"#, lines());
    assert_eq!(labels, ["a=3,1"]);
    // What is extracted is known of selected events.
    let (mut engine, labels) =
        known(r#"x({a="1"} | regexp `b.*(?P<b>\d)`) and on(k) y({})"#, lines());
    assert_eq!(labels, ["a=3,1", "b=2"]);
    let memory = engine.metrics().memory;
    engine.observe(SourceId::new(1), [("c", "4"), ("d", ""), ("e", &"5".repeat(200))]);
    assert!(engine.metrics().memory > memory, "what is known is accounted");
    let names = engine.vocabulary().sources.remove(1).labels;
    assert_eq!(names.iter().map(|label| label.name.as_str()).collect::<Vec<_>>(), ["c", "e"]);
    engine.stop();
    assert!(engine.vocabulary().sources.iter().all(|source| source.labels.is_empty()));
}

#[test]
fn one_source_read_twice_is_known_once() {
    let lines = [line(0, r#""a":"1""#)];
    let (engine, labels) = known(r#"x({a="1"}) and on(a) x({a="2"})"#, lines);
    assert_eq!((labels, engine.vocabulary().sources.len()), (vec!["a=1".to_owned()], 1));
}

#[test]
fn only_a_sample_of_many_events_is_looked_at() {
    let every = usize::try_from(limits::KNOWN_EVERY).expect("few");
    let lines = (0..100 * every).map(|at| line(at, &format!(r#""n{}":"1""#, at / every * 100)));
    let (engine, labels) = known("x({}) and on(k) y({})", lines);
    assert_eq!(labels.len(), 100, "each of the labels is frequent enough to be seen");
    assert!(labels.starts_with(&["n0=1".to_owned(), "n100=1".to_owned()]), "{labels:?}");
    assert!(engine.metrics().memory < 1 << 20);
}

#[test]
fn latency_is_that_of_the_event_that_completes() {
    for (emit, eager, finals) in
        [(Emit::Final, vec![], vec![(7_007, 1)]), (Emit::Eager, vec![(0, 1)], vec![(7_007, 1)])]
    {
        let mut run = Run::new(&[(JoinKind::And, 5)], emit);
        for (at, event) in [(1, "a@1:k"), (4, "b@2:k"), (9, "b@90:other"), (11, "a@90")] {
            run.engine.set_clock(Span::from_millis(at));
            run.push(event);
        }
        run.engine.note_turn(Span::from_millis(3));
        let metrics = run.engine.metrics();
        assert_eq!(
            (metrics.latency.eager.buckets, metrics.latency.finals.buckets),
            (eager, finals)
        );
        assert_eq!(metrics.turns.max, 3_000);
    }
}
