//! What the engine does with each request.

use std::time::Instant;

use tokio::sync::oneshot;

use super::Engine;
use super::call::{Cause, Error, Finish, Number, Part, PrefillCall, Role, Shortage, Speaker, View};
use super::handle::{Mode, Request, RunId};
use super::place::{self, Bounds, Placement};
use super::run::{Account, Record, RunState, State, bytes_kept};
use crate::cache::{Full, MessageId, NewMessage, Origin, TokenId};
use crate::chat::ChatError;
use crate::model::Model;

/// Room in the cache, as `remaining` names it: all runs', so no run's limit.
const CACHE: &str = "cache-tokens";

/// Tokens of a list's prompts in a baseline.
const PROMPTS: u64 = 1 << 24;

/// A message that the model is to begin needs something before its first token.
pub(super) const EMPTY_HEADER: &str =
    "the header is empty and nothing precedes the first generated token: give a header of at least one character";

/// A call whose place and tokens are known, before anything of it is kept.
pub(super) struct Draft {
    pub(super) role: Role,
    pub(super) name: Option<String>,
    pub(super) part: Part,
    pub(super) text: String,
    pub(super) placement: Placement,
    /// The message's own tokens; for a decode, those of its header.
    pub(super) tokens: Vec<TokenId>,
    /// What the cache is to hold; none in a baseline, whose prompts are made when
    /// all is checked and paid.
    pub(super) new: Option<NewMessage>,
    /// Slots that encoding it takes at once.
    pub(super) need: u64,
}

impl<M: Model> Engine<M> {
    pub(super) fn handle(&mut self, request: Request) {
        match request {
            Request::Open(options, progress, reply) => {
                let id = RunId(self.next_run);
                self.next_run += 1;
                self.runs.insert(id, RunState::new(options, progress));
                // Whoever asked is gone: nobody will close the run.
                if reply.send(id).is_err() {
                    self.runs.remove(&id);
                }
            }
            Request::Prefill(run, called, calls, reply) => answer(reply, self.prefill(run, called, calls)),
            Request::Start(run, called, calls, reply) => self.start(run, called, calls, reply),
            Request::Score(run, calls, reply) => self.score(run, calls, reply),
            Request::Follow(run, follower) => {
                if let Ok(state) = self.run(run) {
                    state.follower = follower;
                }
            }
            Request::Cancel(run, number) => self.cancel(run, number),
            Request::Abandon(run, number) => self.abandon(run, number),
            Request::Text(run, ids, reply) => {
                answer(reply, self.each(run, &ids, |record| record.text.clone()));
            }
            Request::Describe(run, ids, reply) => answer(reply, self.each(run, &ids, Record::describe)),
            Request::CountTokens(role, part, texts, reply) => {
                let counts = texts.iter().zip(0..).map(|(text, call)| {
                    let tokens = self.chat.render(role, part, text).map_err(|error| at(call, unserved(error)))?;
                    Ok(u32::try_from(tokens.len()).unwrap_or(u32::MAX))
                });
                answer(reply, counts.collect());
            }
            Request::Release(run, ids, reply) => answer(reply, self.release(run, &ids)),
            Request::Remaining(run, reply) => {
                let room = (CACHE.to_owned(), u64::from(self.cache.left()));
                let left = self.run(run).map(|run| run.remaining().into_iter().chain([room]).collect());
                answer(reply, left);
            }
            Request::Limit(run, name, left, reply) => {
                answer(reply, self.run(run).and_then(|run| run.limit(&name, left).map_err(whole)));
            }
            Request::Report(run, reply) => {
                let shape = self.model.shape().clone();
                answer(reply, self.run(run).map(|run| run.report(&shape.name, shape.slot_bytes)));
            }
            Request::Script(run, reply) => answer(reply, self.run(run).map(|run| run.script.clone())),
            Request::Forget(reply) => {
                self.cache.forget_released();
                answer(reply, Ok(()));
            }
            Request::Close(run) => self.close(run),
        }
        self.follow_changes();
    }

    fn prefill(&mut self, run: RunId, called: Instant, calls: Vec<PrefillCall>) -> Result<Vec<Number>, Error> {
        self.run(run)?.pay_calls(calls.len()).map_err(whole)?;
        let drafts = calls.into_iter().zip(0..).map(|(call, index)| {
            let speaker = Speaker { role: call.role, name: call.name.as_deref() };
            let tokens =
                self.chat.render(speaker, call.part, &call.text).map_err(|error| at(index, unserved(error)))?;
            let said = (call.role, call.name, call.part, call.text);
            self.draft(run, said, &call.view, tokens).map_err(|cause| at(index, cause))
        });
        let drafts: Vec<Draft> = drafts.collect::<Result<_, _>>()?;
        self.admit(run, &drafts)?;
        let numbers = drafts.into_iter().map(|mut draft| {
            let added = draft.new.take().map(|new| self.cache.add(new));
            let number = self.add_record(run, draft, added.map(|(message, _)| message), called);
            let waits = added.map(|(message, _)| message).filter(|message| self.cache.is_new(*message));
            self.waiting.extend(waits);
            let account = &mut self.run_state(run).record_mut(number).account;
            account.origin = added.map_or(Origin::New, |(_, origin)| origin);
            if waits.is_none() {
                // Nothing is left to be done for it.
                account.end = Some(Instant::now());
            }
            number
        });
        Ok(numbers.collect())
    }

    /// Places a message and checks that its tokens fit the context.
    pub(super) fn draft(
        &mut self,
        run: RunId,
        (role, name, part, text): (Role, Option<String>, Part, String),
        view: &View,
        tokens: Vec<TokenId>,
    ) -> Result<Draft, Cause> {
        if tokens.is_empty() {
            return Err(Cause::InvalidArgument(
                "the message has no tokens: give it a text of at least one character".into(),
            ));
        }
        let bounds = Bounds { context: self.context(), visible: self.model.shape().slots as u64 };
        let state = self.run_state(run);
        let placement = match state.options.mode {
            Mode::Choreo => place::place(state, view, bounds)?,
            Mode::Prefix | Mode::Naive => place::in_a_row(state, view, bounds)?,
        };
        let end = u64::from(placement.offset) + tokens.len() as u64;
        let what = || format!("a message of {} tokens at offset {}", tokens.len(), placement.offset);
        place::fits(what, end, bounds.context)?;
        if state.options.mode.is_baseline() {
            return Ok(Draft { role, name, part, text, placement, tokens, new: None, need: 0 });
        }
        let new = NewMessage {
            capacity: u32::try_from(tokens.len()).unwrap_or(u32::MAX),
            tokens: tokens.clone(),
            parents: place::in_cache(state, &placement),
            offset: place::signed(placement.offset),
            tenant: Some(state.options.tenant),
        };
        let need = self.cache.need(&new);
        Ok(Draft { role, name, part, text, placement, tokens, new: Some(new), need })
    }

    /// Checks that each call of a list could be served alone, and pays for all.
    pub(super) fn admit(&mut self, run: RunId, drafts: &[Draft]) -> Result<(), Error> {
        for (draft, call) in drafts.iter().zip(0..) {
            self.fits_cache(draft.need).map_err(|cause| at(call, cause))?;
        }
        let names = drafts.iter().filter_map(|draft| draft.name.as_ref()).map(|name| name.len() as u64);
        let bytes = drafts.iter().map(|draft| bytes_kept(&draft.text, &draft.tokens, &draft.placement.parents));
        let accounts = drafts.len() * size_of::<Record>();
        self.run_state(run).pay_text(bytes.chain(names).sum::<u64>() + accounts as u64).map_err(whole)
    }

    /// Checks that the prompts that a baseline makes of a list are not too many
    /// tokens, what several see counted each time. `lengths`: where each ends.
    pub(super) fn check_prompts(&mut self, run: RunId, lengths: impl Iterator<Item = u64>) -> Result<(), Error> {
        let tokens: u64 = lengths.sum();
        if tokens > PROMPTS && self.run_state(run).options.mode.is_baseline() {
            return Err(whole(Cause::InvalidArgument(format!(
                "the list's prompts have {tokens} tokens in all and may have {PROMPTS}: ask for fewer at once"
            ))));
        }
        Ok(())
    }

    /// Whether so many tokens could be in the cache at once.
    pub(super) fn fits_cache(&self, need: u64) -> Result<(), Cause> {
        let total = self.cache.total();
        if need > u64::from(total) { Err(cache_full(need, total)) } else { Ok(()) }
    }

    pub(super) fn add_record(
        &mut self,
        run: RunId,
        draft: Draft,
        message: Option<MessageId>,
        called: Instant,
    ) -> Number {
        let state = self.run_state(run);
        let reused = match state.options.mode {
            // Of a prompt it is known when the prompt has been looked for.
            Mode::Prefix | Mode::Naive => 0,
            Mode::Choreo => {
                let tokens =
                    draft.placement.parents.iter().filter_map(|(id, _)| Some(state.record(*id).ok()?.tokens.len()));
                u32::try_from(tokens.sum::<usize>()).unwrap_or(u32::MAX)
            }
        };
        let number = state.next_number();
        state.records.push(Record {
            role: draft.role,
            name: draft.name,
            part: draft.part,
            text: draft.text,
            length: u32::try_from(draft.tokens.len()).unwrap_or(u32::MAX),
            tokens: draft.tokens,
            parents: draft.placement.parents,
            offset: draft.placement.offset,
            finish: Finish::Prefilled,
            message,
            state: State::Present,
            called,
            account: Account { reused, ..Account::default() },
        });
        if let Some(message) = message {
            self.owners.add(message, run, number);
            self.show_room(message);
        }
        number
    }

    fn each<T>(&mut self, run: RunId, ids: &[Number], of: impl Fn(&Record) -> T) -> Result<Vec<T>, Error> {
        let state = self.run(run)?;
        ids.iter().zip(0..).map(|(id, call)| state.record(*id).map(&of).map_err(|cause| at(call, cause))).collect()
    }

    fn release(&mut self, run: RunId, ids: &[Number]) -> Result<(), Error> {
        let state = self.run(run)?;
        for (id, call) in ids.iter().zip(0..) {
            match state.record(*id) {
                // A lost message can be released: that is how a plan lets go of it.
                Ok(_) | Err(Cause::Lost(_)) => {}
                Err(cause) => return Err(at(call, cause)),
            }
        }
        for id in ids {
            self.release_message(run, *id);
        }
        Ok(())
    }

    /// A run that is open, as requests name it.
    pub(super) fn run(&mut self, run: RunId) -> Result<&mut RunState, Error> {
        self.runs.get_mut(&run).ok_or_else(|| whole(Cause::Engine("the run is closed".into())))
    }

    /// A run that is known to be open.
    pub(super) fn run_state(&mut self, run: RunId) -> &mut RunState {
        self.runs.get_mut(&run).unwrap_or_else(|| panic!("{run:?} is not open"))
    }

    /// Positions that a view has, from 0 on.
    pub(super) fn context(&self) -> u64 {
        let beginning = u64::from(self.cache.beginning().is_some());
        (self.model.shape().context as u64).saturating_sub(beginning)
    }
}

pub(super) fn answer<T>(reply: oneshot::Sender<T>, result: T) {
    // Whoever asked may be gone; the run's Close follows then.
    let _ = reply.send(result);
}

/// An error that no single call is to blame for.
pub(super) fn whole(cause: Cause) -> Error {
    Error { cause, call: None }
}

pub(super) fn at(call: u32, cause: Cause) -> Error {
    Error { cause, call: Some(call) }
}

pub(super) fn full(full: Full) -> Error {
    whole(cache_full(full.asked.into(), full.left))
}

pub(super) fn cache_full(asked: u64, left: u32) -> Cause {
    Cause::CacheFull(Shortage { what: "the call".into(), asked, left: left.into() })
}

pub(super) fn unserved(error: ChatError) -> Cause {
    Cause::Unsupported(error.to_string())
}
