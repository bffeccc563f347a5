//! AVX2 bodies of the online softmax, and of reading rounded rows.

use std::arch::x86_64::*;
use std::mem::transmute;
use std::ops::Range;

use super::rows::{GROUP, Narrow, groups, widen_levels};
use super::softmax::{Softened, Weighted, add_line};
use super::tiles::TILE;
use crate::lanes::x86::{array, exp, greatest, load, store};
use crate::lanes::{LANES, fold};

/// Has memory fetched that is read soon.
#[expect(unsafe_code, reason = "a hint takes an address")]
pub(super) fn fetch<T>(values: &[T]) {
    const LINE: usize = 64;
    for line in values.chunks(LINE / size_of::<T>()) {
        // SAFETY: every x86-64 CPU has SSE, and a hint faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
}

/// See [`soften`](super::softmax::soften).
#[target_feature(enable = "avx2,fma")]
pub(super) fn soften(scores: &mut [[f32; LANES]], before: f32) -> Softened {
    let mut highest = _mm256_set1_ps(before);
    for scores in &*scores {
        highest = _mm256_max_ps(highest, load(scores));
    }
    let highest = greatest(highest);
    let mut totals = _mm256_setzero_ps();
    for scores in scores {
        let weights = exp(_mm256_sub_ps(load(scores), highest));
        totals = _mm256_add_ps(totals, weights);
        store(weights, scores);
    }
    Softened {
        highest: _mm256_cvtss_f32(highest),
        shrink: _mm256_cvtss_f32(exp(_mm256_sub_ps(_mm256_set1_ps(before), highest))),
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

/// R lines from `line` on: what all of them see together, and before and after
/// it each line's rest, so that each line's order is its own. Answers R.
#[target_feature(enable = "avx2,fma")]
fn strip<const R: usize>(tile: &Weighted<'_>, line: usize, sums: &mut [f32]) -> usize {
    let width = sums.len() / R;
    let visible = &tile.visible[line..line + R];
    let start = visible.iter().map(|tokens| tokens.start).max().unwrap_or(0);
    let end = visible.iter().map(|tokens| tokens.end).min().unwrap_or(0).max(start);
    for (sums, shrink) in sums.chunks_exact_mut(width).zip(&tile.shrink[line..]) {
        for sum in sums {
            *sum *= shrink;
        }
    }
    for (number, sums) in sums.chunks_exact_mut(width).enumerate() {
        panels::<1>(tile, line + number, visible[number].start..start.min(visible[number].end), sums);
    }
    panels::<R>(tile, line, start..end, sums);
    for (number, sums) in sums.chunks_exact_mut(width).enumerate() {
        panels::<1>(tile, line + number, end..visible[number].end, sums);
    }
    R
}

/// Adds some tokens to R lines, a panel of values at a time: as wide as makes
/// eight to twelve independent sums.
#[target_feature(enable = "avx2,fma")]
fn panels<const R: usize>(tile: &Weighted<'_>, line: usize, tokens: Range<usize>, sums: &mut [f32]) {
    if tokens.is_empty() {
        return;
    }
    let width = sums.len() / R;
    let chunks = width / LANES;
    let mut values = 0;
    while values < chunks * LANES {
        let tokens = tokens.clone();
        values += match chunks - values / LANES {
            8.. if R == 1 => panel::<R, 8>(tile, line, tokens, (values, sums)),
            4.. if R <= 2 => panel::<R, 4>(tile, line, tokens, (values, sums)),
            3.. if R == 3 => panel::<R, 3>(tile, line, tokens, (values, sums)),
            2.. => panel::<R, 2>(tile, line, tokens, (values, sums)),
            _ => panel::<R, 1>(tile, line, tokens, (values, sums)),
        };
    }
    if values < width {
        for (number, sums) in sums.chunks_exact_mut(width).enumerate() {
            add_line(tile, line + number, tokens.clone(), (values, &mut sums[values..]));
        }
    }
}

/// R lines by C chunks of eight values, from value `at` on. Answers how many
/// values those are.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn panel<const R: usize, const C: usize>(
    tile: &Weighted<'_>,
    line: usize,
    tokens: Range<usize>,
    (at, sums): (usize, &mut [f32]),
) -> usize {
    let width = sums.len() / R;
    let columns = at..at + C * LANES;
    let mut weights = [&[0.0; TILE]; R];
    for (weights, all) in weights.iter_mut().zip(&tile.weights[line..]) {
        *weights = all;
    }
    let mut all = [[_mm256_setzero_ps(); C]; R];
    for (all, sums) in all.iter_mut().zip(sums.chunks_exact(width)) {
        let (chunks, _) = sums[columns.clone()].as_chunks();
        for (all, chunk) in all.iter_mut().zip(chunks) {
            *all = load(chunk);
        }
    }
    let values = &tile.values[tokens.clone()];
    for (token, values) in (tokens.start..tokens.end.min(TILE)).zip(values) {
        let (chunks, _) = values[columns.clone()].as_chunks();
        let mut values = [_mm256_setzero_ps(); C];
        for (value, chunk) in values.iter_mut().zip(chunks) {
            *value = load(chunk);
        }
        for (all, weights) in all.iter_mut().zip(&weights) {
            let weight = _mm256_set1_ps(weights[token]);
            for (all, value) in all.iter_mut().zip(&values) {
                *all = _mm256_fmadd_ps(weight, *value, *all);
            }
        }
    }
    for (all, sums) in all.iter().zip(sums.chunks_exact_mut(width)) {
        let (chunks, _) = sums[columns.clone()].as_chunks_mut();
        for (all, chunk) in all.iter().zip(chunks) {
            store(*all, chunk);
        }
    }
    C * LANES
}

/// Writes each head's numbers to its place as `f32`.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn widen_heads<'a>(numbers: Narrow, heads: &[&[u8]], places: impl Iterator<Item = &'a mut [f32]>) {
    for (head, out) in heads.iter().zip(places) {
        match numbers {
            Narrow::Bf16 => {
                let widen = |halves| {
                    let bits = _mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves));
                    _mm256_castsi256_ps(bits)
                };
                widen_halves(numbers, head, out, widen);
            }
            Narrow::F16 => widen_halves(numbers, head, out, |halves| _mm256_cvtph_ps(halves)),
            Narrow::Q8 => {
                for (levels, scale, out) in groups(head, out) {
                    // Of a known length, it needs no loop.
                    match (levels.as_array::<GROUP>(), out.as_mut_array::<GROUP>()) {
                        (Some(levels), Some(out)) => widen_group(levels, scale, out),
                        _ => widen_group(levels, scale, out),
                    }
                }
            }
        }
    }
}

#[expect(unsafe_code, reason = "an array is taken for a register")]
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen_halves(numbers: Narrow, head: &[u8], out: &mut [f32], widen: impl Fn(__m128i) -> __m256) {
    let (chunks, tail) = head.as_chunks();
    let (outs, out_tail) = out.as_chunks_mut();
    for (out, chunk) in outs.iter_mut().zip(chunks) {
        // SAFETY: both are sixteen bytes in order, and any bits are integers.
        let halves = unsafe { transmute::<[u8; 2 * LANES], __m128i>(*chunk) };
        store(widen(halves), out);
    }
    numbers.widen_head(tail, out_tail);
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen_group(levels: &[u8], scale: f32, out: &mut [f32]) {
    let (chunks, tail) = levels.as_chunks();
    let (outs, out_tail) = out.as_chunks_mut();
    let step = _mm256_set1_ps(scale);
    for (out, chunk) in outs.iter_mut().zip(chunks) {
        let whole = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*chunk)));
        store(_mm256_mul_ps(_mm256_cvtepi32_ps(whole), step), out);
    }
    widen_levels(tail, scale, out_tail);
}
