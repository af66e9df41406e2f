//! The case format: what a file of `tests/cases` holds. Described for people in
//! `tests/cases/README.md`; whatever a file says that is not here is an error.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use logbraid_core::decode::DecoderOptions;
use logbraid_core::engine::{Late, Overflow};
use serde::Deserialize;

use crate::script;

/// A file of cases.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Its cases.
    pub case: Vec<Case>,
}

/// All cases of `tests/cases`.
///
/// # Panics
/// Where a file cannot be read, or is not one of cases.
pub fn written() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("tests/cases is there") {
        let path = entry.expect("is readable").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&path).expect("is readable");
            let file: CaseFile = toml::from_str(&text).expect("cases are well formed");
            all.extend(file.case);
        }
    }
    all
}

/// A query, what happens, and what must come of it.
#[derive(Deserialize, Clone, Debug, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Case {
    /// Unique within the file; a rule, in words.
    pub name: String,
    /// Where the rule comes from, and what would go wrong.
    pub why: String,
    /// The query.
    pub query: String,
    /// `final` (default) or `eager`.
    pub emit: Option<String>,
    /// Default `0s`, unlike the engine.
    pub late_tolerance: Option<String>,
    /// Default that of the engine, `5s`.
    pub idle_timeout: Option<String>,
    /// Default `0s`, unlike the engine.
    pub processing_interval: Option<String>,
    /// Instant.
    pub start: Option<String>,
    /// Instant.
    pub end: Option<String>,
    /// Number of final correlations after which the query ends.
    pub limit: Option<u64>,
    /// `match` (default) or `drop`.
    pub late: Option<Late>,
    /// `block` or `evict`; the default is that of the engine.
    pub overflow: Option<Overflow>,
    /// Events the engine may hold.
    pub max_events: Option<usize>,
    /// Bytes the engine may hold.
    pub max_memory: Option<usize>,
    /// Events a correlation may have.
    pub max_events_per_correlation: Option<usize>,
    /// `true`, or `{ window = "10s", fields = ["k"] }`.
    pub dedupe: Option<CaseDedupe>,
    /// `inner` (default), `left` or `outer`.
    pub join_type: Option<String>,
    /// Sources that do not end by themselves.
    pub live: Vec<String>,
    /// Sources with a query language of their own: the engine does not apply their selectors.
    pub selects: Vec<String>,
    /// Decoder options of sources that get `bytes`.
    pub decoders: BTreeMap<String, DecoderOptions>,
    /// How far the clocks of sources are ahead, such as `2s` or `-2s`.
    pub clock_skew: BTreeMap<String, String>,
    /// Whether outputs that pause and resume sources are part of what is expected.
    pub pace: bool,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// Counters at the end, those that are named.
    pub metrics: BTreeMap<String, i64>,
    /// Ids of all final correlations in order, where the case pins them.
    pub ids: Vec<String>,
    /// What is wrong with the query, in text order: `CODE line:column`.
    pub diagnostics: Vec<String>,
}

/// How repeats are told.
#[derive(Deserialize, Clone, Debug)]
#[serde(untagged)]
pub enum CaseDedupe {
    /// By the defaults of the engine, or not at all.
    Default(bool),
    /// As written.
    Options {
        /// How long an event is remembered.
        window: Option<String>,
        /// What is compared.
        fields: Option<Vec<String>>,
    },
}

/// One thing that happens, and all that comes of it.
#[derive(Deserialize, Clone, Debug, Default)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Step {
    /// Source to push to: `events`, `bytes` or `hex`.
    pub push: Option<String>,
    /// Compact events.
    pub events: Option<String>,
    /// Text as the source would deliver it.
    pub bytes: Option<String>,
    /// Bytes as hexadecimal digits, for what is not text.
    pub hex: Option<String>,
    /// Source that has nothing more to say for now.
    pub flush: Option<String>,
    /// Source that ends; `*` for all that have not.
    pub close: Option<String>,
    /// Source that reads what is of the past, or is interrupted.
    pub away: Option<String>,
    /// Source that is so no longer.
    pub back: Option<String>,
    /// Bytes the engine may hold from now on.
    pub max_memory: Option<usize>,
    /// The host's time.
    pub advance: Option<String>,
    /// Correlations, all of them, in order.
    pub expect: Vec<String>,
    /// Notices, all of them, in order.
    pub notices: Vec<String>,
}

impl Case {
    /// How far the clock of a source is ahead, in nanoseconds.
    ///
    /// # Errors
    /// What the case says is no duration.
    pub fn clock_skew_of(&self, source: &str) -> Result<i64, String> {
        let text = self.clock_skew.get(source).map_or("0s", String::as_str);
        match text.strip_prefix('-') {
            Some(behind) => Ok(-script::duration(behind)?),
            None => script::duration(text),
        }
    }

    /// The case as it would be written in a file, to be pasted there.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("[[case]]\n");
        let mut line = |name: &str, value: &str| {
            let value = toml::Value::from(value);
            text.push_str(&format!("{name} = {value}\n"));
        };
        line("name", &self.name);
        line("why", &self.why);
        line("query", &self.query);
        for (name, value) in [
            ("emit", &self.emit),
            ("lateTolerance", &self.late_tolerance),
            ("idleTimeout", &self.idle_timeout),
            ("start", &self.start),
            ("end", &self.end),
        ] {
            if let Some(value) = value {
                line(name, value);
            }
        }
        if let Some(limit) = self.limit {
            text.push_str(&format!("limit = {limit}\n"));
        }
        if self.late == Some(Late::Drop) {
            text.push_str("late = \"drop\"\n");
        }
        if !self.live.is_empty() {
            text.push_str(&format!("live = {:?}\n", self.live));
        }
        if let Some(CaseDedupe::Options { window: Some(window), fields: Some(fields) }) =
            &self.dedupe
        {
            text.push_str(&format!("dedupe = {{ window = {window:?}, fields = {fields:?} }}\n"));
        }
        text.push_str("steps = [\n");
        for step in &self.steps {
            let mut parts = Vec::new();
            for (name, value) in [
                ("push", &step.push),
                ("events", &step.events),
                ("advance", &step.advance),
                ("close", &step.close),
            ] {
                if let Some(value) = value {
                    parts.push(format!("{name} = {}", toml::Value::from(value.as_str())));
                }
            }
            if !step.expect.is_empty() {
                let expect: Vec<_> =
                    step.expect.iter().map(|one| format!("\n    {one:?},")).collect();
                parts.push(format!("expect = [{}\n  ]", expect.concat()));
            }
            text.push_str(&format!("  {{ {} }},\n", parts.join(", ")));
        }
        text.push_str("]\n");
        text
    }
}

impl Step {
    /// Sources that are away from now on, or back.
    pub fn moves(&self) -> impl Iterator<Item = (&String, bool)> {
        let away = self.away.iter().map(|name| (name, true));
        away.chain(self.back.iter().map(|name| (name, false)))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("push", &self.push),
            ("events", &self.events),
            ("bytes", &self.bytes),
            ("hex", &self.hex),
            ("flush", &self.flush),
            ("close", &self.close),
            ("away", &self.away),
            ("back", &self.back),
            ("advance", &self.advance),
        ];
        let said = parts.iter().filter_map(|(name, value)| {
            let value = value.as_deref()?;
            Some(format!("{name} = {value:?}"))
        });
        let bound = self.max_memory.map(|bytes| format!("maxMemory = {bytes}"));
        f.write_str(&said.chain(bound).collect::<Vec<_>>().join(", "))
    }
}
