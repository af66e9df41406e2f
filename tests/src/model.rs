//! The naive model: what a query means, by its definitions, on a list of arrivals.
//!
//! No windows and no incremental state: every question is answered from all events that were kept,
//! in time that grows fast with their number. It follows the contract and decision 0001, and knows
//! nothing of the engine. This file has the query and what arrives; `clock` says how far time has
//! come, `moment` what is known at one moment, `policy` what picks make of all of it in the end, `stage` what `where` and `select` do.

pub mod clock;
pub mod moment;
pub mod policy;
pub mod stage;

use std::collections::BTreeSet;
use std::ops::Range;

use clock::Clock;
use moment::{Known, Moment, Wait};

/// Far enough from every time a test uses, and safe to add to one.
pub const FAR: i64 = i64::MAX / 4;

/// The operators.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Both sides.
    And,
    /// The left side, the right where there is any.
    Or,
    /// Either side.
    Outer,
    /// The left side without a match.
    Unless,
    /// Both sides, in order.
    Then,
    /// The left side without a match by [`Self::Then`].
    ThenNot,
}

impl Kind {
    /// Whether what matches is a result.
    fn reports_matches(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Outer | Self::Then)
    }

    /// Whether what is unmatched on a side is a result.
    fn reports(self, is_left: bool) -> bool {
        match self {
            Self::And | Self::Then => false,
            Self::Or | Self::Unless | Self::ThenNot => is_left,
            Self::Outer => true,
        }
    }

    fn is_ordered(self) -> bool {
        matches!(self, Self::Then | Self::ThenNot)
    }
}

/// One side of a join.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A stream.
    Stream(usize),
    /// An earlier join.
    Join(usize),
}

/// One join; its keys are in [`Event::keys`]. Bounds that `within` does not give are ±[`FAR`].
#[derive(Copy, Clone, Debug)]
pub struct Join {
    /// The operator.
    pub kind: Kind,
    /// The left side.
    pub left: Operand,
    /// The right side.
    pub right: Operand,
    /// Smallest `right − left`.
    pub lo: i64,
    /// Largest `right − left`.
    pub hi: i64,
}

/// A query.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The ranges of the streams.
    pub ranges: Vec<i64>,
    /// The joins, each after those it takes as operands.
    pub joins: Vec<Join>,
    /// The source of each stream.
    pub sources: Vec<usize>,
    /// How far behind the newest event the watermark stays.
    pub tolerance: i64,
    /// Whether each source is live ...
    pub live: Vec<bool>,
    /// ... and for how long it may be silent.
    pub idle_timeout: i64,
    /// Whether late events are ignored.
    pub drops_late: bool,
    /// Results begin at or after this ...
    pub start: Option<i64>,
    /// ... and before this.
    pub end: Option<i64>,
}

impl Query {
    /// The streams of an operand.
    fn streams(&self, operand: Operand) -> Range<usize> {
        match operand {
            Operand::Stream(stream) => stream..stream + 1,
            Operand::Join(join) => {
                self.streams(self.joins[join].left).start..self.streams(self.joins[join].right).end
            }
        }
    }

    /// The join that has one stream on its left and the other on its right.
    fn join_of(&self, left: usize, right: usize) -> Option<usize> {
        self.joins.iter().position(|join| {
            self.streams(join.left).contains(&left) && self.streams(join.right).contains(&right)
        })
    }

    /// The join that takes a stream as an operand, and whether on its left.
    fn entry(&self, stream: usize) -> (usize, bool) {
        let stream = Operand::Stream(stream);
        let takes = |join: &Join| join.left == stream || join.right == stream;
        let join = self.joins.iter().position(takes).expect("every stream is joined");
        (join, self.joins[join].left == stream)
    }

    /// Whether unmatched events of a stream are reported at the join that takes it.
    fn reports(&self, stream: usize) -> bool {
        let (join, is_left) = self.entry(stream);
        self.joins[join].kind.reports(is_left)
    }

    /// How far the match of a stream's events reaches into the future.
    fn reach(&self, stream: usize) -> i64 {
        let bound = |join: &Join| {
            let left = self.streams(join.left).contains(&stream).then_some(join.hi);
            left.or_else(|| self.streams(join.right).contains(&stream).then_some(-join.lo))
        };
        let bounds = self.joins.iter().filter_map(bound);
        bounds.map(|bound| bound.min(self.ranges[stream])).fold(0, i64::max)
    }

    /// The largest gap within a partial session of a stream.
    fn gap(&self, stream: usize) -> i64 {
        let join = self.joins[self.entry(stream).0];
        self.ranges[stream].min(join.lo.abs().max(join.hi.abs()))
    }

    /// The longest that any event has to wait for anything.
    fn longest_reach(&self) -> i64 {
        let waits = |stream: usize| {
            let gap = if self.reports(stream) { self.gap(stream) } else { 0 };
            self.reach(stream).max(gap)
        };
        (0..self.ranges.len()).map(waits).fold(0, i64::max)
    }

    /// How many times a decision about unmatched events of a stream has to wait for the decisions
    /// about others: not at all where the other side of the join is a stream too.
    fn depth(&self, stream: usize) -> usize {
        let (join, is_left) = self.entry(stream);
        let other = if is_left { self.joins[join].right } else { self.joins[join].left };
        let Operand::Join(_) = other else { return 0 };
        let within = self.streams(other).filter(|stream| self.reports(*stream));
        1 + within.map(|stream| self.depth(stream)).max().unwrap_or(0)
    }
}

/// A composite key; `None` where a part of it is missing.
pub type Key = Option<Vec<String>>;

/// An event as one stream selects it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The stream.
    pub stream: usize,
    /// Its time.
    pub time: i64,
    /// Its number within its source, which settles ties and tells what is the same event.
    pub number: usize,
    /// Its key for each join of the query, on the side this stream takes.
    pub keys: Vec<Key>,
}

/// All arrivals so far.
#[derive(Clone, Debug)]
pub struct Model {
    /// The query.
    pub query: Query,
    /// What was kept, and late events that matched.
    pub events: Vec<Event>,
    /// Whether a late event came where promptness ([`Wait::Maybe`]) decides what is still held, or
    /// where what it changes has been made use of: from then on, more than one answer is right.
    pub is_ambiguous: bool,
    /// Whether a late event has moved the close of a session that waited: others may go on waiting
    /// for the place it had.
    has_stale_places: bool,
    late: Vec<bool>,
    /// What matches what.
    edges: Vec<BTreeSet<usize>>,
    /// Events known to be unmatched when a late event came that might have changed that.
    claimed: BTreeSet<usize>,
    clock: Clock,
}

impl Model {
    /// Nothing has arrived yet.
    pub fn new(query: Query) -> Self {
        let Query { live, tolerance, idle_timeout, .. } = &query;
        let clock = Clock::new(live, *tolerance, *idle_timeout, query.longest_reach());
        Self {
            query,
            events: Vec::new(),
            is_ambiguous: false,
            has_stale_places: false,
            late: Vec::new(),
            edges: Vec::new(),
            claimed: BTreeSet::new(),
            clock,
        }
    }

    /// No event older than this is expected; [`FAR`] once everything has ended.
    pub fn watermark(&self) -> i64 {
        self.clock.watermark()
    }

    /// A source has ended.
    pub fn end(&mut self, source: usize) {
        self.clock.end(source);
    }

    /// The host tells the time.
    pub fn advance(&mut self, now: i64) {
        self.clock.advance(now);
    }

    /// A source is away, or is back.
    pub fn set_away(&mut self, source: usize, is_away: bool) {
        self.clock.set_away(source, is_away);
    }

    /// What there is to be told has been taken.
    pub fn pace(&mut self) {
        self.clock.pace();
    }

    /// A source has delivered an event, and these streams selected it.
    pub fn arrive(&mut self, source: usize, time: i64, selected: Vec<Event>) {
        let is_late = time < self.watermark();
        let before = self.events.len();
        for event in selected {
            if !(is_late && self.query.drops_late) {
                self.take(event, is_late, before);
            }
        }
        self.clock.hear(source, time);
    }

    /// What holds now: what an eager consumer has been told, revisions applied.
    pub fn holding(&self, promptness: Wait) -> Vec<Vec<usize>> {
        Moment::new(self, promptness).holding()
    }

    /// What is known for good, in final order, up to the first that still waits.
    pub fn finished(&self, promptness: Wait) -> Vec<Vec<usize>> {
        if promptness == Wait::Maybe && self.has_stale_places && self.watermark() < FAR {
            return Vec::new();
        }
        Moment::new(self, promptness).finished()
    }

    /// Keeps an event with its matches among the first `before`; what streams make of one arrival
    /// are the same event, and never match.
    fn take(&mut self, event: Event, is_late: bool, before: usize) {
        let query = &self.query;
        let reach = query.longest_reach();
        let outside = query.start.is_some_and(|start| event.time < start - reach)
            || query.end.is_some_and(|end| event.time >= end + reach);
        let (entry, _) = query.entry(event.stream);
        if outside || (!query.reports(event.stream) && event.keys[entry].is_none()) {
            return;
        }
        let mut matches: BTreeSet<usize> = (0..before)
            .filter(|other| !self.late[*other] && self.matches(&self.events[*other], &event))
            .collect();
        if is_late {
            self.let_late_match(&event, &mut matches);
            if matches.is_empty() {
                return;
            }
        }
        let at = self.events.len();
        for other in &matches {
            self.edges[*other].insert(at);
        }
        self.events.push(event);
        self.late.push(is_late);
        self.edges.push(matches);
    }

    /// Of what a late event matches, keeps what is held and not known to be unmatched in that join.
    fn let_late_match(&mut self, event: &Event, matches: &mut BTreeSet<usize>) {
        let [slow, prompt] = [Wait::Maybe, Wait::Yes].map(|wait| Moment::new(self, wait));
        matches.retain(|at| {
            let entry = self.query.entry(self.events[*at].stream).0;
            let is_entry = self.join_of(&self.events[*at], event) == Some(entry);
            !(slow.is_final(*at) || is_entry && prompt.known[*at] == Known::Unmatched)
        });
        let mut outcomes = matches.iter().map(|at| slow.outcome_of(*at));
        let is_stale = outcomes.any(|outcome| slow.passed(outcome.close));
        let touched = prompt.connected(matches);
        let is_ambiguous = matches.iter().any(|at| prompt.is_final(*at))
            || touched.iter().any(|at| {
                let depth = self.query.depth(self.events[*at].stream);
                let used = depth > 0 && prompt.known[*at] == Known::Matched && !self.late[*at];
                used || slow.known[*at] != prompt.known[*at]
            });
        let claimed = touched.into_iter().filter(|at| prompt.known[*at] == Known::Unmatched);
        let claimed: Vec<_> = claimed.collect();
        self.is_ambiguous |= is_ambiguous;
        self.has_stale_places |= is_stale;
        self.claimed.extend(claimed);
    }

    /// The close of one event; a late one has none.
    fn close(&self, at: usize) -> i64 {
        let event = &self.events[at];
        if self.late[at] { -FAR } else { event.time + self.query.reach(event.stream) }
    }

    /// Event order.
    pub fn order(&self, at: usize) -> (i64, usize, usize) {
        let event = &self.events[at];
        (event.time, event.stream, event.number)
    }

    /// The join in which two events may match.
    fn join_of(&self, one: &Event, other: &Event) -> Option<usize> {
        let (left, right) = (one.stream.min(other.stream), one.stream.max(other.stream));
        self.query.join_of(left, right)
    }

    fn matches(&self, one: &Event, other: &Event) -> bool {
        let Some(join) = self.join_of(one, other) else { return false };
        let (left, right) = if one.stream < other.stream { (one, other) } else { (other, one) };
        let Join { lo, hi, .. } = self.query.joins[join];
        let distance = right.time - left.time;
        left.keys[join].is_some()
            && left.keys[join] == right.keys[join]
            && distance >= -self.query.ranges[right.stream]
            && distance <= self.query.ranges[left.stream]
            && (lo..=hi).contains(&distance)
    }
}

/// Adds `new` to the set it is linked with, uniting those it links.
fn merge(
    sets: &mut Vec<BTreeSet<usize>>,
    new: BTreeSet<usize>,
    linked: impl Fn(&BTreeSet<usize>) -> bool,
) {
    let (hit, rest): (Vec<_>, Vec<_>) = std::mem::take(sets).into_iter().partition(linked);
    *sets = rest;
    sets.push(hit.into_iter().flatten().chain(new).collect());
}
