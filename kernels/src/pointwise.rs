//! Normalisation of rows, and the gate of a feed-forward layer.

use crate::dot::dots;
use crate::lanes::exp;
#[cfg(target_arch = "x86_64")]
use crate::lanes::x86;
use crate::{Kernels, Level, check};

/// Root-mean-square normalisation (Zhang and Sennrich) of rows.
#[derive(Clone, Copy, Debug)]
pub struct Normalise<'a> {
    /// [rows, weight.len()].
    pub rows: &'a [f32],
    /// One factor for each value of a row.
    pub weight: &'a [f32],
    /// Added to the mean square.
    pub epsilon: f32,
}

impl Kernels {
    /// Each row of `out` is x / sqrt(mean(x²) + epsilon) * weight. `out` has
    /// the shape of `rows`.
    ///
    /// # Panics
    /// Where `rows` is not whole rows, or `out` is not as long.
    pub fn normalise(self, call: &Normalise<'_>, out: &mut [f32]) {
        let width = call.weight.len();
        check::length("normalised rows", call.rows.len(), out.len());
        if width == 0 {
            return check::length("rows to normalise", 0, out.len());
        }
        let whole = call.rows.len() / width * width;
        check::length("rows to normalise", whole, call.rows.len());
        let rows = call.rows.chunks_exact(width);
        for (row, out) in rows.zip(out.chunks_exact_mut(width)) {
            let mut square = [[0.0]];
            dots(self, row, &[row], &mut square);
            let [[square]] = square;
            let factor = 1.0 / (square / width as f32 + call.epsilon).sqrt();
            for ((out, x), weight) in out.iter_mut().zip(row).zip(call.weight) {
                *out = x * factor * weight;
            }
        }
    }

    /// `out` = silu(gate) * up, value by value, where silu(x) is
    /// x / (1 + exp(-x)). All three are of one length.
    ///
    /// # Panics
    /// Where they are not.
    #[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
    pub fn silu_gate(self, gate: &[f32], up: &[f32], out: &mut [f32]) {
        check::length("up projection", gate.len(), up.len());
        check::length("gated output", gate.len(), out.len());
        match self.level() {
            Level::Scalar => silu_gate(gate, up, out),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernels` has these levels only if the CPU has AVX2 and FMA.
            Level::Avx2 | Level::Avx512 => unsafe { silu_gate_avx2(gate, up, out) },
        }
    }
}

#[inline(always)]
fn silu_gate(gate: &[f32], up: &[f32], out: &mut [f32]) {
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = gate / (1.0 + exp(-gate)) * up;
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn silu_gate_avx2(gate: &[f32], up: &[f32], out: &mut [f32]) {
    use std::arch::x86_64::*;

    let (gates, gate_tail) = gate.as_chunks();
    let (ups, up_tail) = up.as_chunks();
    let (outs, out_tail) = out.as_chunks_mut();
    for ((out, gate), up) in outs.iter_mut().zip(gates).zip(ups) {
        let gate = x86::load(gate);
        let negative = _mm256_xor_ps(gate, _mm256_set1_ps(-0.0));
        let below = _mm256_add_ps(_mm256_set1_ps(1.0), x86::exp(negative));
        let silu = _mm256_div_ps(gate, below);
        x86::store(_mm256_mul_ps(silu, x86::load(up)), out);
    }
    silu_gate(gate_tail, up_tail, out_tail);
}
