//! Dot products in register tiles: R rows by C columns share their loads, and
//! make enough independent sums to hide the latency of a multiply-add.

use std::arch::x86_64::*;

use super::SEGMENT;
use crate::lanes::LANES;
use crate::lanes::x86::{fold_four, load, load_tail};
use crate::panel::{self, COLUMNS, Panels};

/// See [`dots_of_many`](super::dots_of_many); rows of one segment.
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
pub(super) fn dots_of_many<Row: AsMut<[f32]>>(rows: &[f32], columns: &[&[f32]], out: &mut [Row], panels: &mut Panels) {
    let width = rows.len() / out.len();
    panels.begin(columns.len(), width.div_ceil(LANES));
    // What a panel lacks repeats its last column: nobody reads that.
    for at in 0..columns.len().next_multiple_of(COLUMNS) {
        panels.put(at, columns[at.min(columns.len() - 1)]);
    }
    panel::add((rows, width, 0..width), panels, 0, out);
}

/// See [`dots`](super::dots).
#[target_feature(enable = "avx2,fma")]
pub(super) fn dots<Row: AsMut<[f32]>>(rows: &[f32], columns: &[&[f32]], out: &mut [Row]) {
    let width = rows.len() / out.len();
    let mut rows = rows.chunks_exact(4 * width);
    let mut out = out.chunks_exact_mut(4);
    for (rows, out) in (&mut rows).zip(&mut out) {
        strip::<4, 3, Row>(rows, columns, out);
    }
    let (rows, out) = (rows.remainder(), out.into_remainder());
    match out.len() {
        0 => {}
        1 => strip::<1, 8, Row>(rows, columns, out),
        2 => strip::<2, 4, Row>(rows, columns, out),
        _ => strip::<3, 4, Row>(rows, columns, out),
    }
}

/// All columns for R rows.
#[target_feature(enable = "avx2,fma")]
fn strip<const R: usize, const C: usize, Row: AsMut<[f32]>>(rows: &[f32], columns: &[&[f32]], out: &mut [Row]) {
    let width = rows.len() / R;
    let mut each = [&rows[..0]; R];
    for (each, row) in each.iter_mut().zip(rows.chunks_exact(width)) {
        *each = row;
    }
    let (tiles, rest) = columns.as_chunks::<C>();
    for (number, columns) in tiles.iter().enumerate() {
        tile(&each, columns, number * C, out);
    }
    for (number, column) in rest.iter().enumerate() {
        tile(&each, &[*column], tiles.len() * C + number, out);
    }
}

/// R rows by C columns, into `out` from column `at` on, segment by segment.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn tile<const R: usize, const C: usize, Row: AsMut<[f32]>>(
    rows: &[&[f32]; R],
    columns: &[&[f32]; C],
    at: usize,
    out: &mut [Row],
) {
    let width = rows[0].len();
    for start in (0..width).step_by(SEGMENT) {
        let end = width.min(start + SEGMENT);
        segment(&rows.map(|row| &row[start..end]), &columns.map(|column| &column[start..end]), (start, at), out);
    }
}

/// What the segment from value `start` on adds.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn segment<const R: usize, const C: usize, Row: AsMut<[f32]>>(
    rows: &[&[f32]; R],
    columns: &[&[f32]; C],
    (start, at): (usize, usize),
    out: &mut [Row],
) {
    let put = |out: &mut f32, sum: f32| *out = if start == 0 { sum } else { *out + sum };
    let width = rows[0].len();
    let whole = width / LANES;
    let (row_chunks, row_tails) = split(rows, width);
    let (column_chunks, column_tails) = split(columns, width);
    let mut sums = [[_mm256_setzero_ps(); C]; R];
    for at in 0..whole {
        let mut b = [_mm256_setzero_ps(); C];
        for (b, column) in b.iter_mut().zip(&column_chunks) {
            *b = load(&column[at]);
        }
        for (sums, row) in sums.iter_mut().zip(&row_chunks) {
            let a = load(&row[at]);
            for (sum, b) in sums.iter_mut().zip(&b) {
                *sum = _mm256_fmadd_ps(a, *b, *sum);
            }
        }
    }
    if !width.is_multiple_of(LANES) {
        for (sums, row) in sums.iter_mut().zip(row_tails) {
            let a = load_tail(row);
            for (sum, column) in sums.iter_mut().zip(column_tails) {
                *sum = _mm256_fmadd_ps(a, load_tail(column), *sum);
            }
        }
    }
    if R == 4 {
        // Four rows of one column fold together.
        let mut folded = [[0.0; 4]; C];
        for (c, folded) in folded.iter_mut().enumerate() {
            let mut four = [_mm256_setzero_ps(); 4];
            for (four, sums) in four.iter_mut().zip(&sums) {
                *four = sums[c];
            }
            *folded = fold_four(four);
        }
        for (r, out) in out.iter_mut().enumerate().take(R) {
            for (out, folded) in out.as_mut()[at..at + C].iter_mut().zip(&folded) {
                put(out, folded[r]);
            }
        }
    } else {
        // Up to four columns of one row do.
        for (sums, out) in sums.iter().zip(out) {
            let out = &mut out.as_mut()[at..at + C];
            for (sums, out) in sums.chunks(4).zip(out.chunks_mut(4)) {
                let mut four = [_mm256_setzero_ps(); 4];
                for (four, sum) in four.iter_mut().zip(sums) {
                    *four = *sum;
                }
                for (out, folded) in out.iter_mut().zip(fold_four(four)) {
                    put(out, folded);
                }
            }
        }
    }
}

/// Every operand as whole chunks, all to one length so that the loop above
/// needs no check, and its tail.
#[inline(always)]
fn split<'a, const N: usize>(operands: &[&'a [f32]; N], width: usize) -> ([&'a [[f32; LANES]]; N], [&'a [f32]; N]) {
    let mut chunks = [&[][..]; N];
    let mut tails = [&[][..]; N];
    for i in 0..N {
        let (whole, tail) = operands[i][..width].as_chunks();
        chunks[i] = &whole[..width / LANES];
        tails[i] = tail;
    }
    (chunks, tails)
}
