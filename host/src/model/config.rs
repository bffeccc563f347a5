//! `config.json` of the Llama family. What it asks for and this decoder does
//! not do is refused by name; nothing is ignored that could change a result.

use serde_json::Value;

use super::fields::{ConfigError, Fields};

/// Keys that cannot change what a forward pass computes.
const WITHOUT_EFFECT: &[&str] = &[
    "_name_or_path",
    "attention_dropout",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "initializer_range",
    "pad_token_id",
    "torch_dtype",
    "transformers.js_config",
    "transformers_version",
    "use_cache",
];

/// Keys that may only say what the decoder does anyway.
const FIXED: &[(&str, &str)] = &[
    ("attention_bias", "false"),
    ("mlp_bias", "false"),
    ("hidden_act", "\"silu\""),
    ("model_type", "\"llama\""),
    ("is_llama_config", "true"),
    ("partial_rotary_factor", "1.0"),
    ("pretraining_tp", "1"),
    ("rope_interleaved", "false"),
    ("use_sliding_window", "false"),
];

/// Largest value of any size: products of two stay far from overflow.
const LARGEST: usize = 1 << 24;

/// Shape and constants of a Llama decoder.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    /// Width of the residual stream.
    pub(super) width: usize,
    /// Width inside the feed-forward block.
    pub(super) inner: usize,
    /// Number of layers.
    pub(super) layers: usize,
    /// Query heads.
    pub(super) heads: usize,
    /// Key and value heads; each serves `heads / key_value_heads` query heads.
    pub(super) key_value_heads: usize,
    /// Entries of one head, even.
    pub(super) head_dim: usize,
    /// Rows of the embedding.
    pub(super) vocabulary: usize,
    /// Largest number of positions.
    pub(super) context: usize,
    /// Added to the mean square in a norm.
    pub(super) epsilon: f64,
    /// Whether the head is the embedding.
    pub(super) head: Head,
    /// How positions turn keys and queries.
    pub(super) rotary: Rotary,
}

/// Where the head's weights are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The embedding, once more.
    Tied,
    /// `lm_head.weight`.
    Own,
}

/// Rotary embedding: base and scaling of its frequencies.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rotary {
    theta: f64,
    scaling: Scaling,
}

#[derive(Clone, Debug, PartialEq)]
enum Scaling {
    None,
    /// Llama 3.1: long wavelengths are stretched by `factor`, short ones kept.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original_context: f64,
    },
}

impl Config {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// What is missing, impossible or not supported, by key.
    pub(super) fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let mut fields = Fields::parse(json)?;
        architecture(&mut fields)?;
        let width = fields.count("hidden_size", LARGEST)?;
        let heads = fields.count("num_attention_heads", LARGEST)?;
        let config = Self {
            width,
            inner: fields.count("intermediate_size", LARGEST)?,
            layers: fields.count("num_hidden_layers", LARGEST)?,
            heads,
            key_value_heads: fields.count_or("num_key_value_heads", heads, LARGEST)?,
            head_dim: match fields.has("head_dim") {
                true => fields.count("head_dim", LARGEST)?,
                false if width.is_multiple_of(heads) => width / heads,
                false => {
                    return Err(impossible("hidden_size", width, "a multiple of num_attention_heads"));
                }
            },
            vocabulary: fields.count("vocab_size", LARGEST)?,
            context: fields.count("max_position_embeddings", LARGEST)?,
            epsilon: fields.positive("rms_norm_eps")?,
            head: match fields.flag_or("tie_word_embeddings", false)? {
                true => Head::Tied,
                false => Head::Own,
            },
            rotary: Rotary::parse(&mut fields)?,
        };
        for (key, value) in FIXED {
            fields.fixed(key, value)?;
        }
        fields.finish(WITHOUT_EFFECT)?;
        if !heads.is_multiple_of(config.key_value_heads) {
            let wanted = "a divisor of num_attention_heads";
            return Err(impossible("num_key_value_heads", config.key_value_heads, wanted));
        }
        if !config.head_dim.is_multiple_of(2) {
            return Err(impossible("head_dim", config.head_dim, "an even number"));
        }
        Ok(config)
    }
}

fn architecture(fields: &mut Fields) -> Result<(), ConfigError> {
    let supported = "[\"LlamaForCausalLM\"]";
    match fields.take("architectures") {
        Some(Value::Array(names)) if names == ["LlamaForCausalLM"] => Ok(()),
        Some(found) => Err(ConfigError::unsupported("architectures", &found, supported)),
        None => Err(ConfigError::Missing { key: "architectures".into() }),
    }
}

fn impossible(key: &str, found: usize, wanted: &str) -> ConfigError {
    ConfigError::Invalid { key: key.into(), found: found.to_string(), wanted: wanted.into() }
}

impl Rotary {
    /// `rope_parameters` as of transformers 5, or `rope_theta` and `rope_scaling`.
    fn parse(fields: &mut Fields) -> Result<Self, ConfigError> {
        let top = fields.positive_or("rope_theta", 10_000.0)?;
        let older = fields.object("rope_scaling")?;
        let newer = fields.object("rope_parameters")?;
        let mut rope = match (older, newer) {
            (None, None) => {
                return Ok(Self { theta: top, scaling: Scaling::None });
            }
            (Some(one), None) | (None, Some(one)) => one,
            (Some(_), Some(_)) => {
                return Err(ConfigError::Invalid {
                    key: "rope_scaling".into(),
                    found: "rope_parameters beside it".into(),
                    wanted: "one of the two".into(),
                });
            }
        };
        let theta = rope.positive_or("rope_theta", top)?;
        rope.fixed("partial_rotary_factor", "1.0")?;
        let older_name = rope.take("type");
        let kind = rope.take("rope_type").or(older_name).unwrap_or_else(|| "default".into());
        let scaling = match kind.as_str() {
            Some("default") => Scaling::None,
            Some("llama3") => Scaling::Llama3 {
                factor: rope.positive("factor")?,
                low: rope.positive("low_freq_factor")?,
                high: rope.positive("high_freq_factor")?,
                original_context: rope.count("original_max_position_embeddings", LARGEST)? as f64,
            },
            _ => {
                return Err(ConfigError::unsupported("rope_type", &kind, "\"default\" and \"llama3\""));
            }
        };
        rope.finish(&[])?;
        if let Scaling::Llama3 { low, high, .. } = scaling
            && low >= high
        {
            return Err(ConfigError::Invalid {
                key: "low_freq_factor".into(),
                found: low.to_string(),
                wanted: format!("less than high_freq_factor, {high}"),
            });
        }
        Ok(Self { theta, scaling })
    }

    /// Radians per position of each pair of a head's entries, `[head_dim / 2]`.
    pub(super) fn frequencies(&self, head_dim: usize) -> Vec<f64> {
        (0..head_dim / 2)
            .map(|pair| self.scaling.scale(self.theta.powf(-2.0 * pair as f64 / head_dim as f64)))
            .collect()
    }
}

impl Scaling {
    /// As in `_compute_llama3_parameters` of transformers' `modeling_rope_utils.py`.
    fn scale(&self, frequency: f64) -> f64 {
        let Self::Llama3 { factor, low, high, original_context } = *self else {
            return frequency;
        };
        let turns = original_context * frequency / std::f64::consts::TAU;
        if turns > high {
            frequency
        } else if turns < low {
            frequency / factor
        } else {
            let smooth = (turns - low) / (high - low);
            (1.0 - smooth) * frequency / factor + smooth * frequency
        }
    }
}
