//! A query as a `futures::Stream` finds what the engine finds, reads no further than it may, and ends as
//! the query does.

use std::cell::Cell;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::executor::block_on_stream;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use logbraid_core::Emit;
use logbraid_core::correlation::Correlation;
use logbraid_core::decode::DecoderOptions;
use logbraid_core::engine::{Correlator, CorrelatorOptions, Notice, Overflow, SourceOptions};
use logbraid_core::query::{PlanOptions, check};
use logbraid_core::stream::{Found, correlations};
use logbraid_core::time::{Span, Timestamp};

fn engine(query: &str, options: CorrelatorOptions) -> Correlator {
    let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
    Correlator::new(plan, options).expect("the options make sense")
}

/// A second of the day, and a key.
fn line(second: usize, key: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    format!("{{\"time\":\"2026-01-01T00:{minute:02}:{second:02}Z\",\"k\":\"{key}\"}}\n")
}

fn key(correlation: Correlation<'_>) -> String {
    correlation.join_value().collect()
}

#[test]
fn pieces_of_lines_from_both_sides_are_joined() {
    let engine = engine("a({}) and on(k) within(1s) b({})", CorrelatorOptions::default());
    let text: String = (0..3_000).map(|at| line(at, &format!("k{at}"))).collect();
    let pieces = |size: usize| {
        let bytes: Vec<Vec<u8>> = text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        stream::iter(bytes)
    };
    let found: Vec<_> =
        block_on_stream(correlations(engine, [pieces(7), pieces(4_000)], key)).collect();
    let expected: Vec<_> = (0..3_000).map(|at| Ok(Found::Correlation(format!("k{at}")))).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_source_that_is_ahead_is_not_asked() {
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    let fast = stream::iter(0..3_000).map(move |at| {
        count.set(at);
        line(at, "x")
    });
    let (slow, waiting) = mpsc::unbounded::<String>();
    let sources: [stream::LocalBoxStream<'_, String>; 2] =
        [fast.boxed_local(), waiting.boxed_local()];
    let options =
        CorrelatorOptions { late_tolerance: Span::from_millis(1_000), ..Default::default() };
    let engine = engine("a({})[1m] and on(k) within(1s) b({})[1m]", options);
    let mut found = correlations(engine, sources, key);
    // Nothing is known of the other source, which is bounded: it is waited for.
    assert!(found.next().now_or_never().is_none());
    let before = asked.get();
    assert!(before < 2_000, "it was asked {before} times");
    slow.unbounded_send(line(2_999, "x")).expect("it is read");
    drop(slow);
    let last = futures::executor::block_on(found.next());
    assert!(matches!(last, Some(Ok(Found::Correlation(_)))), "{last:?}");
    assert_eq!(asked.get(), 2_999);
}

#[test]
fn a_clock_lets_go_of_what_is_live() {
    // A format that is given: nothing of a line is held back to find it out.
    let own = |text: &str| Some(text.to_owned());
    let (format, time, message) = (own("ndjson"), own("time"), own("message"));
    let decoder = DecoderOptions { format, time, message, ..DecoderOptions::default() };
    let live = SourceOptions { bounded: false, decoder, ..SourceOptions::default() };
    let options = CorrelatorOptions {
        late_tolerance: Span::from_millis(0),
        emit: Emit::Final,
        sources: vec![live.clone(), live],
        ..Default::default()
    };
    let engine = engine("a({})[1m] unless on(k) within(1s) b({})[1m]", options);
    let line = line(0, "alone");
    let one = stream::iter([line]).chain(stream::pending());
    let sources: [BoxStream<'_, String>; 2] = [one.boxed(), stream::pending().boxed()];
    let second = 1_000_000_000;
    let begun = 1_767_225_600 * second;
    let ticks = stream::iter(0..200).map(move |at| Timestamp::from_nanos(begun + at * second / 10));
    let mut found = correlations(engine, sources, key).with_clock(ticks);
    let first = futures::executor::block_on(found.next());
    assert_eq!(first, Some(Ok(Found::Correlation("alone".to_owned()))));
}

#[test]
fn bad_lines_are_told_and_an_overrun_ends_it() {
    let options = CorrelatorOptions {
        max_events: Some(10),
        overflow: Some(Overflow::Block),
        ..CorrelatorOptions::default()
    };
    let engine = engine("a({}) and on(k) within(10s) b({})", options);
    let lines = |prefix: &str| {
        let lines: String = (0..50).map(|at| line(at % 5, &format!("{prefix}{at}"))).collect();
        stream::iter(vec![format!("{lines}nonsense\n")])
    };
    let told: Vec<_> =
        block_on_stream(correlations(engine, [lines("a"), lines("b")], key)).collect();
    let is_bad = |told: &Result<Found<String>, _>| {
        matches!(told, Ok(Found::Notice(Notice::BadLine { code: "LINE_NOT_JSON", .. })))
    };
    assert!(told.iter().any(is_bad), "{told:?}");
    assert!(told.last().is_some_and(Result::is_err), "{told:?}");
}
