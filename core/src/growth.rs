//! How large lists grow.

use std::ops::{Index, IndexMut};

/// Items of a piece, as a power of two.
const PIECE_BITS: u32 = 12;
const PIECE: usize = 1 << PIECE_BITS;

/// Makes room for one more, by a quarter, not by doubling: lists whose capacity counts as memory in use
/// must not take a large part of what may be used at once.
pub(crate) fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 4 + 16);
    }
}

/// A list that may become very large, in pieces: growing it moves no more than one of them.
#[derive(Debug)]
pub(crate) struct Pieces<T> {
    all: Vec<Vec<T>>,
    length: usize,
    /// Items there is room for.
    capacity: usize,
}

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self { all: Vec::new(), length: 0, capacity: 0 }
    }
}

impl<T> Pieces<T> {
    /// Adds an item.
    pub fn push(&mut self, item: T) {
        if self.length.is_multiple_of(PIECE) {
            self.all.push(Vec::new());
        }
        let is_first = self.all.len() == 1;
        let last = self.all.last_mut().expect("there is one with room");
        if last.len() == last.capacity() {
            let before = last.capacity();
            if is_first {
                make_room(last);
            } else {
                last.reserve_exact(PIECE);
            }
            self.capacity += last.capacity() - before;
        }
        last.push(item);
        self.length += 1;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.capacity * size_of::<T>() + self.all.capacity() * size_of::<Vec<T>>()
    }
}

impl<T> Index<usize> for Pieces<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.all[at >> PIECE_BITS][at & (PIECE - 1)]
    }
}

impl<T> IndexMut<usize> for Pieces<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.all[at >> PIECE_BITS][at & (PIECE - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE, Pieces};

    #[test]
    fn items_stay_where_they_are() {
        let mut pieces = Pieces::default();
        let count = 3 * PIECE + 7;
        for number in 0..count {
            pieces.push(0);
            pieces[number] = number;
        }
        assert_eq!(pieces.len(), count);
        assert!((0..count).all(|at| pieces[at] == at));
        let least = 4 * PIECE * size_of::<usize>();
        assert!(pieces.memory() >= least && pieces.memory() < least + least / 8);
    }
}
