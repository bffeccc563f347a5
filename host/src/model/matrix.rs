//! Matrices of weights, which stay in the file they are mapped from.

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
    /// Single precision that does not lie in its file as the machine reads it.
    Copied(Arc<[f32]>),
    /// All else.
    Mapped(Mapped),
}

/// Numbers in a file.
#[derive(Clone)]
pub(super) struct Mapped {
    pub(super) file: Arc<Bytes>,
    /// Which bytes of it.
    pub(super) bytes: Range<usize>,
    pub(super) format: Format,
}

/// How numbers are stored, as in [`Weights`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
    /// ggml's blocks of 32, of 8 bits each.
    Q8_0,
    /// ggml's blocks of 32, of 4 bits each.
    Q4_0,
    /// ggml's blocks of 256, of 4 bits each.
    Q4K,
    /// ggml's blocks of 256, of 5 bits each.
    Q5K,
    /// ggml's blocks of 256, of 6 bits each.
    Q6K,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::F32, Self::F16, Self::Bf16, Self::Q8_0, Self::Q4_0, Self::Q4K, Self::Q5K, Self::Q6K];

    /// Numbers of a block, which rows must be whole of, and its bytes.
    #[must_use]
    pub fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q8_0 => (32, 34),
            Self::Q4_0 => (32, 18),
            Self::Q4K => (256, 144),
            Self::Q5K => (256, 176),
            Self::Q6K => (256, 210),
        }
    }

    /// Its name, as the command line has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| format!("weights are stored as {}, not as {name}", names()))
    }
}

impl Stored {
    pub(super) fn new(mapped: Mapped) -> Self {
        let bytes = mapped.bytes();
        let readable = cfg!(target_endian = "little") && bytemuck::try_cast_slice::<u8, f32>(bytes).is_ok();
        if mapped.format == Format::F32 && !readable {
            return Self::Copied(bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect());
        }
        Self::Mapped(mapped)
    }

    fn weights(&self) -> Weights<'_> {
        let mapped = match self {
            Self::Copied(values) => return Weights::F32(values),
            Self::Mapped(mapped) => mapped,
        };
        let bytes = mapped.bytes();
        match mapped.format {
            // It would be a copy if this could fail.
            Format::F32 => Weights::F32(bytemuck::cast_slice(bytes)),
            Format::F16 => Weights::F16(bytes.as_chunks().0),
            Format::Bf16 => Weights::Bf16(bytes.as_chunks().0),
            Format::Q8_0 => Weights::Q8_0(bytes.as_chunks().0),
            Format::Q4_0 => Weights::Q4_0(bytes.as_chunks().0),
            Format::Q4K => Weights::Q4K(bytes.as_chunks().0),
            Format::Q5K => Weights::Q5K(bytes.as_chunks().0),
            Format::Q6K => Weights::Q6K(bytes.as_chunks().0),
        }
    }
}

impl Mapped {
    fn bytes(&self) -> &[u8] {
        &self.file[self.bytes.clone()]
    }
}

impl Matrix {
    /// As many numbers as the shape `[rows, width]` says are stored, in rows of
    /// whole blocks.
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
        self.stored.weights().part(self.rows.start * self.width..self.rows.end * self.width)
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

impl std::fmt::Debug for Matrix {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Matrix[{}, {}]", self.rows(), self.width)
    }
}
