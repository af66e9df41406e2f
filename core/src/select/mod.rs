//! Local selection: label matchers, line filters and parsers, for sources that have no query
//! language of their own. A subset of `LogQL`, spelled and behaving as there.
//!
//! Owns what a selector keeps and which labels its parsers add. Does not know joins, keys or time.
//! Costs per event time linear in the line (times the parsers and regexes that look at it).

mod compile;
mod extract;
mod filter;
mod json;
mod logfmt;
mod matcher;
mod pattern;
mod pipeline;
#[cfg(test)]
mod tests;

pub use matcher::{MatchOp, Matcher, RegexError};
pub use pipeline::{Pipeline, Reads};

use crate::event::{Event, Fields};

/// An event as one stream sees it: the decoded event and the labels that the stream's parsers
/// added.
#[derive(Copy, Clone, Debug)]
pub struct Selected<'a> {
    /// The event.
    pub event: Event<'a>,
    /// The labels the parsers of the stream's selector added; empty where there are none.
    pub extracted: &'a Fields,
}

impl<'a> Selected<'a> {
    /// The value of a label, the event's own first; `None` when missing or empty.
    pub fn label(&self, name: &str) -> Option<&'a str> {
        self.event.label(name).or_else(|| self.extracted.label(name))
    }
}
