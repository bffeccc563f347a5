//! What messages hold of the cache, as their runs see it.

use std::collections::BTreeSet;

use super::Engine;
use super::call::Number;
use super::handle::RunId;
use super::run::State;
use crate::cache::MessageId;
use crate::model::Model;

impl<M: Model> Engine<M> {
    /// The run names a message no more; its account stays. While other messages
    /// need its tokens, the run goes on paying for them.
    pub(super) fn release_message(&mut self, run: RunId, number: Number) {
        let state = self.run_state(run);
        let record = state.record_mut(number);
        if record.state == State::Released {
            return;
        }
        let message = record.message;
        state.forget(number);
        let needed = message.is_some_and(|message| self.cache.is_referenced(message));
        self.give_back(run, number);
        match message {
            Some(message) if needed => self.owners.entry(message).or_default().push((run, number)),
            _ => self.run_state(run).forget_tokens(number),
        }
    }

    /// A message needs the cache no more; its text stays.
    pub(super) fn give_back(&mut self, run: RunId, number: Number) {
        let state = self.run_state(run);
        let Some(message) = state.record_mut(number).message.take() else { return };
        state.hold(number, 0);
        self.disown(message, |owner| owner == (run, number));
        self.show_room(message);
        self.cache.release(message);
    }

    fn disown(&mut self, message: MessageId, is: impl Fn((RunId, Number)) -> bool) {
        if let Some(owners) = self.owners.get_mut(&message) {
            owners.retain(|owner| !is(*owner));
            if owners.is_empty() {
                self.owners.remove(&message);
            }
        }
    }

    /// A run is closed, and pays for nothing more.
    pub(super) fn disown_all(&mut self, run: RunId) {
        self.owners.retain(|_, owners| {
            owners.retain(|(owner, _)| *owner != run);
            !owners.is_empty()
        });
    }

    /// Brings accounts up to date with what has happened in the cache.
    pub(super) fn follow_changes(&mut self) {
        let changes = self.cache.take_changes();
        for message in changes.yielded {
            for (run, number) in self.owners_of(message) {
                self.run_state(run).record_mut(number).account.yielded += 1;
            }
            self.show_room(message);
        }
        for message in changes.filled {
            self.show_room(message);
        }
        for message in changes.unreferenced {
            for owner in self.owners_of(message) {
                let (run, number) = owner;
                // It was released before, and kept for those that saw it.
                if self.run_state(run).record_mut(number).message.is_none() {
                    self.disown(message, |other| other == owner);
                    self.run_state(run).forget_tokens(number);
                }
            }
        }
    }

    /// The runs' messages that a message of the cache is, and was.
    pub(super) fn owners_of(&self, message: MessageId) -> Vec<(RunId, Number)> {
        self.owners.get(&message).cloned().unwrap_or_default()
    }

    /// What a message holds now counts for each run once, however often it has it.
    pub(super) fn show_room(&mut self, message: MessageId) {
        let slots = self.cache.held_slots(message);
        let mut told = BTreeSet::new();
        for (run, number) in self.owners_of(message) {
            let state = self.run_state(run);
            let named = state.record_mut(number).message.is_some();
            let first = named && told.insert(run);
            state.hold(number, if first { slots } else { 0 });
        }
    }
}
