//! The same plan in several languages says the same, bit for bit.

use choreo_host::engine::Mode;
use choreo_host::wasm::Plan;
use choreo_tests::rig::{Rig, load, options};

use crate::support::is_here;

/// A plan in another language, and the plan in Rust that it is.
const PAIRS: [(&str, &str); 17] = [
    ("calls.c", "calls"),
    ("calls.go", "calls"),
    ("calls.js", "calls"),
    ("calls.py", "calls"),
    ("conversation.js", "conversation"),
    ("council.c", "council"),
    ("council.go", "council"),
    ("council.js", "council"),
    ("council.py", "council"),
    ("madpar.c", "madpar"),
    ("madpar.go", "madpar"),
    ("madpar.js", "madpar"),
    ("madpar.py", "madpar"),
    ("tot.c", "tot"),
    ("tot.go", "tot"),
    ("tot.js", "tot"),
    ("tot.py", "tot"),
];

/// Two lists of arguments for a plan in Rust.
fn arguments(plan: &str) -> [&'static [&'static str]; 2] {
    match plan {
        "calls" => [&["3", "2"], &["0", "9"]],
        "conversation" => [
            &[
                "What pet does Halan have?",
                "Which city does Zetol live in?",
                "--back",
                "1",
                "What does Temin eat most?",
            ],
            &["What does Temin eat most?"],
        ],
        "council" => [
            &["Mira has 5 apples. She buys 3 more, then doubles them. How many apples now?"],
            &["A bus has 20 people. At the stop 11 get off and 11 get on. How many people are on the bus?"],
        ],
        "madpar" => [&["--draw", "3"], &["--summaries", "--temperature", "1.3", "--agents", "2", "--draw", "4"]],
        "tot" => [
            &["--branches", "4", "--draw", "2"],
            &["--choice", "constrained", "--branches", "3", "--temperature", "1.5", "--draw", "7"],
        ],
        other => panic!("{other} has no arguments here"),
    }
}

#[test]
fn plans_say_the_same_in_every_language() {
    let rig = Rig::embedded();
    let plans = choreo_workflows::plans().unwrap();
    for (name, rust) in PAIRS {
        let plan = plans.iter().find(|plan| plan.name == name).unwrap();
        // Each language is held to Rust wherever its tools are.
        if !is_here(name, &plan.build().unwrap()) {
            continue;
        }
        let plans = [name, rust].map(load);
        for arguments in arguments(rust) {
            let run = |plan: &Plan| rig.run(plan, options(Mode::Choreo, 5), arguments);
            let [(said, report), (expected, other)] = plans.each_ref().map(run);
            assert_eq!(said, expected, "{name} {arguments:?}");
            let messages = |report: &choreo_host::engine::report::RunReport| report.messages.len();
            assert_eq!(messages(&report), messages(&other), "{name} {arguments:?}");
        }
    }
}
