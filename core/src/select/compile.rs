//! Text of a selector to [`Pipeline`], with the grammar of `grammar.pest`.

use std::ops::Range;

use memchr::memmem::Finder;
use pest::Parser;
use pest::iterators::Pair;

use super::filter::{Comparison, LabelFilter, LineFilter};
use super::matcher::{self, MatchOp, Matcher, RegexError};
use super::pattern::Pattern;
use super::pipeline::{Pipeline, Step};
use crate::query::syntax::{range, trimmed};
use crate::query::{Diagnostic, code, duration, literal, scan, syntax};
use crate::regex_size::RegexSize;

// Generated items have no documentation of their own.
#[allow(missing_docs)]
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "query/lexical.pest"]
    #[grammar = "select/grammar.pest"]
    pub(super) struct SelectorParser;
}

use grammar::{Rule, SelectorParser};

type Pairs<'s> = pest::iterators::Pairs<'s, Rule>;

/// Compiles `selector`. Spans of diagnostics count from its start.
pub(super) fn compile(selector: &str, size: RegexSize) -> Result<Pipeline, Vec<Diagnostic>> {
    scan::selector(selector).map_err(|diagnostic| vec![diagnostic])?;
    let mut pairs = parse(selector).map_err(|error| vec![explain(selector, &error)])?.into_inner();
    let mut compiler = Compiler { size, diagnostics: Vec::new(), pipeline: Pipeline::default() };
    compiler.selector(&mut pairs);
    if compiler.diagnostics.is_empty() { Ok(compiler.pipeline) } else { Err(compiler.diagnostics) }
}

fn parse(selector: &str) -> Result<Pair<'_, Rule>, Box<pest::error::Error<Rule>>> {
    let mut pairs = SelectorParser::parse(Rule::selector, selector)?;
    Ok(pairs.next().expect("a parse has the pair of its rule"))
}

struct Compiler {
    /// Of regexes.
    size: RegexSize,
    diagnostics: Vec<Diagnostic>,
    pipeline: Pipeline,
}

impl Compiler {
    fn selector(&mut self, pairs: &mut Pairs<'_>) {
        for pair in pairs {
            match pair.as_rule() {
                Rule::matchers => {
                    let matchers = pair.into_inner().filter(|pair| pair.as_rule() == Rule::matcher);
                    for pair in matchers {
                        let matcher = self.matcher(&mut pair.into_inner());
                        self.pipeline.matchers.extend(matcher);
                    }
                }
                Rule::line_filter => {
                    let filter = self.line_filter(&mut pair.into_inner());
                    self.pipeline.lines.extend(filter);
                }
                Rule::parser => {
                    let step = self.parser(&mut pair.into_inner());
                    self.pipeline.steps.extend(step);
                }
                Rule::label_filter => {
                    let any = pair.into_inner().next().expect("a label filter compares");
                    let filter = self.any(any);
                    self.pipeline.steps.extend(filter.map(Step::Filter));
                }
                Rule::unsupported => {
                    let word = pair.into_inner().next().expect("a stage has a word");
                    let message =
                        format!("the engine's own selectors do not support `{}`", word.as_str());
                    self.error(code::SELECTOR_UNSUPPORTED, range(&word), message);
                }
                _ => {}
            }
        }
    }

    fn matcher(&mut self, inner: &mut Pairs<'_>) -> Option<Matcher> {
        let label = inner.next().expect("a matcher has a label");
        let op = inner.next().expect("a matcher has an operator");
        let op = MatchOp::of(op.as_str()).expect("the grammar knows the same operators");
        let quoted = inner.next().expect("a matcher has a value");
        self.text_matcher(&label, op, &quoted)
    }

    fn text_matcher(
        &mut self,
        label: &Pair<'_, Rule>,
        op: MatchOp,
        quoted: &Pair<'_, Rule>,
    ) -> Option<Matcher> {
        let value = self.text(quoted)?;
        let matcher = Matcher::new(label.as_str().to_owned(), op, value, self.size);
        matcher.map_err(|error| self.regex_error(&error, quoted)).ok()
    }

    fn line_filter(&mut self, inner: &mut Pairs<'_>) -> Option<LineFilter> {
        let op = inner.next().expect("a line filter has an operator").as_str();
        let quoted = inner.next().expect("a line filter has a text");
        let text = self.text(&quoted)?;
        let negated = op.starts_with('!');
        if op.ends_with('=') {
            return Some(LineFilter::text(Finder::new(&text).into_owned(), negated));
        }
        let regex =
            matcher::compile(&text, self.size).map_err(|error| self.regex_error(&error, &quoted));
        Some(LineFilter::regex(regex.ok()?, negated))
    }

    fn parser(&mut self, inner: &mut Pairs<'_>) -> Option<Step> {
        let word = inner.next().expect("a parser has a name");
        let argument = inner.next();
        match (word.as_rule(), argument) {
            (Rule::word_json, None) => Some(Step::Json),
            (Rule::word_logfmt, None) => Some(Step::Logfmt),
            (Rule::word_pattern, Some(quoted)) => {
                let text = self.text(&quoted)?;
                let pattern = Pattern::compile(&text);
                let pattern = pattern.map_err(|message| {
                    self.error(code::SELECTOR_CAPTURE, range(&quoted), message)
                        .suggest("for instance `pattern \"<ip> - <_> [<time>] <_>\"`");
                });
                Some(Step::Pattern(pattern.ok()?))
            }
            (Rule::word_regexp, Some(quoted)) => self.regexp(&quoted),
            (_, argument) => {
                let at = argument.map_or_else(|| range(&word), |argument| trimmed(&argument));
                let name = word.as_str();
                let message = format!("`{name}` takes no parameters here");
                self.error(code::SELECTOR_UNSUPPORTED, at, message)
                    .suggest(format!("`| {name}` alone extracts everything"));
                None
            }
        }
    }

    fn regexp(&mut self, quoted: &Pair<'_, Rule>) -> Option<Step> {
        let text = self.text(quoted)?;
        let regex =
            matcher::compile(&text, self.size).map_err(|error| self.regex_error(&error, quoted));
        let regex = regex.ok()?;
        let named = regex.capture_names().enumerate();
        let names: Vec<_> = named.filter_map(|(at, name)| Some((at, name?.to_owned()))).collect();
        if names.is_empty() {
            let message = "this regex captures nothing by name";
            self.error(code::SELECTOR_CAPTURE, range(quoted), message)
                .suggest("name a group: `(?P<status>[0-9]+)`");
            return None;
        }
        Some(Step::Regexp { regex, names })
    }

    fn any(&mut self, pair: Pair<'_, Rule>) -> Option<LabelFilter> {
        let mut filters = Vec::new();
        for pair in pair.into_inner().filter(|pair| pair.as_rule() == Rule::all) {
            filters.extend(self.all(pair));
        }
        LabelFilter::any(filters)
    }

    fn all(&mut self, pair: Pair<'_, Rule>) -> Option<LabelFilter> {
        let mut filters = Vec::new();
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::any => filters.extend(self.any(pair)),
                Rule::comparison => filters.extend(self.comparison(&mut pair.into_inner())),
                _ => {}
            }
        }
        LabelFilter::all(filters)
    }

    fn comparison(&mut self, inner: &mut Pairs<'_>) -> Option<LabelFilter> {
        let label = inner.next().expect("a comparison has a label");
        let op = inner.next().expect("a comparison has an operator");
        let value = inner.next().expect("a comparison has a value");
        let spelled = op.as_str();
        if value.as_rule() == Rule::string {
            let Some(op) = MatchOp::of(spelled) else {
                let unquoted = value.as_str().trim_matches(['"', '\'', '`']);
                let number = unquoted.parse::<f64>().is_ok();
                let message = format!("`{spelled}` compares numbers and durations, not texts");
                self.error(code::SELECTOR_COMPARISON, range(&op), message).suggest(if number {
                    format!("write `{} {spelled} {unquoted}`", label.as_str())
                } else {
                    "texts are compared with `=`, `!=`, `=~` and `!~`".to_owned()
                });
                return None;
            };
            return Some(LabelFilter::Text(self.text_matcher(&label, op, &value)?));
        }
        let Some(comparison) = Comparison::of(spelled) else {
            let message = format!("`{spelled}` takes a quoted regex, not a number");
            self.error(code::SELECTOR_COMPARISON, range(&op), message).suggest(format!(
                "write `{} {spelled} \"{}\"`",
                label.as_str(),
                value.as_str()
            ));
            return None;
        };
        let (name, text) = (label.as_str().to_owned(), value.as_str());
        if let Ok(number) = text.parse::<f64>() {
            return Some(LabelFilter::Number { label: name, comparison, number });
        }
        if let Some(duration) = duration::parse_logged(text) {
            return Some(LabelFilter::Duration { label: name, comparison, duration });
        }
        let shown = syntax::shown(text);
        let message = format!("`{shown}` is neither a number nor a duration");
        self.error(code::SELECTOR_COMPARISON, range(&value), message)
            .suggest("for instance `500`, `0.5` or `250ms`; texts are quoted");
        None
    }

    fn text(&mut self, quoted: &Pair<'_, Rule>) -> Option<String> {
        let start = quoted.as_span().start();
        let text = literal::unquote(quoted.as_str());
        text.map_err(|error| self.diagnostics.push(syntax::escape(error, start))).ok()
    }

    fn regex_error(&mut self, error: &RegexError, quoted: &Pair<'_, Rule>) {
        let start = quoted.as_span().start();
        self.diagnostics.push(syntax::regex(error, quoted.as_str(), start));
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

/// The error of the parser in plain words.
fn explain(selector: &str, error: &pest::error::Error<Rule>) -> Diagnostic {
    if let Some(diagnostic) = syntax::out_of_stack(error) {
        return diagnostic;
    }
    let trimmed = selector.trim();
    let start = selector.len() - selector.trim_start().len();
    let whole = start..start + trimmed.len();
    let braced = format!("{{{trimmed}}}");
    if !trimmed.starts_with('{') && parse(&braced).is_ok() {
        let message = "the matchers of a selector stand in braces";
        return Diagnostic::error(code::SELECTOR_SYNTAX, whole, message)
            .suggesting(format!("write `{}`", syntax::shown(&braced)));
    }
    if trimmed.starts_with(['|', '!']) {
        let message = "a selector starts with its matchers; `{}` keeps everything";
        return Diagnostic::error(code::SELECTOR_SYNTAX, start..start + 1, message)
            .suggesting(format!("write `{{}} {}`", syntax::shown(trimmed)));
    }
    let expected = syntax::expected(error, |rule| {
        Some(match rule {
            Rule::selector | Rule::matchers => "matchers such as `{level=\"error\"}`",
            Rule::matcher => "a matcher such as `level=\"error\"`",
            Rule::label | Rule::comparison => "a label",
            Rule::name => "a name",
            Rule::match_op => syntax::MATCH_OPS,
            Rule::compare_op => "a comparison such as `=` or `>=`",
            Rule::string => "a quoted text",
            Rule::number => "a number",
            Rule::comma => "`,`",
            Rule::brace => "`}`",
            Rule::close => "`)`",
            Rule::word_or => "`or`",
            Rule::word_and => "`and`",
            Rule::line_filter | Rule::line_op => "a line filter (`|=`, `!=`, `|~`, `!~`)",
            Rule::parser => "a parser (`json`, `logfmt`, `pattern`, `regexp`)",
            Rule::label_filter | Rule::any | Rule::all => "a label filter",
            Rule::EOI => "the end of the selector",
            _ => return None,
        })
    });
    let at = syntax::position(error);
    let (span, found) = syntax::found(selector, at, "the end of the selector");
    let message = syntax::sentence(&expected, &found);
    let diagnostic = Diagnostic::error(code::SELECTOR_SYNTAX, span.clone(), message);
    let compares = |words: &&str| matches!(*words, syntax::MATCH_OPS | "a number");
    if expected.iter().any(compares)
        && let Some(foreign) = syntax::comparison(selector, at, code::SELECTOR_SYNTAX)
    {
        return foreign;
    }
    if let Some(misspelt) = misspelt_parser(selector, at) {
        return misspelt;
    }
    let (word, behind) = (&selector[span.clone()], &selector[span.end..]);
    if expected.contains(&"a number") && behind.trim_start().starts_with('(') {
        let message =
            format!("the engine's own selectors do not support `{}(...)`", syntax::shown(word));
        return Diagnostic::error(code::SELECTOR_UNSUPPORTED, span, message);
    }
    let suggestion = match word {
        "<" | ">" if expected.contains(&syntax::MATCH_OPS) => {
            Some("numbers are compared behind the braces: `{} | status >= 500`".to_owned())
        }
        "&" => Some("conditions are joined by `and`".to_owned()),
        _ if expected.contains(&"a quoted text") => syntax::unquoted(word),
        _ => None,
    };
    match suggestion.or_else(|| syntax::straight_quotes(word, &expected).map(str::to_owned)) {
        Some(suggestion) => diagnostic.suggesting(suggestion),
        None => diagnostic,
    }
}

/// A misspelt parser before `at`, which was taken for a label.
fn misspelt_parser(selector: &str, at: usize) -> Option<Diagnostic> {
    let before = selector[..at].trim_end();
    let start = before.rfind('|')? + 1;
    let start = start + before[start..].len() - before[start..].trim_start().len();
    let word = &before[start..];
    let goes_on = selector[at..].trim_start();
    if word.is_empty() || !(goes_on.is_empty() || goes_on.starts_with(['|', '"', '\'', '`'])) {
        return None;
    }
    let parsers = ["json", "logfmt", "pattern", "regexp"];
    let meant = syntax::nearest(word, &parsers).filter(|meant| *meant != word)?;
    let message = format!("unknown parser `{}`", syntax::shown(word));
    let span = start..start + word.len();
    let diagnostic = Diagnostic::error(code::SELECTOR_SYNTAX, span, message);
    Some(diagnostic.suggesting(format!("did you mean `{meant}`?")))
}
