//! One pass over a line, as the last lines were made.

use std::ops::Range;

use memchr::memchr_iter;

use super::dictionary::{Dictionary, Id, LINE};
use super::scan;
use crate::limits;

/// Takes the fields of a line, in order. `None` gives the line up.
pub(super) trait Receive<M> {
    /// What a field of this name means, given what the object means that it is in, if any.
    fn meaning(&self, name: &str, object: Option<&M>) -> M;
    /// Whether fields that mean this can be passed over.
    fn ignores(&self, meaning: &M) -> bool;
    /// A field that is text: what stands between the quotes, from one byte of the block to another, and
    /// whether there are escapes in it.
    fn text(
        &mut self,
        names: &Dictionary<M>,
        id: Id,
        at: Range<usize>,
        escaped: bool,
    ) -> Option<()>;
    /// A field that is any other value: a number, `true`, an array.
    fn other(&mut self, names: &Dictionary<M>, id: Id, at: Range<usize>) -> Option<()>;
    /// A field that is `null`, or an object, which begins.
    fn null(&mut self, names: &Dictionary<M>, id: Id, is_object: bool) -> Option<()>;
}

/// Walks over the line of `text` that begins at `start`. Returns where its line ending stands; `None`
/// where the line is not JSON, or unusual.
#[inline(never)]
pub(super) fn walk<M: Copy>(
    dictionary: &mut Dictionary<M>,
    text: &str,
    start: usize,
    receive: &mut impl Receive<M>,
) -> Option<usize> {
    let bytes = text.as_bytes();
    let [b'{', rest @ ..] = scan::after_space(bytes.get(start..)?) else { return None };
    let mut rest = rest;
    // The object the walk is in, and what came before in it; the object itself where nothing did.
    let (mut object, mut before) = (LINE, LINE);
    let mut guess = dictionary.field(LINE).first;
    loop {
        let id = match dictionary.field(guess).value(rest) {
            Some(value) => {
                rest = value;
                guess
            }
            None => {
                let id;
                (id, rest) = look_up(dictionary, text, rest, object, before, receive)?;
                id
            }
        };
        let field = dictionary.field(id);
        match rest {
            [b'"', inner @ ..] => {
                let (length, is_escaped) = scan::string(inner)?;
                if !receive.ignores(&field.meaning) {
                    let at = bytes.len() - inner.len();
                    receive.text(dictionary, id, at..at + length, is_escaped)?;
                }
                rest = inner.get(length + 1..)?;
            }
            [b'{', inner @ ..] => {
                if !field.can_nest() {
                    return None;
                }
                receive.null(dictionary, id, true)?;
                match scan::after_space(inner) {
                    [b'}', after @ ..] => rest = after,
                    _ => {
                        rest = inner;
                        (object, before) = (id, id);
                        guess = field.first;
                        continue;
                    }
                }
            }
            [b'n', ..] => {
                receive.null(dictionary, id, false)?;
                rest = &rest[scan::word(rest, b"null")?..];
            }
            _ => {
                let length = scan::other(rest)?;
                if !receive.ignores(&field.meaning) {
                    let at = bytes.len() - rest.len();
                    receive.other(dictionary, id, at..at + length)?;
                }
                rest = rest.get(length..)?;
            }
        }
        before = id;
        loop {
            match rest {
                [b',', after @ ..] => {
                    rest = after;
                    break;
                }
                [b'}', after @ ..] => {
                    rest = after;
                    if object == LINE {
                        return end(bytes, start, rest);
                    }
                    (before, object) = (object, dictionary.field(object).object);
                }
                [b' ' | b'\t' | b'\r', after @ ..] => rest = after,
                _ => return None,
            }
        }
        guess = dictionary.field(before).next;
    }
}

/// Finds the field that is next in `object`, after the field `before` or as the first. Returns it and
/// its value with what follows.
#[inline(never)]
fn look_up<'b, M: Copy>(
    dictionary: &mut Dictionary<M>,
    text: &'b str,
    rest: &'b [u8],
    object: Id,
    before: Id,
    receive: &impl Receive<M>,
) -> Option<(Id, &'b [u8])> {
    let [b'"', key @ ..] = scan::after_space(rest) else { return None };
    let (length, is_escaped) = scan::string(key)?;
    if is_escaped || length == 0 {
        return None;
    }
    let found = dictionary.find(object, &key[..length], rest);
    if let Some((id, Some(value))) = found {
        dictionary.note(before, before == object, id);
        return Some((id, value));
    }
    let [b':', value @ ..] = scan::after_space(&key[length + 1..]) else { return None };
    let value = scan::after_space(value);
    let literal = &rest[..rest.len() - value.len()];
    let id = match found {
        Some((id, _)) => id,
        None => {
            let at = text.len() - key.len();
            let meaning = |name: &str, object: Option<&M>| receive.meaning(name, object);
            dictionary.add(object, &text[at..at + length], meaning)?
        }
    };
    dictionary.write(id, literal);
    dictionary.note(before, before == object, id);
    Some((id, value))
}

/// Where the ending of the line stands that began at `start`, whose object has just ended.
#[inline]
fn end(bytes: &[u8], start: usize, rest: &[u8]) -> Option<usize> {
    let rest = scan::after_space(rest);
    if *rest.first()? != b'\n' {
        return None;
    }
    let end = bytes.len() - rest.len();
    (end - start <= SHORT || fits(&bytes[start..end])).then_some(end)
}

/// Lines up to this length cannot have too many fields, nor too long names: a field has four bytes at
/// least.
const SHORT: usize = 2 << 10;

const _: () = assert!(SHORT / 4 < limits::MAX_LABELS);
const _: () = assert!((SHORT / 4 + 1) * SHORT < limits::MAX_FIELDS_BYTES);

/// Whether no bound on lines and fields is reached; names repeat those of outer objects. The other path
/// knows what to do then.
fn fits(line: &[u8]) -> bool {
    let fields = memchr_iter(b':', line).count();
    line.len() <= limits::MAX_EVENT_BYTES
        && fields < limits::MAX_LABELS
        && (fields + 1) * line.len() <= limits::MAX_FIELDS_BYTES
}
