use choreo_kernels::{Kernels, Product, Weights};
use half::{bf16, f16};
use proptest::prelude::*;

use crate::{Numbers, assert_close, bits, levels, on_threads};

struct Case {
    rows: usize,
    outputs: usize,
    width: usize,
    inputs: Vec<f32>,
    weights: Vec<f32>,
}

impl Case {
    fn new(rows: usize, outputs: usize, width: usize) -> Self {
        let mut numbers = Numbers((rows * 31 + outputs * 7 + width) as u64);
        Self { rows, outputs, width, inputs: numbers.values(rows * width), weights: numbers.values(outputs * width) }
    }

    fn run(&self, kernels: Kernels) -> Vec<f32> {
        self.run_with(kernels, Weights::F32(&self.weights))
    }

    fn run_with(&self, kernels: Kernels, weights: Weights<'_>) -> Vec<f32> {
        let mut out = vec![f32::NAN; self.rows * self.outputs];
        let call = Product { rows: self.rows, outputs: self.outputs, width: self.width, inputs: &self.inputs, weights };
        kernels.product(&call, &mut out);
        out
    }

    fn exact(&self) -> Vec<f64> {
        let mut out = Vec::new();
        for row in self.inputs.chunks_exact(self.width) {
            for weights in self.weights.chunks_exact(self.width) {
                let terms = row.iter().zip(weights);
                out.push(terms.map(|(x, w)| f64::from(*x) * f64::from(*w)).sum());
            }
        }
        out
    }

    /// The rows one at a time.
    fn singles(&self, kernels: Kernels) -> Vec<f32> {
        let rows = self.inputs.chunks_exact(self.width);
        rows.flat_map(|row| {
            let single = Self { rows: 1, inputs: row.to_vec(), weights: self.weights.clone(), ..*self };
            single.run(kernels)
        })
        .collect()
    }
}

proptest! {
    #[test]
    fn levels_agree_and_rows_are_independent(
        rows in 1..14usize, outputs in 1..60usize, width in 1..70usize,
    ) {
        let case = Case::new(rows, outputs, width);
        let [scalar, levels @ ..] = levels();
        let expected = case.run(scalar);
        // Terms are up to 1, so sums of them are taken to be of size 1 and more.
        assert_close(&expected, &case.exact(), 1.0);
        for level in levels {
            prop_assert_eq!(bits(&case.run(level)), bits(&expected));
            prop_assert_eq!(bits(&case.singles(level)), bits(&expected));
        }
    }
}

#[test]
fn blocks_and_threads_change_nothing() {
    // Widths of whole units, over a segment, have bodies of their own for a few rows.
    for (rows, outputs, width) in
        [(1, 1000, 1000), (2, 301, 3003), (5, 301, 2080), (70, 200, 333), (200, 7, 515), (300, 70, 1030), (7, 9, 3003)]
    {
        let case = Case::new(rows, outputs, width);
        let [scalar, levels @ ..] = levels();
        let expected = bits(&case.run(scalar));
        for level in levels {
            for threads in [1, 3] {
                assert_eq!(bits(&on_threads(threads, || case.run(level))), expected);
            }
            assert_eq!(bits(&case.singles(level)), expected);
        }
    }
}

#[test]
fn halves_are_the_bits_of_what_they_widen_to() {
    for (rows, outputs, width) in
        [(1, 61, 77), (1, 1000, 1000), (1, 75, 1120), (13, 75, 1120), (3, 50, 8), (70, 200, 333)]
    {
        let mut case = Case::new(rows, outputs, width);
        let narrow = case.weights.clone();
        case.weights = narrow.iter().map(|value| f16::from_f32(*value).to_f32()).collect();
        let halves: Vec<_> = narrow.iter().map(|value| f16::from_f32(*value).to_le_bytes()).collect();
        let expected = bits(&case.run(Kernels::scalar()));
        for kernels in levels() {
            assert_eq!(bits(&case.run_with(kernels, Weights::F16(&halves))), expected);
        }
        case.weights = narrow.iter().map(|value| bf16::from_f32(*value).to_f32()).collect();
        let halves: Vec<_> = narrow.iter().map(|value| bf16::from_f32(*value).to_le_bytes()).collect();
        let expected = bits(&case.run(Kernels::scalar()));
        for kernels in levels() {
            assert_eq!(bits(&case.run_with(kernels, Weights::Bf16(&halves))), expected);
        }
    }
}

#[test]
fn every_half_widens_to_itself() {
    let halves: Vec<[u8; 2]> = (0..=u16::MAX).map(u16::to_le_bytes).collect();
    for kernels in levels() {
        let mut wide = vec![f32::NAN; halves.len()];
        kernels.widen(Weights::F16(&halves), &mut wide);
        for (wide, half) in wide.iter().zip(&halves) {
            let half = f16::from_le_bytes(*half);
            assert!(if half.is_nan() { wide.is_nan() } else { f64::from(*wide) == half.to_f64() }, "{half:?}");
        }
        kernels.widen(Weights::Bf16(&halves), &mut wide);
        for (wide, half) in wide.iter().zip(&halves) {
            assert_eq!(wide.to_bits(), u32::from(u16::from_le_bytes(*half)) << 16);
        }
    }
}

#[test]
fn empty_products() {
    for kernels in levels() {
        assert!(Case::new(0, 5, 8).run(kernels).is_empty());
        assert!(Case::new(5, 0, 8).run(kernels).is_empty());
        assert_eq!(Case::new(2, 3, 0).run(kernels), [0.0; 6]);
    }
}

#[test]
#[should_panic(expected = "weights of a product: expected 12 values, found 11")]
fn a_wrong_shape_names_the_operand() {
    let mut case = Case::new(2, 3, 4);
    case.weights.pop();
    case.run(Kernels::detect());
}
