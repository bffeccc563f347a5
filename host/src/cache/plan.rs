//! One forward pass, as integers: what the cache decides and the model computes.

use std::ops::Range;

/// A message of the cache; never reused within one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u64);

/// A token of the model's vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(pub u32);

/// One token's row of keys and values in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// Neighbouring slots of one message, as one call sees them.
///
/// The keys in `slot + i` were rotated by `index + i`; a query at position `p`
/// sees them with a rotation of `p - offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// First slot.
    pub slot: Slot,
    /// Index inside the message of the first slot's token.
    pub index: u32,
    /// Number of slots, at least 1.
    pub len: u32,
    /// Where the call places the message's index 0, in tokens. −1 for the
    /// beginning-of-sequence token.
    pub offset: i32,
}

/// The new rows of one message in a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The message that the rows belong to.
    pub message: MessageId,
    /// Rows of the plan.
    pub rows: Range<usize>,
    /// Index inside the message of the first row; the others follow.
    pub first_index: u32,
    /// Where the message stands in its own view; row `r` has the position
    /// `offset + first_index + (r - rows.start)`.
    pub offset: i32,
    /// Spans (of [`Plan::spans`]) that every row sees whole: the parents, in
    /// the order listed. Spans of one placed message are neighbours, and the
    /// first of them has index 0.
    pub seen: Range<usize>,
    /// Spans of the message itself, from index 0 to the last new row; a row
    /// sees those up to and including its own index.
    pub own: Range<usize>,
}

/// One forward pass over new tokens of any number of messages.
///
/// Inside each layer the keys and values of all rows are written before
/// attention reads them, so a plan may hold a message and its children.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The new token of each row.
    pub tokens: Vec<TokenId>,
    /// Index of each row inside its message: the rotation of its key.
    pub indexes: Vec<u32>,
    /// Where each row's keys and values are written.
    pub slots: Vec<Slot>,
    /// The rows by message; together they cover all rows, in order.
    pub blocks: Vec<Block>,
    /// What the blocks see.
    pub spans: Vec<Span>,
    /// Rows whose logits are wanted, ascending.
    pub sampled: Vec<usize>,
}
