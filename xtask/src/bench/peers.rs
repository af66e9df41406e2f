//! Who is compared: Logbraid, the other engines, and how each is set up and started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::node;
use crate::process::{cargo, command, output, root, run};

/// What Flink looks into, closed since Java 17.
const JAVA_OPENS: [&str; 5] = [
    "java.base/java.lang",
    "java.base/java.util",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.time",
];

/// Where the comparison keeps its files and other engines.
pub fn folder() -> PathBuf {
    root().join("target/compare")
}

/// A question that every engine answers.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// `within(30s)`.
    Within,
    /// The ranges of five minutes alone.
    Ranges,
}

impl Question {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Within, Self::Ranges];

    /// As the peers take it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Ranges => "ranges",
        }
    }

    /// As Logbraid takes it.
    pub fn query(self) -> String {
        let within = if self == Self::Within { " within(30s)" } else { "" };
        format!(
            "file({{service=\"frontend\"}})[5m] and on(request_id){within} \
             file({{service=\"backend\"}})[5m]"
        )
    }
}

/// An engine.
#[derive(Copy, Clone, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Engine {
    /// Logbraid itself; always there.
    Logbraid,
    /// Logbraid in Node, as the addon.
    Addon,
    /// Logbraid in Node, as WebAssembly.
    Wasm,
    /// Lines of the file found, nothing else.
    Scan,
    /// `DuckDB`, through Python.
    Duckdb,
    /// Polars, through Python.
    Polars,
    /// `JSON.parse` and a `Map`.
    Javascript,
    /// Flink SQL in one process.
    Flink,
}

/// One way to run an engine.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// The engine.
    pub engine: Engine,
    /// As the table calls it.
    pub name: &'static str,
    /// How many threads it may use.
    pub threads: usize,
    /// Whether this is the one that the targets are about.
    pub best: bool,
    /// What its script is told besides.
    variant: &'static str,
}

/// Everybody, in the order of the table.
pub fn contestants() -> Vec<Contestant> {
    use Engine::{Addon, Duckdb, Flink, Javascript, Logbraid, Polars, Scan, Wasm};
    let one =
        |engine, name, threads, best, variant| Contestant { engine, name, threads, best, variant };
    vec![
        one(Logbraid, "Logbraid", 1, true, ""),
        one(Logbraid, "Logbraid", 2, true, ""),
        one(Addon, "Logbraid in Node", 1, true, ""),
        one(Wasm, "Logbraid in Node, WebAssembly", 1, true, ""),
        one(Wasm, "Logbraid in Node, WebAssembly, at first", 1, false, "first"),
        one(Duckdb, "DuckDB", 1, true, "told"),
        one(Duckdb, "DuckDB, finding the schema", 1, false, "auto"),
        one(Duckdb, "DuckDB", 2, true, "told"),
        one(Polars, "Polars", 1, true, "told"),
        one(Polars, "Polars", 2, true, "told"),
        one(Javascript, "JSON.parse and a Map", 1, true, ""),
        one(Flink, "Flink SQL", 1, true, ""),
        one(Scan, "newline scan, in memory", 1, true, "--in-memory"),
        one(Scan, "newline scan, reading the file", 1, false, ""),
    ]
}

impl Contestant {
    /// The command that answers `question` about `file`.
    pub fn command(&self, question: Question, file: &Path) -> Command {
        let scripts = root().join("benches/compare");
        let threads = self.threads.to_string();
        let script = |program: PathBuf, script: &str| {
            let mut command = command(program);
            command.arg(scripts.join(script)).arg(file).args([question.name(), &threads]);
            command.args((!self.variant.is_empty()).then_some(self.variant));
            command
        };
        match self.engine {
            Engine::Logbraid => {
                let mut command = program();
                command.args(["answer", "--query", &question.query(), "--threads", &threads]);
                command.arg(file);
                command
            }
            Engine::Addon | Engine::Wasm => {
                let backend = if self.engine == Engine::Wasm { "wasm" } else { "native" };
                let mut command = command("node");
                command.arg(scripts.join("in_node.mjs")).arg(file).arg(question.query());
                command.arg(backend).args((!self.variant.is_empty()).then_some(self.variant));
                command
            }
            Engine::Scan => {
                let mut command = program();
                command
                    .arg("answer")
                    .args((!self.variant.is_empty()).then_some(self.variant))
                    .arg(file);
                command
            }
            Engine::Duckdb => script(python(), "in_duckdb.py"),
            Engine::Polars => script(python(), "in_polars.py"),
            Engine::Javascript => script("node".into(), "in_javascript.mjs"),
            Engine::Flink => {
                let mut command = command("java");
                command.arg(format!("@{}", flink_arguments().display()));
                command.arg(scripts.join("InFlink.java"));
                command.arg(file).args([question.name(), &threads]);
                command
            }
        }
    }
}

/// Builds the program of the benches.
pub fn build() -> anyhow::Result<()> {
    run(cargo().args(["build", "--release", "--package", "logbraid-benches", "--bin", "bench"]))?;
    Ok(fs::create_dir_all(folder())?)
}

/// The program of the benches.
pub fn program() -> Command {
    command(root().join("target/release/bench"))
}

fn python() -> PathBuf {
    folder().join("venv/bin/python")
}

/// What Java is told, in a file as it takes them.
fn flink_arguments() -> PathBuf {
    folder().join("flink.args")
}

/// Installs an engine where it is missing: the newest one. Remove `target/compare/venv` to get newer
/// ones.
pub fn ensure(engine: Engine) -> anyhow::Result<()> {
    let (package, module) = match engine {
        Engine::Duckdb => ("duckdb", "duckdb"),
        Engine::Polars => ("polars", "polars"),
        Engine::Flink => ("apache-flink-libraries", "pyflink"),
        Engine::Addon | Engine::Wasm => return node::build(),
        Engine::Logbraid | Engine::Scan | Engine::Javascript => return Ok(()),
    };
    if !python().exists() {
        run(command("python3").args(["-m", "venv"]).arg(folder().join("venv")))?;
    }
    let find = format!("import importlib.util as u; print(u.find_spec('{module}') is not None)");
    if output(command(python()).args(["-c", &find]))?.trim() != "True" {
        // Of Flink only the jars are needed.
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let dependencies = (engine == Engine::Flink).then_some("--no-deps");
        run(command(python()).args(pip).args(dependencies).arg(package))?;
    }
    if engine == Engine::Flink {
        output(command("java").arg("--version")).context("Java is missing")?;
        let place = "import importlib.util as u; print(u.find_spec('pyflink').submodule_search_locations[0])";
        let package = output(command(python()).args(["-c", place]))?;
        let jars = PathBuf::from(package.trim()).join("lib/*");
        let opens = JAVA_OPENS.map(|package| format!("--add-opens={package}=ALL-UNNAMED\n"));
        let arguments = format!("{}--class-path \"{}\"\n", opens.concat(), jars.display());
        fs::write(flink_arguments(), arguments)?;
    }
    Ok(())
}
