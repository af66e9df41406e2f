//! What a source has been seen to have, to complete queries with: names of labels and some of their
//! values.
//!
//! Owns what is kept: a sample, in a fixed number of bytes. The first events are looked at, then one of
//! every [`limits::KNOWN_EVERY`]; an event that is not costs one comparison, and one that is a hash and a
//! scan of hashes per label. Where there is no room, every label gives up the half of its values that is
//! seen least. Does not know what is selected, nor what completing does with it.

use std::cmp::Reverse;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::limits;
use crate::query::KnownLabel;

/// Bytes of a value or name beside its text: its entry, with what a growing list holds in reserve,
/// and the allocation of the text.
const ENTRY_BYTES: usize = 2 * size_of::<Value>() + 16;

/// What has been seen of one source.
#[derive(Debug)]
pub(super) struct Known {
    seed: u64,
    /// Bytes that may be used.
    room: usize,
    memory: usize,
    /// Events looked at; wraps.
    looks: u32,
    labels: Vec<Label>,
}

#[derive(Debug)]
struct Label {
    hash: u64,
    name: Box<str>,
    count: u64,
    values: Vec<Value>,
}

#[derive(Debug)]
struct Value {
    hash: u64,
    text: String,
    count: u32,
    /// The look that saw it last.
    last: u32,
}

impl Known {
    /// Nothing yet, and never more than `room` bytes.
    pub fn new(room: usize, seed: u64) -> Self {
        Self { seed, room, memory: 0, looks: 0, labels: Vec::new() }
    }

    /// Whether the event of this number, from 1, is looked at.
    pub fn looks_at(number: u64) -> bool {
        number <= limits::KNOWN_FIRST || number.is_multiple_of(limits::KNOWN_EVERY)
    }

    /// Looks at labels of one event. Empty values are missing ones.
    pub fn look<'a>(&mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.looks = self.looks.wrapping_add(1);
        for (name, value) in labels {
            if !value.is_empty() && name.len() <= limits::KNOWN_BYTES {
                self.note(name, value);
            }
        }
        self.fit();
    }

    /// From now on not more than `room` bytes may be used.
    pub fn set_room(&mut self, room: usize) {
        self.room = room;
        self.fit();
    }

    fn fit(&mut self) {
        while self.memory > self.room {
            self.give_up();
        }
    }

    fn note(&mut self, name: &str, value: &str) {
        let hash = xxh3_64_with_seed(name.as_bytes(), self.seed);
        let same = |label: &Label| label.hash == hash && *label.name == *name;
        let at = self.labels.iter().position(same).unwrap_or_else(|| {
            if self.labels.len() == limits::KNOWN_LABELS {
                self.forget_labels();
            }
            self.memory += ENTRY_BYTES + name.len();
            self.labels.push(Label { hash, name: name.into(), count: 0, values: Vec::new() });
            self.labels.len() - 1
        });
        let label = &mut self.labels[at];
        label.count += 1;
        if value.len() > limits::KNOWN_BYTES {
            return;
        }
        let hash = xxh3_64_with_seed(value.as_bytes(), self.seed);
        let same = |known: &&mut Value| known.hash == hash && *known.text == *value;
        if let Some(known) = label.values.iter_mut().find(same) {
            known.count = known.count.saturating_add(1);
            known.last = self.looks;
            return;
        }
        let last = self.looks;
        if label.values.len() < limits::KNOWN_VALUES {
            let new = Value { hash, text: value.to_owned(), count: 1, last };
            self.memory += new.memory();
            label.values.push(new);
        } else if let Some(least) = label.values.iter_mut().min_by_key(|value| value.rank()) {
            self.memory -= least.memory();
            (least.hash, least.count, least.last) = (hash, 1, last);
            // Used again: there is a new value for about every event that is looked at.
            least.text.clear();
            least.text.push_str(value);
            self.memory += least.memory();
        }
    }

    /// Gives up half of the values of every label; where none has more than one, half of the labels.
    fn give_up(&mut self) {
        let before = self.memory;
        for label in &mut self.labels {
            label.values.sort_unstable_by_key(|value| Reverse(value.rank()));
            let kept = label.values.len().div_ceil(2);
            self.memory -= label.values[kept..].iter().map(Value::memory).sum::<usize>();
            label.values.truncate(kept);
            label.values.shrink_to_fit();
        }
        if self.memory == before {
            self.forget_labels();
        }
    }

    /// Forgets the half of the labels that is seen least.
    fn forget_labels(&mut self) {
        self.labels.sort_by_key(|label| Reverse(label.count));
        for label in self.labels.drain(self.labels.len() / 2..) {
            self.memory -= ENTRY_BYTES + label.name.len();
            self.memory -= label.values.iter().map(Value::memory).sum::<usize>();
        }
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.memory
    }

    /// What has been seen most often first; of values as frequent, the most recent.
    pub fn labels(&self) -> Vec<KnownLabel> {
        let mut labels: Vec<_> = self.labels.iter().collect();
        labels.sort_by_key(|label| Reverse(label.count));
        let known = |label: &Label| {
            let mut values: Vec<_> = label.values.iter().collect();
            values.sort_by_key(|value| Reverse(value.rank()));
            let values = values.into_iter().map(|value| value.text.clone()).collect();
            KnownLabel { name: label.name.to_string(), values }
        };
        labels.into_iter().map(known).collect()
    }
}

impl Value {
    fn memory(&self) -> usize {
        ENTRY_BYTES + self.text.capacity()
    }

    fn rank(&self) -> (u32, u32) {
        (self.count, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, limits};

    fn known(room: usize) -> Known {
        Known::new(room, 0)
    }

    /// Names and values, by rank.
    fn labels(known: &Known) -> Vec<(String, Vec<String>)> {
        known.labels().into_iter().map(|label| (label.name, label.values)).collect()
    }

    fn is_accounted(known: &Known) -> bool {
        let names = known.labels.iter().map(|label| super::ENTRY_BYTES + label.name.len());
        let values = known.labels.iter().flat_map(|label| &label.values).map(super::Value::memory);
        known.memory() == names.sum::<usize>() + values.sum::<usize>()
    }

    #[test]
    fn the_frequent_come_first_and_of_those_the_recent() {
        let mut known = known(1 << 16);
        for (level, id) in [("info", "1"), ("error", "2"), ("info", "3"), ("warn", "")] {
            known.look([("level", level), ("id", id)]);
        }
        let text = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        assert_eq!(
            labels(&known),
            [
                ("level".to_owned(), text(&["info", "warn", "error"])),
                ("id".to_owned(), text(&["3", "2", "1"])),
            ]
        );
    }

    #[test]
    fn values_are_bounded_and_frequent_ones_stay() {
        let mut known = known(1 << 20);
        let long = "x".repeat(limits::KNOWN_BYTES + 1);
        for number in 0..10 * limits::KNOWN_VALUES {
            let id = number.to_string();
            known.look([("id", id.as_str()), ("id", "common"), ("long", &long), (&long, "1")]);
        }
        let labels = labels(&known);
        assert_eq!(labels.len(), 2, "a name that is too long is not kept");
        assert_eq!(labels[0].1.len(), limits::KNOWN_VALUES);
        assert_eq!(labels[0].1[..2], ["common", "639"]);
        assert_eq!(labels[1], ("long".to_owned(), vec![]));
        assert!(is_accounted(&known));
    }

    #[test]
    fn names_are_bounded_and_frequent_ones_stay() {
        let mut known = known(1 << 20);
        for number in 0..10 * limits::KNOWN_LABELS {
            let name = format!("name{number}");
            known.look([("common", "1"), (name.as_str(), "1")]);
            assert!(known.labels.len() <= limits::KNOWN_LABELS);
        }
        assert_eq!(labels(&known)[0].0, "common");
        assert!(is_accounted(&known));
    }

    #[test]
    fn bytes_are_bounded_whatever_comes() {
        for room in [0, 100, 1_000, 10_000] {
            let mut known = known(room);
            for number in 0..2_000 {
                let (name, value) = (format!("n{}", number % 300), "v".repeat(number % 129));
                known.look([("level", "info"), (name.as_str(), &value), ("id", &name)]);
                assert!(known.memory() <= room && is_accounted(&known));
            }
            let level = labels(&known).into_iter().find(|(name, _)| name == "level");
            assert_eq!(level.is_some(), room >= 1_000, "{room}");
        }
    }
}
