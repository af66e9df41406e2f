//! Highlighting, hovering and completing.

use proptest::prelude::*;

use super::tests::tokens;
use super::{TokenKind, highlight, hover};

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
    assert_eq!(about("and 1"), None, "not the join");
    assert_eq!(about("k)"), None);
    assert_eq!(hover("a({}) then", 10).unwrap().span, 6..10, "behind the last character");
    assert_eq!(hover("", 0), None);
    assert_eq!(hover("a", 9), None);
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

fn covers_all(text: &str) -> Result<(), TestCaseError> {
    let mut end = 0;
    for token in highlight(text) {
        prop_assert!(text[end..token.span.start].trim().is_empty(), "{:?}", text);
        prop_assert!(!text[token.span.clone()].is_empty());
        end = token.span.end;
        hover(text, token.span.start);
    }
    prop_assert!(text[end..].trim().is_empty());
    Ok(())
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
