//! Label matchers, with the meaning they have in `PromQL`: regexes are anchored, a missing label is
//! the empty text.

use std::fmt;
use std::ops::Range;

use regex::{Regex, RegexBuilder};

use crate::limits;
use crate::query::{Code, Diagnostic};

/// How a matcher compares.
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
    /// The operator spelled so.
    pub fn parse(text: &str) -> Option<Self> {
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

/// A regex that does not compile.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct RegexError(String);

impl RegexError {
    /// As a diagnostic of the quoted text at `quoted`.
    pub(crate) fn diagnostic(&self, quoted: Range<usize>) -> Diagnostic {
        Diagnostic::error(Code::QueryRegex, quoted, self.0.clone())
    }
}

/// Compiles a regex within the bounds of `limits`.
pub(crate) fn compile(pattern: &str) -> Result<Regex, RegexError> {
    RegexBuilder::new(pattern).size_limit(limits::MAX_REGEX_BYTES).build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        RegexError(format!("the regular expression does not compile: {last}"))
    })
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
    regex: Option<Regex>,
}

impl Matcher {
    /// A matcher.
    ///
    /// # Errors
    /// The value is a regex that does not compile.
    pub fn new(label: &str, op: MatchOp, value: &str) -> Result<Self, RegexError> {
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Match | MatchOp::NotMatch => Some(compile(&format!("^(?:{value})$"))?),
        };
        Ok(Self { label: label.to_owned(), op, value: value.to_owned(), regex })
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
