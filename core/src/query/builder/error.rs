//! What cannot be built, and the names that can stand in a query.

use crate::query::ast::LabelMatcher;
use crate::query::diagnostic::{Diagnostic, code, render};
use crate::query::syntax;

/// Why a query cannot be built. Displayed as [`render`] draws the diagnostics.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", render(text, diagnostics, false))]
pub struct BuildError {
    /// The text that the diagnostics are about; empty where a value cannot stand in any text.
    pub text: String,
    /// Everything found wrong; never empty.
    pub diagnostics: Vec<Diagnostic>,
}

/// What has been found wrong with the pieces so far.
#[derive(Clone, Default, Debug)]
pub(super) struct Problems {
    pub(super) found: Vec<Diagnostic>,
}

impl Problems {
    pub(super) fn tell(&mut self, code: &'static str, message: String) {
        let diagnostic = Diagnostic::error(code, 0..0, message);
        // A program may make the same mistake in a loop.
        if self.found.last() != Some(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    pub(super) fn require(&mut self, holds: bool, what: &str, value: &str, expected: &str) {
        if !holds {
            let shown = syntax::shown(value);
            let message = format!("{what} cannot be called `{shown}`; expected {expected}");
            self.tell(code::QUERY_SYNTAX, message);
        }
    }

    pub(super) fn require_label(&mut self, label: &str) {
        let expected = "letters, digits and `_`, in parts separated by dots";
        self.require(is_label(label), "a label", label, expected);
    }

    pub(super) fn matchers(&mut self, matchers: &[LabelMatcher]) {
        for matcher in matchers {
            self.require_label(&matcher.label);
        }
    }

    pub(super) fn twice(&mut self, what: &str) {
        self.tell(code::QUERY_DUPLICATE, format!("{what} is given twice"));
    }

    pub(super) fn append(&mut self, other: Self) {
        for diagnostic in other.found {
            self.tell(diagnostic.code, diagnostic.message);
        }
    }
}

/// As `name` of the grammar.
pub(super) fn is_name(text: &str) -> bool {
    is_part(text) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// As `label` of the grammar.
pub(super) fn is_label(text: &str) -> bool {
    let mut parts = text.split('.');
    parts.next().is_some_and(is_name) && parts.all(is_part)
}

/// A name of a stream: a name, or `source#position`.
pub(super) fn is_stream(text: &str) -> bool {
    let (name, position) = text.split_once('#').unwrap_or((text, "1"));
    is_name(name) && !position.is_empty() && position.bytes().all(|byte| byte.is_ascii_digit())
}

/// As `selected` of the grammar of stages.
pub(super) fn is_field(text: &str) -> bool {
    let mut parts = text.split('.');
    parts.next().is_some_and(is_stream) && parts.all(is_part)
}

fn is_part(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
