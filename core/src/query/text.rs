//! Quoted text, with the escapes of `PromQL`.

/// A quoted text that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TextError {
    /// Where in the quoted text, in bytes.
    pub at: usize,
    /// How many bytes.
    pub length: usize,
    pub message: String,
}

/// The text between the quotes, which must be there. Between backticks everything stands for
/// itself.
pub(crate) fn unquote(quoted: &str) -> Result<String, TextError> {
    let inner = &quoted[1..quoted.len() - 1];
    if quoted.starts_with('`') || !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = &rest[at..];
        let start = 1 + inner.len() - escape.len();
        let (character, length) = unescape(escape).ok_or_else(|| {
            let shown: String = escape.chars().take(2).collect();
            TextError {
                at: start,
                length: shown.len(),
                message: format!("unknown escape `{shown}`: a backslash itself is written `\\\\`"),
            }
        })?;
        text.push(character);
        rest = &escape[length..];
    }
    text.push_str(rest);
    Ok(text)
}

/// The character an escape stands for, and the length of the escape.
fn unescape(escape: &str) -> Option<(char, usize)> {
    let hex = |digits: usize| {
        let code = escape.get(2..2 + digits)?;
        let valid = code.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = u32::from_str_radix(code, 16).ok().filter(|_| valid)?;
        Some((char::from_u32(code)?, 2 + digits))
    };
    match escape.as_bytes().get(1)? {
        b'n' => Some(('\n', 2)),
        b'r' => Some(('\r', 2)),
        b't' => Some(('\t', 2)),
        b'a' => Some(('\x07', 2)),
        b'b' => Some(('\x08', 2)),
        b'f' => Some(('\x0c', 2)),
        b'v' => Some(('\x0b', 2)),
        quote @ (b'\\' | b'"' | b'\'') => Some((char::from(*quote), 2)),
        b'x' => hex(2),
        b'u' => hex(4),
        b'U' => hex(8),
        _ => None,
    }
}
