//! What `compare` is given.

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::engine::Mode;

use super::{HostArguments, ModeArgument, PlanArguments};

/// The host's options stand before PLAN; all that follows it is the plan's.
#[derive(Debug, Args)]
pub(in crate::cli) struct CompareArguments {
    #[command(flatten)]
    pub(in crate::cli) host: HostArguments,
    /// The modes, two or three; the others are compared with the first
    #[arg(long, value_name = "MODES", value_enum, value_delimiter = ',', default_value = "choreo,prefix,naive")]
    modes: Vec<ModeArgument>,
    /// How often each mode is timed, after one run that is not
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = RangedU64ValueParser::<u32>::new().range(1..=10_000))]
    pub(in crate::cli) repeat: u32,
    /// Let each mode choose its own tokens, and show where the texts part; without it,
    /// all modes are made to say what the first one said
    #[arg(long)]
    pub(in crate::cli) free: bool,
    /// Show every message's times and tokens
    #[arg(long)]
    pub(in crate::cli) messages: bool,
    /// Write all figures, texts and runs' reports to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) json: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) plan: PlanArguments,
}

impl CompareArguments {
    /// The modes, the first of which is what the others are compared with.
    ///
    /// # Errors
    /// One mode alone, or one twice.
    pub(in crate::cli) fn modes(&self) -> Result<Vec<Mode>, String> {
        let modes: Vec<Mode> = self.modes.iter().map(|mode| (*mode).into()).collect();
        let names: Vec<&str> = modes.iter().map(|mode| mode.name()).collect();
        let twice = modes.iter().enumerate().any(|(at, mode)| modes[..at].contains(mode));
        if modes.len() < 2 || twice {
            return Err(format!(
                "--modes {}: name two or three different ones of choreo, prefix, naive",
                names.join(",")
            ));
        }
        Ok(modes)
    }
}
