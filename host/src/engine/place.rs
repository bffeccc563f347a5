//! From what a call says of its view to offsets, all filled in and checked.

use super::call::{Cause, Number, Shortage, View};
use super::run::RunState;
use crate::cache::{Placed, TokenId};

/// A view with every offset filled in.
#[derive(Debug)]
pub(super) struct Placement {
    pub(super) parents: Vec<(Number, u32)>,
    /// Where the new message stands.
    pub(super) offset: u32,
}

/// Fills in the offsets of a view: an omitted one is right after the end of
/// the parent listed before. `context` is the number of positions a view has.
pub(super) fn place(run: &RunState, view: &View, context: u64) -> Result<Placement, Cause> {
    let mut end = 0u64;
    let mut parents = Vec::with_capacity(view.parents.len());
    for parent in &view.parents {
        let record = run.record(parent.id)?;
        let offset = parent.offset.map_or(end, u64::from);
        end = offset + record.tokens.len() as u64;
        fits(|| format!("message {} at offset {offset}", parent.id), end, context)?;
        parents.push((parent.id, narrow(offset)));
    }
    let offset = view.offset.map_or(end, u64::from);
    // Checked by the caller again, with the message's length.
    fits(|| format!("a message at offset {offset}"), offset, context)?;
    Ok(Placement { parents, offset: narrow(offset) })
}

/// The same view as `naive` honours it: the parents' tokens in list order, from
/// position 0, offsets ignored.
pub(super) fn concatenate(run: &RunState, view: &View) -> Result<(Placement, Vec<TokenId>), Cause> {
    let mut parents = Vec::with_capacity(view.parents.len());
    let mut tokens = Vec::new();
    for parent in &view.parents {
        let record = run.record(parent.id)?;
        parents.push((parent.id, narrow(tokens.len() as u64)));
        tokens.extend_from_slice(&record.tokens);
    }
    let offset = narrow(tokens.len() as u64);
    Ok((Placement { parents, offset }, tokens))
}

/// Whether a view that ends before position `end` fits the context.
pub(super) fn fits(what: impl FnOnce() -> String, end: u64, context: u64) -> Result<(), Cause> {
    if end <= context {
        return Ok(());
    }
    Err(Cause::ContextOverflow(Shortage { what: what(), asked: end, left: context }))
}

/// The placement as the cache takes it.
pub(super) fn in_cache(run: &RunState, placement: &Placement) -> Vec<Placed> {
    let parents = placement.parents.iter().filter_map(|(number, offset)| {
        let message = run.record(*number).ok()?.message?;
        Some(Placed { message, offset: signed(*offset) })
    });
    parents.collect()
}

/// Offsets were checked against the context, which is far below 2³¹.
pub(super) fn signed(offset: u32) -> i32 {
    i32::try_from(offset).unwrap_or(i32::MAX)
}

fn narrow(offset: u64) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
