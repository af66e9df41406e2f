//! Text, trees, and text again.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limits::{MAX_QUERY_BYTES, MAX_QUERY_DEPTH};

#[track_caller]
fn canonical(text: &str) -> String {
    let stage = parse(text, 0).unwrap_or_else(|found| panic!("{}", render(text, &found, false)));
    stage.to_string()
}

/// The tree as JSON without spans.
fn shape(stage: &Stage) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("span");
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(stage).unwrap();
    strip(&mut value);
    value
}

#[test]
fn canonical_text() {
    for (text, expected) in [
        ("WHERE  a.x='1'", "where a.x = \"1\""),
        ("where a.x=~`\\d` # why\n", r#"where a.x =~ "\\d""#),
        ("where ((a.x)) = ((1.50))", "where a.x = 1.5"),
        ("where first( a ).ts - (last(b).ts)>90m", "where a.ts - last(b).ts > 1h30m"),
        ("where (a.x=1 and b.x=2) and c.x=3", "where a.x = 1 and b.x = 2 and c.x = 3"),
        ("where (a.x=1 or b.x=2) and c.x=3", "where (a.x = 1 or b.x = 2) and c.x = 3"),
        ("where (a.x=1 and b.x=2) or c.x=3", "where a.x = 1 and b.x = 2 or c.x = 3"),
        ("where not not not a.x=1", "where not (a.x = 1)"),
        ("where not (not (a.x=1))", "where a.x = 1"),
        ("where not every(a.x=1)", "where not every(a.x = 1)"),
        ("where not (a.x=1 and b.x=1)", "where not (a.x = 1 and b.x = 1)"),
        ("where (1+2)+3 = 1+(2+3)", "where 1 + 2 + 3 = 1 + (2 + 3)"),
        ("where (1*2)/3 = 1-(2*3)", "where 1 * 2 / 3 = 1 - 2 * 3"),
        ("where (1-2)*3 = 3*(1-2)", "where (1 - 2) * 3 = 3 * (1 - 2)"),
        ("where 1/(2*3) = a.x--5", "where 1 / (2 * 3) = a.x - -5"),
        (
            "where Duration>-90s and Count( a )>count ( )",
            "where duration > -1m30s and count(a) > count()",
        ),
        ("select  a.b.c ,request_id, app#4.x", "select a.b.c, request_id, app#4.x"),
        (" # comment\n limit\n 10 ", "limit 10"),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
        assert_eq!(canonical(expected), expected);
    }
}

#[test]
fn trees_serialise_and_spans_count_from_the_offset() {
    let stage = parse(" where every(a.x >= 2) ", 100).unwrap();
    let expected = json!({
        "type": "where",
        "condition": {
            "type": "every",
            "left": {
                "type": "label",
                "stream": {"value": "a", "span": {"start": 113, "end": 114}},
                "which": "any",
                "label": "x",
                "span": {"start": 113, "end": 116},
            },
            "op": {"value": ">=", "span": {"start": 117, "end": 119}},
            "right": {"type": "number", "value": 2.0, "span": {"start": 120, "end": 121}},
            "span": {"start": 113, "end": 121},
        },
        "span": {"start": 101, "end": 122},
    });
    assert_eq!(serde_json::to_value(&stage).unwrap(), expected);
    assert_eq!(stage.span(), 101..122);
    let expected = json!({"type": "limit", "count": 7, "span": {"start": 0, "end": 7}});
    assert_eq!(serde_json::to_value(parse("limit 7", 0).unwrap()).unwrap(), expected);
    let found = parse("where a.x = 1 and x", 40).unwrap_err();
    assert_eq!((found[0].span.clone(), found[0].line, found[0].column), (58..59, 1, 19));
}

#[test]
fn nesting_is_bounded_and_length_is_not() {
    let nested = |depth: usize, inner: &str| {
        format!("where {}{inner}{}", "(".repeat(depth), ")".repeat(depth))
    };
    assert!(parse(&nested(MAX_QUERY_DEPTH, "a.x = 1"), 0).is_ok());
    assert!(parse(&nested(MAX_QUERY_DEPTH - 1, "not every(a.x = 1)"), 0).is_ok());
    for inner in ["a.x = 1", "a.x + 1", "", "\"", "#"] {
        let found = parse(&nested(MAX_QUERY_DEPTH + 1, inner), 0).unwrap_err();
        assert_eq!(found[0].code, "QUERY_TOO_DEEP");
    }
    // What only looks like nesting.
    assert!(parse(&format!("where a.x = \"{}\" # {}", "(".repeat(99), "(".repeat(99)), 0).is_ok());
    for (start, link) in [
        ("a.x = 1", " and a.x = 1"),
        ("a.x = 1", " or a.x = 1"),
        ("1 = 1", " + 1"),
        ("1 = 1", " - (1 * 2)"),
        ("1 = 1", " / 1"),
    ] {
        let text = format!("where {start}{}", link.repeat(MAX_QUERY_BYTES / link.len()));
        assert!(compile(&whole(&text), scope(&text)).stages.is_ok());
    }
    let text = format!("where {}a.x = 1", "not ".repeat(MAX_QUERY_BYTES / 4));
    assert!(parse(&text, 0).is_ok());
}

#[test]
fn what_does_not_parse_is_not_tried_twice() {
    let depth = MAX_QUERY_DEPTH;
    for open in ["(", "every(", "not (", "foo(", "foo(1, ", "1 + (", "a.x = (", "not every(1 and ("]
    {
        for tail in ["", "a.x = ", "a.x = 1", "a.x = 1)", "!", "\"", "first(a", "count(a)) b"] {
            let depth = depth / open.matches('(').count();
            let text = format!("where {}{tail}", open.repeat(depth));
            assert!(!parse(&text, 0).unwrap_err().is_empty(), "{text}");
        }
    }
}

/// The scan and the parser agree on what is a name, a comment and a text: nothing hides parentheses
/// from the scan that the parser then recurses for.
#[test]
fn nothing_hides_nesting() {
    fn depth(text: &str) -> i32 {
        let step = |c| i32::from(c == '(') - i32::from(c == ')');
        text.chars()
            .scan(0, |depth, c| {
                *depth += step(c);
                Some(*depth)
            })
            .max()
            .unwrap_or(0)
    }
    let limit = i32::try_from(MAX_QUERY_DEPTH).unwrap();
    let nested = |depth: usize| format!("{}1{}", "(1 - ".repeat(depth), ")".repeat(depth));
    let kept = parse(&format!("where a.x = {}", nested(MAX_QUERY_DEPTH)), 0).unwrap();
    assert_eq!(depth(&kept.to_string()), limit - 1, "the outermost ones say nothing");
    let deep = nested(MAX_QUERY_DEPTH + 2);
    for quote in ["\"", "'", "`"] {
        for before in [
            "where a.x = 5us#2",
            "where a.x = 5.5#2",
            "where a.x = 5.a#2",
            "where b.y#2",
            "where a.x = b.y#2",
            "where a.x = b.y.z1#2",
            "where a.x = last(b).y#2",
            "where a.x = (1)#2",
            "where a.x = count()#2",
            "where a.x = duration#2",
            "where a.x = duration #2",
            "where a.x = \"t\"#2",
            "where#2",
            "where a.x = app#4#2",
            "where app#4.x = app#4.x#2",
            "where a.x = 1 and#2",
            "where not#2",
            "where every#2",
            "where count#2",
            "where first#2",
            "where foo#2",
            "where a.x = 5µs#2",
            "where a.x = 5_a#2",
            "where a.x = é#2",
            "where a.x = -#2",
            "where a.x = 1 #",
            "#2",
            "#",
        ] {
            for after in ["\n", "\n + ", "\n - ", "\n = ", "\nwhere a.x = ", "\n(", "\n and a.x = "]
            {
                let text = format!("{before}{quote}{after}{deep}");
                let hidden = match parse(&text, 0) {
                    Ok(stage) => depth(&stage.to_string()) > limit,
                    // Told of a tree, so there was one.
                    Err(found) => found.iter().any(|found| found.code == "QUERY_UNKNOWN_UNIT"),
                };
                assert!(!hidden, "{text}");
            }
        }
    }
}

fn stream() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "app#4", "first", "duration", "_x1", "not"])
        .prop_map(str::to_owned)
}

fn label() -> impl Strategy<Value = String> {
    "[a-z_]{1,3}(\\.[a-z0-9]{1,2}){0,2}"
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (stream(), label()).prop_map(|(stream, label)| format!("{stream}.{label}")),
        (stream(), label()).prop_map(|(stream, label)| format!("First({stream}).{label}")),
        stream().prop_map(|stream| format!("last({stream}).ts")),
        stream().prop_map(|stream| format!("count({stream})")),
        Just("count()".to_owned()),
        Just("DURATION".to_owned()),
        "-?[0-9]{1,3}(\\.[0-9]{1,3})?(e-?[0-9]{1,2})?",
        "-?[0-9]{1,3}(h|m|ms|w)",
        any::<String>().prop_map(|text| crate::query::literal::quote(&text)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let links = prop::collection::vec(
            (prop::sample::select(vec!["+", "-", "*", "/"]), inner.clone()),
            0..4,
        );
        (inner, links).prop_map(|(first, links)| {
            let rest: String = links.iter().map(|(op, value)| format!(" {op} {value}")).collect();
            format!("({first}{rest})")
        })
    })
}

fn condition() -> impl Strategy<Value = String> {
    let ops = vec!["=", "!=", "=~", "!~", "<", "<=", ">", ">="];
    let comparison = (value(), prop::sample::select(ops), value())
        .prop_map(|(left, op, right)| format!("{left}{op}{right}"))
        .boxed();
    let leaf = prop_oneof![
        3 => comparison.clone(),
        1 => comparison.prop_map(|comparison| format!("every({comparison})")),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not {inner}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} # or\nOr {b}")),
            inner.prop_map(|inner| format!("( {inner} )")),
        ]
    })
}

fn stage() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => condition().prop_map(|condition| format!("where {condition}")),
        1 => prop::collection::btree_set(label(), 1..4)
            .prop_map(|fields| format!("select {}", fields.into_iter().collect::<Vec<_>>().join(" ,"))),
        1 => (1..u64::MAX).prop_map(|count| format!(" limit {count}")),
    ]
}

const SOUP: &[&str] = &[
    "where ",
    "select ",
    "limit ",
    "a.x",
    "a",
    ".",
    "app#4",
    "#",
    "\n",
    "(",
    ")",
    "((((((((((((((((",
    "\"",
    "'",
    "`",
    "\\",
    "= ",
    "=~",
    "!",
    "1",
    "5m",
    "250",
    "ms",
    "and ",
    "or ",
    "not ",
    "every(",
    "count(",
    "first(a)",
    ".ts",
    "duration",
    "+",
    "-",
    "*",
    "/",
    ",",
    "é",
    "µs",
    "\u{0}",
    "\"x\"",
    "\u{202e}",
    "foo(",
    "|",
    "&&",
];

/// Checks what holds of every text: a tree that reads back, or errors with spans in the text.
fn answered(text: &str) -> Result<(), TestCaseError> {
    let mut told = 0;
    match parse(text, 0) {
        Ok(stage) => {
            let canonical = stage.to_string();
            prop_assert_eq!(shape(&parse(&canonical, 0).unwrap()), shape(&stage), "{}", canonical);
        }
        Err(found) => {
            prop_assert!(!found.is_empty());
            for found in &found {
                prop_assert!(text.get(found.span.clone()).is_some(), "{:?} {:?}", text, found);
                prop_assert!(!found.message.is_empty() && !found.message.contains('\n'));
            }
            prop_assert!(!render(text, &found, false).is_empty());
            told = found.len();
        }
    }
    let found = compile(&whole(text), scope(text)).stages.err().unwrap_or_default();
    prop_assert!(found.len() >= told, "{}", render(text, &found, false));
    for found in &found {
        prop_assert!(text.get(found.span.clone()).is_some(), "{:?} {:?}", text, found);
    }
    Ok(())
}

proptest! {
    #[test]
    fn canonical_text_loses_nothing(text in stage()) {
        let stage = parse(&text, 0).map_err(|found| {
            TestCaseError::fail(format!("{text}\n{}", render(&text, &found, false)))
        })?;
        let canonical = stage.to_string();
        let again = parse(&canonical, 0).map_err(|found| {
            TestCaseError::fail(format!("{canonical}\n{}", render(&canonical, &found, false)))
        })?;
        prop_assert_eq!(shape(&again), shape(&stage));
        prop_assert_eq!(again.to_string(), canonical);
        answered(&text)?;
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        answered(&text)?;
        answered(&format!("where {text}"))?;
    }

    #[test]
    fn any_soup_of_tokens_is_answered(tokens in prop::collection::vec(prop::sample::select(SOUP), 0..24)) {
        answered(&tokens.concat())?;
        answered(&format!("where a.x {}", tokens.concat()))?;
    }
}
