//! The operator of a join and its clauses.

use std::ops::Range;

use pest::iterators::Pair;

use super::grammar::Rule;
use super::{Reader, spanned};
use crate::plan::JoinKind;
use crate::query::ast::{
    Expr, Grouping, Ignoring, Join, Key, Picked, Policy, Side, Spanned, Within,
};
use crate::query::diagnostic::code;
use crate::query::duration::{self, Duration};
use crate::query::syntax::{self, range, trimmed};

/// The clauses of a join as far as they have been read.
#[derive(Default)]
struct Clauses {
    on: Option<Vec<Key>>,
    ignoring: Option<Ignoring>,
    within: Option<Within>,
    pick: Option<Picked>,
    grouping: Option<Grouping>,
    /// There is one, though it may make no sense.
    has_within: bool,
    /// There is one, though it may make no sense.
    has_pick: bool,
}

impl Reader {
    pub(super) fn join(&mut self, left: Expr, pair: Pair<'_, Rule>) -> Expr {
        let mut inner = pair.into_inner();
        let operator = inner.next().expect("a join has an operator");
        let kind = self.kind(&operator);
        let mut clauses = Clauses::default();
        let mut right = None;
        for pair in inner {
            if pair.as_rule() == Rule::clause {
                let clause = pair.into_inner().next().expect("a clause is one of five");
                self.clause(clause, &mut clauses);
            } else {
                right = Some(self.operand(pair));
            }
        }
        let right = right.expect("a join ends with an operand");
        if clauses.on.is_none() && clauses.ignoring.is_none() {
            let message = format!("`{}` needs `on(...)`: the labels that must agree", kind.value);
            self.error(code::QUERY_NO_KEYS, kind.span.clone(), message)
                .suggest(format!("for instance `{} on(request_id)`", kind.value));
        }
        let span = left.span().start..right.span().end;
        let Clauses { on, ignoring, within, pick, grouping, .. } = clauses;
        Expr::Join(Box::new(Join {
            kind,
            on: on.unwrap_or_default(),
            ignoring,
            within,
            pick,
            grouping,
            left,
            right,
            span,
        }))
    }

    fn kind(&mut self, operator: &Pair<'_, Rule>) -> Spanned<JoinKind> {
        let mut inner = operator.clone().into_inner();
        let is_known = inner.any(|pair| pair.as_rule() == Rule::known_operator);
        let text = operator.as_str().trim_end();
        let start = operator.as_span().start();
        let span = start..start + text.len();
        let word = text.to_ascii_lowercase();
        let value = match word.as_str() {
            "and" => JoinKind::And,
            "or" => JoinKind::Or,
            "outer" => JoinKind::Outer,
            "unless" => JoinKind::Unless,
            "then" => JoinKind::Then,
            // What stands between the two words is white space and comments.
            _ if is_known => JoinKind::ThenNot,
            word => {
                let expected = syntax::OPERATORS;
                let message =
                    format!("unknown operator `{}`; expected {expected}", syntax::shown(text));
                let diagnostic = self.error(code::QUERY_UNKNOWN_OPERATOR, span.clone(), message);
                if let Some(meant) = syntax::operator_meant(word) {
                    diagnostic.suggest(format!("did you mean `{meant}`?"));
                }
                JoinKind::And
            }
        };
        Spanned { value, span }
    }

    fn clause(&mut self, clause: Pair<'_, Rule>, clauses: &mut Clauses) {
        let at = trimmed(&clause);
        match clause.as_rule() {
            Rule::on if clauses.on.is_some() => self.duplicate(at, "`on(...)`"),
            Rule::on => {
                if clauses.ignoring.take().is_some() {
                    let message = "`on(...)` after `ignoring(...)`: a join takes one of them";
                    self.error(code::QUERY_DUPLICATE, at, message);
                }
                clauses.on = Some(self.on(clause));
            }
            Rule::ignoring if clauses.ignoring.is_some() => self.duplicate(at, "`ignoring(...)`"),
            Rule::ignoring => {
                let labels = self.labels(clause, "the label");
                if labels.is_empty() {
                    let message = "`ignoring()` names no label";
                    self.error(code::QUERY_NO_KEYS, at.clone(), message)
                        .suggest("for instance `ignoring(level)`");
                }
                clauses.ignoring = Some(Ignoring { labels, span: at });
            }
            Rule::within if clauses.has_within => self.duplicate(at, "`within(...)`"),
            Rule::within => {
                clauses.has_within = true;
                clauses.within = self.within(clause);
            }
            Rule::pick if clauses.has_pick => self.duplicate(at, "`pick(...)`"),
            Rule::pick => {
                if clauses.grouping.is_some() {
                    self.pick_and_group(at);
                }
                clauses.has_pick = true;
                clauses.pick = self.pick(clause);
            }
            _ if clauses.grouping.is_some() => {
                self.duplicate(at, "`group_left` or `group_right`");
            }
            _ => {
                if clauses.has_pick {
                    self.pick_and_group(at);
                }
                clauses.grouping = Some(self.grouping(clause));
            }
        }
    }

    fn on(&mut self, clause: Pair<'_, Rule>) -> Vec<Key> {
        let at = trimmed(&clause);
        self.trailing_comma(&clause);
        let mut keys: Vec<Key> = Vec::new();
        for pair in clause.into_inner().filter(|pair| pair.as_rule() == Rule::key) {
            let span = trimmed(&pair);
            let mut labels = pair.into_inner().filter(|pair| pair.as_rule() == Rule::label);
            let left = labels.next().expect("a key has a label").as_str().to_owned();
            let right = labels.next().map_or_else(|| left.clone(), |pair| pair.as_str().to_owned());
            let key = Key { left, right, span };
            if keys.iter().any(|other| other.left == key.left && other.right == key.right) {
                self.duplicate(key.span, &format!("the key `{}`", key.left));
            } else {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            let message = "`on()` names no label; a join needs at least one that must agree";
            self.error(code::QUERY_NO_KEYS, at, message).suggest("for instance `on(request_id)`");
        }
        keys
    }

    /// The labels in the parentheses of a clause, each once.
    fn labels(&mut self, clause: Pair<'_, Rule>, what: &str) -> Vec<Spanned<String>> {
        self.trailing_comma(&clause);
        let mut labels: Vec<Spanned<String>> = Vec::new();
        for pair in clause.into_inner().filter(|pair| pair.as_rule() == Rule::label) {
            let label = spanned(&pair);
            if labels.iter().any(|other| other.value == label.value) {
                self.duplicate(label.span, &format!("{what} `{}`", label.value));
            } else {
                labels.push(label);
            }
        }
        labels
    }

    /// `None` where it makes no sense.
    fn within(&mut self, clause: Pair<'_, Rule>) -> Option<Within> {
        let span = trimmed(&clause);
        let texts = clause.into_inner().filter(|pair| pair.as_rule() == Rule::duration);
        let texts: Vec<_> = texts.collect();
        if texts.len() > 2 {
            let message = "`within` takes one distance or two bounds";
            self.error(code::QUERY_SYNTAX, range(&texts[2]), message);
            return None;
        }
        if let [text] = &texts[..]
            && let Some((lo, hi)) = text.as_str().split_once(' ')
            && let (Ok(lo), Ok(hi)) = (duration::parse(lo), duration::parse(hi.trim_start()))
            && lo <= hi
        {
            let message = "the bounds of `within` are separated by a comma";
            self.error(code::QUERY_DURATION, range(text), message)
                .suggest(format!("write `{lo}, {hi}`"));
            return None;
        }
        let bounds: Vec<_> = texts.iter().map(|text| self.duration(text)).collect();
        let bounds: Vec<Duration> = bounds.into_iter().collect::<Option<_>>()?;
        let (lo, hi) = match bounds[..] {
            [lo, hi] => (lo, hi),
            _ => (Duration(-bounds[0].0), bounds[0]),
        };
        if lo > hi {
            if bounds.len() == 1 {
                let message = "a distance cannot be negative";
                self.error(code::QUERY_DURATION, range(&texts[0]), message)
                    .suggest(format!("two bounds are written `within({hi}, 0s)`"));
            } else {
                let message = format!("the lower bound {lo} is above the upper bound {hi}");
                self.error(code::QUERY_BOUNDS, span, message)
                    .suggest(format!("did you mean `within({hi}, {lo})`?"));
            }
            return None;
        }
        Some(Within { lo, hi, span })
    }

    /// `None` where there is no such policy.
    fn pick(&mut self, clause: Pair<'_, Rule>) -> Option<Picked> {
        let span = trimmed(&clause);
        let name = clause.into_inner().find(|pair| pair.as_rule() == Rule::policy);
        let name = spanned(&name.expect("`pick` names a policy"));
        let word = name.value.to_ascii_lowercase();
        let policy = Policy::ALL.into_iter().find(|policy| policy.as_str() == word);
        if policy.is_none() {
            let message = format!(
                "unknown policy `{}`; expected `session`, `pairs`, `first` or `latest`",
                syntax::shown(&name.value)
            );
            let diagnostic = self.error(code::QUERY_POLICY, name.span, message);
            if let Some(meant) = syntax::policy_meant(&word) {
                diagnostic.suggest(format!("did you mean `{meant}`?"));
            }
        }
        Some(Picked { policy: policy?, span })
    }

    fn grouping(&mut self, clause: Pair<'_, Rule>) -> Grouping {
        let span = trimmed(&clause);
        let is_left = clause.as_str()[.."group_left".len()].eq_ignore_ascii_case("group_left");
        let labels = self.labels(clause, "the copied label");
        Grouping { side: if is_left { Side::Left } else { Side::Right }, labels, span }
    }

    fn pick_and_group(&mut self, at: Range<usize>) {
        let message = "`pick` and a group both say what makes a result; a join takes one of them";
        self.error(code::QUERY_POLICY, at, message);
    }
}
