//! `--model`: what it names, found or fetched.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::model::{Hub, HubName, Named, Source};

use super::options::HostArguments;
use super::screen::{Screen, say};

/// The model's files, all of them on this machine.
pub(super) fn source(arguments: &HostArguments) -> Result<Source> {
    let Some(named) = &arguments.model else { return Ok(Source::Embedded) };
    let cannot = || format!("cannot load the model {}", named.display());
    let path = match Named::read(named).with_context(cannot)? {
        Named::Path(path) => path,
        Named::Hub(name) => fetched(&name, arguments).with_context(cannot)?,
    };
    Source::open(path).with_context(cannot)
}

/// Where a hub's model is, once it is there.
fn fetched(name: &HubName, arguments: &HostArguments) -> Result<PathBuf> {
    let hub = Hub::from_env()?;
    if let Some(path) = hub.cached(name)? {
        return Ok(path);
    }
    let screen = if arguments.quiet { Screen::still() } else { Screen::live() };
    if !arguments.quiet {
        say(&format!("note: fetching {name} to {}", hub.folder(name).display()));
    }
    let path = hub.fetch(name, screen.bytes());
    screen.clear();
    Ok(path?)
}
