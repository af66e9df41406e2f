//! The common and the combined log format of nginx and Apache, with or without a virtual host in front
//! and `key=value` pairs at the end.
//!
//! Labels: `remote_addr`, `remote_user`, `method`, `path`, `protocol`, `status`, `bytes`, `referer`,
//! `user_agent`, `vhost`, and the pairs at the end; `-` is missing. The message is the request line.
//! Quoted text is kept as written.

use memchr::{memchr, memchr_iter};

use super::clock::Clock;
use super::code::{self, Bad};
use super::logfmt;
use super::zone::Zone;
use crate::event::Fields;
use crate::time::Timestamp;

/// Decodes a line of an access log.
pub(super) fn decode(
    line: &str,
    zone: &Zone,
    clock: &mut Clock,
    fields: &mut Fields,
) -> Result<Timestamp, Bad> {
    fields.clear();
    let Parts { client, time, request, rest } = Parts::of(line, zone, clock).ok_or_else(foreign)?;
    let time = time?;
    let label = |fields: &mut Fields, name: &str, value: &str| {
        if !matches!(value, "" | "-") {
            fields.set_label(name, value);
        }
    };
    let mut client = client.into_iter().rev();
    for name in ["remote_user", "", "remote_addr", "vhost"] {
        if let Some(value) = client.next().filter(|_| !name.is_empty()) {
            label(fields, name, value);
        }
    }
    if let [method, path, protocol] = request.split(' ').collect::<Words<'_>>()[..] {
        label(fields, "method", method);
        label(fields, "path", path);
        label(fields, "protocol", protocol);
    }
    let (status, rest) = word(rest);
    let (bytes, rest) = word(rest);
    label(fields, "status", status);
    label(fields, "bytes", bytes);
    let mut rest = rest.trim_start();
    for name in ["referer", "user_agent"] {
        if let Some((value, after)) = rest.strip_prefix('"').and_then(logfmt::split_quoted) {
            label(fields, name, value);
            rest = after.trim_start();
        }
    }
    let mut scratch = fields.take_scratch();
    for (key, value) in logfmt::pairs(rest).map_while(Result::ok) {
        if fields.label(key).is_none() {
            label(fields, key, value.resolve(&mut scratch.value));
        }
    }
    fields.put_scratch(scratch);
    fields.set_message(request);
    Ok(time)
}

type Words<'l> = smallvec::SmallVec<[&'l str; 4]>;

/// The parts that every line has.
struct Parts<'l> {
    /// `remote_addr - remote_user`, perhaps with the virtual host in front.
    client: Words<'l>,
    time: Result<Timestamp, Bad>,
    request: &'l str,
    rest: &'l str,
}

impl<'l> Parts<'l> {
    fn of(line: &'l str, zone: &Zone, clock: &mut Clock) -> Option<Self> {
        let bracket = memchr_iter(b'[', line.as_bytes());
        let bracket = bracket.into_iter().find(|&at| line[..at].ends_with(' '))?;
        let (client, rest) = (&line[..bracket - 1], &line[bracket + 1..]);
        let client: Words<'l> = client.split(' ').collect();
        if !matches!(client.len(), 3 | 4) || client.iter().any(|word| word.is_empty()) {
            return None;
        }
        let bracket = memchr_iter(b']', rest.as_bytes());
        let bracket = bracket.into_iter().find(|&at| rest[at..].starts_with("] \""))?;
        let (time, rest) = (&rest[..bracket], &rest[bracket + 3..]);
        let time = clock.value(time, zone)?;
        let (request, rest) = logfmt::split_quoted(rest)?;
        Some(Self { client, time, request, rest })
    }
}

/// The next word, and what follows.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(memchr(b' ', text.as_bytes()).unwrap_or(text.len()))
}

fn foreign() -> Bad {
    Bad::foreign(
        code::LINE_NO_TIME,
        "not the common or combined log format: expected 127.0.0.1 - - [20/Nov/2026:21:20:09 \
         +0000] \"GET / HTTP/1.1\" 200 21, and there is no event before it that the line could \
         belong to",
    )
}
