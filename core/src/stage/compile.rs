//! Trees of stages to [`Stages`]: names resolved, types checked, regexes compiled.
//!
//! Names of streams are looked at before anything else, all of them: that one is unknown is told even
//! where its comparison makes no sense either. Later an unknown stream is passed over in silence.

use std::ops::Range;

use super::ast::{Condition, Stage};
use super::parse::Read;
use super::plan::{self, Field, FieldFrom, Filter, PlannedStage, Selection, Stages, Test};
use super::{Compiled, Scope};
use crate::id::StreamId;
use crate::query::{Diagnostic, Spanned, code, in_text_order, syntax};
use crate::regex_size::RegexSize;

mod comparison;
mod expr;
mod kind;

/// Compiles the stages of a query.
pub(super) fn compile(stages: impl Iterator<Item = Read>, scope: Scope<'_>) -> Compiled {
    let mut compiler = Compiler {
        scope,
        size: RegexSize::within(scope.text),
        reads: vec![Vec::new(); scope.streams.len()],
        facts: Vec::new(),
        diagnostics: Vec::new(),
    };
    let mut trees = Vec::new();
    for read in stages {
        compiler.diagnostics.extend(read.diagnostics);
        for name in &read.names {
            compiler.stream(name);
        }
        trees.extend(read.stage);
    }
    let mut selected = false;
    let mut planned = Vec::new();
    for stage in &trees {
        planned.extend(match stage {
            Stage::Where { condition, .. } => {
                compiler.condition(condition).map(|test| PlannedStage::Where(Filter(test)))
            }
            Stage::Select { span, .. } if std::mem::replace(&mut selected, true) => {
                let message = "`select` is given twice";
                compiler.error(code::QUERY_DUPLICATE, span.clone(), message);
                None
            }
            Stage::Select { fields, .. } => {
                let fields = fields.iter().filter_map(|field| compiler.field(field)).collect();
                Some(PlannedStage::Select(Selection(fields)))
            }
            Stage::Limit { count, .. } => Some(PlannedStage::Limit(*count)),
        });
    }
    let diagnostics = compiler.diagnostics;
    if diagnostics.is_empty() {
        return Compiled { trees, stages: Ok(Stages { stages: planned, reads: compiler.reads }) };
    }
    Compiled { trees, stages: Err(in_text_order(scope.text, diagnostics)) }
}

struct Compiler<'q> {
    scope: Scope<'q>,
    /// Of regexes.
    size: RegexSize,
    reads: Vec<Vec<String>>,
    /// Of the comparison at hand.
    facts: Vec<plan::Fact>,
    diagnostics: Vec<Diagnostic>,
}

/// Every `None` stands for a mistake that has been reported, but for those of `stream_called`.
impl Compiler<'_> {
    fn condition(&mut self, condition: &Condition) -> Option<Test> {
        Some(match condition {
            Condition::Or { of } => Test::Any(self.conditions(of)?),
            Condition::And { of } => Test::All(self.conditions(of)?),
            Condition::Not { of } => Test::Not(Box::new(self.condition(of)?)),
            Condition::Compare(comparison) => Test::Compare(self.comparison(comparison, false)?),
            Condition::Every(comparison) => Test::Compare(self.comparison(comparison, true)?),
        })
    }

    /// All are looked at, so that all mistakes are told.
    fn conditions(&mut self, conditions: &[Condition]) -> Option<Vec<Test>> {
        let tests: Vec<_> = conditions.iter().map(|condition| self.condition(condition)).collect();
        tests.into_iter().collect()
    }

    fn field(&mut self, field: &Spanned<String>) -> Option<Field> {
        let name = field.value.clone();
        let of_stream = name.split_once('.');
        let of_stream =
            of_stream.and_then(|(name, label)| Some((self.stream_called(name)?, label)));
        if let Some((stream, label)) = of_stream {
            if label == "ts" {
                let message = "`ts` is the time of an event, which results have anyway; `select` \
                               takes labels";
                self.error(code::STAGE_LABEL, field.span.clone(), message);
                return None;
            }
            let place = self.place(stream, label);
            return Some(Field { name, from: FieldFrom::First { stream, place } });
        }
        let known = self.scope.labels.is_none_or(|labels| labels.contains(&name.as_str()));
        if known && !name.contains('#') {
            return Some(Field { name, from: FieldFrom::Result });
        }
        let meant = self.scope.labels.and_then(|labels| syntax::nearest(&name, labels));
        if let (None, Some((stream, _))) = (meant, name.split_once('.')) {
            let span = field.span.start..field.span.start + stream.len();
            self.stream(&Spanned { value: stream.to_owned(), span });
            return None;
        }
        let shown = syntax::shown(&name);
        let message = format!("`{shown}` is no key of the query and no copied label");
        let suggestion = meant.map_or_else(
            || "a label of the first event of a stream is written `name.label`".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        );
        self.error(code::STAGE_LABEL, field.span.clone(), message).suggest(suggestion);
        None
    }

    fn stream_called(&self, name: &str) -> Option<StreamId> {
        self.scope.streams.iter().position(|stream| *stream == name).map(StreamId::new)
    }

    /// Reports a name that no stream has.
    fn stream(&mut self, name: &Spanned<String>) {
        if self.stream_called(&name.value).is_none() {
            let streams = self.scope.streams;
            let numbered = |stream: &&str| {
                stream.split_once('#').is_some_and(|(source, _)| source == name.value)
            };
            let list = |names: &[&str], last: &str| {
                let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
                match &quoted[..] {
                    [most @ .., end] if !most.is_empty() => {
                        format!("{} {last} {end}", most.join(", "))
                    }
                    quoted => quoted.concat(),
                }
            };
            let several: Vec<_> = streams.iter().copied().filter(numbered).collect();
            // Of one letter, every other one would be a misspelling.
            let nearest = syntax::nearest(&name.value, streams).filter(|_| name.value.len() > 1);
            let suggestion = if !several.is_empty() {
                format!("write {}, or give the streams names with `as`", list(&several, "or"))
            } else if let Some(meant) = nearest {
                format!("did you mean `{meant}`?")
            } else {
                format!("the streams are {}", list(streams, "and"))
            };
            let message = format!("no stream is called `{}`", syntax::shown(&name.value));
            self.error(code::STAGE_STREAM, name.span.clone(), message).suggest(suggestion);
        }
    }

    /// The place of a label among those that are read of a stream.
    fn place(&mut self, stream: StreamId, label: &str) -> usize {
        let reads = &mut self.reads[stream.index()];
        reads.iter().position(|read| read == label).unwrap_or_else(|| {
            reads.push(label.to_owned());
            reads.len() - 1
        })
    }

    fn error(
        &mut self,
        code: &'static str,
        at: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::error(code, at, message));
        self.diagnostics.last_mut().expect("one was just pushed")
    }
}
