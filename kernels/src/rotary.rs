//! Rotary position embedding (Su et al., RoFormer) in the half-split layout of
//! Hugging Face's Llama: of the first `2n` values of a head, value `j` turns
//! with value `j + n`; what comes after them stays as it is.

use crate::{Kernels, Level, check};

/// Cosines and sines for the distances from 0 up to a reach that grows on
/// demand.
///
/// Angles are `distance * frequency`, computed in `f64`: a product in `f32` is
/// 0.003 radians wrong at 131,072.
#[derive(Clone, Debug)]
pub struct RotaryTable {
    head_dim: usize,
    frequencies: Vec<f64>,
    reach: usize,
    /// For each distance, a cosine and then a sine of each frequency.
    angles: Vec<f32>,
}

impl RotaryTable {
    /// A table for heads of `head_dim` values. Frequencies are radians per
    /// position, one for each pair of values that turns: none where positions
    /// do not matter. Scaling of any kind is in them; they must not depend on
    /// the length of a call.
    ///
    /// # Panics
    /// Where there are more pairs than a head has.
    #[must_use]
    pub fn new(head_dim: usize, frequencies: Vec<f64>) -> Self {
        let pairs = frequencies.len();
        assert!(2 * pairs <= head_dim, "frequencies: expected at most {}, found {pairs}", head_dim / 2);
        Self { head_dim, frequencies, reach: 0, angles: Vec::new() }
    }

    /// Values of the heads it turns.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.head_dim
    }

    /// The number of distances in the table: it serves distances whose
    /// magnitude is less.
    #[must_use]
    pub fn reach(&self) -> usize {
        self.reach
    }

    /// Grows the table to serve distances from `-max_distance` to
    /// `max_distance`; in doubling steps, so that growing by one is cheap.
    pub fn ensure(&mut self, max_distance: u32) {
        let wanted = max_distance as usize + 1;
        if wanted <= self.reach {
            return;
        }
        let reach = wanted.max(2 * self.reach);
        for distance in self.reach..reach {
            let angle = |frequency: &f64| distance as f64 * frequency;
            let (all, angles) = (&self.frequencies, &mut self.angles);
            angles.extend(all.iter().map(|each| angle(each).cos() as f32));
            angles.extend(all.iter().map(|each| angle(each).sin() as f32));
        }
        self.reach = reach;
    }

    /// Cosines and sines of a distance, and the sign of the sines.
    #[track_caller]
    pub(crate) fn turn(&self, distance: i64) -> Turn<'_> {
        let (pairs, row) = (self.frequencies.len(), distance.unsigned_abs() as usize);
        assert!(row < self.reach, "rotary table: expected a distance under {}, found {distance}", self.reach);
        let (cosines, sines) = self.angles[row * 2 * pairs..][..2 * pairs].split_at(pairs);
        Turn { head_dim: self.head_dim, cosines, sines, sign: if distance < 0 { -1.0 } else { 1.0 } }
    }
}

/// One rotation of every pair of a head that turns.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    head_dim: usize,
    cosines: &'a [f32],
    sines: &'a [f32],
    sign: f32,
}

impl Kernels {
    /// Turns one row in place by `distance` positions, backwards where it is
    /// negative. `row` is [heads, head_dim].
    ///
    /// # Panics
    /// Where `row` is not whole heads, or the distance is beyond the table.
    #[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
    pub fn rotate(self, rotary: &RotaryTable, row: &mut [f32], distance: i32) {
        check_heads("row to rotate", rotary, row.len());
        let turn = rotary.turn(distance.into());
        match self.level() {
            Level::Scalar => rotate_in_place(row, turn),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernels` has these levels only if the CPU has AVX2.
            Level::Avx2 | Level::Avx512 => unsafe { rotate_in_place_avx2(row, turn) },
        }
    }

    /// Writes turned copies: row `r` of `out` is row `r` of `rows` turned by
    /// `distances[r]`. Both are [distances.len(), heads, head_dim].
    ///
    /// # Panics
    /// Where the lengths do not fit, or a distance is beyond the table.
    pub fn rotate_rows(self, rotary: &RotaryTable, rows: &[f32], distances: &[i32], out: &mut [f32]) {
        check::length("rotated copy", rows.len(), out.len());
        if distances.is_empty() {
            return check::length("rows to rotate", 0, rows.len());
        }
        let width = rows.len() / distances.len();
        check::length("rows to rotate", width * distances.len(), rows.len());
        check_heads("rows to rotate", rotary, width);
        if width == 0 {
            return;
        }
        let rows = rows.chunks_exact(width).zip(out.chunks_exact_mut(width));
        for ((row, out), distance) in rows.zip(distances) {
            self.rotate_copy(row, rotary.turn((*distance).into()), out);
        }
    }

    /// Writes whole heads turned by one distance.
    #[expect(unsafe_code, reason = "the AVX2 body may run only where there is AVX2")]
    pub(crate) fn rotate_copy(self, heads: &[f32], turn: Turn<'_>, out: &mut [f32]) {
        match self.level() {
            Level::Scalar => rotate_copy(heads, turn, out),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Kernels` has these levels only if the CPU has AVX2.
            Level::Avx2 | Level::Avx512 => unsafe { rotate_copy_avx2(heads, turn, out) },
        }
    }
}

#[track_caller]
fn check_heads(operand: &str, rotary: &RotaryTable, found: usize) {
    let head_dim = rotary.head_dim();
    assert!(
        head_dim != 0 && found.is_multiple_of(head_dim),
        "{operand}: expected heads of {head_dim} values, found {found} values"
    );
}

// Products and sums here are rounded apart, as the models' own code does it;
// so the definition compiled for AVX2 is the AVX2 body, and gives its bits.

#[inline(always)]
fn rotate_in_place(row: &mut [f32], turn: Turn<'_>) {
    let pairs = turn.cosines.len();
    for head in row.chunks_exact_mut(turn.head_dim) {
        let (low, high) = head.split_at_mut(pairs);
        let angles = turn.cosines.iter().zip(turn.sines);
        for ((low, high), (cosine, sine)) in low.iter_mut().zip(high).zip(angles) {
            (*low, *high) = rotated(*low, *high, *cosine, turn.sign * sine);
        }
    }
}

#[inline(always)]
fn rotate_copy(heads: &[f32], turn: Turn<'_>, out: &mut [f32]) {
    let pairs = turn.cosines.len();
    let heads = heads.chunks_exact(turn.head_dim);
    for (head, out) in heads.zip(out.chunks_exact_mut(turn.head_dim)) {
        out[2 * pairs..].copy_from_slice(&head[2 * pairs..]);
        let (low, high) = head.split_at(pairs);
        let (out_low, out_high) = out.split_at_mut(pairs);
        let angles = turn.cosines.iter().zip(turn.sines);
        let pairs = low.iter().zip(high).zip(angles);
        let outs = out_low.iter_mut().zip(out_high);
        for (((low, high), (cosine, sine)), (out_low, out_high)) in pairs.zip(outs) {
            (*out_low, *out_high) = rotated(*low, *high, *cosine, turn.sign * sine);
        }
    }
}

#[inline(always)]
fn rotated(low: f32, high: f32, cosine: f32, sine: f32) -> (f32, f32) {
    (low * cosine - high * sine, high * cosine + low * sine)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn rotate_in_place_avx2(row: &mut [f32], turn: Turn<'_>) {
    rotate_in_place(row, turn);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn rotate_copy_avx2(heads: &[f32], turn: Turn<'_>, out: &mut [f32]) {
    rotate_copy(heads, turn, out);
}
