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
use logbraid_tests::run::plan_options;
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
        let durations =
            pairs.flatten().filter(|it| it.as_rule() == grammars::query::Rule::duration);
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
    // The tokens that the three grammars share.
    let tokens = ["query", "stage", "selector"].map(|section| found.get(section).cloned());
    found.insert("lexical", tokens.into_iter().flatten().flatten().collect());
    if let Some(plan) = query::check(text, &plan_options(case)).plan {
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
    Constructs::from([
        ("lexical", rules_in("query/lexical.pest")),
        ("query", rules_in("query/grammar.pest")),
        ("stage", rules_in("stage/grammar.pest")),
        ("selector", rules_in("select/grammar.pest")),
        ("operator", kinds.iter().map(ToString::to_string).collect()),
        ("policy", owned(&["session", "pairs", "first", "latest", "group_left", "group_right"])),
        ("unit", owned(&["ns", "us", "ms", "s", "m", "h", "d", "w"])),
    ])
}

#[test]
fn every_construct_is_in_the_table() {
    let table = table();
    for (section, constructs) in all() {
        let named: BTreeSet<String> = table[section].keys().cloned().collect();
        assert_eq!(named, constructs, "[{section}]: what is named, and what there is");
    }
}

#[test]
fn every_construct_is_shown_by_the_cases_named() {
    let cases = cases();
    let constructs: BTreeMap<&String, Constructs> =
        cases.iter().map(|(name, case)| (name, constructs_of(case))).collect();
    let mut wrong = Vec::new();
    for (section, rows) in table() {
        for (construct, names) in rows {
            if names.is_empty() {
                wrong.push(format!("[{section}] {construct}: no case"));
            }
            for name in &names {
                let is_shown = match section.as_str() {
                    _ if !cases.contains_key(name) => false,
                    // A rule of the language, in words.
                    "meaning" => true,
                    // A query of the guide, or what it shows of one.
                    "guide" => words(&cases[name].query).contains(&words(&construct)),
                    // Inside a rule that is one token.
                    "query" if construct == "word_not" => true,
                    section => {
                        constructs[name].get(section).is_some_and(|it| it.contains(&construct))
                    }
                };
                if !is_shown {
                    wrong.push(format!("[{section}] {construct}: not shown by {name}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// With single spaces.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_case_of_the_guide_is_named() {
    let guide = &table()["guide"];
    let named: BTreeSet<&String> = guide.values().flatten().collect();
    for name in cases().keys().filter(|name| name.starts_with("guide: ")) {
        assert!(named.contains(name), "{name}");
    }
}

#[test]
fn every_diagnostic_is_documented() {
    let read = |file| fs::read_to_string(folder().join("..").join(file)).expect("is readable");
    let source = read("core/src/query/diagnostic.rs");
    let codes = source.lines().filter_map(|line| {
        line.trim().strip_prefix("pub const ")?.strip_suffix("\";")?.split_once(": &str = \"")
    });
    let codes: BTreeSet<&str> = codes.map(|(_, code)| code).collect();
    assert!(codes.len() > 30, "the codes have moved");
    let page = read("docs/language.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let is_code = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let documented: BTreeSet<&str> = rows.map(|(code, _)| code).filter(is_code).collect();
    assert_eq!(documented, codes, "docs/language.md has a row for each code");
}
