//! The command line: raw arguments to checked settings, results to standard
//! output, everything else to standard error.
//!
//! Exit codes: 0, the plan gave a result; 1, it gave an error, or could not be
//! started; 2, it was stopped or trapped, or the command line is wrong. A plan
//! that is not as its recording has it is stopped.

mod bench;
mod check;
mod compare;
mod explain;
mod input;
mod languages;
mod model;
mod new;
mod options;
mod origin;
mod outcome;
mod record;
mod replay;
mod report;
mod run;
mod screen;
mod script;
mod start;
mod statistics;
mod stream;
mod view;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};

/// Runs prompt choreographies: untrusted WebAssembly plans over one global cache of messages.
#[derive(Debug, Parser)]
#[command(name = "choreo-host", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a plan; its result goes to standard output
    Run(Box<options::RunArguments>),
    /// Run a plan in several modes, time after time, and say what each of them costs
    Compare(Box<options::CompareArguments>),
    /// Run a plan without a model, answered from a recording (`run --record`), as long as
    /// its calls are the recorded ones
    Replay(options::ReplayArguments),
    /// Show a report (`run --report`) as one HTML file: messages and what they see, token by
    /// token, and when each was at work
    View(options::ViewArguments),
    /// Measure the paper's workflows at real lengths, against a prefix cache
    Bench(bench::BenchArguments),
    /// Write a small project: a plan, the SDK of its language and the contract
    New(options::NewArguments),
    /// Say whether a component fits the contract, and what it would be given
    Check(options::CheckArguments),
    /// Print the contract: the WIT package that plans are built against
    Wit,
}

/// The program. `started`: when the process was, as nearly as `main` knows.
pub fn main(started: Instant) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help that nobody reads to its end is no error.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match arguments.command {
        Command::Run(arguments) => run::run(*arguments, started),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::View(arguments) => view::view(&arguments),
        Command::Bench(arguments) => bench::bench(&arguments),
        Command::New(arguments) => new::new(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Wit => print(include_str!("../../wit/choreo.wit")).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        screen::say(&format!("error: {}", screen::one_line(&format!("{error:#}"))));
        ExitCode::FAILURE
    })
}

/// Writes to standard output. A reader who has gone away is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    let written = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write to standard output")),
        Ok(()) => Ok(()),
    }
}
