//! Decode calls: from what is asked to lanes, and lanes that end early.

use std::collections::BTreeSet;
use std::time::Instant;

use tokio::sync::watch;

use super::Engine;
use super::call::{Cause, Constraint, DecodeCall, DecodeOptions, Error, Finish, Number, Shortage, Speaker};
use super::choice::TokenIndex;
use super::guide::Guide;
use super::handle::{Mode, Reply, RunId};
use super::lane::{Lane, NewLane};
use super::pending::{Feed, Started};
use super::place;
use super::requests::{Draft, EMPTY_HEADER, at, unserved, whole};
use super::run::{RunState, State};
use crate::cache::{MessageId, TokenId};
use crate::model::Model;

/// A call, and the guide of its constraint, if that has a grammar.
type Guided = (DecodeCall, Option<Guide>);

impl<M: Model> Engine<M> {
    pub(super) fn start(&mut self, run: RunId, called: Instant, calls: Vec<Guided>, reply: Reply<Vec<Started>>) {
        let started = if calls.is_empty() { Ok(Vec::new()) } else { self.start_lanes(run, called, calls) };
        if let Err(Ok(unheard)) = reply.send(started) {
            // Whoever asked is gone.
            for (number, _) in unheard {
                self.abandon(run, number);
            }
        }
    }

    /// Ends a message that is being decoded; one that has ended stays as it is.
    pub(super) fn cancel(&mut self, run: RunId, number: Number) {
        if let Some(message) = self.decoding(run, number) {
            self.finish(message, Finish::Cancelled);
        }
    }

    /// Ends a message that nobody was told of, and gives its room back: whether
    /// it had ended by then is a matter of time, and must not show.
    pub(super) fn abandon(&mut self, run: RunId, number: Number) {
        // The run may have been closed before.
        if self.runs.contains_key(&run) {
            self.cancel(run, number);
            self.release_message(run, number);
        }
    }

    /// The message of a lane that is still going on.
    fn decoding(&self, run: RunId, number: Number) -> Option<MessageId> {
        let record = self.runs.get(&run)?.records.get(number as usize - 1)?;
        record.message.filter(|message| self.lanes.contains_key(message))
    }

    /// Starts a list's lanes, all or none.
    fn start_lanes(&mut self, run: RunId, called: Instant, calls: Vec<Guided>) -> Result<Vec<Started>, Error> {
        let state = self.run(run)?;
        if state.tokens_out_left() == 0 {
            return Err(whole(Cause::Budget(Shortage { what: "tokens-out".into(), asked: 1, left: 0 })));
        }
        state.pay_calls(calls.len()).map_err(whole)?;
        let mut drafts = Vec::with_capacity(calls.len());
        let mut lanes = Vec::with_capacity(calls.len());
        for ((call, guide), index) in calls.into_iter().zip(0..) {
            let drafted = self.draft_decode(run, call).map_err(|cause| at(index, cause))?;
            drafts.push(drafted.0);
            lanes.push((drafted.1, drafted.2, drafted.3, guide));
        }
        self.run_state(run).is_scripted(drafts.len())?;
        let ends = drafts.iter().map(|draft| u64::from(draft.placement.offset) + draft.tokens.len() as u64);
        self.check_prompts(run, ends)?;
        self.admit(run, &drafts)?;
        let mut started = Vec::with_capacity(drafts.len());
        for (mut draft, (options, max_tokens, closing, guide)) in drafts.into_iter().zip(lanes) {
            let state = self.run_state(run);
            let mode = state.options.mode;
            let mut new = draft.new.take().unwrap_or_else(|| place::prompt(state, &draft.placement, &draft.tokens));
            // All that it sees is its own in a baseline, and else not.
            let capacity = draft.need - self.cache.need(&new) + new.tokens.len() as u64;
            new.capacity = u32::try_from(capacity).unwrap_or(u32::MAX);
            let (message, reused) = match mode {
                Mode::Prefix => self.cache.prompt(new),
                Mode::Choreo | Mode::Naive => (self.cache.insert(new), 0),
            };
            let header = draft.text.clone();
            let prompt_tokens = self.cache.tokens(message).len();
            let number = self.add_record(run, draft, Some(message), called);
            let state = self.run_state(run);
            state.record_mut(number).state = State::Decoding;
            state.record_mut(number).account.reused += reused;
            let seen = seen(state, number, &options);
            let (feed, shown) = watch::channel(Feed::default());
            let script = state.forced(number);
            let margins = state.keeps().then(Vec::new);
            let new = NewLane {
                run,
                number,
                feed,
                called,
                prompt_tokens,
                closing,
                header,
                max_tokens,
                seen,
                guide,
                script,
                margins,
            };
            let lane = Lane::new(new, &options, &state.options.defaults, state.options.seed);
            state.tell((number, shown.clone()));
            self.lanes.insert(message, lane);
            started.push((number, shown));
        }
        self.show_lanes(run);
        Ok(started)
    }

    /// A decode call's draft, its options, the tokens it may generate, and
    /// those that will end it.
    fn draft_decode(
        &mut self,
        run: RunId,
        call: DecodeCall,
    ) -> Result<(Draft, DecodeOptions, u32, Vec<TokenId>), Cause> {
        check_options(&call.options)?;
        let choice = matches!(call.options.constraint, Some(Constraint::OneOf(_)));
        if (!call.options.stop.is_empty() || choice) && self.index.is_none() {
            self.index = Some(TokenIndex::new(&self.chat));
        }
        let speaker = Speaker { role: call.role, name: call.name.as_deref() };
        let tokens = self.chat.header(speaker, call.part, &call.header).map_err(unserved)?;
        if tokens.is_empty() {
            return Err(Cause::InvalidArgument(EMPTY_HEADER.into()));
        }
        let closing = self.chat.closing(call.role, call.part);
        // Text cut inside a token is encoded again, in at most a token a byte; so is
        // the token before, where that ends inside a character.
        let longest = self.index.as_ref().map_or(0, TokenIndex::longest);
        let slack = if call.options.stop.is_empty() { 0 } else { 2 * longest };
        let around = closing.len() + slack;
        let asked = call.options.max_tokens.unwrap_or(self.run_state(run).options.defaults.max_tokens);
        let mut draft = self.draft(run, (call.role, call.name, call.part, call.header), &call.view, tokens)?;

        let context = self.context();
        let begin = u64::from(draft.placement.offset) + draft.tokens.len() as u64;
        place::fits(|| "a message with one generated token".into(), begin + around as u64 + 1, context)?;
        let room = u32::try_from(context - begin - around as u64).unwrap_or(u32::MAX);
        let max_tokens = asked.min(room);
        if draft.new.is_none() {
            draft.need = begin + u64::from(self.cache.beginning().is_some());
        }
        draft.need += u64::from(max_tokens) + around as u64;
        Ok((draft, call.options, max_tokens, closing))
    }
}

/// The tokens that a repetition penalty is about at first: those of the parents
/// and of the message itself. Its prompt's, in a baseline mode, are the same.
fn seen(run: &RunState, number: Number, options: &DecodeOptions) -> BTreeSet<TokenId> {
    if options.repetition_penalty.is_none_or(|penalty| penalty == 1.0) {
        return BTreeSet::new();
    }
    let Some(record) = run.records.get(number as usize - 1) else { return BTreeSet::new() };
    let parents = record.parents.iter().filter_map(|(parent, _)| run.record(*parent).ok());
    let tokens = parents.chain([record]).flat_map(|record| &record.tokens);
    tokens.copied().collect()
}

fn check_options(options: &DecodeOptions) -> Result<(), Cause> {
    let invalid = |what: String| Err(Cause::InvalidArgument(what));
    if let Some(temperature) = options.temperature.filter(|value| !(0.0..=100.0).contains(value)) {
        return invalid(format!("temperature is {temperature}: give a number from 0 to 100"));
    }
    if let Some(top_p) = options.top_p.filter(|value| !(*value > 0.0 && *value <= 1.0)) {
        return invalid(format!("top-p is {top_p}: give a number above 0, up to 1"));
    }
    if options.top_k == Some(0) {
        return invalid("top-k is 0: give at least 1, or leave it out".into());
    }
    if let Some(min_p) = options.min_p.filter(|value| !(0.0..=1.0).contains(value)) {
        return invalid(format!("min-p is {min_p}: give a number from 0 (all tokens) to 1"));
    }
    if let Some(penalty) = options.repetition_penalty.filter(|value| !(0.01..=100.0).contains(value)) {
        return invalid(format!("repetition-penalty is {penalty}: give a number from 0.01 to 100, 1 for none"));
    }
    if options.max_tokens == Some(0) {
        return invalid("max-tokens is 0: give at least 1".into());
    }
    if options.stop.iter().any(String::is_empty) {
        return invalid("a stop string is empty: give it at least one character".into());
    }
    match &options.constraint {
        Some(Constraint::OneOf(strings)) if strings.is_empty() => {
            invalid("one-of has no strings: give at least one".into())
        }
        Some(Constraint::OneOf(strings)) if strings.iter().any(String::is_empty) => {
            invalid("one-of holds an empty string: give each at least one character".into())
        }
        Some(Constraint::Regex(regex)) if regex.is_empty() => {
            invalid("the constraint's regex is empty: give it at least one character".into())
        }
        _ => Ok(()),
    }
}
