//! A source: its decoder, what came from it, and what somebody should know about that.

use std::collections::{BTreeMap, VecDeque};

use super::dedupe::Seen;
use super::flow::{Flow, Posted};
use super::known::Known;
use super::reading::Routes;
use crate::columns::ColumnNames;
use crate::decode::{self, BadLine, Decoder, Sink, code};
use crate::event::{Event, Fields};
use crate::id::SourceId;
use crate::limits;
use crate::metrics::SourceMetrics;
use crate::output::Notice;
use crate::time::{Span, Timestamp};

/// A source and how far it is.
#[derive(Debug)]
pub(super) struct Input {
    pub decoder: Option<Decoder>,
    pub columns: ColumnNames,
    /// What is read of an event of the host.
    pub hosted: Fields,
    pub routes: Routes,
    pub bounded: bool,
    /// How far its clock is ahead.
    pub clock_skew: Span,
    pub metrics: SourceMetrics,
    /// Lines read, of sources that are read apart.
    pub lines: u64,
    /// Events decoded that were late.
    pub late_events: u64,
    pub late_notice: Option<(u64, Timestamp, Span)>,
    pub bad_lines: BTreeMap<&'static str, (u64, Notice)>,
    pub bad_line_notices: usize,
    /// To tell repeats, where these are dropped.
    pub seen: Option<Seen>,
    /// To complete queries with.
    pub known: Known,
}

impl Input {
    /// Posts what was noticed since the last poll.
    pub fn post(&mut self, source: SourceId, outbox: &mut VecDeque<Posted>) {
        if let Some((count, time, behind)) = self.late_notice.take() {
            let notice = Notice::LateEvents { source, count, time, behind };
            outbox.push_back(Posted::Notice(notice));
        }
        self.bad_line_notices = 0;
        while let Some((_, (more, mut notice))) = self.bad_lines.pop_first() {
            if let Notice::BadLine { count, .. } = &mut notice {
                *count = more;
            }
            outbox.push_back(Posted::Notice(notice));
        }
    }

    /// Notes a line that could not be used.
    pub fn bad_line(&mut self, source: SourceId, bad: BadLine<'_>, outbox: &mut VecDeque<Posted>) {
        if self.bad_line_notices < limits::NOTICES_PER_POLL {
            self.metrics.bad_lines += 1;
            self.bad_line_notices += 1;
            outbox.push_back(Posted::Notice(notice(source, bad)));
        } else {
            self.more_bad_lines(source, bad, 1);
        }
    }

    /// Notes so many lines of one code that could not be used, of which this is the first.
    pub fn more_bad_lines(&mut self, source: SourceId, bad: BadLine<'_>, count: u64) {
        self.metrics.bad_lines += count;
        self.bad_lines.entry(bad.code).or_insert_with(|| (0, notice(source, bad))).0 += count;
    }
}

fn notice(source: SourceId, bad: BadLine<'_>) -> Notice {
    let BadLine { code, message, line, byte } = bad;
    Notice::BadLine { source, code, message: message.to_owned(), line, byte, count: 1 }
}

/// Takes what a decoder finds.
pub(super) struct Intake<'a> {
    pub flow: &'a mut Flow,
    pub input: &'a mut Input,
    pub source: SourceId,
}

impl Intake<'_> {
    /// Tells that the last event of the host lost labels; its line is how many there have been.
    pub fn tell_dropped(&mut self, labels: usize) {
        if labels > 0 {
            let message = decode::labels_dropped(labels);
            let (code, line) = (code::EVENT_TOO_MANY_LABELS, self.input.metrics.events);
            self.bad_line(BadLine { code, message: &message, line, byte: 0 });
        }
    }
}

impl Sink for Intake<'_> {
    fn event(&mut self, event: Event<'_>) {
        let event = Event { time: event.time.minus(self.input.clock_skew), ..event };
        self.flow.take(self.source, self.input, &event, None);
    }

    fn wants_all(&self) -> bool {
        Known::looks_at(self.input.metrics.events + 1)
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.input.bad_line(self.source, bad, &mut self.flow.outbox);
    }
}
