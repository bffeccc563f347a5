//! Scripts: programs that run as they are, in a component that reads and runs
//! programs of their language, its runner.
//!
//! A runner is an ordinary plan. Its first argument is a bundle of the script and of
//! the files that it imports, `{"main": "plan.js", "files": {"plan.js": "…"}}`; the
//! others are the script's own. In the sandbox there are no files.

mod javascript;
mod python;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use super::input;

/// Bytes of a script and all that it imports.
const BUNDLE_BYTES: u64 = 4 << 20;

/// A language whose programs can run as they are.
struct Language {
    name: &'static str,
    /// How the names of its programs end.
    extensions: &'static [&'static str],
    /// The runner's file.
    runner: &'static str,
    /// What to do where there is no runner.
    missing: &'static str,
    /// Where it is made instead, if this program can: where it then is.
    made: Option<fn() -> Result<PathBuf>>,
    /// What a file may import of what lies beside it: paths from the script's folder.
    /// One that is no file is left to the runner, which knows the line.
    imports: fn(&Path, &str) -> Vec<PathBuf>,
}

static LANGUAGES: [Language; 2] = [javascript::LANGUAGE, python::LANGUAGE];

/// What is run: a component, and for a script what it is given first.
pub(super) struct Program {
    /// The component's bytes.
    pub(super) component: Vec<u8>,
    bundle: Option<String>,
}

impl Program {
    /// The component that is named, or a script's runner. `root`: the folder that a
    /// script may import from, if not its own.
    pub(super) fn read(path: &Path, root: Option<&Path>) -> Result<Self> {
        let extension = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        let Some(language) = LANGUAGES.iter().find(|language| language.extensions.contains(&extension)) else {
            return Ok(Self { component: input::component(path)?, bundle: None });
        };
        let bundle =
            bundle(language, path, root).with_context(|| format!("cannot run the script {}", path.display()))?;
        let bundle = serde_json::to_string(&bundle)?;
        Ok(Self { component: input::component(&runner(language, path)?)?, bundle: Some(bundle) })
    }

    /// What the component is given where the plan is given `own`.
    pub(super) fn arguments(&self, own: Vec<String>) -> Vec<String> {
        self.bundle.iter().cloned().chain(own).collect()
    }

    /// The plan's own among the arguments that the component was given.
    pub(super) fn own<'a>(&self, given: &'a [String]) -> &'a [String] {
        given.get(usize::from(self.bundle.is_some())..).unwrap_or_default()
    }
}

/// A script and what it imports, by their paths from one folder, with `/` between.
#[derive(Debug, Serialize)]
struct Bundle {
    main: String,
    files: BTreeMap<String, String>,
}

fn bundle(language: &Language, script: &Path, root: Option<&Path>) -> Result<Bundle> {
    let script = script.canonicalize()?;
    let folder = script.parent().unwrap_or(Path::new("/"));
    let root = match root {
        Some(root) => root.canonicalize().with_context(|| format!("find the folder {}", root.display()))?,
        None => folder.to_owned(),
    };
    let main = script.strip_prefix(&root).map_err(|_| anyhow::anyhow!("it is not in {}", root.display()))?.to_owned();
    let mut files = BTreeMap::new();
    let mut wanted = VecDeque::from([main.clone()]);
    let mut left = BUNDLE_BYTES;
    while let Some(file) = wanted.pop_front() {
        if files.contains_key(&file) || !inside(&root, &file) {
            continue;
        }
        let text = text(&root.join(&file), &mut left)?;
        if file.extension().is_some_and(|end| language.extensions.iter().any(|known| end == *known)) {
            wanted.extend((language.imports)(&file, &text));
        }
        files.insert(file, text);
    }
    let files = files.into_iter().map(|(file, text)| (name(&file), text)).collect();
    Ok(Bundle { main: name(&main), files })
}

/// Whether it is a file in the folder, links followed: a script is not trusted, and
/// must not have the host read what it is not given.
fn inside(root: &Path, file: &Path) -> bool {
    root.join(file).canonicalize().is_ok_and(|real| real.starts_with(root) && real.is_file())
}

/// The file's text, as long as there is room for it.
fn text(path: &Path, left: &mut u64) -> Result<String> {
    let reading = || format!("read {}", path.display());
    let bytes = fs::metadata(path).with_context(reading)?.len();
    ensure!(
        bytes <= *left,
        "it and what it imports are over {} MiB, the limit: pass data as arguments",
        BUNDLE_BYTES >> 20
    );
    *left -= bytes;
    let bytes = fs::read(path).with_context(reading)?;
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8 text: convert it", path.display()))
}

fn name(file: &Path) -> String {
    let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// A path with `.` and `..` taken out; none: it leaves the folder that it starts in.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            Component::ParentDir if plain.pop() => {}
            _ => return None,
        }
    }
    Some(plain)
}

/// Where the language's runner is: beside the host, or among what it keeps.
fn runner(language: &Language, script: &Path) -> Result<PathBuf> {
    let host = std::env::current_exe().ok();
    let beside = host.iter().flat_map(|host| host.ancestors().skip(1).take(2)).map(Path::to_owned);
    let folders: Vec<PathBuf> = beside.chain(input::cache_folder()).map(|folder| folder.join("runners")).collect();
    let found = folders.iter().map(|folder| folder.join(language.runner)).find(|path| path.is_file());
    match (found, language.made) {
        (Some(path), _) => Ok(path),
        (None, Some(made)) => made().with_context(|| format!("cannot run {}", script.display())),
        (None, None) => bail!(
            "cannot run {}: {}, which runs {}, is in none of {}: {}",
            script.display(),
            language.runner,
            language.name,
            folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", "),
            language.missing,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_its_folder() {
        let plain = |path: &str| plain(Path::new(path)).map(|path| name(&path));
        assert_eq!(plain("./a/../b/./c.js"), Some("b/c.js".into()));
        for outside in ["../a.js", "a/../../b.js", "/etc/passwd"] {
            assert_eq!(plain(outside), None, "{outside}");
        }
    }
}
