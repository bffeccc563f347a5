//! Plans in Python: `NAME.py` in the folder NAME, and the examples of the Python SDK;
//! and the component that runs scripts.
//!
//! The SDK builds them, `python -m choreo build`. What they share (`shared/python`,
//! with the held-out problems beside it) is copied where imports are found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{Language, Plan, Scripts, Sources, entries, guests, modified, pip, root, stem, succeed};

pub(crate) const LANGUAGE: Language =
    Language { name: "Python", find, missing, build, scripts: Some(Scripts { extensions: &["py"], build: runner }) };

fn find(folder: &Path) -> Result<Sources> {
    let named = |path: PathBuf| (format!("{}.py", stem(&path)), path);
    let examples = folder.join("python/examples");
    if examples.is_dir() {
        let sources = entries(&examples)?.into_iter().filter(|path| is_python(path));
        return Ok(sources.map(named).collect());
    }
    let source = folder.join(format!("{}.py", stem(folder)));
    Ok(Vec::from_iter(source.is_file().then(|| named(source))))
}

fn missing() -> Option<String> {
    let mut python = Command::new("python3");
    python.args(["-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]);
    let quiet = python.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let works = quiet.is_ok_and(|status| status.success());
    (!works).then(|| "python3 with pip was not found: install Python 3.11 or later, with pip".into())
}

fn build(plan: &Plan) -> Result<PathBuf> {
    let work = guests().join("python").join(stem(&plan.source));
    let shared = root().join("workflows/shared/python/plan_shared");
    let problems = root().join("workflows/problems.txt");
    let folder = plan.source.parent().context("find the plan's folder")?;
    let component = work.join("component.wasm");

    let mut shared = modules(&shared)?;
    shared.push(problems);
    let mut inputs = vec![plan.source.clone()];
    inputs.extend(shared.iter().cloned());
    let prompts = folder.join("prompts");
    if prompts.is_dir() {
        inputs.extend(entries(&prompts)?);
    }
    if is_newer(&component, inputs)? {
        return Ok(component);
    }
    let package = work.join("plan_shared");
    fs::create_dir_all(&package)?;
    for source in shared {
        let name = source.file_name().unwrap_or_default();
        fs::copy(&source, package.join(name)).with_context(|| format!("copy {}", source.display()))?;
    }
    let mut command = python()?;
    command.args(["-m", "choreo", "build"]).arg(&plan.source).arg("--path").arg(&work);
    succeed(command.arg("--output").arg(&component))?;
    Ok(component)
}

/// Builds the component that runs scripts, and says where it is.
fn runner() -> Result<PathBuf> {
    let folder = sdk().join("runner");
    let component = guests().join("python/runner.wasm");
    if is_newer(&component, modules(&folder)?)? {
        return Ok(component);
    }
    let mut command = python()?;
    command.args(["-m", "choreo", "runner"]).arg(folder).arg("--output").arg(&component);
    succeed(&mut command)?;
    Ok(component)
}

/// Whether the component is newer than these files, and than the SDK's.
fn is_newer(component: &Path, mut inputs: Vec<PathBuf>) -> Result<bool> {
    inputs.extend(modules(&sdk().join("choreo"))?);
    inputs.extend([root().join("wit/choreo.wit"), sdk().join("pyproject.toml")]);
    Ok(modified(component) > inputs.iter().map(|input| modified(input)).max().flatten())
}

/// Python with the SDK and the tool that its `pyproject.toml` pins, which is installed
/// if need be.
fn python() -> Result<Command> {
    let project = fs::read_to_string(sdk().join("pyproject.toml")).context("read the Python SDK's pyproject.toml")?;
    let pinned = project.lines().find_map(|line| line.strip_prefix("dependencies = [\"")?.strip_suffix("\"]"));
    let pinned = pinned.context("find the pinned tool in the Python SDK's pyproject.toml")?;
    let path = std::env::join_paths([sdk(), pip::installed("python", pinned)?]).context("name the Python SDK")?;
    let mut python = Command::new("python3");
    // No folder of sources gets a `__pycache__`.
    python.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(python)
}

fn sdk() -> PathBuf {
    root().join("guest-sdk/python")
}

/// The modules of a folder.
fn modules(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| is_python(path)).collect())
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "py")
}
