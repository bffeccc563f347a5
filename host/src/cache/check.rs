//! An independent verifier of plans.
//!
//! It states the visibility rule token by token: *the row of message `m` at
//! index `i` sees exactly (a) the beginning of sequence at position −1, (b) for
//! every placing of a parent of `m`, each of the parent's tokens at the place's
//! offset plus its index, and (c) the tokens of `m` up to index `i`, each at its
//! own position; where the first of those is not 0, the parent has the tokens before
//! it, and so on, and all are one text; every slot it reads holds the token that is claimed,
//! written in an earlier pass or in this one.* The plan's builder works with
//! extents and ranges and shares none of this.

use std::collections::{HashMap, HashSet};

use super::plan::{Block, MessageId, Plan, Slot, Span, TokenId};
use super::{Cache, Stage};

/// A plan that breaks the visibility rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The plan's own lists do not fit one another.
    #[error("the plan is misshapen: {0}")]
    Misshapen(&'static str),
    /// A row's token, index or slot is not the message's.
    #[error("row {row} should be token {index} of {message:?}")]
    WrongRow {
        /// Row of the plan.
        row: usize,
        /// The message whose block it is in.
        message: MessageId,
        /// Index it should have.
        index: u32,
    },
    /// A row sees something else than the rule says.
    #[error("{message:?} sees {found} where entry {entry} should be {expected}")]
    WrongView {
        /// The message whose rows see it.
        message: MessageId,
        /// Which visible token, in order.
        entry: usize,
        /// What the rule says.
        expected: String,
        /// What the plan says.
        found: String,
    },
    /// A row reads a slot that nothing has written.
    #[error("{message:?} reads {slot:?}, which holds no encoded token")]
    Stale {
        /// The message whose rows see it.
        message: MessageId,
        /// The slot.
        slot: Slot,
    },
    /// Two rows write one slot.
    #[error("{0:?} is written twice")]
    WrittenTwice(Slot),
}

/// One visible token: whose it is, its index there, its position in the view.
type Visible = (MessageId, u32, i64);

/// Checks a plan that is about to run against the message graph.
///
/// # Errors
/// The first fault found.
pub fn verify(cache: &Cache, plan: &Plan) -> Result<(), Fault> {
    let rows = plan.tokens.len();
    if plan.indexes.len() != rows || plan.slots.len() != rows {
        return Err(Fault::Misshapen("tokens, indexes and slots differ in length"));
    }
    if plan.sampled.iter().any(|row| *row >= rows) || !plan.sampled.is_sorted() {
        return Err(Fault::Misshapen("sampled rows are not rows in order"));
    }
    let owners = owners(cache, plan);
    let written = written(plan)?;
    let mut next = 0;
    for block in &plan.blocks {
        if block.rows.start != next || block.rows.is_empty() {
            return Err(Fault::Misshapen("blocks do not cover the rows in order"));
        }
        next = block.rows.end;
        verify_rows(cache, plan, block, &owners)?;
        verify_view(cache, plan, block, &|slot| {
            let owner = owners.get(&slot).copied()?;
            let message = &cache.messages[&owner.0];
            let encoded = owner.1 < message.first_index + message.encoded || written.contains(&slot);
            encoded.then_some(owner)
        })?;
    }
    if next != rows {
        return Err(Fault::Misshapen("some rows are in no block"));
    }
    Ok(())
}

/// Whose token each slot holds, and its index: of the messages that the plan
/// is about, and that these may see.
fn owners(cache: &Cache, plan: &Plan) -> HashMap<Slot, (MessageId, u32)> {
    let mut concerned: HashSet<MessageId> = cache.beginning.into_iter().collect();
    for block in &plan.blocks {
        concerned.insert(block.message);
        let mut seen = vec![block.message];
        while let Some(message) = seen.pop().and_then(|id| cache.messages.get(&id)) {
            let parents = message.parents.iter().map(|parent| parent.message);
            concerned.extend(parents.clone());
            if message.first_index > 0 {
                // It sees what those see, too.
                seen.extend(parents);
            }
        }
    }
    let mut owners = HashMap::new();
    for id in concerned {
        let Some(message) = cache.messages.get(&id) else { continue };
        let slots = message.extents.iter().flat_map(|extent| extent.slot.0..extent.slot.0 + extent.len);
        owners.extend(slots.map(Slot).zip((message.first_index..).map(|index| (id, index))));
    }
    owners
}

/// Checks that no slot is two messages', nor free and a message's, and that the
/// cache's counts are right.
///
/// # Errors
/// What is wrong.
pub fn verify_room(cache: &Cache) -> Result<(), String> {
    let mut owners = HashMap::new();
    let mut held = 0;
    for (id, message) in &cache.messages {
        let slots: Vec<u32> =
            message.extents.iter().flat_map(|extent| extent.slot.0..extent.slot.0 + extent.len).collect();
        if message.encoded as usize > slots.len().min(message.tokens.len()) {
            return Err(format!("{id:?} has {} slots, {} tokens encoded", slots.len(), message.encoded));
        }
        held += slots.len();
        for slot in slots {
            if let Some(other) = owners.insert(slot, id) {
                return Err(format!("slot {slot} belongs to {other:?} and {id:?}"));
            }
        }
        let seen_by = cache.messages.values().flat_map(|child| &child.parents).filter(|parent| parent.message == *id);
        if seen_by.count() != message.references as usize {
            return Err(format!("{id:?} counts {} references", message.references));
        }
    }
    let free = cache.slots.left() as usize;
    if held + free != cache.total as usize {
        return Err(format!("{held} slots are messages' and {free} free, of {}", cache.total));
    }
    Ok(())
}

fn written(plan: &Plan) -> Result<HashSet<Slot>, Fault> {
    let mut written = HashSet::new();
    for slot in &plan.slots {
        if !written.insert(*slot) {
            return Err(Fault::WrittenTwice(*slot));
        }
    }
    Ok(written)
}

fn verify_rows(
    cache: &Cache,
    plan: &Plan,
    block: &Block,
    owners: &HashMap<Slot, (MessageId, u32)>,
) -> Result<(), Fault> {
    let message = cache.messages.get(&block.message).ok_or(Fault::Misshapen("a block's message does not exist"))?;
    let next = message.first_index + message.encoded;
    if message.stage == Stage::Lost || block.offset != message.offset || block.first_index != next {
        return Err(Fault::Misshapen("a block does not continue its message"));
    }
    for (row, index) in block.rows.clone().zip(block.first_index..) {
        let token: Option<&TokenId> = message.tokens.get((index - message.first_index) as usize);
        let right = token == Some(&plan.tokens[row])
            && plan.indexes[row] == index
            && owners.get(&plan.slots[row]) == Some(&(block.message, index));
        if !right {
            return Err(Fault::WrongRow { row, message: block.message, index });
        }
    }
    Ok(())
}

fn verify_view(
    cache: &Cache,
    plan: &Plan,
    block: &Block,
    holder: &dyn Fn(Slot) -> Option<(MessageId, u32)>,
) -> Result<(), Fault> {
    let message = &cache.messages[&block.message];
    let mut expected: Vec<Visible> = Vec::new();
    if let Some(beginning) = cache.beginning.filter(|beginning| *beginning != block.message) {
        expected.push((beginning, 0, -1));
    }
    // A message that goes on from another is one text with it, and with what that
    // goes on from.
    let mut own: Vec<Visible> = Vec::new();
    let tokens = |seen: MessageId, offset: i32| {
        let message = &cache.messages[&seen];
        let indexes = (message.first_index..).take(message.tokens.len());
        indexes.map(move |index| (seen, index, i64::from(offset) + i64::from(index)))
    };
    if message.first_index > 0 {
        let mut before = message.parents.first();
        while let Some(parent) = before {
            own.splice(0..0, tokens(parent.message, message.offset));
            let goes_on = cache.messages[&parent.message].first_index > 0;
            before = cache.messages[&parent.message].parents.first().filter(|_| goes_on);
        }
    } else {
        for parent in &message.parents {
            expected.extend(tokens(parent.message, parent.offset));
        }
    }
    if message.first_index as usize != own.len() {
        return Err(Fault::Misshapen("a message does not go on where the one before it ends"));
    }
    compare(&plan.spans[block.seen.clone()], block, &expected, holder)?;

    // Row i sees own tokens 0 to i: with one entry an index, in order, each row
    // sees a prefix, and the last row sees them all.
    let last = block.first_index + u32::try_from(block.rows.len()).unwrap_or(u32::MAX) - 1;
    let mine = message.first_index..=last;
    own.extend(mine.map(|index| (block.message, index, i64::from(message.offset) + i64::from(index))));
    compare(&plan.spans[block.own.clone()], block, &own, holder)
}

fn compare(
    spans: &[Span],
    block: &Block,
    expected: &[Visible],
    holder: &dyn Fn(Slot) -> Option<(MessageId, u32)>,
) -> Result<(), Fault> {
    let mut found = Vec::with_capacity(expected.len());
    for span in spans {
        for at in 0..span.len {
            let slot = Slot(span.slot.0 + at);
            let (owner, index) = holder(slot).ok_or(Fault::Stale { message: block.message, slot })?;
            if index != span.index + at {
                return Err(Fault::Misshapen("a span's index is not its slots'"));
            }
            found.push((owner, index, i64::from(span.offset) + i64::from(index)));
        }
    }
    for entry in 0..expected.len().max(found.len()) {
        let (expected, found) = (expected.get(entry), found.get(entry));
        if expected != found {
            let show = |visible: Option<&Visible>| match visible {
                Some((message, index, position)) => format!("token {index} of {message:?} at position {position}"),
                None => "nothing".to_owned(),
            };
            return Err(Fault::WrongView {
                message: block.message,
                entry,
                expected: show(expected),
                found: show(found),
            });
        }
    }
    Ok(())
}
