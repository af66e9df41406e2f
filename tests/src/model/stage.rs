//! What stages make of a result, by the reference of the language: every choice of events is tried.
//!
//! Takes the syntax tree of a stage from the parser; what it means is worked out here, one value at
//! a time, and shares nothing with the evaluation of the engine.

use std::collections::{BTreeMap, BTreeSet};

use logbraid_core::regex_size::RegexSize;
use logbraid_core::select::{MatchOp, Matcher};
use logbraid_core::stage::Stage;
use logbraid_core::stage::ast::{ArithmeticOp, CompareOp, Comparison, Condition, Value, Which};

use crate::script::{self, ScriptEvent};

/// A result as stages see it: by the name of each stream, its events that the projection keeps, in
/// event order.
pub type Seen<'a> = BTreeMap<&'a str, Vec<&'a ScriptEvent>>;

/// One event for each stream that a comparison varies over.
type Choice<'a> = BTreeMap<&'a str, &'a ScriptEvent>;

/// Whether the model knows what a stage means: it reads no calendar, so no times as texts.
pub fn is_known(stage: &Stage) -> bool {
    let Stage::Where { condition, .. } = stage else { return true };
    condition_is_known(condition)
}

fn condition_is_known(condition: &Condition) -> bool {
    match condition {
        Condition::Or { of } | Condition::And { of } => of.iter().all(condition_is_known),
        Condition::Not { of } => condition_is_known(of),
        Condition::Compare(comparison) | Condition::Every(comparison) => {
            let sides = [&comparison.left, &comparison.right];
            sides.into_iter().all(is_textual)
                || sides.into_iter().all(|side| !matches!(side, Value::Text(_)))
        }
    }
}

/// Whether a condition holds of a result.
pub fn holds(condition: &Condition, seen: &Seen<'_>) -> bool {
    match condition {
        Condition::Or { of } => of.iter().any(|one| holds(one, seen)),
        Condition::And { of } => of.iter().all(|one| holds(one, seen)),
        Condition::Not { of } => !holds(of, seen),
        Condition::Compare(comparison) => {
            choices(comparison, seen).iter().any(|choice| compare(comparison, seen, choice))
        }
        Condition::Every(comparison) => {
            let choices = choices(comparison, seen);
            !choices.is_empty() && choices.iter().all(|choice| compare(comparison, seen, choice))
        }
    }
}

/// Every choice of one event of each stream that a comparison names with `name.label`.
fn choices<'a>(comparison: &'a Comparison, seen: &Seen<'a>) -> Vec<Choice<'a>> {
    let mut varies = BTreeSet::new();
    for side in [&comparison.left, &comparison.right] {
        find_varying(side, &mut varies);
    }
    let mut choices = vec![Choice::new()];
    for stream in varies {
        let events = seen.get(stream).map_or(&[][..], Vec::as_slice);
        let with = |choice: &Choice<'a>, event: &'a ScriptEvent| {
            let mut choice = choice.clone();
            choice.insert(stream, event);
            choice
        };
        choices = choices
            .iter()
            .flat_map(|choice| events.iter().map(move |event| with(choice, event)))
            .collect();
    }
    choices
}

fn find_varying<'a>(value: &'a Value, streams: &mut BTreeSet<&'a str>) {
    match value {
        Value::Label { stream, which: Which::Any, .. } => {
            streams.insert(&stream.value);
        }
        Value::Chain(chain) => {
            find_varying(&chain.first, streams);
            chain.rest.iter().for_each(|link| find_varying(&link.value, streams));
        }
        _ => {}
    }
}

fn is_textual(value: &Value) -> bool {
    matches!(value, Value::Text(_) | Value::Label { .. })
}

fn compare(comparison: &Comparison, seen: &Seen<'_>, choice: &Choice<'_>) -> bool {
    let Comparison { left, op, right, .. } = comparison;
    let (Some(a), Some(b)) = (scalar(left, seen, choice), scalar(right, seen, choice)) else {
        return false;
    };
    match (op.value, &a, &b) {
        (CompareOp::Match | CompareOp::NotMatch, Scalar::Text(text), Scalar::Text(regex)) => {
            let matcher =
                Matcher::new(String::new(), MatchOp::Match, regex.clone(), RegexSize::each_of(1));
            let matcher = matcher.expect("a query with a broken regex does not run");
            matcher.accepts(Some(text)) == (op.value == CompareOp::Match)
        }
        (CompareOp::Equal, Scalar::Text(a), Scalar::Text(b))
            if is_textual(left) && is_textual(right) =>
        {
            a == b
        }
        (CompareOp::NotEqual, Scalar::Text(a), Scalar::Text(b))
            if is_textual(left) && is_textual(right) =>
        {
            a != b
        }
        _ => {
            let Some((a, b)) = alike(a, b) else { return false };
            match op.value {
                CompareOp::Equal => a == b,
                CompareOp::NotEqual => a != b,
                CompareOp::Less => a < b,
                CompareOp::LessOrEqual => a <= b,
                CompareOp::Greater => a > b,
                CompareOp::GreaterOrEqual => a >= b,
                CompareOp::Match | CompareOp::NotMatch => unreachable!("regexes are texts"),
            }
        }
    }
}

/// A value; a label is a text until what stands beside it says what it is to be read as.
#[derive(Clone, PartialEq, PartialOrd, Debug)]
enum Scalar {
    Number(f64),
    /// A time or a duration.
    Nanos(i64),
    Text(String),
}

impl Scalar {
    fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Nanos(_) => None,
        }
    }

    fn nanos(self) -> Option<i64> {
        match self {
            Self::Nanos(nanos) => Some(nanos),
            Self::Text(text) => script::duration(&text).ok(),
            Self::Number(_) => None,
        }
    }
}

/// Both as durations where one is, else both as numbers.
fn alike(a: Scalar, b: Scalar) -> Option<(Scalar, Scalar)> {
    if matches!(a, Scalar::Nanos(_)) || matches!(b, Scalar::Nanos(_)) {
        return Some((Scalar::Nanos(a.nanos()?), Scalar::Nanos(b.nanos()?)));
    }
    Some((Scalar::Number(a.number()?), Scalar::Number(b.number()?)))
}

#[expect(clippy::cast_precision_loss, reason = "few events, short times")]
#[expect(clippy::cast_possible_truncation, reason = "cuts what is below a nanosecond")]
fn arithmetic(op: ArithmeticOp, a: Scalar, b: Scalar) -> Option<Scalar> {
    use ArithmeticOp::{Add, Divide, Multiply, Subtract};
    use Scalar::{Nanos, Number};
    if matches!(op, Add | Subtract) {
        return Some(match (op, alike(a, b)?) {
            (Add, (Nanos(a), Nanos(b))) => Nanos(a.saturating_add(b)),
            (_, (Nanos(a), Nanos(b))) => Nanos(a.saturating_sub(b)),
            (Add, (a, b)) => Number(a.number()? + b.number()?),
            (_, (a, b)) => Number(a.number()? - b.number()?),
        });
    }
    let is_zero = matches!(&b, Number(0.0) | Nanos(0)) || b.clone().number() == Some(0.0);
    Some(match (op, a, b) {
        (Divide, ..) if is_zero => return None,
        (Divide, a, Nanos(b)) => Number(a.nanos()? as f64 / b as f64),
        (Divide, Nanos(a), b) => Nanos((a as f64 / b.number()?) as i64),
        (Multiply, Nanos(a), b) | (Multiply, b, Nanos(a)) => Nanos((a as f64 * b.number()?) as i64),
        (Multiply, a, b) => Number(a.number()? * b.number()?),
        (_, a, b) => Number(a.number()? / b.number()?),
    })
}

#[expect(clippy::cast_precision_loss, reason = "few events")]
fn scalar(value: &Value, seen: &Seen<'_>, choice: &Choice<'_>) -> Option<Scalar> {
    let events = |stream: &str| seen.get(stream).map_or(&[][..], Vec::as_slice);
    let one = |stream: &str, which: Which| match which {
        Which::Any => choice.get(stream).copied(),
        Which::First => events(stream).first().copied(),
        Which::Last => events(stream).last().copied(),
    };
    let all = || seen.values().flatten();
    Some(match value {
        Value::Number(number) => Scalar::Number(number.value.get()),
        Value::Duration(duration) => Scalar::Nanos(duration.value.0.as_nanos()),
        Value::Text(text) => Scalar::Text(text.value.clone()),
        Value::Label { stream, which, label, .. } => {
            Scalar::Text(label_of(one(&stream.value, *which)?, label)?.to_owned())
        }
        Value::Time { stream, which, .. } => Scalar::Nanos(one(&stream.value, *which)?.time),
        Value::Count { stream: None, .. } => Scalar::Number(all().count() as f64),
        Value::Count { stream: Some(stream), .. } => {
            Scalar::Number(events(&stream.value).len() as f64)
        }
        Value::Elapsed { .. } => {
            let times = || all().map(|event| event.time);
            Scalar::Nanos(times().max()? - times().min()?)
        }
        Value::Chain(chain) => {
            let mut left = scalar(&chain.first, seen, choice)?;
            for link in &chain.rest {
                left = arithmetic(link.op.value, left, scalar(&link.value, seen, choice)?)?;
            }
            left
        }
    })
}

/// The value of a label of an event; the empty text is a missing label.
pub fn label_of<'a>(event: &'a ScriptEvent, label: &str) -> Option<&'a str> {
    let mut all = event.all_labels().filter(|(name, value)| *name == label && !value.is_empty());
    all.next().map(|(_, value)| value)
}

/// A field of `select`: a label of the result itself (`own`), else `name.label` of the first event.
pub fn field<'a>(field: &str, seen: &Seen<'a>, own: &BTreeMap<String, String>) -> Option<String> {
    if let Some(value) = own.get(field) {
        return Some(value.clone());
    }
    let of_stream = |(name, events): (&&str, &Vec<&'a ScriptEvent>)| {
        let label = field.strip_prefix(*name)?.strip_prefix('.')?;
        label_of(events.first()?, label).map(str::to_owned)
    };
    seen.iter().find_map(of_stream)
}
