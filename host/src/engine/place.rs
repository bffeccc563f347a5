//! From what a call says of its view to offsets, all filled in and checked.

use super::call::{Cause, Number, Parent, Shortage, View};
use super::run::RunState;
use crate::cache::{NewMessage, Placed, TokenId};

/// A view with every offset filled in.
#[derive(Debug)]
pub(super) struct Placement {
    pub(super) parents: Vec<(Number, u32)>,
    /// Where the new message stands.
    pub(super) offset: u32,
}

/// What a view may span.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Positions, from 0 on.
    pub(super) context: u64,
    /// Tokens that a call may see, one that is listed twice counted twice:
    /// what a pass costs is bounded by what the cache holds.
    pub(super) visible: u64,
}

/// Fills in the offsets of a view: an omitted one is right after the end of
/// the parent listed before.
pub(super) fn place(run: &RunState, view: &View, bounds: Bounds) -> Result<Placement, Cause> {
    let mut end = 0u64;
    let mut visible = 0u64;
    let mut parents = Vec::with_capacity(view.parents.len());
    for parent in &view.parents {
        let record = run.record(parent.id)?;
        let offset = parent.offset.map_or(end, u64::from);
        end = offset + record.tokens.len() as u64;
        visible += record.tokens.len() as u64;
        fits(|| format!("message {} at offset {offset}", parent.id), end, bounds.context)?;
        parents.push((parent.id, narrow(offset)));
    }
    if visible > bounds.visible {
        return Err(Cause::InvalidArgument(format!(
            "the call sees {visible} tokens and may see {}, as many as the cache holds: list fewer parents",
            bounds.visible
        )));
    }
    let offset = view.offset.map_or(end, u64::from);
    // Checked by the caller again, with the message's length.
    fits(|| format!("a message at offset {offset}"), offset, bounds.context)?;
    Ok(Placement { parents, offset: narrow(offset) })
}

/// The same view as the baselines honour it: the parents one after another from
/// position 0, offsets ignored.
pub(super) fn in_a_row(run: &RunState, view: &View, bounds: Bounds) -> Result<Placement, Cause> {
    let parents = view.parents.iter().map(|parent| Parent { offset: None, ..*parent }).collect();
    place(run, &View { parents, offset: None }, bounds)
}

/// The prompt that a baseline makes of a call: the tokens of all parents, in
/// order, and then the message's own.
pub(super) fn prompt(run: &RunState, placement: &Placement, own: &[TokenId]) -> NewMessage {
    let parents = placement.parents.iter().filter_map(|(number, _)| run.record(*number).ok());
    let tokens: Vec<TokenId> = parents.flat_map(|record| &record.tokens).chain(own).copied().collect();
    let capacity = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    NewMessage { tokens, parents: vec![], offset: 0, capacity, tenant: Some(run.options.tenant) }
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
