//! The online softmax of one tile: scores to weights, and weights into sums.

use std::ops::Range;

use super::tiles::TILE;
#[cfg(target_arch = "x86_64")]
use super::{avx512, x86};
use crate::lanes::{LANES, exp, fold, greater};
use crate::{Kernels, Level};

/// What a tile's scores did to a line.
pub(super) struct Softened {
    /// Greatest score so far.
    pub(super) highest: f32,
    /// Factor of everything summed before this tile.
    pub(super) shrink: f32,
    /// Sum of this tile's weights.
    pub(super) total: f32,
}

/// Turns the `visible` scores, of [`TILE`], into weights: e to the score less
/// the greatest so far. Those before them, and after them up to the next
/// multiple of eight, become zero. A line that sees nothing of the tile stays
/// as it is.
#[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
pub(super) fn soften(kernels: Kernels, scores: &mut [f32; TILE], visible: Range<usize>, highest: f32) -> Softened {
    if visible.is_empty() {
        return Softened { highest, shrink: 1.0, total: 0.0 };
    }
    // What is padded weighs nothing, so a tile cut short by the row's own
    // index or by its window sums as if it were full.
    let end = visible.end.next_multiple_of(LANES).min(TILE);
    scores[..visible.start].fill(f32::NEG_INFINITY);
    scores[visible.end..end].fill(f32::NEG_INFINITY);
    let (scores, _) = scores[..end].as_chunks_mut();
    match kernels.level() {
        Level::Scalar => soften_scalar(scores, highest),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Kernels` has these levels only if the CPU has AVX2 and FMA.
        Level::Avx2 | Level::Avx512 => unsafe { x86::soften(scores, highest) },
    }
}

fn soften_scalar(scores: &mut [[f32; LANES]], before: f32) -> Softened {
    let highest = scores.as_flattened().iter().copied().fold(before, greater);
    let mut totals = [0.0; LANES];
    for scores in scores {
        for (score, total) in scores.iter_mut().zip(&mut totals) {
            *score = exp(*score - highest);
            *total += *score;
        }
    }
    Softened { highest, shrink: exp(before - highest), total: fold(totals) }
}

/// The lines of one key head over one tile.
pub(super) struct Weighted<'a> {
    /// One row of head_dim values for each token.
    pub(super) values: &'a [&'a [f32]],
    /// For each line, the tokens' weights.
    pub(super) weights: &'a [[f32; TILE]],
    /// For each line, which tokens it sees; no more than there are.
    pub(super) visible: &'a [Range<usize>],
    /// For each line, the factor of its earlier sum.
    pub(super) shrink: &'a [f32],
}

/// sums = sums * shrink + weights · values, token by token; `sums` is [lines,
/// head_dim].
#[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
pub(super) fn accumulate(kernels: Kernels, tile: &Weighted<'_>, sums: &mut [f32]) {
    match kernels.level() {
        Level::Scalar => accumulate_scalar(tile, sums),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Kernels` has this level only if the CPU has all of it.
        Level::Avx512 if tile.visible.len() >= avx512::LINES => unsafe { avx512::accumulate(tile, sums) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Kernels` has these levels only if the CPU has AVX2 and FMA.
        Level::Avx2 | Level::Avx512 => unsafe { x86::accumulate(tile, sums) },
    }
}

fn accumulate_scalar(tile: &Weighted<'_>, sums: &mut [f32]) {
    let width = sums.len() / tile.visible.len();
    for (line, sums) in sums.chunks_exact_mut(width).enumerate() {
        for sum in &mut *sums {
            *sum *= tile.shrink[line];
        }
        add_line(tile, line, tile.visible[line].clone(), (0, sums));
    }
}

/// Adds some tokens to one line: their values from the `at`th on.
#[inline(always)]
pub(super) fn add_line(tile: &Weighted<'_>, line: usize, tokens: Range<usize>, (at, sums): (usize, &mut [f32])) {
    let weights = &tile.weights[line][tokens.clone()];
    for (weight, values) in weights.iter().zip(&tile.values[tokens]) {
        for (sum, value) in sums.iter_mut().zip(&values[at..]) {
            *sum = weight.mul_add(*value, *sum);
        }
    }
}
