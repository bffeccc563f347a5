//! The x86 body of products of a single row, which memory bounds: weights are
//! made `f32` in registers, and are asked for before they are read.

use std::arch::x86_64::*;
use std::mem::transmute;

use crate::Weights;
use crate::dot::SEGMENT;
use crate::lanes::LANES;
use crate::lanes::x86::{fold_four, load};

/// Weights that are made `f32` at once: a block, or as many halves.
pub(super) const UNIT: usize = 32;
/// Columns that share the row's loads, and make enough independent sums to hide
/// the latency of a multiply-add.
const COLUMNS: usize = 8;

/// The weights of whole units that have a body here.
pub(super) fn serves(weights: Weights<'_>, width: usize) -> bool {
    let kind = matches!(weights, Weights::F32(_) | Weights::F16(_) | Weights::Bf16(_) | Weights::Q8_0(_));
    kind && width.is_multiple_of(UNIT)
}

/// One row by all columns.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn row(input: &[f32], weights: Weights<'_>, out: &mut [f32]) {
    let input = input.as_chunks().0;
    match weights {
        Weights::F32(values) => columns(input, values.as_chunks().0, out, |unit| whole(unit)),
        Weights::Bf16(halves) => columns(input, halves.as_chunks().0, out, |unit| wide_upper_halves(unit)),
        Weights::F16(halves) => columns(input, halves.as_chunks().0, out, |unit| wide_halves(unit)),
        Weights::Q8_0(blocks) => columns(input, blocks, out, |block| wide_q8_0(block)),
        _ => unreachable!("weights that are not served"),
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn columns<Unit>(
    input: &[[f32; UNIT]],
    weights: &[Unit],
    out: &mut [f32],
    wide: impl Fn(&Unit) -> [__m256; UNIT / LANES] + Copy,
) {
    let units = input.len();
    let (eights, rest) = out.as_chunks_mut::<COLUMNS>();
    let (many, few) = weights.split_at(eights.len() * COLUMNS * units);
    for (weights, out) in many.chunks_exact(COLUMNS * units).zip(eights) {
        tile(input, weights, out, wide);
    }
    for (weights, out) in few.chunks_exact(units).zip(rest) {
        tile(input, weights, std::array::from_mut(out), wide);
    }
}

/// C columns.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn tile<const C: usize, Unit>(
    input: &[[f32; UNIT]],
    weights: &[Unit],
    out: &mut [f32; C],
    wide: impl Fn(&Unit) -> [__m256; UNIT / LANES],
) {
    let units = input.len();
    for start in (0..units).step_by(SEGMENT / UNIT) {
        let part = start..units.min(start + SEGMENT / UNIT);
        let input = &input[part.clone()];
        let mut each = [&weights[..0]; C];
        for (each, column) in each.iter_mut().zip(weights.chunks_exact(units)) {
            *each = &column[part.clone()][..input.len()];
        }
        let mut sums = [_mm256_setzero_ps(); COLUMNS];
        for (at, values) in input.iter().enumerate() {
            let values = values.as_chunks::<LANES>().0;
            for (sum, column) in sums.iter_mut().zip(&each) {
                let unit = &column[at];
                // Of the columns after these.
                _mm_prefetch::<_MM_HINT_T0>((&raw const *unit).wrapping_add(weights.len()).cast());
                for (value, weight) in values.iter().zip(wide(unit)) {
                    *sum = _mm256_fmadd_ps(load(value), weight, *sum);
                }
            }
        }
        for (out, sums) in out.chunks_mut(4).zip(sums.as_chunks().0) {
            for (out, sum) in out.iter_mut().zip(fold_four(*sums)) {
                *out = if start == 0 { sum } else { *out + sum };
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn whole(unit: &[f32; UNIT]) -> [__m256; UNIT / LANES] {
    let mut all = [_mm256_setzero_ps(); UNIT / LANES];
    for (all, eight) in all.iter_mut().zip(unit.as_chunks().0) {
        *all = load(eight);
    }
    all
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn wide_halves(unit: &[[u8; 2]; UNIT]) -> [__m256; UNIT / LANES] {
    registers(unit).map(|halves| _mm256_cvtph_ps(halves))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn wide_upper_halves(unit: &[[u8; 2]; UNIT]) -> [__m256; UNIT / LANES] {
    registers(unit).map(|halves| _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves))))
}

#[expect(unsafe_code, reason = "an array is taken for registers")]
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn registers(unit: &[[u8; 2]; UNIT]) -> [__m128i; UNIT / LANES] {
    // SAFETY: both are sixty-four bytes in order, and any bits are integers.
    unsafe { transmute::<[[u8; 2]; UNIT], [__m128i; UNIT / LANES]>(*unit) }
}

/// No product is rounded: see the weights' own body.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn wide_q8_0(block: &[u8; 34]) -> [__m256; UNIT / LANES] {
    let [low, high, quants @ ..] = block;
    let scale = _mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(u16::from_le_bytes([*low, *high]))));
    let scale = _mm256_broadcastss_ps(scale);
    let mut wide = [_mm256_setzero_ps(); UNIT / LANES];
    for (wide, eight) in wide.iter_mut().zip(quants.as_chunks().0) {
        let whole = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*eight)));
        *wide = _mm256_mul_ps(_mm256_cvtepi32_ps(whole), scale);
    }
    wide
}
