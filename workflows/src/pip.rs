//! Tools that come from Python's package index, each installed once, at its pinned
//! version, in a folder of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::{guests, succeed};

/// What has to be installed before these tools can be.
pub(crate) fn missing() -> Option<String> {
    let mut pip = Command::new("python3");
    let quiet = pip.args(["-m", "pip", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    let works = quiet.status().is_ok_and(|status| status.success());
    (!works).then(|| "python3 with pip was not found: install Python 3.9 or later, with pip".into())
}

/// The folder of the language's tool, `NAME==VERSION`, which is installed there if it is not yet.
pub(crate) fn installed(language: &str, tool: &str) -> Result<PathBuf> {
    let folder = guests().join(language).join(tool);
    if folder.is_dir() {
        return Ok(folder);
    }
    // Renamed when it is whole.
    let partial = guests().join(language).join("partial");
    if partial.is_dir() {
        fs::remove_dir_all(&partial)?;
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
    succeed(pip.arg(&partial).arg(tool)).with_context(|| format!("install {tool}"))?;
    fs::rename(&partial, &folder)?;
    Ok(folder)
}
