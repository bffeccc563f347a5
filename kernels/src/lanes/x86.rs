//! The eight lanes in one AVX register.

use std::arch::x86_64::*;
use std::mem::transmute;

use super::{HIGHEST, LANES, LN_2_HIGH, LN_2_LOW, LOWEST, POLYNOMIAL};

// Loads and stores are by value, not by the pointer intrinsics: the same one
// instruction, without the pointer checks that debug assertions would put into
// every inner loop.

/// Eight values into a register.
#[expect(unsafe_code, reason = "an array is taken for a register")]
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn load(from: &[f32; LANES]) -> __m256 {
    // SAFETY: both are eight floats in order, and any bits are floats.
    unsafe { transmute::<[f32; LANES], __m256>(*from) }
}

/// Fewer than eight values into a register, the rest zero: [`padded`](super::padded)
/// without a copy, which would spill the sums around it.
#[expect(unsafe_code, reason = "a load is by pointer")]
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn load_tail(from: &[f32]) -> __m256 {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let present = _mm256_cmpgt_epi32(_mm256_set1_epi32(from.len() as i32), lanes);
    // SAFETY: lane i is read only where i < len; a lane masked out reads nothing.
    unsafe { _mm256_maskload_ps(from.as_ptr(), present) }
}

/// A register into eight values.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn store(lanes: __m256, to: &mut [f32; LANES]) {
    *to = array(lanes);
}

/// A register as an array.
#[expect(unsafe_code, reason = "a register is taken for an array")]
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn array(lanes: __m256) -> [f32; LANES] {
    // SAFETY: both are eight floats in order, and any bits are floats.
    unsafe { transmute::<__m256, [f32; LANES]>(lanes) }
}

/// The greatest lane, in every lane; which of equals is of no account.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn greatest(lanes: __m256) -> __m256 {
    let halves = _mm256_max_ps(lanes, _mm256_permute2f128_ps::<0x01>(lanes, lanes));
    let pairs = _mm256_max_ps(halves, _mm256_permute_ps::<0b01_00_11_10>(halves));
    _mm256_max_ps(pairs, _mm256_permute_ps::<0b10_11_00_01>(pairs))
}

/// [`fold`](super::fold) of four registers at once: two horizontal adds make
/// the inner sums, the add of halves the outer one.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn fold_four(four: [__m256; 4]) -> [f32; 4] {
    let pairs = _mm256_hadd_ps(four[0], four[1]);
    let others = _mm256_hadd_ps(four[2], four[3]);
    let halves = _mm256_hadd_ps(pairs, others);
    let high = _mm256_permute2f128_ps::<0x11>(halves, halves);
    let [a, b, c, d, ..] = array(_mm256_add_ps(halves, high));
    [a, b, c, d]
}

/// [`exp`](super::exp) in each lane.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn exp(x: __m256) -> __m256 {
    const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    let held = _mm256_min_ps(_mm256_set1_ps(HIGHEST), x);
    let n = _mm256_mul_ps(held, _mm256_set1_ps(std::f32::consts::LOG2_E));
    let n = _mm256_round_ps::<NEAREST>(n);
    let r = _mm256_fmadd_ps(n, _mm256_set1_ps(-LN_2_HIGH), held);
    let r = _mm256_fmadd_ps(n, _mm256_set1_ps(-LN_2_LOW), r);
    let mut sum = _mm256_set1_ps(POLYNOMIAL[0]);
    for coefficient in &POLYNOMIAL[1..] {
        sum = _mm256_fmadd_ps(sum, r, _mm256_set1_ps(*coefficient));
    }
    let power = _mm256_fmadd_ps(sum, _mm256_mul_ps(r, r), r);
    let power = _mm256_add_ps(power, _mm256_set1_ps(1.0));
    let n = _mm256_cvtps_epi32(n);
    let half = _mm256_srai_epi32::<1>(n);
    let scaled = _mm256_mul_ps(power, power_of_two(half));
    let scaled = _mm256_mul_ps(scaled, power_of_two(_mm256_sub_epi32(n, half)));
    // "Not less than" also keeps what is not a number.
    let kept = _mm256_cmp_ps::<_CMP_NLT_UQ>(x, _mm256_set1_ps(LOWEST));
    _mm256_and_ps(scaled, kept)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn power_of_two(n: __m256i) -> __m256 {
    let biased = _mm256_add_epi32(n, _mm256_set1_epi32(127));
    _mm256_castsi256_ps(_mm256_slli_epi32::<23>(biased))
}
