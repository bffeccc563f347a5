//! The flags and what they mean.

mod compare;
mod host;
mod plan;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

pub(super) use self::compare::CompareArguments;
pub(super) use self::host::HostArguments;
pub(super) use self::plan::PlanArguments;
use self::plan::split;

use crate::engine::{Budgets, Mode, RunOptions, Tokens};
use crate::wasm::Limits;

/// The host's options stand before PLAN; all that follows it is the plan's.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub(super) host: HostArguments,
    /// How parents are honoured: each message encoded once; or each call one prompt,
    /// of which the longest beginning that is cached is reused; or encoded anew
    #[arg(long, value_enum, default_value_t = ModeArgument::Choreo)]
    mode: ModeArgument,
    /// Write what the run cost, message by message, to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    /// Write the plan's calls and their answers to this file, a line of JSON each, as they
    /// come; `choreo-host replay` runs a plan against it
    #[arg(long, value_name = "FILE")]
    pub(super) record: Option<PathBuf>,
    /// Show texts on standard error while they are decoded, the oldest message
    /// first; with =N, message N's alone
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    pub(super) stream: Option<u32>,
    #[command(flatten)]
    pub(super) plan: PlanArguments,
}

impl RunArguments {
    /// The mode's name, as written.
    pub(super) fn mode(&self) -> &'static str {
        Mode::from(self.mode).name()
    }

    pub(super) fn options(&self) -> RunOptions {
        self.plan.options(self.mode.into(), Tokens::Sampled)
    }
}

/// What `replay` is given. What the plan may use is what the recorded one could.
#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Show errors and the plan's own log only
    #[arg(long)]
    pub(super) quiet: bool,
    /// The folder that a script may import files from; without it, the script's own
    #[arg(long, value_name = "FOLDER")]
    pub(super) root: Option<PathBuf>,
    /// What `choreo-host run --record` has written
    #[arg(value_name = "RECORDING")]
    pub(super) recording: PathBuf,
    /// The plan's component or script, and what it is given: without arguments, the recorded ones
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_names = ["PLAN", "ARGUMENT"])]
    plan: Vec<String>,
}

impl ReplayArguments {
    /// The component's path, and the plan's own arguments as written.
    pub(super) fn plan(&self) -> (PathBuf, &[String]) {
        split(&self.plan)
    }
}

/// What `view` is given.
#[derive(Debug, Args)]
pub(super) struct ViewArguments {
    /// What `choreo-host run --report` has written
    #[arg(value_name = "REPORT")]
    pub(super) report: PathBuf,
    /// The page's file; without it, the report's name, ending in .html
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// What `new` is given.
#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// The project's folder, which must not be there yet; its last part is the project's name
    #[arg(value_name = "NAME")]
    pub(super) folder: PathBuf,
    /// The language: rust, python, js, ts, c or go
    #[arg(long, value_name = "LANGUAGE")]
    pub(super) lang: String,
}

/// What `check` is given.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The plan's component or script
    pub(super) plan: PathBuf,
    #[command(flatten)]
    pub(super) limits: LimitArguments,
}

/// What a run may use.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the plan may use")]
pub(super) struct LimitArguments {
    /// Milliseconds on the processor in its own code
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    cpu_ms: u64,
    /// Milliseconds from start to end
    #[arg(long, value_name = "N", default_value_t = 600_000)]
    wall_ms: u64,
    /// Calls to the model, over all lists
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    calls: u64,
    /// Tokens generated
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    tokens_out: u64,
    /// MiB of texts, tokens and lists of parents that the host keeps
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = RangedU64ValueParser::<u64>::new().range(..=65_536))]
    text_mib: u64,
    /// MiB of memory
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = RangedU64ValueParser::<u64>::new().range(..=65_536))]
    memory_mib: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModeArgument {
    Choreo,
    Prefix,
    Naive,
}

impl From<ModeArgument> for Mode {
    fn from(mode: ModeArgument) -> Self {
        match mode {
            ModeArgument::Choreo => Self::Choreo,
            ModeArgument::Prefix => Self::Prefix,
            ModeArgument::Naive => Self::Naive,
        }
    }
}

impl LimitArguments {
    pub(super) fn budgets(&self) -> Budgets {
        Budgets {
            calls: self.calls,
            tokens_out: self.tokens_out,
            text_bytes: self.text_mib << 20,
            wall: Duration::from_millis(self.wall_ms),
        }
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            cpu: Duration::from_millis(self.cpu_ms),
            wall: Duration::from_millis(self.wall_ms),
            memory_bytes: self.memory_mib << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::super::{Arguments, Command};
    use super::*;
    use crate::model::CacheSize;

    fn parse(line: &str) -> RunArguments {
        let words = ["choreo-host", "run"].into_iter().chain(line.split_whitespace());
        match Arguments::try_parse_from(words).unwrap().command {
            Command::Run(arguments) => *arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_follows_the_plan_is_the_plans() {
        let arguments = parse("--seed 7 --quiet plan.wasm --seed 8 -x --agents=3 -- --quiet word");
        assert_eq!((arguments.plan.seed, arguments.host.quiet), (7, true));
        let (plan, own) = arguments.plan.plan();
        assert_eq!(plan, PathBuf::from("plan.wasm"));
        assert_eq!(own, ["--seed", "8", "-x", "--agents=3", "--", "--quiet", "word"]);
    }

    #[test]
    fn a_separator_may_stand_on_either_side_of_the_plan() {
        for line in ["plan.wasm -- --help", "-- plan.wasm --help", "-- plan.wasm -- --help"] {
            let arguments = parse(line);
            let (plan, own) = arguments.plan.plan();
            assert_eq!(plan, PathBuf::from("plan.wasm"), "{line}");
            assert_eq!(own, ["--help"], "{line}");
        }
    }

    #[test]
    fn a_cache_is_sized_by_tokens_or_by_bytes() {
        assert_eq!(parse("plan.wasm").host.cache_size(), CacheSize::Tokens(32_768));
        assert_eq!(parse("--cache-tokens 7 plan.wasm").host.cache_size(), CacheSize::Tokens(7));
        for (text, bytes) in [("1000", 1000), ("512M", 512_000_000), ("2GiB", 2 << 30), ("1.5 KiB", 1536)] {
            let arguments = Arguments::try_parse_from(["choreo-host", "run", "--cache-bytes", text, "plan.wasm"]);
            let Command::Run(arguments) = arguments.unwrap().command else { panic!("it is run") };
            assert_eq!(arguments.host.cache_size(), CacheSize::Bytes(bytes), "{text}");
        }
    }

    #[test]
    fn numbers_out_of_bounds_are_refused() {
        for flag in [
            "--temperature=-1",
            "--temperature=nan",
            "--top-p=0",
            "--top-p=2",
            "--cache-tokens=0",
            "--cache-tokens=4294967296",
            "--cache-bytes=many",
            "--cache-bytes=-1",
            "--cache-type=f8",
            "--threads=0",
            "--max-tokens=0",
            "--memory-mib=18446744073709551615",
            "--mode=fast",
        ] {
            let parsed = Arguments::try_parse_from(["choreo-host", "run", flag, "plan.wasm"]);
            assert!(parsed.is_err(), "{flag}");
        }
    }
}
