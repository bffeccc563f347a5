//! `compare`: one plan in two or three modes, side by side.

mod figures;
mod measure;
mod parting;
mod side;
mod table;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::engine::call::Number;
use crate::engine::report::RunReport;

use self::figures::{Figure, QUANTITIES, figures};
use self::measure::{Saying, Subject, Timed, Trouble};
use self::parting::{Partings, partings};
use super::options::CompareArguments;
use super::report::{CacheReport, write};
use super::screen::{Screen, say};
use super::script::Program;
use super::{input, print, start};

/// All that is found.
#[derive(Debug, Serialize)]
struct Comparison {
    plan: String,
    arguments: Vec<String>,
    model: String,
    cache: CacheReport,
    seed: u64,
    /// `forced`, all say what the first mode said; or `free`.
    tokens: Saying,
    /// How often each mode was timed.
    repeat: u32,
    /// The first is what the others are compared with.
    modes: Vec<ModeComparison>,
    /// Of the other modes from the first, where each is free.
    partings: Vec<Partings>,
}

/// What one mode said and cost.
#[derive(Debug, Serialize)]
struct ModeComparison {
    mode: &'static str,
    /// What the plan gave.
    result: String,
    /// What it generated, header included, by message number; nothing where that was forced.
    texts: BTreeMap<Number, String>,
    /// By the names of the quantities.
    figures: serde_json::Map<String, serde_json::Value>,
    #[serde(skip)]
    shown: Vec<Figure>,
    /// A report of each timed run.
    rounds: Vec<RunReport>,
}

pub(super) fn compare(arguments: &CompareArguments) -> Result<ExitCode> {
    let modes = match arguments.modes() {
        Ok(modes) => modes,
        Err(line) => {
            say(&format!("error: {line}"));
            return Ok(ExitCode::from(2));
        }
    };
    let (path, own) = arguments.plan.plan();
    let own = input::arguments(own)?;
    let program = Program::read(&path, arguments.plan.root.as_deref())?;
    let given = program.arguments(own.clone());
    let (plan, handle) = start::ready(program.component, &path, &arguments.host)?;
    let screen = if arguments.host.quiet { Screen::still() } else { Screen::live() };
    let saying = if arguments.free { Saying::Free } else { Saying::Forced };

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().context("start the scheduler")?;
    let subject = Subject { plan: &plan, handle: &handle, given: &arguments.plan, arguments: &given, screen };
    let timed = match runtime.block_on(subject.measure(&modes, saying, arguments.repeat)) {
        Ok(timed) => timed,
        Err(Trouble::Host(error)) => return Err(error),
        Err(Trouble::Plan { line, code }) => {
            say(&format!("error: {line}"));
            return Ok(ExitCode::from(code));
        }
    };
    let partings = match saying {
        Saying::Free => timed[1..].iter().map(|other| partings(&timed[0], other)).collect(),
        Saying::Forced => Vec::new(),
    };
    let comparison = Comparison {
        plan: path.display().to_string(),
        arguments: own,
        model: handle.shape().name.clone(),
        cache: CacheReport::new(arguments.host.cache_type, handle.shape()),
        seed: arguments.plan.seed,
        tokens: saying,
        repeat: arguments.repeat,
        modes: figured(timed),
        partings,
    };
    show(&comparison, arguments)
}

/// Each mode's figures, from its rounds and those of the first.
fn figured(timed: Vec<Timed>) -> Vec<ModeComparison> {
    let all: Vec<Vec<Figure>> = timed.iter().map(|mode| figures(&mode.rounds, &timed[0].rounds)).collect();
    let modes = timed.into_iter().zip(all).map(|(mode, shown)| {
        let named = QUANTITIES.iter().zip(&shown).map(|(quantity, figure)| (quantity.name.into(), figure.to_json()));
        ModeComparison {
            mode: mode.mode.name(),
            result: mode.result,
            texts: mode.script.messages.into_iter().map(|(id, message)| (id, message.text)).collect(),
            figures: named.collect(),
            shown,
            rounds: mode.rounds,
        }
    });
    modes.collect()
}

/// Prints it; where that cannot be, the file is still written.
fn show(comparison: &Comparison, arguments: &CompareArguments) -> Result<ExitCode> {
    let mut text = table::all(comparison);
    if arguments.messages {
        text += &table::messages(comparison);
    }
    for parted in &comparison.partings {
        text += &parting::show(parted, comparison);
    }
    let printed = print(&text);
    if comparison.tokens == Saying::Forced && !arguments.host.quiet {
        note_different_results(comparison);
    }
    let written = arguments.json.as_ref().map_or(Ok(()), |path| {
        write(comparison, path).with_context(|| format!("cannot write the comparison to {}", path.display()))
    });
    printed.and(written).map(|()| ExitCode::SUCCESS)
}

/// A plan can see more of a mode than texts and scores: what is left, for one.
fn note_different_results(comparison: &Comparison) {
    let [first, others @ ..] = comparison.modes.as_slice() else { return };
    for other in others.iter().filter(|other| other.result != first.result) {
        say(&format!(
            "note: the plan's results in modes {} and {} differ: they depend on more than texts and scores",
            first.mode, other.mode
        ));
    }
}
