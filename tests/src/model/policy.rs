//! What policies make of a finished input: step by step, on the set of all events that were kept.
//!
//! Follows the section "What a correlation is" of the contract and decision 0005. Nothing is late
//! and everything has ended, so that there is one answer and no question of when it is known.

use std::collections::BTreeSet;

use super::{Join, Model, Operand};

/// Which matches of a join make a result.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Everything that is connected.
    Session,
    /// Each match.
    Pairs,
    /// One to one, in event order.
    First,
    /// The newest that waits.
    Latest,
    /// One result per left result.
    GroupLeft,
    /// One result per right result.
    GroupRight,
}

type Set = BTreeSet<usize>;

/// The results of the query, as sets of indices into [`Model::events`]; `policies` has one per join.
pub fn results(model: &Model, policies: &[Policy]) -> Vec<Set> {
    Picked { model, policies }.results(Operand::Join(policies.len() - 1))
}

/// When a result, in event order, is known; `None` where there is more than one join, and the
/// contract says only that nothing older may come.
pub fn close(model: &Model, policies: &[Policy], events: &[usize]) -> Option<i64> {
    let [policy] = policies else { return None };
    let last = events.iter().map(|at| model.events[*at].time).max();
    let of_stream = |stream: usize| {
        let event = events.iter().find(|at| model.events[**at].stream == stream);
        event.map(|at| model.close(*at))
    };
    let is_alone =
        !events.iter().any(|at| model.events[*at].stream != model.events[events[0]].stream);
    match policy {
        _ if is_alone => events.iter().map(|at| model.close(*at)).max(),
        Policy::Session => None,
        Policy::Pairs | Policy::First | Policy::Latest => last,
        Policy::GroupLeft => of_stream(0),
        Policy::GroupRight => of_stream(1),
    }
}

struct Picked<'a> {
    model: &'a Model,
    policies: &'a [Policy],
}

impl Picked<'_> {
    fn results(&self, operand: Operand) -> Vec<Set> {
        let at = match operand {
            Operand::Join(at) => at,
            Operand::Stream(stream) => {
                let all = 0..self.model.events.len();
                let own = all.filter(|at| self.model.events[*at].stream == stream);
                return own.map(|at| Set::from([at])).collect();
            }
        };
        let Join { kind, left, right, .. } = self.model.query.joins[at];
        let (lefts, rights) = (self.results(left), self.results(right));
        // Each group is what becomes one result: places in `lefts` and in `rights`.
        let groups = match self.policies[at] {
            Policy::Session => self.components(at, &lefts, &rights),
            Policy::Pairs => {
                let pair = |(l, r)| (Set::from([l]), Set::from([r]));
                self.matches(at, &lefts, &rights).into_iter().map(pair).collect()
            }
            Policy::First => self.first(at, &lefts, &rights),
            Policy::Latest => self.latest(at, &lefts, &rights),
            Policy::GroupLeft => by_one(&self.matches(at, &lefts, &rights)),
            Policy::GroupRight => {
                let turned = self.matches(at, &lefts, &rights).into_iter().map(|(l, r)| (r, l));
                by_one(&turned.collect::<Vec<_>>()).into_iter().map(|(r, l)| (l, r)).collect()
            }
        };
        let mut results = Vec::new();
        if kind.reports_matches() {
            results.extend(groups.iter().map(|(l, r)| {
                let events = l.iter().map(|l| &lefts[*l]).chain(r.iter().map(|r| &rights[*r]));
                events.flatten().copied().collect::<Set>()
            }));
        }
        for (side, all, is_left) in [(left, &lefts, true), (right, &rights, false)] {
            if !kind.reports(is_left) {
                continue;
            }
            let used: Set =
                groups.iter().flat_map(|(l, r)| if is_left { l } else { r }).copied().collect();
            let lonely = (0..all.len()).filter(|at| !used.contains(at)).map(|at| all[at].clone());
            if matches!(side, Operand::Stream(_)) && self.policies[at] == Policy::Session {
                results.extend(self.partial_sessions(lonely));
            } else {
                results.extend(lonely);
            }
        }
        results
    }

    /// Which left results and which right ones match.
    fn matches(&self, join: usize, lefts: &[Set], rights: &[Set]) -> Vec<(usize, usize)> {
        let pairs = (0..lefts.len()).flat_map(|l| (0..rights.len()).map(move |r| (l, r)));
        pairs.filter(|(l, r)| self.matches_in(join, &lefts[*l], &rights[*r])).collect()
    }

    /// One event of each matches, and where order counts, of every stream on the left there is an
    /// event that is not later than the right one.
    fn matches_in(&self, join: usize, left: &Set, right: &Set) -> bool {
        let event = |at: usize| &self.model.events[at];
        let is_in_order = |right: usize| {
            left.iter().all(|one| {
                let mut same = left.iter().filter(|at| event(**at).stream == event(*one).stream);
                same.any(|at| event(*at).time <= event(right).time)
            })
        };
        let is_ordered = self.model.query.joins[join].kind.is_ordered();
        left.iter().any(|one| {
            let mut matching = self.model.edges[*one].intersection(right);
            matching.any(|other| !is_ordered || is_in_order(*other))
        })
    }

    fn components(&self, join: usize, lefts: &[Set], rights: &[Set]) -> Vec<(Set, Set)> {
        let mut groups: Vec<(Set, Set)> = Vec::new();
        for (l, r) in self.matches(join, lefts, rights) {
            let touches = |group: &(Set, Set)| group.0.contains(&l) || group.1.contains(&r);
            let (hit, rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(touches);
            let mut united = (Set::from([l]), Set::from([r]));
            for (ls, rs) in hit {
                united.0.extend(ls);
                united.1.extend(rs);
            }
            groups = rest;
            groups.push(united);
        }
        groups
    }

    /// In event order, each takes the earliest unused one that it matches. A result has its turn with
    /// the event that completes it.
    fn first(&self, join: usize, lefts: &[Set], rights: &[Set]) -> Vec<(Set, Set)> {
        let is_ordered = self.model.query.joins[join].kind.is_ordered();
        let left_place = |set| if is_ordered { self.begun(set) } else { self.place(set) };
        let left = (0..lefts.len()).map(|at| (left_place(&lefts[at]), true, at));
        let right = (0..rights.len()).map(|at| (self.place(&rights[at]), false, at));
        let mut all: Vec<_> = left.chain(right).collect();
        all.sort_unstable();
        let (mut unused, mut taken) = (Vec::<(bool, usize)>::new(), Vec::new());
        for (_, is_left, at) in all {
            let pair = |other: usize| if is_left { (at, other) } else { (other, at) };
            let matching = (0..unused.len()).filter(|place| {
                let (other_is_left, other) = unused[*place];
                let (l, r) = pair(other);
                other_is_left != is_left && self.matches_in(join, &lefts[l], &rights[r])
            });
            let earliest = matching.min_by_key(|place| {
                let (of_left, other) = unused[*place];
                let mut order = self.place(if of_left { &lefts[other] } else { &rights[other] });
                order.reverse();
                order
            });
            if let Some(place) = earliest {
                let (l, r) = pair(unused.remove(place).1);
                taken.push((Set::from([l]), Set::from([r])));
            } else {
                unused.push((is_left, at));
            }
        }
        taken
    }

    /// Per key the newest left result waits; what completes it uses it up.
    fn latest(&self, join: usize, lefts: &[Set], rights: &[Set]) -> Vec<(Set, Set)> {
        let left = (0..lefts.len()).map(|at| (self.begun(&lefts[at]), true, at));
        let right = (0..rights.len()).map(|at| (self.place(&rights[at]), false, at));
        let mut all: Vec<_> = left.chain(right).collect();
        all.sort_unstable();
        let keys = |set: &Set| -> BTreeSet<Vec<String>> {
            set.iter().filter_map(|at| self.model.events[*at].keys[join].clone()).collect()
        };
        let (mut waiting, mut taken) = (Vec::<usize>::new(), Vec::new());
        for (_, is_left, at) in all {
            if is_left {
                let new = keys(&lefts[at]);
                waiting.retain(|old| keys(&lefts[*old]).is_disjoint(&new));
                waiting.push(at);
            } else {
                let matches = |l: &usize| self.matches_in(join, &lefts[*l], &rights[at]);
                if let Some(place) = waiting.iter().rposition(matches) {
                    taken.push((Set::from([waiting.remove(place)]), Set::from([at])));
                }
            }
        }
        taken
    }

    /// Event order of the events of a result, the last first.
    fn place(&self, set: &Set) -> Vec<(i64, usize, usize)> {
        let mut all: Vec<_> = set.iter().map(|at| self.model.order(*at)).collect();
        all.sort_unstable();
        all.reverse();
        all
    }

    /// The same, after the event with which each stream of the result has had one: what follows may
    /// follow from then on.
    fn begun(&self, set: &Set) -> Vec<(i64, usize, usize)> {
        let mut place = self.place(set);
        let mut seen = BTreeSet::new();
        let begins = place.iter().rev().filter(|(_, stream, _)| seen.insert(*stream));
        let last = begins.copied().last();
        place.splice(0..0, last);
        place
    }

    /// Unmatched events of one stream, those of one key with small gaps together.
    fn partial_sessions(&self, lonely: impl Iterator<Item = Set>) -> Vec<Set> {
        let mut sessions = Vec::new();
        for at in lonely.flatten() {
            let bridges = |set: &Set| {
                set.iter().any(|other| {
                    let (one, other) = (&self.model.events[at], &self.model.events[*other]);
                    let entry = self.model.query.entry(one.stream).0;
                    one.keys[entry].is_some()
                        && one.keys[entry] == other.keys[entry]
                        && (one.time - other.time).abs() <= self.model.query.gap(one.stream)
                })
            };
            super::merge(&mut sessions, Set::from([at]), bridges);
        }
        sessions
    }
}

/// One group for each on the left, with all on the right that match it.
fn by_one(matches: &[(usize, usize)]) -> Vec<(Set, Set)> {
    let ones: Set = matches.iter().map(|(one, _)| *one).collect();
    let group = |one: usize| {
        let many = matches.iter().filter(|(other, _)| *other == one).map(|(_, many)| *many);
        (Set::from([one]), many.collect())
    };
    ones.into_iter().map(group).collect()
}
