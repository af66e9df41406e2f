//! Highlighting, hovering and completing.

use proptest::prelude::*;

use super::tests::tokens;
use super::{
    CompletionKind, KnownLabel, KnownSource, TokenKind, Vocabulary, complete, highlight, hover,
};
use crate::limits::MAX_QUERY_BYTES;

fn kinds(text: &str) -> Vec<(&str, TokenKind)> {
    highlight(text).into_iter().map(|token| (&text[token.span], token.kind)).collect()
}

#[test]
fn every_piece_has_its_kind() {
    use TokenKind::*;
    let text = "a({x=~\"5\"} |= `e` | json | n>=5m)[5m] as and # c\nTHEN not on(on=k.l) pick(first) b((y:1))";
    let punctuation = |found: &(&str, TokenKind)| found.1 != Punctuation;
    let found: Vec<_> = kinds(text).into_iter().filter(punctuation).collect();
    assert_eq!(
        found,
        [
            ("a", Source),
            ("x", Label),
            ("=~", Comparison),
            ("\"5\"", Text),
            ("|=", Comparison),
            ("`e`", Text),
            ("json", Keyword),
            ("n", Label),
            (">=", Comparison),
            ("5m", Duration),
            ("5m", Duration),
            ("as", Keyword),
            ("and", Name),
            ("# c", Comment),
            ("THEN", Operator),
            ("not", Operator),
            ("on", Keyword),
            ("on", Label),
            ("=", Comparison),
            ("k.l", Label),
            ("pick", Keyword),
            ("first", Keyword),
            ("b", Source),
            ("y", Name),
            ("1", Number),
        ]
    );
    let stage: Vec<_> = kinds("| where count(b) > 1 and a#2.x = 's'");
    assert_eq!(stage[1], ("where", Keyword));
    assert_eq!(stage[2], ("count", Function));
    assert_eq!(stage[4], ("b", Name));
    assert_eq!(stage[8], ("and", Operator));
    assert_eq!(stage[9], ("a#2", Name));
}

#[test]
fn broken_text_is_highlighted_too() {
    use TokenKind::*;
    assert_eq!(
        kinds("a({x=\"1) and on(k"),
        [("a", Source), ("(", Punctuation), ("{", Punctuation), ("x", Label), ("=", Comparison)]
            .into_iter()
            .chain([("\"1) and on(k", Text)])
            .collect::<Vec<_>>()
    );
}

#[test]
fn what_is_too_long_for_a_query_costs_no_more() {
    // One byte less than can be read, and a last character of two.
    let text = format!("{}é({{}}) and", " ".repeat(MAX_QUERY_BYTES - 1));
    assert!(highlight(&text).is_empty());
    let text = format!("{}é({{}}) and", " ".repeat(MAX_QUERY_BYTES - 2));
    assert_eq!(highlight(&text).last().unwrap().span.end, MAX_QUERY_BYTES);
    let text = format!("a({{}}) then {}", "b({}) ".repeat(1_000_000));
    assert!(highlight(&text).len() < MAX_QUERY_BYTES);
    assert_eq!(hover(&text, 7), None);
    assert!(complete(&text, 10, &Vocabulary::default()).is_empty());
    assert!(hover(&text[..MAX_QUERY_BYTES], 7).is_some());
}

#[test]
fn hovering_explains_what_is_there() {
    let text = "a({x!~\"5\"})[5m] Unless on(k) pick(first) b({}) | where count() > 1 and 1 < 2";
    let about = |at: &str| hover(text, text.find(at).unwrap()).map(|hover| hover.text);
    for (at, start) in [
        ("a(", "`source(selector)"),
        ("!~", "`!~`"),
        ("[", "`[5m]`"),
        ("Unless", "`left unless right`"),
        ("on", "`on("),
        ("first", "`pick(first)`"),
        ("where", "`| where"),
        ("count", "`count(name)`"),
    ] {
        assert!(about(at).is_some_and(|text| text.starts_with(start)), "{at}: {:?}", about(at));
    }
    assert!(about("and 1").unwrap().starts_with("`condition and"), "not the join");
    assert_eq!(about("k)"), None);
    assert_eq!(hover("a({}) then", 10).unwrap().span, 6..10, "behind the last character");
    assert_eq!(hover("", 0), None);
    assert_eq!(hover("a", 9), None);
}

#[test]
fn hovering_explains_conditions() {
    let text = "a({} | n >= 5 and m < 3) and on(k) b({}) | where not (b.x > 1 OR duration <= 5s) \
                and a.ts - first(b#2).ts + 1s < 2 * 3s / 4 and duration.ts > \"\"";
    let about = |at: &str, offset: usize| {
        let offset = text.find(at).unwrap() + offset;
        hover(text, offset).map(|hover| (hover.text, &text[hover.span]))
    };
    for (at, offset, start, piece) in [
        (">= 5", 0, "`>=`", ">="),
        ("and m", 0, "`condition and", "and"),
        ("< 3", 0, "`<`", "<"),
        ("and on", 0, "`left and right`", "and"),
        ("not (", 0, "`not condition`", "not"),
        ("> 1", 0, "`>`", ">"),
        ("OR", 1, "`condition or", "OR"),
        ("duration <", 3, "`duration`", "duration"),
        ("<= 5s", 0, "`<=`", "<="),
        ("a.ts", 2, "`name.ts`", "ts"),
        ("- first", 0, "`a - b`", "-"),
        (").ts", 2, "`name.ts`", "ts"),
        ("+ 1s", 0, "`a + b`", "+"),
        ("* 3s", 0, "`a * b`", "*"),
        ("/ 4", 0, "`a / b`", "/"),
        ("duration.ts", 10, "`name.ts`", "ts"),
    ] {
        let found = about(at, offset);
        let is_right = found.is_some_and(|(text, span)| text.starts_with(start) && span == piece);
        assert!(is_right, "{at}: {found:?}");
    }
    assert_eq!(about("duration.ts", 1), None, "a stream");
    assert_eq!(about("b.x", 0), None);
}

#[test]
fn what_a_source_reads_itself_is_its_selector() {
    for selector in [
        "rate(x[5m] and on(k) y)",
        "x and y",
        "x{a=\"1\"} or y",
        "{__name__=\"x\"}[5m] and on(k) y",
        "{a=\"1\"} unless y",
        "level:error AND not x",
    ] {
        let text = format!("p({selector}) and on(k) b({{}})");
        for at in 2..2 + selector.len() {
            let found = hover(&text, at);
            let Some(found) = found else { continue };
            assert!(found.text.starts_with("The selector of this source"), "{selector}: {found:?}");
            assert_eq!(&text[found.span], selector);
        }
        let last = hover(&text, 2 + selector.len() - 1).map(|hover| hover.text);
        assert!(last.is_some_and(|text| text.starts_with("The selector")), "{selector}");
        let join = hover(&text, text.rfind("and").unwrap()).unwrap();
        assert!(join.text.starts_with("`left and right`"));
    }
    let text = "a({x!=\"1\", y=~\"2\"} |= \"x\" != \"y\" | json | n > 5) and on(k) b({})";
    for at in ["{x", "!=\"1", "|=", "!= \"y", "json", "> 5"] {
        let found = hover(text, text.find(at).unwrap()).unwrap();
        assert!(found.text.starts_with('`'), "{at}: {found:?}");
    }
}

#[test]
fn every_keyword_has_a_text() {
    let keywords = "and or outer unless then on ignoring within pick group_left group_right as";
    for keyword in keywords.split(' ') {
        let text = format!("a({{}}) {keyword} ");
        assert!(hover(&text, 7).is_some(), "{keyword}");
    }
    for policy in super::Policy::ALL {
        assert!(hover(&format!("a({{}}) and pick({policy})"), 16).is_some(), "{policy}");
    }
    for stage in ["where", "select", "limit"] {
        assert!(hover(&format!("a({{}}) | {stage}"), 9).is_some(), "{stage}");
    }
    for parser in ["json", "logfmt", "pattern \"<a>\"", "regexp \"\""] {
        assert!(hover(&format!("a({{}} | {parser})"), 8).is_some(), "{parser}");
    }
}

fn vocabulary() -> Vocabulary {
    let label = |name: &str, values: &[&str]| KnownLabel {
        name: name.into(),
        values: values.iter().map(ToString::to_string).collect(),
    };
    let source = |name: &str, selects: bool, labels: Vec<KnownLabel>| KnownSource {
        name: name.into(),
        selects,
        labels,
    };
    Vocabulary {
        sources: vec![
            source("edge", false, vec![label("path", &["/a.b"]), label("id", &["1"])]),
            source(
                "app",
                false,
                vec![label("level", &["error", "info"]), label("id", &["1", "x\"y"])],
            ),
            source("loki", true, vec![label("job", &["nginx"])]),
        ],
    }
}

/// What is inserted at the `^` of `text`.
fn inserts(text: &str) -> Vec<String> {
    let cursor = text.find('^').expect("a cursor");
    let found = complete(&text.replace('^', ""), cursor, &vocabulary());
    found.into_iter().map(|found| found.insert).collect()
}

#[test]
fn completion_follows_the_grammar() {
    assert_eq!(inserts("^"), ["edge({})", "app({})", "loki({})"]);
    assert_eq!(inserts("ap^"), ["app({})"]);
    assert_eq!(inserts("a^({}) and"), ["app"]);
    assert_eq!(inserts("edge({}) u^"), ["unless"]);
    assert_eq!(inserts("edge({}) THE^"), ["then", "then not"]);
    assert_eq!(inserts("edge({})^")[..2], [" and", " or"]);
    assert_eq!(inserts("edge({})[5m] as e ^")[..2], ["and", "or"]);
    assert_eq!(inserts("edge({}) as ^"), [""; 0]);
    assert_eq!(
        inserts("edge({}) and ^"),
        ["on(", "ignoring(", "within(", "pick(", "group_left(", "group_right("]
    );
    assert_eq!(
        inserts("edge({}) and on(id) pick(first) ^"),
        ["edge({})", "app({})", "loki({})", "within("]
    );
    assert_eq!(inserts("edge({}) and on(id) w^ app({})"), ["within("]);
    assert_eq!(inserts("edge({}) and on(id) within(1^"), ["1s", "1m", "1h", "1d", "1ms", "15m"]);
    assert_eq!(inserts("edge({}) and on(id) pick(^"), ["session", "pairs", "first"]);
    assert_eq!(inserts("edge({}) then on(id) pick(l^"), ["latest"]);
    assert_eq!(inserts("edge({}) and on(^) app({})"), ["id", "path", "level"]);
    assert_eq!(inserts("edge({}) and on(path, l^) app({})"), ["level"]);
    assert_eq!(inserts("edge({}) and on(id) app({}) {^"), ["id", "path", "level"]);
    assert_eq!(inserts("edge({}) and on(id) app({}) {level^"), ["level"]);
    assert_eq!(inserts("edge({}) and on(id) app({}) {level ^"), ["=", "!=", "=~", "!~"]);
    assert_eq!(inserts("edge({}) and on(id) app({}) {level=^"), ["\"error\"", "\"info\""]);
    assert_eq!(inserts("edge({}) and on(id) app({}) {level='i^'}"), ["\"info\""]);
    assert_eq!(inserts("edge({}) and on(id) app({}) {x=\"1\"} ^")[0], "| where ");
}

#[test]
fn labels_are_offered_once() {
    assert_eq!(inserts("edge({}) and on(path, ^"), ["id"]);
    assert_eq!(inserts("edge({}) and on(path=id, ^) app({})"), ["id", "level"]);
    assert_eq!(inserts("edge({}) and on(path=^) app({})"), ["level", "id", "path"]);
    assert_eq!(
        inserts("edge({}) and on(path=^"),
        ["level", "id", "job", "path"],
        "right side unknown"
    );
    assert_eq!(inserts("edge({}) and on(path=lev^"), ["level"]);
    assert_eq!(inserts("edge({}) and on(^, path) app({})"), ["id", "level"]);
    assert_eq!(inserts("edge({}) and on(pat^h, id) app({})"), ["path"]);
    assert_eq!(inserts("edge({}) and ignoring(level, ^) app({})"), ["id", "path"]);
    assert_eq!(inserts("edge({}) and on(id) group_left(level, ^) app({})"), ["id", "path"]);
    assert_eq!(inserts("edge({}) and on(id) app({}) {id!=\"1\", i^"), ["id"], "compared twice");
}

#[test]
fn operators_are_replaced_as_a_whole() {
    let replaced = |text: &str| -> Vec<(String, String)> {
        let cursor = text.find('^').expect("a cursor");
        let text = text.replace('^', "");
        let found = complete(&text, cursor, &vocabulary());
        let with = |found: super::Completion| (found.insert, text[found.span].to_owned());
        found.into_iter().map(with).collect()
    };
    let pair = |insert: &str, old: &str| (insert.to_owned(), old.to_owned());
    for old in ["then not", "then  NOT", "tnen not", "t not", "then"] {
        let text = format!("edge({{}}) t^{} on(id) app({{}})", &old[1..]);
        assert_eq!(replaced(&text), [pair("then", old), pair("then not", old)], "{text}");
    }
    assert_eq!(replaced("edge({}) u^ not on(id) app({})"), [pair("unless", "u not")]);
    assert_eq!(replaced("edge({}) th^en nothing({})")[0], pair("then", "then"));
    assert!(!inserts("edge({}) then ^not on(id) app({})").contains(&"not".to_owned()));
}

#[test]
fn what_follows_then_and_not_is_completed() {
    assert_eq!(inserts("edge({}) then n^"), ["not"]);
    assert_eq!(inserts("edge({}) then no^t on(id) app({})"), ["not"]);
    assert_eq!(inserts("edge({}) then ^").last().unwrap(), "not");
    assert_eq!(inserts("edge({}) then not n^"), [""; 0]);
    assert!(!inserts("edge({}) as then ^").contains(&"not".to_owned()));
    assert_eq!(inserts("edge({}) and n^"), [""; 0]);
    assert_eq!(inserts("edge({path !^"), ["!=", "!~"]);
    assert_eq!(inserts("edge({path !^="), ["!=", "!~"]);
    assert_eq!(inserts("edge({} !^"), ["!=", "!~"]);
    assert_eq!(inserts("edge({}) and on(id) app({}) {level !^"), ["!=", "!~"]);
}

#[test]
fn copied_labels_are_those_of_the_other_side() {
    assert_eq!(inserts("edge({}) and on(id) group_left(^) app({})")[..3], ["level", "id", "path"]);
    assert_eq!(inserts("edge({}) and on(id) group_left(^")[..4], ["level", "id", "job", "path"]);
    assert_eq!(inserts("edge({}) and on(id) group_right(^) app({})")[..3], ["path", "id", "level"]);
    assert_eq!(
        inserts("edge({}) and on(id) group_right(^")[2..],
        ["edge({})", "app({})", "loki({})"]
    );
    assert_eq!(inserts("edge({}) and on(id) group_right(path, ^"), ["id"]);
    assert_eq!(inserts("edge({}) and on(id) group_left(le^"), ["level"]);
}

#[test]
fn only_what_can_be_written_is_completed() {
    let names =
        ["", "a b\"", "http-status", "on", "5x", "ok", "and", "a..b", "err.code", "é", "ts"];
    let labels = names.map(|name| KnownLabel { name: name.into(), values: Vec::new() });
    let sources = names.map(|name| KnownSource {
        name: name.into(),
        selects: false,
        labels: labels.to_vec(),
    });
    let vocabulary = Vocabulary { sources: sources.to_vec() };
    let inserts = |text: &str| -> Vec<String> {
        complete(text, text.len(), &vocabulary).into_iter().map(|found| found.insert).collect()
    };
    assert_eq!(inserts(""), ["ok({})", "ts({})"]);
    let labels = ["on", "ok", "and", "err.code", "ts"];
    for text in ["ok({", "ok({}) and on(", "ok({}) and ignoring(", "ok({}) and on(ok) ts({}) {"] {
        assert_eq!(inserts(text), labels, "{text}");
    }
    assert_eq!(inserts("ok({}) and on(k) group_left(")[..5], labels);
    assert_eq!(inserts("ok({}) and on(k) ts({}) | where ok."), labels);
}

#[test]
fn completion_goes_on_after_mistakes() {
    assert_eq!(inserts("edge({}) and onn(id) app({}) o^"), [""; 0], "what it ends is not known");
    assert_eq!(
        inserts("edge({}) adn on(id) app({}) or on(id) within(3^"),
        ["3s", "3m", "3h", "3d", "3ms", "30s"]
    );
    assert_eq!(inserts("edge({}) # un^"), [""; 0]);
}

#[test]
fn selectors_are_completed() {
    assert_eq!(inserts("edge(^"), ["{"]);
    assert_eq!(inserts("edge({^}) and"), ["path", "id"]);
    assert_eq!(inserts("edge({path=\"x\", i^})"), ["id"]);
    assert_eq!(inserts("edge({path^"), ["path"]);
    assert_eq!(inserts("edge({path ^"), ["=", "!=", "=~", "!~"]);
    assert_eq!(inserts("edge({path=~^"), ["\"/a\\\\.b\""]);
    assert_eq!(inserts("app({id=\"x^"), ["\"x\\\"y\""]);
    let filters = ["|=", "!=", "|~", "!~", "| json", "| logfmt", "| pattern", "| regexp"];
    assert_eq!(inserts("edge({} ^"), filters);
    assert_eq!(inserts("edge({} | json | id ^")[4..6], [">=", ">"]);
    assert_eq!(inserts("edge({} | l^"), ["logfmt"]);
    assert_eq!(inserts("edge({} |= \"x^"), [""; 0]);
    assert_eq!(inserts("loki({^"), ["job"]);
    assert_eq!(inserts("loki({job=\"nginx\"} | ^"), [""; 0], "its language is its own");
}

#[test]
fn stages_are_completed() {
    let text = "edge({}) as e and on(id) app({}) or on(id) app({}) | ";
    assert_eq!(inserts(&format!("{text}^")), ["where", "select", "limit"]);
    assert_eq!(inserts(&format!("{text}where ^"))[..4], ["e", "app#2", "app#3", "count("]);
    assert_eq!(inserts(&format!("{text}where app#^")), ["app#2", "app#3"]);
    assert_eq!(inserts(&format!("{text}where app#2.^")), ["level", "id", "ts"]);
    assert_eq!(inserts(&format!("{text}where e.p^ = \"1\"")), ["path"]);
    assert_eq!(inserts(&format!("{text}where first(app#2).L^")), ["level"]);
    assert_eq!(inserts(&format!("{text}where app#3.level != '^'")), ["\"error\"", "\"info\""]);
    assert_eq!(
        inserts(&format!("{text}select a^")),
        ["app#2.level", "app#2.id", "app#3.level", "app#3.id"]
    );
    assert_eq!(inserts(&format!("{text}limit ^")), [""; 0]);
    assert_eq!(inserts(&format!("{text}limit 5 ^")), ["|"]);
    assert_eq!(inserts(&format!("{text}select id | ^")), ["where", "limit"], "once");
}

#[test]
fn conditions_are_completed_by_their_grammar() {
    let inserts = |at: &str| inserts(&format!("edge({{}}) and on(id) app({{}}) | where {at}"));
    let starts = ["edge", "app", "count(", "first(", "last(", "every(", "duration", "not", "("];
    let values = ["edge", "app", "count(", "first(", "last(", "duration", "("];
    let orders = ["=", "!=", ">=", ">", "<=", "<", "+", "-", "*", "/"];
    let operators = ["=", "!=", "=~", "!~", ">=", ">", "<=", "<", "+", "-", "*", "/"];
    assert_eq!(inserts("^"), starts);
    assert_eq!(inserts("not ^"), starts);
    assert_eq!(inserts("(^"), starts);
    assert_eq!(inserts("every(^"), [&values[..5], &["duration", "("]].concat());
    assert_eq!(inserts("edge.id = '1' and ^"), starts);
    assert_eq!(inserts("edge.id + ^"), values);
    assert_eq!(inserts("app.level ^"), operators);
    assert_eq!(inserts("last(app).level ^"), operators);
    assert_eq!(inserts("app.level !^"), ["!=", "!~"]);
    assert_eq!(inserts("count(app) ^"), orders);
    assert_eq!(inserts("duration > ^")[..2], ["5s", "30s"]);
    assert_eq!(inserts("edge.id = \"1\" ^"), ["and", "or", "|"]);
    assert_eq!(inserts("edge.id = \"1\"^"), [" and", " or", " |"]);
    assert_eq!(inserts("(edge.id = \"1\" ^"), ["and", "or", ")"]);
    // A value is no condition.
    for start in ["(not duration ^", "(edge.id = '1' and duration ^", "not duration ^"] {
        let ends: Vec<_> = inserts(start).into_iter().filter(|it| it == ")" || it == "|").collect();
        assert!(ends.is_empty(), "{start}");
    }
    assert_eq!(inserts("every(edge.id = \"1\" ^"), [")"]);
    assert_eq!(inserts("every(edge.id = \"1\") ^"), ["and", "or", "|"]);
    assert_eq!(inserts("first(^"), ["edge", "app"]);
    assert_eq!(inserts("first(edge ^"), [")"]);
    assert_eq!(inserts("count(^"), ["edge", "app", ")"]);
    assert_eq!(inserts("cou^nt(app)"), ["count"]);
    for at in ["edge.^", "first(edge).^", "every(edge.^", "not (edge.^"] {
        assert_eq!(inserts(at), ["path", "id", "ts"], "{at}");
    }
    assert_eq!(inserts("edge.PA^"), ["path"]);
    assert_eq!(inserts("other.^"), [""; 0]);
    assert_eq!(inserts("app.level = ^")[..3], ["\"error\"", "\"info\"", "edge"]);
    assert_eq!(inserts("last(app).id = \"1^"), ["\"1\""]);
    assert_eq!(inserts("last(app).ts ^"), orders);
    assert_eq!(inserts("app.level =~ ^"), ["\"error\"", "\"info\""]);
    assert_eq!(inserts("edge.path =~ \"^"), ["\"/a\\\\.b\""]);
    assert_eq!(inserts("app.level = \"i^"), ["\"info\""]);
    assert_eq!(inserts("app.level = \"info^\" and edge.id = \"1\""), ["\"info\""]);
    assert_eq!(inserts("level ^"), [""; 0], "no value");
    assert_eq!(inserts("level = 1 and (edge.id = '1' or ed^"), ["edge"], "goes on behind it");
    assert_eq!(inserts("edge.id > -5 and -1 < last(edge).ts - first(edge).t^"), ["ts"]);
    assert_eq!(inserts("edge.id = '1' # ^"), [""; 0]);
}

#[test]
fn what_is_around_the_cursor_in_a_stage_stays() {
    let replaced = |at: &str| {
        let text = format!("edge({{}}) and on(id) app({{}}) | {at}");
        let cursor = text.find('^').unwrap();
        let text = text.replace('^', "");
        let found = complete(&text, cursor, &vocabulary());
        let mut left = text.clone();
        left.replace_range(found[0].span.clone(), &found[0].insert);
        left.rsplit("| ").next().unwrap().to_owned()
    };
    assert_eq!(replaced("where ed^ge.path = \"1\""), "where edge.path = \"1\"");
    assert_eq!(replaced("where edge.pa^x = \"1\""), "where edge.path = \"1\"");
    assert_eq!(replaced("where app.level = \"inf^ and 1"), "where app.level = \"info\" and 1");
    assert_eq!(replaced("select edge.pa^x, id"), "select edge.path, id");
}

#[test]
fn selected_fields_are_completed() {
    let text = "edge({}) and on(id, a=b) group_left(level) app({}) | select ";
    let inserts = |at: &str| inserts(&format!("{text}{at}"));
    let all = ["id", "a", "b", "level", "edge.path", "edge.id", "app.level", "app.id"];
    assert_eq!(inserts("^"), all);
    assert_eq!(inserts("id, edge.id, ^")[..4], ["a", "b", "level", "edge.path"]);
    assert_eq!(inserts("id ^"), [",", "|"]);
    assert_eq!(inserts("edge.i^"), ["edge.id"]);
}

#[test]
fn what_is_typed_is_replaced_as_a_whole() {
    let found = complete("edge({}) unl on(id)", 10, &vocabulary());
    assert_eq!((found[0].insert.as_str(), found[0].span.clone()), ("unless", 9..12));
}

fn covers_all(text: &str) -> Result<(), TestCaseError> {
    let mut end = 0;
    for token in highlight(text) {
        prop_assert!(text[end..token.span.start].trim().is_empty(), "{:?}", text);
        prop_assert!(!text[token.span.clone()].is_empty());
        end = token.span.end;
        hover(text, token.span.start);
        for found in complete(text, token.span.end, &vocabulary()) {
            prop_assert!(text.get(found.span).is_some());
        }
    }
    prop_assert!(text[end..].trim().is_empty());
    Ok(())
}

/// Whether anything behind the start of a stage makes it parse.
fn can_be_finished(start: &str) -> bool {
    let open = start.matches('(').count() - start.matches(')').count();
    let pieces =
        ["", "id", "edge.id", "= 1", "id = 1", "edge.id = 1", "edge).id", "edge)", "\"x\""];
    pieces.iter().any(|piece| {
        let open = (open + piece.matches('(').count()).saturating_sub(piece.matches(')').count());
        (0..=open).rev().any(|inner| {
            ["", " = 1", ".id", ".id = 1"].iter().any(|between| {
                (0..=open - inner).rev().any(|middle| {
                    let outer = ")".repeat(open - inner - middle);
                    let (inner, middle) = (")".repeat(inner), ")".repeat(middle));
                    ["", " = 1"].iter().any(|last| {
                        let text = format!("{start}{piece}{inner}{between}{middle}{last}{outer}");
                        crate::stage::parse(&text, 0).is_ok()
                    })
                })
            })
        })
    })
}

proptest! {
    #[test]
    fn tokens_cover_any_text(text in any::<String>()) {
        covers_all(&text)?;
    }

    #[test]
    fn tokens_cover_any_query(tokens in tokens(), cut in any::<prop::sample::Index>()) {
        let text = tokens.join(" ");
        covers_all(&text[..text.floor_char_boundary(cut.index(text.len() + 1))])?;
    }
}

proptest! {
    // Each takes many parses.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn completed_stages_can_be_finished(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
    ) {
        let mut stage = "where ".to_owned();
        for pick in picks {
            let text = format!("edge({{}}) and on(id) app({{}}) | {stage}");
            let found = complete(&text, text.len(), &vocabulary());
            prop_assert!(!found.is_empty(), "nothing follows {:?}", stage);
            let found = &found[pick.index(found.len())];
            if found.insert == "|" {
                break;
            }
            stage.push_str(&found.insert);
            let called = |call: &str, rest: &str| {
                ["edge", "app"].iter().any(|name| stage.ends_with(&format!("{call}({name}{rest}")))
            };
            let is_argument = ["count", "first", "last"].iter().any(|call| called(call, ""));
            let is_name = found.kind == CompletionKind::Stream && !is_argument;
            let is_event = ["first", "last"].iter().any(|call| called(call, " )"));
            if is_name || is_event {
                stage.push('.');
            } else if !stage.ends_with('(') {
                stage.push(' ');
            }
            prop_assert!(can_be_finished(&stage), "{:?}", stage);
        }
    }
}
