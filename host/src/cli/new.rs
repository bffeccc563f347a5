//! `new`: a small project in one of the languages, that builds and runs.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};

use super::languages::{LANGUAGES, Language, Name, Project};
use super::options::NewArguments;
use super::print;

pub(super) fn new(arguments: &NewArguments) -> Result<ExitCode> {
    let folder = &arguments.folder;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let name = Name::new(&name)?;
    let (language, project) = language(&arguments.lang)?;
    let files = project.files(&name, language.name)?;
    let count = files.len();
    write(folder, files)?;
    let folder = folder.display().to_string();
    print(&format!(
        "wrote {folder}: a plan in {}, with its SDK and the contract ({count} files). To build and run it:\n\n  \
         cd {} && {}\n  {}\n",
        language.name,
        quoted(&folder),
        project.build(&name),
        project.run(&name, &command()),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The language of this flag, and its project.
fn language(flag: &str) -> Result<(&'static Language, &'static Project)> {
    let mut flags = Vec::new();
    for language in &LANGUAGES {
        let Some(project) = &language.project else { continue };
        if language.flag == flag {
            return Ok((language, project));
        }
        flags.push(language.flag);
    }
    bail!("no project can be written in {flag:?}: take one of {}", flags.join(", "))
}

/// Writes the files into a folder that is made for them.
fn write(folder: &Path, files: Vec<(String, String)>) -> Result<()> {
    if let Err(error) = fs::create_dir(folder) {
        ensure!(
            error.kind() != ErrorKind::AlreadyExists,
            "{} is there already: take another name, or remove it",
            folder.display()
        );
        return Err(error).with_context(|| format!("cannot make the folder {}", folder.display()));
    }
    for (place, text) in files {
        let path = folder.join(place);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// This command, as it can be typed in another folder.
fn command() -> String {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    match std::env::current_exe() {
        // It was found by its path, not by its name.
        Ok(path) if called.components().count() > 1 => quoted(&path.display().to_string()),
        _ => "choreo-host".into(),
    }
}

/// One word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
