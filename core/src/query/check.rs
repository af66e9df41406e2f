//! Syntax tree to plan: what makes sense, and what runs.

use std::collections::BTreeMap;
use std::ops::Range;

use super::PlanOptions;
use super::ast::{Join, LabelMatcher, Query, Stream};
use super::diagnostic::{Diagnostic, code};
use super::duration::Duration;
use super::syntax;
use crate::id::{SourceId, StreamId};
use crate::plan::{
    JoinKey, JoinKeys, Operand, Pick, Plan, PlannedJoin, PlannedSource, PlannedStream,
};
use crate::select::{Matcher, Pipeline};
use crate::time::Span;

/// The plan of `query`, which is the tree of `text`. It runs only if no diagnostic is an error.
pub(super) fn plan(
    query: &Query,
    text: &str,
    options: &PlanOptions,
    diagnostics: &mut Vec<Diagnostic>,
) -> Plan {
    let (streams, joins) = query.parts();
    if joins.is_empty() {
        let message = "a query joins at least two streams";
        let example = format!("{}(...) and on(request_id) app({{}})", streams[0].source.value);
        diagnostics.push(
            Diagnostic::error(code::QUERY_NO_JOIN, query.expr.span(), message)
                .suggesting(format!("for instance `{example}`")),
        );
    }
    // Where streams or ranges could not be made out, bounds would look wrong that are not.
    let bounds_known = diagnostics.iter().all(|diagnostic| {
        !matches!(
            diagnostic.code,
            code::QUERY_DURATION
                | code::QUERY_UNKNOWN_UNIT
                | code::QUERY_NESTED_RIGHT
                | code::QUERY_TOO_MANY_STREAMS
        )
    });
    let names = names(&streams, diagnostics);
    let (sources, streams) = sources(&streams, names, text, options, diagnostics);
    let joins = joins
        .iter()
        .enumerate()
        .map(|(at, join)| {
            let (left, right) = streams.split_at((at + 1).min(streams.len() - 1));
            let planned = planned_join(join, at);
            if bounds_known {
                bounds(join, &planned, left, &right[0], diagnostics);
            }
            planned
        })
        .collect();
    let projection = query.projection.iter().filter_map(|matcher| {
        projected(matcher, text).map_err(|diagnostic| diagnostics.push(diagnostic)).ok()
    });
    let projection = projection.collect();
    let mut plan = Plan { canonical: query.to_string(), sources, streams, joins, projection };
    plan.keep_copied_labels();
    plan
}

/// The names of the streams, each its own.
fn names(streams: &[&Stream], diagnostics: &mut Vec<Diagnostic>) -> Vec<String> {
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
    text: &str,
    options: &PlanOptions,
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
            Pipeline::compile(&text[stream.selector.span.clone()], start).unwrap_or_else(|found| {
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

fn planned_join(join: &Join, at: usize) -> PlannedJoin {
    let keys = join.on.iter();
    let keys = keys.map(|key| JoinKey { left: key.left.clone(), right: key.right.clone() });
    let (lo, hi) =
        join.within.as_ref().map_or((Span::MIN, Span::MAX), |within| (within.lo.0, within.hi.0));
    PlannedJoin {
        kind: join.kind.value,
        left: at.checked_sub(1).map_or(Operand::Stream(StreamId::new(0)), Operand::Join),
        right: Operand::Stream(StreamId::new(at + 1)),
        keys: JoinKeys::On(keys.collect()),
        lo,
        hi,
        pick: Pick::Session,
    }
}

/// What `within` says beside what the ranges allow.
fn bounds(
    join: &Join,
    planned: &PlannedJoin,
    left: &[PlannedStream],
    right: &PlannedStream,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Some(within) = &join.within else { return };
    let after = left.iter().max_by_key(|stream| stream.range).expect("a join has a left side");
    let (lo, hi) = (planned.lo, planned.hi);
    let span = &within.span;
    if lo > after.range {
        diagnostics.push(impossible(span, lo, "after", after));
    } else if -hi > right.range {
        diagnostics.push(impossible(span, -hi, "before", right));
    } else {
        let wide: Vec<_> = [(hi, "after", after), (-lo, "before", right)]
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

fn projected(matcher: &LabelMatcher, text: &str) -> Result<Matcher, Diagnostic> {
    let value = &matcher.value;
    Matcher::new(matcher.label.clone(), matcher.op, value.value.clone())
        .map_err(|error| syntax::regex(&error, &text[value.span.clone()], value.span.start))
}
