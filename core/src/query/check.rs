//! Tree → plan. Knows what makes sense; everything it finds is told together.

use std::collections::BTreeMap;

use super::PlanOptions;
use super::ast::{DurationText, Expr, JoinNode, Query, StreamNode};
use super::diagnostic::{Code, Diagnostic, Severity};
use crate::id::{SourceId, StreamId};
use crate::limits;
use crate::plan::{JoinKey, Plan, PlannedJoin, PlannedSource, PlannedStream};
use crate::select::{Matcher, Pipeline, RegexError};
use crate::time::Span;

/// Makes a plan of a query. Returns it, unless an error was found, and all that was found.
pub(super) fn check(query: &Query, options: &PlanOptions) -> (Option<Plan>, Vec<Diagnostic>) {
    let mut checker = Checker { options, diagnostics: Vec::new() };
    let (streams, joins) = checker.flatten(&query.expr);
    let plan = checker.plan(query, &streams, &joins);
    let failed = checker.diagnostics.iter().any(|found| found.severity == Severity::Error);
    (Some(plan).filter(|_| !failed), checker.diagnostics)
}

struct Checker<'a> {
    options: &'a PlanOptions,
    diagnostics: Vec<Diagnostic>,
}

impl Checker<'_> {
    /// The streams in query order and the joins from the innermost out.
    fn flatten<'q>(&mut self, expr: &'q Expr) -> (Vec<&'q StreamNode>, Vec<&'q JoinNode>) {
        let mut joins = Vec::new();
        let mut rights = Vec::new();
        let mut at = expr;
        let first = loop {
            match at {
                Expr::Stream(stream) => break stream,
                Expr::Join(join) => {
                    joins.push(&**join);
                    let mut right = &join.right;
                    if let Expr::Join(nested) = right {
                        let message = "the right side of a join is one stream in this version: \
                                       write the parenthesised join first";
                        let at = nested.span.clone();
                        self.report(Diagnostic::error(Code::QueryUnsupported, at, message));
                    }
                    while let Expr::Join(nested) = right {
                        right = &nested.left;
                    }
                    if let Expr::Stream(stream) = right {
                        rights.push(stream);
                    }
                    at = &join.left;
                }
            }
        };
        joins.reverse();
        let streams = std::iter::once(first).chain(rights.into_iter().rev()).collect();
        (streams, joins)
    }

    fn plan(&mut self, query: &Query, streams: &[&StreamNode], joins: &[&JoinNode]) -> Plan {
        if joins.is_empty() {
            let message = "a query needs at least one join, as in \
                           app({})[5m] and on(request_id) db({})[5m]";
            self.report(Diagnostic::error(Code::QueryNoJoin, query.span.clone(), message));
        }
        if streams.len() > limits::MAX_STREAMS {
            let (count, most) = (streams.len(), limits::MAX_STREAMS);
            let message = format!("the query has {count} streams, the most is {most}");
            self.report(Diagnostic::error(Code::QueryTooLarge, query.span.clone(), message));
        }
        let names = self.names(streams);
        let (sources, planned) = self.streams(streams, names);
        let joins = joins
            .iter()
            .enumerate()
            .map(|(at, join)| self.join(join, &planned[..=at], planned.get(at + 1)))
            .collect();
        let projection = query
            .projection
            .iter()
            .filter_map(|node| {
                let matcher = Matcher::new(&node.label, node.op, &node.value);
                matcher.map_err(|error| self.regex(&error, node.value_span.clone())).ok()
            })
            .collect();
        Plan { canonical: query.to_string(), sources, streams: planned, joins, projection }
    }

    /// The names of the streams, all different.
    fn names(&mut self, streams: &[&StreamNode]) -> Vec<String> {
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        for stream in streams.iter().filter(|stream| stream.alias.is_none()) {
            *uses.entry(&stream.source).or_default() += 1;
        }
        let mut names: Vec<String> = Vec::new();
        for (at, stream) in streams.iter().enumerate() {
            let name = match &stream.alias {
                Some(alias) => alias.clone(),
                None if uses[stream.source.as_str()] > 1 => format!("{}#{}", stream.source, at + 1),
                None => stream.source.clone(),
            };
            if names.contains(&name) {
                let message = format!(
                    "two streams are called `{name}`: give one of them another name with `as`"
                );
                let at = stream.name_span.clone();
                self.report(Diagnostic::error(Code::QueryDuplicateName, at, message));
            }
            names.push(name);
        }
        names
    }

    fn streams(
        &mut self,
        streams: &[&StreamNode],
        names: Vec<String>,
    ) -> (Vec<PlannedSource>, Vec<PlannedStream>) {
        let mut sources: Vec<PlannedSource> = Vec::new();
        let mut planned = Vec::new();
        for (at, (stream, name)) in streams.iter().zip(names).enumerate() {
            let selects = self.options.selecting_sources.contains(&stream.source);
            let pushed_down = selects.then(|| stream.selector.clone());
            let known = sources.iter().position(|source| {
                source.name == stream.source && source.pushed_down == pushed_down
            });
            let source = known.unwrap_or_else(|| {
                let name = stream.source.clone();
                sources.push(PlannedSource { name, pushed_down, streams: Vec::new() });
                sources.len() - 1
            });
            sources[source].streams.push(StreamId::new(at));
            let pipeline = if selects {
                Pipeline::default()
            } else {
                Pipeline::compile(&stream.selector, stream.selector_span.start).unwrap_or_else(
                    |mut found| {
                        self.diagnostics.append(&mut found);
                        Pipeline::default()
                    },
                )
            };
            planned.push(PlannedStream {
                name,
                alias: stream.alias.clone(),
                source: SourceId::new(source),
                selector: stream.selector.clone(),
                range: stream.range.unwrap_or(self.options.default_range),
                pipeline,
            });
        }
        (sources, planned)
    }

    fn join(
        &mut self,
        join: &JoinNode,
        lefts: &[PlannedStream],
        right: Option<&PlannedStream>,
    ) -> PlannedJoin {
        for (at, key) in join.keys.iter().enumerate() {
            let same =
                |other: &super::ast::KeyNode| other.left == key.left && other.right == key.right;
            if join.keys[..at].iter().any(same) {
                let message = format!("the key `{}` is named twice", key.left);
                let span = key.span.clone();
                self.report(Diagnostic::error(Code::QueryDuplicate, span, message));
            }
        }
        let within = join.within.as_ref();
        let (lo, hi) = within.map_or((Span::MIN, Span::MAX), |within| (within.lo, within.hi));
        if let (Some(within), Some(right)) = (within, right) {
            let farthest = lefts.iter().map(|left| left.range).max().unwrap_or(Span::ZERO);
            self.bounds(within, farthest, right.range);
        }
        let keys = join.keys.iter();
        let key = |key: &super::ast::KeyNode| JoinKey {
            left: key.left.clone(),
            right: key.right.clone(),
        };
        PlannedJoin { kind: join.kind, keys: keys.map(key).collect(), lo, hi }
    }

    /// Compares `within` with what the ranges allow: `-right..=left`.
    fn bounds(&mut self, within: &super::ast::WithinNode, left: Span, right: Span) {
        let at = within.span.clone();
        let (lo, hi) = (within.lo, within.hi);
        if lo > hi {
            let (lo, hi) = (DurationText(lo), DurationText(hi));
            let message = format!("nothing is at least {lo} and at most {hi} later");
            let swapped = format!("within({hi}, {lo})");
            self.report(
                Diagnostic::error(Code::QueryImpossible, at, message).suggest(Some(swapped)),
            );
        } else if lo > left || hi < -right {
            let (left, right) = (DurationText(left), DurationText(right));
            let message = format!(
                "nothing can match: the ranges hold the left side for {left} and the right side \
                 for {right}, which is shorter"
            );
            self.report(Diagnostic::error(Code::QueryImpossible, at, message));
        } else if hi > left || lo < -right {
            let (left, right) = (DurationText(left), DurationText(right));
            let message = format!(
                "this is wider than the ranges allow: the left side is held for {left}, the right \
                 side for {right}"
            );
            self.report(Diagnostic::warning(Code::QueryWithinTooWide, at, message));
        }
    }

    fn regex(&mut self, error: &RegexError, quoted: std::ops::Range<usize>) {
        self.report(error.diagnostic(quoted));
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}
