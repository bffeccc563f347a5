//! Scripts in Python: what they import, and the component that runs them. Where that
//! is not beside this program it is built once, into the cache folder, from sources that
//! this program carries and the tool that they pin.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::{Language, plain};
use crate::cli::input;
use crate::cli::languages::python::SDK;
use crate::cli::screen::say;

pub(super) const LANGUAGE: Language = Language {
    name: "Python",
    extensions: &["py"],
    runner: "py.wasm",
    missing: "`cargo plan runners` in choreo's repository builds it; one file serves every machine",
    made: Some(made),
    imports,
};

/// What it is built from beside the SDK.
const RUNNER: [(&str, &str); 3] = [
    ("choreo/choreo.wit", include_str!("../../../../wit/choreo.wit")),
    ("runner/library.py", include_str!("../../../../guest-sdk/python/runner/library.py")),
    ("runner/runner.py", include_str!("../../../../guest-sdk/python/runner/runner.py")),
];

/// Where the tool is pinned.
const PROJECT: &str = include_str!("../../../../guest-sdk/python/pyproject.toml");

/// The runner among what this program keeps, built if need be.
///
/// # Errors
/// It cannot be built: what is missing, or what failed.
fn made() -> Result<PathBuf> {
    let folder = input::cache_folder().context("there is no home directory to build it in: set CHOREO_CACHE_DIR")?;
    let folder = folder.join("runners");
    let runner = folder.join(format!("py-{}.wasm", version()));
    if runner.is_file() {
        return Ok(runner);
    }
    let cannot = || format!("cannot write to {}: set CHOREO_CACHE_DIR to a directory of yours", folder.display());
    fs::create_dir_all(&folder).with_context(cannot)?;
    // Two starts at once build it once.
    let lock = File::create(folder.join("lock")).with_context(cannot)?;
    lock.lock().with_context(cannot)?;
    if !runner.is_file() {
        build(&folder, &runner)?;
    }
    Ok(runner)
}

/// What it is built from, as a short name.
fn version() -> String {
    let mut hash = Sha256::new();
    hash.update(PROJECT);
    for (name, source) in SDK.iter().chain(&RUNNER) {
        hash.update(name);
        hash.update(source);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn build(folder: &Path, runner: &Path) -> Result<()> {
    let python = python(folder)?;
    say(&format!("note: what runs Python scripts is built into {}, once: this takes a minute", folder.display()));
    let work = folder.join("build-py");
    let built = build_in(&work, python);
    let moved = built.and_then(|built| fs::rename(built, runner).context("keep the runner"));
    // What is left of the tool is only wanted here.
    let _ = fs::remove_dir_all(&work);
    moved.context("what runs Python scripts could not be built")
}

fn build_in(work: &Path, python: &str) -> Result<PathBuf> {
    if work.exists() {
        fs::remove_dir_all(work).with_context(|| format!("clear {}", work.display()))?;
    }
    for (name, source) in SDK.iter().chain(&RUNNER) {
        let path = work.join(name);
        fs::create_dir_all(path.parent().unwrap_or(work)).with_context(|| format!("make {}", work.display()))?;
        fs::write(&path, source).with_context(|| format!("write {}", path.display()))?;
    }
    let pinned = PROJECT.lines().find_map(|line| line.strip_prefix("dependencies = [\"")?.strip_suffix("\"]"));
    let pinned = pinned.context("no tool is pinned")?;
    let tool = work.join("tool");
    let mut pip = safe(python, work);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", pinned, "--target"]);
    succeed(pip.arg(&tool), &format!("install {pinned}"))?;

    let output = work.join("runner.wasm");
    let mut build = safe(python, work);
    build.env("PYTHONPATH", std::env::join_paths([work, &tool]).context("name the SDK's folder")?);
    build.args(["-m", "choreo", "runner"]).arg(work.join("runner")).arg("--output").arg(&output);
    succeed(&mut build, "make it a component")?;
    ensure!(output.is_file(), "no component came of it");
    Ok(output)
}

/// Python that imports nothing from the folder it is started in: that is the script's,
/// and what lies there runs in the sandbox or not at all.
fn safe(python: &str, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command.current_dir(folder).env_remove("PYTHONPATH").env("PYTHONSAFEPATH", "1").arg("-P");
    command
}

/// A Python with pip.
fn python(folder: &Path) -> Result<&'static str> {
    const CHECK: &str = "import pip, sys; sys.exit(sys.version_info < (3, 11))";
    let works = |name: &&str| {
        let checked = safe(name, folder).args(["-c", CHECK]).output();
        checked.is_ok_and(|output| output.status.success())
    };
    let found = ["python3", "python"].into_iter().find(works);
    found.context(
        "what runs Python scripts is not built yet, and to build it takes Python 3.11 or later with pip: \
         install it, or build the script into a component elsewhere",
    )
}

/// Runs the command; its last line, where it failed.
fn succeed(command: &mut Command, what: &str) -> Result<()> {
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("{what}: cannot start Python"))?;
    if !status.success() {
        let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it says nothing").to_owned();
        bail!("{what}: {last}");
    }
    Ok(())
}

/// Paths that a file's imports are looked for at; a longer list is a nuisance, not a plan.
const PATHS: usize = 4096;
/// Bytes of a module's name, and how deep it may lie.
const NAME: (usize, usize) = (255, 16);

/// The files that the modules which are named may be. A text's lines may be among them:
/// what is not imported does no harm.
fn imports(file: &Path, source: &str) -> Vec<PathBuf> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut found = BTreeSet::new();
    for statement in statements(source) {
        let Some((word, rest)) = statement.split_once(char::is_whitespace) else { continue };
        match (word, rest.split_once(" import")) {
            ("from", Some((name, listed))) => {
                let listed: Vec<&str> = names(listed.trim_matches([' ', '(', ')'])).take(PATHS).collect();
                found.extend(module(folder, name.trim(), &listed));
            }
            ("import", _) => names(rest).take(PATHS).for_each(|name| found.extend(module(folder, name, &[]))),
            _ => {}
        }
        if found.len() > PATHS {
            break;
        }
    }
    found.into_iter().collect()
}

/// The source's statements that import, each in one line.
fn statements(source: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let (mut goes_on, mut listed) = (false, false);
    for line in source.lines() {
        let code = line.split('#').next().unwrap_or_default();
        for part in code.split([';', ':']).map(str::trim) {
            let kept = part.trim_end_matches('\\');
            match found.last_mut() {
                Some(last) if goes_on => {
                    last.push(' ');
                    last.push_str(kept);
                }
                _ if ["import", "from"].contains(&part.split_whitespace().next().unwrap_or_default()) => {
                    found.push(kept.into());
                }
                _ => continue,
            }
            listed |= part.split_once(" import").is_some_and(|(_, list)| list.trim_start().starts_with('('));
            listed &= !part.contains(')');
            goes_on = listed || part.ends_with('\\');
        }
    }
    found
}

/// The names of a list, without what they are called here.
fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter_map(|name| name.split_whitespace().next())
}

/// The files that a module and the packages it is in may be; `listed` may be modules in
/// it. A name that starts with points is counted from the folder; another is looked for
/// there, and from the root.
fn module(folder: &Path, name: &str, listed: &[&str]) -> Vec<PathBuf> {
    let relative = name.trim_start_matches('.');
    let points = name.len() - relative.len();
    if name.len() > NAME.0 || points > NAME.1 || relative.split('.').count() > NAME.1 {
        return Vec::new();
    }
    let roots = match points {
        0 => vec![folder.to_owned(), PathBuf::new()],
        _ => vec![folder.join("../".repeat(points - 1))],
    };
    let mut found = Vec::new();
    for mut at in roots {
        let mut add = |at: &Path| {
            found.extend(plain(&at.with_added_extension("py")));
            found.extend(plain(&at.join("__init__.py")));
        };
        for part in relative.split('.').filter(|part| !part.is_empty()) {
            at.push(part);
            add(&at);
        }
        for name in listed {
            add(&at.join(name));
        }
        if points > 0 {
            found.extend(plain(&at.join("__init__.py")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_is_carried() {
        let sdk = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../guest-sdk/python"));
        let names = |folder: &str| {
            let read = fs::read_dir(sdk.join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
            read.filter_map(|name| name.into_string().ok()).filter(|name| name.ends_with(".py")).collect::<Vec<_>>()
        };
        let package = names("choreo").into_iter().map(|name| format!("choreo/{name}"));
        let runner = names("runner").into_iter().map(|name| format!("runner/{name}"));
        let carried = |wanted: String| SDK.iter().chain(&RUNNER).any(|(name, _)| *name == wanted);
        assert!(package.chain(runner).all(carried), "a module is not carried: name it in SDK or RUNNER");
    }

    #[test]
    fn imports_are_found_by_their_words() {
        let source = "import sys, words as w\nif True: import one; import two\nfrom three \\\n  import four\nfrom choreo import decode\nfrom lib.a import (\n    b,  # why (not)\n    c as d,\n)\n    from . import near\nfrom ..up import x\nfrom ...out import y\n";
        let found = imports(Path::new("deep/plan.py"), source);
        for file in [
            "deep/words.py",
            "words.py",
            "deep/lib/__init__.py",
            "lib/a.py",
            "lib/a/b.py",
            "deep/lib/a/c/__init__.py",
            "deep/near.py",
            "up.py",
            "up/x.py",
            "deep/one.py",
            "two.py",
            "three/four.py",
        ] {
            assert!(found.contains(&file.into()), "{file} is not in {found:?}");
        }
        assert!(!found.iter().any(|path| path.ends_with("y.py")), "{found:?}");
    }

    #[test]
    fn a_file_made_to_fill_the_memory_does_not() {
        let open = "from a import (\n".repeat(200_000);
        let deep = format!("import {}\n", "a.".repeat(1_000_000));
        let many: String = (0..400_000).map(|name| format!("import m{name}\n")).collect();
        let long: String = (0..400_000).map(|name| format!("m{name},")).collect();
        for source in [open, deep, many, format!("from {} import {long}", "a".repeat(250))] {
            let found = imports(Path::new("plan.py"), &source);
            assert!(found.len() < 10 * PATHS, "{}", found.len());
        }
    }
}
