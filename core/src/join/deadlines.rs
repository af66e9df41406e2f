//! When to look at an event again.
//!
//! Owns the order of deadlines. They come nearly in order, a reach ahead of time: so they are put into
//! buckets as they come, and a bucket is put in order once time has reached it. One costs an append and
//! its share of a sort of what is nearly sorted; only what comes for a time that has been reached costs
//! a place in a heap.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::id::EventId;
use crate::time::{Span, Timestamp, Watermark};

/// Buckets that the time is divided into for which an event waits: few to keep, each with little to sort.
const BUCKETS: i64 = 256;

/// The most nanoseconds of a bucket: what can be told of a time in 32 bits.
const WIDEST: i64 = 1 << 32;

/// As many deadlines that do not come in order may keep their room.
const FEW: usize = 1_024;

/// Room for so many more is not worth moving a bucket.
const SLACK: usize = 64;

/// Buckets that are done may keep room for so many deadlines, or one of them whatever room it has: as many
/// are filled, one after the other, as time reaches at once.
const SPARE: usize = 2_048;

/// What an event is looked at for. All that is decided at a time is decided before any component
/// closes at that time.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Turn {
    /// Whether it is unmatched.
    Decide,
    /// Whether its component is closed.
    Close,
    /// The same again, after other components: those that close at the same time, then those that
    /// wait for these, and so on.
    Wait(u8),
}

/// When an event is looked at, and for what.
pub(super) type Deadline = (Timestamp, Turn, EventId);

/// A deadline of a bucket, in eight bytes that have the order of what they stand for: how long after the
/// begin of the bucket it is, whether it is to close, the event.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Packed(u64);

impl Packed {
    const CLOSE_BIT: u64 = 1 << 31;

    fn new(from: Timestamp, (time, turn, event): Deadline) -> Self {
        let close = if turn == Turn::Decide { 0 } else { Self::CLOSE_BIT };
        let after = u32::try_from(time.since(from).as_nanos());
        let after = after.expect("a bucket is no wider than 32 bits can tell");
        Self(u64::from(after) << 32 | close | u64::from(event.get()))
    }

    fn time(self, from: Timestamp) -> Timestamp {
        let after = i64::try_from(self.0 >> 32).expect("32 bits");
        from.plus(Span::from_nanos(after))
    }

    fn deadline(self, from: Timestamp) -> Deadline {
        let turn = if self.0 & Self::CLOSE_BIT == 0 { Turn::Decide } else { Turn::Close };
        let event = u32::try_from(self.0 & (Self::CLOSE_BIT - 1)).expect("31 bits");
        (self.time(from), turn, EventId::from_get(event))
    }
}

/// The deadlines of one bucket, with the earliest.
#[derive(Debug)]
struct Bucket {
    number: i64,
    /// The times that belong to it.
    from: Timestamp,
    to: Timestamp,
    earliest: Timestamp,
    all: Vec<Packed>,
}

impl Bucket {
    /// Adds a deadline that belongs to it. Returns for how many more there is room now.
    #[inline]
    fn push(&mut self, deadline: Deadline) -> usize {
        let before = self.all.capacity();
        self.earliest = self.earliest.min(deadline.0);
        self.all.push(Packed::new(self.from, deadline));
        self.all.capacity() - before
    }
}

/// All deadlines.
#[derive(Debug)]
pub(super) struct Deadlines {
    /// Nanoseconds of a bucket.
    width: i64,
    /// Those of the bucket that time has reached, the latest first.
    reached: Vec<Packed>,
    /// The first and the last time that belong to that bucket.
    reached_from: Timestamp,
    reached_to: Timestamp,
    /// What came for that bucket, or for an earlier one, since then; and what does not fit into a bucket.
    again: BinaryHeap<Reverse<Deadline>>,
    /// Buckets to come, by number.
    buckets: BTreeMap<i64, Bucket>,
    /// The bucket that took the last deadline: most go where the one before went.
    filling: Option<Bucket>,
    /// The memory of buckets that are done, and for how many there is room in it.
    spare: Vec<Vec<Packed>>,
    spare_room: usize,
    /// For how many there is room in all of these lists.
    room: usize,
    count: usize,
    /// None is earlier.
    first: Timestamp,
}

impl Deadlines {
    /// None yet, in a query of which events wait for about `wait`.
    pub fn new(wait: Span) -> Self {
        Self {
            width: (wait.as_nanos() / BUCKETS).clamp(1, WIDEST),
            reached: Vec::new(),
            reached_from: Timestamp::MIN,
            again: BinaryHeap::new(),
            reached_to: Timestamp::MIN,
            buckets: BTreeMap::new(),
            filling: None,
            spare: Vec::new(),
            spare_room: 0,
            room: 0,
            count: 0,
            first: Timestamp::MAX,
        }
    }

    /// Adds a deadline.
    #[inline]
    pub fn push(&mut self, deadline: Deadline) {
        let time = deadline.0;
        self.count += 1;
        self.first = self.first.min(time);
        // Most go where the one before went.
        if let Some(bucket) = &mut self.filling
            && bucket.from <= time
            && time <= bucket.to
            && !matches!(deadline.1, Turn::Wait(_))
        {
            self.room += bucket.push(deadline);
        } else {
            self.push_elsewhere(deadline);
        }
    }

    #[inline(never)]
    fn push_elsewhere(&mut self, deadline: Deadline) {
        let fits = !matches!(deadline.1, Turn::Wait(_));
        if deadline.0 <= self.reached_to || !fits {
            self.again.push(Reverse(deadline));
            return;
        }
        let number = deadline.0.as_nanos().div_euclid(self.width);
        let is_earlier = self.filling.as_ref().is_some_and(|bucket| number < bucket.number);
        let known = if is_earlier { self.buckets.get_mut(&number) } else { None };
        let bucket = match known {
            Some(bucket) => bucket,
            None => self.fill(number),
        };
        self.room += bucket.push(deadline);
    }

    /// Takes the first deadline, if the watermark has passed it.
    pub fn pop(&mut self, watermark: Watermark) -> Option<Deadline> {
        if !watermark.has_passed(self.first) {
            return None;
        }
        let popped = self.pop_first(watermark);
        if popped.is_none() {
            self.first = self.next().unwrap_or(Timestamp::MAX);
        }
        popped
    }

    fn pop_first(&mut self, watermark: Watermark) -> Option<Deadline> {
        if self.reached.is_empty() {
            self.reach(watermark);
        }
        let reached = self.reached.last().map(|packed| packed.deadline(self.reached_from));
        let again = self.again.peek().map(|Reverse(first)| *first);
        let (first, is_again) = match (reached, again) {
            (Some(reached), Some(again)) if again < reached => (again, true),
            (Some(reached), _) => (reached, false),
            (None, again) => (again?, true),
        };
        if !watermark.has_passed(first.0) {
            return None;
        }
        self.count -= 1;
        if is_again {
            self.again.pop();
            if self.again.capacity() > FEW && self.again.len() < self.again.capacity() / 4 {
                self.again.shrink_to(self.again.capacity() / 2);
            }
        } else {
            self.reached.pop();
        }
        Some(first)
    }

    /// Whether the watermark may have passed one: not, if this says so.
    pub fn may_be_due(&self, watermark: Watermark) -> bool {
        watermark.has_passed(self.first)
    }

    /// The time of the first.
    pub fn next(&self) -> Option<Timestamp> {
        let reached = self.reached.last().map(|packed| packed.time(self.reached_from));
        let again = self.again.peek().map(|Reverse((time, ..))| *time);
        let filling = self.filling.as_ref().map(|bucket| bucket.earliest);
        let buckets = self.buckets.first_key_value().map(|(_, bucket)| bucket.earliest);
        reached.into_iter().chain(again).chain(filling).chain(buckets).min()
    }

    /// Makes them anew of `all`.
    pub fn replace(&mut self, all: impl Iterator<Item = Deadline>) {
        *self = Self { width: self.width, ..Self::new(Span::ZERO) };
        for deadline in all {
            self.push(deadline);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Bytes used.
    pub fn memory(&self) -> usize {
        self.room * size_of::<Packed>()
            + self.again.capacity() * size_of::<Deadline>()
            + self.buckets.len() * (size_of::<Bucket>() + 16)
    }

    /// Makes the bucket of this number the one that is filled.
    fn fill(&mut self, number: i64) -> &mut Bucket {
        let from = Timestamp::from_nanos(number.saturating_mul(self.width));
        let to = from.plus(Span::from_nanos(self.width - 1));
        let empty = || Bucket { number, from, to, earliest: Timestamp::MAX, all: Vec::new() };
        let mut bucket = self.buckets.remove(&number).unwrap_or_else(empty);
        if bucket.all.capacity() == 0
            && let Some(spare) = self.spare.pop()
        {
            self.spare_room -= spare.capacity();
            bucket.all = spare;
        }
        if let Some(mut full) = self.filling.take() {
            if full.all.capacity() - full.all.len() > SLACK {
                self.room -= full.all.capacity();
                full.all.shrink_to_fit();
                self.room += full.all.capacity();
            }
            self.buckets.insert(full.number, full);
        }
        self.filling.insert(bucket)
    }

    /// Puts the first bucket in order, if the watermark has reached it.
    fn reach(&mut self, watermark: Watermark) {
        let filling = self.filling.as_ref().map(|bucket| (bucket.number, bucket.earliest));
        let first = self.buckets.first_key_value();
        let first = first.map(|(number, bucket)| (*number, bucket.earliest));
        let Some((number, earliest)) = filling.into_iter().chain(first).min() else { return };
        if !watermark.has_passed(earliest) {
            return;
        }
        let bucket = if filling.is_some_and(|(filling, _)| filling == number) {
            self.filling.take()
        } else {
            self.buckets.remove(&number)
        };
        let Some(bucket) = bucket else { return };
        (self.reached_from, self.reached_to) = (bucket.from, bucket.to);
        let mut done = std::mem::replace(&mut self.reached, bucket.all);
        // Nearly sorted as they came; taken from the end.
        self.reached.sort_unstable();
        self.reached.reverse();
        done.clear();
        if self.spare.is_empty() || self.spare_room + done.capacity() <= SPARE {
            self.spare_room += done.capacity();
            self.spare.push(done);
        } else {
            self.room -= done.capacity();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Deadlines, Turn};
    use crate::id::EventId;
    use crate::time::{Span, Timestamp, Watermark};

    #[test]
    fn they_come_in_order_whatever_order_they_went_in() {
        let mut deadlines = Deadlines::new(Span::from_nanos(2_560));
        let mut all = Vec::new();
        let mut random = 1_u64;
        let mut popped = Vec::new();
        for number in 0..5_000_i64 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let ahead = i64::try_from(random >> 33).expect("31 bits") % 4_000;
            let ahead = if number % 7 == 0 { -ahead / 8 } else { 2_560 + ahead / 64 };
            let turn = [Turn::Decide, Turn::Close, Turn::Wait(3)][(random % 3) as usize];
            let slot = usize::try_from(number).expect("small");
            let deadline = (Timestamp::from_nanos(number + ahead), turn, EventId::new(slot));
            deadlines.push(deadline);
            all.push(deadline);
            assert_eq!(deadlines.next(), all.iter().map(|(time, ..)| *time).min());
            if number % 11 == 0 {
                let watermark = Watermark::at(Timestamp::from_nanos(number));
                let from = popped.len();
                while let Some(first) = deadlines.pop(watermark) {
                    all.retain(|deadline| *deadline != first);
                    popped.push(first);
                }
                assert!(popped[from..].is_sorted());
                assert!(all.iter().all(|(time, ..)| !watermark.has_passed(*time)));
            }
            assert_eq!(deadlines.len(), all.len());
        }
        all.sort_unstable();
        let rest: Vec<_> = std::iter::from_fn(|| deadlines.pop(Watermark::END)).collect();
        assert_eq!(rest, all);
        assert_eq!((deadlines.len(), deadlines.next()), (0, None));
    }
}
