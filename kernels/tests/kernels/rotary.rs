use choreo_kernels::RotaryTable;
use proptest::prelude::*;

use crate::{Numbers, assert_close, bits, levels};

pub(crate) fn frequencies(head_dim: usize) -> Vec<f64> {
    let power = |j: usize| 10_000f64.powf(-2.0 * j as f64 / head_dim as f64);
    (0..head_dim / 2).map(power).collect()
}

pub(crate) fn table(head_dim: usize, max_distance: u32) -> RotaryTable {
    let mut table = RotaryTable::new(head_dim, frequencies(head_dim));
    table.ensure(max_distance);
    table
}

/// Heads turned to a position, by definition.
pub(crate) fn rotated(heads: &[f32], head_dim: usize, position: i64) -> Vec<f64> {
    let mut out = vec![0.0; heads.len()];
    for (head, out) in heads.chunks(head_dim).zip(out.chunks_mut(head_dim)) {
        for (j, frequency) in frequencies(head_dim).into_iter().enumerate() {
            let (sine, cosine) = (position as f64 * frequency).sin_cos();
            let (low, high) = (f64::from(head[j]), f64::from(head[j + head_dim / 2]));
            out[j] = low * cosine - high * sine;
            out[j + head_dim / 2] = high * cosine + low * sine;
        }
    }
    out
}

proptest! {
    #[test]
    fn rotation_is_its_definition(
        half in 1..40usize, heads in 1..4usize, distance in -3000i32..3000, seed: u64,
    ) {
        let row = Numbers(seed).values(heads * half * 2);
        let table = table(half * 2, 3000);
        let exact = rotated(&row, half * 2, distance.into());
        let mut all = Vec::new();
        for kernels in levels() {
            let mut turned = row.clone();
            kernels.rotate(&table, &mut turned, distance);
            assert_close(&turned, &exact, 0.1);
            let mut copies = vec![f32::NAN; 2 * row.len()];
            let rows = [row.clone(), row.clone()].concat();
            kernels.rotate_rows(&table, &rows, &[distance, 0], &mut copies);
            prop_assert_eq!(bits(&copies[..row.len()]), bits(&turned));
            prop_assert_eq!(&copies[row.len()..], &row);
            all.push(bits(&turned));
        }
        prop_assert_eq!(&all[0], &all[1]);
        prop_assert_eq!(&all[0], &all[2]);
    }
}

#[test]
fn what_has_no_frequency_stays() {
    let row = Numbers(4).values(3 * 20);
    let mut table = RotaryTable::new(20, frequencies(12));
    table.ensure(50);
    for kernels in levels() {
        let (mut turned, mut copy) = (row.clone(), vec![f32::NAN; row.len()]);
        kernels.rotate(&table, &mut turned, 50);
        kernels.rotate_rows(&table, &row, &[50], &mut copy);
        assert_eq!(bits(&copy), bits(&turned));
        for (head, turned) in row.chunks(20).zip(turned.chunks(20)) {
            assert_close(&turned[..12], &rotated(&head[..12], 12, 50), 0.1);
            assert_eq!(&turned[12..], &head[12..]);
        }
    }
    let mut still = RotaryTable::new(20, vec![]);
    still.ensure(50);
    let mut same = row.clone();
    levels()[1].rotate(&still, &mut same, -50);
    assert_eq!(same, row);
}

#[test]
fn a_table_grows_to_the_same_angles() {
    let mut grown = table(16, 3);
    assert_eq!(grown.reach(), 4);
    grown.ensure(4);
    assert!(grown.reach() >= 5);
    grown.ensure(100);
    let row = Numbers(1).values(32);
    for kernels in levels() {
        let [mut a, mut b] = [row.clone(), row.clone()];
        kernels.rotate(&grown, &mut a, -77);
        kernels.rotate(&table(16, 100), &mut b, -77);
        assert_eq!(bits(&a), bits(&b));
    }
}

#[test]
#[should_panic(expected = "expected a distance under 11, found -11")]
fn a_distance_beyond_the_table_is_named() {
    levels()[1].rotate(&table(8, 10), &mut [0.0; 8], -11);
}

#[test]
#[should_panic(expected = "row to rotate: expected heads of 8 values, found 12 values")]
fn half_a_head_is_named() {
    levels()[1].rotate(&table(8, 10), &mut [0.0; 12], 1);
}
