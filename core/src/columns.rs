//! Events that stay with the host: only what the plan reads of them crosses, as columns.
//!
//! Owns which columns a source needs and how a row becomes an [`Event`](crate::event::Event). A row
//! costs one copy of the texts it has.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::Fields;
use crate::id::{HostHandle, SourceId};
use crate::options::Dedupe;
use crate::plan::{KeyLabels, Plan};
use crate::time::{NANOS_PER_MILLI, Timestamp};

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

    fn label_columns(&self) -> usize {
        if self.all_labels { 1 } else { self.labels.len() }
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

/// A batch of host events, in the columns of [`ColumnNames`]. Text `0` is the missing text.
#[derive(Copy, Clone, Debug)]
pub struct HostEvents<'a> {
    /// The host's number for each event.
    pub handles: &'a [u32],
    /// Whole milliseconds since the epoch.
    pub millis: &'a [f64],
    /// Nanoseconds within the millisecond.
    pub nanos: &'a [u32],
    /// All texts, one after the other.
    pub texts: &'a str,
    /// Where each text ends; the first is empty and ends at 0.
    pub text_ends: &'a [u32],
    /// Row by row, one text per label column; where all labels are needed, one JSON object of
    /// texts per row.
    pub labels: &'a [u32],
    /// Row by row, one text per join key column.
    pub join_keys: &'a [u32],
    /// One text per row; empty where the message is not needed.
    pub messages: &'a [u32],
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
        let lengths = [
            ("millis", self.millis.len(), rows),
            ("nanos", self.nanos.len(), rows),
            ("labels", self.labels.len(), rows * names.label_columns()),
            ("joinKeys", self.join_keys.len(), rows * names.join_keys.len()),
            ("messages", self.messages.len(), if names.message { rows } else { 0 }),
        ];
        for (name, length, expected) in lengths {
            if length != expected {
                let message = format!("column {name} has {length} entries, expected {expected}");
                return Err(ColumnError(message));
            }
        }
        let columns = [self.labels, self.join_keys, self.messages];
        let largest = columns.iter().flat_map(|column| column.iter()).max().copied().unwrap_or(0);
        if largest as usize >= self.text_ends.len() && largest > 0 {
            let texts = self.text_ends.len();
            return Err(ColumnError(format!(
                "text {largest} is named, but there are {texts} texts"
            )));
        }
        if names.all_labels {
            for row in 0..rows {
                self.label_set(row).map_err(|error| {
                    ColumnError(format!("the labels of row {row} are no object of texts: {error}"))
                })?;
            }
        }
        let mut start = 0;
        for end in self.text_ends {
            let end = *end as usize;
            if end < start || !self.texts.is_char_boundary(end) {
                return Err(ColumnError(format!("text end {end} does not follow {start}")));
            }
            start = end;
        }
        Ok(())
    }

    /// The labels of a row, where they come as one object.
    fn label_set(&self, row: usize) -> serde_json::Result<BTreeMap<Cow<'a, str>, Cow<'a, str>>> {
        match self.labels[row] {
            0 => Ok(BTreeMap::new()),
            text => serde_json::from_str(self.text(text)),
        }
    }

    /// Fills `fields` with row `row`.
    pub fn row(&self, row: usize, names: &ColumnNames, fields: &mut Fields) -> Row<'a> {
        fields.clear();
        for (at, name) in names.labels.iter().enumerate() {
            let text = self.labels[row * names.labels.len() + at];
            if text != 0 {
                fields.set_label(name, self.text(text));
            }
        }
        if names.all_labels {
            // Checked to be one before any row is taken.
            let labels = self.label_set(row).unwrap_or_default();
            for (name, value) in &labels {
                fields.set_label(name, value);
            }
        }
        for (at, name) in names.join_keys.iter().enumerate() {
            let text = self.join_keys[row * names.join_keys.len() + at];
            if text != 0 {
                fields.set_join_key(name, self.text(text));
            }
        }
        let message = self.messages.get(row).map_or("", |text| self.text(*text));
        fields.set_message(message);
        Row {
            handle: HostHandle(self.handles[row]),
            time: timestamp(self.millis[row], self.nanos[row]),
            message,
        }
    }

    fn text(&self, text: u32) -> &'a str {
        let Some(before) = (text as usize).checked_sub(1) else { return "" };
        &self.texts[self.text_ends[before] as usize..self.text_ends[text as usize] as usize]
    }
}

/// One row of [`HostEvents`], besides its fields.
#[derive(Copy, Clone, Debug)]
pub struct Row<'a> {
    /// The host's number.
    pub handle: HostHandle,
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
    use super::{ColumnNames, Dedupe, SourceId};
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
}
