//! Syntax tree to plan: what makes sense, and what runs.

use std::collections::BTreeMap;
use std::ops::Range;

use super::PlanOptions;
use super::ast::{Expr, Grouping, Join, LabelMatcher, Policy, Query, Side, Stream};
use super::diagnostic::{Diagnostic, code};
use super::duration::Duration;
use super::{lint, syntax};
use crate::id::{SourceId, StreamId};
use crate::plan::{
    JoinKey, JoinKeys, JoinKind, Operand, Pick, Plan, PlannedJoin, PlannedSource, PlannedStream,
};
use crate::regex_size::RegexSize;
use crate::select::{Matcher, Pipeline};
use crate::stage::{self, Stages};
use crate::time::Span;

/// The plan of `query`, which is the tree of `text`; of all of it if it `is_whole`. It runs only if
/// no diagnostic is an error.
pub(super) fn plan(
    query: &Query,
    text: &str,
    is_whole: bool,
    options: &PlanOptions,
    diagnostics: &mut Vec<Diagnostic>,
) -> Plan {
    let (streams, joins) = query.parts();
    if joins.is_empty() && is_whole {
        let message = "a query joins at least two streams";
        let example = format!("{}(...) and on(request_id) app({{}})", streams[0].source.value);
        diagnostics.push(
            Diagnostic::error(code::QUERY_NO_JOIN, query.expr.span(), message)
                .suggesting(format!("for instance `{example}`")),
        );
    }
    // Where streams or ranges could not be made out, bounds would look wrong that are not.
    let bounds_known = is_whole
        && diagnostics.iter().all(|diagnostic| {
            !matches!(
                diagnostic.code,
                code::QUERY_DURATION | code::QUERY_UNKNOWN_UNIT | code::QUERY_TOO_MANY_STREAMS
            )
        });
    let mut duplicates = Vec::new();
    let names = names(&streams, &mut duplicates);
    diagnostics.extend(duplicates.into_iter().filter(|_| is_whole));
    let size = RegexSize::within(text);
    let (sources, streams) = sources(&streams, names, options, size, diagnostics);
    let mut plan = Plan {
        canonical: query.to_string(),
        sources,
        streams,
        joins: Vec::new(),
        projection: Vec::new(),
        stages: Stages::default(),
    };
    let mut joiner = Joiner { plan: &mut plan, streams: 0, are_sessions: Vec::new() };
    joiner.operand(&query.expr);
    for (join, planned) in joins.iter().zip(&plan.joins) {
        clauses(join, diagnostics);
        if bounds_known {
            bounds(join, planned, &plan, diagnostics);
        }
    }
    let projection = query.projection.iter().filter_map(|matcher| {
        projected(matcher, text, size).map_err(|diagnostic| diagnostics.push(diagnostic)).ok()
    });
    plan.projection = projection.collect();
    plan.stages = stages(query, text, is_whole, &plan, diagnostics);
    plan.keep_labels();
    lint::plan(&plan, query, diagnostics);
    plan
}

/// The stages, compiled; not all of them where one makes no sense.
fn stages(
    query: &Query,
    text: &str,
    is_whole: bool,
    plan: &Plan,
    diagnostics: &mut Vec<Diagnostic>,
) -> Stages {
    let names: Vec<&str> = plan.streams.iter().map(|stream| stream.name.as_str()).collect();
    let mut labels: Option<Vec<&str>> = is_whole.then(|| plan.copied_labels().collect());
    for join in &plan.joins {
        match &join.keys {
            JoinKeys::On(keys) => {
                let both = keys.iter().flat_map(|key| [key.left.as_str(), key.right.as_str()]);
                if let Some(labels) = &mut labels {
                    labels.extend(both);
                }
            }
            JoinKeys::Ignoring(_) => labels = None,
        }
    }
    let scope = stage::Scope { text, streams: &names, labels: labels.as_deref() };
    let places: Vec<_> = query.stages.iter().map(|piece| piece.span.clone()).collect();
    let compiled = stage::compile(&places, scope);
    lint::stages(&compiled.trees, text, plan, diagnostics);
    compiled.stages.unwrap_or_else(|found| {
        // A stream that seems to be missing may be one that could not be read.
        let is_certain = |found: &Diagnostic| is_whole || found.code != code::STAGE_STREAM;
        diagnostics.extend(found.into_iter().filter(is_certain));
        Stages::default()
    })
}

/// The names of the streams, each its own.
pub(super) fn names(streams: &[&Stream], diagnostics: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for stream in streams {
        *uses.entry(&stream.source.value).or_default() += 1;
    }
    let mut names: Vec<String> = Vec::new();
    for (at, stream) in streams.iter().enumerate() {
        let source = &stream.source.value;
        let name = match &stream.alias {
            Some(alias) => alias.value.clone(),
            None if uses[source.as_str()] == 1 => source.clone(),
            None => format!("{source}#{}", at + 1),
        };
        if names.contains(&name) {
            let span = stream.alias.as_ref().map_or(&stream.source.span, |alias| &alias.span);
            let message = format!("two streams are called `{name}`");
            diagnostics.push(
                Diagnostic::error(code::QUERY_DUPLICATE_STREAM, span.clone(), message)
                    .suggesting("name streams apart with `as`"),
            );
        }
        names.push(name);
    }
    names
}

fn sources(
    streams: &[&Stream],
    names: Vec<String>,
    options: &PlanOptions,
    size: RegexSize,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<PlannedSource>, Vec<PlannedStream>) {
    let mut sources: Vec<PlannedSource> = Vec::new();
    let mut planned = Vec::new();
    for (at, (stream, name)) in streams.iter().zip(names).enumerate() {
        let source = stream.source.value.clone();
        let selector = stream.selector.value.clone();
        let selects = options.selecting_sources.contains(&source);
        let pushed_down = selects.then(|| selector.clone());
        let pipeline = if selects {
            Pipeline::default()
        } else {
            let start = stream.selector.span.start;
            Pipeline::compile(&selector, start, size).unwrap_or_else(|found| {
                diagnostics.extend(found);
                Pipeline::default()
            })
        };
        let known = sources
            .iter()
            .position(|known| known.name == source && known.pushed_down == pushed_down);
        let id = known.unwrap_or_else(|| {
            sources.push(PlannedSource { name: source, pushed_down, streams: Vec::new() });
            sources.len() - 1
        });
        sources[id].streams.push(StreamId::new(at));
        planned.push(PlannedStream {
            name,
            alias: stream.alias.as_ref().map(|alias| alias.value.clone()),
            source: SourceId::new(id),
            selector,
            range: stream.range.as_ref().map_or(options.default_range, |range| range.value.0),
            kept: Vec::new(),
            pipeline,
        });
    }
    (sources, planned)
}

/// Puts the joins of a tree into a plan, each after those it takes.
struct Joiner<'p> {
    plan: &'p mut Plan,
    /// Streams met so far.
    streams: usize,
    /// By join: whether it and all it takes are sessions.
    are_sessions: Vec<bool>,
}

impl Joiner<'_> {
    fn operand(&mut self, expr: &Expr) -> Operand {
        let Expr::Join(join) = expr else {
            self.streams += 1;
            return Operand::Stream(StreamId::new(self.streams - 1));
        };
        let (left, right) = (self.operand(&join.left), self.operand(&join.right));
        let over_sessions = [left, right].into_iter().all(|operand| match operand {
            Operand::Stream(_) => true,
            Operand::Join(join) => self.are_sessions[join],
        });
        let planned = planned_join(join, left, right, over_sessions);
        self.are_sessions.push(over_sessions && planned.pick == Pick::Session);
        self.plan.joins.push(planned);
        Operand::Join(self.plan.joins.len() - 1)
    }
}

fn planned_join(join: &Join, left: Operand, right: Operand, over_sessions: bool) -> PlannedJoin {
    let kind = join.kind.value;
    let keys = if join.on.is_empty() {
        let labels = join.ignoring.iter().flat_map(|ignoring| &ignoring.labels);
        JoinKeys::Ignoring(labels.map(|label| label.value.clone()).collect())
    } else {
        let keys = join.on.iter();
        let keys = keys.map(|key| JoinKey { left: key.left.clone(), right: key.right.clone() });
        JoinKeys::On(keys.collect())
    };
    let (lo, hi) =
        join.within.as_ref().map_or((Span::MIN, Span::MAX), |within| (within.lo.0, within.hi.0));
    let lo = if kind.is_ordered() { lo.max(Span::ZERO) } else { lo };
    let labels = |grouping: &Grouping| -> Vec<String> {
        grouping.labels.iter().map(|label| label.value.clone()).collect()
    };
    let pick = match (&join.pick, &join.grouping) {
        (_, Some(grouping)) if grouping.side == Side::Left => Pick::GroupLeft(labels(grouping)),
        (_, Some(grouping)) => Pick::GroupRight(labels(grouping)),
        (Some(pick), None) => match pick.policy {
            Policy::Session => Pick::Session,
            Policy::Pairs => Pick::Pairs,
            Policy::First => Pick::First,
            Policy::Latest => Pick::Latest,
        },
        (None, None) if over_sessions => Pick::Session,
        (None, None) => Pick::GroupLeft(Vec::new()),
    };
    PlannedJoin { kind, left, right, keys, lo, hi, pick }
}

/// Clauses that do not fit together or do not fit the operator.
fn clauses(join: &Join, diagnostics: &mut Vec<Diagnostic>) {
    if let Some(ignoring) = join.ignoring.as_ref().filter(|_| !join.on.is_empty()) {
        let message = "`ignoring(...)` has no effect beside `on(...)`, which names the whole key";
        diagnostics.push(
            Diagnostic::warning(code::QUERY_NO_EFFECT, ignoring.span.clone(), message)
                .suggesting("leave one of the two out"),
        );
    }
    let is_known = |found: &Diagnostic| {
        found.code != code::QUERY_UNKNOWN_OPERATOR || found.span != join.kind.span
    };
    if let Some(pick) = &join.pick
        && pick.policy == Policy::Latest
        && join.kind.value != JoinKind::Then
        && diagnostics.iter().all(is_known)
    {
        let message = format!("`pick(latest)` goes with `then`, not with `{}`", join.kind.value);
        diagnostics.push(
            Diagnostic::error(code::QUERY_POLICY, pick.span.clone(), message)
                .suggesting("write `then`, or `pick(first)` for one-to-one matches in any order"),
        );
    }
}

/// What `within` says beside what the operator and the ranges allow.
fn bounds(join: &Join, planned: &PlannedJoin, plan: &Plan, diagnostics: &mut Vec<Diagnostic>) {
    let Some(within) = &join.within else { return };
    let widest = |operand| {
        let streams = &plan.streams[plan.streams_of(operand)];
        streams.iter().max_by_key(|stream| stream.range).expect("an operand has a stream")
    };
    let (after, before) = (widest(planned.left), widest(planned.right));
    let (lo, hi) = (planned.lo, planned.hi);
    let span = &within.span;
    if lo > hi {
        let message = format!(
            "`{within}` allows only what is before the left side, and `{}` nothing of that",
            planned.kind
        );
        diagnostics.push(
            Diagnostic::error(code::QUERY_BOUNDS, span.clone(), message)
                .suggesting("exchange the sides of the join, or the signs of the bounds"),
        );
    } else if lo > after.range {
        diagnostics.push(impossible(span, lo, "after", after));
    } else if -hi > before.range {
        diagnostics.push(impossible(span, -hi, "before", before));
    } else {
        let wide: Vec<_> = [(hi, "after", after), (-lo, "before", before)]
            .into_iter()
            .filter(|(distance, _, stream)| *distance > stream.range)
            .collect();
        if !wide.is_empty() {
            diagnostics.push(too_wide(span, &wide));
        }
    }
}

fn impossible(
    span: &Range<usize>,
    distance: Span,
    direction: &str,
    stream: &PlannedStream,
) -> Diagnostic {
    let (distance, range, name) = (Duration(distance), Duration(stream.range), &stream.name);
    let message = format!(
        "no match can be {distance} or more {direction} the left side: the range of `{name}` is \
         {range}"
    );
    Diagnostic::error(code::QUERY_BOUNDS, span.clone(), message)
        .suggesting(format!("give `{name}` a longer range, such as `[{distance}]`"))
}

fn too_wide(span: &Range<usize>, wide: &[(Span, &str, &PlannedStream)]) -> Diagnostic {
    let list = |item: &dyn Fn(&(Span, &str, &PlannedStream)) -> String| {
        wide.iter().map(item).collect::<Vec<_>>().join(" and ")
    };
    let allowed = list(&|(distance, way, _)| format!("{} {way}", Duration(*distance)));
    let ranges =
        list(&|(_, _, stream)| format!("{} for `{}`", Duration(stream.range), stream.name));
    let longer =
        list(&|(distance, _, stream)| format!("`{}[{}]`", stream.name, Duration(*distance)));
    let message =
        format!("`within` allows {allowed} the left side, but the ranges allow less: {ranges}");
    Diagnostic::warning(code::QUERY_WITHIN_TOO_WIDE, span.clone(), message)
        .suggesting(format!("give a longer range ({longer}) or a shorter `within`"))
}

fn projected(matcher: &LabelMatcher, text: &str, size: RegexSize) -> Result<Matcher, Diagnostic> {
    let value = &matcher.value;
    Matcher::new(matcher.label.clone(), matcher.op, value.value.clone(), size)
        .map_err(|error| syntax::regex(&error, &text[value.span.clone()], value.span.start))
}
