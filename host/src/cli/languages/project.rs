//! The small project that `new` writes in a language.

use anyhow::{Result, ensure};

/// A file's place in the project, and its text.
pub(in crate::cli) type File = (String, String);

/// What the project has for an argument.
const PROBLEM: &str = "\"Mira has 5 apples. She buys 3 more, then doubles them. How many apples now?\"";
const README: &str = include_str!("../../../projects/README.md.in");
/// The contract, which every SDK is built against.
pub(super) const WIT: &str = include_str!("../../../../wit/choreo.wit");

/// A language's project.
pub(in crate::cli) struct Project {
    /// What has to be installed.
    pub(super) tools: &'static str,
    /// The file that the plan is in.
    pub(super) source: &'static str,
    /// Sentences on what stands beside it.
    pub(super) beside: &'static str,
    /// Builds it, in its folder; `@NAME@` is the project's name, `@MODULE@` the same with `_` for `-`.
    pub(super) build: &'static str,
    /// What comes of that.
    pub(super) component: &'static str,
    /// Names that the language has taken, with spaces between.
    pub(super) taken: &'static str,
    /// All files but README.md.
    pub(super) files: fn(&Name) -> Vec<File>,
}

/// A project's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Name(String);

impl Project {
    /// The files of the project `name`.
    pub(in crate::cli) fn files(&self, name: &Name, language: &str) -> Result<Vec<File>> {
        let module = name.module();
        ensure!(
            !self.taken.split(' ').any(|word| word == module),
            "{} is a word of {language}: take another name",
            name.0
        );
        let readme = README
            .replace("@LANGUAGE@", language)
            .replace("@TOOLS@", self.tools)
            .replace("@SOURCE@", self.source)
            .replace("@BESIDE@", self.beside)
            .replace("@BUILD@", self.build)
            .replace("@RUN@", &self.run(name, "choreo-host"));
        let mut files = (self.files)(name);
        files.push(("README.md".into(), name.fill(&readme)));
        Ok(files)
    }

    /// The command that builds it, in its folder.
    pub(in crate::cli) fn build(&self, name: &Name) -> String {
        name.fill(self.build)
    }

    /// The command that runs it, in its folder.
    pub(in crate::cli) fn run(&self, name: &Name, host: &str) -> String {
        name.fill(&format!("{host} run {} {PROBLEM}", self.component))
    }
}

impl Name {
    /// Checks what every language takes: a small letter, then small letters, digits, `-` and `_`.
    pub(in crate::cli) fn new(text: &str) -> Result<Self> {
        let starts = text.starts_with(|c: char| c.is_ascii_lowercase());
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        ensure!(
            starts && text.len() <= 64 && text.chars().all(plain),
            "{text:?} cannot be a project's name: take a small letter, then small letters, digits, - and _, 64 at most"
        );
        ensure!(
            !["choreo", "choreo-guest", "choreo_guest"].contains(&text),
            "{text} is the SDK's name: take another one"
        );
        Ok(Self(text.into()))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    fn module(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The template with this name in it.
    pub(super) fn fill(&self, template: &str) -> String {
        template.replace("@NAME@", &self.0).replace("@MODULE@", &self.module())
    }
}

/// Templates with the name in them, and files as they are.
pub(super) fn written(name: &Name, own: &[(&str, &str)], copied: &[&[(&str, &str)]]) -> Vec<File> {
    let filled = own.iter().map(|(place, text)| ((*place).into(), name.fill(text)));
    filled.chain(copied.concat().iter().map(|(place, text)| ((*place).into(), (*text).into()))).collect()
}

/// Files of the repository: their places in a project, and their texts.
macro_rules! copied {
    ($from:literal => $to:literal: $($file:literal),+ $(,)?) => {
        [$((concat!($to, $file), include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $from, $file)))),+]
    };
}
pub(super) use copied;
