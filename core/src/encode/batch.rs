//! Batches of outputs.
//!
//! A batch is a sequence of records, all numbers little endian: `u32` length of what follows, `u8`
//! kind.
//!
//! - Kind 1 is a correlation. `u8` flags: 1 final, 2 truncated, 4 withdrawn, 8 has an event of the
//!   host. `u32` revision. `u128` id. `u32` number of events, then of each `u16` stream position, `u8`
//!   payload kind (0 bytes, 1 host event), `i64` nanoseconds, and either `u32` length and the bytes, or
//!   the host's `u32`. Then `u32` number and `u128` ids of what it replaces, its labels, and of each join
//!   the key that was found: these as `u32` number of pairs, and of each name and value, as `u32` length
//!   and text.
//! - Kind 2 is a notice, as JSON text.
//! - Kind 3 is the `u32`s of host events that are released.
//!
//! What is in an event or around it is the engine's bytes: nothing becomes text for a consumer that
//! does not look. See [`Recipe`](super::Recipe).

use serde::Serialize;

use super::rfc3339;
use crate::correlation::{Correlation, Pairs, Payload};
use crate::error::Overrun;
use crate::id::{HostEvent, HostHandle};
use crate::output::{DropReason, Notice, Output, PauseReason};

pub(super) const CORRELATION: u8 = 1;
pub(super) const NOTICE: u8 = 2;
const RELEASED: u8 = 3;

pub(super) const FINAL: u8 = 1;
pub(super) const TRUNCATED: u8 = 2;
pub(super) const WITHDRAWN: u8 = 4;
const HAS_HOST_EVENTS: u8 = 8;

pub(super) const RAW: u8 = 0;
pub(super) const HOST: u8 = 1;

/// Bytes that a cleared batch keeps for the next.
const SPARE: usize = 256 << 10;

/// A batch being written; to be cleared and used again.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    released: Vec<HostHandle>,
    records: usize,
}

impl Batch {
    /// How many records it has. Released host events count together as one, at the end.
    pub fn len(&self) -> usize {
        self.records + usize::from(!self.released.is_empty())
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes it has so far.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes.
    pub fn finish(&mut self) -> &[u8] {
        let released = std::mem::take(&mut self.released);
        if !released.is_empty() {
            self.record(RELEASED, |bytes| {
                bytes.extend(released.iter().flat_map(|handle| handle.0.to_le_bytes()));
            });
        }
        self.released = released;
        self.released.clear();
        &self.bytes
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(SPARE);
        self.released.clear();
        self.records = 0;
    }

    fn record(&mut self, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.push(kind);
        write(&mut self.bytes);
        patch_length(&mut self.bytes, start);
        self.records += 1;
    }

    fn notice(&mut self, notice: &NoticeJson<'_>) {
        self.record(NOTICE, |bytes| {
            serde_json::to_writer(bytes, notice).expect("a notice is plain data");
        });
    }
}

/// Writes the length of everything after the 4 bytes at `start` into them.
fn patch_length(bytes: &mut [u8], start: usize) {
    let length = u32::try_from(bytes.len() - start - 4).expect(FITS);
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum NoticeJson<'a> {
    BadLine {
        source: usize,

        code: &'a str,
        message: &'a str,
        line: u64,
        byte: u64,
        count: u64,
    },
    #[serde(rename_all = "camelCase")]
    LateEvent {
        source: usize,

        count: u64,
        time: String,
        behind_ms: i64,
    },
    RunsBackwards {
        source: usize,

        events: u64,
        late: u64,
    },
    EventDropped {
        source: usize,
        reason: DropReason,
        count: u64,
        time: String,
    },
    MemoryWarning {
        used: usize,
        max: usize,
    },
    Pause {
        source: usize,
        reason: PauseReason,
    },
    Resume {
        source: usize,
    },
    Error {
        code: &'a str,
        message: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        details: Option<&'a Overrun>,
    },
    End,
}

/// Appends an output to the bytes of a batch, as a record of its own.
pub fn append_output(bytes: &mut Vec<u8>, output: &Output<'_>) {
    let mut batch = Batch { bytes: std::mem::take(bytes), ..Batch::default() };
    write_output(&mut batch, output);
    batch.finish();
    *bytes = batch.bytes;
}

/// Appends host events that are released to the bytes of a batch.
pub fn append_released(bytes: &mut Vec<u8>, released: Vec<HostHandle>) {
    let mut batch = Batch { bytes: std::mem::take(bytes), released, ..Batch::default() };
    batch.finish();
    *bytes = batch.bytes;
}

/// Adds an output to a batch.
pub fn write_output(batch: &mut Batch, output: &Output<'_>) {
    let notice = match output {
        Output::Correlation(correlation) => {
            batch.record(CORRELATION, |bytes| write_correlation(bytes, correlation));
            return;
        }
        Output::Released(handle) => {
            batch.released.push(*handle);
            return;
        }
        Output::Pause(source, reason) => {
            NoticeJson::Pause { source: source.index(), reason: *reason }
        }
        Output::Resume(source) => NoticeJson::Resume { source: source.index() },
        Output::End(None) => NoticeJson::End,
        Output::End(Some(error)) => NoticeJson::Error {
            code: error.code(),
            message: error.to_string(),
            details: error.details(),
        },
        Output::Notice(notice) => match notice {
            Notice::BadLine { source, code, message, line, byte, count } => NoticeJson::BadLine {
                source: source.index(),
                code,
                message,
                line: *line,
                byte: *byte,
                count: *count,
            },
            Notice::LateEvents { source, count, time, behind } => NoticeJson::LateEvent {
                source: source.index(),
                count: *count,
                time: rfc3339(*time),
                behind_ms: behind.as_millis(),
            },
            Notice::Dropped { source, reason, count, time } => NoticeJson::EventDropped {
                source: source.index(),
                reason: *reason,
                count: *count,
                time: rfc3339(*time),
            },
            Notice::MemoryWarning { used, max } => {
                NoticeJson::MemoryWarning { used: *used, max: *max }
            }
            Notice::RunsBackwards { source, events, late } => {
                NoticeJson::RunsBackwards { source: source.index(), events: *events, late: *late }
            }
        },
    };
    batch.notice(&notice);
}

fn write_correlation(bytes: &mut Vec<u8>, correlation: &Correlation<'_>) {
    let flags_at = bytes.len();
    let mut flags = 0;
    for (flag, is_set) in [
        (FINAL, correlation.is_final()),
        (TRUNCATED, correlation.is_truncated()),
        (WITHDRAWN, correlation.is_withdrawn()),
    ] {
        flags |= if is_set { flag } else { 0 };
    }
    bytes.push(flags);
    bytes.extend_from_slice(&correlation.revision().to_le_bytes());
    bytes.extend_from_slice(&correlation.id().0.to_le_bytes());
    let count_at = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    let mut count = 0_u32;
    for event in correlation.events() {
        count += 1;
        bytes.extend_from_slice(&event.stream.get().to_le_bytes());
        let payload = event.payload();
        bytes.push(match payload {
            Payload::Raw(_) => RAW,
            Payload::Host(_) => HOST,
        });
        bytes.extend_from_slice(&event.time.as_nanos().to_le_bytes());
        match payload {
            Payload::Raw(raw) => write_text(bytes, raw),
            Payload::Host(HostEvent { handle, .. }) => {
                flags |= HAS_HOST_EVENTS;
                bytes.extend_from_slice(&handle.0.to_le_bytes());
            }
        }
    }
    bytes[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
    bytes[flags_at] = flags;
    write_length(bytes, correlation.replaces().len());
    for replaced in correlation.replaces() {
        bytes.extend_from_slice(&replaced.0.to_le_bytes());
    }
    write_pairs(bytes, &correlation.labels());
    for key in correlation.found_keys() {
        write_pairs(bytes, &key);
    }
}

fn write_pairs(bytes: &mut Vec<u8>, pairs: &Pairs<'_>) {
    write_length(bytes, pairs.len());
    for (name, value) in pairs {
        write_text(bytes, name);
        write_text(bytes, value);
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    write_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn write_length(bytes: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect(FITS);
    bytes.extend_from_slice(&length.to_le_bytes());
}

/// Why every length in a record is a `u32`.
const FITS: &str = "limits::MAX_MEMORY_BYTES keeps a record below 4 GiB";
