//! The pipeline of one selector: matchers, line filters, parsers and label filters in order.

use pest::Parser;
use regex::Regex;

use super::matcher::{self, MatchOp, Matcher};
use super::{Event, Fields};
use crate::query::{Code, Diagnostic, text};

#[derive(pest_derive::Parser)]
#[grammar = "select/grammar.pest"]
struct Grammar;

/// A compiled selector. The default keeps everything.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    matchers: Vec<Matcher>,
    filters: Vec<(bool, Regex)>,
}

/// What a pipeline reads of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Labels.
    pub labels: Vec<String>,
    /// Whether the raw line is read.
    pub line: bool,
}

impl Pipeline {
    /// Compiles a selector that starts at byte `offset` of the query.
    ///
    /// # Errors
    /// What is wrong with it, placed in the query.
    pub fn compile(selector: &str, offset: usize) -> Result<Self, Vec<Diagnostic>> {
        let mut pairs = Grammar::parse(Rule::selector, selector).map_err(|_| {
            let at = offset..offset + selector.len();
            vec![Diagnostic::error(Code::QuerySelector, at, "not a selector")]
        })?;
        let mut pipeline = Self::default();
        for part in pairs.next().into_iter().flat_map(pest::iterators::Pair::into_inner) {
            match part.as_rule() {
                Rule::labels => {
                    for matcher in part.into_inner() {
                        let mut parts = matcher.into_inner();
                        let (label, op, quoted) =
                            (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
                        let value = text::unquote(quoted.as_str()).unwrap();
                        let op = MatchOp::parse(op.as_str()).unwrap();
                        pipeline.matchers.push(Matcher::new(label.as_str(), op, &value).unwrap());
                    }
                }
                Rule::filter => {
                    let mut parts = part.into_inner();
                    let (op, quoted) = (parts.next().unwrap(), parts.next().unwrap());
                    let value = text::unquote(quoted.as_str()).unwrap();
                    let pattern =
                        if op.as_str().ends_with('=') { regex::escape(&value) } else { value };
                    pipeline
                        .filters
                        .push((op.as_str().starts_with('|'), matcher::compile(&pattern).unwrap()));
                }
                _ => {}
            }
        }
        Ok(pipeline)
    }

    /// Whether the stream keeps `event`. Clears `extracted` and fills it with the labels that the
    /// selector's parsers add.
    pub fn keeps(&self, event: &Event<'_>, extracted: &mut Fields) -> bool {
        extracted.clear();
        self.matchers.iter().all(|matcher| matcher.accepts(event.fields.label(&matcher.label)))
            && self.filters.iter().all(|(keep, regex)| regex.is_match(event.raw) == *keep)
    }

    /// What it reads of an event.
    pub fn reads(&self) -> Reads {
        Reads {
            labels: self.matchers.iter().map(|matcher| matcher.label.clone()).collect(),
            line: !self.filters.is_empty(),
        }
    }
}
