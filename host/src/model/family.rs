//! The families of decoders, and what each reads of `config.json` in its own
//! way. Where a key is absent its family's default counts, as in transformers'
//! `configuration_*.py`.

use std::num::NonZeroU32;

use serde_json::Value;

use super::config::{Biases, HeadNorms, LARGEST, LayerConfig, Positions, Projections};
use super::fields::{ConfigError, Fields};

/// A family, by what `architectures` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Llama 2 and 3, SmolLM2.
    Llama,
    /// Keys outside a window of positions are not seen.
    Mistral,
    /// Fused projections; a part of each head may turn.
    Phi3,
    /// Biases on queries, keys and values.
    Qwen2,
    /// A norm on each head's queries and keys.
    Qwen3,
    /// Some layers know no positions.
    SmolLm3,
}

/// `architectures`, `model_type`.
pub(super) const FAMILIES: [(&str, &str, Family); 6] = [
    ("LlamaForCausalLM", "llama", Family::Llama),
    ("MistralForCausalLM", "mistral", Family::Mistral),
    ("Phi3ForCausalLM", "phi3", Family::Phi3),
    ("Qwen2ForCausalLM", "qwen2", Family::Qwen2),
    ("Qwen3ForCausalLM", "qwen3", Family::Qwen3),
    ("SmolLM3ForCausalLM", "smollm3", Family::SmolLm3),
];

impl Family {
    pub(super) fn parse(fields: &mut Fields) -> Result<Self, ConfigError> {
        let Some(found) = fields.take("architectures") else {
            return Err(ConfigError::Missing { key: "architectures".into() });
        };
        let named = |(name, ..): &&(&str, &str, Family)| found == Value::from(vec![*name]);
        let Some((_, model_type, family)) = FAMILIES.iter().find(named) else {
            let names: Vec<_> = FAMILIES.iter().map(|(name, ..)| *name).collect();
            return Err(ConfigError::unsupported("architectures", &found, &names.join(", ")));
        };
        fields.fixed("model_type", &format!("\"{model_type}\""))?;
        Ok(*family)
    }

    /// Keys that cannot change what this family's forward pass computes.
    pub(super) fn without_effect(self) -> &'static [&'static str] {
        match self {
            Self::Phi3 => &["embd_pdrop", "original_max_position_embeddings", "resid_pdrop"],
            Self::SmolLm3 => &["max_window_layers", "pretraining_tp"],
            _ => &[],
        }
    }

    /// Base of the rotary frequencies.
    pub(super) fn theta(self) -> f64 {
        match self {
            Self::SmolLm3 => 2_000_000.0,
            _ => 10_000.0,
        }
    }

    /// Whether the head is the embedding.
    pub(super) fn tied(self, fields: &mut Fields) -> Result<bool, ConfigError> {
        fields.flag_or("tie_word_embeddings", self == Self::SmolLm3)
    }

    pub(super) fn projections(self) -> Projections {
        match self {
            Self::Phi3 => Projections::Fused,
            _ => Projections::Apart,
        }
    }

    pub(super) fn head_norms(self) -> HeadNorms {
        match self {
            Self::Qwen3 => HeadNorms::QueriesAndKeys,
            _ => HeadNorms::None,
        }
    }

    pub(super) fn biases(self, fields: &mut Fields) -> Result<Biases, ConfigError> {
        match self {
            Self::Qwen2 => Ok(Biases::Inputs),
            Self::Llama | Self::Qwen3 | Self::SmolLm3 => match fields.flag_or("attention_bias", false)? {
                true => Ok(Biases::Attention),
                false => Ok(Biases::None),
            },
            Self::Mistral | Self::Phi3 => Ok(Biases::None),
        }
    }

    /// What each of so many layers does in its own way.
    pub(super) fn layers(self, fields: &mut Fields, layers: usize) -> Result<Vec<LayerConfig>, ConfigError> {
        let positions = match self {
            Self::SmolLm3 => layers_with_positions(fields, layers)?,
            _ => vec![Positions::Rotary; layers],
        };
        let windows = match self {
            Self::Llama => vec![None; layers],
            Self::Mistral => vec![fields.window_or("sliding_window", Some(4096))?; layers],
            Self::Phi3 => vec![fields.window_or("sliding_window", None)?; layers],
            Self::Qwen2 | Self::Qwen3 => {
                let first = fields.whole_or("max_window_layers", 28, 0..=LARGEST)?;
                windows(fields, Some(4096), (0..layers).map(|layer| layer >= first))?
            }
            Self::SmolLm3 => windows(fields, None, positions.iter().map(|each| *each == Positions::None))?,
        };
        let layer = |(positions, window)| LayerConfig { positions, window };
        Ok(positions.into_iter().zip(windows).map(layer).collect())
    }
}

/// Every fourth layer knows no positions, or as the list says: 0 where none.
fn layers_with_positions(fields: &mut Fields, layers: usize) -> Result<Vec<Positions>, ConfigError> {
    let interval = fields.whole_or("no_rope_layer_interval", 4, 1..=LARGEST)?;
    let every = || (1..=layers).map(|number| u64::from(!number.is_multiple_of(interval))).collect();
    let listed = fields.list("no_rope_layers", layers, "0 or 1", |value| value.as_u64().filter(|each| *each <= 1))?;
    let rotates = listed.unwrap_or_else(every);
    Ok(rotates.into_iter().map(|each| if each == 0 { Positions::None } else { Positions::Rotary }).collect())
}

/// Windows where `use_sliding_window` says so: of the layers that `layer_types`
/// names, or else of those of `usual`.
fn windows(
    fields: &mut Fields,
    default: Option<u32>,
    usual: impl ExactSizeIterator<Item = bool>,
) -> Result<Vec<Option<NonZeroU32>>, ConfigError> {
    let used = fields.flag_or("use_sliding_window", false)?;
    let window = fields.window_or("sliding_window", default)?.filter(|_| used);
    let wanted = match window {
        Some(_) => "\"full_attention\" or \"sliding_attention\"",
        None => "\"full_attention\", for there is no sliding window",
    };
    let slides = |value: &Value| match value.as_str() {
        Some("full_attention") => Some(false),
        Some("sliding_attention") if window.is_some() => Some(true),
        _ => None,
    };
    let slide = match fields.list("layer_types", usual.len(), wanted, slides)? {
        Some(slide) => slide,
        None => usual.collect(),
    };
    Ok(slide.into_iter().map(|slides| window.filter(|_| slides)).collect())
}
