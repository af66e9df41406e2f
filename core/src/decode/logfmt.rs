//! logfmt: `key=value` pairs, values quoted where they need to be.
//!
//! Every pair is a label; a key without a value is missing, as in `LogQL`.

use wide::u8x16;

use super::clock::Clock;
use super::code::{self, Bad};
use super::escape;
use super::record::{Reader, Roles, Survey, Value};
use super::zone::Zone;
use crate::event::Fields;
use crate::time::Timestamp;

/// Decodes logfmt.
#[derive(Clone, Debug)]
pub(super) struct Logfmt {
    pub roles: Roles,
}

impl Logfmt {
    /// Decodes one line.
    pub fn decode(
        &self,
        line: &str,
        zone: &Zone,
        clock: &mut Clock,
        fields: &mut Fields,
    ) -> Result<Timestamp, Bad> {
        fields.clear();
        let mut scratch = fields.take_scratch();
        let mut reader = Reader::new(&self.roles, zone, fields);
        let mut walked = starts_with_pair(line);
        for pair in pairs(line) {
            match pair {
                Ok((key, value)) => {
                    let value = value.resolve(&mut scratch.value);
                    if !self.roles.time.is(key) {
                        reader.field(key, Value::Text(value));
                    } else if let Some(time) = clock.read(value.as_bytes()) {
                        reader.found_time(time);
                    } else {
                        reader.field(key, Value::Text(value));
                        if let Some(found) = reader.last_time() {
                            clock.note(value.as_bytes(), found, zone.is_fixed());
                        }
                    }
                }
                Err(bad) => walked = Err(bad),
            }
        }
        reader.fields.put_scratch(scratch);
        walked?;
        reader.finish()
    }

    /// Settles what the first lines tell: the roles of the fields.
    pub fn learn<'l>(&mut self, lines: impl Iterator<Item = &'l str>, zone: &Zone) {
        let mut survey = Survey::new();
        let mut buffer = String::new();
        for line in lines.filter(|line| starts_with_pair(line).is_ok()) {
            for (key, value) in pairs(line).flatten() {
                survey.field(key, Value::Text(value.resolve(&mut buffer)), zone);
            }
        }
        survey.settle(&mut self.roles);
    }
}

/// A value as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written<'l> {
    Bare(&'l str),
    /// Without its quotes.
    Quoted(&'l str),
}

impl<'l> Written<'l> {
    /// The value without its escapes.
    pub fn resolve<'a>(self, buffer: &'a mut String) -> &'a str
    where
        'l: 'a,
    {
        match self {
            Self::Bare(text) => text,
            Self::Quoted(inner) => escape::json(inner, buffer),
        }
    }
}

/// The pairs of a line; ends at the first thing that is none.
pub(super) fn pairs(line: &str) -> impl Iterator<Item = Result<(&str, Written<'_>), Bad>> {
    let mut rest = trim_start(line);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((key, value, after)) = pair(rest) else {
            rest = "";
            return Some(Err(not_logfmt()));
        };
        rest = trim_start(after);
        Some(Ok((key, value)))
    })
}

/// The pair that `text` starts with, and what follows.
fn pair(text: &str) -> Option<(&str, Written<'_>, &str)> {
    let is_end = |c: char| c == '=' || c == '"' || c.is_whitespace();
    let (key, rest) = split(text, is_end);
    if key.is_empty() || rest.starts_with('"') {
        return None;
    }
    let Some(rest) = rest.strip_prefix('=') else { return Some((key, Written::Bare(""), rest)) };
    if let Some(quoted) = rest.strip_prefix('"') {
        let (inner, after) = split_quoted(quoted)?;
        let apart = after.is_empty() || after.starts_with(char::is_whitespace);
        return apart.then_some((key, Written::Quoted(inner), after));
    }
    let (value, after) = split(rest, char::is_whitespace);
    Some((key, Written::Bare(value), after))
}

/// What stands before the first character that is an end, and the rest; an end is white space or a character
/// that `is_end` tells. ASCII needs no decoding.
fn split(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    let end = short_word(text.as_bytes(), &is_end).unwrap_or_else(|| any_word(text, is_end));
    text.split_at(end)
}

/// Where the first end is among the first sixteen bytes, if these tell.
#[inline]
fn short_word(bytes: &[u8], is_end: impl Fn(char) -> bool) -> Option<usize> {
    let chunk = bytes.first_chunk::<16>()?;
    let bytes = u8x16::new(*chunk);
    // White space, other control bytes, and what is not ASCII, which are all moved below it.
    let found = (bytes ^ u8x16::splat(0x80)).simd_gt(u8x16::splat(0xa0));
    let found = !found | bytes.simd_eq(u8x16::splat(b'=')) | bytes.simd_eq(u8x16::splat(b'"'));
    let mut found = found.to_bitmask();
    while found != 0 {
        let first = found.trailing_zeros() as usize;
        if !chunk[first].is_ascii() {
            return None;
        }
        if is_end(char::from(chunk[first])) {
            return Some(first);
        }
        found &= found - 1;
    }
    None
}

#[inline(never)]
fn any_word(text: &str, is_end: impl Fn(char) -> bool) -> usize {
    let ends = |&byte: &u8| !byte.is_ascii() || is_end(char::from(byte));
    let ascii = text.bytes().position(|byte| ends(&byte)).unwrap_or(text.len());
    let more = if text.as_bytes().get(ascii).is_none_or(u8::is_ascii) {
        0
    } else {
        text[ascii..].find(is_end).unwrap_or(text.len() - ascii)
    };
    ascii + more
}

/// What follows white space.
fn trim_start(text: &str) -> &str {
    match text.as_bytes() {
        // Mostly one space.
        [b' ', b'!'..=b'~', ..] => &text[1..],
        [b'!'..=b'~', ..] => text,
        _ => text.trim_start(),
    }
}

/// What stands before the closing quote, and what follows it.
pub(super) fn split_quoted(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &bytes[at..])?;
        if bytes[at] == b'"' {
            return Some((&text[..at], &text[at + 1..]));
        }
        at = (at + 2).min(bytes.len());
    }
}

/// Text that happens to hold an `=` somewhere is not logfmt yet.
fn starts_with_pair(line: &str) -> Result<(), Bad> {
    // White space alone has no `=`.
    let (first, _) = split(trim_start(line), |c| c == '=' || c.is_whitespace());
    let rest = &trim_start(line)[first.len()..];
    if rest.starts_with('=') { Ok(()) } else { Err(not_logfmt()) }
}

fn not_logfmt() -> Bad {
    Bad::foreign(
        code::LINE_NOT_LOGFMT,
        "not logfmt: expected key=value pairs, such as level=info msg=\"it works\"",
    )
}
