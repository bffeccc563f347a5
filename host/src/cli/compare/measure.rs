//! A plan's runs: each with an empty cache, the modes in turn.

use std::sync::Arc;

use serde::Serialize;

use crate::engine::call::Number;
use crate::engine::report::RunReport;
use crate::engine::{Handle, Mode, Script, Tokens};
use crate::wasm::{LogSink, Plan, Printed, Task};

use super::super::options::PlanArguments;
use super::super::outcome::show_printed;
use super::super::screen::{Screen, one_line};

/// What the modes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Saying {
    /// All what the first one said.
    Forced,
    /// Each what it chooses.
    Free,
}

/// What is run.
pub(super) struct Subject<'a> {
    pub(super) plan: &'a Plan,
    pub(super) handle: &'a Handle,
    pub(super) given: &'a PlanArguments,
    /// The plan's own.
    pub(super) arguments: &'a [String],
    pub(super) screen: Screen,
}

/// What one mode said and cost.
pub(super) struct Timed {
    pub(super) mode: Mode,
    /// What the plan gave.
    pub(super) result: String,
    /// What was generated; nothing where that was forced.
    pub(super) script: Script,
    /// Each timed run's account.
    pub(super) rounds: Vec<RunReport>,
}

impl Timed {
    /// What a message sees.
    pub(super) fn parents(&self, id: Number) -> Vec<Number> {
        let messages = self.rounds.first().into_iter().flat_map(|run| &run.messages);
        let parents = messages.filter(|message| message.id == id).flat_map(|message| &message.parents);
        parents.map(|parent| parent.id).collect()
    }
}

/// A run that gave a result.
struct Ended {
    result: String,
    printed: Printed,
    report: RunReport,
    script: Script,
}

/// Why there is nothing to compare.
pub(super) enum Trouble {
    /// The host failed.
    Host(anyhow::Error),
    /// A run gave no result: a line that says how it ended, and the exit code for that.
    Plan { line: String, code: u8 },
}

impl<E: Into<anyhow::Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Host(error.into())
    }
}

impl Subject<'_> {
    /// Runs every mode once to hear what it says, and then `repeat` times to time it.
    pub(super) async fn measure(&self, modes: &[Mode], saying: Saying, repeat: u32) -> Result<Vec<Timed>, Trouble> {
        let mut timed: Vec<Timed> = Vec::new();
        let mut tokens = Tokens::Kept;
        for mode in modes {
            self.screen.about(&format!("{}, not timed", mode.name()));
            // The plan speaks once, not in every run.
            let log = if timed.is_empty() { self.screen.log() } else { LogSink::default() };
            let run = self.once(*mode, tokens.clone(), log).await?;
            if timed.is_empty() {
                show_printed(&run.printed);
                if saying == Saying::Forced {
                    tokens = Tokens::Forced(Arc::new(run.script.clone()));
                }
            }
            timed.push(Timed { mode: *mode, result: run.result, script: run.script, rounds: Vec::new() });
        }
        if saying == Saying::Free {
            tokens = Tokens::Sampled;
        }
        for round in 0..repeat {
            for index in order(round as usize, modes.len()) {
                let mode = &mut timed[index];
                self.screen.about(&format!("{}, {} of {repeat}", mode.mode.name(), round + 1));
                mode.rounds.push(self.once(mode.mode, tokens.clone(), LogSink::default()).await?.report);
            }
        }
        self.screen.clear();
        Ok(timed)
    }

    /// One run, which finds nothing of those before it.
    async fn once(&self, mode: Mode, tokens: Tokens, log: LogSink) -> Result<Ended, Trouble> {
        self.handle.forget().await?;
        let run = Arc::new(self.handle.open(self.given.options(mode, tokens)).await?);
        let task =
            Task { arguments: self.arguments.to_vec(), limits: self.given.limits.limits(), seed: self.given.seed, log };
        let follow = self.screen.follow(run.progress());
        let outcome = self.plan.run(self.handle, run.clone(), task).await;
        let report = run.report().await;
        follow.abort();
        let (line, code) = match outcome.result {
            Ok(Ok(result)) => {
                return Ok(Ended { result, printed: outcome.printed, report: report?, script: run.script().await? });
            }
            Ok(Err(text)) => (format!("the plan says: {}", one_line(&text)), 1),
            Err(failure) => (failure.line, 2),
        };
        self.screen.clear();
        Err(Trouble::Plan { line: format!("in mode {}: {line}", mode.name()), code })
    }
}

/// In which order so many modes run in a round: each is as often first as any,
/// and follows each other one as often.
fn order(round: usize, modes: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..modes).map(|place| (place + round) % modes).collect();
    if (round / modes) % 2 == 1 {
        order.reverse();
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_mode_is_first_and_follows_every_other_as_often() {
        for modes in [2, 3] {
            let mut times: BTreeMap<_, usize> = BTreeMap::new();
            for round in 0..2 * modes {
                let order = order(round, modes);
                *times.entry((None, order[0])).or_default() += 1;
                for pair in order.windows(2) {
                    *times.entry((Some(pair[0]), pair[1])).or_default() += 1;
                }
            }
            let pairs = modes * (modes - 1);
            assert_eq!(times.len(), modes + pairs);
            assert!(times.values().all(|count| *count == 2), "{times:?}");
        }
    }
}
