//! Quoted text: `"…"` and `'…'` with the escapes of `PromQL`, `` `…` `` taken as it stands.

use std::fmt::Write as _;
use std::ops::Range;

use super::syntax;

/// What is wrong with a quoted text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LiteralError {
    /// In bytes of the quoted text.
    pub(crate) span: Range<usize>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) suggestion: Option<String>,
}

/// The text that `quoted`, quotes included, stands for.
pub(crate) fn unquote(quoted: &str) -> Result<String, LiteralError> {
    let mut value = Vec::with_capacity(quoted.len());
    for piece in Pieces::of(quoted) {
        let (_, bytes) = piece?;
        value.extend_from_slice(bytes.as_slice());
    }
    String::from_utf8(value).map_err(|_| LiteralError {
        span: 0..quoted.len(),
        message: "the escapes of this text are not UTF-8".to_owned(),
        suggestion: Some(r"write characters as they are, or as `\u00e9`".to_owned()),
    })
}

/// The byte of `quoted` that byte `at` of its value comes from; the closing quote for the end.
pub(crate) fn origin(quoted: &str, at: usize) -> usize {
    let mut length = 0;
    for piece in Pieces::of(quoted) {
        let Ok((range, bytes)) = piece else { break };
        let bytes = bytes.as_slice().len();
        if at < length + bytes {
            let verbatim = range.len() == bytes;
            return if verbatim { range.start + (at - length) } else { range.start };
        }
        length += bytes;
    }
    quoted.len().saturating_sub(1)
}

/// Whether a terminal or editor would obey `c`, or show nothing of it: control characters, those that
/// turn the direction of writing, and those without any width. Joiners are not among them, which
/// scripts need.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// `value` in double quotes, such that [`unquote`] gives it back; with escapes for what
/// [`is_hidden`].
pub(crate) fn quote(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_hidden(c) => {
                let code = u32::from(c);
                let written = if code > 0xffff {
                    write!(quoted, "\\U{code:08x}")
                } else {
                    write!(quoted, "\\u{code:04x}")
                };
                written.expect("writing to a String cannot fail");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// What a piece of a quoted text stands for.
enum Bytes<'q> {
    Verbatim(&'q str),
    Escaped { utf8: [u8; 4], length: usize },
}

impl Bytes<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Verbatim(text) => text.as_bytes(),
            Self::Escaped { utf8, length } => &utf8[..*length],
        }
    }

    fn of_char(c: char) -> Self {
        let mut utf8 = [0; 4];
        let length = c.encode_utf8(&mut utf8).len();
        Self::Escaped { utf8, length }
    }
}

/// Walks a quoted text: stretches without an escape, and single escapes.
struct Pieces<'q> {
    quoted: &'q str,
    at: usize,
    end: usize,
    raw: bool,
}

impl<'q> Pieces<'q> {
    fn of(quoted: &'q str) -> Self {
        let end = quoted.len().saturating_sub(1).max(1);
        Self { quoted, at: 1, end, raw: quoted.starts_with('`') }
    }
}

impl<'q> Iterator for Pieces<'q> {
    type Item = Result<(Range<usize>, Bytes<'q>), LiteralError>;

    fn next(&mut self) -> Option<Self::Item> {
        let inner = self.quoted.get(self.at..self.end).filter(|inner| !inner.is_empty())?;
        let start = self.at;
        let stop = if self.raw { None } else { inner.find('\\') };
        if stop != Some(0) {
            let text = &inner[..stop.unwrap_or(inner.len())];
            self.at += text.len();
            return Some(Ok((start..self.at, Bytes::Verbatim(text))));
        }
        Some(match escape(inner) {
            Ok((length, bytes)) => {
                self.at += length;
                Ok((start..self.at, bytes))
            }
            Err(error) => {
                self.at = self.end;
                Err(LiteralError { span: start..start + error.span.end, ..error })
            }
        })
    }
}

/// The escape at the start of `text`: its length and what it stands for.
fn escape(text: &str) -> Result<(usize, Bytes<'_>), LiteralError> {
    let simple = |c: char| Ok((2, Bytes::of_char(c)));
    match text[1..].chars().next() {
        Some('a') => simple('\u{7}'),
        Some('b') => simple('\u{8}'),
        Some('f') => simple('\u{c}'),
        Some('n') => simple('\n'),
        Some('r') => simple('\r'),
        Some('t') => simple('\t'),
        Some('v') => simple('\u{b}'),
        Some(itself @ ('\\' | '"' | '\'')) => simple(itself),
        Some('x') => byte(text, 2..4, 16),
        Some('0'..='7') => byte(text, 1..4, 8),
        Some('u') => unicode(text, 2..6),
        Some('U') => unicode(text, 2..10),
        other => {
            let length = 1 + other.map_or(0, char::len_utf8);
            Err(LiteralError {
                span: 0..length,
                message: format!("unknown escape `{}`", syntax::shown(&text[..length])),
                suggestion: Some(
                    "in a regex write the backslash twice, or quote with backticks".to_owned(),
                ),
            })
        }
    }
}

fn byte(text: &str, digits: Range<usize>, radix: u32) -> Result<(usize, Bytes<'_>), LiteralError> {
    let byte = number(text, digits.clone(), radix).and_then(|value| u8::try_from(value).ok());
    let byte = byte.ok_or_else(|| no_character(text, digits.end))?;
    Ok((digits.end, Bytes::Escaped { utf8: [byte, 0, 0, 0], length: 1 }))
}

fn unicode(text: &str, digits: Range<usize>) -> Result<(usize, Bytes<'_>), LiteralError> {
    let c = number(text, digits.clone(), 16).and_then(char::from_u32);
    let c = c.ok_or_else(|| no_character(text, digits.end))?;
    Ok((digits.end, Bytes::of_char(c)))
}

fn number(text: &str, digits: Range<usize>, radix: u32) -> Option<u32> {
    let digits = text.get(digits).filter(|digits| digits.chars().all(|c| c.is_digit(radix)))?;
    u32::from_str_radix(digits, radix).ok()
}

fn no_character(text: &str, length: usize) -> LiteralError {
    let length = text.floor_char_boundary(length);
    let message = format!("`{}` is no character", syntax::shown(&text[..length]));
    LiteralError { span: 0..length, message, suggestion: None }
}
