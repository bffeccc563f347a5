//! What messages hold of the cache, as their runs see it.

use super::Engine;
use super::call::Number;
use super::handle::RunId;
use super::owners::Kept;
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
        let needed = message.filter(|message| self.cache.is_referenced(*message));
        self.give_back(run, number);
        let kept = needed.map(|message| self.owners.keep(message, run, number));
        if kept != Some(Kept::Now) {
            self.run_state(run).forget_tokens(number);
        }
    }

    /// A message needs the cache no more; its text stays.
    pub(super) fn give_back(&mut self, run: RunId, number: Number) {
        let state = self.run_state(run);
        let Some(message) = state.record_mut(number).message.take() else { return };
        state.hold(number, 0);
        self.owners.remove(message, run, number);
        self.show_room(message);
        self.cache.release(message);
        if !self.cache.holds(message) {
            self.waiting.remove(&message);
        }
    }

    /// Brings accounts up to date with what has happened in the cache.
    pub(super) fn follow_changes(&mut self) {
        let changes = self.cache.take_changes();
        for message in changes.yielded {
            for (run, number) in self.owners.firsts(message) {
                self.run_state(run).record_mut(number).account.yielded += 1;
            }
            self.show_room(message);
        }
        for message in changes.filled {
            self.show_room(message);
        }
        for message in changes.unreferenced {
            for (run, number) in self.owners.take_kept(message) {
                self.run_state(run).forget_tokens(number);
            }
        }
    }

    /// What a message holds now, at each run's first number of it.
    pub(super) fn show_room(&mut self, message: MessageId) {
        let slots = self.cache.held_slots(message);
        for (run, number) in self.owners.firsts(message) {
            self.run_state(run).hold(number, slots);
        }
    }
}
