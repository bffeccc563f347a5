//! Python, on CPython: componentize-py.

use super::project::{File, Name, Project, WIT, copied, written};
use super::{Language, Mismatch, general};

pub(super) const LANGUAGE: Language = Language {
    name: "Python",
    // The library that it runs on is a module of the component.
    signs: &["libpython", "componentize-py"],
    flag: "python",
    project: Some(Project {
        tools: "Python 3.11 or later, with `venv` and `pip`",
        source: "plan.py",
        beside: "`choreo/` is the package that it imports, whose README.md explains the calls. \
                 `choreo-host run plan.py` runs it as it is, without the build.",
        build: "python3 -m venv venv && venv/bin/pip install --quiet -r requirements.txt && \
                venv/bin/python -m choreo build plan.py -o @NAME@.wasm",
        component: "@NAME@.wasm",
        taken: "",
        files,
    }),
    advice,
};

/// The package, as it stands in the repository.
pub(in crate::cli) const SDK: [(&str, &str); 15] = copied!("guest-sdk/python/" => "":
    "choreo/__init__.py",
    "choreo/__main__.py",
    "choreo/_build.py",
    "choreo/_calls.py",
    "choreo/_contract.py",
    "choreo/_errors.py",
    "choreo/_loop.py",
    "choreo/_messages.py",
    "choreo/_operator.py",
    "choreo/_options.py",
    "choreo/_pending.py",
    "choreo/_plan.py",
    "choreo/_send.py",
    "choreo/_watch.py",
    "choreo/py.typed",
);

fn files(name: &Name) -> Vec<File> {
    let own = [
        (".gitignore", "/venv/\n__pycache__/\n*.wasm\n"),
        ("plan.py", include_str!("../../../../guest-sdk/python/examples/council.py")),
        ("requirements.txt", include_str!("../../../projects/python/requirements.txt")),
        ("choreo/choreo.wit", WIT),
        ("choreo/README.md", include_str!("../../../../guest-sdk/python/README.md")),
    ];
    written(name, &own, &[&SDK])
}

fn advice(mismatch: &Mismatch<'_>) -> String {
    match mismatch {
        Mismatch::Module => "make a component of it: `python -m choreo build PLAN.py`".into(),
        Mismatch::Program | Mismatch::NoRun => {
            "its world exports no `run`: write `def run(args)` in PLAN.py and build it with \
             `python -m choreo build PLAN.py`"
                .into()
        }
        Mismatch::Version | Mismatch::Types => {
            "its package choreo is of another contract: take the one that `choreo-host new` writes, and build again \
             with `python -m choreo build PLAN.py`"
                .into()
        }
        Mismatch::Import(_) => general(mismatch) + ": build it with `python -m choreo build PLAN.py`",
    }
}
