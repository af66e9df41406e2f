//! Text to syntax tree, with the grammar of `grammar.pest`.
//!
//! Carries on after a mistake the grammar lets through, so that all of them are told at once. The
//! tree of a query with mistakes holds something harmless in their place and is never run.

use std::ops::Range;

use pest::Parser;
use pest::iterators::Pair;

use super::ast::{Expr, Join, Key, LabelMatcher, Query, Spanned, Stream, Within};
use super::diagnostic::{Diagnostic, code};
use super::duration::{self, Duration, DurationError};
use super::syntax::{range, trimmed};
use super::{literal, scan, syntax};
use crate::limits::{MAX_QUERY_BYTES, MAX_STREAMS};
use crate::plan::JoinKind;
use crate::select::MatchOp;
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

/// The tree of `text` as far as there is one, and everything found wrong. Without a finding there
/// is a tree.
pub(super) fn read(text: &str) -> (Option<Query>, Vec<Diagnostic>) {
    if text.len() > MAX_QUERY_BYTES {
        let message =
            format!("the query has {} bytes; at most {MAX_QUERY_BYTES} are read", text.len());
        return (None, vec![Diagnostic::error(code::QUERY_TOO_LONG, 0..0, message)]);
    }
    if let Err(diagnostic) = scan::query(text) {
        return (None, vec![diagnostic]);
    }
    match QueryParser::parse(Rule::query, text) {
        Ok(mut pairs) => {
            let mut reader = Reader { diagnostics: Vec::new(), streams: 0 };
            let query = reader.query(pairs.next().expect("a parse has the pair of its rule"));
            (Some(query), reader.diagnostics)
        }
        Err(error) => (None, vec![explain(text, &error)]),
    }
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
        let mut projection = None;
        for pair in inner {
            match pair.as_rule() {
                Rule::projection => {
                    let at = trimmed(&pair);
                    span.end = at.end;
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
                    let word = pair.into_inner().next().expect("a stage has a word");
                    self.unsupported(range(&word), &format!("the stage `| {}`", word.as_str()));
                }
                _ => {}
            }
        }
        Query { expr, projection: projection.unwrap_or_default(), span }
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

    fn join(&mut self, left: Expr, pair: Pair<'_, Rule>) -> Expr {
        let mut inner = pair.into_inner();
        let operator = inner.next().expect("a join has an operator");
        let kind = self.kind(&operator);
        let (mut on, mut within, mut later) = (None, None, false);
        let mut right = None;
        for pair in inner {
            if pair.as_rule() != Rule::clause {
                right = Some(self.operand(pair));
                continue;
            }
            let clause = pair.into_inner().next().expect("a clause is one of three");
            let at = trimmed(&clause);
            match clause.as_rule() {
                Rule::on if on.is_some() => self.duplicate(at, "`on(...)`"),
                Rule::on => on = Some(self.on(clause)),
                Rule::within if within.is_some() => self.duplicate(at, "`within(...)`"),
                Rule::within => within = Some(self.within(clause)),
                _ => {
                    let word = clause.into_inner().next().expect("a clause starts with a word");
                    let text = word.as_str().to_ascii_lowercase();
                    later = true;
                    self.unsupported(range(&word), &format!("`{text}`"));
                }
            }
        }
        let right = right.expect("a join ends with an operand");
        if on.is_none() && !later {
            let message = format!("`{}` needs `on(...)`: the labels that must agree", kind.value);
            self.error(code::QUERY_NO_KEYS, kind.span.clone(), message)
                .suggest(format!("for instance `{} on(request_id)`", kind.value));
        }
        if let Expr::Join(join) = &right {
            let message = "the right side of a join is one stream in this version";
            self.error(code::QUERY_NESTED_RIGHT, join.span.clone(), message)
                .suggest("parentheses can group the left side: `(a and b) unless c`");
        }
        let span = left.span().start..right.span().end;
        let (on, within) = (on.unwrap_or_default(), within.flatten());
        Expr::Join(Box::new(Join { kind, on, within, left, right, span }))
    }

    fn kind(&mut self, operator: &Pair<'_, Rule>) -> Spanned<JoinKind> {
        let text = operator.as_str().trim_end();
        let start = operator.as_span().start();
        let span = start..start + text.len();
        let word = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
        let value = match word.as_str() {
            "and" => JoinKind::And,
            "or" => JoinKind::Or,
            "unless" => JoinKind::Unless,
            "outer" | "then" | "then not" => {
                self.unsupported(span.clone(), &format!("the operator `{word}`"));
                JoinKind::And
            }
            _ => {
                let message = format!(
                    "unknown operator `{}`; expected `and`, `or` or `unless`",
                    syntax::shown(text)
                );
                let diagnostic = self.error(code::QUERY_UNKNOWN_OPERATOR, span.clone(), message);
                if let Some(meant) = syntax::operator_meant(&word) {
                    diagnostic.suggest(format!("did you mean `{meant}`?"));
                }
                JoinKind::And
            }
        };
        Spanned { value, span }
    }

    fn on(&mut self, clause: Pair<'_, Rule>) -> Vec<Key> {
        let at = trimmed(&clause);
        let mut keys: Vec<Key> = Vec::new();
        for pair in clause.into_inner().filter(|pair| pair.as_rule() == Rule::key) {
            let span = trimmed(&pair);
            let mut labels = pair.into_inner().filter(|pair| pair.as_rule() == Rule::label);
            let left = labels.next().expect("a key has a label").as_str().to_owned();
            let right = labels.next().map_or_else(|| left.clone(), |pair| pair.as_str().to_owned());
            let key = Key { left, right, span };
            if keys.iter().any(|other| other.left == key.left && other.right == key.right) {
                self.duplicate(key.span, &format!("the key `{}`", key.left));
            } else {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            let message = "`on()` names no label; a join needs at least one that must agree";
            self.error(code::QUERY_NO_KEYS, at, message).suggest("for instance `on(request_id)`");
        }
        keys
    }

    /// `None` where it makes no sense.
    fn within(&mut self, clause: Pair<'_, Rule>) -> Option<Within> {
        let span = trimmed(&clause);
        let texts = clause.into_inner().filter(|pair| pair.as_rule() == Rule::duration);
        let texts: Vec<_> = texts.collect();
        if texts.len() > 2 {
            let message = "`within` takes one distance or two bounds";
            self.error(code::QUERY_SYNTAX, range(&texts[2]), message);
            return None;
        }
        let bounds: Vec<_> = texts.iter().map(|text| self.duration(text)).collect();
        let bounds: Vec<Duration> = bounds.into_iter().collect::<Option<_>>()?;
        let (lo, hi) = match bounds[..] {
            [lo, hi] => (lo, hi),
            _ => (Duration(-bounds[0].0), bounds[0]),
        };
        if lo > hi {
            if bounds.len() == 1 {
                let message = "a distance cannot be negative";
                self.error(code::QUERY_DURATION, range(&texts[0]), message)
                    .suggest(format!("two bounds are written `within({hi}, 0s)`"));
            } else {
                let message = format!("the lower bound {lo} is above the upper bound {hi}");
                self.error(code::QUERY_BOUNDS, span, message)
                    .suggest(format!("did you mean `within({hi}, {lo})`?"));
            }
            return None;
        }
        Some(Within { lo, hi, span })
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

    fn duplicate(&mut self, at: Range<usize>, what: &str) {
        self.error(code::QUERY_DUPLICATE, at, format!("{what} is given twice"));
    }

    fn unsupported(&mut self, at: Range<usize>, what: &str) {
        let message = format!("{what} is not supported in this version");
        self.error(code::QUERY_UNSUPPORTED, at, message);
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
            Rule::range => "a range such as `[5m]`",
            Rule::alias => "`as`",
            Rule::operator | Rule::join => syntax::OPERATOR,
            Rule::clause | Rule::on => "`on(...)`",
            Rule::within => "`within(...)`",
            Rule::key | Rule::label => "a label",
            Rule::name => "a name",
            Rule::duration => "a duration such as `5m`",
            Rule::projection => "a projection `{...}`",
            Rule::matcher => "a matcher such as `status=\"500\"`",
            Rule::match_op => "`=`, `!=`, `=~` or `!~`",
            Rule::string => "a quoted text",
            Rule::EOI => "the end of the query",
            _ => return None,
        })
    });
    syntax::query_error(text, syntax::position(error), &expected)
}
