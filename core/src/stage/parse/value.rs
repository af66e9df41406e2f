//! Values: literals, what a correlation has, and arithmetic.

use pest::iterators::Pair;

use super::condition::Read;
use super::{Reader, Rule, exact, shown};
use crate::query::duration::{self, DurationError};
use crate::query::{Duration, Spanned, code, literal, syntax};
use crate::stage::ast::{ArithmeticOp, Chain, Link, Number, Value, Which};

/// The functions of the language.
const FUNCTIONS: [&str; 4] = ["first", "last", "count", "every"];

impl Reader {
    /// What stands at the levels of the tower below a comparison.
    pub(super) fn value(&mut self, pair: Pair<'_, Rule>) -> Option<Read> {
        let value = match pair.as_rule() {
            Rule::sum | Rule::product => return self.chain(pair),
            Rule::group => {
                let inside = pair.into_inner().find(|pair| pair.as_rule() == Rule::any);
                return self.read(inside.expect("a group holds something"));
            }
            Rule::every => return self.every(pair),
            Rule::count => Some(self.count(pair)),
            Rule::pick => self.pick(pair),
            Rule::field => Some(self.field(pair)),
            Rule::number => self.number(&pair),
            Rule::string => self.text(&pair),
            Rule::word => self.word(&pair),
            Rule::negative => return self.negative(pair),
            _ => self.unknown_call(pair),
        };
        value.map(Read::Value)
    }

    /// A value with a sign before it, which only numbers and durations have.
    fn negative(&mut self, pair: Pair<'_, Rule>) -> Option<Read> {
        let mut inner = pair.into_inner();
        let sign = inner.next().expect("a negative value has a sign");
        let positive = inner.next().expect("a sign stands before a value");
        let before = sign.as_span().get_input()[..sign.as_span().start()].trim_end();
        let text = &positive.as_str()[..exact(&positive).len()];
        let meant = match sign.as_str().matches('-').count() % 2 {
            0 => text.to_owned(),
            _ if positive.as_rule() == Rule::number => format!("-{text}"),
            _ if before.ends_with('/') => format!("(-1 * {text})"),
            _ => format!("-1 * {text}"),
        };
        let message = "`-` stands between two values, or right before a number";
        let at = syntax::range(&sign).start..exact(&positive).end;
        self.error(code::QUERY_SYNTAX, at, message)
            .suggest(format!("write `{}`", syntax::shown(&meant)));
        self.side(positive).map(Read::Value)
    }

    fn chain(&mut self, pair: Pair<'_, Rule>) -> Option<Read> {
        let is_sum = pair.as_rule() == Rule::sum;
        let span = self.shifted(exact(&pair));
        let mut inner = pair.into_inner();
        let first = inner.next().expect("a chain starts with a value");
        let Some(op) = inner.next() else { return self.read(first) };
        let first = self.side(first);
        let mut rest = Vec::new();
        let mut op = Some(op);
        // All links are read, so that all mistakes in them are told.
        let mut whole = first.is_some();
        while let Some(spelled) = op {
            let value = self.side(inner.next().expect("an operator has a right side"));
            whole &= value.is_some();
            let op_value = match spelled.as_str() {
                "+" => ArithmeticOp::Add,
                "-" => ArithmeticOp::Subtract,
                "*" => ArithmeticOp::Multiply,
                _ => ArithmeticOp::Divide,
            };
            let spelled = Spanned { value: op_value, span: self.range(&spelled) };
            rest.extend(value.map(|value| Link { op: spelled, value }));
            op = inner.next();
        }
        let first = first.filter(|_| whole)?;
        Some(Read::Value(Value::Chain(match first {
            // `(a + b) + c` is `a + b + c`.
            Value::Chain(mut chain) if chain.is_sum() == is_sum => {
                chain.rest.append(&mut rest);
                chain.span = span;
                chain
            }
            first => Chain { first: Box::new(first), rest, span },
        })))
    }

    fn count(&self, pair: Pair<'_, Rule>) -> Value {
        let span = self.shifted(exact(&pair));
        let stream = pair.into_inner().find(|pair| pair.as_rule() == Rule::stream);
        Value::Count { stream: stream.map(|stream| self.spanned(&stream)), span }
    }

    fn pick(&mut self, pair: Pair<'_, Rule>) -> Option<Value> {
        let (at, text) = (exact(&pair), shown(&pair));
        let (mut which, mut stream, mut member) = (Which::First, None, None);
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::word_pick if pair.as_str().eq_ignore_ascii_case("last") => {
                    which = Which::Last;
                }
                Rule::stream => stream = Some(self.spanned(&pair)),
                Rule::member => member = pair.into_inner().next(),
                _ => {}
            }
        }
        let stream = stream.expect("an event is picked of a stream");
        let span = self.shifted(at.clone());
        let Some(member) = member else {
            let message = format!("`{text}` is an event; a value is expected");
            self.error(code::QUERY_SYNTAX, at, message)
                .suggest(format!("write `{text}.ts` or `{text}.status`"));
            return None;
        };
        Some(Self::member(stream, which, member.as_str(), span))
    }

    fn field(&self, pair: Pair<'_, Rule>) -> Value {
        let span = self.range(&pair);
        let mut inner = pair.into_inner();
        let stream = self.spanned(&inner.next().expect("a field has a stream"));
        let label = inner.next().expect("a field has a label");
        Self::member(stream, Which::Any, label.as_str(), span)
    }

    fn member(
        stream: Spanned<String>,
        which: Which,
        label: &str,
        span: std::ops::Range<usize>,
    ) -> Value {
        if label == "ts" {
            let which = if which == Which::Any { Which::First } else { which };
            return Value::Time { stream, which, span };
        }
        Value::Label { stream, which, label: label.to_owned(), span }
    }

    fn text(&mut self, pair: &Pair<'_, Rule>) -> Option<Value> {
        let start = pair.as_span().start();
        let value = literal::unquote(pair.as_str());
        let value = value.map_err(|error| self.diagnostics.push(syntax::escape(error, start)));
        Some(Value::Text(Spanned { value: value.ok()?, span: self.range(pair) }))
    }

    fn number(&mut self, pair: &Pair<'_, Rule>) -> Option<Value> {
        let span = self.range(pair);
        if let Ok(number) = pair.as_str().parse::<f64>() {
            let Some(value) = Number::new(number) else {
                let message = "this number is larger than any the engine computes with";
                self.error(code::STAGE_TYPE, syntax::range(pair), message);
                return None;
            };
            return Some(Value::Number(Spanned { value, span }));
        }
        let error = match duration::parse(pair.as_str()) {
            Ok(value) => return Some(Value::Duration(Spanned { value, span })),
            Err(error) => error,
        };
        let (at, text) = (exact(pair), shown(pair));
        match error {
            DurationError::UnknownUnit(unit) => {
                let message =
                    format!("unknown unit `{}` in the duration `{text}`", syntax::shown(&unit));
                let meant = match duration::unit_meant(&unit) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "units are ns, us, ms, s, m, h, d and w".to_owned(),
                };
                self.error(code::QUERY_UNKNOWN_UNIT, at, message).suggest(meant);
            }
            DurationError::TooLong => {
                let message = format!("the duration `{text}` is longer than 292 years");
                self.error(code::QUERY_DURATION, at, message);
            }
            DurationError::NoUnit | DurationError::Malformed => {
                let message = format!("`{text}` is neither a number nor a duration");
                let diagnostic = self.error(code::QUERY_DURATION, at, message);
                diagnostic.suggest(duration::parse_logged(pair.as_str()).map_or_else(
                    || "for instance `500`, `0.5`, `250ms` or `1h30m`".to_owned(),
                    |span| format!("write `{}`", Duration(span)),
                ));
            }
        }
        None
    }

    fn word(&mut self, pair: &Pair<'_, Rule>) -> Option<Value> {
        let text = shown(pair);
        if text.eq_ignore_ascii_case("duration") {
            return Some(Value::Elapsed { span: self.shifted(exact(pair)) });
        }
        let message = format!("`{text}` alone is no value: a label is written with its stream");
        let suggestion = match syntax::nearest(&text, &["duration"]) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("write `name.{text}` with the name of the stream, or quote a text"),
        };
        self.error(code::QUERY_SYNTAX, exact(pair), message).suggest(suggestion);
        None
    }

    fn unknown_call(&mut self, pair: Pair<'_, Rule>) -> Option<Value> {
        let whole = exact(&pair);
        let call = &pair.as_str()[..whole.len()];
        let inside = call.split_once('(').map_or("", |(_, inside)| inside);
        let inside = inside.trim_end_matches(')').trim().to_owned();
        let name = pair.into_inner().next().expect("a call has a name");
        let lower = name.as_str().to_lowercase();
        let shown = shown(&name);
        let known = FUNCTIONS.iter().find(|function| **function == lower);
        let (message, suggestion) = match (known, syntax::nearest(&lower, &FUNCTIONS)) {
            (Some(function), _) => (
                format!("`{function}` takes the name of one stream"),
                match label_of(&inside) {
                    Some((stream, label)) if *function != "count" => {
                        format!("write `{function}({stream}).{label}`")
                    }
                    _ => format!("for instance `{function}(app)`"),
                },
            ),
            (None, _) if lower == "duration" => (
                "`duration` is that of the whole result, and takes nothing in parentheses"
                    .to_owned(),
                "write `duration`, or for instance `last(app).ts - app.ts`".to_owned(),
            ),
            (None, Some(meant)) => {
                (format!("there is no function `{shown}`"), format!("did you mean `{meant}`?"))
            }
            (None, None) => (
                format!("there is no function `{shown}`"),
                "there are `first`, `last`, `count` and `every`".to_owned(),
            ),
        };
        self.error(code::QUERY_SYNTAX, syntax::range(&name), message).suggest(suggestion);
        None
    }
}

/// The stream and the label of a text such as `app.status`.
fn label_of(text: &str) -> Option<(&str, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '#');
    text.split_once('.').filter(|_| text.chars().all(is_name))
}
