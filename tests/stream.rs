//! `run --stream`, as a person sees it.

use std::fs;

use serde_json::Value;

use crate::support::{Host, scratch};

const SCRIPT: &str = "prefill system \"You know some people well.\" -
batch
decode assistant \"One:\" 1 max 30
decode assistant \"Two:\" 1 max 5
end
start assistant \"Three:\" 1 max 9
start assistant \"Four:\" 1 max 2000
finish 1
drop 2
";

#[test]
fn texts_are_streamed_one_message_after_another() {
    let path = scratch().join("stream.txt");
    fs::write(&path, SCRIPT).unwrap();
    let plan = format!("script @{}", path.display());
    let silent = Host::probe("--quiet", &plan).end();
    let texts: Vec<String> = (silent.stdout.lines())
        .filter_map(|line| Some(serde_json::from_str::<Value>(line).unwrap()["text"].as_str()?.to_owned()))
        .collect();
    let streamed = Host::probe("--quiet --stream", &plan).gives(&silent.stdout);
    let shown = |number: usize| format!("message {}: {}\n", number + 2, texts[number]);
    let expected = shown(0) + &shown(1) + &shown(2) + "message 5:";
    assert!(streamed.stderr.starts_with(&expected), "{:?} {expected:?}", streamed.stderr);
    assert_eq!(Host::probe("--quiet --stream=3", &plan).gives(&silent.stdout).stderr, shown(1));
    assert_eq!(Host::probe("--quiet --stream=77", &plan).gives(&silent.stdout).stderr, "");
}
