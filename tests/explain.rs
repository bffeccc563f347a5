//! Files that are no plans, explained in the words of the language they come from.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use choreo_workflows::Built;

use crate::support::{Host, scratch};

/// A core module and a component with nothing in them.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn folder() -> PathBuf {
    let folder = scratch().join("explain");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The bytes, and a section that says what they were made by.
fn made_by(bytes: &[u8], field: &str, producer: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let section = [text("producers"), vec![1], text(field), vec![1], text(producer), text("1.0")].concat();
    [bytes, &[0, u8::try_from(section.len()).unwrap()], &section].concat()
}

/// Checks that `check` and `run` both say this of a file, in one line.
#[track_caller]
fn explained(name: &str, bytes: &[u8], pieces: &[&str]) {
    let path = folder().join(name);
    fs::write(&path, bytes).unwrap();
    for verb in ["check", "run"] {
        let ended = Host::new(verb).with(path.display()).fails(1, pieces);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
}

/// What rustc makes of this source.
fn rustc(name: &str, crate_type: &str, source: &str) -> Vec<u8> {
    // Whoever has built a plan has the target.
    choreo_workflows::component("probe").unwrap();
    let [path, output] = ["rs", "wasm"].map(|extension| folder().join(format!("{name}-rustc.{extension}")));
    fs::write(&path, source).unwrap();
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--target", "wasm32-wasip2", "--crate-type", crate_type, "-o"]).arg(&output);
    let built = rustc.arg(&path).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    fs::read(output).unwrap()
}

#[test]
fn a_crate_without_a_plan_is_told_how_to_be_one() {
    let crate_of_nothing = rustc("nothing", "cdylib", "pub fn run() {}");
    explained(
        "nothing.wasm",
        &crate_of_nothing,
        &["its exports do not fit", "written in Rust", "choreo_guest::plan!(run);"],
    );
    let program = rustc("program", "bin", "fn main() {}");
    explained("program.wasm", &program, &["written in Rust", "has a `main`", "crate-type = [\"cdylib\"]"]);
}

#[test]
fn a_module_is_told_how_its_language_makes_a_component() {
    for (field, producer, pieces) in [
        ("language", "Rust", ["written in Rust", "wasm32-wasip2"]),
        ("processed-by", "Go cmd/compile", ["written in Go", "-buildmode=c-shared"]),
        ("processed-by", "clang", ["written in C:", "-mexec-model=reactor"]),
    ] {
        explained(
            "module.wasm",
            &made_by(MODULE, field, producer),
            &[&["a core WebAssembly module"], &pieces[..]].concat(),
        );
    }
    explained("unsaid.wasm", MODULE, &["a core WebAssembly module", "your language's component tool"]);
}

#[test]
fn a_component_without_run_is_told_how_its_language_exports_it() {
    for (field, producer, pieces) in [
        ("processed-by", "componentize-py", ["written in Python", "def run(args)"]),
        ("language", "JavaScript", ["written in JavaScript", "export async function run(args)"]),
        ("language", "Go", ["written in Go", "choreo.Plan(run)"]),
        ("language", "C11", ["written in C:", "choreo_run"]),
    ] {
        explained(
            "silent.wasm",
            &made_by(COMPONENT, field, producer),
            &[&["its exports do not fit"], &pieces[..]].concat(),
        );
    }
    explained("unsaid-silent.wasm", COMPONENT, &["its exports do not fit", "export `run: func("]);
}

/// Real components of every language here, as if they were built for a contract of before.
#[test]
fn a_component_of_an_older_contract_is_told_in_its_language() {
    let mut seen = Vec::new();
    for plan in choreo_workflows::plans().unwrap() {
        if seen.contains(&plan.language()) {
            continue;
        }
        let Built::Component(path) = plan.build().unwrap() else { continue };
        seen.push(plan.language());
        let mut bytes = fs::read(path).unwrap();
        let places: Vec<usize> =
            bytes.windows(12).enumerate().filter(|(_, at)| *at == b"choreo@0.1.0").map(|(at, _)| at).collect();
        places.into_iter().for_each(|at| bytes[at + 9] = b'0');
        let language = format!("it is written in {}:", plan.language());
        explained(
            "older.wasm",
            &bytes,
            &["imports choreo:host/choreo@0.0.0", &language, "another contract", "build again"],
        );
    }
    assert!(seen.contains(&"Rust"), "{seen:?}");
}

#[test]
fn a_source_is_told_to_be_built() {
    explained(
        "plan.rs",
        b"fn main() {}",
        &["it is text", "Rust's source", "cargo build --release --target wasm32-wasip2"],
    );
    explained("plan.go", b"package main", &["Go's source", "-buildmode=c-shared"]);
    explained("plan.txt", b"a plan", &["it is text", "build a component"]);
}
