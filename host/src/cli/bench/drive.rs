//! Workloads through our own engine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::workload::{Message, Workload};
use crate::engine::call::{DecodeCall, DecodeOptions, Finish, Number, Parent, Part, PrefillCall, View};
use crate::engine::{Budgets, Defaults, Generated, Handle, Mode, Pace, Run, RunOptions, Script, Tenant, Tokens};

/// What a workload took.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub(super) struct Measured {
    /// For each list of decodes, milliseconds until all had their first token.
    pub(super) first_ms: Vec<f64>,
    /// Milliseconds from the first call to the last answer.
    pub(super) total_ms: f64,
    /// Tokens encoded, or as another engine says it.
    pub(super) encoded: u64,
    /// Tokens found instead.
    pub(super) reused: u64,
    /// Bytes of keys and values at most; none where another engine does not say.
    pub(super) peak_bytes: Option<u64>,
}

impl Measured {
    /// Milliseconds to first tokens, all lists together.
    pub(super) fn first_total(&self) -> f64 {
        self.first_ms.iter().sum()
    }
}

/// Runs a workload that finds nothing of earlier ones.
pub(super) async fn drive(handle: &Handle, workload: &Workload, mode: Mode, pace: Pace) -> Result<Measured> {
    handle.forget().await?;
    let run = handle.open(options(workload, mode, pace)).await?;
    let begun = Instant::now();
    for list in &workload.lists {
        call(&run, workload, list.clone()).await?;
    }
    let total_ms = begun.elapsed().as_secs_f64() * 1e3;
    let report = run.report().await?;
    let first = |list: &std::ops::Range<usize>| {
        let times = report.messages[list.clone()].iter().filter_map(|message| message.ttft_ms);
        times.reduce(f64::max)
    };
    Ok(Measured {
        first_ms: workload.lists.iter().filter_map(first).collect(),
        total_ms,
        encoded: report.encoded + report.encoded_again,
        reused: report.reused,
        peak_bytes: Some(report.peak_pool_bytes),
    })
}

fn options(workload: &Workload, mode: Mode, pace: Pace) -> RunOptions {
    let generated = workload.messages.iter().zip(1..).filter_map(|(message, number)| {
        let tokens = message.said.clone()?;
        Some((number, Generated::new(tokens, Finish::Length)))
    });
    let messages: BTreeMap<Number, Generated> = generated.collect();
    RunOptions {
        mode,
        tenant: Tenant::default(),
        seed: 0,
        budgets: Budgets { calls: u64::MAX, tokens_out: u64::MAX, text_bytes: u64::MAX, wall: Duration::MAX },
        defaults: Defaults { max_tokens: 1, temperature: 0.0, top_p: 1.0, top_k: None },
        tokens: Tokens::Forced(Arc::new(Script { messages, scores: BTreeMap::new(), pace })),
    }
}

async fn call(run: &Run, workload: &Workload, list: std::ops::Range<usize>) -> Result<()> {
    let messages = &workload.messages[list.clone()];
    if messages.iter().all(|message| message.said.is_none()) {
        run.prefill(messages.iter().map(prefill_call).collect()).await?;
        return Ok(());
    }
    for decoded in run.decode(messages.iter().map(decode_call).collect()).await? {
        decoded.with_context(|| format!("messages {list:?} of the workload"))?;
    }
    Ok(())
}

fn view(message: &Message) -> View {
    let parents = message.parents.iter().map(|parent| Parent { id: number(*parent), offset: None });
    View { parents: parents.collect(), offset: None }
}

/// Messages of a run are numbered from 1.
fn number(message: usize) -> Number {
    Number::try_from(message + 1).unwrap_or(Number::MAX)
}

fn prefill_call(message: &Message) -> PrefillCall {
    PrefillCall { role: message.role, name: None, part: Part::Whole, text: message.text.clone(), view: view(message) }
}

fn decode_call(message: &Message) -> DecodeCall {
    let tokens = message.said.as_ref().map_or(1, Vec::len);
    DecodeCall {
        role: message.role,
        name: None,
        part: Part::Whole,
        header: message.text.clone(),
        view: view(message),
        options: DecodeOptions { max_tokens: u32::try_from(tokens).ok(), ..DecodeOptions::default() },
    }
}
