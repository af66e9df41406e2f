//! The fields seen in a source, each with what it means and what followed it last.
//!
//! Owns the names. Bounded: when it is full, everything is forgotten, so that fields that are no more do
//! not keep out new ones. Changes what decoding costs, never what it gives.

use wide::u8x16;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::scan;
use crate::limits;

/// Most fields that are remembered.
const MAX_FIELDS: usize = 256;

/// Longest name that is remembered, with those of the objects it is in.
const MAX_NAME: usize = 256;

/// Places of the hash table, which is at most half full.
const PLACES: usize = 2 * MAX_FIELDS;

/// Longest text from a key's opening quote to its value that is compared at once.
const MAX_LITERAL: usize = 32;

/// The number of a field in the dictionary. The first is the line itself, as an object.
pub(super) type Id = u16;

/// The line itself.
pub(super) const LINE: Id = 0;

/// A field, by its name and the object it is in.
#[derive(Clone, Debug)]
pub(super) struct Field<M> {
    /// What stands before its value, from the end of the separator, as it was last written.
    literal: [u8; MAX_LITERAL],
    /// Which bytes of the literal count; impossible to match where it is too long.
    mask: [u32; 2],
    /// How long it is.
    length: usize,
    /// The field after it in the same object, and the first one in it, when it was last seen. The line
    /// itself where there was none.
    pub next: Id,
    pub first: Id,
    /// The object it is in.
    pub object: Id,
    /// How many objects it is in, besides the line.
    pub depth: usize,
    /// Where its name begins and ends, and its own part of that.
    start: usize,
    key: usize,
    end: usize,
    pub meaning: M,
}

/// The fields seen.
#[derive(Debug)]
pub(super) struct Dictionary<M> {
    fields: Vec<Field<M>>,
    names: String,
    places: Box<[Id; PLACES]>,
}

impl<M: Clone> Dictionary<M> {
    /// An empty one; `line` is what the line itself means.
    pub fn new(line: M) -> Self {
        let line = Field {
            literal: [0; MAX_LITERAL],
            mask: [NEVER, 0],
            length: 0,
            next: LINE,
            first: LINE,
            object: LINE,
            depth: 0,
            start: 0,
            key: 0,
            end: 0,
            meaning: line,
        };
        Self { fields: vec![line], names: String::new(), places: Box::new([LINE; PLACES]) }
    }

    #[inline]
    pub fn field(&self, id: Id) -> &Field<M> {
        &self.fields[usize::from(id)]
    }

    /// The name of a field, with those of the objects it is in, dotted.
    pub fn name(&self, field: &Field<M>) -> &str {
        &self.names[field.start..field.end]
    }

    /// Notes that `field` was seen after `before` in the same object, or as the first in `before`.
    #[inline]
    pub fn note(&mut self, before: Id, is_first: bool, field: Id) {
        let before = &mut self.fields[usize::from(before)];
        *(if is_first { &mut before.first } else { &mut before.next }) = field;
    }

    /// Finds the field `key` of `object`, whose value stands after `literal`; adds it where it is new,
    /// meaning what `meaning` makes of its name and of what its object means, if any. `None` where there is no room for it.
    pub fn find(
        &mut self,
        object: Id,
        key: &str,
        literal: &[u8],
        meaning: impl FnOnce(&str, Option<&M>) -> M,
    ) -> Option<Id> {
        let hash = xxh3_64_with_seed(key.as_bytes(), u64::from(object));
        let mut place = (hash % PLACES as u64) as usize;
        while self.places[place] != LINE {
            let id = self.places[place];
            let field = &mut self.fields[usize::from(id)];
            if field.object == object && self.names[field.key..field.end] == *key {
                field.write(literal);
                return Some(id);
            }
            place = (place + 1) % PLACES;
        }
        if self.fields.len() == MAX_FIELDS {
            self.forget();
            return None;
        }
        let outer = self.field(object);
        if outer.end - outer.start + 1 + key.len() > MAX_NAME {
            return None;
        }
        let depth = if object == LINE { 0 } else { outer.depth + 1 };
        let start = self.names.len();
        if object != LINE {
            let outer = outer.start..outer.end;
            self.names.extend_from_within(outer);
            self.names.push('.');
        }
        let own = self.names.len();
        self.names.push_str(key);
        let outer = (object != LINE).then(|| &self.fields[usize::from(object)].meaning);
        let meaning = meaning(&self.names[start..], outer);
        let id = Id::try_from(self.fields.len()).expect("MAX_FIELDS are fewer");
        let mut field = Field {
            literal: [0; MAX_LITERAL],
            mask: [NEVER, 0],
            length: 0,
            next: LINE,
            first: LINE,
            object,
            depth,
            start,
            key: own,
            end: self.names.len(),
            meaning,
        };
        field.write(literal);
        self.fields.push(field);
        self.places[place] = id;
        Some(id)
    }

    fn forget(&mut self) {
        self.fields.truncate(1);
        self.fields[0].first = LINE;
        self.names.clear();
        self.places.fill(LINE);
    }
}

/// A mask that matches nothing: sixteen bytes compare to sixteen bits.
const NEVER: u32 = 1 << 16;

impl<M> Field<M> {
    /// Whether the literal stands at `at`: then where the value begins.
    #[inline]
    pub fn value(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let (low, high) = self.literal.split_at(16);
        let same = |literal: &[u8], at: usize, mask: u32| {
            let literal = u8x16::new(*literal.first_chunk()?);
            let same = scan::sixteen(bytes, at)?.simd_eq(literal).to_bitmask();
            (same & mask == mask).then_some(())
        };
        same(low, at, self.mask[0])?;
        if self.length > 16 {
            same(high, at + 16, self.mask[1])?;
        }
        Some(at + self.length)
    }

    /// Whether what is nested in it can become dotted names.
    #[inline]
    pub fn can_nest(&self) -> bool {
        self.depth < limits::MAX_LABEL_DEPTH
    }

    fn write(&mut self, literal: &[u8]) {
        let Some(own) = self.literal.get_mut(..literal.len()) else {
            self.mask[0] = NEVER;
            return;
        };
        own.copy_from_slice(literal);
        self.length = literal.len();
        let ones = |count: usize| (1 << count) - 1;
        self.mask = [ones(self.length.min(16)), ones(self.length.saturating_sub(16))];
    }
}
