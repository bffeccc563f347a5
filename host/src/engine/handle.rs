//! How everything outside the engine thread talks to it: a channel.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc as tokio_mpsc, oneshot};

use super::call::{Cause, DecodeCall, Decoded, Description, Error, Number, Part, PrefillCall, Role, ScoreCall, Scored};
use super::grammar::{Grammars, Memory};
use super::guide::Guide;
use super::pending::{FOLLOWED, Following, Pending, Started};
use super::report::RunReport;
use super::script::{Script, Tokens};
use crate::cache::Tenant;
use crate::model::ModelShape;

/// How parents are honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Each message is encoded once, in its own view.
    Choreo,
    /// Each decode is one prompt, its parents' tokens one after another (offsets
    /// are ignored), and encodes what follows the longest beginning of it that
    /// an earlier prompt or its answer left: a prefix cache.
    Prefix,
    /// The same prompts, each encoded anew.
    Naive,
}

impl Mode {
    /// As the command line and reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Choreo => "choreo",
            Self::Prefix => "prefix",
            Self::Naive => "naive",
        }
    }

    /// Whether a call is one prompt and messages are text alone, as without
    /// choreography.
    pub(super) fn is_baseline(self) -> bool {
        self != Self::Choreo
    }
}

/// What one run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Messages asked for, over all calls.
    pub calls: u64,
    /// Tokens generated.
    pub tokens_out: u64,
    /// Bytes of texts, tokens and lists of parents that the host keeps for the
    /// run; a message's account is kept after its release.
    pub text_bytes: u64,
    /// Time since the run was opened.
    pub wall: Duration,
}

/// Defaults of what a call leaves unset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Defaults {
    /// Largest number of generated tokens.
    pub max_tokens: u32,
    /// 0 is greedy.
    pub temperature: f32,
    /// Smallest set of likeliest tokens whose probabilities reach this sum.
    pub top_p: f32,
    /// So many likeliest tokens; none: all.
    pub top_k: Option<u32>,
}

/// One run's settings.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How parents are honoured.
    pub mode: Mode,
    /// Within what its messages are shared with identical ones.
    pub tenant: Tenant,
    /// Seed of the run.
    pub seed: u64,
    /// What the run may use.
    pub budgets: Budgets,
    /// Defaults of what a call leaves unset.
    pub defaults: Defaults,
    /// Where generated tokens come from.
    pub tokens: Tokens,
}

/// Counters that the engine keeps up to date while a run goes on.
#[derive(Debug, Default)]
pub struct Progress {
    /// Lanes being decoded now.
    pub lanes: AtomicU64,
    /// Tokens encoded so far.
    pub encoded: AtomicU64,
    /// Tokens generated so far.
    pub generated: AtomicU64,
    /// Messages that one who follows the run was not told of: too many at once.
    pub missed: AtomicU64,
}

/// A message to the engine thread.
pub(super) enum Request {
    Open(RunOptions, Arc<Progress>, oneshot::Sender<RunId>),
    Prefill(RunId, Instant, Vec<PrefillCall>, Reply<Vec<Number>>),
    /// Each call with the guide of its constraint, if that has a grammar.
    Start(RunId, Instant, Vec<(DecodeCall, Option<Guide>)>, Reply<Vec<Started>>),
    /// Tell somebody of every lane that starts from now on; none: nobody.
    Follow(RunId, Option<tokio_mpsc::Sender<Started>>),
    /// End a lane with what it has.
    Cancel(RunId, Number),
    /// The same, and nobody will name the message.
    Abandon(RunId, Number),
    Score(RunId, Vec<ScoreCall>, Reply<Vec<Vec<Scored>>>),
    Text(RunId, Vec<Number>, Reply<Vec<String>>),
    Describe(RunId, Vec<Number>, Reply<Vec<Description>>),
    CountTokens(Role, Part, Vec<String>, Reply<Vec<u32>>),
    Release(RunId, Vec<Number>, Reply<()>),
    Remaining(RunId, Reply<Vec<(String, u64)>>),
    Limit(RunId, String, u64, Reply<()>),
    Report(RunId, Reply<RunReport>),
    Script(RunId, Reply<Script>),
    /// Free what no run holds.
    Forget(Reply<()>),
    Close(RunId),
}

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// A run of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct RunId(pub(super) u64);

/// The engine, from outside; clones talk to the same one. The engine ends when
/// the last clone, the last run and the last pending message are gone.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(super) sender: mpsc::Sender<Request>,
    pub(super) shape: Arc<ModelShape>,
    pub(super) grammars: Arc<Grammars>,
}

impl Handle {
    /// What the model is.
    pub fn shape(&self) -> &ModelShape {
        &self.shape
    }

    /// Opens a run.
    ///
    /// # Errors
    /// When the engine thread has ended.
    pub async fn open(&self, options: RunOptions) -> Result<Run, Error> {
        let progress = Arc::new(Progress::default());
        let (reply, answer) = oneshot::channel();
        let sender = self.sender.clone();
        sender.send(Request::Open(options, progress.clone(), reply)).map_err(|_| gone())?;
        let id = answer.await.map_err(|_| gone())?;
        Ok(Run { sender, grammars: self.grammars.clone(), memory: Memory::default(), id, progress })
    }

    /// Frees what no run holds: what comes next finds nothing of earlier runs.
    ///
    /// # Errors
    /// When the engine thread has ended.
    pub async fn forget(&self) -> Result<(), Error> {
        ask(&self.sender, Request::Forget).await
    }
}

/// One run's access to the engine; dropping it closes the run, ends its lanes
/// and gives its room back.
#[derive(Debug)]
pub struct Run {
    sender: mpsc::Sender<Request>,
    grammars: Arc<Grammars>,
    memory: Memory,
    id: RunId,
    progress: Arc<Progress>,
}

impl Run {
    /// Counters to show while the run goes on.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// Looks on as messages are decoded from now on, until [`Run::unfollow`]. One
    /// who is far behind misses some: see [`Progress::missed`].
    ///
    /// # Errors
    /// When the engine thread has ended.
    pub fn follow(&self) -> Result<Following, Error> {
        let (sender, receiver) = tokio_mpsc::channel(FOLLOWED);
        self.sender.send(Request::Follow(self.id, Some(sender))).map_err(|_| gone())?;
        Ok(Following(receiver))
    }

    /// What has begun by now is the last that is followed.
    pub fn unfollow(&self) {
        // An engine that has ended tells nobody of anything.
        let _ = self.sender.send(Request::Follow(self.id, None));
    }

    /// Adds messages; returns at once, before they are encoded. All or nothing.
    ///
    /// # Errors
    /// The first call that cannot be served, and why.
    pub async fn prefill(&self, calls: Vec<PrefillCall>) -> Result<Vec<Number>, Error> {
        let called = Instant::now();
        self.ask(|reply| Request::Prefill(self.id, called, calls, reply)).await
    }

    /// Generates messages in parallel; answers when all have ended.
    ///
    /// # Errors
    /// The list could not start; a lane's own failure is in the list.
    pub async fn decode(&self, calls: Vec<DecodeCall>) -> Result<Vec<Result<Decoded, Error>>, Error> {
        let pendings = self.start_decode(calls).await?;
        let mut results = Vec::with_capacity(pendings.len());
        for mut pending in pendings {
            results.push(pending.finish().await);
        }
        Ok(results)
    }

    /// Begins to generate messages in parallel; answers at once.
    ///
    /// # Errors
    /// The list could not start.
    pub async fn start_decode(&self, calls: Vec<DecodeCall>) -> Result<Vec<Pending>, Error> {
        let called = Instant::now();
        let guides = self.grammars.guides(&calls, &self.memory).await?;
        let calls = calls.into_iter().zip(guides).collect();
        let started = self.ask(|reply| Request::Start(self.id, called, calls, reply)).await?;
        Ok(started.into_iter().map(|started| Pending::new(self.sender.clone(), self.id, started)).collect())
    }

    /// How likely each candidate of each call is; leaves no message behind.
    ///
    /// # Errors
    /// The first call that cannot be served, and why.
    pub async fn score(&self, calls: Vec<ScoreCall>) -> Result<Vec<Vec<Scored>>, Error> {
        self.ask(|reply| Request::Score(self.id, calls, reply)).await
    }

    /// The messages' texts, headers included, role tokens not.
    ///
    /// # Errors
    /// A number that is not a message of the run.
    pub async fn text(&self, ids: Vec<Number>) -> Result<Vec<String>, Error> {
        self.ask(|reply| Request::Text(self.id, ids, reply)).await
    }

    /// What the messages are, as placed.
    ///
    /// # Errors
    /// A number that is not a message of the run.
    pub async fn describe(&self, ids: Vec<Number>) -> Result<Vec<Description>, Error> {
        self.ask(|reply| Request::Describe(self.id, ids, reply)).await
    }

    /// Tokens that prefilling each text would add.
    ///
    /// # Errors
    /// A role that the model's chat format does not have.
    pub async fn count_tokens(&self, role: Role, part: Part, texts: Vec<String>) -> Result<Vec<u32>, Error> {
        self.ask(|reply| Request::CountTokens(role, part, texts, reply)).await
    }

    /// Gives the messages' room back; their numbers become unknown.
    ///
    /// # Errors
    /// A number that is not a message of the run; nothing is released then.
    pub async fn release(&self, ids: Vec<Number>) -> Result<(), Error> {
        self.ask(|reply| Request::Release(self.id, ids, reply)).await
    }

    /// What is left of every limited thing, by name.
    ///
    /// # Errors
    /// When the engine thread has ended.
    pub async fn remaining(&self) -> Result<Vec<(String, u64)>, Error> {
        self.ask(|reply| Request::Remaining(self.id, reply)).await
    }

    /// Lowers a limit to what is given as left; never raises one.
    ///
    /// # Errors
    /// A name that is no limit of the engine's.
    pub async fn limit(&self, name: String, left: u64) -> Result<(), Error> {
        self.ask(|reply| Request::Limit(self.id, name, left, reply)).await
    }

    /// What the run has cost so far.
    ///
    /// # Errors
    /// When the engine thread has ended.
    pub async fn report(&self) -> Result<RunReport, Error> {
        self.ask(|reply| Request::Report(self.id, reply)).await
    }

    /// What the run has generated so far, where it is kept ([`Tokens::Kept`]).
    ///
    /// # Errors
    /// When the engine thread has ended.
    pub async fn script(&self) -> Result<Script, Error> {
        self.ask(|reply| Request::Script(self.id, reply)).await
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Error> {
        ask(&self.sender, request).await
    }
}

async fn ask<T>(sender: &mpsc::Sender<Request>, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Error> {
    let (reply, answer) = oneshot::channel();
    sender.send(request(reply)).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

impl Drop for Run {
    fn drop(&mut self) {
        self.progress.lanes.store(0, Ordering::Relaxed);
        // An engine that has ended has nothing left to close.
        let _ = self.sender.send(Request::Close(self.id));
    }
}

pub(super) fn gone() -> Error {
    Error { cause: Cause::Engine("its thread has ended; see the first error above".into()), call: None }
}
