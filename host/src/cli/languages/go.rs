//! Go.

use super::{Language, Mismatch, general};

pub(super) const LANGUAGE: Language = Language {
    name: "Go",
    signs: &["language Go", "processed-by Go cmd/compile", "processed-by TinyGo"],
    flag: "go",
    project: None,
    advice,
};

/// The flag that makes a program a reactor, which waits to be called.
const REACTOR: &str = "`GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared`";

fn advice(mismatch: &Mismatch<'_>) -> String {
    match mismatch {
        Mismatch::Module => format!("import the package choreo, whose shims a plan needs, and build it with {REACTOR}"),
        Mismatch::Program | Mismatch::NoRun => {
            format!("it is a program that exports no `run`: import the package choreo and build it with {REACTOR}")
        }
        Mismatch::Version | Mismatch::Types => {
            "its package choreo is of another contract: take the one that `choreo-host new` writes, and build again"
                .into()
        }
        Mismatch::Import(_) => general(mismatch),
    }
}
