//! What the engine has to say: correlations, notices, and which sources may be read.

use serde::Serialize;

use crate::correlation::Correlation;
use crate::error::Error;
use crate::id::{HostHandle, SourceId};
use crate::time::{Span, Timestamp};

/// What the engine has to say.
#[derive(Debug)]
pub enum Output<'a> {
    /// A correlation.
    Correlation(Correlation<'a>),
    /// Something about the input that somebody should know.
    Notice(Notice),
    /// Do not read this source for now, and why.
    Pause(SourceId, PauseReason),
    /// Read this source again.
    Resume(SourceId),
    /// The engine no longer needs this event of the host.
    Released(HostHandle),
    /// Nothing will come any more; why, if the sources have not simply ended.
    End(Option<Error>),
}

/// Why a source may not be read for now.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PauseReason {
    /// It is ahead of the others in event time.
    Ahead,
    /// Results wait to be polled, as many as may.
    Consumer,
}

/// Why an event was dropped.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DropReason {
    /// It was the oldest when the engine held as much as it may hold.
    Evicted,
    /// It would have joined a correlation that has been closed as truncated.
    Truncated,
}

/// Something about the input that somebody should know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Lines that could not be used. Between two polls each source reports the first few
    /// (`limits::NOTICES_PER_POLL`) one by one and the rest of the same code together.
    BadLine {
        /// The source.
        source: SourceId,
        /// A stable code, such as `LINE_NOT_JSON`.
        code: &'static str,
        /// What was wrong and what was expected, for the first of them.
        message: String,
        /// The line of the first, from 1.
        line: u64,
        /// The byte at which that starts, from 0.
        byte: u64,
        /// How many.
        count: u64,
    },
    /// Events that were late, since the last poll.
    LateEvents {
        /// The source.
        source: SourceId,
        /// How many.
        count: u64,
        /// The time of the first of them.
        time: Timestamp,
        /// How far that was behind the watermark.
        behind: Span,
    },
    /// Events were dropped, since the last poll.
    Dropped {
        /// The source.
        source: SourceId,
        /// Why.
        reason: DropReason,
        /// How many.
        count: u64,
        /// The time of the newest of them.
        time: Timestamp,
    },
    /// The engine holds more than four fifths of the bytes it may hold; told again once it had held
    /// less than three fifths.
    MemoryWarning {
        /// Bytes held.
        used: usize,
        /// The bound.
        max: usize,
    },
    /// A bounded source has ended of whose events more than half were late: it runs backwards in
    /// time, or is far from sorted.
    RunsBackwards {
        /// The source.
        source: SourceId,
        /// Its events.
        events: u64,
        /// Those that were late.
        late: u64,
    },
}
