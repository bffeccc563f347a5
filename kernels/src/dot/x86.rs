//! Dot products in register tiles: R rows by C columns share their loads, and
//! make enough independent sums to hide the latency of a multiply-add.

use std::arch::x86_64::*;

use crate::lanes::x86::{fold_four, load};
use crate::lanes::{LANES, padded};

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
        2 => strip::<2, 6, Row>(rows, columns, out),
        _ => strip::<3, 4, Row>(rows, columns, out),
    }
}

/// All columns for R rows.
#[target_feature(enable = "avx2,fma")]
fn strip<const R: usize, const C: usize, Row: AsMut<[f32]>>(
    rows: &[f32],
    columns: &[&[f32]],
    out: &mut [Row],
) {
    let width = rows.len() / R;
    let mut each = [&rows[..0]; R];
    for (each, row) in each.iter_mut().zip(rows.chunks_exact(width)) {
        *each = row;
    }
    let (tiles, rest) = columns.as_chunks::<C>();
    for (at, columns) in tiles.iter().enumerate() {
        let sums = tile(&each, columns);
        for (out, sums) in out.iter_mut().zip(&sums) {
            out.as_mut()[at * C..][..C].copy_from_slice(sums);
        }
    }
    for (at, column) in rest.iter().enumerate() {
        let sums = tile(&each, &[*column]);
        for (out, [sum]) in out.iter_mut().zip(&sums) {
            out.as_mut()[tiles.len() * C + at] = *sum;
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn tile<const R: usize, const C: usize>(
    rows: &[&[f32]; R],
    columns: &[&[f32]; C],
) -> [[f32; C]; R] {
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
            let a = load(&padded(row));
            for (sum, column) in sums.iter_mut().zip(column_tails) {
                *sum = _mm256_fmadd_ps(a, load(&padded(column)), *sum);
            }
        }
    }
    let mut folded = [[0.0; C]; R];
    let mut from = 0;
    while from < R * C {
        let mut four = [_mm256_setzero_ps(); 4];
        let present = if R * C - from < 4 { R * C - from } else { 4 };
        for i in 0..present {
            four[i] = sums[(from + i) / C][(from + i) % C];
        }
        let four = fold_four(four);
        for i in 0..present {
            folded[(from + i) / C][(from + i) % C] = four[i];
        }
        from += 4;
    }
    folded
}

/// Every operand as whole chunks, all to one length so that the loop above
/// needs no check, and its tail.
#[inline(always)]
fn split<'a, const N: usize>(
    operands: &[&'a [f32]; N],
    width: usize,
) -> ([&'a [[f32; LANES]]; N], [&'a [f32]; N]) {
    let mut chunks = [&[][..]; N];
    let mut tails = [&[][..]; N];
    for i in 0..N {
        let (whole, tail) = operands[i][..width].as_chunks();
        chunks[i] = &whole[..width / LANES];
        tails[i] = tail;
    }
    (chunks, tails)
}
