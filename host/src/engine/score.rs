//! How likely given continuations are.
//!
//! The header is a message of its own, and each candidate one right after it
//! that sees what the header sees, and the header: the same positions and the
//! same tokens as if it went on. They have no number, and go when they have
//! been through the model once.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Engine;
use super::call::{Cause, Error, ScoreCall, Scored, Shortage, Speaker};
use super::handle::{Mode, Reply, RunId};
use super::place;
use super::requests::{Draft, EMPTY_HEADER, answer, at, unserved, whole};
use crate::cache::{MessageId, NewMessage, Placed, TokenId, Wanted};
use crate::chat::Part;
use crate::model::Model;
use crate::sampler;

/// Candidates times the parents they see, over a list: each pair is a span.
const PAIRS: usize = 1 << 20;

/// Score calls of one list, answered together.
pub(super) struct Job {
    pub(super) run: RunId,
    /// Which of the run's lists, from 0.
    list: usize,
    reply: Reply<Vec<Vec<Scored>>>,
    scored: Vec<Vec<Scored>>,
    /// Messages that are not through the model.
    left: usize,
}

/// A list of score calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct JobId(u64);

/// A message that is there to be scored.
pub(super) struct Scoring {
    pub(super) job: JobId,
    /// Which call of the list.
    call: usize,
    predicts: Predicts,
}

/// What the rows of a message predict.
enum Predicts {
    /// The header's last: the first token of each candidate that has one.
    First(Vec<Option<TokenId>>),
    /// A candidate's: each the token after its own. So many have counted, and
    /// do not again where the candidate is encoded once more.
    Rest { candidate: usize, next: Vec<TokenId>, counted: u32 },
}

impl Scoring {
    /// What is wanted of its rows.
    pub(super) fn wanted(&self) -> Wanted {
        match self.predicts {
            Predicts::First(_) => Wanted::Logits,
            Predicts::Rest { .. } => Wanted::Every,
        }
    }

    /// Index of its last row that predicts; the header has no other.
    fn is_last(&self, index: u32) -> bool {
        match &self.predicts {
            Predicts::First(_) => true,
            Predicts::Rest { next, .. } => index as usize + 1 >= next.len(),
        }
    }
}

/// Messages that are being scored, in order of arrival.
pub(super) type Scores = BTreeMap<MessageId, Scoring>;

/// One call, before anything of it is kept.
struct ScoreDraft {
    header: Draft,
    /// Where candidates stand.
    offset: i32,
    candidates: Vec<Vec<TokenId>>,
}

impl<M: Model> Engine<M> {
    pub(super) fn score(&mut self, run: RunId, calls: Vec<ScoreCall>, reply: Reply<Vec<Vec<Scored>>>) {
        let drafts = match self.draft_scores(run, calls) {
            Ok(drafts) => drafts,
            Err(error) => return answer(reply, Err(error)),
        };
        let id = JobId(self.next_job);
        self.next_job += 1;
        let list = self.run_state(run).next_score_list();
        let mut job = Job { run, list, reply, scored: Vec::with_capacity(drafts.len()), left: 0 };
        for (call, draft) in drafts.into_iter().enumerate() {
            let scored =
                |tokens: &Vec<_>| Scored { logprob: 0.0, tokens: u32::try_from(tokens.len()).unwrap_or(u32::MAX) };
            job.scored.push(draft.candidates.iter().map(scored).collect());
            if draft.candidates.is_empty() {
                continue;
            }
            self.insert_scores(run, id, call, draft);
        }
        job.left = self.scores.values().filter(|scoring| scoring.job == id).count();
        let nothing = job.left == 0;
        self.jobs.insert(id, job);
        if nothing {
            self.end_job(id, Ok(()));
        }
    }

    /// All calls placed, and the room for them there, or none.
    fn draft_scores(&mut self, run: RunId, calls: Vec<ScoreCall>) -> Result<Vec<ScoreDraft>, Error> {
        self.run(run)?.pay_calls(calls.len()).map_err(whole)?;
        let pairs = calls.iter().map(|call| call.candidates.len().saturating_mul(call.view.parents.len() + 1));
        let pairs = pairs.fold(0, usize::saturating_add);
        if pairs > PAIRS {
            return Err(whole(Cause::InvalidArgument(format!(
                "the list's candidates see {pairs} messages in all, one that several see counted each time, and may see {PAIRS}: score fewer at once"
            ))));
        }
        let drafts = calls
            .into_iter()
            .zip(0..)
            .map(|(call, index)| self.draft_score(run, call).map_err(|cause| at(index, cause)));
        let drafts: Vec<ScoreDraft> = drafts.collect::<Result<_, _>>()?;
        for (draft, call) in drafts.iter().zip(0..) {
            let longest = draft.candidates.iter().map(|tokens| tokens.len() as u64 - 1).max().unwrap_or(0);
            self.fits_cache(draft.header.need + longest).map_err(|cause| at(call, cause))?;
        }
        self.check_prompts(run, drafts.iter().map(|draft| draft.offset.unsigned_abs().into()))?;
        Ok(drafts)
    }

    fn draft_score(&mut self, run: RunId, call: ScoreCall) -> Result<ScoreDraft, Cause> {
        let speaker = Speaker { role: call.role, name: call.name.as_deref() };
        let tokens = self.chat.header(speaker, Part::Whole, &call.header).map_err(unserved)?;
        if tokens.is_empty() {
            return Err(Cause::InvalidArgument(EMPTY_HEADER.into()));
        }
        let end = if call.with_end { self.end_tokens(&call)? } else { Vec::new() };
        let candidates = call.candidates.iter().map(|candidate| {
            let mut tokens = self.chat.encode_text(candidate);
            tokens.extend_from_slice(&end);
            tokens
        });
        let candidates: Vec<Vec<TokenId>> = candidates.collect();
        if let Some(empty) = candidates.iter().position(Vec::is_empty) {
            return Err(Cause::InvalidArgument(format!(
                "candidate {empty} is empty: give it at least one character, or count the end of message (with-end)"
            )));
        }
        let mut draft = self.draft(run, (call.role, call.name, Part::Whole, call.header), &call.view, tokens)?;
        let begin = u64::from(draft.placement.offset) + draft.tokens.len() as u64;
        let longest = candidates.iter().map(Vec::len).max().unwrap_or(0) as u64;
        place::fits(|| format!("a candidate of {longest} tokens at offset {begin}"), begin + longest, self.context())?;
        if draft.new.is_none() {
            draft.need = begin + u64::from(self.cache.beginning().is_some());
        }
        let offset = place::signed(u32::try_from(begin).unwrap_or(u32::MAX));
        Ok(ScoreDraft { header: draft, offset, candidates })
    }

    /// The tokens that end a message, up to the one that the model ends it with.
    fn end_tokens(&self, call: &ScoreCall) -> Result<Vec<TokenId>, Cause> {
        let mut closing = self.chat.closing(call.role, Part::Whole);
        if closing.is_empty() {
            return Err(Cause::InvalidArgument(
                "with-end is set and the role has no end of message: use another role, or leave it out".into(),
            ));
        }
        if let Some(end) = closing.iter().position(|token| self.chat.is_end(*token)) {
            closing.truncate(end + 1);
        }
        Ok(closing)
    }

    /// Gives a call's messages to the cache.
    fn insert_scores(&mut self, run: RunId, job: JobId, call: usize, draft: ScoreDraft) {
        let state = self.run_state(run);
        let mode = state.options.mode;
        let Draft { new, placement, tokens, .. } = draft.header;
        let new = new.unwrap_or_else(|| place::prompt(state, &placement, &tokens));
        let (parents, placed) = (new.parents.clone(), new.offset);
        let header = match mode {
            Mode::Prefix => {
                let (header, _) = self.cache.prompt(new);
                self.cache.seal(header);
                header
            }
            // Nobody will see it again: it is shared with no other.
            Mode::Choreo | Mode::Naive => self.cache.add(NewMessage { tenant: None, ..new }).0,
        };
        let first = draft.candidates.iter().map(|tokens| tokens.first().copied()).collect();
        self.scores.insert(header, Scoring { job, call, predicts: Predicts::First(first) });
        for (candidate, mut tokens) in draft.candidates.into_iter().enumerate() {
            let next = tokens.split_off(1);
            if next.is_empty() {
                continue;
            }
            // The last token is predicted and need not be encoded.
            tokens.extend_from_slice(&next[..next.len() - 1]);
            let message = if mode.is_baseline() {
                self.cache.add_after(header, tokens)
            } else {
                let after = Placed { message: header, offset: placed };
                let parents = parents.iter().copied().chain([after]).collect();
                self.cache.add(NewMessage { tokens, parents, offset: draft.offset, capacity: 0, tenant: None }).0
            };
            self.scores
                .insert(message, Scoring { job, call, predicts: Predicts::Rest { candidate, next, counted: 0 } });
        }
    }

    /// The row at `index` of a message went through the model.
    pub(super) fn score_row(&mut self, message: MessageId, index: u32, logits: &[f32]) {
        let Some(scoring) = self.scores.get_mut(&message) else { return };
        let (id, is_last) = (scoring.job, scoring.is_last(index));
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let normaliser = sampler::log_normaliser(logits);
        let scored = &mut job.scored[scoring.call];
        let mut add = |candidate: usize, token: TokenId| {
            scored[candidate].logprob += f64::from(logits[token.0 as usize]) - normaliser;
        };
        match &mut scoring.predicts {
            Predicts::First(tokens) => {
                for (candidate, token) in tokens.iter().enumerate() {
                    if let Some(token) = token {
                        add(candidate, *token);
                    }
                }
            }
            Predicts::Rest { candidate, next, counted } if index == *counted => {
                add(*candidate, next[index as usize]);
                *counted += 1;
            }
            Predicts::Rest { .. } => {}
        }
        if is_last {
            job.left -= 1;
            let done = job.left == 0;
            self.scores.remove(&message);
            self.cache.release(message);
            if done {
                self.end_job(id, Ok(()));
            }
        }
    }

    /// A message that is scored cannot be encoded: so its list fails.
    pub(super) fn lose_score(&mut self, message: MessageId, cause: Cause) {
        let cause = match cause {
            Cause::CacheFull(_) => cause,
            _ => Cause::Engine("the candidates or what they see could not be encoded: score them again".into()),
        };
        if let Some(scoring) = self.scores.get(&message) {
            let (job, call) = (scoring.job, u32::try_from(scoring.call).unwrap_or(u32::MAX));
            self.end_job(job, Err(at(call, cause)));
        }
    }

    /// Ends the lists of runs whose wall time is over.
    pub(super) fn end_overdue_jobs(&mut self, now: Instant) {
        let overdue = self.jobs.iter().filter_map(|(id, job)| {
            let run = self.runs.get(&job.run).filter(|run| run.is_over(now))?;
            Some((*id, run.options.budgets.wall.as_millis() as u64))
        });
        for (id, wall) in overdue.collect::<Vec<_>>() {
            let shortage = Shortage { what: "wall-ms".into(), asked: wall, left: 0 };
            self.end_job(id, Err(whole(Cause::Timeout(shortage))));
        }
    }

    /// Ends the lists of a run that is closed.
    pub(super) fn end_jobs(&mut self, run: RunId) {
        let jobs: Vec<JobId> = self.jobs.iter().filter(|(_, job)| job.run == run).map(|(id, _)| *id).collect();
        for id in jobs {
            self.end_job(id, Err(whole(Cause::Engine("the run is closed".into()))));
        }
    }

    /// Answers a list, and gives back what is left of its room.
    pub(super) fn end_job(&mut self, id: JobId, result: Result<(), Error>) {
        let left: Vec<MessageId> =
            self.scores.iter().filter(|(_, scoring)| scoring.job == id).map(|(message, _)| *message).collect();
        for message in left {
            self.scores.remove(&message);
            self.cache.release(message);
        }
        if let Some(job) = self.jobs.remove(&id) {
            let scored = result.and_then(|()| match self.runs.get_mut(&job.run) {
                Some(run) => run.settle_scores(job.list, job.scored),
                None => Ok(job.scored),
            });
            answer(job.reply, scored);
        }
    }
}
