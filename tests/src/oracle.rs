//! The naive model as a runner of cases: follows the steps of a case and says what the engine must
//! have said.
//!
//! Takes the bounds and the selection from the checked plan; what follows from them is the model's.

use logbraid_core::event::{Event, Fields};
use logbraid_core::plan::{self, JoinKind, KeyLabels, Pick, Plan};
use logbraid_core::query;
use logbraid_core::time::{Span, Timestamp};

use crate::case::{Case, Step};
use crate::model::moment::Wait;
use crate::model::policy::{self, Policy};
use crate::model::{self, FAR, Join, Kind, Model, Operand, Query};
use crate::run::{plan_options, reads_lines, source_names};
use crate::script::{self, BASE, ScriptEvent};

/// A case being followed by the model.
pub struct Oracle {
    plan: Plan,
    sources: Vec<String>,
    model: Model,
    policies: Vec<Policy>,
    limit: usize,
    is_open: Vec<bool>,
    pushed: Vec<usize>,
    /// By index into the model's events: the event as results name it, and whether the projection
    /// keeps it.
    named: Vec<(ScriptEvent, usize)>,
}

impl Oracle {
    /// The model for a case; `None` where the case is about something the model does not know:
    /// bytes, live sources, the text of lines.
    ///
    /// # Errors
    /// An instant or duration of the case is malformed.
    pub fn new(case: &Case) -> Result<Option<Self>, String> {
        let has_bytes = case
            .steps
            .iter()
            .any(|step| step.bytes.is_some() || step.hex.is_some() || step.advance.is_some());
        let Some(plan) = query::check(&case.query, &plan_options(case)).plan else {
            return Ok(None);
        };
        let has_messages = case
            .steps
            .iter()
            .any(|step| step.events.as_ref().is_some_and(|events| events.contains("msg=")));
        // What has been told cannot be taken back when it turns out to begin before the start.
        let may_overshoot = case.emit.as_deref() == Some("eager") && case.start.is_some();
        let reads_text = has_bytes || has_messages || reads_lines(&plan);
        if reads_text || may_overshoot || !case.live.is_empty() {
            return Ok(None);
        }
        if !plan.stages.stages.is_empty() {
            return Ok(None);
        }
        // Bounds are outside of what is promised to be the same in every engine.
        let is_bounded = case.max_events.is_some()
            || case.max_memory.is_some()
            || case.max_events_per_correlation.is_some();
        if is_bounded || case.dedupe.is_some() || case.late.is_some() {
            return Ok(None);
        }
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
            start: instant(&case.start)?,
            end: instant(&case.end)?,
        };
        Ok(Some(Self {
            sources: source_names(&plan),
            model: Model::new(query),
            policies: plan.joins.iter().map(|join| policy_of(&join.pick)).collect(),
            limit: case.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX),
            is_open: vec![true; plan.sources.len()],
            pushed: vec![0; plan.sources.len()],
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
            for event in script::events(events)? {
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
        self.model.arrive(source, script.time, selected);
        for event in &self.model.events[before..] {
            self.named.push((script.clone(), event.stream));
        }
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

    /// The events of a result as a correlation names them, after the projection.
    fn render(&self, result: &[usize]) -> Vec<String> {
        let kept = result.iter().filter(|at| {
            let script = &self.named[**at].0;
            let mut matchers = self.plan.projection.iter();
            matchers.all(|matcher| matcher.accepts(script.label(&matcher.label)))
        });
        kept.map(|at| {
            let (script, stream) = &self.named[*at];
            format!("{}{}", self.plan.streams[*stream].name, script.mark())
        })
        .collect()
    }

    fn visible(&self, results: &[Vec<usize>]) -> Vec<Vec<String>> {
        let rendered = results.iter().map(|result| self.render(result));
        rendered.filter(|events| !events.is_empty()).collect()
    }

    /// Whether a join picks from its matches; then only [`Self::in_the_end`] has an answer.
    pub fn picks(&self) -> bool {
        self.policies.iter().any(|policy| *policy != Policy::Session)
    }

    /// What all final correlations are, in no order, where nothing was late and all has ended.
    pub fn in_the_end(&self) -> Vec<Vec<String>> {
        let results = policy::results(&self.model, &self.policies);
        let in_order = results.into_iter().map(|set| {
            let mut events: Vec<usize> = set.into_iter().collect();
            events.sort_by_key(|at| {
                let event = &self.model.events[*at];
                (event.time, event.stream, event.number)
            });
            events
        });
        self.visible(&in_order.collect::<Vec<_>>())
    }

    /// Whether more than one answer is right from here on.
    pub fn is_ambiguous(&self) -> bool {
        self.model.is_ambiguous
    }

    /// The final correlations in order: those that must have been delivered by now, and those
    /// that may.
    pub fn finished(&self) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
        [Wait::Maybe, Wait::Yes]
            .map(|promptness| {
                let mut finished = self.visible(&self.model.finished(promptness));
                finished.truncate(self.limit);
                finished
            })
            .into()
    }

    /// The correlations an eager consumer must know by now, and those it may know.
    pub fn holding(&self) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
        [Wait::Maybe, Wait::Yes]
            .map(|promptness| self.visible(&self.model.holding(promptness)))
            .into()
    }
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
