//! The entries of an answer, as lines.

use std::ops::Range;

use super::ResponseContent;
use super::identity::Identity;
use super::json::Json;
use super::seen::Seen;
use crate::encode::rfc3339;
use crate::limits;
use crate::time::Timestamp;

/// What is found in one answer.
#[derive(Debug)]
pub(super) struct Entries {
    lines: Vec<u8>,
    all: Vec<Entry>,
    too_long: bool,
    /// What the server says that it left out, with their times as far as it tells them.
    pub dropped: Vec<Option<Timestamp>>,
    /// For the identities of events.
    pub identity: Identity,
}

#[derive(Debug)]
struct Entry {
    /// `None` only for what is no entry.
    time: Option<Timestamp>,
    id: u128,
    line: Range<usize>,
}

impl Entries {
    pub fn new(seed: u64) -> Self {
        Self {
            lines: Vec::new(),
            all: Vec::new(),
            too_long: false,
            dropped: Vec::new(),
            identity: Identity::new(seed),
        }
    }

    /// An event, which is told from others of its time by `id`.
    pub fn event<'a>(
        &mut self,
        time: Timestamp,
        id: u128,
        message: Json<'_>,
        labels: impl IntoIterator<Item = (Json<'a>, Json<'a>)>,
    ) {
        self.line(Some(time), id, |line| {
            line.extend_from_slice(b"{\"timestamp\":\"");
            line.extend_from_slice(rfc3339(time).as_bytes());
            line.extend_from_slice(b"\",\"message\":");
            write(line, message);
            line.extend_from_slice(b",\"labels\":{");
            for (at, (name, value)) in labels.into_iter().enumerate() {
                if at > 0 {
                    line.push(b',');
                }
                write(line, name);
                line.push(b':');
                write(line, value);
            }
            line.extend_from_slice(b"}}");
        });
    }

    /// What is no entry, as it is, with its time as far as that can be told.
    pub fn no_entry(&mut self, time: Option<Timestamp>, raw: &str) {
        let id = self.identity.text(raw).take();
        self.line(time, id, |line| write(line, Json::Raw(raw)));
    }

    fn line(&mut self, time: Option<Timestamp>, id: u128, write: impl FnOnce(&mut Vec<u8>)) {
        if self.lines.len() > limits::RESPONSE_BYTES {
            self.too_long = true;
            return;
        }
        let start = self.lines.len();
        write(&mut self.lines);
        self.lines.push(b'\n');
        self.all.push(Entry { time, id, line: start..self.lines.len() });
    }

    /// Whether they take too much room, and are incomplete.
    pub fn are_too_long(&self) -> bool {
        self.too_long
    }

    /// Those that have not come before. What has no time comes last, and is always taken for new.
    pub fn take_fresh(mut self, seen: &mut Seen) -> ResponseContent {
        self.all.sort_by_key(|entry| (entry.time.is_none(), entry.time));
        let mut content = ResponseContent {
            entries: self.all.len() as u64,
            first: self.all.first().and_then(|entry| entry.time),
            last: self.all.iter().rev().find_map(|entry| entry.time),
            dropped: self.dropped.len() as u64,
            dropped_from: self.dropped.iter().flatten().min().copied(),
            dropped_to: self.dropped.iter().flatten().max().copied(),
            ..ResponseContent::default()
        };
        for Entry { time, id, line } in self.all {
            if time.is_none_or(|time| seen.insert(time, id)) {
                content.fresh += 1;
                content.lines.extend_from_slice(&self.lines[line]);
            }
        }
        content.remembered_from = seen.remembered_from();
        content
    }
}

/// Writes a value, on one line.
fn write(line: &mut Vec<u8>, value: Json<'_>) {
    match value {
        Json::Text(text) => {
            serde_json::to_writer(line, text).expect("text is JSON, and memory takes it");
        }
        Json::Raw(raw) => {
            let mut at = line.len();
            line.extend_from_slice(raw.as_bytes());
            // Strings of JSON have no line breaks.
            while let Some(next) = memchr::memchr2(b'\n', b'\r', &line[at..]) {
                at += next;
                line[at] = b' ';
            }
        }
    }
}
