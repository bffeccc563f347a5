//! The builder of plans: the visibility rule is written here and nowhere else.

use super::plan::{Block, Plan, Slot, Span};
use super::{Cache, Message, Wanted, Work};

impl Cache {
    /// Builds the forward pass that does `work`, in this order. A new token sees the beginning of
    /// sequence, its message's parents as placed, in the order listed, and the
    /// earlier tokens of its own message. Where that goes on from others, they and it
    /// are as one message.
    ///
    /// A message's parents must be encoded already, or wholly before it in `work`.
    pub fn plan(&self, work: &[Work]) -> Plan {
        let mut plan = Plan::default();
        for item in work {
            let message = self.message(item.message);
            let first_row = plan.tokens.len();
            let end = message.encoded + item.tokens;
            for at in message.encoded..end {
                plan.tokens.push(message.tokens[at as usize]);
                plan.indexes.push(message.first_index + at);
            }
            let slots = spans(message, 0).flat_map(|span| (0..span.len).map(move |at| Slot(span.slot.0 + at)));
            plan.slots.extend(slots.skip(message.encoded as usize).take(item.tokens as usize));

            let first_seen = plan.spans.len();
            if let Some(beginning) = self.beginning.filter(|beginning| *beginning != item.message) {
                plan.spans.extend(spans(self.message(beginning), -1));
            }
            let mut first_own = plan.spans.len();
            if message.stem.is_some() {
                for edge in self.path(item.message) {
                    plan.spans.extend(spans(self.message(edge), message.offset));
                }
            } else {
                for parent in &message.parents {
                    plan.spans.extend(spans(self.message(parent.message), parent.offset));
                }
                first_own = plan.spans.len();
            }
            plan.spans.extend(spans(message, message.offset).filter_map(|span| {
                let len = span.len.min((message.first_index + end).checked_sub(span.index)?);
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
                first_index: message.first_index + message.encoded,
                offset: message.offset,
                seen: first_seen..first_own,
                own: first_own..plan.spans.len(),
            });
        }
        plan
    }
}

/// A message's extents as a call sees them that places it at `offset`.
fn spans(message: &Message, offset: i32) -> impl Iterator<Item = Span> {
    let mut index = message.first_index;
    message.extents.iter().map(move |extent| {
        let span = Span { slot: extent.slot, index, len: extent.len, offset };
        index += extent.len;
        span
    })
}
