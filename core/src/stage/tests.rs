//! What the tests of stages share: correlations made of literals.

mod diagnostics;
mod meaning;
mod random;
mod syntax;
mod together;

use super::*;
use crate::query::render;

/// An event: milliseconds since the epoch, and labels.
type Literal = (i64, &'static [(&'static str, &'static str)]);

/// Events of streams, each in event order: milliseconds since the epoch, and labels.
type Streams = Vec<Vec<(i64, Vec<(String, String)>)>>;

/// A correlation of events that stand in the test.
struct Made<'t> {
    stages: &'t Stages,
    streams: &'t Streams,
    own: &'t [(&'t str, &'t str)],
}

impl Group for Made<'_> {
    type Event = (usize, usize);

    fn events(&self, stream: Option<StreamId>) -> impl DoubleEndedIterator<Item = Self::Event> {
        let streams = self.streams.iter().enumerate();
        let chosen = streams.filter(move |(at, _)| stream.is_none_or(|one| one.index() == *at));
        let mut events: Vec<_> = chosen
            .flat_map(|(at, events)| (0..events.len()).map(move |event| (at, event)))
            .collect();
        events.sort_by_key(|&(stream, event)| (self.streams[stream][event].0, stream, event));
        events.into_iter()
    }

    fn time(&self, (stream, event): Self::Event) -> Timestamp {
        Timestamp::from_nanos(self.streams[stream][event].0 * 1_000_000)
    }

    fn label(&self, (stream, event): Self::Event, place: usize) -> Option<&str> {
        let name = &self.stages.reads(StreamId::new(stream))[place];
        let labels = &self.streams[stream][event].1;
        labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }

    fn own_label(&self, name: &str) -> Option<&str> {
        self.own.iter().find(|(label, _)| *label == name).map(|(_, value)| *value)
    }
}

const STREAMS: [&str; 4] = ["a", "b", "c", "app#4"];

fn scope(text: &str) -> Scope<'_> {
    Scope { text, streams: &STREAMS, labels: Some(&["request_id", "user", "err.code"]) }
}

/// Where the stage is that is all of `text`.
fn whole(text: &str) -> [Range<usize>; 1] {
    std::array::from_fn(|_| 0..text.len())
}

/// The stages of `text`, separated by `|`, compiled.
#[track_caller]
fn compiled(text: &str) -> Stages {
    checked(text).unwrap_or_else(|found| panic!("{text}\n{}", render(text, &found, false)))
}

fn checked(text: &str) -> Result<Stages, Vec<Diagnostic>> {
    let mut start = 0;
    let places = text.split(" | ").map(|part| {
        let place = start..start + part.len();
        start = place.end + 3;
        place
    });
    compile(&places.collect::<Vec<_>>(), scope(text)).stages
}

fn made(events: &[&[Literal]]) -> Streams {
    let owned = |labels: &[(&str, &str)]| {
        labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    events
        .iter()
        .map(|stream| stream.iter().map(|(time, labels)| (*time, owned(labels))).collect())
        .collect()
}

/// Whether `where condition` keeps a correlation of these events, by stream.
#[track_caller]
fn holds(condition: &str, events: &[&[Literal]]) -> bool {
    let stages = compiled(&format!("where {condition}"));
    let [PlannedStage::Where(filter)] = &stages.stages[..] else { panic!("one filter") };
    filter.holds(&Made { stages: &stages, streams: &made(events), own: &[] })
}
