//! AVX2 bodies of the online softmax.

use std::arch::x86_64::*;

use super::softmax::{Softened, Weighted, accumulate_line};
use crate::lanes::x86::{array, exp, load, store};
use crate::lanes::{self, LANES, fold, greater};

/// See [`soften`](super::softmax::soften).
#[target_feature(enable = "avx2,fma")]
pub(super) fn soften(scores: &mut [[f32; LANES]], before: f32) -> Softened {
    let mut highest = _mm256_set1_ps(before);
    for scores in &*scores {
        highest = _mm256_max_ps(highest, load(scores));
    }
    let highest = array(highest).into_iter().fold(before, greater);
    let base = _mm256_set1_ps(highest);
    let mut totals = _mm256_setzero_ps();
    for scores in scores {
        let weights = exp(_mm256_sub_ps(load(scores), base));
        totals = _mm256_add_ps(totals, weights);
        store(weights, scores);
    }
    Softened {
        highest,
        shrink: lanes::exp(before - highest),
        total: fold(array(totals)),
    }
}

/// See [`accumulate`](super::softmax::accumulate).
#[target_feature(enable = "avx2,fma")]
pub(super) fn accumulate(tile: &Weighted<'_>, sums: &mut [f32]) {
    let lines = tile.visible.len();
    let width = sums.len() / lines;
    let mut line = 0;
    while line < lines {
        let these = &mut sums[line * width..];
        line += match lines - line {
            1 => strip::<1>(tile, line, &mut these[..width]),
            2 => strip::<2>(tile, line, &mut these[..2 * width]),
            3 => strip::<3>(tile, line, &mut these[..3 * width]),
            _ => strip::<4>(tile, line, &mut these[..4 * width]),
        };
    }
}

/// R lines from `line` on, a panel of values at a time: as wide as makes eight
/// to twelve independent sums. Answers R.
#[target_feature(enable = "avx2,fma")]
fn strip<const R: usize>(tile: &Weighted<'_>, line: usize, sums: &mut [f32]) -> usize {
    let width = sums.len() / R;
    let chunks = width / LANES;
    let mut at = 0;
    while at < chunks {
        at += match chunks - at {
            8.. if R == 1 => panel::<R, 8>(tile, line, at, sums),
            4.. if R <= 2 => panel::<R, 4>(tile, line, at, sums),
            3.. if R == 3 => panel::<R, 3>(tile, line, at, sums),
            2.. => panel::<R, 2>(tile, line, at, sums),
            _ => panel::<R, 1>(tile, line, at, sums),
        };
    }
    if !width.is_multiple_of(LANES) {
        for (number, sums) in sums.chunks_exact_mut(width).enumerate() {
            let from = chunks * LANES;
            accumulate_line(tile, line + number, from, &mut sums[from..]);
        }
    }
    R
}

/// R lines by C chunks of eight values, from chunk `at` on. Answers C.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn panel<const R: usize, const C: usize>(
    tile: &Weighted<'_>,
    line: usize,
    at: usize,
    sums: &mut [f32],
) -> usize {
    let width = sums.len() / R;
    let columns = at * LANES..(at + C) * LANES;
    let visible = &tile.visible[line..line + R];
    let weights = &tile.weights[line..line + R];
    let mut all = [[_mm256_setzero_ps(); C]; R];
    for r in 0..R {
        let shrink = _mm256_set1_ps(tile.shrink[line + r]);
        let (chunks, _) = sums[r * width..][columns.clone()].as_chunks();
        for c in 0..C {
            all[r][c] = _mm256_mul_ps(load(&chunks[c]), shrink);
        }
    }
    // What every line sees, then each line's rest: its order is its own.
    let shared = visible.iter().copied().min().unwrap_or(0);
    for (token, values) in tile.values[..shared].iter().enumerate() {
        let (values, _) = values[columns.clone()].as_chunks();
        for r in 0..R {
            let weight = _mm256_set1_ps(weights[r][token]);
            for c in 0..C {
                all[r][c] = _mm256_fmadd_ps(weight, load(&values[c]), all[r][c]);
            }
        }
    }
    for r in 0..R {
        let rest = tile.values[..visible[r]].iter().zip(&weights[r]);
        for (values, weight) in rest.skip(shared) {
            let weight = _mm256_set1_ps(*weight);
            let (values, _) = values[columns.clone()].as_chunks();
            for c in 0..C {
                all[r][c] = _mm256_fmadd_ps(weight, load(&values[c]), all[r][c]);
            }
        }
    }
    for r in 0..R {
        let (chunks, _) = sums[r * width..][columns.clone()].as_chunks_mut();
        for c in 0..C {
            store(all[r][c], &mut chunks[c]);
        }
    }
    C
}
