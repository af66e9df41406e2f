//! The pipeline of one selector: matchers, line filters, parsers and label filters in order.

use regex::Regex;

use super::extract::Extractor;
use super::filter::{LabelFilter, LineFilter};
use super::pattern::Pattern;
use super::{Event, Fields, MatchOp, Matcher, compile, json, logfmt};
use crate::columns::ColumnNames;
use crate::query::Diagnostic;
use crate::regex_size::RegexSize;

/// A compiled selector. The default keeps everything.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    pub(super) matchers: Vec<Matcher>,
    /// All line filters, wherever they stand: nothing changes the line, and they are cheap.
    pub(super) lines: Vec<LineFilter>,
    pub(super) steps: Vec<Step>,
}

/// What a pipeline does after matchers and line filters.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Json,
    Logfmt,
    Pattern(Pattern),
    Regexp {
        regex: Regex,
        /// The named groups.
        names: Vec<(usize, String)>,
    },
    Filter(LabelFilter),
}

/// What a pipeline looks at, so that a host can hand over just that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// Labels, each once, in the order they are first looked at. Labels that only a parser may find
    /// are among them, because the event's own come first. `json` and `logfmt` may find any label;
    /// which of the others an event has decides no more than whether the name of an extracted one
    /// ends in `_extracted`.
    pub labels: Vec<String>,
    /// The raw line.
    pub line: bool,
}

impl Pipeline {
    /// Compiles `selector`. The spans of diagnostics have `offset` added, the place of the selector
    /// in the query; their line and column count from the start of the selector.
    /// No regex in it may be larger than `size`, which is [that of the query](RegexSize::within).
    ///
    /// # Errors
    /// Everything found wrong, in text order; never empty.
    pub fn compile(
        selector: &str,
        offset: usize,
        size: RegexSize,
    ) -> Result<Self, Vec<Diagnostic>> {
        compile::compile(selector, size).map_err(|mut diagnostics| {
            for diagnostic in &mut diagnostics {
                diagnostic.locate(selector);
                diagnostic.span.start += offset;
                diagnostic.span.end += offset;
            }
            diagnostics
        })
    }

    /// Whether the stream keeps `event`. Clears `extracted` and fills it with the labels that the
    /// selector's parsers add.
    ///
    /// A parser that fails keeps the event, with the label `__error__` (`JSONParserErr` or
    /// `LogfmtParserErr`). Allocates nothing in matchers and line filters; parsers may.
    pub fn keeps(&self, event: &Event<'_>, extracted: &mut Fields) -> bool {
        let value = |matcher: &Matcher| event.label_in(matcher.column, &matcher.label);
        if !self.matchers.iter().all(|matcher| matcher.accepts(value(matcher)))
            || !self.lines.iter().all(|filter| filter.keeps(event.raw))
        {
            return false;
        }
        let mut to = Extractor::new(*event, extracted);
        self.steps.iter().all(|step| step.keeps(event.raw, &mut to))
    }

    /// The label, the value, and whether they are to be equal, of each comparison, where the selector does
    /// nothing but compare.
    pub(crate) fn comparisons(&self) -> Option<impl Iterator<Item = (&str, bool, &str)>> {
        let compares = |matcher: &Matcher| matcher.regex.is_none();
        let is_all =
            self.lines.is_empty() && self.steps.is_empty() && self.matchers.iter().all(compares);
        is_all.then(|| {
            let matchers = self.matchers.iter();
            matchers.map(|matcher| {
                (matcher.label.as_str(), matcher.op == MatchOp::Equal, matcher.value.as_str())
            })
        })
    }

    /// Tells the matchers which columns events have.
    pub(crate) fn set_columns(&mut self, columns: &ColumnNames) {
        for matcher in &mut self.matchers {
            matcher.column = columns.column(&matcher.label);
        }
    }

    /// The matchers in braces, which look at the event's own labels, in text order.
    pub(crate) fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Whether a parser may add the label `name` to an event that lacks it.
    pub(crate) fn may_extract(&self, name: &str) -> bool {
        // A label that the event has with another value is extracted under a longer name.
        let short = name.strip_suffix("_extracted").unwrap_or(name);
        let is_it = |found: &str| found == name || found == short;
        self.steps.iter().any(|step| match step {
            Step::Json | Step::Logfmt => true,
            Step::Pattern(pattern) => pattern.names().any(is_it),
            Step::Regexp { names, .. } => names.iter().any(|(_, found)| is_it(found)),
            Step::Filter(_) => false,
        })
    }

    /// Whether the event's other labels, too, decide what the selector's parsers add: they find any
    /// label, and what the event has already is not added again.
    pub(crate) fn extracts_anything(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Json | Step::Logfmt))
    }

    /// What the pipeline looks at.
    pub fn reads(&self) -> Reads {
        let mut reads = Reads { labels: Vec::new(), line: !self.lines.is_empty() };
        let mut label = |name: &str| {
            if !reads.labels.iter().any(|known| known == name) {
                reads.labels.push(name.to_owned());
            }
        };
        for matcher in &self.matchers {
            label(&matcher.label);
        }
        for step in &self.steps {
            match step {
                Step::Json | Step::Logfmt => {}
                Step::Pattern(pattern) => pattern.names().for_each(&mut label),
                Step::Regexp { names, .. } => names.iter().for_each(|(_, name)| label(name)),
                Step::Filter(filter) => filter.labels(&mut label),
            }
        }
        reads.line |= self.steps.iter().any(|step| !matches!(step, Step::Filter(_)));
        reads
    }
}

impl Step {
    fn keeps(&self, line: &str, to: &mut Extractor<'_>) -> bool {
        match self {
            Self::Json => {
                if json::extract(line, to).is_err() {
                    to.fail("JSONParserErr");
                }
            }
            Self::Logfmt => {
                if logfmt::extract(line, to).is_err() {
                    to.fail("LogfmtParserErr");
                }
            }
            Self::Pattern(pattern) => pattern.extract(line, to),
            Self::Regexp { regex, names } => {
                if let Some(captures) = regex.captures(line) {
                    for (group, name) in names {
                        to.set(name, captures.get(*group).map_or("", |found| found.as_str()));
                    }
                }
            }
            Self::Filter(filter) => return filter.keeps(&|name| to.label(name)),
        }
        true
    }
}
