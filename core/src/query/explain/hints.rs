//! What would make a query cheaper without changing what it finds.

use crate::id::StreamId;
use crate::key::KeyPatterns;
use crate::plan::{JoinKind, Operand, Pick, Plan};
use crate::query::ast::{Query, list};
use crate::query::{Duration, PlanOptions};
use crate::regex_size::RegexSize;
use crate::select::{MatchOp, Matcher};
use crate::stage::ast::{CompareOp, Condition, Value};
use crate::stage::{self, Stage};
use crate::time::Span;

/// What would make a query cheaper, whose streams wait for `reaches`.
pub(super) fn hints(
    plan: &Plan,
    query: &Query,
    reaches: &[Span],
    options: &PlanOptions,
) -> Vec<String> {
    let mut hints = Vec::new();
    if !query.projection.is_empty() {
        hints.push(format!(
            "`{{{}}}` drops events after they have been held and joined: push the filter into the \
             selectors if the events it drops are not needed for matching",
            list(&query.projection)
        ));
    }
    hints.extend(late_filters(plan, query));
    let usual = options.default_range;
    for (stream, reach) in plan.streams.iter().zip(reaches) {
        let (name, range) = (&stream.name, Duration(stream.range));
        let times = reach.as_nanos().checked_div(usual.as_nanos()).unwrap_or(0);
        if times >= 2 {
            hints.push(format!(
                "range {} of `{name}` holds {times} times what {} does: give a shorter range, or \
                 `within(...)`",
                Duration(*reach),
                Duration(usual)
            ));
        } else if stream.range > *reach && plan.sources[stream.source.index()].pushed_down.is_some()
        {
            hints.push(format!(
                "`{name}` waits for {} only, while its range reads {range} back: a shorter range \
                 reads less",
                Duration(*reach)
            ));
        }
    }
    hints
}

/// Hints for comparisons of `where` that a selector could make with the same results.
///
/// That is so for comparisons that a result has to pass, and of a stream with one event in each
/// result, where a result depends on no other event of it: a selector takes events away, `where` only
/// whole results. Connected events (`session`) are results of several events, `first` and `latest`
/// would choose anew, and what lacks a match would be reported.
fn late_filters(plan: &Plan, query: &Query) -> Vec<String> {
    let mut hints = Vec::new();
    if !query.projection.is_empty() {
        return hints;
    }
    for stage in &query.stages {
        let condition = match stage::parse(&stage.value, 0) {
            Ok(Stage::Where { condition, .. }) => condition,
            // What comes behind counts other results than a selector would leave.
            Ok(Stage::Limit { .. }) | Err(_) => break,
            Ok(Stage::Select { .. }) => continue,
        };
        let needed = match condition {
            Condition::And { of } => of,
            condition => vec![condition],
        };
        for condition in &needed {
            if let Some(name) = selectable(condition)
                && has_one_event(plan, name)
            {
                hints.push(format!(
                    "`where {condition}` drops results whose events have been held and joined: \
                     push the filter into the selector of `{name}`, where it means the same"
                ));
            }
        }
    }
    hints
}

/// The stream of a comparison of one of its labels with a constant, if a selector compares so too.
fn selectable(condition: &Condition) -> Option<&str> {
    let (Condition::Compare(comparison) | Condition::Every(comparison)) = condition else {
        return None;
    };
    let Value::Label { stream, label, .. } = &comparison.left else { return None };
    // A stage also finds ids in messages.
    if KeyPatterns::default().knows(label) {
        return None;
    }
    let same = match (&comparison.right, comparison.op.value) {
        (Value::Number(_) | Value::Duration(_), _) | (Value::Text(_), CompareOp::Equal) => true,
        // To a selector a missing label is the empty text, to a stage it satisfies nothing.
        (Value::Text(text), CompareOp::Match) => {
            let matcher = Matcher::new(
                label.clone(),
                MatchOp::Match,
                text.value.clone(),
                RegexSize::each_of(1),
            );
            matcher.is_ok_and(|matcher| !matcher.accepts(None))
        }
        _ => false,
    };
    same.then_some(stream.value.as_str())
}

/// Whether each result has one event of the stream, and depends on no other of it.
fn has_one_event(plan: &Plan, name: &str) -> bool {
    if !plan.joins.iter().all(|join| matches!(join.kind, JoinKind::And | JoinKind::Then)) {
        return false;
    }
    if plan.joins.iter().all(|join| join.pick == Pick::Pairs) {
        return true;
    }
    let [join] = plan.joins.as_slice() else { return false };
    let single = match join.pick {
        Pick::GroupLeft(_) => join.left,
        Pick::GroupRight(_) => join.right,
        _ => return false,
    };
    plan.streams.iter().enumerate().any(|(at, stream)| {
        let position = format!("{}#{}", plan.sources[stream.source.index()].name, at + 1);
        single == Operand::Stream(StreamId::new(at)) && (stream.name == name || position == name)
    })
}
