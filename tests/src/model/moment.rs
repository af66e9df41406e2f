//! What is known at one moment: which events are unmatched, which results there are, and which of
//! them are known for good.

use std::collections::BTreeSet;

use super::{FAR, Join, Model, Operand, merge};

/// What is known of an event where the unmatched ones of its stream are reported.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Known {
    /// It may still find a match, or lose the one it has.
    Undecided,
    /// It is not unmatched.
    Matched,
    /// "No match" may be claimed.
    Unmatched,
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

/// The model at one moment.
pub struct Moment<'a> {
    model: &'a Model,
    /// Of each event.
    pub known: Vec<Known>,
    /// Results that wait for less than this are known for good.
    promptness: Wait,
}

type Set = BTreeSet<usize>;

impl<'a> Moment<'a> {
    /// What is known now, where a result may wait for less than `promptness`.
    pub fn new(model: &'a Model, promptness: Wait) -> Self {
        let known = vec![Known::Undecided; model.events.len()];
        let mut moment = Self { model, known, promptness };
        for depth in 0..model.query.ranges.len() {
            let decided = moment.decide(depth);
            for (at, known) in decided {
                moment.known[at] = known;
            }
        }
        moment
    }

    /// Decides on the events of streams of one depth, those of lower depth being decided.
    fn decide(&self, depth: usize) -> Vec<(usize, Known)> {
        let all = 0..self.model.events.len();
        let of_depth = all.filter(|at| {
            let stream = self.model.events[*at].stream;
            self.model.query.reports(stream) && self.model.query.depth(stream) == depth
        });
        let decided = of_depth.map(|at| {
            let is_known =
                if depth == 0 { self.passed(self.model.close(at)) } else { self.is_final(at) };
            let known = if self.model.late[at] {
                Known::Matched
            } else if self.model.claimed.contains(&at) {
                Known::Unmatched
            } else if !is_known {
                Known::Undecided
            } else if self.is_matched(at) {
                Known::Matched
            } else {
                Known::Unmatched
            };
            (at, known)
        });
        decided.collect()
    }

    /// Whether the watermark has passed a time.
    pub fn passed(&self, time: i64) -> bool {
        self.model.watermark() > time
    }

    /// Whether an event and something on the other side of the join that takes its stream match.
    fn is_matched(&self, at: usize) -> bool {
        let (entry, is_left) = self.model.query.entry(self.model.events[at].stream);
        let Join { left, right, .. } = self.model.query.joins[entry];
        let own = Set::from([at]);
        let claim = |outcome: &Outcome| self.knows(outcome);
        let others = self.results(if is_left { right } else { left }, &claim);
        others.iter().any(|other| {
            let (left, right) = if is_left { (&own, other) } else { (other, &own) };
            self.match_in(entry, left, right)
        })
    }

    /// Whether a left and a right result of a join match: one event of each does.
    fn match_in(&self, join: usize, left: &Set, right: &Set) -> bool {
        let time = |at: usize| self.model.events[at].time;
        let stream = |at: usize| self.model.events[at].stream;
        let is_open = |at: usize| {
            self.known[at] != Known::Unmatched || self.model.query.entry(stream(at)).0 != join
        };
        let is_in_order = |at: usize| {
            // Of every stream on the left there is an event that is not later.
            let all = left.iter();
            let first =
                |of: usize| all.clone().copied().filter(|one| stream(*one) == of).map(time).min();
            let mut firsts = left.iter().filter_map(|one| first(stream(*one)));
            firsts.all(|first| first <= time(at))
        };
        let is_ordered = self.model.query.joins[join].kind.is_ordered();
        left.iter().copied().filter(|one| is_open(*one)).any(|one| {
            let matches = self.model.edges[one].intersection(right).copied();
            let mut matches = matches.filter(|other| is_open(*other));
            matches.any(|other| !is_ordered || is_in_order(other))
        })
    }

    /// The results of an operand; `claim` says of which results of joins "no match" may be said.
    fn results(&self, operand: Operand, claim: &dyn Fn(&Outcome) -> bool) -> Vec<Set> {
        let join = match operand {
            Operand::Join(join) => join,
            Operand::Stream(stream) => {
                let all = 0..self.model.events.len();
                let own = all.filter(|at| self.model.events[*at].stream == stream);
                return own.map(|at| Set::from([at])).collect();
            }
        };
        let Join { kind, left, right, .. } = self.model.query.joins[join];
        let (lefts, rights) = (self.results(left, claim), self.results(right, claim));
        let mut matched: Vec<Set> = Vec::new();
        for left in &lefts {
            for right in rights.iter().filter(|right| self.match_in(join, left, right)) {
                let both: Set = left.union(right).copied().collect();
                let linked = |set: &Set| !set.is_disjoint(&both);
                merge(&mut matched, both.clone(), linked);
            }
        }
        let mut results = Vec::new();
        for (side, of_side, is_left) in [(left, lefts, true), (right, rights, false)] {
            let is_lonely = |one: &Set| !matched.iter().any(|set| one.is_subset(set));
            let lonely: Vec<Set> = of_side.into_iter().filter(is_lonely).collect();
            if kind.reports(is_left) {
                results.extend(match side {
                    Operand::Stream(_) => self.partial_sessions(lonely.into_iter().flatten()),
                    Operand::Join(_) => {
                        lonely.into_iter().filter(|set| claim(&self.outcome(set))).collect()
                    }
                });
            }
        }
        if kind.reports_matches() {
            results.append(&mut matched);
        }
        results
    }

    /// Those of some events that are known to be unmatched, grouped.
    fn partial_sessions(&self, events: impl Iterator<Item = usize>) -> Vec<Set> {
        let mut sessions = Vec::new();
        for at in events.filter(|at| self.known[*at] == Known::Unmatched) {
            let linked = |set: &Set| set.iter().any(|one| self.bridges(*one, at));
            merge(&mut sessions, Set::from([at]), linked);
        }
        sessions
    }

    /// Whether two events belong to one partial session if both are unmatched and nothing lies
    /// between them.
    fn bridges(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.model.events[one], &self.model.events[other]);
        let entry = self.model.query.entry(one.stream).0;
        one.stream == other.stream
            && one.keys[entry].is_some()
            && one.keys[entry] == other.keys[entry]
            && (one.time - other.time).abs() <= self.model.query.gap(one.stream)
    }

    /// Everything connected with some events: by matches, whether or not a left result exists, or
    /// by being in one partial session.
    pub fn connected(&self, some: &Set) -> Set {
        let (mut found, mut todo) = (Set::new(), some.iter().copied().collect::<Vec<_>>());
        let is_unmatched = |at: usize| self.known[at] == Known::Unmatched;
        while let Some(at) = todo.pop() {
            if found.insert(at) {
                todo.extend(&self.model.edges[at]);
                let others = (0..self.known.len()).filter(|other| is_unmatched(*other));
                if is_unmatched(at) {
                    todo.extend(others.filter(|other| self.bridges(at, *other)));
                }
            }
        }
        found
    }

    /// What would become of some events as a result.
    fn outcome(&self, set: &Set) -> Outcome {
        let mut events: Vec<usize> = set.iter().copied().collect();
        events.sort_by_key(|at| self.model.order(*at));
        let connected = self.connected(set);
        let closes = connected.iter().map(|at| self.model.close(*at));
        let lonely = connected.iter().filter(|at| self.known[**at] == Known::Unmatched);
        let gaps = lonely.clone().map(|at| {
            let event = &self.model.events[*at];
            event.time + self.model.query.gap(event.stream)
        });
        let close = closes.chain(gaps).max().unwrap_or(-FAR);
        let extends = |other: usize| {
            let is_undecided = self.known[other] == Known::Undecided && !self.model.late[other];
            is_undecided && lonely.clone().any(|at| self.bridges(*at, other))
        };
        let undecided = (0..self.known.len()).filter(|other| extends(*other));
        let waits = undecided.map(|other| {
            let is_deferred = self.model.query.depth(self.model.events[other].stream) > 0;
            if !is_deferred && self.is_matched(other) { Wait::Maybe } else { Wait::Yes }
        });
        let waits = waits.max().unwrap_or(Wait::No);
        Outcome { close, events, waits }
    }

    /// The outcome of one event, with all that is connected.
    pub fn outcome_of(&self, at: usize) -> Outcome {
        self.outcome(&Set::from([at]))
    }

    fn knows(&self, outcome: &Outcome) -> bool {
        self.passed(outcome.close) && outcome.waits < self.promptness
    }

    /// Whether all that is connected with an event is decided; until then it is held for late ones.
    pub fn is_final(&self, at: usize) -> bool {
        self.knows(&self.outcome_of(at))
    }

    /// The results of the query, in final order.
    fn query_results(&self, claim: &dyn Fn(&Outcome) -> bool) -> Vec<Outcome> {
        let query = &self.model.query;
        let results = self.results(Operand::Join(query.joins.len() - 1), claim);
        let mut found: Vec<_> = results.iter().map(|set| self.outcome(set)).collect();
        let (start, end) = (query.start.unwrap_or(-FAR), query.end.unwrap_or(FAR));
        found.retain(|outcome| (start..end).contains(&self.model.events[outcome.events[0]].time));
        found.sort_by_key(|outcome| (outcome.close, self.model.order(outcome.events[0])));
        found
    }

    /// What holds.
    pub fn holding(&self) -> Vec<Vec<usize>> {
        let holding = self.query_results(&|outcome| self.knows(outcome));
        holding.into_iter().map(|outcome| outcome.events).collect()
    }

    /// What is known for good, in final order, up to the first that still waits.
    pub fn finished(&self) -> Vec<Vec<usize>> {
        // That a later join will drop a session may be noticed once it waits no more. Where results
        // decide, its place may have moved meanwhile, and others may wait for the place it had.
        let query = &self.model.query;
        let stream = |at: usize| self.model.events[at].stream;
        let reported = (0..self.known.len()).filter(|at| query.reports(stream(*at)));
        let barrier = reported.filter_map(|at| {
            let Outcome { close, waits, .. } = self.outcome_of(at);
            let place = if query.depth(stream(at)) > 0 { self.model.close(at) } else { close };
            (waits >= self.promptness).then_some(place)
        });
        let barrier = barrier.min();
        let barrier = barrier.filter(|_| self.promptness == Wait::Maybe).unwrap_or(FAR);
        let known = self.query_results(&|_| true).into_iter();
        let known = known.take_while(|one| self.knows(one) && one.close < barrier);
        known.map(|outcome| outcome.events).collect()
    }
}
