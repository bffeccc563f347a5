//! That a plan names only what is there: the kernels index without asking.

use super::{ForwardError, ModelShape};
use crate::cache::plan::{Block, Plan, Span};

/// How far a plan's queries look.
pub(super) struct Reach {
    /// Largest distance by which a key or a query is rotated, in positions.
    pub(super) distance: u32,
}

impl Reach {
    /// Checks that every index of a plan is in range, and that its distances
    /// are within the context.
    pub(super) fn check(plan: &Plan, shape: &ModelShape) -> Result<Self, ForwardError> {
        let rows = plan.tokens.len();
        if plan.indexes.len() != rows || plan.slots.len() != rows {
            let (indexes, slots) = (plan.indexes.len(), plan.slots.len());
            return refuse(format!("{rows} tokens have {indexes} indexes and {slots} slots"));
        }
        if let Some(token) = plan.tokens.iter().find(|token| token.0 as usize >= shape.vocabulary) {
            return refuse(format!("token {} of {}", token.0, shape.vocabulary));
        }
        if let Some(slot) = plan.slots.iter().find(|slot| slot.0 as usize >= shape.slots) {
            return refuse(format!("slot {} of {}", slot.0, shape.slots));
        }
        let outside = |span: &&Span| span.len == 0 || u64::from(span.slot.0) + u64::from(span.len) > shape.slots as u64;
        if let Some(span) = plan.spans.iter().find(outside) {
            return refuse(format!("{span:?} of {} slots", shape.slots));
        }
        let ascending = plan.sampled.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascending || plan.sampled.last().is_some_and(|row| *row >= rows) {
            return refuse(format!("sampled rows {:?} of {rows}", plan.sampled));
        }
        let mut next = 0;
        let mut distance = 0;
        for block in &plan.blocks {
            check_block(plan, block, next)?;
            next = block.rows.end;
            distance = distance.max(farthest(plan, block));
        }
        if next != rows {
            return refuse(format!("blocks cover {next} of {rows} rows"));
        }
        // The beginning-of-sequence token stands one before the context.
        match u32::try_from(distance) {
            Ok(distance) if distance as usize <= shape.context => Ok(Self { distance }),
            _ => refuse(format!("a distance of {distance} in a context of {}", shape.context)),
        }
    }
}

fn check_block(plan: &Plan, block: &Block, next: usize) -> Result<(), ForwardError> {
    let spans = plan.spans.len();
    let within = |range: &std::ops::Range<usize>| range.start <= range.end && range.end <= spans;
    let rows = block.rows.clone();
    if rows.start != next || rows.is_empty() || rows.end > plan.tokens.len() {
        return refuse(format!("{block:?} where row {next} of {} is next", plan.tokens.len()));
    }
    if !within(&block.seen) || !within(&block.own) {
        return refuse(format!("{block:?} of {spans} spans"));
    }
    let expected = (block.first_index..).zip(&plan.indexes[rows.clone()]);
    if expected.clone().count() != rows.len() || expected.clone().any(|(index, found)| index != *found) {
        return refuse(format!("{block:?} with other indexes than its rows'"));
    }
    let mut end = 0;
    for span in &plan.spans[block.own.clone()] {
        if u64::from(span.index) != end || span.offset != block.offset {
            return refuse(format!("{block:?} with {span:?} where its index {end} is next"));
        }
        end += u64::from(span.len);
    }
    let last = u64::from(block.first_index) + rows.len() as u64;
    if end < last {
        return refuse(format!("{block:?} with {end} own tokens in its spans"));
    }
    Ok(())
}

/// Largest distance of the block's rows to the message of any of its spans; the
/// block's own is among them.
fn farthest(plan: &Plan, block: &Block) -> u64 {
    let first = i64::from(block.offset) + i64::from(block.first_index);
    let last = first + block.rows.len() as i64 - 1;
    let seen = plan.spans[block.seen.clone()].iter().map(|span| i64::from(span.offset));
    seen.chain([i64::from(block.offset)])
        .flat_map(|offset| [(first - offset).unsigned_abs(), (last - offset).unsigned_abs()])
        .max()
        .unwrap_or(0)
}

fn refuse<T>(what: String) -> Result<T, ForwardError> {
    Err(ForwardError(format!("the plan is not of this cache: {what}; this is a bug of the host")))
}
