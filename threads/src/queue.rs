//! Pieces in the order in which they came, and how their sources are read.

use std::collections::VecDeque;
use std::fs::File;

use logbraid_core::decode::Decoder;
use logbraid_core::engine::{Reader, Step};
use logbraid_core::id::SourceId;

use crate::cutter::Cutter;
use crate::piece::{Piece, Slot, Stage};

/// How a source is read.
pub struct Source {
    /// Reads it in order; away while it does.
    pub in_order: Option<Reader>,
    /// Whether its lines can be read apart from each other.
    pub is_apart: bool,
    /// Readers of such lines that have nothing to do.
    pub idle: Vec<Reader>,
    /// A decoder that knows the format, once that is known.
    pub decoder: Decoder,
}

/// A file that is read into a source.
pub struct Attached {
    pub path: String,
    /// Away while it is read; none once it has been read.
    pub file: Option<Box<(File, Cutter)>>,
    pub has_ended: bool,
}

/// Pieces whose order is known: what was pushed, or a file.
#[derive(Default)]
pub struct Queue {
    pub slots: VecDeque<Slot>,
    pub next_ticket: u64,
    /// The source and where it comes from, if it is a file.
    pub file: Option<(SourceId, Attached)>,
}
impl Queue {
    pub fn add(&mut self, source: SourceId, piece: Piece) {
        let (ticket, size) = (self.next_ticket, piece.size());
        self.next_ticket += 1;
        let stage = match piece {
            Piece::Step(step) => Stage::Read(VecDeque::from([step])),
            piece => Stage::Unread(piece),
        };
        self.slots.push_back(Slot { ticket, source, stage, size });
    }

    /// The next step, if it has been read.
    pub fn pop(&mut self) -> Option<Step> {
        loop {
            let Stage::Read(steps) = &mut self.slots.front_mut()?.stage else { return None };
            if let Some(step) = steps.pop_front() {
                return Some(step);
            }
            self.slots.pop_front();
        }
    }

    /// The first piece that can be read now.
    pub fn readable(&self, sources: &[Source]) -> Option<usize> {
        let mut is_tried = 0_u128;
        self.slots.iter().position(|slot| {
            let source = &sources[slot.source.index()];
            let is_unread = matches!(slot.stage, Stage::Unread(_));
            if source.is_apart {
                return is_unread;
            }
            // In order: only the first that is not read.
            let bit = 1_u128.checked_shl(u32::from(slot.source.get())).unwrap_or(0);
            let is_first = is_tried & bit == 0 && !matches!(slot.stage, Stage::Read(_));
            is_tried |= if is_first { bit } else { 0 };
            is_unread && is_first && source.in_order.is_some()
        })
    }

    /// Whether its file, if it is one, has been read to its end.
    pub fn is_read(&self) -> bool {
        self.file.as_ref().is_none_or(|(_, file)| file.file.is_none() && self.slots.is_empty())
    }
}
