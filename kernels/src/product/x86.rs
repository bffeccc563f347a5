//! The AVX-512 body of products. Weights are made `f32` once for all rows, as
//! they are laid out in panels.

use std::arch::x86_64::*;
use std::ops::Range;

use super::OutputBlock;
use crate::dot::SEGMENT;
use crate::lanes::LANES;
use crate::panel::{self, COLUMNS, Panels, ROWS};
use crate::{Kernels, Weights};

/// Up to so many rows, panels are laid out one at a time, each for all rows: it
/// then stays in the first-level cache, as many rows would not.
const FEW_ROWS: usize = 4 * ROWS;
/// Weights are fetched from memory so many columns before they are read.
const AHEAD: usize = COLUMNS;

/// Memory of a task, kept for the next.
#[derive(Default)]
pub(super) struct Scratch {
    /// A segment of each panel.
    panels: Panels,
    /// A segment of one column.
    column: Vec<f32>,
}

/// A rectangle of the output, segment by segment.
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
pub(super) fn block(kernels: Kernels, width: usize, block: &mut OutputBlock<'_>, scratch: &mut Scratch) {
    let columns = block.weights.len() / width;
    let together = if block.out.len() > FEW_ROWS { columns } else { COLUMNS };
    for start in (0..width).step_by(SEGMENT) {
        let part = start..width.min(start + SEGMENT);
        for first in (0..columns).step_by(together) {
            let these = first..columns.min(first + together);
            fill(kernels, (block.weights, width), (part.clone(), these.clone()), scratch);
            panel::add((block.inputs, width, part.clone()), &scratch.panels, first, &mut block.out);
        }
    }
}

/// Lays out a segment of some columns in panels; what a panel lacks is zero.
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn fill(
    kernels: Kernels,
    (weights, width): (Weights<'_>, usize),
    (part, columns): (Range<usize>, Range<usize>),
    scratch: &mut Scratch,
) {
    let all = weights.len() / width;
    let Scratch { panels, column } = scratch;
    panels.begin(columns.len(), part.len().div_ceil(LANES));
    column.resize(part.len(), 0.0);
    let of = |column: usize| weights.part(column * width + part.start..column * width + part.end);
    for (place, at) in (columns.start..columns.start + columns.len().next_multiple_of(COLUMNS)).enumerate() {
        if at + AHEAD < all {
            fetch(of(at + AHEAD));
        }
        if at < columns.end {
            kernels.widen(of(at), column);
        } else {
            column.fill(0.0);
        }
        panels.put(place, column);
    }
}

/// Asks for weights that will be read.
#[inline]
#[target_feature(enable = "avx512f")]
fn fetch(weights: Weights<'_>) {
    let (start, bytes) = weights.place();
    for line in (0..bytes).step_by(64) {
        _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line));
    }
}
