//! What repeated measurements say.

/// Samples that a bootstrap draws anew.
const DRAWS: usize = 2000;

/// A number and the interval that it is in, with a confidence of 95%.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:.2} [{:.2}, {:.2}]", self.value, self.low, self.high)
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// Mean of the ratios of pairs, and its bootstrap interval (percentiles): the
/// pairs are drawn anew.
pub(super) fn mean_ratio(pairs: &[(f64, f64)]) -> Estimate {
    let ratios: Vec<f64> = pairs.iter().map(|(above, below)| above / below).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / ratios.len().max(1) as f64;
    let mut random = fastrand::Rng::with_seed(1);
    let mut draw = || mean(&mut (0..ratios.len()).map(|_| ratios[random.usize(..ratios.len())]));
    let mut means: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| means[(share * (DRAWS - 1) as f64) as usize];
    Estimate { value: mean(&mut ratios.iter().copied()), low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_mean_and_narrows() {
        let pairs = |count: u32| (0..count).map(|at| (f64::from(2 + at % 3), 2.0)).collect::<Vec<_>>();
        let (few, many) = (mean_ratio(&pairs(6)), mean_ratio(&pairs(300)));
        assert!((few.value - 1.5).abs() < 1e-9 && (many.value - 1.5).abs() < 1e-9);
        assert!(few.low < few.value && few.value < few.high);
        assert!(many.high - many.low < (few.high - few.low) / 3.0);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!([median(&[]), median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])], [0.0, 2.0, 2.5]);
    }
}
