//! Runs that are recorded, and plans that are answered from what was recorded.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Ended, Host, probe, scratch};

/// Every function of the contract, pending messages in every way, and errors.
const SCRIPT: &str = r#"prefill system "You know some people well." -
prefill user "What pet does Halan have?" 1@3 at 40
batch
decode assistant "One:\n" 1,2 max 12 temperature 0.7 seed 9 stop "." top-logprobs 2
decode assistant "\"Two\" é\u0007:" 2@0,1@90 max 3 at 7 min-p 0.1
end
decode assistant "" 3,99
text 1,2,3
describe 3,4
score assistant "" 1,2 candidate " fox" candidate " cat" with-end
start assistant "A:" 1 max 9
start assistant "B:" 2 max 2000 temperature 1
start assistant "C:" 1,2 max 5 one-of ["yes", "no"]
wait-any 1,2 text -
read 1
wait-any 3,1 finished 60000
finish 1
finish 1
read-all 3
cancel 2
start assistant "D:" 1 max 2000
drop 4
release 4
text 4
remaining calls
"#;

fn path(name: &str) -> PathBuf {
    let folder = scratch().join("recording");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

fn file(name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = path(name);
    fs::write(&path, text).unwrap();
    path
}

fn plan(name: &str) -> String {
    choreo_workflows::component(name).unwrap().display().to_string()
}

/// Runs a plan with these arguments and records it.
fn record(name: &str, options: &str, plan: &str, arguments: &[&str]) -> (PathBuf, Ended) {
    let path = path(name);
    let host = Host::new("run --quiet --record").with(path.display()).and(options).with(plan);
    let ended = arguments.iter().fold(host, |host, argument| host.with(argument)).end();
    (path, ended)
}

fn replay(recording: &Path, plan: &str, arguments: &[&str]) -> Host {
    let host = Host::new("replay").with(recording.display()).with(plan);
    arguments.iter().fold(host, |host, argument| host.with(argument))
}

fn lines(recording: &Path) -> Vec<Value> {
    fs::read_to_string(recording).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The calls of a recording, by number and function.
fn calls(recording: &Path) -> Vec<(u64, String)> {
    let call = |line: &Value| Some((line["call"]["number"].as_u64()?, line["call"]["function"].as_str()?.to_owned()));
    lines(recording).iter().filter_map(call).collect()
}

#[test]
fn a_replay_says_what_the_run_said() {
    let question = "What pet does Halan have?";
    let script = ["script", SCRIPT];
    let plans: [(&str, &str, &[&str]); 5] = [
        ("probe", "", &["unsupported"]),
        ("probe", "--mode naive", &script),
        ("probe", "", &script),
        ("madpar", "--temperature 0.9", &["--draw", "2"]),
        ("conversation", "", &[question, "--back", "1", question]),
    ];
    for (name, options, arguments) in plans {
        let plan = plan(name);
        let (recording, ended) = record(&format!("{name}.jsonl"), options, &plan, arguments);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_eq!(ended.stderr, "");
        let number = calls(&recording).len();
        assert_eq!(lines(&recording).len(), 2 * number + 2, "a call and its answer each, a beginning and an end");
        for arguments in [&[][..], arguments] {
            let replayed = replay(&recording, &plan, arguments).gives(&ended.stdout);
            assert!(replayed.stderr.starts_with(&format!("{number} calls as recorded (")), "{replayed:?}");
            assert_eq!(replayed.stderr.lines().count(), 1, "{replayed:?}");
        }
    }
    let functions: Vec<String> = calls(&path("probe.jsonl")).into_iter().map(|(_, function)| function).collect();
    for function in [
        "prefill",
        "decode",
        "text",
        "describe",
        "score",
        "start-decode",
        "wait-any",
        "pending.read",
        "pending.finish",
        "pending.cancel",
        "pending.drop",
        "release",
        "remaining",
    ] {
        assert!(functions.iter().any(|found| found == function), "{function} is not in {functions:?}");
    }
}

#[test]
fn answers_come_from_the_recording() {
    let script = "prefill user \"one\" -\ntext 1\n";
    let (recording, ended) = record("answers.jsonl", "", &plan("probe"), &["script", script]);
    assert_eq!(ended.stdout.lines().last().unwrap(), "{\"texts\":[\"one\"]}");
    let text = fs::read_to_string(&recording).unwrap();
    let edited = text.replace("{\"Ok\":[\"one\"]}", "{\"Ok\":[\"two\"]}");
    let edited = edited.replace(r#"{\"texts\":[\"one\"]}"#, r#"{\"texts\":[\"two\"]}"#);
    let replayed = replay(&file("edited.jsonl", edited), &plan("probe"), &[]).end();
    assert_eq!((replayed.code, replayed.stdout.lines().last().unwrap()), (0, "{\"texts\":[\"two\"]}"));
    // An answer alone, and the plan says something else than was recorded.
    let answer = text.replacen("{\"Ok\":[\"one\"]}", "{\"Ok\":[\"two\"]}", 1);
    let pieces = ["the plan ended otherwise at character", "one", "two"];
    replay(&file("answer.jsonl", answer), &plan("probe"), &[]).fails(2, &pieces);
}

#[test]
fn the_first_difference_is_said() {
    let probe = plan("probe");
    let script = "prefill user \"one\" -\nprefill user \"two\" 1\ntext 1,2\n";
    let (recording, _) = record("differences.jsonl", "", &probe, &["script", script]);
    let with = |script: &str, pieces: &[&str]| {
        replay(&recording, &probe, &["script", script]).fails(2, pieces);
    };
    with(
        &script.replace("two", "too"),
        &[
            "error: call 2 (prefill) differs at calls[0].text, character 2: the recording has \"two\", the plan asked \"too\"",
        ],
    );
    with(
        &script.replace("\"two\" 1", "\"two\" 1@7"),
        &["call 2 (prefill) differs at calls[0].view.parents[0].offset: the recording has null, the plan asked 7"],
    );
    with(
        &script.replace("text 1,2", "text 1"),
        &["call 3 (text) differs at ids: the recording has 2 of them, the plan asked 1"],
    );
    with(&script.replace("text", "describe"), &["call 3: the recording has text, the plan called describe"]);
    with(
        &format!("{script}text 1\n"),
        &["call 4 (text): the recorded plan had ended (it gave a result), and this one goes on"],
    );
    with(&script.replace("text 1,2\n", ""), &["call 3: the recording has text, the plan had ended (it gave a result)"]);
    with("nothing", &["call 1: the recording has prefill, the plan had ended (it gave an error)"]);
    // Another component.
    let other = replay(&recording, &plan("council"), &["problem"]).fails(2, &["call 1"]);
    assert!(other.stderr.starts_with("note: ") && other.stderr.contains("is not the component that was recorded"));
}

#[test]
fn damaged_and_foreign_files_are_one_line() {
    let probe = plan("probe");
    let script = "prefill user \"one\" -\ntext 1\n";
    let (recording, _) = record("whole.jsonl", "", &probe, &["script", script]);
    let whole = fs::read_to_string(&recording).unwrap();
    let starts: Vec<&str> = whole.split_inclusive('\n').collect();
    let cut = |lines: usize| starts[..lines].concat();
    let replayed = |name: &str, text: String| replay(&file(name, text), &probe, &[]);
    // Where a run was killed.
    replayed("cut1.jsonl", cut(1)).fails(2, &["call 1 (prefill): the recording ends before its answer"]);
    replayed("cut2.jsonl", cut(2)).fails(2, &["call 1 (prefill): the recording ends before its answer"]);
    replayed("cut3.jsonl", cut(3)).fails(2, &["call 2 (text): the recording ends before its answer"]);
    replayed("cut5.jsonl", cut(5)).fails(2, &["the recording ends after 2 calls without a result"]);
    replayed("half.jsonl", cut(4) + &starts[4][..9]).fails(2, &["damaged at line 5: it has no end"]);
    replayed("swapped.jsonl", cut(2) + starts[1]).fails(2, &["damaged at line 3: the answer to call 1 was expected"]);
    replayed("skipped.jsonl", cut(3) + starts[5].trim_end() + "x\n").fails(2, &["damaged at line 4: "]);
    replayed("typed.jsonl", whole.replacen("{\"Ok\":[1]}", "{\"Ok\":[-1]}", 1)).fails(2, &["damaged at line 3: "]);
    // What is no recording.
    replayed("empty.jsonl", String::new()).fails(1, &["cannot replay", "it is no recording (it is empty)"]);
    replayed("text.jsonl", "a text\n".into()).fails(1, &["it is no recording (expected value"]);
    replayed("other.jsonl", "{\"call\":7}\n".into()).fails(1, &["it is no recording"]);
    replayed("late.jsonl", starts[1..].concat()).fails(1, &["it is no recording (its first line is missing)"]);
    replayed("long.jsonl", "[".repeat(70 << 20)).fails(1, &["it is no recording (it is over 64 MiB)"]);
    let deep = cut(1) + "{\"call\":{\"number\":1,\"function\":\"prefill\",\"arguments\":" + &"[".repeat(1 << 20) + "\n";
    replayed("deep.jsonl", deep).fails(2, &["damaged at line 2: EOF"]);
    let version = whole.replacen("\"version\":1", "\"version\":2", 1);
    replayed("version.jsonl", version).fails(1, &["it is a recording of version 2 for choreo:host@0.1.0"]);
    let memory = whole.replacen("\"memory_bytes\":", "\"memory_bytes\":9999999", 1);
    replayed("memory.jsonl", memory).fails(1, &["bytes of memory, more than any plan can be"]);
    replay(&path("absent.jsonl"), &probe, &[]).fails(1, &["cannot replay", "absent.jsonl"]);
    replay(scratch(), &probe, &[]).fails(1, &["cannot replay"]);
}

#[test]
fn a_stopped_run_is_stopped_again() {
    let cases: [(&str, &str, &str); 4] = [
        ("trap", "", "the plan gave up"),
        ("loop", "--cpu-ms 100", "100 ms of processor time"),
        ("hoard", "--memory-mib 16", "--memory-mib"),
        ("exit", "", "the plan ended itself"),
    ];
    for (behaviour, options, piece) in cases {
        let (recording, ended) = record(&format!("{behaviour}.jsonl"), options, &plan("probe"), &[behaviour]);
        assert_eq!(ended.code, 2, "{ended:?}");
        let error = ended.stderr.lines().find(|line| line.starts_with("error: ")).unwrap();
        assert!(error.contains(piece), "{error}");
        replay(&recording, &plan("probe"), &[]).fails(2, &[error]);
    }
    // One that gives an error gives it again.
    let (recording, _) = record("unknown.jsonl", "", &plan("probe"), &["no-such-behaviour"]);
    replay(&recording, &plan("probe"), &[]).fails(1, &["the plan says: no behaviour is called"]);
    // One that was stopped while it waited for an answer.
    let text = fs::read_to_string(path_of_waiting()).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
    replay(&path("waiting.jsonl"), &plan("probe"), &[]).fails(2, &["stopped while it waited"]);
}

/// A recording whose last call has no answer, for the run was stopped.
fn path_of_waiting() -> PathBuf {
    let script = "prefill user \"one\" -\n";
    let (recording, _) = record("answered.jsonl", "", &plan("probe"), &["script", script]);
    let text = fs::read_to_string(recording).unwrap();
    let lines: Vec<&str> = text.lines().take(2).collect();
    file("waiting.jsonl", lines.join("\n") + "\n{\"end\":{\"stopped\":\"the plan was stopped while it waited\"}}\n")
}

#[test]
fn what_was_recorded_before_a_kill_is_there() {
    let path = path("killed.jsonl");
    let script = "prefill user \"one\" -\ndecode assistant \"\" 1 max 1000000 temperature 9\n";
    // With so much to do on a model that ends its messages, it is asked for again and again.
    let script = script.to_owned() + &"decode assistant \"again\" 1 max 2000 temperature 9\n".repeat(2000);
    let host =
        Host::new("run --quiet --record").with(path.display()).with(probe().display()).with("script").with(script);
    let _ = fs::remove_file(&path);
    let mut child = host.command().stdout(Stdio::null()).spawn().unwrap();
    while fs::read_to_string(&path).map_or(0, |text| text.lines().count()) < 6 {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(calls(&path).len() >= 2);
    replay(&path, &plan("probe"), &[]).fails(2, &["the recording ends before its answer"]);
}

#[test]
fn a_file_that_takes_no_more_loses_nothing_but_the_recording() {
    let pipe = path("pipe");
    let _ = fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // More than a pipe holds that nobody reads.
    let script = format!("prefill user \"one\" -\n{}", "text 1\n".repeat(4000));
    let host =
        Host::new("run --quiet --record").with(pipe.display()).with(probe().display()).with("script").with(script);
    let child = host.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(fs::File::open(&pipe).unwrap());
    let mut header = String::new();
    reader.read_line(&mut header).unwrap();
    assert!(header.contains("\"arguments\":[\"script\""), "{header}");
    // The reader takes what came with the header and goes away.
    drop(reader);
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(stdout.lines().last(), Some("{\"texts\":[\"one\"]}"), "{stderr}");
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("error: the recording ") && stderr.contains("pipe is not complete: "), "{stderr}");
    let absent = path("no/such/folder");
    Host::new("run --record")
        .with(absent.display())
        .with(probe().display())
        .fails(1, &["cannot write the recording to"]);
}
