//! Text → tree. Knows the syntax and nothing of what makes sense.

use std::ops::Range;

use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;

use super::ast::{Expr, JoinNode, KeyNode, MatcherNode, Query, StreamNode, WithinNode};
use super::diagnostic::{Code, Diagnostic};
use super::suggest::nearest;
use super::{duration, text};
use crate::limits;
use crate::plan::JoinKind;
use crate::select::MatchOp;
use crate::time::Span;

#[derive(pest_derive::Parser)]
#[grammar = "query/grammar.pest"]
struct Grammar;

/// The operators that run.
const OPERATORS: &[&str] = &["and", "or", "unless"];

/// Words of the language that this version does not run.
const LATER: &[&str] = &[
    "outer",
    "then",
    "then not",
    "ignoring",
    "group_left",
    "group_right",
    "pick",
    "where",
    "select",
    "limit",
];

/// Parses a query. All that can be told of a text that is no query is told together.
pub(super) fn parse(query: &str) -> Result<Query, Vec<Diagnostic>> {
    check_size(query).map_err(|diagnostic| vec![diagnostic])?;
    let mut pairs =
        Grammar::parse(Rule::query, query).map_err(|error| vec![syntax_error(query, &error)])?;
    let query_pair = pairs.next().expect("the grammar's first rule gives one pair");
    let mut builder = Builder { diagnostics: Vec::new() };
    let query = builder.query(query_pair);
    if builder.diagnostics.is_empty() { Ok(query) } else { Err(builder.diagnostics) }
}

/// Refuses what would take the parser too deep: it recurses once per level of parentheses.
fn check_size(query: &str) -> Result<(), Diagnostic> {
    if query.len() > limits::MAX_QUERY_BYTES {
        let bytes = limits::MAX_QUERY_BYTES;
        let message = format!("the query has {} bytes, the most is {bytes}", query.len());
        return Err(Diagnostic::error(Code::QueryTooLarge, 0..query.len(), message));
    }
    // Counts too much rather than too little: every opening parenthesis, but only those closing
    // ones that are surely not inside quotes.
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, byte) in query.bytes().enumerate() {
        match (byte, quote) {
            (b'(', _) => depth += 1,
            (b')', None) => depth = depth.saturating_sub(1),
            (b'\\', Some(b'"' | b'\'')) if !escaped => {
                escaped = true;
                continue;
            }
            (b'"' | b'\'' | b'`', None) => quote = Some(byte),
            (_, Some(open)) if byte == open && !escaped => quote = None,
            _ => {}
        }
        escaped = false;
        if depth > limits::MAX_QUERY_DEPTH {
            let most = limits::MAX_QUERY_DEPTH;
            let message = format!("parentheses are nested deeper than {most} levels");
            return Err(Diagnostic::error(Code::QueryTooLarge, at..at + 1, message));
        }
    }
    Ok(())
}

fn syntax_error(query: &str, error: &pest::error::Error<Rule>) -> Diagnostic {
    let at = match error.location {
        InputLocation::Pos(at) => at,
        InputLocation::Span((start, _)) => start,
    };
    let rest = &query[at..];
    let word_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let word = &rest[..word_end.unwrap_or(rest.len())];
    let length = word.len().max(rest.chars().next().map_or(0, char::len_utf8));
    let found = match (word, rest.chars().next()) {
        (_, None) => "the query ends here".to_owned(),
        ("", Some(character)) => format!("`{}` is not expected here", character.escape_debug()),
        (word, _) if LATER.contains(&word) => {
            let message = format!("`{word}` is not supported in this version");
            return Diagnostic::error(Code::QueryUnsupported, at..at + length, message);
        }
        (word, _) => format!("`{word}` is not expected here"),
    };
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => expected(positives),
        ErrorVariant::CustomError { message } => message.clone(),
    };
    let message = format!("{found}: expected {expected}");
    Diagnostic::error(Code::QuerySyntax, at..at + length, message)
}

/// What could stand somewhere, in words.
fn expected(rules: &[Rule]) -> String {
    let mut words: Vec<&str> = rules
        .iter()
        .map(|rule| match rule {
            Rule::operator | Rule::join => "`and`, `or` or `unless`",
            Rule::on | Rule::clause => "`on(...)`",
            Rule::within | Rule::later | Rule::later_clause => "`within(...)`",
            Rule::key | Rule::label => "a label",
            Rule::range => "a range such as [5m]",
            Rule::alias => "`as`",
            Rule::alias_name => "a name",
            Rule::amount | Rule::bound | Rule::minus => "a duration such as 30s",
            Rule::matcher => "a matcher such as status=\"500\"",
            Rule::match_op => "=, !=, =~ or !~",
            Rule::text | Rule::double | Rule::single | Rule::raw | Rule::quoted => "a quoted text",
            Rule::projection => "a projection such as {status=\"500\"}",
            Rule::stages => "`|`",
            Rule::EOI => "the end of the query",
            Rule::selector => "a selector and `)`",
            _ => "a stream such as app({})[5m]",
        })
        .collect();
    // Stages are not supported, so nobody is told to write one.
    words.retain(|word| *word != "`|`");
    words.sort_unstable();
    words.dedup();
    match words.split_last() {
        None => "something else".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

struct Builder {
    diagnostics: Vec<Diagnostic>,
}

fn span(pair: &Pair<'_, Rule>) -> Range<usize> {
    pair.as_span().start()..pair.as_span().end()
}

impl Builder {
    fn query(&mut self, pair: Pair<'_, Rule>) -> Query {
        let whole = span(&pair);
        let mut expr = None;
        let mut projection = Vec::new();
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::expr => expr = Some(self.expr(part)),
                Rule::projection => {
                    projection = part.into_inner().map(|matcher| self.matcher(matcher)).collect();
                }
                Rule::stages => {
                    let at = span(&part);
                    let message = "stages after `|` are not supported in this version";
                    self.report(Diagnostic::error(Code::QueryUnsupported, at, message));
                }
                _ => {}
            }
        }
        Query { expr: expr.expect("a query has an expression"), projection, span: whole }
    }

    fn expr(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let mut parts = pair.into_inner();
        let first = parts.next().expect("an expression starts with a term");
        let mut left = self.term(first);
        for join in parts {
            left = self.join(left, join);
        }
        left
    }

    fn term(&mut self, pair: Pair<'_, Rule>) -> Expr {
        let inner = pair.into_inner().next().expect("a term is a stream or an expression");
        match inner.as_rule() {
            Rule::stream => Expr::Stream(self.stream(inner)),
            _ => self.expr(inner),
        }
    }

    fn stream(&mut self, pair: Pair<'_, Rule>) -> StreamNode {
        let mut node = StreamNode {
            source: String::new(),
            selector: String::new(),
            selector_span: 0..0,
            range: None,
            alias: None,
            name_span: 0..0,
            span: span(&pair),
        };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::call => {
                    for part in part.into_inner() {
                        if part.as_rule() == Rule::source {
                            node.name_span = span(&part);
                            part.as_str().clone_into(&mut node.source);
                        } else {
                            node.selector_span = span(&part);
                            part.as_str().clone_into(&mut node.selector);
                        }
                    }
                }
                Rule::range => {
                    let amount = part.into_inner().next().expect("a range has an amount");
                    node.range = Some(self.amount(&amount));
                }
                _ => {
                    let name = part.into_inner().next().expect("`as` has a name");
                    node.name_span = span(&name);
                    node.alias = Some(name.as_str().to_owned());
                }
            }
        }
        node
    }

    fn join(&mut self, left: Expr, pair: Pair<'_, Rule>) -> Expr {
        let mut kind = JoinKind::And;
        let mut keys: Option<Vec<KeyNode>> = None;
        let mut within: Option<WithinNode> = None;
        let mut right = None;
        let mut clauses = 0..0;
        for part in pair.into_inner() {
            let at = span(&part);
            match part.as_rule() {
                Rule::operator => {
                    clauses = at.clone();
                    kind = self.operator(&part);
                }
                Rule::on => {
                    clauses.end = at.end;
                    let found: Vec<KeyNode> = part.into_inner().map(key).collect();
                    if keys.is_some() {
                        let message = "a join has one `on(...)`: name all keys in it";
                        self.report(Diagnostic::error(Code::QueryDuplicate, at, message));
                    } else if found.is_empty() {
                        let message = "`on()` names no label: expected one, as in on(request_id)";
                        self.report(Diagnostic::error(Code::QueryNoKey, at, message));
                    }
                    keys = keys.or(Some(found));
                }
                Rule::within => {
                    clauses.end = at.end;
                    let found = self.within(part);
                    if within.is_some() {
                        let message = "a join has one `within(...)`";
                        self.report(Diagnostic::error(Code::QueryDuplicate, at, message));
                    }
                    within = within.or(Some(found));
                }
                Rule::later => {
                    clauses.end = at.end;
                    let word = part.into_inner().next().expect("a later clause has a word");
                    let message = format!("`{}` is not supported in this version", word.as_str());
                    self.report(Diagnostic::error(Code::QueryUnsupported, at, message));
                }
                _ => right = Some(self.term(part)),
            }
        }
        if keys.is_none() {
            let message = "a join needs `on(...)` with the labels whose values must agree";
            self.report(Diagnostic::error(Code::QueryNoKey, clauses.clone(), message));
        }
        let right = right.expect("a join has a right side");
        let keys = keys.unwrap_or_default();
        Expr::Join(Box::new(JoinNode { left, right, kind, keys, within, span: clauses }))
    }

    fn operator(&mut self, pair: &Pair<'_, Rule>) -> JoinKind {
        let words: Vec<&str> = pair.as_str().split_whitespace().collect();
        match words.join(" ").as_str() {
            "and" => JoinKind::And,
            "or" => JoinKind::Or,
            "unless" => JoinKind::Unless,
            later if LATER.contains(&later) => {
                let message = format!("`{later}` is not supported in this version");
                self.report(Diagnostic::error(Code::QueryUnsupported, span(pair), message));
                JoinKind::And
            }
            other => {
                let message =
                    format!("unknown operator `{other}`: expected `and`, `or` or `unless`");
                let unknown = Diagnostic::error(Code::QueryUnknownOperator, span(pair), message);
                self.report(unknown.suggest(nearest(other, OPERATORS)));
                JoinKind::And
            }
        }
    }

    fn within(&mut self, pair: Pair<'_, Rule>) -> WithinNode {
        let at = span(&pair);
        let bounds: Vec<(Span, bool, Range<usize>)> = pair
            .into_inner()
            .map(|bound| {
                let at = span(&bound);
                let (mut negative, mut length) = (false, Span::ZERO);
                for part in bound.into_inner() {
                    match part.as_rule() {
                        Rule::minus => negative = true,
                        _ => length = self.amount(&part),
                    }
                }
                (if negative { -length } else { length }, negative, at)
            })
            .collect();
        let (lo, hi) = match bounds.as_slice() {
            [(distance, negative, bound)] => {
                if *negative {
                    let message = "a distance is not negative: for one direction write both bounds";
                    let diagnostic = Diagnostic::error(Code::QueryDuration, bound.clone(), message);
                    self.report(diagnostic);
                }
                (-*distance, *distance)
            }
            [(lo, ..), (hi, ..)] => (*lo, *hi),
            _ => (Span::ZERO, Span::ZERO),
        };
        WithinNode { lo, hi, span: at }
    }

    fn amount(&mut self, pair: &Pair<'_, Rule>) -> Span {
        duration::parse(pair.as_str()).unwrap_or_else(|error| {
            let diagnostic = Diagnostic::error(Code::QueryDuration, span(pair), error.message);
            self.report(diagnostic.suggest(error.suggestion));
            Span::ZERO
        })
    }

    fn matcher(&mut self, pair: Pair<'_, Rule>) -> MatcherNode {
        let whole = span(&pair);
        let mut parts = pair.into_inner();
        let label = parts.next().expect("a matcher has a label");
        let op = parts.next().expect("a matcher has an operator");
        let quoted = parts.next().expect("a matcher has a text");
        let value = text::unquote(quoted.as_str()).unwrap_or_else(|error| {
            let start = quoted.as_span().start() + error.at;
            let at = start..start + error.length;
            self.report(Diagnostic::error(Code::QueryText, at, error.message));
            String::new()
        });
        MatcherNode {
            label: label.as_str().to_owned(),
            op: MatchOp::parse(op.as_str()).expect("the grammar lets four operators through"),
            value,
            value_span: span(&quoted),
            span: whole,
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}

fn key(pair: Pair<'_, Rule>) -> KeyNode {
    let at = span(&pair);
    let mut labels = pair.into_inner().map(|label| label.as_str().to_owned());
    let left = labels.next().expect("a key has a label");
    let right = labels.next().unwrap_or_else(|| left.clone());
    KeyNode { left, right, span: at }
}
