//! Random queries and events, as cases: few keys, times in clusters, so that ties and boundaries
//! are frequent.

use logbraid_core::engine::Late;
use proptest::prelude::*;

use crate::case::{Case, CaseDedupe, Step};
use crate::script::ScriptEvent;

const SOURCES: [&str; 3] = ["a", "b", "c"];
const SELECTORS: [&str; 3] = ["{}", "{tag=\"x\"}", "{tag!=\"x\"}"];
/// What a join asks for; most ask for the first.
const KEYS: [&str; 8] = [
    "on(k)",
    "on(j)",
    "on(k, j)",
    "on(k=j)",
    "on(j=k, m)",
    "on(m)",
    "ignoring(n, tag)",
    "ignoring(n, j, m, tag)",
];
const KINDS: [&str; 6] = ["and", "or", "unless", "outer", "then", "then not"];
/// What a join picks; `latest` stands where `then` is asked for only.
const PICKS: [&str; 7] = [
    "",
    " pick(session)",
    " pick(pairs)",
    " pick(first)",
    " group_left(n)",
    " group_right(tag, n)",
    " pick(latest)",
];
const PROJECTIONS: [&str; 3] = ["{tag=\"x\"}", "{tag!~\"x|y\"}", "{k=~\".+\", tag!=\"y\"}"];
/// Comparisons: `$S` and `$T` stand for streams, `$U` for the unit, `$L` for a label, `$O` for an
/// operator, `$N` for a number.
const COMPARISONS: [&str; 22] = [
    "$S.$L = '1'",
    "$S.$L != 'x'",
    "$S.$L = $T.$L",
    "$S.$L != $T.m",
    "$S.$L =~ 'x|1'",
    "$S.$L !~ '.|y'",
    "$S.$L $O $N",
    "first($S).$L $O $N",
    "last($S).$L $O $N",
    "first($S).$L != last($T).$L",
    "last($S).tag =~ 'x.*'",
    "$S.$L $O count()",
    "every($S.$L = '1')",
    "every($S.$L !~ 'y')",
    "every($S.n $O first($T).n)",
    "$T.ts - $S.ts $O $N$U",
    "last($T).ts - first($S).ts $O $N$U",
    "last($S).ts - $S.ts + $N$U $O $N$U * 2",
    "count($S) $O $N",
    "count() $O $N",
    "duration $O $N$U",
    "count($S) * 2 - count($T) / $N $O $N",
];
const ORDERS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];
const LABELS: [&str; 5] = ["k", "j", "m", "tag", "n"];
/// A unit and how many nanoseconds it has.
const UNITS: [(&str, i64); 3] = [("s", 1_000_000_000), ("ns", 1), ("ms", 1_000_000)];

/// What to generate.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Disorder {
    /// Every source is sorted, so nothing is ever late.
    None,
    /// Sources jump back, beyond the tolerance too.
    Some,
}

#[derive(Clone, Debug)]
struct RandomStream {
    source: usize,
    range: i64,
    selector: usize,
    has_alias: bool,
}

/// A stage whose placeholders stand for what the query has.
#[derive(Clone, Debug)]
enum RandomStage {
    Where(String),
    /// Places of streams and labels, and whether it has the first key.
    Select(Vec<(usize, usize)>, bool),
    Limit(u64),
}

#[derive(Clone, Debug)]
enum Within {
    Nothing,
    Distance(i64),
    Bounds(i64, i64),
}

#[derive(Clone, Debug)]
struct RandomJoin {
    kind: usize,
    keys: usize,
    within: Within,
    pick: usize,
    /// Joins of higher rank take those of lower rank as operands.
    rank: usize,
    has_parentheses: bool,
}

#[derive(Clone, Debug)]
struct RandomEvent {
    source: usize,
    step: i64,
    back: i64,
    labels: [Option<&'static str>; 4],
}

fn stream() -> impl Strategy<Value = RandomStream> {
    let selector = prop_oneof![3 => Just(0), 1 => Just(1), 1 => Just(2)];
    (0..SOURCES.len(), 1..=8_i64, selector, any::<bool>()).prop_map(
        |(source, range, selector, has_alias)| RandomStream { source, range, selector, has_alias },
    )
}

fn join() -> impl Strategy<Value = RandomJoin> {
    let keys = prop_oneof![4 => Just(0), 2 => 0..KEYS.len()];
    let within = prop_oneof![
        1 => Just(Within::Nothing),
        2 => (0..=8_i64).prop_map(Within::Distance),
        2 => (-6..=8_i64, 0..=8_i64).prop_map(|(lo, width)| Within::Bounds(lo, lo + width)),
    ];
    let rank = prop_oneof![2 => Just(0), 1 => 0..3_usize];
    (0..KINDS.len(), keys, within, rank, any::<bool>()).prop_map(
        |(kind, keys, within, rank, has_parentheses)| RandomJoin {
            kind,
            keys,
            within,
            pick: 0,
            rank,
            has_parentheses,
        },
    )
}

fn event(disorder: Disorder) -> impl Strategy<Value = RandomEvent> {
    let step = prop_oneof![3 => Just(0), 3 => Just(1), 2 => 2..=4_i64, 1 => 5..=20_i64];
    let back = match disorder {
        Disorder::None => Just(0).boxed(),
        Disorder::Some => prop_oneof![3 => Just(0), 1 => 1..=8_i64].boxed(),
    };
    let value = || {
        prop_oneof![
            4 => Just(Some("1")),
            2 => Just(Some("2")),
            1 => Just(Some("")),
            1 => Just(None),
        ]
    };
    let tag = prop_oneof![2 => Just(Some("x")), 1 => Just(Some("y")), 1 => Just(None)];
    (0..SOURCES.len(), step, back, (value(), value(), value(), tag)).prop_map(
        |(source, step, back, (k, j, m, tag))| RandomEvent {
            source,
            step,
            back,
            labels: [k, j, m, tag],
        },
    )
}

fn comparison() -> impl Strategy<Value = String> {
    let places = (0..4_usize, 0..4_usize, 0..LABELS.len(), 0..ORDERS.len());
    (0..COMPARISONS.len(), places, 0..4_u8).prop_map(|(at, (s, t, label, order), number)| {
        COMPARISONS[at]
            .replace("$S", &format!("${s}"))
            .replace("$T", &format!("${t}"))
            .replace("$L", LABELS[label])
            .replace("$O", ORDERS[order])
            .replace("$N", &number.to_string())
            .replace('\'', "\"")
    })
}

fn stage() -> impl Strategy<Value = RandomStage> {
    let condition = comparison().prop_recursive(2, 5, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("not ({one})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} and {other})")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("({one} or {other})")),
        ]
    });
    let fields = prop::collection::vec((0..4_usize, 0..LABELS.len()), 0..3);
    prop_oneof![
        4 => condition.prop_map(RandomStage::Where),
        1 => (fields, any::<bool>())
            .prop_map(|(fields, key)| RandomStage::Select(fields, key)),
        2 => (1..5_u64).prop_map(RandomStage::Limit),
    ]
}

/// The stages as text.
fn stages_text(
    stages: &[RandomStage],
    streams: &[RandomStream],
    joins: &[RandomJoin],
    unit: &str,
) -> String {
    let name = |at: usize| {
        let at = at % streams.len();
        let RandomStream { source, has_alias, .. } = &streams[at];
        let same = streams.iter().filter(|other| other.source == *source).count();
        match (has_alias, same) {
            (true, _) => format!("s{at}"),
            (false, 1) => SOURCES[*source].to_owned(),
            _ => format!("{}#{}", SOURCES[*source], at + 1),
        }
    };
    // Under `ignoring` any label may be a key.
    let mut keys = KEYS[joins[0].keys].split(|c: char| !c.is_ascii_alphabetic());
    let key = keys.nth(1).expect("every key clause names a label");
    let (mut text, mut has_selected) = (String::new(), false);
    for stage in stages {
        match stage {
            RandomStage::Where(condition) => {
                let mut condition = condition.replace("$U", unit);
                for at in 0..4 {
                    condition = condition.replace(&format!("${at}"), &name(at));
                }
                text.push_str(&format!(" | where {condition}"));
            }
            RandomStage::Select(fields, has_key) if !has_selected => {
                has_selected = true;
                let of_streams =
                    fields.iter().map(|(at, label)| format!("{}.{}", name(*at), LABELS[*label]));
                let mut all: Vec<_> = of_streams.collect();
                if *has_key || all.is_empty() {
                    all.push(key.to_owned());
                }
                all.sort();
                all.dedup();
                text.push_str(&format!(" | select {}", all.join(", ")));
            }
            RandomStage::Select(..) => {}
            RandomStage::Limit(limit) => text.push_str(&format!(" | limit {limit}")),
        }
    }
    text
}

/// A case without expectations, one event or one end of a source a step, all of it sessions.
pub fn case(disorder: Disorder) -> impl Strategy<Value = Case> {
    case_of(disorder, 1, 0)
}

/// The same with live sources and the host's time, late events that may be ignored, and repeats.
pub fn live_case() -> impl Strategy<Value = Case> {
    let tick = prop::option::weighted(0.4, 0..9_i64);
    let options = (0..8_usize, 1..12_i64, any::<bool>(), prop::option::weighted(0.3, 0..2_usize));
    (case(Disorder::Some), options, prop::collection::vec(tick, 40)).prop_map(
        |(case, (live, timeout, drops_late, dedupe), ticks)| {
            let tolerance = case.late_tolerance.as_deref().expect("random cases have one");
            let unit = tolerance.trim_start_matches(|c: char| c.is_ascii_digit());
            let (_, nanos) = UNITS.into_iter().find(|(name, _)| *name == unit).expect("is one");
            let live = (0..SOURCES.len()).filter(|at| live & (1 << at) != 0).map(|at| SOURCES[at]);
            let live = live.filter(|name| case.query.contains(&format!("{name}(")));
            let fields = [vec!["k".to_owned()], vec!["k".to_owned(), "tag".to_owned()]];
            let mut now = 0;
            let steps = case.steps.iter().cloned().zip(ticks.iter().cycle());
            let steps = steps.flat_map(|(step, tick)| {
                let tick = tick.map(|tick| {
                    now += tick * nanos;
                    Step { advance: Some(crate::script::instant_text(now)), ..Step::default() }
                });
                tick.into_iter().chain([step])
            });
            Case {
                steps: steps.collect(),
                live: live.map(str::to_owned).collect(),
                idle_timeout: Some(format!("{timeout}{unit}")),
                late: drops_late.then_some(Late::Drop),
                dedupe: dedupe.map(|at| CaseDedupe::Options {
                    window: Some("1h".into()),
                    fields: Some(fields[at].clone()),
                }),
                ..case
            }
        },
    )
}

/// The same with stages.
pub fn staged_case(disorder: Disorder) -> impl Strategy<Value = Case> {
    case_of(disorder, 1, 4)
}

/// Joins of every policy with stages, nothing late.
pub fn picking_staged_case() -> impl Strategy<Value = Case> {
    case_of(Disorder::None, PICKS.len(), 4)
}

/// The same with joins of every policy, nothing late.
pub fn picking_case() -> impl Strategy<Value = Case> {
    case_of(Disorder::None, PICKS.len(), 0)
}

/// The same, with events that may be late.
pub fn late_picking_case() -> impl Strategy<Value = Case> {
    case_of(Disorder::Some, PICKS.len(), 0)
}

/// With fewer stages than `stages`.
fn case_of(disorder: Disorder, picks: usize, stages: usize) -> impl Strategy<Value = Case> {
    let shape = (2..=4_usize).prop_flat_map(move |streams| {
        let join = (join(), 0..picks).prop_map(|(join, pick)| RandomJoin { pick, ..join });
        let joins = prop::collection::vec(join, streams - 1);
        (prop::collection::vec(stream(), streams), joins)
    });
    let projection = prop::option::weighted(0.2, 0..PROJECTIONS.len());
    let span = prop::option::weighted(0.15, 0..30_i64);
    (
        (shape, 0..UNITS.len(), projection, prop::collection::vec(stage(), 0..stages.max(1))),
        prop::collection::vec(event(disorder), 1..32),
        prop_oneof![1 => Just(0), 1 => 0..6_i64],
        (span.clone(), span, prop::option::weighted(0.1, 0..4_u64)),
        prop::collection::vec(0..SOURCES.len(), 0..3),
    )
        .prop_map(|(query, events, tolerance, (start, end, limit), closes)| {
            let ((streams, joins), unit, projection, stages) = query;
            let (unit, nanos) = UNITS[unit];
            let sources: Vec<_> =
                (0..SOURCES.len()).filter(|at| streams.iter().any(|s| s.source == *at)).collect();
            let mut case = Case {
                name: "found at random".into(),
                why: "the engine and the model disagree".into(),
                query: text(&streams, &joins, projection, unit)
                    + &stages_text(&stages, &streams, &joins, unit),
                late_tolerance: Some(format!("{tolerance}{unit}")),
                start: start.map(|start| crate::script::instant_text(start * nanos)),
                end: end.map(|end| crate::script::instant_text((end + 5) * nanos)),
                limit,
                ..Case::default()
            };
            let mut clocks = [0; SOURCES.len()];
            for (at, event) in events.iter().enumerate() {
                let source = sources[event.source % sources.len()];
                clocks[source] += event.step;
                case.steps.push(Step {
                    push: Some(SOURCES[source].into()),
                    events: Some(script(event, clocks[source] - event.back, nanos, at)),
                    ..Step::default()
                });
            }
            for source in closes.into_iter().filter(|source| sources.contains(source)) {
                let close = Some(SOURCES[source].into());
                case.steps.push(Step { close, ..Step::default() });
            }
            case.steps.push(Step { close: Some("*".into()), ..Step::default() });
            case
        })
}

/// The query as text.
fn text(
    streams: &[RandomStream],
    joins: &[RandomJoin],
    projection: Option<usize>,
    unit: &str,
) -> String {
    let text = expression(streams, joins, 0, unit);
    match projection {
        Some(projection) => format!("{text} {}", PROJECTIONS[projection]),
        None => text,
    }
}

/// The streams from `first` on, joined: the last join of the highest rank is the outermost, so that
/// equal ranks associate to the left.
fn expression(streams: &[RandomStream], joins: &[RandomJoin], first: usize, unit: &str) -> String {
    let outermost = (0..joins.len()).max_by_key(|at| joins[*at].rank);
    let Some(at) = outermost else {
        let RandomStream { source, range, selector, has_alias } = &streams[0];
        let alias = if *has_alias { format!(" as s{first}") } else { String::new() };
        let (source, selector) = (SOURCES[*source], SELECTORS[*selector]);
        return format!("{source}({selector})[{range}{unit}]{alias}");
    };
    let RandomJoin { kind, keys, within, pick, has_parentheses, .. } = &joins[at];
    let mut left = expression(&streams[..=at], &joins[..at], first, unit);
    let mut right = expression(&streams[at + 1..], &joins[at + 1..], first + at + 1, unit);
    if at > 0 && *has_parentheses {
        left = format!("({left})");
    }
    if at + 1 < joins.len() {
        right = format!("({right})");
    }
    let within = match within {
        Within::Nothing => String::new(),
        Within::Distance(distance) => format!(" within({distance}{unit})"),
        Within::Bounds(lo, hi) => format!(" within({lo}{unit}, {hi}{unit})"),
    };
    // The last policy is for sequences alone.
    let is_sequence = *pick + 1 < PICKS.len() || KINDS[*kind] == "then";
    let pick = if is_sequence { PICKS[*pick] } else { "" };
    format!("{left} {} {}{within}{pick} {right}", KINDS[*kind], KEYS[*keys])
}

/// The event as compact text, with a name of its own.
fn script(event: &RandomEvent, time: i64, nanos: i64, at: usize) -> String {
    let time = time * nanos;
    let mut text = ScriptEvent { time, name: Some(at.to_string()), labels: Vec::new() }.mark();
    for (name, value) in ["k", "j", "m", "tag"].iter().zip(event.labels) {
        if let Some(value) = value {
            let quote = if value.is_empty() { "\"\"" } else { value };
            text.push_str(&format!(" {name}={quote}"));
        }
    }
    text
}
