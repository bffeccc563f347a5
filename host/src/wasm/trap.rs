//! Why a guest ended without a result, in one line and a few frames.

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::limits::{Account, CALL_BYTES, Stop};
use super::output::Printed;
use super::world::{printable, start_of};

/// Frames that are shown.
const FRAMES: usize = 24;
/// Bytes of the guest's last line that are quoted.
const LAST_WORDS: usize = 300;
/// Bytes of stack that a guest's frames may take.
pub(super) const STACK: usize = 1 << 20;

/// How a run ended that gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened and what to do, in one line.
    pub line: String,
    /// The guest's frames, innermost first, names demangled.
    pub backtrace: Vec<String>,
}

impl Failure {
    pub(super) fn new(error: &wasmtime::Error, account: &Account, printed: &Printed) -> Self {
        let line = line(error, account, printed);
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(frames).unwrap_or_default();
        Self { line: printable(&line.replace('\n', " ")), backtrace }
    }

    pub(super) fn stopped(stop: Stop) -> Self {
        Self { line: stop.to_string(), backtrace: Vec::new() }
    }
}

fn line(error: &wasmtime::Error, account: &Account, printed: &Printed) -> String {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return stop.to_string();
    }
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return format!("the plan ended itself with exit code {code} and without a result: return from `run` instead");
    }
    let trap = error.downcast_ref::<Trap>();
    // A guest that is refused memory aborts: the refusal is the reason. One
    // that went on and then failed otherwise is told of that.
    if let (None | Some(Trap::UnreachableCodeReached), Some(refused)) = (trap, account.refused()) {
        return refused.to_string();
    }
    match trap {
        Some(Trap::StackOverflow) => {
            format!(
                "the plan's calls are nested too deep for a stack of {} KiB: look for endless recursion",
                STACK >> 10
            )
        }
        Some(Trap::UnreachableCodeReached) => format!("the plan gave up (trap: unreachable){}", last_words(printed)),
        Some(trap) => format!("the plan trapped: {trap}{}", last_words(printed)),
        None => other(error),
    }
}

fn other(error: &wasmtime::Error) -> String {
    let cause = error.root_cause().to_string();
    // Wasmtime has no public type for it.
    if cause.contains("hostcalls") && cause.contains("fuel") {
        return format!("the plan passed over {} MiB in one call, the limit: pass it in parts", CALL_BYTES >> 20);
    }
    format!("the plan failed: {cause}")
}

/// What the guest printed last; language runtimes say there why they give up.
fn last_words(printed: &Printed) -> String {
    let lines = printed.text.lines().map(str::trim);
    match lines.rev().find(|line| !line.is_empty() && !line.starts_with("note:")) {
        Some(line) => format!("; it said last: {}", start_of(line, LAST_WORDS)),
        None => String::new(),
    }
}

/// The frames of wasmtime's own rendering, which alone demangles.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let text = backtrace.to_string();
    text.lines().skip(1).take(FRAMES).map(|line| printable(line.trim_end())).collect()
}
