//! Several engines for one query: each follows the same steps, takes of them the events whose keys are
//! its own, and of the others what the watermark follows from.
//!
//! So all agree on the watermark that an event meets, on its number and on what is late, as one engine
//! for all would have it. Events with different keys have nothing to do with each other.

use super::bounds::around;
use super::flow::{Flow, Posted};
use super::input::Input;
use super::merge::Place;
use super::rows::{Bad, Origin, Part, Row, Rows, Share};
use super::{Correlator, CorrelatorOptions, Step};
use crate::decode::BadLine;
use crate::emit::Emit;
use crate::error::{Cause, Error, Overrun};
use crate::id::{HostEvent, SourceId};
use crate::join::Policy;
use crate::plan::{JoinKind, Operand, Plan};
use crate::stage::PlannedStage;
use crate::time::{Span, Timestamp};
use crate::window::record::Payload;

impl Correlator {
    /// An engine that [follows](Self::follow) steps, and of these takes a share. It says nothing of
    /// which sources may be read: the [`Sequencer`](super::Sequencer) does.
    ///
    /// # Errors
    /// As [`new`](Self::new); and [`Error::Option`] where a query that [cannot be
    /// shared](Self::can_share) is to be.
    pub fn shard(plan: Plan, options: CorrelatorOptions, share: Share) -> Result<Self, Error> {
        let mut engine = Self::new(plan, options)?;
        if share.of > 1 && !engine.can_share() {
            let message = "the query cannot be shared among several engines".to_owned();
            return Err(Error::Option { name: "shardCount", message });
        }
        engine.flow.share = Some(share);
        Ok(engine)
    }

    /// Whether several engines may share the query: all of its joins are on one key, each result is told
    /// once and has that key, and nothing is counted over all results or events, nor told apart over all
    /// of these.
    pub fn can_share(&self) -> bool {
        let Flow { joins, options, plan, .. } = &self.flow;
        let mut stages = plan.stages.stages.iter();
        // A join that picks waits for all that an earlier one may still find, whatever the key.
        let waits_for_others = matches!(joins.policy, Policy::Steps(_)) && plan.joins.len() > 1;
        !waits_for_others
            && joins.shape().tables.len() == 1
            && has_first_key(plan, Operand::Join(plan.joins.len() - 1))
            && options.emit == Emit::Final
            && options.limit.is_none()
            && options.dedupe.is_none()
            && options.max_events.is_none()
            && !stages.any(|stage| matches!(stage, PlannedStage::Limit(_)))
    }

    /// The next step.
    pub fn follow(&mut self, step: &Step) {
        match step {
            Step::Rows(source, rows) => self.take_rows(*source, rows),
            Step::Advance(now) => self.advance(*now),
            Step::Away(source, away) => self.set_away(*source, *away),
            Step::MaxMemory(bytes) => self.change_max_memory(*bytes),
            Step::Close(source) => self.close(*source),
            Step::Pause(source, paused) => self.flow.progress.set_paused(*source, *paused),
            Step::Observe(source, labels) => {
                let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                self.observe(*source, labels);
            }
        }
    }

    /// What the other engines of the query hold, which counts towards the bounds of all.
    pub fn set_beside(&mut self, memory: usize, events: usize) {
        self.flow.bounds.set_beside(memory, events);
    }

    /// What an engine has ended with, as of all engines of its query, which `all` are: they hold
    /// together what is too much.
    pub fn ended_together<'a>(error: Error, all: impl Iterator<Item = &'a Self> + Clone) -> Error {
        let Error::Memory(overrun) = error else { return error };
        let Some(any) = all.clone().next().filter(|_| overrun.cause == Cause::Window) else {
            return Error::Memory(overrun);
        };
        let ends = all.clone().filter_map(|engine| engine.flow.ends(overrun.cause)).reduce(around);
        let held_events = all.clone().map(|engine| engine.flow.open()).sum();
        let held_bytes = all.map(|engine| engine.flow.open_memory()).sum();
        let overrun = Overrun { held_events, held_bytes, ..overrun };
        Error::Memory(any.flow.spanning(&overrun, ends))
    }

    /// The place of the correlation that was polled last.
    pub fn place(&self) -> Place {
        let Flow { polled, polled_is_final, closed_at, closed_by, store, .. } = &self.flow;
        match polled.first() {
            Some(first) if *polled_is_final => {
                Place { close: *closed_at, late: *closed_by, first: store.order(*first) }
            }
            _ => Place::EARLY,
        }
    }

    /// The place before which nothing is that is still to be polled, but for what is closed early; `None`
    /// where nothing comes any more.
    pub fn frontier(&self) -> Option<Place> {
        let Flow { joins, emitter, progress, .. } = &self.flow;
        if self.has_ended() && emitter.backlog() == 0 {
            return None;
        }
        if joins.is_behind() {
            return Some(Place::EARLY);
        }
        let watermark = Timestamp::from_nanos(progress.watermark().as_nanos());
        let next = match joins.policy {
            Policy::Sessions(_) => Place::before(watermark),
            // What a late event makes is closed by the last time that has passed.
            Policy::Steps(_) => {
                let close = watermark.minus(Span::from_nanos(1));
                Place { late: self.flow.arrivals.saturating_add(1), ..Place::before(close) }
            }
        };
        let others = [joins.first_waiting(), emitter.first_close()];
        Some(others.into_iter().flatten().map(Place::before).fold(next, Ord::min))
    }

    /// Decided results that have not been polled.
    pub fn backlog(&self) -> usize {
        self.flow.emitter.backlog()
    }

    /// Events held, and bytes.
    pub fn held(&self) -> (usize, usize) {
        (self.flow.store.held(), self.flow.memory())
    }

    fn take_rows(&mut self, source: SourceId, rows: &Rows) {
        self.flow.begin();
        if let Some(at) = rows.at {
            self.latency.set_clock(at);
            self.latency.arrive(self.flow.arrivals);
        }
        let Self { inputs, flow, .. } = self;
        let share = flow.share.unwrap_or(Share::WHOLE);
        let ignored = flow.end.is_over() || flow.progress.source_ended(source);
        let input = &mut inputs[source.index()];
        if share.is_first() && !ignored {
            flow.take_notes(source, input, rows);
        }
        if share.is_first() {
            let released = rows.unselected.iter().map(|handle| Posted::Released(*handle));
            flow.outbox.extend(released);
        }
        flow.take_share(source, input, rows, share, ignored);
        self.settle();
    }
}

impl Flow {
    /// Takes what concerns no key: counters, bad lines, samples of labels, and which events are late.
    fn take_notes(&mut self, source: SourceId, input: &mut Input, rows: &Rows) {
        let (lines, bytes) = match rows.origin {
            Origin::Source => (0, 0),
            Origin::Block => (input.lines + 1, input.metrics.bytes),
            Origin::Host => (input.metrics.events, 0),
        };
        let place = |bad: &Bad| (bad.line + lines, bad.byte + bytes);
        for bad in &rows.bad {
            let (line, byte) = place(bad);
            input.bad_line(source, BadLine { line, byte, ..bad.view() }, &mut self.outbox);
        }
        for (count, bad) in rows.more_bad.values() {
            let (line, byte) = place(bad);
            input.more_bad_lines(source, BadLine { line, byte, ..bad.view() }, *count);
        }
        for sample in &rows.samples {
            input.known.look(sample.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        }
        input.metrics.events += rows.times.len() as u64;
        input.metrics.bytes += rows.bytes;
        input.lines += rows.lines;
        let mut progress = self.progress.clone();
        if let Some(newest) = rows.newest {
            progress.saw(source, newest);
        }
        // Mostly none is late, which need not be looked at one by one.
        if rows.oldest.is_some_and(|oldest| progress.watermark().makes_late(oldest)) {
            let mut progress = self.progress.clone();
            for time in &rows.times {
                input.late_events += u64::from(progress.watermark().makes_late(*time));
                progress.saw(source, *time);
            }
        }
    }

    /// Takes the events of a share; where they are `ignored`, only to give them back to the host.
    fn take_share(
        &mut self,
        source: SourceId,
        input: &mut Input,
        rows: &Rows,
        share: Share,
        ignored: bool,
    ) {
        let repeated = if ignored { Vec::new() } else { repeats(input, rows) };
        let before = self.arrivals;
        let part = rows.of(share);
        let mut left = part.rows.iter().peekable();
        while let Some(first) = left.next() {
            let event = first.event;
            let mut next = Some(first);
            let is_repeat = repeated.get(event as usize).is_some_and(|is_repeat| *is_repeat);
            let mut is_taken = !ignored && !self.end.is_over();
            if is_taken {
                self.arrivals = before.wrapping_add(event + 1);
                if first.before > Timestamp::MIN {
                    self.follow_time(source, first.before);
                }
                is_taken = !is_repeat && !self.is_outside(first.time);
                if is_taken && !self.has_room() {
                    self.turn_away(source, first.time);
                    is_taken = false;
                }
            }
            let mut held = 0;
            while let Some(row) = next {
                held += u32::from(is_taken && self.take_row(input, part, row));
                next = left.next_if(|row| row.event == event);
            }
            if let Payload::Host(HostEvent { handle, .. }) = part.payload(first) {
                match held {
                    0 => self.outbox.push_back(Posted::Released(handle)),
                    1 => {}
                    several => {
                        self.held_more.insert(handle, several - 1);
                    }
                }
            }
            self.has_twins |= held > 1;
            if !ignored && !self.end.is_over() {
                self.saw(source, first.time, held > 0);
            }
        }
        if ignored || self.end.is_over() {
            return;
        }
        let events = u32::try_from(rows.times.len()).expect("numbers of its events fit");
        self.arrivals = before.wrapping_add(events);
        if let Some(newest) = rows.newest {
            self.saw(source, newest, false);
        }
    }

    fn take_row(&mut self, input: &mut Input, part: &Part, row: &Row) -> bool {
        if self.is_plain
            && !self.progress.watermark().makes_late(row.time)
            && let Some(key) = part.first_key(row)
            && self.enter_plain(row.stream, row.time, part.payload(row), key)
        {
            return true;
        }
        let labels = self.plan.streams[row.stream.index()].kept.len();
        part.load(row, &mut self.reading, labels);
        self.enter(row.stream, input, row.time, part.payload(row), row.hidden)
    }
}

/// Whether each result of an operand has an event of the first join. One that has none is identified
/// without a key, and so counted over all keys.
fn has_first_key(plan: &Plan, operand: Operand) -> bool {
    let join = match operand {
        Operand::Join(join) => &plan.joins[join],
        Operand::Stream(_) => {
            let first = &plan.joins[0];
            return operand == first.left || operand == first.right;
        }
    };
    let [left, right] = [join.left, join.right].map(|side| has_first_key(plan, side));
    match join.kind {
        JoinKind::And | JoinKind::Then => left || right,
        JoinKind::Or | JoinKind::Unless | JoinKind::ThenNot => left,
        JoinKind::Outer => left && right,
    }
}

/// Which events are repeats; empty where none are.
fn repeats(input: &mut Input, rows: &Rows) -> Vec<bool> {
    let Some(seen) = &mut input.seen else { return Vec::new() };
    let events = rows.times.iter().zip(&rows.hashes);
    let repeated: Vec<_> = events.map(|(time, hash)| !seen.is_new_hash(*time, *hash)).collect();
    input.metrics.repeats += repeated.iter().filter(|is_repeat| **is_repeat).count() as u64;
    repeated
}
