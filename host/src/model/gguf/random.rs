//! Random weights in any format, for models of which only the shape matters.

use half::{bf16, f16};

use crate::model::matrix::Format;

/// Numbers that look random and are the same everywhere (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Fills a row of whole blocks with numbers of a mean near 0 and about this
    /// standard deviation.
    pub(super) fn fill(&mut self, format: Format, deviation: f32, row: &mut [u8]) {
        // Evenly spread, the greatest is √3 times the deviation.
        let mut number = || ((self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0) * 3f32.sqrt() * deviation;
        match format {
            Format::F32 => row.as_chunks_mut().0.iter_mut().for_each(|value| *value = number().to_le_bytes()),
            Format::F16 => {
                row.as_chunks_mut().0.iter_mut().for_each(|value| *value = f16::from_f32(number()).to_le_bytes());
            }
            Format::Bf16 => {
                row.as_chunks_mut().0.iter_mut().for_each(|value| *value = bf16::from_f32(number()).to_le_bytes());
            }
            _ => self.fill_blocks(format, deviation, row),
        }
    }

    /// Any bits are quants; a block's scale makes of them what is wanted.
    fn fill_blocks(&mut self, format: Format, deviation: f32, row: &mut [u8]) {
        for bytes in row.chunks_mut(8) {
            bytes.copy_from_slice(&self.next().to_le_bytes()[..bytes.len()]);
        }
        // Where scales are, each with the deviation of what is multiplied by it;
        // a minimum is the mean of what it is taken from.
        let scales: &[(usize, f32)] = match format {
            Format::Q8_0 => &[(0, 73.9)],
            Format::Q4_0 => &[(0, 4.61)],
            Format::Q4K => &[(0, 258.0), (2, 258.0 / 7.5)],
            Format::Q5K => &[(0, 527.0), (2, 527.0 / 15.5)],
            Format::Q6K => &[(208, 1367.0)],
            Format::F32 | Format::F16 | Format::Bf16 => &[],
        };
        for block in row.chunks_exact_mut(format.block().1) {
            for (at, divisor) in scales {
                block[*at..*at + 2].copy_from_slice(&f16::from_f32(deviation / divisor).to_le_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use choreo_kernels::Kernels;

    use super::*;
    use crate::model::matrix::{Mapped, Matrix, Stored};
    use crate::model::source::Bytes;

    #[test]
    fn every_format_has_the_deviation_that_was_asked_for() {
        for format in Format::ALL {
            let (block, bytes) = format.block();
            let mut row = vec![0; 4096 / block * bytes];
            Random(3).fill(format, 0.02, &mut row);
            let bytes = 0..row.len();
            let file = Arc::new(Bytes::Static(row.leak()));
            let matrix = Matrix::new([1, 4096], Stored::new(Mapped { file, bytes, format }));
            let values = matrix.gather(Kernels::detect(), &[0]);
            let mean = values.iter().sum::<f32>() / 4096.0;
            let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 4096.0).sqrt();
            // Four bits go from −8 to 7: half a step below 0 in the mean.
            assert!(mean.abs() < 0.003, "{format:?}: {mean}");
            assert!((deviation / 0.02 - 1.0).abs() < 0.06, "{format:?}: {deviation}");
        }
    }
}
