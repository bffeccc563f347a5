//! Which rows join the next forward pass, and whose room they take.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::cache::{Cache, Full, MessageId, Wanted, Work, Yielding};

/// What the next pass does.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// In an order in which every message comes after those it sees.
    pub(super) work: Vec<Work>,
    /// For each entry of `work`, the message for whose sake it is there.
    pub(super) sakes: Vec<MessageId>,
    /// Messages that see one that was lost.
    pub(super) lost: Vec<MessageId>,
    /// A message that cannot be encoded although all others yield.
    pub(super) full: Option<(MessageId, Full)>,
}

/// Takes what every awaited message needs, oldest first, up to `rows` rows: a
/// long prefill goes through in pieces. A lane that lacks one row, as it does
/// between two tokens, is always taken, so that nothing stalls the lanes.
/// Where nothing is awaited, encodes `idle` messages instead, in order.
///
/// A message and all that it sees have slots at once. An older message takes
/// those of a younger one where it must, which is then set aside until there is
/// room: so the oldest always goes on, and every one ends.
pub(super) fn schedule(
    cache: &mut Cache,
    awaited: &BTreeMap<MessageId, Wanted>,
    idle: &BTreeSet<MessageId>,
    rows: u32,
) -> Schedule {
    cache.begin_pass();
    let mut pass = Pass { cache, rows, whole: HashSet::new(), schedule: Schedule::default() };
    for (number, (id, wanted)) in awaited.iter().enumerate() {
        let stopped = pass.serve(*id, *wanted, Yielding::Untouched);
        if let Err(Stop::Full(full)) = stopped
            && number == 0
            && pass.schedule.work.is_empty()
        {
            pass.schedule.full = Some((*id, full));
        }
    }
    if awaited.is_empty() {
        for id in idle {
            // What nobody waits for takes nobody's room, and is not missed.
            let _ = pass.serve(*id, Wanted::Encoding, Yielding::Released);
        }
    }
    pass.schedule
}

struct Pass<'a> {
    cache: &'a mut Cache,
    /// Rows that still fit.
    rows: u32,
    /// Messages whose missing rows are all planned.
    whole: HashSet<MessageId>,
    schedule: Schedule,
}

/// Why no more of a message is planned in this pass.
enum Stop {
    Lost,
    Rows,
    Full(Full),
}

/// A message that is to be encoded once what it sees is.
struct Waiting {
    message: MessageId,
    /// What it sees, in the order in which that is seen to.
    parents: Vec<MessageId>,
    /// How many of those are in place, or will be.
    ready: usize,
}

impl Pass<'_> {
    /// Plans a message after those that it sees. They are gone through depth
    /// first and always in the same order, and what is done on the way keeps its
    /// room: so each pass comes further on it.
    fn serve(&mut self, id: MessageId, wanted: Wanted, yielding: Yielding) -> Result<(), Stop> {
        let served = self.go_through(id, wanted, yielding);
        // What is there of it stays there for the next pass, if its elders let it.
        self.cache.touch(id);
        for seen in self.cache.seen(id) {
            self.cache.touch(seen);
        }
        served
    }

    fn go_through(&mut self, id: MessageId, wanted: Wanted, yielding: Yielding) -> Result<(), Stop> {
        let mut way = vec![self.enter(id)];
        while let Some(last) = way.last_mut() {
            if let Some(parent) = self.next_missing(last) {
                if self.cache.is_lost(parent) {
                    self.schedule.lost.extend(way.iter().rev().map(|waiting| waiting.message));
                    return Err(Stop::Lost);
                }
                if self.rows == 0 {
                    return Err(Stop::Rows);
                }
                let goes_on = self.cache.first_index(last.message) > 0;
                // All that an edge on the way sees has been seen to before it.
                let done = Waiting { message: parent, parents: Vec::new(), ready: 0 };
                way.push(if goes_on { done } else { self.enter(parent) });
                continue;
            }
            let message = last.message;
            way.pop();
            let wanted = if message == id { wanted } else { Wanted::Encoding };
            self.add(message, wanted, id, yielding)?;
        }
        Ok(())
    }

    /// What a message sees, those first whose encoding takes most room beside
    /// their own: the others need not be in place meanwhile (the order in which
    /// a sum's terms need the fewest registers: Sethi and Ullman, 1970).
    fn enter(&self, message: MessageId) -> Waiting {
        let cache = &self.cache;
        let beginning = cache.beginning().filter(|beginning| *beginning != message);
        let mut parents: Vec<MessageId> = beginning.into_iter().chain(cache.seen(message)).collect();
        if cache.first_index(message) == 0 && parents.iter().any(|parent| self.is_missing(*parent)) {
            parents.sort_by_key(|parent| Reverse(cache.needs_beside(*parent)));
        }
        Waiting { message, parents, ready: 0 }
    }

    /// The next message of those seen that is lost or lacks rows.
    fn next_missing(&mut self, waiting: &mut Waiting) -> Option<MessageId> {
        while let Some(parent) = waiting.parents.get(waiting.ready).copied() {
            if self.is_missing(parent) {
                return Some(parent);
            }
            self.cache.touch(parent);
            waiting.ready += 1;
        }
        None
    }

    fn is_missing(&self, message: MessageId) -> bool {
        (self.cache.is_lost(message) || self.cache.waiting(message) > 0) && !self.whole.contains(&message)
    }

    /// Plans a message of which all that it sees is encoded or planned.
    fn add(&mut self, message: MessageId, wanted: Wanted, sake: MessageId, yielding: Yielding) -> Result<(), Stop> {
        let waiting = self.cache.waiting(message);
        let between_tokens = waiting == 1 && self.cache.is_open(message);
        let tokens = if between_tokens { 1 } else { waiting.min(self.rows) };
        if self.whole.contains(&message) || waiting == 0 {
            return Ok(());
        }
        if tokens == 0 {
            return Err(Stop::Rows);
        }
        self.cache.touch(message);
        self.cache.fill(message, yielding).map_err(Stop::Full)?;
        if !between_tokens {
            self.rows -= tokens;
        }
        let whole = tokens == waiting;
        let wanted = if whole || wanted == Wanted::Every { wanted } else { Wanted::Encoding };
        self.schedule.work.push(Work { message, tokens, wanted });
        self.schedule.sakes.push(sake);
        if !whole {
            return Err(Stop::Rows);
        }
        self.whole.insert(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{NewMessage, Placed, TokenId};

    /// A closed message of so many tokens that sees these.
    fn message(cache: &mut Cache, tokens: u32, parents: &[MessageId]) -> MessageId {
        let parents = parents.iter().map(|message| Placed { message: *message, offset: 0 }).collect();
        let tokens = (0..tokens).map(TokenId).collect();
        cache.add(NewMessage { tokens, parents, offset: 0, capacity: 0, tenant: None }).0
    }

    fn next(cache: &mut Cache, awaited: &[MessageId], idle: &[MessageId], rows: u32) -> Vec<(MessageId, u32, Wanted)> {
        let awaited = awaited.iter().map(|id| (*id, Wanted::Logits)).collect();
        let schedule = schedule(cache, &awaited, &idle.iter().copied().collect(), rows);
        assert!(schedule.lost.is_empty() && schedule.full.is_none());
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
            next(&mut cache, &[lane], &[parent, child, unseen], 100),
            [(beginning, 1, encoding), (parent, 5, encoding), (child, 4, encoding), (lane, 2, Wanted::Logits)],
            "what the lane does not see waits"
        );
    }

    #[test]
    fn a_long_prefill_goes_in_pieces_beside_the_lanes() {
        let mut cache = Cache::new(100, None).unwrap();
        let new = NewMessage { tokens: vec![TokenId(0)], parents: vec![], offset: 0, capacity: 9, tenant: None };
        let decoding = cache.insert(new);
        let long = message(&mut cache, 10, &[]);
        let late = message(&mut cache, 2, &[long]);
        for tokens in [4, 4, 2] {
            let work = next(&mut cache, &[decoding, late], &[], 4);
            assert_eq!(work[0], (decoding, 1, Wanted::Logits));
            assert_eq!(work[1], (long, tokens, Wanted::Encoding));
            run(&mut cache, &work[1..2]);
        }
        assert_eq!(next(&mut cache, &[decoding, late], &[], 4)[1], (late, 2, Wanted::Logits));
    }

    #[test]
    fn idle_messages_wait_until_nothing_is_awaited() {
        let mut cache = Cache::new(100, None).unwrap();
        let (lane, idle) = (message(&mut cache, 2, &[]), message(&mut cache, 3, &[]));
        assert_eq!(next(&mut cache, &[lane], &[idle], 100), [(lane, 2, Wanted::Logits)]);
        assert_eq!(next(&mut cache, &[], &[idle], 100), [(idle, 3, Wanted::Encoding)]);
    }

    #[test]
    fn whoever_sees_a_lost_message_is_lost() {
        let mut cache = Cache::new(100, None).unwrap();
        let parent = message(&mut cache, 2, &[]);
        let child = message(&mut cache, 2, &[parent]);
        let other = message(&mut cache, 2, &[]);
        cache.lose(parent);
        let awaited = [child, other].map(|id| (id, Wanted::Logits)).into();
        let schedule = schedule(&mut cache, &awaited, &BTreeSet::new(), 100);
        assert_eq!(schedule.lost, [child]);
        assert_eq!(schedule.work.len(), 1);
    }

    #[test]
    fn the_oldest_takes_the_room_of_the_younger_and_each_ends() {
        let mut cache = Cache::new(12, None).unwrap();
        let (left, right) = (message(&mut cache, 6, &[]), message(&mut cache, 5, &[]));
        let (old, young) = (message(&mut cache, 3, &[left]), message(&mut cache, 4, &[right]));
        let mut passes = Vec::new();
        for awaited in [&[old, young][..], &[old, young], &[young], &[young]] {
            let work = next(&mut cache, awaited, &[], 100);
            run(&mut cache, &work);
            passes.push(work.iter().map(|work| work.0).collect::<Vec<_>>());
        }
        assert_eq!(passes, [vec![left, old], vec![], vec![right, young], vec![]]);
    }

    #[test]
    fn what_takes_most_room_beside_its_own_is_encoded_first() {
        let mut cache = Cache::new(11, None).unwrap();
        let large = [message(&mut cache, 8, &[]), message(&mut cache, 6, &[])];
        let small = large.map(|large| message(&mut cache, 2, &[large]));
        let sum = message(&mut cache, 2, &[small[1], small[0]]);
        let mut order = Vec::new();
        while cache.waiting(sum) > 0 {
            let work = next(&mut cache, &[sum], &[], 100);
            run(&mut cache, &work);
            order.extend(work.iter().map(|work| work.0));
        }
        assert_eq!(order, [large[0], small[0], large[1], small[1], sum]);
    }
}
