//! Matrices of weights: halves stay in the file they are mapped from.

use std::ops::Range;
use std::sync::Arc;

use choreo_kernels::{Kernels, Weights};

use super::source::Bytes;

/// A matrix `[rows, width]` of weights. A copy shares them.
#[derive(Clone)]
pub(super) struct Matrix {
    /// Which of the stored rows.
    rows: Range<usize>,
    width: usize,
    stored: Stored,
}

/// Numbers of a matrix, or of one of which it is a part.
#[derive(Clone)]
pub(super) enum Stored {
    F32(Arc<[f32]>),
    F16(Mapped),
    Bf16(Mapped),
}

/// Little-endian halves of a file, which need not be aligned there.
#[derive(Clone)]
pub(super) struct Mapped {
    pub(super) file: Arc<Bytes>,
    /// Which bytes of it.
    pub(super) bytes: Range<usize>,
}

impl Matrix {
    /// As many numbers as the shape `[rows, width]` says are stored.
    pub(super) fn new([rows, width]: [usize; 2], stored: Stored) -> Self {
        Self { rows: 0..rows, width, stored }
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Entries of a row.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Some of its rows, which must be there.
    pub(super) fn part(&self, rows: Range<usize>) -> Self {
        let start = self.rows.start;
        Self { rows: start + rows.start..start + rows.end, ..self.clone() }
    }

    /// All numbers, row by row.
    pub(super) fn weights(&self) -> Weights<'_> {
        let all = match &self.stored {
            Stored::F32(values) => Weights::F32(values),
            Stored::F16(mapped) => Weights::F16(mapped.halves()),
            Stored::Bf16(mapped) => Weights::Bf16(mapped.halves()),
        };
        all.part(self.rows.start * self.width..self.rows.end * self.width)
    }

    /// The given rows as `f32`, one after another; they must be there.
    pub(super) fn gather(&self, kernels: Kernels, rows: &[usize]) -> Vec<f32> {
        let mut out = vec![0.0; rows.len() * self.width];
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.width)) {
            kernels.widen(self.weights().part(row * self.width..(row + 1) * self.width), out);
        }
        out
    }
}

impl Mapped {
    fn halves(&self) -> &[[u8; 2]] {
        self.file[self.bytes.clone()].as_chunks().0
    }
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Matrix[{}, {}]", self.rows(), self.width)
    }
}
