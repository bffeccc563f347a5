//! Why a guest ended without a result, in one line and a few frames.

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::limits::{Account, CALL_BYTES, Stop};
use super::log::{printable, start_of};
use super::output::Printed;
use super::recording::Difference;

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

    /// The plan did not end as its recording has it.
    pub(super) fn differs(difference: &Difference) -> Self {
        Self { line: printable(&difference.to_string()), backtrace: Vec::new() }
    }

    pub(super) fn stopped(stop: Stop) -> Self {
        Self { line: stop.to_string(), backtrace: Vec::new() }
    }
}

fn line(error: &wasmtime::Error, account: &Account, printed: &Printed) -> String {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return stop.to_string();
    }
    if let Some(difference) = error.downcast_ref::<Difference>() {
        return difference.to_string();
    }
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return format!("the plan ended itself (exit code {code}) and gave no result: return from `run` instead");
    }
    let trap = error.downcast_ref::<Trap>();
    // A guest that is refused memory aborts, or traps as it prints why while the host
    // has it give memory: the refusal is the reason. One that went on and then failed
    // otherwise is told of that.
    let gave_up = matches!(trap, None | Some(Trap::UnreachableCodeReached | Trap::CannotLeaveComponent));
    if let (true, Some(refused)) = (gave_up, account.refused()) {
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

/// The guest's frames. Only wasmtime's own rendering demangles, so its lines
/// are taken, less addresses, hashes and what stands above a Rust panic.
fn frames(backtrace: &WasmBacktrace) -> Vec<String> {
    let text = backtrace.to_string();
    let lines: Vec<String> = text.lines().skip(1).map(|line| printable(&frame(line))).collect();
    let panic = lines.iter().rposition(|line| line.contains("core::panicking::")).map_or(0, |at| at + 1);
    fold(&lines[panic..])
}

/// One line of the rendering: `  1: 0x2a - module!function::h0123456789abcdef`,
/// `- inlined function` or `at file:line`.
fn frame(line: &str) -> String {
    let line = line.trim();
    let Some((_, rest)) = line.split_once(": ").filter(|(number, _)| number.parse::<u32>().is_ok()) else {
        return format!("      {line}");
    };
    let rest = rest.trim_start();
    let name = rest.split_once(" - ").filter(|(address, _)| address.starts_with("0x")).map_or(rest, |(_, name)| name);
    let hash = name.len().checked_sub("::h0123456789abcdef".len());
    let name = match hash.and_then(|at| name.split_at_checked(at)) {
        Some((short, hash)) if hash.starts_with("::h") && is_hex(&hash["::h".len()..]) => short,
        _ => name,
    };
    format!("  in {}", without_disambiguators(name))
}

/// A name of Rust's v0 mangling without `[0123456789abcdef]` after its crates.
fn without_disambiguators(name: &str) -> String {
    let mut parts = name.split('[');
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(']') {
            Some((hash, rest)) if !hash.is_empty() && is_hex(hash) => short.push_str(rest),
            _ => short.extend(["[", part]),
        }
    }
    short
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The first frames, each run of the same one told once.
fn fold(lines: &[String]) -> Vec<String> {
    let mut folded = Vec::new();
    for same in lines.chunk_by(|one, next| one == next).take(FRAMES) {
        folded.extend(same.first().cloned());
        if same.len() > 1 {
            folded.push(format!("     {} times more", same.len() - 1));
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_names() {
        for (line, shown) in [
            (
                "    0:  0x12fd6 - probe.wasm!probe::hostile::spin::h459a682e6f04cc3c",
                "  in probe.wasm!probe::hostile::spin",
            ),
            ("    1: probe.wasm!descend", "  in probe.wasm!descend"),
            (
                "    2: 0x1 - a!std[d123b7a1a2ed1472]::panicking::f::{closure#0}",
                "  in a!std::panicking::f::{closure#0}",
            ),
            ("    3: 0x1 - <unknown>!<wasm function 14>", "  in <unknown>!<wasm function 14>"),
            ("    4: 0x1 - a!f::<[u8; 4]>", "  in a!f::<[u8; 4]>"),
            ("                    at src/lib.rs:10:5", "      at src/lib.rs:10:5"),
            ("    5: 0x1 - é", "  in é"),
        ] {
            assert_eq!(frame(line), shown);
        }
    }

    #[test]
    fn a_recursion_is_told_once() {
        let lines = ["a", "b", "b", "b", "a"].map(String::from);
        assert_eq!(fold(&lines), ["a", "b", "     2 times more", "a"]);
    }
}
