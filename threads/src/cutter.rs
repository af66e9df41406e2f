//! Whole lines out of bytes that are cut anywhere, so that they can be read apart from each other.

use std::io::{self, ErrorKind, Read};

use logbraid_core::limits::MAX_EVENT_BYTES;
use memchr::{memchr, memrchr};

/// Bytes of a line that are kept: enough to see that it is too long.
const KEPT: usize = MAX_EVENT_BYTES + 2;

/// Bytes of a block after which no further lines are added to it.
pub const BLOCK: usize = 256 << 10;

/// Bytes of an unfinished line up to which the next block has it in front.
const LITTLE: usize = 64 << 10;

/// Whole lines; only the last of a source may lack its ending.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub bytes: Vec<u8>,
    /// Bytes of the first line that were left out, since it is too long to be used.
    pub left_out: u64,
}

/// Cuts the bytes of one source.
#[derive(Debug, Default)]
pub struct Cutter {
    /// The unfinished line, as far as it is kept.
    unfinished: Block,
}

impl Cutter {
    /// Gives blocks of the lines that `bytes` complete to `each`.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Block)) {
        let mut rest = bytes;
        while let Some(end) = next_cut(rest) {
            let (lines, after) = rest.split_at(end);
            let mut block = std::mem::take(&mut self.unfinished);
            if block.bytes.len() + lines.len() > KEPT
                && let Some(first) = memchr(b'\n', lines).filter(|_| !block.bytes.is_empty())
            {
                // The line that has begun may be too long: so much of it is kept as shows that.
                let room = KEPT.saturating_sub(block.bytes.len()).min(first);
                block.bytes.extend_from_slice(&lines[..room]);
                block.left_out += (first - room) as u64;
                block.bytes.extend_from_slice(&lines[first..]);
            } else {
                block.bytes.extend_from_slice(lines);
            }
            each(block);
            rest = after;
        }
        let room = KEPT.saturating_sub(self.unfinished.bytes.len()).min(rest.len());
        self.unfinished.bytes.extend_from_slice(&rest[..room]);
        self.unfinished.left_out += (rest.len() - room) as u64;
    }

    /// Reads once from a file, no more than [`BLOCK`] bytes, and gives blocks of the lines that these
    /// complete to `each`, mostly one that has the `room`. How many bytes were read; none at the end.
    ///
    /// # Errors
    /// Those of reading; nothing is lost of what was read before.
    pub fn read(
        &mut self,
        file: &mut impl Read,
        mut room: Vec<u8>,
        mut each: impl FnMut(Block),
    ) -> io::Result<usize> {
        // What is unfinished goes in front, where it is little: else it would be copied again and again.
        let begun = &self.unfinished.bytes;
        let begun = if begun.len() <= LITTLE { begun.as_slice() } else { &[] };
        // What is in it is overwritten: only where it grows it is cleared.
        room.resize(begun.len() + BLOCK, 0);
        let (front, into) = room.split_at_mut(begun.len());
        front.copy_from_slice(begun);
        let length = read_once(file, into)?;
        let (from, to) = (begun.len(), begun.len() + length);
        match memrchr(b'\n', &into[..length]) {
            Some(last) if from == self.unfinished.bytes.len() => {
                let end = from + last + 1;
                self.unfinished.bytes.clear();
                self.unfinished.bytes.extend_from_slice(&room[end..to]);
                room.truncate(end);
                each(Block { bytes: room, left_out: 0 });
            }
            _ => self.push(&room[from..to], each),
        }
        Ok(length)
    }

    /// The unfinished line, at the end of the source.
    pub fn finish(&mut self) -> Block {
        std::mem::take(&mut self.unfinished)
    }
}

fn read_once(file: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Where the next block ends: with the last line of about so many bytes.
fn next_cut(bytes: &[u8]) -> Option<usize> {
    if bytes.len() <= BLOCK {
        return memrchr(b'\n', bytes).map(|at| at + 1);
    }
    let within = memrchr(b'\n', &bytes[..BLOCK]);
    within.or_else(|| memchr(b'\n', &bytes[BLOCK..]).map(|at| BLOCK + at)).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind, Read};

    use super::{BLOCK, Block, Cutter, KEPT};

    fn cut(pieces: &[&[u8]]) -> Vec<Block> {
        let mut cutter = Cutter::default();
        let mut blocks = Vec::new();
        for piece in pieces {
            cutter.push(piece, |block| blocks.push(block));
        }
        blocks.push(cutter.finish());
        blocks
    }

    #[test]
    fn lines_stay_whole() {
        let blocks = cut(&[b"a\nb", b"c", b"", b"\n", b"d\ne\nf"]);
        let texts: Vec<_> = blocks.iter().map(|block| block.bytes.as_slice()).collect();
        assert_eq!(texts, [b"a\n".as_slice(), b"bc\n", b"d\ne\n", b"f"]);
    }

    /// A file that gives as many bytes as it is told to, one read after the other.
    struct Trickle<'a> {
        bytes: &'a [u8],
        lengths: std::iter::Cycle<std::vec::IntoIter<usize>>,
        interrupts: bool,
    }

    impl Read for Trickle<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.interrupts = !self.interrupts;
            if self.interrupts {
                return Err(ErrorKind::Interrupted.into());
            }
            let length = self.lengths.next().unwrap().min(into.len());
            self.bytes.read(&mut into[..length])
        }
    }

    #[test]
    fn a_file_is_cut_as_what_is_pushed() {
        let long = [b'z'].repeat(KEPT + 5_000);
        let lines: [&[u8]; 6] = [b"a\nb\n\n", b"last", &long, b"\n", b"short\n", b"end"];
        for bytes in [lines.concat(), lines[2..].concat(), long.clone(), Vec::new()] {
            for lengths in [vec![50_000, 3, 1], vec![BLOCK], vec![BLOCK, 7, 100_000]] {
                let (mut read, mut pushed) = (Cutter::default(), Cutter::default());
                let (mut file_blocks, mut push_blocks) = (Vec::new(), Vec::new());
                let mut file = Trickle {
                    bytes: &bytes,
                    lengths: lengths.into_iter().cycle(),
                    interrupts: false,
                };
                let mut rest = bytes.as_slice();
                loop {
                    // Of the block before, as a reader gives it back.
                    let room = file_blocks
                        .last()
                        .map_or_else(Vec::new, |block: &Block| block.bytes.clone());
                    let length =
                        read.read(&mut file, room, |block| file_blocks.push(block)).unwrap();
                    let (now, later) = rest.split_at(length);
                    pushed.push(now, |block| push_blocks.push(block));
                    rest = later;
                    if length == 0 {
                        break;
                    }
                }
                assert!(rest.is_empty());
                assert!(file_blocks == push_blocks);
                assert!(read.finish() == pushed.finish());
            }
        }
    }

    #[test]
    fn large_pieces_make_several_blocks() {
        let line = [b'x'; 1_000].as_slice();
        let bytes = [line, b"\n"].concat().repeat(1_000);
        let blocks = cut(&[&bytes]);
        assert!(blocks.len() > 3);
        let whole: Vec<_> = blocks.iter().flat_map(|block| block.bytes.clone()).collect();
        assert_eq!(whole, bytes);
    }

    #[test]
    fn of_a_line_without_end_little_is_kept() {
        let piece = vec![b'x'; KEPT / 3];
        for last in [b"\nnext\n".as_slice(), b"y\nnext\n", b""] {
            let blocks = cut(&[&piece, &piece, &piece, &piece, last]);
            let first = &blocks[0];
            let (line, _) = first.bytes.split_at(KEPT);
            assert!(line.iter().all(|byte| *byte == b'x'));
            assert_eq!(
                first.bytes.len() + usize::try_from(first.left_out).unwrap(),
                4 * piece.len() + last.len()
            );
        }
    }
}
