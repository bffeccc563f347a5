//! Prints what a plan in Python costs beside one in Rust:
//! `cargo run --release --package choreo-tests --bin python`.

#![expect(clippy::print_stdout, reason = "a command's results go to standard output")]
#![allow(clippy::unwrap_used, reason = "a failure ends the program, with its place")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use choreo_host::engine::Mode;
use choreo_host::wasm::Plan;
use choreo_tests::rig::{Rig, load, open, options, root};
use choreo_workflows::{Built, HostProfile, component, host, runner};
use serde_json::{Value, json};

/// Decodes of one batch, and the tokens that each generates.
const LANES: u32 = 8;
const TOKENS: u32 = 120;

fn main() {
    let runner = match runner("py").unwrap() {
        Some(Built::Component(runner)) => runner,
        other => panic!("nothing runs Python scripts: {other:?}"),
    };
    starts(&runner);
    let rig = Rig::embedded();
    let script = Script { runner: open(&runner), bundle: bundle() };
    calls(&rig, &script);
    overlap(&rig, &script);
}

/// The script `tests/python/calls.py`, as the host gives it to what runs scripts.
struct Script {
    runner: Plan,
    bundle: String,
}

fn bundle() -> String {
    let source = std::fs::read_to_string(script()).unwrap();
    json!({"main": "calls.py", "files": {"calls.py": source}}).to_string()
}

fn script() -> PathBuf {
    root().join("tests/python/calls.py")
}

/// From the process's start to the plan's first call, components compiled before.
fn starts(runner: &Path) {
    let host = host(HostProfile::Release).unwrap();
    let report = std::env::temp_dir().join(format!("choreo-python-{}.json", std::process::id()));
    let [rust, python] = ["council", "council.py"].map(|plan| component(plan).unwrap());
    let kinds: [(&str, &Path, &[&str], &Path); 3] = [
        ("a component in Rust", &rust, &["How many?"], &rust),
        ("a component in Python", &python, &["How many?"], &python),
        ("a script in Python", &script(), &["text", "0"], runner),
    ];
    let mut times: [Vec<f64>; 3] = Default::default();
    for round in 0..21 {
        for ((_, plan, arguments, _), times) in kinds.iter().zip(&mut times) {
            let time = first_call(&host, plan, arguments, &report);
            // The first one compiles.
            if round > 0 {
                times.push(time);
            }
        }
    }
    let quarters = times.map(quartiles);
    for ((kind, _, _, component), [first, median, third]) in kinds.iter().zip(quarters) {
        let size = component.metadata().unwrap().len().div_ceil(1000);
        println!(
            "{kind} ({size} KB): first call {median:.1} ms after the start ({first:.1} to {third:.1}), {:.1} after Rust's",
            median - quarters[0][1]
        );
    }
}

fn first_call(host: &Path, plan: &Path, arguments: &[&str], report: &Path) -> f64 {
    let mut command = Command::new(host);
    command.args(["run", "--quiet", "--max-tokens", "1", "--report"]).arg(report).arg(plan).args(arguments);
    assert!(command.output().unwrap().status.success());
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    report["first_call_ms"].as_f64().unwrap()
}

/// Seconds of the script.
fn scripted(rig: &Rig, script: &Script, kind: &str, count: u32) -> f64 {
    seconds(rig, &script.runner, &[&script.bundle, kind, &count.to_string()])
}

/// Seconds of a run.
fn seconds(rig: &Rig, plan: &Plan, arguments: &[&str]) -> f64 {
    let begun = Instant::now();
    rig.run(plan, options(Mode::Choreo, 1), arguments);
    begun.elapsed().as_secs_f64()
}

/// One call, and one of a list of 64; a run that does nothing else is taken off.
fn calls(rig: &Rig, script: &Script) {
    for (kind, count, what) in [
        ("text", 5000, "`text` of one message"),
        ("text-list", 1000, "`text` of 64 messages"),
        ("prefill-list", 200, "`prefill` of 64 messages"),
    ] {
        let each = |_| {
            let empty = scripted(rig, script, kind, 0);
            (scripted(rig, script, kind, count) - empty) * 1e6 / f64::from(count)
        };
        let [_, median, _] = quartiles((0..7).map(each).collect());
        println!("{what} from Python: {median:.1} µs a call");
    }
}

/// Eight decodes awaited together, as a list, and one after another, in Python;
/// against a list in Rust.
fn overlap(rig: &Rig, script: &Script) {
    const BATCHES: u32 = 3;
    let lane = format!("decode raw \"Once\" 1 max {TOKENS} temperature 100\n");
    let batch = format!("batch\n{}end\n", lane.repeat(LANES as usize));
    let listed = format!("prefill raw \"Once\" -\n{}", batch.repeat(BATCHES as usize));
    let probe = load("probe");
    let mut rates: [Vec<f64>; 4] = Default::default();
    for _ in 0..7 {
        let times = [
            seconds(rig, &probe, &["script", &listed]),
            scripted(rig, script, "awaited", BATCHES),
            scripted(rig, script, "listed", BATCHES),
            scripted(rig, script, "one-by-one", BATCHES),
        ];
        for (rates, time) in rates.iter_mut().zip(times) {
            rates.push(f64::from(BATCHES * LANES * TOKENS) / time);
        }
    }
    let medians = rates.map(|rates| quartiles(rates)[1]);
    let names = ["a list in Rust", "awaited in Python", "a list in Python", "one after another in Python"];
    for (name, rate) in names.iter().zip(medians) {
        println!("{LANES} decodes, {name}: {rate:.0} tokens/s, ratio to Rust's list {:.2}", rate / medians[0]);
    }
}

/// First quartile, median, third quartile.
fn quartiles(mut times: Vec<f64>) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| times[times.len() * quarter / 4])
}
