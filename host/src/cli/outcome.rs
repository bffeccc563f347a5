//! How a plan ended, told: its result to standard output, all else to standard error.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::Result;

use crate::wasm::{Failure, Outcome, Printed, printable};

use super::print;
use super::screen::{one_line, say};

/// Tells it; the code that says how it was.
pub(super) fn give(outcome: &Outcome) -> Result<ExitCode> {
    show_printed(&outcome.printed);
    match &outcome.result {
        Ok(Ok(text)) => print_result(text).map(|()| ExitCode::SUCCESS),
        Ok(Err(text)) => {
            say(&format!("error: the plan says: {}", one_line(text)));
            Ok(ExitCode::FAILURE)
        }
        Err(failure) => {
            show_failure(failure);
            Ok(ExitCode::from(2))
        }
    }
}

/// The result as it is; on a terminal, without what could rewrite the screen.
fn print_result(text: &str) -> Result<()> {
    let shown = if io::stdout().is_terminal() { printable(text) } else { text.to_owned() };
    let end = if shown.is_empty() || shown.ends_with('\n') { "" } else { "\n" };
    print(&format!("{shown}{end}"))
}

/// What the plan printed: it has no terminal of its own.
pub(super) fn show_printed(printed: &Printed) {
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
