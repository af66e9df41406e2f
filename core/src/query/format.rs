//! Queries laid out for people: canonical text, on several lines where one is too long, with all
//! comments.
//!
//! A comment stays with the piece before it on its line, else with the piece after it. Pieces are
//! streams, operators, clauses, the projection and stages; a comment inside of one moves behind it.

mod wrap;

use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

use wrap::Text;

use super::ast::{Expr, Join, Query, Spanned};
use super::diagnostic::{Diagnostic, code};
use super::lex::{LexemeKind, lexemes};
use super::parse;
use crate::limits::MAX_QUERY_BYTES;
use crate::stage::{self, Stage};

/// Columns that a line has at most where it can be broken.
const WIDTH: usize = 100;
/// Columns by which what belongs to a line above is indented.
const INDENT: usize = 2;

/// Lays out `text`: in canonical spelling, on one line if it fits 100 columns and has no comments,
/// else with a line for each join, the projection and each stage. A list that is too long goes on in
/// the next line, a condition before its `and`s or `or`s. Comments are kept. Formatting what was
/// formatted changes nothing; the tree is the same apart from its spans.
///
/// ```
/// use logbraid_core::query;
///
/// let text = "edge({})[60s]AND on(id)(app({}))  # both";
/// let formatted = query::format(text).unwrap();
/// assert_eq!(formatted, "edge({})[1m]\n  and on(id) app({}) # both");
/// ```
///
/// # Errors
/// What keeps `text` from being parsed, in text order, or that it would be too long to be parsed
/// again; never empty.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let query = parse(text)?;
    let all = lexemes(text).into_iter();
    let comments: Vec<_> = all.filter(|lexeme| lexeme.kind == LexemeKind::Comment).collect();
    let line = query.to_string();
    if comments.is_empty() && !line.contains('\n') && line.chars().count() <= WIDTH {
        return Ok(line);
    }
    let mut pieces = Vec::new();
    pieces_of(&query, &mut pieces);
    let mut order: Vec<_> = (0..pieces.len()).collect();
    order.sort_by_key(|at| pieces[*at].span.start);
    let mut last = Vec::new();
    for comment in comments {
        let span = comment.span;
        let comments = place_of(&mut pieces, &order, text, &span).unwrap_or(&mut last);
        comments.push(text[span].trim_end().to_owned());
    }
    let mut printer = Printer { pieces: pieces.into(), ..Printer::default() };
    printer.query(&query);
    printer.waiting.extend(last);
    for comment in mem::take(&mut printer.waiting) {
        printer.line(0);
        printer.text.push_str(&comment);
    }
    let length = printer.text.len();
    if length > MAX_QUERY_BYTES {
        let message = format!(
            "laid out, the query would have {length} bytes; at most {MAX_QUERY_BYTES} are read"
        );
        return Err(vec![Diagnostic::error(code::QUERY_TOO_LONG, 0..0, message)]);
    }
    Ok(printer.text)
}

/// What no comment stands in.
struct Piece {
    text: Text,
    /// Where it stands in the text that is formatted.
    span: Range<usize>,
    /// Comments on lines of their own before it.
    before: Vec<String>,
    /// Comments behind it, the first on its line.
    behind: Vec<String>,
}

fn pieces_of(query: &Query, pieces: &mut Vec<Piece>) {
    pieces_of_expr(&query.expr, pieces);
    if let (Some(first), Some(last)) = (query.projection.first(), query.projection.last()) {
        let text = Text::list("{", &query.projection, "}");
        pieces.push(Piece::new(text, first.span.start..last.span.end));
    }
    for stage in &query.stages {
        pieces.push(Piece::new(text_of_stage(stage), stage.span.clone()));
    }
}

fn text_of_stage(stage: &Spanned<String>) -> Text {
    match stage::parse(&stage.value, 0) {
        Ok(Stage::Where { condition, .. }) => Text::Where(condition),
        Ok(Stage::Select { fields, .. }) => Text::list("| select ", &fields, ""),
        // One that makes no sense stays as it is.
        Ok(Stage::Limit { .. }) | Err(_) => Text::Words(vec![format!("| {}", stage.value)]),
    }
}

/// The pieces of an expression in the order they are printed in.
fn pieces_of_expr(expr: &Expr, pieces: &mut Vec<Piece>) {
    let join = match expr {
        Expr::Stream(stream) => {
            return pieces.push(Piece::word(stream.to_string(), stream.span.clone()));
        }
        Expr::Join(join) => join,
    };
    pieces_of_expr(&join.left, pieces);
    pieces.push(Piece::word(join.kind.value.to_string(), join.kind.span.clone()));
    pieces.extend(clauses_of(join));
    pieces_of_expr(&join.right, pieces);
}

fn clauses_of(join: &Join) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if let (Some(first), Some(last)) = (join.on.first(), join.on.last()) {
        let text = Text::list("on(", &join.on, ")");
        pieces.push(Piece::new(text, first.span.start..last.span.end));
    }
    let ignoring = join
        .ignoring
        .iter()
        .map(|it| Piece::new(Text::list("ignoring(", &it.labels, ")"), it.span.clone()));
    let within = join.within.iter().map(|it| Piece::word(it.to_string(), it.span.clone()));
    let pick = join.pick.iter().map(|it| Piece::word(it.to_string(), it.span.clone()));
    let grouping = join.grouping.iter().map(|it| {
        let text = match &it.labels[..] {
            [] => Text::Words(vec![it.to_string()]),
            labels => Text::list(&format!("group_{}(", it.side), labels, ")"),
        };
        Piece::new(text, it.span.clone())
    });
    pieces.extend(ignoring.chain(within).chain(pick).chain(grouping));
    pieces
}

/// Where a comment of `text` goes; `None` where it comes after everything. `order` has the pieces in
/// the order of the text.
fn place_of<'p>(
    pieces: &'p mut [Piece],
    order: &[usize],
    text: &str,
    comment: &Range<usize>,
) -> Option<&'p mut Vec<String>> {
    let next = order.partition_point(|at| pieces[*at].span.start <= comment.start);
    let previous = next.checked_sub(1).map(|previous| order[previous]);
    let is_beside = |at: &usize| {
        let end = pieces[*at].span.end;
        comment.start < end || !text[end..comment.start].contains('\n')
    };
    if let Some(previous) = previous.filter(is_beside) {
        return Some(&mut pieces[previous].behind);
    }
    order.get(next).map(|at| &mut pieces[*at].before)
}

impl Piece {
    fn new(text: Text, span: Range<usize>) -> Self {
        Self { text, span, before: Vec::new(), behind: Vec::new() }
    }

    fn word(text: String, span: Range<usize>) -> Self {
        Self::new(Text::Words(vec![text]), span)
    }
}

/// What comes before a piece, unless a comment wants it otherwise.
#[derive(Copy, Clone)]
enum Gap {
    Space,
    /// A new line, indented by so much.
    Line(usize),
}

#[derive(Default)]
struct Printer {
    /// What has not been printed.
    pieces: VecDeque<Piece>,
    text: String,
    /// The line ends with a comment.
    is_over: bool,
    /// Comments that go on lines of their own before the next piece.
    waiting: Vec<String>,
}

impl Printer {
    fn query(&mut self, query: &Query) {
        self.expr(&query.expr, 0);
        while !self.pieces.is_empty() {
            self.next(Gap::Line(INDENT), INDENT);
        }
    }

    fn expr(&mut self, expr: &Expr, indent: usize) {
        let join = match expr {
            Expr::Stream(_) => return self.next(Gap::Line(indent), indent),
            Expr::Join(join) => join,
        };
        self.expr(&join.left, indent);
        let indent = indent + INDENT;
        self.next(Gap::Line(indent), indent);
        for _ in clauses_of(join) {
            self.next(Gap::Space, indent + INDENT);
        }
        if let Expr::Stream(_) = &join.right {
            return self.next(Gap::Space, indent + INDENT);
        }
        let width = join.to_string().chars().count() - join.left.to_string().chars().count();
        let mut inner = Vec::new();
        pieces_of_expr(&join.right, &mut inner);
        if indent + width <= WIDTH && self.merge(inner.len(), &format!("({})", join.right)) {
            return self.next(Gap::Space, indent + INDENT);
        }
        self.gap(Gap::Space, indent + INDENT);
        self.text.push('(');
        self.expr(&join.right, indent + INDENT);
        self.line(indent);
        self.text.push(')');
    }

    /// Makes one piece with `text` of the next `count`, if no comment stands between them.
    fn merge(&mut self, count: usize, text: &str) -> bool {
        let is_free = |at: usize| {
            let piece = &self.pieces[at];
            (at == 0 || piece.before.is_empty()) && (at + 1 == count || piece.behind.is_empty())
        };
        if text.contains('\n') || !(0..count).all(is_free) {
            return false;
        }
        let mut group = Piece::word(text.to_owned(), 0..0);
        for piece in self.pieces.drain(..count) {
            group.before.extend(piece.before);
            group.behind.extend(piece.behind);
        }
        self.pieces.push_front(group);
        true
    }

    /// Prints the next piece with its comments. Where it has to start a line on its own, that is
    /// indented by `otherwise`.
    fn next(&mut self, gap: Gap, otherwise: usize) {
        let piece = self.pieces.pop_front().expect("there is a piece for each part of the tree");
        let mut gap = gap;
        let comments: Vec<_> = self.waiting.drain(..).chain(piece.before).collect();
        for comment in comments {
            let ((Gap::Line(indent), _) | (Gap::Space, indent)) = (gap, otherwise);
            self.line(indent);
            self.text.push_str(&comment);
            gap = Gap::Line(indent);
        }
        self.gap(gap, otherwise);
        let start = self.text.rfind('\n').map_or(0, |end| end + 1);
        let column = self.text[start..].chars().count();
        self.text.push_str(&piece.text.wrapped(column, otherwise + INDENT));
        let mut behind = piece.behind.into_iter();
        if let Some(comment) = behind.next() {
            self.text.push(' ');
            self.text.push_str(&comment);
            self.is_over = true;
        }
        self.waiting.extend(behind);
    }

    fn gap(&mut self, gap: Gap, otherwise: usize) {
        match gap {
            Gap::Line(indent) => self.line(indent),
            Gap::Space if self.is_over => self.line(otherwise),
            Gap::Space => self.text.push(' '),
        }
    }

    /// Starts a line.
    fn line(&mut self, indent: usize) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.is_over = false;
    }
}
