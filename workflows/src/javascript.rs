//! Plans in JavaScript, on the QuickJS engine: `NAME.js` in the folder NAME.
//!
//! A plan imports the contract as `choreo:host/choreo@0.1.0` and the files of its
//! folder `prompts` as strings from `./prompts.js`, a module that is made here.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{Language, Plan, Sources, entries, guests, modified, root, stem, succeed};

pub(crate) const LANGUAGE: Language = Language { name: "JavaScript", find, missing, build };

fn find(folder: &Path) -> Result<Sources> {
    let name = format!("{}.js", stem(folder));
    let source = folder.join(&name);
    Ok(Vec::from_iter(source.is_file().then_some((name, source))))
}

fn missing() -> Option<String> {
    let works = |tool: &&str| {
        let mut command = Command::new(tool);
        let quiet = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    };
    let absent = ["node", "npm"].into_iter().find(|tool| !works(tool))?;
    Some(format!("{absent} was not found: install Node.js 18 or later, with npm"))
}

fn build(plan: &Plan) -> Result<PathBuf> {
    let tools = install()?;
    let folder = plan.source.parent().context("find the plan's folder")?;
    let work = guests().join("javascript").join(stem(folder));
    let component = work.join("component.wasm");

    let mut inputs = entries(&root().join("wit"))?;
    inputs.extend([plan.source.clone(), tools.join("package-lock.json")]);
    let prompts = folder.join("prompts");
    if prompts.is_dir() {
        inputs.extend(entries(&prompts)?);
    }
    let newest = inputs.iter().map(|input| modified(input)).max().flatten();
    if modified(&component) > newest {
        return Ok(component);
    }

    fs::create_dir_all(&work)?;
    let entry = work.join("plan.js");
    fs::copy(&plan.source, &entry).with_context(|| format!("copy {}", plan.source.display()))?;
    fs::write(work.join("prompts.js"), prompts_module(&prompts)?)?;
    let mut command = Command::new("node");
    command
        .arg(tools.join("node_modules/componentize-qjs/cli.mjs"))
        // Without this the component asks for the asynchronous ABI, which hosts must opt into.
        .arg("--sync")
        .args(["--world", "plan", "--wit"])
        .arg(root().join("wit"))
        .arg("--module-root")
        .arg(&work)
        .arg("--js")
        .arg(&entry)
        .arg("--output")
        .arg(&component);
    succeed(&mut command)?;
    Ok(component)
}

/// Installs what `workflows/package-lock.json` pins, if it changed, and says where.
fn install() -> Result<PathBuf> {
    let tools = guests().join("javascript");
    let [wanted, installed] =
        [root().join("workflows"), tools.clone()].map(|folder| fs::read(folder.join("package-lock.json")).ok());
    if wanted == installed {
        return Ok(tools);
    }
    fs::create_dir_all(&tools)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(root().join("workflows").join(file), tools.join(file))
            .with_context(|| format!("copy workflows/{file}"))?;
    }
    let mut npm = Command::new("npm");
    // Not `npm ci`: it wants a lock for every optional binding, and upstream has not
    // published those of all platforms.
    npm.args(["install", "--no-save", "--no-audit", "--no-fund", "--loglevel", "error"]);
    let done = succeed(npm.current_dir(&tools)).context("install the JavaScript tool chain");
    if done.is_err() {
        // The copied lock file says what is installed: nothing.
        fs::remove_file(tools.join("package-lock.json"))?;
    }
    done.map(|()| tools)
}

/// A module that exports each `NAME.txt` of the folder as the string NAME.
fn prompts_module(folder: &Path) -> Result<String> {
    let mut module = String::new();
    if !folder.is_dir() {
        return Ok(module);
    }
    for path in entries(folder)? {
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        // Rust's escapes of a string are JavaScript's, but for `\u{…}`, which both know.
        writeln!(module, "export const {} = {text:?};", stem(&path))?;
    }
    Ok(module)
}
