//! `compare`, as a person and as a program see it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Ended, Host, scratch};

const MODES: [&str; 3] = ["choreo", "prefix", "naive"];
/// Encoded apart and placed side by side, each hides the other from the built-in model.
const APART: [&str; 4] = ["--placement", "parallel", "What pet does Halan have?", "Which city does Zetol live in?"];
const CONVERSATION: [&str; 5] =
    ["What pet does Halan have?", "Which city does Zetol live in?", "--back", "1", "What does Temin eat most?"];

/// The host under these options, with a plan and its arguments.
fn plan(options: &str, name: &str, arguments: &[&str]) -> Host {
    let component = choreo_workflows::component(name).unwrap();
    arguments.iter().fold(Host::new(options).with(component.display()), Host::with)
}

/// What `compare` prints, and what it writes.
#[track_caller]
fn compared(options: &str, name: &str, arguments: &[&str]) -> (Ended, Value) {
    let path = file();
    let options = format!("compare --json {} {options}", path.display());
    let ended = plan(&options, name, arguments).end();
    assert_eq!(ended.code, 0, "{ended:?}");
    (ended, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
}

/// A file of its own for each test.
fn file() -> PathBuf {
    let name = std::thread::current().name().unwrap_or_default().replace("::", "-");
    scratch().join(format!("{name}.json"))
}

/// The report of one run.
fn reported(mode: &str, name: &str, arguments: &[&str]) -> Value {
    let path = file();
    let ended = plan(&format!("run --mode {mode} --report {}", path.display()), name, arguments).end();
    assert_eq!(ended.code, 0, "{ended:?}");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// The same part of every mode's comparison.
fn of_modes<'a>(comparison: &'a Value, pointer: &str) -> Vec<&'a Value> {
    list(&comparison["modes"]).iter().map(|mode| mode.pointer(pointer).unwrap()).collect()
}

#[test]
fn forced_modes_say_what_the_first_says() {
    let said = |mode: &str| plan(&format!("run --quiet --mode {mode}"), "multiqa", &APART).end().stdout;
    let (choreo, naive) = (said("choreo"), said("naive"));
    assert_ne!(choreo, naive, "else there is nothing to force");
    for (modes, expected) in [("choreo,naive", choreo), ("naive,choreo,prefix", naive)] {
        let (ended, comparison) = compared(&format!("--repeat 1 --modes {modes}"), "multiqa", &APART);
        for result in of_modes(&comparison, "/result") {
            assert_eq!(result.as_str().unwrap(), expected.trim_end());
        }
        assert_eq!(of_modes(&comparison, "/mode").len(), modes.split(',').count());
        let generated = of_modes(&comparison, "/rounds/0/generated");
        assert!(generated.iter().all(|tokens| *tokens == generated[0]), "{generated:?}");
        assert!(!ended.stderr.contains("note"), "{ended:?}");
        assert_eq!(comparison["partings"], serde_json::json!([]));
    }
}

#[test]
fn counts_are_those_of_single_runs() {
    let (_, comparison) = compared("--repeat 3", "conversation", &CONVERSATION);
    for (mode, compared) in MODES.iter().zip(list(&comparison["modes"])) {
        assert_eq!(compared["mode"], *mode);
        let single = reported(mode, "conversation", &CONVERSATION);
        assert_eq!(list(&compared["rounds"]).len(), 3);
        for round in list(&compared["rounds"]) {
            assert_eq!((&round["mode"], &round["generated"]), (&single["mode"], &single["generated"]));
            for (one, other) in list(&round["messages"]).iter().zip(list(&single["messages"])) {
                for key in ["id", "role", "tokens", "parents", "finish", "would_encode"] {
                    assert_eq!(one[key], other[key], "{mode}: {key}");
                }
            }
            // Nothing is left of the runs before it, or a prefix would be found.
            let [one, other] = [round, &single].map(|report| report["encoded"].as_u64().unwrap());
            // What ends an answer that nobody sees is encoded where the engine has nothing else to do.
            let ends = if *mode == "choreo" { 2 } else { 0 };
            assert!(one.abs_diff(other) <= ends, "{mode}: {one} {other}");
            if ends == 0 {
                assert_eq!(
                    (&round["reused"], &round["peak_pool_bytes"]),
                    (&single["reused"], &single["peak_pool_bytes"])
                );
            }
        }
        for key in ["encoded", "reused", "generated", "peak_pool_bytes", "total_ms"] {
            let mut counts: Vec<f64> =
                list(&compared["rounds"]).iter().map(|round| round[key].as_f64().unwrap()).collect();
            counts.sort_by(f64::total_cmp);
            assert_eq!(compared["figures"][key]["value"], counts[1], "{mode}: {key}");
        }
    }
}

#[test]
fn free_modes_part_where_placement_matters() {
    let (ended, comparison) = compared("--free --repeat 1 --modes choreo,naive", "multiqa", &APART);
    let [parting] = list(&comparison["partings"]) else { panic!("one other mode: {comparison}") };
    assert_eq!((&parting["mode"], &parting["messages"], &parting["same"]), (&"naive".into(), &1.into(), &0.into()));
    assert_eq!(parting["same_result"], false);
    let [message] = list(&parting["parted"]) else { panic!("one message: {parting}") };
    assert_eq!(message["id"], 4);
    let (before, character) = (message["before"].as_str().unwrap(), message["character"].as_u64().unwrap());
    for (mode, (result, after)) in
        ["choreo", "naive"].iter().zip(of_modes(&comparison, "/result").into_iter().zip(list(&message["after"])))
    {
        let (result, after) = (result.as_str().unwrap(), after.as_str().unwrap());
        assert!(result.starts_with(&format!("{before}{after}")), "{result:?}: {message}");
        assert_eq!(before.chars().count() as u64, character, "a short text is shown from its beginning");
        assert!(ended.stdout.contains(&format!("    {mode:6}  {after:?}  (")), "{ended:?}");
    }
    assert!(list(&message["margins"]).iter().all(|margin| margin.as_f64().unwrap() > 0.0), "{message}");
    let texts = of_modes(&comparison, "/texts/4");
    assert_eq!(texts, of_modes(&comparison, "/result"), "the plan gives the answer as it is");
    // Side by side, each line beside its counterpart.
    for (one, other) in texts[0].as_str().unwrap().lines().zip(texts[1].as_str().unwrap().lines()) {
        assert!(ended.stdout.contains(&format!("  {one:56} | {other}\n")), "{ended:?}");
    }
}

#[test]
fn append_only_plans_say_the_same_in_every_mode() {
    let (ended, comparison) = compared("--free --repeat 1", "conversation", &CONVERSATION);
    let partings = list(&comparison["partings"]);
    assert_eq!(partings.len(), 2);
    for parting in partings {
        assert_eq!((&parting["messages"], &parting["same"]), (&3.into(), &3.into()));
        assert_eq!((&parting["parted"], &parting["same_result"]), (&serde_json::json!([]), &true.into()));
    }
    assert_eq!(ended.stdout.matches("3 of 3 messages are the same\n").count(), 2, "{ended:?}");
    assert_eq!(ended.stdout.matches("the plan's results are the same\n").count(), 2, "{ended:?}");
}

#[test]
fn a_comparison_is_a_table_and_a_file() {
    let (ended, comparison) = compared("--repeat 2 --messages --seed 7", "conversation", &CONVERSATION);
    for (key, value) in [("seed", Value::from(7)), ("repeat", Value::from(2)), ("tokens", Value::from("forced"))] {
        assert_eq!(comparison[key], value, "{key}");
    }
    assert_eq!(list(&comparison["arguments"]).len(), CONVERSATION.len());
    assert_eq!(comparison["cache"]["type"], "f32");
    for (place, mode) in list(&comparison["modes"]).iter().enumerate() {
        for (name, figure) in mode["figures"].as_object().unwrap() {
            // Nothing was encoded again: there is no ratio to that.
            let has_ratio = place > 0 && name != "encoded_again";
            assert_eq!(figure["ratio"].is_number(), has_ratio, "{name}: {figure}");
            assert_eq!(figure["interval"].is_array(), has_ratio && name.ends_with("_ms"), "{name}: {figure}");
            if let [low, high] = figure["interval"].as_array().map_or(&[][..], Vec::as_slice) {
                let [low, ratio, high] = [low, &figure["ratio"], high].map(|value| value.as_f64().unwrap());
                assert!(0.0 < low && low <= high, "{name}: {figure}");
                // A median over messages of means of two rounds may be anywhere.
                assert!(name == "first_token_ms" || low <= ratio && ratio <= high, "{name}: {figure}");
            }
        }
    }
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].contains("2 rounds") && lines[0].ends_with("every mode says what choreo said"), "{ended:?}");
    let line = |start: &str| {
        *lines.iter().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {ended:?}"))
    };
    for quantity in ["first token, median", "first tokens, sum", "end to end"] {
        assert_eq!(line(quantity).matches(" ms").count(), 3, "{ended:?}");
        assert_eq!(line(quantity).matches(" to ").count(), 2 + usize::from(quantity == "end to end"), "{ended:?}");
    }
    let figure = |pointer: &str| comparison.pointer(pointer).unwrap().as_f64().unwrap();
    let (encoded, ratio) = (figure("/modes/2/figures/encoded/value"), figure("/modes/2/figures/encoded/ratio"));
    assert!(line("tokens encoded").ends_with(&format!(" {encoded}  ×{ratio:.2}")), "{ended:?}");
    assert!(line("peak cache").contains(" MiB"), "{ended:?}");
    // The last answer: its number, tokens and parents; what it took to encode, in the last mode.
    let last = |pointer: &str| list(comparison.pointer(pointer).unwrap()).last().unwrap();
    let (first, naive) = (last("/modes/0/rounds/0/messages"), last("/modes/2/rounds/0/messages"));
    let words: Vec<&str> = line("7 assistant").split_whitespace().collect();
    let expected = ["7".into(), "assistant".into(), first["tokens"].to_string(), "4".into()];
    assert_eq!(words[..4], expected, "{ended:?}");
    assert_eq!(words.last(), Some(&&*naive["encoded"].to_string()), "{ended:?}");
}

/// A plan that asks for more than texts is not made to get the same.
#[test]
fn a_result_that_depends_on_the_mode_is_noted() {
    let path = scratch().join("compare.txt");
    fs::write(&path, "prefill user \"one two three\" -\ndecode assistant \"so\" 1 max 4\nremaining cache-tokens\n")
        .unwrap();
    let script = format!("@{}", path.display());
    let (ended, comparison) = compared("--repeat 1 --modes choreo,prefix", "probe", &["script", &script]);
    let results = of_modes(&comparison, "/result");
    assert_ne!(results[0], results[1]);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert!(ended.stderr.starts_with("note: the plan's results in modes choreo and prefix differ"), "{ended:?}");
}

#[test]
fn what_cannot_be_compared_is_said_in_one_line() {
    let question = ["What pet does Halan have?"];
    for (options, arguments, code, piece) in [
        ("--modes choreo", &question[..], 2, "--modes choreo: name two or three different ones"),
        ("--modes naive,naive", &question, 2, "--modes naive,naive: name two or three different ones"),
        ("", &[], 1, "in mode choreo: the plan says: no question"),
        ("--modes naive,prefix --calls 2", &question, 1, "in mode naive: the plan says: "),
        ("--modes prefix,choreo --cpu-ms 0", &question, 2, ": the plan used 0 ms"),
        ("--model absent", &question, 1, "cannot load the model absent"),
    ] {
        let ended = plan(&format!("compare {options}"), "conversation", arguments).fails(code, &[piece]);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
    Host::new("compare absent.wasm").fails(1, &["cannot read the plan absent.wasm"]);
    for (options, piece) in [("--repeat 0", "--repeat"), ("--modes choreo,fast", "'fast'"), ("--mode naive", "--mode")]
    {
        let ended = plan(&format!("compare {options}"), "conversation", &question).end();
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{ended:?}");
        assert!(ended.stderr.contains(piece), "{ended:?}");
    }
    let ended = plan("compare --repeat 1 --json /absent/comparison.json", "conversation", &question).end();
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stdout.contains("tokens encoded"), "the table is there all the same: {ended:?}");
    assert!(ended.stderr.starts_with("error: cannot write the comparison to /absent/comparison.json"), "{ended:?}");
}
