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

/// Mean of the ratios of pairs, and its bootstrap interval: the pairs are drawn anew.
pub(super) fn mean_ratio(pairs: &[(f64, f64)]) -> Estimate {
    let mean = |drawn: &mut dyn Iterator<Item = &(f64, f64)>| {
        drawn.map(|(above, below)| above / below).sum::<f64>() / pairs.len().max(1) as f64
    };
    let value = mean(&mut pairs.iter());
    let interval = bootstrap(pairs.len(), |drawn| Some(mean(&mut drawn.iter().map(|index| &pairs[*index]))));
    let [low, high] = interval.unwrap_or([value; 2]);
    Estimate { value, low, high }
}

/// Where a statistic of so many samples is, with a confidence of 95% (percentiles):
/// it is taken of samples, named by their indexes, that are drawn anew. None where
/// it never has a value. The same question gives the same answer.
pub(super) fn bootstrap(samples: usize, mut statistic: impl FnMut(&[usize]) -> Option<f64>) -> Option<[f64; 2]> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut draw = || (0..samples).map(|_| random.usize(..samples)).collect::<Vec<_>>();
    let mut values: Vec<f64> = (0..DRAWS).filter_map(|_| statistic(&draw())).collect();
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some([0.025, 0.975].map(|share| values[(share * last as f64) as usize]))
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
