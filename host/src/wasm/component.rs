//! From a file's bytes to a component that fits the contract, or one line that
//! says why it does not.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::bindings::PlanPre;
use super::world::World;

/// The contract that this host serves: the package line of `wit/choreo.wit`.
pub const CONTRACT: &str = "choreo:host@0.1.0";
/// Its interfaces.
const INTERFACES: [&str; 2] = ["choreo", "log"];
/// How the versions begin that components may be built against: within 0.1, what an
/// interface has never changes (`wit/README.md`).
const TRACK: &str = "0.1.";
/// WASI packages that an empty world is given of.
const WASI: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];
/// Bytes of a component; Python's runtime takes 18 MB.
pub const COMPONENT_BYTES: u64 = 64 << 20;
/// Time to compile one; Python's runtime takes 20 s on two slow cores.
const COMPILE: Duration = Duration::from_secs(180);

/// A file that is no plan for this host: what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Not WebAssembly, or not a component.
    #[error("it is {0}, not a WebAssembly component")]
    NotComponent(&'static str),
    /// A component that does not parse or validate.
    #[error("it is not a valid component ({0}): the file is damaged or cut short; build it again")]
    Invalid(String),
    /// Larger than any known language runtime.
    #[error(
        "it has {bytes} bytes and a component may have {COMPONENT_BYTES}: strip debug information (`strip = true` in the release profile)"
    )]
    TooLarge {
        /// Bytes of the file.
        bytes: u64,
    },
    /// Compilation took too long.
    #[error("compiling it took over {} s, the limit: split its largest functions", COMPILE.as_secs())]
    CompileTime,
    /// The machine has no thread or memory left to compile with.
    #[error("it could not be compiled: {0}")]
    Compiler(String),
    /// It needs another version of the contract.
    #[error("it imports {0} and this host serves {CONTRACT}")]
    Version(String),
    /// It needs something that a plan is not given.
    #[error("it imports {0}, which no plan is given")]
    Import(String),
    /// It imports the right interface with the wrong types.
    #[error("its imports do not fit ({0})")]
    ImportType(String),
    /// It does not export `run` as the world has it.
    #[error("its exports do not fit ({0})")]
    Export(String),
}

/// A compiled component that fits the contract.
#[derive(Clone)]
pub struct Plan {
    pub(super) pre: PlanPre<World>,
    imports: Vec<String>,
}

impl Plan {
    /// The interfaces that it imports.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    pub(super) fn load(linker: &Linker<World>, bytes: Vec<u8>) -> Result<Self, LoadError> {
        sniff(&bytes)?;
        let engine = linker.engine();
        let component = compile(engine, bytes)?;
        let imports = imports(&component, engine)?;
        let pre = linker.instantiate_pre(&component).map_err(|error| LoadError::ImportType(chain(&error)))?;
        let pre = PlanPre::new(pre).map_err(|error| LoadError::Export(chain(&error)))?;
        Ok(Self { pre, imports })
    }
}

/// Says what a file is by its first bytes, where it is no component.
fn sniff(bytes: &[u8]) -> Result<(), LoadError> {
    let size = bytes.len() as u64;
    if size > COMPONENT_BYTES {
        return Err(LoadError::TooLarge { bytes: size });
    }
    let found = match bytes {
        [] => "an empty file",
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => "a core WebAssembly module",
        [b'\0', b'a', b's', b'm', _, 0, 1, 0, ..] => return Ok(()),
        [b'\0', b'a', b's', b'm', ..] => "WebAssembly of an unknown kind",
        [0x7f, b'E', b'L', b'F', ..] => "a native program",
        _ if std::str::from_utf8(&bytes[..bytes.len().min(64)]).is_ok() => "text",
        _ => "something else",
    };
    Err(LoadError::NotComponent(found))
}

/// Compiles, or takes the compiled code from the cache. Cranelift cannot be
/// stopped: one that takes too long goes on in the background, unheard.
fn compile(engine: &Engine, bytes: Vec<u8>) -> Result<Component, LoadError> {
    let (sender, receiver) = mpsc::channel();
    let engine = engine.clone();
    let work = move || {
        let compiled = Component::from_binary(&engine, &bytes);
        // Nobody listens any more when the time was over.
        let _ = sender.send(compiled.map_err(|error| LoadError::Invalid(chain(&error))));
    };
    thread::Builder::new()
        .name("compile".into())
        .spawn(work)
        .map_err(|error| LoadError::Compiler(error.to_string()))?;
    match receiver.recv_timeout(COMPILE) {
        Ok(compiled) => compiled,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(LoadError::CompileTime),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(LoadError::Compiler("the compiler panicked".into())),
    }
}

/// The component's imports, all of which a plan may have.
fn imports(component: &Component, engine: &Engine) -> Result<Vec<String>, LoadError> {
    let component_type = component.component_type();
    let names = component_type.imports(engine).map(|(name, _)| name.to_owned());
    names.map(|name| allowed(&name).map(|()| name)).collect()
}

fn allowed(name: &str) -> Result<(), LoadError> {
    if let Some(ours) = name.strip_prefix("choreo:host/") {
        let (interface, version) = ours.split_once('@').unwrap_or((ours, ""));
        let patch = version.strip_prefix(TRACK).unwrap_or_default();
        let served = !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit());
        return match INTERFACES.contains(&interface) && served {
            true => Ok(()),
            false => Err(LoadError::Version(name.into())),
        };
    }
    let wasi = name.strip_prefix("wasi:").and_then(|rest| rest.split_once('/'));
    match wasi {
        Some((package, rest)) if WASI.contains(&package) && rest.contains("@0.2.") => Ok(()),
        _ => Err(LoadError::Import(name.into())),
    }
}

/// An error and its causes in one line.
fn chain(error: &wasmtime::Error) -> String {
    let causes: Vec<String> = error.chain().map(|cause| cause.to_string().replace('\n', " ")).collect();
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract_is_the_package() {
        let wit = include_str!("../../../wit/choreo.wit");
        assert!(wit.contains(&format!("\npackage {CONTRACT};\n")));
        assert!(CONTRACT.starts_with(&format!("choreo:host@{TRACK}")));
        for interface in INTERFACES {
            assert!(wit.contains(&format!("\ninterface {interface} {{")), "{interface}");
        }
    }

    #[test]
    fn imports_are_those_of_the_empty_world() {
        for good in
            ["choreo:host/choreo@0.1.0", "choreo:host/log@0.1.12", "wasi:io/streams@0.2.6", "wasi:cli/exit@0.2.0"]
        {
            assert_eq!(allowed(good), Ok(()), "{good}");
        }
        for other in ["choreo@0.2.0", "choreo@0.1.0-draft", "choreo@0.1.", "choreo", "later@0.1.1", "log@1.1.0"] {
            let other = format!("choreo:host/{other}");
            assert_eq!(allowed(&other), Err(LoadError::Version(other.clone())));
        }
        for bad in ["wasi:http/outgoing-handler@0.2.0", "wasi:io/streams@0.3.0", "wasi:keyvalue/store", "env", ""] {
            assert_eq!(allowed(bad), Err(LoadError::Import(bad.into())), "{bad}");
        }
    }
}
