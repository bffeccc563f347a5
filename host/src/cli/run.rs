//! `run`: wires the model, the engine and the sandbox together.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::engine::Handle;
use crate::engine::call::Error;
use crate::engine::report::RunReport;
use crate::wasm::{Outcome, Plan, Recorded, Task};

use super::options::RunArguments;
use super::outcome::give;
use super::record::Begun;
use super::report::{CacheReport, Report};
use super::screen::{Screen, say};
use super::script::Program;
use super::stream::Stream;
use super::{input, start};

pub(super) fn run(arguments: RunArguments, started: Instant) -> Result<ExitCode> {
    let (path, own) = arguments.plan.plan();
    let own = input::arguments(own)?;
    let program = Program::read(&path, arguments.plan.root.as_deref())?;
    let own = program.arguments(own);
    let begun = arguments.record.as_deref().map(|path| Begun::create(path, &program.component)).transpose()?;
    let (plan, handle) = start::ready(program.component, &path, &arguments.host)?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().context("start the scheduler")?;
    let ended = runtime.block_on(execute(&plan, &handle, &arguments, own, begun))?;
    let cache = CacheReport::new(arguments.host.cache_type, handle.shape());
    let report = ended.report.map(|report| Report::new(report, cache, &ended.outcome, started));
    finish(&arguments, &ended.outcome, report, ended.recorded)
}

/// What is left of a run.
struct Ended {
    outcome: Outcome,
    report: Result<RunReport, Error>,
    recorded: Result<()>,
}

/// Runs the plan; the account is taken however it ended.
async fn execute(
    plan: &Plan,
    handle: &Handle,
    arguments: &RunArguments,
    own: Vec<String>,
    begun: Option<Begun>,
) -> Result<Ended> {
    let limits = arguments.plan.limits.limits();
    let recorder = begun.map(|begun| {
        let model = handle.shape().name.clone();
        begun.of(Recorded::new(own.clone(), arguments.mode().to_owned(), model, arguments.plan.seed, &limits))
    });
    let recorder = recorder.transpose()?;
    let run = Arc::new(handle.open(arguments.options()).await?);
    // A progress line and streamed texts would be in each other's way.
    let screen = if arguments.host.quiet || arguments.stream.is_some() { Screen::still() } else { Screen::live() };
    let task = Task { arguments: own, limits, seed: arguments.plan.seed, log: screen.log() };
    let follow = screen.follow(run.progress());
    let stream = arguments.stream.map(|only| Stream::start(run.clone(), Some(only).filter(|only| *only > 0)));
    let stream = stream.transpose()?;
    let (outcome, recorded) = match recorder {
        None => (plan.run(handle, run.clone(), task).await, Ok(())),
        Some(recorder) => recorder.run(plan, handle, run.clone(), task).await,
    };
    if let Some(stream) = stream {
        stream.finish().await;
    }
    follow.abort();
    screen.clear();
    Ok(Ended { outcome, report: run.report().await, recorded })
}

/// Gives the result first: nothing that goes wrong afterwards may lose it, and
/// where it cannot be given, the report still is.
fn finish(
    arguments: &RunArguments,
    outcome: &Outcome,
    report: Result<Report, Error>,
    recorded: Result<()>,
) -> Result<ExitCode> {
    let given = give(outcome);
    let reported = report.context("the run's report is lost").and_then(|report| {
        if !arguments.host.quiet {
            say(&report.summary());
        }
        arguments.report.as_ref().map_or(Ok(()), |path| report.write(path))
    });
    given.and_then(|code| reported.and(recorded).map(|()| code))
}
