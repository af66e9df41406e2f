//! The naive model as a runner of cases: follows the steps of a case and says what the engine must
//! have said.
//!
//! Takes the bounds and the selection from the checked plan; what follows from them is the model's.

use std::collections::{BTreeMap, BTreeSet};

use logbraid_core::engine::Late;
use logbraid_core::event::{Event, Fields};
use logbraid_core::plan::{self, JoinKeys, JoinKind, KeyLabels, Pick, Plan};
use logbraid_core::query;
use logbraid_core::stage::{self as stages, Stage};
use logbraid_core::time::{Span, Timestamp};

use crate::case::{Case, CaseDedupe, Step};
use crate::model::moment::Wait;
use crate::model::policy::{self, Policy};
use crate::model::stage;
use crate::model::{self, FAR, Join, Kind, Model, Operand, Query};
use crate::run::{plan_options, reads_lines, source_names};
use crate::script::{self, BASE, ScriptEvent};

/// As good as for ever: no test is about so long a time.
const FOREVER: i64 = 3_600_000_000_000;

/// For how long a live source may be silent where a case does not say.
const IDLE_TIMEOUT: i64 = 5_000_000_000;

/// A case being followed by the model.
pub struct Oracle {
    plan: Plan,
    sources: Vec<String>,
    model: Model,
    policies: Vec<Policy>,
    stages: Vec<Stage>,
    limit: usize,
    is_open: Vec<bool>,
    pushed: Vec<usize>,
    /// How far the clocks of the sources are ahead.
    skews: Vec<i64>,
    /// What is compared to tell repeats; nothing is forgotten.
    compares: Option<Vec<String>>,
    seen: BTreeSet<(usize, i64, Vec<Option<String>>)>,
    /// By index into the model's events: the event as results name it, and whether the projection
    /// keeps it.
    named: Vec<(ScriptEvent, usize)>,
}

impl Oracle {
    /// The model for a case; `None` where the case is about something the model does not know:
    /// bytes, the text of lines, bounds, what is forgotten or deferred.
    ///
    /// # Errors
    /// An instant or duration of the case is malformed.
    pub fn new(case: &Case) -> Result<Option<Self>, String> {
        let has_bytes = case
            .steps
            .iter()
            .any(|step| step.bytes.is_some() || step.hex.is_some() || step.flush.is_some());
        let Some(plan) = query::check(&case.query, &plan_options(case)).plan else {
            return Ok(None);
        };
        let has_messages = case
            .steps
            .iter()
            .any(|step| step.events.as_ref().is_some_and(|events| events.contains("msg=")));
        let reads_text = has_bytes || has_messages || reads_lines(&plan);
        if reads_text || case.processing_interval.is_some() {
            return Ok(None);
        }
        let stages = stages_of(&case.query);
        if !stages.iter().all(stage::is_known) {
            return Ok(None);
        }
        // Bounds are outside of what is promised to be the same in every engine.
        let is_bounded = case.max_events.is_some()
            || case.max_memory.is_some()
            || case.steps.iter().any(|step| step.max_memory.is_some())
            || case.max_events_per_correlation.is_some();
        if is_bounded {
            return Ok(None);
        }
        let compares = match &case.dedupe {
            None | Some(CaseDedupe::Default(false)) => None,
            // Long enough for all there is.
            Some(CaseDedupe::Options { window: Some(window), fields: Some(fields) })
                if script::duration(window)? >= FOREVER =>
            {
                Some(fields.clone())
            }
            Some(_) => return Ok(None),
        };
        let bound = |span: Span| span.as_nanos().clamp(-FAR, FAR);
        let instant = |text: &Option<String>| text.as_deref().map(script::instant).transpose();
        let operand = |operand: plan::Operand| match operand {
            plan::Operand::Stream(stream) => Operand::Stream(stream.index()),
            plan::Operand::Join(join) => Operand::Join(join),
        };
        let query = Query {
            ranges: plan.streams.iter().map(|stream| bound(stream.range)).collect(),
            joins: plan
                .joins
                .iter()
                .map(|join| Join {
                    kind: match join.kind {
                        JoinKind::And => Kind::And,
                        JoinKind::Or => Kind::Or,
                        JoinKind::Outer => Kind::Outer,
                        JoinKind::Unless => Kind::Unless,
                        JoinKind::Then => Kind::Then,
                        JoinKind::ThenNot => Kind::ThenNot,
                    },
                    left: operand(join.left),
                    right: operand(join.right),
                    lo: bound(join.lo),
                    hi: bound(join.hi),
                })
                .collect(),
            sources: plan.streams.iter().map(|stream| stream.source.index()).collect(),
            tolerance: case.late_tolerance.as_deref().map_or(Ok(0), script::duration)?,
            live: source_names(&plan).iter().map(|name| case.live.contains(name)).collect(),
            idle_timeout: case
                .idle_timeout
                .as_deref()
                .map_or(Ok(IDLE_TIMEOUT), script::duration)?,
            drops_late: case.late == Some(Late::Drop),
            start: instant(&case.start)?,
            end: instant(&case.end)?,
        };
        Ok(Some(Self {
            sources: source_names(&plan),
            model: Model::new(query),
            policies: plan.joins.iter().map(|join| policy_of(&join.pick)).collect(),
            stages,
            limit: case.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX),
            is_open: vec![true; plan.sources.len()],
            pushed: vec![0; plan.sources.len()],
            skews: source_names(&plan)
                .iter()
                .map(|name| case.clock_skew_of(name))
                .collect::<Result<_, _>>()?,
            compares,
            seen: BTreeSet::new(),
            named: Vec::new(),
            plan,
        }))
    }

    /// Follows one step.
    ///
    /// # Errors
    /// The events of the step are malformed.
    pub fn step(&mut self, step: &Step) -> Result<(), String> {
        if let (Some(name), Some(events)) = (&step.push, &step.events) {
            let source = self.sources.iter().position(|source| source == name);
            let source = source.ok_or_else(|| format!("no source `{name}`"))?;
            for mut event in script::events(events)? {
                event.time -= self.skews[source];
                if self.is_open[source] {
                    self.arrive(source, &event);
                }
            }
        }
        for at in 0..self.is_open.len() {
            let is_named = |name: &String| name == "*" || *name == self.sources[at];
            if self.is_open[at] && step.close.as_ref().is_some_and(is_named) {
                self.is_open[at] = false;
                self.model.end(at);
            }
        }
        for (name, is_away) in step.moves() {
            let source = self.sources.iter().position(|source| source == name);
            self.model.set_away(source.ok_or_else(|| format!("no source `{name}`"))?, is_away);
        }
        if let Some(now) = &step.advance {
            self.model.advance(script::instant(now)?);
        }
        self.model.pace();
        Ok(())
    }

    fn arrive(&mut self, source: usize, script: &ScriptEvent) {
        let number = self.pushed[source];
        self.pushed[source] += 1;
        let mut fields = Fields::default();
        for (name, value) in &script.labels {
            fields.set_label(name, value);
        }
        let time = Timestamp::from_nanos(BASE + script.time);
        let event = Event { time, raw: "", fields: &fields };
        let mut extracted = Fields::default();
        let selected = self.plan.sources[source].streams.iter().map(|stream| stream.index());
        let selected: Vec<_> = selected
            .filter(|stream| self.plan.streams[*stream].pipeline.keeps(&event, &mut extracted))
            .map(|stream| model::Event {
                stream,
                time: script.time,
                number,
                keys: self.keys(stream, script),
            })
            .collect();
        let before = self.model.events.len();
        let is_new = self.is_new(source, script);
        self.model.arrive(source, script.time, if is_new { selected } else { Vec::new() });
        for event in &self.model.events[before..] {
            self.named.push((script.clone(), event.stream));
        }
    }

    /// Whether an event is no repeat of an earlier one.
    fn is_new(&mut self, source: usize, script: &ScriptEvent) -> bool {
        let Some(compares) = &self.compares else { return true };
        let fields = compares.iter().map(|name| stage::label_of(script, name).map(str::to_owned));
        self.seen.insert((source, script.time, fields.collect()))
    }

    /// The key of each join, on the side the stream takes.
    fn keys(&self, stream: usize, script: &ScriptEvent) -> Vec<model::Key> {
        let joins = 0..self.plan.joins.len();
        joins
            .map(|join| match self.plan.key_labels(join, stream)? {
                KeyLabels::All(names) => names
                    .iter()
                    .map(|name| script.label(name).filter(|value| !value.is_empty()))
                    .map(|value| value.map(str::to_owned))
                    .collect(),
                KeyLabels::AllBut(ignored) => Some(all_but(script, &ignored)),
            })
            .collect()
    }

    /// The events of a result that the projection keeps.
    fn kept<'a>(&'a self, result: &'a [usize]) -> impl Iterator<Item = usize> + use<'a> {
        let is_kept = |at: &usize| {
            let script = &self.named[*at].0;
            let mut matchers = self.plan.projection.iter();
            matchers.all(|matcher| matcher.accepts(script.label(&matcher.label)))
        };
        result.iter().copied().filter(is_kept)
    }

    /// The events of a result as a correlation names them.
    fn render(&self, result: &[usize]) -> Vec<String> {
        let name = |at: usize| {
            let (script, stream) = &self.named[at];
            format!("{}{}", self.plan.streams[*stream].name, script.mark())
        };
        self.kept(result).map(name).collect()
    }

    /// A result as stages see it.
    fn seen<'a>(&'a self, result: &'a [usize]) -> stage::Seen<'a> {
        let mut seen = stage::Seen::new();
        for at in self.kept(result) {
            let (script, stream) = &self.named[at];
            seen.entry(self.plan.streams[*stream].name.as_str()).or_default().push(script);
        }
        seen
    }

    /// The labels that groups copy, and the keys of the joins: each from the earliest event that has
    /// it.
    fn own_labels(&self, result: &[usize]) -> (Vec<(String, String)>, BTreeMap<String, String>) {
        let mut copied: Vec<(String, String)> = Vec::new();
        for join in &self.plan.joins {
            let (side, labels) = match &join.pick {
                Pick::GroupLeft(labels) => (join.right, labels),
                Pick::GroupRight(labels) => (join.left, labels),
                _ => continue,
            };
            let streams = self.plan.streams_of(side);
            let events = result.iter().map(|at| &self.named[*at]);
            let of_side = events.filter(|(_, stream)| streams.contains(stream));
            for label in labels {
                let value = of_side.clone().find_map(|(script, _)| stage::label_of(script, label));
                if let Some(value) = value.filter(|_| copied.iter().all(|(name, _)| name != label))
                {
                    copied.push((label.clone(), value.to_owned()));
                }
            }
        }
        let mut own: BTreeMap<String, String> = copied.iter().cloned().collect();
        for (at, join) in self.plan.joins.iter().enumerate() {
            let keys = &self.model.events;
            let found = result.iter().find_map(|event| keys[*event].keys[at].as_ref());
            let names = |value: &String| match &join.keys {
                JoinKeys::On(_) => None,
                JoinKeys::Ignoring(_) => value.split_once('=').map(|(name, _)| name.to_owned()),
            };
            for (place, value) in found.into_iter().flatten().enumerate() {
                let (names, value) = match (&join.keys, names(value)) {
                    (JoinKeys::On(keys), _) => {
                        (vec![keys[place].left.clone(), keys[place].right.clone()], value.as_str())
                    }
                    (_, Some(name)) => (vec![name], value.split_once('=').expect("has a name").1),
                    (_, None) => continue,
                };
                for name in names {
                    own.entry(name).or_insert_with(|| value.to_owned());
                }
            }
        }
        (copied, own)
    }

    /// The labels of a result, as `k=1 j=2`.
    fn labels(&self, result: &[usize]) -> String {
        let (copied, own) = self.own_labels(result);
        let fields = self.stages.iter().find_map(|stage| match stage {
            Stage::Select { fields, .. } => Some(fields),
            _ => None,
        });
        let labels = match fields {
            None => copied,
            Some(fields) => {
                let seen = self.seen(result);
                let field = |name: &String| Some((name.clone(), stage::field(name, &seen, &own)?));
                fields.iter().filter_map(|name| field(&name.value)).collect()
            }
        };
        let labels = labels.iter().map(|(name, value)| format!("{name}={value}"));
        labels.collect::<Vec<_>>().join(" ")
    }

    /// What of some results in order is delivered, and whether that ends the query.
    fn delivered(&self, results: &[Vec<usize>]) -> (Vec<Told>, bool) {
        let mut left: Vec<&Vec<usize>> = results.iter().collect();
        left.retain(|result| self.kept(result).next().is_some());
        // A limit ends the query where it is reached, whatever comes of the rest.
        let mut is_over = false;
        let mut counts = vec![0; self.stages.len()];
        let mut kept = Vec::new();
        for result in left {
            if is_over || kept.len() == self.limit {
                break;
            }
            let passes = |(count, stage): (&mut u64, &Stage)| match stage {
                Stage::Where { condition, .. } => stage::holds(condition, &self.seen(result)),
                Stage::Select { .. } => true,
                Stage::Limit { count: limit, .. } => {
                    *count += 1;
                    is_over |= *count == *limit;
                    true
                }
            };
            if counts.iter_mut().zip(&self.stages).all(passes) {
                kept.push(self.told(result));
            }
        }
        let is_over = is_over || kept.len() == self.limit;
        (kept, is_over)
    }

    fn told(&self, result: &[usize]) -> Told {
        Told { events: self.render(result), labels: self.labels(result) }
    }

    /// Whether a join picks from its matches; then only [`Self::in_the_end`] has an answer.
    pub fn picks(&self) -> bool {
        self.policies.iter().any(|policy| *policy != Policy::Session)
    }

    /// What all final correlations are, where nothing was late and all has ended. In their order
    /// where there is one join.
    pub fn in_the_end(&self) -> InTheEnd {
        if !self.picks() {
            let [_, (told, _)] = self.finished();
            return InTheEnd { told, has_order: true };
        }
        let (start, end) = (self.model.query.start, self.model.query.end);
        let mut results: Vec<_> = policy::results(&self.model, &self.policies)
            .into_iter()
            .map(|set| {
                let mut events: Vec<usize> = set.into_iter().collect();
                events.sort_by_key(|at| self.model.order(*at));
                (policy::close(&self.model, &self.policies, &events), events)
            })
            .filter(|(_, events)| {
                let first = self.model.events[events[0]].time;
                start.is_none_or(|start| first >= start) && end.is_none_or(|end| first < end)
            })
            .collect();
        results.sort_by_key(|(close, events)| (*close, self.model.order(events[0])));
        let same =
            |one: &[(Option<i64>, Vec<usize>)]| (one[0].0, one[0].1[0]) == (one[1].0, one[1].1[0]);
        let has_order = self.policies.len() == 1 && !results.windows(2).any(same);
        let results: Vec<_> = results.into_iter().map(|(_, events)| events).collect();
        InTheEnd { told: self.delivered(&results).0, has_order }
    }

    /// Whether more than one answer is right from here on.
    pub fn is_ambiguous(&self) -> bool {
        self.model.is_ambiguous
    }

    /// The final correlations in order: those that must have been delivered by now, and those
    /// that may. With each, whether the query has ended with it.
    pub fn finished(&self) -> [(Vec<Told>, bool); 2] {
        [Wait::Maybe, Wait::Yes].map(|promptness| self.delivered(&self.model.finished(promptness)))
    }

    /// The correlations an eager consumer must know by now, and those it may know.
    pub fn holding(&self) -> [Vec<Told>; 2] {
        [Wait::Maybe, Wait::Yes].map(|promptness| self.delivered(&self.model.holding(promptness)).0)
    }
}

/// A correlation as the model tells it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Told {
    /// Its events, as `a@4#x`.
    pub events: Vec<String>,
    /// The labels of the result, as `k=1 j=2`.
    pub labels: String,
}

/// What is known when all has ended.
pub struct InTheEnd {
    /// The final correlations.
    pub told: Vec<Told>,
    /// Whether their order is known; else a limit picks among them as it may.
    pub has_order: bool,
}

/// The stages of a query that runs.
fn stages_of(query: &str) -> Vec<Stage> {
    let tree = query::parse(query).expect("the query was checked");
    let parse = |text: &str| stages::parse(text, 0).expect("the query was checked");
    tree.stages.iter().map(|stage| parse(&stage.value)).collect()
}

fn policy_of(pick: &Pick) -> Policy {
    match pick {
        Pick::Session => Policy::Session,
        Pick::Pairs => Policy::Pairs,
        Pick::First => Policy::First,
        Pick::Latest => Policy::Latest,
        Pick::GroupLeft(_) => Policy::GroupLeft,
        Pick::GroupRight(_) => Policy::GroupRight,
    }
}

/// The labels that have a value and are not ignored, as `name=value`, in order.
fn all_but(script: &ScriptEvent, ignored: &[String]) -> Vec<String> {
    let labels = script.all_labels().filter(|(name, value)| {
        !value.is_empty() && !ignored.iter().any(|ignored| ignored == name)
    });
    let mut all: Vec<_> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    all.sort();
    all
}
