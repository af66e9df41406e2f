//! The WebAssembly module: compiled with rustup's target where there is one, else with the compiler that
//! Debian has for it; then given its JavaScript half by wasm-bindgen, of the same version.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use flate2::{Compression, write::GzEncoder};
use wasm_bindgen_cli_support::Bindgen;

use crate::process::{cargo, command, ensure_debian_packages, output, root, run};

const TARGET: &str = "wasm32-unknown-unknown";

/// The profile of Cargo.toml.
const PROFILE: &str = "wasm";

/// What Debian calls its compiler for the web, the sources of std for it, and a linker.
const DEBIAN: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-22"];

/// What wasm-opt is told of the module, beside how to make it better.
const FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Builds the module and its glue into the npm package, where they are out of date.
pub fn build() -> anyhow::Result<()> {
    let compiled = compile()?;
    let folder = root().join("npm/packages/logbraid/wasm");
    let module = folder.join("logbraid.wasm");
    let modified = |path: &Path| path.metadata().and_then(|data| data.modified());
    let made_by = [compiled.clone(), root().join("xtask/src/wasm.rs")];
    let newest = made_by.iter().filter_map(|path| modified(path).ok()).max();
    let wasm_opt = root().join("npm/node_modules/binaryen/bin/wasm-opt");
    // Beside the compiled one: the module itself does not show what has been done to it.
    let unshrunk = compiled.with_extension("unshrunk");
    let is_new = modified(&module).is_ok_and(|made| Some(made) >= newest);
    if !is_new || (unshrunk.exists() && wasm_opt.exists()) {
        fs::create_dir_all(&folder)?;
        bind(&compiled, &folder)?;
        if wasm_opt.exists() {
            shrink(&module, &wasm_opt)?;
            if unshrunk.exists() {
                fs::remove_file(&unshrunk)?;
            }
        } else {
            eprintln!(
                "warning: wasm-opt is missing, the wasm module is larger: run npm ci in npm/"
            );
            fs::write(&unshrunk, "")?;
        }
    }
    report(&module, !unshrunk.exists())
}

/// Compiles the module, and says with what.
fn compile() -> anyhow::Result<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = ["--print", "target-libdir", "--target", TARGET];
    let libdir = output(command(rustc).args(asked))?;
    let arguments = ["build", "--package", "logbraid-wasm", "--profile", PROFILE];
    let simd = ("RUSTFLAGS", "-C target-feature=+simd128");
    let folder = if Path::new(libdir.trim()).exists() {
        eprintln!("the wasm module is compiled with the target of rustup");
        run(cargo().args(arguments).args(["--target", TARGET]).env(simd.0, simd.1))?;
        "target"
    } else {
        eprintln!(
            "rustup has no target {TARGET}; the wasm module is compiled with Debian's rustc-web"
        );
        if !is_debian_ready() {
            ensure_debian_packages(&DEBIAN, "a compiler for wasm is missing")?;
        }
        // A folder of its own: two compilers would build everything anew in turns.
        let folder = "target/system-rust";
        let mut cargo = command("/usr/bin/cargo");
        cargo.args(arguments).args(["--target", TARGET, "--target-dir", folder]);
        cargo.arg("-Zbuild-std=std,panic_abort");
        for name in ["CARGO", "RUSTUP_TOOLCHAIN", "RUSTC_WRAPPER"] {
            cargo.env_remove(name);
        }
        cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1").env(simd.0, simd.1);
        run(cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "/usr/bin/lld-22"))?;
        folder
    };
    Ok(root().join(folder).join(TARGET).join(PROFILE).join("logbraid_wasm.wasm"))
}

/// Whether Debian's compiler is here, and no older than what the workspace asks for.
fn is_debian_ready() -> bool {
    let files =
        ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/lld-22", "/usr/lib/rustlib/src/rust"];
    files.iter().all(|file| Path::new(file).exists())
}

/// Makes the module that wasm-bindgen leaves, and the glue: a function that makes an instance with a state
/// of its own at each call, since one that has trapped is never used again.
fn bind(compiled: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(compiled).no_modules(true)?.typescript(true);
    bindgen.omit_default_module_path(true).remove_name_section(true);
    let mut bound = bindgen.generate_output().context("wasm-bindgen cannot bind the module")?;
    // A symbol that no crate has would only be told where the module is loaded.
    if let Some(stray) = bound.wasm().imports.iter().find(|import| import.module == "env") {
        bail!("the wasm module imports {}, which nobody has", stray.name);
    }
    fs::write(folder.join("logbraid.wasm"), bound.wasm_mut().emit_wasm())?;
    let js = bound.js();
    let glue =
        |export: &str| format!("{export} function glue() {{\n{js}\nreturn wasm_bindgen;\n}}\n");
    fs::write(folder.join("glue.cjs"), glue("module.exports ="))?;
    Ok(())
}

/// Has wasm-opt take out what the compiler left.
fn shrink(module: &Path, wasm_opt: &Path) -> anyhow::Result<()> {
    let mut wasm_opt = Command::new(wasm_opt);
    run(wasm_opt.arg("-O3").args(FEATURES).arg(module).arg("-o").arg(module))
}

/// Says how large the module is.
fn report(module: &Path, is_shrunk: bool) -> anyhow::Result<()> {
    let bytes = fs::read(module)?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    let packed = encoder.finish()?.len();
    let kib = |bytes: usize| bytes.div_ceil(1 << 10);
    let (all, packed) = (kib(bytes.len()), kib(packed));
    let how = if is_shrunk { "" } else { ", without wasm-opt" };
    eprintln!("the wasm module has {all} KiB, {packed} KiB gzipped{how}");
    Ok(())
}
