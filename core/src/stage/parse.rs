//! Text of a stage to its tree, with the grammar of `grammar.pest`.
//!
//! Carries on after a mistake the grammar lets through, so that all of them are told at once. The
//! tree of a stage with mistakes is not handed out.

use std::ops::Range;

use pest::Parser;
use pest::iterators::Pair;

use super::ast::Stage;
use super::scan;
use crate::query::{
    Diagnostic, Spanned, code, duration, in_text_order, scan as query_scan, syntax,
};

mod condition;
mod value;

// Generated items have no documentation of their own.
#[allow(missing_docs)]
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "query/lexical.pest"]
    #[grammar = "stage/grammar.pest"]
    pub(super) struct StageParser;
}

use grammar::{Rule, StageParser};

const STAGES: [&str; 3] = ["where", "select", "limit"];

/// What can be made of the text of a stage.
pub(super) struct Read {
    /// The tree; without what has a mistake.
    pub stage: Option<Stage>,
    /// Wherever a stream is named, beside mistakes too; not in a `select`, where it may be a label.
    pub names: Vec<Spanned<String>>,
    /// Everything found wrong, in text order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads `text` as far as possible; spans count from `offset`.
pub(super) fn read(text: &str, offset: usize) -> Read {
    let mut reader = Reader { offset, diagnostics: Vec::new() };
    let (mut stage, mut names) = (None, Vec::new());
    match parsed(text) {
        Ok(pair) => {
            names = reader.names(&pair);
            stage = Some(reader.stage(pair));
        }
        Err(diagnostic) => reader.diagnostics.push(diagnostic),
    }
    Read { stage, names, diagnostics: reader.finish(text) }
}

fn parsed(text: &str) -> Result<Pair<'_, Rule>, Diagnostic> {
    known(text)?;
    scan::depth(text)?;
    let mut pairs = StageParser::parse(Rule::stage, text).map_err(|error| explain(text, &error))?;
    let stage = pairs.next().expect("a parse has the pair of its rule");
    Ok(stage.into_inner().next().expect("a stage is one of three"))
}

/// Reads pairs to trees. Spans of the tree have the offset added, those of diagnostics have not.
struct Reader {
    offset: usize,
    diagnostics: Vec<Diagnostic>,
}

impl Reader {
    fn stage(&mut self, pair: Pair<'_, Rule>) -> Stage {
        let (rule, span) = (pair.as_rule(), self.shifted(exact(&pair)));
        let mut inner = pair.into_inner();
        inner.next().expect("a stage starts with its word");
        match rule {
            Rule::where_stage => {
                let any = inner.next().expect("`where` has a condition");
                Stage::Where { condition: self.condition(any), span }
            }
            Rule::select_stage => {
                if let Some(comma) = inner.clone().next_back()
                    && comma.as_rule() == Rule::comma
                {
                    let at = syntax::range(&comma);
                    self.error(code::QUERY_SYNTAX, at, "nothing follows this `,`")
                        .suggest("leave it out");
                }
                let fields = self.fields(inner.filter(|pair| pair.as_rule() == Rule::selected));
                Stage::Select { fields, span }
            }
            _ => {
                let amount = inner.next().expect("`limit` has a number");
                Stage::Limit { count: self.amount(&amount), span }
            }
        }
    }

    fn names(&self, stage: &Pair<'_, Rule>) -> Vec<Spanned<String>> {
        let mut names = Vec::new();
        let mut is_name = true;
        for pair in stage.clone().into_inner().flatten() {
            match pair.as_rule() {
                // What follows in them is a stream by its look only.
                Rule::word | Rule::unknown_call => is_name = false,
                Rule::stream if is_name => names.push(self.spanned(&pair)),
                _ => is_name = true,
            }
        }
        names
    }

    fn fields<'t>(&mut self, pairs: impl Iterator<Item = Pair<'t, Rule>>) -> Vec<Spanned<String>> {
        let mut fields: Vec<Spanned<String>> = Vec::new();
        for pair in pairs {
            if fields.iter().any(|field| field.value == pair.as_str()) {
                let message = format!("`{}` is selected twice", syntax::shown(pair.as_str()));
                self.error(code::QUERY_DUPLICATE, syntax::range(&pair), message);
            } else {
                fields.push(self.spanned(&pair));
            }
        }
        fields
    }

    fn amount(&mut self, pair: &Pair<'_, Rule>) -> u64 {
        let digits = pair.as_str().bytes().all(|byte| byte.is_ascii_digit());
        let count = pair.as_str().parse::<u64>().ok().filter(|count| *count > 0 && digits);
        count.unwrap_or_else(|| {
            let message = format!(
                "`{}` is no number of correlations; expected a whole number from 1",
                syntax::shown(pair.as_str())
            );
            self.error(code::STAGE_LIMIT, syntax::range(pair), message)
                .suggest("write `limit 100`");
            1
        })
    }

    /// The text of a pair.
    fn spanned(&self, pair: &Pair<'_, Rule>) -> Spanned<String> {
        Spanned { value: pair.as_str().to_owned(), span: self.range(pair) }
    }

    /// The span of a pair in the query.
    fn range(&self, pair: &Pair<'_, Rule>) -> Range<usize> {
        self.shifted(syntax::range(pair))
    }

    fn shifted(&self, span: Range<usize>) -> Range<usize> {
        span.start + self.offset..span.end + self.offset
    }

    /// Reports a mistake at a place in the text of the stage.
    fn error(
        &mut self,
        code: &'static str,
        at: Range<usize>,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.push(Diagnostic::error(code, at, message));
        self.diagnostics.last_mut().expect("one was just pushed")
    }

    fn finish(self, text: &str) -> Vec<Diagnostic> {
        let mut diagnostics = in_text_order(text, self.diagnostics);
        for diagnostic in &mut diagnostics {
            diagnostic.span.start += self.offset;
            diagnostic.span.end += self.offset;
        }
        diagnostics
    }
}

/// The span of a pair without the white space and comments that optional parts at its end have taken.
fn exact(pair: &Pair<'_, Rule>) -> Range<usize> {
    let end = pair.clone().into_inner().next_back().map(|last| exact(&last).end);
    pair.as_span().start()..end.unwrap_or_else(|| pair.as_span().end())
}

/// The text of a pair, for a message.
fn shown(pair: &Pair<'_, Rule>) -> String {
    syntax::shown(&pair.as_str()[..exact(pair).len()])
}

/// Whether the stage is one that exists.
fn known(text: &str) -> Result<(), Diagnostic> {
    let start = text.len() - text.trim_start().len();
    let (span, found) = syntax::found(text, start, "the end of the stage");
    let (word, end) = (&text[span.clone()], span.end);
    let lower = word.to_lowercase();
    // A comment may stand before it; the parser knows comments.
    if STAGES.contains(&lower.as_str()) || word == "#" {
        return Ok(());
    }
    let message = format!("expected a stage (`where`, `select`, `limit`), found {found}");
    let diagnostic = Diagnostic::error(code::STAGE_UNKNOWN, span, message);
    let meant = match lower.as_str() {
        "filter" | "having" | "if" | "when" => Some("where"),
        "fields" | "keep" | "project" | "table" | "labels" => Some("select"),
        "head" | "take" | "top" | "first" => Some("limit"),
        lower => syntax::nearest(lower, &STAGES),
    };
    let parsers = ["json", "logfmt", "pattern", "regexp", "line_format", "label_format", "unpack"];
    Err(match meant {
        Some(meant) => diagnostic.suggesting(format!("did you mean `| {meant}`?")),
        None if parsers.contains(&lower.as_str()) => {
            diagnostic.suggesting("parsers stand in the selector of a stream")
        }
        None if starts_comparison(&text[end..]) => {
            diagnostic.suggesting("conditions follow `where`: `| where app.status >= 500`")
        }
        None => diagnostic,
    })
}

/// Whether `text`, which follows a word, makes it a value that is compared.
fn starts_comparison(text: &str) -> bool {
    text.trim_start().starts_with(['=', '!', '<', '>', '.', '#'])
}

/// The error of the parser in plain words.
fn explain(text: &str, error: &pest::error::Error<Rule>) -> Diagnostic {
    if let Some(diagnostic) = syntax::out_of_stack(error) {
        return diagnostic;
    }
    let expected = syntax::expected(error, |rule| {
        Some(match rule {
            Rule::stage | Rule::where_stage | Rule::select_stage | Rule::limit_stage => {
                "a stage (`where`, `select`, `limit`)"
            }
            Rule::any | Rule::all | Rule::one | Rule::test => "a condition",
            Rule::sum
            | Rule::product
            | Rule::group
            | Rule::every
            | Rule::count
            | Rule::pick
            | Rule::unknown_call
            | Rule::negative
            | Rule::field
            | Rule::word
            | Rule::number => "a value such as `app.status` or `count(app)`",
            Rule::string => "a quoted text",
            Rule::member => "`.label` or `.ts`",
            Rule::label => "a label",
            Rule::stream => "the name of a stream",
            Rule::selected => "a field such as `request_id` or `app.status`",
            Rule::amount => "a number",
            Rule::compare_op => "a comparison such as `=` or `>=`",
            Rule::word_or => "`or`",
            Rule::word_and => "`and`",
            Rule::open => "`(`",
            Rule::close => "`)`",
            Rule::comma => "`,`",
            Rule::EOI => "the end of the stage",
            _ => return None,
        })
    });
    let at = syntax::position(error);
    let (span, found) = syntax::found(text, at, "the end of the stage");
    let message = syntax::sentence(&expected, &found);
    let diagnostic = Diagnostic::error(code::QUERY_SYNTAX, span, message);
    let (before, rest) = (&text[..at], &text[at..]);
    let word = &text[diagnostic.span.clone()];
    if expected.contains(&"`and`")
        && let Some(meant) = joining(word)
    {
        return diagnostic.suggesting(meant);
    }
    match rest.bytes().next() {
        Some(quote @ (b'"' | b'\'' | b'`')) if !rest[1..].contains(char::from(quote)) => {
            Diagnostic::error(code::QUERY_UNBALANCED, at..at + 1, "this quote is never closed")
        }
        Some(b'-') => diagnostic.suggesting("names have letters, digits and `_`"),
        Some(b'{') if expected == ["the end of the stage"] => {
            diagnostic.suggesting("a projection `{...}` stands before the stages")
        }
        _ if expected == ["the end of the stage"] && query_scan::is_operator_word(word) => {
            diagnostic.suggesting("joins stand before the stages")
        }
        _ if is_duration(before.trim_end()) && duration::parse(word).is_ok() => {
            diagnostic.suggesting("durations are written without spaces, such as `1h30m`")
        }
        _ if before.trim_end().ends_with(|c: char| c.is_ascii_digit())
            && duration::unit_meant(word).is_some() =>
        {
            diagnostic.suggesting("durations are written without spaces, such as `1h30m`")
        }
        _ => match syntax::straight_quotes(word, &expected) {
            Some(quotes) => diagnostic.suggesting(quotes),
            None => diagnostic,
        },
    }
}

/// What was meant by a word or sign between two values or conditions.
fn joining(word: &str) -> Option<String> {
    Some(match word.to_lowercase().as_str() {
        "in" => "one of several is written `app.status =~ \"500|503\"`".to_owned(),
        "~" | "like" | "matches" | "regex" | "contains" => {
            "a part of a text is found by `app.path =~ \".*cart.*\"`".to_owned()
        }
        "equals" | "eq" => "write `=`".to_owned(),
        "ne" => "write `!=`".to_owned(),
        "and" | "or" => return None,
        lower => format!("did you mean `{}`?", syntax::nearest(lower, &["and", "or"])?),
    })
}

/// Whether `text` ends with a duration.
fn is_duration(text: &str) -> bool {
    let word = text.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    duration::parse(word).is_ok()
}
