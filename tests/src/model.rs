//! The naive model: what a query means, by its definitions, on a list of arrivals.
//!
//! No windows and no incremental state: every question is answered from all events that were kept,
//! in quadratic time. It follows the contract and decision 0001, and knows nothing of the engine.

use std::collections::BTreeSet;

/// Far enough from every time a test uses, and safe to add to one.
pub const FAR: i64 = i64::MAX / 4;

/// The operators.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Both sides.
    And,
    /// The left side, the right where there is any.
    Or,
    /// The left side without a match.
    Unless,
}

/// One join; its keys are in [`Event::keys`]. Bounds that `within` does not give are ±[`FAR`].
#[derive(Copy, Clone, Debug)]
pub struct Join {
    /// The operator.
    pub kind: Kind,
    /// Smallest `right − left`.
    pub lo: i64,
    /// Largest `right − left`.
    pub hi: i64,
}

/// A query: a range per stream, and the joins; `joins[j]` adds stream `j + 1`.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// The ranges of the streams.
    pub ranges: Vec<i64>,
    /// The joins.
    pub joins: Vec<Join>,
    /// The source of each stream.
    pub sources: Vec<usize>,
    /// How far behind the newest event the watermark stays.
    pub tolerance: i64,
    /// Results begin at or after this ...
    pub start: Option<i64>,
    /// ... and before this.
    pub end: Option<i64>,
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

/// One result: event indices in event order, and its close.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// When it is known.
    pub close: i64,
    /// Indices into [`Model::events`].
    pub events: Vec<usize>,
    /// Whether an undecided event might still extend its partial session.
    pub waits: Wait,
}

/// Whether a result that has closed waits for an event that might extend its partial session.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Wait {
    /// No.
    No,
    /// Every such event has found a match, so it will not. That may be noticed at once, or when
    /// the watermark has passed the close of the event.
    Maybe,
    /// Yes.
    Yes,
}

/// All arrivals so far.
#[derive(Clone, Debug)]
pub struct Model {
    /// The query.
    pub query: Query,
    /// What was kept, and late events that matched.
    pub events: Vec<Event>,
    /// Whether a late event came where promptness ([`Wait::Maybe`]) decides what is still held: from
    /// then on, more than one answer is right.
    pub is_ambiguous: bool,
    /// Whether a late event has moved the close of a session that waited: others may go on waiting
    /// for the place it had.
    has_stale_places: bool,
    late: Vec<bool>,
    edges: Vec<BTreeSet<usize>>,
    newest: Vec<i64>,
}

impl Model {
    /// Nothing has arrived yet.
    pub fn new(query: Query) -> Self {
        let sources = query.sources.iter().max().map_or(0, |last| last + 1);
        let newest = vec![-FAR; sources];
        Self {
            query,
            events: Vec::new(),
            is_ambiguous: false,
            has_stale_places: false,
            late: Vec::new(),
            edges: Vec::new(),
            newest,
        }
    }

    /// No event older than this is expected; [`FAR`] once everything has ended.
    pub fn watermark(&self) -> i64 {
        let behind = |seen: i64| if seen.abs() == FAR { seen } else { seen - self.query.tolerance };
        self.query.sources.iter().map(|source| behind(self.newest[*source])).min().unwrap_or(FAR)
    }

    /// A source has ended.
    pub fn end(&mut self, source: usize) {
        self.newest[source] = FAR;
    }

    /// A source has delivered an event, and these streams selected it.
    pub fn arrive(&mut self, source: usize, time: i64, selected: Vec<Event>) {
        let is_late = time < self.watermark();
        let before = self.events.len();
        for event in selected {
            self.take(event, is_late, before);
        }
        self.newest[source] = self.newest[source].max(time);
    }

    /// Keeps an event with its matches among the first `before`; what streams make of one arrival
    /// are the same event, and never match.
    fn take(&mut self, event: Event, is_late: bool, before: usize) {
        let gap = if self.query.joins[0].kind == Kind::And { 0 } else { self.gap() };
        let streams = 0..self.query.ranges.len();
        let reach = streams.map(|stream| self.reach(stream)).fold(gap, i64::max);
        let outside = self.query.start.is_some_and(|start| event.time < start - reach)
            || self.query.end.is_some_and(|end| event.time >= end + reach);
        let first_join = event.stream.saturating_sub(1);
        let is_needed = event.stream > 0 || self.query.joins[0].kind == Kind::And;
        if outside || (is_needed && event.keys[first_join].is_none()) {
            return;
        }
        let mut matches: BTreeSet<usize> = (0..before)
            .filter(|other| !self.late[*other] && self.matches(&self.events[*other], &event))
            .collect();
        if is_late {
            matches.retain(|at| !(event.stream == 1 && self.known_unmatched(*at)));
            matches.retain(|at| self.is_held(*at, Wait::Maybe));
            self.is_ambiguous |= !matches.iter().all(|at| self.is_held(*at, Wait::Yes));
            let mut outcomes = matches.iter().map(|at| self.outcome(&BTreeSet::from([*at])));
            self.has_stale_places |= outcomes.any(|outcome| self.passed(outcome.close));
        }
        if is_late && matches.is_empty() {
            return;
        }
        let at = self.events.len();
        for other in &matches {
            self.edges[*other].insert(at);
        }
        self.events.push(event);
        self.late.push(is_late);
        self.edges.push(matches);
    }

    /// How far the match of a stream's events reaches into the future.
    fn reach(&self, stream: usize) -> i64 {
        let joins = self.query.joins.iter().enumerate();
        joins
            .filter_map(|(j, join)| match stream {
                left if left <= j => Some(join.hi),
                right if right == j + 1 => Some(-join.lo),
                _ => None,
            })
            .map(|bound| bound.min(self.query.ranges[stream]))
            .fold(0, i64::max)
    }

    /// The close of one event; a late one has none.
    fn close(&self, at: usize) -> i64 {
        let event = &self.events[at];
        if self.late[at] { -FAR } else { event.time + self.reach(event.stream) }
    }

    fn passed(&self, time: i64) -> bool {
        self.watermark() > time
    }

    fn matches(&self, one: &Event, other: &Event) -> bool {
        let (left, right) = if one.stream < other.stream { (one, other) } else { (other, one) };
        if left.stream == right.stream {
            return false;
        }
        let j = right.stream - 1;
        let join = self.query.joins[j];
        let distance = right.time - left.time;
        left.keys[j].is_some()
            && left.keys[j] == right.keys[j]
            && distance >= -self.query.ranges[right.stream]
            && distance <= self.query.ranges[left.stream]
            && (join.lo..=join.hi).contains(&distance)
    }

    /// Everything connected with some events: by matches, whether or not a left result exists, or
    /// by being in one partial session.
    fn connected(&self, some: &BTreeSet<usize>) -> BTreeSet<usize> {
        let (mut found, mut todo) = (BTreeSet::new(), some.iter().copied().collect::<Vec<_>>());
        while let Some(at) = todo.pop() {
            if found.insert(at) {
                todo.extend(&self.edges[at]);
                if self.known_unmatched(at) {
                    let others = (0..self.events.len()).filter(|other| self.bridges(at, *other));
                    todo.extend(others.filter(|other| self.known_unmatched(*other)));
                }
            }
        }
        found
    }

    /// Whether an event is held for late ones: until all that is connected with it is closed.
    fn is_held(&self, at: usize, promptness: Wait) -> bool {
        !self.is_final(&self.outcome(&BTreeSet::from([at])), promptness)
    }

    fn has_match(&self, at: usize, stream: usize) -> bool {
        self.edges[at].iter().any(|other| self.events[*other].stream == stream)
    }

    /// An event of the first stream of which "no match in the first join" may be claimed.
    fn known_unmatched(&self, at: usize) -> bool {
        let is_reported = self.query.joins[0].kind != Kind::And;
        let can_be = is_reported && self.events[at].stream == 0 && !self.late[at];
        can_be && !self.has_match(at, 1) && self.passed(self.close(at))
    }

    /// The largest gap within a partial session.
    fn gap(&self) -> i64 {
        let join = self.query.joins[0];
        self.query.ranges[0].min(join.lo.abs().max(join.hi.abs()))
    }

    /// Whether two unmatched events of the first stream belong to one partial session if nothing
    /// lies between them.
    fn bridges(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.events[one], &self.events[other]);
        one.keys[0].is_some()
            && one.keys[0] == other.keys[0]
            && (one.time - other.time).abs() <= self.gap()
    }

    /// The events of the first stream that are known to be unmatched, grouped.
    fn partial_sessions(&self) -> Vec<BTreeSet<usize>> {
        let mut sessions: Vec<BTreeSet<usize>> = Vec::new();
        for at in (0..self.events.len()).filter(|at| self.known_unmatched(*at)) {
            let linked = |set: &BTreeSet<usize>| set.iter().any(|one| self.bridges(*one, at));
            merge(&mut sessions, BTreeSet::from([at]), linked);
        }
        sessions
    }

    /// The results of all joins, in final order; `claim` says of which left results a later join
    /// may say "no match".
    fn results(&self, claim: impl Fn(&Outcome) -> bool) -> Vec<Outcome> {
        let of = |stream: usize| {
            let all = 0..self.events.len();
            all.filter(|at| self.events[*at].stream == stream).collect::<Vec<_>>()
        };
        let matched = of(0).into_iter().filter(|at| self.has_match(*at, 1));
        let mut left: Vec<_> = matched.map(|at| BTreeSet::from([at])).collect();
        for (j, join) in self.query.joins.iter().enumerate() {
            let mut joined: Vec<_> = left.into_iter().map(|set| (set, false)).collect();
            for right in of(j + 1) {
                let linked = |(set, _): &(BTreeSet<usize>, bool)| {
                    set.iter().any(|at| self.edges[*at].contains(&right))
                };
                if joined.iter().any(linked) {
                    let (hit, rest) = joined.into_iter().partition(linked);
                    joined = rest;
                    let hit: Vec<_> = hit;
                    let union = hit.into_iter().flat_map(|(set, _)| set).chain([right]).collect();
                    joined.push((union, true));
                }
            }
            joined.retain(|(set, is_matched)| match join.kind {
                Kind::And => *is_matched,
                Kind::Or => *is_matched || claim(&self.outcome(set)),
                Kind::Unless => !is_matched && claim(&self.outcome(set)),
            });
            left = joined.into_iter().map(|(set, _)| set).collect();
            if j == 0 && join.kind != Kind::And {
                left.append(&mut self.partial_sessions());
            }
        }
        let mut found: Vec<_> = left.iter().map(|set| self.outcome(set)).collect();
        let (start, end) = (self.query.start.unwrap_or(-FAR), self.query.end.unwrap_or(FAR));
        found.retain(|outcome| (start..end).contains(&self.events[outcome.events[0]].time));
        found.sort_by_key(|outcome| self.place(outcome));
        found
    }

    /// Whether a result is known for good, where it may wait for less than `promptness`.
    fn is_final(&self, outcome: &Outcome, promptness: Wait) -> bool {
        self.passed(outcome.close) && outcome.waits < promptness
    }

    /// Event order.
    fn order(&self, at: usize) -> (i64, usize, usize) {
        let event = &self.events[at];
        (event.time, event.stream, event.number)
    }

    fn place(&self, outcome: &Outcome) -> (i64, (i64, usize, usize)) {
        (outcome.close, self.order(outcome.events[0]))
    }

    fn outcome(&self, set: &BTreeSet<usize>) -> Outcome {
        let mut events: Vec<usize> = set.iter().copied().collect();
        events.sort_by_key(|at| self.order(*at));
        let connected = self.connected(set);
        let lonely: Vec<usize> =
            connected.iter().copied().filter(|at| self.known_unmatched(*at)).collect();
        let closes = connected.iter().map(|at| self.close(*at));
        let gaps = lonely.iter().map(|at| self.events[*at].time + self.gap());
        let close = closes.chain(gaps).max().unwrap_or(-FAR);
        let may_extend = |other: usize| {
            self.events[other].stream == 0 && !self.late[other] && !self.passed(self.close(other))
        };
        let extends = |other: usize| lonely.iter().any(|at| self.bridges(*at, other));
        let undecided =
            (0..self.events.len()).filter(|other| may_extend(*other) && extends(*other));
        let waits =
            undecided.map(|other| if self.has_match(other, 1) { Wait::Maybe } else { Wait::Yes });
        let waits = waits.max().unwrap_or(Wait::No);
        Outcome { close, events, waits }
    }

    /// What holds now: what an eager consumer has been told, revisions applied.
    pub fn holding(&self, promptness: Wait) -> Vec<Vec<usize>> {
        let holding = self.results(|left| self.is_final(left, promptness));
        holding.into_iter().map(|outcome| outcome.events).collect()
    }

    /// What is known for good, in final order, up to the first that still waits.
    pub fn finished(&self, promptness: Wait) -> Vec<Vec<usize>> {
        if promptness == Wait::Maybe && self.has_stale_places && self.watermark() < FAR {
            return Vec::new();
        }
        // That a session will be dropped by a later join may be noticed once it waits no more.
        let sessions = self.partial_sessions().into_iter().map(|set| self.outcome(&set));
        let waiting = sessions.filter(|outcome| outcome.waits >= promptness);
        let barrier = waiting.map(|outcome| outcome.close).min();
        let barrier = barrier.filter(|_| promptness == Wait::Maybe).unwrap_or(FAR);
        let known = self.results(|_| true).into_iter();
        let known = known.take_while(|one| self.is_final(one, promptness) && one.close < barrier);
        known.map(|outcome| outcome.events).collect()
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
