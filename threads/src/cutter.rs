//! Whole lines out of bytes that are cut anywhere, so that they can be read apart from each other.

use logbraid_core::limits::MAX_EVENT_BYTES;
use memchr::{memchr, memrchr};

/// Bytes of a line that are kept: enough to see that it is too long.
const KEPT: usize = MAX_EVENT_BYTES + 2;

/// Bytes of a block after which no further lines are added to it.
pub const BLOCK: usize = 256 << 10;

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

    /// The unfinished line, at the end of the source.
    pub fn finish(&mut self) -> Block {
        std::mem::take(&mut self.unfinished)
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
    use super::{Block, Cutter, KEPT};

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
