//! What a run cost: as JSON, and in a few lines.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::engine::report::RunReport;
use crate::model::{CacheType, ModelShape};
use crate::wasm::Outcome;

/// The engine's account and the sandbox's, as one.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// `result`, `error` (the plan's own) or `stopped` (by a limit or a trap).
    outcome: &'static str,
    /// The error's text, or the line that says why it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// From the process's start to the plan's first call of the host.
    first_call_ms: Option<f64>,
    /// Time on the processor in the plan's own code.
    plan_cpu_ms: f64,
    /// Linear memory of the plan, at most.
    plan_memory_bytes: u64,
    cache: CacheReport,
    #[serde(flatten)]
    run: RunReport,
}

/// The cache that runs share.
#[derive(Debug, Serialize)]
pub(super) struct CacheReport {
    /// Numbers in which it holds keys and values.
    #[serde(rename = "type")]
    cache_type: &'static str,
    /// Tokens that it holds.
    tokens: usize,
    /// Bytes of one token's keys and values.
    token_bytes: usize,
}

/// Writes it as JSON, whole or not at all.
pub(super) fn write(value: &impl Serialize, path: &Path) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(fs::write(path, text)?)
}

impl CacheReport {
    pub(super) fn new(cache_type: CacheType, shape: &ModelShape) -> Self {
        Self { cache_type: cache_type.name(), tokens: shape.slots, token_bytes: shape.slot_bytes }
    }
}

impl Report {
    pub(super) fn new(run: RunReport, cache: CacheReport, outcome: &Outcome, started: Instant) -> Self {
        let (kind, error) = match &outcome.result {
            Ok(Ok(_)) => ("result", None),
            Ok(Err(text)) => ("error", Some(text.clone())),
            Err(failure) => ("stopped", Some(failure.line.clone())),
        };
        let first_call = outcome.first_call.map(|called| called.saturating_duration_since(started));
        Self {
            outcome: kind,
            error,
            first_call_ms: first_call.map(|time| time.as_secs_f64() * 1e3),
            plan_cpu_ms: outcome.cpu.as_secs_f64() * 1e3,
            plan_memory_bytes: outcome.memory_bytes,
            cache,
            run,
        }
    }

    /// Writes it whole or not at all.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        write(self, path).with_context(|| format!("cannot write the report to {}", path.display()))
    }

    /// Two lines for a person.
    pub(super) fn summary(&self) -> String {
        let run = &self.run;
        let mut first: Vec<f64> = run.messages.iter().filter_map(|message| message.ttft_ms).collect();
        first.sort_by(f64::total_cmp);
        let ttft = first.get(first.len() / 2).map_or(String::new(), |ttft| format!(", first token after {ttft:.0} ms"));
        let speed = if run.decode_ms > 0.0 {
            format!(", {:.0} tokens/s", run.generated as f64 / run.decode_ms * 1e3)
        } else {
            String::new()
        };
        let some = |count: u64, what| if count > 0 { format!(", {count} {what}") } else { String::new() };
        let (again, shared) = (some(run.encoded_again, "again"), some(run.shared, "shared"));
        let first_call =
            self.first_call_ms.map_or(String::new(), |time| format!(", first call {time:.0} ms after the start"));
        format!(
            "{} messages in {:.2} s: {} tokens encoded{again}{shared}, {} reused, {} generated{ttft}{speed}\n\
             the plan itself: {:.0} ms on the processor, {:.1} MiB{first_call}",
            run.messages.len(),
            run.total_ms / 1e3,
            run.encoded,
            run.reused,
            run.generated,
            self.plan_cpu_ms,
            self.plan_memory_bytes as f64 / f64::from(1 << 20),
        )
    }
}
