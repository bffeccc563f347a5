use choreo_kernels::Normalise;
use proptest::prelude::*;

use crate::{Numbers, assert_close, bits, levels};

proptest! {
    #[test]
    fn normalise_is_its_definition(rows in 1..5usize, width in 1..200usize, seed: u64) {
        let mut numbers = Numbers(seed);
        let (input, weight) = (numbers.values(rows * width), numbers.values(width));
        let outs = levels().map(|kernels| {
            let mut out = vec![f32::NAN; input.len()];
            let call = Normalise { rows: &input, weight: &weight, epsilon: 1e-5 };
            kernels.normalise(&call, &mut out);
            out
        });
        prop_assert_eq!(bits(&outs[0]), bits(&outs[1]));
        prop_assert_eq!(bits(&outs[0]), bits(&outs[2]));
        let mut exact = Vec::new();
        for row in input.chunks_exact(width) {
            let squares: f64 = row.iter().map(|x| f64::from(*x).powi(2)).sum();
            let rms = (squares / width as f64 + 1e-5).sqrt();
            exact.extend(row.iter().zip(&weight).map(|(x, w)| f64::from(*x) / rms * f64::from(*w)));
        }
        assert_close(&outs[1], &exact, 1e-6);
    }

    #[test]
    fn silu_gate_is_its_definition(
        gate in prop::collection::vec(-100f32..100.0, 0..50),
        seed: u64,
    ) {
        let up = Numbers(seed).values(gate.len());
        let outs = levels().map(|kernels| {
            let mut out = vec![f32::NAN; gate.len()];
            kernels.silu_gate(&gate, &up, &mut out);
            out
        });
        prop_assert_eq!(bits(&outs[0]), bits(&outs[1]));
        prop_assert_eq!(bits(&outs[0]), bits(&outs[2]));
        let silu = |x: f64| x / (1.0 + (-x).exp());
        let exact = gate.iter().zip(&up).map(|(g, u)| silu(f64::from(*g)) * f64::from(*u));
        assert_close(&outs[1], &exact.collect::<Vec<_>>(), 1e-30);
    }

    #[test]
    fn silu_levels_agree_on_any_number(gate in prop::collection::vec(any::<f32>(), 0..50)) {
        let up = vec![1.5; gate.len()];
        let [scalar, middle, best] = levels().map(|kernels| {
            let mut out = vec![f32::NAN; gate.len()];
            kernels.silu_gate(&gate, &up, &mut out);
            out
        });
        prop_assert_eq!(bits(&scalar), bits(&middle));
        prop_assert_eq!(bits(&scalar), bits(&best));
        prop_assert!(best.iter().all(|value| !value.is_nan()));
    }
}

#[test]
fn silu_at_its_edges() {
    let gate = [0.0, -200.0, 200.0, f32::MIN, -88.0, -87.0, 1e-30, f32::NAN];
    for kernels in levels() {
        let mut out = [f32::NAN; 8];
        kernels.silu_gate(&gate, &[1.0; 8], &mut out);
        assert_eq!(out[..4], [0.0, 0.0, 200.0, 0.0]);
        assert!(out[4..7].iter().all(|value| value.is_finite()));
        assert!(out[7].is_nan());
    }
}
