//! Makes a plan's component of the core module that a C or Go compiler writes.
//!
//! Such a module imports the contract's functions, and of `wasi_snapshot_preview1`
//! what its language's library needs. Two things are added: the world `plan`, and
//! `preview1.wat`, which answers for preview1 from the host's empty WASI 0.2. (The
//! official adapter asks the module for memory while it starts, before a Go runtime
//! can give any, and traps.)

use std::panic;
use std::sync::{Once, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use wasmparser::{Import, Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract, and the world in it that a plan is.
const CONTRACT: (&str, &str) = (include_str!("../../../wit/choreo.wit"), "plan");
/// What the adapter imports.
const EMPTY: (&str, &str) = (include_str!("preview1.wit"), "adapter");
const ADAPTER: &str = include_str!("preview1.wat");
/// What it answers for.
const PREVIEW1: &str = "wasi_snapshot_preview1";
/// What the contract's interfaces begin with.
const HOST: &str = "choreo:host/";

/// Bytes before a module's first section.
const HEADER: usize = 8;

/// Where components are made.
const THREAD: &str = "make a component";
/// Time to make one; of Go's 3 MB it takes a moment.
const TIME: Duration = Duration::from_secs(60);

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
    let module = module.to_vec();
    apart(move || component(&module))
}

/// Does the work on a thread of its own: a module that its libraries had not expected
/// may end that, not the host. One that takes too long goes on, unheard.
fn apart(work: impl FnOnce() -> Result<Vec<u8>> + Send + 'static) -> Result<Vec<u8>> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = panic::take_hook();
        // The error says it.
        panic::set_hook(Box::new(move |panicked| {
            if thread::current().name() != Some(THREAD) {
                usual(panicked);
            }
        }));
    });
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        // Nobody listens any more when the time was over.
        let _ = sender.send(work());
    };
    thread::Builder::new().name(THREAD.into()).spawn(work).context("start a thread for it")?;
    match receiver.recv_timeout(TIME) {
        Ok(made) => made,
        Err(mpsc::RecvTimeoutError::Timeout) => bail!("it took over {} s, the limit", TIME.as_secs()),
        Err(mpsc::RecvTimeoutError::Disconnected) => bail!("it is not what a compiler writes"),
    }
}

fn component(module: &[u8]) -> Result<Vec<u8>> {
    // What reads modules further on takes it that they are whole.
    wasmparser::validate(module).context("read the module")?;
    let mut module = plain(module)?;
    embed(&mut module, CONTRACT)?;
    let mut adapter = wat::parse_str(ADAPTER)?;
    embed(&mut adapter, EMPTY)?;
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module)?.adapter(PREVIEW1, &adapter)?;
    encoder.encode()
}

/// The module without the world that it says it was linked with, which is the contract's
/// or does not fit. It imports only what a plan is given: other names have a meaning
/// between the modules of a component.
fn plain(module: &[u8]) -> Result<Vec<u8>> {
    // Where the next section begins, with its number and length.
    let mut start = HEADER;
    let mut plain = module[..start].to_vec();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::ImportSection(imports) = &payload {
            for import in imports.clone().into_imports() {
                let Import { module: from, name, .. } = import?;
                let given = from == PREVIEW1 || from.starts_with(HOST);
                ensure!(given, "it imports {name} from {from}, which no plan is given");
            }
        }
        let Some((_, range)) = payload.as_section() else { continue };
        let end = usize::try_from(range.end)?;
        let world = matches!(&payload, Payload::CustomSection(section) if section.name().starts_with("component-type"));
        if !world {
            plain.extend_from_slice(&module[start..end]);
        }
        start = end;
    }
    Ok(plain)
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
        for (from, import) in [("env", "(func)"), ("env", "(memory 1)"), ("__main_module__", "(func)")] {
            let import = module(RUN, &format!("(import \"{from}\" \"f\" {import})"));
            assert_eq!(error(&import), format!("it imports f from {from}, which no plan is given"));
        }
        let core = module(RUN, "");
        for length in 0..core.len() {
            encode(&core[..length]).unwrap_err();
        }
    }

    /// The world that a module was linked with is not read, for it may be anything.
    #[test]
    fn the_world_is_ours() {
        // (component (type (component)) (export "x" (type 0)))
        let nonsense = r#"(@custom "component-type:x"
            "\00asm\0d\00\01\00" "\07\03\01\41\00" "\0b\07\01\00\01x\03\00\00")"#;
        let [with, without] = [nonsense, ""].map(|more| module(RUN, more));
        assert_ne!(with, without);
        assert_eq!(encode(&with).unwrap(), encode(&without).unwrap());
    }

    #[test]
    fn a_panic_is_an_error() {
        let error = apart(|| panic!("not expected")).unwrap_err();
        assert_eq!(error.to_string(), "it is not what a compiler writes");
    }
}
