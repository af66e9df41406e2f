//! The errors of an engine, by stable code.

use crate::query::Diagnostic;

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
    /// The window does not fit into the memory the engine may use.
    #[error(
        "the window does not fit into {limit} bytes: {held} events over {span_ms} ms of event time \
         take {used} bytes, and the query needs {needed_ms} ms; raise the memory limit to about \
         {needed} bytes, or use a shorter range or within"
    )]
    Memory {
        /// The bound, in bytes.
        limit: usize,
        /// Bytes held when it was passed.
        used: usize,
        /// Events held then.
        held: usize,
        /// Event time they span, in milliseconds.
        span_ms: i64,
        /// Event time the query has to hold, in milliseconds.
        needed_ms: i64,
        /// Bytes it would take, estimated from the above.
        needed: usize,
    },
    /// The window does not fit into the number of events the engine may hold.
    #[error(
        "the window does not fit into {limit} events: they span {span_ms} ms of event time, and the \
         query needs {needed_ms} ms; raise maxEvents to about {needed}, or use a shorter range or \
         within"
    )]
    Events {
        /// The bound.
        limit: usize,
        /// Event time the events span, in milliseconds.
        span_ms: i64,
        /// Event time the query has to hold, in milliseconds.
        needed_ms: i64,
        /// Events it would take, estimated from the above.
        needed: usize,
    },
}

impl Error {
    /// The stable code, the same in every language.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Query(_) => "QUERY_PARSE_ERROR",
            Self::Option { .. } => "INVALID_OPTION",
            Self::Memory { .. } | Self::Events { .. } => "MEMORY_ERROR",
        }
    }
}
