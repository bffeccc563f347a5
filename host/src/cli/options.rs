//! The flags and what they mean.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use crate::engine::{Budgets, Defaults, Mode, RunOptions, Tenant, Tokens};
use crate::model::{CacheSize, CacheType};
use crate::wasm::Limits;

/// The host's options stand before PLAN; all that follows it is the plan's.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// A Hugging Face directory, a .gguf file, or a name on the hub: ORG/NAME or
    /// ORG/NAME/FILE.gguf, either perhaps with @REVISION, which is fetched once into
    /// the hub's cache; without it, the model that is built in
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<PathBuf>,
    /// How parents are honoured: each message encoded once; or each call one prompt,
    /// of which the longest beginning that is cached is reused; or encoded anew
    #[arg(long, value_enum, default_value_t = ModeArgument::Choreo)]
    mode: ModeArgument,
    /// Seed of the run
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    /// Temperature where a call sets none; 0 is greedy
    #[arg(long, value_name = "T", default_value_t = 0.0, value_parser = temperature)]
    temperature: f32,
    /// Sum of the likeliest tokens' probabilities to choose among, where a call sets none
    #[arg(long, value_name = "P", default_value_t = 1.0, value_parser = top_p)]
    top_p: f32,
    /// Tokens that a message may get, where a call does not say
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    max_tokens: u32,
    /// Tokens that the cache of keys and values holds
    #[arg(long, value_name = "N", default_value_t = 32_768, value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    cache_tokens: u32,
    /// Bytes that it may take instead, as 512MB or 2GiB
    #[arg(long, value_name = "BYTES", conflicts_with = "cache_tokens", value_parser = bytes)]
    cache_bytes: Option<u64>,
    /// Numbers in which it holds them: f32, or rounded to bf16, f16 or q8 (a byte each)
    #[arg(long, value_name = "TYPE", default_value_t = CacheType::F32)]
    pub(super) cache_type: CacheType,
    /// Threads that compute; without it, one a processor
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1024))]
    threads: Option<u32>,
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
    /// Show errors and the plan's own log only
    #[arg(long)]
    pub(super) quiet: bool,
    /// The plan's component, and what it is given: an argument @FILE stands for
    /// the file's text, @@TEXT for @TEXT
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_names = ["PLAN", "ARGUMENT"])]
    plan: Vec<String>,
    #[command(flatten)]
    pub(super) limits: LimitArguments,
}

/// What `replay` is given. What the plan may use is what the recorded one could.
#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Show errors and the plan's own log only
    #[arg(long)]
    pub(super) quiet: bool,
    /// What `choreo-host run --record` has written
    #[arg(value_name = "RECORDING")]
    pub(super) recording: PathBuf,
    /// The plan's component, and what it is given: without arguments, the recorded ones
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

/// What `check` is given.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// The plan's component
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

impl RunArguments {
    /// The component's path, and the plan's own arguments as written.
    pub(super) fn plan(&self) -> (PathBuf, &[String]) {
        split(&self.plan)
    }

    /// The mode's name, as written.
    pub(super) fn mode(&self) -> String {
        self.mode.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(super) fn threads(&self) -> usize {
        let given = self.threads.and_then(|threads| usize::try_from(threads).ok());
        given.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into))
    }

    pub(super) fn cache_size(&self) -> CacheSize {
        let tokens = || usize::try_from(self.cache_tokens).unwrap_or(usize::MAX);
        self.cache_bytes.map_or_else(|| CacheSize::Tokens(tokens()), CacheSize::Bytes)
    }

    pub(super) fn options(&self) -> RunOptions {
        RunOptions {
            mode: match self.mode {
                ModeArgument::Choreo => Mode::Choreo,
                ModeArgument::Prefix => Mode::Prefix,
                ModeArgument::Naive => Mode::Naive,
            },
            tenant: Tenant::default(),
            seed: self.seed,
            budgets: self.limits.budgets(),
            defaults: Defaults {
                max_tokens: self.max_tokens,
                temperature: self.temperature,
                top_p: self.top_p,
                top_k: None,
            },
            tokens: Tokens::Sampled,
        }
    }
}

/// A component's path and what follows it. One `--` after PLAN is for those who
/// are used to it, and dropped.
fn split(plan: &[String]) -> (PathBuf, &[String]) {
    let (path, rest) = plan.split_first().map_or((PathBuf::new(), plan), |(path, rest)| (path.into(), rest));
    match rest {
        [first, rest @ ..] if first == "--" => (path, rest),
        rest => (path, rest),
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

fn temperature(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("use a number from 0 (greedy) to 100".into()),
    }
}

fn top_p(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(value) if value > 0.0 && value <= 1.0 => Ok(value),
        _ => Err("use a number above 0, and at most 1 (all tokens)".into()),
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    let size: Result<ByteSize, _> = text.parse();
    size.map(|size| size.as_u64()).map_err(|_| "use a number of bytes, as 512MB or 2GiB".into())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::super::{Arguments, Command};
    use super::*;

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
        assert_eq!((arguments.seed, arguments.quiet), (7, true));
        let (plan, own) = arguments.plan();
        assert_eq!(plan, PathBuf::from("plan.wasm"));
        assert_eq!(own, ["--seed", "8", "-x", "--agents=3", "--", "--quiet", "word"]);
    }

    #[test]
    fn a_separator_may_stand_on_either_side_of_the_plan() {
        for line in ["plan.wasm -- --help", "-- plan.wasm --help", "-- plan.wasm -- --help"] {
            let arguments = parse(line);
            let (plan, own) = arguments.plan();
            assert_eq!(plan, PathBuf::from("plan.wasm"), "{line}");
            assert_eq!(own, ["--help"], "{line}");
        }
    }

    #[test]
    fn a_cache_is_sized_by_tokens_or_by_bytes() {
        assert_eq!(parse("plan.wasm").cache_size(), CacheSize::Tokens(32_768));
        assert_eq!(parse("--cache-tokens 7 plan.wasm").cache_size(), CacheSize::Tokens(7));
        for (text, bytes) in [("1000", 1000), ("512M", 512_000_000), ("2GiB", 2 << 30), ("1.5 KiB", 1536)] {
            let arguments = Arguments::try_parse_from(["choreo-host", "run", "--cache-bytes", text, "plan.wasm"]);
            let Command::Run(arguments) = arguments.unwrap().command else { panic!("it is run") };
            assert_eq!(arguments.cache_size(), CacheSize::Bytes(bytes), "{text}");
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
