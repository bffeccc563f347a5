//! `bench`: the paper's workflows at real lengths, in `choreo` and against a prefix
//! cache that is asked the same tokens; and another engine beside them.

mod drive;
mod outside;
mod shapes;
mod studies;
mod table;
mod workflows;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use super::model;
use super::options::HostArguments;
use super::start::start;
use crate::chat::{Chat, Role};
use crate::engine::{Handle, Mode, Pace};
use crate::model::Format;
use drive::Measured;
use outside::Outside;
use workload::{Builder, Workload};

/// What is measured.
#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    #[command(subcommand)]
    study: Study,
}

#[derive(Debug, Subcommand)]
pub(super) enum Study {
    /// Iterated debate, tree of thoughts and parallel debate, as in section 4 of the paper
    Paper(PaperArguments),
    /// Tree of thoughts over numbers of branches and voters (Figure 4)
    Tot(TotArguments),
    /// Parallel debate over numbers of agents
    Agents(AgentsArguments),
    /// Questions over documents that are encoded already
    Documents(DocumentsArguments),
}

#[derive(Debug, Args)]
pub(super) struct PaperArguments {
    /// Problems that are worked from end to end, every token one step
    #[arg(long, value_name = "N", default_value_t = 3)]
    problems: usize,
    /// Problems of which first tokens alone are timed: what was said is laid down in one pass
    #[arg(long, value_name = "N", default_value_t = 10)]
    ttft: usize,
    /// A JSON list of objects with a `problem` each; without it, texts of 74 tokens
    #[arg(long, value_name = "FILE")]
    problems_file: Option<PathBuf>,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Debug, Args)]
pub(super) struct TotArguments {
    /// Numbers of proposals
    #[arg(long, value_name = "B,…", value_delimiter = ',', default_value = "1,2,4,8")]
    branches: Vec<usize>,
    /// Numbers of votes
    #[arg(long, value_name = "V,…", value_delimiter = ',', default_value = "2,4,8,16")]
    voters: Vec<usize>,
    /// Problems each
    #[arg(long, value_name = "N", default_value_t = 3)]
    problems: usize,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Debug, Args)]
pub(super) struct AgentsArguments {
    /// Numbers of agents
    #[arg(long, value_name = "A,…", value_delimiter = ',', default_value = "2,4,8,16")]
    agents: Vec<usize>,
    /// Tokens of a turn
    #[arg(long, value_name = "N", default_value_t = 128)]
    turn: usize,
    /// Rounds after the first answers
    #[arg(long, value_name = "N", default_value_t = 2)]
    rounds: usize,
    /// Problems each
    #[arg(long, value_name = "N", default_value_t = 3)]
    problems: usize,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Debug, Args)]
pub(super) struct DocumentsArguments {
    /// Tokens of all documents together
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1000,4000")]
    tokens: Vec<usize>,
    /// Tokens of the question; a header alone is measured beside it
    #[arg(long, value_name = "N", default_value_t = 100)]
    question: usize,
    /// Questions each
    #[arg(long, value_name = "N", default_value_t = 3)]
    problems: usize,
    #[command(flatten)]
    setting: Setting,
}

/// On what it is measured.
#[derive(Debug, Args)]
#[command(next_help_heading = "On what it is measured")]
pub(super) struct Setting {
    #[command(flatten)]
    host: HostArguments,
    /// Random weights in a shape instead of a model: qwen3-0.6b, llama-3.1-8b, or a config.json's
    #[arg(long, value_name = "SHAPE", conflicts_with = "model")]
    shape: Option<String>,
    /// Numbers in which the random weights are stored
    #[arg(long, value_name = "FORMAT", default_value_t = Format::Q8_0)]
    weights: Format,
    /// Seed of lengths and texts
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Address of a llama.cpp server with the same model, asked the same
    #[arg(long, value_name = "URL")]
    outside: Option<String>,
    /// Write all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Study {
    fn setting(&self) -> &Setting {
        match self {
            Self::Paper(arguments) => &arguments.setting,
            Self::Tot(arguments) => &arguments.setting,
            Self::Agents(arguments) => &arguments.setting,
            Self::Documents(arguments) => &arguments.setting,
        }
    }
}

pub(super) fn bench(arguments: &BenchArguments) -> Result<ExitCode> {
    let setting = arguments.study.setting();
    let problems = studies::problems(&arguments.study)?;
    let stand = Stand::new(setting)?;
    let mut pages = vec![stand.page()?];
    pages.extend(studies::run(&stand, &arguments.study, &problems)?);
    if let Some(path) = &setting.json {
        let text = serde_json::to_string_pretty(&pages).context("render the figures")?;
        std::fs::write(path, text).with_context(|| format!("cannot write the figures to {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Everything that is measured with.
struct Stand {
    chat: Chat,
    handle: Handle,
    outside: Option<Outside>,
    seed: u64,
    runtime: tokio::runtime::Runtime,
}

impl Stand {
    fn new(setting: &Setting) -> Result<Self> {
        let outside = setting.outside.as_deref().map(Outside::connect).transpose()?;
        let source = || match &setting.shape {
            Some(name) => shapes::source(name, setting.weights),
            None => model::source(&setting.host),
        };
        let (source, again) = (source()?, source()?);
        let starting = start(source, &setting.host)?;
        // Prompts are made of tokens here too, as another engine is asked them.
        let chat = Chat::load(|file| again.read(file)).context("load the tokenizer")?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Self { chat, handle: starting.wait()?, outside, seed: setting.seed, runtime })
    }

    fn drive(&self, workload: &Workload, mode: Mode, pace: Pace) -> Result<Measured> {
        self.runtime.block_on(drive::drive(&self.handle, workload, mode, pace))
    }

    /// Prompt tokens a second, ours and the other engine's, of prompts of 512.
    fn prefill_speed(&self) -> Result<(f64, Option<f64>)> {
        const TOKENS: usize = 512;
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..4 {
            let mut builder = Builder::new(&self.chat, self.seed ^ (1 << 40) ^ round);
            let text = builder.text(TOKENS);
            let prompt = builder.prefill(Role::User, text, &[])?;
            builder.decode(vec![("So".into(), 1, vec![prompt])])?;
            let workload = builder.done();
            let tokens: Vec<_> = workload.messages[0].tokens().collect();
            let ours = self.drive(&workload, Mode::Prefix, Pace::OneByOne)?.first_total();
            times[0].push(tokens.len() as f64 / ours * 1e3);
            if let Some(outside) = &self.outside {
                times[1].push(tokens.len() as f64 / outside.first_of(&tokens)? * 1e3);
            }
        }
        // The first of each is a warming-up.
        let speed = |times: &[f64]| super::statistics::median(times.get(1..).unwrap_or_default());
        Ok((speed(&times[0]), self.outside.as_ref().map(|_| speed(&times[1]))))
    }

    /// What it is measured on.
    fn page(&self) -> Result<table::Page> {
        let (ours, theirs) = self.prefill_speed()?;
        let mut title = format!("{}: prefill {ours:.0} tokens/s", self.handle.shape().name);
        if let Some(theirs) = theirs {
            title += &format!(", llama.cpp {theirs:.0} tokens/s, ratio {:.2}", ours / theirs);
        }
        table::Page::begin(title, &[])
    }
}
