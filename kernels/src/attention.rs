//! Attention of new rows over the spans that each call sees.
//!
//! The softmax is online (Milakov and Gimelshein): tiles of tokens are read
//! once, in order, and a running maximum rescales what was summed before.
//! Tiles are cut by the index inside the message, so neither the extents that
//! a message was allocated in nor the rows beside change any bit. Rounded rows
//! ([`Narrow`]) are widened a tile at a time, for all lines that read it.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod rows;
mod softmax;
mod task;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::num::NonZeroU32;
use std::ops::Range;

use rayon::prelude::*;

pub use self::rows::{Narrow, Rows};
use self::task::{Part, Task};
use self::tiles::Tiles;
use crate::{Kernels, RotaryTable, check};

/// Heads of one layer. Query head `h` reads key head
/// `h / (heads / kv_heads)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadShape {
    /// Query heads: a multiple of `kv_heads`.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Values of one head; even.
    pub head_dim: usize,
}

impl HeadShape {
    fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
}

/// Neighbouring slots of one message, as a call sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Slot of the first token.
    pub slot: u32,
    /// Index of the first token inside its message, by which its key is
    /// rotated. Index 0 begins another placed message.
    pub index: u32,
    /// Tokens.
    pub len: u32,
    /// Where the call places the message's first token.
    pub offset: i32,
}

/// New rows of one message.
///
/// The spans of a message follow one another with growing index. A message may
/// be listed twice; both count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which rows of the batch; blocks follow one another without gaps.
    pub rows: Range<usize>,
    /// Index of the first row inside its message; the others follow.
    pub first_index: u32,
    /// Where the call places the message's first token.
    pub offset: i32,
    /// Which of the call's spans every row sees, as far as its window goes.
    pub seen: Range<usize>,
    /// Which spans are of the rows' own message, one token after another: a row
    /// sees those up to and including its own index. They have the block's
    /// offset, and reach the last row. Tokens beyond it may be there.
    pub own: Range<usize>,
}

/// One layer's attention for one plan.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    /// Heads of the layer.
    pub shape: HeadShape,
    /// Factor of every score.
    pub scale: f32,
    /// A row at position p sees of all that only positions above p − window;
    /// none: all of it. Positions are a placed message's offset plus the index.
    pub window: Option<NonZeroU32>,
    /// [rows, heads, head_dim], not rotated.
    pub queries: &'a [f32],
    /// [slots, kv_heads, head_dim], each rotated by its index inside its
    /// message; the new rows' own keys are in it.
    pub keys: Rows<'a>,
    /// [slots, kv_heads, head_dim].
    pub values: Rows<'a>,
    /// All rows of the batch, in order.
    pub blocks: &'a [Block],
    /// What the blocks' ranges point into.
    pub spans: &'a [Span],
}

/// Multiply-adds under which waking another thread costs more than it saves.
const WORTH_THREADS: usize = 1 << 18;
/// Rows that read a tile together, where a block has so many.
const ROWS_OF_TASK: usize = 16;
/// Tasks for each thread at which the heads of a row stay together.
const TASKS_OF_THREAD: usize = 4;

impl Kernels {
    /// Softmax-weighted sums of the values each row sees; `out` is
    /// [rows, heads, head_dim].
    ///
    /// A row at index i of a message placed at o sees a message placed at p
    /// through its query rotated by o + i − p. The query is rotated once for
    /// each run of messages with one offset.
    ///
    /// `rotary` must reach every such distance. The cost is that of the visible
    /// tokens: tiles outside every row's window are not read.
    ///
    /// # Panics
    /// Where a slice does not have the length its shape says, a slot or a span
    /// is not there, blocks leave rows out, a row's own token is not in its own
    /// spans, or a distance is beyond the table.
    pub fn attend(self, call: &Attention<'_>, rotary: &RotaryTable, out: &mut [f32]) {
        check_call(call, rotary, out);
        let shape = call.shape;
        let mut work = 0;
        let tiles: Vec<Tiles> = call
            .blocks
            .iter()
            .map(|block| {
                let tiles = Tiles::of(block, call.spans, call.window);
                work += block.rows.len() * tiles.tokens() * shape.heads * shape.head_dim * 2;
                tiles
            })
            .collect();
        let threads = if work < WORTH_THREADS { 1 } else { rayon::current_num_threads() };
        let parts = parts(call, &tiles);
        // Rows that share tiles stay together as long as there are heads of them for all threads.
        let rows =
            if threads == 1 { ROWS_OF_TASK } else { (parts.len() * shape.kv_heads / threads).clamp(1, ROWS_OF_TASK) };
        let groups = grouped(parts, rows);
        let many = threads == 1 || groups.len() >= threads * TASKS_OF_THREAD;
        let tasks = cut(call, groups, if many { shape.kv_heads } else { 1 }, out);
        let run = |task: Task<'_>| task.run(self, call, rotary);
        if threads > 1 && tasks.len() > 1 {
            tasks.into_par_iter().for_each(run);
        } else {
            tasks.into_iter().for_each(run);
        }
    }
}

/// The blocks' rows, a few at a time.
fn parts<'a>(call: &'a Attention<'_>, tiles: &'a [Tiles]) -> Vec<Part<'a>> {
    let blocks = call.blocks.iter().zip(tiles);
    let parts = blocks.flat_map(|(block, tiles)| {
        let starts = block.rows.clone().step_by(ROWS_OF_TASK);
        starts.map(move |start| Part { block, tiles, rows: start..block.rows.end.min(start + ROWS_OF_TASK) })
    });
    parts.collect()
}

/// Neighbours of which most of the tiles are the same, up to so many rows together.
fn grouped(parts: Vec<Part<'_>>, rows: usize) -> Vec<Vec<Part<'_>>> {
    let mut groups: Vec<Vec<Part<'_>>> = Vec::new();
    let mut left = 0;
    for part in parts {
        let same = |group: &&mut Vec<Part<'_>>| {
            let first = group[0].tiles;
            part.rows.len() <= left && 2 * first.common(part.tiles) > first.count().max(part.tiles.count())
        };
        match groups.last_mut().filter(same) {
            Some(group) => {
                left -= part.rows.len();
                group.push(part);
            }
            None => {
                left = rows.saturating_sub(part.rows.len());
                groups.push(vec![part]);
            }
        }
    }
    groups
}

/// Cuts the output into tasks of a group of rows and `together` key heads. Where is a
/// matter of speed alone.
fn cut<'a>(
    call: &'a Attention<'_>,
    groups: Vec<Vec<Part<'a>>>,
    together: usize,
    mut out: &'a mut [f32],
) -> Vec<Task<'a>> {
    let HeadShape { heads, kv_heads, head_dim } = call.shape;
    let part = together * call.shape.group() * head_dim;
    let mut tasks: Vec<Task<'a>> = Vec::new();
    for parts in groups {
        let rows = parts.iter().map(|part| part.rows.len()).sum::<usize>();
        let first = tasks.len();
        for head in (0..kv_heads).step_by(together) {
            tasks.push(Task {
                parts: parts.clone(),
                kv_heads: head..kv_heads.min(head + together),
                out: Vec::with_capacity(rows),
            });
        }
        let (these, rest) = out.split_at_mut(rows * heads * head_dim);
        out = rest;
        for row in these.chunks_mut(heads * head_dim) {
            for (task, part) in tasks[first..].iter_mut().zip(row.chunks_mut(part)) {
                task.out.push(part);
            }
        }
    }
    tasks
}

#[track_caller]
fn check_call(call: &Attention<'_>, rotary: &RotaryTable, out: &[f32]) {
    let HeadShape { heads, kv_heads, head_dim } = call.shape;
    assert!(
        kv_heads > 0 && heads > 0 && heads.is_multiple_of(kv_heads),
        "heads: expected a multiple of the {kv_heads} key heads, found {heads}"
    );
    assert!(
        head_dim > 0 && head_dim == rotary.head_dim(),
        "head_dim: expected the rotary table's {}, found {head_dim}",
        rotary.head_dim()
    );
    let rows = call.blocks.last().map_or(0, |block| block.rows.end);
    check::length("queries", rows * heads * head_dim, call.queries.len());
    check::length("attention output", rows * heads * head_dim, out.len());
    let slots = call.keys.slots("keys", call.shape);
    let of_values = call.values.slots("values", call.shape);
    assert!(slots == of_values, "values: expected {slots} slots as of the keys, found {of_values}");
    for span in call.spans {
        assert!(span.slot as usize + span.len as usize <= slots, "span: expected slots under {slots}, found {span:?}");
        assert!(span.index.checked_add(span.len).is_some(), "span: expected indices in 32 bits, found {span:?}");
    }
    let mut next = 0;
    for block in call.blocks {
        assert!(
            block.rows.start == next && block.rows.end >= next,
            "block: expected rows from {next}, found {:?}",
            block.rows
        );
        next = block.rows.end;
        assert!(
            block.seen.end.max(block.own.end) <= call.spans.len(),
            "block: expected ranges in {} spans, found {block:?}",
            call.spans.len()
        );
        check_own(block, &call.spans[block.own.clone()]);
    }
}

/// Own spans hold the rows' tokens, in order and at the block's offset.
#[track_caller]
fn check_own(block: &Block, own: &[Span]) {
    if block.rows.is_empty() {
        return;
    }
    let first = own.first().map_or(0, |span| u64::from(span.index));
    let mut next = first;
    for span in own {
        assert!(
            u64::from(span.index) == next && span.offset == block.offset,
            "own span: expected index {next} at offset {}, found {span:?}",
            block.offset
        );
        next += u64::from(span.len);
    }
    let last = u64::from(block.first_index) + block.rows.len() as u64 - 1;
    assert!(
        first <= u64::from(block.first_index) && last < next,
        "own spans: expected indices {} to {last}, found {first} up to {next}",
        block.first_index
    );
}
