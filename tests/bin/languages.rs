//! Prints what plans cost in each guest language, beside Rust:
//! `cargo run --package choreo-tests --bin languages`.

#![expect(clippy::print_stdout, reason = "a command's results go to standard output")]
#![allow(clippy::unwrap_used, reason = "a failure ends the program, with its place")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use choreo_host::engine::Mode;
use choreo_host::wasm::{Plan, Sandbox};
use choreo_tests::rig::{Rig, load, options, root};
use choreo_workflows::{Built, HostProfile};
use serde_json::{Value, json};

/// How the names of plans end in each language other than Rust.
const LANGUAGES: [&str; 4] = ["c", "go", "js", "py"];
/// The ways in which each decodes eight messages.
fn decoding(end: &str) -> &'static [&'static str] {
    match end {
        "c" => &["list", "started", "apart"],
        "go" => &["list", "started", "goroutines", "apart"],
        _ => &["list", "awaited", "apart"],
    }
}

/// How often each is timed, in turn.
const ROUNDS: usize = 11;

fn main() {
    let plans = choreo_workflows::plans().unwrap();
    for end in LANGUAGES {
        let plan = plans.iter().find(|plan| plan.name == format!("madpar.{end}")).unwrap();
        match plan.build().unwrap() {
            Built::Component(component) => {
                println!("{}: {} KB", plan.name, fs::metadata(component).unwrap().len().div_ceil(1000));
                starts(end);
                calls(end);
                overlap(end);
            }
            Built::Skipped(missing) => println!("{} is skipped: {missing}", plan.name),
        }
    }
}

/// From the process's start to the first call, compiled code in the cache.
fn starts(end: &str) {
    let mut ways = vec![
        ("Rust".to_owned(), component("council")),
        (format!("council.{end}"), component(&format!("council.{end}"))),
    ];
    if runner(end).is_some() {
        ways.push((format!("council.{end} as a script"), examples(end).join(format!("council.{end}"))));
    }
    let host = choreo_workflows::host(HostProfile::Dev).unwrap();
    let report = std::env::temp_dir().join(format!("choreo-languages-{}.json", std::process::id()));
    let mut times = vec![Vec::new(); ways.len()];
    // The first round fills the cache.
    for round in 0..=ROUNDS {
        for ((_, plan), times) in ways.iter().zip(&mut times) {
            let mut run = Command::new(&host);
            run.args(["run", "--quiet", "--report"]).arg(&report).arg(plan).arg("How many apples?");
            assert!(run.output().unwrap().status.success(), "{plan:?}");
            let found: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
            if round > 0 {
                times.push(found["first_call_ms"].as_f64().unwrap());
            }
        }
    }
    fs::remove_file(report).unwrap();
    for ((name, _), times) in ways.iter().zip(times) {
        println!("  from the process's start to the first call, {name}: {}", quartiles(times, "ms"));
    }
}

/// One call, of one message and of a list.
fn calls(end: &str) {
    const CALLS: usize = 2000;
    let rig = Rig::embedded();
    let ways = ways("calls", end);
    for list in [1, 64] {
        for (name, plan, first) in &ways {
            let time = |calls: usize| {
                let begun = Instant::now();
                let given = [calls.to_string(), list.to_string()];
                let given: Vec<&str> = first.iter().chain(&given).map(String::as_str).collect();
                rig.run(plan, options(Mode::Choreo, 1), &given);
                begun.elapsed().as_secs_f64() * 1e6
            };
            let times = (0..ROUNDS).map(|_| (time(CALLS) - time(0)) / CALLS as f64).collect();
            println!("  one `text` call of {list}, {name}: {}", quartiles(times, "µs"));
        }
    }
}

/// Eight decodes: one list in Rust; elsewhere started one by one, and awaited together.
fn overlap(end: &str) {
    let rig = Rig::embedded();
    let arguments = ["--agents", "8", "--rounds", "0", "--temperature", "10", "--max-tokens", "400"];
    let plans = ["madpar".to_owned(), format!("madpar.{end}")].map(|name| load(&name));
    let mut speeds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (plan, speeds) in plans.iter().zip(&mut speeds) {
            rig.forget();
            let begun = Instant::now();
            let (_, report) = rig.run(plan, options(Mode::Choreo, 1), &arguments);
            speeds.push(report.generated as f64 / begun.elapsed().as_secs_f64());
        }
    }
    let ratios = speeds[1].iter().zip(&speeds[0]).map(|(other, rust)| other / rust).collect();
    let [rust, other] = speeds.map(|speeds| quartiles(speeds, "tokens/s"));
    println!("  eight decodes at once, Rust's list: {rust}");
    println!("  eight decodes at once, madpar.{end}: {other}; ratio {}", quartiles(ratios, ""));
    let plan = load(&format!("trial.{end}"));
    let mut speeds = vec![Vec::new(); decoding(end).len()];
    for _ in 0..ROUNDS {
        for (way, speeds) in decoding(end).iter().zip(&mut speeds) {
            rig.forget();
            let begun = Instant::now();
            let (_, report) = rig.run(&plan, options(Mode::Choreo, 1), &["eight", way, "200"]);
            speeds.push(report.generated as f64 / begun.elapsed().as_secs_f64());
        }
    }
    let list = speeds[0].clone();
    for (way, speeds) in decoding(end).iter().zip(speeds) {
        let ratios = speeds.iter().zip(&list).map(|(way, list)| way / list).collect();
        let speeds = quartiles(speeds, "tokens/s");
        println!("  eight decodes, {way}, trial.{end}: {speeds}; ratio to its list {}", quartiles(ratios, ""));
    }
}

/// A plan in Rust, in the language, and there as a script; with what stands before
/// its arguments.
fn ways(name: &str, end: &str) -> Vec<(String, Plan, Vec<String>)> {
    let other = format!("{name}.{end}");
    let mut ways = vec![("Rust".to_owned(), load(name), vec![]), (other.clone(), load(&other), vec![])];
    if let Some(runner) = runner(end) {
        let source = fs::read_to_string(root().join("tests/guests").join(name).join(&other)).unwrap();
        let bundle = json!({"main": &other, "files": {&other: source}}).to_string();
        let runner = Sandbox::new(None).unwrap().load(fs::read(runner).unwrap()).unwrap();
        ways.push((format!("{other} as a script"), runner, vec![bundle]));
    }
    ways
}

fn component(name: &str) -> PathBuf {
    choreo_workflows::component(name).unwrap()
}

fn runner(end: &str) -> Option<PathBuf> {
    match choreo_workflows::runner(end).unwrap()? {
        Built::Component(path) => Some(path),
        Built::Skipped(_) => None,
    }
}

fn examples(end: &str) -> PathBuf {
    let plans = choreo_workflows::plans().unwrap();
    let council = plans.into_iter().find(|plan| plan.name == format!("council.{end}")).unwrap();
    council.source.parent().map(Path::to_owned).unwrap()
}

/// The median, and the quartiles in brackets.
fn quartiles(mut found: Vec<f64>, unit: &str) -> String {
    found.sort_by(f64::total_cmp);
    let [first, median, third] = [1, 2, 3].map(|quarter| found[found.len() * quarter / 4]);
    format!("{median:.2} {unit} ({first:.2}–{third:.2})")
}
