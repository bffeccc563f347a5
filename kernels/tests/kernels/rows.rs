use choreo_kernels::Narrow;
use half::{bf16, f16};
use proptest::prelude::*;

use crate::{Numbers, bits, levels};

pub(crate) const ALL: [Narrow; 3] = [Narrow::Bf16, Narrow::F16, Narrow::Q8];

/// The definition of what a head's bytes hold.
pub(crate) fn widened(numbers: Narrow, bytes: &[u8], head_dim: usize) -> Vec<f32> {
    let two = |at: usize| [bytes[2 * at], bytes[2 * at + 1]];
    let value = |at: usize| match numbers {
        Narrow::Bf16 => bf16::from_le_bytes(two(at)).to_f32(),
        Narrow::F16 => f16::from_le_bytes(two(at)).to_f32(),
        Narrow::Q8 => {
            let scale = &bytes[head_dim + at / 32 * 2..];
            f32::from(bytes[at] as i8) * bf16::from_le_bytes([scale[0], scale[1]]).to_f32()
        }
    };
    (0..head_dim).map(value).collect()
}

/// Rounds one head at all levels.
fn rounded(numbers: Narrow, head: &[f32]) -> Vec<f32> {
    let [scalar, middle, best] = levels().map(|kernels| {
        let mut bytes = vec![0; numbers.bytes(head.len())];
        kernels.narrow(numbers, head.len(), head, &mut bytes);
        bytes
    });
    assert_eq!(middle, scalar);
    assert_eq!(best, scalar);
    widened(numbers, &scalar, head.len())
}

/// How far a value may be moved. A half is off by half a unit in its last place;
/// under the normal numbers these lie 2^-24 apart in f16, 2^-133 in bf16. A whole
/// number is off by half a step; the step is 1/127 of the greatest magnitude but
/// for its own rounding (2^-8 of it, or half of 2^-133). The last digits are for
/// the rounding of quotient and product.
fn bound(numbers: Narrow, value: f32, group: &[f32]) -> f64 {
    let value = f64::from(value.abs());
    match numbers {
        Narrow::Bf16 => (value * 2f64.powi(-8)).max(2f64.powi(-134)),
        Narrow::F16 => (value * 2f64.powi(-11)).max(2f64.powi(-25)),
        Narrow::Q8 => {
            let greatest = group.iter().fold(0f32, |greatest, value| greatest.max(value.abs()));
            let step = f64::from(greatest) / 127.0 * (1.0 + 2f64.powi(-8));
            step / 2.0 * (1.0 + 1e-5) + 128.0 * 2f64.powi(-134)
        }
    }
}

fn assert_within_bounds(numbers: Narrow, head: &[f32]) {
    let found = rounded(numbers, head);
    for (at, (found, value)) in found.iter().zip(head).enumerate() {
        let start = at / 32 * 32;
        let bound = bound(numbers, *value, &head[start..head.len().min(start + 32)]);
        let error = (f64::from(*found) - f64::from(*value)).abs();
        assert!(error <= bound, "{numbers:?}: {value} is {found}, {error:e} away and not {bound:e}");
    }
}

proptest! {
    #[test]
    fn rounding_stays_within_its_bounds(head_dim in 1..140usize, exponent in -30..14i32, seed: u64) {
        let mut numbers = Numbers(seed);
        // Values of a head differ by orders of magnitude.
        let scale = |at: usize| 2f32.powi(exponent - (at % 7) as i32);
        let head: Vec<f32> = numbers.values(head_dim).iter().enumerate().map(|(at, value)| value * scale(at)).collect();
        for numbers in ALL {
            assert_within_bounds(numbers, &head);
        }
    }
}

#[test]
fn bytes_of_a_head() {
    assert_eq!(ALL.map(|numbers| numbers.bytes(64)), [128, 128, 68]);
    assert_eq!(ALL.map(|numbers| numbers.bytes(40)), [80, 80, 44]);
    assert_eq!(ALL.map(|numbers| numbers.bytes(2)), [4, 4, 4]);
}

#[test]
fn rounding_is_to_the_nearest_and_to_even() {
    let ulp = 2f32.powi(-7);
    let ties = [1.0 + ulp / 2.0, 1.0 + 1.5 * ulp, -1.0 - ulp / 2.0, 1.0 + ulp / 2.0 + 2f32.powi(-20)];
    assert_eq!(rounded(Narrow::Bf16, &ties), [1.0, 1.0 + 2.0 * ulp, -1.0, 1.0 + ulp]);
    let ulp = 2f32.powi(-10);
    let ties = [1.0 + ulp / 2.0, 1.0 + 1.5 * ulp, 65_519.0, 65_520.0];
    assert_eq!(rounded(Narrow::F16, &ties), [1.0, 1.0 + 2.0 * ulp, 65_504.0, f32::INFINITY]);
    // A step of 1.
    assert_eq!(rounded(Narrow::Q8, &[127.0, 0.5, 1.5, -2.5, -126.6]), [127.0, 0.0, 2.0, -2.0, -127.0]);
}

#[test]
fn a_group_has_a_scale_of_its_own() {
    let mut head = vec![0.001; 70];
    head[3] = 1000.0;
    head[40] = 1.0;
    let found = rounded(Narrow::Q8, &head);
    assert_eq!((found[0], found[33], found[69]), (0.0, 0.0, rounded(Narrow::Q8, &[0.001])[0]));
    assert!((found[69] - 0.001).abs() < 4e-6, "{}", found[69]);
}

#[test]
fn zero_is_zero_and_what_is_not_finite_shows() {
    for numbers in ALL {
        assert_eq!(bits(&rounded(numbers, &[0.0; 40])), bits(&[0.0; 40]));
        assert_within_bounds(numbers, &[f32::MIN_POSITIVE, 1e-40, 0.0]);
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let found = rounded(numbers, &[1.0, odd, 2.0]);
            assert!(!found[1].is_finite(), "{numbers:?}: {odd} is {}", found[1]);
        }
    }
    let found = rounded(Narrow::Q8, &[&[f32::NAN][..], &[1.0; 40]].concat());
    assert!(found[..32].iter().all(|value| value.is_nan()) && found[32..].iter().all(|value| value.is_finite()));
}

#[test]
#[should_panic(expected = "rounded rows, in bytes: expected 88 values, found 80")]
fn a_place_that_does_not_fit_is_named() {
    levels()[0].narrow(Narrow::Q8, 40, &[0.0; 80], &mut [0; 80]);
}
