//! The fields seen in a source, each with what it means and what followed it last.
//!
//! Owns the names, and what stands before values. A field that begins in other places of a line is another
//! one each time: what stands before its value says then how the line goes on there. Bounded: when it is
//! full, everything is forgotten, so that fields that are no more do not keep out new ones. Changes what
//! decoding costs, never what it gives.

use wide::u8x16;

use super::scan::{self, At};
use crate::limits;

/// Most fields that are remembered, the line itself among them: as many as there are numbers.
const MAX_FIELDS: usize = 1 << Id::BITS;

/// Longest name that is remembered, with those of the objects it is in.
const MAX_NAME: usize = 256;

/// Places of the hash table, which is at most half full.
const PLACES: usize = 2 * MAX_FIELDS;

/// Places of the table of beginnings.
const BEGINNINGS: usize = 1 << 8;

/// A mask that matches nothing: sixteen bytes compare to sixteen bits.
const NEVER: u32 = 1 << 16;

/// The number of a field in the dictionary.
pub(super) type Id = u8;

/// The line itself, as an object.
pub(super) const LINE: Id = 0;

/// What a value was when it was last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, after its quote.
    Text,
    /// Text that is the time.
    Time,
    /// Any value, from its first byte.
    Other,
    /// An object, after its brace.
    Object,
    /// No value: the line is over.
    End,
}

/// Where what stands before a value begins: with the last byte of the value before, or the brace of the
/// object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct From {
    /// The object that this is in, or that it opens.
    pub object: Id,
    pub opens: bool,
}

/// What of a field every line looks at, in one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Field<M> {
    /// What stands before its value, as it was last written, after a byte that may be any; only looked up
    /// where it is longer than this.
    literal: [[u8; 16]; 2],
    /// Which bytes of the literal count.
    mask: [u32; 2],
    /// How long it is.
    length: u8,
    /// What its value was.
    pub kind: Kind,
    /// So that the usual ones are told by one comparison each.
    pub is_text: bool,
    pub is_time: bool,
    pub id: Id,
    /// The field after it, or the first one in it, when it was last seen. The line itself where there was
    /// none.
    pub next: Id,
    from: From,
    /// The object it is in.
    pub object: Id,
    /// How many objects it is in, besides the line.
    pub depth: u8,
    pub meaning: M,
}

/// The name of a field: where in all names it begins and ends, and its own part of it.
#[derive(Clone, Copy, Debug, Default)]
struct Name {
    start: usize,
    key: usize,
    end: usize,
}

/// The fields seen. Large: keep it in a box.
#[derive(Debug)]
pub(super) struct Dictionary<M> {
    fields: [Field<M>; MAX_FIELDS],
    /// One for each field seen, and one for the line.
    names: Vec<Name>,
    text: String,
    places: Box<[Id; PLACES]>,
    /// The field that was last seen where what stands before its value begins with some bytes.
    beginnings: [Id; BEGINNINGS],
}

impl<M: Copy> Dictionary<M> {
    /// An empty one; `line` is what the line itself means.
    pub fn new(line: M) -> Self {
        let line = Field {
            literal: [[0; 16]; 2],
            mask: [NEVER, 0],
            length: 0,
            kind: Kind::Object,
            is_text: false,
            is_time: false,
            id: LINE,
            next: LINE,
            from: From { object: LINE, opens: false },
            object: LINE,
            depth: 0,
            meaning: line,
        };
        Self {
            fields: [line; MAX_FIELDS],
            names: vec![Name::default()],
            text: String::new(),
            places: Box::new([LINE; PLACES]),
            beginnings: [LINE; BEGINNINGS],
        }
    }

    #[inline(always)]
    pub fn field(&self, id: Id) -> &Field<M> {
        &self.fields[usize::from(id)]
    }

    /// The name of a field, with those of the objects it is in, dotted.
    pub fn name(&self, id: Id) -> &str {
        let name = self.names[usize::from(id)];
        &self.text[name.start..name.end]
    }

    /// Where a line goes on after the value of a field.
    #[inline]
    pub fn after(&self, id: Id) -> From {
        let field = self.field(id);
        let opens = field.kind == Kind::Object;
        From { object: if opens { id } else { field.object }, opens }
    }

    /// Notes that `field` was seen after `before`.
    #[inline]
    pub fn note(&mut self, before: Id, field: Id) {
        self.fields[usize::from(before)].next = field;
    }

    /// Finds the field that is next by a few bytes. May miss it.
    #[inline(always)]
    pub fn guess(&self, from: From, bytes: &[u8], at: At) -> Option<Id> {
        let id = self.beginnings[beginning(from, bytes, at)?];
        let field = self.field(id);
        (field.from == from && field.is_next(bytes, at)).then_some(id)
    }

    /// Takes note that a field is next there, for [`guess`](Self::guess).
    pub fn expect(&mut self, id: Id, bytes: &[u8], at: At) {
        if let Some(place) = beginning(self.field(id).from, bytes, at) {
            self.beginnings[place] = id;
        }
    }

    /// Finds the field `key` of `object`, and whether what stands before its value is what stands in
    /// `bytes`. The end of a line is a field without a name.
    #[inline(always)]
    pub fn find(
        &self,
        from: From,
        object: Id,
        key: &[u8],
        bytes: &[u8],
        at: At,
    ) -> Option<(Id, bool)> {
        let mut place = place(from, object, key);
        loop {
            let id = self.places[place];
            if id == LINE {
                return None;
            }
            let field = self.field(id);
            if field.from == from && field.object == object {
                if field.is_next(bytes, at) {
                    return Some((id, true));
                }
                let name = self.names[usize::from(id)];
                if self.text.as_bytes()[name.key..name.end] == *key {
                    return Some((id, false));
                }
            }
            place = (place + 1) % PLACES;
        }
    }

    /// Adds the field `key` of `object`, which is not there yet; it means what `meaning` makes of its
    /// name and of what its object means, if any. `None` where there is no room for it.
    pub fn add(
        &mut self,
        from: From,
        object: Id,
        key: &str,
        meaning: impl FnOnce(&str, Option<&M>) -> M,
    ) -> Option<Id> {
        let Ok(id) = Id::try_from(self.names.len()) else {
            self.forget();
            return None;
        };
        let outer = self.names[usize::from(object)];
        if outer.end - outer.start + 1 + key.len() > MAX_NAME {
            return None;
        }
        let is_top = object == LINE;
        let start = self.text.len();
        if !is_top {
            self.text.extend_from_within(outer.start..outer.end);
            self.text.push('.');
        }
        let name = Name { start, key: self.text.len(), end: self.text.len() + key.len() };
        self.text.push_str(key);
        let outer = self.field(object);
        let meaning = meaning(&self.text[start..], (!is_top).then_some(&outer.meaning));
        let depth = if is_top { 0 } else { outer.depth + 1 };
        let never = Field { next: LINE, kind: Kind::Other, ..*self.field(LINE) };
        self.fields[usize::from(id)] = Field { id, from, object, depth, meaning, ..never };
        self.names.push(name);
        let mut place = place(from, object, key.as_bytes());
        while self.places[place] != LINE {
            place = (place + 1) % PLACES;
        }
        self.places[place] = id;
        Some(id)
    }

    /// Notes what stands before the value of a field, and what that is.
    pub fn write(&mut self, id: Id, literal: &[u8], kind: Kind) {
        let field = &mut self.fields[usize::from(id)];
        if (field.kind == Kind::Object) != (kind == Kind::Object) {
            // What followed was in it, or no longer is.
            field.next = LINE;
        }
        field.kind = kind;
        field.is_text = kind == Kind::Text;
        field.is_time = kind == Kind::Time;
        field.write(literal);
    }

    fn forget(&mut self) {
        self.names.truncate(1);
        self.text.clear();
        self.fields[usize::from(LINE)].next = LINE;
        self.places.fill(LINE);
        self.beginnings.fill(LINE);
    }
}

impl<M> Field<M> {
    /// Whether what stands before its value stands there.
    #[inline(always)]
    pub fn is_next(&self, bytes: &[u8], at: At) -> bool {
        let is_same = |at, part: usize| {
            scan::chunk(bytes, at)
                .is_some_and(|chunk| is_same(chunk, &self.literal[part], self.mask[part]))
        };
        is_same(at, 0) && (self.length <= 16 || is_same(at + 16, 1))
    }

    /// As [`is_next`](Self::is_next), near the end of a block, where that misses it.
    pub fn is_last(&self, bytes: &[u8], at: At) -> bool {
        let end = at + self.length();
        let literal = self.literal.as_flattened().get(1..usize::from(self.length));
        self.mask[0] != NEVER
            && literal.is_some()
            && bytes.get(at as usize + 1..end as usize) == literal
    }

    /// How long what stands before its value is, where it is next.
    #[inline(always)]
    pub fn length(&self) -> At {
        At::from(self.length)
    }

    /// Whether what is nested in it can become dotted names.
    #[inline]
    pub fn can_nest(&self) -> bool {
        usize::from(self.depth) < limits::MAX_LABEL_DEPTH
    }

    fn write(&mut self, literal: &[u8]) {
        let Some(own) = self.literal.as_flattened_mut().get_mut(..literal.len()) else {
            (self.mask, self.length) = ([NEVER, 0], 0);
            return;
        };
        own.copy_from_slice(literal);
        let ones = |count: usize| (1 << count) - 1;
        // The first byte may be any.
        self.mask = [ones(literal.len().min(16)) & !1, ones(literal.len().saturating_sub(16))];
        self.length = u8::try_from(literal.len()).expect("at most 32");
    }
}

/// Where the search for a field begins: by the length and both ends of its key. Whoever writes keys to
/// collide gains little, the table being small and half empty.
#[inline]
fn place(from: From, object: Id, key: &[u8]) -> usize {
    let ends = match (key.first_chunk(), key.last_chunk()) {
        (Some(first), Some(last)) => {
            u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(23)
        }
        _ => key.iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte)),
    };
    let from = u64::from(from.object) << 1 | u64::from(from.opens);
    let hash = ends ^ (key.len() as u64) << 56 ^ u64::from(object) << 48 ^ from << 37;
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % PLACES
}

/// Where the field is noted that is next there: by what stands before its value, as much of it as is mostly
/// no part of what follows.
#[inline(always)]
fn beginning(from: From, bytes: &[u8], at: At) -> Option<usize> {
    let bytes: &[u8; 8] = scan::chunk(bytes, at + 1)?;
    let closes = bytes[0] == b'}';
    let bytes = u64::from_le_bytes(*bytes);
    let from = u64::from(from.object) << 1 | u64::from(from.opens);
    let hash = (if closes { bytes & 0xffff } else { bytes }) ^ from << 54;
    Some((hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % BEGINNINGS)
}

/// Whether the bytes are the same that count.
#[inline(always)]
fn is_same(bytes: &[u8; 16], literal: &[u8; 16], mask: u32) -> bool {
    let same = u8x16::new(*bytes).simd_eq(u8x16::new(*literal)).to_bitmask();
    same & mask == mask
}
