//! Values to scalar expressions, in a shape whose extremes can be found without trying every
//! combination of events.

use super::Compiler;
use super::kind::Kind;
use crate::query::{Spanned, code, syntax};
use crate::stage::ast::{ArithmeticOp, Chain, Value, Which};
use crate::stage::plan::{Expr, Fact};
use crate::stage::scalar::{Reading, Scalar};

impl Compiler<'_> {
    /// The expression of `value`, whose labels are read so that it is `wanted`.
    pub(super) fn expr(&mut self, value: &Value, wanted: Kind) -> Option<Expr> {
        let fact = match value {
            Value::Number(number) => {
                return Some(Expr::Constant(Scalar::Number(number.value.get())));
            }
            Value::Duration(duration) => {
                return Some(Expr::Constant(Scalar::Nanos(duration.value.0.as_nanos())));
            }
            Value::Text(text) => return self.instant(text).map(Expr::Constant),
            Value::Chain(chain) => return self.chain(chain, wanted),
            Value::Label { stream, which, label, .. } => {
                let stream = self.stream_called(&stream.value)?;
                let place = self.place(stream, label);
                let duration = wanted == Kind::Duration;
                let reading = if duration { Reading::Duration } else { Reading::Number };
                if *which == Which::Any {
                    return Some(Expr::Label { stream, place, reading });
                }
                Fact::Label { stream, which: *which, place, reading }
            }
            Value::Time { stream, which, .. } => {
                Fact::Time { stream: self.stream_called(&stream.value)?, which: *which }
            }
            Value::Count { stream: None, .. } => Fact::Count(None),
            Value::Count { stream: Some(stream), .. } => {
                Fact::Count(Some(self.stream_called(&stream.value)?))
            }
            Value::Elapsed { .. } => Fact::Elapsed,
        };
        self.facts.push(fact);
        Some(Expr::Fact(self.facts.len() - 1))
    }

    fn instant(&mut self, text: &Spanned<String>) -> Option<Scalar> {
        let parsed: Option<jiff::Timestamp> = text.value.parse().ok();
        let nanos = parsed.and_then(|instant| i64::try_from(instant.as_nanosecond()).ok());
        if nanos.is_none() {
            let message = format!(
                "`{}` is no time with a date and an offset, as RFC 3339 has them",
                syntax::shown(&text.value)
            );
            self.error(code::STAGE_TIME, text.span.clone(), message)
                .suggest("for instance `\"2026-11-20T21:20:09Z\"`");
        }
        nanos.map(Scalar::Nanos)
    }

    fn chain(&mut self, chain: &Chain, wanted: Kind) -> Option<Expr> {
        let kinds = Kind::along(chain).expect("the types of a comparison are checked first");
        let mut wanted = wanted;
        let mut right = Vec::with_capacity(chain.rest.len());
        for (link, left) in chain.rest.iter().zip(&kinds).rev() {
            let kind = Kind::of(&link.value).expect("the types of a comparison are checked first");
            let wants = Kind::operands(*left, link.op.value, kind, wanted);
            right.push(wants.1);
            wanted = wants.0;
        }
        let first = self.expr(&chain.first, wanted);
        let mut rest = Vec::with_capacity(chain.rest.len());
        // All links are looked at, so that all mistakes in them are told.
        for (link, wanted) in chain.rest.iter().zip(right.into_iter().rev()) {
            rest.extend(self.expr(&link.value, wanted).map(|expr| (link.op.value, expr)));
        }
        let first = first.filter(|_| rest.len() == chain.rest.len())?;
        let shaped = shaped(first, rest);
        if shaped.is_none() {
            self.combinations(chain.span.clone());
        }
        shaped
    }

    pub(super) fn combinations(&mut self, at: std::ops::Range<usize>) {
        let message = "only trying every combination of events could answer this comparison";
        self.error(code::STAGE_COMBINATIONS, at, message).suggest(
            "keep what is about one stream together, `=` with one stream on each side; or take one \
             event with `first(...)` or `last(...)`",
        );
    }
}

/// A chain in the shape that [`Expr::Chain`] promises, if it has one.
fn shaped(first: Expr, mut rest: Vec<(ArithmeticOp, Expr)>) -> Option<Expr> {
    let mut varies = first.varies();
    let start = rest.iter().position(|(_, expr)| {
        let wider = varies.and(expr.varies());
        let stops = wider.len() > 1;
        if !stops {
            varies = wider;
        }
        stops
    });
    let Some(start) = start else {
        return Some(Expr::Chain { first: Box::new(first), rest, varies });
    };
    let apart = rest.split_off(start);
    let first =
        if rest.is_empty() { first } else { Expr::Chain { first: Box::new(first), rest, varies } };
    for (op, expr) in &apart {
        let other = expr.varies();
        if varies.meets(other) || *op == ArithmeticOp::Divide && other.len() > 1 {
            return None;
        }
        varies = varies.and(other);
    }
    Some(Expr::Chain { first: Box::new(first), rest: apart, varies })
}
