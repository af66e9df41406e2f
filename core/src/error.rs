//! The errors of an engine, by stable code.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::limits::MAX_MEMORY_BYTES;
use crate::query::{Diagnostic, Duration};
use crate::time::{NANOS_PER_MILLI, NANOS_PER_SECOND, Span};

/// Why an engine could not be made, or ended before its sources did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The query does not run.
    #[error("the query has {} problem(s): {}", .0.len(), .0.first().map_or("", |d| d.message.as_str()))]
    Query(Vec<Diagnostic>),
    /// An option has a value that makes no sense.
    #[error("option {name}: {message}")]
    Option {
        /// The option.
        name: &'static str,
        /// What was wrong and what was expected.
        message: String,
    },
    /// The query has to hold more than it may.
    #[error("{0}")]
    Memory(Overrun),
}

/// What is known where a query has to hold more than it may: the bound, what is held when it is
/// passed, and what would do, as far as that can be told.
///
/// Displayed it says all of this, and what can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overrun {
    /// The bound.
    pub bound: Bound,
    /// What holds too much.
    pub cause: Cause,
    /// Events held.
    pub held_events: usize,
    /// Bytes they take, by the engine's own accounting, with all that is kept to find them.
    pub held_bytes: usize,
    /// Event time from the oldest to the newest of them.
    pub held_span: Span,
    /// How far back the query has to hold events: the farthest reach of its joins, and the late
    /// tolerance.
    pub window: Span,
    /// The bound that would do, estimated from what the held events are to the window. None where
    /// nothing can be said for sure: too little of the window has been seen, a source has not begun,
    /// or more than the window is held.
    pub needed: Option<usize>,
}

/// A bound of what a query may hold.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Events.
    Events(usize),
    /// Bytes.
    Bytes(usize),
}

/// What holds too much.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Events that are not decided.
    Window,
    /// Results that wait to be polled, while more is pushed.
    Results,
}

impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bound, held_events, held_span, window, .. } = *self;
        let held = match bound {
            Bound::Events(_) => format!("{held_events}"),
            Bound::Bytes(_) => format!("{held_events} events ({})", Mebibytes(self.held_bytes)),
        };
        let (option, limit) = match bound {
            Bound::Events(limit) => ("maxEvents", format!("{limit} events")),
            Bound::Bytes(limit) => ("maxMemoryMB", Mebibytes(limit).to_string()),
        };
        if self.cause == Cause::Results {
            return write!(
                f,
                "results that are not taken hold more than {limit} ({option}): {held}; take them \
                 before more is pushed, or raise {option}"
            );
        }
        let span = Duration(shown(held_span));
        write!(f, "the query needs more than {limit} ({option}): it holds {held} over {span} of ")?;
        let window = Duration(shown(window));
        if held_span > self.window {
            write!(
                f,
                "event time, more than the {window} of its ranges and lateTolerance: a source is \
                 behind the others, or a session goes on"
            )?;
        } else {
            write!(f, "event time, of the {window} of its ranges and lateTolerance; ")?;
            match (self.needed, bound) {
                (None, _) => f.write_str("what these take cannot be told yet")?,
                (Some(needed), Bound::Events(_)) => {
                    write!(f, "at this rate these take about {needed}")?;
                }
                (Some(needed), Bound::Bytes(_)) => {
                    write!(f, "at this rate these take about {}", Mebibytes(needed))?;
                    if needed > MAX_MEMORY_BYTES {
                        let most = Mebibytes(MAX_MEMORY_BYTES);
                        return write!(
                            f,
                            ", and no query may have more than {most}: use a shorter range or within"
                        );
                    }
                }
            }
        }
        write!(f, "; raise {option}, or use a shorter range or within")
    }
}

/// A span without the digits that nobody reads.
fn shown(span: Span) -> Span {
    let unit = match span.as_nanos() {
        nanos if nanos >= 10 * NANOS_PER_SECOND => NANOS_PER_SECOND,
        nanos if nanos >= NANOS_PER_MILLI => NANOS_PER_MILLI,
        _ => 1,
    };
    Span::from_nanos(span.as_nanos() / unit * unit)
}

/// Bytes as the option `maxMemoryMB` counts them, displayed with three digits or so.
struct Mebibytes(usize);

impl fmt::Display for Mebibytes {
    #[allow(clippy::cast_precision_loss)] // There are three digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = self.0 as f64 / f64::from(1 << 20);
        let digits = match amount {
            100.0.. => 0,
            10.0.. => 1,
            1.0.. => 2,
            0.1.. => 3,
            _ => 4,
        };
        let text = format!("{amount:.digits$}");
        let text =
            if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        write!(f, "{text} MiB")
    }
}

/// For programs: sizes in bytes, times in whole milliseconds, the bound and what is needed by the name
/// of what they count.
impl Serialize for Overrun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut facts = serializer.serialize_map(None)?;
        let (bound, limit, needed) = match self.bound {
            Bound::Events(limit) => ("maxEvents", limit, "neededEvents"),
            Bound::Bytes(limit) => ("maxBytes", limit, "neededBytes"),
        };
        facts.serialize_entry(bound, &limit)?;
        facts.serialize_entry("heldEvents", &self.held_events)?;
        facts.serialize_entry("heldBytes", &self.held_bytes)?;
        facts.serialize_entry("heldMs", &self.held_span.as_millis())?;
        facts.serialize_entry("windowMs", &self.window.as_millis())?;
        if let Some(amount) = self.needed {
            facts.serialize_entry(needed, &amount)?;
        }
        facts.end()
    }
}

impl Error {
    /// The stable code, the same in every language.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Query(_) => "QUERY_PARSE_ERROR",
            Self::Option { .. } => "INVALID_OPTION",
            Self::Memory(_) => "MEMORY_ERROR",
        }
    }

    /// What programs may want to know of it, where it ends a running query: serializes as an object.
    pub fn details(&self) -> Option<&Overrun> {
        match self {
            Self::Memory(overrun) => Some(overrun),
            Self::Query(_) | Self::Option { .. } => None,
        }
    }
}
