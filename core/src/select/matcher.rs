//! Label matchers, with the meaning they have in `PromQL`: regexes are anchored, a missing label is
//! the empty text.

use std::fmt;
use std::ops::Range;

use regex::Regex;

use crate::columns::Column;
use crate::limits::{MAX_REGEX_BYTES, MAX_REGEXES_BYTES};
use crate::regex_size::RegexSize;

/// How a matcher compares. Displayed and serialised as in the query.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, serde::Serialize)]
pub enum MatchOp {
    /// `=`
    #[serde(rename = "=")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
    /// `=~`
    #[serde(rename = "=~")]
    Match,
    /// `!~`
    #[serde(rename = "!~")]
    NotMatch,
}

impl MatchOp {
    /// The operator spelled `text`.
    pub fn of(text: &str) -> Option<Self> {
        Some(match text {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "=~" => Self::Match,
            "!~" => Self::NotMatch,
            _ => return None,
        })
    }
}

impl fmt::Display for MatchOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Match => "=~",
            Self::NotMatch => "!~",
        })
    }
}

/// One `label op "value"`.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// The comparison.
    pub op: MatchOp,
    /// The text or the regex as written.
    pub value: String,
    /// The compiled, anchored regex of `=~` and `!~`.
    pub regex: Option<Regex>,
    /// The column of the label, where events have columns.
    pub(crate) column: Column,
}

impl Matcher {
    /// A matcher, its regex compiled.
    ///
    /// # Errors
    /// A regex that does not compile, or is larger than `size`.
    pub fn new(
        label: String,
        op: MatchOp,
        value: String,
        size: RegexSize,
    ) -> Result<Self, RegexError> {
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Match | MatchOp::NotMatch => Some(compile_anchored(&value, size)?),
        };
        Ok(Self { label, op, value, regex, column: Column::UNKNOWN })
    }

    /// Whether the value of the label (`None`: missing) satisfies the matcher.
    pub fn accepts(&self, value: Option<&str>) -> bool {
        let value = value.unwrap_or("");
        let matches = match &self.regex {
            Some(regex) => regex.is_match(value),
            None => self.value == value,
        };
        match self.op {
            MatchOp::Equal | MatchOp::Match => matches,
            MatchOp::NotEqual | MatchOp::NotMatch => !matches,
        }
    }
}

/// Why a regex does not compile.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct RegexError {
    /// What is wrong, in the words of the regex engine.
    pub message: String,
    /// Where, in bytes of the pattern.
    pub span: Range<usize>,
}

/// A regex that finds its pattern anywhere.
pub(super) fn compile(pattern: &str, size: RegexSize) -> Result<Regex, RegexError> {
    // Parsed on its own first: only this error says where, and what only compiles inside the
    // anchors, such as `a)|(b`, is refused.
    regex_syntax::Parser::new().parse(pattern).map_err(|error| syntax_error(pattern, &error))?;
    size.compile(pattern).map_err(|error| too_large(pattern, &error))
}

/// A regex that matches a whole text, as `PromQL` has it: anchored, `.` is any character.
fn compile_anchored(pattern: &str, size: RegexSize) -> Result<Regex, RegexError> {
    regex_syntax::Parser::new().parse(pattern).map_err(|error| syntax_error(pattern, &error))?;
    size.compile(&format!("^(?s:{pattern})$"))
        // Under `(?x)` a comment at the end swallows the closing parenthesis.
        .or_else(|_| size.compile(&format!("^(?s:{pattern}\n)$")))
        .map_err(|error| too_large(pattern, &error))
}

fn syntax_error(pattern: &str, error: &regex_syntax::Error) -> RegexError {
    let (message, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), Some(*error.span())),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), Some(*error.span())),
        error => (error.to_string(), None),
    };
    let span = span.map_or(0..pattern.len(), |span| span.start.offset..span.end.offset);
    RegexError { message, span }
}

fn too_large(pattern: &str, error: &regex::Error) -> RegexError {
    let message = match error {
        regex::Error::CompiledTooBig(limit) if *limit < MAX_REGEX_BYTES => format!(
            "it compiles to more than {limit} bytes, its part of the {MAX_REGEXES_BYTES} that the \
             regexes of a query may take together"
        ),
        regex::Error::CompiledTooBig(limit) => format!("it compiles to more than {limit} bytes"),
        error => error.to_string(),
    };
    RegexError { message, span: 0..pattern.len() }
}
