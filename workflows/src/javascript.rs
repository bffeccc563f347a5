//! Plans in JavaScript: `NAME.js` in the folder NAME, and the SDK's examples, built
//! by the SDK's own tool for the QuickJS engine; and the component that runs scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{Language, Plan, Scripts, Sources, entries, guests, modified, root, stem, succeed};

pub(crate) const LANGUAGE: Language = Language {
    name: "JavaScript",
    find,
    missing,
    build,
    scripts: Some(Scripts { extensions: &["js", "mjs"], build: runner }),
};

/// What the SDK's package is made of.
const PACKAGE: [&str; 7] = ["package.json", "package-lock.json", "link", "runner", "src", "test", "tool"];

fn find(folder: &Path) -> Result<Sources> {
    let examples = folder.join("javascript/examples");
    let mut sources = vec![folder.join(stem(folder)).with_extension("js")];
    if examples.is_dir() {
        sources.extend(entries(&examples)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "js")));
    }
    let named = |source: PathBuf| (format!("{}.js", stem(&source)), source);
    Ok(sources.into_iter().filter(|source| source.is_file()).map(named).collect())
}

fn missing() -> Option<String> {
    let works = |tool: &&str| {
        let mut command = Command::new(tool);
        let quiet = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    };
    let absent = ["node", "npm"].into_iter().find(|tool| !works(tool))?;
    Some(format!("{absent} was not found: install Node.js 20 or later, with npm"))
}

fn build(plan: &Plan) -> Result<PathBuf> {
    let folder = plan.source.parent().context("find the plan's folder")?;
    let work = guests().join("javascript/work").join(&plan.name);
    // What plans share lies beside their folders.
    componentize(&work, |tool| {
        tool.arg("build").arg(&plan.source).arg("--root").arg(folder.parent().unwrap_or(folder));
    })
}

/// Builds the component that runs scripts, and says where it is.
fn runner() -> Result<PathBuf> {
    componentize(&guests().join("javascript/work/runner"), |tool| {
        tool.arg("runner");
    })
}

/// Has the SDK's tool build a component, unless what it was built of is older.
fn componentize(work: &Path, arguments: impl FnOnce(&mut Command)) -> Result<PathBuf> {
    let tools = install()?;
    let component = work.join("component.wasm");
    // The tool leaves the names of all files that it has read of the plan's.
    let read = fs::read_to_string(work.join("inputs.txt"));
    if let Ok(read) = read {
        let mut inputs = entries(&root().join("wit"))?;
        inputs.extend(read.lines().map(PathBuf::from).chain(package(&tools)?));
        let newest = inputs.iter().map(|input| modified(input));
        let newest = newest.collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().max());
        if newest.is_some() && modified(&component) > newest {
            return Ok(component);
        }
    }
    let mut tool = Command::new("node");
    tool.arg(tools.join("tool/choreo-js.js"));
    arguments(&mut tool);
    tool.arg("--work").arg(work).arg("--wit").arg(root().join("wit")).arg("--output").arg(&component);
    succeed(&mut tool)?;
    Ok(component)
}

/// Copies the SDK to where its tools are, installs what its lock file pins if that
/// changed, and says where both are.
fn install() -> Result<PathBuf> {
    let tools = guests().join("javascript");
    let sdk = root().join("guest-sdk/javascript");
    for source in package(&sdk)? {
        let copy = tools.join(source.strip_prefix(&sdk)?);
        let text = fs::read(&source).with_context(|| format!("read {}", source.display()))?;
        // A copy that is new means that all plans are to be built again.
        if fs::read(&copy).is_ok_and(|old| old == text) || copy.ends_with("package-lock.json") {
            continue;
        }
        fs::create_dir_all(copy.parent().unwrap_or(&tools))?;
        fs::write(&copy, text).with_context(|| format!("write {}", copy.display()))?;
    }
    let [wanted, installed] = [&sdk, &tools].map(|folder| fs::read(folder.join("package-lock.json")).ok());
    if wanted == installed {
        return Ok(tools);
    }
    let lock = tools.join("package-lock.json");
    fs::copy(sdk.join("package-lock.json"), &lock).context("copy package-lock.json")?;
    let mut npm = Command::new("npm");
    // Not `npm ci`: it wants a lock for every optional binding, and upstream has not
    // published those of all platforms.
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--omit", "dev", "--loglevel", "error"]);
    let done = succeed(npm.current_dir(&tools)).context("install the JavaScript tool chain");
    if done.is_err() {
        // The copied lock file says what is installed: nothing.
        fs::remove_file(&lock)?;
    }
    done.map(|()| tools)
}

/// The files of the SDK's package in this folder.
fn package(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for part in PACKAGE.map(|part| folder.join(part)) {
        if part.is_dir() { files.extend(entries(&part)?) } else { files.push(part) }
    }
    Ok(files)
}
