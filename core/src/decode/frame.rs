//! Lines out of bytes that are cut anywhere.
//!
//! Owns line endings (LF, CRLF), the place of a line in its source, and what makes a line unusable
//! whatever its format: length, NULs, invalid UTF-8. Knows no format. A line that lies within one
//! push is not copied, nor looked at; only the unfinished rest is kept, never more than
//! [`limits::MAX_EVENT_BYTES`] of it.

use std::str::Utf8Error;

use memchr::{memchr, memrchr};

use super::code;
use crate::limits;

/// How much of the beginning of an unusable line is shown to a format, to tell whether the line
/// would have begun an event.
const HEAD_BYTES: usize = 1 << 10;

/// Whole lines, one after the other, and where the first starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    /// The first line, from 1.
    pub line: u64,
    /// Its first byte in the source, from 0.
    pub byte: u64,
    /// The lines with their endings, which only the last may lack.
    pub bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// The first line, with or without its ending, and how many bytes the line has with it.
    pub fn first(&self) -> (Frame<'a>, usize) {
        let end = memchr(b'\n', self.bytes);
        let (line, length) =
            end.map_or((self.bytes, self.bytes.len()), |end| (&self.bytes[..end], end + 1));
        (Frame { line: self.line, byte: self.byte, text: text(line, self.line == 1) }, length)
    }

    /// Passes over the first lines, which have that many bytes.
    pub fn pass(&mut self, lines: u64, length: usize) {
        self.bytes = &self.bytes[length..];
        self.byte += self::length(length);
        self.line += lines;
    }
}

/// A line and where it starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// The line, from 1.
    pub line: u64,
    /// Its first byte in the source, from 0.
    pub byte: u64,
    /// Its text without the ending.
    pub text: Result<&'a str, Broken<'a>>,
}

/// Why a line is no text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broken<'a> {
    pub code: &'static str,
    pub message: &'static str,
    /// The beginning of the line, as far as it is text.
    pub head: &'a str,
}

/// Cuts bytes into lines.
#[derive(Debug)]
pub(super) struct Framer {
    /// The unfinished line, as far as it has come.
    partial: Vec<u8>,
    /// The unfinished line is too long and has been reported: its rest is passed over.
    skipping: bool,
    /// The number of the unfinished line.
    line: u64,
    /// Where it starts.
    byte: u64,
    /// How many of its bytes have come.
    length: u64,
}

impl Framer {
    pub fn new() -> Self {
        Self::new_at(1)
    }

    /// One whose first line has this number; only number 1 begins a source.
    pub fn new_at(line: u64) -> Self {
        Self { partial: Vec::new(), skipping: false, line, byte: 0, length: 0 }
    }

    /// The number of the unfinished line.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Calls `each` for the lines that `bytes` complete, with one block or several; it tells how many
    /// lines there were.
    pub fn push(&mut self, bytes: &[u8], each: &mut dyn FnMut(Block<'_>) -> u64) {
        let mut rest = bytes;
        if self.length > 0 {
            let Some(end) = memchr(b'\n', rest) else { return self.keep(rest, each) };
            self.keep(&rest[..end], each);
            if self.skipping {
                self.skipping = false;
            } else {
                self.partial.push(b'\n');
                each(self.partial());
                self.partial.clear();
            }
            self.byte += self.length + 1;
            self.line += 1;
            self.length = 0;
            rest = &rest[end + 1..];
        }
        if let Some(end) = memrchr(b'\n', rest) {
            let (bytes, unfinished) = rest.split_at(end + 1);
            self.line += each(Block { line: self.line, byte: self.byte, bytes });
            self.byte += length(bytes.len());
            rest = unfinished;
        }
        self.keep(rest, each);
    }

    /// There are no more bytes: the unfinished rest is a line.
    pub fn close(&mut self, each: &mut dyn FnMut(Block<'_>) -> u64) {
        if !self.partial.is_empty() {
            each(self.partial());
            self.partial.clear();
        }
        self.skipping = false;
        self.byte += self.length;
        self.length = 0;
    }

    /// Keeps of a piece of the unfinished line what can matter: one byte for a CR and one that proves
    /// the line too long. Then it is reported at once.
    fn keep(&mut self, piece: &[u8], each: &mut dyn FnMut(Block<'_>) -> u64) {
        self.length += length(piece.len());
        if self.skipping {
            return;
        }
        let room = (limits::MAX_EVENT_BYTES + 2).saturating_sub(self.partial.len());
        self.partial.extend_from_slice(&piece[..piece.len().min(room)]);
        if self.partial.len() > limits::MAX_EVENT_BYTES + 1 {
            each(self.partial());
            self.partial = Vec::new();
            self.skipping = true;
        }
    }

    /// The unfinished line, as far as it has come.
    fn partial(&self) -> Block<'_> {
        Block { line: self.line, byte: self.byte, bytes: &self.partial }
    }
}

fn text(bytes: &[u8], first: bool) -> Result<&str, Broken<'_>> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let too_long = bytes.len() > limits::MAX_EVENT_BYTES;
    let mark: &[u8] = if first { b"\xEF\xBB\xBF" } else { b"" };
    let bytes = bytes.strip_prefix(mark).unwrap_or(bytes);
    if too_long {
        let message = "the line is longer than 1 MiB: is it a log?";
        return Err(Broken { code: code::LINE_TOO_LONG, message, head: head(bytes) });
    }
    if let Some(at) = memchr(0, bytes) {
        let message = "the line has NUL bytes: is it a binary file, or UTF-16?";
        return Err(Broken { code: code::LINE_HAS_NUL, message, head: head(&bytes[..at]) });
    }
    text_of(bytes).map_err(|error| Broken {
        code: code::LINE_NOT_UTF8,
        message: "the line is not valid UTF-8",
        head: head(&bytes[..error.valid_up_to()]),
    })
}

/// The bytes as text, if they are; where they are not, also how far.
pub(super) fn text_of(bytes: &[u8]) -> Result<&str, Utf8Error> {
    simdutf8::basic::from_utf8(bytes).or_else(|_| std::str::from_utf8(bytes))
}

/// The longest valid text at the beginning, up to [`HEAD_BYTES`].
fn head(bytes: &[u8]) -> &str {
    let bytes = &bytes[..bytes.len().min(HEAD_BYTES)];
    match bytes.utf8_chunks().next() {
        Some(chunk) => chunk.valid(),
        None => "",
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a slice is shorter than 2^64 bytes")
}
