use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value as Json;

use super::*;
use crate::event::{Event as Logged, Fields};
use crate::query::{Key, Policy};
use crate::regex_size::RegexSize;
use crate::select::{MatchOp, Pipeline};
use crate::stage;
use crate::stage::ast::CompareOp;
use crate::time::Timestamp;

/// A tree without its places.
fn unplaced_json(tree: &impl serde::Serialize) -> Json {
    fn strip(value: &mut Json) {
        match value {
            Json::Object(fields) => {
                fields.remove("span");
                fields.values_mut().for_each(strip);
            }
            Json::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(tree).expect("trees are JSON");
    strip(&mut value);
    value
}

/// What the builder holds is what is parsed from its text, whether or not it makes sense.
#[track_caller]
fn comes_back<S: Whole + Clone>(builder: &QueryBuilder<S>) {
    let tree = builder.clone().into_tree().expect("all names are names");
    let text = tree.to_string();
    let parsed = parse(&text).unwrap_or_else(|found| panic!("{text}\n{found:?}"));
    assert_eq!(unplaced_json(&parsed), unplaced_json(&tree), "{text}");
    assert_eq!(parsed.to_string(), text);
    for (built, parsed) in builder.stages.iter().zip(&parsed.stages) {
        let parsed = stage::parse(&parsed.value, 0).expect("a stage that was built");
        assert_eq!(unplaced_json(&parsed), unplaced_json(built), "{text}");
    }
}

/// Every text is hostile: most of it is made of what would end it, were it not escaped.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = vec![
        "\"",
        "'",
        "`",
        "\\",
        "\\\"",
        "(",
        ")",
        "{",
        "}",
        "[5m]",
        "|",
        "#",
        ",",
        "=",
        "\n",
        "\r",
        "\0",
        "\t",
        "  ",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "é",
        "𝕏",
        "a",
        "1",
        ".",
        "$",
        "*",
        "\\u0022",
        "\\x22",
        " and on(k) c({})",
        "\"}) unless on(k) d({})",
        " | limit 1",
        " or 1 = 1",
    ];
    prop_oneof![
        3 => prop::collection::vec(select(pieces), 0..8).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

/// Labels, those among them that mean something elsewhere.
fn label_name() -> impl Strategy<Value = String> {
    let words = [
        "and", "or", "not", "then", "on", "as", "within", "json", "logfmt", "pattern", "where",
        "limit", "every", "first", "count", "duration", "json.x", "err.0", "_",
    ];
    prop_oneof![
        select(words.to_vec()).prop_map(str::to_owned),
        "[A-Za-z_][A-Za-z0-9_]{0,4}(\\.[A-Za-z0-9_]{1,3}){0,2}"
            .prop_filter("`ts` is no label in conditions", |name| name != "ts"),
    ]
}

fn stream_name() -> impl Strategy<Value = String> {
    let names =
        ["a", "b#2", "not", "every", "first", "last", "count", "duration", "and", "where#0"];
    select(names.to_vec()).prop_map(str::to_owned)
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        any::<i64>().prop_map(Span::from_nanos),
        (-100_000_i64..100_000).prop_map(Span::from_millis)
    ]
}

fn operand() -> impl Strategy<Value = Operand> {
    let leaf = prop_oneof![
        hostile().prop_map(Operand::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Operand::from),
        any::<i32>().prop_map(Operand::from),
        span().prop_map(Operand::from),
        any::<i64>().prop_map(|nanos| Timestamp::from_nanos(nanos).into()),
        (stream_name(), label_name()).prop_map(|(stream, name)| label(&stream, &name)),
        (stream_name(), label_name()).prop_map(|(stream, name)| first(&stream).label(&name)),
        (stream_name(), label_name()).prop_map(|(stream, name)| last(&stream).label(&name)),
        stream_name().prop_map(|stream| time(&stream)),
        stream_name().prop_map(|stream| first(&stream).time()),
        stream_name().prop_map(|stream| last(&stream).time()),
        stream_name().prop_map(|stream| count(&stream)),
        Just(()).prop_map(|()| count_all()),
        Just(()).prop_map(|()| duration()),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        (inner.clone(), 0..4, inner).prop_map(|(left, op, right)| match op {
            0 => left + right,
            1 => left - right,
            2 => left * right,
            _ => left / right,
        })
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let comparison =
        (operand(), 0..7, operand(), hostile()).prop_map(|(left, op, right, regex)| match op {
            0 => left.eq(right),
            1 => left.ne(right),
            2 => left.lt(right),
            3 => left.le(right),
            4 => left.gt(right),
            5 => left.ge(right).and(count_all().matches(regex)),
            _ => left.matches_not(regex),
        });
    comparison.prop_recursive(5, 12, 2, |inner| {
        (inner.clone(), 0..4, inner).prop_map(|(left, op, right)| match op {
            0 => left.and(right),
            1 => left.or(right),
            2 => not(left),
            _ => match left.tree {
                stage::ast::Condition::Compare(_) => every(left).or(right),
                _ => not(left.and(right)),
            },
        })
    })
}

fn one_stream() -> impl Strategy<Value = QueryBuilder<Single>> {
    let selector = prop_oneof![
        hostile().prop_map(|text| local([matcher("x", MatchOp::NotMatch, text)]).into()),
        hostile().prop_map(|text| local([]).lacks(&text).pattern(&text).into()),
        hostile().prop_map(raw).prop_filter("ends elsewhere", |raw| raw.problems.found.is_empty()),
    ];
    let source = "[A-Za-z_][A-Za-z0-9_]{0,4}"
        .prop_filter("a word of the language", |name| !scan::is_reserved(name));
    let alias = prop::option::of(label_name().prop_map(|name| name.replace('.', "_")));
    (source, selector, prop::option::of(0..i64::MAX), alias).prop_map(
        |(source, selector, range, alias): (String, Selector, Option<i64>, Option<String>)| {
            let mut built = stream(source, selector);
            if let Some(range) = range {
                built = built.range(Span::from_nanos(range));
            }
            match alias {
                Some(alias) => built.named(alias),
                None => built,
            }
        },
    )
}

/// A join with clauses of all sorts; the policy or group is chosen by number.
fn joined(
    left: QueryBuilder<impl Joinable>,
    right: QueryBuilder<impl Joinable>,
    operator: usize,
    (labels, within, result): (Vec<String>, Option<(Span, Span)>, usize),
) -> QueryBuilder {
    let clauses = if result.is_multiple_of(2) {
        on(labels.iter().enumerate().map(|(at, left)| match at % 2 {
            0 => Key::from(left.clone()),
            _ => Key::from((left.clone(), "right.side")),
        }))
    } else {
        ignoring(labels.clone())
    };
    let clauses = match within {
        Some((lo, hi)) if lo <= hi => clauses.within_bounds(lo, hi),
        Some((distance, _)) => {
            clauses.within(if distance < Span::ZERO { -distance } else { distance })
        }
        None => clauses,
    };
    let clauses = match result / 2 {
        0 => clauses.pick_session(),
        1 => clauses.pick_pairs(),
        2 => clauses.pick_first(),
        3 => clauses.group_left(labels),
        4 => clauses.group_right([""; 0]),
        5 => return left.then(right, clauses.pick_latest()),
        _ => return left.or(right, clauses),
    };
    match operator {
        0 => left.and(right, clauses),
        1 => left.or(right, clauses),
        2 => left.outer(right, clauses),
        3 => left.unless(right, clauses),
        4 => left.then(right, clauses),
        _ => left.then_not(right, clauses),
    }
}

fn query() -> impl Strategy<Value = QueryBuilder> {
    let labels = prop::collection::btree_set(label_name(), 1..4);
    let labels = labels.prop_map(|labels| labels.into_iter().collect::<Vec<_>>());
    let clauses = (labels, prop::option::of((span(), span())), 0_usize..14).boxed();
    let pair = (one_stream(), one_stream(), 0_usize..6, clauses.clone())
        .prop_map(|(left, right, operator, clauses)| joined(left, right, operator, clauses));
    pair.prop_recursive(3, 6, 2, move |inner| {
        (inner.clone(), one_stream(), inner, 0..3, 0_usize..6, clauses.clone()).prop_map(
            |(left, stream, right, shape, operator, clauses)| match shape {
                0 => joined(left, stream, operator, clauses),
                1 => joined(stream, right, operator, clauses),
                _ => joined(left, right, operator, clauses),
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn joins_come_back_from_their_text(query in query()) {
        comes_back(&query);
    }

    #[test]
    fn stages_come_back_from_their_text(
        conditions in prop::collection::vec(condition(), 1..3),
        name in label_name(),
        n in 1..u64::MAX,
        text in hostile(),
    ) {
        let pair = stream("a", raw("")).and(stream("b", raw("")), on(["k"]));
        let mut query = pair.project([matcher(name.clone(), MatchOp::Equal, text)]).limit(n);
        for condition in conditions {
            query = query.where_(condition);
        }
        comes_back(&query.select([name.clone(), format!("b#2.{name}")]));
    }

    #[test]
    fn texts_are_the_texts_given(text in hostile(), other in hostile()) {
        // A label that is the empty text does not exist, which the check knows.
        let (text, other) = (format!("{text}."), format!("{other}."));
        let query = stream("a", raw(""))
            .and(stream("b", raw("")), on(["k"]))
            .project([matcher("x", MatchOp::Equal, text.clone()), matcher("y", MatchOp::NotEqual, other.clone())])
            .where_(label("a", "x").eq(text.clone()).or(last("b").label("y").ne(other.as_str())))
            .build()?;
        let [x, y] = &query.projection[..] else { panic!("two matchers") };
        prop_assert_eq!((&x.value.value, &y.value.value), (&text, &other));
        let [stage] = &query.stages[..] else { panic!("one stage") };
        let stage = unplaced_json(&stage::parse(&stage.value, 0).expect("a stage"));
        prop_assert_eq!(stage["condition"]["of"][0]["right"]["value"].as_str(), Some(text.as_str()));
        prop_assert_eq!(stage["condition"]["of"][1]["right"]["value"].as_str(), Some(other.as_str()));
        prop_assert_eq!(query.parts().0.len(), 2);
    }

    #[test]
    fn selectors_select_by_the_texts_given(text in hostile(), name in label_name()) {
        // Not empty, which would be any missing label.
        let text = format!("{text}.");
        let escaped = regex::escape(&text);
        let selector = local([
            matcher(name.clone(), MatchOp::Equal, text.clone()),
            matcher(name.clone(), MatchOp::Match, escaped.clone()),
        ]);
        let same = field(name.clone(), CompareOp::Equal, text.clone());
        let never = field("no", CompareOp::Equal, "x").and(field("no", CompareOp::Greater, 1));
        let selector = selector
            .contains(&text)
            .matches(&escaped)
            .lacks(&format!("{text}!"))
            .matches_not(&format!("{escaped}!"))
            .filter(same.clone().or(never.clone()).and(same.clone()))
            .filter(same)
            .regexp(&format!("(?P<group>{escaped})"))
            .filter(field("group", CompareOp::Equal, text.clone()).or(never));
        let query = stream("a", selector).and(stream("b", local([])), on(["k"])).build()?;
        let pipeline = Pipeline::compile(&query.parts().0[0].selector.value, 0, RegexSize::each_of(1)).expect("checked");
        let keeps = |value: &str, line: &str| {
            let (mut fields, mut extracted) = (Fields::default(), Fields::default());
            fields.set_label(&name, value);
            let event = Logged { time: Timestamp::MIN, raw: line, fields: &fields };
            pipeline.keeps(&event, &mut extracted)
        };
        let (within, other) = (format!("<{text}>"), format!("{text}!"));
        prop_assert!(keeps(&text, &within));
        prop_assert!(!keeps(&other, &text));
        prop_assert!(!keeps(&text, &text[..text.len() - 1]));
        prop_assert!(!keeps(&text, &other));
    }

    /// Nothing can be escaped in a name, so one that is none must not build.
    #[test]
    fn names_stay_names_or_do_not_build(
        name in prop_oneof![hostile(), label_name(), "[a-z.#0-9_]{1,4}"],
        place in 0..10,
    ) {
        let a = || stream("a", raw(""));
        let b = || stream("b", raw(""));
        let text = name.as_str();
        let built = match place {
            0 => stream(text, raw("")).and(b(), on(["k"])).build(),
            1 => a().named(text).and(b(), on(["k"])).build(),
            2 => a().and(b(), on([text])).build(),
            3 => a().and(b(), on([("k", text)])).build(),
            4 => a().and(b(), ignoring([text])).build(),
            5 => a().and(b(), on(["k"]).group_right([text])).build(),
            6 => a().and(b(), on(["k"])).project([matcher(text, MatchOp::Equal, "")]).build(),
            7 => a().and(b(), on(["k"])).where_(label("a", text).eq("1")).build(),
            8 => a().and(b(), on(["k"])).where_(count(text).gt(1)).build(),
            _ => a().and(b(), ignoring(["k"])).select([text]).build(),
        };
        let Ok(query) = built else { return Ok(()) };
        let (streams, joins) = query.parts();
        prop_assert_eq!((streams.len(), joins.len()), (2, 1));
        let stage = |of: usize| query.stages[of].value.clone();
        let found = match place {
            0 => streams[0].source.value.clone(),
            1 => streams[0].alias.as_ref().expect("an alias").value.clone(),
            2 => joins[0].on[0].left.clone(),
            3 => joins[0].on[0].right.clone(),
            4 => joins[0].ignoring.as_ref().expect("a clause").labels[0].value.clone(),
            5 => joins[0].grouping.as_ref().expect("a group").labels[0].value.clone(),
            6 => query.projection[0].label.clone(),
            7 => stage(0).replace("where a.", "").replace(" = \"1\"", ""),
            8 => stage(0).replace("where count(", "").replace(") > 1", ""),
            _ => stage(0).replace("select ", ""),
        };
        prop_assert_eq!(found, name);
    }

    #[test]
    fn raw_selectors_stay_whole_or_do_not_build(text in hostile()) {
        let built = stream("a", raw(text.clone())).and(stream("b", raw("x")), on(["k"])).build();
        if let Ok(query) = built {
            let (streams, _) = query.parts();
            prop_assert_eq!(streams.len(), 2);
            prop_assert_eq!(&streams[0].selector.value, &text);
        }
    }
}

fn pair() -> QueryBuilder {
    stream("a", local([])).and(stream("b", local([])), on(["k"]))
}

/// The codes of what keeps a query from being built.
#[track_caller]
fn codes<S: Whole>(query: QueryBuilder<S>) -> Vec<&'static str> {
    let error = query.build().expect_err("something is wrong");
    assert!(!error.to_string().is_empty());
    error.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn what_no_text_can_say_is_told() {
    let b = || stream("b", local([]));
    for source in ["", "5a", "a b", "é", "then", "GROUP_LEFT", "a\n"] {
        let query = stream(source, local([])).and(b(), on(["k"]));
        assert_eq!(codes(query), [code::QUERY_SYNTAX], "{source}");
    }
    assert_eq!(codes(pair().where_(label("a", "ts").eq("x"))), [code::QUERY_SYNTAX]);
    assert_eq!(codes(pair().where_(count("a").gt(f64::NAN))), [code::STAGE_TYPE]);
    let nan = local([]).filter(field("x", CompareOp::Less, f64::INFINITY));
    assert_eq!(codes(stream("a", nan).and(b(), on(["k"]))), [code::STAGE_TYPE]);
    let none: [LabelMatcher; 0] = [];
    assert_eq!(codes(pair().project(none)), [code::QUERY_SYNTAX]);
    assert_eq!(codes(pair().select([""; 0])), [code::QUERY_SYNTAX]);
    for text in ["(", ")", "x\"", "')", "`", "a)({"] {
        let query = stream("a", raw(text)).and(b(), on(["k"]));
        assert_eq!(codes(query), [code::QUERY_UNBALANCED], "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_told_all_at_once() {
    let ms = Span::from_millis;
    let twice = stream("a", local([])).range(ms(1)).range(ms(2)).named("x").named("y");
    let query = twice.and(stream("b", local([])), on(["k"]).within(ms(1)).within(ms(2)));
    assert_eq!(codes(query), [code::QUERY_DUPLICATE; 3]);

    let bounds = on(["k", "k"]).within_bounds(ms(2), ms(1));
    let query = stream("a", local([])).and(stream("a", local([]).regexp("(")).named("a"), bounds);
    let found = codes(query.where_(label("c", "x").eq("1")).select(["k"]).select(["j"]).limit(0));
    for code in [code::QUERY_DUPLICATE, code::QUERY_BOUNDS, code::QUERY_REGEX, code::STAGE_STREAM] {
        assert!(found.contains(&code), "{code} in {found:?}");
    }
    assert!(found.contains(&code::STAGE_LIMIT), "{found:?}");

    assert_eq!(
        codes(stream("a", local([])).and(stream("b", local([])), on([""; 0]))),
        [code::QUERY_NO_KEYS]
    );
    let negative = stream("a", local([])).range(ms(-1)).and(stream("b", local([])), on(["k"]));
    assert_eq!(codes(negative), [code::QUERY_DURATION]);
    let nested = not(label("a", "x").eq("1"));
    assert_eq!(codes(pair().where_(every(nested))), [code::STAGE_EVERY]);
}

#[test]
fn an_error_shows_the_query_that_would_have_been() {
    let error = pair().where_(time("a").gt(5)).build().expect_err("a time is no number");
    assert_eq!(error.text, "a({}) and on(k) b({}) | where a.ts > 5");
    assert!(error.to_string().contains("a time cannot be compared with a number"), "{error}");
}

#[test]
fn the_range_of_the_engine_is_not_guessed() {
    let hours = |hours: i64| Span::from_millis(hours * 3_600_000);
    let far = on(["k"]).within_bounds(hours(1), hours(2));
    let query = stream("a", local([])).then(stream("b", local([])), far.pick_first()).build();
    let query = query.expect("an engine may have a range of hours");
    let [join] = query.parts().1[..] else { panic!("one join") };
    let within = join.within.as_ref().expect("bounds");
    assert_eq!((within.lo.0, within.hi.0), (hours(1), hours(2)));
    assert_eq!(join.pick.as_ref().expect("a policy").policy, Policy::First);
    assert_eq!(
        &query.to_string()[join.within.as_ref().expect("bounds").span.clone()],
        "within(1h, 2h)"
    );
}

/// However deep a program nests, that is told and nothing overflows.
#[test]
fn depth_and_length_are_bounded() {
    const MANY: usize = 50_000;
    let mut query = pair();
    for _ in 0..MANY {
        query = query.and(stream("c", local([])), on(["k"]));
    }
    assert_eq!(codes(query), [code::QUERY_TOO_MANY_STREAMS]);

    let holds = || label("a", "x").eq("1");
    let (mut alternating, mut negated, mut right) = (holds(), holds(), holds());
    let (mut sum, mut filter) = (count("a"), field("x", CompareOp::Equal, "1"));
    for _ in 0..MANY {
        alternating = alternating.and(holds()).or(holds());
        negated = not(negated.and(holds()));
        right = holds().or(holds().and(right));
        sum = count("b") - (sum + 1) * 2;
        filter =
            filter.or(field("y", CompareOp::Equal, "2")).and(field("z", CompareOp::Equal, "3"));
    }
    for condition in [negated, right, sum.gt(1)] {
        let found = codes(pair().where_(condition));
        assert!(found.contains(&code::QUERY_TOO_DEEP), "{found:?}");
    }
    codes(pair().where_(alternating));
    let query = stream("a", local([]).filter(filter)).and(stream("b", local([])), on(["k"]));
    assert!(codes(query).contains(&code::QUERY_TOO_LONG));

    // As deep as can be written is not too deep.
    let mut deep = holds();
    for _ in 0..crate::limits::MAX_QUERY_DEPTH - 1 {
        deep = holds().and(deep.or(holds()));
    }
    pair().where_(deep).build().expect("as deep as a query may be");
    let mut long = holds();
    for _ in 0..500 {
        long = long.or(holds());
    }
    pair().where_(long).build().expect("a long condition is not a deep one");
}

#[test]
fn every_construct_has_its_text() {
    let s = |name: &str| stream(name, raw(""));
    let k = || on(["k"]);
    let ms = Span::from_millis;
    for (built, text) in [
        (s("a").and(s("b"), k()), "a() and on(k) b()"),
        (s("a").or(s("b"), k()), "a() or on(k) b()"),
        (s("a").outer(s("b"), k()), "a() outer on(k) b()"),
        (s("a").unless(s("b"), k()), "a() unless on(k) b()"),
        (s("a").then(s("b"), k()), "a() then on(k) b()"),
        (s("a").then_not(s("b"), k()), "a() then not on(k) b()"),
        (s("a").and(s("b"), ignoring(["x", "y.z"])), "a() and ignoring(x, y.z) b()"),
        (s("a").and(s("b"), k().within(ms(1_500))), "a() and on(k) within(1s500ms) b()"),
        (
            s("a").and(s("b"), k().within_bounds(ms(-2), ms(-1))),
            "a() and on(k) within(-2ms, -1ms) b()",
        ),
        (s("a").and(s("b"), k().pick_session()), "a() and on(k) pick(session) b()"),
        (s("a").and(s("b"), k().pick_pairs()), "a() and on(k) pick(pairs) b()"),
        (s("a").and(s("b"), k().pick_first()), "a() and on(k) pick(first) b()"),
        (s("a").then(s("b"), k().pick_latest()), "a() then on(k) pick(latest) b()"),
        (s("a").and(s("b"), k().group_left(["x"])), "a() and on(k) group_left(x) b()"),
        (s("a").and(s("b"), k().group_right([""; 0])), "a() and on(k) group_right() b()"),
        (
            s("a").range(ms(60_000)).named("x").unless(s("b").then(s("c"), k()), k()),
            "a()[1m] as x unless on(k) (b() then on(k) c())",
        ),
        (s("a").and(s("b"), k()).or(s("c"), k()), "a() and on(k) b() or on(k) c()"),
    ] {
        assert_eq!(built.build().expect(text).to_string(), text);
    }
    let (a, b) = (|| label("a", "x"), || label("b", "x"));
    for (condition, text) in [
        (a().eq("1"), r#"a.x = "1""#),
        (a().ne(b()), "a.x != b.x"),
        (a().lt(1.5), "a.x < 1.5"),
        (a().le(-1), "a.x <= -1"),
        (a().gt(7_u32), "a.x > 7"),
        (a().ge(ms(250)), "a.x >= 250ms"),
        (a().matches("5.."), r#"a.x =~ "5..""#),
        (a().matches_not("5.."), r#"a.x !~ "5..""#),
        (first("a").label("x").eq(last("b").label("x")), "first(a).x = last(b).x"),
        (last("b").time().gt(Timestamp::from_nanos(0)), r#"last(b).ts > "1970-01-01T00:00:00Z""#),
        (time("a").lt(first("b").time()), "a.ts < b.ts"),
        (count("a").gt(count_all() / 2), "count(a) > count() / 2"),
        (duration().ge(ms(1_000)), "duration >= 1s"),
        ((a() + 1 - (a() - 2)).gt((a() + 3) * 2), "a.x + 1 - (a.x - 2) > (a.x + 3) * 2"),
        (every(a().eq("1")).and(not(a().eq("2"))), r#"every(a.x = "1") and not (a.x = "2")"#),
        (a().gt(1).or(a().lt(2)).and(b().gt(3)), "(a.x > 1 or a.x < 2) and b.x > 3"),
    ] {
        let query = pair().where_(condition).build().expect(text);
        assert_eq!(query.stages[0].value, format!("where {text}"));
    }
    let numbered = stream("a", raw("")).and(stream("a", raw("")), on(["k"]));
    let query = numbered.where_(count("a#2").gt(1)).limit(3).select(["k", "a#1.x"]).build();
    let text = "a() and on(k) a() | where count(a#2) > 1 | limit 3 | select k, a#1.x";
    assert_eq!(query.expect(text).to_string(), text);
    let projection = [matcher("x", MatchOp::NotMatch, "a\"b"), matcher("y.z", MatchOp::Equal, "")];
    let query = pair().project(projection).build().expect("a projection");
    assert_eq!(query.to_string(), r#"a({}) and on(k) b({}) {x!~"a\"b", y.z=""}"#);
}
