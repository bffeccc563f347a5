//! Bad input and odd ends: each is one line, a code and no panic.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::{Host, probe, scratch};
use crate::tiny::tiny_model;

/// A file with these bytes.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = scratch().join("cli");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A component of one type and one import, an instance without exports; none:
/// an empty component.
fn component(import: Option<&str>) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    if let Some(name) = import {
        bytes.extend([7, 3, 1, 0x42, 0]);
        let length = u8::try_from(name.len()).unwrap();
        bytes.extend([10, length + 5, 1, 0, length]);
        bytes.extend(name.as_bytes());
        bytes.extend([5, 0]);
    }
    bytes
}

#[track_caller]
fn no_plan(name: &str, bytes: &[u8], pieces: &[&str]) {
    let path = file(name, bytes);
    for verb in ["check", "run"] {
        let ended = Host::new(verb).with(path.display()).fails(1, pieces);
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
}

#[test]
fn what_is_no_component_is_said() {
    no_plan("text.wasm", b"fn main() {}", &["it is text"]);
    no_plan("empty.wasm", b"", &["it is an empty file"]);
    no_plan("core.wasm", b"\0asm\x01\0\0\0", &["it is a core WebAssembly module"]);
    no_plan("garbage.wasm", &[0xff; 100], &["it is something else"]);
    no_plan("future.wasm", b"\0asm\x0d\0\x07\0", &["it is WebAssembly of an unknown kind"]);
    let whole = fs::read(probe()).unwrap();
    for length in [8 + 1, whole.len() / 2, whole.len() - 1] {
        no_plan("cut.wasm", &whole[..length], &["it is not a valid component", "build it again"]);
    }
    let mut damaged = whole;
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    no_plan("damaged.wasm", &damaged, &["it is not a valid component"]);
}

#[test]
fn a_plan_that_is_not_there_is_said() {
    for verb in ["check", "run"] {
        Host::new(verb).and("absent.wasm").fails(1, &["cannot read the plan absent.wasm", "No such file"]);
        Host::new(verb).with(scratch().display()).fails(1, &["cannot read the plan", "Is a directory"]);
    }
}

#[test]
fn imports_beyond_the_contract_are_named() {
    let http = component(Some("wasi:http/outgoing-handler@0.2.0"));
    no_plan("http.wasm", &http, &["it imports wasi:http/outgoing-handler@0.2.0", "no plan is given"]);
    let newer = component(Some("choreo:host/choreo@9.0.0"));
    no_plan("newer.wasm", &newer, &["it imports choreo:host/choreo@9.0.0", "serves choreo:host@", "choreo-host wit"]);
}

#[test]
fn a_component_without_run_is_no_plan() {
    no_plan("silent.wasm", &component(None), &["its exports do not fit", "run"]);
}

#[test]
fn check_says_what_a_plan_is_given() {
    let ended = Host::new("check --cpu-ms 7 --memory-mib 9").with(probe().display()).end();
    assert_eq!(ended.code, 0, "{ended:?}");
    for piece in
        ["fits choreo:host@0.1.0", "language Rust", "choreo:host/choreo@0.1.0", "wasi:cli/stderr@", "7 ms", "9 MiB"]
    {
        assert!(ended.stdout.contains(piece), "{piece:?}: {ended:?}");
    }
}

#[test]
fn wit_is_the_contract() {
    Host::new("wit").gives(include_str!("../wit/choreo.wit"));
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let mut child = Host::new("wit").command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_wrong_command_line_is_explained() {
    for (line, piece) in [
        ("", "Usage: choreo-host"),
        ("walk plan.wasm", "unrecognized subcommand 'walk'"),
        ("run", "<PLAN>"),
        ("run --sed 1 plan.wasm", "--seed"),
        ("run --temperature hot plan.wasm", "0 (greedy) to 100"),
        ("run --cache-tokens 0 plan.wasm", "--cache-tokens"),
        ("run --cache-bytes lots plan.wasm", "512MB or 2GiB"),
        ("run --cache-bytes 1GB --cache-tokens 100 plan.wasm", "cannot be used with"),
        ("run --cache-type q4 plan.wasm", "f32, bf16, f16 or q8"),
    ] {
        let ended = Host::new(line).end();
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{line}: {ended:?}");
        assert!(ended.stderr.contains(piece), "{line}: {ended:?}");
    }
}

#[test]
fn an_argument_that_names_no_file_is_said() {
    Host::probe("", "@absent.txt").fails(1, &["cannot read the argument @absent.txt", "@@absent.txt"]);
    let binary = file("binary.txt", &[0xff, 0xfe]);
    let argument = format!("@{}", binary.display());
    Host::probe("", &argument).fails(1, &["is not UTF-8 text", "convert the file"]);
}

#[test]
fn a_model_that_cannot_be_loaded_is_said() {
    Host::probe("--model absent", "print").fails(1, &["cannot load the model absent", "no name of the hub"]);
    let empty = scratch().join("cli/empty");
    fs::create_dir_all(&empty).unwrap();
    let empty = format!("--model {}", empty.display());
    Host::probe(&empty, "print").fails(1, &["cannot load the model", "has no config.json"]);
    let odd = model("odd", |config| config["architectures"] = serde_json::json!(["MambaForCausalLM"]));
    Host::probe(&odd, "print").fails(1, &["cannot load the model", "MambaForCausalLM"]);
    let cut = model("cut", |_| ());
    let weights = scratch().join("cli").join("cut").join("model.safetensors");
    let whole = fs::read(&weights).unwrap();
    for length in [0, 5, whole.len() / 2, whole.len() - 1] {
        fs::write(&weights, &whole[..length]).unwrap();
        Host::probe(&cut, "print").fails(1, &["cannot load the model", "model.safetensors"]);
    }
}

#[test]
fn a_cache_beyond_all_memory_is_said() {
    Host::probe("--cache-tokens 4294967295", "print").fails(1, &["4294967295", "--cache-tokens"]);
    Host::probe("--cache-bytes 1EB", "print").fails(1, &["--cache-bytes 1000000000000000000", "3840 bytes each"]);
}

#[test]
fn a_cache_of_too_few_bytes_is_said() {
    let few = |cache_type: &str, bytes: u64| {
        Host::probe(&format!("--cache-type {cache_type} --cache-bytes {bytes}"), "print")
    };
    few("f32", 2559).fails(1, &["--cache-bytes 2559", "no token", "3840"]);
    few("q8", 703).fails(1, &["--cache-bytes 703", "no token", "1056"]);
    // Room for the beginning and a few tokens, and not for a message.
    Host::probe("--cache-type q8 --cache-bytes 16896", "sleep-decode 64")
        .fails(1, &["room for 68 tokens", "cache has 16", "a larger cache"]);
}

/// The option that names a copy of the embedded model with another configuration.
fn model(name: &str, change: impl Fn(&mut serde_json::Value)) -> String {
    let folder = scratch().join("cli").join(name);
    fs::create_dir_all(&folder).unwrap();
    let source = crate::support::root().join("host/default-model");
    for file in ["model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
        fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    let mut config = serde_json::from_slice(&fs::read(source.join("config.json")).unwrap()).unwrap();
    change(&mut config);
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    format!("--model {}", folder.display())
}

#[test]
fn a_tokenizer_larger_than_the_embedding_is_said() {
    let model = tiny_model(1);
    let options = format!("--model {}", model.path().display());
    let path = model.path().join("tokenizer.json");
    let mut tokenizer: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let rows = tokenizer["model"]["vocab"].as_object().unwrap().len();
    let mut more = tokenizer["added_tokens"][0].clone();
    (more["id"], more["content"]) = (rows.into(), "<|more|>".into());
    tokenizer["added_tokens"].as_array_mut().unwrap().push(more);
    fs::write(&path, tokenizer.to_string()).unwrap();
    let [tokens, rows] = [format!(" {} tokens and ", rows + 1), format!(" {rows} rows: fetch both again")];
    let ended = Host::probe(&options, "print").fails(1, &["cannot load the model ", &tokens, &rows]);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
}
