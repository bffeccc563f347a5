//! The languages that plans are written in, one row each: how to tell whose a file
//! is, what its author is told where it does not fit, and the project that `new`
//! writes. The rows stand in files of their own; `LANGUAGES` lists them.

mod c;
mod go;
mod javascript;
mod project;
pub(super) mod python;
mod rust;

pub(super) use self::project::{Name, Project};

/// A language that plans are written in.
pub(super) struct Language {
    /// As people write it.
    pub(super) name: &'static str,
    /// What only this language's tools leave in a file, as [`Origin`](super::origin::Origin)
    /// spells it: the first language of [`LANGUAGES`] that has one is the file's.
    pub(super) signs: &'static [&'static str],
    /// What `new --lang` calls it.
    pub(super) flag: &'static str,
    /// What `new` writes.
    pub(super) project: Option<Project>,
    /// What its author does about a file that is no plan.
    pub(super) advice: fn(&Mismatch<'_>) -> String,
}

/// Why a file is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch<'a> {
    /// A core module of which no component can be made.
    Module,
    /// A component with a `main` and without `run`.
    Program,
    /// A component without `run`.
    NoRun,
    /// It imports another version of the contract.
    Version,
    /// It imports this, which no plan is given.
    Import(&'a str),
    /// Its imports or exports have other types than the contract.
    Types,
}

/// All of them. A runtime that is written in another language stands before that one.
pub(super) static LANGUAGES: [Language; 6] =
    [python::LANGUAGE, javascript::LANGUAGE, javascript::TYPESCRIPT, go::LANGUAGE, rust::LANGUAGE, c::LANGUAGE];

/// What is said where nothing tells the language.
pub(super) fn general(mismatch: &Mismatch<'_>) -> String {
    match mismatch {
        Mismatch::Module => {
            "build a component: `cargo build --target wasm32-wasip2`, or your language's component tool".into()
        }
        Mismatch::Program | Mismatch::NoRun => {
            "export `run: func(args: list<string>) -> result<string, string>`".into()
        }
        Mismatch::Version | Mismatch::Types => "build it against the package that `choreo-host wit` prints".into(),
        Mismatch::Import(_) => "import only the contract and WASI 0.2 without http".into(),
    }
}
