//! Rust.

use super::project::{File, Name, Project, WIT, copied, written};
use super::{Language, Mismatch, general};

pub(super) const LANGUAGE: Language = Language {
    name: "Rust",
    // With `strip = true` the compiler's name is gone, and the generator's stays.
    signs: &["language Rust", "processed-by rustc", "processed-by wit-bindgen-rust"],
    flag: "rust",
    project: Some(Project {
        tools: "[rustup](https://rustup.rs) (the first build fetches the compiler that `rust-toolchain.toml` names)",
        source: "src/lib.rs",
        beside: "`choreo-guest/` is the crate that it imports, whose README.md explains the calls; `wit/` is the contract.",
        build: "cargo build --release --target wasm32-wasip2",
        component: "target/wasm32-wasip2/release/@MODULE@.wasm",
        taken: KEYWORDS,
        files,
    }),
    advice,
};

/// The crate, as it stands in the repository.
const SDK: [(&str, &str); 13] = copied!("guest-sdk/" => "choreo-guest/":
    "Cargo.toml",
    "README.md",
    "examples/council.rs",
    "src/call.rs",
    "src/decode.rs",
    "src/error.rs",
    "src/generated.rs",
    "src/lib.rs",
    "src/message.rs",
    "src/operator.rs",
    "src/pending.rs",
    "src/prefill.rs",
    "src/score.rs",
);

/// No crate can have these names.
const KEYWORDS: &str = "\
    abstract alloc as async await become box break const continue core crate do dyn else enum extern \
    false final fn for gen if impl in let loop macro match mod move mut override priv proc_macro pub ref \
    return self static std struct super test trait true try type typeof unsafe unsized use virtual where";

fn files(name: &Name) -> Vec<File> {
    let own = [
        (".gitignore", "/target/\n"),
        ("Cargo.toml", include_str!("../../../projects/rust/Cargo.toml.in")),
        ("rust-toolchain.toml", include_str!("../../../projects/rust/rust-toolchain.toml")),
        ("src/lib.rs", include_str!("../../../../guest-sdk/examples/council.rs")),
        ("wit/choreo.wit", WIT),
    ];
    let mut files = written(name, &own, &[&SDK]);
    files.push(("Cargo.lock".into(), lock(name)));
    files
}

/// The pinned packages, and this one where cargo puts it: in the order of names.
fn lock(name: &Name) -> String {
    let own = format!(
        "[[package]]\nname = \"{}\"\nversion = \"0.1.0\"\ndependencies = [\n \"choreo-guest\",\n]\n",
        name.text()
    );
    let pinned = include_str!("../../../projects/rust/Cargo.lock.in");
    let (head, packages) = pinned.split_once("[[package]]").unwrap_or((pinned, ""));
    let mut blocks: Vec<String> =
        packages.split("[[package]]").map(|block| format!("[[package]]{}\n", block.trim_end())).collect();
    blocks.push(own);
    blocks.sort();
    head.to_owned() + &blocks.join("\n")
}

fn advice(mismatch: &Mismatch<'_>) -> String {
    match mismatch {
        Mismatch::Module => "build the crate with `cargo build --release --target wasm32-wasip2`".into(),
        Mismatch::Program => {
            "the crate has a `main`: put `crate-type = [\"cdylib\"]` under `[lib]` in Cargo.toml, and \
             `choreo_guest::plan!(run);` into src/lib.rs"
                .into()
        }
        Mismatch::NoRun => "the crate exports no `run`: write `choreo_guest::plan!(run);` in src/lib.rs".into(),
        Mismatch::Version | Mismatch::Types => {
            "its choreo-guest is of another contract: take the one that `choreo-host new` writes, and build again"
                .into()
        }
        Mismatch::Import(_) => general(mismatch) + ": leave out the crate that needs it",
    }
}
