//! What is known of sources, for completing.

use serde::{Deserialize, Serialize};

/// What a host knows to complete with.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Vocabulary {
    /// The sources a query may name, in the order they are offered.
    pub sources: Vec<KnownSource>,
}

/// A source of a [`Vocabulary`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct KnownSource {
    /// Its name.
    pub name: String,
    /// Whether it applies selectors itself: only labels and values are completed in them then.
    pub selects: bool,
    /// The labels seen, in the order they are offered.
    pub labels: Vec<KnownLabel>,
}

/// A label of a [`KnownSource`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct KnownLabel {
    /// Its name.
    pub name: String,
    /// The values seen, in the order they are offered.
    pub values: Vec<String>,
}

impl Vocabulary {
    /// Adds a source. Of one that is known already it adds the labels and values that are not,
    /// after those that are; the source then selects where either says so. Costs the labels there
    /// times those added, and so with values.
    ///
    /// ```
    /// use logbraid_core::query::{KnownLabel, KnownSource, Vocabulary};
    ///
    /// let shop = |values: &[&str]| {
    ///     let values = values.iter().map(|&value| value.to_owned()).collect();
    ///     let labels = vec![KnownLabel { name: "app".to_owned(), values }];
    ///     KnownSource { name: "shop".to_owned(), selects: false, labels }
    /// };
    /// let mut known = Vocabulary::default();
    /// known.add(shop(&["cart", "till"]));
    /// known.add(shop(&["till", "mail"]));
    /// assert_eq!(known.sources, [shop(&["cart", "till", "mail"])]);
    /// ```
    pub fn add(&mut self, source: KnownSource) {
        let there = self.sources.iter_mut().find(|known| known.name == source.name);
        let Some(there) = there else { return self.sources.push(source) };
        there.selects |= source.selects;
        for label in source.labels {
            match there.labels.iter_mut().find(|known| known.name == label.name) {
                None => there.labels.push(label),
                Some(known) => {
                    for value in label.values {
                        if !known.values.contains(&value) {
                            known.values.push(value);
                        }
                    }
                }
            }
        }
    }
}
