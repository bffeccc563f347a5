//! Plans in Rust: a package with the folder's name that is built as a component, or
//! its examples if it has any.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{Language, Plan, Sources, cargo, entries, guests, stem, succeed};

const TARGET: &str = "wasm32-wasip2";
/// Defined in `.cargo/config.toml`.
const PROFILE: &str = "component";

pub(crate) const LANGUAGE: Language = Language {
    name: "Rust",
    find,
    // Whoever runs this has cargo; the target is added when it is needed.
    missing: || None,
    build,
    scripts: None,
};

fn find(folder: &Path) -> Result<Sources> {
    let manifest = folder.join("Cargo.toml");
    // What is no component is what plans share.
    if !manifest.is_file() || !fs::read_to_string(&manifest)?.contains("\"cdylib\"") {
        return Ok(Vec::new());
    }
    let examples = folder.join("examples");
    if examples.is_dir() {
        let sources = entries(&examples)?.into_iter();
        return Ok(sources.map(|path| (stem(&path), path)).collect());
    }
    Ok(vec![(stem(folder), folder.join("src/lib.rs"))])
}

fn build(plan: &Plan) -> Result<PathBuf> {
    if !target_installed() {
        let mut rustup = Command::new("rustup");
        succeed(rustup.args(["target", "add", TARGET]))
            .with_context(|| format!("add the target {TARGET} to this Rust tool chain"))?;
    }
    let package = plan.source.ancestors().nth(2).unwrap_or(&plan.source);
    let mut command = cargo();
    command
        .args(["build", "--target", TARGET, "--profile", PROFILE, "--target-dir"])
        .arg(guests())
        .arg("--manifest-path")
        .arg(package.join("Cargo.toml"));
    let built = guests().join(TARGET).join(PROFILE);
    let file = format!("{}.wasm", plan.name.replace('-', "_"));
    if stem(&plan.source) == plan.name {
        succeed(command.args(["--example", &plan.name]))?;
        return Ok(built.join("examples").join(file));
    }
    succeed(command.arg("--lib"))?;
    Ok(built.join(file))
}

/// Asks the compiler, since not every tool chain is rustup's.
fn target_installed() -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let printed = rustc.stderr(Stdio::null()).output();
    let folder = printed.map(|printed| String::from_utf8_lossy(&printed.stdout).into_owned());
    folder.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}
