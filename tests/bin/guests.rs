//! Prints what calls cost in each guest language, and what overlapping decodes take:
//! `cargo run --release --package choreo-tests --bin guests`.

#![expect(clippy::print_stdout, reason = "a command's results go to standard output")]
#![allow(clippy::unwrap_used, reason = "a failure ends the program, with its place")]

use std::time::Instant;

use choreo_host::engine::Mode;
use choreo_host::wasm::Plan;
use choreo_tests::rig::{Rig, load, options};
use choreo_workflows::Built;

/// Plans that time calls, and the ways in which each can decode eight messages.
const TRIALS: [(&str, &[&str]); 2] =
    [("trial.c", &["list", "started", "apart"]), ("trial.go", &["list", "started", "goroutines", "apart"])];

/// Calls that are timed together.
const CALLS: usize = 5_000;
/// Tokens of each of eight messages.
const TOKENS: &str = "200";

fn main() {
    let rig = Rig::embedded();
    let probe = load("probe");
    let rust = eight(&rig, &probe, &["script", &list()]);
    println!("probe (Rust): eight decodes in a list {:.1} ms", rust * 1e3);
    for (name, ways) in TRIALS {
        match choreo_workflows::plan(name).unwrap().build().unwrap() {
            Built::Skipped(missing) => println!("{name}: skipped: {missing}"),
            Built::Component(path) => {
                let plan = load(name);
                println!("{name}: {} KB", path.metadata().unwrap().len().div_ceil(1000));
                let engine = rig.direct_calls(CALLS) / CALLS as f64;
                let nothing = time(&rig, &plan, &["calls", "0", "1"]);
                for messages in ["1", "64"] {
                    let calls = time(&rig, &plan, &["calls", &CALLS.to_string(), messages]);
                    let each = (calls - nothing) / CALLS as f64;
                    println!("{name}: a `text` call for {messages}: {:.2} µs", each * 1e6);
                }
                println!("{name}: of each, the engine's for one: {:.2} µs", engine * 1e6);
                for way in ways {
                    let took = eight(&rig, &plan, &["eight", way, TOKENS]);
                    let all = 8.0 * TOKENS.parse::<f64>().unwrap();
                    let (rate, ratio) = (all / took, took / rust);
                    println!(
                        "{name}: eight decodes, {way}: {:.1} ms, {rate:.0} tokens/s, {ratio:.2} times Rust's list",
                        took * 1e3
                    );
                }
            }
        }
    }
}

/// The same eight decodes as a script of the Rust probe.
fn list() -> String {
    let lane =
        |number| format!("decode assistant \"{number}:\" 1 max {TOKENS} temperature 1 regex \"[a-z ]{{4000}}\"\n");
    let lanes: String = (0..8).map(lane).collect();
    format!("prefill user \"What pet does Halan have?\" -\nbatch\n{lanes}end\n")
}

/// Median seconds of a run, over nine.
fn time(rig: &Rig, plan: &Plan, arguments: &[&str]) -> f64 {
    let run = |_| {
        let begun = Instant::now();
        rig.run(plan, options(Mode::Choreo, 1), arguments);
        begun.elapsed().as_secs_f64()
    };
    let mut times: Vec<f64> = (0..9).map(run).collect();
    times.sort_by(f64::total_cmp);
    times[4]
}

/// Seconds of eight decodes, with nothing left of the run before.
fn eight(rig: &Rig, plan: &Plan, arguments: &[&str]) -> f64 {
    rig.forget();
    time(rig, plan, arguments)
}
