//! The clauses of a join.

use std::marker::PhantomData;

use super::error::Problems;
use super::unplaced;
use crate::query::Duration;
use crate::query::ast::{Grouping, Ignoring, Key, Picked, Policy, Side, Spanned, Within};
use crate::time::Span;

/// The clauses of a join, begun by [`on`] or [`ignoring`]. `P` says what is known of its results: not
/// yet anything ([`Undecided`]), a policy or group that goes with every operator ([`Decided`]), or
/// one that only `then` has ([`InOrder`]).
#[derive(Clone, Debug)]
#[must_use = "clauses do nothing without a join"]
pub struct Clauses<P = Undecided> {
    pub(super) given: Given,
    state: PhantomData<P>,
}

/// Neither `pick` nor a group, which is `pick(session)`.
#[derive(Copy, Clone, Debug)]
pub struct Undecided;
/// A policy or a group.
#[derive(Copy, Clone, Debug)]
pub struct Decided;
/// `pick(latest)`.
#[derive(Copy, Clone, Debug)]
pub struct InOrder;

/// Clauses that go with some operator: all.
pub trait Picks: sealed::Sealed {}
impl Picks for Undecided {}
impl Picks for Decided {}
impl Picks for InOrder {}

/// Clauses that go with every operator: all but [`InOrder`].
pub trait AnyOrder: Picks {}
impl AnyOrder for Undecided {}
impl AnyOrder for Decided {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Undecided {}
    impl Sealed for super::Decided {}
    impl Sealed for super::InOrder {}
}

/// The clauses as they will stand in the tree.
#[derive(Clone, Default, Debug)]
pub(super) struct Given {
    pub(super) on: Vec<Key>,
    pub(super) ignoring: Option<Ignoring>,
    pub(super) within: Option<Within>,
    pub(super) pick: Option<Picked>,
    pub(super) grouping: Option<Grouping>,
    pub(super) problems: Problems,
}

/// `on(keys)`: the labels whose values must agree; at least one, none twice. A pair is the label on
/// the left side and that on the right.
///
/// ```
/// use logbraid_core::query::builder::{on, raw, stream};
/// use logbraid_core::query::Key;
/// use logbraid_core::time::Span;
///
/// let keys = [Key::from("user"), Key::from(("request_id", "req.id"))];
/// let bounds = on(keys).within_bounds(Span::from_millis(-1_500), Span::from_millis(60_000));
/// let query = stream("a", raw("")).then(stream("b", raw("")), bounds.pick_latest()).build()?;
/// assert_eq!(
///     query.to_string(),
///     "a() then on(user, request_id=req.id) within(-1s500ms, 1m) pick(latest) b()"
/// );
/// # Ok::<(), logbraid_core::query::builder::BuildError>(())
/// ```
///
/// What `pick(latest)` needs is checked by the compiler:
///
/// ```compile_fail
/// use logbraid_core::query::builder::{on, raw, stream};
///
/// stream("a", raw("")).and(stream("b", raw("")), on(["k"]).pick_latest());
/// ```
///
/// So is that a join takes one of a policy and a group:
///
/// ```compile_fail
/// use logbraid_core::query::builder::on;
///
/// on(["k"]).pick_first().group_left(["x"]);
/// ```
pub fn on(keys: impl IntoIterator<Item = impl Into<Key>>) -> Clauses {
    let on: Vec<Key> = keys.into_iter().map(Into::into).collect();
    let mut problems = Problems::default();
    for key in &on {
        problems.require_label(&key.left);
        problems.require_label(&key.right);
    }
    Clauses::of(Given { on, problems, ..Given::default() })
}

/// `ignoring(labels)`: all labels must agree but these; at least one, none twice.
pub fn ignoring(labels: impl IntoIterator<Item = impl Into<String>>) -> Clauses {
    let mut problems = Problems::default();
    let ignoring = Ignoring { labels: labelled(labels, &mut problems), span: 0..0 };
    Clauses::of(Given { ignoring: Some(ignoring), problems, ..Given::default() })
}

impl<P> Clauses<P> {
    fn of(given: Given) -> Self {
        Self { given, state: PhantomData }
    }

    /// `within(distance)`: matches are at most so far apart, either way. One `within` to a join.
    pub fn within(self, distance: Span) -> Self {
        self.within_bounds(-distance, distance)
    }

    /// `within(least, largest)`: the bounds of `right - left`, which may be negative. One `within` to
    /// a join.
    pub fn within_bounds(mut self, least: Span, largest: Span) -> Self {
        let within = Within { lo: Duration(least), hi: Duration(largest), span: 0..0 };
        if self.given.within.replace(within).is_some() {
            self.given.problems.twice("`within(...)`");
        }
        self
    }
}

impl Clauses {
    /// `pick(session)`: one result for everything that is connected, which is the default.
    pub fn pick_session(self) -> Clauses<Decided> {
        self.pick(Policy::Session)
    }

    /// `pick(pairs)`: one result for each match.
    pub fn pick_pairs(self) -> Clauses<Decided> {
        self.pick(Policy::Pairs)
    }

    /// `pick(first)`: one to one, the earliest first.
    pub fn pick_first(self) -> Clauses<Decided> {
        self.pick(Policy::First)
    }

    /// `pick(latest)`: only the newest left result of a key waits. Goes with `then`.
    pub fn pick_latest(self) -> Clauses<InOrder> {
        self.pick(Policy::Latest)
    }

    /// `group_left(labels)`: one result for each left event, with these labels copied from the right;
    /// perhaps none (`group_left([""; 0])`), none twice.
    pub fn group_left(
        self,
        labels: impl IntoIterator<Item = impl Into<String>>,
    ) -> Clauses<Decided> {
        self.group(Side::Left, labels)
    }

    /// `group_right(labels)`: one result for each right event, with these labels copied from the
    /// left; perhaps none, none twice.
    pub fn group_right(
        self,
        labels: impl IntoIterator<Item = impl Into<String>>,
    ) -> Clauses<Decided> {
        self.group(Side::Right, labels)
    }

    fn pick<P>(mut self, policy: Policy) -> Clauses<P> {
        self.given.pick = Some(Picked { policy, span: 0..0 });
        Clauses::of(self.given)
    }

    fn group(
        mut self,
        side: Side,
        labels: impl IntoIterator<Item = impl Into<String>>,
    ) -> Clauses<Decided> {
        let labels = labelled(labels, &mut self.given.problems);
        self.given.grouping = Some(Grouping { side, labels, span: 0..0 });
        Clauses::of(self.given)
    }
}

fn labelled(
    labels: impl IntoIterator<Item = impl Into<String>>,
    problems: &mut Problems,
) -> Vec<Spanned<String>> {
    let labels: Vec<_> = labels.into_iter().map(|label| unplaced(label.into())).collect();
    for label in &labels {
        problems.require_label(&label.value);
    }
    labels
}

impl From<&str> for Key {
    /// A label that both sides have.
    fn from(label: &str) -> Self {
        (label, label).into()
    }
}

impl From<String> for Key {
    /// A label that both sides have.
    fn from(label: String) -> Self {
        label.as_str().into()
    }
}

impl<L: Into<String>, R: Into<String>> From<(L, R)> for Key {
    /// The labels on the left and on the right side.
    fn from((left, right): (L, R)) -> Self {
        Self { left: left.into(), right: right.into(), span: 0..0 }
    }
}
