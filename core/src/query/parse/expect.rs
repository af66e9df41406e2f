//! What the grammar would take next.

use pest::Parser;
use pest::error::ErrorVariant;

use super::grammar::{QueryParser, Rule};
use super::{MAX_CUTS, recover};
use crate::query::lex::{LexemeKind, lexemes};
use crate::query::{scan, syntax};

/// Something that can stand in a query. The order is the one in which it is offered.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::query) enum Expected {
    Stream,
    Label,
    Policy,
    Duration,
    MatchOp,
    Text,
    Clause,
    Operator,
    Range,
    Alias,
    Projection,
    Stage,
}

/// What can follow `before`, the start of a query that ends outside of selectors and stages. Nothing
/// where an error right before leaves that open.
pub(in crate::query) fn expected(before: &str) -> Vec<Expected> {
    if !is_shallow(before) {
        return Vec::new();
    }
    let mut rest = before.to_owned();
    for _ in 0..MAX_CUTS {
        // A quote that is never closed: nothing takes it, so that parsing ends here.
        let Err(error) = QueryParser::parse(Rule::query, &[&rest, "\""].concat()) else { break };
        let at = syntax::position(&error);
        if at >= rest.len() {
            let ErrorVariant::ParsingError { positives, .. } = &error.variant else { break };
            let mut expected: Vec<_> =
                positives.iter().filter_map(|rule| expectation(*rule)).collect();
            expected.sort_unstable();
            expected.dedup();
            return expected;
        }
        match recover::cut(&mut rest, at) {
            Some(cut) if cut.end < before.trim_end().len() => {}
            _ => break,
        }
    }
    Vec::new()
}

/// Whether the parser can be let on `before`, which recurses once per parenthesis.
fn is_shallow(before: &str) -> bool {
    let mut open = 0_usize;
    for lexeme in lexemes(before).iter().filter(|it| it.kind != LexemeKind::Comment) {
        match &before[lexeme.span.clone()] {
            "(" => open += 1,
            ")" => open = open.saturating_sub(1),
            _ => {}
        }
    }
    scan::query(&[before, "\n", &")".repeat(open)].concat()).is_ok()
}

fn expectation(rule: Rule) -> Option<Expected> {
    Some(match rule {
        Rule::expr | Rule::group | Rule::stream | Rule::source => Expected::Stream,
        Rule::key | Rule::label | Rule::matcher => Expected::Label,
        Rule::policy => Expected::Policy,
        Rule::duration => Expected::Duration,
        Rule::match_op => Expected::MatchOp,
        Rule::string => Expected::Text,
        Rule::clause
        | Rule::on
        | Rule::ignoring
        | Rule::within
        | Rule::pick
        | Rule::grouping
        | Rule::word_on => Expected::Clause,
        Rule::join | Rule::operator | Rule::known_operator | Rule::symbol => Expected::Operator,
        Rule::range => Expected::Range,
        Rule::alias | Rule::word_as => Expected::Alias,
        Rule::projection => Expected::Projection,
        Rule::stage => Expected::Stage,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_says_what_can_follow() {
        use Expected::*;
        let after_stream = [Operator, Range, Alias, Projection, Stage];
        for (before, follows) in [
            ("", &[Stream][..]),
            ("a", &[]),
            ("a({}) ", &after_stream),
            ("a({})[", &[Duration]),
            ("a({}) and # on(\n", &[Stream, Clause]),
            ("a({}) then not on(k, ", &[Label]),
            ("a({}) and on(k) pick(", &[Policy]),
            ("a({}) and on(k) (b({}) ", &[Operator, Range, Alias]),
            ("a({}) and onn(k) b({}) or on(k) within(", &[Duration]),
            ("a({}) and onn(k) b({}) ", &[]),
            ("a({}) and on(k) b({}) {x", &[MatchOp]),
            ("a({}) )", &[]),
        ] {
            assert_eq!(expected(before), follows, "{before:?}");
        }
        assert_eq!(expected(&"(".repeat(60_000)), []);
    }
}
