//! JavaScript and TypeScript, on QuickJS or StarlingMonkey.

use super::{Language, Mismatch, general};

pub(super) const LANGUAGE: Language = Language {
    name: "JavaScript",
    signs: &["componentize_qjs", "quickjs", "ComponentizeJS", "language JavaScript"],
    flag: "js",
    project: None,
    advice,
};

fn advice(mismatch: &Mismatch<'_>) -> String {
    match mismatch {
        Mismatch::Module => "make a component of it: `npm run build` in a project that `choreo-host new` writes".into(),
        Mismatch::Program | Mismatch::NoRun => {
            "its world exports no `run`: write `export function run(args)` and build it for the world `plan`".into()
        }
        Mismatch::Version | Mismatch::Types => {
            "it was built against another contract: take the package that `choreo-host new` writes, and build again"
                .into()
        }
        Mismatch::Import(import) if import.starts_with("wasi:http/") => {
            "plans have no `fetch`: build it without (for componentize-js, `-d http fetch-event`)".into()
        }
        Mismatch::Import(_) => general(mismatch),
    }
}
