//! `config.json`: what a decoder has. What it asks for and this decoder does
//! not do is refused by name; nothing is ignored that could change a result.

use std::num::NonZeroU32;

use super::family::Family;
use super::fields::{ConfigError, Fields};
use super::rotary::Rotary;

/// Keys that cannot change what a forward pass computes.
const WITHOUT_EFFECT: &[&str] = &[
    "_name_or_path",
    "attention_dropout",
    "auto_map",
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
    ("is_llama_config", "true"),
    ("lm_head_bias", "false"),
    ("pretraining_tp", "1"),
    ("rope_interleaved", "false"),
    ("use_mrope", "false"),
    ("use_sliding_window", "false"),
];

/// Largest value of any size: products of two stay far from overflow.
pub(super) const LARGEST: usize = 1 << 24;
/// Each takes memory before any weight is looked for.
const MOST_LAYERS: usize = 1 << 12;

/// Shape and constants of a decoder.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Config {
    /// Width of the residual stream.
    pub(super) width: usize,
    /// Width inside the feed-forward block.
    pub(super) inner: usize,
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
    /// Which projections have a bias.
    pub(super) biases: Biases,
    /// How the checkpoint stores them.
    pub(super) projections: Projections,
    /// Norms of single heads.
    pub(super) head_norms: HeadNorms,
    /// What each layer does in its own way.
    pub(super) layers: Vec<LayerConfig>,
}

/// Where the head's weights are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The embedding, once more.
    Tied,
    /// `lm_head.weight`.
    Own,
}

/// Which projections have a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Biases {
    /// None has.
    None,
    /// Those of queries, keys and values.
    Inputs,
    /// Those, and the attention's output.
    Attention,
}

/// How a checkpoint stores projections of one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Projections {
    /// Each by itself.
    Apart,
    /// Queries, keys and values one below another; gate and up as well.
    Fused,
}

/// Norms of single heads, before they are rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadNorms {
    /// There are none.
    None,
    /// One for all heads of queries, one for all of keys.
    QueriesAndKeys,
}

/// What one layer does in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LayerConfig {
    /// Whether positions matter.
    pub(super) positions: Positions,
    /// A row at position p sees only positions above p − window; none: all.
    pub(super) window: Option<NonZeroU32>,
}

/// What positions do to keys and queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Positions {
    /// Nothing.
    None,
    /// They turn them.
    Rotary,
}

impl Config {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// What is missing, impossible or not supported, by key.
    pub(super) fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let mut fields = Fields::parse(json)?;
        let family = Family::parse(&mut fields)?;
        let width = fields.count("hidden_size", LARGEST)?;
        let heads = fields.count("num_attention_heads", LARGEST)?;
        let head_dim = match fields.has("head_dim") {
            true => fields.count("head_dim", LARGEST)?,
            false if width.is_multiple_of(heads) => width / heads,
            false => {
                return Err(impossible("hidden_size", width, "a multiple of num_attention_heads"));
            }
        };
        if !head_dim.is_multiple_of(2) {
            return Err(impossible("head_dim", head_dim, "an even number"));
        }
        let context = fields.count("max_position_embeddings", LARGEST)?;
        let layers = fields.count("num_hidden_layers", MOST_LAYERS)?;
        let config = Self {
            width,
            inner: fields.count("intermediate_size", LARGEST)?,
            heads,
            key_value_heads: fields.count_or("num_key_value_heads", heads, LARGEST)?,
            head_dim,
            vocabulary: fields.count("vocab_size", LARGEST)?,
            context,
            epsilon: fields.positive("rms_norm_eps")?,
            head: match family.tied(&mut fields)? {
                true => Head::Tied,
                false => Head::Own,
            },
            rotary: Rotary::parse(&mut fields, family, (head_dim, context))?,
            biases: family.biases(&mut fields)?,
            projections: family.projections(),
            head_norms: family.head_norms(),
            layers: family.layers(&mut fields, layers)?,
        };
        // What a family reads is gone from the fields; the rest may not ask for more.
        for (key, value) in FIXED {
            fields.fixed(key, value)?;
        }
        fields.finish(&[WITHOUT_EFFECT, family.without_effect()].concat())?;
        if !heads.is_multiple_of(config.key_value_heads) {
            let wanted = "a divisor of num_attention_heads";
            return Err(impossible("num_key_value_heads", config.key_value_heads, wanted));
        }
        Ok(config)
    }
}

pub(super) fn impossible(key: &str, found: impl ToString, wanted: &str) -> ConfigError {
    ConfigError::Invalid { key: key.into(), found: found.to_string(), wanted: wanted.into() }
}
