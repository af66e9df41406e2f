//! `| logfmt`: `key=value key="quoted value"` as labels. A key without a value is no label.

use super::extract::{Extractor, push_sanitized};

/// A pair of the line is malformed.
#[derive(Debug)]
pub(super) struct Malformed;

/// Extracts every pair that is well-formed; an error if one is not.
pub(super) fn extract(line: &str, to: &mut Extractor<'_>) -> Result<(), Malformed> {
    let mut result = Ok(());
    let (mut name, mut unescaped) = (String::new(), String::new());
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        let Some(after) = after.strip_prefix('=') else {
            rest = after.trim_start();
            continue;
        };
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let Some(after) = unquote(quoted, &mut unescaped) else { return Err(Malformed) };
                (unescaped.as_str(), after)
            }
            None => after.split_at(after.find(char::is_whitespace).unwrap_or(after.len())),
        };
        if key.is_empty() || key.contains('"') {
            result = Err(Malformed);
        } else {
            name.clear();
            push_sanitized(&mut name, key);
            to.set(&name, value);
        }
        rest = after.trim_start();
    }
    result
}

/// Puts what stands before the closing quote into `value` and gives what stands behind it; `None`
/// without a closing quote.
fn unquote<'l>(quoted: &'l str, value: &mut String) -> Option<&'l str> {
    value.clear();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some(&quoted[at + 1..]),
            '\\' => {
                let (at, escaped) = chars.next()?;
                match escaped {
                    'n' => value.push('\n'),
                    'r' => value.push('\r'),
                    't' => value.push('\t'),
                    'u' => match unicode(&quoted[at + 1..]) {
                        Some(c) => {
                            value.push(c);
                            chars.nth(3);
                        }
                        None => value.push_str("\\u"),
                    },
                    '"' | '\\' | '/' => value.push(escaped),
                    other => value.extend(['\\', other]),
                }
            }
            c => value.push(c),
        }
    }
    None
}

fn unicode(text: &str) -> Option<char> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}
