//! Builds plans, in every guest language, and the host that runs them.
//!
//! A plan is a folder in `workflows/` or `tests/guests/`, or an example of a
//! guest SDK. Each language says which plans a folder holds and how one becomes a
//! component, in a module of its own; `LANGUAGES` lists them.

mod c;
mod go;
mod javascript;
mod pip;
mod python;
mod rust;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};

/// A plan's source.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What `cargo plan run` and [`component`] call it.
    pub name: String,
    /// The file that the component's code starts in.
    pub source: PathBuf,
    language: &'static Language,
}

/// How plans of one language are found and built.
#[derive(Debug)]
struct Language {
    name: &'static str,
    /// The plans that a folder holds.
    find: fn(&Path) -> Result<Sources>,
    /// What is not installed here and has to be, if anything.
    missing: fn() -> Option<String>,
    /// Builds the plan's component and says where it is.
    build: fn(&Plan) -> Result<PathBuf>,
    /// Where programs in the language can run as they are.
    scripts: Option<Scripts>,
}

/// Scripts of a language: programs that a component reads and runs.
#[derive(Debug)]
struct Scripts {
    /// How the names of their files end; the first also names the component.
    extensions: &'static [&'static str],
    /// Builds that component, the language's runner, and says where it is.
    build: fn() -> Result<PathBuf>,
}

/// Plans by name, each with its source.
type Sources = Vec<(String, PathBuf)>;

static LANGUAGES: [Language; 5] = [rust::LANGUAGE, javascript::LANGUAGE, python::LANGUAGE, c::LANGUAGE, go::LANGUAGE];

/// The components that this process has built, each once: tests ask often.
static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

/// What became of a plan that was to be built.
#[derive(Debug)]
pub enum Built {
    /// The component's path.
    Component(PathBuf),
    /// What is not installed.
    Skipped(String),
}

/// The profile the host is built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostProfile {
    /// Optimised, with debug assertions in this project's own crates.
    Dev,
    /// For installing and timing.
    Release,
}

impl Plan {
    /// The guest language, as people write it.
    #[must_use]
    pub fn language(&self) -> &'static str {
        self.language.name
    }

    /// Builds the component as `plans/NAME.wasm` in the target folder, unless the
    /// language's tools are not installed.
    ///
    /// # Errors
    /// The build failed, or the file system did.
    pub fn build(&self) -> Result<Built> {
        let component = target().join("plans").join(format!("{}.wasm", self.name));
        let build = || (self.language.build)(self).with_context(|| format!("build plan {}", self.name));
        self.language.place(component, build)
    }
}

impl Language {
    /// Has something built and copied to `component`, unless the tools for it are not
    /// installed.
    fn place(&self, component: PathBuf, build: impl FnOnce() -> Result<PathBuf>) -> Result<Built> {
        if let Some(missing) = (self.missing)() {
            return Ok(Built::Skipped(missing));
        }
        fs::create_dir_all(guests())?;
        // Tests build from several processes: one at a time copies and installs.
        let lock = File::create(guests().join("lock"))?;
        lock.lock().context("lock the folder of guests")?;

        let built = build()?;
        if modified(&component) < modified(&built) {
            // Renamed, so that nobody ever opens half a component.
            let partial = component.with_extension("wasm.partial");
            fs::create_dir_all(component.parent().unwrap_or(&component))?;
            fs::copy(&built, &partial).with_context(|| format!("copy {}", built.display()))?;
            fs::rename(&partial, &component)?;
        }
        Ok(Built::Component(component))
    }
}

/// Builds what runs scripts that end so, where the host looks for it: in the folder
/// `runners` beside the host's own. None: no language's scripts do.
///
/// # Errors
/// The build failed, or the file system did.
pub fn runner(extension: &str) -> Result<Option<Built>> {
    for language in &LANGUAGES {
        let Some(scripts) = &language.scripts else { continue };
        if scripts.extensions.contains(&extension) {
            let component = target().join("runners").join(format!("{}.wasm", scripts.extensions[0]));
            let build = || (scripts.build)().with_context(|| format!("build what runs {} scripts", language.name));
            return language.place(component, build).map(Some);
        }
    }
    Ok(None)
}

/// How scripts may end, one way a language.
#[must_use]
pub fn scripts() -> Vec<&'static str> {
    LANGUAGES.iter().filter_map(|language| Some(language.scripts.as_ref()?.extensions[0])).collect()
}

/// All plans of the repository, by name.
///
/// # Errors
/// A folder cannot be read.
pub fn plans() -> Result<Vec<Plan>> {
    let mut folders = vec![root().join("guest-sdk")];
    for parent in ["workflows", "tests/guests"] {
        folders.extend(entries(&root().join(parent))?);
    }
    let mut plans = Vec::new();
    for language in &LANGUAGES {
        for folder in &folders {
            let found = (language.find)(folder)?.into_iter();
            plans.extend(found.map(|(name, source)| Plan { name, source, language }));
        }
    }
    plans.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(plans)
}

/// The plan of this name.
///
/// # Errors
/// There is none; the message lists those there are.
pub fn plan(name: &str) -> Result<Plan> {
    let plans = plans()?;
    let names: Vec<_> = plans.iter().map(|plan| plan.name.as_str()).collect();
    let names = names.join(", ");
    let found = plans.iter().find(|plan| plan.name == name).cloned();
    found.with_context(|| format!("no plan is called {name}: name one of {names}"))
}

/// Builds the plan of this name, if its sources changed, and says where its
/// component is.
///
/// # Errors
/// There is no such plan, its language's tools are not installed, or the build failed.
pub fn component(name: &str) -> Result<PathBuf> {
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(component) = built.get(name) {
        return Ok(component.clone());
    }
    match plan(name)?.build()? {
        Built::Component(component) => {
            built.insert(name.to_owned(), component.clone());
            Ok(component)
        }
        Built::Skipped(missing) => bail!("cannot build plan {name}: {missing}"),
    }
}

/// Builds the host, if its sources changed, and says where it is.
///
/// # Errors
/// The build failed.
pub fn host(profile: HostProfile) -> Result<PathBuf> {
    let (folder, flag) = match profile {
        HostProfile::Dev => ("debug", None),
        HostProfile::Release => ("release", Some("--release")),
    };
    let mut command = cargo();
    // No package is named: with all members' features, what is built here serves
    // `cargo test`, and need not be built once more.
    command.args(["build", "--bin", "choreo-host"]).args(flag);
    succeed(&mut command)?;
    let name = format!("choreo-host{}", std::env::consts::EXE_SUFFIX);
    Ok(target().join(folder).join(name))
}

/// The repository's root.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Cargo's target folder.
fn target() -> PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR");
    root().join(chosen.unwrap_or_else(|| "target".into()))
}

/// What builds of guests leave behind. A target folder of its own: a cargo that
/// is building for the host holds the lock of the other one.
fn guests() -> PathBuf {
    target().join("guests")
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // Cargo tells a process that it runs which package it is of. Build scripts that
    // ask for the same names, as ring's does, would run anew at every change
    // between such a process and a shell, and all that needs them be built again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs the command, whose messages go to standard error.
fn succeed(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdout(std::io::stderr()).status().with_context(|| format!("start {program}"))?;
    ensure!(status.success(), "{program} ended with {status}: see its messages above");
    Ok(())
}

/// The time of the last change, or none where there is no such file.
fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

/// The paths in a folder, sorted.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut paths = read.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The files of a folder with this extension, sorted.
fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut paths = entries(folder)?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    Ok(paths)
}

/// Whether any of these files changed after this one was made.
fn newer(inputs: &[PathBuf], made: &Path) -> bool {
    inputs.iter().any(|input| modified(input) > modified(made))
}

/// The last part of a path without its extension.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_and_folder_has_its_plans() {
        let found = plans().unwrap();
        let language = |name: &str| {
            let plan = found.iter().find(|plan| plan.name == name);
            plan.map(Plan::language)
        };
        for name in ["conversation", "council", "madpar", "multiqa", "probe", "tot"] {
            assert_eq!(language(name), Some("Rust"), "{name}");
        }
        assert_eq!(language("shared"), None, "what plans share is no plan");
        for name in ["conversation.js", "council.js", "madpar.js", "tot.js"] {
            assert_eq!(language(name), Some("JavaScript"), "{name}");
        }
        for name in ["council", "madpar", "tot"] {
            assert_eq!(language(&format!("{name}.c")), Some("C"), "{name}");
            assert_eq!(language(&format!("{name}.go")), Some("Go"), "{name}");
        }
        for name in ["council.py", "madpar.py", "tot.py"] {
            assert_eq!(language(name), Some("Python"), "{name}");
        }
        assert!(found.iter().all(|plan| plan.source.is_file()));
    }

    #[test]
    fn an_unknown_plan_is_answered_with_the_known_ones() {
        let error = component("unknown").unwrap_err().to_string();
        assert!(error.starts_with("no plan is called unknown: name one of bsm, calls, "));
    }
}
