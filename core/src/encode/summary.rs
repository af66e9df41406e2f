//! What a host has to know of a plan, as JSON.

use serde::Serialize;

use crate::columns::ColumnNames;
use crate::id::SourceId;
use crate::options::Dedupe;
use crate::plan::{Plan, PlannedSource};
use crate::query::{Checked, Diagnostic};
use crate::time::{NANOS_PER_MILLI, Span};

#[derive(Serialize)]
struct CheckedJson<'a> {
    diagnostics: &'a [Diagnostic],
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanJson<'a>>,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    sources: Vec<SourceJson<'a>>,
    streams: Vec<StreamJson<'a>>,
    columns: Vec<ColumnNames>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceJson<'a> {
    name: &'a str,
    selector: Option<&'a str>,
    range_ms: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamJson<'a> {
    name: &'a str,
    alias: Option<&'a str>,
    source: usize,
    selector: &'a str,
    range_ms: i64,
}

/// The outcome of a check as `{diagnostics, plan?}`, where the plan is `{sources: [{name, selector,
/// rangeMs}], streams: [{name, alias, source, selector, rangeMs}], columns: [{labels, joinKeys,
/// message}]}`, the columns with what `dedupe` needs. `selector` of a source is `null` where the engine selects.
pub fn checked_json(checked: &Checked, dedupe: Option<&Dedupe>) -> String {
    let plan = checked.plan.as_ref().map(|plan| summarize(plan, dedupe));
    let json = CheckedJson { diagnostics: &checked.diagnostics, plan };
    serde_json::to_string(&json).expect("a summary is plain data")
}

fn summarize<'p>(plan: &'p Plan, dedupe: Option<&Dedupe>) -> PlanJson<'p> {
    // Rather too much is read than too little.
    let up = Span::from_nanos(NANOS_PER_MILLI - 1);
    let source = |source: &PlannedSource| source.range(plan).plus(up).as_millis();
    PlanJson {
        sources: plan
            .sources
            .iter()
            .map(|planned| SourceJson {
                name: &planned.name,
                selector: planned.pushed_down.as_deref(),
                range_ms: source(planned),
            })
            .collect(),
        streams: plan
            .streams
            .iter()
            .map(|stream| StreamJson {
                name: &stream.name,
                alias: stream.alias.as_deref(),
                source: stream.source.index(),
                selector: &stream.selector,
                range_ms: stream.range.as_millis(),
            })
            .collect(),
        columns: (0..plan.sources.len())
            .map(|at| ColumnNames::of(plan, SourceId::new(at), dedupe))
            .collect(),
    }
}
