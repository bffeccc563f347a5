//! `run`: wires the model, the engine and the sandbox together.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::chat::Chat;
use crate::engine::call::Error;
use crate::engine::report::RunReport;
use crate::engine::{self, EngineOptions, Handle, Starting};
use crate::model::{CacheSize, Decoder, LoadError, LoadOptions, Model, Source};
use crate::wasm::{Outcome, Plan, Recorded, Sandbox, Task};

use super::options::RunArguments;
use super::outcome::give;
use super::record::Begun;
use super::report::{CacheReport, Report};
use super::screen::{Screen, one_line, say};
use super::stream::Stream;
use super::{input, model};

pub(super) fn run(arguments: RunArguments, started: Instant) -> Result<ExitCode> {
    let (path, own) = arguments.plan();
    let own = input::arguments(own)?;
    let component = input::component(&path)?;
    let begun = arguments.record.as_deref().map(|path| Begun::create(path, &component)).transpose()?;
    // The model is loaded on the engine's thread while the plan is compiled on this one.
    let starting = start(model::source(&arguments)?, &arguments)?;
    let sandbox = Sandbox::new(input::compiled_cache())?;
    let plan = sandbox.load(component);
    let plan = plan.with_context(|| format!("{} is no plan for this host", path.display()))?;
    let handle = starting.wait()?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().context("start the scheduler")?;
    let ended = runtime.block_on(execute(&plan, &handle, &arguments, own, begun))?;
    let cache = CacheReport::new(arguments.cache_type, handle.shape());
    let report = ended.report.map(|report| Report::new(report, cache, &ended.outcome, started));
    finish(&arguments, &ended.outcome, report, ended.recorded)
}

/// Starts the engine's thread, which loads the model.
fn start(source: Source, arguments: &RunArguments) -> Result<Starting<anyhow::Error>> {
    let cache_size = arguments.cache_size();
    let options = LoadOptions { cache_size, cache_type: arguments.cache_type, threads: arguments.threads() };
    Ok(engine::start(EngineOptions::default(), move || {
        let model = Decoder::load(&source, options);
        let model = model.map_err(|error| with_flag(error, cache_size)).with_context(|| cannot(&source))?;
        let chat = Chat::load(|file| source.read(file)).with_context(|| cannot(&source))?;
        let (tokens, rows) = (chat.vocabulary() as usize, model.shape().vocabulary);
        ensure!(
            tokens <= rows,
            "{}: its tokenizer has {tokens} tokens and its embedding {rows} rows: fetch both again",
            cannot(&source)
        );
        for line in chat.deviations() {
            say(&format!("note: the model's chat format: {}", one_line(line)));
        }
        Ok((model, chat))
    }))
}

fn cannot(source: &Source) -> String {
    match source {
        Source::Embedded => format!("cannot load {source}"),
        Source::Directory(_) | Source::Gguf(_) => format!("cannot load the model {source}"),
    }
}

/// Names the flag that a loading error is about.
fn with_flag(error: LoadError, asked: CacheSize) -> anyhow::Error {
    let about_cache = matches!(error, LoadError::Cache { .. } | LoadError::CacheBytes { .. });
    let error = anyhow::Error::new(error);
    match asked {
        _ if !about_cache => error,
        CacheSize::Tokens(tokens) => error.context(format!("--cache-tokens {tokens}")),
        CacheSize::Bytes(bytes) => error.context(format!("--cache-bytes {bytes}")),
    }
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
    let limits = arguments.limits.limits();
    let recorder = begun.map(|begun| {
        let model = handle.shape().name.clone();
        begun.of(Recorded::new(own.clone(), arguments.mode(), model, arguments.seed, &limits))
    });
    let recorder = recorder.transpose()?;
    let run = Arc::new(handle.open(arguments.options()).await?);
    // A progress line and streamed texts would be in each other's way.
    let screen = if arguments.quiet || arguments.stream.is_some() { Screen::still() } else { Screen::live() };
    let task = Task { arguments: own, limits, seed: arguments.seed, log: screen.log() };
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
        if !arguments.quiet {
            say(&report.summary());
        }
        arguments.report.as_ref().map_or(Ok(()), |path| report.write(path))
    });
    given.and_then(|code| reported.and(recorded).map(|()| code))
}
