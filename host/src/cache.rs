//! The message graph: which tokens a message has, what it sees, which slots
//! hold its keys and values. Integers only: no tensors, no WebAssembly.
//!
//! | a message is | tokens | slots |
//! | --- | --- | --- |
//! | open | may grow up to its capacity | none, or one a token and some to grow |
//! | closed | complete | none (it waits, or has yielded its room), or one a token |
//! | lost | its encoding failed | none |
//!
//! A message that has yielded its room ([`Cache::fill`]) is encoded again when
//! it is next seen, from its tokens and those of what it sees: so it references
//! its parents for as long as it is there. That is while somebody holds it,
//! while a message that is there references it, and, once it is encoded and may
//! be shared, until its slots are wanted: an identical message that is added
//! meanwhile is the same one, whichever run of the tenant adds it.

mod build;
pub mod check;
mod identity;
pub mod plan;
mod prompts;
mod room;
mod slots;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};

use identity::Identity;
pub use identity::Tenant;
pub use plan::{Block, MessageId, Plan, Slot, Span, TokenId};
use prompts::Stem;
pub use room::Yielding;
pub use slots::Extent;
use slots::{Slots, cut_extents};

/// A message and where a call places its index 0, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Which message.
    pub message: MessageId,
    /// Position of its index 0.
    pub offset: i32,
}

/// A message to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// The tokens it starts with.
    pub tokens: Vec<TokenId>,
    /// What it sees besides itself and the beginning of sequence.
    pub parents: Vec<Placed>,
    /// Where it stands in its own view.
    pub offset: i32,
    /// Tokens it may have at most; a closed message has no more than `tokens`.
    pub capacity: u32,
    /// Within what it is shared with identical messages; none: with no other.
    pub tenant: Option<Tenant>,
}

/// More slots are needed at once than there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Slots needed, those of what is seen included.
    pub asked: u32,
    /// Slots that the cache has.
    pub left: u32,
}

/// Whether a message that was added was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// It was not.
    #[default]
    New,
    /// An identical one was, which has one more holder now.
    Shared,
}

/// What has happened to messages since somebody asked.
#[derive(Debug, Default)]
pub struct Changes {
    /// They have got slots, or given some back that they did not need.
    pub filled: Vec<MessageId>,
    /// They have given all their slots to others.
    pub yielded: Vec<MessageId>,
    /// No message references them any more.
    pub unreferenced: Vec<MessageId>,
}

/// So many of a message's next tokens are to be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Which message.
    pub message: MessageId,
    /// Tokens, at least 1, counted from the first not encoded.
    pub tokens: u32,
    /// Whether they predict tokens that are wanted.
    pub wanted: Wanted,
}

/// What is wanted of a message's rows in a plan; where it does not say, of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Its keys and values.
    Encoding,
    /// Its logits too.
    Logits,
    /// The logits of every row.
    Every,
}

#[derive(Debug)]
struct Message {
    tokens: Vec<TokenId>,
    parents: Vec<Placed>,
    offset: i32,
    capacity: u32,
    tenant: Option<Tenant>,
    /// Of a closed message that may be shared.
    identity: Option<Identity>,
    /// Where it begins in the tree of prompts; none: it has no place there.
    stem: Option<Stem>,
    /// Index of its first token: above 0 where it goes on from its one parent, and
    /// is one text with that and with what that goes on from.
    first_index: u32,
    /// In order of index.
    extents: Vec<Extent>,
    /// Tokens whose keys and values are in place.
    encoded: u32,
    /// Tokens whose keys and values have ever been in place.
    reached: u32,
    /// Messages that see this one, one that lists it twice counted twice.
    references: u32,
    /// Slots in use while it is encoded from nothing, at least where what it sees
    /// has nothing in common.
    peak: u64,
    /// Who names it: runs' messages, lanes.
    holders: u32,
    stage: Stage,
    /// The last pass that touched it.
    used: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Closed,
    Lost,
}

/// The cache's bookkeeping.
#[derive(Debug)]
pub struct Cache {
    messages: BTreeMap<MessageId, Message>,
    slots: Slots,
    total: u32,
    next: u64,
    /// The beginning-of-sequence message: stands at offset −1 of every view.
    beginning: Option<MessageId>,
    /// Closed messages that may be shared.
    identities: HashMap<Identity, MessageId>,
    /// Edges of the tree of prompts, by where they begin and their first token.
    branches: HashMap<(Stem, TokenId), MessageId>,
    pass: u64,
    /// What may yield its room to this pass, in that order.
    victims: Option<VecDeque<MessageId>>,
    changes: Changes,
}

impl Cache {
    /// A cache of `slots` tokens; `beginning` is the beginning-of-sequence
    /// token that every call sees at position −1, where the model wants one.
    ///
    /// # Errors
    /// When not even that token fits.
    pub fn new(slots: u32, beginning: Option<TokenId>) -> Result<Self, Full> {
        let mut cache = Self {
            messages: BTreeMap::new(),
            slots: Slots::new(slots),
            total: slots,
            next: 0,
            beginning: None,
            identities: HashMap::new(),
            branches: HashMap::new(),
            pass: 0,
            victims: None,
            changes: Changes::default(),
        };
        if let Some(token) = beginning {
            let new = NewMessage { tokens: vec![token], parents: vec![], offset: -1, capacity: 1, tenant: None };
            let id = cache.insert(new);
            cache.close(id);
            cache.fill(id, Yielding::Released)?;
            cache.beginning = Some(id);
        }
        Ok(cache)
    }

    /// Slots that the cache has.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Tokens that fit beside those of all messages that somebody holds,
    /// whether these are in place or not.
    pub fn left(&self) -> u32 {
        let held = self.messages.values().filter(|message| message.holders > 0);
        held.fold(self.total, |left, message| left.saturating_sub(count(&message.tokens)))
    }

    /// The beginning-of-sequence message, where the model wants one.
    pub fn beginning(&self) -> Option<MessageId> {
        self.beginning
    }

    /// Slots that encoding a message takes at once: its own, and those of all
    /// that it sees.
    pub fn need(&self, new: &NewMessage) -> u64 {
        let mut parents: Vec<MessageId> = new.parents.iter().map(|parent| parent.message).collect();
        parents.sort_unstable();
        parents.dedup();
        let seen = parents.into_iter().chain(self.beginning).map(|id| self.message(id).tokens.len() as u64);
        seen.sum::<u64>() + u64::from(new.capacity.max(count(&new.tokens)))
    }

    /// Slots in use, beside a message's own, while it is encoded from nothing.
    pub fn needs_beside(&self, id: MessageId) -> u64 {
        let message = self.message(id);
        message.peak.saturating_sub(count(&message.tokens).into())
    }

    /// Each of those seen is encoded while those before it are kept.
    fn peak(&self, new: &NewMessage) -> u64 {
        let mut seen: Vec<MessageId> = new.parents.iter().map(|parent| parent.message).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.sort_by_key(|parent| Reverse(self.needs_beside(*parent)));
        let (mut kept, mut peak) = (0, 0);
        for parent in seen {
            let parent = self.message(parent);
            peak = peak.max(kept + parent.peak);
            kept += parent.tokens.len() as u64;
        }
        peak.max(kept + u64::from(new.capacity.max(count(&new.tokens))))
    }

    /// Adds an open message, which has one holder.
    pub fn insert(&mut self, new: NewMessage) -> MessageId {
        for parent in &new.parents {
            self.message_mut(parent.message).references += 1;
        }
        let peak = self.peak(&new);
        let id = MessageId(self.next);
        self.next += 1;
        let message = Message {
            peak,
            tokens: new.tokens,
            parents: new.parents,
            offset: new.offset,
            capacity: new.capacity,
            tenant: new.tenant,
            identity: None,
            stem: None,
            first_index: 0,
            extents: Vec::new(),
            encoded: 0,
            reached: 0,
            references: 0,
            holders: 1,
            stage: Stage::Open,
            used: 0,
        };
        self.messages.insert(id, message);
        id
    }

    /// Adds a closed message, or one more holder to an identical one.
    pub fn add(&mut self, new: NewMessage) -> (MessageId, Origin) {
        let same = self.identity(&new).and_then(|identity| self.identities.get(&identity).copied());
        if let Some(id) = same {
            self.message_mut(id).holders += 1;
            return (id, Origin::Shared);
        }
        let id = self.insert(new);
        self.close(id);
        (id, Origin::New)
    }

    /// Adds tokens to an open message. Its capacity is what was reckoned with:
    /// text that is encoded again at its end may be a token or two more.
    pub fn append(&mut self, id: MessageId, tokens: &[TokenId]) {
        let message = self.message_mut(id);
        debug_assert!(message.stage == Stage::Open, "message {id:?} is closed");
        message.tokens.extend_from_slice(tokens);
        message.capacity = message.capacity.max(count(&message.tokens));
    }

    /// Keeps an open message's first `len` tokens.
    pub fn truncate(&mut self, id: MessageId, len: usize) {
        let message = self.message_mut(id);
        debug_assert!(message.stage == Stage::Open, "message {id:?} is closed");
        message.tokens.truncate(len);
        message.encoded = message.encoded.min(count(&message.tokens));
        message.reached = message.reached.min(count(&message.tokens));
    }

    /// Ends an open message's growth and gives back the slots it did not need. Of
    /// one that ends a prompt, only what is encoded stays.
    pub fn close(&mut self, id: MessageId) {
        let message = self.message_mut(id);
        message.stage = Stage::Closed;
        if message.stem.is_some() {
            return self.join(id);
        }
        message.capacity = count(&message.tokens);
        let kept = cut_extents(&mut message.extents, message.capacity);
        let spare = std::mem::replace(&mut message.extents, kept);
        self.give(spare);
        let identity = self.identity_of(id);
        self.message_mut(id).identity = identity;
        if let Some(identity) = identity {
            // Where an identical one was first, this one stays by itself.
            self.identities.entry(identity).or_insert(id);
        }
        self.changes.filled.push(id);
    }

    /// Somebody names the message no more. When nobody does and no message
    /// references it, it is freed: now, or if it may be shared, when its slots
    /// are wanted. What is not encoded by then need not be at all.
    pub fn release(&mut self, id: MessageId) {
        let message = self.message_mut(id);
        message.holders -= 1;
        if message.holders == 0 {
            self.free_unused(vec![id]);
        }
    }

    /// Frees what nobody holds and is only there to be found.
    pub fn forget_released(&mut self) {
        let released: Vec<MessageId> =
            self.messages.iter().filter(|(_, message)| message.holders == 0).map(|(id, _)| *id).collect();
        for id in &released {
            self.forget(*id);
        }
        self.free_unused(released);
    }

    /// The message's encoding failed: it gives back its slots, and whoever
    /// waits for it will be lost as well, so that nobody is to find them.
    pub fn lose(&mut self, id: MessageId) {
        self.forget_lineage(id);
        self.take_back(id);
        let message = self.message_mut(id);
        message.stage = Stage::Lost;
        message.encoded = 0;
        message.stem = None;
        let parents = std::mem::take(&mut message.parents);
        let unreferenced = self.dereference(parents);
        self.free_unused(unreferenced);
        self.free_unused(vec![id]);
    }

    /// What has happened since this was last called.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// All its tokens.
    pub fn tokens(&self, id: MessageId) -> &[TokenId] {
        &self.message(id).tokens
    }

    /// What it sees besides itself and the beginning of sequence.
    pub fn parents(&self, id: MessageId) -> &[Placed] {
        &self.message(id).parents
    }

    /// Whether it may still grow.
    pub fn is_open(&self, id: MessageId) -> bool {
        self.message(id).stage == Stage::Open
    }

    /// Whether its encoding failed.
    pub fn is_lost(&self, id: MessageId) -> bool {
        self.message(id).stage == Stage::Lost
    }

    /// Whether a message that is there sees it.
    pub fn is_referenced(&self, id: MessageId) -> bool {
        self.message(id).references > 0
    }

    /// Whether some of its tokens have never been encoded.
    pub fn is_new(&self, id: MessageId) -> bool {
        let message = self.message(id);
        message.stage != Stage::Lost && message.reached < count(&message.tokens)
    }

    /// Tokens from index `first` on, at most `rows`, that have been encoded before.
    pub fn known(&self, id: MessageId, first: u32, rows: u32) -> u32 {
        let message = self.message(id);
        (message.first_index + message.reached).saturating_sub(first).min(rows)
    }

    /// Tokens that are not encoded, or not any more.
    pub fn waiting(&self, id: MessageId) -> u32 {
        let message = self.message(id);
        if message.stage == Stage::Lost { 0 } else { count(&message.tokens) - message.encoded }
    }

    /// Whether the message is still there.
    pub fn holds(&self, id: MessageId) -> bool {
        self.messages.contains_key(&id)
    }

    /// Slots that the message holds.
    pub fn held_slots(&self, id: MessageId) -> u32 {
        self.messages.get(&id).map_or(0, slots_of)
    }

    /// Slots that messages have.
    pub fn slots_in_use(&self) -> u32 {
        self.total - self.slots.left()
    }

    /// The plan's rows are in place.
    pub fn commit(&mut self, plan: &Plan) {
        for block in &plan.blocks {
            let Some(message) = self.messages.get_mut(&block.message) else { continue };
            let rows = u32::try_from(block.rows.len()).unwrap_or(u32::MAX);
            message.encoded = block.first_index - message.first_index + rows;
            message.reached = message.reached.max(message.encoded);
        }
    }

    fn message(&self, id: MessageId) -> &Message {
        &self.messages[&id]
    }

    fn message_mut(&mut self, id: MessageId) -> &mut Message {
        self.messages.get_mut(&id).unwrap_or_else(|| panic!("message {id:?} is not in the cache"))
    }
}

fn count(tokens: &[TokenId]) -> u32 {
    u32::try_from(tokens.len()).unwrap_or(u32::MAX)
}

fn slots_of(message: &Message) -> u32 {
    message.extents.iter().map(|extent| extent.len).sum()
}
