//! How deep parentheses nest: the parser recurses once per level, so it must only see what passes
//! here. Linear in the text.

use crate::limits::MAX_QUERY_DEPTH;
use crate::query::{Diagnostic, code};

/// Finds the parenthesis at which nesting gets too deep. What has no partner is the parser's to tell.
pub(super) fn depth(text: &str) -> Result<(), Diagnostic> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    // Whether the word that goes on here could be the name of a stream.
    let mut name = None;
    while let Some(&byte) = bytes.get(at) {
        let mut next = at + 1;
        match byte {
            b'(' if depth == MAX_QUERY_DEPTH => {
                let message = format!("parentheses nest more than {MAX_QUERY_DEPTH} deep");
                return Err(Diagnostic::error(code::QUERY_TOO_DEEP, at..next, message));
            }
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b'"' | b'\'' | b'`' => next = end_of_quoted(bytes, at),
            // `app#2` is the name of a stream; any other `#` starts a comment.
            b'#' if name == Some(true) && bytes.get(next).is_some_and(u8::is_ascii_digit) => {}
            b'#' => next = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end),
            _ => {}
        }
        // A number and a label may end like a name, such as `5.a` and `b.a`.
        let goes_on = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | 0x80..);
        let starts_name = byte.is_ascii_alphabetic() || byte == b'_';
        name = goes_on.then(|| name.map_or(starts_name, |name| name && byte != b'.'));
        at = next;
    }
    Ok(())
}

/// The end of the text, where nothing closes it.
fn end_of_quoted(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote != b'`' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}
