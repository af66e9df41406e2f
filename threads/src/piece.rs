//! A piece of a source on its way to the engines: as it came, being read, or read.

use std::collections::VecDeque;

use logbraid_core::columns::{ColumnError, HostEvents};
use logbraid_core::engine::{Reader, Step};
use logbraid_core::id::{HostHandle, SourceId};
use logbraid_core::time::Span;

use crate::cutter::Block;

/// Bytes up to which a piece takes in what is pushed next.
const SMALL: usize = 64 << 10;

/// What came, and when.
#[derive(Debug)]
pub enum Piece {
    Lines(Block, Option<Span>),
    Events(Box<OwnedEvents>, Option<Span>),
    /// Nothing more for now.
    Flush,
    /// The last line, if it is unfinished, and nothing more.
    Close(Block),
    /// What is as it will be.
    Step(Step),
}

impl Piece {
    pub fn size(&self) -> usize {
        match self {
            Self::Lines(block, _) | Self::Close(block) => block.bytes.len(),
            Self::Events(events, _) => events.size(),
            Self::Flush | Self::Step(_) => 0,
        }
    }

    /// The events of the host in it.
    pub fn handles(&self) -> impl Iterator<Item = HostHandle> + use<'_> {
        let events = match self {
            Self::Events(events, _) => events.handles.as_slice(),
            _ => &[],
        };
        events.iter().map(|handle| HostHandle(*handle))
    }

    /// Takes in lines that follow this piece, if they make no large one of it.
    pub fn append(&mut self, next: &Self) -> bool {
        let (Self::Lines(own, _), Self::Lines(other, _)) = (self, next) else { return false };
        let fits = other.left_out == 0 && own.bytes.len() + other.bytes.len() <= SMALL;
        if fits {
            own.bytes.extend_from_slice(&other.bytes);
        }
        fits
    }

    /// What it makes, as read by `reader`, and the room that its bytes had.
    pub fn read(
        self,
        source: SourceId,
        reader: &mut Reader,
    ) -> Result<(VecDeque<Step>, Vec<u8>), ColumnError> {
        let mut steps = VecDeque::new();
        let mut room = Vec::new();
        match self {
            Self::Lines(block, at) => {
                let mut rows = reader.read(&block.bytes, block.left_out);
                if let Some(at) = at {
                    rows.set_arrival(at);
                }
                steps.push_back(Step::Rows(source, Box::new(rows)));
                room = block.bytes;
            }
            Self::Events(events, at) => {
                let mut rows = reader.read_events(&events.view())?;
                if let Some(at) = at {
                    rows.set_arrival(at);
                }
                steps.push_back(Step::Rows(source, Box::new(rows)));
            }
            Self::Flush => steps.push_back(Step::Rows(source, Box::new(reader.flush()))),
            Self::Close(block) => {
                if !block.bytes.is_empty() {
                    let rows = reader.read(&block.bytes, block.left_out);
                    steps.push_back(Step::Rows(source, Box::new(rows)));
                }
                steps.push_back(Step::Rows(source, Box::new(reader.close())));
                steps.push_back(Step::Close(source));
            }
            Self::Step(step) => steps.push_back(step),
        }
        Ok((steps, room))
    }
}

/// How far a piece is.
#[derive(Debug)]
pub enum Stage {
    Unread(Piece),
    Reading,
    Read(VecDeque<Step>),
}

/// A piece in its queue.
#[derive(Debug)]
pub struct Slot {
    /// Tells it from others of the queue.
    pub ticket: u64,
    pub source: SourceId,
    pub stage: Stage,
    pub size: usize,
}

/// [`HostEvents`] that own their columns.
#[derive(Debug)]
pub struct OwnedEvents {
    handles: Vec<u32>,
    millis: Vec<f64>,
    nanos: Vec<u32>,
    texts: String,
    ends: Vec<u32>,
    weights: Vec<u32>,
}

impl OwnedEvents {
    pub fn of(events: &HostEvents<'_>) -> Self {
        Self {
            handles: events.handles.to_vec(),
            millis: events.millis.to_vec(),
            nanos: events.nanos.to_vec(),
            texts: events.texts.to_owned(),
            ends: events.ends.to_vec(),
            weights: events.weights.to_vec(),
        }
    }

    fn size(&self) -> usize {
        let hosted: usize = self.weights.iter().map(|weight| *weight as usize).sum();
        self.texts.len() + self.handles.len() * size_of::<f64>() + hosted
    }

    fn view(&self) -> HostEvents<'_> {
        HostEvents {
            handles: &self.handles,
            millis: &self.millis,
            nanos: &self.nanos,
            texts: &self.texts,
            ends: &self.ends,
            weights: &self.weights,
        }
    }
}
