//! The contract's functions as the engine answers them.
//!
//! A guest's mistake is an error value of the contract, never a trap. What the
//! contract has and this host does not serve yet answers `unsupported` and
//! names itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::convert::{self, Checked, convert_error};
use super::generated::choreo::host::choreo as wit;
use super::{Answer, CPU, MEMORY};
use crate::engine::call::Error;
use crate::engine::{Pending, Run, wait_any};

/// One run of the engine, on a guest's behalf.
pub(in crate::wasm) struct Live {
    run: Arc<Run>,
    /// What a guest is told of the model.
    model: String,
    context: u32,
    /// What the guest has started and not dropped.
    pendings: BTreeMap<u32, Pending>,
    started: u32,
}

impl Live {
    /// A run on a model of this name and context, in tokens.
    pub(in crate::wasm) fn new(run: Arc<Run>, model: String, context: u32) -> Self {
        Self { run, model, context, pendings: BTreeMap::new(), started: 0 }
    }

    pub(super) async fn prefill(&self, calls: Vec<wit::PrefillCall>) -> Answer<Vec<wit::Message>> {
        answer(async { self.run.prefill(convert::prefill_calls(calls)?).await }).await
    }

    pub(super) async fn decode(&self, calls: Vec<wit::DecodeCall>) -> Answer<Vec<Result<wit::Decoded, wit::Error>>> {
        answer(async {
            let lanes = self.run.decode(convert::decode_calls(calls)?).await?;
            Ok(lanes.into_iter().map(convert::lane).collect())
        })
        .await
    }

    pub(super) async fn text(&self, ids: Vec<wit::Message>) -> Answer<Vec<String>> {
        answer(async { self.run.text(convert::ids(ids)?).await }).await
    }

    pub(super) async fn describe(&self, ids: Vec<wit::Message>) -> Answer<Vec<wit::Description>> {
        answer(async {
            let descriptions = self.run.describe(convert::ids(ids)?).await?;
            Ok(descriptions.into_iter().map(convert::description).collect())
        })
        .await
    }

    pub(super) async fn count_tokens(&self, role: wit::Role, part: wit::Part, texts: Vec<String>) -> Answer<Vec<u32>> {
        let (role, part) = (convert::role(role), convert::part(part));
        answer(async { self.run.count_tokens(role, part, convert::texts(texts)?).await }).await
    }

    pub(super) async fn release(&self, ids: Vec<wit::Message>) -> Answer<()> {
        answer(async { self.run.release(convert::ids(ids)?).await }).await
    }

    /// The numbers of what was started, from 1.
    pub(super) async fn start_decode(&mut self, calls: Vec<wit::DecodeCall>) -> Answer<Vec<u32>> {
        answer(async {
            let calls = convert::decode_calls(calls)?;
            let started = self.run.start_decode(convert::pendings(calls, self.pendings.len())?).await?;
            let numbered = started.into_iter().map(|pending| {
                self.started += 1;
                self.pendings.insert(self.started, pending);
                self.started
            });
            Ok(numbered.collect())
        })
        .await
    }

    pub(super) async fn wait_any(
        &self,
        numbers: Vec<u32>,
        until: wit::Until,
        timeout_ms: Option<u32>,
    ) -> Answer<Vec<u32>> {
        let pendings: Option<Vec<&Pending>> = numbers.iter().map(|number| self.pendings.get(number)).collect();
        let pendings = pendings.ok_or_else(dropped)?;
        let timeout = timeout_ms.map(|milliseconds| Duration::from_millis(milliseconds.into()));
        answer(async {
            convert::waits(pendings.len())?;
            wait_any(&pendings, convert::until(until), timeout).await
        })
        .await
    }

    pub(super) async fn score(&self, calls: Vec<wit::ScoreCall>) -> Answer<Vec<Vec<wit::Scored>>> {
        answer(async {
            let scored = self.run.score(convert::score_calls(calls)?).await?;
            Ok(scored.into_iter().map(convert::scored).collect())
        })
        .await
    }

    /// The engine's budgets.
    pub(super) async fn remaining(&self) -> wasmtime::Result<Vec<wit::Budget>> {
        let budgets = self.run.remaining().await.map_err(wasmtime::Error::new)?;
        Ok(budgets.into_iter().map(|(name, left)| wit::Budget { name, left }).collect())
    }

    /// Lowers a limit of the engine's; the binding's own are not its business.
    pub(super) async fn limit(&self, budget: wit::Budget) -> Answer<()> {
        match budget.name.as_str() {
            CPU | MEMORY => Ok(Ok(())),
            _ => answer(self.run.limit(budget.name, budget.left)).await,
        }
    }

    pub(super) async fn model(&self) -> wasmtime::Result<wit::ModelInfo> {
        let mut roles = Vec::new();
        for role in [wit::Role::System, wit::Role::User, wit::Role::Assistant, wit::Role::Tool, wit::Role::Raw] {
            let probe =
                self.run.count_tokens(convert::role(role), convert::part(wit::Part::Whole), vec![String::new()]);
            if probe.await.is_ok() {
                roles.push(role);
            }
        }
        Ok(wit::ModelInfo { name: self.model.clone(), context: self.context, roles })
    }

    pub(super) async fn read(&mut self, pending: u32) -> Answer<Option<String>> {
        answer(self.pending(pending)?.read()).await
    }

    pub(super) async fn finish(&mut self, pending: u32) -> Answer<wit::Decoded> {
        Ok(convert::lane(self.pending(pending)?.finish().await))
    }

    pub(super) async fn cancel(&mut self, pending: u32) -> Answer<wit::Decoded> {
        Ok(convert::lane(self.pending(pending)?.cancel().await))
    }

    pub(super) fn drop(&mut self, pending: u32) {
        self.pendings.remove(&pending);
    }

    fn pending(&mut self, number: u32) -> wasmtime::Result<&mut Pending> {
        self.pendings.get_mut(&number).ok_or_else(dropped)
    }
}

/// An engine's answer as the contract has it; never a trap.
async fn answer<T>(engine: impl Future<Output = Checked<T>>) -> Answer<T> {
    Ok(engine.await.map_err(|error: Error| convert_error(error)))
}

/// The component model hands out no handle twice.
fn dropped() -> wasmtime::Error {
    wasmtime::Error::msg("the plan names a pending message that it has dropped")
}
