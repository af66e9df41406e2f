//! Warnings: what makes sense to the engine and hardly to its author.
//!
//! Only what is certain from the query alone is told.

mod absent;
mod keys;

use std::ops::Range;

use super::ast::{LabelMatcher, Query, Stream};
use super::diagnostic::{Diagnostic, code};
use super::lex::{Lexeme, LexemeKind, lexemes_of_selector};
use super::literal;
use crate::plan::Plan;
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
    /// The comparison.
    whole: Range<usize>,
}

/// Everything questionable about `query`, whose plan is `plan`.
pub(super) fn plan(plan: &Plan, query: &Query, diagnostics: &mut Vec<Diagnostic>) {
    let (streams, joins) = query.parts();
    let mut selectors = Vec::new();
    for (stream, planned) in streams.iter().zip(&plan.streams) {
        let mut comparisons = Vec::new();
        if plan.sources[planned.source.index()].pushed_down.is_none() {
            comparisons = self::comparisons(stream);
        }
        diagnostics.extend(comparisons.iter().filter_map(unanchored));
        // Those in braces come first.
        let matchers = planned.pipeline.matchers();
        let found = keys::contradictions(matchers.iter().zip(comparisons.iter().map(whole)));
        let is_empty = !found.is_empty();
        diagnostics.extend(found);
        selectors.push((!is_empty).then(|| keys::Selector::new(&planned.pipeline)));
    }
    let projection: Vec<_> = query.projection.iter().map(projected).collect();
    diagnostics.extend(projection.iter().filter_map(unanchored));
    if projection.len() == plan.projection.len() {
        let matchers = plan.projection.iter().zip(projection.iter().map(whole));
        diagnostics.extend(keys::contradictions(matchers));
    }
    keys::mismatches(plan, &joins, &selectors, diagnostics);
    absent::copied(plan, &joins, diagnostics);
}

fn whole(comparison: &Comparison<'_>) -> Range<usize> {
    comparison.whole.clone()
}

fn projected(matcher: &LabelMatcher) -> Comparison<'_> {
    Comparison {
        label: &matcher.label,
        op: matcher.op,
        value: matcher.value.value.clone(),
        span: matcher.value.span.clone(),
        whole: matcher.span.clone(),
    }
}

/// Everything questionable about the stages of the query `text`, whose streams and joins are those of
/// `plan`.
pub(super) fn stages(stages: &[Stage], text: &str, plan: &Plan, diagnostics: &mut Vec<Diagnostic>) {
    absent::named(stages, plan, diagnostics);
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
        let whole = comparison.span.clone();
        diagnostics.extend(unanchored(&Comparison { label, op, value, span, whole }));
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
            whole: start + label.span.start..start + value.span.end,
        })
    };
    (0..lexemes.len()).filter_map(comparison).collect()
}

/// `=~"5"`, which nothing but `5` matches, and `=~"^5"`, which neither does anything else. Both anchors
/// are taken for a sign that this is known.
fn unanchored(comparison: &Comparison<'_>) -> Option<Diagnostic> {
    let Comparison { label, op, value, span, .. } = comparison;
    let (word, equal) = match op {
        MatchOp::Match => ("=~", "="),
        MatchOp::NotMatch => ("!~", "!="),
        _ => return None,
    };
    let (starts, ends) = (value.strip_prefix('^'), value.strip_suffix('$'));
    let plain = starts.or(ends).unwrap_or(value);
    // A regex that is a plain text; the empty one is a habit of its own.
    if plain.is_empty() || regex_syntax::escape(plain) != *plain {
        return None;
    }
    let is_class = plain.len() < 3 && plain.bytes().all(|byte| byte.is_ascii_digit());
    let meant = match (starts, ends) {
        (_, Some(_)) => format!(".*{plain}"),
        _ if is_class => format!("{plain:.<3}"),
        (Some(_), None) => format!("{plain}.*"),
        (None, None) => format!(".*{plain}.*"),
    };
    let message = format!(
        "regexes of labels match whole values, so that `{label}{word}{quoted}` means \
         `{label}{equal}{plain}`",
        quoted = literal::quote(value),
        plain = literal::quote(plain)
    );
    Some(
        Diagnostic::warning(code::QUERY_UNANCHORED, span.clone(), message)
            .suggesting(format!("did you mean `{label}{word}{}`?", literal::quote(&meant))),
    )
}
