//! What the AVX-512 bodies are made of: a few rows by a panel of eight columns.
//!
//! A register holds the eight lanes of two columns, so that sums are those of
//! the definition. Columns are laid out in panels as they are read; rows are
//! read where they lie.

use std::arch::x86_64::*;
use std::mem::transmute;
use std::ops::Range;

use crate::lanes::x86::{load, load_tail};
use crate::lanes::{LANES, padded};

/// Columns of a panel, and registers that they take: register `i` has columns
/// `i` and `i + PAIRS`, the order in which a fold leaves them.
pub(crate) const COLUMNS: usize = 2 * PAIRS;
const PAIRS: usize = 4;
/// Rows that share a panel's loads: with the panel's registers, their sums fit
/// into the 32 there are.
pub(crate) const ROWS: usize = 6;

/// Eight values of each of two columns, as a register has them.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Pair([[f32; LANES]; 2]);

/// For each eight values of a segment, those of all columns.
type Panel = [[Pair; PAIRS]];

/// Panels one after another, and how many eights of values each has. Their
/// memory is kept for the next.
#[derive(Default)]
pub(crate) struct Panels {
    laid: Vec<[Pair; PAIRS]>,
    steps: usize,
}

impl Panels {
    /// Makes room for so many columns of so many eights of values.
    pub(crate) fn begin(&mut self, columns: usize, steps: usize) {
        self.steps = steps;
        self.laid.resize(columns.div_ceil(COLUMNS) * steps, [Pair([[0.0; LANES]; 2]); PAIRS]);
    }

    /// Lays out a column; a last few values are filled up with zeros.
    #[inline(always)]
    pub(crate) fn put(&mut self, column: usize, values: &[f32]) {
        let place = column % COLUMNS;
        let panel = &mut self.laid[column / COLUMNS * self.steps..][..self.steps];
        let (whole, tail) = values.as_chunks();
        for (pairs, eight) in panel.iter_mut().zip(whole) {
            pairs[place % PAIRS].0[place / PAIRS] = *eight;
        }
        if let Some(pairs) = panel.get_mut(whole.len()) {
            pairs[place % PAIRS].0[place / PAIRS] = padded(tail);
        }
    }

    /// The panels, in order.
    fn each(&self) -> impl Iterator<Item = &Panel> {
        self.laid.chunks_exact(self.steps)
    }
}

/// Rows by all panels: what a part of their values adds to `outs`, from column
/// `at` on.
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
pub(crate) fn add<Row: AsMut<[f32]>>(
    (rows, width, part): (&[f32], usize, Range<usize>),
    panels: &Panels,
    at: usize,
    outs: &mut [Row],
) {
    for (rows, outs) in rows.chunks(ROWS * width).zip(outs.chunks_mut(ROWS)) {
        for (number, panel) in panels.each().enumerate() {
            let (rows, at) = ((rows, width, part.clone()), at + number * COLUMNS);
            match outs.len() {
                1 => tile::<1, _>(rows, panel, at, outs),
                2 => tile::<2, _>(rows, panel, at, outs),
                3 => tile::<3, _>(rows, panel, at, outs),
                4 => tile::<4, _>(rows, panel, at, outs),
                5 => tile::<5, _>(rows, panel, at, outs),
                _ => tile::<ROWS, _>(rows, panel, at, outs),
            }
        }
    }
}

/// R rows by one panel, into `outs` from column `at` on: what a segment adds.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn tile<const R: usize, Row: AsMut<[f32]>>(
    (rows, width, part): (&[f32], usize, Range<usize>),
    panel: &Panel,
    at: usize,
    outs: &mut [Row],
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
        let out = out.as_mut();
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
