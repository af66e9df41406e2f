//! Fuzzing on stable Rust: libFuzzer, linked by `libfuzzer-sys`, with the coverage instrumentation
//! that cargo-fuzz would ask a nightly compiler for.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::process::{cargo, command, ensure_debian_packages, output, root, run};

/// What cargo-fuzz passes, without the sanitizers, which need nightly.
const FLAGS: [&str; 8] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
    "-Coverflow-checks",
];

/// Runs each target of tests/fuzz for `seconds`.
pub fn fuzz(seconds: u32, only: &[String]) -> anyhow::Result<()> {
    ensure_compiler()?;
    let folder = root().join("tests/fuzz");
    let all = targets(&folder)?;
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        bail!("there is no fuzz target {unknown}; there are: {}", all.join(", "));
    }
    let triple = host()?;
    run(cargo()
        .args(["build", "--release", "--bins", "--target", &triple, "--target-dir", "target/fuzz"])
        .arg("--manifest-path")
        .arg(folder.join("Cargo.toml"))
        .env("RUSTFLAGS", FLAGS.join(" "))
        // Minutes of linking would buy a few percent of executions.
        .env("CARGO_PROFILE_RELEASE_LTO", "off"))?;
    for name in all.iter().filter(|name| only.is_empty() || only.contains(name)) {
        let corpus = folder.join("corpus").join(name);
        let artifacts = folder.join("artifacts").join(name);
        std::fs::create_dir_all(&corpus)?;
        std::fs::create_dir_all(&artifacts)?;
        run(command(root().join("target/fuzz").join(&triple).join("release").join(name))
            .arg(format!("-max_total_time={seconds}"))
            .arg("-timeout=10")
            .arg("-print_final_stats=1")
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(corpus))?;
    }
    Ok(())
}

/// The fuzz targets link libFuzzer, which is C++.
pub fn ensure_compiler() -> anyhow::Result<()> {
    if output(command("c++").arg("--version")).is_err() {
        ensure_debian_packages(&["g++"], "libFuzzer needs a C++ compiler")?;
    }
    Ok(())
}

/// The names of the programs of the fuzz crate.
fn targets(folder: &Path) -> anyhow::Result<Vec<String>> {
    let text = output(
        cargo()
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(folder.join("Cargo.toml")),
    )?;
    let metadata: Value = serde_json::from_str(&text).context("cargo metadata prints JSON")?;
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let manifest = folder.join("Cargo.toml");
    let mut packages = list(&metadata, "packages");
    packages.retain(|package| package["manifest_path"].as_str().map(Path::new) == Some(&manifest));
    let targets = packages.iter().flat_map(|package| list(package, "targets"));
    let programs = targets.filter(|target| list(target, "kind").iter().any(|kind| kind == "bin"));
    Ok(programs.filter_map(|target| target["name"].as_str().map(str::to_owned)).collect())
}

/// Naming a target keeps build scripts and macros free of the instrumentation.
fn host() -> anyhow::Result<String> {
    let version = output(command("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names its host")?.to_owned())
}
