//! What compiled stages say of a correlation.

use regex::Regex;
use smallvec::SmallVec;

use super::Group;
use super::ast::{ArithmeticOp, Which};
use super::plan::{Comparison, Expr, Fact, FieldFrom, Filter, Order, Selection, Sides, Test, Text};
use super::scalar::Scalar;
use crate::id::StreamId;

impl Filter {
    /// Whether the condition holds of `group`.
    pub fn holds<G: Group>(&self, group: &G) -> bool {
        test(&self.0, group)
    }
}

impl Selection {
    /// The labels of the result, named as written, in the order written; without those that are
    /// missing.
    pub fn labels<'g, G: Group>(
        &'g self,
        group: &'g G,
    ) -> impl Iterator<Item = (&'g str, &'g str)> {
        self.0.iter().filter_map(|field| {
            let value = match field.from {
                FieldFrom::Result => group.own_label(&field.name),
                FieldFrom::First { stream, place } => {
                    group.label(group.events(Some(stream)).next()?, place)
                }
            };
            Some((field.name.as_str(), value.filter(|value| !value.is_empty())?))
        })
    }
}

fn test<G: Group>(condition: &Test, group: &G) -> bool {
    match condition {
        Test::Any(of) => of.iter().any(|condition| test(condition, group)),
        Test::All(of) => of.iter().all(|condition| test(condition, group)),
        Test::Not(of) => !test(of, group),
        Test::Compare(comparison) => compare(comparison, group),
    }
}

fn compare<G: Group>(comparison: &Comparison, group: &G) -> bool {
    let facts = comparison.facts.iter().map(|fact| known(fact, group));
    let Some(facts) = facts.collect::<Option<SmallVec<[Scalar; 4]>>>() else { return false };
    let choice = Choice { group, facts: &facts };
    match &comparison.sides {
        Sides::Scalars { left, op, right } if comparison.varies.len() < 2 => {
            each(comparison, group, |event| {
                let sides = choice.value(left, event).zip(choice.value(right, event));
                sides.is_some_and(|(left, right)| op.holds(left, right))
            })
        }
        Sides::Scalars { left, op: Order::Equal, right } => choice.share(left, right),
        Sides::Scalars { left, op, right } => choice.compare(left, *op, right),
        Sides::Texts { left, negated, right } => {
            let sides = resolved(left, group).zip(resolved(right, group));
            sides.is_some_and(|sides| texts(comparison, group, sides, *negated))
        }
        Sides::Regex { text, negated, regex } => resolved(text, group)
            .is_some_and(|text| matches(comparison, group, text, *negated, regex)),
    }
}

/// Whether some event of the one stream that `comparison` varies over, or every one, satisfies
/// `holds`. Asks it once without an event where it varies over none.
fn each<G: Group>(
    comparison: &Comparison,
    group: &G,
    mut holds: impl FnMut(Option<G::Event>) -> bool,
) -> bool {
    let Some(stream) = comparison.varies.first() else { return holds(None) };
    let mut events = group.events(Some(stream)).map(Some).peekable();
    if comparison.every { events.peek().is_some() && events.all(holds) } else { events.any(holds) }
}

fn picked<G: Group>(group: &G, stream: StreamId, which: Which) -> Option<G::Event> {
    let mut events = group.events(Some(stream));
    if which == Which::Last { events.next_back() } else { events.next() }
}

fn label<G: Group>(group: &G, event: G::Event, place: usize) -> Option<&str> {
    group.label(event, place).filter(|value| !value.is_empty())
}

fn known<G: Group>(fact: &Fact, group: &G) -> Option<Scalar> {
    Some(match fact {
        Fact::Time { stream, which } => {
            Scalar::Nanos(group.time(picked(group, *stream, *which)?).as_nanos())
        }
        Fact::Label { stream, which, place, reading } => {
            reading.of(label(group, picked(group, *stream, *which)?, *place)?)?
        }
        Fact::Count(stream) => Scalar::count(group.events(*stream).count()),
        Fact::Elapsed => {
            let mut events = group.events(None);
            let first = events.next()?;
            let last = events.next_back().unwrap_or(first);
            Scalar::Nanos(group.time(last).since(group.time(first)).as_nanos())
        }
    })
}

/// Evaluates scalars where the facts are known.
struct Choice<'c, G> {
    group: &'c G,
    facts: &'c [Scalar],
}

impl<G: Group> Choice<'_, G> {
    /// The value for one event of the stream that `expr` varies over.
    fn value(&self, expr: &Expr, event: Option<G::Event>) -> Option<Scalar> {
        match expr {
            Expr::Constant(scalar) => Some(*scalar),
            Expr::Fact(at) => Some(self.facts[*at]),
            Expr::Label { place, reading, .. } => reading.of(label(self.group, event?, *place)?),
            Expr::Chain { first, rest, .. } => {
                let first = self.value(first, event)?;
                rest.iter()
                    .try_fold(first, |left, (op, right)| left.apply(*op, self.value(right, event)?))
            }
        }
    }

    /// Calls `with` for each value of an expression that varies over one stream at most.
    fn values(&self, expr: &Expr, mut with: impl FnMut(Scalar)) {
        match expr.varies().first() {
            None => self.value(expr, None).into_iter().for_each(with),
            Some(stream) => {
                for event in self.group.events(Some(stream)) {
                    self.value(expr, Some(event)).into_iter().for_each(&mut with);
                }
            }
        }
    }

    /// Whether two sides that vary apart, over one stream each at most, have a value in common.
    fn share(&self, left: &Expr, right: &Expr) -> bool {
        let (mut values, mut found) = (Vec::new(), false);
        self.values(left, |value| values.push(value));
        values.sort_unstable_by(|a, b| a.order(*b));
        self.values(right, |value| {
            found = found || values.binary_search_by(|other| other.order(value)).is_ok();
        });
        found
    }

    /// Whether two sides that vary apart have values of which `op` holds; not for `=`.
    fn compare(&self, left: &Expr, op: Order, right: &Expr) -> bool {
        let ranges = self.extremes(left).zip(self.extremes(right));
        let Some((left, right)) = ranges else { return false };
        match op {
            Order::Less | Order::LessOrEqual => op.holds(left.lowest, right.highest),
            Order::Greater | Order::GreaterOrEqual => op.holds(left.highest, right.lowest),
            // Some two values differ, unless there is only one on both sides.
            Order::Equal | Order::NotEqual => [left.lowest, left.highest]
                .into_iter()
                .any(|left| op.holds(left, right.lowest) || op.holds(left, right.highest)),
        }
    }

    /// The extremes of all values; `None` without one.
    fn extremes(&self, expr: &Expr) -> Option<Extremes> {
        let mut extremes = None;
        match expr {
            Expr::Chain { first, rest, varies } if varies.len() > 1 => {
                let mut left = self.extremes(first)?;
                for (op, right) in rest {
                    let mut result = None;
                    let right = if *op == ArithmeticOp::Divide {
                        self.divisors(right)
                    } else {
                        [Some(self.extremes(right)?), None]
                    };
                    for right in right.into_iter().flatten().flat_map(Extremes::both) {
                        for left in left.both() {
                            left.apply(*op, right).into_iter().for_each(|value| {
                                Extremes::widen(&mut result, value);
                            });
                        }
                    }
                    left = result?;
                }
                extremes = Some(left);
            }
            _ => self.values(expr, |value| Extremes::widen(&mut extremes, value)),
        }
        extremes
    }

    /// The extremes of the values below zero, and of those above.
    fn divisors(&self, expr: &Expr) -> [Option<Extremes>; 2] {
        let [mut below, mut above] = [None; 2];
        self.values(expr, |value| match value.sign() {
            std::cmp::Ordering::Less => Extremes::widen(&mut below, value),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => Extremes::widen(&mut above, value),
        });
        [below, above]
    }
}

/// The smallest and the largest of some values.
#[derive(Copy, Clone)]
struct Extremes {
    lowest: Scalar,
    highest: Scalar,
}

impl Extremes {
    fn both(self) -> [Scalar; 2] {
        [self.lowest, self.highest]
    }

    fn widen(extremes: &mut Option<Self>, value: Scalar) {
        let Self { lowest, highest } =
            extremes.get_or_insert(Self { lowest: value, highest: value });
        if value.order(*lowest).is_lt() {
            *lowest = value;
        }
        if value.order(*highest).is_gt() {
            *highest = value;
        }
    }
}

/// A text, events picked.
#[derive(Copy, Clone)]
enum Resolved<'g> {
    Fixed(&'g str),
    Each { stream: StreamId, place: usize },
}

impl<'g> Resolved<'g> {
    fn value<G: Group>(self, group: &'g G, event: Option<G::Event>) -> Option<&'g str> {
        match self {
            Self::Fixed(text) => Some(text),
            Self::Each { place, .. } => label(group, event?, place),
        }
    }

    fn values<G: Group>(self, group: &'g G) -> Vec<&'g str> {
        match self {
            Self::Fixed(text) => vec![text],
            Self::Each { stream, place } => {
                let events = group.events(Some(stream));
                events.filter_map(|event| label(group, event, place)).collect()
            }
        }
    }
}

/// `None` where there is no such text.
fn resolved<'g, G: Group>(text: &'g Text, group: &'g G) -> Option<Resolved<'g>> {
    Some(match text {
        Text::Literal(text) => Resolved::Fixed(text),
        Text::Label { stream, which: Which::Any, place } => {
            Resolved::Each { stream: *stream, place: *place }
        }
        Text::Label { stream, which, place } => {
            Resolved::Fixed(label(group, picked(group, *stream, *which)?, *place)?)
        }
    })
}

fn texts<G: Group>(
    comparison: &Comparison,
    group: &G,
    (left, right): (Resolved<'_>, Resolved<'_>),
    negated: bool,
) -> bool {
    if comparison.varies.len() < 2 {
        return each(comparison, group, |event| {
            let sides = left.value(group, event).zip(right.value(group, event));
            sides.is_some_and(|(left, right)| (left == right) != negated)
        });
    }
    let (mut left, right) = (left.values(group), right.values(group));
    if negated {
        // Some two differ, unless all are the same.
        let one = left.first().zip(right.first());
        return one.is_some_and(|(one, _)| left.iter().chain(&right).any(|other| other != one));
    }
    left.sort_unstable();
    right.iter().any(|text| left.binary_search(text).is_ok())
}

fn matches<G: Group>(
    comparison: &Comparison,
    group: &G,
    text: Resolved<'_>,
    negated: bool,
    regex: &Regex,
) -> bool {
    each(comparison, group, |event| {
        text.value(group, event).is_some_and(|text| regex.is_match(text) != negated)
    })
}
