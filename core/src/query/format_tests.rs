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
fn what_does_not_fit_a_line_goes_on_in_the_next() {
    let long = |name: &str| format!("{name}.a_label_of_some_length");
    let [a, b, c, d] = ["a", "b", "a", "b"].map(long);
    formats(
        &format!(
            "a({{}}) and on(k) b({{}}) | where {a}=1 and ({b}=2 or {c}=3) and not({d}=4 or {a}=5) # why
             and every({b}='6')"
        ),
        &format!(
            "a({{}})
  and on(k) b({{}})
  | where {a} = 1
    and ({b} = 2 or {c} = 3)
    and not ({d} = 4 or {a} = 5)
    and every({b} = \"6\") # why"
        ),
    );
    formats(
        &format!(
            "a({{}}) and on(k) b({{}}) | where {a}=1 and {b}=2 and {a}=3 and {c}=4 or {d}=5 or {a}=6 and \
             ({b}=7 or {c}=8 and {d}=9 or not ({a}=10 or {b}=11 or {c}=12 or {d}=13)) | limit 3"
        ),
        &format!(
            "a({{}})
  and on(k) b({{}})
  | where {a} = 1
      and {b} = 2
      and {a} = 3
      and {c} = 4
    or {d} = 5
    or {a} = 6
      and ({b} = 7
        or {c} = 8 and {d} = 9
        or not ({a} = 10
            or {b} = 11
            or {c} = 12
            or {d} = 13))
  | limit 3"
        ),
    );
    let keys: Vec<_> = (10..25).map(|at| format!("key_{at}=other")).collect();
    formats(
        &format!(
            "a({{}}) and on({0}) within(5s) group_left({1}) b({{}}) {{x=\"{2}\", y=\"{2}\"}} | select {1}",
            keys.join(","),
            keys.join(",").replace("=other", ""),
            "x, ".repeat(15),
        ),
        &format!(
            "a({{}})
  and on(key_10=other, key_11=other, key_12=other, key_13=other, key_14=other, key_15=other,
      key_16=other, key_17=other, key_18=other, key_19=other, key_20=other, key_21=other,
      key_22=other, key_23=other, key_24=other) within(5s) group_left(key_10, key_11, key_12,
      key_13, key_14, key_15, key_16, key_17, key_18, key_19, key_20, key_21, key_22, key_23,
      key_24) b({{}})
  {{x=\"{0}\",
    y=\"{0}\"}}
  | select key_10, key_11, key_12, key_13, key_14, key_15, key_16, key_17, key_18, key_19, key_20,
    key_21, key_22, key_23, key_24",
            "x, ".repeat(15),
        ),
    );
    // Nothing else can be broken.
    let selector = "x".repeat(120);
    formats(
        &format!("a({selector}) and on(k) b({{}}) as b | where a.x = '{selector}'|limit 1"),
        &format!(
            "a({selector})\n  and on(k) b({{}}) as b\n  | where a.x = \"{selector}\"\n  | limit 1"
        ),
    );
}

#[test]
fn lines_have_exactly_as_much_as_fits() {
    let text = |length: usize| {
        let value = "x".repeat(length);
        format!(
            "a({{}}) and on(k) b({{}}) | limit 5000 | where a.x = 1 and not (a.x = 2 or b.y = \"{value}\")"
        )
    };
    let widest = |text: &str| {
        format(text).unwrap().lines().map(|line| line.chars().count()).max().unwrap_or_default()
    };
    let lines = |text: &str| format(text).unwrap().lines().count();
    let fits = (0..60).rfind(|length| lines(&text(*length)) == 4).expect("short ones fit");
    assert_eq!(widest(&text(fits)), 100);
    for length in fits + 1..60 {
        assert!(lines(&text(length)) > 4 && widest(&text(length)) <= 100);
    }
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
