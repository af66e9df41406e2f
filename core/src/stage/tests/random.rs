//! Conditions against what they mean by definition: trying every choice of events.

use proptest::prelude::*;

use super::*;
use crate::stage::ast::{ArithmeticOp, CompareOp, Comparison, Condition, Value, Which};

type Event = (i64, Vec<(String, String)>);

/// One event chosen for each stream.
type Choice<'s> = [Option<&'s Event>; 3];

fn at(name: &str) -> usize {
    STREAMS.iter().position(|stream| *stream == name).expect("is a stream")
}

fn holds(condition: &Condition, streams: &Streams) -> bool {
    match condition {
        Condition::Or { of } => of.iter().any(|condition| holds(condition, streams)),
        Condition::And { of } => of.iter().all(|condition| holds(condition, streams)),
        Condition::Not { of } => !holds(of, streams),
        Condition::Compare(comparison) => {
            choices(streams).iter().any(|choice| compare(comparison, streams, choice))
        }
        Condition::Every(comparison) => {
            let stream = varies(&comparison.left).or_else(|| varies(&comparison.right));
            let stream = stream.expect("is about one stream");
            let mut events = streams[stream].iter().peekable();
            events.peek().is_some()
                && events.all(|event| {
                    let mut choice = [None; 3];
                    choice[stream] = Some(event);
                    compare(comparison, streams, &choice)
                })
        }
    }
}

fn varies(value: &Value) -> Option<usize> {
    match value {
        Value::Label { stream, which: Which::Any, .. } => Some(at(&stream.value)),
        Value::Chain(chain) => {
            varies(&chain.first).or_else(|| chain.rest.iter().find_map(|link| varies(&link.value)))
        }
        _ => None,
    }
}

/// Every choice of an event of each stream; none of a stream without events.
fn choices(streams: &Streams) -> Vec<Choice<'_>> {
    let mut choices: Vec<Choice<'_>> = vec![[None; 3]];
    for (at, events) in streams.iter().take(3).enumerate() {
        if events.is_empty() {
            continue;
        }
        choices = choices
            .iter()
            .flat_map(|choice| {
                events.iter().map(move |event| {
                    let mut choice = *choice;
                    choice[at] = Some(event);
                    choice
                })
            })
            .collect();
    }
    choices
}

#[expect(clippy::float_cmp, reason = "the same operations give the same numbers")]
fn compare(comparison: &Comparison, streams: &Streams, choice: &Choice<'_>) -> bool {
    let op = comparison.op.value;
    let sides = [&comparison.left, &comparison.right];
    let is_text = |side: &Value| matches!(side, Value::Label { .. } | Value::Text(_));
    if matches!(op, CompareOp::Equal | CompareOp::NotEqual) && sides.into_iter().all(is_text) {
        let [left, right] = sides.map(|side| match side {
            Value::Text(text) => Some(text.value.clone()),
            side => text(side, streams, choice),
        });
        return left.zip(right).is_some_and(|(a, b)| (a == b) == (op == CompareOp::Equal));
    }
    let [left, right] = sides.map(|side| number(side, streams, choice));
    left.zip(right).is_some_and(|(a, b)| match op {
        CompareOp::Equal => a == b,
        CompareOp::NotEqual => a != b,
        CompareOp::Less => a < b,
        CompareOp::LessOrEqual => a <= b,
        CompareOp::Greater => a > b,
        CompareOp::GreaterOrEqual => a >= b,
        CompareOp::Match | CompareOp::NotMatch => unreachable!("not generated"),
    })
}

fn text(value: &Value, streams: &Streams, choice: &Choice<'_>) -> Option<String> {
    let Value::Label { stream, which, label, .. } = value else { return None };
    let events = &streams[at(&stream.value)];
    let event = match which {
        Which::Any => choice[at(&stream.value)],
        Which::First => events.first(),
        Which::Last => events.last(),
    };
    let (_, value) = event?.1.iter().find(|(name, _)| name == label)?;
    Some(value.clone()).filter(|value| !value.is_empty())
}

fn number(value: &Value, streams: &Streams, choice: &Choice<'_>) -> Option<f64> {
    let count = |events: usize| f64::from(u32::try_from(events).expect("few"));
    match value {
        Value::Number(number) => Some(number.value.get()),
        Value::Label { .. } => text(value, streams, choice)?.parse().ok(),
        Value::Count { stream: None, .. } => Some(count(streams.iter().map(Vec::len).sum())),
        Value::Count { stream: Some(stream), .. } => Some(count(streams[at(&stream.value)].len())),
        Value::Chain(chain) => {
            let mut left = number(&chain.first, streams, choice)?;
            for link in &chain.rest {
                let right = number(&link.value, streams, choice)?;
                left = match link.op.value {
                    ArithmeticOp::Add => left + right,
                    ArithmeticOp::Subtract => left - right,
                    ArithmeticOp::Multiply => left * right,
                    ArithmeticOp::Divide if right == 0.0 => return None,
                    ArithmeticOp::Divide => left / right,
                };
            }
            Some(left)
        }
        _ => unreachable!("not generated"),
    }
}

fn value() -> impl Strategy<Value = String> {
    let leaves = [
        "a.x",
        "a.y",
        "b.x",
        "b.y",
        "c.x",
        "first(a).x",
        "last(b).y",
        "count(a)",
        "count()",
        "2",
        "-1",
        "0.3",
    ];
    let leaf = prop::sample::select(leaves.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(2, 6, 2, |inner| {
        let op = prop::sample::select(vec!["+", "-", "*", "/"]);
        (inner.clone(), op, inner).prop_map(|(left, op, right)| format!("({left} {op} {right})"))
    })
}

/// Arithmetic on several streams, one after the other, in the shape that is not refused.
fn apart() -> impl Strategy<Value = String> {
    let of = |stream: &'static str| {
        prop::sample::select(vec!["S.x", "S.y", "(S.x - 1)", "(2 * S.x)", "(S.x + S.y)", "-1", "2"])
            .prop_map(move |value| value.replace('S', stream))
    };
    let op = || prop::sample::select(vec!["+", "-", "*", "/"]);
    let compare = prop::sample::select(vec!["!=", "<", "<=", ">", ">="]);
    let right = prop_oneof![
        of("c"),
        prop::sample::select(vec!["0", "1", "-2", "count(b)"]).prop_map(str::to_owned)
    ];
    (of("a"), op(), of("b"), op(), of("c"), compare, right, any::<bool>()).prop_map(
        |(a, first, b, second, c, compare, right, three)| {
            if three {
                format!("(({a} {first} {b}) {second} {c}) {compare} 1")
            } else {
                format!("{a} {first} {b} {compare} {right}")
            }
        },
    )
}

fn comparison() -> impl Strategy<Value = String> {
    let op = || prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let label = || prop::sample::select(vec!["a.x", "b.x", "a.y", "last(c).x", "\"1\"", "\"w\""]);
    prop_oneof![
        4 => apart(),
        4 => (value(), op(), value()).prop_map(|(left, op, right)| format!("{left} {op} {right}")),
        1 => (value(), op(), value())
            .prop_map(|(left, op, right)| format!("every({left} {op} {right})")),
        1 => (label(), prop::sample::select(vec!["=", "!="]), label())
            .prop_map(|(left, op, right)| format!("{left} {op} {right}")),
    ]
}

fn event() -> impl Strategy<Value = Vec<(String, String)>> {
    let value = || {
        let numbers = vec!["0", "1", "2", "-1", "-3", "-0.5", "0.1", "7", "100"];
        prop_oneof![
            12 => prop::sample::select(numbers).prop_map(Some),
            1 => prop::sample::select(vec![Some("w"), Some(""), None]),
        ]
    };
    (value(), value()).prop_map(|(x, y)| {
        let named = |name: &str, value: Option<&str>| Some((name.to_owned(), value?.to_owned()));
        named("x", x).into_iter().chain(named("y", y)).collect()
    })
}

fn events() -> impl Strategy<Value = Streams> {
    let stream = prop::collection::vec(event(), 0..5);
    prop::collection::vec(stream, 3)
        .prop_map(|streams| streams.into_iter().map(|events| (0..).zip(events).collect()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn conditions_hold_by_definition(comparison in comparison(), negated: bool, streams in events()) {
        let text = format!("where {}{comparison}", if negated { "not " } else { "" });
        match checked(&text) {
            Ok(stages) => {
                let [PlannedStage::Where(filter)] = &stages.stages[..] else { panic!("one filter") };
                let Ok(Stage::Where { condition, .. }) = parse(&text, 0) else { panic!("parses") };
                let group = Made { stages: &stages, streams: &streams, own: &[] };
                prop_assert_eq!(filter.holds(&group), holds(&condition, &streams), "{}", text);
            }
            Err(found) => {
                let refused = ["STAGE_COMBINATIONS", "STAGE_EVERY", "STAGE_TYPE"];
                prop_assert!(refused.contains(&found[0].code), "{}\n{}", text, render(&text, &found, false));
            }
        }
    }
}
