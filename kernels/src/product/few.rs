//! The AVX-512 body of products of a few rows, as lanes that are decoded
//! together make them: weights are read once, made `f32` in registers, and used
//! there by all rows.

use std::arch::x86_64::*;
use std::mem::transmute;

use super::single::UNIT;
use crate::Weights;
use crate::dot::SEGMENT;
use crate::lanes::LANES;
use crate::lanes::x86::{fold_four, load};

/// Rows at most: with two registers of weights their sums fit into those there are.
pub(super) const ROWS: usize = 8;

/// Rows up to which reading the weights anew for each [`ROWS`], and using them at
/// once, is quicker than laying them out: what is long takes its time to read.
pub(super) fn most(weights: Weights<'_>) -> usize {
    match weights {
        Weights::F32(_) => ROWS,
        _ => 2 * ROWS,
    }
}

/// Columns that are read together, and registers that they take: register `i`
/// has the eight lanes of column `i`, and those of column `i + PAIRS`.
const COLUMNS: usize = 2 * PAIRS;
const PAIRS: usize = 2;

/// Some units of a column, made `f32` beside those of another.
type Wide = [__m512; UNIT / LANES];

/// A few rows by all columns; weights that [`serves`](super::single::serves) says.
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
pub(super) fn rows(inputs: &[f32], weights: Weights<'_>, out: &mut [&mut [f32]]) {
    let inputs = inputs.as_chunks().0;
    match weights {
        Weights::F32(values) => strips(inputs, values.as_chunks().0, out, |a, b| whole(a, b)),
        Weights::Bf16(halves) => strips(inputs, halves.as_chunks().0, out, |a, b| upper_halves(a, b)),
        Weights::F16(halves) => strips(inputs, halves.as_chunks().0, out, |a, b| wide_halves(a, b)),
        Weights::Q8_0(blocks) => strips(inputs, blocks, out, |a, b| wide_q8_0(a, b)),
        _ => unreachable!("weights that are not served"),
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn strips<Unit>(
    inputs: &[[f32; UNIT]],
    weights: &[Unit],
    out: &mut [&mut [f32]],
    wide: impl Fn(&Unit, &Unit) -> Wide + Copy,
) {
    match out.len() {
        2 => strip::<2, _>(inputs, weights, out, wide),
        3 => strip::<3, _>(inputs, weights, out, wide),
        4 => strip::<4, _>(inputs, weights, out, wide),
        5 => strip::<5, _>(inputs, weights, out, wide),
        6 => strip::<6, _>(inputs, weights, out, wide),
        7 => strip::<7, _>(inputs, weights, out, wide),
        ROWS => strip::<ROWS, _>(inputs, weights, out, wide),
        rows => unreachable!("{rows} rows"),
    }
}

/// All columns for R rows.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn strip<const R: usize, Unit>(
    inputs: &[[f32; UNIT]],
    weights: &[Unit],
    out: &mut [&mut [f32]],
    wide: impl Fn(&Unit, &Unit) -> Wide + Copy,
) {
    let units = inputs.len() / R;
    let mut rows = [&inputs[..0]; R];
    for (row, input) in rows.iter_mut().zip(inputs.chunks_exact(units)) {
        *row = input;
    }
    let columns = weights.len() / units;
    for first in (0..columns).step_by(COLUMNS) {
        // What is lacking repeats the last column, and is not written.
        let column = |at: usize| &weights[(first + at).min(columns - 1) * units..][..units];
        let each = [column(0), column(1), column(2), column(3)];
        for start in (0..units).step_by(SEGMENT / UNIT) {
            let part = start..units.min(start + SEGMENT / UNIT);
            let columns = each.map(|column| &column[part.clone()]);
            let sums = segment(&rows.map(|row| &row[part.clone()]), (&columns, COLUMNS * units), wide);
            for (sums, out) in sums.iter().zip(&mut *out) {
                for (out, sum) in out[first..].iter_mut().zip(fold(sums)) {
                    *out = if start == 0 { sum } else { *out + sum };
                }
            }
        }
    }
}

/// Sums of a segment: R rows by four columns.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn segment<const R: usize, Unit>(
    rows: &[&[[f32; UNIT]]; R],
    (columns, after): (&[&[Unit]; COLUMNS], usize),
    wide: impl Fn(&Unit, &Unit) -> Wide,
) -> [[__m512; PAIRS]; R] {
    let units = columns[0].len();
    let rows = rows.map(|row| &row[..units]);
    let columns = columns.map(|column| &column[..units]);
    let mut sums = [[_mm512_setzero_ps(); PAIRS]; R];
    for at in 0..units {
        for column in &columns {
            // Of the columns after these.
            _mm_prefetch::<_MM_HINT_T0>((&raw const column[at]).wrapping_add(after).cast());
        }
        let first = wide(&columns[0][at], &columns[PAIRS][at]);
        let second = wide(&columns[1][at], &columns[1 + PAIRS][at]);
        for (eight, weights) in first.into_iter().zip(second).enumerate() {
            for (sums, row) in sums.iter_mut().zip(&rows) {
                let values = _mm512_broadcast_f32x8(load(&row[at].as_chunks::<LANES>().0[eight]));
                sums[0] = _mm512_fmadd_ps(values, weights.0, sums[0]);
                sums[1] = _mm512_fmadd_ps(values, weights.1, sums[1]);
            }
        }
    }
    sums
}

/// The sums of a row's four columns.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn fold(sums: &[__m512; PAIRS]) -> [f32; COLUMNS] {
    let low = sums.map(|sums| _mm512_castps512_ps256(sums));
    let high = sums.map(|sums| _mm512_extractf32x8_ps::<1>(sums));
    fold_four([low[0], low[1], high[0], high[1]])
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn whole(a: &[f32; UNIT], b: &[f32; UNIT]) -> Wide {
    let mut wide = [_mm512_setzero_ps(); UNIT / LANES];
    for (wide, (a, b)) in wide.iter_mut().zip(a.as_chunks().0.iter().zip(b.as_chunks().0)) {
        *wide = _mm512_insertf32x8::<1>(_mm512_castps256_ps512(load(a)), load(b));
    }
    wide
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn wide_halves(a: &[[u8; 2]; UNIT], b: &[[u8; 2]; UNIT]) -> Wide {
    halves(a, b).map(|halves| _mm512_cvtph_ps(halves))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn upper_halves(a: &[[u8; 2]; UNIT], b: &[[u8; 2]; UNIT]) -> Wide {
    halves(a, b).map(|halves| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves))))
}

/// Eight halves of each.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn halves(a: &[[u8; 2]; UNIT], b: &[[u8; 2]; UNIT]) -> [__m256i; UNIT / LANES] {
    let (a, b) = (sixteens(a.as_flattened()), sixteens(b.as_flattened()));
    let mut both = [_mm256_setzero_si256(); UNIT / LANES];
    for (both, (a, b)) in both.iter_mut().zip(a.iter().zip(b)) {
        *both = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(register(a)), register(b));
    }
    both
}

/// No product is rounded: see the weights' own body.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512dq,avx512bw,avx512vl")]
fn wide_q8_0(a: &[u8; 34], b: &[u8; 34]) -> Wide {
    let both = i32::from_le_bytes([a[0], a[1], b[0], b[1]]);
    let scales = _mm512_castps128_ps512(_mm_cvtph_ps(_mm_cvtsi32_si128(both)));
    let place = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
    let scales = _mm512_permutexvar_ps(place, scales);
    let (a, b) = (sixteens(&a[2..]), sixteens(&b[2..]));
    let mut wide = [_mm512_setzero_ps(); UNIT / LANES];
    for (wide, (a, b)) in wide.as_chunks_mut::<2>().0.iter_mut().zip(a.iter().zip(b)) {
        let (a, b) = (register(a), register(b));
        for (wide, eights) in wide.iter_mut().zip([_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b)]) {
            *wide = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(eights)), scales);
        }
    }
    wide
}

#[inline(always)]
fn sixteens(bytes: &[u8]) -> &[[u8; 16]] {
    bytes.as_chunks().0
}

#[expect(unsafe_code, reason = "an array is taken for a register")]
#[inline]
#[target_feature(enable = "avx2")]
fn register(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: both are sixteen bytes in order, and any bits are integers.
    unsafe { transmute::<[u8; 16], __m128i>(*bytes) }
}
