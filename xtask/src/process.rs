//! Running other programs: from the root of the repository, with their output shown, and with the
//! command line in the error when one fails.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// The root of the repository.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask is a folder of the repository").to_owned()
}

/// A program, started at the root of the repository.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Runs a program and fails where it fails.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = line(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// What a program prints; fails where it fails.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let line = line(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed no UTF-8"))
}

/// The cargo that runs this task.
pub fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Installs Debian packages where this is root on Debian; else fails with the command to run.
pub fn ensure_debian_packages(packages: &[&str], why: &str) -> anyhow::Result<()> {
    let install = ["install", "--yes", "--no-install-recommends"];
    let debian = Path::new("/etc/debian_version").exists();
    let root = debian && output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let names = packages.join(" ");
    if !root {
        let how = if debian {
            format!("run: sudo apt-get {} {names}", install.join(" "))
        } else {
            format!("install what Debian calls {names}")
        };
        bail!("{why}; {how}");
    }
    eprintln!("{why}; installing {names}");
    // The package lists of a machine made from an image are old, or none.
    run(command("apt-get").args(["update", "--quiet"]))?;
    run(command("apt-get").args(install).args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The command line, for people.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
