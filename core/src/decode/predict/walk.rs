//! One pass over a line, as the last lines were made.

use super::dictionary::{Dictionary, Field, LINE};
use super::scan;
use crate::limits;

/// A value, as it stands in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// What stands between the quotes, from one byte to another, and whether there are escapes in it.
    Text(usize, usize, bool),
    /// Anything else that is a value: a number, `true`, an array.
    Other(usize, usize),
    /// `null`, or the beginning of an object.
    Null,
}

/// Takes the fields of a line, in order. `None` gives the line up.
pub(super) trait Receive<M> {
    /// What a field of this name means, given what the object means that it is in, if any.
    fn meaning(&self, name: &str, object: Option<&M>) -> M;
    /// The value of a field that is no object.
    fn value(&mut self, names: &Dictionary<M>, field: &Field<M>, value: Written) -> Option<()>;
    /// A field that is an object begins.
    fn object(&mut self, names: &Dictionary<M>, field: &Field<M>) -> Option<()>;
}

/// Walks over the line of `text` that begins at `start`. Returns where its line ending stands; `None`
/// where the line is not JSON, or unusual.
#[inline]
pub(super) fn walk<M: Clone>(
    dictionary: &mut Dictionary<M>,
    text: &str,
    start: usize,
    receive: &mut impl Receive<M>,
) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = start;
    if *bytes.get(at)? != b'{' {
        at = scan::space(bytes, at);
        if *bytes.get(at)? != b'{' {
            return None;
        }
    }
    at += 1;
    let mut fields = 0;
    // The object the walk is in, and what has come before in it.
    let (mut object, mut before, mut is_first) = (LINE, LINE, true);
    let mut guess = dictionary.field(LINE).first;
    'fields: loop {
        let id = if let Some(value) = dictionary.field(guess).value(bytes, at) {
            at = value;
            guess
        } else {
            let begin = at;
            at = scan::space(bytes, at);
            if *bytes.get(at)? != b'"' {
                return None;
            }
            let (end, is_escaped) = scan::string(bytes, at + 1)?;
            if is_escaped || end == at + 1 {
                return None;
            }
            let key = &text[at + 1..end];
            at = scan::space(bytes, end + 1);
            if *bytes.get(at)? != b':' {
                return None;
            }
            at = scan::space(bytes, at + 1);
            let meaning = |name: &str, object: Option<&M>| receive.meaning(name, object);
            let id = dictionary.find(object, key, &bytes[begin..at], meaning)?;
            dictionary.note(before, is_first, id);
            id
        };
        fields += 1;
        let field = dictionary.field(id);
        match *bytes.get(at)? {
            b'"' => {
                let (end, is_escaped) = scan::string(bytes, at + 1)?;
                receive.value(dictionary, field, Written::Text(at + 1, end, is_escaped))?;
                at = end + 1;
            }
            b'0'..=b'9' | b'-' => {
                let end = scan::number(bytes, at)?;
                receive.value(dictionary, field, Written::Other(at, end))?;
                at = end;
            }
            b'{' => {
                if !field.can_nest() {
                    return None;
                }
                receive.object(dictionary, field)?;
                let inner = scan::space(bytes, at + 1);
                if *bytes.get(inner)? != b'}' {
                    at += 1;
                    (object, before, is_first) = (id, id, true);
                    guess = field.first;
                    continue;
                }
                at = inner + 1;
            }
            b'[' => {
                let end = scan::array(bytes, at)?;
                receive.value(dictionary, field, Written::Other(at, end))?;
                at = end;
            }
            b'n' => {
                at = scan::word(bytes, at)?;
                receive.value(dictionary, field, Written::Null)?;
            }
            _ => {
                let end = scan::word(bytes, at)?;
                receive.value(dictionary, field, Written::Other(at, end))?;
                at = end;
            }
        }
        before = id;
        loop {
            match *bytes.get(at)? {
                b',' => break,
                b'}' if object == LINE => break 'fields,
                b'}' => (before, object) = (object, dictionary.field(object).object),
                b' ' | b'\t' | b'\r' => {}
                _ => return None,
            }
            at += 1;
        }
        at += 1;
        is_first = false;
        guess = dictionary.field(before).next;
    }
    at += 1;
    if *bytes.get(at)? != b'\n' {
        at = scan::space(bytes, at);
        if *bytes.get(at)? != b'\n' {
            return None;
        }
    }
    let length = at - start;
    // What is longer is reported, and so is what has too many fields or too much text of fields, names
    // repeating those of outer objects: the other path knows how.
    let fits = length <= limits::MAX_EVENT_BYTES
        && fields < limits::MAX_LABELS
        && (fields + 1) * length <= limits::MAX_FIELDS_BYTES;
    fits.then_some(at)
}
