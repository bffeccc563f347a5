//! From the reports of timed runs to figures, ratios and their intervals.

use serde_json::{Value, json};

use crate::engine::report::RunReport;

use super::super::statistics::{bootstrap, median};

/// Something that is measured.
pub(super) struct Quantity {
    /// In the file.
    pub(super) name: &'static str,
    /// In the table.
    pub(super) label: &'static str,
    pub(super) unit: Unit,
    /// What each run's report has, by rounds.
    of: fn(&[RunReport]) -> Series,
}

/// In what a quantity is measured. Times alone differ from round to round so
/// that an interval says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Tokens,
    Bytes,
}

/// In the order in which they are shown.
pub(super) const QUANTITIES: [Quantity; 8] = [
    Quantity {
        name: "first_token_ms",
        label: "first token, median",
        unit: Unit::Milliseconds,
        of: |rounds| Series::first_tokens(rounds),
    },
    Quantity {
        name: "first_tokens_ms",
        label: "first tokens, sum",
        unit: Unit::Milliseconds,
        of: |rounds| Series::whole(rounds, |run| run.messages.iter().filter_map(|message| message.ttft_ms).sum()),
    },
    Quantity {
        name: "total_ms",
        label: "end to end",
        unit: Unit::Milliseconds,
        of: |rounds| Series::whole(rounds, |run| run.total_ms),
    },
    Quantity {
        name: "encoded",
        label: "tokens encoded",
        unit: Unit::Tokens,
        of: |rounds| Series::whole(rounds, |run| run.encoded as f64),
    },
    Quantity {
        name: "encoded_again",
        label: "encoded again",
        unit: Unit::Tokens,
        of: |rounds| Series::whole(rounds, |run| run.encoded_again as f64),
    },
    Quantity {
        name: "reused",
        label: "tokens reused",
        unit: Unit::Tokens,
        of: |rounds| Series::whole(rounds, |run| run.reused as f64),
    },
    Quantity {
        name: "generated",
        label: "tokens generated",
        unit: Unit::Tokens,
        of: |rounds| Series::whole(rounds, |run| run.generated as f64),
    },
    Quantity {
        name: "peak_pool_bytes",
        label: "peak cache",
        unit: Unit::Bytes,
        of: |rounds| Series::whole(rounds, |run| run.peak_pool_bytes as f64),
    },
];

/// One mode's figure of one quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Figure {
    /// Median; none where no run has any.
    pub(super) value: Option<f64>,
    /// How often the first mode's; none of nothing, and in the first mode itself.
    pub(super) ratio: Option<f64>,
    /// Where the ratio is, with so much confidence; none of counts, and of one round.
    pub(super) interval: Option<[f64; 2]>,
}

impl Figure {
    pub(super) fn to_json(self) -> Value {
        json!({ "value": self.value, "ratio": self.ratio, "interval": self.interval })
    }
}

/// Each quantity's figure in one mode, beside the first one's rounds.
pub(super) fn figures(rounds: &[RunReport], first: &[RunReport]) -> Vec<Figure> {
    let of_first = std::ptr::eq(rounds, first);
    let figures = QUANTITIES.iter().map(|quantity| {
        let series = (quantity.of)(rounds);
        let all: Vec<usize> = (0..rounds.len()).collect();
        let value = series.median(&all);
        if of_first {
            return Figure { value, ..Figure::default() };
        }
        let base = (quantity.of)(first);
        let ratio = series.ratio(&base, &all);
        let varies = quantity.unit == Unit::Milliseconds && ratio.is_some();
        Figure { value, ratio, interval: varies.then(|| interval(&series, &base, rounds.len())).flatten() }
    });
    figures.collect()
}

/// What was measured, `[message][round]`; of a whole run, as if of one message.
struct Series(Vec<Vec<f64>>);

impl Series {
    /// One figure a run.
    fn whole(rounds: &[RunReport], of: impl Fn(&RunReport) -> f64) -> Self {
        Self(vec![rounds.iter().map(of).collect()])
    }

    /// The time to the first token of each message that has one in every round.
    fn first_tokens(rounds: &[RunReport]) -> Self {
        let messages = rounds.iter().map(|run| run.messages.len()).min().unwrap_or(0);
        let of = |message: usize| rounds.iter().map(|run| run.messages[message].ttft_ms).collect();
        Self((0..messages).filter_map(of).collect())
    }

    /// Median over the messages of each one's median over these rounds.
    fn median(&self, rounds: &[usize]) -> Option<f64> {
        middle(self.0.iter().filter_map(|message| middle(rounds.iter().map(|round| message[*round]))))
    }

    fn ratio(&self, base: &Self, rounds: &[usize]) -> Option<f64> {
        let (own, base) = (self.median(rounds)?, base.median(rounds)?);
        (base > 0.0).then(|| own / base)
    }
}

/// Where the ratio is: rounds are drawn in both modes at once, for they ran one
/// after the other. One round says nothing of it.
fn interval(series: &Series, base: &Series, rounds: usize) -> Option<[f64; 2]> {
    if rounds < 2 { None } else { bootstrap(rounds, |drawn| series.ratio(base, drawn)) }
}

/// The middle one; none of none.
pub(super) fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| median(&values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_one_of_messages() {
        let series = Series(vec![vec![1.0, 1.0, 100.0], vec![3.0, 3.0, 3.0], vec![9.0, 9.0, 0.0]]);
        assert_eq!(series.median(&[0, 1, 2]), Some(3.0));
        assert_eq!(series.median(&[2]), Some(3.0));
        assert_eq!(series.ratio(&Series(vec![vec![2.0, 2.0, 2.0]]), &[0, 1, 2]), Some(1.5));
        assert_eq!(series.ratio(&Series(vec![vec![0.0; 3]]), &[0, 1, 2]), None);
    }

    /// Rounds that are slow in both modes alike do not make a ratio unsure.
    #[test]
    fn an_interval_holds_what_rounds_say() {
        let base = Series(vec![vec![1.0, 2.0, 4.0, 8.0, 16.0]]);
        let twice = Series(vec![vec![2.0, 4.0, 8.0, 16.0, 32.0]]);
        assert_eq!(interval(&twice, &base, 5), Some([2.0, 2.0]));
        let unsure = Series(vec![vec![2.0, 4.0, 8.0, 24.0, 80.0]]);
        let [low, high] = interval(&unsure, &base, 5).unwrap();
        assert!(low <= 2.0 && high > 2.0 && high <= 5.0, "{low} {high}");
        assert_eq!(interval(&twice, &base, 1), None);
    }
}
