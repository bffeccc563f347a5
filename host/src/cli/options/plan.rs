//! A plan, what it is given and what it may use.

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::engine::{Defaults, Mode, RunOptions, Tenant, Tokens};

use super::LimitArguments;

/// What is run.
#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArguments {
    /// Seed of the run
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(in crate::cli) seed: u64,
    /// Temperature where a call sets none; 0 is greedy
    #[arg(long, value_name = "T", default_value_t = 0.0, value_parser = temperature)]
    temperature: f32,
    /// Sum of the likeliest tokens' probabilities to choose among, where a call sets none
    #[arg(long, value_name = "P", default_value_t = 1.0, value_parser = top_p)]
    top_p: f32,
    /// Tokens that a message may get, where a call does not say
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    max_tokens: u32,
    /// The folder that a script may import files from; without it, the script's own
    #[arg(long, value_name = "FOLDER")]
    pub(in crate::cli) root: Option<PathBuf>,
    /// The plan's component or script (.js), and what it is given: an argument @FILE stands for
    /// the file's text, @@TEXT for @TEXT
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_names = ["PLAN", "ARGUMENT"])]
    plan: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) limits: LimitArguments,
}

impl PlanArguments {
    /// The component's path, and the plan's own arguments as written.
    pub(in crate::cli) fn plan(&self) -> (PathBuf, &[String]) {
        split(&self.plan)
    }

    /// A run's settings.
    pub(in crate::cli) fn options(&self, mode: Mode, tokens: Tokens) -> RunOptions {
        RunOptions {
            mode,
            tenant: Tenant::default(),
            seed: self.seed,
            budgets: self.limits.budgets(),
            defaults: Defaults {
                max_tokens: self.max_tokens,
                temperature: self.temperature,
                top_p: self.top_p,
                top_k: None,
            },
            tokens,
        }
    }
}

/// A component's path and what follows it. One `--` after PLAN is for those who
/// are used to it, and dropped.
pub(super) fn split(plan: &[String]) -> (PathBuf, &[String]) {
    let (path, rest) = plan.split_first().map_or((PathBuf::new(), plan), |(path, rest)| (path.into(), rest));
    match rest {
        [first, rest @ ..] if first == "--" => (path, rest),
        rest => (path, rest),
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
