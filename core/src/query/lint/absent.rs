//! Streams that no result has an event of, and what is asked of them all the same.

use std::ops::Range;

use crate::plan::{JoinKind, Plan};
use crate::query::ast::{Grouping, Join, Side};
use crate::query::diagnostic::{Diagnostic, code};
use crate::stage::Stage;
use crate::stage::ast::{Condition, Value};

/// By stream, the operator that leaves it out of all results.
fn absent(plan: &Plan) -> Vec<Option<JoinKind>> {
    let mut absent = vec![None; plan.streams.len()];
    for join in plan.joins.iter().filter(|join| !join.kind.reports_matches()) {
        absent[plan.streams_of(join.right)].fill(Some(join.kind));
    }
    absent
}

/// Groups that copy labels of such streams.
pub(super) fn copied(plan: &Plan, joins: &[&Join], diagnostics: &mut Vec<Diagnostic>) {
    let absent = absent(plan);
    for (join, planned) in joins.iter().zip(&plan.joins) {
        let Some(grouping) = join.grouping.as_ref().filter(|it| !it.labels.is_empty()) else {
            continue;
        };
        let side = if grouping.side == Side::Left { planned.right } else { planned.left };
        let streams = &absent[plan.streams_of(side)];
        if let Some(kind) = streams[0].filter(|_| streams.iter().all(Option::is_some)) {
            let Grouping { side, span, .. } = grouping;
            let message = format!(
                "no label is copied: `{kind}` reports only its left side, so that no result has an \
                 event to copy from"
            );
            diagnostics.push(
                Diagnostic::warning(code::QUERY_NO_EFFECT, span.clone(), message)
                    .suggesting(format!("write `group_{side}()`")),
            );
        }
    }
}

/// Stages that name such streams.
pub(super) fn named(stages: &[Stage], plan: &Plan, diagnostics: &mut Vec<Diagnostic>) {
    let absent = absent(plan);
    let kind = |name: &str| {
        let at = plan.streams.iter().position(|stream| stream.name == name)?;
        absent[at]
    };
    let mut tell = |name: &str, span: &Range<usize>, suggestion: String| {
        let Some(kind) = kind(name) else { return };
        let message =
            format!("no result has an event of `{name}`: `{kind}` reports only its left side");
        diagnostics.push(
            Diagnostic::warning(code::QUERY_NO_EFFECT, span.clone(), message)
                .suggesting(suggestion),
        );
    };
    for stage in stages {
        match stage {
            Stage::Where { condition, .. } => {
                each_stream(condition, &mut |name, span| {
                    let suggestion = format!("put what `{name}` has to satisfy into its selector");
                    tell(name, span, suggestion);
                });
            }
            Stage::Select { fields, .. } => {
                for field in fields {
                    if let Some((name, _)) = field.value.split_once('.') {
                        tell(name, &field.span, format!("leave `{}` out", field.value));
                    }
                }
            }
            Stage::Limit { .. } => {}
        }
    }
}

/// Calls `tell` with each stream that `condition` names, and what it says of it.
fn each_stream(condition: &Condition, tell: &mut impl FnMut(&str, &Range<usize>)) {
    match condition {
        Condition::Or { of } | Condition::And { of } => {
            for one in of {
                each_stream(one, tell);
            }
        }
        Condition::Not { of } => each_stream(of, tell),
        Condition::Compare(comparison) | Condition::Every(comparison) => {
            stream_of(&comparison.left, tell);
            stream_of(&comparison.right, tell);
        }
    }
}

fn stream_of(value: &Value, tell: &mut impl FnMut(&str, &Range<usize>)) {
    match value {
        Value::Label { stream, span, .. }
        | Value::Time { stream, span, .. }
        | Value::Count { stream: Some(stream), span } => tell(&stream.value, span),
        Value::Chain(chain) => {
            stream_of(&chain.first, tell);
            chain.rest.iter().for_each(|link| stream_of(&link.value, tell));
        }
        _ => {}
    }
}
