//! What rounding cached keys and values does to the next token: the plans'
//! conversations, decoded as the `f32` cache says, and predicted by every other.

use std::sync::{Arc, Mutex};

use choreo_host::cache::plan::Plan;
use choreo_host::engine::Mode;
use choreo_host::model::{CacheSize, CacheType, Decoder, ForwardError, LoadOptions, Logits, Model, ModelShape, Source};

use crate::evaluation::{Fact, Problem, held_out};
use crate::rig::{Rig, chat, load, options};

/// The cache types that round.
pub const ROUNDED: [CacheType; 3] = [CacheType::Bf16, CacheType::F16, CacheType::Q8];

/// What one cache type made of the conversations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Where a token was sampled.
    pub sampled: Divergence,
    /// After every token that was encoded, the questions' and the prompts' as well.
    pub every: Divergence,
}

/// Predictions of the next token, against those of `f32`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Divergence {
    /// How many.
    pub tokens: usize,
    /// Sum of the divergences Σ p (ln p − ln q), in nats.
    total: f64,
    /// The largest of one token.
    pub largest: f64,
    /// Sum of the entropies of `f32`'s, in nats.
    entropy: f64,
    /// Tokens of which another was the likeliest.
    pub changed: usize,
}

impl Divergence {
    /// Mean over the tokens, in nats.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.total / self.tokens as f64
    }

    /// Mean entropy of `f32`'s predictions, in nats: how much there was to change.
    #[must_use]
    pub fn mean_entropy(&self) -> f64 {
        self.entropy / self.tokens as f64
    }

    /// Takes in one token's logits.
    fn add(&mut self, expected: &[f32], found: &[f32]) {
        let pairs = || log_probabilities(expected).zip(log_probabilities(found));
        let divergence = pairs().map(|(p, q)| p.exp() * (p - q)).sum();
        self.tokens += 1;
        self.total += divergence;
        self.largest = self.largest.max(divergence);
        self.entropy -= pairs().map(|(p, _)| p.exp() * p).sum::<f64>();
        self.changed += usize::from(likeliest(expected) != likeliest(found));
    }
}

/// The embedded model behind an `f32` cache, and behind each other one, given the same plans.
struct Compared {
    exact: Decoder,
    rounded: [Decoder; 3],
    seen: Arc<Mutex<[Seen; 3]>>,
}

impl Model for Compared {
    fn shape(&self) -> &ModelShape {
        self.exact.shape()
    }

    fn forward(&mut self, plan: &Plan) -> Result<Logits, ForwardError> {
        let all = Plan { sampled: (0..plan.tokens.len()).collect(), ..plan.clone() };
        let expected = self.exact.forward(&all)?;
        let vocabulary = expected.vocabulary;
        let row = |row: usize| row * vocabulary..(row + 1) * vocabulary;
        let mut seen = self.seen.lock().unwrap();
        for (model, seen) in self.rounded.iter_mut().zip(seen.iter_mut()) {
            let found = model.forward(&all)?;
            let compare =
                |divergence: &mut Divergence, at| divergence.add(&expected.values[row(at)], &found.values[row(at)]);
            all.sampled.iter().for_each(|at| compare(&mut seen.every, *at));
            plan.sampled.iter().for_each(|at| compare(&mut seen.sampled, *at));
        }
        let values = plan.sampled.iter().flat_map(|at| &expected.values[row(*at)]);
        Ok(Logits { vocabulary, values: values.copied().collect() })
    }
}

/// Runs `count` conversations of the plans, in turn six questions about people
/// and a debate of three agents in two rounds at temperature 0.7; for each of
/// [`ROUNDED`], what it predicted where `f32` chose the tokens.
#[must_use]
pub fn conversations(count: usize) -> [Seen; 3] {
    let seen = Arc::new(Mutex::new([Seen::default(); 3]));
    let shared = seen.clone();
    let rig = Rig::new(256, move || {
        let decoder = |cache_type| {
            let cache_size = CacheSize::Tokens(16_384);
            Decoder::load(&Source::Embedded, LoadOptions { cache_size, cache_type, threads: 2 }).unwrap()
        };
        let compared = Compared { exact: decoder(CacheType::F32), rounded: ROUNDED.map(decoder), seen: shared };
        (compared, chat())
    });
    let (conversation, debate) = (load("conversation"), load("madpar"));
    let (facts, problems) = (held_out::<Fact>("facts"), held_out::<Problem>("problems"));
    let mut questions = facts.iter().map(Fact::question).cycle();
    let mut problems = problems.iter().map(Problem::text).cycle();
    for (seed, number) in (1..).zip(0..count) {
        if number % 2 == 0 {
            let asked: Vec<&str> = questions.by_ref().take(6).collect();
            rig.run(&conversation, options(Mode::Choreo, seed), &asked);
        } else {
            let asked: Vec<&str> = problems.by_ref().take(1).collect();
            let arguments = [&["--agents", "3", "--rounds", "2", "--temperature", "0.7"], &asked[..]].concat();
            rig.run(&debate, options(Mode::Choreo, seed), &arguments);
        }
    }
    *seen.lock().unwrap()
}

fn log_probabilities(logits: &[f32]) -> impl Iterator<Item = f64> {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().map(|logit| f64::from(logit - greatest).exp()).sum();
    logits.iter().map(move |logit| f64::from(logit - greatest) - total.ln())
}

fn likeliest(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
}
