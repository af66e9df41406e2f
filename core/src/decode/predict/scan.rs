//! Where JSON values end, and whether they are what `serde_json` takes for values.
//!
//! Works on a block that ends with a line ending, which is part of no value: nothing is read past the end
//! of a line. Text costs a few instructions per sixteen bytes.

use wide::u8x16;

/// Deepest nesting of arrays, and of objects in them, that is passed over.
const MAX_DEPTH: u32 = 64;

/// A place in a block. Blocks are far smaller than 4 GiB, and sums of places as numbers of this size need
/// no check for overflow before they are compared to the length of a block.
pub(super) type At = u32;

/// The bytes from a place on, as many as are asked for.
#[inline(always)]
pub(super) fn chunk<const N: usize>(bytes: &[u8], at: At) -> Option<&[u8; N]> {
    let at = at as usize;
    bytes.get(at..at + N)?.first_chunk()
}

/// How many spaces, tabs and CRs there are.
#[inline]
pub(super) fn space(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count()
}

/// What follows spaces, tabs and CRs.
#[inline]
pub(super) fn after_space(rest: &[u8]) -> &[u8] {
    &rest[space(rest)..]
}

/// Which of sixteen bytes are quotes, backslashes or control bytes, the first in the lowest bit.
#[inline(always)]
fn specials(chunk: &[u8; 16]) -> u32 {
    let chunk = u8x16::new(*chunk);
    // Zero for quotes, which that moves to the control bytes, and for these.
    let quote = (chunk ^ u8x16::splat(2)).saturating_sub(u8x16::splat(0x20));
    let escape = chunk ^ u8x16::splat(b'\\');
    quote.min(escape).simd_eq(u8x16::splat(0)).to_bitmask()
}

/// Where the quote stands that closes the text that begins at `at`. May miss some, and all of text with
/// escapes.
#[inline(always)]
pub(super) fn plain_text(bytes: &[u8], mut at: At) -> Option<At> {
    // Mostly short: what a loop would prepare is not worth it.
    let mut part = chunk(bytes, at)?;
    let mut found = specials(part);
    while found == 0 {
        at += 16;
        part = chunk(bytes, at)?;
        found = specials(part);
    }
    let first = found.trailing_zeros();
    (part[first as usize % 16] == b'"').then_some(at + first)
}

/// Where the quote stands that closes the text that begins at `at`, and whether there are escapes in it.
pub(super) fn text(bytes: &[u8], at: At) -> Option<(At, bool)> {
    let (length, is_escaped) = string(bytes.get(at as usize..)?)?;
    Some((at + At::try_from(length).ok()?, is_escaped))
}

/// The length of the text of a key, if there are no escapes in it and it is not empty.
pub(super) fn key(rest: &[u8]) -> Option<usize> {
    let length = match plain_text(rest, 0) {
        Some(length) => length as usize,
        None => string(rest).filter(|(_, is_escaped)| !is_escaped)?.0,
    };
    (length > 0).then_some(length)
}

/// The length of the text of a string, up to its closing quote, and whether there are escapes in it.
#[inline]
pub(super) fn string(rest: &[u8]) -> Option<(usize, bool)> {
    let mut length = plain(rest);
    let mut is_escaped = false;
    loop {
        match rest.get(length..)? {
            [b'"', ..] => return Some((length, is_escaped)),
            [b'\\', escaped @ ..] => length += escape(escaped)?,
            _ => return None,
        }
        is_escaped = true;
        length += plain(rest.get(length..)?);
    }
}

/// The length of text without quotes, backslashes and control bytes.
#[inline]
fn plain(rest: &[u8]) -> usize {
    let (chunks, end) = rest.as_chunks::<16>();
    for (at, chunk) in chunks.iter().enumerate() {
        let found = specials(chunk);
        if found != 0 {
            return at * 16 + found.trailing_zeros() as usize;
        }
    }
    let plain = end.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | ..=0x1f));
    chunks.len() * 16 + plain.count()
}

/// The length of an escape, which begins after its backslash.
fn escape(rest: &[u8]) -> Option<usize> {
    match *rest.first()? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => {
            let digits = rest.get(1..5)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(6)
        }
        _ => None,
    }
}

/// The length of a value that is a whole number, if it is one that is followed by no space. May miss some.
#[inline(always)]
pub(super) fn whole_number(bytes: &[u8], at: At) -> Option<At> {
    let chunk: &[u8; 16] = chunk(bytes, at)?;
    let length = short_digits(chunk);
    let is_whole = length == 1 || length > 1 && chunk[0] != b'0';
    matches!(chunk.get(length as usize)?, b',' | b'}' if is_whole).then_some(length)
}

/// The length of any value but an object.
pub(super) fn other(rest: &[u8]) -> Option<At> {
    let length = if rest.first() == Some(&b'[') { array(rest)? } else { scalar(rest)? };
    At::try_from(length).ok()
}

fn scalar(rest: &[u8]) -> Option<usize> {
    match *rest.first()? {
        b'"' => string(&rest[1..]).map(|(length, _)| length + 2),
        b'-' | b'0'..=b'9' => number(rest),
        b't' => word(rest, b"true"),
        b'f' => word(rest, b"false"),
        b'n' => word(rest, b"null"),
        _ => None,
    }
}

/// The length of a word, if it is next.
pub(super) fn word(rest: &[u8], word: &[u8]) -> Option<usize> {
    rest.starts_with(word).then_some(word.len())
}

fn number(rest: &[u8]) -> Option<usize> {
    let sign = usize::from(rest.first() == Some(&b'-'));
    let whole = digits(&rest[sign..]);
    if whole == 0 || whole > 1 && rest[sign] == b'0' {
        return None;
    }
    let mut length = sign + whole;
    if rest.get(length) == Some(&b'.') {
        let fraction = digits(&rest[length + 1..]);
        length += 1 + fraction;
        if fraction == 0 {
            return None;
        }
    }
    if let Some(b'e' | b'E') = rest.get(length) {
        length += 1;
        length += usize::from(matches!(rest.get(length), Some(b'+' | b'-')));
        let exponent = digits(&rest[length..]);
        length += exponent;
        if exponent == 0 {
            return None;
        }
    }
    Some(length)
}

/// How many digits there are.
fn digits(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// How many digits there are, of sixteen bytes.
#[inline(always)]
fn short_digits(chunk: &[u8; 16]) -> At {
    // What is below `0` wraps around to more than nine.
    let value = u8x16::new(*chunk) - u8x16::splat(b'0');
    let digits = value.min(u8x16::splat(9)).simd_eq(value).to_bitmask();
    (!digits).trailing_zeros()
}

/// The length of an array.
fn array(rest: &[u8]) -> Option<usize> {
    // One bit per level, set for objects; the innermost is the lowest.
    let mut objects = 0_u64;
    let mut depth = 0;
    let mut left = rest;
    loop {
        // A value begins here.
        let is_object = match *left.first()? {
            b'[' => Some(false),
            b'{' => Some(true),
            _ => None,
        };
        if let Some(is_object) = is_object {
            if depth == MAX_DEPTH {
                return None;
            }
            depth += 1;
            objects = objects << 1 | u64::from(is_object);
            left = after_space(&left[1..]);
            if *left.first()? != if is_object { b'}' } else { b']' } {
                left = if is_object { value(left)? } else { left };
                continue;
            }
        } else {
            left = after_space(left.get(scalar(left)?..)?);
        }
        // A value ends here, and perhaps what it is in.
        loop {
            let is_object = objects & 1 == 1;
            match *left.first()? {
                b',' => {
                    left = after_space(&left[1..]);
                    left = if is_object { value(left)? } else { left };
                    break;
                }
                b'}' if is_object => {}
                b']' if !is_object => {}
                _ => return None,
            }
            depth -= 1;
            objects >>= 1;
            if depth == 0 {
                return Some(rest.len() - left.len() + 1);
            }
            left = after_space(&left[1..]);
        }
    }
}

/// The value of the key that is next.
fn value(rest: &[u8]) -> Option<&[u8]> {
    let text = rest.strip_prefix(b"\"")?;
    let (length, _) = string(text)?;
    let rest = after_space(&text[length + 1..]).strip_prefix(b":")?;
    Some(after_space(rest))
}
