//! The rules of the house that a test can look after.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the workspace")
}

/// All files under `folder` with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("is a folder") {
        let path = entry.expect("is readable").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The code of a file, without comments and without the tests at its end.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("is readable");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn core_has_no_io_clock_thread_or_randomness() {
    let forbidden = [
        "std::fs",
        "std::net",
        "std::io",
        "std::env",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant::now",
        "println!",
        "eprintln!",
        "print!(",
        "dbg!",
        "unsafe ",
    ];
    let sources = files(&root().join("core/src"), "rs");
    assert!(sources.len() > 30, "core has moved");
    for path in sources {
        if path.file_name().is_some_and(|name| name == "tests.rs")
            || path.parent().is_some_and(|folder| folder.ends_with("tests"))
        {
            continue;
        }
        let code = code(&path);
        for word in forbidden {
            assert!(!code.contains(word), "{} has {word}", path.display());
        }
        // The maps of the standard library are seeded at random; seeded ones are allowed.
        let is_random = |line: &str| line.contains("std::collections") && line.contains("Hash");
        assert!(!code.lines().any(is_random), "{} has a randomly seeded map", path.display());
    }
}

#[test]
fn stages_do_not_know_each_other() {
    // Only `engine.rs` and what shows results name several stages.
    let rules = [
        (
            "decode",
            ["crate::select", "crate::join", "crate::window", "crate::emit", "crate::engine"]
                .as_slice(),
        ),
        (
            "select",
            ["crate::decode", "crate::join", "crate::window", "crate::emit", "crate::engine"]
                .as_slice(),
        ),
        (
            "window",
            ["crate::decode", "crate::select", "crate::join", "crate::emit", "crate::engine"]
                .as_slice(),
        ),
        ("join", ["crate::decode", "crate::select::", "crate::emit", "crate::engine"].as_slice()),
        (
            "stage",
            ["crate::decode", "crate::join", "crate::window", "crate::emit", "crate::engine"]
                .as_slice(),
        ),
        (
            "query",
            ["crate::decode", "crate::join", "crate::window", "crate::emit", "crate::engine"]
                .as_slice(),
        ),
    ];
    for (stage, others) in rules {
        for path in files(&root().join("core/src").join(stage), "rs") {
            let code = code(&path);
            for other in others {
                assert!(!code.contains(other), "{} uses {other}", path.display());
            }
        }
    }
}

#[test]
fn decisions_are_numbered_once() {
    let mut numbers = BTreeSet::new();
    for path in files(&root().join("docs/decisions"), "md") {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("has a name");
        let (number, title) = name.split_once('-').expect("NNNN-title.md");
        assert!(number.len() == 4 && number.bytes().all(|digit| digit.is_ascii_digit()), "{name}");
        assert!(numbers.insert(number.to_owned()), "{number} is used twice");
        let text = fs::read_to_string(&path).expect("is readable");
        assert!(text.starts_with(&format!("# {number} ")), "{name} does not begin with its number");
        assert!(!title.is_empty());
    }
    assert!(!numbers.is_empty());
}

#[test]
fn dependencies_are_named_once() {
    for folder in ["bindings-node", "bindings-wasm", "core", "tests", "threads", "xtask", "benches"]
    {
        let path = root().join(folder).join("Cargo.toml");
        let text = fs::read_to_string(&path).expect("is readable");
        let tables = text.split("\n[").filter(|table| {
            let head = table.split(']').next().unwrap_or_default();
            head.ends_with("dependencies")
        });
        let entries = tables.flat_map(|table| table.lines().skip(1));
        for line in entries.filter(|line| line.contains('=')) {
            let shared = line.contains("workspace = true");
            assert!(shared, "{} names a dependency of its own: {line}", path.display());
        }
    }
}

/// Engines share nothing that one could change under another: what is written to once the process runs stands here.
#[test]
fn engines_share_no_mutable_state() {
    let known = [
        // How many threads there are, of all queries: who waits for one gets the same answer later.
        ("threads/src/worker.rs", "STARTED"),
        ("threads/src/worker.rs", "PROCESSORS"),
        // Of one instance of the module, which has a memory of its own.
        ("bindings-wasm/src/lib.rs", "STOPPED"),
    ];
    let changing = ["Atomic", "Mutex", "RwLock", "Once", "Lazy", "Cell<"];
    let mut found = Vec::new();
    for folder in ["core/src", "threads/src", "bindings-node/src", "bindings-wasm/src"] {
        for path in files(&root().join(folder), "rs") {
            let place = path.strip_prefix(root()).expect("is below it").display().to_string();
            let code = code(&path);
            assert!(!code.contains("static mut "), "{place} has a static mut");
            assert!(!code.contains("thread_local!"), "{place} has a thread_local!");
            for line in code.lines() {
                let line =
                    line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
                let Some((name, kind)) =
                    line.strip_prefix("static ").and_then(|it| it.split_once(':'))
                else {
                    continue;
                };
                if changing.iter().any(|word| kind.contains(word)) {
                    found.push((place.clone(), name.to_owned()));
                }
            }
        }
    }
    let mut known = known.map(|(place, name)| (place.to_owned(), name.to_owned())).to_vec();
    known.sort();
    found.sort();
    assert_eq!(found, known);
}
