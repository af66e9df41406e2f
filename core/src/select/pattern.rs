//! `| pattern "<ip> - <_> [<time>]"`: labels from between pieces of fixed text.

use memchr::memmem::Finder;

use super::extract::Extractor;

/// A compiled pattern: a fixed start, then captures, each up to the next piece of fixed text.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    start: String,
    captures: Vec<Capture>,
}

#[derive(Clone, Debug)]
struct Capture {
    /// `None` for `<_>`.
    name: Option<String>,
    /// The fixed text behind it; empty at the end of the pattern, where the capture takes the rest.
    until: Finder<'static>,
}

impl Pattern {
    /// Compiles `text`; says what is wrong with a pattern that could not capture.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let (start, mut rest) = next_capture(text).map_or((text, None), |(at, _)| {
            let (start, rest) = text.split_at(at);
            (start, Some(rest))
        });
        let mut captures: Vec<Capture> = Vec::new();
        while let Some((_, length)) = rest.and_then(next_capture) {
            let (name, after) = rest.unwrap_or_default().split_at(length);
            let until = next_capture(after).map_or(after.len(), |(at, _)| at);
            let (fixed, after) = after.split_at(until);
            if fixed.is_empty() && !after.is_empty() {
                return Err(format!("nothing separates `{name}` from the capture behind it"));
            }
            let name = Some(&name[1..name.len() - 1]).filter(|name| *name != "_");
            if let Some(name) = name
                && captures.iter().any(|capture| capture.name.as_deref() == Some(name))
            {
                return Err(format!("the pattern captures `{name}` twice"));
            }
            let until = Finder::new(fixed).into_owned();
            captures.push(Capture { name: name.map(str::to_owned), until });
            rest = Some(after);
        }
        if captures.iter().all(|capture| capture.name.is_none()) {
            return Err("the pattern captures nothing by name".to_owned());
        }
        Ok(Self { start: start.to_owned(), captures })
    }

    /// Extracts the captures of a line that begins as the pattern does; as in `LogQL`, the first
    /// capture whose end is missing takes the rest of the line and is the last.
    pub(super) fn extract(&self, line: &str, to: &mut Extractor<'_>) {
        let Some(mut rest) = line.strip_prefix(self.start.as_str()) else { return };
        for capture in &self.captures {
            let fixed = capture.until.needle();
            let end = if fixed.is_empty() { None } else { capture.until.find(rest.as_bytes()) };
            if let Some(name) = &capture.name {
                to.set(name, &rest[..end.unwrap_or(rest.len())]);
            }
            let Some(end) = end else { return };
            rest = &rest[end + fixed.len()..];
        }
    }

    /// The names it captures.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.captures.iter().filter_map(|capture| capture.name.as_deref())
    }
}

/// Where the next `<name>` starts and how long it is.
fn next_capture(text: &str) -> Option<(usize, usize)> {
    text.match_indices('<').find_map(|(at, _)| {
        let inner = &text[at + 1..];
        let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
        let name = !inner.starts_with(|c: char| c.is_ascii_digit());
        (end > 0 && name && inner[end..].starts_with('>')).then_some((at, end + 2))
    })
}
