//! Which rows join the next forward pass.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::lane::Lanes;
use super::score::Scores;
use crate::cache::{Cache, MessageId, Wanted, Work};

/// What the next pass does.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// In an order in which every message comes after those it sees.
    pub(super) work: Vec<Work>,
    /// Lanes, and messages that are scored or idle, that see a message that was lost.
    pub(super) lost: Vec<MessageId>,
}

/// Takes every lane that only waits for its next token, whatever the number,
/// and then what the others and what is scored need, oldest first, up to `rows` rows: a long
/// prefill goes through in pieces and does not stall the lanes.
///
/// Where nobody waits for a lane or a score, encodes `idle` messages instead, in order.
pub(super) fn schedule(
    cache: &Cache,
    lanes: &Lanes,
    scores: &Scores,
    (idle, rows): (&BTreeSet<MessageId>, u32),
) -> Schedule {
    let mut pass = Pass { cache, rows, planned: HashMap::new(), schedule: Schedule::default() };
    for id in lanes.keys() {
        if cache.waiting(*id) == 1 && pass.needed(*id).len() == 1 {
            pass.add(*id, 1, Wanted::Logits);
        }
    }
    let others = lanes.keys().filter(|id| !pass.planned.contains_key(id)).map(|id| (*id, Wanted::Logits));
    let scored = scores.iter().map(|(id, scoring)| (*id, scoring.wanted()));
    for (id, wanted) in others.chain(scored).collect::<BTreeMap<_, _>>() {
        pass.add_with_needed(id, wanted);
    }
    if lanes.is_empty() && scores.is_empty() {
        for id in idle {
            pass.add_with_needed(*id, Wanted::Encoding);
        }
    }
    pass.schedule
}

struct Pass<'a> {
    cache: &'a Cache,
    /// Rows that still fit.
    rows: u32,
    /// Rows planned of each message.
    planned: HashMap<MessageId, u32>,
    schedule: Schedule,
}

impl Pass<'_> {
    /// The messages that must be encoded for this one to be, itself included:
    /// parents before children, since a message's parents are older than it.
    fn needed(&self, id: MessageId) -> BTreeSet<MessageId> {
        let mut needed = BTreeSet::from([id]);
        let mut open = vec![id];
        while let Some(message) = open.pop() {
            let parents = self.cache.parents(message).iter().map(|parent| parent.message);
            for parent in parents.chain(self.cache.beginning()) {
                let missing = self.cache.waiting(parent) > 0 || self.cache.is_lost(parent);
                if missing && needed.insert(parent) {
                    open.push(parent);
                }
            }
        }
        needed
    }

    fn add_with_needed(&mut self, id: MessageId, wanted: Wanted) {
        let needed = self.needed(id);
        if needed.iter().any(|message| self.cache.is_lost(*message)) {
            self.schedule.lost.push(id);
            return;
        }
        for message in needed {
            if self.planned.contains_key(&message) {
                continue;
            }
            let waiting = self.cache.waiting(message);
            let tokens = waiting.min(self.rows);
            if tokens == 0 {
                return;
            }
            self.rows -= tokens;
            let whole = tokens == waiting;
            let wanted = match wanted {
                Wanted::Every if message == id => Wanted::Every,
                _ if message == id && whole => wanted,
                _ => Wanted::Encoding,
            };
            self.add(message, tokens, wanted);
            if !whole {
                return;
            }
        }
    }

    fn add(&mut self, message: MessageId, tokens: u32, wanted: Wanted) {
        self.planned.insert(message, tokens);
        self.schedule.work.push(Work { message, tokens, wanted });
    }
}
