//! Whose messages a message of the cache is.

use std::collections::BTreeSet;

use super::call::Number;
use super::handle::RunId;
use crate::cache::MessageId;

/// A message of the cache may be several runs', and several of one run.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Messages that their runs can name.
    named: BTreeSet<(MessageId, RunId, Number)>,
    /// Messages that were released and whose tokens others need: one a run.
    kept: BTreeSet<(MessageId, RunId, Number)>,
}

impl Owners {
    /// A run names a message.
    pub(super) fn add(&mut self, message: MessageId, run: RunId, number: Number) {
        self.named.insert((message, run, number));
    }

    /// It names it no more.
    pub(super) fn remove(&mut self, message: MessageId, run: RunId, number: Number) {
        self.named.remove(&(message, run, number));
    }

    /// The run goes on paying for the message's tokens by this number, unless it
    /// pays for them already.
    pub(super) fn keep(&mut self, message: MessageId, run: RunId, number: Number) -> Kept {
        let pays = |owners: &BTreeSet<_>| owners.range(all_of(message, run)).next().is_some();
        if pays(&self.named) || pays(&self.kept) {
            return Kept::Already;
        }
        self.kept.insert((message, run, number));
        Kept::Now
    }

    /// No message needs this one's tokens any more; who paid for them.
    pub(super) fn take_kept(&mut self, message: MessageId) -> Vec<(RunId, Number)> {
        let kept: Vec<_> = of(&self.kept, message).collect();
        for (run, number) in &kept {
            self.kept.remove(&(message, *run, *number));
        }
        kept
    }

    /// All that name it, in order of the runs.
    pub(super) fn all(&self, message: MessageId) -> Vec<(RunId, Number)> {
        of(&self.named, message).collect()
    }

    /// Each run's first: what a message holds counts for each run once.
    pub(super) fn firsts(&self, message: MessageId) -> Vec<(RunId, Number)> {
        let mut firsts: Vec<(RunId, Number)> = Vec::new();
        let mut next = RunId(0);
        while let Some((_, run, number)) =
            self.named.range((message, next, 0)..=(message, RunId(u64::MAX), Number::MAX)).next()
        {
            firsts.push((*run, *number));
            next = RunId(run.0 + 1);
        }
        firsts
    }

    /// The first of all.
    pub(super) fn first(&self, message: MessageId) -> Option<(RunId, Number)> {
        of(&self.named, message).next()
    }

    /// A run is closed, and pays for nothing more.
    pub(super) fn forget(&mut self, run: RunId) {
        self.kept.retain(|(_, owner, _)| *owner != run);
    }
}

/// Whether a run pays for tokens that it has released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// By this number from now on.
    Now,
    /// By another already.
    Already,
}

fn of(owners: &BTreeSet<(MessageId, RunId, Number)>, message: MessageId) -> impl Iterator<Item = (RunId, Number)> {
    let all = (message, RunId(0), 0)..=(message, RunId(u64::MAX), Number::MAX);
    owners.range(all).map(|(_, run, number)| (*run, *number))
}

fn all_of(message: MessageId, run: RunId) -> std::ops::RangeInclusive<(MessageId, RunId, Number)> {
    (message, run, 0)..=(message, run, Number::MAX)
}
