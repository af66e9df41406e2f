//! The TypeScript side: Node and npm, the packages of npm/, the addon and the compiled sources.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use semver::Version;

use crate::process::{command, ensure_debian_packages, output, root, run};
use crate::wasm;

/// The oldest Node that works.
const OLDEST_NODE: Version = Version::new(20, 19, 0);

/// What npm/build/chromium.js looks for; the first is the one that is installed.
const BROWSERS: [&str; 4] =
    ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];

/// Installs the packages if need be, builds the addon and the wasm module, compiles the TypeScript
/// sources.
pub fn build() -> anyhow::Result<()> {
    install()?;
    npm_script("build:addon")?;
    wasm::build()?;
    npm_script("build")
}

/// Installs what package-lock.json names, where it has changed since the last time.
pub fn install() -> anyhow::Result<()> {
    ensure_node()?;
    let folder = root().join("npm");
    let changed = |file: &str| folder.join(file).metadata().and_then(|data| data.modified());
    let lock = changed("package-lock.json").context("npm/package-lock.json is missing")?;
    // npm writes this file when it has finished.
    if changed("node_modules/.package-lock.json").is_ok_and(|installed| installed >= lock) {
        return Ok(());
    }
    run(npm().args(["ci", "--no-audit", "--no-fund"]))
}

/// Runs a script of npm/package.json.
pub fn npm_script(name: &str) -> anyhow::Result<()> {
    run(npm().args(["run", "--silent", name]))
}

/// Gives the packages another version, and `logbraid` where others name it.
pub fn set_version(version: &str) -> anyhow::Result<()> {
    install()?;
    let set = |arguments: &[&str]| run(npm().args(["pkg", "set"]).args(arguments));
    set(&[&format!("version={version}"), "--workspaces"])?;
    let peer = format!("peerDependencies.logbraid=^{version}");
    set(&[&peer, "--workspace", "logbraid-codemirror"])?;
    let lock = ["install", "--package-lock-only", "--ignore-scripts", "--prefer-offline"];
    run(npm().args(lock).args(["--no-audit", "--no-fund"]))
}

/// Installs a browser where there is none.
pub fn ensure_browser() -> anyhow::Result<()> {
    if BROWSERS.iter().any(|browser| find(browser).is_some()) {
        return Ok(());
    }
    ensure_debian_packages(&BROWSERS[..1], "a browser to test with is missing")
}

/// Installs Prometheus where there is none, and with it the checker of its text format.
fn ensure_prometheus() -> anyhow::Result<()> {
    if ["prometheus", "promtool"].iter().all(|program| find(program).is_some()) {
        return Ok(());
    }
    ensure_debian_packages(&["prometheus"], "a Prometheus to test with is missing")
}

/// Installs Redis where there is none.
fn ensure_redis() -> anyhow::Result<()> {
    if find("redis-server").is_some() {
        return Ok(());
    }
    ensure_debian_packages(&["redis-server"], "a Redis to test with is missing")
}

/// Runs the tests of the packages, which need a browser and servers; `cases` are random ones, for all backends.
pub fn test(cases: &Path) -> anyhow::Result<()> {
    ensure_browser()?;
    ensure_prometheus()?;
    ensure_redis()?;
    run(npm().args(["run", "--silent", "test"]).env("LOGBRAID_RANDOM_CASES", cases))
}

fn npm() -> Command {
    let mut npm = command("npm");
    npm.current_dir(root().join("npm"));
    npm
}

fn ensure_node() -> anyhow::Result<()> {
    if find("node").is_none() {
        ensure_debian_packages(&["nodejs"], "Node is missing")?;
    }
    if find("npm").is_none() {
        ensure_debian_packages(&["npm"], "npm is missing")?;
    }
    let version = output(command("node").arg("--version"))?;
    check_node(version.trim())
}

/// Fails unless this is what a Node that works says of its version.
fn check_node(version: &str) -> anyhow::Result<()> {
    match Version::parse(version.trim_start_matches('v')) {
        Ok(version) if version >= OLDEST_NODE => Ok(()),
        _ => bail!(
            "Node {OLDEST_NODE} or newer is needed and `node --version` says {version}; \
             install it from https://nodejs.org/en/download, or run: nvm install {}",
            OLDEST_NODE.major
        ),
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_too_old_is_told() {
        for fine in ["v20.19.0", "v20.20.2", "v24.0.0", "v26.0.0-nightly"] {
            check_node(fine).expect(fine);
        }
        for wrong in ["v18.20.8", "v20.0.0", "v20.18.3", "", "node"] {
            let error = check_node(wrong).expect_err(wrong).to_string();
            assert!(error.starts_with("Node 20.19.0 or newer is needed"), "{error}");
        }
    }
}
