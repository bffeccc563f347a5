//! Why a file is no plan, in the words of the language it was written in.

use std::path::Path;

use crate::wasm::LoadError;

use super::input;
use super::languages::{Mismatch, general};
use super::origin::Origin;

/// One line: what is wrong with this file, and what its author does about it.
pub(super) fn explain(path: &Path, error: LoadError) -> anyhow::Error {
    // It could be read a moment ago; if it cannot be now, its language stays unknown.
    let bytes = input::component(path).unwrap_or_default();
    let advice = match source(path, &error) {
        Some(advice) => format!(": {advice}"),
        None => advice(&Origin::read(&bytes), &error),
    };
    anyhow::anyhow!("{} is no plan for this host: {error}{advice}", path.display())
}

/// What the error means for the author of what came from there.
fn advice(origin: &Origin, error: &LoadError) -> String {
    let mismatch = match error {
        LoadError::NotComponent(_) => Mismatch::Module,
        LoadError::Export(_) if origin.has_run() => Mismatch::Types,
        LoadError::Export(_) if origin.is_program() => Mismatch::Program,
        LoadError::Export(_) => Mismatch::NoRun,
        LoadError::Version(_) => Mismatch::Version,
        LoadError::Import(name) => Mismatch::Import(name),
        LoadError::ImportType(_) => Mismatch::Types,
        // These say themselves what to do, in any language.
        LoadError::Invalid(_) | LoadError::TooLarge { .. } | LoadError::CompileTime | LoadError::Compiler(_) => {
            return String::new();
        }
    };
    told(origin, &mismatch)
}

/// What the author of this does, in the words of its language, where that is known.
fn told(origin: &Origin, mismatch: &Mismatch<'_>) -> String {
    match origin.language() {
        Some(language) => format!("; it is written in {}: {}", language.name, (language.advice)(mismatch)),
        None => format!(": {}", general(mismatch)),
    }
}

/// The same of a core module, of which no component could be made.
pub(super) fn module(path: &Path, bytes: &[u8], error: &anyhow::Error) -> anyhow::Error {
    let told = told(&Origin::read(bytes), &Mismatch::Module);
    anyhow::anyhow!(
        "{} is no plan for this host: it is a core WebAssembly module, and no component can be made of it ({error:#}){told}",
        path.display()
    )
}

/// What to do with a file that was not built yet.
fn source(path: &Path, error: &LoadError) -> Option<String> {
    let LoadError::NotComponent("text") = error else { return None };
    let (language, build) = match path.extension()?.to_str()? {
        "rs" => ("Rust", "the crate with `cargo build --release --target wasm32-wasip2`"),
        "c" | "h" => ("C", "it with clang for wasm32-wasi, beside choreo.c"),
        "go" => ("Go", "it with `GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared`"),
        "ts" => ("TypeScript", "it with `npm run build`"),
        _ => return None,
    };
    Some(format!("it is {language}'s source: build {build}, and name the .wasm file that comes of it"))
}
