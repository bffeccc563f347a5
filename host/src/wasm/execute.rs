//! One run of one component.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{Store, UpdateDeadline};

use super::bindings::Live;
use super::component::Plan;
use super::limits::{Account, CALL_BYTES, HANDLES, Limits, Meter};
use super::log::LogSink;
use super::output::{Output, Printed};
use super::recording::{Recorder, Recording, WriteError};
use super::trap::Failure;
use super::world::{Source, World, WorldParts};
use crate::engine::{Handle, Run};

/// What one run is given.
pub struct Task {
    /// The guest's arguments.
    pub arguments: Vec<String>,
    /// What it may use of the machine.
    pub limits: Limits,
    /// Seed of what WASI calls randomness.
    pub seed: u64,
    /// Where the guest's log lines go.
    pub log: LogSink,
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the guest returned, its own error included; or how it ended instead.
    pub result: Result<Result<String, String>, Failure>,
    /// What it printed.
    pub printed: Printed,
    /// When it first called the host.
    pub first_call: Option<Instant>,
    /// Time on the processor in its own code.
    pub cpu: Duration,
    /// Bytes of linear memory, at most.
    pub memory_bytes: u64,
}

impl Plan {
    /// Runs the plan; must be polled in a tokio runtime with time enabled.
    /// Nothing that the guest does makes it panic or go on for ever.
    pub async fn run(&self, handle: &Handle, run: Arc<Run>, task: Task) -> Outcome {
        self.execute(Source::Engine(live(handle, run)), task).await.0
    }

    /// Runs the plan and writes down its calls, their answers and its end.
    ///
    /// # Errors
    /// Beside the outcome: why the recording is not complete.
    pub async fn record(
        &self,
        handle: &Handle,
        run: Arc<Run>,
        task: Task,
        recorder: Recorder,
    ) -> (Outcome, Result<(), WriteError>) {
        let (outcome, source) = self.execute(Source::Recorded(live(handle, run), recorder), task).await;
        let written = match source {
            Source::Recorded(_, recorder) => recorder.end(&outcome.result),
            Source::Engine(_) | Source::Recording(_) => Ok(()),
        };
        (outcome, written)
    }

    /// Runs the plan without an engine, as one who asks what was recorded is
    /// answered. Where it does otherwise, that is how it ended. Also gives the
    /// number of calls that were as recorded.
    pub async fn replay(&self, recording: Recording, task: Task) -> (Outcome, u64) {
        let (mut outcome, source) = self.execute(Source::Recording(recording), task).await;
        let Source::Recording(mut recording) = source else { return (outcome, 0) };
        if let Err(difference) = recording.end(&outcome.result) {
            outcome.result = Err(Failure::differs(&difference));
        }
        (outcome, recording.calls())
    }

    async fn execute(&self, source: Source, task: Task) -> (Outcome, Source) {
        let meter = Arc::new(Meter::new(&task.limits));
        let output = Output::default();
        let world = World::new(WorldParts {
            source,
            account: Account::new(&task.limits),
            meter: meter.clone(),
            sink: task.log,
            seed: task.seed,
            output: output.clone(),
        });
        let mut store = self.store(world);
        let ended = metered(&meter, async {
            let plan = self.pre.instantiate_async(&mut store).await?;
            plan.call_run(&mut store, &task.arguments).await
        })
        .await;
        let printed = output.printed();
        let world = store.into_data();
        let result = match ended {
            Some(Ok(result)) => Ok(result),
            Some(Err(error)) => Err(Failure::new(&error, &world.account, &printed)),
            None => Err(Failure::stopped(meter.over())),
        };
        let outcome = Outcome {
            result,
            printed,
            first_call: world.first_call,
            cpu: meter.spent(),
            memory_bytes: world.account.memory(),
        };
        (outcome, world.source)
    }

    fn store(&self, world: World) -> Store<World> {
        let mut store = Store::new(self.pre.engine(), world);
        store.limiter(|world| &mut world.account);
        store.set_hostcall_fuel(CALL_BYTES);
        store.set_max_component_handles(HANDLES);
        // The deadline is absolute: after a long host call the callback is
        // asked at once, and goes by the meter alone.
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            context.data().meter.check()?;
            Ok(UpdateDeadline::Yield(1))
        });
        store
    }
}

/// The engine's run as a guest sees it.
fn live(handle: &Handle, run: Arc<Run>) -> Live {
    let shape = handle.shape();
    Live::new(run, shape.name.clone(), u32::try_from(shape.context).unwrap_or(u32::MAX))
}

/// Polls the guest with the meter running; none when its time was over.
async fn metered<T>(meter: &Meter, guest: impl Future<Output = T>) -> Option<T> {
    let mut guest = pin!(guest);
    let guest = poll_fn(|context| {
        meter.resume();
        let polled = guest.as_mut().poll(context);
        meter.pause();
        polled
    });
    tokio::time::timeout(meter.end(), guest).await.ok()
}
