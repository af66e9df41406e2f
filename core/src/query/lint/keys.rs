//! What selectors rule out: events altogether, and keys that agree.
//!
//! Nothing is guessed about regexes; they are tried on the values that other matchers fix.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::key::KeyPatterns;
use crate::plan::Plan;
use crate::query::ast::{Ignoring, Join, Key, list};
use crate::query::diagnostic::{Diagnostic, code};
use crate::query::literal;
use crate::select::{MatchOp, Matcher, Pipeline};

/// The longest value a regex is tried on, in bytes, and the most tries: a hostile query could have
/// millions of them.
const MAX_TRIED_BYTES: usize = 128;
const MAX_TRIES: usize = 128;

/// Labels for which the matchers, with their places, accept no value at all.
pub(super) fn contradictions<'m>(
    matchers: impl Iterator<Item = (&'m Matcher, Range<usize>)> + Clone,
) -> Vec<Diagnostic> {
    let mut fixed: BTreeMap<&str, (&Matcher, Range<usize>)> = BTreeMap::new();
    for (matcher, span) in matchers.clone().filter(|(matcher, _)| matcher.op == MatchOp::Equal) {
        fixed.entry(&matcher.label).or_insert((matcher, span));
    }
    let tries = Tries::default();
    let mut found = Vec::new();
    for (matcher, span) in matchers {
        let Some((equal, at)) = fixed.get(matcher.label.as_str()) else { continue };
        if tries.accepts(matcher, &equal.value) {
            continue;
        }
        let later = if at.start > span.start { at.clone() } else { span };
        let (one, other) = (shown(equal), shown(matcher));
        let message = format!("nothing satisfies both `{one}` and `{other}`");
        let suggestion = if matcher.op == MatchOp::Equal {
            let [one, other] = [equal, matcher].map(|it| regex_syntax::escape(&it.value));
            let either = literal::quote(&format!("{one}|{other}"));
            format!("for either of them write `{}=~{either}`", matcher.label)
        } else {
            "leave one of them out".to_owned()
        };
        found.push(
            Diagnostic::warning(code::QUERY_CONTRADICTION, later, message).suggesting(suggestion),
        );
        // Once is enough for a label.
        fixed.remove(matcher.label.as_str());
    }
    found
}

fn shown(matcher: &Matcher) -> String {
    format!("{}{}{}", matcher.label, matcher.op, literal::quote(&matcher.value))
}

/// How often a regex has been tried.
#[derive(Default)]
struct Tries(Cell<usize>);

impl Tries {
    /// Whether `matcher` accepts `value`, as far as is known.
    fn accepts(&self, matcher: &Matcher, value: &str) -> bool {
        if matcher.regex.is_some() {
            let tries = self.0.replace(self.0.get() + 1);
            if tries >= MAX_TRIES || value.len() > MAX_TRIED_BYTES {
                return true;
            }
        }
        matcher.accepts(Some(value))
    }
}

/// What the engine selects for a stream.
pub(super) struct Selector<'p> {
    pipeline: &'p Pipeline,
    /// The matchers in braces, by label.
    matchers: BTreeMap<&'p str, Vec<&'p Matcher>>,
}

impl<'p> Selector<'p> {
    pub(super) fn new(pipeline: &'p Pipeline) -> Self {
        let mut matchers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for matcher in pipeline.matchers() {
            matchers.entry(matcher.label.as_str()).or_default().push(matcher);
        }
        Self { pipeline, matchers }
    }

    fn of(&self, label: &str) -> &[&'p Matcher] {
        self.matchers.get(label).map_or(&[], Vec::as_slice)
    }

    /// The value of `label` that all its events have, themselves; the empty text is none.
    fn fixed(&self, label: &str) -> Option<&'p str> {
        let equal = self.of(label).iter().find(|matcher| matcher.op == MatchOp::Equal);
        equal.map(|matcher| matcher.value.as_str())
    }

    /// The labels that all its events have with one value.
    fn fixed_labels(&self) -> impl Iterator<Item = &'p str> {
        let labels = self.matchers.keys().copied();
        labels.filter(|label| self.fixed(label).is_some_and(|value| !value.is_empty()))
    }

    /// Where an event of it that has `value` as its `label` could have it from.
    fn source_of(&self, label: &str, value: &str, tries: &Tries) -> Source {
        let matchers = self.of(label);
        if matchers.iter().all(|matcher| tries.accepts(matcher, value)) {
            Source::Event
        } else if !matchers.iter().all(|matcher| tries.accepts(matcher, "")) {
            Source::None
        } else {
            self.source_of_missing(label)
        }
    }

    /// As [`Self::source_of`], where the event itself lacks the label.
    fn source_of_missing(&self, label: &str) -> Source {
        if self.pipeline.may_extract(label) {
            Source::Parser
        } else if KeyPatterns::default().knows(label) {
            Source::Message
        } else {
            Source::Host
        }
    }
}

/// Where the value of a key can come from.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Event,
    Parser,
    /// The ids that are found in messages.
    Message,
    /// A join key or key pattern of the host's own, of which the query tells nothing.
    Host,
    None,
}

/// The joins whose keys can never agree.
pub(super) fn mismatches(
    plan: &Plan,
    joins: &[&Join],
    selectors: &[Option<Selector<'_>>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let tries = Tries::default();
    for (join, planned) in joins.iter().zip(&plan.joins) {
        let [left, right] = [planned.left, planned.right].map(|side| plan.streams_of(side));
        let sides = Sides {
            plan,
            left: (left.clone(), &selectors[left]),
            right: (right.clone(), &selectors[right]),
            tries: &tries,
        };
        if join.on.is_empty() {
            diagnostics.extend(join.ignoring.as_ref().and_then(|it| sides.ignoring(it)));
        } else {
            diagnostics.extend(join.on.iter().filter_map(|key| sides.key(key)));
        }
    }
}

/// The streams on both sides of a join, with their selectors; `None` where nothing is known of one, or
/// it is told already that it selects nothing.
struct Sides<'p, 's> {
    plan: &'p Plan,
    left: (Range<usize>, &'s [Option<Selector<'p>>]),
    right: (Range<usize>, &'s [Option<Selector<'p>>]),
    tries: &'s Tries,
}

impl Sides<'_, '_> {
    fn key(&self, key: &Key) -> Option<Diagnostic> {
        let source = self.source(&key.left, &key.right);
        let what = match source {
            Source::None => "nothing matches",
            Source::Host => "no labels match",
            _ => return None,
        };
        let missing =
            self.without(&self.left, &key.left).or_else(|| self.without(&self.right, &key.right));
        let message = match missing {
            Some((name, label)) => format!("{what}: `{name}` has only events without `{label}`"),
            None => format!("{what}: the selectors leave no `{key}` that both sides have"),
        };
        let mut suggestion = "change a selector, or join on another label".to_owned();
        if source == Source::Host {
            suggestion.push_str("; only join keys and key patterns of your own could match here");
        }
        Some(
            Diagnostic::warning(code::QUERY_KEY_MISMATCH, key.span.clone(), message)
                .suggesting(suggestion),
        )
    }

    fn ignoring(&self, ignoring: &Ignoring) -> Option<Diagnostic> {
        let given: Vec<&str> = ignoring.labels.iter().map(|label| label.value.as_str()).collect();
        let selectors = self.left.1.iter().chain(self.right.1).flatten();
        let mut labels: Vec<&str> = selectors.flat_map(Selector::fixed_labels).collect();
        labels.sort_unstable();
        labels.dedup();
        labels.retain(|label| !given.contains(label));
        // Such a key is made of labels only.
        labels.retain(|label| self.source(label, label) >= Source::Message);
        let label = labels.first()?;
        let message = format!(
            "nothing matches: the selectors leave no `{label}` that both sides have, and it is not \
             ignored"
        );
        let all = [given, labels].concat();
        Some(
            Diagnostic::warning(code::QUERY_KEY_MISMATCH, ignoring.span.clone(), message)
                .suggesting(format!("did you mean `ignoring({})`?", list(&all))),
        )
    }

    /// Where the label of some left event and that of some right one could have an equal value from:
    /// the least certain of the two.
    fn source(&self, left: &str, right: &str) -> Source {
        let mut best = Source::None;
        for one in self.left.1 {
            for other in self.right.1 {
                let (Some(one), Some(other)) = (one, other) else { return Source::Event };
                best = best.min(self.source_of_pair((one, left), (other, right)));
                if best == Source::Event {
                    return best;
                }
            }
        }
        best
    }

    fn source_of_pair(&self, left: (&Selector<'_>, &str), right: (&Selector<'_>, &str)) -> Source {
        let half =
            |one: (&Selector<'_>, &str), other: (&Selector<'_>, &str)| match one.0.fixed(one.1) {
                None => Source::Event,
                Some("") => one.0.source_of_missing(one.1),
                Some(value) => other.0.source_of(other.1, value, self.tries),
            };
        half(left, right).max(half(right, left))
    }

    /// A stream of a side and the label, where all streams of the side have only events without it.
    fn without<'a>(
        &'a self,
        side: &(Range<usize>, &[Option<Selector<'_>>]),
        label: &'a str,
    ) -> Option<(&'a str, &'a str)> {
        let lacks = |it: &Option<Selector<'_>>| {
            it.as_ref().is_some_and(|selector| selector.fixed(label) == Some(""))
        };
        let name = &self.plan.streams[side.0.start].name;
        side.1.iter().all(lacks).then_some((name, label))
    }
}
