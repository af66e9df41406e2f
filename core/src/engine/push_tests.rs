//! However the bytes of a source are cut into pushes, the answer is the same: much of what the engine does can
//! wait until a push ends.

use crate::engine::{Correlator, CorrelatorOptions, Output, Payload};
use crate::id::SourceId;
use crate::query::{PlanOptions, check};
use crate::time::Span;

/// Some numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Events over ten minutes, up to three seconds out of order: of most keys a few, of one many.
fn log(seed: u64) -> String {
    let mut numbers = Numbers(seed);
    let mut lines = String::new();
    for number in 0..6_000_u64 {
        let disorder = [3_000, 20, 900, 20, 900][usize::try_from(number % 5).expect("small")];
        let millis = 10_000 + number * 100 - numbers.below(disorder);
        let key = if numbers.below(12) == 0 { 0 } else { number / 8 + numbers.below(12) };
        let service = ["a", "b"][usize::try_from(numbers.below(2)).expect("small")];
        let (minutes, seconds, millis) = (millis / 60_000, millis / 1_000 % 60, millis % 1_000);
        lines += &format!(
            "{{\"ts\":\"2026-01-01T00:{minutes:02}:{seconds:02}.{millis:03}Z\",\"service\":\"{service}\",\"id\":\"{key}\"}}\n"
        );
    }
    lines
}

/// The correlations in order, each with its lines, and how many events were late.
fn answer(query: &str, pushes: impl Iterator<Item = String>) -> (Vec<String>, u64) {
    let plan = check(query, &PlanOptions::default()).plan.expect("a query");
    let options = CorrelatorOptions {
        late_tolerance: Span::from_millis(1_000),
        ..CorrelatorOptions::default()
    };
    let mut engine = Correlator::new(plan, options).expect("the options are sound");
    let mut all = Vec::new();
    let mut drain = |engine: &mut Correlator| {
        while let Some(output) = engine.poll() {
            let Output::Correlation(correlation) = output else { continue };
            let lines = correlation.events().map(|event| match event.payload() {
                Payload::Raw(line) => line.to_owned(),
                Payload::Host(_) => unreachable!("only bytes were pushed"),
            });
            all.push(format!("{}: {}", correlation.id(), lines.collect::<Vec<_>>().join(" ")));
        }
    };
    for push in pushes {
        engine.push(SourceId::new(0), push.as_bytes());
        drain(&mut engine);
    }
    engine.close(SourceId::new(0));
    drain(&mut engine);
    (all, engine.metrics().late)
}

#[test]
fn the_answer_does_not_depend_on_where_pushes_end() {
    let joins = [
        "and on(id) within(5s)",
        "and on(id) within(500ms)",
        "then on(id) within(500ms)",
        "then on(id) within(20s)",
        "then on(id) within(2s, 4s)",
        "or on(id) within(1s)",
        "unless on(id) within(1s)",
    ];
    for (join, seed) in joins.iter().chain(&joins).zip(1..) {
        let (log, query) = (log(seed), format!(r#"f({{service="a"}}) {join} f({{service="b"}})"#));
        let by_line = answer(&query, log.split_inclusive('\n').map(str::to_owned));
        assert!(by_line.0.len() > 100, "{query}: {} correlations", by_line.0.len());
        assert!(by_line.1 > 100, "{query}: {} late events", by_line.1);
        let lines: Vec<_> = log.split_inclusive('\n').collect();
        for size in [7, 600, lines.len()] {
            let by_many = answer(&query, lines.chunks(size).map(<[&str]>::concat));
            assert_eq!(by_line, by_many, "{query}, {size} lines at once");
        }
    }
}

#[test]
fn a_result_does_not_wait_for_events_of_its_key_that_came_before_it() {
    // Each with what it is, its key and when it is, in tenths of a second.
    let events = [
        ("a", "1", 100),
        ("a", "1", 92),
        ("b", "1", 93),
        ("a", "2", 94),
        ("b", "2", 95),
        ("c", "-", 109),
        ("c", "-", 112),
        ("c", "-", 130),
    ];
    let line = |(service, key, tenths): (&str, &str, u32)| {
        let (second, tenth) = (tenths / 10, tenths % 10);
        format!(
            "{{\"ts\":\"2026-01-01T00:00:{second:02}.{tenth}00Z\",\"service\":\"{service}\",\"id\":\"{key}\"}}\n"
        )
    };
    // Looked at as a whole, so that all that follows takes the short way.
    let before = (0..300).map(|_| line(("c", "-", 0)));
    let query = r#"f({service="a"}) and on(id) within(500ms) f({service="b"})"#;
    let pushes: Vec<_> = before.chain(events.map(line)).collect();
    let (told, late) = answer(query, pushes.iter().cloned());
    let keys: Vec<_> = told.iter().map(|told| told.contains("\"id\":\"1\"")).collect();
    assert_eq!((keys, late), (vec![true, false], 0), "{told:?}");
    assert_eq!(answer(query, [pushes.concat()].into_iter()), (told, late));
}
