//! One forward pass for all runs, and what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Engine;
use super::call::{Cause, Decoded, Error, Finish, Number};
use super::handle::RunId;
use super::lane::{End, Lane};
use super::requests::{cache_full, whole};
use super::run::{RunState, State};
use super::schedule::schedule;
use crate::cache::{MessageId, Plan, Wanted, check};
use crate::model::{Logits, Model};

impl<M: Model> Engine<M> {
    /// Does one forward pass, if there is anything to do.
    pub(super) fn step(&mut self) {
        if !self.is_busy() {
            // What was released meanwhile need not be encoded at all.
            self.waiting.retain(|message| self.cache.holds(*message));
        }
        let lanes = self.lanes.keys().map(|id| (*id, Wanted::Logits));
        let scored = self.scores.iter().map(|(id, scoring)| (*id, scoring.wanted()));
        let awaited: BTreeMap<MessageId, Wanted> = lanes.chain(scored).collect();
        let schedule = schedule(&mut self.cache, &awaited, &self.waiting, self.options.step_rows);
        self.follow_changes();
        if schedule.full.is_some() || !schedule.lost.is_empty() {
            if let Some((message, full)) = schedule.full {
                self.lose(message, |_| cache_full(full.asked.into(), full.left));
            }
            for message in schedule.lost {
                self.lose(message, Cause::Lost);
            }
            // They may have taken with them what else this pass was to do.
            self.follow_changes();
            return;
        }
        if schedule.work.is_empty() {
            self.crowded = awaited.is_empty();
            return;
        }
        let plan = self.cache.plan(&schedule.work);
        debug_assert_eq!(check::verify(&self.cache, &plan), Ok(()));
        let begun = Instant::now();
        let decoding: BTreeSet<RunId> = self.lanes.values().map(|lane| lane.run).collect();
        match self.model.forward(&plan) {
            Ok(logits) => {
                self.count(&plan, &schedule.sakes, begun);
                self.cache.commit(&plan);
                let in_use = self.cache.slots_in_use();
                self.runs.values_mut().for_each(|run| run.count_pool(in_use));
                self.settle(&plan);
                self.sample(&plan, &logits);
            }
            Err(error) => {
                for block in &plan.blocks {
                    self.lose(block.message, |_| Cause::Engine(error.to_string()));
                }
            }
        }
        self.follow_changes();
        for run in decoding {
            self.run_state(run).count_decoding(begun.elapsed());
        }
    }

    /// Rows of a message that were encoded before are not its runs' expense: they
    /// are told of the run that needs them now.
    fn count(&mut self, plan: &Plan, sakes: &[MessageId], begun: Instant) {
        for (block, sake) in plan.blocks.iter().zip(sakes) {
            let rows = narrow(block.rows.len());
            let again = self.cache.known(block.message, block.first_index, rows);
            if again > 0 {
                for (run, number) in self.owners.firsts(block.message) {
                    self.run_state(run).record_mut(number).account.again += again;
                }
                if let Some(run) = self.run_of(*sake) {
                    self.run_state(run).count_again(again);
                }
            }
            let new = rows - again;
            if new == 0 {
                continue;
            }
            // What nobody names any more, or is an edge of a prompt, is encoded for
            // the sake of one that sees it.
            let seen = || Some(*sake).filter(|sake| self.cache.seen(*sake).contains(&block.message));
            let owner = self.owners.first(block.message).or_else(|| self.prompted(seen()?));
            let run = || self.run_of(block.message).or_else(|| self.run_of(seen()?));
            if let Some((run, number)) = owner {
                self.run_state(run).count_encoded(number, new, begun);
            } else if let Some(run) = run() {
                self.run_state(run).count_rows(new);
            }
        }
    }

    /// Whose prompt a message ends.
    fn prompted(&self, message: MessageId) -> Option<(RunId, Number)> {
        let owner = self.owners.first(message)?;
        self.runs.get(&owner.0)?.options.mode.is_baseline().then_some(owner)
    }

    /// The run whose message or score it is.
    fn run_of(&self, message: MessageId) -> Option<RunId> {
        let owner = self.owners.first(message).map(|(run, _)| run);
        owner.or_else(|| Some(self.jobs.get(&self.scores.get(&message)?.job)?.run))
    }

    /// Takes messages that are wholly encoded off the list of those that wait.
    fn settle(&mut self, plan: &Plan) {
        for block in &plan.blocks {
            if self.cache.is_new(block.message) || !self.waiting.remove(&block.message) {
                continue;
            }
            for (run, number) in self.owners.all(block.message) {
                let record = self.run_state(run).record_mut(number);
                if record.finish == Finish::Prefilled {
                    record.account.end = Some(Instant::now());
                }
            }
        }
    }

    fn sample(&mut self, plan: &Plan, logits: &Logits) {
        for (row, logits) in plan.sampled.iter().zip(logits.values.chunks_exact(logits.vocabulary)) {
            let block = &plan.blocks[plan.blocks.partition_point(|block| block.rows.end <= *row)];
            let message = block.message;
            let index = block.first_index + narrow(row - block.rows.start);
            self.score_row(message, index - self.cache.first_index(message), logits);
            let Some(lane) = self.lanes.get_mut(&message) else { continue };
            let (run, number, called) = (lane.run, lane.number, lane.called);
            let left = self.runs.get(&run).map_or(u64::MAX, RunState::tokens_out_left);
            if left == 0 {
                self.finish(message, Finish::Budget("tokens-out".into()));
                continue;
            }
            let step = lane.accept(logits, &self.chat, self.index.as_ref(), left);
            let state = self.run_state(run);
            state.count_generated(step.generated);
            state.record_mut(number).account.first_token.get_or_insert_with(|| called.elapsed());
            self.cache.append(message, &step.tokens);
            match step.end {
                None => {}
                Some(End::Finished(finish)) => self.finish(message, finish),
                Some(End::Failed(why)) => self.lose(message, |_| Cause::InvalidArgument(why)),
            }
        }
    }

    /// Ends a lane: its message becomes one like any other.
    pub(super) fn finish(&mut self, message: MessageId, finish: Finish) {
        let Some(mut lane) = self.lanes.remove(&message) else { return };
        let cut = lane.cut();
        self.cache.truncate(message, lane.prompt_tokens + cut.kept);
        if !cut.rest.is_empty() {
            self.cache.append(message, &self.chat.encode_text(&cut.rest));
        }
        self.cache.append(message, &lane.closing);

        let text = lane.text();
        let generated = self.cache.tokens(message)[lane.prompt_tokens..].to_vec();
        let state = self.run_state(lane.run);
        state.keep(lane.number, || lane.script(&finish));
        state.complete(lane.number, &text, &generated);
        state.record_mut(lane.number).finish = finish.clone();
        self.cache.close(message);
        if self.run_state(lane.run).options.mode.is_baseline() {
            // Text and tokens alone are the run's.
            self.give_back(lane.run, lane.number);
        } else if self.cache.is_new(message) {
            self.waiting.insert(message);
        }
        let decoded =
            Decoded { id: lane.number, text, finish, tokens: lane.generated(), logprobs: lane.take_logprobs() };
        self.answer(lane, Ok(decoded));
    }

    /// A message's encoding failed, or that of one it sees.
    fn lose(&mut self, message: MessageId, cause: impl FnOnce(Number) -> Cause) {
        if self.cache.beginning() == Some(message) {
            // Everybody needs it: it is tried again with the next pass.
            return;
        }
        // A list of scores that ended took its other messages with it.
        if !self.cache.holds(message) {
            return;
        }
        self.waiting.remove(&message);
        let lane = self.lanes.remove(&message);
        self.cache.lose(message);
        let owners = self.owners.all(message);
        for (run, number) in &owners {
            let state = self.run_state(*run);
            state.record_mut(*number).state = State::Lost;
            state.hold(*number, 0);
        }
        match (lane, owners.first()) {
            (Some(lane), _) => {
                let number = lane.number;
                self.answer(lane, Err(whole(cause(number))));
            }
            (None, None) => self.lose_score(message, cause(0)),
            (None, Some(_)) => {}
        }
    }

    fn answer(&mut self, lane: Lane, result: Result<Decoded, Error>) {
        self.show_lanes(lane.run);
        lane.end(result);
    }

    /// Ends the lanes of runs whose wall time is over.
    pub(super) fn end_overdue(&mut self) {
        let now = Instant::now();
        self.end_overdue_jobs(now);
        let overdue =
            self.lanes.iter().filter(|(_, lane)| self.runs.get(&lane.run).is_some_and(|run| run.is_over(now)));
        for message in overdue.map(|(message, _)| *message).collect::<Vec<_>>() {
            self.finish(message, Finish::Budget("wall-ms".into()));
        }
    }

    /// Ends a run: its lanes stop and its room comes back.
    pub(super) fn close(&mut self, run: RunId) {
        let Some(state) = self.runs.get(&run) else { return };
        let numbers: Vec<Number> = (1..).take(state.records.len()).collect();
        self.lanes.retain(|_, lane| lane.run != run);
        self.end_jobs(run);
        for number in numbers {
            self.release_message(run, number);
        }
        self.follow_changes();
        self.owners.forget(run);
        self.runs.remove(&run);
    }

    pub(super) fn show_lanes(&mut self, run: RunId) {
        let lanes = self.lanes.values().filter(|lane| lane.run == run).count();
        self.run_state(run).progress.lanes.store(lanes as u64, Ordering::Relaxed);
    }
}

/// Rows of a plan are far fewer than 2³².
fn narrow(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}
