//! The contract's functions, as the guest calls them: the only place where
//! WIT types and the engine's meet.
//!
//! Every call goes through [`World::exchange`], so that whoever records a run,
//! or answers it from a recording, sees each of them.

mod convert;
mod live;

use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmtime::component::{HasSelf, Linker, Resource};

pub(super) use self::generated::PlanPre;
use self::generated::choreo::host::choreo as wit;
use self::generated::choreo::host::log as wit_log;
pub(super) use self::live::Live;
use super::recording::Function;
use super::world::{Source, World};

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "plan",
        imports: { default: async | trappable },
        exports: { default: async },
        with: { "choreo:host/choreo.pending": crate::wasm::bindings::Held },
        additional_derives: [serde::Serialize, serde::Deserialize],
    });
}

/// A pending message that the guest holds, by its number: the first is 1.
#[derive(Debug)]
#[allow(unreachable_pub, reason = "the generated code exports it again")]
pub struct Held(u32);

/// Gives a linker the contract's two interfaces.
pub(super) fn add_to_linker(linker: &mut Linker<World>) -> wasmtime::Result<()> {
    generated::Plan::add_to_linker::<World, HasSelf<World>>(linker, |world| world)
}

type Answer<T> = wasmtime::Result<Result<T, wit::Error>>;

/// The engine at work on an answer.
type Work<'a, T> = Pin<Box<dyn Future<Output = wasmtime::Result<T>> + Send + 'a>>;

impl World {
    /// The answer to a call: the engine's, which is written down where the run is
    /// recorded, or the recording's, where the call is the one that is in it.
    async fn exchange<A, T>(
        &mut self,
        function: &'static str,
        arguments: A,
        live: impl for<'a> FnOnce(&'a mut Live, A) -> Work<'a, T> + Send,
    ) -> wasmtime::Result<T>
    where
        A: Serialize + DeserializeOwned + Send + Sync,
        T: Serialize + DeserializeOwned + Send + Sync,
    {
        self.called();
        let function = Function(function);
        match &mut self.source {
            Source::Engine(engine) => live(engine, arguments).await,
            Source::Recorded(engine, recorder) => {
                recorder.call(function.name(), &arguments);
                let answer = live(engine, arguments).await?;
                recorder.answer(&answer);
                Ok(answer)
            }
            Source::Recording(recording) => recording.answer(function, &arguments).map_err(wasmtime::Error::new),
        }
    }
}

impl wit::Host for World {
    async fn prefill(&mut self, calls: Vec<wit::PrefillCall>) -> Answer<Vec<wit::Message>> {
        self.exchange("prefill(calls)", (calls,), |live, (calls,)| Box::pin(live.prefill(calls))).await
    }

    async fn decode(&mut self, calls: Vec<wit::DecodeCall>) -> Answer<Vec<Result<wit::Decoded, wit::Error>>> {
        self.exchange("decode(calls)", (calls,), |live, (calls,)| Box::pin(live.decode(calls))).await
    }

    async fn text(&mut self, ids: Vec<wit::Message>) -> Answer<Vec<String>> {
        self.exchange("text(ids)", (ids,), |live, (ids,)| Box::pin(live.text(ids))).await
    }

    async fn describe(&mut self, ids: Vec<wit::Message>) -> Answer<Vec<wit::Description>> {
        self.exchange("describe(ids)", (ids,), |live, (ids,)| Box::pin(live.describe(ids))).await
    }

    async fn count_tokens(&mut self, role: wit::Role, part: wit::Part, texts: Vec<String>) -> Answer<Vec<u32>> {
        let arguments = (role, part, texts);
        self.exchange("count-tokens(role, part, texts)", arguments, |live, (role, part, texts)| {
            Box::pin(live.count_tokens(role, part, texts))
        })
        .await
    }

    async fn release(&mut self, ids: Vec<wit::Message>) -> Answer<()> {
        self.exchange("release(ids)", (ids,), |live, (ids,)| Box::pin(live.release(ids))).await
    }

    async fn start_decode(&mut self, calls: Vec<wit::DecodeCall>) -> Answer<Vec<Resource<Held>>> {
        let started =
            self.exchange("start-decode(calls)", (calls,), |live, (calls,)| Box::pin(live.start_decode(calls))).await?;
        let numbers = match started {
            Ok(numbers) => numbers,
            Err(error) => return Ok(Err(error)),
        };
        let handles = numbers.into_iter().map(|number| self.table.push(Held(number)));
        Ok(Ok(handles.collect::<Result<_, _>>()?))
    }

    async fn wait_any(
        &mut self,
        pendings: Vec<Resource<Held>>,
        until: wit::Until,
        timeout_ms: Option<u32>,
    ) -> Answer<Vec<u32>> {
        let numbers = pendings.iter().map(|pending| self.held(pending)).collect::<wasmtime::Result<Vec<_>>>()?;
        let arguments = (numbers, until, timeout_ms);
        self.exchange("wait-any(pendings, until, timeout-ms)", arguments, |live, (numbers, until, timeout_ms)| {
            Box::pin(live.wait_any(numbers, until, timeout_ms))
        })
        .await
    }

    async fn score(&mut self, calls: Vec<wit::ScoreCall>) -> Answer<Vec<Vec<wit::Scored>>> {
        self.exchange("score(calls)", (calls,), |live, (calls,)| Box::pin(live.score(calls))).await
    }

    async fn remaining(&mut self) -> wasmtime::Result<Vec<wit::Budget>> {
        let own = [(CPU, self.meter.left_ms()), (MEMORY, self.account.left())];
        self.exchange("remaining()", [(); 0], move |live, _| {
            let own = own.map(|(name, left)| wit::Budget { name: name.into(), left });
            Box::pin(async move { Ok(live.remaining().await?.into_iter().chain(own).collect()) })
        })
        .await
    }

    async fn limit(&mut self, budget: wit::Budget) -> Answer<()> {
        let (name, left) = (budget.name.clone(), budget.left);
        let answer = self.exchange("limit(budget)", (budget,), |live, (budget,)| Box::pin(live.limit(budget))).await?;
        match name.as_str() {
            CPU => self.meter.lower_ms(left),
            MEMORY => self.account.lower(left),
            _ => {}
        }
        Ok(answer)
    }

    async fn model(&mut self) -> wasmtime::Result<wit::ModelInfo> {
        self.exchange("model()", [(); 0], |live, _| Box::pin(live.model())).await
    }
}

/// The binding's own limits, by the names that `remaining` gives them.
const CPU: &str = "cpu-ms";
const MEMORY: &str = "memory-bytes";

impl World {
    fn held(&self, pending: &Resource<Held>) -> wasmtime::Result<u32> {
        Ok(self.table.get(pending)?.0)
    }
}

impl wit::HostPending for World {
    async fn read(&mut self, pending: Resource<Held>) -> Answer<Option<String>> {
        let number = self.held(&pending)?;
        self.exchange("pending.read(pending)", (number,), |live, (number,)| Box::pin(live.read(number))).await
    }

    async fn finish(&mut self, pending: Resource<Held>) -> Answer<wit::Decoded> {
        let number = self.held(&pending)?;
        self.exchange("pending.finish(pending)", (number,), |live, (number,)| Box::pin(live.finish(number))).await
    }

    async fn cancel(&mut self, pending: Resource<Held>) -> Answer<wit::Decoded> {
        let number = self.held(&pending)?;
        self.exchange("pending.cancel(pending)", (number,), |live, (number,)| Box::pin(live.cancel(number))).await
    }

    async fn drop(&mut self, pending: Resource<Held>) -> wasmtime::Result<()> {
        let Held(number) = self.table.delete(pending)?;
        self.exchange("pending.drop(pending)", (number,), |live, (number,)| {
            live.drop(number);
            Box::pin(async { Ok(()) })
        })
        .await
    }
}

impl wit_log::Host for World {
    async fn log(&mut self, level: wit_log::Level, text: String) -> wasmtime::Result<()> {
        self.log.write(level_name(level), &text);
        self.exchange("log(level, text)", (level, text), |_, _| Box::pin(async { Ok(()) })).await
    }
}

fn level_name(level: wit_log::Level) -> &'static str {
    match level {
        wit_log::Level::Debug => "debug",
        wit_log::Level::Info => "info",
        wit_log::Level::Warn => "warn",
        wit_log::Level::Error => "error",
    }
}
