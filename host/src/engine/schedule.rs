//! Which rows join the next forward pass.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::cache::{Cache, MessageId, Wanted, Work};

/// What the next pass does.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// In an order in which every message comes after those it sees.
    pub(super) work: Vec<Work>,
    /// Lanes, and messages that are scored or idle, that see a message that was lost.
    pub(super) lost: Vec<MessageId>,
}

/// Takes every awaited message that lacks one row, as a lane does between two
/// tokens, whatever the number; and then what the others need, oldest first, up
/// to `rows` rows: a long prefill goes through in pieces and does not stall the
/// lanes. Where nothing is awaited, encodes `idle` messages instead, in order.
pub(super) fn schedule(
    cache: &Cache,
    awaited: &BTreeMap<MessageId, Wanted>,
    idle: &BTreeSet<MessageId>,
    rows: u32,
) -> Schedule {
    let mut pass = Pass { cache, rows, planned: HashMap::new(), schedule: Schedule::default() };
    for (id, wanted) in awaited {
        if cache.waiting(*id) == 1 && pass.needed(*id).len() == 1 {
            pass.add(*id, 1, *wanted);
        }
    }
    for (id, wanted) in awaited {
        if !pass.planned.contains_key(id) {
            pass.add_with_needed(*id, *wanted);
        }
    }
    if awaited.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{NewMessage, Placed, TokenId};

    /// A closed message of so many tokens that sees these.
    fn message(cache: &mut Cache, tokens: u32, parents: &[MessageId]) -> MessageId {
        let parents = parents.iter().map(|message| Placed { message: *message, offset: 0 }).collect();
        let tokens: Vec<TokenId> = (0..tokens).map(TokenId).collect();
        let capacity = u32::try_from(tokens.len()).unwrap();
        let id = cache.insert(NewMessage { tokens, parents, offset: 0, capacity }).unwrap();
        cache.close(id);
        id
    }

    fn next(cache: &Cache, awaited: &[MessageId], idle: &[MessageId], rows: u32) -> Vec<(MessageId, u32, Wanted)> {
        let awaited = awaited.iter().map(|id| (*id, Wanted::Logits)).collect();
        let schedule = schedule(cache, &awaited, &idle.iter().copied().collect(), rows);
        assert!(schedule.lost.is_empty());
        schedule.work.into_iter().map(|work| (work.message, work.tokens, work.wanted)).collect()
    }

    fn run(cache: &mut Cache, work: &[(MessageId, u32, Wanted)]) {
        let work: Vec<Work> = work
            .iter()
            .map(|(message, tokens, wanted)| Work { message: *message, tokens: *tokens, wanted: *wanted })
            .collect();
        let plan = cache.plan(&work);
        cache.commit(&plan);
    }

    #[test]
    fn a_chain_and_its_lane_go_through_in_one_pass() {
        let mut cache = Cache::new(100, Some(TokenId(0))).unwrap();
        let beginning = cache.beginning().unwrap();
        let parent = message(&mut cache, 5, &[]);
        let child = message(&mut cache, 4, &[parent]);
        let unseen = message(&mut cache, 3, &[]);
        let lane = message(&mut cache, 2, &[child, parent]);
        let encoding = Wanted::Encoding;
        assert_eq!(
            next(&cache, &[lane], &[parent, child, unseen], 100),
            [(beginning, 1, encoding), (parent, 5, encoding), (child, 4, encoding), (lane, 2, Wanted::Logits)],
            "what the lane does not see waits"
        );
    }

    #[test]
    fn a_long_prefill_goes_in_pieces_beside_the_lanes() {
        let mut cache = Cache::new(100, None).unwrap();
        let decoding = message(&mut cache, 1, &[]);
        let long = message(&mut cache, 10, &[]);
        let late = message(&mut cache, 2, &[long]);
        for tokens in [4, 4, 2] {
            let work = next(&cache, &[decoding, late], &[], 4);
            assert_eq!(work[0], (decoding, 1, Wanted::Logits));
            assert_eq!(work[1], (long, tokens, Wanted::Encoding));
            run(&mut cache, &work[1..2]);
        }
        assert_eq!(next(&cache, &[decoding, late], &[], 4)[1], (late, 2, Wanted::Logits));
    }

    #[test]
    fn idle_messages_wait_until_nothing_is_awaited() {
        let mut cache = Cache::new(100, None).unwrap();
        let (lane, idle) = (message(&mut cache, 2, &[]), message(&mut cache, 3, &[]));
        assert_eq!(next(&cache, &[lane], &[idle], 100), [(lane, 2, Wanted::Logits)]);
        assert_eq!(next(&cache, &[], &[idle], 100), [(idle, 3, Wanted::Encoding)]);
    }

    #[test]
    fn whoever_sees_a_lost_message_is_lost() {
        let mut cache = Cache::new(100, None).unwrap();
        let parent = message(&mut cache, 2, &[]);
        let child = message(&mut cache, 2, &[parent]);
        let other = message(&mut cache, 2, &[]);
        cache.lose(parent);
        let awaited = [child, other].map(|id| (id, Wanted::Logits)).into();
        let schedule = schedule(&cache, &awaited, &BTreeSet::new(), 100);
        assert_eq!(schedule.lost, [child]);
        assert_eq!(schedule.work.len(), 1);
    }
}
