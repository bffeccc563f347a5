//! The engine: one thread that owns the model and the cache, and serves every
//! run through a channel.
//!
//! Each turn of its loop takes the requests that have come, and then does one
//! forward pass for all runs together ([`schedule`]). A prefilled message
//! waits until a lane needs it or nothing else is to be done; what ends a
//! message waits in the same way, so a finished lane costs nothing more.

pub mod call;
mod choice;
mod constraint;
mod estimate;
mod grammar;
mod guide;
mod handle;
mod lane;
mod owners;
mod pending;
mod place;
pub mod report;
mod requests;
mod room;
mod run;
mod schedule;
mod score;
mod script;
mod start;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use handle::{Budgets, Defaults, Handle, Mode, Progress, Run, RunOptions};
pub use pending::{Followed, Following, Pending, Until, wait_any};
pub use script::{Generated, Pace, Script, Tokens};

use call::Error;
use choice::TokenIndex;
use grammar::Grammars;
use handle::{Request, RunId};
use lane::Lanes;
use owners::Owners;
use run::RunState;
use score::{Job, JobId, Scores};

use crate::cache::{Cache, MessageId};
pub use crate::cache::{Tenant, TokenId};
use crate::chat::Chat;
use crate::model::{Model, ModelShape};

/// How long an idle engine waits before it encodes what nobody has asked for
/// yet: longer than a plan takes between two calls, so that what ends one
/// message goes through the model together with the next.
const PATIENCE: Duration = Duration::from_millis(2);

/// The engine's settings.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// Prompt rows in one forward pass at most; lanes' single rows come on top.
    pub step_rows: u32,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { step_rows: 256 }
    }
}

/// An engine whose model is being loaded on its own thread.
#[derive(Debug)]
pub struct Starting<E> {
    sender: mpsc::Sender<Request>,
    loaded: mpsc::Receiver<Result<Loaded, E>>,
    thread: JoinHandle<()>,
}

/// What handles know of an engine.
type Loaded = (Arc<ModelShape>, Arc<Grammars>);

/// Starts the engine's thread, which loads its model with `load`.
pub fn start<M, E>(options: EngineOptions, load: impl FnOnce() -> Result<(M, Chat), E> + Send + 'static) -> Starting<E>
where
    M: Model + 'static,
    E: From<Error> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let (report, loaded) = mpsc::channel();
    let thread = thread::spawn(move || {
        let engine = load().and_then(|(model, chat)| Ok(Engine::new(options, model, chat)?));
        match engine {
            Ok(mut engine) => {
                // Whoever started the engine may have gone away meanwhile.
                let shape = Arc::new(engine.model.shape().clone());
                let _ = report.send(Ok((shape, Arc::new(Grammars::new(engine.chat.clone())))));
                engine.serve(&receiver);
            }
            Err(error) => {
                let _ = report.send(Err(error));
            }
        }
    });
    Starting { sender, loaded, thread }
}

impl<E: From<Error>> Starting<E> {
    /// Waits until the model is loaded.
    ///
    /// # Errors
    /// What `load` gave, or that its thread panicked.
    pub fn wait(self) -> Result<Handle, E> {
        match self.loaded.recv() {
            Ok(Ok((shape, grammars))) => Ok(Handle { sender: self.sender, shape, grammars }),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let panic = self.thread.join().err().and_then(|panic| panic.downcast_ref::<String>().cloned());
                let what = panic.unwrap_or_else(|| "its thread ended while the model was loaded".into());
                Err(Error { cause: call::Cause::Engine(what), call: None }.into())
            }
        }
    }
}

struct Engine<M> {
    options: EngineOptions,
    model: M,
    chat: Arc<Chat>,
    cache: Cache,
    runs: BTreeMap<RunId, RunState>,
    lanes: Lanes,
    scores: Scores,
    jobs: BTreeMap<JobId, Job>,
    owners: Owners,
    /// Closed messages of which some tokens were never encoded.
    waiting: BTreeSet<MessageId>,
    /// Whether those that wait find no room as long as nothing is asked.
    crowded: bool,
    /// Made when the first constraint asks for it.
    index: Option<TokenIndex>,
    next_run: u64,
    next_job: u64,
}

impl<M: Model> Engine<M> {
    fn new(options: EngineOptions, model: M, chat: Chat) -> Result<Self, Error> {
        let slots = u32::try_from(model.shape().slots).unwrap_or(u32::MAX);
        let cache = Cache::new(slots, chat.beginning()).map_err(requests::full)?;
        Ok(Self {
            options,
            model,
            chat: Arc::new(chat),
            cache,
            runs: BTreeMap::new(),
            lanes: Lanes::new(),
            scores: Scores::new(),
            jobs: BTreeMap::new(),
            owners: Owners::default(),
            waiting: BTreeSet::new(),
            crowded: false,
            index: None,
            next_run: 0,
            next_job: 0,
        })
    }

    /// Serves until every handle and run is gone.
    fn serve(&mut self, requests: &mpsc::Receiver<Request>) {
        loop {
            let idle = match self.next_request(requests) {
                Next::Request(request) => {
                    self.crowded = false;
                    self.handle(request);
                    while let Ok(request) = requests.try_recv() {
                        self.handle(request);
                    }
                    false
                }
                Next::Nothing => true,
                Next::End => return,
            };
            self.end_overdue();
            if idle || self.is_busy() {
                self.step();
            }
        }
    }

    /// Whether somebody waits for the next step.
    fn is_busy(&self) -> bool {
        !self.lanes.is_empty() || !self.scores.is_empty()
    }

    /// Waits only where there is nothing to do.
    fn next_request(&self, requests: &mpsc::Receiver<Request>) -> Next {
        if self.is_busy() {
            return match requests.try_recv() {
                Ok(request) => Next::Request(request),
                Err(TryRecvError::Empty) => Next::Nothing,
                Err(TryRecvError::Disconnected) => Next::End,
            };
        }
        if self.waiting.is_empty() || self.crowded {
            return requests.recv().map_or(Next::End, Next::Request);
        }
        match requests.recv_timeout(PATIENCE) {
            Ok(request) => Next::Request(request),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }
}

enum Next {
    Request(Request),
    Nothing,
    End,
}
