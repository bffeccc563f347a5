//! One task: a few rows, of one block or of several that see the same, for some key
//! heads.

use std::iter::repeat_n;
use std::ops::Range;

use super::softmax::{Weighted, accumulate, soften};
use super::tiles::{TILE, Tile, Tiles};
use super::{Attention, Block};
use crate::dot::{Panels, dots_of_many};
use crate::{Kernels, RotaryTable};

/// Rows that read their tiles together, one tile at a time.
pub(super) struct Task<'a> {
    /// In the batch's order. The tiles that all of them see first are read once.
    pub(super) parts: Vec<Part<'a>>,
    pub(super) kv_heads: Range<usize>,
    /// For each row, [kv_heads, group, head_dim].
    pub(super) out: Vec<&'a mut [f32]>,
}

/// Rows of one block.
#[derive(Clone)]
pub(super) struct Part<'a> {
    pub(super) block: &'a Block,
    pub(super) tiles: &'a Tiles,
    pub(super) rows: Range<usize>,
}

impl Part<'_> {
    /// Where the call places the rows.
    fn positions(&self) -> impl Iterator<Item = i64> {
        let first = i64::from(self.block.offset) + i64::from(self.block.first_index);
        let before = (self.rows.start - self.block.rows.start) as i64;
        (first + before..).take(self.rows.len())
    }
}

/// What a task carries from tile to tile.
///
/// A *line* is one query head of one row. Lines are in the order [key head,
/// row, query head of that key head], so those of a key head are neighbours.
struct Lines {
    /// [lines, head_dim]: scaled queries, and the same rotated for a tile.
    queries: Vec<f32>,
    rotated: Vec<f32>,
    /// [lines, head_dim]: weighted values so far; the weights' sum and the
    /// greatest score so far of each line.
    sums: Vec<f32>,
    totals: Vec<f32>,
    highest: Vec<f32>,
}

/// What belongs to one tile alone, kept for its memory.
#[derive(Default)]
struct Scratch {
    /// Which of the tile's tokens each line of a key head sees.
    visible: Vec<Range<usize>>,
    /// [tokens, head_dim]: the tile's keys and values where they are kept in
    /// other numbers.
    keys: Vec<f32>,
    values: Vec<f32>,
    /// Of each line of a key head: scores, then weights, of the tokens; and by
    /// what earlier sums shrink.
    weights: Vec<[f32; TILE]>,
    shrink: Vec<f32>,
    panels: Panels,
}

impl Task<'_> {
    pub(super) fn run(mut self, kernels: Kernels, call: &Attention<'_>, rotary: &RotaryTable) {
        let positions: Vec<i64> = self.parts.iter().flat_map(Part::positions).collect();
        let work = Work { kernels, call, rotary, kv_heads: self.kv_heads.clone(), positions };
        let mut lines = self.lines(call);
        let mut scratch = Scratch::default();
        let tiles = self.parts[0].tiles;
        let others = self.parts[1..].iter().map(|part| part.tiles.common(tiles));
        let common = others.min().unwrap_or(0);
        let all = 0..work.positions.len();
        work.read(tiles, 0..common, (all, &mut lines, &mut scratch));
        let mut row = 0;
        for Part { tiles, rows, .. } in &self.parts {
            let rows = row..row + rows.len();
            row = rows.end;
            work.read(tiles, common..tiles.count(), (rows, &mut lines, &mut scratch));
        }
        self.finish(call, &lines);
    }

    /// Lines that have seen nothing.
    fn lines(&self, call: &Attention<'_>) -> Lines {
        let group = call.shape.group();
        let lines = self.kv_heads.len() * self.out.len() * group;
        let width = call.shape.head_dim;
        let mut queries = Vec::with_capacity(lines * width);
        for kv_head in self.kv_heads.clone() {
            for row in self.parts.iter().flat_map(|part| part.rows.clone()) {
                let first = (row * call.shape.heads + kv_head * group) * width;
                let heads = &call.queries[first..][..group * width];
                queries.extend(heads.iter().map(|value| value * call.scale));
            }
        }
        Lines {
            queries,
            rotated: vec![0.0; lines * width],
            sums: vec![0.0; lines * width],
            totals: vec![0.0; lines],
            highest: vec![f32::NEG_INFINITY; lines],
        }
    }

    /// Writes the weighted means.
    fn finish(&mut self, call: &Attention<'_>, lines: &Lines) {
        let heads = call.shape.group() * call.shape.head_dim;
        let rows = self.out.len();
        for (row, out) in self.out.iter_mut().enumerate() {
            for (number, out) in out.chunks_exact_mut(heads).enumerate() {
                let place = number * rows + row;
                let sums = lines.sums[place * heads..].chunks_exact(call.shape.head_dim);
                let totals = &lines.totals[place * call.shape.group()..];
                let out = out.chunks_exact_mut(call.shape.head_dim);
                for ((out, sums), total) in out.zip(sums).zip(totals) {
                    for (out, sum) in out.iter_mut().zip(sums) {
                        *out = sum / total;
                    }
                }
            }
        }
    }
}

/// What all of a task's tiles are read with.
struct Work<'a> {
    kernels: Kernels,
    call: &'a Attention<'a>,
    rotary: &'a RotaryTable,
    kv_heads: Range<usize>,
    /// Of every row of the task.
    positions: Vec<i64>,
}

impl Work<'_> {
    /// Takes some tiles into the lines of some rows, one tile after another.
    fn read(
        &self,
        tiles: &Tiles,
        some: Range<usize>,
        (rows, lines, scratch): (Range<usize>, &mut Lines, &mut Scratch),
    ) {
        let group = self.call.shape.group();
        let mut offset = None;
        let (seen, own) = tiles.split(some);
        let seen = seen.iter().map(|tile| (tile, false));
        let mut list = seen.chain(own.iter().map(|tile| (tile, true))).peekable();
        while let Some((tile, is_own)) = list.next() {
            scratch.visible.clear();
            for position in &self.positions[rows.clone()] {
                let limit = is_own.then_some(*position);
                let from = self.call.window.map(|window| position + 1 - i64::from(window.get()));
                scratch.visible.extend(repeat_n(visible(tile, from, limit), group));
            }
            let most = scratch.visible.iter().map(|tokens| tokens.end).max().unwrap_or(0);
            if most == 0 {
                continue;
            }
            if offset != Some(tile.offset) {
                offset = Some(tile.offset);
                self.rotate(tile.offset, rows.clone(), lines);
            }
            let slots = &tiles.slots(tile)[..most];
            scratch.weights.resize(scratch.visible.len(), [0.0; TILE]);
            scratch.shrink.resize(scratch.visible.len(), 0.0);
            let next = list.peek().map_or(&[][..], |(tile, _)| tiles.slots(tile));
            for (number, kv_head) in self.kv_heads.clone().enumerate() {
                let last = number + 1 == self.kv_heads.len();
                let next = if last { (next, self.kv_heads.start) } else { (slots, kv_head + 1) };
                let first = (number * self.positions.len() + rows.start) * group;
                let these = first..first + rows.len() * group;
                absorb((self.kernels, self.call), [(slots, kv_head), next], these, lines, scratch);
            }
        }
    }

    /// Turns the rows' queries to see messages placed at `offset`.
    fn rotate(&self, offset: i32, rows: Range<usize>, lines: &mut Lines) {
        let heads = self.call.shape.group() * self.call.shape.head_dim;
        for number in 0..self.kv_heads.len() {
            for row in rows.clone() {
                let turn = self.rotary.turn(self.positions[row] - i64::from(offset));
                let first = (number * self.positions.len() + row) * heads;
                let these = first..first + heads;
                self.kernels.rotate_copy(&lines.queries[these.clone()], turn, &mut lines.rotated[these]);
            }
        }
    }
}

/// Which of a tile's tokens stand at positions `from` to `limit`; `0..0` where
/// none does.
fn visible(tile: &Tile, from: Option<i64>, limit: Option<i64>) -> Range<usize> {
    let at = |position: i64| (position - tile.position()).clamp(0, tile.slots.len() as i64) as usize;
    let tokens = from.map_or(0, at)..limit.map_or(tile.slots.len(), |limit| at(limit + 1));
    if tokens.is_empty() { 0..0 } else { tokens }
}

/// Takes one tile of one key head into its lines `these`, while what comes `next` is
/// fetched.
fn absorb(
    (kernels, call): (Kernels, &Attention<'_>),
    [(slots, kv_head), next]: [(&[u32], usize); 2],
    these: Range<usize>,
    lines: &mut Lines,
    scratch: &mut Scratch,
) {
    let Scratch { visible, keys, values, weights, shrink, panels } = scratch;
    let width = call.shape.head_dim;
    let head = (call.shape, kv_head);
    call.values.fetch(head, slots);
    let keys = call.keys.of_head(kernels, head, slots, keys);
    let values = call.values.of_head(kernels, head, slots, values);
    let queries = &lines.rotated[these.start * width..these.end * width];
    dots_of_many(kernels, queries, &keys[..slots.len()], weights, panels);
    for (line, at) in these.clone().enumerate() {
        let softened = soften(kernels, &mut weights[line], visible[line].clone(), lines.highest[at]);
        lines.highest[at] = softened.highest;
        lines.totals[at] = lines.totals[at] * softened.shrink + softened.total;
        shrink[line] = softened.shrink;
    }
    call.keys.fetch((call.shape, next.1), next.0);
    let tile = Weighted { values: &values[..slots.len()], weights, visible, shrink };
    let sums = &mut lines.sums[these.start * width..these.end * width];
    accumulate(kernels, &tile, sums);
}
