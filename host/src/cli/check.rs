//! `check`: does a component fit, and what would it be given?

use std::process::ExitCode;

use anyhow::Result;

use crate::wasm::{CONTRACT, Sandbox};

use super::explain::explain;
use super::options::CheckArguments;
use super::origin::Origin;
use super::script::Program;
use super::{input, print};

pub(super) fn check(arguments: &CheckArguments) -> Result<ExitCode> {
    let program = Program::read(&arguments.plan, None)?;
    let sandbox = Sandbox::new(input::compiled_cache())?;
    let name = arguments.plan.display();
    let language = Origin::read(&program.component).language();
    let plan = sandbox.load(program.component).map_err(|error| explain(&arguments.plan, error))?;

    let (ours, wasi): (Vec<_>, Vec<_>) =
        plan.imports().iter().map(String::as_str).partition(|import| import.starts_with("choreo:"));
    let limits = arguments.limits.limits();
    let budgets = arguments.limits.budgets();
    let wasi = match wasi.len() {
        0 => "none".into(),
        count => format!("{count} interfaces, all empty: {}", wasi.join(", ")),
    };
    print(&format!(
        "{name} fits {CONTRACT}\n\
         language {}\n\
         imports  {}\n\
         wasi     {wasi}\n\
         granted  {} ms on the processor, {} ms in all, {} MiB of memory, {} calls, {} generated tokens, {} MiB of text\n\
         denied   files, network, environment, clock, randomness beyond a seed\n",
        language.map_or("not said", |language| language.name),
        if ours.is_empty() { "none".into() } else { ours.join(", ") },
        limits.cpu.as_millis(),
        limits.wall.as_millis(),
        limits.memory_bytes >> 20,
        budgets.calls,
        budgets.tokens_out,
        budgets.text_bytes >> 20,
    ))?;
    Ok(ExitCode::SUCCESS)
}
