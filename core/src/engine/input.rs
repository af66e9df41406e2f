//! A source: its decoder, what came from it, and what somebody should know about that.

use std::collections::{BTreeMap, VecDeque};

use super::dedupe::Seen;
use super::flow::{Flow, Posted};
use super::known::Known;
use crate::columns::ColumnNames;
use crate::decode::{self, BadLine, Decoder, Sink, code};
use crate::event::Event;
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
    pub bounded: bool,
    pub metrics: SourceMetrics,
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
        while let Some((_, (more, mut notice))) = self.bad_lines.pop_first() {
            if let Notice::BadLine { count, .. } = &mut notice {
                *count = more;
            }
            outbox.push_back(Posted::Notice(notice));
        }
        self.bad_line_notices = 0;
    }
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
        self.flow.take(self.source, self.input, &event, None);
    }

    fn wants_all(&self) -> bool {
        Known::looks_at(self.input.metrics.events + 1)
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.input.metrics.bad_lines += 1;
        let notice = || Notice::BadLine {
            source: self.source,
            code: bad.code,
            message: bad.message.to_owned(),
            line: bad.line,
            byte: bad.byte,
            count: 1,
        };
        if self.input.bad_line_notices < limits::NOTICES_PER_POLL {
            self.input.bad_line_notices += 1;
            self.flow.outbox.push_back(Posted::Notice(notice()));
        } else {
            self.input.bad_lines.entry(bad.code).or_insert_with(|| (0, notice())).0 += 1;
        }
    }
}
