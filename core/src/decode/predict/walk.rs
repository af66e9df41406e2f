//! One pass over a line, as the last lines were made.
//!
//! What stands between two values mostly stood there in the line before: it is compared as a whole, and
//! that proves, too, that the value before it ended there.

use std::ops::Range;

use memchr::memchr_iter;

use super::dictionary::{Dictionary, From, Id, Kind, LINE};
use super::scan::{self, At};
use crate::limits;

/// Takes the fields of a line, in order. `None` gives the line up.
pub(super) trait Receive<M> {
    /// What a field of this name means, given what the object means that it is in, if any.
    fn meaning(&self, name: &str, object: Option<&M>) -> M;
    /// Whether fields that mean this can be passed over.
    fn ignores(&self, meaning: &M) -> bool;
    /// Whether fields that mean this can be taken by [`Receive::time`], if they are text.
    fn is_time(&self, meaning: &M) -> bool;
    /// A field that is text and the time. Returns its length, up to its quote; `None` where it is to be
    /// taken as text instead.
    fn time(&mut self, bytes: &[u8], at: At) -> Option<At>;
    /// A field that is text: what stands between the quotes, from one byte of the block to another, and
    /// whether there are escapes in it.
    fn text(&mut self, names: &Dictionary<M>, id: Id, at: Range<At>, escaped: bool) -> Option<()>;
    /// A field that is any other value: a number, `true`, an array.
    fn other(&mut self, names: &Dictionary<M>, id: Id, at: Range<At>) -> Option<()>;
    /// A field that is `null`, or an object, which begins.
    fn null(&mut self, names: &Dictionary<M>, id: Id, is_object: bool) -> Option<()>;
}

/// Walks over the line of `text` that begins at `start`. Returns where its line ending stands; `None`
/// where the line is not JSON, or unusual.
#[inline(always)]
pub(super) fn walk<M: Copy>(
    dictionary: &mut Dictionary<M>,
    text: &str,
    start: At,
    receive: &mut impl Receive<M>,
) -> Option<At> {
    let bytes = text.as_bytes();
    // Where the last byte of the value before stands, or the brace of the object that has begun.
    let mut at = start;
    if scan::byte(bytes, at)? != b'{' {
        at += At::try_from(scan::space(&bytes[at as usize..])).ok()?;
        if scan::byte(bytes, at)? != b'{' {
            return None;
        }
    }
    let mut before = LINE;
    loop {
        let mut id = dictionary.field(before).next;
        let mut field = dictionary.field(id);
        if field.is_next(bytes, at) {
            at += field.length();
        } else {
            (at, id) = look_up(dictionary, text, receive, before, at)?;
            field = dictionary.field(id);
        }
        let is_text = match field.kind {
            Kind::Text => true,
            Kind::Time => {
                if let Some(length) = receive.time(bytes, at) {
                    (at, before) = (at + length, id);
                    continue;
                }
                true
            }
            _ => false,
        };
        if is_text {
            let (end, is_escaped) = scan::text(bytes, at)?;
            if !receive.ignores(&field.meaning) {
                receive.text(dictionary, id, at..end, is_escaped)?;
            }
            at = end;
        } else if field.kind == Kind::Other {
            if let Some(length) = scan::whole_number(bytes, at) {
                if !receive.ignores(&field.meaning) {
                    receive.other(dictionary, id, at..at + length)?;
                }
                at += length - 1;
            } else {
                match other(dictionary, text, receive, id, at)? {
                    Some(last) => at = last,
                    None => {
                        at -= dictionary.unwrite(id);
                        continue;
                    }
                }
            }
        } else if field.kind == Kind::Object {
            receive.null(dictionary, id, true)?;
            at -= 1;
        } else {
            let end = at - 1;
            let is_short = end - start <= SHORT;
            return (is_short || fits(&bytes[start as usize..end as usize])).then_some(end);
        }
        before = id;
    }
}

/// Takes any value but a whole number. Returns where its last byte is; nothing where the value is text or an
/// object, which it was not the last time.
#[inline(never)]
fn other<M: Copy>(
    dictionary: &Dictionary<M>,
    text: &str,
    receive: &mut impl Receive<M>,
    id: Id,
    at: At,
) -> Option<Option<At>> {
    let value = &text.as_bytes()[at as usize..];
    match *value.first()? {
        b'"' | b'{' => return Some(None),
        b'n' => {
            scan::word(value, b"null")?;
            receive.null(dictionary, id, false)?;
            return Some(Some(at + 3));
        }
        _ => {}
    }
    let length = scan::other(value)?;
    if !receive.ignores(&dictionary.field(id).meaning) {
        receive.other(dictionary, id, at..at + length)?;
    }
    Some(Some(at + length - 1))
}

/// Finds the field after `before`, which is not the one that followed last time. Returns where its value
/// begins, and which it is.
#[inline(never)]
fn look_up<M: Copy>(
    dictionary: &mut Dictionary<M>,
    text: &str,
    receive: &impl Receive<M>,
    before: Id,
    at: At,
) -> Option<(At, Id)> {
    let bytes = text.as_bytes();
    let from = dictionary.after(before);
    let From { mut object, opens: mut is_first } = from;
    let mut rest = scan::after_space(bytes.get(at as usize + 1..)?);
    while let [b'}', after @ ..] = rest {
        rest = scan::after_space(after);
        if object == LINE {
            return end(dictionary, bytes, before, at, rest);
        }
        (object, is_first) = (dictionary.field(object).object, false);
    }
    if !is_first {
        let [b',', after @ ..] = rest else { return None };
        rest = scan::after_space(after);
    }
    let [b'"', key @ ..] = rest else { return None };
    let (length, is_escaped) = scan::string(key)?;
    if is_escaped || length == 0 {
        return None;
    }
    let found = dictionary.find(from, object, &key[..length], bytes, at);
    if let Some((id, true)) = found {
        dictionary.note(before, id);
        return Some((at + dictionary.field(id).length(), id));
    }
    let [b':', value @ ..] = scan::after_space(&key[length + 1..]) else { return None };
    let value = scan::after_space(value);
    let id = if let Some((id, _)) = found {
        id
    } else {
        let start = bytes.len() - key.len();
        let meaning = |name: &str, object: Option<&M>| receive.meaning(name, object);
        dictionary.add(from, object, &text[start..start + length], meaning)?
    };
    let field = dictionary.field(id);
    let (kind, value) = match value {
        [b'"', text @ ..] if receive.is_time(&field.meaning) => (Kind::Time, text),
        [b'"', text @ ..] => (Kind::Text, text),
        [b'{', fields @ ..] if field.can_nest() => (Kind::Object, fields),
        [b'{', ..] => return None,
        _ => (Kind::Other, value),
    };
    let start = bytes.len() - value.len();
    dictionary.write(id, &bytes[at as usize..start], kind);
    dictionary.note(before, id);
    Some((At::try_from(start).ok()?, id))
}

/// Takes the end of the line, whose object has just ended.
fn end<M: Copy>(
    dictionary: &mut Dictionary<M>,
    bytes: &[u8],
    before: Id,
    at: At,
    rest: &[u8],
) -> Option<(At, Id)> {
    if *rest.first()? != b'\n' {
        return None;
    }
    let from = dictionary.after(before);
    let id = match dictionary.find(from, LINE, b"", bytes, at) {
        Some((id, _)) => id,
        None => {
            let line = dictionary.field(LINE).meaning;
            dictionary.add(from, LINE, "", |_, _| line)?
        }
    };
    let start = bytes.len() - rest.len() + 1;
    dictionary.write(id, &bytes[at as usize..start], Kind::End);
    dictionary.note(before, id);
    Some((At::try_from(start).ok()?, id))
}

/// Lines up to this length cannot have too many fields, nor too long names: a field has four bytes at
/// least.
const SHORT: At = 2 << 10;

const _: () = assert!(SHORT as usize / 4 < limits::MAX_LABELS);
const _: () = assert!((SHORT as usize / 4 + 1) * (SHORT as usize) < limits::MAX_FIELDS_BYTES);

/// Whether no bound on lines and fields is reached; names repeat those of outer objects. The other path
/// knows what to do then.
fn fits(line: &[u8]) -> bool {
    let fields = memchr_iter(b':', line).count();
    line.len() <= limits::MAX_EVENT_BYTES
        && fields < limits::MAX_LABELS
        && (fields + 1) * line.len() <= limits::MAX_FIELDS_BYTES
}
