//! From a row of logits to a token: pure, and seeded by what asks, never by
//! what else is in the batch.

/// How a token is chosen from a row of logits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Logits are divided by it; 0 takes the likeliest token.
    pub temperature: f32,
    /// Only so many likeliest tokens; none: all.
    pub top_k: Option<u32>,
    /// Only the smallest set of likeliest tokens whose probabilities reach
    /// this sum; 1: all.
    pub top_p: f32,
    /// Only tokens with at least this share of the likeliest's probability;
    /// 0: all.
    pub min_p: f32,
}

impl Default for Sampling {
    /// The model's own probabilities.
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: 1.0, min_p: 0.0 }
    }
}

/// Makes the tokens of `seen` less likely (Keskar et al., "CTRL", 2019, as
/// transformers has it): their logits are divided by `penalty` where positive,
/// multiplied by it where negative; 1 changes nothing.
pub fn penalise(logits: &mut [f32], seen: impl IntoIterator<Item = u32>, penalty: f32) {
    for token in seen {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
        }
    }
}

/// A stream of random numbers that depends on a seed and on the number of the
/// message it serves: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// The stream of message `number` under `seed`.
    pub fn new(seed: u64, number: u32) -> Self {
        let mut stream = Self { state: seed };
        stream.state = stream.next() ^ u64::from(number);
        Self { state: stream.next() }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Goes on by one token that is not drawn.
    pub fn skip(&mut self) {
        self.next();
    }

    /// Uniform in [0, 1), 53 bits.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Chooses a token, an index of `logits`. Tokens whose logit is −∞ are never
/// chosen while another one is left; ties go to the lower index.
pub fn sample(logits: &[f32], sampling: &Sampling, stream: &mut Stream) -> u32 {
    // Drawn even when greedy, so that a stream's place is the number of tokens.
    let uniform = stream.uniform();
    let best = likeliest(logits);
    if sampling.temperature <= 0.0 {
        return best;
    }
    let highest = logits[best as usize];
    let weight = |index: u32| (f64::from(logits[index as usize] - highest) / f64::from(sampling.temperature)).exp();
    let mut candidates: Vec<u32> =
        (0..count(logits)).filter(|index| logits[*index as usize] > f32::NEG_INFINITY).collect();
    if candidates.is_empty() {
        return best;
    }
    if let Some(top_k) = sampling.top_k {
        keep_likeliest(logits, &mut candidates, top_k as usize);
    }
    if sampling.top_p < 1.0 {
        keep_nucleus(logits, &mut candidates, f64::from(sampling.top_p), &weight);
    }
    if sampling.min_p > 0.0 {
        // The likeliest has weight 1, so that it always stays.
        candidates.retain(|index| weight(*index) >= f64::from(sampling.min_p));
    }
    let total: f64 = candidates.iter().map(|index| weight(*index)).sum();
    let mut left = uniform * total;
    for index in &candidates {
        left -= weight(*index);
        if left < 0.0 {
            return *index;
        }
    }
    candidates[candidates.len() - 1]
}

/// The index of the highest logit; the lowest such index.
fn likeliest(logits: &[f32]) -> u32 {
    let mut best = 0;
    for index in 1..logits.len() {
        if logits[index] > logits[best] {
            best = index;
        }
    }
    u32::try_from(best).unwrap_or(u32::MAX)
}

/// How far the highest logit is above the second, which is as far as their
/// log-probabilities are apart; none where one token alone may come.
pub fn margin(logits: &[f32]) -> Option<f32> {
    let (mut best, mut second) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    for logit in logits {
        if *logit > best {
            (best, second) = (*logit, best);
        } else if *logit > second {
            second = *logit;
        }
    }
    (second > f32::NEG_INFINITY).then_some(best - second)
}

fn count(logits: &[f32]) -> u32 {
    u32::try_from(logits.len()).unwrap_or(u32::MAX)
}

fn by_likelihood<'a>(logits: &'a [f32]) -> impl Fn(&u32, &u32) -> std::cmp::Ordering + 'a {
    |a, b| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b))
}

/// Keeps the `keep` likeliest candidates, best first.
fn keep_likeliest(logits: &[f32], candidates: &mut Vec<u32>, keep: usize) {
    if keep < candidates.len() && keep > 0 {
        candidates.select_nth_unstable_by(keep - 1, by_likelihood(logits));
        candidates.truncate(keep);
    }
    candidates.sort_unstable_by(by_likelihood(logits));
}

/// Keeps the likeliest candidates, best first, until their share of the whole
/// weight reaches `share`. A vocabulary is large and a nucleus small, so the
/// head is sorted in growing pieces.
fn keep_nucleus(logits: &[f32], candidates: &mut Vec<u32>, share: f64, weight: &dyn Fn(u32) -> f64) {
    let total: f64 = candidates.iter().map(|index| weight(*index)).sum();
    let mut head = 64;
    loop {
        let mut nucleus = candidates.clone();
        keep_likeliest(logits, &mut nucleus, head);
        let mut sum = 0.0;
        let reached = nucleus.iter().position(|index| {
            sum += weight(*index);
            sum >= share * total
        });
        if let Some(last) = reached {
            nucleus.truncate(last + 1);
        }
        if reached.is_some() || head >= candidates.len() {
            *candidates = nucleus;
            return;
        }
        head *= 8;
    }
}

/// What a logit exceeds its token's log-probability by, at temperature 1.
pub fn log_normaliser(logits: &[f32]) -> f64 {
    let highest = f64::from(logits[likeliest(logits) as usize]);
    let total: f64 = logits.iter().map(|logit| (f64::from(*logit) - highest).exp()).sum();
    highest + total.ln()
}

/// Natural logarithms of the probabilities at temperature 1: of `chosen`, and
/// of the `top` likeliest tokens, best first.
pub fn log_probabilities(logits: &[f32], chosen: u32, top: usize) -> (f32, Vec<(u32, f32)>) {
    let normaliser = log_normaliser(logits);
    let logprob = |index: u32| (f64::from(logits[index as usize]) - normaliser) as f32;
    let mut likeliest: Vec<u32> = if top == 0 { Vec::new() } else { (0..count(logits)).collect() };
    keep_likeliest(logits, &mut likeliest, top);
    (logprob(chosen), likeliest.into_iter().map(|index| (index, logprob(index))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(logits: &[f32], sampling: Sampling) -> Vec<usize> {
        let mut seen = vec![0; logits.len()];
        let mut stream = Stream::new(1, 1);
        for _ in 0..20_000 {
            seen[sample(logits, &sampling, &mut stream) as usize] += 1;
        }
        seen
    }

    #[test]
    fn a_margin_is_between_the_two_likeliest() {
        assert_eq!(margin(&[-3.0, 2.0, -1.0, 1.5]), Some(0.5));
        assert_eq!(margin(&[2.0, f32::NEG_INFINITY, 2.0]), Some(0.0));
        assert_eq!(margin(&[f32::NEG_INFINITY, 2.0]), None);
    }

    #[test]
    fn greedy_takes_the_first_of_the_likeliest() {
        let sampling = Sampling { temperature: 0.0, ..Sampling::default() };
        assert_eq!(sample(&[0.0, 3.0, 3.0, -1.0], &sampling, &mut Stream::new(0, 1)), 1);
    }

    #[test]
    fn frequencies_follow_the_probabilities() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln(), f32::NEG_INFINITY];
        let seen = draw(&logits, Sampling::default());
        for (count, expected) in seen.iter().zip([0.5, 0.3, 0.2, 0.0]) {
            assert!((*count as f64 / 20_000.0 - expected).abs() < 0.015, "{seen:?}");
        }
        // At temperature 1/2 the probabilities are squared and normalised.
        let seen = draw(&logits, Sampling { temperature: 0.5, ..Sampling::default() });
        assert!((seen[0] as f64 / 20_000.0 - 0.25 / 0.38).abs() < 0.015, "{seen:?}");
    }

    #[test]
    fn top_k_and_top_p_cut_the_tail() {
        let logits = [0.2f32.ln(), 0.5f32.ln(), 0.3f32.ln()];
        let seen = draw(&logits, Sampling { top_k: Some(2), ..Sampling::default() });
        assert!(seen[0] == 0 && seen[1] > 0 && seen[2] > 0, "{seen:?}");
        let seen = draw(&logits, Sampling { top_p: 0.7, ..Sampling::default() });
        assert!(seen[0] == 0 && seen[2] > 0, "0.5 alone does not reach 0.7: {seen:?}");
        let seen = draw(&logits, Sampling { top_p: 0.4, ..Sampling::default() });
        assert!(seen[0] == 0 && seen[2] == 0, "{seen:?}");
    }

    #[test]
    fn min_p_is_a_share_of_the_likeliest() {
        let logits = [0.2f32.ln(), 0.5f32.ln(), 0.3f32.ln()];
        let seen = draw(&logits, Sampling { min_p: 0.5, ..Sampling::default() });
        assert!(seen[0] == 0 && seen[2] > 0, "0.2 is less than half of 0.5, 0.3 is more: {seen:?}");
        let seen = draw(&logits, Sampling { min_p: 1.0, ..Sampling::default() });
        assert!(seen[0] == 0 && seen[2] == 0, "{seen:?}");
        // At temperature 2, 0.2 has the share √0.4.
        let seen = draw(&logits, Sampling { min_p: 0.5, temperature: 2.0, ..Sampling::default() });
        assert!(seen[0] > 0, "{seen:?}");
    }

    #[test]
    fn a_penalty_makes_what_was_seen_less_likely_on_both_sides_of_zero() {
        let mut logits = [2.0, -2.0, 0.0, 1.0];
        penalise(&mut logits, [0, 1, 2, 9], 2.0);
        assert_eq!(logits, [1.0, -4.0, 0.0, 1.0]);
    }

    #[test]
    fn a_nucleus_larger_than_the_first_piece_is_found() {
        let logits: Vec<f32> = (0..1000).map(|index| -(index as f32) * 1e-3).collect();
        let mut candidates: Vec<u32> = (0..1000).collect();
        keep_nucleus(&logits, &mut candidates, 0.9, &|index| f64::from(logits[index as usize]).exp());
        // Σ e^(−i/1000) up to n is (1 − e^(−n/1000))/(1 − e^(−1)) of the whole.
        let expected = -(1.0f64 - 0.9 * (1.0 - (-1.0f64).exp())).ln() * 1000.0;
        assert!((candidates.len() as f64 - expected).abs() < 3.0, "{} {expected}", candidates.len());
        assert!(candidates.is_sorted());
    }

    #[test]
    fn streams_differ_by_seed_and_by_message_and_repeat() {
        let first = |seed, number| Stream::new(seed, number).next();
        assert_eq!(first(7, 3), first(7, 3));
        assert_ne!(first(7, 3), first(7, 4));
        assert_ne!(first(7, 3), first(8, 3));
    }

    #[test]
    fn log_probabilities_sum_to_one() {
        let logits = [1.0, 2.0, 0.5, -3.0];
        let (chosen, top) = log_probabilities(&logits, 2, 4);
        let sum: f32 = top.iter().map(|(_, logprob)| logprob.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
        assert_eq!(top.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [1, 0, 2, 3]);
        assert_eq!(top[2].1, chosen);
    }
}
