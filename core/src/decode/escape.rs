//! Escapes in quoted text. Lenient: what is no escape stays as it is, and half a surrogate pair
//! becomes U+FFFD, so that an event is not lost over a truncated emoji.

/// The text of a JSON string, given what stands between its quotes. `buffer` holds the result where
/// there was anything to resolve.
pub(super) fn json<'a>(inner: &'a str, buffer: &'a mut String) -> &'a str {
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else { return inner };
    buffer.clear();
    let (plain, mut rest) = inner.split_at(first);
    buffer.push_str(plain);
    while let Some(escaped) = rest.strip_prefix('\\') {
        let (character, length) = one(escaped).unwrap_or(('\\', 0));
        buffer.push(character);
        let after = &escaped[length..];
        let next = memchr::memchr(b'\\', after.as_bytes()).unwrap_or(after.len());
        buffer.push_str(&after[..next]);
        rest = &after[next..];
    }
    buffer
}

/// The character that an escape stands for, and its length without the backslash.
fn one(escaped: &str) -> Option<(char, usize)> {
    let character = match escaped.as_bytes().first()? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'\'' => '\'',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(escaped),
        _ => return None,
    };
    Some((character, 1))
}

/// `u1f60` or a pair of surrogates, `ud83d\ude00`.
fn unicode(escaped: &str) -> Option<(char, usize)> {
    let first = hex(escaped)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, 5));
    }
    let second = escaped.get(5..).and_then(|rest| rest.strip_prefix('\\')).and_then(hex);
    match second {
        Some(second @ 0xDC00..=0xDFFF) if first < 0xDC00 => {
            let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            Some((char::from_u32(code)?, 11))
        }
        _ => Some((char::REPLACEMENT_CHARACTER, 5)),
    }
}

/// The number in `u1f60`.
fn hex(escaped: &str) -> Option<u32> {
    let digits = escaped.strip_prefix('u')?.get(..4)?;
    let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(digits, 16).expect("four hexadecimal digits"))
}
