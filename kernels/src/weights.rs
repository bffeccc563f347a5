//! Weights in the numbers that a checkpoint stores.

use std::ops::Range;

use half::f16;

#[cfg(target_arch = "x86_64")]
use crate::lanes::{LANES, x86};
use crate::{Kernels, Level, check};

/// Weights as a checkpoint stores them. Halves are little-endian bytes at any
/// address, so they may be part of a mapped file.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Half precision.
    F16(&'a [[u8; 2]]),
    /// The upper half of single precision.
    Bf16(&'a [[u8; 2]]),
}

impl Weights<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) | Self::Bf16(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of them.
    ///
    /// # Panics
    /// Where they are not there.
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Self {
        match self {
            Self::F32(values) => Self::F32(&values[range]),
            Self::F16(values) => Self::F16(&values[range]),
            Self::Bf16(values) => Self::Bf16(&values[range]),
        }
    }
}

impl Kernels {
    /// Writes weights as `f32`, of which every half is one; a NaN stays one.
    ///
    /// # Panics
    /// Where `out` is not as long.
    #[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
    pub fn widen(self, weights: Weights<'_>, out: &mut [f32]) {
        check::length("widened weights", weights.len(), out.len());
        match (weights, self.level()) {
            (Weights::F32(values), _) => out.copy_from_slice(values),
            (Weights::F16(values), Level::Scalar) => widen_f16(values, out),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernels` has this level only if the CPU has AVX2, FMA and F16C.
            (Weights::F16(values), Level::Avx2) => unsafe { widen_f16_avx2(values, out) },
            (Weights::Bf16(values), _) => {
                for (out, value) in out.iter_mut().zip(values) {
                    *out = f32::from_bits(u32::from(u16::from_le_bytes(*value)) << 16);
                }
            }
        }
    }
}

fn widen_f16(values: &[[u8; 2]], out: &mut [f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out = f16::from_le_bytes(*value).to_f32_const();
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "an array is taken for a register")]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen_f16_avx2(values: &[[u8; 2]], out: &mut [f32]) {
    use std::arch::x86_64::*;
    use std::mem::transmute;

    let (chunks, tail) = values.as_chunks();
    let (outs, out_tail) = out.as_chunks_mut();
    for (out, chunk) in outs.iter_mut().zip(chunks) {
        // SAFETY: both are sixteen bytes in order, and any bits are integers.
        let halves = unsafe { transmute::<[[u8; 2]; LANES], __m128i>(*chunk) };
        x86::store(_mm256_cvtph_ps(halves), out);
    }
    widen_f16(tail, out_tail);
}
