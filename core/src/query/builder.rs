//! Queries made by a program instead of written.
//!
//! Owns how the pieces go together, and that no value becomes syntax: the pieces are the syntax tree,
//! texts are escaped where it is displayed, and a name that is none is an error, because nothing can
//! escape it. Most mistakes are not knowable from types (a label that is no name, bounds the wrong
//! way round, a stream that `where` does not find): [`QueryBuilder::build`] tells all of them at once.
//! What is knowable does not compile: a query without a join, `pick` beside a group, `pick(latest)`
//! without `then`, a join after a stage. Does not know what an engine has: no sources, no default
//! range. Costs time linear in the query; nesting is cut off, and reported, before it can exhaust the
//! stack.
//!
//! ```
//! use logbraid_core::query::builder::{count, label, local, matcher, on, stream};
//! use logbraid_core::select::MatchOp;
//! use logbraid_core::time::Span;
//!
//! let query = stream("edge", local([matcher("status", MatchOp::Match, "5..")]))
//!     .or(
//!         stream("app", local([]).contains("it's \"fatal\"")).range(Span::from_millis(600_000)),
//!         on(["request_id"]).within(Span::from_millis(30_000)),
//!     )
//!     .where_(label("edge", "status").ne("503").and(count("app").lt(5)))
//!     .limit(100)
//!     .build()?;
//! assert_eq!(
//!     query.to_string(),
//!     "edge({status=~\"5..\"}) or on(request_id) within(30s) app({} |= \"it's \\\"fatal\\\"\")[10m] \
//!      | where edge.status != \"503\" and count(app) < 5 | limit 100"
//! );
//! # Ok::<(), logbraid_core::query::builder::BuildError>(())
//! ```

mod clauses;
mod condition;
mod error;
mod selector;
#[cfg(test)]
mod tests;

pub use clauses::{AnyOrder, Clauses, Decided, InOrder, Picks, Undecided, ignoring, on};
pub use condition::{
    Condition, Event, Operand, count, count_all, duration, every, first, label, last, not, time,
};
pub use error::BuildError;
pub use selector::{FieldFilter, FieldValue, LocalSelector, Selector, field, local, matcher, raw};

use std::collections::BTreeSet;
use std::marker::PhantomData;

use self::clauses::Given;
use self::error::{Problems, is_field, is_name};
use super::ast::{Expr, Join, LabelMatcher, Query, Spanned, Stream};
use super::diagnostic::{Severity, code};
use super::{Duration, PlanOptions, check, parse, scan};
use crate::limits::MAX_STREAMS;
use crate::plan::JoinKind;
use crate::stage::Stage;
use crate::time::Span;

/// A query in the making, begun by [`stream`]. `S` says how far it is: [`Single`], [`Joined`] or
/// [`Staged`].
///
/// One stream is no query:
///
/// ```compile_fail
/// use logbraid_core::query::builder::{raw, stream};
///
/// let _ = stream("a", raw("")).build();
/// ```
///
/// Joins come before stages:
///
/// ```compile_fail
/// use logbraid_core::query::builder::{on, raw, stream};
///
/// let limited = stream("a", raw("")).and(stream("b", raw("")), on(["k"])).limit(1);
/// let _ = limited.and(stream("c", raw("")), on(["k"])).build();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a query is made by `build`"]
pub struct QueryBuilder<S = Joined> {
    expr: Expr,
    projection: Vec<LabelMatcher>,
    stages: Vec<Stage>,
    streams: usize,
    /// The sources with a selector of their own language.
    selecting: BTreeSet<String>,
    problems: Problems,
    state: PhantomData<S>,
}

/// One stream, which is no query until it is joined.
#[derive(Copy, Clone, Debug)]
pub struct Single;
/// Streams that are joined: a query, and something to join.
#[derive(Copy, Clone, Debug)]
pub struct Joined;
/// A query with a projection or stages, to whose joins nothing can be added.
#[derive(Copy, Clone, Debug)]
pub struct Staged;

/// What can be a side of a join: [`Single`] and [`Joined`].
pub trait Joinable: sealed::Sealed {}
impl Joinable for Single {}
impl Joinable for Joined {}

/// What is a query: [`Joined`] and [`Staged`].
pub trait Whole: sealed::Sealed {}
impl Whole for Joined {}
impl Whole for Staged {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Single {}
    impl Sealed for super::Joined {}
    impl Sealed for super::Staged {}
}

/// `source(selector)`: a stream, to begin with or to join.
///
/// ```
/// use logbraid_core::query::builder::{on, raw, stream};
///
/// let query = stream("loki", raw(r#"{app="a"} | json"#))
///     .named("a")
///     .and(stream("loki", raw(r#"{app="b"}"#)).named("b"), on([("id", "request.id")]))
///     .build()?;
/// assert_eq!(
///     query.to_string(),
///     r#"loki({app="a"} | json) as a and on(id=request.id) loki({app="b"}) as b"#
/// );
/// # Ok::<(), logbraid_core::query::builder::BuildError>(())
/// ```
pub fn stream(source: impl Into<String>, selector: impl Into<Selector>) -> QueryBuilder<Single> {
    let (source, Selector { text, is_raw, mut problems }) = (source.into(), selector.into());
    problems.require(is_name(&source), "a source", &source, NAME);
    if scan::is_reserved(&source) {
        let message = format!("`{source}` is a word of the language; no source can have its name");
        problems.tell(code::QUERY_SYNTAX, message);
    }
    let selecting = is_raw.then(|| source.clone()).into_iter().collect();
    let (source, selector) = (unplaced(source), unplaced(text));
    QueryBuilder {
        expr: Expr::Stream(Stream { source, selector, range: None, alias: None, span: 0..0 }),
        projection: Vec::new(),
        stages: Vec::new(),
        streams: 1,
        selecting,
        problems,
        state: PhantomData,
    }
}

impl QueryBuilder<Single> {
    /// `[range]`: how far back the source is read and how long an event waits for a match. Once.
    pub fn range(mut self, range: Span) -> Self {
        let stream = self.stream_mut();
        if stream.range.replace(unplaced(Duration(range))).is_some() {
            self.problems.twice("the range");
        }
        self
    }

    /// `as name`: what results and conditions call the stream. Once.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.problems.require(is_name(&name), "the name of a stream", &name, NAME);
        if self.stream_mut().alias.replace(unplaced(name)).is_some() {
            self.problems.twice("the name of a stream");
        }
        self
    }

    fn stream_mut(&mut self) -> &mut Stream {
        match &mut self.expr {
            Expr::Stream(stream) => stream,
            Expr::Join(_) => unreachable!("joining makes another type of it"),
        }
    }
}

const NAME: &str = "letters, digits and `_`";

impl<S: Joinable> QueryBuilder<S> {
    /// Both sides.
    pub fn and(
        self,
        right: QueryBuilder<impl Joinable>,
        clauses: Clauses<impl AnyOrder>,
    ) -> QueryBuilder {
        self.join(JoinKind::And, right, clauses.given)
    }

    /// The left side, with or without the right.
    pub fn or(
        self,
        right: QueryBuilder<impl Joinable>,
        clauses: Clauses<impl AnyOrder>,
    ) -> QueryBuilder {
        self.join(JoinKind::Or, right, clauses.given)
    }

    /// Either side, with or without the other.
    pub fn outer(
        self,
        right: QueryBuilder<impl Joinable>,
        clauses: Clauses<impl AnyOrder>,
    ) -> QueryBuilder {
        self.join(JoinKind::Outer, right, clauses.given)
    }

    /// The left side, where the right has no match.
    pub fn unless(
        self,
        right: QueryBuilder<impl Joinable>,
        clauses: Clauses<impl AnyOrder>,
    ) -> QueryBuilder {
        self.join(JoinKind::Unless, right, clauses.given)
    }

    /// Both sides, the right not before the left.
    pub fn then(
        self,
        right: QueryBuilder<impl Joinable>,
        clauses: Clauses<impl Picks>,
    ) -> QueryBuilder {
        self.join(JoinKind::Then, right, clauses.given)
    }

    /// The left side, where no match follows it.
    pub fn then_not(
        self,
        right: QueryBuilder<impl Joinable>,
        clauses: Clauses<impl AnyOrder>,
    ) -> QueryBuilder {
        self.join(JoinKind::ThenNot, right, clauses.given)
    }

    fn join<R>(mut self, kind: JoinKind, right: QueryBuilder<R>, given: Given) -> QueryBuilder {
        self.problems.append(right.problems);
        self.problems.append(given.problems);
        self.selecting.extend(right.selecting);
        if self.streams + right.streams > MAX_STREAMS {
            // The tree gets one level deeper with each join.
            let message = format!("a query has at most {MAX_STREAMS} streams");
            self.problems.tell(code::QUERY_TOO_MANY_STREAMS, message);
            return self.into_state();
        }
        self.streams += right.streams;
        self.expr = Expr::Join(Box::new(Join {
            kind: unplaced(kind),
            on: given.on,
            ignoring: given.ignoring,
            within: given.within,
            pick: given.pick,
            grouping: given.grouping,
            left: self.expr,
            right: right.expr,
            span: 0..0,
        }));
        self.into_state()
    }
}

impl QueryBuilder<Joined> {
    /// `{matchers}`: of every result, the events that satisfy all of them.
    pub fn project(
        mut self,
        matchers: impl IntoIterator<Item = LabelMatcher>,
    ) -> QueryBuilder<Staged> {
        self.projection = matchers.into_iter().collect();
        if self.projection.is_empty() {
            self.problems.tell(code::QUERY_SYNTAX, "a projection has at least one matcher".into());
        }
        self.problems.matchers(&self.projection);
        self.into_state()
    }
}

impl<S: Whole> QueryBuilder<S> {
    /// `| where condition`: the results of which the condition holds. (`where` is a word of Rust.)
    pub fn where_(mut self, condition: Condition) -> QueryBuilder<Staged> {
        self.problems.append(condition.problems);
        self.stage(Stage::Where { condition: condition.tree, span: 0..0 })
    }

    /// `| select fields`: gives results exactly these labels: a key, a copied label, or
    /// `stream.label`. Once.
    pub fn select(
        mut self,
        fields: impl IntoIterator<Item = impl Into<String>>,
    ) -> QueryBuilder<Staged> {
        let fields: Vec<_> = fields.into_iter().map(|field| unplaced(field.into())).collect();
        for Spanned { value, .. } in &fields {
            let expected = "a label or `stream.label`";
            self.problems.require(is_field(value), "a field of `select`", value, expected);
        }
        if fields.is_empty() {
            self.problems.tell(code::QUERY_SYNTAX, "`select` has at least one field".into());
        }
        self.stage(Stage::Select { fields, span: 0..0 })
    }

    /// `| limit n`: ends the query when its first `n` correlations are final; at least one.
    pub fn limit(self, n: u64) -> QueryBuilder<Staged> {
        self.stage(Stage::Limit { count: n, span: 0..0 })
    }

    fn stage(mut self, stage: Stage) -> QueryBuilder<Staged> {
        self.stages.push(stage);
        self.into_state()
    }

    /// The query; its spans count in its canonical text, which it displays as. It has passed
    /// [`check`], for an engine whose default range sets no bounds, and in which the sources with
    /// [`raw`] selectors apply them. Warnings are left to `check`.
    ///
    /// # Errors
    /// Everything found wrong. Names that are none keep the rest from being checked.
    pub fn build(self) -> Result<Query, BuildError> {
        let selecting = self.selecting.clone();
        let text = self.into_tree()?.to_string();
        let options = PlanOptions {
            default_range: Span::MAX,
            selecting_sources: selecting,
            ..PlanOptions::default()
        };
        let mut diagnostics = check(&text, &options).diagnostics;
        diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
        let query = if diagnostics.is_empty() { parse(&text) } else { Err(diagnostics) };
        query.map_err(|diagnostics| BuildError { text, diagnostics })
    }

    /// The query without any places, unchecked.
    fn into_tree(self) -> Result<Query, BuildError> {
        let Self { expr, projection, stages, problems, .. } = self;
        if !problems.found.is_empty() {
            return Err(BuildError { text: String::new(), diagnostics: problems.found });
        }
        let stages = stages.iter().map(|stage| unplaced(stage.to_string())).collect();
        Ok(Query { expr, projection, stages, span: 0..0 })
    }
}

impl<S> QueryBuilder<S> {
    fn into_state<T>(self) -> QueryBuilder<T> {
        let Self { expr, projection, stages, streams, selecting, problems, .. } = self;
        QueryBuilder { expr, projection, stages, streams, selecting, problems, state: PhantomData }
    }
}

/// A value without a place: the text it will stand in is not made yet.
fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned { value, span: 0..0 }
}
