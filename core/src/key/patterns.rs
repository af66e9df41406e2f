//! Ids in messages: what `request_id=…` looks like.
//!
//! The well-known ids are found without regular expressions: `=` and `:` are rare, so a message is
//! searched for those and only then for the name before them.

use memchr::memchr2_iter;
use regex::Regex;

use crate::regex_size::RegexSize;

/// Finds ids in messages.
///
/// By default `request_id`, `trace_id`, `span_id`, `session_id`, `correlation_id`, `order_id` and
/// `user_id`, and their camel-case spellings, in forms such as `request_id=req_123`,
/// `"request_id":"req_123"`, `requestId: req_123`, `X-Request-Id: req_123`, and the W3C `traceparent`
/// for trace and span. The first one in the message wins.
#[derive(Clone, Debug, Default)]
pub struct KeyPatterns {
    /// Patterns that replace or add to the well-known ones.
    custom: Vec<(String, Regex)>,
}

/// A pattern that is no regular expression, or cannot be used as a key pattern.
#[derive(Debug, thiserror::Error)]
#[error("pattern of key `{name}`: {message}")]
pub struct KeyPatternError {
    /// The name the pattern was for.
    pub name: String,
    /// What was wrong and what was expected.
    pub message: String,
    /// The byte of the pattern at which it goes wrong, where there is one.
    pub position: Option<usize>,
}

impl KeyPatterns {
    /// Finds the ids of these names by regular expressions with one capture group, which is the id;
    /// they replace what was known for the names. Names are taken as they are: `tx_id` is not `txId`.
    ///
    /// # Errors
    ///
    /// A pattern is no regular expression, is larger when compiled than [each of so many](RegexSize::each_of)
    /// may be, or does not have exactly one capture group.
    pub fn new<'p>(
        patterns: impl ExactSizeIterator<Item = (&'p str, &'p str)>,
    ) -> Result<Self, KeyPatternError> {
        let size = RegexSize::each_of(patterns.len());
        let custom = patterns.map(|(name, pattern)| {
            compile(name, pattern, size).map(|regex| (name.to_owned(), regex))
        });
        Ok(Self { custom: custom.collect::<Result<_, _>>()? })
    }

    /// Whether messages are searched for the id called `name`.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.custom.iter().any(|(known, _)| known == name) || Id::of(name).is_some()
    }

    /// The value of the id called `name` in `message`; `None` when there is none.
    pub fn find<'m>(&self, name: &str, message: &'m str) -> Option<&'m str> {
        if let Some((_, regex)) = self.custom.iter().find(|(known, _)| known == name) {
            let value = regex.captures(message)?.get(1)?.as_str();
            return Some(value).filter(|value| !value.is_empty());
        }
        Id::of(name)?.find(message)
    }
}

/// The regex of one name.
fn compile(name: &str, pattern: &str, size: RegexSize) -> Result<Regex, KeyPatternError> {
    let fail =
        |message: String, position| KeyPatternError { name: name.to_owned(), message, position };
    if let Err(error) = regex_syntax::parse(pattern) {
        let (message, span) = match &error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span()),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span()),
            other => return Err(fail(other.to_string(), None)),
        };
        return Err(fail(message, Some(span.start.offset)));
    }
    let regex = size.compile(pattern).map_err(|error| fail(error.to_string(), None))?;
    if regex.captures_len() != 2 {
        let found = regex.captures_len() - 1;
        let message = format!("expected one capture group, which is the id; found {found}");
        return Err(fail(message, None));
    }
    Ok(regex)
}

/// A well-known id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Id {
    Request,
    Trace,
    Span,
    Session,
    Correlation,
    Order,
    User,
}

impl Id {
    /// The id that a query calls `name`.
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "request_id" | "requestId" => Self::Request,
            "trace_id" | "traceId" => Self::Trace,
            "span_id" | "spanId" => Self::Span,
            "session_id" | "sessionId" => Self::Session,
            "correlation_id" | "correlationId" => Self::Correlation,
            "order_id" | "orderId" => Self::Order,
            "user_id" | "userId" => Self::User,
            _ => return None,
        })
    }

    /// What its name is in messages, in lower case, without `_`, `-` and a leading `x`.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Request => &["requestid", "reqid"],
            Self::Trace => &["traceid", "b3traceid"],
            Self::Span => &["spanid", "b3spanid"],
            Self::Session => &["sessionid"],
            Self::Correlation => &["correlationid", "corrid"],
            Self::Order => &["orderid"],
            Self::User => &["userid"],
        }
    }

    fn find(self, message: &str) -> Option<&str> {
        memchr2_iter(b'=', b':', message.as_bytes()).find_map(|at| self.at(message, at))
    }

    /// The value of the id, if it is what stands around the separator at `at`.
    fn at(self, message: &str, at: usize) -> Option<&str> {
        let colon = message.as_bytes()[at] == b':';
        let before = &message[..at];
        let before = if colon { before.trim_end_matches(' ') } else { before };
        let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
        let before = before.strip_suffix('\\').unwrap_or(before);
        let name = trailing_name(before);
        let after = &message[at + 1..];
        let after = if colon { after.trim_start_matches(' ') } else { after };
        if self.is_called(name) {
            let value = value_at_start(after)?;
            let spaced = colon && after.len() < message.len() - at - 1;
            (!is_prose(value, spaced)).then_some(value)
        } else if matches!(self, Self::Trace | Self::Span) && is(name, "traceparent") {
            let (trace, span) = traceparent(value_at_start(head(after))?)?;
            Some(if self == Self::Trace { trace } else { span })
        } else {
            None
        }
    }

    fn is_called(self, name: &str) -> bool {
        // Every name ends so; the others need no closer look.
        if !name.ends_with(['d', 'D']) {
            return false;
        }
        let short = name.strip_prefix("x-").or_else(|| name.strip_prefix("X-")).unwrap_or(name);
        self.names().iter().any(|known| is(short, known))
    }
}

/// Whether `name` is `known`, whatever its case and separators.
fn is(name: &str, known: &str) -> bool {
    let letters = name.bytes().filter(|byte| !matches!(byte, b'_' | b'-'));
    letters.map(|byte| byte.to_ascii_lowercase()).eq(known.bytes())
}

/// The name that `text` ends with; whole, so that `prev_request_id` is not `request_id`.
fn trailing_name(text: &str) -> &str {
    let in_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let length = text.as_bytes().iter().rev().take_while(in_name).count();
    &text[text.len() - length..]
}

/// The value that `text` starts with: in quotes up to the closing one, else a whole token without
/// the punctuation that ends a clause.
fn value_at_start(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix('"')
        && let Some(end) = quoted.find(['"', '\\']).filter(|end| quoted[*end..].starts_with('"'))
    {
        return Some(&quoted[..end]).filter(|value| !value.trim().is_empty());
    }
    let text = text.strip_prefix('\\').unwrap_or(text);
    let text = text.strip_prefix(['"', '\'']).unwrap_or(text);
    // An id does not begin with punctuation: `--`, `=>` and the like are something else. Told before
    // the token is read, which may be as long as the message.
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if !begins {
        return None;
    }
    let in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:/+=@~".contains(byte);
    let length = text.bytes().take_while(in_token).count();
    Some(text[..length].trim_end_matches(['.', ':', '/', '-']))
}

/// Whether `value` is a word about a value instead of one. After `: ` there may be a sentence.
fn is_prose(value: &str, spaced: bool) -> bool {
    const NOTHING: &[&str] = &["null", "nil", "none", "undefined", "nan", "n/a"];
    const WORDS: &[&str] = &[
        "a", "an", "and", "are", "be", "cannot", "empty", "expected", "expired", "failed", "field",
        "for", "from", "has", "header", "in", "invalid", "is", "it", "missing", "must", "no",
        "not", "of", "or", "required", "should", "that", "the", "this", "to", "unknown", "unset",
        "was", "were", "which", "with", "wrong",
    ];
    let among = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(value));
    among(NOTHING) || spaced && among(WORDS)
}

/// As much of `text` as a `traceparent`, its quotes and what ends it can take.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(64)]
}

/// Trace and span of `00-<32 hexadecimal digits>-<16 hexadecimal digits>-01`; all zeros are none.
fn traceparent(value: &str) -> Option<(&str, &str)> {
    let mut parts = value.split('-');
    let mut part = |length| {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        parts.next().filter(|part| part.len() == length && part.bytes().all(hex))
    };
    let (version, trace, span, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let some = |id: &str| id.bytes().any(|byte| byte != b'0');
    (version != "ff" && some(trace) && some(span)).then_some((trace, span))
}

#[cfg(test)]
mod tests;
