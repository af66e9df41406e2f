//! Characters that a terminal or editor would obey, or not show.

use super::{PlanOptions, TokenKind, check, complete, format, highlight, parse, render};

/// One of each sort that is hidden.
const HIDDEN: [char; 12] = [
    '\0',
    '\u{8}',
    '\u{1b}',
    '\u{7f}',
    '\u{9b}',
    '\u{61c}',
    '\u{200b}',
    '\u{200f}',
    '\u{202e}',
    '\u{2069}',
    '\u{feff}',
    '\u{e0041}',
];

/// The diagnostics of `text`, drawn.
fn drawn(text: &str) -> String {
    render(text, &check(text, &PlanOptions::default()).diagnostics, false)
}

#[test]
fn a_drawn_query_is_all_visible_and_carets_point_where_they_should() {
    for hidden in HIDDEN {
        for text in [
            format!("a({{x=\"{hidden}{hidden}\"}}) adn on(k) b({{}})"),
            format!("a({{}}) and on(k) b({{}}) | where {hidden}"),
            format!("a({{}}) and on(k) b({{}}) | where a.x = \"\\{hidden}\" # {hidden}"),
            format!("a({{}}) and on(k) b({{}}) {{x=~\"{hidden}(\"}} | where a.x =~ \"{hidden}5\""),
            format!("a({{x{hidden}=~\"(\"}} | \"{hidden}\") and on({hidden}) b({hidden}{{}})"),
            format!("a({{}}) and on(k) b({{}}) | where a.x == \"{hidden}\" and \"{hidden}\" = 5"),
            format!("a({{}}) and on(k) b({{}}) | where a.ts > \"{hidden}\" | limit {hidden}5"),
            format!("a({{}}) and on(k) b({{}})\r\n{hidden}{hidden}\r\n"),
        ] {
            let drawn = drawn(&text);
            assert!(!drawn.is_empty(), "{text:?}");
            assert!(!drawn.contains(HIDDEN), "{text:?}\n{drawn:?}");
        }
        let text = format!("a({{x=\"{hidden}{hidden}\"}}) adn on(k) b({{}})");
        let lines: Vec<_> = drawn(&text).lines().map(str::to_owned).collect();
        let at = lines[3].chars().take_while(|c| *c != 'd').count() - 1;
        assert_eq!(lines[4].chars().position(|c| c == '^'), Some(at), "{}", lines.join("\n"));
        assert!(lines[1].ends_with("query:1:13"), "{}", lines[1]);
    }
    let text = "a({x=\"\u{1b}[31m\u{202e}\"}) adn\r\n\ton(k) b({})";
    let expected = "error[QUERY_UNKNOWN_OPERATOR]: unknown operator `adn`; expected `and`, `or`, `outer`, `unless`, `then` or `then not`
 --> query:1:17
  |
1 | a({x=\"␛[31m�\"}) adn
  |                 ^^^
  |
  = help: did you mean `and`?";
    assert_eq!(drawn(text), expected);
}

#[test]
fn messages_show_hidden_characters_as_escapes() {
    let text = "a({}) and on(k) b({}) | where a.x = \"\\\u{202e}\" or \u{feff}";
    let found = check(text, &PlanOptions::default()).diagnostics;
    assert_eq!(found[0].message, "expected a condition, found `\\u{feff}`");
    let text = "a({}) and on(k) b({}) | where a.x = \"\\\u{202e}\"";
    let found = check(text, &PlanOptions::default()).diagnostics;
    assert_eq!(found[0].message, "unknown escape `\\\\u{202e}`");
}

#[test]
fn canonical_texts_are_all_visible_and_mean_the_same() {
    let hidden = String::from_iter(HIDDEN);
    let text = format!("a({{}}) and on(k) b({{}}) {{x=`{hidden}`}} | where a.x = '{hidden}'");
    let formatted = format(&text).unwrap();
    assert!(!formatted.contains(HIDDEN), "{formatted:?}");
    assert!(formatted.contains("\\u001b") && formatted.contains("\\U000e0041"), "{formatted}");
    let (query, again) = (parse(&text).unwrap(), parse(&formatted).unwrap());
    assert_eq!(query.projection[0].value.value, hidden);
    assert_eq!(again.projection[0].value.value, hidden);
    assert_eq!(query.stages[0].value, again.stages[0].value);
    // What people write stays as it is.
    let text = "a({}) and on(k) b({}) {x=\"é 👩\u{200d}🚒 می\u{200c}خواهم\"}";
    assert_eq!(format(text).as_deref(), Ok(text));
    // Selectors belong to the source, comments to their author.
    let text = "a({x=\"\u{1b}\"})\n  and on(k) b({}) # \u{1b}\u{202e}";
    assert_eq!(format(text).as_deref(), Ok(text));
}

#[test]
fn a_byte_order_mark_at_the_start_is_passed_over() {
    let text = "\u{feff}a({}) and on(k) b({}) # why";
    assert!(check(text, &PlanOptions::default()).plan.is_some());
    assert_eq!(format(text).as_deref(), Ok("a({})\n  and on(k) b({}) # why"));
    let tokens = highlight(text);
    assert_eq!((tokens[0].kind, tokens[0].span.clone()), (TokenKind::Source, 3..4));
    let found = complete("\u{feff}a({}) un", 11, &super::Vocabulary::default());
    assert_eq!((found[0].insert.as_str(), found[0].span.clone()), ("unless", 9..11));
    assert!(drawn("\u{feff}").contains("the query is empty"));
    assert!(drawn("\u{feff}\u{feff}a({}) and on(k) b({})").contains("found `\\u{feff}`"));
    assert!(drawn("a({}) \u{feff} and on(k) b({})").contains("found `\\u{feff}`"));
    // After a mistake the rest is still read.
    assert_eq!(
        check("\u{feff}a[] and on(k) b({})[5x]", &PlanOptions::default()).diagnostics.len(),
        2
    );
}
