//! How large lists grow, and what is used again.

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

    /// Drops all items but the first so many, and the pieces that are empty then.
    pub fn truncate(&mut self, length: usize) {
        debug_assert!(length <= self.length, "nothing is added");
        let pieces = length.div_ceil(PIECE);
        let dropped = self.all.drain(pieces..).map(|piece| piece.capacity()).sum::<usize>();
        if let Some(last) = self.all.last_mut() {
            last.truncate(length - (pieces - 1) * PIECE);
        }
        (self.length, self.capacity) = (length, self.capacity - dropped);
    }

    /// Gives back the memory of a piece, none of whose items is looked at until it is [filled](Self::fill).
    pub fn empty(&mut self, piece: usize) {
        self.capacity -= std::mem::take(&mut self.all[piece]).capacity();
    }

    /// Fills a piece that has been emptied.
    pub fn fill(&mut self, piece: usize, item: impl FnMut() -> T) {
        let items = &mut self.all[piece];
        items.reserve_exact(PIECE);
        items.resize_with(PIECE, item);
        self.capacity += items.capacity();
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

/// Which places of [`Pieces`] are free. The first pieces are filled first, so that the last ones empty.
#[derive(Debug, Default)]
pub(crate) struct FreePlaces {
    /// By piece, the places in it.
    pieces: Vec<Vec<u16>>,
    /// No piece before this one has any.
    first: usize,
    /// Places there is room to note.
    capacity: usize,
    /// Pieces that have been closed.
    closed: Vec<usize>,
}

impl FreePlaces {
    /// Takes one that is free.
    pub fn take(&mut self) -> Option<usize> {
        while let Some(piece) = self.pieces.get_mut(self.first) {
            if let Some(place) = piece.pop() {
                return Some((self.first << PIECE_BITS) + usize::from(place));
            }
            self.first += 1;
        }
        None
    }

    /// Notes that one is free, of so many places. Returns how many of these may be dropped for it: the last piece,
    /// where it is empty and there is room before it.
    pub fn put(&mut self, at: usize, length: usize) -> usize {
        let piece = at >> PIECE_BITS;
        if self.pieces.len() <= piece {
            self.pieces.resize_with(piece + 1, Vec::new);
        }
        let place = u16::try_from(at & (PIECE - 1)).expect("a piece has fewer places");
        let places = &mut self.pieces[piece];
        let before = places.capacity();
        places.push(place);
        self.capacity += places.capacity() - before;
        self.first = self.first.min(piece);
        let mut kept = length;
        while let [.., before, last] = self.pieces.as_slice()
            && last.len() + ((self.pieces.len() - 1) << PIECE_BITS) == kept
            && before.len() >= PIECE / 2
        {
            kept -= last.len();
            self.capacity -= last.capacity();
            self.pieces.pop();
        }
        length - kept
    }

    /// Closes the pieces all of whose places are free: these are not given until they are
    /// [opened](Self::open). Returns those that were not closed before.
    pub fn close(&mut self) -> &[usize] {
        let known = self.closed.len();
        for (piece, places) in self.pieces.iter_mut().enumerate() {
            if places.len() == PIECE {
                self.capacity -= std::mem::take(places).capacity();
                self.closed.push(piece);
            }
        }
        &self.closed[known..]
    }

    /// Opens a piece that has been closed.
    pub fn open(&mut self) -> Option<usize> {
        let piece = self.closed.pop()?;
        let places = &mut self.pieces[piece];
        places.extend((0..=u16::MAX).take(PIECE).rev());
        self.capacity += places.capacity();
        self.first = self.first.min(piece);
        Some(piece)
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.capacity * size_of::<u16>()
            + self.pieces.capacity() * size_of::<Vec<u16>>()
            + self.closed.capacity() * size_of::<usize>()
    }
}

/// So many places of a slab are kept for reuse in any case.
const FEW: usize = 1_024;

/// Items by number: that of one which has been taken out is given to the next.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Adds an item. Returns its number.
    pub fn insert(&mut self, item: T) -> u32 {
        if let Some(number) = self.free.pop() {
            self.items[number as usize] = Some(item);
            return number;
        }
        make_room(&mut self.items);
        self.items.push(Some(item));
        u32::try_from(self.items.len() - 1).expect("the memory bound is far below 2³² items")
    }

    /// Takes the item of a number out.
    pub fn take(&mut self, number: u32) -> T {
        let item = self.items[number as usize].take().expect("a number is dropped with its item");
        self.free.push(number);
        if self.free.len() == self.items.len() && self.items.len() > FEW {
            *self = Self::default();
        }
        item
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.items.capacity() * size_of::<Option<T>>() + self.free.capacity() * size_of::<u32>()
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        self.items[number as usize].as_ref().expect("a number is dropped with its item")
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW, FreePlaces, PIECE, Pieces, Slab};

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

    #[test]
    fn the_last_pieces_are_dropped_when_they_are_free() {
        let (mut pieces, mut free) = (Pieces::default(), FreePlaces::default());
        let count = 6 * PIECE + 5;
        (0..count).for_each(|number| pieces.push(number));
        // The last one of the third piece stays.
        let stays = 3 * PIECE - 1;
        for at in (0..count).filter(|at| *at != stays) {
            let unused = free.put(at, pieces.len());
            pieces.truncate(pieces.len() - unused);
        }
        assert_eq!((pieces.len(), pieces[stays]), (3 * PIECE, stays));
        assert!(pieces.memory() < 4 * PIECE * size_of::<usize>());
        let taken: Vec<_> = std::iter::from_fn(|| free.take()).collect();
        assert_eq!(taken.len(), 3 * PIECE - 1);
        assert!(taken[..PIECE].iter().all(|at| *at < PIECE), "the first are filled first");
        pieces.push(7);
        assert_eq!((pieces.len(), pieces[3 * PIECE]), (3 * PIECE + 1, 7));
        // One piece more or less is not dropped each time it becomes empty.
        assert_eq!(free.put(3 * PIECE, pieces.len()), 0);
    }

    #[test]
    fn numbers_are_given_again() {
        let mut slab = Slab::default();
        let count = u32::try_from(2 * FEW).expect("small");
        (0..count).for_each(|number| assert_eq!(slab.insert(2 * number), number));
        let memory = slab.memory();
        assert_eq!((slab.take(3), slab.take(5)), (6, 10));
        assert_eq!((slab.insert(11), slab.insert(7), slab[5], slab[3]), (5, 3, 11, 7));
        assert!(slab.memory() < memory + memory / 8);
        for number in 0..count {
            slab.take(number);
        }
        assert_eq!(slab.memory(), 0);
    }
}
