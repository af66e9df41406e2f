//! Comparisons: what can be compared with what, and how.

use super::kind::Kind;
use super::{Compiler, plan};
use crate::query::{Diagnostic, Spanned, code, duration, syntax};
use crate::select::{MatchOp, Matcher};
use crate::stage::ast::{ArithmeticOp, Chain, CompareOp, Comparison, Value, Which};
use crate::stage::plan::{Order, Sides, Streams, Text};

/// What the time of an event is called elsewhere.
const TIMES: [&str; 5] = ["timestamp", "time", "datetime", "date", "_time"];

impl Compiler<'_> {
    pub(super) fn comparison(
        &mut self,
        comparison: &Comparison,
        every: bool,
    ) -> Option<plan::Comparison> {
        self.facts.clear();
        let sides = match comparison.op.value {
            CompareOp::Match | CompareOp::NotMatch => self.regex(comparison),
            op => self.sides(comparison, Order::of(op).expect("no other operator takes a regex")),
        };
        let sides = sides?;
        let (left, right) = match &sides {
            Sides::Scalars { left, right, .. } => (left.varies(), right.varies()),
            Sides::Texts { left, right, .. } => (left.varies(), right.varies()),
            Sides::Regex { text, .. } => (text.varies(), Streams::NONE),
        };
        let varies = left.and(right);
        if every {
            self.one_stream(comparison, varies)?;
        }
        let spread = comparison.op.value == CompareOp::Equal && left.len().max(right.len()) > 1;
        if varies.len() > 1 && (left.meets(right) || spread) {
            self.combinations(comparison.span.clone());
            return None;
        }
        Some(plan::Comparison { facts: std::mem::take(&mut self.facts), sides, varies, every })
    }

    fn one_stream(&mut self, comparison: &Comparison, varies: Streams) -> Option<()> {
        let (message, suggestion) = match varies.len() {
            1 => return Some(()),
            0 => (
                "nothing in this comparison is about every event",
                "write `name.label` of one stream in it, without `first` or `last`",
            ),
            _ => (
                "`every` is about the events of one stream, and this comparison names several",
                "take one event of the others with `first(...)` or `last(...)`",
            ),
        };
        self.error(code::STAGE_EVERY, comparison.span.clone(), message).suggest(suggestion);
        None
    }

    fn regex(&mut self, comparison: &Comparison) -> Option<Sides> {
        let Comparison { left, op, right, span } = comparison;
        let spelled = op.value;
        let is_label = matches!(left, Value::Label { .. });
        if !is_label {
            let message = format!("`{spelled}` matches labels, and this is {}", what(left));
            self.error(code::STAGE_TYPE, left.span(), message);
        }
        let Value::Text(pattern) = right else {
            let message = format!("`{spelled}` takes a quoted regex on its right side");
            let suggestion = format!("for instance `app.path {spelled} \"/cart/.*\"`");
            self.error(code::STAGE_TYPE, right.span(), message).suggest(suggestion);
            return None;
        };
        let matcher = Matcher::new(String::new(), MatchOp::Match, pattern.value.clone(), self.size);
        let regex = matcher.map_err(|error| {
            let quoted = self.scope.text.get(pattern.span.clone()).unwrap_or_default();
            let diagnostic = if quoted.starts_with(['"', '\'', '`']) {
                syntax::regex(&error, quoted, pattern.span.start)
            } else {
                let message = format!("this regex does not compile: {error}");
                Diagnostic::error(code::QUERY_REGEX, span.clone(), message)
            };
            self.diagnostics.push(diagnostic);
        });
        let text = self.text(left)?;
        let regex = regex.ok()?.regex.expect("a matcher of `=~` has a regex");
        Some(Sides::Regex { text, negated: spelled == CompareOp::NotMatch, regex })
    }

    fn sides(&mut self, comparison: &Comparison, op: Order) -> Option<Sides> {
        let Comparison { left, right, .. } = comparison;
        let kinds = (Kind::of(left), Kind::of(right));
        let (Some(left_kind), Some(right_kind)) = kinds else {
            self.blame(left);
            self.blame(right);
            return None;
        };
        let is_text = |value: &Value| matches!(value, Value::Text(_) | Value::Label { .. });
        let wanted = match (left_kind, right_kind) {
            (Kind::Label | Kind::Text, Kind::Label) | (Kind::Label, Kind::Text)
                if is_text(left)
                    && is_text(right)
                    && matches!(op, Order::Equal | Order::NotEqual) =>
            {
                return self.texts(comparison, op);
            }
            (Kind::Label, Kind::Label) => Kind::Number,
            (Kind::Label, other @ (Kind::Number | Kind::Duration))
            | (other @ (Kind::Number | Kind::Duration), Kind::Label) => other,
            (Kind::Time, Kind::Text) | (Kind::Text, Kind::Time) => Kind::Time,
            (left, right) if left == right && left != Kind::Text => left,
            _ => {
                self.mismatch(comparison, left_kind, right_kind);
                return None;
            }
        };
        let (left, right) = (self.expr(left, wanted), self.expr(right, wanted));
        Some(Sides::Scalars { left: left?, op, right: right? })
    }

    fn texts(&mut self, comparison: &Comparison, op: Order) -> Option<Sides> {
        let sides = [&comparison.left, &comparison.right];
        let empty = sides.into_iter().find_map(|side| match side {
            Value::Text(text) if text.value.is_empty() => Some(text),
            _ => None,
        });
        if let (Some(text), Order::Equal) = (empty, op) {
            let message = "no label is the empty text: a missing label satisfies no comparison";
            self.error(code::STAGE_TYPE, text.span.clone(), message)
                .suggest("write `not (app.user != \"\")` where no event has the label");
            return None;
        }
        let [left, right] = sides.map(|side| self.text(side));
        Some(Sides::Texts { left: left?, negated: op == Order::NotEqual, right: right? })
    }

    /// A label or a quoted text.
    fn text(&mut self, value: &Value) -> Option<Text> {
        match value {
            Value::Label { stream, which, label, .. } => {
                let stream = self.stream_called(&stream.value)?;
                let place = self.place(stream, label);
                Some(Text::Label { stream, which: *which, place })
            }
            Value::Text(text) => Some(Text::Literal(text.value.clone())),
            _ => None,
        }
    }

    /// Reports the first arithmetic of a value that makes no sense.
    fn blame(&mut self, value: &Value) {
        let Value::Chain(Chain { first, rest, .. }) = value else { return };
        let Some(mut left) = Kind::of(first) else { return self.blame(first) };
        for link in rest {
            let Some(right) = Kind::of(&link.value) else { return self.blame(&link.value) };
            let op = link.op.value;
            let Some(next) = left.with(op, right) else {
                let words = match op {
                    ArithmeticOp::Add => ("add", "to"),
                    ArithmeticOp::Subtract => ("subtract", "from"),
                    ArithmeticOp::Multiply => ("multiply", "by"),
                    ArithmeticOp::Divide => ("divide", "by"),
                };
                let (one, other) = if op.is_sum() {
                    (right.name(), left.name())
                } else {
                    (left.name(), right.name())
                };
                let message = format!("cannot {} {one} {} {other}", words.0, words.1);
                let suggestion = match (left, right) {
                    (Kind::Time, Kind::Time) => {
                        Some("`b.ts - a.ts` is the duration between two times")
                    }
                    (Kind::Duration | Kind::Time, Kind::Number)
                    | (Kind::Number, Kind::Duration) => {
                        Some("give the number a unit, such as `5s`")
                    }
                    (Kind::Text, _) | (_, Kind::Text) => {
                        Some("numbers and durations are written without quotes")
                    }
                    _ => None,
                };
                let meant = self.time_meant(first).or_else(|| self.time_meant(&link.value));
                let suggestion = meant.or_else(|| suggestion.map(str::to_owned));
                let diagnostic = self.error(code::STAGE_TYPE, link.op.span.clone(), message);
                if let Some(suggestion) = suggestion {
                    diagnostic.suggest(suggestion);
                }
                return;
            };
            left = next;
        }
    }

    /// What to write in place of a label in `value` that is called like the time of an event, which is
    /// no label.
    fn time_meant(&self, value: &Value) -> Option<String> {
        match value {
            Value::Chain(Chain { first, rest, .. }) => self
                .time_meant(first)
                .or_else(|| rest.iter().find_map(|link| self.time_meant(&link.value))),
            Value::Label { label, span, .. } if TIMES.contains(&label.to_lowercase().as_str()) => {
                let event = self.scope.text.get(span.clone())?.strip_suffix(label)?;
                Some(format!("the time of an event is no label: `{}ts`", syntax::shown(event)))
            }
            _ => None,
        }
    }

    fn mismatch(&mut self, comparison: &Comparison, left: Kind, right: Kind) {
        let op = comparison.op.value;
        let is_order = !matches!(op, CompareOp::Equal | CompareOp::NotEqual);
        let text = [&comparison.left, &comparison.right].into_iter().find_map(|side| match side {
            Value::Text(text) => Some(text),
            _ => None,
        });
        let (message, suggestion) = match (left, right, text) {
            (Kind::Text, Kind::Text, _) => (
                "both sides are fixed texts".to_owned(),
                Some("write a label as `name.label`, without quotes".to_owned()),
            ),
            (Kind::Label, Kind::Text, _) | (Kind::Text, Kind::Label, _) => {
                let message = if is_order {
                    format!("`{op}` compares numbers, durations and times, not texts")
                } else {
                    "arithmetic on labels gives a number or a duration, not a text".to_owned()
                };
                (message, Some("texts are compared with `=`, `!=`, `=~` and `!~`".to_owned()))
            }
            (_, _, Some(_)) => {
                (format!("{} cannot be compared with {}", left.name(), right.name()), None)
            }
            (Kind::Label, Kind::Time, _) | (Kind::Time, Kind::Label, _) => (
                "a label is no time".to_owned(),
                Some("the time of an event is `name.ts`".to_owned()),
            ),
            (Kind::Time, _, _) | (_, Kind::Time, _) => (
                format!("{} cannot be compared with {}", left.name(), right.name()),
                Some("the difference of two times is a duration: `b.ts - a.ts > 2s`".to_owned()),
            ),
            _ => {
                let sides = [&comparison.left, &comparison.right];
                let written = sides.into_iter().any(|side| matches!(side, Value::Number(_)));
                let suggestion = written.then(|| "give the number a unit, such as `2s`".to_owned());
                (format!("{} cannot be compared with {}", left.name(), right.name()), suggestion)
            }
        };
        let suggestion = text
            .filter(|_| left != right)
            .and_then(unquoted)
            .or_else(|| self.time_meant(&comparison.left))
            .or_else(|| self.time_meant(&comparison.right))
            .or(suggestion);
        let diagnostic = self.error(code::STAGE_TYPE, comparison.span.clone(), message);
        if let Some(suggestion) = suggestion {
            diagnostic.suggest(suggestion);
        }
    }
}

/// What a value is, in words.
fn what(value: &Value) -> &'static str {
    match value {
        Value::Chain(_) => "arithmetic",
        Value::Label { which: Which::Any, .. } => "a label",
        value => Kind::of(value).map_or("arithmetic", Kind::name),
    }
}

/// How a number or duration in quotes is written.
fn unquoted(text: &Spanned<String>) -> Option<String> {
    let value = text.value.trim();
    let number = value.parse::<f64>().is_ok() || duration::parse(value).is_ok();
    number.then(|| format!("write `{}` without quotes", syntax::shown(value)))
}
