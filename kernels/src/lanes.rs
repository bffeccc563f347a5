//! The arithmetic that every level shares: eight lanes, the tree that folds
//! them, and `exp`.

#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

/// Sums run in this many accumulators, element `i` in lane `i % LANES`.
pub(crate) const LANES: usize = 8;

/// Folds eight lanes in the order of two horizontal adds and one add of
/// halves: ((0+1)+(2+3)) + ((4+5)+(6+7)).
#[inline(always)]
pub(crate) fn fold(lanes: [f32; LANES]) -> f32 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// Up to eight values, the rest zero: how every sum takes its tail.
#[inline(always)]
pub(crate) fn padded(tail: &[f32]) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    lanes[..tail.len()].copy_from_slice(tail);
    lanes
}

/// The greater of two, and `b` where they are equal or not comparable, as
/// `vmaxps` has it.
#[inline(always)]
pub(crate) fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// Below ln of the least normal number the result is zero: a subnormal weight
/// changes nothing and costs a hundred cycles.
const LOWEST: f32 = -87.336_54;
/// Above ln of the greatest number, where the scaling itself gives infinity.
const HIGHEST: f32 = 89.0;
// ln 2 in two parts, the first short enough that n times it is exact; and the
// coefficients of the Cephes library's expf (Moshier), degree 7 in all.
const LN_2_HIGH: f32 = 355.0 / 512.0;
const LN_2_LOW: f32 = -2.121_944_4e-4;
const POLYNOMIAL: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];

/// e to the x within 2 units in the last place; exactly 1 at 0, exactly 0
/// below the least normal result, infinite above the greatest.
///
/// x = n ln 2 + r with |r| at most half of ln 2; a polynomial gives e to the r;
/// two factors, each a power of two in range, give 2 to the n.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let held = if HIGHEST < x { HIGHEST } else { x };
    let n = (held * std::f32::consts::LOG2_E).round_ties_even();
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, held));
    let mut sum = POLYNOMIAL[0];
    for coefficient in &POLYNOMIAL[1..] {
        sum = sum.mul_add(r, *coefficient);
    }
    let power = sum.mul_add(r * r, r) + 1.0;
    let n = n as i32;
    let half = n >> 1;
    let scaled = power * power_of_two(half) * power_of_two(n.wrapping_sub(half));
    if x < LOWEST { 0.0 } else { scaled }
}

/// 2 to the n, for n in the range of normal exponents.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        for step in -1_750_000..1_774_000 {
            let x = step as f32 * 5e-5;
            let exact = f64::from(x).exp();
            let unit = f64::from((exact as f32).next_up()) - f64::from(exact as f32);
            let error = (f64::from(exp(x)) - exact).abs();
            // Under the least normal number zero is right by definition.
            let flushed = exact < f64::from(f32::MIN_POSITIVE) && exp(x) == 0.0;
            assert!(flushed || error <= 2.0 * unit, "exp({x}) is {}", exp(x));
        }
    }

    #[test]
    fn exp_at_its_edges() {
        assert_eq!(exp(0.0).to_bits(), 1f32.to_bits());
        assert_eq!(exp(f32::NEG_INFINITY).to_bits(), 0f32.to_bits());
        assert_eq!(exp(f32::MIN).to_bits(), 0f32.to_bits());
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(f32::MAX), f32::INFINITY);
        assert!(exp(88.72).is_finite());
        assert_eq!(exp(88.73), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
    }
}
