//! Warnings: what makes sense to the engine and hardly to its author.
//!
//! Only what is certain from the query alone is told.

use std::ops::Range;

use super::ast::{Join, Query, Stream};
use super::diagnostic::{Diagnostic, code};
use super::lex::{Lexeme, LexemeKind, lexemes_of_selector};
use super::literal;
use crate::plan::{Operand, Plan, PlannedJoin};
use crate::select::MatchOp;
use crate::stage::Stage;
use crate::stage::ast::{CompareOp, Condition, Value};

/// A comparison of a label with a text, in a selector, the projection or a condition.
struct Comparison<'q> {
    /// As written.
    label: &'q str,
    op: MatchOp,
    value: String,
    /// The text, in bytes of the query.
    span: Range<usize>,
}

/// Everything questionable about `query`, whose plan is `plan`.
pub(super) fn plan(plan: &Plan, query: &Query, diagnostics: &mut Vec<Diagnostic>) {
    let (streams, joins) = query.parts();
    let fixed: Vec<_> = streams
        .iter()
        .zip(&plan.streams)
        .map(|(stream, planned)| {
            if plan.sources[planned.source.index()].pushed_down.is_some() {
                return Vec::new();
            }
            let comparisons = comparisons(stream);
            diagnostics.extend(comparisons.iter().filter_map(unanchored));
            fixed_labels(stream, comparisons)
        })
        .collect();
    for matcher in &query.projection {
        let comparison = Comparison {
            label: &matcher.label,
            op: matcher.op,
            value: matcher.value.value.clone(),
            span: matcher.value.span.clone(),
        };
        diagnostics.extend(unanchored(&comparison));
    }
    for (at, join) in joins.iter().enumerate() {
        key_mismatch(plan, at, join, &fixed, diagnostics);
    }
}

/// Everything questionable about the stages of the query `text`.
pub(super) fn stages(stages: &[Stage], text: &str, diagnostics: &mut Vec<Diagnostic>) {
    for stage in stages {
        if let Stage::Where { condition, .. } = stage {
            self::condition(condition, text, diagnostics);
        }
    }
}

fn condition(condition: &Condition, text: &str, diagnostics: &mut Vec<Diagnostic>) {
    let comparison = match condition {
        Condition::Or { of } | Condition::And { of } => {
            return of.iter().for_each(|one| self::condition(one, text, diagnostics));
        }
        Condition::Not { of } => return self::condition(of, text, diagnostics),
        Condition::Compare(comparison) | Condition::Every(comparison) => comparison,
    };
    let op = match comparison.op.value {
        CompareOp::Match => MatchOp::Match,
        CompareOp::NotMatch => MatchOp::NotMatch,
        _ => return,
    };
    if let (Value::Label { span: label, .. }, Value::Text(regex)) =
        (&comparison.left, &comparison.right)
    {
        let (value, span) = (regex.value.clone(), regex.span.clone());
        let label = &text[label.clone()];
        diagnostics.extend(unanchored(&Comparison { label, op, value, span }));
    }
}

/// The comparisons with texts of a selector that the engine applies.
fn comparisons(stream: &Stream) -> Vec<Comparison<'_>> {
    let selector = &stream.selector.value;
    let lexemes = lexemes_of_selector(selector);
    let text = |lexeme: &Lexeme| &selector[lexeme.span.clone()];
    let comparison = |at: usize| {
        let [label, op, value] = lexemes.get(at..at + 3)? else { return None };
        if label.kind != LexemeKind::Word || value.kind != LexemeKind::Text {
            return None;
        }
        // `| json !~ "x"` is a parser and a line filter.
        let is_parser = matches!(text(label), "json" | "logfmt");
        if is_parser && at > 0 && text(&lexemes[at - 1]) == "|" {
            return None;
        }
        let start = stream.selector.span.start;
        Some(Comparison {
            label: text(label),
            op: MatchOp::of(text(op))?,
            value: literal::unquote(text(value)).ok()?,
            span: start + value.span.start..start + value.span.end,
        })
    };
    (0..lexemes.len()).filter_map(comparison).collect()
}

/// `=~"5"`, which nothing but `5` matches.
fn unanchored(comparison: &Comparison<'_>) -> Option<Diagnostic> {
    let Comparison { label, op, value, span } = comparison;
    let (word, equal) = match op {
        MatchOp::Match => ("=~", "="),
        MatchOp::NotMatch => ("!~", "!="),
        _ => return None,
    };
    // A regex that is a plain text; the empty one is a habit of its own.
    if value.is_empty() || regex_syntax::escape(value) != **value {
        return None;
    }
    let is_class = value.len() < 3 && value.bytes().all(|byte| byte.is_ascii_digit());
    let meant = if is_class { format!("{value:.<3}") } else { format!(".*{value}.*") };
    let message = format!(
        "regexes of labels match whole values, so that `{label}{word}{quoted}` means \
         `{label}{equal}{quoted}`",
        quoted = literal::quote(value)
    );
    Some(
        Diagnostic::warning(code::QUERY_UNANCHORED, span.clone(), message)
            .suggesting(format!("did you mean `{label}{word}{}`?", literal::quote(&meant))),
    )
}

/// The labels that all events of a stream have, with their only value.
fn fixed_labels<'q>(
    stream: &'q Stream,
    comparisons: Vec<Comparison<'q>>,
) -> Vec<(&'q str, String)> {
    // Behind a `|`, filters may be joined with `or`.
    if !stream.selector.value.trim_end().ends_with('}') {
        return Vec::new();
    }
    // Where a label is empty, the key may still be in the message.
    let is_fixed = |found: &Comparison<'_>| found.op == MatchOp::Equal && !found.value.is_empty();
    comparisons.into_iter().filter(is_fixed).map(|found| (found.label, found.value)).collect()
}

/// Keys that the selectors keep from agreeing.
fn key_mismatch(
    plan: &Plan,
    at: usize,
    join: &Join,
    fixed: &[Vec<(&str, String)>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    // The values a label can have on a side; `None` where a stream of it may have any.
    let values = |operand: Operand, label: &str| -> Option<Vec<&str>> {
        let of_stream = |labels: &'_ Vec<(&str, String)>| -> Option<usize> {
            labels.iter().position(|(name, _)| *name == label)
        };
        let streams = fixed[plan.streams_of(operand)].iter();
        streams.map(|labels| Some(labels[of_stream(labels)?].1.as_str())).collect()
    };
    let PlannedJoin { left, right, .. } = plan.joins[at];
    for key in &join.on {
        if let (Some(left), Some(right)) = (values(left, &key.left), values(right, &key.right))
            && !left.iter().any(|value| right.contains(value))
        {
            let message =
                format!("nothing matches: the selectors leave no `{key}` that both sides have");
            let span = key.span.clone();
            diagnostics.push(Diagnostic::warning(code::QUERY_KEY_MISMATCH, span, message));
        }
    }
}
