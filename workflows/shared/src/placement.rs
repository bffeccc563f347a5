//! Where messages stand that were encoded apart.

use choreo_guest::{Message, Outcome, Parent, describe};

/// How several messages stand in one view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// One after another.
    Serial,
    /// All at the same offset, so that their order means nothing.
    Parallel,
}

impl Placement {
    /// The first message at 0 with the others right after it, and the position where
    /// the last of them ends, in tokens.
    ///
    /// # Errors
    /// The host's: a message is unknown.
    pub fn after(self, first: Message, others: &[Message]) -> Outcome<(Vec<Parent>, u32)> {
        let start = first.describe()?.tokens;
        let (mut parents, mut end) = (vec![first.at(0)], start);
        for (other, found) in others.iter().zip(describe(others)?) {
            let offset = match self {
                Self::Serial => end,
                Self::Parallel => start,
            };
            parents.push(other.at(offset));
            end = end.max(offset + found.tokens);
        }
        Ok((parents, end))
    }
}
