//! The AVX-512 body of products: a few rows by a panel of eight columns.
//!
//! A register holds the eight lanes of two columns, so that sums are those of
//! the definition. Weights are made `f32` once for all rows, into panels that
//! are laid out as they are read; rows are read where they lie.

use std::arch::x86_64::*;
use std::mem::transmute;
use std::ops::Range;

use super::OutputBlock;
use crate::dot::SEGMENT;
use crate::lanes::LANES;
use crate::lanes::x86::{load, load_tail};
use crate::{Kernels, Weights};

/// Columns of a panel, and registers that they take: register `i` has columns
/// `i` and `i + PAIRS`, the order in which a fold leaves them.
const COLUMNS: usize = 2 * PAIRS;
const PAIRS: usize = 4;
/// Rows that share a panel's loads: with the panel's registers, their sums fit
/// into the 32 there are.
const ROWS: usize = 6;
/// Up to so many rows, panels are laid out one at a time, each for all rows: it
/// then stays in the first-level cache, as many rows would not.
const FEW_ROWS: usize = 4 * ROWS;
/// Weights are fetched from memory so many columns before they are read.
const AHEAD: usize = COLUMNS;

/// Eight values of each of two columns, as a register has them.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Pair([[f32; LANES]; 2]);

/// For each eight values of a segment, those of all columns.
type Panel = [[Pair; PAIRS]];

/// Memory of a task, kept for the next.
#[derive(Default)]
pub(super) struct Scratch {
    /// A segment of each panel.
    panels: Vec<[Pair; PAIRS]>,
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
            let panels = scratch.panels.chunks_exact(part.len().div_ceil(LANES));
            let inputs = block.inputs.chunks(ROWS * width);
            for (rows, outs) in inputs.zip(block.out.chunks_mut(ROWS)) {
                for (panel, at) in panels.clone().zip(these.clone().step_by(COLUMNS)) {
                    let rows = (rows, width, part.clone());
                    match outs.len() {
                        1 => tile::<1>(rows, panel, at, outs),
                        2 => tile::<2>(rows, panel, at, outs),
                        3 => tile::<3>(rows, panel, at, outs),
                        4 => tile::<4>(rows, panel, at, outs),
                        5 => tile::<5>(rows, panel, at, outs),
                        _ => tile::<ROWS>(rows, panel, at, outs),
                    }
                }
            }
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
    let steps = part.len().div_ceil(LANES);
    let all = weights.len() / width;
    let Scratch { panels, column } = scratch;
    panels.resize(columns.len().div_ceil(COLUMNS) * steps, [Pair([[0.0; LANES]; 2]); PAIRS]);
    column.resize(steps * LANES, 0.0);
    column[part.len()..].fill(0.0);
    let of = |column: usize| weights.part(column * width + part.start..column * width + part.end);
    for (panel, first) in panels.chunks_exact_mut(steps).zip(columns.clone().step_by(COLUMNS)) {
        for (place, at) in (first..first + COLUMNS).enumerate() {
            if at + AHEAD < all {
                fetch(of(at + AHEAD));
            }
            if at < columns.end {
                kernels.widen(of(at), &mut column[..part.len()]);
            } else {
                column.fill(0.0);
            }
            for (pairs, eight) in panel.iter_mut().zip(column.as_chunks().0) {
                pairs[place % PAIRS].0[place / PAIRS] = *eight;
            }
        }
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

/// R rows by one panel, into `outs` from column `at` on: what a segment adds.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn tile<const R: usize>(
    (rows, width, part): (&[f32], usize, Range<usize>),
    panel: &Panel,
    at: usize,
    outs: &mut [&mut [f32]],
) {
    let whole = part.len() / LANES;
    let mut chunks = [&[][..]; R];
    let mut tails = [&[][..]; R];
    for (row, (chunks, tail)) in rows.chunks_exact(width).zip(chunks.iter_mut().zip(&mut tails)) {
        let (these, rest) = row[part.clone()].as_chunks::<LANES>();
        (*chunks, *tail) = (&these[..whole], rest);
    }
    let mut sums = [[_mm512_setzero_ps(); PAIRS]; R];
    for (step, pairs) in panel[..whole].iter().enumerate() {
        let pairs = registers(pairs);
        for (sums, row) in sums.iter_mut().zip(&chunks) {
            let values = _mm512_broadcast_f32x8(load(&row[step]));
            for (sum, pair) in sums.iter_mut().zip(&pairs) {
                *sum = _mm512_fmadd_ps(values, *pair, *sum);
            }
        }
    }
    if let Some(pairs) = panel.get(whole) {
        let pairs = registers(pairs);
        for (sums, tail) in sums.iter_mut().zip(tails) {
            let values = _mm512_broadcast_f32x8(load_tail(tail));
            for (sum, pair) in sums.iter_mut().zip(&pairs) {
                *sum = _mm512_fmadd_ps(values, *pair, *sum);
            }
        }
    }
    for (sums, out) in sums.into_iter().zip(outs) {
        let end = out.len().min(at + COLUMNS);
        let out = &mut out[at..end];
        let folded = fold(sums);
        match (part.start, out.as_mut_array::<COLUMNS>()) {
            (0, Some(out)) => *out = folded,
            (0, None) => out.copy_from_slice(&folded[..end - at]),
            (_, _) => out.iter_mut().zip(folded).for_each(|(out, more)| *out += more),
        }
    }
}

#[expect(unsafe_code, reason = "an array is taken for a register")]
#[inline]
#[target_feature(enable = "avx512f")]
fn registers(pairs: &[Pair; PAIRS]) -> [__m512; PAIRS] {
    // SAFETY: both are four times sixteen floats in order, and any bits are floats.
    unsafe { transmute::<[Pair; PAIRS], [__m512; PAIRS]>(*pairs) }
}

/// [`fold`](crate::lanes::fold) of eight columns: horizontal adds make the
/// inner sums of each half, the add of halves the outer one.
#[expect(unsafe_code, reason = "a register is taken for an array")]
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn fold(sums: [__m512; PAIRS]) -> [f32; COLUMNS] {
    let [a, b, c, d] = sums;
    let halves = add_neighbours(add_neighbours(a, b), add_neighbours(c, d));
    let others = _mm512_shuffle_f32x4::<0b10_11_00_01>(halves, halves);
    let all = _mm512_add_ps(halves, others);
    let all = _mm512_castps512_ps256(_mm512_shuffle_f32x4::<0b10_00_10_00>(all, all));
    // SAFETY: both are eight floats in order, and any bits are floats.
    unsafe { transmute::<__m256, [f32; COLUMNS]>(all) }
}

/// In each quarter, the two sums of neighbours of `a`, then those of `b`.
#[inline]
#[target_feature(enable = "avx512f")]
fn add_neighbours(a: __m512, b: __m512) -> __m512 {
    let even = _mm512_shuffle_ps::<0b10_00_10_00>(a, b);
    let odd = _mm512_shuffle_ps::<0b11_01_11_01>(a, b);
    _mm512_add_ps(even, odd)
}
