//! How positions turn keys and queries: the rotary part of `config.json`.
//!
//! Frequencies that depend on the length of a call are refused: cached keys
//! would have to be turned again whenever a call grows.

use std::f64::consts::TAU;

use super::config::{LARGEST, impossible};
use super::family::Family;
use super::fields::{ConfigError, Fields};

/// Rotary embedding: base and scaling of its frequencies.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rotary {
    /// Base of the frequencies.
    pub(super) theta: f64,
    /// Entries of a head that turn, even.
    turned: usize,
    scaling: Scaling,
    /// What each pair's frequency is divided by before it is scaled; none: 1.
    divisors: Vec<f64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Scaling {
    None,
    /// Positions are divided by `factor` (Chen et al., position interpolation).
    Linear {
        factor: f64,
    },
    /// Llama 3.1: long wavelengths are stretched by `factor`, short ones kept.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original_context: f64,
    },
    /// Peng et al.: pairs are stretched by `factor` from one pair to another
    /// by and by, and what turns is made longer by `magnitude`.
    Yarn {
        factor: f64,
        /// The pairs between which stretching sets in; the second is greater.
        ramp: (f64, f64),
        magnitude: f64,
    },
}

impl Rotary {
    /// `rope_parameters` as of transformers 5, or `rope_theta` and `rope_scaling`.
    pub(super) fn parse(
        fields: &mut Fields,
        family: Family,
        (head_dim, context): (usize, usize),
    ) -> Result<Self, ConfigError> {
        let top = fields.positive_or("rope_theta", family.theta())?;
        let older = fields.object("rope_scaling")?;
        let newer = fields.object("rope_parameters")?;
        let mut rope = match (older, newer) {
            (Some(_), Some(_)) => {
                return Err(ConfigError::Invalid {
                    key: "rope_scaling".into(),
                    found: "rope_parameters beside it".into(),
                    wanted: "one of the two".into(),
                });
            }
            (one, other) => one.or(other).unwrap_or_default(),
        };
        let theta = rope.positive_or("rope_theta", top)?;
        if theta <= 1.0 {
            return Err(impossible("rope_theta", theta, "a number above 1"));
        }
        let turned = turned(fields, &mut rope, (family, head_dim))?;
        let scaling = Scaling::parse(&mut rope, family, &Base { theta, turned, context })?;
        rope.finish(&[])?;
        Ok(Self { theta, turned, scaling, divisors: Vec::new() })
    }

    /// Entries of a head that turn.
    pub(super) fn turned(&self) -> usize {
        self.turned
    }

    /// Divides each pair's frequency, before it is scaled, by a number above 0.
    pub(super) fn divide(&mut self, divisors: Vec<f32>) {
        self.divisors = divisors.into_iter().map(f64::from).collect();
    }

    /// Radians per position of each pair of a head's entries that turns.
    pub(super) fn frequencies(&self) -> Vec<f64> {
        let turned = self.turned as f64;
        let divisor = |pair: usize| self.divisors.get(pair).copied().unwrap_or(1.0);
        let plain = |pair: usize| self.theta.powf(-2.0 * pair as f64 / turned) / divisor(pair);
        (0..self.turned / 2).map(|pair| self.scaling.scale(pair, plain(pair))).collect()
    }

    /// By how much a turned key or query is longer than one that was not.
    pub(super) fn magnitude(&self) -> f64 {
        match self.scaling {
            Scaling::Yarn { magnitude, .. } => magnitude,
            _ => 1.0,
        }
    }
}

/// Entries of a head that turn: all but in Phi-3's later kin.
fn turned(fields: &mut Fields, rope: &mut Fields, (family, head_dim): (Family, usize)) -> Result<usize, ConfigError> {
    let key = "partial_rotary_factor";
    if family != Family::Phi3 {
        fields.fixed(key, "1.0")?;
        rope.fixed(key, "1.0")?;
        return Ok(head_dim);
    }
    let top = fields.positive_or(key, 1.0)?;
    let share = rope.positive_or(key, top)?;
    let turned = (head_dim as f64 * share) as usize;
    if share > 1.0 || turned < 2 || !turned.is_multiple_of(2) {
        return Err(impossible(key, share, "a share of head_dim that is an even number"));
    }
    Ok(turned)
}

/// What a scaling starts from.
struct Base {
    theta: f64,
    turned: usize,
    /// Positions of the model.
    context: usize,
}

impl Scaling {
    fn parse(rope: &mut Fields, family: Family, base: &Base) -> Result<Self, ConfigError> {
        let older_name = rope.take("type");
        let kind = rope.take("rope_type").or(older_name).unwrap_or_else(|| "default".into());
        match (kind.as_str(), family) {
            (Some("default"), _) => Ok(Self::None),
            // The third, and in Phi-3 the fourth, are older names of the second.
            (Some("dynamic" | "longrope" | "su"), _) | (Some("yarn"), Family::Phi3) => {
                Err(ConfigError::Growing { key: "rope_type".into(), found: kind.to_string() })
            }
            (_, Family::Phi3) => Err(ConfigError::unsupported("rope_type", &kind, "\"default\"")),
            (Some("linear"), _) => Ok(Self::Linear { factor: rope.positive("factor")? }),
            (Some("llama3"), _) => Self::llama3(rope),
            (Some("yarn"), _) => Self::yarn(rope, base),
            _ => Err(ConfigError::unsupported("rope_type", &kind, "\"default\", \"linear\", \"llama3\" and \"yarn\"")),
        }
    }

    fn llama3(rope: &mut Fields) -> Result<Self, ConfigError> {
        let (low, high) = (rope.positive("low_freq_factor")?, rope.positive("high_freq_factor")?);
        if low >= high {
            return Err(impossible("low_freq_factor", low, &format!("less than high_freq_factor, {high}")));
        }
        Ok(Self::Llama3 {
            factor: rope.positive("factor")?,
            low,
            high,
            original_context: rope.count("original_max_position_embeddings", LARGEST)? as f64,
        })
    }

    /// As in `_compute_yarn_parameters` of transformers' `modeling_rope_utils.py`.
    fn yarn(rope: &mut Fields, base: &Base) -> Result<Self, ConfigError> {
        let factor = rope.positive("factor")?;
        let original = rope.count_or("original_max_position_embeddings", base.context, LARGEST)? as f64;
        let (fast, slow) = (rope.positive_or("beta_fast", 32.0)?, rope.positive_or("beta_slow", 1.0)?);
        let truncate = rope.flag_or("truncate", true)?;
        let magnitude = rope.positive_or("attention_factor", 0.1 * factor.ln().max(0.0) + 1.0)?;
        // The pair that turns so many times over the original context.
        let pair = |turns: f64| base.turned as f64 * (original / (turns * TAU)).ln() / (2.0 * base.theta.ln());
        let (first, last) = match truncate {
            true => (pair(fast).floor(), pair(slow).ceil()),
            false => (pair(fast), pair(slow)),
        };
        let (first, last) = (first.max(0.0), last.min(base.turned as f64 - 1.0));
        if first > last {
            return Err(impossible(
                "beta_fast",
                fast,
                &format!("above beta_slow, {slow}, with pairs of a head between them"),
            ));
        }
        // Where both are one pair, the ramp is still one.
        let last = if first == last { last + 0.001 } else { last };
        Ok(Self::Yarn { factor, ramp: (first, last), magnitude })
    }

    /// The frequency of a pair, scaled.
    fn scale(&self, pair: usize, frequency: f64) -> f64 {
        match *self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            // As in `_compute_llama3_parameters` of transformers.
            Self::Llama3 { factor, low, high, original_context } => {
                let turns = original_context * frequency / TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                mixed(frequency, factor, kept)
            }
            Self::Yarn { factor, ramp: (first, last), .. } => {
                let stretched = ((pair as f64 - first) / (last - first)).clamp(0.0, 1.0);
                mixed(frequency, factor, 1.0 - stretched)
            }
        }
    }
}

/// A frequency of which the share `kept` is as it was, the rest stretched.
fn mixed(frequency: f64, factor: f64, kept: f64) -> f64 {
    (1.0 - kept) * frequency / factor + kept * frequency
}
