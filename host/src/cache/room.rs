//! Which messages have slots: they come when a pass needs them, and go when
//! another one does. What is left of a message then, its tokens and what it
//! sees, is enough to encode the same rows again.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use super::plan::{MessageId, Slot};
use super::slots::Extent;
use super::{Cache, Full, Message, Placed, Stage, count, slots_of};

/// Slots that an open message takes beyond its tokens, where they are free: its
/// rows stay neighbours, and not every token asks for room.
const GROWTH: u32 = 64;

/// Whose room may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yielding {
    /// That of messages which no run holds.
    Released,
    /// That of every message which the pass has not touched.
    Untouched,
}

/// Which messages yield first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Released,
    Held,
    Open,
}

impl Cache {
    /// Begins another pass, which has touched the beginning of sequence alone.
    pub fn begin_pass(&mut self) {
        self.pass += 1;
        self.victims = None;
        if let Some(beginning) = self.beginning {
            self.touch(beginning);
        }
    }

    /// The pass needs the message: it keeps its slots until the next one begins.
    pub fn touch(&mut self, id: MessageId) {
        let pass = self.pass;
        self.message_mut(id).used = pass;
    }

    /// Gives a message that somebody needs a slot for each of its tokens, and
    /// takes them from others where it must: first those that no run holds, then those not used
    /// for the longest time, then lanes, the youngest first.
    ///
    /// # Errors
    /// When what the pass has touched leaves too few; nobody has lost any then.
    pub fn fill(&mut self, id: MessageId, yielding: Yielding) -> Result<(), Full> {
        let message = self.message(id);
        let has = slots_of(message);
        let asked = count(&message.tokens).saturating_sub(has);
        if asked == 0 {
            return Ok(());
        }
        let growth = message.capacity.saturating_sub(has).min(GROWTH);
        if asked > self.slots.left() {
            self.evict(asked, yielding)?;
        }
        let taken = asked.max(growth).min(self.slots.left());
        let after = self.message(id).extents.last().map(|extent| Slot(extent.slot.0 + extent.len));
        let extents = self.slots.take(taken, after).unwrap_or_default();
        let message = self.message_mut(id);
        for extent in extents {
            match message.extents.last_mut() {
                Some(last) if last.slot.0 + last.len == extent.slot.0 => last.len += extent.len,
                _ => message.extents.push(extent),
            }
        }
        self.changes.filled.push(id);
        Ok(())
    }

    /// Takes slots from others until so many are free.
    fn evict(&mut self, asked: u32, yielding: Yielding) -> Result<(), Full> {
        let mut victims = match self.victims.take() {
            Some(victims) => victims,
            None => {
                self.collect();
                self.victims()
            }
        };
        let yields = |cache: &Self, id: &MessageId| {
            let message = cache.messages.get(id).filter(|message| message.used < cache.pass);
            message.filter(|message| yielding == Yielding::Untouched || message.holders == 0).map_or(0, slots_of)
        };
        let could: u32 = victims.iter().map(|id| yields(self, id)).sum();
        // What the pass needs besides, and what may not yield to it.
        let kept = self.total - self.slots.left() - could;
        if asked > self.total - kept {
            self.victims = Some(victims);
            return Err(Full { asked: kept.saturating_add(asked), left: self.total });
        }
        while self.slots.left() < asked {
            let Some(id) = victims.pop_front() else { break };
            if yields(self, &id) > 0 && !self.shorten(id, asked - self.slots.left()) {
                self.vacate(id);
            }
        }
        self.victims = Some(victims);
        Ok(())
    }

    /// Frees messages that are only there to be found and see one that would
    /// have to be encoded again: what they saw was put out while somebody still
    /// needed them, and its tokens are nobody's expense.
    fn collect(&mut self) {
        let mut needed: HashSet<MessageId> = HashSet::new();
        for (id, message) in self.messages.iter().rev() {
            if message.holders > 0 || needed.contains(id) {
                needed.insert(*id);
                needed.extend(message.parents.iter().map(|parent| parent.message));
            }
        }
        // A split leaves what is seen behind what sees it.
        let mut edges: Vec<MessageId> = needed.iter().copied().collect();
        while let Some(id) = edges.pop() {
            let before = self.message(id).stem.and(self.message(id).parents.first());
            edges.extend(before.map(|parent| parent.message).filter(|edge| needed.insert(*edge)));
        }
        let mut lacking: BTreeSet<MessageId> = BTreeSet::new();
        let mut whole: HashSet<MessageId> = HashSet::new();
        for (id, message) in self.messages.iter().filter(|(id, _)| !needed.contains(id)) {
            if message.stem.is_some() {
                self.divide(*id, &mut whole, &mut lacking);
            } else if !message.in_place() || message.parents.iter().any(|parent| lacking.contains(&parent.message)) {
                lacking.insert(*id);
            }
        }
        lacking.retain(|id| !needed.contains(id));
        for id in &lacking {
            self.forget(*id);
        }
        self.free_unused(lacking.into_iter().collect());
    }

    /// Tells of an edge, and of those that it goes on from, whether all on the way
    /// to it are in place.
    fn divide(&self, id: MessageId, whole: &mut HashSet<MessageId>, lacking: &mut BTreeSet<MessageId>) {
        let mut way = vec![id];
        while let Some(before) = self.message(way[way.len() - 1]).parents.first() {
            if whole.contains(&before.message) || lacking.contains(&before.message) {
                break;
            }
            way.push(before.message);
        }
        while let Some(id) = way.pop() {
            let message = self.message(id);
            let lacks = message.parents.first().is_some_and(|before| lacking.contains(&before.message));
            if lacks || !message.in_place() {
                lacking.insert(id);
            } else {
                whole.insert(id);
            }
        }
    }

    /// All messages with slots, in the order in which they yield. What a
    /// released message sees yields after it, as if used no earlier.
    fn victims(&self) -> VecDeque<MessageId> {
        let mut used_by: HashMap<MessageId, u64> = HashMap::new();
        let mut victims = Vec::new();
        // What a message sees was there before it.
        for (id, message) in self.messages.iter().rev() {
            let class = match (message.holders, message.stage) {
                (0, _) => Class::Released,
                (_, Stage::Open) => Class::Open,
                _ => Class::Held,
            };
            let used = used_by.get(id).map_or(message.used, |used| message.used.max(*used));
            if class == Class::Released {
                for parent in &message.parents {
                    let by = used_by.entry(parent.message).or_default();
                    *by = used.max(*by);
                }
            }
            if !message.extents.is_empty() {
                let used = if class == Class::Open { 0 } else { used };
                // Of a prompt's edges, used together, the last yields first.
                victims.push((class, used, Reverse(message.first_index), Reverse(*id)));
            }
        }
        victims.sort_unstable();
        victims.into_iter().map(|(.., Reverse(id))| id).collect()
    }

    /// Takes a message's slots; it stays as tokens and lineage, if anybody needs
    /// them.
    fn vacate(&mut self, id: MessageId) {
        self.message_mut(id).encoded = 0;
        self.take_back(id);
        self.changes.yielded.push(id);
        self.free_unused(vec![id]);
    }

    /// Takes all of a message's slots.
    pub(super) fn take_back(&mut self, id: MessageId) {
        let extents = std::mem::take(&mut self.message_mut(id).extents);
        self.give(extents);
    }

    pub(super) fn give(&mut self, extents: Vec<Extent>) {
        for extent in extents {
            self.slots.give(extent);
        }
    }

    /// Frees those of the messages that nobody needs, and then those that they
    /// alone needed: a list, since they may stand in a long row.
    pub(super) fn free_unused(&mut self, mut messages: Vec<MessageId>) {
        while let Some(id) = messages.pop() {
            let Some(message) = self.messages.get(&id) else { continue };
            if message.holders > 0 || message.references > 0 {
                continue;
            }
            if message.stem.is_some() && message.encoded > 0 && message.encoded < count(&message.tokens) {
                // What was encoded of a prompt serves the next one.
                self.trim(id);
            }
            if self.may_be_found(id, self.message(id)) {
                continue;
            }
            self.forget(id);
            self.take_back(id);
            if let Some(message) = self.messages.remove(&id) {
                messages.extend(self.dereference(message.parents));
            }
        }
    }

    /// A message sees its parents no more; those that no other sees.
    pub(super) fn dereference(&mut self, parents: Vec<Placed>) -> Vec<MessageId> {
        let mut unreferenced = Vec::new();
        for Placed { message: id, .. } in parents {
            let message = self.message_mut(id);
            message.references -= 1;
            if message.references == 0 {
                unreferenced.push(id);
            }
        }
        self.changes.unreferenced.extend_from_slice(&unreferenced);
        unreferenced
    }

    /// Whether an identical message would be this one, and need not be encoded.
    fn may_be_found(&self, id: MessageId, message: &Message) -> bool {
        let found = message.identity.and_then(|identity| self.identities.get(&identity));
        let found = found == Some(&id) || self.branch(id, message).is_some();
        found && message.in_place()
    }
}

impl Message {
    /// Whether all its tokens are encoded.
    fn in_place(&self) -> bool {
        self.encoded == count(&self.tokens)
    }
}
