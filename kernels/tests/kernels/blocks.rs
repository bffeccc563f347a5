//! Quantised weights against a second reading of their layouts, quant by quant
//! in `f64`, and products with them against a plain one of those numbers.

use choreo_kernels::{Kernels, Product, Weights};
use half::f16;
use proptest::prelude::*;

use crate::{Numbers, assert_close, bits, levels, on_threads};

#[derive(Clone, Copy, Debug)]
enum Format {
    Q8_0,
    Q4_0,
    Q4K,
    Q5K,
    Q6K,
}

const FORMATS: [Format; 5] = [Format::Q8_0, Format::Q4_0, Format::Q4K, Format::Q5K, Format::Q6K];

impl Format {
    /// Bytes of a block, weights of a block.
    fn sizes(self) -> (usize, usize) {
        match self {
            Self::Q8_0 => (34, 32),
            Self::Q4_0 => (18, 32),
            Self::Q4K => (144, 256),
            Self::Q5K => (176, 256),
            Self::Q6K => (210, 256),
        }
    }

    /// Where a block has halves.
    fn scales(self) -> &'static [usize] {
        match self {
            Self::Q8_0 | Self::Q4_0 => &[0],
            Self::Q4K | Self::Q5K => &[0, 2],
            Self::Q6K => &[208],
        }
    }

    fn weights(self, bytes: &[u8]) -> Weights<'_> {
        match self {
            Self::Q8_0 => Weights::Q8_0(bytes.as_chunks().0),
            Self::Q4_0 => Weights::Q4_0(bytes.as_chunks().0),
            Self::Q4K => Weights::Q4K(bytes.as_chunks().0),
            Self::Q5K => Weights::Q5K(bytes.as_chunks().0),
            Self::Q6K => Weights::Q6K(bytes.as_chunks().0),
        }
    }

    /// Any bits, but for scales that keep weights near 1.
    fn random(self, numbers: &mut Numbers, blocks: usize) -> Vec<u8> {
        let (bytes, _) = self.sizes();
        let mut out: Vec<u8> = (0..blocks * bytes).map(|_| numbers.next() as u8).collect();
        let size = match self {
            Self::Q8_0 => 1.0 / 128.0,
            Self::Q4_0 => 1.0 / 8.0,
            Self::Q4K => 1.0 / (15.0 * 63.0),
            Self::Q5K => 1.0 / (31.0 * 63.0),
            Self::Q6K => 1.0 / (32.0 * 128.0),
        };
        for block in out.chunks_exact_mut(bytes) {
            for at in self.scales() {
                let scale = f16::from_f32(numbers.values(1)[0] * size);
                block[*at..*at + 2].copy_from_slice(&scale.to_le_bytes());
            }
        }
        out
    }

    /// What weight `i` of a block stands for.
    fn value(self, block: &[u8], i: usize) -> f64 {
        let half = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]).to_f64();
        let bit = |byte: usize, bit: usize| i32::from(block[byte] >> bit & 1);
        let field = |byte: usize, from: usize, len: usize| (0..len).map(|n| bit(byte, from + n) << n).sum::<i32>();
        // A run's six bits, in the twelve bytes that follow two halves.
        let six = |run: usize, is_minimum: usize| match run {
            0..4 => field(4 + run + 4 * is_minimum, 0, 6),
            _ => field(8 + run, 4 * is_minimum, 4) | field(run + 4 * is_minimum, 6, 2) << 4,
        };
        let ramp = |quant: i32| {
            let run = i / 32;
            half(0) * f64::from(six(run, 0)) * f64::from(quant) - half(2) * f64::from(six(run, 1))
        };
        match self {
            Self::Q8_0 => half(0) * f64::from(block[2 + i] as i8),
            Self::Q4_0 => half(0) * f64::from(field(2 + i % 16, i / 16 * 4, 4) - 8),
            Self::Q4K => ramp(field(16 + i / 64 * 32 + i % 32, i / 32 % 2 * 4, 4)),
            Self::Q5K => {
                let low = field(48 + i / 64 * 32 + i % 32, i / 32 % 2 * 4, 4);
                ramp(low | bit(16 + i % 32, i / 32) << 4)
            }
            Self::Q6K => {
                let low = field(i / 128 * 64 + i % 64, i / 64 % 2 * 4, 4);
                let high = field(128 + i / 128 * 32 + i % 32, i / 32 % 4 * 2, 2);
                half(208) * f64::from(block[192 + i / 16] as i8) * f64::from((low | high << 4) - 32)
            }
        }
    }

    fn values(self, bytes: &[u8]) -> Vec<f64> {
        let (size, len) = self.sizes();
        bytes.chunks_exact(size).flat_map(|block| (0..len).map(|i| self.value(block, i))).collect()
    }
}

#[test]
fn blocks_stand_for_what_their_layouts_say() {
    for format in FORMATS {
        let bytes = format.random(&mut Numbers(5), 40);
        let exact = format.values(&bytes);
        let weights = format.weights(&bytes);
        let wide = levels().map(|kernels| {
            let mut wide = vec![f32::NAN; weights.len()];
            kernels.widen(weights, &mut wide);
            wide
        });
        for level in &wide[1..] {
            assert_eq!(bits(level), bits(&wide[0]), "{format:?}");
        }
        assert!(exact.iter().any(|value| value.abs() > 0.2), "{format:?}");
        for (found, exact) in wide[0].iter().zip(&exact) {
            // Three roundings of numbers of size 1.
            assert!((f64::from(*found) - exact).abs() < 2e-7, "{format:?}: {found} is not {exact}");
        }
    }
}

struct Case {
    rows: usize,
    outputs: usize,
    width: usize,
    inputs: Vec<f32>,
}

impl Case {
    fn run(&self, kernels: Kernels, weights: Weights<'_>) -> Vec<f32> {
        let mut out = vec![f32::NAN; self.rows * self.outputs];
        let Self { rows, outputs, width, .. } = *self;
        kernels.product(&Product { rows, outputs, width, inputs: &self.inputs, weights }, &mut out);
        out
    }

    /// The rows one at a time.
    fn singles(&self, kernels: Kernels, weights: Weights<'_>) -> Vec<f32> {
        let rows = self.inputs.chunks_exact(self.width);
        rows.flat_map(|row| Self { rows: 1, inputs: row.to_vec(), ..*self }.run(kernels, weights)).collect()
    }

    fn exact(&self, weights: &[f64]) -> Vec<f64> {
        let mut out = Vec::new();
        for row in self.inputs.chunks_exact(self.width) {
            for weights in weights.chunks_exact(self.width) {
                out.push(row.iter().zip(weights).map(|(x, w)| f64::from(*x) * w).sum());
            }
        }
        out
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn products_are_those_of_what_blocks_stand_for(
        format in prop::sample::select(&FORMATS[..]), rows in 1..9usize, outputs in 1..40usize, blocks in 1..3usize,
    ) {
        let mut numbers = Numbers((rows * 31 + outputs * 7 + blocks) as u64);
        let width = blocks * format.sizes().1;
        let bytes = format.random(&mut numbers, outputs * blocks);
        let case = Case { rows, outputs, width, inputs: numbers.values(rows * width) };
        let weights = format.weights(&bytes);
        let [scalar, levels @ ..] = levels();
        let expected = case.run(scalar, weights);
        assert_close(&expected, &case.exact(&format.values(&bytes)), 1.0);
        for level in levels {
            prop_assert_eq!(bits(&case.run(level, weights)), bits(&expected));
            prop_assert_eq!(bits(&case.singles(level, weights)), bits(&expected));
        }
    }
}

#[test]
fn blocks_of_output_and_threads_change_nothing() {
    for format in FORMATS {
        for (rows, outputs, width) in [(1, 700, 1024), (11, 70, 2048), (70, 200, 256)] {
            let mut numbers = Numbers(9);
            let bytes = format.random(&mut numbers, outputs * width / format.sizes().1);
            let case = Case { rows, outputs, width, inputs: numbers.values(rows * width) };
            let weights = format.weights(&bytes);
            let expected = bits(&case.run(Kernels::scalar(), weights));
            for threads in [1, 3] {
                assert_eq!(bits(&on_threads(threads, || case.run(Kernels::detect(), weights))), expected);
            }
            assert_eq!(bits(&case.singles(Kernels::detect(), weights)), expected);
        }
    }
}

#[test]
#[should_panic(expected = "a part of weights: expected blocks of 32, found 16..64")]
fn a_block_is_never_cut() {
    let _ = Weights::Q8_0(&[[0; 34]; 3]).part(16..64);
}
