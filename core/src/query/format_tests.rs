use proptest::prelude::*;

use super::lex::{LexemeKind, lexemes};
use super::tests::{shape, space, tokens};
use super::{format, parse};

#[track_caller]
fn formats(text: &str, expected: &str) {
    let formatted = format(text).expect("it parses");
    assert_eq!(formatted, expected, "\n{formatted}\n");
    assert_eq!(format(&formatted).as_deref(), Ok(expected), "once more");
}

#[test]
fn what_fits_is_one_line() {
    formats(
        "a( {x='1'} )[90s]AND on(k,j=j)\n(b({}) Then Not ignoring(x) group_left c({})){y=`z`}|limit  1",
        "a( {x='1'} )[1m30s] and on(k, j) (b({}) then not ignoring(x) group_left() c({})) {y=\"z\"} | limit 1",
    );
}

#[test]
fn what_does_not_fit_has_a_line_per_join() {
    formats(
        "edge({status=~\"5..\"})[5m] as e and on(request_id) within(30s) app({level=\"error\"})[5m] \
         or on(k) (b({}) and on(k) c({})) {msg!=\"\"} | where count(e) > 1 | limit 5",
        "edge({status=~\"5..\"})[5m] as e
  and on(request_id) within(30s) app({level=\"error\"})[5m]
  or on(k) (b({}) and on(k) c({}))
  {msg!=\"\"}
  | where count(e) > 1
  | limit 5",
    );
    formats(
        "a({}) unless on(request_id) (edge({status=~\"5..\"})[5m] as e and on(request_id) \
         within(30s) app({level=\"error\"})[5m]) then on(k) d({})",
        "a({})
  unless on(request_id) (
    edge({status=~\"5..\"})[5m] as e
      and on(request_id) within(30s) app({level=\"error\"})[5m]
  )
  then on(k) d({})",
    );
    formats("a(x\ny) and on(k) b()", "a(x\ny)\n  and on(k) b()");
}

#[test]
fn comments_stay_where_they_belong() {
    formats(
        "# first\n\n  # second
a({}) # the edge
# before the join
and # why
on(k, # not j
  j) # keys
(b({}) or on(k) c({})) # group
# last

#",
        "# first
# second
a({}) # the edge
  # before the join
  and # why
    on(k, j) # not j
    # keys
    (b({}) or on(k) c({})) # group
# last
#",
    );
    formats(
        "a({}) and on(k) (b({}) # one\n or # two\n on(k) c({})) | where # three\n x",
        "a({})
  and on(k) (
    b({}) # one
      or # two
        on(k) c({})
  )
  | where x # three",
    );
    formats(
        "a({}) and within(1s) # how far\n on(k) # what\n b({})",
        "a({})\n  and on(k) # what\n    within(1s) # how far\n    b({})",
    );
}

#[test]
fn what_does_not_parse_is_not_formatted() {
    let found = format("a({}) and onn(k) b({})").expect_err("an unknown clause");
    assert_eq!(found[0].column, 11);
}

/// The comments of `text`, sorted.
fn comments(text: &str) -> Vec<String> {
    let all = lexemes(text).into_iter().filter(|lexeme| lexeme.kind == LexemeKind::Comment);
    let mut comments: Vec<_> = all.map(|it| text[it.span].trim_end().to_owned()).collect();
    comments.sort_unstable();
    comments
}

proptest! {
    #[test]
    fn formatting_loses_nothing_and_is_done_once(
        tokens in tokens(),
        spaces in prop::collection::vec(prop_oneof![3 => Just(" "), 1 => space()], 80),
    ) {
        let pieces = tokens.iter().zip(spaces.iter().cycle());
        let mut text = String::new();
        for (at, (token, space)) in pieces.enumerate() {
            text.push_str(token);
            // Every comment its own, so that none can stand for another.
            text.push_str(&space.replace('#', &format!("# {at}")));
        }
        let query = parse(&text).expect("the tokens make a query");
        let formatted = format(&text).expect("what parses is formatted");
        let again = parse(&formatted);
        prop_assert!(again.is_ok(), "{text}\n\n{formatted}");
        prop_assert_eq!(shape(&query), shape(&again.unwrap()), "{}\n\n{}", text, formatted);
        prop_assert_eq!(format(&formatted).unwrap(), formatted.clone(), "{}", text);
        prop_assert_eq!(comments(&text), comments(&formatted));
    }
}

#[test]
fn stages_are_canonical_too() {
    for (written, canonical) in [
        ("WHERE a.x='1'AND count( a )>02", "where a.x = \"1\" and count(a) > 2"),
        ("where (((a.x = `1`)))or not(b.x=~'^2')", "where a.x = \"1\" or not (b.x =~ \"^2\")"),
        ("where duration>90s and a.ts-b.ts<5000ms", "where duration > 1m30s and a.ts - b.ts < 5s"),
        ("Select k,a.x", "select k, a.x"),
        ("Limit 0005", "limit 5"),
    ] {
        let query = |stage: &str| format!("a({{}}) and on(k) b({{}}) | {stage}");
        formats(&query(written), &query(canonical));
    }
}
