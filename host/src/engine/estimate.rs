//! What a run's messages would have cost in another mode.

use std::collections::HashMap;

use super::call::{Finish, Number};
use super::report::WouldEncode;
use super::run::Record;

/// Prompts so far, as a tree of messages: for each beginning of a prompt and the
/// message after it, the number of the longer beginning.
#[derive(Debug, Default)]
pub(super) struct Estimates {
    beginnings: HashMap<(usize, Number), usize>,
}

impl Estimates {
    /// The cost of a message, after that of those before it.
    pub(super) fn of(&mut self, records: &[Record], number: Number) -> WouldEncode {
        let record = &records[number as usize - 1];
        let own = u64::from(record.length);
        if record.finish == Finish::Prefilled {
            return WouldEncode { choreo: own, ..WouldEncode::default() };
        }
        let mut cost = WouldEncode { choreo: own, prefix: own, naive: own };
        let mut beginning = 0;
        for (parent, _) in record.parents.iter().chain([&(number, 0)]) {
            let next = self.beginnings.len() + 1;
            let known = *self.beginnings.entry((beginning, *parent)).or_insert(next);
            if *parent != number {
                let tokens = records.get(*parent as usize - 1).map_or(0, |parent| u64::from(parent.length));
                cost.naive += tokens;
                cost.prefix += if known == next { tokens } else { 0 };
            }
            beginning = known;
        }
        cost
    }
}
