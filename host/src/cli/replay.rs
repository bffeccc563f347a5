//! `replay`: a plan in its sandbox, and a recording in the model's place.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::wasm::{Recorded, Recording, Sandbox, Task};

use super::explain::explain;
use super::input;
use super::options::ReplayArguments;
use super::outcome::give;
use super::record::hash;
use super::screen::{Screen, say};
use super::script::Program;

pub(super) fn replay(arguments: &ReplayArguments) -> Result<ExitCode> {
    let (path, own) = arguments.plan();
    let file = &arguments.recording;
    let recording = Recording::open(file).with_context(|| format!("cannot replay {}", file.display()))?;
    let recorded = recording.recorded.clone();
    let program = Program::read(&path, arguments.root.as_deref())?;
    if !arguments.quiet && hash(&program.component) != recorded.plan {
        say(&format!("note: {} is not the component that was recorded", path.display()));
    }
    let own = if own.is_empty() { program.own(&recorded.arguments).to_vec() } else { input::arguments(own)? };
    let own = program.arguments(own);
    let sandbox = Sandbox::new(input::compiled_cache())?;
    let plan = sandbox.load(program.component).map_err(|error| explain(&path, error))?;

    let screen = if arguments.quiet { Screen::still() } else { Screen::live() };
    let task = Task { arguments: own, limits: recorded.limits(), seed: recorded.seed, log: screen.log() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().context("start the scheduler")?;
    let (outcome, calls) = runtime.block_on(plan.replay(recording, task));
    let given = give(&outcome);
    if !arguments.quiet {
        let noun = if calls == 1 { "call" } else { "calls" };
        let Recorded { mode, model, seed, .. } = recorded;
        say(&format!("{calls} {noun} as recorded (mode {mode}, model {model}, seed {seed})"));
    }
    given
}
