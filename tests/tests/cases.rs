//! Runs `tests/cases/*.toml`, each case as a test called `file: name`, in whole pushes, byte by byte
//! and as events that stay with the host.

use std::fs;
use std::path::Path;

use libtest_mimic::{Arguments, Failed, Trial};
use logbraid_core::query;
use logbraid_tests::case::{Case, CaseFile};
use logbraid_tests::expected;
use logbraid_tests::run::{self, Delivery};

fn main() {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("tests/cases is there")
        .map(|entry| entry.expect("is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    let trials = files.iter().flat_map(|path| trials(path)).collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn trials(path: &Path) -> Vec<Trial> {
    let file = path.file_stem().and_then(|stem| stem.to_str()).expect("case files have names");
    let text = fs::read_to_string(path).expect("is readable");
    let read: CaseFile = match toml::from_str(&text) {
        Ok(read) => read,
        Err(error) => {
            let message = error.to_string();
            let failed = move || Err(Failed::from(message));
            return vec![Trial::test(format!("{file}: is well formed"), failed)];
        }
    };
    let mut trials = Vec::new();
    let mut names = Vec::new();
    for case in read.case {
        let is_new = !names.contains(&case.name);
        names.push(case.name.clone());
        trials.push(Trial::test(format!("{file}: {}", case.name), move || {
            if !is_new || case.name.is_empty() || case.why.is_empty() {
                return Err("a case has a name of its own and a why".into());
            }
            deliveries(&case)
                .into_iter()
                .try_for_each(|way| {
                    expected::check(&case, way).map_err(|wrong| format!("{way:?}: {wrong}"))
                })
                .map_err(Failed::from)
        }));
    }
    trials
}

/// Host events have no line for filters and parsers to see, and no bytes.
fn deliveries(case: &Case) -> Vec<Delivery> {
    let mut ways = vec![Delivery::Bytes(usize::MAX), Delivery::Bytes(1)];
    let has_bytes = case.steps.iter().any(|step| step.bytes.is_some() || step.hex.is_some());
    let plan = query::check(&case.query, &run::plan_options(case)).plan;
    if !has_bytes && plan.is_some_and(|plan| !run::reads_lines(&plan)) {
        ways.push(Delivery::Host);
    }
    ways
}
