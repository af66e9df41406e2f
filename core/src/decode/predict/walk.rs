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
#[inline]
pub(super) fn walk<M: Copy>(
    dictionary: &mut Dictionary<M>,
    text: &str,
    start: usize,
    receive: &mut impl Receive<M>,
) -> Option<usize> {
    Walk { dictionary, text, receive, object: LINE, before: LINE }.line(start)
}

/// A walk, as far as it has come. What is left of the text is no part of it: that changes with every
/// step, and stays out of memory.
struct Walk<'a, M, R> {
    dictionary: &'a mut Dictionary<M>,
    text: &'a str,
    receive: &'a mut R,
    /// The object the walk is in.
    object: Id,
    /// The field that came before in it; itself where none did.
    before: Id,
}

/// What comes after a value that is no text, or after the last value of an object.
enum Next<'a> {
    /// What may follow any value.
    After(&'a [u8]),
    /// A field, and which it probably is.
    Field(&'a [u8], Id),
    /// Nothing but the ending of the line.
    End(&'a [u8]),
}

impl<'a, M: Copy, R: Receive<M>> Walk<'a, M, R> {
    #[inline(never)]
    fn line(&mut self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let [b'{', rest @ ..] = scan::after_space(bytes.get(start..)?) else { return None };
        let mut rest = rest;
        let mut id = self.dictionary.field(LINE).first;
        loop {
            let mut field = self.dictionary.field(id);
            let value = if let Some(value) = field.value(rest) {
                value
            } else {
                let value;
                (value, id) = self.look_up(rest)?;
                field = self.dictionary.field(id);
                value
            };
            let mut next = field.next;
            if let [b'"', text @ ..] = value {
                let (length, is_escaped) = scan::string(text)?;
                if !self.receive.ignores(&field.meaning) {
                    let at = bytes.len() - text.len();
                    self.receive.text(self.dictionary, id, at..at + length, is_escaped)?;
                }
                rest = &text[length + 1..];
            } else if let Some(length) = scan::whole_number(value) {
                if !self.receive.ignores(&field.meaning) {
                    let at = bytes.len() - value.len();
                    self.receive.other(self.dictionary, id, at..at + length)?;
                }
                rest = &value[length..];
            } else {
                match self.other(id, value)? {
                    Next::Field(fields, first) => {
                        (rest, id) = (fields, first);
                        continue;
                    }
                    Next::After(after) | Next::End(after) => rest = after,
                }
            }
            self.before = id;
            if let [b',', fields @ ..] = rest {
                rest = fields;
            } else {
                match self.close(rest)? {
                    Next::Field(fields, after) => (rest, next) = (fields, after),
                    Next::After(rest) | Next::End(rest) => return end(bytes, start, rest),
                }
            }
            id = next;
        }
    }

    /// Takes any value but text, or the beginning of an object.
    #[inline(never)]
    fn other(&mut self, id: Id, value: &'a [u8]) -> Option<Next<'a>> {
        let field = self.dictionary.field(id);
        match value {
            [b'{', fields @ ..] => {
                if !field.can_nest() {
                    return None;
                }
                self.receive.null(self.dictionary, id, true)?;
                if let [b'}', after @ ..] = scan::after_space(fields) {
                    return Some(Next::After(after));
                }
                (self.object, self.before) = (id, id);
                Some(Next::Field(fields, field.first))
            }
            [b'n', ..] => {
                self.receive.null(self.dictionary, id, false)?;
                Some(Next::After(&value[scan::word(value, b"null")?..]))
            }
            _ => {
                let length = scan::other(value)?;
                if !self.receive.ignores(&field.meaning) {
                    let at = self.text.len() - value.len();
                    self.receive.other(self.dictionary, id, at..at + length)?;
                }
                Some(Next::After(&value[length..]))
            }
        }
    }

    /// Takes what follows a value, if it is no comma: ends of objects, and spaces.
    #[inline(never)]
    fn close(&mut self, mut rest: &'a [u8]) -> Option<Next<'a>> {
        loop {
            let (next, after) = rest.split_first()?;
            match next {
                b'}' if self.object == LINE => return Some(Next::End(after)),
                b'}' => {
                    self.before = self.object;
                    self.object = self.dictionary.field(self.object).object;
                }
                b',' => return Some(Next::Field(after, self.dictionary.field(self.before).next)),
                b' ' | b'\t' | b'\r' => {}
                _ => return None,
            }
            rest = after;
        }
    }

    /// Finds the field that is next, which is not the one that followed last time. Returns its value, with
    /// what follows, and which it is.
    #[inline(never)]
    fn look_up(&mut self, rest: &'a [u8]) -> Option<(&'a [u8], Id)> {
        let [b'"', text @ ..] = scan::after_space(rest) else { return None };
        let (length, is_escaped) = scan::string(text)?;
        if is_escaped || length == 0 {
            return None;
        }
        let found = self.dictionary.find(self.object, &text[..length], rest);
        if let Some((id, Some(value))) = found {
            self.dictionary.note(self.before, self.before == self.object, id);
            return Some((value, id));
        }
        let [b':', value @ ..] = scan::after_space(&text[length + 1..]) else { return None };
        let value = scan::after_space(value);
        let id = if let Some((id, _)) = found {
            id
        } else {
            let at = self.text.len() - text.len();
            let meaning = |name: &str, object: Option<&M>| self.receive.meaning(name, object);
            self.dictionary.add(self.object, &self.text[at..at + length], meaning)?
        };
        self.dictionary.write(id, &rest[..rest.len() - value.len()]);
        self.dictionary.note(self.before, self.before == self.object, id);
        Some((value, id))
    }
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
