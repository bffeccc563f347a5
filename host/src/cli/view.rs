//! `view`: a report as one HTML file that needs nothing else.
//!
//! Texts come from models and plans. They stand in the page as JSON, in which
//! no tag can arise, and its script sets them as text alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::input;
use super::options::ViewArguments;
use super::screen::say;

const PAGE: &str = include_str!("view/page.html");
const STYLE: &str = include_str!("view/style.css");
/// In the order in which they need one another.
const SCRIPTS: [&str; 5] = [
    include_str!("view/draw.js"),
    include_str!("view/graph.js"),
    include_str!("view/sight.js"),
    include_str!("view/time.js"),
    include_str!("view/page.js"),
];

pub(super) fn view(arguments: &ViewArguments) -> Result<ExitCode> {
    let path = &arguments.report;
    let html = page(&read(path).with_context(|| format!("cannot show {}", path.display()))?);
    let written = match &arguments.output {
        Some(output) => output.clone(),
        None => beside(path)?,
    };
    fs::write(&written, html).with_context(|| format!("cannot write the page to {}", written.display()))?;
    say(&format!("{} is written: open it in a browser", written.display()));
    Ok(ExitCode::SUCCESS)
}

/// The page's file, where none is named.
fn beside(report: &Path) -> Result<PathBuf> {
    let page = report.with_extension("html");
    ensure!(page != report, "the page would take the place of {}: name another file with -o", report.display());
    Ok(page)
}

/// What the page's script relies on.
#[derive(Deserialize)]
struct Shown {
    #[serde(rename = "mode")]
    _mode: String,
    messages: Vec<ShownMessage>,
}

#[derive(Deserialize)]
struct ShownMessage {
    id: u32,
    #[serde(rename = "role")]
    _role: String,
    parents: Vec<ShownParent>,
    #[serde(rename = "offset")]
    _offset: u32,
    #[serde(rename = "tokens")]
    _tokens: u32,
    #[serde(rename = "called_ms")]
    _called: f64,
    #[serde(rename = "finish")]
    _finish: String,
}

#[derive(Deserialize)]
struct ShownParent {
    id: u32,
    #[serde(rename = "offset")]
    _offset: u32,
}

/// A report, checked for what the page's script relies on.
fn read(path: &Path) -> Result<Value> {
    let bytes = input::report(path)?;
    let foreign = "it is no report: name a file that `choreo-host run --report` has written";
    let value: Value = serde_json::from_slice(&bytes).context(foreign)?;
    let shown = Shown::deserialize(&value).context(foreign)?;
    for (message, number) in shown.messages.iter().zip(1..) {
        ensure!(message.id == number, "message {} stands where {number} should: {foreign}", message.id);
        if let Some(parent) = message.parents.iter().find(|parent| parent.id == 0 || parent.id >= number) {
            bail!("message {number} sees message {}, which is not before it: {foreign}", parent.id);
        }
    }
    Ok(value)
}

fn page(report: &Value) -> String {
    // Without "<" no text ends the element that it stands in.
    let report = report.to_string().replace('<', "\\u003c");
    let filled = PAGE.replacen("{style}", STYLE, 1).replacen("{script}", &SCRIPTS.concat(), 1);
    filled.replacen("{report}", &report, 1)
}
