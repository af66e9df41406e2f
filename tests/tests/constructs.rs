//! Every construct of the language is shown by a case: `tests/constructs.toml` says by which.
//!
//! The lists of constructs come from where the language is made: the grammars, the operators and
//! policies of the plan. A case shows a construct if its query has it, so that the table cannot lie.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use logbraid_core::plan::{JoinKind, Pick};
use logbraid_core::query;
use logbraid_tests::case::{Case, CaseFile};
use pest::Parser;
use pest::iterators::Pairs;

/// The grammars once more: those of the core are its own affair.
#[allow(missing_docs)]
mod grammars {
    pub mod query {
        #[derive(pest_derive::Parser)]
        #[grammar = "../core/src/query/lexical.pest"]
        #[grammar = "../core/src/query/grammar.pest"]
        pub struct Grammar;
    }
    pub mod stage {
        #[derive(pest_derive::Parser)]
        #[grammar = "../core/src/query/lexical.pest"]
        #[grammar = "../core/src/stage/grammar.pest"]
        pub struct Grammar;
    }
    pub mod selector {
        #[derive(pest_derive::Parser)]
        #[grammar = "../core/src/query/lexical.pest"]
        #[grammar = "../core/src/select/grammar.pest"]
        pub struct Grammar;
    }
}

/// Section of the table → construct → cases, as `file: name`.
type Table = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// Constructs by section.
type Constructs = BTreeMap<&'static str, BTreeSet<String>>;

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn table() -> Table {
    let text = fs::read_to_string(folder().join("constructs.toml")).expect("is readable");
    toml::from_str(&text).expect("is well formed")
}

/// All cases by `file: name`.
fn cases() -> BTreeMap<String, Case> {
    let mut cases = BTreeMap::new();
    for entry in fs::read_dir(folder().join("cases")).expect("tests/cases is there") {
        let path = entry.expect("is readable").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let file = path.file_stem().and_then(|stem| stem.to_str()).expect("case files have names");
        let text = fs::read_to_string(&path).expect("is readable");
        let read: CaseFile = toml::from_str(&text).expect("cases are well formed");
        cases.extend(read.case.into_iter().map(|case| (format!("{file}: {}", case.name), case)));
    }
    cases
}

/// The constructs that a query has. Sources that select for themselves have no selectors of ours.
fn constructs_of(case: &Case) -> Constructs {
    let mut found = Constructs::new();
    let text = case.query.as_str();
    if let Ok(pairs) = grammars::query::Grammar::parse(grammars::query::Rule::query, text) {
        found.insert("query", rules(pairs.clone()));
        let durations = pairs.flatten().filter(|it| it.as_rule() == grammars::query::Rule::duration);
        let units = durations.flat_map(|duration| {
            let words = duration.as_str().split(|c: char| !c.is_ascii_alphabetic());
            words.map(str::to_owned).collect::<Vec<_>>()
        });
        found.insert("unit", units.filter(|unit| !unit.is_empty()).collect());
    }
    if let Ok(query) = query::parse(text) {
        let (mut stages, mut selectors) = (BTreeSet::new(), BTreeSet::new());
        for stage in &query.stages {
            let pairs = grammars::stage::Grammar::parse(grammars::stage::Rule::stage, &stage.value);
            stages.extend(pairs.map(rules).unwrap_or_default());
        }
        for stream in query.parts().0 {
            let selector = stream.selector.value.as_str();
            if case.selects.contains(&stream.source.value) {
                continue;
            }
            let pairs =
                grammars::selector::Grammar::parse(grammars::selector::Rule::selector, selector);
            selectors.extend(pairs.map(rules).unwrap_or_default());
        }
        found.insert("stage", stages);
        found.insert("selector", selectors);
    }
    if let Some(plan) = query::check(text, &case.plan_options()).plan {
        found.insert("operator", plan.joins.iter().map(|join| join.kind.to_string()).collect());
        let policies = plan.joins.iter().map(|join| policy(&join.pick).to_owned());
        found.insert("policy", policies.collect());
    }
    found
}

fn rules<R: pest::RuleType>(pairs: Pairs<'_, R>) -> BTreeSet<String> {
    pairs.flatten().map(|pair| format!("{:?}", pair.as_rule())).collect()
}

fn policy(pick: &Pick) -> &'static str {
    match pick {
        Pick::Session => "session",
        Pick::Pairs => "pairs",
        Pick::First => "first",
        Pick::Latest => "latest",
        Pick::GroupLeft(_) => "group_left",
        Pick::GroupRight(_) => "group_right",
    }
}

/// The rules of a grammar that a parse tree can show; the others (`_{`) are parts of those.
fn rules_in(file: &str) -> BTreeSet<String> {
    let path = folder().join("../core/src").join(file);
    let text = fs::read_to_string(path).expect("is readable");
    let rules = text.lines().filter(|line| !line.starts_with([' ', '/', '}'])).filter_map(|line| {
        let (name, rule) = line.split_once('=')?;
        (!rule.trim_start().starts_with('_')).then(|| name.trim().to_owned())
    });
    rules.collect()
}

/// Everything there is, by section.
fn all() -> Constructs {
    let kinds = [
        JoinKind::And,
        JoinKind::Or,
        JoinKind::Outer,
        JoinKind::Unless,
        JoinKind::Then,
        JoinKind::ThenNot,
    ];
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let lexical = rules_in("query/lexical.pest");
    let grammar = |file| &rules_in(file) | &lexical;
    Constructs::from([
        ("query", grammar("query/grammar.pest")),
        ("stage", grammar("stage/grammar.pest")),
        ("selector", grammar("select/grammar.pest")),
        ("operator", kinds.iter().map(ToString::to_string).collect()),
        (
            "policy",
            owned(&["session", "pairs", "first", "latest", "group_left", "group_right"]),
        ),
        ("unit", owned(&["ns", "us", "ms", "s", "m", "h", "d", "w"])),
    ])
}

#[test]
fn draft() {
    let cases = cases();
    let shown: Vec<(String, Constructs, usize)> = cases.iter().map(|(n, c)| (n.clone(), constructs_of(c), c.query.len() + if c.steps.is_empty() {1000} else {0})).collect();
    for (section, names) in all() {
        println!("\n[{section}]");
        for name in names {
            let mut by: Vec<_> = shown.iter().filter(|(_, c, _)| c.get(section).is_some_and(|s| s.contains(&name))).collect();
            by.sort_by_key(|(_, _, l)| *l);
            println!("{name} = {:?}", by.iter().take(1).map(|(n, _, _)| n).collect::<Vec<_>>());
        }
    }
}
