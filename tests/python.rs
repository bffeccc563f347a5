//! Scripts in Python: what they import, where their mistakes are, and the component
//! that runs them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Host, is_here, root, scratch};

/// Whether Python's tools are here; CI has them.
fn python() -> bool {
    let runner = choreo_workflows::runner("py").unwrap();
    is_here("scripts", &runner.expect("the language has scripts"))
}

/// A folder with these files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = scratch().join("python").join(name);
    for (file, text) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// A script of this folder.
fn own(name: &str) -> PathBuf {
    root().join("tests/python").join(name)
}

/// A run of a script under these options of the host.
fn run(options: &str, script: &Path) -> Host {
    Host::new("run --quiet").and(options).with(script.display())
}

const PLAN: &str = r#"
import helper
from choreo import Decode, gather, prefill
from lib.words import (
    question,  # and what it needs
    shout as loud,
)

async def run(args):
    parents = [prefill(helper.SYSTEM, role="system")]
    parents.append(prefill(question(args[0]), parents=parents))
    one, two = await gather(*[Decode("", parents=parents)] * 2)
    return loud(one.text) + ("!" if one.text == two.text else "?")
"#;
const WORDS: &str = "from . import names\n\ndef question(who):\n    return f\"What pet does {names.NAMES[who]} have?\"\n\ndef shout(text):\n    return text.upper()\n";
const HELPER: &str =
    "SYSTEM = \"You know some people well. Answer every question about them with one short sentence.\"\n";

#[test]
fn a_script_runs_with_the_modules_beside_it() {
    if !python() {
        return;
    }
    let files = [
        ("plan.py", PLAN),
        ("helper.py", HELPER),
        ("lib/words.py", WORDS),
        ("lib/names.py", "NAMES = {\"h\": \"Halan\"}\n"),
    ];
    let plan = folder("beside", &files).join("plan.py");
    let recording = plan.with_file_name("recording");
    run(&format!("--record {}", recording.display()), &plan).and("h").gives("HALAN HAS A FOX.!\n");
    let replay = || Host::new("replay --quiet").with(recording.display()).with(plan.display());
    replay().gives("HALAN HAS A FOX.!\n");
    let compared = Host::new("compare --quiet --repeat 1 --modes choreo,naive").with(plan.display()).and("h").end();
    assert_eq!(compared.code, 0, "{compared:?}");
    let checked = Host::new("check").with(plan.display()).end();
    assert!(checked.code == 0 && checked.stdout.contains("fits choreo:host@"), "{checked:?}");
    fs::write(&plan, PLAN.replace("role=\"system\"", "role=\"user\"")).unwrap();
    replay().fails(2, &["call 1 (prefill) differs at calls[0].role"]);
}

#[test]
fn a_script_has_the_whole_contract() {
    if !python() {
        return;
    }
    let ended = Host::new("run --quiet").with(own("contract.py").display()).gives("as it should be\n");
    assert_eq!(ended.stderr, "plan warn: a line of the log\n");
}

/// Whatever the runner has imported; what the interpreter itself has, and the SDK, stay.
#[test]
fn a_scripts_modules_come_before_the_librarys() {
    if !python() {
        return;
    }
    let plan = r#"import json.tool, library, statistics, sys, textwrap
import choreo
def run(args):
    try:
        import runner
    except ModuleNotFoundError as absent:
        return f"{json.tool.WHAT} {library.WHAT} {statistics.WHAT} {textwrap.dedent(' text')} {hasattr(sys, 'WHAT')} {absent}"
"#;
    let what = |name: &str| format!("WHAT = 'own {name}'\n");
    let (tool, library, statistics, system) = (what("tool"), what("library"), what("statistics"), what("sys"));
    let files = [
        ("plan.py", plan),
        ("json/__init__.py", ""),
        ("json/tool.py", tool.as_str()),
        ("library.py", library.as_str()),
        ("statistics.py", statistics.as_str()),
        ("sys.py", system.as_str()),
        ("choreo.py", "raise AssertionError('the SDK is choreo')\n"),
    ];
    let plan = folder("own", &files).join("plan.py");
    run("", &plan).gives("own tool own library own statistics text False No module named 'runner'\n");
}

/// The calls of a function that a recording has, by their arguments.
fn recorded(recording: &Path, function: &str) -> Vec<Value> {
    let lines = fs::read_to_string(recording).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["call"]["function"] == function).map(|line| line["call"]["arguments"].clone()).collect()
}

#[test]
fn what_is_awaited_together_starts_as_one_list() {
    if !python() {
        return;
    }
    let recording = folder("awaited", &[]).with_file_name("awaited.jsonl");
    fs::create_dir_all(recording.parent().unwrap()).unwrap();
    let trial = root().join("tests/guests/trial/trial.py");
    let ended = run(&format!("--record {}", recording.display()), &trial).and("eight awaited 5").end();
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, 8), "{ended:?}");
    let started = recorded(&recording, "start-decode");
    let lists: Vec<usize> = started.iter().map(|arguments| arguments[0].as_array().unwrap().len()).collect();
    assert_eq!(lists, [8]);
}

/// A script's own mistakes: pieces of the one line of error, and of the way to it.
#[test]
fn mistakes_are_told_by_file_and_line() {
    if !python() {
        return;
    }
    let helper = r#"import choreo
def helper(what):
    if what == "exception": return [][3]
    if what == "type": return choreo.decode("x", temperature="hot")
    if what == "parents": return choreo.Decode("x", parents=[[1, 2]]).start()
    if what == "refused": return choreo.decode("x", parents=[77])
    if what == "deep": return helper(what)
    if what == "module": import sqlite3
    while what == "loop":
        what = what + "" if what else None
    grown = []
    while what == "memory":
        grown.append([what])
    if what == "labels": return choreo.Decode("x", labels="a")
"#;
    let plan = r#"import asyncio, sys
from lib.helper import helper
async def run(args):
    if args[0] == "argument":
        sys.exit("no such thing")
    if args[0] == "stuck":
        await asyncio.Event().wait()
    return await inner(args[0])
async def inner(what):
    return helper(what)
"#;
    let plan = folder("mistakes", &[("plan.py", plan), ("lib/helper.py", helper)]).join("plan.py");
    let fails = |options: &str, what: &str, pieces: &[&str]| run(options, &plan).and(what).fails(1, pieces);

    let ended = fails("", "exception", &["IndexError: list index out of range (lib/helper.py:3)"]);
    let printed = "plan printed:   File \"plan.py\", line 10, in inner\nplan printed:     return helper(what)\n";
    assert!(ended.stderr.contains(printed) && !ended.stderr.contains("_plan.py"), "{ended:?}");
    fails("", "type", &["TypeError: temperature is a number, not 'hot' (str) (lib/helper.py:4)"]);
    fails("", "parents", &["TypeError: parents[0] is a message, ", "not [1, 2]", "(lib/helper.py:5)"]);
    fails("", "labels", &["TypeError: labels is a list of texts, not one: write ['a']", "(lib/helper.py:14)"]);
    fails("", "refused", &["UnknownMessageError: ", "message 77 is not known", "(lib/helper.py:6)"]);
    fails("", "deep", &["RecursionError: ", "(lib/helper.py:7)"]);
    fails("", "module", &["No module named 'sqlite3' in the runner of scripts", "(lib/helper.py:8)"]);
    fails("--cpu-ms 1000", "loop", &["OutOfTime: ", "--cpu-ms", "(lib/helper.py:10)"]);
    fails("--memory-mib 64", "memory", &["MemoryError: ", "--memory-mib", "(lib/helper.py:13)"]);
    fails("", "nothing", &["`run` returned nothing, and a plan's result is a string (plan.py:3)"]);
    fails("", "stuck", &["all tasks wait for one another"]);
    let ended = fails("", "argument", &["the plan says: no such thing"]);
    assert!(!ended.stderr.contains("plan.py"), "{ended:?}");
}

#[test]
fn what_cannot_be_read_is_told_by_file_and_line() {
    if !python() {
        return;
    }
    let cases = [
        ("def run(args):\n    return (1\n", "SyntaxError: '(' was never closed (plan.py:2)"),
        ("import other\n", "SyntaxError: invalid syntax (other.py:2)"),
        ("import choreo\nchoreo.decoed\n", "has no attribute 'decoed'"),
        ("\nimport absent\n", "ModuleNotFoundError: No module named 'absent' (plan.py:2)"),
        ("walk = 1\n", "plan.py has no function `run`"),
        ("def run(args):\n    return '\\ud800'\n", "half a character"),
    ];
    for (text, message) in cases {
        let plan = folder("reading", &[("plan.py", text), ("other.py", "\nif if\n")]).join("plan.py");
        run("", &plan).fails(1, &[message]);
    }
}

/// Where the component that runs scripts is not beside the host, it is built, once.
#[test]
fn what_runs_scripts_is_built_once() {
    if !python() {
        return;
    }
    let folder = scratch().join("python/alone");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let original = Host::new("").command().get_program().to_owned();
    let host = folder.join("choreo-host");
    fs::copy(&original, &host).unwrap();
    fs::write(folder.join("plan.py"), "def run(args):\n    return 'it runs'\n").unwrap();
    let start = |path: &str| {
        let mut command = std::process::Command::new(&host);
        command.args(["run", "--quiet", "plan.py"]).current_dir(&folder).env("CHOREO_CACHE_DIR", folder.join("cache"));
        if !path.is_empty() {
            command.env("PATH", path);
        }
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, _, error) = start("/nowhere");
    assert!(code == Some(1) && error.lines().count() == 1, "{error}");
    assert!(error.starts_with("error: cannot run plan.py: ") && error.contains("Python 3.11 or later"), "{error}");
    let (code, result, note) = start("");
    assert_eq!((code, result.as_str()), (Some(0), "it runs\n"), "{note}");
    assert!(note.lines().count() == 1 && note.contains("what runs Python scripts is built into"), "{note}");
    assert_eq!(start("/nowhere"), (Some(0), "it runs\n".into(), String::new()));
    let left: Vec<_> =
        fs::read_dir(folder.join("cache/runners")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "a lock and the component: {left:?}");
}
