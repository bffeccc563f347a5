//! `cargo plan`: builds plans, in every guest language, and runs them.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};
use choreo_workflows::{Built, HostProfile, component, host, plan, plans, runner, scripts};

const USAGE: &str = "\
usage: cargo plan list                        name all plans
       cargo plan build [NAME…]               build these plans, or all, into target/plans
       cargo plan runners                     build what runs scripts, into target/runners
       cargo plan [--release] run [OPTION…] NAME [ARG…]
                                              build the plan and the host, and run it
       cargo plan [--release] compare [OPTION…] NAME [ARG…]
                                              the same, and compare the modes

NAME may also be a script's file. Options of `choreo-host` stand before NAME, the
plan's own arguments after it.
--release takes the host's release build.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command's results go to standard output")]
fn run(arguments: &[String]) -> Result<ExitCode> {
    let (profile, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "--release" => (HostProfile::Release, rest),
        _ => (HostProfile::Dev, arguments),
    };
    let (verb, rest) = match arguments.split_first() {
        Some((verb, rest)) => (verb.as_str(), rest),
        None => ("help", arguments),
    };
    match verb {
        "list" => {
            for plan in plans()? {
                println!("{:<20} {}", plan.name, plan.language());
            }
        }
        "build" if rest.is_empty() => {
            for plan in plans()? {
                match plan.build()? {
                    Built::Component(path) => println!("{}", describe(&path)?),
                    Built::Skipped(missing) => println!("skipped {}: {missing}", plan.name),
                }
            }
        }
        "build" => {
            for name in rest {
                println!("{}", describe(&component(name)?)?);
            }
        }
        "runners" => {
            for extension in scripts() {
                match runner(extension)? {
                    Some(Built::Component(path)) => println!("{}", describe(&path)?),
                    Some(Built::Skipped(missing)) => println!("skipped {extension}: {missing}"),
                    None => {}
                }
            }
        }
        "run" | "compare" => {
            let (options, name, arguments) = split(rest)?;
            let (host, component) = (host(profile)?, given(name)?);
            let status = Command::new(&host).arg(verb).args(options).arg(component).args(arguments).status();
            let status = status.with_context(|| format!("start {}", host.display()))?;
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
        }
        "help" | "--help" | "-h" => println!("{USAGE}"),
        _ => bail!("no verb is called {verb:?}: take list, build, run or compare"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The host's options, the first word that is a plan's name, the plan's arguments.
fn split(words: &[String]) -> Result<(&[String], &str, &[String])> {
    let plans = plans()?;
    let is_plan = |word: &String| is_script(word) || plans.iter().any(|plan| plan.name == *word);
    let Some(at) = words.iter().position(is_plan) else {
        // No word is a plan: the error names those there are.
        let named =
            words.iter().find(|word| !word.starts_with('-')).context("no plan: name one of `cargo plan list`")?;
        return Err(plan(named).map_or_else(|error| error, |_| anyhow::anyhow!(USAGE)));
    };
    Ok((&words[..at], &words[at], &words[at + 1..]))
}

/// What the host runs: a plan's component, or a script, for which there is a runner.
fn given(name: &str) -> Result<PathBuf> {
    if !is_script(name) {
        return component(name);
    }
    let extension = Path::new(name).extension().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(Built::Skipped(missing)) = runner(&extension)? {
        bail!("cannot build what runs {name}: {missing}");
    }
    Ok(name.into())
}

/// Whether the word is a script's file, and no plan's name, which may end alike.
fn is_script(word: &str) -> bool {
    let path = Path::new(word);
    let ends = path.extension().is_some_and(|end| ["js", "mjs", "py"].iter().any(|known| end == *known));
    ends && path.is_file()
}

fn describe(component: &Path) -> Result<String> {
    let bytes = component.metadata()?.len();
    Ok(format!("{} ({} KB)", component.display(), bytes.div_ceil(1000)))
}
