//! Events of a case as columns, as a host hands them over.

use std::collections::BTreeMap;

use logbraid_core::columns::{ColumnNames, HostEvents};

use crate::script::{BASE, ScriptEvent};

/// The columns of some host events, owned.
#[derive(Default)]
pub(crate) struct Columns {
    handles: Vec<u32>,
    millis: Vec<f64>,
    nanos: Vec<u32>,
    texts: String,
    ends: Vec<u32>,
}

impl Columns {
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn of(events: &[ScriptEvent], names: &ColumnNames, first: usize) -> Self {
        let mut columns = Self::default();
        let count = |number: usize| u32::try_from(number).expect("cases are small");
        for (at, event) in events.iter().enumerate() {
            let time = BASE + event.time;
            columns.handles.push(count(first + at));
            columns.millis.push(time.div_euclid(1_000_000) as f64);
            columns.nanos.push(u32::try_from(time.rem_euclid(1_000_000)).expect("is a remainder"));
            if names.all_labels {
                let all: BTreeMap<_, _> = event.all_labels().collect();
                let text = serde_json::to_string(&all).expect("texts can be written");
                columns.cell(Some(&text));
            }
            for name in &names.labels {
                let label = event.all_labels().find(|(label, _)| label == name);
                columns.cell(label.map(|(_, value)| value));
            }
            names.join_keys.iter().for_each(|_| columns.cell(None));
            if names.message {
                columns.cell(event.label("msg"));
            }
        }
        columns
    }

    fn cell(&mut self, text: Option<&str>) {
        self.texts.push_str(text.unwrap_or_default());
        self.ends.push(u32::try_from(self.texts.len()).expect("cases are small"));
    }

    pub(crate) fn view(&self) -> HostEvents<'_> {
        HostEvents {
            handles: &self.handles,
            millis: &self.millis,
            nanos: &self.nanos,
            texts: &self.texts,
            ends: &self.ends,
            weights: &[],
        }
    }
}
