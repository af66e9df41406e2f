//! Conditions: which of them a group holds, and how they are joined.

use pest::iterators::Pair;

use super::{Reader, Rule, exact, shown};
use crate::query::{Spanned, code, syntax};
use crate::stage::ast::{CompareOp, Comparison, Condition, Value};

/// What a rule of the tower has turned out to be; `None` where a mistake has been reported.
pub(super) enum Read {
    Condition(Condition),
    Value(Value),
}

type Maybe = Option<Read>;

impl Reader {
    /// The condition of a stage. Something harmless stands for one with a mistake.
    pub(super) fn condition(&mut self, pair: Pair<'_, Rule>) -> Condition {
        self.truth(pair).unwrap_or(Condition::Or { of: Vec::new() })
    }

    /// What stands where only a condition makes sense.
    fn truth(&mut self, pair: Pair<'_, Rule>) -> Option<Condition> {
        let (at, text) = (exact(&pair), shown(&pair));
        match self.read(pair)? {
            Read::Condition(condition) => Some(condition),
            Read::Value(_) => {
                let message = format!("`{text}` is a value where a condition is expected");
                self.error(code::QUERY_SYNTAX, at, message)
                    .suggest("compare it, for instance `app.status >= 500`");
                None
            }
        }
    }

    /// Whatever stands at one level of the tower, from `any` down to `test`.
    pub(super) fn read(&mut self, pair: Pair<'_, Rule>) -> Maybe {
        match pair.as_rule() {
            Rule::any | Rule::all => self.joined(pair),
            Rule::one => self.negated(pair),
            Rule::test => self.test(pair),
            _ => self.value(pair),
        }
    }

    fn joined(&mut self, pair: Pair<'_, Rule>) -> Maybe {
        let is_any = pair.as_rule() == Rule::any;
        let is_word =
            |pair: &Pair<'_, Rule>| matches!(pair.as_rule(), Rule::word_or | Rule::word_and);
        let (words, mut operands): (Vec<_>, Vec<_>) = pair.into_inner().partition(is_word);
        for word in &words {
            self.foreign(word, if is_any { "or" } else { "and" });
        }
        if operands.len() == 1 {
            return self.read(operands.pop()?);
        }
        // All are read, so that all mistakes in them are told.
        let mut of = Vec::new();
        for operand in operands {
            let Some(condition) = self.truth(operand) else { continue };
            match condition {
                Condition::Or { of: inner } if is_any => of.extend(inner),
                Condition::And { of: inner } if !is_any => of.extend(inner),
                condition => of.push(condition),
            }
        }
        Some(Read::Condition(if is_any { Condition::Or { of } } else { Condition::And { of } }))
    }

    fn negated(&mut self, pair: Pair<'_, Rule>) -> Maybe {
        let mut inner: Vec<_> = pair.into_inner().collect();
        let test = inner.pop().expect("something is tested");
        if inner.is_empty() {
            return self.read(test);
        }
        for word in &inner {
            self.foreign(word, "not");
        }
        let condition = self.truth(test)?;
        Some(Read::Condition(match condition {
            condition if inner.len() % 2 == 0 => condition,
            Condition::Not { of } => *of,
            condition => Condition::Not { of: Box::new(condition) },
        }))
    }

    /// Reports a word of a condition that is spelled as elsewhere.
    fn foreign(&mut self, pair: &Pair<'_, Rule>, word: &str) {
        let text = pair.as_str();
        if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let message = format!("`{text}` is no word of a condition");
            self.error(code::QUERY_SYNTAX, syntax::range(pair), message)
                .suggest(format!("write `{word}`"));
        }
    }

    fn test(&mut self, pair: Pair<'_, Rule>) -> Maybe {
        let mut inner: Vec<_> = pair.into_inner().collect();
        if inner.len() == 1 {
            return self.read(inner.pop()?);
        }
        if inner.len() > 3 {
            let whole = exact(&inner[0]).start..exact(&inner[4]).end;
            let texts: Vec<_> = inner.iter().map(shown).collect();
            let suggestion = format!(
                "write `{} {} {} and {} {} {}`",
                texts[0], texts[1], texts[2], texts[2], texts[3], texts[4]
            );
            let message = "a comparison has two sides";
            self.error(code::QUERY_SYNTAX, whole, message).suggest(syntax::shown(&suggestion));
            let is_side = |pair: &Pair<'_, Rule>| pair.as_rule() != Rule::compare_op;
            for side in inner.into_iter().filter(is_side) {
                self.side(side);
            }
            return None;
        }
        let right = inner.pop().expect("a comparison has a right side");
        let op = inner.pop().expect("a comparison has an operator");
        let left = inner.pop().expect("a comparison has a left side");
        let span = self.shifted(exact(&left).start..exact(&right).end);
        let (left, op, right) = (self.side(left), self.op(&op), self.side(right));
        let (left, right) = (left?, right?);
        Some(Read::Condition(Condition::Compare(Comparison { left, op, right, span })))
    }

    /// A value that must be one.
    pub(super) fn side(&mut self, pair: Pair<'_, Rule>) -> Option<Value> {
        let (at, text) = (exact(&pair), shown(&pair));
        match self.read(pair)? {
            Read::Value(value) => Some(value),
            Read::Condition(_) => {
                let message = format!("`{text}` is a condition where a value is expected");
                self.error(code::QUERY_SYNTAX, at, message)
                    .suggest("conditions are joined by `and`, `or` and `not` only");
                None
            }
        }
    }

    fn op(&mut self, pair: &Pair<'_, Rule>) -> Spanned<CompareOp> {
        let text = pair.as_str();
        let value = match text {
            "=" => CompareOp::Equal,
            "!=" => CompareOp::NotEqual,
            "=~" => CompareOp::Match,
            "!~" => CompareOp::NotMatch,
            "<" => CompareOp::Less,
            "<=" => CompareOp::LessOrEqual,
            ">" => CompareOp::Greater,
            ">=" => CompareOp::GreaterOrEqual,
            _ => {
                let meant = match text {
                    "<>" => CompareOp::NotEqual,
                    "=>" => CompareOp::GreaterOrEqual,
                    "=<" => CompareOp::LessOrEqual,
                    _ => CompareOp::Equal,
                };
                let message = format!("`{text}` is no comparison");
                self.error(code::QUERY_SYNTAX, syntax::range(pair), message)
                    .suggest(format!("write `{meant}`"));
                meant
            }
        };
        Spanned { value, span: self.range(pair) }
    }

    /// `every(comparison)`.
    pub(super) fn every(&mut self, pair: Pair<'_, Rule>) -> Maybe {
        let inside = pair.into_inner().find(|pair| pair.as_rule() == Rule::any);
        let inside = inside.expect("`every` has something in parentheses");
        let at = exact(&inside);
        let condition = match self.truth(inside)? {
            Condition::Compare(comparison) => {
                return Some(Read::Condition(Condition::Every(comparison)));
            }
            condition => condition,
        };
        let message = "`every` takes one comparison";
        self.error(code::STAGE_EVERY, at, message)
            .suggest("write `every(...)` around each comparison");
        Some(Read::Condition(condition))
    }
}
