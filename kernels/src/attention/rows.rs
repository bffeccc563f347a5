//! Rows of keys or values, in the numbers that the cache keeps.

use half::{bf16, f16};

use super::HeadShape;
use super::tiles::TILE;
#[cfg(target_arch = "x86_64")]
use super::x86;
use crate::{Kernels, Level, check};

/// Numbers shorter than `f32` that rows may be kept in. A number is rounded once,
/// when its row is written, to the nearest, ties to even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrow {
    /// The upper half of single precision: within 2⁻⁸ of a value, relatively.
    Bf16,
    /// Half precision: within 2⁻¹¹ of a value, relatively, or 2⁻²⁵ where that is
    /// more; infinite from 65,520 on.
    F16,
    /// Whole numbers from −127 to 127 in groups of 32, each group with a scale
    /// in bfloat16, its greatest magnitude over 127: within 1/252 of that
    /// magnitude. A head holds its numbers, then its scales. Where a value is not
    /// finite, its group is not a number.
    Q8,
}

/// Neighbouring values of a head that share a scale; a head's last group may
/// have fewer. Large values of a few dimensions, as keys have, then cost the
/// other dimensions little.
pub(super) const GROUP: usize = 32;

impl Narrow {
    /// Bytes of a head of so many values.
    #[must_use]
    pub fn bytes(self, head_dim: usize) -> usize {
        match self {
            Self::Bf16 | Self::F16 => 2 * head_dim,
            Self::Q8 => head_dim + 2 * head_dim.div_ceil(GROUP),
        }
    }

    #[inline(always)]
    fn narrow_head(self, head: &[f32], out: &mut [u8]) {
        match self {
            Self::Bf16 => {
                for (out, value) in out.as_chunks_mut().0.iter_mut().zip(head) {
                    *out = bf16::from_f32_const(*value).to_le_bytes();
                }
            }
            Self::F16 => {
                for (out, value) in out.as_chunks_mut().0.iter_mut().zip(head) {
                    *out = f16::from_f32_const(*value).to_le_bytes();
                }
            }
            Self::Q8 => {
                let (levels, scales) = out.split_at_mut(head.len());
                let groups = head.chunks(GROUP).zip(levels.chunks_mut(GROUP));
                for ((group, levels), scale) in groups.zip(scales.as_chunks_mut().0) {
                    let rounded = scale_of(group);
                    *scale = rounded.to_le_bytes();
                    let step = rounded.to_f32_const();
                    for (level, value) in levels.iter_mut().zip(group) {
                        // 0 where the step is 0 or not a number.
                        *level = (value / step).round_ties_even() as i8 as u8;
                    }
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn widen_head(self, head: &[u8], out: &mut [f32]) {
        match self {
            Self::Bf16 => {
                for (out, value) in out.iter_mut().zip(head.as_chunks().0) {
                    *out = bf16::from_le_bytes(*value).to_f32_const();
                }
            }
            Self::F16 => {
                for (out, value) in out.iter_mut().zip(head.as_chunks().0) {
                    *out = f16::from_le_bytes(*value).to_f32_const();
                }
            }
            Self::Q8 => {
                for (levels, scale, out) in groups(head, out) {
                    widen_levels(levels, scale, out);
                }
            }
        }
    }
}

/// The step between two neighbouring numbers of a group.
#[inline(always)]
fn scale_of(group: &[f32]) -> bf16 {
    let greatest = group.iter().fold(0f32, |greatest, value| greatest.max(value.abs()));
    let finite = group.iter().all(|value| value.is_finite());
    if finite { bf16::from_f32_const(greatest / 127.0) } else { bf16::NAN }
}

/// Each group's numbers, scale and place among a head's values.
#[inline(always)]
pub(super) fn groups<'a>(head: &'a [u8], out: &'a mut [f32]) -> impl Iterator<Item = (&'a [u8], f32, &'a mut [f32])> {
    let (levels, scales) = head.split_at(out.len());
    let scales = scales.as_chunks().0.iter().map(|scale| bf16::from_le_bytes(*scale).to_f32_const());
    let groups = levels.chunks(GROUP).zip(out.chunks_mut(GROUP));
    groups.zip(scales).map(|((levels, out), scale)| (levels, scale, out))
}

#[inline(always)]
pub(super) fn widen_levels(levels: &[u8], scale: f32, out: &mut [f32]) {
    for (out, level) in out.iter_mut().zip(levels) {
        *out = f32::from(*level as i8) * scale;
    }
}

/// Keys or values of all slots, [slots, kv_heads, head_dim].
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// As they were computed.
    F32(&'a [f32]),
    /// Rounded: [slots, kv_heads, bytes of a head].
    Narrow(Narrow, &'a [u8]),
}

impl Rows<'_> {
    /// How many slots there are.
    #[track_caller]
    pub(super) fn slots(self, operand: &str, shape: HeadShape) -> usize {
        let (len, head) = match self {
            Self::F32(values) => (values.len(), shape.head_dim),
            Self::Narrow(numbers, bytes) => (bytes.len(), numbers.bytes(shape.head_dim)),
        };
        let slots = len / (shape.kv_heads * head);
        check::length(operand, slots * shape.kv_heads * head, len);
        slots
    }

    /// Has one head's rows of these slots fetched, which are read soon: those of other
    /// heads lie between them, so that the hardware does not see them coming.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "only x86-64 has a hint"))]
    pub(super) fn fetch(self, (shape, head): (HeadShape, usize), slots: &[u32]) {
        #[cfg(target_arch = "x86_64")]
        for slot in slots {
            let at = *slot as usize * shape.kv_heads + head;
            match self {
                Self::F32(values) => x86::fetch(&values[at * shape.head_dim..][..shape.head_dim]),
                Self::Narrow(numbers, bytes) => {
                    let len = numbers.bytes(shape.head_dim);
                    x86::fetch(&bytes[at * len..][..len]);
                }
            }
        }
    }

    /// One head's rows of up to [`TILE`] slots: where they lie, or widened into
    /// `wide`.
    pub(super) fn of_head<'a>(
        &'a self,
        kernels: Kernels,
        (shape, head): (HeadShape, usize),
        slots: &[u32],
        wide: &'a mut Vec<f32>,
    ) -> [&'a [f32]; TILE] {
        let width = shape.head_dim;
        let at = |slot: &u32| *slot as usize * shape.kv_heads + head;
        let mut rows = [&[][..]; TILE];
        match self {
            Self::F32(values) => {
                for (row, slot) in rows.iter_mut().zip(slots) {
                    *row = &values[at(slot) * width..][..width];
                }
            }
            Self::Narrow(numbers, bytes) => {
                let len = numbers.bytes(width);
                let mut heads = [&[][..]; TILE];
                for (head, slot) in heads.iter_mut().zip(slots) {
                    *head = &bytes[at(slot) * len..][..len];
                }
                wide.resize(TILE * width, 0.0);
                widen_heads(kernels, *numbers, &heads[..slots.len()], wide);
                for (row, wide) in rows.iter_mut().zip(wide.chunks_exact(width)).take(slots.len()) {
                    *row = wide;
                }
            }
        }
        rows
    }
}

#[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
fn widen_heads(kernels: Kernels, numbers: Narrow, heads: &[&[u8]], wide: &mut [f32]) {
    let width = wide.len() / TILE;
    let places = wide.chunks_exact_mut(width);
    match kernels.level() {
        Level::Scalar => heads.iter().zip(places).for_each(|(head, out)| numbers.widen_head(head, out)),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Kernels` has these levels only if the CPU has AVX2, FMA and F16C.
        Level::Avx2 | Level::Avx512 => unsafe { x86::widen_heads(numbers, heads, places) },
    }
}

impl Kernels {
    /// Rounds rows `[…, head_dim]` into `out`, [`Narrow::bytes`] for each head.
    ///
    /// # Panics
    /// Where the lengths do not fit.
    #[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
    pub fn narrow(self, numbers: Narrow, head_dim: usize, rows: &[f32], out: &mut [u8]) {
        assert!(head_dim > 0, "head_dim: expected at least 1, found 0");
        let heads = rows.len() / head_dim;
        check::length("rows to round", heads * head_dim, rows.len());
        check::length("rounded rows, in bytes", heads * numbers.bytes(head_dim), out.len());
        match self.level() {
            Level::Scalar => narrow(numbers, head_dim, rows, out),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernels` has these levels only if the CPU has AVX2.
            Level::Avx2 | Level::Avx512 => unsafe { narrow_avx2(numbers, head_dim, rows, out) },
        }
    }
}

#[inline(always)]
fn narrow(numbers: Narrow, head_dim: usize, rows: &[f32], out: &mut [u8]) {
    let outs = out.chunks_exact_mut(numbers.bytes(head_dim));
    rows.chunks_exact(head_dim).zip(outs).for_each(|(head, out)| numbers.narrow_head(head, out));
}

// The definition compiled for AVX2 gives its own bits: a quotient is rounded
// correctly at any width.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn narrow_avx2(numbers: Narrow, head_dim: usize, rows: &[f32], out: &mut [u8]) {
    narrow(numbers, head_dim, rows, out);
}
