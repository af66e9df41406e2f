//! What can stand at the cursor in a stage: a walk over what is before it, by the grammar of stages.
//!
//! Linear in the stage.

use super::words::{
    ARITHMETIC, COMPARISONS, CONDITIONS, DURATIONS, FUNCTIONS, JUNCTIONS, MATCHERS, STAGES,
};
use super::{Completer, CompletionKind, is, is_label};
use crate::query::ast::{Query, Stream};
use crate::query::lex::{Lexeme, LexemeKind, Place};
use crate::query::{check, parse};

/// What the walk over a condition has come to.
#[derive(Clone, PartialEq, Eq, Debug)]
enum At<'t> {
    /// Where a value or condition starts.
    Start,
    /// Behind a value; the stream and label, where it is one.
    Value(Option<(&'t str, &'t str)>),
    /// Behind a condition.
    Condition,
    /// Behind `count` and the like, before the parenthesis.
    Function(Call),
    /// Behind the name of the stream in `count(app`.
    Name(&'t str),
    /// Behind `first(app)`.
    Event(&'t str),
    /// Behind `first(app).`.
    Dot(&'t str),
    /// Behind a mistake.
    Lost,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Call {
    Group,
    Every,
    Count,
    Pick,
}

/// What is open: the stage itself, or a parenthesis.
struct Level<'t> {
    call: Call,
    /// Whether only a value can stand in it.
    is_value: bool,
    /// Whether it is somewhere in `every`, which takes a single comparison.
    in_every: bool,
    /// Whether it has turned out to hold a condition.
    is_condition: bool,
    test: Test<'t>,
}

/// The comparison at hand.
#[derive(Default)]
struct Test<'t> {
    /// The label on its left, where that is a label alone.
    left: Option<(&'t str, &'t str)>,
    /// Whether arithmetic has been seen on this side.
    is_chain: bool,
    /// Whether a duration stands alone on its left.
    is_elapsed: bool,
    op: Option<&'t str>,
}

impl Level<'_> {
    fn new(call: Call, is_value: bool, in_every: bool) -> Self {
        let in_every = in_every || call == Call::Every;
        Self { call, is_value, in_every, is_condition: false, test: Test::default() }
    }

    /// Whether what starts here is a side of a comparison or an operand already.
    fn wants_value(&self) -> bool {
        self.is_value || self.test.op.is_some() || self.test.is_chain
    }

    /// Whether any condition can start here, and not only a value or comparison.
    fn takes_any(&self) -> bool {
        !self.wants_value() && !self.in_every
    }
}

/// The walk.
struct Walk<'t> {
    at: At<'t>,
    levels: Vec<Level<'t>>,
}

impl<'t> Walk<'t> {
    /// Over the pieces of a condition.
    fn over(text: &'t str, lexemes: &[Lexeme]) -> Self {
        let mut walk = Self { at: At::Start, levels: vec![Level::new(Call::Group, false, false)] };
        let mut rest = lexemes.iter().peekable();
        while let Some(lexeme) = rest.next() {
            let mut span = lexeme.span.clone();
            // A name by its position is a piece of its own; what follows its dot belongs to it.
            if lexeme.kind == LexemeKind::Word && text[span.clone()].contains('#') {
                let joins = |end: usize, it: &Lexeme| it.span.start == end;
                if rest.next_if(|it| joins(span.end, it) && &text[it.span.clone()] == ".").is_some()
                {
                    span.end += 1;
                    if let Some(label) = rest.next_if(|it| joins(span.end, it)) {
                        span.end = label.span.end;
                    }
                }
            }
            walk.step(&text[span], lexeme.kind);
        }
        walk
    }

    fn step(&mut self, piece: &'t str, kind: LexemeKind) {
        let Some(level) = self.levels.last_mut() else { return };
        let is_junction = kind == LexemeKind::Word && is(piece, &["and", "or"]);
        let at = std::mem::replace(&mut self.at, At::Lost);
        self.at = match (at, piece) {
            (At::Event(stream), ".") => At::Dot(stream),
            (At::Dot(stream), label) if kind == LexemeKind::Word => value(stream, label),
            (At::Start, "(") => {
                let (is_value, in_every) = (level.wants_value(), level.in_every);
                self.levels.push(Level::new(Call::Group, is_value, in_every));
                At::Start
            }
            (At::Function(call), "(") => {
                let in_every = level.in_every;
                self.levels.push(Level::new(call, false, in_every));
                At::Start
            }
            (at, ")") => self.close(&at),
            (At::Start, _) if matches!(level.call, Call::Count | Call::Pick) => At::Name(piece),
            (At::Start, "-") => At::Start,
            (At::Start, word) if kind == LexemeKind::Word => level.word(word),
            (At::Start, _) if matches!(kind, LexemeKind::Number | LexemeKind::Text) => {
                At::Value(None)
            }
            (At::Value(_) | At::Condition, _) if is_junction => {
                level.test = Test::default();
                level.is_condition = true;
                At::Start
            }
            (At::Value(_), "+" | "-" | "*" | "/") => {
                level.test.is_chain = true;
                level.test.left = None;
                At::Start
            }
            (At::Value(label), op) if level.test.op.is_none() && compares(op) => {
                let test = &mut level.test;
                test.left = label.filter(|_| !test.is_chain);
                test.op = Some(op);
                level.is_condition = true;
                At::Start
            }
            // The rest of a broken condition is left alone.
            (_, _) if is_junction => {
                level.test = Test::default();
                At::Start
            }
            _ => At::Lost,
        };
    }

    /// Behind a parenthesis that closes.
    fn close(&mut self, at: &At<'t>) -> At<'t> {
        if self.levels.len() == 1 {
            return At::Lost;
        }
        let Some(level) = self.levels.pop() else { return At::Lost };
        let is_whole = matches!(at, At::Value(_) | At::Condition);
        match (level.call, at) {
            (Call::Every | Call::Group, _) if is_whole && level.is_condition => self.condition(),
            (Call::Count, At::Start | At::Name(_)) | (Call::Group, At::Value(_)) => At::Value(None),
            (Call::Pick, At::Name(stream)) => At::Event(stream),
            _ => At::Lost,
        }
    }

    fn condition(&mut self) -> At<'t> {
        let Some(level) = self.levels.last_mut() else { return At::Lost };
        level.is_condition = true;
        if level.wants_value() { At::Lost } else { At::Condition }
    }
}

impl<'t> Level<'t> {
    /// Behind a word where something starts.
    fn word(&mut self, word: &'t str) -> At<'t> {
        if is(word, &["not"]) && !self.wants_value() {
            self.is_condition = true;
            At::Start
        } else if is(word, &["every"]) {
            At::Function(Call::Every)
        } else if is(word, &["count"]) {
            At::Function(Call::Count)
        } else if is(word, &["first", "last"]) {
            At::Function(Call::Pick)
        } else if is(word, &["duration"]) {
            self.test.is_elapsed |= self.test.op.is_none();
            At::Value(None)
        } else {
            match word.split_once('.') {
                Some((stream, label)) if !label.is_empty() => value(stream, label),
                _ => At::Lost,
            }
        }
    }
}

/// Behind `stream.label`; a time is no label.
fn value<'t>(stream: &'t str, label: &'t str) -> At<'t> {
    At::Value((label != "ts").then_some((stream, label)))
}

fn compares(op: &str) -> bool {
    let all = [&MATCHERS[..], &COMPARISONS[..]].concat();
    all.iter().any(|(other, _)| *other == op)
}

impl<'c> Completer<'c> {
    pub(super) fn stage(&mut self) {
        let is_bar = |it: &Lexeme| it.place == Place::Stage && &self.before[it.span.clone()] == "|";
        let Some(opens) = self.lexemes.iter().rposition(is_bar) else { return };
        let Some(word) = self.lexemes.get(opens + 1) else { return self.stages() };
        let word = &self.before[word.span.clone()];
        let inner: Vec<Lexeme> = self.lexemes[opens + 2..].to_vec();
        if is(word, &["where"]) {
            self.condition(&inner);
        } else if is(word, &["select"]) {
            self.select(&inner);
        } else if is(word, &["limit"]) && inner.len() == 1 {
            self.bar();
        }
    }

    /// The words of stages; `select` stands once.
    fn stages(&mut self) {
        let pairs = self.lexemes.windows(2);
        let selects = pairs
            .filter(|pair| pair[0].place == Place::Stage)
            .map(|pair| (&self.before[pair[0].span.clone()], &self.before[pair[1].span.clone()]))
            .any(|(bar, word)| bar == "|" && is(word, &["select"]));
        for (word, detail) in STAGES {
            if word != "select" || !selects {
                self.offer(word, word, CompletionKind::Keyword, detail);
            }
        }
    }

    fn bar(&mut self) {
        self.offer("|", "|", CompletionKind::Operator, "the next stage");
    }

    fn condition(&mut self, inner: &[Lexeme]) {
        let streams = self.streams();
        let walk = Walk::over(self.before, inner);
        let Some(level) = walk.levels.last() else { return };
        let test = &level.test;
        if let Some(head) = self.head {
            let name = match walk.at {
                At::Start if !matches!(level.call, Call::Count | Call::Pick) => head,
                At::Event(name) if head.is_empty() => name,
                _ => return,
            };
            return self.members(&streams, name);
        }
        match walk.at {
            At::Start if matches!(level.call, Call::Count | Call::Pick) => {
                self.names(&streams);
                if level.call == Call::Count {
                    self.close();
                }
            }
            At::Start => {
                if let (Some(op), Some((stream, label))) = (test.op, test.left) {
                    // Without a stream it is a label of `first(...)`.
                    let all =
                        streams.iter().filter(|(name, _)| stream.is_empty() || name == stream);
                    let sources: Vec<_> = all.map(|(_, source)| source.as_str()).collect();
                    let known = self.vocabulary.sources.iter();
                    let known: Vec<_> =
                        known.filter(|known| sources.contains(&known.name.as_str())).collect();
                    self.values_of(op, label, &known);
                }
                let is_text = self.typed.starts_with(['"', '\'', '`']);
                if !is_text && !test.op.is_some_and(|op| is(op, &["=~", "!~"])) {
                    self.starts(&streams, level);
                }
            }
            At::Value(label) => {
                self.behind_value(level, label.is_some());
                // A value alone is no condition, as it would have to be behind `not` or `and`.
                if test.op.is_some() || !level.is_condition {
                    self.end(level, walk.levels.len() == 1);
                }
            }
            At::Condition => {
                self.junctions(level);
                self.end(level, walk.levels.len() == 1);
            }
            At::Function(_) => self.offer("(", "(", CompletionKind::Operator, "opens"),
            At::Name(_) => self.close(),
            At::Event(_) | At::Dot(_) | At::Lost => {}
        }
    }

    /// What a condition or value can start with.
    fn starts(&mut self, streams: &[(String, String)], level: &Level<'_>) {
        if level.test.is_elapsed && level.test.op.is_some() {
            for duration in DURATIONS {
                self.offer(duration, duration, CompletionKind::Value, "duration");
            }
        }
        self.names(streams);
        let is_called = self.behind.trim_start().starts_with('(');
        for (word, detail) in FUNCTIONS {
            if word != "every" || level.takes_any() {
                let insert = if is_called { word.to_owned() } else { format!("{word}(") };
                self.offer(word, &insert, CompletionKind::Keyword, detail);
            }
        }
        for (word, detail) in CONDITIONS {
            if word != "not" || level.takes_any() {
                self.offer(word, word, CompletionKind::Keyword, detail);
            }
        }
    }

    fn behind_value(&mut self, level: &Level<'_>, is_label: bool) {
        if level.test.op.is_some() {
            self.junctions(level);
            return;
        }
        if !level.is_value {
            let skipped = if is_label && !level.test.is_chain { "" } else { "~" };
            for (op, detail) in MATCHERS {
                if skipped.is_empty() || !op.ends_with(skipped) {
                    self.offer(op, op, CompletionKind::Operator, detail);
                }
            }
            // `==` is of selectors only.
            let orders: Vec<_> = COMPARISONS.into_iter().filter(|(op, _)| *op != "==").collect();
            self.words(&orders, CompletionKind::Operator);
        }
        self.words(&ARITHMETIC, CompletionKind::Operator);
    }

    /// What ends the level behind a value or condition, where that makes it whole.
    fn end(&mut self, level: &Level<'_>, is_outermost: bool) {
        match level.call {
            _ if is_outermost && level.is_condition => self.bar(),
            Call::Group if !is_outermost => self.close(),
            Call::Every if level.is_condition => self.close(),
            _ => {}
        }
    }

    fn junctions(&mut self, level: &Level<'_>) {
        if !level.in_every {
            self.words(&JUNCTIONS, CompletionKind::Operator);
        }
    }

    fn close(&mut self) {
        self.offer(")", ")", CompletionKind::Operator, "closes");
    }

    fn names(&mut self, streams: &[(String, String)]) {
        for (stream, source) in streams {
            self.offer(stream, stream, CompletionKind::Stream, source);
        }
    }

    /// What can stand behind the dot of the stream `name`.
    fn members(&mut self, streams: &[(String, String)], name: &str) {
        let Some((_, source)) = streams.iter().find(|(stream, _)| stream == name) else { return };
        for label in self.labels_of(source) {
            self.offer(label, label, CompletionKind::Label, "label");
        }
        self.offer("ts", "ts", CompletionKind::Label, "the time of the event");
    }

    /// The labels of a source that can be written behind the name of a stream.
    fn labels_of(&self, source: &str) -> Vec<&'c str> {
        let known = self.vocabulary.sources.iter().filter(|known| known.name == source);
        let labels = known.flat_map(|known| &known.labels).map(|label| label.name.as_str());
        labels.filter(|label| *label != "ts" && is_label(label)).collect()
    }

    fn select(&mut self, inner: &[Lexeme]) {
        // A field is replaced as a whole.
        let cursor = self.span.start + self.typed.len();
        self.span.start = self.before.len();
        self.typed = &self.text[self.span.start..cursor];
        let fields = &self.before[inner.first().map_or(self.before.len(), |it| it.span.start)..];
        let last = inner.last().map(|it| &self.before[it.span.clone()]);
        if last.is_some_and(|last| last != ",") {
            self.offer(",", ",", CompletionKind::Operator, "the next field");
            return self.bar();
        }
        let given: Vec<&str> = fields.split(',').map(str::trim).collect();
        let mut found: Vec<(String, &str)> = Vec::new();
        if let Some(query) = self.query_before() {
            let (_, joins) = query.parts();
            for join in joins {
                let keys = join.on.iter().flat_map(|key| [&key.left, &key.right]);
                found.extend(keys.map(|key| (key.clone(), "key")));
                let copied = join.grouping.iter().flat_map(|grouping| &grouping.labels);
                found.extend(copied.map(|label| (label.value.clone(), "copied label")));
            }
        }
        for (stream, source) in self.streams() {
            let labels = self.labels_of(&source);
            found.extend(labels.into_iter().map(|label| (format!("{stream}.{label}"), "label")));
        }
        for (field, detail) in found {
            if !given.contains(&field.as_str()) {
                self.offer(&field, &field, CompletionKind::Label, detail);
            }
        }
    }

    /// The query that the stages follow.
    fn query_before(&self) -> Option<Query> {
        let stage = self.lexemes.iter().find(|it| it.place == Place::Stage);
        let end = stage.map_or(self.before.len(), |stage| stage.span.start);
        parse::read(&self.before[..end]).query
    }

    /// The names of the streams before the cursor, and their sources.
    fn streams(&self) -> Vec<(String, String)> {
        let Some(query) = self.query_before() else { return Vec::new() };
        let (streams, _): (Vec<&Stream>, _) = query.parts();
        let sources = streams.iter().map(|stream| stream.source.value.clone());
        check::names(&streams, &mut Vec::new()).into_iter().zip(sources).collect()
    }
}
