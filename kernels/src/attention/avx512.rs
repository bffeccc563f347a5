//! The AVX-512 body of weighted sums, for lines enough to share the loads.

use std::arch::x86_64::*;
use std::mem::transmute;
use std::ops::Range;

use super::softmax::{Weighted, add_line};
use super::tiles::TILE;
use super::x86;

/// Values of a register.
const WIDE: usize = 16;
/// Lines that share a value's load, and registers of values: their sums fit
/// into the 32 there are.
pub(super) const LINES: usize = 6;
const REGISTERS: usize = 4;

/// See [`accumulate`](super::softmax::accumulate).
#[target_feature(enable = "avx2,fma,avx512f,avx512dq,avx512bw,avx512vl")]
pub(super) fn accumulate(tile: &Weighted<'_>, sums: &mut [f32]) {
    let width = sums.len() / tile.visible.len();
    let (panels, rest) = (width / (WIDE * REGISTERS), width % (WIDE * REGISTERS));
    if rest != 0 {
        return x86::accumulate(tile, sums);
    }
    for (number, sums) in sums.chunks_mut(LINES * width).enumerate() {
        let line = number * LINES;
        for (sums, shrink) in sums.chunks_exact_mut(width).zip(&tile.shrink[line..]) {
            for sum in sums {
                *sum *= shrink;
            }
        }
        let visible = &tile.visible[line..line + sums.len() / width];
        let start = visible.iter().map(|tokens| tokens.start).max().unwrap_or(0);
        let end = visible.iter().map(|tokens| tokens.end).min().unwrap_or(0).max(start);
        // What all of them see together, and before and after it each line's
        // rest, so that each line's order is its own.
        for (number, sums) in sums.chunks_exact_mut(width).enumerate() {
            add_line_alone(tile, line + number, visible[number].start..start.min(visible[number].end), sums);
        }
        for panel in 0..panels {
            let at = panel * WIDE * REGISTERS;
            let part = (start..end, width, at);
            match visible.len() {
                1 => add::<1>(tile, line, part, sums),
                2 => add::<2>(tile, line, part, sums),
                3 => add::<3>(tile, line, part, sums),
                4 => add::<4>(tile, line, part, sums),
                5 => add::<5>(tile, line, part, sums),
                _ => add::<LINES>(tile, line, part, sums),
            }
        }
        for (number, sums) in sums.chunks_exact_mut(width).enumerate() {
            add_line_alone(tile, line + number, end..visible[number].end, sums);
        }
    }
}

/// Adds what one line sees and others do not. Behind a window a line may end
/// before another begins: then the range runs backwards, and there is nothing.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn add_line_alone(tile: &Weighted<'_>, line: usize, tokens: Range<usize>, sums: &mut [f32]) {
    if !tokens.is_empty() {
        add_line(tile, line, tokens, (0, sums));
    }
}

/// Adds some tokens to R lines of `width` values: four registers from value `at` on.
#[inline]
#[target_feature(enable = "avx512f")]
fn add<const R: usize>(
    tile: &Weighted<'_>,
    line: usize,
    (tokens, width, at): (Range<usize>, usize, usize),
    sums: &mut [f32],
) {
    let mut weights = [&[0.0; TILE]; R];
    for (weights, all) in weights.iter_mut().zip(&tile.weights[line..]) {
        *weights = all;
    }
    let mut all = [[_mm512_setzero_ps(); REGISTERS]; R];
    for (all, sums) in all.iter_mut().zip(sums.chunks_exact(width)) {
        *all = four(sums, at);
    }
    let values = &tile.values[tokens.clone()];
    for (token, values) in (tokens.start..tokens.end.min(TILE)).zip(values) {
        let values = four(values, at);
        for (all, weights) in all.iter_mut().zip(&weights) {
            let weight = _mm512_set1_ps(weights[token]);
            for (all, value) in all.iter_mut().zip(&values) {
                *all = _mm512_fmadd_ps(weight, *value, *all);
            }
        }
    }
    for (all, sums) in all.into_iter().zip(sums.chunks_exact_mut(width)) {
        sums[at..][..REGISTERS * WIDE].copy_from_slice(array(all).as_flattened());
    }
}

/// Four registers of a line's values, from `at` on.
#[expect(unsafe_code, reason = "an array is taken for registers")]
#[inline]
#[target_feature(enable = "avx512f")]
fn four(values: &[f32], at: usize) -> [__m512; REGISTERS] {
    let (chunks, _) = values[at..].as_chunks::<{ REGISTERS * WIDE }>();
    // SAFETY: both are four times sixteen floats in order, and any bits are floats.
    unsafe { transmute::<[f32; REGISTERS * WIDE], [__m512; REGISTERS]>(chunks[0]) }
}

/// Four registers as arrays.
#[expect(unsafe_code, reason = "registers are taken for arrays")]
#[inline]
#[target_feature(enable = "avx512f")]
fn array(registers: [__m512; REGISTERS]) -> [[f32; WIDE]; REGISTERS] {
    // SAFETY: both are four times sixteen floats in order, and any bits are floats.
    unsafe { transmute::<[__m512; REGISTERS], [[f32; WIDE]; REGISTERS]>(registers) }
}
