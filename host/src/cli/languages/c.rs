//! C and C++: clang, as zig or the WASI SDK have it.

use super::project::{File, Name, Project, copied, written};
use super::{Language, Mismatch, general};

pub(super) const LANGUAGE: Language = Language {
    name: "C",
    signs: &["language C", "processed-by clang", "processed-by wit-bindgen-c"],
    flag: "c",
    project: Some(Project {
        tools: "make, and Zig's clang from Python's package index: `python3 -m pip install ziglang==0.17.0`",
        source: "plan.c",
        beside: "`choreo/` is what it includes, whose README.md explains the calls.",
        build: "make",
        component: "@NAME@.wasm",
        taken: "",
        files,
    }),
    advice,
};

/// The SDK, as it stands in the repository.
const SDK: [(&str, &str); 5] = copied!("guest-sdk/c/" => "choreo/":
    "README.md",
    "choreo.c",
    "choreo.h",
    "generated/plan.c",
    "generated/plan.h",
);

fn files(name: &Name) -> Vec<File> {
    let own = [
        (".gitignore", "*.wasm\n"),
        ("Makefile", include_str!("../../../projects/c/Makefile.in")),
        ("plan.c", include_str!("../../../../guest-sdk/c/examples/council.c")),
    ];
    written(name, &own, &[&SDK])
}

fn advice(mismatch: &Mismatch<'_>) -> String {
    match mismatch {
        Mismatch::Module => "define `choreo_run`, and link choreo.c, as a reactor (`-mexec-model=reactor`)".into(),
        Mismatch::Program | Mismatch::NoRun => {
            "it exports no `run`: define `choreo_run` instead of `main`, and link choreo.c as a reactor \
             (`-mexec-model=reactor`)"
                .into()
        }
        Mismatch::Version | Mismatch::Types => {
            "its choreo.h is of another contract: take the files that `choreo-host new` writes, and build again".into()
        }
        Mismatch::Import(_) => general(mismatch),
    }
}
