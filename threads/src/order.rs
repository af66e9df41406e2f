//! One order for what has been read, and which sources may be read.

use std::sync::Arc;

use logbraid_core::engine::{Load, Output, Step};
use logbraid_core::id::SourceId;

use crate::queue::Attached;
use crate::state::{STEPS, State};

impl State {
    /// Brings what has been read into the one order in which the engines follow.
    pub fn put_in_order(&mut self) {
        while self.steps.len() <= self.threads + STEPS {
            let Some(step) = self.next_step() else { break };
            if let Step::Rows(_, rows) = &step {
                self.parted.extend(rows.parted().iter().copied());
            }
            self.sequencer.follow(&step);
            self.steps.push_back(Arc::new(step));
            self.pace();
        }
    }

    pub fn next_step(&mut self) -> Option<Step> {
        if let Some(step) = self.queues[0].pop() {
            return Some(step);
        }
        // Of files the first that may be read, as one thread would.
        let sequencer = &self.sequencer;
        let queue = self.queues.iter_mut().find(|queue| {
            let may_go_on = |(source, file): &(SourceId, Attached)| {
                !file.has_ended && !sequencer.is_paused(*source)
            };
            queue.file.as_ref().is_some_and(may_go_on)
        })?;
        let step = queue.pop()?;
        if let (Step::Close(_), Some((_, file))) = (&step, &mut queue.file) {
            file.has_ended = true;
        }
        Some(step)
    }

    /// Decides anew which sources may be read.
    pub fn pace(&mut self) {
        if self.is_over() {
            return;
        }
        // A host is behind that leaves what is there for it, and as much again waits.
        let backlog: usize = self.engines.iter().map(|engine| engine.backlog).sum();
        let is_behind = self.is_eager || self.out_results >= self.buffer_size;
        let results = if is_behind { self.merge.waiting() + backlog } else { 0 };
        let load = Load {
            results,
            backlog,
            memory: self.engines.iter().map(|engine| engine.held.1).sum(),
            events: self.engines.iter().map(|engine| engine.held.0).sum(),
        };
        for (source, why) in self.sequencer.pace(load) {
            let output = match why {
                Some(why) => Output::Pause(source, why),
                None => Output::Resume(source),
            };
            (self.write)(&mut self.out, &output);
            self.steps.push_back(Arc::new(Step::Pause(source, why.is_some())));
        }
    }
}
