//! Plans in Python: `NAME.py` in the folder NAME, and the examples of the Python SDK.
//!
//! The SDK builds them, `python -m choreo build`. What they share (`shared/python`,
//! with the held-out problems beside it) is copied where imports are found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{Language, Plan, Sources, entries, guests, modified, root, stem, succeed};

pub(crate) const LANGUAGE: Language = Language { name: "Python", find, missing, build, scripts: None };

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
    python.args(["-c", "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"]);
    let quiet = python.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let works = quiet.is_ok_and(|status| status.success());
    (!works).then(|| "python3 with venv was not found: install Python 3.11 or later, with venv and pip".into())
}

fn build(plan: &Plan) -> Result<PathBuf> {
    let (sdk, work) = (sdk(), guests().join("python").join(stem(&plan.source)));
    let shared = root().join("workflows/shared/python");
    let problems = root().join("workflows/problems.txt");
    let folder = plan.source.parent().context("find the plan's folder")?;
    let component = work.join("component.wasm");

    let mut inputs =
        vec![plan.source.clone(), problems.clone(), root().join("wit/choreo.wit"), sdk.join("pyproject.toml")];
    for folder in [sdk.join("choreo"), shared.join("plan_shared")] {
        inputs.extend(entries(&folder)?.into_iter().filter(|path| is_python(path)));
    }
    let prompts = folder.join("prompts");
    if prompts.is_dir() {
        inputs.extend(entries(&prompts)?);
    }
    let newest = inputs.iter().map(|input| modified(input)).max().flatten();
    if modified(&component) > newest {
        return Ok(component);
    }

    let package = work.join("plan_shared");
    fs::create_dir_all(&package)?;
    for source in entries(&shared.join("plan_shared"))?.iter().filter(|path| is_python(path)).chain([&problems]) {
        let name = source.file_name().unwrap_or_default();
        fs::copy(source, package.join(name)).with_context(|| format!("copy {}", source.display()))?;
    }
    let python = install()?;
    let mut command = Command::new(python);
    command.env("PYTHONPATH", &sdk).args(["-m", "choreo", "build"]).arg(&plan.source);
    succeed(command.arg("--path").arg(&work).arg("--output").arg(&component))?;
    Ok(component)
}

fn sdk() -> PathBuf {
    root().join("guest-sdk/python")
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "py")
}

/// Installs the tool that the SDK's `pyproject.toml` pins into an environment of its
/// own, if it is not there, and says where that environment's Python is.
fn install() -> Result<PathBuf> {
    let environment = guests().join("python/venv");
    let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let project = fs::read_to_string(sdk().join("pyproject.toml")).context("read the Python SDK's pyproject.toml")?;
    let pinned = project.lines().find_map(|line| line.strip_prefix("dependencies = [\"")?.strip_suffix("\"]"));
    let pinned = pinned.context("find the pinned tool in the Python SDK's pyproject.toml")?;
    let installed = environment.join("installed");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == pinned) {
        return Ok(python);
    }
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))
        .context("make an environment for the Python tool chain")?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", pinned]);
    succeed(&mut pip).context("install the Python tool chain")?;
    fs::write(&installed, pinned)?;
    Ok(python)
}
