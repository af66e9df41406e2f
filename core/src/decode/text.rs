//! Text with a leading time, of whatever program: a calendar time, or a number since the epoch.
//!
//! The message is the text after the time. Of nginx error logs and `PostgreSQL` what stands before the
//! message becomes labels where it can be told apart for sure (`level`, `pid`, `user`, `database`);
//! elsewhere only a level near the start and a process id in brackets do, and the message keeps them.

use memchr::memmem;

use super::clock::Clock;
use super::code::{self, Bad};
use super::instant::{self, Found};
use super::level;
use super::record::LEVEL;
use super::zone::Zone;
use crate::event::Fields;
use crate::time::Timestamp;

/// What a line starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leading {
    Calendar,
    Epoch,
}

/// Decodes a line of text.
pub(super) fn decode(
    line: &str,
    leading: Leading,
    zone: &Zone,
    clock: &mut Clock,
    fields: &mut Fields,
) -> Result<Timestamp, Bad> {
    fields.clear();
    let known = clock.leading(line).filter(|_| leading == Leading::Calendar);
    let (time, end) = if let Some(known) = known {
        known
    } else {
        let found = time(line, leading, zone)?;
        clock.note(&line.as_bytes()[..found.end], found, zone.is_fixed());
        (found.time, found.end)
    };
    let text = line[end..].trim_start_matches([':', ',', ';', '|']);
    let text = text.trim_start_matches([' ', '\t']);
    let message = nginx(text, fields)
        .or_else(|| postgresql(text, fields))
        .unwrap_or_else(|| other(text, fields));
    fields.set_message(message);
    Ok(time)
}

fn time(line: &str, leading: Leading, zone: &Zone) -> Result<Found, Bad> {
    let (found, missing) = match leading {
        Leading::Calendar => (
            instant::leading(line, zone),
            "the line does not start with a time such as 2026-11-20 21:20:09.364, and there is no \
             event before it that it could belong to",
        ),
        Leading::Epoch => (
            instant::leading_epoch(line),
            "the line does not start with a time such as 1795209609.364, and there is no event \
             before it that it could belong to",
        ),
    };
    found.unwrap_or_else(|| Err(Bad::foreign(code::LINE_NO_TIME, missing)))
}

/// `[notice] 10315#10315: message`. Returns the message.
fn nginx<'l>(line: &'l str, fields: &mut Fields) -> Option<&'l str> {
    let (level, rest) = bracketed(line)?;
    let (pid, rest) = digits(rest.strip_prefix(' ')?)?;
    let (_thread, rest) = digits(rest.strip_prefix('#')?)?;
    let message = rest.strip_prefix(':')?;
    if !level::is_level_ignoring_case(level) {
        return None;
    }
    fields.set_label(LEVEL, level);
    fields.set_label("pid", pid);
    Some(message.trim_start_matches(' '))
}

/// `[10341] shop@shop LOG:  message`, the process id and who it works for being optional. Returns
/// the message; all of the line where `log_line_prefix` holds more than that.
fn postgresql<'l>(line: &'l str, fields: &mut Fields) -> Option<&'l str> {
    let colon = memmem::find(line.as_bytes(), b":  ")?;
    let start = line[..colon].rfind(' ').map_or(0, |space| space + 1);
    let level = &line[start..colon];
    if !level::is_postgresql(level) {
        return None;
    }
    let mut prefix = line[..start].trim_end_matches(' ');
    fields.set_label(LEVEL, level);
    if let Some((pid, rest)) = process_id(prefix) {
        fields.set_label("pid", pid);
        prefix = rest.trim_start_matches(' ');
    }
    let message = &line[colon + 3..];
    match prefix.split_once('@') {
        _ if prefix.is_empty() => Some(message),
        Some((user, database)) if !prefix.contains(' ') => {
            fields.set_label("user", user);
            fields.set_label("database", database);
            Some(message)
        }
        _ => Some(line),
    }
}

/// Any other line. Returns it all.
fn other<'l>(line: &'l str, fields: &mut Fields) -> &'l str {
    if let Some(level) = level::near_start(line) {
        fields.set_label(LEVEL, level);
    }
    if let Some((pid, _)) = process_id(line) {
        fields.set_label("pid", pid);
    }
    line
}

/// `[10341]`, and what follows.
fn process_id(text: &str) -> Option<(&str, &str)> {
    let (inner, rest) = bracketed(text)?;
    let (pid, end) = digits(inner)?;
    end.is_empty().then_some((pid, rest))
}

/// What stands in brackets, and what follows.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('[')?.split_once(']')
}

/// The digits that `text` starts with, and what follows.
fn digits(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    (length > 0).then(|| text.split_at(length))
}
