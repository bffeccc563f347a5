//! The contract's functions, as the guest calls them: the only place where
//! WIT types and the engine's meet.
//!
//! A guest's mistake is an error value of the contract, never a trap. What the
//! contract has and this host does not serve yet answers `unsupported` and
//! names itself.

mod convert;

use std::time::Duration;

use wasmtime::component::{HasSelf, Linker, Resource};

use self::convert::{convert_error, outcome};
pub(super) use self::generated::PlanPre;
use self::generated::choreo::host::choreo as wit;
use self::generated::choreo::host::log as wit_log;
use super::world::World;
use crate::engine::{Pending, wait_any};

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "plan",
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "choreo:host/choreo.pending": crate::engine::Pending },
    });
}

/// Gives a linker the contract's two interfaces.
pub(super) fn add_to_linker(linker: &mut Linker<World>) -> wasmtime::Result<()> {
    generated::Plan::add_to_linker::<World, HasSelf<World>>(linker, |world| world)
}

type Answer<T> = wasmtime::Result<Result<T, wit::Error>>;

impl wit::Host for World {
    async fn prefill(&mut self, calls: Vec<wit::PrefillCall>) -> Answer<Vec<wit::Message>> {
        self.called();
        let calls = match convert::prefill_calls(calls) {
            Ok(calls) => calls,
            Err(error) => return Ok(Err(convert_error(error))),
        };
        outcome(self.run.prefill(calls).await)
    }

    async fn decode(&mut self, calls: Vec<wit::DecodeCall>) -> Answer<Vec<Result<wit::Decoded, wit::Error>>> {
        self.called();
        let calls = match convert::decode_calls(calls) {
            Ok(calls) => calls,
            Err(error) => return Ok(Err(convert_error(error))),
        };
        let lanes = self.run.decode(calls).await;
        outcome(lanes.map(|lanes| lanes.into_iter().map(convert::lane).collect()))
    }

    async fn text(&mut self, ids: Vec<wit::Message>) -> Answer<Vec<String>> {
        self.called();
        match convert::ids(ids) {
            Ok(ids) => outcome(self.run.text(ids).await),
            Err(error) => Ok(Err(convert_error(error))),
        }
    }

    async fn describe(&mut self, ids: Vec<wit::Message>) -> Answer<Vec<wit::Description>> {
        self.called();
        let ids = match convert::ids(ids) {
            Ok(ids) => ids,
            Err(error) => return Ok(Err(convert_error(error))),
        };
        let descriptions = self.run.describe(ids).await;
        outcome(descriptions.map(|list| list.into_iter().map(convert::description).collect()))
    }

    async fn count_tokens(&mut self, role: wit::Role, part: wit::Part, texts: Vec<String>) -> Answer<Vec<u32>> {
        self.called();
        match convert::texts(texts) {
            Ok(texts) => outcome(self.run.count_tokens(convert::role(role), convert::part(part), texts).await),
            Err(error) => Ok(Err(convert_error(error))),
        }
    }

    async fn release(&mut self, ids: Vec<wit::Message>) -> Answer<()> {
        self.called();
        match convert::ids(ids) {
            Ok(ids) => outcome(self.run.release(ids).await),
            Err(error) => Ok(Err(convert_error(error))),
        }
    }

    async fn start_decode(&mut self, calls: Vec<wit::DecodeCall>) -> Answer<Vec<Resource<Pending>>> {
        self.called();
        let calls = convert::decode_calls(calls).and_then(|calls| convert::pendings(calls, self.pendings));
        let calls = match calls {
            Ok(calls) => calls,
            Err(error) => return Ok(Err(convert_error(error))),
        };
        let pendings = match self.run.start_decode(calls).await {
            Ok(pendings) => pendings,
            Err(error) => return Ok(Err(convert_error(error))),
        };
        let mut handles = Vec::with_capacity(pendings.len());
        for pending in pendings {
            handles.push(self.table.push(pending)?);
            self.pendings += 1;
        }
        Ok(Ok(handles))
    }

    async fn wait_any(
        &mut self,
        pendings: Vec<Resource<Pending>>,
        until: wit::Until,
        timeout_ms: Option<u32>,
    ) -> Answer<Vec<u32>> {
        self.called();
        if let Err(error) = convert::waits(pendings.len()) {
            return Ok(Err(convert_error(error)));
        }
        let pendings = pendings.iter().map(|pending| self.table.get(pending)).collect::<Result<Vec<_>, _>>()?;
        let timeout = timeout_ms.map(|milliseconds| Duration::from_millis(milliseconds.into()));
        outcome(wait_any(&pendings, convert::until(until), timeout).await)
    }

    async fn score(&mut self, calls: Vec<wit::ScoreCall>) -> Answer<Vec<Vec<wit::Scored>>> {
        self.called();
        let calls = match convert::score_calls(calls) {
            Ok(calls) => calls,
            Err(error) => return Ok(Err(convert_error(error))),
        };
        let scored = self.run.score(calls).await;
        outcome(scored.map(|calls| calls.into_iter().map(convert::scored).collect()))
    }

    async fn remaining(&mut self) -> wasmtime::Result<Vec<wit::Budget>> {
        self.called();
        let engine = self.run.remaining().await.map_err(wasmtime::Error::new)?;
        let own = [(CPU, self.meter.left_ms()), (MEMORY, self.account.left())];
        let own = own.map(|(name, left)| wit::Budget { name: name.into(), left });
        Ok(engine.into_iter().map(|(name, left)| wit::Budget { name, left }).chain(own).collect())
    }

    async fn limit(&mut self, budget: wit::Budget) -> Answer<()> {
        self.called();
        match budget.name.as_str() {
            CPU => self.meter.lower_ms(budget.left),
            MEMORY => self.account.lower(budget.left),
            _ => return outcome(self.run.limit(budget.name, budget.left).await),
        }
        Ok(Ok(()))
    }

    async fn model(&mut self) -> wasmtime::Result<wit::ModelInfo> {
        self.called();
        let mut roles = Vec::new();
        for role in [wit::Role::System, wit::Role::User, wit::Role::Assistant, wit::Role::Tool, wit::Role::Raw] {
            let probe =
                self.run.count_tokens(convert::role(role), convert::part(wit::Part::Whole), vec![String::new()]);
            if probe.await.is_ok() {
                roles.push(role);
            }
        }
        Ok(wit::ModelInfo { name: self.model.name.clone(), context: self.model.context, roles })
    }
}

/// The binding's own limits, by the names that `remaining` gives them.
const CPU: &str = "cpu-ms";
const MEMORY: &str = "memory-bytes";

impl wit::HostPending for World {
    async fn read(&mut self, pending: Resource<Pending>) -> Answer<Option<String>> {
        self.called();
        outcome(self.table.get_mut(&pending)?.read().await)
    }

    async fn finish(&mut self, pending: Resource<Pending>) -> Answer<wit::Decoded> {
        self.called();
        Ok(convert::lane(self.table.get_mut(&pending)?.finish().await))
    }

    async fn cancel(&mut self, pending: Resource<Pending>) -> Answer<wit::Decoded> {
        self.called();
        Ok(convert::lane(self.table.get_mut(&pending)?.cancel().await))
    }

    async fn drop(&mut self, pending: Resource<Pending>) -> wasmtime::Result<()> {
        self.table.delete(pending)?;
        self.pendings = self.pendings.saturating_sub(1);
        Ok(())
    }
}

impl wit_log::Host for World {
    async fn log(&mut self, level: wit_log::Level, text: String) -> wasmtime::Result<()> {
        self.called();
        let level = match level {
            wit_log::Level::Debug => "debug",
            wit_log::Level::Info => "info",
            wit_log::Level::Warn => "warn",
            wit_log::Level::Error => "error",
        };
        self.log.write(level, &text);
        Ok(())
    }
}
