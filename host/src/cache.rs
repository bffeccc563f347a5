//! The message graph: which tokens a message has, what it sees, which slots
//! hold its keys and values. Integers only: no tensors, no WebAssembly.
//!
//! | state of a message | tokens | slots | references it holds |
//! | --- | --- | --- | --- |
//! | open | may grow up to its capacity | capacity | one on each parent |
//! | waiting | complete, not all encoded | one a token | one on each parent |
//! | encoded | complete, all encoded | one a token | none |
//! | lost | its encoding failed | none | none |
//!
//! A message is freed when its run has released it and no open or waiting
//! message sees it. Once encoded, a message no longer needs its parents' rows.

pub mod check;
pub mod plan;
mod slots;

use std::collections::BTreeMap;

pub use plan::{Block, MessageId, Plan, Slot, Span, TokenId};
pub use slots::Extent;
use slots::Slots;

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
    /// Slots to reserve, at least `tokens.len()`; a closed message has exactly
    /// as many.
    pub capacity: u32,
}

/// More slots were asked for than are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Slots needed.
    pub asked: u32,
    /// Slots free.
    pub left: u32,
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
    /// In order of index; together `capacity` slots.
    extents: Vec<Extent>,
    /// Tokens whose keys and values are in place.
    encoded: u32,
    /// Open and waiting messages that see this one.
    references: u32,
    stage: Stage,
    held: Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Closed,
    Lost,
}

/// Whether a run still names a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    ByRun,
    Released,
}

/// The cache's bookkeeping.
#[derive(Debug)]
pub struct Cache {
    messages: BTreeMap<MessageId, Message>,
    slots: Slots,
    total: u32,
    next: u32,
    /// The beginning-of-sequence message: stands at offset −1 of every view.
    beginning: Option<MessageId>,
}

impl Cache {
    /// A cache of `slots` tokens; `beginning` is the beginning-of-sequence
    /// token that every call sees at position −1, where the model wants one.
    ///
    /// # Errors
    /// When not even that token fits.
    pub fn new(slots: u32, beginning: Option<TokenId>) -> Result<Self, Full> {
        let mut cache =
            Self { messages: BTreeMap::new(), slots: Slots::new(slots), total: slots, next: 0, beginning: None };
        if let Some(token) = beginning {
            let message = NewMessage { tokens: vec![token], parents: vec![], offset: -1, capacity: 1 };
            let id = cache.insert(message)?;
            cache.close(id);
            cache.beginning = Some(id);
        }
        Ok(cache)
    }

    /// Slots in use or reserved.
    pub fn used(&self) -> u32 {
        self.total - self.slots.left()
    }

    /// Slots that are free.
    pub fn left(&self) -> u32 {
        self.slots.left()
    }

    /// The beginning-of-sequence message, where the model wants one.
    pub fn beginning(&self) -> Option<MessageId> {
        self.beginning
    }

    /// Adds an open message and reserves its slots.
    ///
    /// # Errors
    /// When fewer slots are free than its capacity; nothing has changed then.
    pub fn insert(&mut self, new: NewMessage) -> Result<MessageId, Full> {
        let asked = new.capacity.max(count(&new.tokens));
        let extents = self.slots.take(asked).ok_or(Full { asked, left: self.slots.left() })?;
        for parent in &new.parents {
            self.message_mut(parent.message).references += 1;
        }
        let id = MessageId(self.next);
        self.next += 1;
        let message = Message {
            tokens: new.tokens,
            parents: new.parents,
            offset: new.offset,
            extents,
            encoded: 0,
            references: 0,
            stage: Stage::Open,
            held: Held::ByRun,
        };
        self.messages.insert(id, message);
        Ok(id)
    }

    /// Adds tokens to an open message, within its capacity.
    pub fn append(&mut self, id: MessageId, tokens: &[TokenId]) {
        let message = self.message_mut(id);
        debug_assert!(message.stage == Stage::Open, "message {id:?} is closed");
        message.tokens.extend_from_slice(tokens);
        debug_assert!(count(&message.tokens) <= capacity(message), "message {id:?} outgrew its slots");
    }

    /// Keeps an open message's first `len` tokens.
    pub fn truncate(&mut self, id: MessageId, len: usize) {
        let message = self.message_mut(id);
        debug_assert!(message.stage == Stage::Open, "message {id:?} is closed");
        message.tokens.truncate(len);
        message.encoded = message.encoded.min(count(&message.tokens));
    }

    /// Ends an open message's growth and gives back the slots it did not need.
    pub fn close(&mut self, id: MessageId) {
        let message = self.message_mut(id);
        message.stage = Stage::Closed;
        let mut keep = count(&message.tokens);
        let mut spare = Vec::new();
        message.extents.retain_mut(|extent| {
            let kept = extent.len.min(keep);
            keep -= kept;
            if kept < extent.len {
                spare.push(Extent { slot: Slot(extent.slot.0 + kept), len: extent.len - kept });
            }
            extent.len = kept;
            kept > 0
        });
        self.give(spare);
        self.settle(id);
    }

    /// The message's run names it no more. It is freed now, or when the last
    /// message that waits for it is encoded; if nobody does, it need not be
    /// encoded at all.
    pub fn release(&mut self, id: MessageId) {
        self.message_mut(id).held = Held::Released;
        self.free_if_unused(id);
    }

    /// The message's encoding failed: it gives back its slots, and whoever
    /// waits for it will be lost as well.
    pub fn lose(&mut self, id: MessageId) {
        let message = self.message_mut(id);
        message.stage = Stage::Lost;
        let extents = std::mem::take(&mut message.extents);
        self.give(extents);
        self.forget_parents(id);
        self.free_if_unused(id);
    }

    /// All its tokens.
    pub fn tokens(&self, id: MessageId) -> &[TokenId] {
        &self.message(id).tokens
    }

    /// What it sees besides itself and the beginning of sequence.
    pub fn parents(&self, id: MessageId) -> &[Placed] {
        &self.message(id).parents
    }

    /// Whether its encoding failed.
    pub fn is_lost(&self, id: MessageId) -> bool {
        self.message(id).stage == Stage::Lost
    }

    /// Tokens that are not encoded yet.
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
        self.messages.get(&id).map_or(0, capacity)
    }

    /// Builds the forward pass that does `work`, in this order. The visibility
    /// rule is written here and nowhere else: a new token sees the beginning of
    /// sequence, its message's parents as placed, in the order listed, and the
    /// earlier tokens of its own message.
    ///
    /// A message's parents must be encoded already, or wholly before it in `work`.
    pub fn plan(&self, work: &[Work]) -> Plan {
        let mut plan = Plan::default();
        for item in work {
            let message = self.message(item.message);
            let first_row = plan.tokens.len();
            let end = message.encoded + item.tokens;
            for index in message.encoded..end {
                plan.tokens.push(message.tokens[index as usize]);
                plan.indexes.push(index);
            }
            let slots = spans(message, 0).flat_map(|span| (0..span.len).map(move |at| Slot(span.slot.0 + at)));
            plan.slots.extend(slots.skip(message.encoded as usize).take(item.tokens as usize));

            let first_seen = plan.spans.len();
            if let Some(beginning) = self.beginning.filter(|beginning| *beginning != item.message) {
                plan.spans.extend(spans(self.message(beginning), -1));
            }
            for parent in &message.parents {
                plan.spans.extend(spans(self.message(parent.message), parent.offset));
            }
            let first_own = plan.spans.len();
            plan.spans.extend(spans(message, message.offset).filter_map(|span| {
                let len = span.len.min(end.checked_sub(span.index)?);
                (len > 0).then_some(Span { len, ..span })
            }));

            let rows = first_row..plan.tokens.len();
            match item.wanted {
                Wanted::Encoding => {}
                Wanted::Logits => plan.sampled.push(rows.end - 1),
                Wanted::Every => plan.sampled.extend(rows.clone()),
            }
            plan.blocks.push(Block {
                message: item.message,
                rows,
                first_index: message.encoded,
                offset: message.offset,
                seen: first_seen..first_own,
                own: first_own..plan.spans.len(),
            });
        }
        plan
    }

    /// The plan's rows are in place.
    pub fn commit(&mut self, plan: &Plan) {
        for block in &plan.blocks {
            if let Some(message) = self.messages.get_mut(&block.message) {
                message.encoded = block.first_index + u32::try_from(block.rows.len()).unwrap_or(u32::MAX);
            }
        }
        for block in &plan.blocks {
            if self.messages.contains_key(&block.message) {
                self.settle(block.message);
            }
        }
    }

    /// A closed and encoded message needs its parents no more.
    fn settle(&mut self, id: MessageId) {
        let message = self.message(id);
        if message.stage == Stage::Closed && message.encoded == count(&message.tokens) {
            self.forget_parents(id);
            self.free_if_unused(id);
        }
    }

    fn forget_parents(&mut self, id: MessageId) {
        for parent in std::mem::take(&mut self.message_mut(id).parents) {
            self.dereference(parent.message);
        }
    }

    fn dereference(&mut self, id: MessageId) {
        self.message_mut(id).references -= 1;
        self.free_if_unused(id);
    }

    fn free_if_unused(&mut self, id: MessageId) {
        let Some(message) = self.messages.get(&id) else { return };
        if message.held == Held::Released
            && message.references == 0
            && let Some(message) = self.messages.remove(&id)
        {
            self.give(message.extents);
            for parent in message.parents {
                self.dereference(parent.message);
            }
        }
    }

    fn give(&mut self, extents: Vec<Extent>) {
        for extent in extents {
            self.slots.give(extent);
        }
    }

    fn message(&self, id: MessageId) -> &Message {
        &self.messages[&id]
    }

    fn message_mut(&mut self, id: MessageId) -> &mut Message {
        self.messages.get_mut(&id).unwrap_or_else(|| panic!("message {id:?} is not in the cache"))
    }
}

/// A message's extents as a call sees them that places it at `offset`.
fn spans(message: &Message, offset: i32) -> impl Iterator<Item = Span> {
    let mut index = 0;
    message.extents.iter().map(move |extent| {
        let span = Span { slot: extent.slot, index, len: extent.len, offset };
        index += extent.len;
        span
    })
}

fn count(tokens: &[TokenId]) -> u32 {
    u32::try_from(tokens.len()).unwrap_or(u32::MAX)
}

fn capacity(message: &Message) -> u32 {
    message.extents.iter().map(|extent| extent.len).sum()
}
