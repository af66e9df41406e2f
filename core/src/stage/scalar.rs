//! Numbers, and times and durations in nanoseconds: arithmetic that saturates, and order.

use std::cmp::Ordering;

use super::ast::ArithmeticOp;
use crate::query::duration;

/// A value that arithmetic can be done with. Times and durations are both nanoseconds; the compiler
/// keeps them apart.
#[derive(Copy, Clone, PartialEq, Debug)]
pub(super) enum Scalar {
    /// Finite.
    Number(f64),
    Nanos(i64),
}

/// What a label is read as.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    Number,
    Duration,
}

impl Reading {
    /// The value that `text` spells.
    pub fn of(self, text: &str) -> Option<Scalar> {
        let text = text.trim();
        match self {
            Self::Number => {
                text.parse().ok().filter(|number: &f64| number.is_finite()).map(Scalar::Number)
            }
            Self::Duration => {
                duration::parse_logged(text).map(|span| Scalar::Nanos(span.as_nanos()))
            }
        }
    }
}

impl Scalar {
    /// A number of events.
    pub fn count(count: usize) -> Self {
        Self::Number(f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
    }

    /// `self op right`; `None` for a division by zero. For a fixed operand each operator never falls,
    /// or never rises, with the other operand, for a divisor on either side of zero: so the
    /// extremes of a result come from the extremes of its operands, rounding included.
    pub fn apply(self, op: ArithmeticOp, right: Self) -> Option<Self> {
        use ArithmeticOp::{Add, Divide, Multiply, Subtract};
        use Scalar::{Nanos, Number};
        Some(match (op, self, right) {
            (Add, Number(a), Number(b)) => Number(finite(a + b)),
            (Subtract, Number(a), Number(b)) => Number(finite(a - b)),
            (Multiply, Number(a), Number(b)) => Number(finite(a * b)),
            (Add, Nanos(a), Nanos(b)) => Nanos(a.saturating_add(b)),
            (Subtract, Nanos(a), Nanos(b)) => Nanos(a.saturating_sub(b)),
            (Multiply, Nanos(a), Number(b)) | (Multiply, Number(b), Nanos(a)) => {
                Nanos(to_nanos(to_number(a) * b))
            }
            (Divide, _, Number(0.0) | Nanos(0)) => return None,
            (Divide, Number(a), Number(b)) => Number(finite(a / b)),
            (Divide, Nanos(a), Nanos(b)) => Number(to_number(a) / to_number(b)),
            (Divide, Nanos(a), Number(b)) => Nanos(to_nanos(to_number(a) / b)),
            // The compiler lets nothing else through.
            _ => return None,
        })
    }

    /// How two values of one sort are ordered.
    pub fn order(self, other: Self) -> Ordering {
        let order = match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.partial_cmp(&b),
            (Self::Nanos(a), Self::Nanos(b)) => Some(a.cmp(&b)),
            _ => None,
        };
        order.expect("numbers are finite, and the compiler compares like with like")
    }

    /// The sign: below, at or above zero.
    pub fn sign(self) -> Ordering {
        match self {
            Self::Number(number) => Self::Number(number).order(Self::Number(0.0)),
            Self::Nanos(nanos) => nanos.cmp(&0),
        }
    }
}

/// Kept within the finite numbers.
fn finite(number: f64) -> f64 {
    number.clamp(f64::MIN, f64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "beyond 104 days a nanosecond does not matter")]
fn to_number(nanos: i64) -> f64 {
    nanos as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates, and cuts what is below a nanosecond"
)]
fn to_nanos(number: f64) -> i64 {
    number as i64
}
