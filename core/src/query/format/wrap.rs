//! The text of a piece, on as many lines as it needs.

use super::{INDENT, WIDTH};
use crate::stage::ast::Condition;

/// What a piece says, in canonical spelling.
pub(super) enum Text {
    /// Words with a space between them, where a line may end: as many on a line as fit.
    Words(Vec<String>),
    /// `| where` and a condition. A line ends before each `and` or `or` of what does not fit, from the
    /// outermost ones inwards.
    Where(Condition),
}

impl Text {
    /// `items` between `open` and `close`.
    pub(super) fn list<T: ToString>(open: &str, items: &[T], close: &str) -> Self {
        let mut words: Vec<_> = items.iter().map(|item| format!("{},", item.to_string())).collect();
        if let Some(first) = words.first_mut() {
            first.insert_str(0, open);
        }
        if let Some(last) = words.last_mut() {
            last.pop();
            last.push_str(close);
        }
        Self::Words(words)
    }

    /// The text from `column` on, as long as its line has room; further lines are indented.
    pub(super) fn wrapped(&self, column: usize, indent: usize) -> String {
        let mut lines = Lines { text: String::new(), column };
        match self {
            Self::Words(words) => {
                for (at, word) in words.iter().enumerate() {
                    match at {
                        0 => {}
                        _ if lines.fits(1, word, 0) => lines.push(" "),
                        _ => lines.begin(indent),
                    }
                    lines.push(word);
                }
            }
            Self::Where(condition) => {
                lines.push("| where ");
                lines.condition(condition, indent, 0);
            }
        }
        lines.text
    }
}

struct Lines {
    text: String,
    /// Where the last line ends.
    column: usize,
}

impl Lines {
    /// `behind` columns have to be free behind the condition.
    fn condition(&mut self, condition: &Condition, indent: usize, behind: usize) {
        let flat = condition.to_string();
        if self.fits(0, &flat, behind) {
            return self.push(&flat);
        }
        let (word, of) = match condition {
            Condition::Or { of } => ("or ", of),
            Condition::And { of } => ("and ", of),
            Condition::Not { of } if !matches!(**of, Condition::Every(_)) => {
                self.push("not ");
                return self.group(of, indent, behind);
            }
            _ => return self.push(&flat),
        };
        for (at, one) in of.iter().enumerate() {
            if at > 0 {
                self.begin(indent);
                self.push(word);
            }
            let behind = if at + 1 == of.len() { behind } else { 0 };
            match one {
                Condition::Or { .. } => self.group(one, indent, behind),
                one => self.condition(one, indent + INDENT, behind),
            }
        }
    }

    fn group(&mut self, condition: &Condition, indent: usize, behind: usize) {
        self.push("(");
        self.condition(condition, indent + INDENT, behind + 1);
        self.push(")");
    }

    fn fits(&self, before: usize, text: &str, behind: usize) -> bool {
        self.column + before + text.chars().count() + behind <= WIDTH
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.chars().count();
    }

    fn begin(&mut self, indent: usize) {
        self.text.push('\n');
        self.column = 0;
        self.push(&" ".repeat(indent));
    }
}
