//! Where JSON values end, and whether they are what `serde_json` takes for values.
//!
//! Works on blocks that end with a line ending, which is part of no value: nothing is read past the end
//! of a line. Strings cost a few instructions per sixteen bytes.

use wide::u8x16;

/// Deepest nesting of arrays, and of objects in them, that is passed over.
const MAX_DEPTH: u32 = 64;

/// The sixteen bytes at `at`; `None` near the end of the block.
#[inline]
pub(super) fn sixteen(bytes: &[u8], at: usize) -> Option<u8x16> {
    let chunk: &[u8; 16] = bytes.get(at..)?.first_chunk()?;
    Some(u8x16::new(*chunk))
}

/// The first byte that is not a space, a tab or a CR.
#[inline]
pub(super) fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// The first quote, backslash or control byte.
#[inline]
fn special(bytes: &[u8], mut at: usize) -> usize {
    let (quote, escape, control) = (u8x16::splat(b'"'), u8x16::splat(b'\\'), u8x16::splat(0x1f));
    while let Some(chunk) = sixteen(bytes, at) {
        let found = chunk.simd_eq(quote) | chunk.simd_eq(escape) | chunk.min(control).simd_eq(chunk);
        let found = found.to_bitmask();
        if found != 0 {
            return at + found.trailing_zeros() as usize;
        }
        at += 16;
    }
    while let Some(byte) = bytes.get(at)
        && !matches!(byte, b'"' | b'\\' | ..=0x1f)
    {
        at += 1;
    }
    at
}

/// Where the string ends whose text begins at `at`, at its closing quote, and whether there are escapes
/// in it.
#[inline]
pub(super) fn string(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let end = special(bytes, at);
    if *bytes.get(end)? == b'"' { Some((end, false)) } else { escaped(bytes, end) }
}

/// As [`string`], from the first byte that is no plain text.
fn escaped(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    loop {
        match *bytes.get(at)? {
            b'"' => return Some((at, true)),
            b'\\' => at += escape(bytes, at + 1)?,
            _ => return None,
        }
        at = special(bytes, at);
    }
}

/// The length of an escape, whose backslash is before `at`.
fn escape(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => {
            let digits = bytes.get(at + 1..at + 5)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(6)
        }
        _ => None,
    }
}

/// Where the number ends that begins at `at`.
#[inline]
pub(super) fn number(bytes: &[u8], mut at: usize) -> Option<usize> {
    at += usize::from(*bytes.get(at)? == b'-');
    let whole = at;
    at = digits(bytes, at);
    if at == whole || at > whole + 1 && bytes[whole] == b'0' {
        return None;
    }
    if *bytes.get(at)? == b'.' {
        let fraction = at + 1;
        at = digits(bytes, fraction);
        if at == fraction {
            return None;
        }
    }
    if let b'e' | b'E' = *bytes.get(at)? {
        at += 1;
        at += usize::from(matches!(bytes.get(at)?, b'+' | b'-'));
        let exponent = at;
        at = digits(bytes, exponent);
        if at == exponent {
            return None;
        }
    }
    Some(at)
}

#[inline]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// Where `true`, `false` or `null` ends that begins at `at`.
#[inline]
pub(super) fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let word: &[u8] = match bytes.get(at)? {
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return None,
    };
    bytes.get(at..)?.starts_with(word).then(|| at + word.len())
}

/// Where the array ends that begins at `at`.
pub(super) fn array(bytes: &[u8], mut at: usize) -> Option<usize> {
    // One bit per level, set for objects; the innermost is the lowest.
    let mut objects = 0_u64;
    let mut depth = 0;
    loop {
        // A value begins here.
        let is_object = match *bytes.get(at)? {
            b'[' => false,
            b'{' => true,
            _ => {
                at = scalar(bytes, at)?;
                at = match close(bytes, at, &mut objects, &mut depth)? {
                    (end, true) => return Some(end),
                    (next, false) => next,
                };
                continue;
            }
        };
        if depth == MAX_DEPTH {
            return None;
        }
        depth += 1;
        objects = objects << 1 | u64::from(is_object);
        at = space(bytes, at + 1);
        let end = if is_object { b'}' } else { b']' };
        if *bytes.get(at)? == end {
            at = match close(bytes, at, &mut objects, &mut depth)? {
                (end, true) => return Some(end),
                (next, false) => next,
            };
        } else if is_object {
            at = key(bytes, at)?;
        }
    }
}

/// After a value: closes what ends, and goes on to the next value. True where everything is closed.
fn close(bytes: &[u8], mut at: usize, objects: &mut u64, depth: &mut u32) -> Option<(usize, bool)> {
    loop {
        at = space(bytes, at);
        let is_object = *objects & 1 == 1;
        match *bytes.get(at)? {
            b',' => {
                at = space(bytes, at + 1);
                let at = if is_object { key(bytes, at)? } else { at };
                return Some((at, false));
            }
            b'}' if is_object => {}
            b']' if !is_object => {}
            _ => return None,
        }
        at += 1;
        *depth -= 1;
        *objects >>= 1;
        if *depth == 0 {
            return Some((at, true));
        }
    }
}

/// The value of the key at `at`.
fn key(bytes: &[u8], at: usize) -> Option<usize> {
    if *bytes.get(at)? != b'"' {
        return None;
    }
    let (end, _) = string(bytes, at + 1)?;
    let at = space(bytes, end + 1);
    (*bytes.get(at)? == b':').then(|| space(bytes, at + 1))
}

fn scalar(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' => string(bytes, at + 1).map(|(end, _)| end + 1),
        b'-' | b'0'..=b'9' => number(bytes, at),
        _ => word(bytes, at),
    }
}
