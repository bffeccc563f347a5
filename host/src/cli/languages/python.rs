//! Python, on CPython: componentize-py.

use super::{Language, Mismatch, general};

pub(super) const LANGUAGE: Language = Language {
    name: "Python",
    signs: &["libpython", "componentize-py", "componentize_py"],
    flag: "python",
    project: None,
    advice,
};

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
