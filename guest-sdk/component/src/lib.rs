//! Makes a plan's component of the core module that a C or Go compiler writes.
//!
//! Such a module imports the contract's functions, and of `wasi_snapshot_preview1`
//! what its language's library needs. Two things are added: the world `plan`, and
//! `preview1.wat`, which answers for preview1 from the host's empty WASI 0.2. (The
//! official adapter asks the module for memory while it starts, before a Go runtime
//! can give any, and traps.)

use anyhow::{Context as _, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata, metadata};
use wit_parser::Resolve;

/// The contract, and the world in it that a plan is.
const CONTRACT: (&str, &str) = (include_str!("../../../wit/choreo.wit"), "plan");
/// What the adapter imports.
const EMPTY: (&str, &str) = (include_str!("preview1.wit"), "adapter");
const ADAPTER: &str = include_str!("preview1.wat");

/// Whether this is a core module, by its first bytes.
#[must_use]
pub fn is_core(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0asm\x01\0\0\0")
}

/// The component of a core module.
///
/// # Errors
/// It is no module, imports what a plan is not given, or imports or exports what
/// the contract has with other types.
pub fn encode(module: &[u8]) -> Result<Vec<u8>> {
    // What reads modules further on takes it that they are whole.
    wasmparser::validate(module).context("read the module")?;
    let mut module = module.to_vec();
    // A module that was linked with its world says so itself.
    if metadata::decode(&module)?.0.is_none() {
        embed(&mut module, CONTRACT)?;
    }
    let mut adapter = wat::parse_str(ADAPTER)?;
    embed(&mut adapter, EMPTY)?;
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module)?.adapter("wasi_snapshot_preview1", &adapter)?;
    encoder.encode()
}

/// Writes a world into a module.
fn embed(module: &mut Vec<u8>, (package, world): (&str, &str)) -> Result<()> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("world.wit", package)?;
    let world = resolve.select_world(&[package], Some(world))?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that exports `run` with this type, and has this beside.
    fn module(run: &str, more: &str) -> Vec<u8> {
        let text = format!(
            "(module {more} (memory (export \"memory\") 1)
               (func (export \"run\") {run} unreachable)
               (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable))"
        );
        wat::parse_str(text).unwrap()
    }

    const RUN: &str = "(param i32 i32) (result i32)";

    #[test]
    fn a_module_becomes_a_component() {
        let write = "(import \"wasi_snapshot_preview1\" \"fd_write\" (func (param i32 i32 i32 i32) (result i32)))";
        for (more, stderr) in [("", false), (write, true)] {
            let core = module(RUN, more);
            let component = encode(&core).unwrap();
            assert!(is_core(&core) && !is_core(&component));
            let printed = component.windows(10).any(|bytes| bytes == b"cli/stderr");
            assert_eq!(printed, stderr, "only what is used is imported");
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let error = |module: &[u8]| format!("{:#}", encode(module).unwrap_err());
        assert!(error(b"(module").starts_with("read the module"));
        assert!(error(&module("(param i32)", "")).contains("run"));
        assert!(error(&module(RUN, "(import \"env\" \"f\" (func))")).contains("env"));
        let core = module(RUN, "");
        for length in 0..core.len() {
            encode(&core[..length]).unwrap_err();
        }
    }
}
