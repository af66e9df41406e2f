//! What sort of value an expression is, and what its labels have to be read as.

use crate::stage::ast::{ArithmeticOp, Chain, Value};

/// The sort of a value.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Number,
    Duration,
    Time,
    /// A quoted text.
    Text,
    /// A label, or what is computed from labels: a number or a duration, as its surroundings want.
    Label,
}

impl Kind {
    /// The sort of `value`; `None` where its arithmetic makes no sense.
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Number(_) | Value::Count { .. } => Self::Number,
            Value::Duration(_) | Value::Elapsed { .. } => Self::Duration,
            Value::Text(_) => Self::Text,
            Value::Label { .. } => Self::Label,
            Value::Time { .. } => Self::Time,
            Value::Chain(chain) => *Self::along(chain)?.last()?,
        })
    }

    /// The sort of the first value of a chain, and of what each link makes of it.
    pub fn along(chain: &Chain) -> Option<Vec<Self>> {
        let mut kinds = vec![Self::of(&chain.first)?];
        for link in &chain.rest {
            let left = *kinds.last()?;
            kinds.push(left.with(link.op.value, Self::of(&link.value)?)?);
        }
        Some(kinds)
    }

    /// The sort of `self op right`.
    pub fn with(self, op: ArithmeticOp, right: Self) -> Option<Self> {
        use ArithmeticOp::{Add, Divide, Multiply, Subtract};
        use Kind::{Duration, Label, Number, Text, Time};
        Some(match (self, op, right) {
            (Number, _, Number)
            | (Number, Add | Subtract | Divide, Label)
            | (Label, Add | Subtract, Number)
            | (Label, Multiply | Divide, Label)
            | (Duration | Label, Divide, Duration) => Number,
            (Duration, Add | Subtract, Duration | Label)
            | (Duration, Multiply | Divide, Number | Label)
            | (Label, Add | Subtract, Duration)
            | (Number | Label, Multiply, Duration)
            | (Time, Subtract, Time | Text)
            | (Text, Subtract, Time) => Duration,
            (Time, Add | Subtract, Duration | Label) | (Duration | Label, Add, Time) => Time,
            (Label, Add | Subtract, Label)
            | (Label, Multiply | Divide, Number)
            | (Number, Multiply, Label) => Label,
            _ => return None,
        })
    }

    /// What the operands of `left op right` are read as, if the result is read as `wanted`.
    pub fn operands(left: Self, op: ArithmeticOp, right: Self, wanted: Self) -> (Self, Self) {
        use ArithmeticOp::{Divide, Multiply};
        use Kind::{Duration, Label, Number};
        match (left, op, right) {
            (Label, Multiply | Divide, Number) => (wanted, Number),
            (Number, Multiply, Label) => (Number, wanted),
            (Label, Divide, Duration) => (Duration, Duration),
            (_, Multiply | Divide, _) => (left.beside(Number), right.beside(Number)),
            (Label, _, Label) => (wanted, wanted),
            _ => (left.beside(right), right.beside(left)),
        }
    }

    /// What a value is read as that is added to `other`.
    fn beside(self, other: Self) -> Self {
        match (self, other) {
            (Self::Label, Self::Time) => Self::Duration,
            (Self::Label, other) => other,
            (Self::Text, _) => Self::Time,
            (own, _) => own,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Duration => "a duration",
            Self::Time => "a time",
            Self::Text => "a text",
            Self::Label => "a label",
        }
    }
}
