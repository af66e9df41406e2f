//! Text to syntax tree, with the grammar of `grammar.pest`.
//!
//! Carries on after a mistake the grammar lets through, so that all of them are told at once. The
//! tree of a query with mistakes holds something harmless in their place and is never run.

mod expect;
mod join;
mod recover;

pub(super) use expect::{Expected, expected};

use std::ops::Range;

use pest::Parser;
use pest::iterators::Pair;

use super::ast::{Expr, LabelMatcher, Query, Spanned, Stream};
use super::diagnostic::{Diagnostic, code};
use super::duration::{self, Duration, DurationError};
use super::syntax::{range, trimmed};
use super::{literal, scan, syntax};
use crate::limits::{MAX_QUERY_BYTES, MAX_STREAMS};
use crate::select::MatchOp;
use crate::stage;
use crate::time::Span;

// Generated items have no documentation of their own.
#[allow(missing_docs)]
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "query/lexical.pest"]
    #[grammar = "query/grammar.pest"]
    pub(super) struct QueryParser;
}

use grammar::{QueryParser, Rule};

/// What can be made of a text.
pub(super) struct Read {
    /// The tree as far as there is one; there is without a finding.
    pub(super) query: Option<Query>,
    /// Everything found wrong.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether the tree has all of the text, and not only what is left beside syntax errors.
    pub(super) is_whole: bool,
}

/// Reads `text` as far as possible.
pub(super) fn read(text: &str) -> Read {
    if text.len() > MAX_QUERY_BYTES {
        let message =
            format!("the query has {} bytes; at most {MAX_QUERY_BYTES} are read", text.len());
        return nothing(vec![Diagnostic::error(code::QUERY_TOO_LONG, 0..0, message)]);
    }
    let mut rest = text.to_owned();
    let mut diagnostics = Vec::new();
    let (mut behind, mut cuts) = (0, 0);
    // From here on the text is not what was written.
    let mut end = usize::MAX;
    // Where a parenthesis was that closes nothing.
    let mut blank = None;
    while let Err(unpaired) = scan::query(&rest) {
        let is_too_deep = unpaired.diagnostic.code == code::QUERY_TOO_DEEP;
        cuts += 1;
        if is_too_deep || cuts > MAX_CUTS {
            diagnostics.push(*unpaired.diagnostic);
            return nothing(diagnostics);
        }
        match recover::pair(&mut rest, &unpaired) {
            Some(cut) => end = end.min(cut),
            None => blank = Some(unpaired.diagnostic.span.start),
        }
        diagnostics.push(*unpaired.diagnostic);
    }
    loop {
        let error = match QueryParser::parse(Rule::query, &rest) {
            Ok(mut pairs) => {
                let mut reader = Reader { diagnostics, streams: 0 };
                let query = reader.query(pairs.next().expect("a parse has the pair of its rule"));
                let mut diagnostics = reader.diagnostics;
                let is_unpaired = |found: &Diagnostic| found.code == code::QUERY_UNBALANCED;
                diagnostics.retain(|found| is_unpaired(found) || found.span.end <= end);
                if end < text.len() && starts_clause(&text[end..]) {
                    // The clause that is missing may be the one that is not closed.
                    let misses = |found: &Diagnostic| found.code == code::QUERY_NO_KEYS;
                    let last = diagnostics.iter().rposition(misses);
                    last.map(|last| diagnostics.remove(last));
                }
                return Read { query: Some(query), diagnostics, is_whole: cuts == 0 };
            }
            Err(error) => error,
        };
        let mut at = syntax::position(&error);
        // What fails next to a cut may be a consequence of it.
        let before = rest[..at].trim_end().len();
        let is_next = behind > 0 && before <= behind
            || blank.is_some_and(|blank| before <= blank && blank <= at);
        if at < end && !is_next {
            let diagnostic = explain(&rest, &error);
            // An operator that is none begins the piece to cut; any other word may end it.
            if diagnostic.code != code::QUERY_UNKNOWN_OPERATOR {
                at = at.min(diagnostic.span.start);
            }
            diagnostics.push(diagnostic);
        }
        cuts += 1;
        match recover::cut(&mut rest, at).filter(|_| cuts <= MAX_CUTS) {
            Some(cut) => behind = cut.end,
            None => return nothing(diagnostics),
        }
    }
}

fn starts_clause(text: &str) -> bool {
    text.split_once('(').is_some_and(|(word, _)| scan::is_clause_word(word.trim_end()))
}

/// Most times that a query is parsed again after a syntax error.
const MAX_CUTS: usize = 16;

fn nothing(diagnostics: Vec<Diagnostic>) -> Read {
    Read { query: None, diagnostics, is_whole: false }
}

struct Reader {
    diagnostics: Vec<Diagnostic>,
    streams: usize,
}

impl Reader {
    fn query(&mut self, pair: Pair<'_, Rule>) -> Query {
        let mut inner = pair.into_inner();
        let expr = self.expr(inner.next().expect("a query has an expression"));
        let mut span = expr.span();
        let (mut projection, mut stages) = (None, Vec::new());
        for pair in inner {
            match pair.as_rule() {
                Rule::projection => {
                    let at = trimmed(&pair);
                    span.end = at.end;
                    self.trailing_comma(&pair);
                    if projection.is_some() {
                        let message = "the projection `{...}` is given twice";
                        self.error(code::QUERY_DUPLICATE, at, message)
                            .suggest("put all matchers into one, separated by commas");
                        continue;
                    }
                    let matchers = pair.into_inner().filter(|pair| pair.as_rule() == Rule::matcher);
                    projection = Some(matchers.map(|pair| self.matcher(pair)).collect());
                }
                Rule::stage => {
                    let text = pair.into_inner().next().expect("a stage has a text");
                    span.end = text.as_span().end();
                    stages.push(Spanned { value: canonical(&text), span: range(&text) });
                }
                _ => {}
            }
        }
        Query { expr, projection: projection.unwrap_or_default(), stages, span }
    }

    fn expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let mut inner = pair.into_inner();
        let first = inner.next().expect("an expression starts with an operand");
        let mut expr = self.operand(first);
        for join in inner {
            // The tree gets one level deeper with each join.
            if self.streams > MAX_STREAMS {
                break;
            }
            expr = self.join(expr, join);
        }
        expr
    }

    fn operand(&mut self, pair: Pair<'_, Rule>) -> Expr {
        if pair.as_rule() == Rule::group {
            return self.expr(pair.into_inner().next().expect("a group holds an expression"));
        }
        Expr::Stream(self.stream(pair))
    }

    fn stream(&mut self, pair: Pair<'_, Rule>) -> Stream {
        let mut inner = pair.into_inner();
        let source = spanned(&inner.next().expect("a stream has a source"));
        self.streams += 1;
        if self.streams == MAX_STREAMS + 1 {
            let message = format!("a query has at most {MAX_STREAMS} streams");
            self.error(code::QUERY_TOO_MANY_STREAMS, source.span.clone(), message);
        }
        let call = inner.next().expect("a stream has a selector in parentheses");
        let mut span = source.span.start..call.as_span().end();
        let selector = call.into_inner().find(|pair| pair.as_rule() == Rule::selector);
        let selector = spanned(&selector.expect("a selector may be empty but is there"));
        let (mut length, mut alias): (Option<Option<_>>, Option<Spanned<String>>) = (None, None);
        for pair in inner {
            let at = trimmed(&pair);
            span.end = at.end;
            if pair.as_rule() == Rule::alias {
                let name = pair.into_inner().find(|pair| pair.as_rule() == Rule::name);
                let name = spanned(&name.expect("an alias has a name"));
                if alias.replace(name).is_some() {
                    self.duplicate(at, "`as`");
                }
                continue;
            }
            if length.is_some() {
                self.duplicate(at, "the range");
                continue;
            }
            if alias.is_some() {
                let message = "the range stands before `as`";
                self.error(code::QUERY_SYNTAX, at, message);
            }
            let text = pair.into_inner().next().expect("a range has a duration");
            let value = self.duration(&text).filter(|duration| {
                let positive = duration.0 >= Span::ZERO;
                if !positive {
                    let message = "a range cannot be negative";
                    self.error(code::QUERY_DURATION, range(&text), message)
                        .suggest("signed bounds are written `within(-5s, 5s)`");
                }
                positive
            });
            length = Some(value.map(|value| Spanned { value, span: range(&text) }));
        }
        Stream { source, selector, range: length.flatten(), alias, span }
    }

    fn matcher(&mut self, pair: Pair<'_, Rule>) -> LabelMatcher {
        let span = trimmed(&pair);
        let mut inner = pair.into_inner();
        let label = inner.next().expect("a matcher has a label").as_str().to_owned();
        let op = inner.next().expect("a matcher has an operator");
        let op = MatchOp::of(op.as_str()).expect("the grammar knows the same operators");
        let quoted = inner.next().expect("a matcher has a value");
        let value = literal::unquote(quoted.as_str()).unwrap_or_else(|error| {
            self.diagnostics.push(syntax::escape(error, quoted.as_span().start()));
            String::new()
        });
        LabelMatcher { label, op, value: Spanned { value, span: range(&quoted) }, span }
    }

    fn duration(&mut self, pair: &Pair<'_, Rule>) -> Option<Duration> {
        let error = match duration::parse(pair.as_str()) {
            Ok(duration) => return Some(duration),
            Err(error) => error,
        };
        let (at, text) = (range(pair), syntax::shown(pair.as_str()));
        match error {
            DurationError::UnknownUnit(unit) => {
                let unit = syntax::shown(&unit);
                let message = format!("unknown unit `{unit}` in the duration `{text}`");
                let meant = match duration::unit_meant(&unit) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "units are ns, us, ms, s, m, h, d and w".to_owned(),
                };
                self.error(code::QUERY_UNKNOWN_UNIT, at, message).suggest(meant);
            }
            DurationError::NoUnit => {
                let message = format!("the duration `{text}` ends without a unit");
                self.error(code::QUERY_DURATION, at, message)
                    .suggest(format!("for instance `{text}s` for seconds"));
            }
            DurationError::TooLong => {
                let message = format!("the duration `{text}` is longer than 292 years");
                self.error(code::QUERY_DURATION, at, message);
            }
            DurationError::Malformed => {
                let message =
                    format!("`{text}` is no duration; expected one such as `5m` or `1h30m`");
                let diagnostic = self.error(code::QUERY_DURATION, at, message);
                if let Some(span) = duration::parse_logged(&text.replace(' ', "")) {
                    diagnostic.suggest(format!("write `{}`", Duration(span)));
                }
            }
        }
        None
    }

    /// Reports a comma behind the last item of a list, before what closes it.
    fn trailing_comma(&mut self, list: &Pair<'_, Rule>) {
        let comma = list.clone().into_inner().nth_back(1);
        if let Some(comma) = comma.filter(|pair| pair.as_rule() == Rule::comma) {
            self.error(code::QUERY_SYNTAX, range(&comma), "nothing follows this `,`")
                .suggest("leave it out");
        }
    }

    fn duplicate(&mut self, at: Range<usize>, what: &str) {
        self.error(code::QUERY_DUPLICATE, at, format!("{what} is given twice"));
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

fn spanned(pair: &Pair<'_, Rule>) -> Spanned<String> {
    Spanned { value: pair.as_str().to_owned(), span: range(pair) }
}

/// The text of a stage as it is formatted; as it was written, but for white space, where it makes no
/// sense.
fn canonical(pair: &Pair<'_, Rule>) -> String {
    let stage = stage::parse(pair.as_str(), 0);
    stage.map_or_else(|_| single_spaced(pair), |stage| stage.to_string())
}

/// The text of a stage with a single space in place of each stretch of white space and comments.
fn single_spaced(pair: &Pair<'_, Rule>) -> String {
    let (text, start) = (pair.as_str(), pair.as_span().start());
    let (mut spaced, mut done) = (String::new(), 0);
    for gap in pair.clone().into_inner().filter(|inner| inner.as_rule() == Rule::gap) {
        let gap = range(&gap);
        spaced.push_str(&text[done..gap.start - start]);
        spaced.push(' ');
        done = gap.end - start;
    }
    spaced.push_str(&text[done..]);
    spaced
}

/// The error of the parser in plain words.
fn explain(text: &str, error: &pest::error::Error<Rule>) -> Diagnostic {
    if let Some(diagnostic) = syntax::out_of_stack(error) {
        return diagnostic;
    }
    let expected = syntax::expected(error, |rule| {
        Some(match rule {
            Rule::query | Rule::expr | Rule::group | Rule::stream | Rule::source => syntax::STREAM,
            Rule::call => "a selector such as `({})`",
            Rule::open => "`(`",
            Rule::close => "`)`",
            Rule::bracket => "`]`",
            Rule::brace => "`}`",
            Rule::comma => "`,`",
            Rule::equals => "`=`",
            Rule::range => syntax::RANGE,
            Rule::alias | Rule::word_as => syntax::ALIAS,
            Rule::operator | Rule::join => syntax::OPERATOR,
            Rule::clause | Rule::on => syntax::KEYS,
            Rule::within => "`within(...)`",
            Rule::policy => "a policy (`session`, `pairs`, `first`, `latest`)",
            Rule::stage_text => "a stage (`where`, `select`, `limit`)",
            Rule::key | Rule::label => "a label",
            Rule::name => "a name",
            Rule::duration => "a duration such as `5m`",
            Rule::projection => syntax::PROJECTION,
            Rule::stage => syntax::STAGE,
            Rule::matcher => "a matcher such as `status=\"500\"`",
            Rule::match_op => syntax::MATCH_OPS,
            Rule::string => "a quoted text",
            Rule::EOI => "the end of the query",
            _ => return None,
        })
    });
    syntax::query_error(text, syntax::position(error), expected)
}
