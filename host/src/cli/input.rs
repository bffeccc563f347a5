//! What the operator names on the command line, read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::wasm::{COMPONENT_BYTES, CompiledCache};

use super::explain::module;
use super::screen::say;

/// Bytes of all arguments: more is a program's data, not its arguments.
const ARGUMENT_BYTES: u64 = 16 << 20;

/// Bytes of a report: more than a hundred thousand messages with many parents.
const REPORT_BYTES: u64 = 256 << 20;

/// A report's bytes.
pub(super) fn report(path: &Path) -> Result<Vec<u8>> {
    let bytes = read(path, REPORT_BYTES + 1)?;
    ensure!(bytes.len() as u64 <= REPORT_BYTES, "it is over {} MiB, the limit", REPORT_BYTES >> 20);
    Ok(bytes)
}

/// A component's bytes. Of what a C or Go compiler writes, a core module, it is made
/// here.
pub(super) fn component(path: &Path) -> Result<Vec<u8>> {
    // One byte over the bound is enough to see that it is too large.
    let bytes = read(path, COMPONENT_BYTES + 1);
    let bytes = bytes.with_context(|| format!("cannot read the plan {}: name a component file", path.display()))?;
    if !choreo_component::is_core(&bytes) || bytes.len() as u64 > COMPONENT_BYTES {
        return Ok(bytes);
    }
    choreo_component::encode(&bytes).map_err(|error| module(path, &bytes, &error))
}

/// The plan's arguments, files' text in place of their names.
pub(super) fn arguments(written: &[String]) -> Result<Vec<String>> {
    let arguments: Vec<String> = written.iter().map(|argument| expand(argument)).collect::<Result<_>>()?;
    let bytes: u64 = arguments.iter().map(|argument| argument.len() as u64).sum();
    ensure!(
        bytes <= ARGUMENT_BYTES,
        "the plan's arguments have {bytes} bytes and may have {ARGUMENT_BYTES}: pass less"
    );
    Ok(arguments)
}

fn expand(argument: &str) -> Result<String> {
    let Some(file) = argument.strip_prefix('@') else {
        return Ok(argument.into());
    };
    if file.starts_with('@') {
        return Ok(file.into());
    }
    let bytes = read(Path::new(file), ARGUMENT_BYTES + 1)
        .with_context(|| format!("cannot read the argument {argument}: write @{argument} for the text itself"))?;
    String::from_utf8(bytes).with_context(|| format!("the argument {argument} is not UTF-8 text: convert the file"))
}

fn read(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where the host keeps what it can make anew: `CHOREO_CACHE_DIR`, or where the
/// user's caches are.
pub(super) fn cache_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("CHOREO_CACHE_DIR")
        .or_else(|| variable("XDG_CACHE_HOME").map(|caches| caches.join("choreo")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache").join("choreo")))
}

/// The cache of compiled components. Without it every start compiles, which is
/// said.
pub(super) fn compiled_cache() -> Option<CompiledCache> {
    let Some(directory) = cache_folder() else {
        say("note: compiled plans are not kept, for there is no home directory: set CHOREO_CACHE_DIR");
        return None;
    };
    match CompiledCache::open(&directory.join("components")) {
        Ok(cache) => Some(cache),
        Err(error) => {
            say(&format!("note: {error}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_for_their_text() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs");
        let written = ["plain".into(), format!("@{here}"), "@@name".into(), "a@b".into()];
        assert_eq!(arguments(&written).unwrap(), ["plain", include_str!("../main.rs"), "@name", "a@b"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = format!("{:#}", arguments(&["@absent.txt".into()]).unwrap_err());
        assert!(error.starts_with("cannot read the argument @absent.txt: write @@absent.txt"), "{error}");
    }
}
