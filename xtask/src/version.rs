//! The version of everything that is released. It stands in the Cargo.toml of the workspace; here it is written to
//! where npm and readers look for it, and held to be the same in all these places.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use jiff::Zoned;
use jiff::civil::Date;
use semver::Version;
use serde_json::Value;
use toml_edit::{DocumentMut, value};

use crate::node;
use crate::process::{cargo, root, run};

/// The heading of what has changed since the last release.
const UNRELEASED: &str = "## Unreleased\n";

#[derive(Args)]
pub struct Arguments {
    /// Write this version everywhere, and today's date into the changelog
    #[arg(conflicts_with = "tag")]
    new: Option<Version>,
    /// Fail unless this is the tag of the version, and the changelog tells of it
    #[arg(long)]
    tag: Option<String>,
}

/// Writes or checks the version, and prints it.
pub fn run_command(arguments: &Arguments) -> anyhow::Result<()> {
    if let Some(new) = &arguments.new {
        write(new)?;
    }
    let version = check(&root())?;
    if let Some(tag) = &arguments.tag {
        check_tag(tag, &version, &fs::read_to_string(root().join("CHANGELOG.md"))?)?;
    }
    println!("{version}");
    Ok(())
}

/// The version; fails where a package of npm/ has another.
pub fn check(root: &Path) -> anyhow::Result<Version> {
    let manifest: DocumentMut = fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
    let version = version_of(&manifest)?;
    let lock = json(&root.join("npm/package-lock.json"))?;
    let mut wrong = Vec::new();
    let mut expect = |place: &str, found: &Value, expected: &str| {
        if found.as_str() != Some(expected) {
            wrong.push(format!("{place} says {found}"));
        }
    };
    for folder in packages(root)? {
        let name = folder.file_name().and_then(|name| name.to_str()).context("no folder")?;
        let package = json(&folder.join("package.json"))?;
        let locked = &lock["packages"][format!("packages/{name}")];
        for (file, package) in [
            (format!("packages/{name}/package.json"), &package),
            ("package-lock.json".into(), locked),
        ] {
            let place = |field: &str| format!("npm/{file}, {field} of {name},");
            expect(&place("version"), &package["version"], &version.to_string());
            if let Some(peer) = package["peerDependencies"].get("logbraid") {
                expect(&place("the peer logbraid"), peer, &format!("^{version}"));
            }
        }
    }
    ensure!(
        wrong.is_empty(),
        "the version in Cargo.toml is {version}, but {}; run: cargo xtask version {version}",
        wrong.join(", ")
    );
    Ok(version)
}

/// Fails unless this is the tag of the version and the changelog tells of it.
fn check_tag(tag: &str, version: &Version, changelog: &str) -> anyhow::Result<()> {
    ensure!(
        tag == format!("v{version}"),
        "the tag is {tag}, but the version in Cargo.toml is {version}"
    );
    let heading = format!("## {version} - ");
    let newest = changelog.lines().find(|line| line.starts_with("## "));
    ensure!(
        newest.is_some_and(|line| line.starts_with(&heading)),
        "the newest part of CHANGELOG.md is {newest:?}, and not one of {version}; run: cargo xtask version {version}"
    );
    Ok(())
}

/// Writes a version everywhere.
fn write(new: &Version) -> anyhow::Result<()> {
    // npm would take it for the newest, since nothing says which tag it should have there.
    ensure!(new.pre.is_empty(), "{new} is a pre-release, and those are not published");
    let at = root();
    let manifest = at.join("Cargo.toml");
    let changed = with_version(&fs::read_to_string(&manifest)?, new)?;
    let changelog = at.join("CHANGELOG.md");
    let dated = released(&fs::read_to_string(&changelog)?, new, Zoned::now().date())?;
    fs::write(manifest, changed)?;
    fs::write(changelog, dated)?;
    run(cargo().args(["update", "--workspace", "--offline"]))?;
    node::set_version(&new.to_string())
}

/// A Cargo.toml with that version.
fn with_version(manifest: &str, new: &Version) -> anyhow::Result<String> {
    let mut manifest: DocumentMut = manifest.parse()?;
    let old = version_of(&manifest)?;
    ensure!(*new >= old, "the version is {old} already, which is newer than {new}");
    manifest["workspace"]["package"]["version"] = value(new.to_string());
    Ok(manifest.to_string())
}

/// A changelog in which what was unreleased is that version.
fn released(changelog: &str, new: &Version, today: Date) -> anyhow::Result<String> {
    if !changelog.contains(UNRELEASED) {
        bail!("CHANGELOG.md has no part `{}` with what the release brings", UNRELEASED.trim_end());
    }
    Ok(changelog.replacen(UNRELEASED, &format!("## {new} - {today}\n"), 1))
}

fn version_of(manifest: &DocumentMut) -> anyhow::Result<Version> {
    let version = manifest["workspace"]["package"]["version"].as_str();
    Ok(version.context("Cargo.toml has no version of the workspace")?.parse()?)
}

/// The folders of the packages that are published.
fn packages(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root.join("npm/packages"))?;
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    folders.sort();
    Ok(folders)
}

fn json(path: &Path) -> anyhow::Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy of the files that have the version, with one of them changed.
    fn changed(name: &str, file: &str, from: &str, to: &str) -> PathBuf {
        let copy =
            std::env::temp_dir().join(format!("logbraid-version-{name}-{}", std::process::id()));
        let mut files = vec![root().join("Cargo.toml"), root().join("npm/package-lock.json")];
        files.extend(packages(&root()).unwrap().iter().map(|folder| folder.join("package.json")));
        for path in files {
            let relative = path.strip_prefix(root()).unwrap();
            let target = copy.join(relative);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let text = if relative == Path::new(file) { text.replace(from, to) } else { text };
            fs::write(target, text).unwrap();
        }
        copy
    }

    #[test]
    fn everything_has_the_version_of_the_workspace() {
        assert_eq!(check(&root()).unwrap().to_string(), env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn another_version_anywhere_is_told_with_its_place() {
        let version = env!("CARGO_PKG_VERSION");
        let own = format!("\"version\": \"{version}\"");
        let other = "\"version\": \"9.9.9\"";
        let peer = format!("\"logbraid\": \"^{version}\"");
        let cases = [
            ("cargo", "Cargo.toml", format!("\"{version}\""), "\"9.9.9\"", "is 9.9.9, but"),
            (
                "logbraid",
                "npm/packages/logbraid/package.json",
                own.clone(),
                other,
                "version of logbraid",
            ),
            (
                "editor",
                "npm/packages/codemirror/package.json",
                own.clone(),
                other,
                "version of codemirror",
            ),
            ("lock", "npm/package-lock.json", own, other, "npm/package-lock.json"),
            (
                "peer",
                "npm/packages/codemirror/package.json",
                peer,
                "\"logbraid\": \"^9.9.9\"",
                "the peer logbraid of codemirror",
            ),
        ];
        for (name, file, from, to, told) in cases {
            let copy = changed(name, file, &from, to);
            let error = check(&copy).unwrap_err().to_string();
            fs::remove_dir_all(copy).unwrap();
            assert!(error.contains(told), "{file}: {error}");
        }
    }

    #[test]
    fn the_tag_is_made_of_the_version_and_the_changelog_tells_of_it() {
        let version = Version::new(0, 2, 0);
        let told = "# Changelog\n\n## 0.2.0 - 2026-01-01\n\n## 0.1.0 - 2025-01-01\n";
        assert!(check_tag("v0.2.0", &version, told).is_ok());
        assert!(check_tag("v0.2.1", &version, told).is_err());
        assert!(check_tag("0.2.0", &version, told).is_err());
        assert!(check_tag("v0.2.0", &version, "## Unreleased\n\n## 0.2.0 - 2026-01-01\n").is_err());
        assert!(check_tag("v0.2.0", &version, "## 0.1.0 - 2025-01-01\n").is_err());
    }

    #[test]
    fn a_version_is_written_where_it_stands_and_never_an_older_one() {
        let manifest =
            "[workspace.package] # all of them\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        let written = with_version(manifest, &Version::new(0, 2, 0)).unwrap();
        assert_eq!(written, manifest.replace("0.1.0", "0.2.0"));
        assert!(with_version(&written, &Version::new(0, 1, 9)).is_err());

        let changelog = "# Changelog\n\n## Unreleased\n\n### Added\n- All of it.\n";
        let today = Date::new(2026, 1, 2).unwrap();
        let dated = released(changelog, &Version::new(0, 2, 0), today).unwrap();
        assert_eq!(dated, changelog.replace("Unreleased", "0.2.0 - 2026-01-02"));
        assert!(released(&dated, &Version::new(0, 3, 0), today).is_err());
    }
}
