//! Dot products: what matrix products and attention scores are made of.

#[cfg(target_arch = "x86_64")]
mod x86;

use crate::lanes::{LANES, fold, padded};
use crate::{Kernels, Level};

/// Values of a segment: so many of a few rows and columns stay in the
/// first-level cache.
pub(crate) const SEGMENT: usize = 1024;
/// Rows from which on laying columns out for them is worth its time.
#[cfg(target_arch = "x86_64")]
const MANY_ROWS: usize = 12;

/// The definition: the sums of segments are added in their order.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let sums = a.chunks(SEGMENT).zip(b.chunks(SEGMENT)).map(|(a, b)| dot_segment(a, b));
    sums.reduce(|sum, more| sum + more).unwrap_or(0.0)
}

/// Element `i` goes to lane `i % 8`, the tail is filled up with zeros, the lanes
/// are folded in their tree.
fn dot_segment(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (a, a_tail) = a.as_chunks();
    let (b, b_tail) = b.as_chunks();
    for (a, b) in a.iter().zip(b) {
        step(&mut sums, a, b);
    }
    if !a_tail.is_empty() {
        step(&mut sums, &padded(a_tail), &padded(b_tail));
    }
    fold(sums)
}

#[inline(always)]
fn step(sums: &mut [f32; LANES], a: &[f32; LANES], b: &[f32; LANES]) {
    for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
        *sum = a.mul_add(*b, *sum);
    }
}

/// Memory in which columns are laid out, kept for the next.
#[derive(Default)]
pub(crate) struct Panels {
    #[cfg(target_arch = "x86_64")]
    laid: crate::panel::Panels,
}

/// As [`dots`], of many rows: where that is quicker, columns are laid out for
/// them. What `out` has beyond the columns may be written.
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "only AVX-512 lays columns out"))]
#[cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the AVX-512 body may run only where there is AVX-512")
)]
pub(crate) fn dots_of_many<Row: AsMut<[f32]>>(
    kernels: Kernels,
    rows: &[f32],
    columns: &[&[f32]],
    out: &mut [Row],
    panels: &mut Panels,
) {
    #[cfg(target_arch = "x86_64")]
    if kernels.level() == Level::Avx512 && out.len() >= MANY_ROWS && rows.len() / out.len() <= SEGMENT {
        // SAFETY: a `Kernels` has this level only if the CPU has all of it.
        return unsafe { x86::dots_of_many(rows, columns, out, &mut panels.laid) };
    }
    dots(kernels, rows, columns, out);
}

/// `out[r][c]` = dot of row `r` of `rows` with `columns[c]`, each by itself
/// the bits of [`dot`].
///
/// `rows` is [out.len(), width]; every column has `width` values, every row of
/// `out` at least one place per column.
///
/// # Panics
/// Where these lengths do not fit.
#[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
pub(crate) fn dots<Row: AsMut<[f32]>>(kernels: Kernels, rows: &[f32], columns: &[&[f32]], out: &mut [Row]) {
    if rows.is_empty() {
        return;
    }
    match kernels.level() {
        Level::Scalar => {
            let width = rows.len() / out.len();
            for (row, out) in rows.chunks_exact(width).zip(out) {
                for (column, out) in columns.iter().zip(&mut out.as_mut()[..columns.len()]) {
                    *out = dot(row, column);
                }
            }
        }
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Kernels` has these levels only if the CPU has AVX2 and FMA.
        Level::Avx2 | Level::Avx512 => unsafe { x86::dots(rows, columns, out) },
    }
}
