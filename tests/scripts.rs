//! Scripts that run as they are: what they import, and where their mistakes are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Host, is_here, root, scratch};

/// Whether JavaScript's tools are here; CI has them.
fn javascript() -> bool {
    let runner = choreo_workflows::runner("js").unwrap();
    is_here("scripts", &runner.expect("the language has scripts"))
}

/// A folder with these files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = scratch().join("scripts").join(name);
    for (file, text) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// A run of a script under these options of the host.
fn run(options: &str, script: &Path) -> Host {
    Host::new("run --quiet").and(options).with(script.display())
}

const PLAN: &str = r#"
import { decode, prefill } from "choreo";
import question, { shout } from "./lib/words.js";
import system from "./system.txt" with { type: "text" };

export async function run(args) {
  const parents = [prefill(system.trim(), { role: "system" })];
  parents.push(prefill(question(args), { parents }));
  const [one, two] = await Promise.all([decode("", { parents }), decode("", { parents })]);
  return shout(one.text) + (one.text === two.text ? "!" : "?");
}
"#;
const WORDS: &str = r#"
import names from "../names.json" with { type: "json" };

export default (args) => `What pet does ${names[args[0]]} have?`;
export const shout = (text) => text.toUpperCase();
"#;
const SYSTEM: &str = "You know some people well. Answer every question about them with one short sentence.\n";

#[test]
fn a_script_runs_with_the_files_beside_it() {
    if !javascript() {
        return;
    }
    let files =
        [("plan.js", PLAN), ("lib/words.js", WORDS), ("system.txt", SYSTEM), ("names.json", r#"{"h": "Halan"}"#)];
    let plan = folder("beside", &files).join("plan.js");
    run("", &plan).and("h").gives("HALAN HAS A FOX.!\n");
    // The same script, compared and recorded, and replayed with what was recorded.
    Host::new("compare --quiet --repeat 1 --modes choreo,naive").with(plan.display()).and("h").end();
    let recording = plan.with_file_name("recording");
    run(&format!("--record {}", recording.display()), &plan).and("h").gives("HALAN HAS A FOX.!\n");
    let replay = || Host::new("replay --quiet").with(recording.display()).with(plan.display());
    replay().gives("HALAN HAS A FOX.!\n");
    fs::write(&plan, PLAN.replace("role: \"system\"", "role: \"user\"")).unwrap();
    replay().fails(2, &["call 1 (prefill) differs at calls[0].role"]);
    let checked = Host::new("check").with(plan.display()).end();
    assert!(checked.code == 0 && checked.stdout.contains("fits choreo:host@"), "{checked:?}");
}

#[test]
fn a_plan_of_the_repository_runs_as_a_script() {
    if !javascript() {
        return;
    }
    let workflows = root().join("workflows");
    let options = format!("--seed 5 --root {}", workflows.display());
    let script = run(&options, &workflows.join("tot/tot.js")).and("--branches 3 --draw 2").end();
    let component = choreo_workflows::component("tot").unwrap();
    run("--seed 5", &component).and("--branches 3 --draw 2").gives(&script.stdout);
}

/// A script's own mistakes: code, and pieces of the one line of error and of the way to it.
#[test]
fn mistakes_are_told_by_file_and_line() {
    if !javascript() {
        return;
    }
    let helper = r#"import { decode } from "choreo";
export const helper = (what) => {
  if (what === "exception") return null.x;
  if (what === "type") return decode("x", { temperature: "hot" });
  if (what === "refused") return decode("x", { parents: [77] });
  if (what === "loop") for (;;) what += 1, what = what.slice(0, 9);
  const all = [];
  while (what === "memory") all.push("x".repeat(1000) + all.length);
};
"#;
    let plan = r#"import { PlanError } from "choreo";
import { helper } from "./lib/helper.js";
export async function run([what]) {
  if (what === "argument") throw new PlanError("no such thing");
  return await inner(what);
}
async function inner(what) {
  await null;
  return await helper(what);
}
"#;
    let plan = folder("mistakes", &[("plan.js", plan), ("lib/helper.js", helper)]).join("plan.js");
    let fails = |options: &str, what: &str, code, pieces: &[&str]| run(options, &plan).and(what).fails(code, pieces);

    let ended = fails("", "exception", 1, &["TypeError: cannot read property 'x' of null (lib/helper.js:3:"]);
    assert!(ended.stderr.contains("at inner (plan.js:9:"), "{ended:?}");
    fails("", "type", 1, &["TypeError: decode: temperature needs a number, not \"hot\" (lib/helper.js:4:"]);
    fails("", "refused", 1, &["UnknownMessageError: ", "message 77 is not known", "(lib/helper.js:5:"]);
    fails("--memory-mib 32", "memory", 1, &["out of memory (lib/helper.js:8:"]);
    let ended = fails("--cpu-ms 300", "loop", 2, &["used 300 ms of processor time", "--cpu-ms"]);
    assert!(ended.stderr.contains("at helper (lib/helper.js:6:"), "{ended:?}");
    let ended = fails("", "argument", 1, &["the plan says: no such thing"]);
    assert!(!ended.stderr.contains("plan.js:"), "{ended:?}");
    fails("", "", 1, &["`run` gave nothing, not a string"]);
}

#[test]
fn what_cannot_be_linked_is_told_by_file_and_line() {
    if !javascript() {
        return;
    }
    let cases = [
        ("export const run = ;", "SyntaxError: Unexpected token (plan.js:1:20)"),
        ("\nimport { a } from \"./other.js\";", "SyntaxError: other.js has no export a (plan.js:2:1)"),
        (
            "import { decoed } from \"choreo\"; export const run = () => \"\";",
            "\"choreo\" has no export decoed (plan.js:1:1)",
        ),
        ("import \"./absent.js\";", "\"./absent.js\" is not there (plan.js:1:1)"),
        ("import \"../mistakes/plan.js\";", "outside of the plan's folder (plan.js:1:1)"),
        ("import fs from \"node:fs\";", "\"node:fs\" cannot be imported"),
        ("export const walk = 1;", "plan.js exports no `run`"),
        ("export const run = () => new Promise(() => {});", "a promise that nothing will settle"),
    ];
    for (text, message) in cases {
        let plan = folder("linking", &[("plan.js", text), ("other.js", "export const b = 1;")]).join("plan.js");
        run("", &plan).fails(1, &[message]);
    }
    let absent = scratch().join("scripts/absent.js");
    run("", &absent).fails(1, &["cannot run the script", "absent.js", "No such file"]);
    let large = format!("/*{}*/", "x".repeat(5 << 20));
    let plan = folder("large", &[("plan.js", &large)]).join("plan.js");
    run("", &plan).fails(1, &["over 4 MiB, the limit"]);
}

/// A link must not lead out of the folder: the host would read for a script what the
/// script cannot.
#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out() {
    if !javascript() {
        return;
    }
    let outside = folder("outside", &[("secret.txt", "secret")]).join("secret.txt");
    let text = "import text from \"./link.txt\" with { type: \"text\" }; export const run = () => text;";
    let plan = folder("link", &[("plan.js", text)]).join("plan.js");
    let link = plan.with_file_name("link.txt");
    let _ = fs::remove_file(&link);
    std::os::unix::fs::symlink(outside, link).unwrap();
    run("", &plan).fails(1, &["\"./link.txt\" is not there (plan.js:1:1)"]);
}

/// The linker's own tests, which run plans in Node.js as they are and linked.
#[test]
fn linked_scripts_do_what_modules_do() {
    if !javascript() {
        return;
    }
    let runner = choreo_workflows::component("council.js").unwrap();
    let tools = runner.ancestors().nth(2).unwrap().join("guests/javascript");
    let tested = Command::new("node").args(["--test", "test/"]).current_dir(tools).output().unwrap();
    let text = String::from_utf8_lossy(&tested.stdout).into_owned();
    assert!(tested.status.success() && text.contains("# fail 0"), "{text}");
}
