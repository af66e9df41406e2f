//! What a stream makes of an event before any join sees it: whether it is selected, its keys, and what
//! is kept of its labels.
//!
//! Knows nothing of other events: this may be done for several of them at once, in any order.

use crate::columns::ColumnNames;
use crate::event::{Columns, Event, Fields};
use crate::id::{SourceId, StreamId};
use crate::join::shape::TableLabels;
use crate::key::{self, EventKeys, KeyPatterns};
use crate::plan::{KeyLabels, Plan};
use crate::select::Selected;
use crate::window::record::KeptLabels;

/// The short ways into the streams of a source.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    /// One for each stream, or none.
    pub all: Vec<Route>,
    /// Whether no event gets into more than one stream.
    pub are_exclusive: bool,
}

/// How an event gets into a stream where nothing counts but what a few of its labels are: those that the
/// selector compares, and the one that is the key.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub stream: StreamId,
    /// The column of the label that is the key.
    key: usize,
    comparisons: Vec<Comparison>,
}

#[derive(Clone, Debug)]
struct Comparison {
    column: usize,
    is_equal: bool,
    value: Box<[u8]>,
}

/// What looking at an event has come to.
pub(super) enum Routed<'a> {
    /// The stream selects it, with this key.
    Selected(&'a [u8]),
    /// The stream does not select it.
    Left,
    /// One of the labels is missing, or not among the columns: it has to be looked at as a whole.
    Unclear,
}

impl Routes {
    /// The ways into the streams of a source, of events with these columns; none where more counts.
    pub fn new(plan: &Plan, source: SourceId, columns: &ColumnNames) -> Self {
        let streams = plan.sources[source.index()].streams.iter();
        let all = streams.map(|stream| Route::new(plan, *stream, columns)).collect::<Option<_>>();
        let all: Vec<Route> = all.unwrap_or_default();
        let mut pairs = all.iter().enumerate().flat_map(|(at, route)| {
            let others = all[at + 1..].iter();
            others.map(move |other| route.excludes(other))
        });
        Self { are_exclusive: pairs.all(|excludes| excludes), all }
    }
}

impl Route {
    /// Whether no event that gets in gets into the stream of another.
    fn excludes(&self, other: &Self) -> bool {
        self.comparisons.iter().any(|own| {
            let mut others = other.comparisons.iter();
            others.any(|other| {
                own.column == other.column
                    && own.is_equal
                    && other.is_equal
                    && own.value != other.value
            })
        })
    }

    fn new(plan: &Plan, stream: StreamId, columns: &ColumnNames) -> Option<Self> {
        let comparisons = plan.streams[stream.index()].pipeline.comparisons()?;
        let comparisons = comparisons.map(|(label, is_equal, value)| {
            let column = columns.column(label).index()?;
            Some(Comparison { column, is_equal, value: value.as_bytes().into() })
        });
        let key = match plan.key_labels(0, stream.index())? {
            KeyLabels::All(labels) => match labels.as_slice() {
                [label] => columns.column(label).index()?,
                _ => return None,
            },
            KeyLabels::AllBut(_) => return None,
        };
        Some(Self { stream, key, comparisons: comparisons.collect::<Option<_>>()? })
    }

    /// Looks at the columns of an event.
    #[expect(
        clippy::inline_always,
        reason = "the way of every event, in the engine and in readers"
    )]
    #[inline(always)]
    pub fn look<'a>(&self, event: &Columns<'a>) -> Routed<'a> {
        for Comparison { column, is_equal, value } in &self.comparisons {
            let Some(own) = event.get(*column) else { return Routed::Unclear };
            if (own == &**value) != *is_equal {
                return Routed::Left;
            }
        }
        event.get(self.key).map_or(Routed::Unclear, Routed::Selected)
    }
}

/// What was read of an event for one stream, in buffers that are reused from event to event.
#[derive(Debug)]
pub(super) struct Reading {
    /// What the parsers of the stream's selector added.
    pub extracted: Fields,
    pub keys: EventKeys,
    pub kept: KeptLabels,
}

impl Reading {
    pub fn new(keys: EventKeys) -> Self {
        Self { extracted: Fields::default(), keys, kept: KeptLabels::default() }
    }

    /// Reads an event for a stream. `None` where the stream does not select it, else whether the
    /// projection drops it from results.
    #[expect(
        clippy::inline_always,
        reason = "the way of every event, in the engine and in readers"
    )]
    #[inline(always)]
    pub fn read(
        &mut self,
        plan: &Plan,
        tables: &[TableLabels],
        patterns: &KeyPatterns,
        stream: StreamId,
        event: &Event<'_>,
    ) -> Option<bool> {
        let planned = &plan.streams[stream.index()];
        if !planned.pipeline.keeps(event, &mut self.extracted) {
            return None;
        }
        let selected = Selected { event: *event, extracted: &self.extracted };
        let mut matchers = plan.projection.iter();
        let hidden = matchers.any(|matcher| !matcher.accepts(selected.label(&matcher.label)));
        self.keys.read(&selected, stream, tables, patterns);
        let labels = planned.kept.iter();
        self.kept.read(labels.map(|label| key::value(&selected, label, patterns)));
        Some(hidden)
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{Correlator, CorrelatorOptions, Output};
    use crate::id::SourceId;
    use crate::limits;
    use crate::query::{PlanOptions, check};
    use crate::window::record::Payload;

    /// The lines in each correlation.
    fn answer(query: &str, lines: &str) -> Vec<Vec<String>> {
        let plan = check(query, &PlanOptions::default()).plan.expect("a query");
        let mut engine =
            Correlator::new(plan, CorrelatorOptions::default()).expect("the options are sound");
        engine.push(SourceId::new(0), lines.as_bytes());
        engine.close(SourceId::new(0));
        let mut all = Vec::new();
        while let Some(output) = engine.poll() {
            if let Output::Correlation(correlation) = output {
                let lines = correlation.events().map(|event| match event.payload() {
                    Payload::Raw(line) => line.to_owned(),
                    Payload::Host(_) => unreachable!("only bytes were pushed"),
                });
                all.push(lines.collect());
            }
        }
        all
    }

    /// Events beyond those that are looked at as a whole, each with one of `bodies` in turn.
    fn lines(bodies: &[&str]) -> String {
        let count = usize::try_from(limits::KNOWN_FIRST).expect("few") * 2;
        let line = |at: usize| {
            let (minute, second) = (at / 60, at % 60);
            let body = bodies[at % bodies.len()];
            format!("{{\"ts\":\"2026-01-01T00:{minute:02}:{second:02}Z\",{body}}}\n")
        };
        (0..count).map(line).collect()
    }

    /// The same question, asked so that an event is not looked at by its columns alone.
    #[track_caller]
    fn assert_short_way_is_no_other(bodies: &[&str]) {
        let lines = lines(bodies);
        let short = r#"f({service="a"}) and on(id) within(10s) f({service="b"})"#;
        let long = r#"f({service=~"a|a"}) and on(id) within(10s) f({service=~"b|b"})"#;
        let found = answer(short, &lines);
        assert!(!found.is_empty());
        assert_eq!(found, answer(long, &lines));
    }

    #[test]
    fn a_label_is_not_that_of_the_event_before() {
        let (a, b) = (r#""service":"a","id":"1""#, r#""service":"b","id":"1""#);
        assert_short_way_is_no_other(&[a, b, r#""servicf":"b","id":"1""#]);
        assert_short_way_is_no_other(&[a, b, r#""service":"b","ie":"1""#]);
        assert_short_way_is_no_other(&[a, b, r#""service":null,"x":"b","id":"1""#]);
        assert_short_way_is_no_other(&[a, b, r#""service":"","x":"b","id":"1""#]);
        assert_short_way_is_no_other(&[a, b, r#""servicf":"b","service":"a","id":"2""#]);
    }
}
