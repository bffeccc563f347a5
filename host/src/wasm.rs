//! The sandbox: runs untrusted components against the engine.
//!
//! Invariants:
//! - A guest gets the contract and an empty WASI, nothing else: no files,
//!   network, environment, arguments of the host, real clock or real randomness.
//! - Everything that it can use up is bounded, and the line that ends a run
//!   names the bound and the flag that raises it.
//! - Only its own time on the processor is charged to it.
//!
//! Must not know: the model, the cache, the chat format. It talks to
//! [`engine`](crate::engine) through [`Handle`](crate::engine::Handle) and
//! [`Run`](crate::engine::Run) alone.

mod bindings;
mod compiled;
mod component;
mod execute;
mod limits;
mod log;
mod output;
mod recording;
mod trap;
mod world;

use std::thread;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine, WasmBacktraceDetails};

pub use self::compiled::{CacheError, CompiledCache};
pub use self::component::{COMPONENT_BYTES, CONTRACT, LoadError, Plan};
pub use self::execute::{Outcome, Task};
pub use self::limits::Limits;
pub use self::log::{LogSink, printable};
pub use self::output::Printed;
pub use self::recording::{ReadError, Recorded, Recorder, Recording, WriteError};
pub use self::trap::Failure;
use self::trap::STACK;
use self::world::World;

/// How often a running guest is looked at.
const TICK: Duration = Duration::from_millis(10);
/// Stack of a guest's fiber: its own frames, and the host's below them.
const FIBER: usize = STACK + (1 << 20);

/// Compiles components and links them to the contract.
pub struct Sandbox {
    linker: Linker<World>,
}

/// A machine on which no component can run.
#[derive(Debug, thiserror::Error)]
#[error("WebAssembly cannot run on this machine: {0}")]
pub struct SandboxError(String);

impl Sandbox {
    /// Starts the compiler and the clock that guests are stopped by.
    ///
    /// # Errors
    /// When wasmtime has no code generator for this machine, or no thread is left.
    pub fn new(cache: Option<CompiledCache>) -> Result<Self, SandboxError> {
        let failed = |error: wasmtime::Error| SandboxError(error.root_cause().to_string());
        let engine = Engine::new(&config(cache)).map_err(failed)?;
        tick(&engine).map_err(|error| SandboxError(error.to_string()))?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(failed)?;
        bindings::add_to_linker(&mut linker).map_err(failed)?;
        Ok(Self { linker })
    }

    /// Makes a component ready to run, from its bytes.
    ///
    /// # Errors
    /// When they are no component, or one that does not fit the contract.
    pub fn load(&self, bytes: Vec<u8>) -> Result<Plan, LoadError> {
        Plan::load(&self.linker, bytes)
    }
}

fn config(cache: Option<CompiledCache>) -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .async_stack_size(FIBER)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        // A plan's arithmetic is the same on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .cache(cache.map(|cache| cache.cache));
    config
}

/// Moves the engine's epoch on until the engine is gone.
fn tick(engine: &Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let clock = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    thread::Builder::new().name("epochs".into()).spawn(clock).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Sandbox>();
        shared::<Plan>();
    }
}
