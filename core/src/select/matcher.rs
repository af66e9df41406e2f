//! Label matchers, with the meaning they have in `PromQL`: regexes are anchored, a missing label is
//! the empty text.

use regex::Regex;

/// How a matcher compares.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Match,
    /// `!~`
    NotMatch,
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
}

impl Matcher {
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
