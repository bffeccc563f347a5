//! Weights in the numbers that a checkpoint stores.

mod blocks;

use std::ops::Range;

use half::f16;

#[cfg(target_arch = "x86_64")]
use crate::lanes::{LANES, x86};
use crate::{Kernels, Level, check};

/// Weights as a checkpoint stores them. All but single precision is
/// little-endian bytes at any address, so it may be part of a mapped file.
///
/// Quantised weights are ggml's blocks, each with scales of its own; how a
/// block is laid out stands in `weights/blocks.rs`. Inputs are never quantised:
/// a product with blocks is that with the `f32` numbers they stand for.
#[derive(Clone, Copy, Debug)]
pub enum Weights<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Half precision.
    F16(&'a [[u8; 2]]),
    /// The upper half of single precision.
    Bf16(&'a [[u8; 2]]),
    /// Blocks of 32 of 8 bits each.
    Q8_0(&'a [[u8; 34]]),
    /// Blocks of 32 of 4 bits each.
    Q4_0(&'a [[u8; 18]]),
    /// Blocks of 256 of 4 bits each.
    Q4K(&'a [[u8; 144]]),
    /// Blocks of 256 of 5 bits each.
    Q5K(&'a [[u8; 176]]),
    /// Blocks of 256 of 6 bits each.
    Q6K(&'a [[u8; 210]]),
}

impl Weights<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.block() * self.blocks()
    }

    /// How many weights a block has, which is never cut; 1 where there are none.
    #[must_use]
    pub fn block(&self) -> usize {
        match self {
            Self::F32(_) | Self::F16(_) | Self::Bf16(_) => 1,
            Self::Q8_0(_) | Self::Q4_0(_) => blocks::SMALL,
            Self::Q4K(_) | Self::Q5K(_) | Self::Q6K(_) => blocks::LARGE,
        }
    }

    fn blocks(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) | Self::Bf16(values) => values.len(),
            Self::Q8_0(blocks) => blocks.len(),
            Self::Q4_0(blocks) => blocks.len(),
            Self::Q4K(blocks) => blocks.len(),
            Self::Q5K(blocks) => blocks.len(),
            Self::Q6K(blocks) => blocks.len(),
        }
    }

    /// Where they begin, and how many bytes they are.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn place(&self) -> (*const i8, usize) {
        match self {
            Self::F32(values) => (values.as_ptr().cast(), size_of_val(*values)),
            Self::F16(values) | Self::Bf16(values) => (values.as_ptr().cast(), size_of_val(*values)),
            Self::Q8_0(blocks) => (blocks.as_ptr().cast(), size_of_val(*blocks)),
            Self::Q4_0(blocks) => (blocks.as_ptr().cast(), size_of_val(*blocks)),
            Self::Q4K(blocks) => (blocks.as_ptr().cast(), size_of_val(*blocks)),
            Self::Q5K(blocks) => (blocks.as_ptr().cast(), size_of_val(*blocks)),
            Self::Q6K(blocks) => (blocks.as_ptr().cast(), size_of_val(*blocks)),
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
    /// Where they are not there, or cut a block.
    #[must_use]
    pub fn part(self, range: Range<usize>) -> Self {
        let block = self.block();
        assert!(
            range.start.is_multiple_of(block) && range.end.is_multiple_of(block),
            "a part of weights: expected blocks of {block}, found {range:?}"
        );
        let range = range.start / block..range.end / block;
        match self {
            Self::F32(values) => Self::F32(&values[range]),
            Self::F16(values) => Self::F16(&values[range]),
            Self::Bf16(values) => Self::Bf16(&values[range]),
            Self::Q8_0(blocks) => Self::Q8_0(&blocks[range]),
            Self::Q4_0(blocks) => Self::Q4_0(&blocks[range]),
            Self::Q4K(blocks) => Self::Q4K(&blocks[range]),
            Self::Q5K(blocks) => Self::Q5K(&blocks[range]),
            Self::Q6K(blocks) => Self::Q6K(&blocks[range]),
        }
    }
}

impl Kernels {
    /// Writes weights as `f32`, of which every half is one; a NaN stays one.
    /// What a block stands for is rounded once a multiplication or addition, in
    /// the order of ggml's `dequantize_row_*`.
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
            // SAFETY: a `Kernels` has these levels only if the CPU has AVX2, FMA and F16C.
            (Weights::F16(values), Level::Avx2 | Level::Avx512) => unsafe { widen_f16_avx2(values, out) },
            (Weights::Bf16(values), _) => {
                for (out, value) in out.iter_mut().zip(values) {
                    *out = f32::from_bits(u32::from(u16::from_le_bytes(*value)) << 16);
                }
            }
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernels` has these levels only if the CPU has AVX2, FMA and F16C.
            (Weights::Q8_0(blocks), Level::Avx2 | Level::Avx512) => unsafe { widen_q8_0_avx2(blocks, out) },
            (_, Level::Scalar) => blocks::widen(weights, wide_f16, out),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernels` has these levels only if the CPU has AVX2, FMA and F16C.
            (_, Level::Avx2 | Level::Avx512) => unsafe { widen_blocks_avx2(weights, out) },
        }
    }
}

/// The same body, compiled for more: nothing in it depends on the level but
/// the instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen_blocks_avx2(weights: Weights<'_>, out: &mut [f32]) {
    use std::arch::x86_64::*;

    let wide = |half| _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(u16::from_le_bytes(half)))));
    blocks::widen(weights, wide, out);
}

/// A quant has at most 8 bits and a scale 11, so that no product is rounded.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen_q8_0_avx2(blocks: &[[u8; 34]], out: &mut [f32]) {
    use std::arch::x86_64::*;

    for (out, block) in out.as_chunks_mut::<{ blocks::SMALL }>().0.iter_mut().zip(blocks) {
        let [low, high, quants @ ..] = block;
        let scale = _mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(u16::from_le_bytes([*low, *high]))));
        let scale = _mm256_broadcastss_ps(scale);
        for (out, eight) in out.as_chunks_mut().0.iter_mut().zip(quants.as_chunks().0) {
            let whole = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(i64::from_le_bytes(*eight)));
            x86::store(_mm256_mul_ps(_mm256_cvtepi32_ps(whole), scale), out);
        }
    }
}

fn wide_f16(half: [u8; 2]) -> f32 {
    f16::from_le_bytes(half).to_f32_const()
}

fn widen_f16(values: &[[u8; 2]], out: &mut [f32]) {
    for (out, value) in out.iter_mut().zip(values) {
        *out = wide_f16(*value);
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
