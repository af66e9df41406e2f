//! Conditions of `where`, and what they compare.

use std::ops::{Add, Div, Mul, Sub};

use super::error::{Problems, is_stream};
use super::unplaced;
use crate::limits::MAX_QUERY_DEPTH;
use crate::query::diagnostic::code;
use crate::query::{Duration, Spanned};
use crate::stage::ast::{self, ArithmeticOp, Chain, CompareOp, Comparison, Link, Value, Which};
use crate::time::{Span, Timestamp};

/// What holds or does not hold of a correlation.
///
/// ```
/// use logbraid_core::query::builder::{every, first, label, last, not, on, raw, stream, time};
/// use logbraid_core::time::Span;
///
/// let took = last("b").time() - time("a");
/// let condition = took.gt(Span::from_millis(2_000))
///     .and(not(every(label("b", "code").matches("E[0-9]+"))).or(first("b").label("n").gt(1.5)));
/// let query = stream("a", raw("")).and(stream("b", raw("")), on(["k"])).where_(condition).build()?;
/// assert_eq!(
///     query.to_string(),
///     "a() and on(k) b() | where last(b).ts - a.ts > 2s and \
///      (not every(b.code =~ \"E[0-9]+\") or first(b).n > 1.5)"
/// );
/// # Ok::<(), logbraid_core::query::builder::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a condition does nothing without `where_`"]
pub struct Condition {
    pub(super) tree: ast::Condition,
    depth: usize,
    pub(super) problems: Problems,
}

/// Levels of a tree that every query which parses stays below: to each level of parentheses belong
/// at most an `or`, an `and`, a `not`, a comparison, a sum and a product.
const MAX_DEPTH: usize = 6 * (MAX_QUERY_DEPTH + 1);

impl Condition {
    /// Both hold.
    pub fn and(self, other: Self) -> Self {
        self.joined(false, other)
    }

    /// One of them holds.
    pub fn or(self, other: Self) -> Self {
        self.joined(true, other)
    }

    fn joined(mut self, is_or: bool, other: Self) -> Self {
        self.problems.append(other.problems);
        // A chain of one operator is one node.
        let flat = |tree| match tree {
            ast::Condition::Or { of } if is_or => (of, 0),
            ast::Condition::And { of } if !is_or => (of, 0),
            tree => (vec![tree], 1),
        };
        let ((mut of, left), (right, deeper)) = (flat(self.tree), flat(other.tree));
        let depth = (self.depth + left).max(other.depth + deeper);
        if self.problems.allows(depth) {
            of.extend(right);
            self.depth = depth;
        }
        let whole = |of| {
            if is_or { ast::Condition::Or { of } } else { ast::Condition::And { of } }
        };
        self.tree = if of.len() == 1 { of.remove(0) } else { whole(of) };
        self
    }
}

/// The opposite of a condition.
pub fn not(mut condition: Condition) -> Condition {
    if let ast::Condition::Not { of } = condition.tree {
        (condition.tree, condition.depth) = (*of, condition.depth - 1);
    } else if condition.problems.allows(condition.depth + 1) {
        condition.tree = ast::Condition::Not { of: Box::new(condition.tree) };
        condition.depth += 1;
    }
    condition
}

/// `every(comparison)`: a comparison that each event of its stream makes hold. Takes a single
/// comparison, not one joined by `and` or `or` or negated.
pub fn every(mut condition: Condition) -> Condition {
    match condition.tree {
        ast::Condition::Compare(comparison) => condition.tree = ast::Condition::Every(comparison),
        _ => condition.problems.tell(code::STAGE_EVERY, "`every` takes one comparison".into()),
    }
    condition
}

/// Something to compare: what a correlation has, a literal, or arithmetic (`+ - * /`) of them.
/// Literals convert: texts, regexes and times from `&str` and `String`, times from [`Timestamp`],
/// durations from [`Span`], numbers from `f64`, `i32` and `u32`; they must be finite.
#[derive(Clone, Debug)]
#[must_use = "an operand does nothing without a comparison"]
pub struct Operand {
    value: Value,
    depth: usize,
    problems: Problems,
}

impl Operand {
    /// Left `=` right.
    pub fn eq(self, other: impl Into<Self>) -> Condition {
        self.compared(CompareOp::Equal, other.into())
    }

    /// Left `!=` right.
    pub fn ne(self, other: impl Into<Self>) -> Condition {
        self.compared(CompareOp::NotEqual, other.into())
    }

    /// Left `<` right.
    pub fn lt(self, other: impl Into<Self>) -> Condition {
        self.compared(CompareOp::Less, other.into())
    }

    /// Left `<=` right.
    pub fn le(self, other: impl Into<Self>) -> Condition {
        self.compared(CompareOp::LessOrEqual, other.into())
    }

    /// Left `>` right.
    pub fn gt(self, other: impl Into<Self>) -> Condition {
        self.compared(CompareOp::Greater, other.into())
    }

    /// Left `>=` right.
    pub fn ge(self, other: impl Into<Self>) -> Condition {
        self.compared(CompareOp::GreaterOrEqual, other.into())
    }

    /// Left `=~` regex, which matches whole values.
    pub fn matches(self, regex: impl Into<String>) -> Condition {
        self.compared(CompareOp::Match, regex.into().into())
    }

    /// Left `!~` regex, which matches whole values.
    pub fn matches_not(self, regex: impl Into<String>) -> Condition {
        self.compared(CompareOp::NotMatch, regex.into().into())
    }

    fn compared(mut self, op: CompareOp, other: Self) -> Condition {
        self.problems.append(other.problems);
        let (left, op, right) = (self.value, unplaced(op), other.value);
        let tree = ast::Condition::Compare(Comparison { left, op, right, span: 0..0 });
        Condition { tree, depth: self.depth.max(other.depth) + 1, problems: self.problems }
    }

    fn linked(mut self, op: ArithmeticOp, other: Self) -> Self {
        self.problems.append(other.problems);
        let continues = matches!(&self.value, Value::Chain(chain) if chain.is_sum() == op.is_sum());
        let depth = (self.depth + usize::from(!continues)).max(other.depth + 1);
        if !self.problems.allows(depth) {
            return self;
        }
        let link = Link { op: unplaced(op), value: other.value };
        self.value = Value::Chain(match self.value {
            Value::Chain(mut chain) if continues => {
                chain.rest.push(link);
                chain
            }
            first => Chain { first: Box::new(first), rest: vec![link], span: 0..0 },
        });
        Self { depth, ..self }
    }

    fn new(value: Value) -> Self {
        Self { value, depth: 0, problems: Problems::default() }
    }

    fn of_stream(stream: &str, value: impl FnOnce(Spanned<String>) -> Value) -> Self {
        let mut problems = Problems::default();
        let expected = "its name, its source, or a source and its position such as `app#2`";
        problems.require(is_stream(stream), "a stream", stream, expected);
        Self { value: value(unplaced(stream.to_owned())), depth: 0, problems }
    }

    fn of_label(stream: &str, which: Which, label: &str) -> Self {
        let value = |stream| Value::Label { stream, which, label: label.to_owned(), span: 0..0 };
        let mut operand = Self::of_stream(stream, value);
        operand.problems.require_label(label);
        if label == "ts" {
            let message = "a label called `ts` cannot be named: `ts` is the time of an event";
            operand.problems.tell(code::QUERY_SYNTAX, message.into());
        }
        operand
    }

    fn of_time(stream: &str, which: Which) -> Self {
        Self::of_stream(stream, |stream| Value::Time { stream, which, span: 0..0 })
    }
}

/// `stream.label`: the label of any event of a stream.
pub fn label(stream: &str, label: &str) -> Operand {
    Operand::of_label(stream, Which::Any, label)
}

/// `stream.ts`: the time of the first event of a stream.
pub fn time(stream: &str) -> Operand {
    Operand::of_time(stream, Which::First)
}

/// The first event of a stream.
pub fn first(stream: &str) -> Event<'_> {
    Event { stream, which: Which::First }
}

/// The last event of a stream.
pub fn last(stream: &str) -> Event<'_> {
    Event { stream, which: Which::Last }
}

/// One event of a stream; made by [`first`] and [`last`].
#[derive(Copy, Clone, Debug)]
pub struct Event<'s> {
    stream: &'s str,
    which: Which,
}

impl Event<'_> {
    /// One of its labels.
    pub fn label(self, label: &str) -> Operand {
        Operand::of_label(self.stream, self.which, label)
    }

    /// Its time.
    pub fn time(self) -> Operand {
        Operand::of_time(self.stream, self.which)
    }
}

/// `count(stream)`: how many events a stream has.
pub fn count(stream: &str) -> Operand {
    Operand::of_stream(stream, |stream| Value::Count { stream: Some(stream), span: 0..0 })
}

/// `count()`: how many events all streams have.
pub fn count_all() -> Operand {
    Operand::new(Value::Count { stream: None, span: 0..0 })
}

/// `duration`: from the first event of the correlation to the last.
pub fn duration() -> Operand {
    Operand::new(Value::Elapsed { span: 0..0 })
}

macro_rules! arithmetic {
    ($($operator:ident $method:ident $op:ident),*) => {$(
        impl<T: Into<Operand>> $operator<T> for Operand {
            type Output = Self;

            fn $method(self, other: T) -> Self {
                self.linked(ArithmeticOp::$op, other.into())
            }
        }
    )*};
}

arithmetic!(Add add Add, Sub sub Subtract, Mul mul Multiply, Div div Divide);

impl From<&str> for Operand {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<String> for Operand {
    fn from(text: String) -> Self {
        Self::new(Value::Text(unplaced(text)))
    }
}

impl From<Timestamp> for Operand {
    fn from(time: Timestamp) -> Self {
        jiff::Timestamp::from_nanosecond(i128::from(time.as_nanos()))
            .expect("64 bits of nanoseconds are a time")
            .to_string()
            .into()
    }
}

impl From<Span> for Operand {
    fn from(span: Span) -> Self {
        Self::new(Value::Duration(unplaced(Duration(span))))
    }
}

impl From<f64> for Operand {
    fn from(number: f64) -> Self {
        let mut problems = Problems::default();
        let number = problems.number(number);
        Self { value: Value::Number(unplaced(number)), depth: 0, problems }
    }
}

impl From<i32> for Operand {
    fn from(number: i32) -> Self {
        f64::from(number).into()
    }
}

impl From<u32> for Operand {
    fn from(number: u32) -> Self {
        f64::from(number).into()
    }
}

impl Problems {
    /// Whether a tree may have so many levels; reported if not.
    fn allows(&mut self, depth: usize) -> bool {
        let allowed = depth <= MAX_DEPTH;
        if !allowed {
            let message = format!("parentheses nest more than {MAX_QUERY_DEPTH} deep");
            self.tell(code::QUERY_TOO_DEEP, message);
        }
        allowed
    }
}
