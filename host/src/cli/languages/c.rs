//! C and C++: clang, as zig or the WASI SDK have it.

use super::{Language, Mismatch, general};

pub(super) const LANGUAGE: Language = Language {
    name: "C",
    signs: &["language C", "processed-by clang", "processed-by wit-bindgen-c"],
    flag: "c",
    project: None,
    advice,
};

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
