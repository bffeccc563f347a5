//! What the other plans of a language do not show: all of the contract, decodes that
//! overlap, and mistakes with their files and lines.

use std::fs;
use std::path::Path;
use std::process::Command;

use choreo_host::engine::Mode;
use choreo_tests::rig::{Rig, load, options};

use crate::support::{Host, is_here, root, scratch};

/// Whether the plan can be built here.
fn built(name: &str) -> bool {
    is_here(name, &choreo_workflows::plan(name).unwrap().build().unwrap())
}

/// What plans say that use all that the others do not.
const EVERYTHING: &str = "\
role 2, part 0, name 0, finish 0, labels 0, at 90, parents 3 1
more tokens 1, ";

#[test]
fn every_function_of_the_contract_is_there() {
    let mut said = Vec::new();
    for plan in ["trial.c", "trial.go"].into_iter().filter(|plan| built(plan)) {
        let text = Rig::embedded().run(&load(plan), options(Mode::Choreo, 3), &["everything"]).0;
        assert!(text.starts_with(EVERYTHING) && text.contains("\nfinish 2 1\n"), "{plan}: {text}");
        assert!(
            text.contains("\nreleased 1: call 0 of the list: message 2 is not known to this run"),
            "{plan}: {text}"
        );
        said.push(text);
    }
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:#?}");
}

/// Eight decodes are the same in every way of sending them; where goroutines send
/// them, the numbers of the messages are in another order.
#[test]
fn started_decodes_say_what_a_list_says() {
    let ways = [
        ("trial.c", ["started", "apart"]),
        ("trial.go", ["started", "apart"]),
        ("trial.js", ["awaited", "apart"]),
        ("trial.py", ["awaited", "apart"]),
    ];
    for (plan, ways) in ways.into_iter().filter(|(plan, _)| built(plan)) {
        let run = |way| Rig::embedded().run(&load(plan), options(Mode::Choreo, 3), &["eight", way, "20"]).0;
        let list = run("list");
        assert_eq!(list.lines().count(), 8, "{plan}: {list}");
        for way in ways {
            assert_eq!(run(way), list, "{plan} {way}");
        }
        if plan.ends_with(".go") {
            assert_eq!(run("goroutines").lines().count(), 8, "{plan}");
        }
    }
}

/// Goroutines take turns that call, print and leave garbage, which is not collected while
/// the host writes an answer.
#[test]
fn many_goroutines_call_at_once() {
    if built("trial.go") {
        let (text, report) = Rig::embedded().run(&load("trial.go"), options(Mode::Choreo, 3), &["crowd"]);
        assert!(text.ends_with(" calls left"), "{text}");
        assert_eq!(report.messages.len(), 24 * 20 * 2);
    }
}

/// A mistake, the exit code, and what its one line of error and the lines around it hold.
type Mistake = (&'static str, i32, &'static [&'static str], &'static [&'static str]);

#[track_caller]
fn mistakes(plan: &str, mistakes: &[Mistake]) {
    if !built(plan) {
        return;
    }
    let component = choreo_workflows::component(plan).unwrap();
    for (behaviour, code, line, around) in mistakes {
        let host = Host::new("run --cpu-ms 2000 --memory-mib 64").with(component.display()).and(behaviour);
        let ended = host.fails(*code, line);
        for piece in *around {
            assert!(ended.stderr.contains(piece), "{plan} {behaviour}: {piece:?} is not in {ended:?}");
        }
    }
}

#[test]
fn mistakes_in_c_are_told_with_their_lines() {
    mistakes(
        "trial.c",
        &[
            ("error", 1, &["trial.c:10: call 0 of the list: message 999 is not known"], &[]),
            ("role", 1, &["trial.c:16: call 0 of the list: invalid argument: this role is none"], &[]),
            ("temperature", 1, &["trial.c:22: call 0 of the list: invalid argument: temperature"], &[]),
            ("nothing", 1, &["error: the plan says: no behaviour is called \"nothing\""], &[]),
            ("crash", 2, &["Assertion failed", "one argument too many", "trial.c", "26"], &["trial.c:26"]),
            ("loop", 2, &["used 2000 ms of processor time"], &["trial.c:"]),
            ("memory", 2, &["MiB of memory", "--memory-mib"], &["no memory for 1048576 bytes", "trial.c:31"]),
            ("texts", 2, &["MiB of memory", "--memory-mib"], &["cabi_realloc", "trial.c:40"]),
        ],
    );
}

/// A line of the log is longer than a buffer of the SDK's might be, and a character stands
/// where that would end; a failure is told after a reset.
#[test]
fn what_is_said_in_c_is_kept_and_whole() {
    if built("trial.c") {
        let component = choreo_workflows::component("trial.c").unwrap();
        let ended = Host::new("run").with(component.display()).and("words").end();
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.stdout.starts_with("trial.c:22: call 0 of the list: invalid argument: temperature"), "{ended:?}");
        assert!(ended.stderr.contains("é: a long line"), "{ended:?}");
    }
}

#[test]
fn mistakes_in_go_are_told_with_their_lines() {
    mistakes(
        "trial.go",
        &[
            ("error", 1, &["error: the plan says: call 0 of the list: message 999 is not known"], &[]),
            ("role", 1, &["trial.go:28: panic: choreo: no role has the number 77"], &["plan printed: "]),
            ("temperature", 1, &["call 0 of the list: invalid argument: temperature"], &[]),
            ("utf8", 1, &["trial.go:34: panic: choreo: a text is not UTF-8: \"caf\\xe9\""], &[]),
            ("header", 1, &["trial.go:39: panic: choreo: a text is not UTF-8: \"caf\\xe9\""], &[]),
            ("output", 1, &["the plan's output is not UTF-8: \"caf\\xe9\""], &[]),
            ("crash", 1, &["trial.go:44: panic: runtime error: index out of range [4] with length 4"], &["main.run"]),
            ("apart", 2, &["trap: unreachable"], &["panic: in a goroutine", "trial.go:47"]),
            ("deadlock", 2, &["trap: unreachable"], &["all goroutines are asleep"]),
            ("loop", 2, &["used 2000 ms of processor time"], &["main.spin"]),
            ("memory", 2, &["MiB of memory", "--memory-mib"], &["out of memory"]),
        ],
    );
}

/// With these limits memory runs out in the plan's own code, and while the host has it
/// give memory, when Go cannot print why.
#[test]
fn want_of_memory_in_go_is_told_wherever_it_comes() {
    if built("trial.go") {
        let component = choreo_workflows::component("trial.go").unwrap();
        for limit in [20, 33, 48, 64] {
            let host = Host::new(&format!("run --memory-mib {limit}")).with(component.display()).and("texts");
            host.fails(2, &["MiB of memory", "--memory-mib"]);
        }
    }
}

/// A language, an example that has its tools installed, the plan's file, and where
/// the tools' programs are.
const READMES: [(&str, &str, &str, &str); 2] =
    [("c", "council.c", "plan.c", ""), ("go", "council.go", "plan.go", "go/bin")];

/// What the SDKs' READMEs say builds and runs, in a folder with nothing else.
#[test]
fn the_first_plans_of_the_readmes_run() {
    for (language, example, file, programs) in READMES.into_iter().filter(|readme| built(readme.1)) {
        let sdk = root().join("guest-sdk").join(language);
        let readme = fs::read_to_string(sdk.join("README.md")).unwrap();
        let folder = scratch().join("readme").join(language);
        let _ = fs::remove_dir_all(&folder);
        copy(&sdk, &folder.join("choreo"));
        fs::write(folder.join(file), block(&readme, language)).unwrap();

        // Beside the components that are built of the examples.
        let component = choreo_workflows::component(example).unwrap();
        let guests = component.ancestors().nth(2).unwrap().join("guests").join(language);
        let mut tools = fs::read_dir(guests).unwrap().map(|entry| entry.unwrap().path());
        let tools = tools.find(|path| path.to_string_lossy().contains("==")).unwrap();
        let path = format!("{}:{}", tools.join(programs).display(), std::env::var("PATH").unwrap());
        // What installs is done, and the last command is the host's.
        let commands = readme.split("```sh\n").skip(1).filter_map(|block| block.split("```").next());
        for line in commands.collect::<String>().replace("\\\n", "").lines() {
            if line.contains("pip install") || line.contains("mkdir") || line.starts_with("choreo-host") {
                continue;
            }
            let mut shell = Command::new("sh");
            shell.args(["-c", line]).current_dir(&folder).env("PATH", &path).env("PYTHONPATH", &tools);
            shell.env("GOCACHE", tools.join("cache")).env("ZIG_GLOBAL_CACHE_DIR", tools.join("cache"));
            let built = shell.envs([("GOPROXY", "off"), ("GOTOOLCHAIN", "local")]).output().unwrap();
            assert!(built.status.success(), "{line}: {}", String::from_utf8_lossy(&built.stderr));
        }
        // The built-in model knows this one with its system's message only.
        let ended = Host::new("run --quiet").inside(&folder).with("plan.wasm").with("What pet does Halan have?").end();
        assert!(ended.code == 0 && !ended.stdout.trim().is_empty(), "{language}: {ended:?}");
        Host::new("run").inside(&folder).with("plan.wasm").fails(1, &["no question: give one as the first argument"]);
    }
}

/// The first block of the text in this language.
fn block<'a>(text: &'a str, language: &str) -> &'a str {
    text.split(&format!("```{language}\n")).nth(1).unwrap().split("```").next().unwrap()
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
