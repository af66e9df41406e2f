//! Events that stay with the host: only what the plan reads of them crosses, as columns.
//!
//! Owns which columns a source needs and how a row becomes an [`Event`](crate::event::Event). A row
//! costs one copy of the texts it has.

mod batch;
mod times;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::{Fields, SLOTS, Slot};
use crate::id::{HostEvent, HostHandle, SourceId};
use crate::options::Dedupe;
use crate::plan::{KeyLabels, Plan};
use crate::time::{NANOS_PER_MILLI, Timestamp};

pub use batch::{ColumnBatch, Columns};
pub(crate) use times::read_times;

/// Which parts of its events a source has to send.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnNames {
    /// Labels, as matchers and keys read them.
    pub labels: Vec<String>,
    /// Join keys that events may name themselves, as keys read them.
    pub join_keys: Vec<String>,
    /// Whether every label is needed, since a key is made of all but some, or repeats are told by all.
    /// They then come as one
    /// JSON object per row, and `labels` is empty.
    pub all_labels: bool,
    /// Whether the message is needed: for line filters and parsers, which see it as the line, for keys
    /// found in messages, and to tell repeats.
    pub message: bool,
    /// Whether it is needed of every event. Where not, it is looked at only for keys which are no label
    /// of the event: one that has all of `labels` need not send it.
    pub message_always: bool,
}

impl ColumnNames {
    /// The columns that the plan needs of `source`, and `dedupe` to tell repeats.
    pub fn of(plan: &Plan, source: SourceId, dedupe: Option<&Dedupe>) -> Self {
        let mut names = Self::default();
        match dedupe.map(|dedupe| &dedupe.fields) {
            None => {}
            Some(None) => (names.all_labels, names.message_always) = (true, true),
            Some(Some(fields)) => {
                names.message_always = fields.iter().any(|field| field == "message");
                names.labels.extend(fields.iter().cloned());
            }
        }
        for stream in &plan.sources[source.index()].streams {
            let reads = plan.streams[stream.index()].pipeline.reads();
            names.message_always |= reads.line;
            names.labels.extend(reads.labels);
            let kept = &plan.streams[stream.index()].kept;
            names.message |= !kept.is_empty();
            names.labels.extend(kept.iter().cloned());
            names.join_keys.extend(kept.iter().cloned());
            for join in 0..plan.joins.len() {
                match plan.key_labels(join, stream.index()) {
                    Some(KeyLabels::All(keys)) => {
                        names.message = true;
                        names.labels.extend(keys.iter().cloned());
                        names.join_keys.extend(keys);
                    }
                    Some(KeyLabels::AllBut(_)) => names.all_labels = true,
                    None => {}
                }
            }
        }
        names.labels.extend(plan.projection.iter().map(|matcher| matcher.label.clone()));
        names.message |= names.message_always;
        if names.all_labels {
            names.labels.clear();
        }
        for list in [&mut names.labels, &mut names.join_keys] {
            list.sort();
            list.dedup();
        }
        names
    }

    /// What a decoder has to read out of the bytes of `source`.
    pub fn of_bytes(plan: &Plan, source: SourceId, dedupe: Option<&Dedupe>) -> Self {
        let mut names = Self::of(plan, source, dedupe);
        let mut streams = plan.sources[source.index()].streams.iter();
        if streams.any(|stream| plan.streams[stream.index()].pipeline.extracts_anything()) {
            names.all_labels = true;
            names.labels.clear();
        }
        names
    }

    /// The column of a label.
    pub(crate) fn column(&self, label: &str) -> Column {
        let found = self.labels.binary_search_by(|name| name.as_str().cmp(label));
        Column(found.ok().and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX))
    }

    /// How many cells a row of [`HostEvents`] has.
    fn cells(&self) -> usize {
        let labels = if self.all_labels { 1 } else { self.labels.len() };
        labels + self.join_keys.len() + usize::from(self.message)
    }

    /// What [`HostEvents::row`] fills, where whatever reads it goes by the columns of `read`.
    pub(crate) fn fields(&self, read: &Self) -> Fields {
        let is_slotted = self == read
            && !self.all_labels
            && self.labels.len() <= SLOTS
            && self.join_keys.len() <= SLOTS;
        if !is_slotted {
            return Fields::default();
        }
        let (labels, join_keys) = (self.labels.iter(), self.join_keys.iter());
        Fields::with_slots(labels.map(String::as_str), join_keys.map(String::as_str))
    }
}

/// The column of a label in [`ColumnNames::labels`], if it has one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Column(u16);

impl Column {
    /// That of a label of which it is not known.
    pub const UNKNOWN: Self = Self(u16::MAX);

    /// The position among the names.
    pub fn index(self) -> Option<usize> {
        (self != Self::UNKNOWN).then_some(usize::from(self.0))
    }
}

/// A batch of host events: of each its handle, its time and a row of cells.
///
/// A cell is a text, empty for what is missing. A row has one for each of [`ColumnNames::labels`], or,
/// where all labels are needed, one with a JSON object of texts; then one for each of
/// [`ColumnNames::join_keys`], and one for the message where that is needed.
#[derive(Copy, Clone, Debug)]
pub struct HostEvents<'a> {
    /// The host's number for each event.
    pub handles: &'a [u32],
    /// Whole milliseconds since the epoch.
    pub millis: &'a [f64],
    /// Nanoseconds within the millisecond.
    pub nanos: &'a [u32],
    /// The texts of all cells, row by row, one after the other.
    pub texts: &'a str,
    /// Where each cell ends in them.
    pub ends: &'a [u32],
    /// Bytes that each takes in the host, which count as held with it; empty where they are not to.
    pub weights: &'a [u32],
}

/// A batch whose columns do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ColumnError(pub String);

impl<'a> HostEvents<'a> {
    /// How many events there are.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Checks that the columns have the lengths that `names` calls for and name texts that exist.
    ///
    /// # Errors
    /// Says which column does not fit.
    pub fn check(&self, names: &ColumnNames) -> Result<(), ColumnError> {
        let rows = self.len();
        for (name, length, expected) in [
            ("millis", self.millis.len(), rows),
            ("nanos", self.nanos.len(), rows),
            ("ends", self.ends.len(), rows * names.cells()),
        ]
        .into_iter()
        .chain((!self.weights.is_empty()).then_some(("weights", self.weights.len(), rows)))
        {
            if length != expected {
                let message = format!("column {name} has {length} entries, expected {expected}");
                return Err(ColumnError(message));
            }
        }
        let mut start = 0;
        for end in self.ends {
            let end = *end as usize;
            if end < start || !self.texts.is_char_boundary(end) {
                return Err(ColumnError(format!("text end {end} does not follow {start}")));
            }
            start = end;
        }
        if names.all_labels {
            for row in 0..rows {
                label_set(self.cells(row, names).next().unwrap_or_default()).map_err(|error| {
                    ColumnError(format!("the labels of row {row} are no object of texts: {error}"))
                })?;
            }
        }
        Ok(())
    }

    /// Fills `fields`, of [`ColumnNames::fields`] or any others, with row `row`.
    pub(crate) fn row(&self, row: usize, names: &ColumnNames, fields: &mut Fields) -> Row<'a> {
        let mut cells = self.cells(row, names);
        if fields.has_slots() {
            fields.clear_slots();
            for at in 0..names.labels.len() {
                fields.fill_text(Slot::Label(slot(at)), cells.next().unwrap_or_default());
            }
            for at in 0..names.join_keys.len() {
                let text = cells.next().unwrap_or_default();
                // Mostly there is none, and the slot is empty.
                if !text.is_empty() {
                    fields.fill_text(Slot::JoinKey(slot(at)), text);
                }
            }
        } else {
            fields.clear();
            if names.all_labels {
                // Checked to be one before any row is taken.
                let labels = cells.next().and_then(|text| label_set(text).ok());
                for (name, value) in labels.iter().flatten() {
                    fields.set_label(name, value);
                }
            }
            for (name, text) in names.labels.iter().zip(&mut cells) {
                if !text.is_empty() {
                    fields.set_label(name, text);
                }
            }
            for (name, text) in names.join_keys.iter().zip(&mut cells) {
                if !text.is_empty() {
                    fields.set_join_key(name, text);
                }
            }
        }
        let message = cells.next().unwrap_or_default();
        if !message.is_empty() {
            fields.set_message(message);
        }
        Row {
            host: HostEvent {
                handle: HostHandle(self.handles[row]),
                bytes: self.weights.get(row).copied().unwrap_or(0),
            },
            time: timestamp(self.millis[row], self.nanos[row]),
            message,
        }
    }

    fn cells(&self, row: usize, names: &ColumnNames) -> impl Iterator<Item = &'a str> + use<'a> {
        let (texts, cells) = (self.texts, names.cells());
        let from = row * cells;
        let mut start = from.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.ends[from..from + cells].iter().map(move |end| {
            let text = &texts[start..*end as usize];
            start = *end as usize;
            text
        })
    }
}

/// The number of a slot.
#[expect(clippy::cast_possible_truncation, reason = "there are no more slots than SLOTS")]
fn slot(at: usize) -> u16 {
    at as u16
}

/// The labels of a row, where they come as one object.
fn label_set(text: &str) -> serde_json::Result<BTreeMap<Cow<'_, str>, Cow<'_, str>>> {
    if text.is_empty() { Ok(BTreeMap::new()) } else { serde_json::from_str(text) }
}

/// One row of [`HostEvents`], besides its fields.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Row<'a> {
    pub host: HostEvent,
    /// Event time.
    pub time: Timestamp,
    /// The message, which stands for the line.
    pub message: &'a str,
}

/// Milliseconds are whole numbers far below 2⁵³, so the conversion is exact; what is not finite or
/// out of range saturates.
#[allow(clippy::cast_possible_truncation)]
fn timestamp(millis: f64, nanos: u32) -> Timestamp {
    let millis = millis as i64;
    Timestamp::from_nanos(millis.saturating_mul(NANOS_PER_MILLI).saturating_add(i64::from(nanos)))
}

#[cfg(test)]
mod tests {
    use super::{ColumnNames, Dedupe, Fields, HostEvents, SourceId};
    use crate::limits;
    use crate::query::{PlanOptions, check};

    #[test]
    fn messages_are_always_needed_only_where_they_are_compared_or_read() {
        let needs = |query, dedupe: Option<&Dedupe>| {
            let plan = check(query, &PlanOptions::default()).plan.expect("the query is sound");
            let names = ColumnNames::of(&plan, SourceId::new(0), dedupe);
            (names.message, names.message_always)
        };
        let dedupe = |fields: &[&str]| Dedupe {
            fields: Some(fields.iter().map(|&field| field.to_owned()).collect()),
            ..Dedupe::default()
        };
        let plain = "a({}) and on(k) b({})";
        assert_eq!(needs(plain, None), (true, false));
        assert_eq!(needs("a({} |= \"x\") and on(k) b({})", None), (true, true));
        assert_eq!(needs("a({}) and ignoring(k) b({})", None), (false, false));
        assert_eq!(needs(plain, Some(&Dedupe::default())), (true, true));
        assert_eq!(needs(plain, Some(&dedupe(&["k"]))), (true, false));
        assert_eq!(needs(plain, Some(&dedupe(&["message"]))), (true, true));
    }

    #[test]
    fn a_row_is_the_same_in_slots_and_without() {
        let names = ColumnNames {
            labels: vec!["a".into(), "b".into()],
            join_keys: vec!["b".into()],
            message: true,
            ..ColumnNames::default()
        };
        let long = "x".repeat(limits::MAX_FIELDS_BYTES);
        let texts = format!("1é+m2{long}");
        let lengths = [1, 2, 1, 1, 0, 0, 0, 0, 1, long.len(), 0, 0];
        let ends: Vec<u32> = lengths
            .iter()
            .scan(0, |end, length| {
                *end += length;
                u32::try_from(*end).ok()
            })
            .collect();
        let (handles, millis, nanos) = ([7, 8, 9], [1.0, -1.0, f64::NAN], [1, 0, 0]);
        let events = HostEvents {
            handles: &handles,
            millis: &millis,
            nanos: &nanos,
            texts: &texts,
            ends: &ends,
            weights: &[0, 5, 6],
        };
        assert_eq!(events.check(&names), Ok(()));
        let shown = |mut fields: Fields| {
            let rows = (0..3).map(|at| {
                let row = events.row(at, &names, &mut fields);
                let event = crate::event::Event { time: row.time, raw: "", fields: &fields };
                let own = |text: Option<&str>| text.map(str::to_owned);
                let column = names.column("b").index();
                let column = event.columns().zip(column).and_then(|(all, at)| all.get(at));
                assert!(column.is_none() || column == event.label("b").map(str::as_bytes));
                (
                    (
                        row.host.handle.0,
                        row.host.bytes,
                        row.time.as_nanos(),
                        row.message.to_owned(),
                    ),
                    (own(event.label("a")), own(event.label("b")), own(event.join_key("b"))),
                    (event.message().to_owned(), fields.dropped()),
                )
            });
            rows.collect::<Vec<_>>()
        };
        let rows = shown(names.fields(&names));
        assert!(
            names.fields(&names).has_slots() && !names.fields(&ColumnNames::default()).has_slots()
        );
        assert_eq!(rows, shown(Fields::default()));
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(rows[0].0, (7, 0, 1_000_001, "m".to_owned()));
        assert_eq!(rows[0].1, (text("1"), text("é"), text("+")));
        assert_eq!((&rows[1].1, rows[1].2.1), (&(None, None, None), 0));
        assert_eq!((&rows[2].1, rows[2].2.1), (&(text("2"), None, None), 1));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let names = ColumnNames { labels: vec!["a".into()], ..ColumnNames::default() };
        let check = |texts: &str, ends: &[u32]| {
            let handles: Vec<u32> = (0..2).collect();
            let (millis, nanos, weights) = (&[0.0; 2], &[0; 2], &[]);
            let events = HostEvents { handles: &handles, millis, nanos, texts, ends, weights };
            events.check(&names).map_err(|error| error.0)
        };
        assert_eq!(check("ab", &[1, 2]), Ok(()));
        let refused = |texts, ends| check(texts, ends).expect_err("it does not fit");
        assert_eq!(refused("ab", &[1]), "column ends has 1 entries, expected 2");
        assert_eq!(refused("ab", &[2, 1]), "text end 1 does not follow 2");
        assert_eq!(refused("ab", &[1, 3]), "text end 3 does not follow 1");
        assert_eq!(refused("é", &[1, 2]), "text end 1 does not follow 0");
        let all = ColumnNames { all_labels: true, ..ColumnNames::default() };
        let (handles, millis, nanos) = ([0], [0.0], [0]);
        let events = HostEvents {
            handles: &handles,
            millis: &millis,
            nanos: &nanos,
            texts: "{",
            ends: &[1],
            weights: &[],
        };
        assert!(events.check(&all).is_err_and(|error| error.0.contains("row 0")));
    }
}
