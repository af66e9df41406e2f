//! One pass over a line, as the last lines were made.
//!
//! What stands between two values mostly stood there in the line before: it is compared as a whole, and
//! that proves, too, that the value before it ended there.

use std::ops::Range;

use memchr::memchr_iter;

use super::dictionary::{Dictionary, Field, From, Id, Kind, LINE};
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
    /// A field that is text: what stands between the quotes. `escaped` says whether there are escapes in it.
    fn text(&mut self, value: Value<'_, M>, escaped: bool) -> Option<()>;
    /// A field that is any other value: a number, `true`, an array.
    fn other(&mut self, value: Value<'_, M>) -> Option<()>;
    /// A field that is `null`, or an object, which begins.
    fn null(&mut self, names: &Dictionary<M>, field: &Field<M>, is_object: bool) -> Option<()>;
}

/// Takes lines, one after the other.
pub(super) trait Lines {
    /// Whether another line may begin.
    fn begin(&mut self) -> bool;
    /// The line has ended; it is given with its ending. `None` gives it up.
    fn end(&mut self, line: &str) -> Option<()>;
}

/// The value of a field.
pub(super) struct Value<'a, M> {
    pub names: &'a Dictionary<M>,
    pub field: &'a Field<M>,
    /// The block, from the beginning of the line.
    pub text: &'a str,
    /// Where in that the value stands.
    pub at: Range<At>,
}

impl<'a, M> Value<'a, M> {
    /// The value as it stands in the line.
    pub fn text(&self) -> &'a str {
        piece(self.text, &self.at)
    }
}

/// What stands there in `text`.
pub(super) fn piece<'a>(text: &'a str, at: &Range<At>) -> &'a str {
    &text[at.start as usize..at.end as usize]
}

/// Walks over the lines of `text`, up to one that is not JSON, or unusual, or for as long as `receive` wants
/// more. Returns what is left.
#[inline(never)]
pub(super) fn lines<'t, M: Copy, R: Receive<M> + Lines>(
    dictionary: &mut Dictionary<M>,
    text: &'t str,
    receive: &mut R,
) -> &'t str {
    let mut rest = text;
    while receive.begin() && !rest.is_empty() {
        let Some(end) = walk(dictionary, rest, receive) else { break };
        let (line, after) = rest.split_at(end as usize + 1);
        if receive.end(line).is_none() {
            break;
        }
        rest = after;
    }
    rest
}

/// Walks over the line that `text` begins with. Returns where its line ending stands; `None` where the line
/// is not JSON, or unusual.
#[inline(never)]
pub(super) fn line<M: Copy>(
    dictionary: &mut Dictionary<M>,
    text: &str,
    receive: &mut impl Receive<M>,
) -> Option<At> {
    walk(dictionary, text, receive)
}

#[inline(always)]
fn walk<M: Copy>(
    dictionary: &mut Dictionary<M>,
    text: &str,
    receive: &mut impl Receive<M>,
) -> Option<At> {
    let bytes = text.as_bytes();
    // Where the last byte of the value before stands, or the brace of the object that has begun.
    let mut at = 0;
    if *bytes.first()? != b'{' {
        at = At::try_from(scan::space(bytes)).ok()?;
        if *bytes.get(at as usize)? != b'{' {
            return None;
        }
    }
    let mut field = dictionary.field(LINE);
    loop {
        let next = dictionary.field(field.next);
        if next.is_next(bytes, at) {
            at += next.length();
            field = next;
        } else {
            let id;
            (at, id) = look_up(dictionary, text, receive, field.id, at)?;
            field = dictionary.field(id);
        }
        if field.is_text {
            at = if let Some(end) = scan::plain_text(bytes, at) {
                if !receive.ignores(&field.meaning) {
                    receive.text(Value { names: dictionary, field, text, at: at..end }, false)?;
                }
                end
            } else {
                any_text(dictionary, text, receive, field, at)?
            };
            continue;
        }
        if field.is_time {
            at = match receive.time(bytes, at) {
                Some(length) => at + length,
                None => any_text(dictionary, text, receive, field, at)?,
            };
            continue;
        }
        if field.kind == Kind::Object {
            receive.null(dictionary, field, true)?;
            at -= 1;
        } else if field.kind == Kind::End {
            let end = at - 1;
            return (end <= SHORT || fits(&bytes[..end as usize])).then_some(end);
        } else if let Some(length) = scan::whole_number(bytes, at) {
            let end = at + length;
            if !receive.ignores(&field.meaning) {
                receive.other(Value { names: dictionary, field, text, at: at..end })?;
            }
            at = end - 1;
        } else {
            let id = field.id;
            at = other(dictionary, text, receive, id, at)?;
            field = dictionary.field(id);
        }
    }
}

/// Takes any text. Returns where its closing quote is.
#[inline(never)]
fn any_text<M: Copy>(
    dictionary: &Dictionary<M>,
    text: &str,
    receive: &mut impl Receive<M>,
    field: &Field<M>,
    at: At,
) -> Option<At> {
    let (end, is_escaped) = scan::text(text.as_bytes(), at)?;
    if !receive.ignores(&field.meaning) {
        receive.text(Value { names: dictionary, field, text, at: at..end }, is_escaped)?;
    }
    Some(end)
}

/// Takes any value but a whole number. Returns where its last byte is, or the brace of an object.
#[inline(never)]
fn other<M: Copy>(
    dictionary: &mut Dictionary<M>,
    text: &str,
    receive: &mut impl Receive<M>,
    id: Id,
    at: At,
) -> Option<At> {
    let value = &text.as_bytes()[at as usize..];
    let field = dictionary.field(id);
    match *value.first()? {
        // Which it was not the last time.
        b'"' | b'{' => {
            let (kind, start) = kind(field, receive, value)?;
            let literal = &text.as_bytes()[(at - field.length()) as usize..];
            dictionary.write(id, &literal[..(field.length() + start) as usize], kind);
            let field = dictionary.field(id);
            if kind != Kind::Object {
                return any_text(dictionary, text, receive, field, at + start);
            }
            receive.null(dictionary, field, true)?;
            Some(at)
        }
        b'n' => {
            scan::word(value, b"null")?;
            receive.null(dictionary, field, false)?;
            Some(at + 3)
        }
        _ => {
            let end = at + scan::other(value)?;
            if !receive.ignores(&field.meaning) {
                receive.other(Value { names: dictionary, field, text, at: at..end })?;
            }
            Some(end - 1)
        }
    }
}

/// What the value of a field is, and how much of it stands before what it holds. `None` for objects that
/// are nested too deeply.
fn kind<M>(field: &Field<M>, receive: &impl Receive<M>, value: &[u8]) -> Option<(Kind, At)> {
    match *value.first()? {
        b'"' if receive.is_time(&field.meaning) => Some((Kind::Time, 1)),
        b'"' => Some((Kind::Text, 1)),
        b'{' if field.can_nest() => Some((Kind::Object, 1)),
        b'{' => None,
        _ => Some((Kind::Other, 0)),
    }
}

/// Finds the field after `before`, which is not the one that followed last time, or is the last of a block.
/// Returns where its value begins, and which it is.
#[inline(never)]
fn look_up<M: Copy>(
    dictionary: &mut Dictionary<M>,
    text: &str,
    receive: &impl Receive<M>,
    before: Id,
    at: At,
) -> Option<(At, Id)> {
    let bytes = text.as_bytes();
    let next = dictionary.field(dictionary.field(before).next);
    if bytes.len() - (at as usize) < 32 && next.is_last(bytes, at) {
        return Some((at + next.length(), next.id));
    }
    if let Some(id) = dictionary.guess(dictionary.after(before), bytes, at) {
        dictionary.note(before, id);
        return Some((at + dictionary.field(id).length(), id));
    }
    let (start, id) = search(dictionary, text, receive, before, at)?;
    dictionary.expect(id, bytes, at);
    dictionary.note(before, id);
    Some((start, id))
}

/// As [`look_up`], by its name.
#[inline(never)]
fn search<M: Copy>(
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
            return end(dictionary, bytes, from, at, rest);
        }
        (object, is_first) = (dictionary.field(object).object, false);
    }
    if !is_first {
        let [b',', after @ ..] = rest else { return None };
        rest = scan::after_space(after);
    }
    let [b'"', key @ ..] = rest else { return None };
    let length = scan::key(key)?;
    let found = dictionary.find(from, object, &key[..length], bytes, at);
    if let Some((id, true)) = found {
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
    let (kind, start) = kind(dictionary.field(id), receive, value)?;
    let start = At::try_from(bytes.len() - value.len()).ok()? + start;
    dictionary.write(id, &bytes[at as usize..start as usize], kind);
    Some((start, id))
}

/// Takes the end of the line, whose object has just ended.
fn end<M: Copy>(
    dictionary: &mut Dictionary<M>,
    bytes: &[u8],
    from: From,
    at: At,
    rest: &[u8],
) -> Option<(At, Id)> {
    if *rest.first()? != b'\n' {
        return None;
    }
    let id = if let Some((id, _)) = dictionary.find(from, LINE, b"", bytes, at) {
        id
    } else {
        let line = dictionary.field(LINE).meaning;
        dictionary.add(from, LINE, "", |_, _| line)?
    };
    let start = bytes.len() - rest.len() + 1;
    dictionary.write(id, &bytes[at as usize..start], Kind::End);
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
