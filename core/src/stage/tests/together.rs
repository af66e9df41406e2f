//! Mistakes that are told together.

use super::*;

#[test]
fn all_mistakes_are_told_at_once() {
    let codes = |text: &str| -> Vec<_> {
        let found = checked(text).expect_err(text);
        found.into_iter().map(|found| (found.code, text[found.span].to_owned())).collect()
    };
    let told = |expected: &[(&'static str, &str)]| -> Vec<_> {
        expected.iter().map(|(code, at)| (*code, (*at).to_owned())).collect()
    };
    assert_eq!(
        codes("where status = 1 or (max(a.x) > 5x and a.x) or not every(b.x == \"\\q\" + 1e999)"),
        told(&[
            ("QUERY_SYNTAX", "status"),
            ("QUERY_SYNTAX", "max"),
            ("QUERY_UNKNOWN_UNIT", "5x"),
            ("QUERY_SYNTAX", "a.x"),
            ("QUERY_SYNTAX", "=="),
            ("QUERY_ESCAPE", "\\q"),
            ("STAGE_TYPE", "1e999"),
        ])
    );
    assert_eq!(
        codes("where x.a = 1 and y.b + z.c > 1s + 5 or w.a =~ \"(\" | select a.x, nothing, v.q"),
        told(&[
            ("STAGE_STREAM", "x"),
            ("STAGE_STREAM", "y"),
            ("STAGE_STREAM", "z"),
            ("STAGE_TYPE", "+"),
            ("STAGE_STREAM", "w"),
            ("QUERY_REGEX", "("),
            ("STAGE_LABEL", "nothing"),
            ("STAGE_STREAM", "v"),
        ])
    );
    // A mistake hides neither another one of its own comparison nor those of other stages.
    assert_eq!(
        codes("where z.c > \"5\" | select user, user | where z.c == 1 and 1 < a.x < z.d"),
        told(&[
            ("STAGE_STREAM", "z"),
            ("STAGE_TYPE", "z.c > \"5\""),
            ("QUERY_DUPLICATE", "user"),
            ("STAGE_STREAM", "z"),
            ("QUERY_SYNTAX", "=="),
            ("QUERY_SYNTAX", "1 < a.x < z.d"),
            ("STAGE_STREAM", "z"),
        ])
    );
    assert_eq!(
        codes("select user, user, nothing | select user | limit 0 | where status = last(z).x"),
        told(&[
            ("QUERY_DUPLICATE", "user"),
            ("STAGE_LABEL", "nothing"),
            ("QUERY_DUPLICATE", "select user"),
            ("STAGE_LIMIT", "0"),
            ("QUERY_SYNTAX", "status"),
            ("STAGE_STREAM", "z"),
        ])
    );
    assert_eq!(
        codes("where max(z.x) = 1 or -z.x = 1 or count(z) =~ 5 or every(a.x = 1 and a.ts = 1)"),
        told(&[
            ("QUERY_SYNTAX", "max"),
            ("STAGE_STREAM", "z"),
            ("QUERY_SYNTAX", "-z.x"),
            ("STAGE_STREAM", "z"),
            ("STAGE_TYPE", "count(z)"),
            ("STAGE_STREAM", "z"),
            ("STAGE_TYPE", "5"),
            ("STAGE_EVERY", "a.x = 1 and a.ts = 1"),
            ("STAGE_TYPE", "a.ts = 1"),
        ])
    );
}
