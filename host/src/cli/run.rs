//! `run`: wires the model, the engine and the sandbox together.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::chat::Chat;
use crate::engine::call::Error;
use crate::engine::report::RunReport;
use crate::engine::{self, EngineOptions, Handle, Starting};
use crate::model::{CacheSize, Decoder, LoadError, LoadOptions, Model, Source};
use crate::wasm::{Failure, Outcome, Plan, Printed, Sandbox, Task, printable};

use super::options::RunArguments;
use super::report::{CacheReport, Report};
use super::screen::{Screen, one_line, say};
use super::stream::Stream;
use super::{input, model, print};

pub(super) fn run(arguments: RunArguments, started: Instant) -> Result<ExitCode> {
    let own = input::arguments(arguments.arguments())?;
    let path = arguments.plan();
    let component = input::component(&path)?;
    // The model is loaded on the engine's thread while the plan is compiled on this one.
    let starting = start(model::source(&arguments)?, &arguments)?;
    let sandbox = Sandbox::new(input::compiled_cache())?;
    let plan = sandbox.load(component);
    let plan = plan.with_context(|| format!("{} is no plan for this host", path.display()))?;
    let handle = starting.wait()?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().context("start the scheduler")?;
    let (outcome, report) = runtime.block_on(execute(&plan, &handle, &arguments, own))?;
    let cache = CacheReport::new(arguments.cache_type, handle.shape());
    let report = report.map(|report| Report::new(report, cache, &outcome, started));
    finish(&arguments, &outcome, report)
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

/// Runs the plan; the account is taken however it ended.
async fn execute(
    plan: &Plan,
    handle: &Handle,
    arguments: &RunArguments,
    own: Vec<String>,
) -> Result<(Outcome, Result<RunReport, Error>)> {
    let run = Arc::new(handle.open(arguments.options()).await?);
    // A progress line and streamed texts would be in each other's way.
    let screen = if arguments.quiet || arguments.stream.is_some() { Screen::still() } else { Screen::live() };
    let task = Task { arguments: own, limits: arguments.limits.limits(), seed: arguments.seed, log: screen.log() };
    let follow = screen.follow(run.progress());
    let stream = arguments.stream.map(|only| Stream::start(run.clone(), Some(only).filter(|only| *only > 0)));
    let stream = stream.transpose()?;
    let outcome = plan.run(handle, run.clone(), task).await;
    if let Some(stream) = stream {
        stream.finish().await;
    }
    follow.abort();
    screen.clear();
    Ok((outcome, run.report().await))
}

/// Gives the result first: nothing that goes wrong afterwards may lose it, and
/// where it cannot be given, the report still is.
fn finish(arguments: &RunArguments, outcome: &Outcome, report: Result<Report, Error>) -> Result<ExitCode> {
    show_printed(&outcome.printed);
    let given = match &outcome.result {
        Ok(Ok(text)) => print_result(text).map(|()| ExitCode::SUCCESS),
        Ok(Err(text)) => {
            say(&format!("error: the plan says: {}", one_line(text)));
            Ok(ExitCode::FAILURE)
        }
        Err(failure) => {
            show_failure(failure);
            Ok(ExitCode::from(2))
        }
    };
    let report = match report.context("the run's report is lost") {
        Ok(report) => report,
        Err(error) => return given.and(Err(error)),
    };
    if !arguments.quiet {
        say(&report.summary());
    }
    let written = arguments.report.as_ref().map_or(Ok(()), |path| report.write(path));
    given.and_then(|code| written.map(|()| code))
}

/// The result as it is; on a terminal, without what could rewrite the screen.
fn print_result(text: &str) -> Result<()> {
    let shown = if io::stdout().is_terminal() { printable(text) } else { text.to_owned() };
    let end = if shown.is_empty() || shown.ends_with('\n') { "" } else { "\n" };
    print(&format!("{shown}{end}"))
}

/// What the plan printed: it has no terminal of its own.
fn show_printed(printed: &Printed) {
    if printed.dropped > 0 {
        say(&format!("plan printed: ({} bytes before this are not kept)", printed.dropped));
    }
    for line in printed.text.lines() {
        say(&format!("plan printed: {}", printable(line)));
    }
}

fn show_failure(failure: &Failure) {
    say(&format!("error: {}", failure.line));
    for frame in &failure.backtrace {
        say(frame);
    }
}
