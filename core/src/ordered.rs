//! An ordered set that keeps its memory.
//!
//! Owns sorted blocks of items, a B-tree of two levels: an operation costs a search for the block and one
//! in it, and moves no more than half a block. A block that has become empty is used again, so that a
//! set of about the same size allocates nothing, however many items come and go.

use std::collections::VecDeque;
use std::ops::{Bound, RangeBounds};

/// Items of a block: as few as can be moved without a thought, as many as leave few blocks to search.
const BLOCK: usize = 128;

/// So many empty blocks are kept in any case; beyond that, as many as are in use.
const FEW: usize = 4;

/// A set whose items are in order.
#[derive(Debug)]
pub(crate) struct Ordered<T> {
    /// In order; none is empty.
    blocks: VecDeque<VecDeque<T>>,
    /// Empty ones.
    spare: Vec<VecDeque<T>>,
    /// Items there is room for in all of these.
    room: usize,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self { blocks: VecDeque::new(), spare: Vec::new(), room: 0 }
    }
}

impl<T: Copy + Ord> Ordered<T> {
    /// Adds an item, unless it is in it.
    pub fn insert(&mut self, item: T) {
        self.insert_behind(item, |other| *other < item);
    }

    /// Removes an item. Returns whether it was in it.
    pub fn remove(&mut self, item: &T) -> bool {
        self.remove_behind(item, |other| other < item)
    }

    /// Whether an item is in it.
    pub fn contains(&self, item: &T) -> bool {
        let (at, place) = self.place(|other| other < item);
        self.blocks.get(at).is_some_and(|block| block.get(place) == Some(item))
    }

    /// The items of a range, in order.
    pub fn range<R: RangeBounds<T>>(&self, range: R) -> impl Iterator<Item = &T> + use<'_, T, R> {
        let (at, place) = match range.start_bound() {
            Bound::Included(from) => self.place(|item| item < from),
            Bound::Excluded(from) => self.place(|item| item <= from),
            Bound::Unbounded => (0, 0),
        };
        let first = self.blocks.get(at).map(|block| block.range(place..));
        let others = self.blocks.range(self.blocks.len().min(at + 1)..).flatten();
        first.into_iter().flatten().chain(others).take_while(move |item| match range.end_bound() {
            Bound::Included(to) => *item <= to,
            Bound::Excluded(to) => *item < to,
            Bound::Unbounded => true,
        })
    }
}

/// An order that the items do not know themselves is told by what is before one of them.
impl<T: Copy + PartialEq> Ordered<T> {
    /// Adds an item behind those that are before it, unless it is there.
    pub fn insert_behind(&mut self, item: T, is_before: impl Fn(&T) -> bool) {
        let at = self.block_for(&is_before);
        let block = &mut self.blocks[at];
        // Most come last.
        let is_last = block.back().is_none_or(&is_before);
        let place = if is_last { block.len() } else { block.partition_point(is_before) };
        if block.get(place) != Some(&item) {
            let before = block.capacity();
            block.insert(place, item);
            self.room += block.capacity() - before;
        }
    }

    /// Removes an item behind those that are before it. Returns whether it was there.
    pub fn remove_behind(&mut self, item: &T, is_before: impl Fn(&T) -> bool) -> bool {
        let (at, place) = self.place(is_before);
        let Some(block) = self.blocks.get_mut(at).filter(|block| block.get(place) == Some(item))
        else {
            return false;
        };
        block.remove(place);
        if block.len() < BLOCK / 4 {
            self.merge(at);
        }
        true
    }

    /// The first item.
    pub fn first(&self) -> Option<&T> {
        self.blocks.front().and_then(VecDeque::front)
    }

    /// Removes the first item.
    pub fn pop_first(&mut self) -> Option<T> {
        let block = self.blocks.front_mut()?;
        let first = block.pop_front();
        if block.is_empty() {
            self.close(0);
        }
        first
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.room * size_of::<T>()
            + (self.blocks.capacity() + self.spare.capacity()) * size_of::<VecDeque<T>>()
    }

    /// The place of the first item that is not before something.
    fn place(&self, is_before: impl Fn(&T) -> bool) -> (usize, usize) {
        let ends_before = |block: &VecDeque<T>| block.back().is_some_and(&is_before);
        let at = self.blocks.partition_point(ends_before);
        (at, self.blocks.get(at).map_or(0, |block| block.partition_point(is_before)))
    }

    /// A block with room, that takes an item.
    fn block_for(&mut self, is_before: &impl Fn(&T) -> bool) -> usize {
        let last = self.blocks.len().saturating_sub(1);
        let is_last = self.blocks.back().and_then(VecDeque::back).is_none_or(is_before);
        let mut at = if is_last {
            last
        } else {
            let ends_before = |block: &VecDeque<T>| block.back().is_some_and(is_before);
            self.blocks.partition_point(ends_before)
        };
        let is_full = self.blocks.get(at).is_none_or(|block| block.len() == BLOCK);
        if is_full && is_last {
            // Full blocks are left behind by items that come in order.
            at = self.blocks.len();
            self.open(at);
        } else if is_full {
            self.split(at);
            at += usize::from(self.blocks[at].back().is_some_and(is_before));
        }
        at
    }

    /// Makes an empty block, for an item to come.
    fn open(&mut self, at: usize) {
        let block = self.spare.pop().unwrap_or_else(|| {
            // A small set takes little.
            let capacity = if self.blocks.is_empty() { 0 } else { BLOCK };
            let block = VecDeque::with_capacity(capacity);
            self.room += block.capacity();
            block
        });
        self.blocks.insert(at, block);
    }

    /// Moves the second half of a block to a new one behind it.
    fn split(&mut self, at: usize) {
        self.open(at + 1);
        let mut upper = std::mem::take(&mut self.blocks[at + 1]);
        upper.extend(self.blocks[at].drain(BLOCK / 2..));
        self.blocks[at + 1] = upper;
    }

    /// Makes one of two blocks with few items, and takes out one that is empty.
    fn merge(&mut self, at: usize) {
        if self.blocks[at].is_empty() {
            self.close(at);
        } else if let Some(next) = self.blocks.get(at + 1)
            && self.blocks[at].len() + next.len() <= BLOCK / 2
        {
            let mut next = std::mem::take(&mut self.blocks[at + 1]);
            let block = &mut self.blocks[at];
            let before = block.capacity();
            block.append(&mut next);
            self.room += block.capacity() - before;
            self.blocks[at + 1] = next;
            self.close(at + 1);
        }
    }

    /// Takes out an empty block.
    fn close(&mut self, at: usize) {
        let Some(block) = self.blocks.remove(at) else { return };
        if self.spare.len() < FEW + self.blocks.len() {
            self.spare.push(block);
        } else {
            self.room -= block.capacity();
        }
        while self.spare.len() > FEW + self.blocks.len() {
            self.room -= self.spare.pop().map_or(0, |block| block.capacity());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use super::{BLOCK, FEW, Ordered};

    /// Some numbers that look random.
    fn numbers(count: usize, below: u32) -> impl Iterator<Item = u32> {
        let mut random = 1_u64;
        std::iter::repeat_with(move || {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(random >> 33).expect("31 bits") % below
        })
        .take(count)
    }

    #[track_caller]
    fn assert_same(set: &Ordered<u32>, expected: &BTreeSet<u32>) {
        assert!(set.range(..).eq(expected));
        assert!(set.blocks.iter().all(|block| !block.is_empty() && block.len() <= BLOCK));
        let blocks = set.blocks.iter().chain(&set.spare);
        assert_eq!(set.room, blocks.map(VecDeque::capacity).sum::<usize>());
        assert!(set.spare.len() <= FEW + set.blocks.len());
    }

    #[test]
    fn it_is_a_set() {
        let (mut set, mut expected) = (Ordered::default(), BTreeSet::new());
        for (turn, number) in numbers(40_000, 3_000).enumerate() {
            // It grows, then shrinks to nothing.
            if number % 100 < 100 - u32::try_from(turn / 400).expect("small") {
                set.insert(number);
                expected.insert(number);
            } else {
                let number = if turn % 2 == 0 { number } else { number * 7 % 3_000 };
                assert_eq!(set.remove(&number), expected.remove(&number));
                if turn % 5 == 0 {
                    assert_eq!(set.pop_first(), expected.pop_first());
                }
            }
            assert_eq!(set.first(), expected.first());
            assert_eq!(set.contains(&number), expected.contains(&number));
            if turn % 50 == 0 {
                assert_same(&set, &expected);
                let to = number + 40;
                assert!(set.range(number..to).eq(expected.range(number..to)));
                assert!(set.range(number..=to).eq(expected.range(number..=to)));
                let behind = (std::ops::Bound::Excluded(number), std::ops::Bound::Included(to));
                assert!(set.range(behind).eq(expected.range(behind)));
            }
        }
        while let Some(first) = expected.pop_first() {
            assert_eq!(set.pop_first(), Some(first));
            assert_same(&set, &expected);
        }
        assert_eq!(set.pop_first(), None);
        assert!(set.room <= FEW * BLOCK);
    }

    #[test]
    fn items_that_come_in_order_fill_the_blocks() {
        let mut set = Ordered::default();
        (0..10 * BLOCK).for_each(|number| set.insert(number));
        assert_eq!((set.blocks.len(), set.room), (10, 10 * BLOCK));
    }
}
