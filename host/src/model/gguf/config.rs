//! `config.json` of a GGUF file: its metadata under Hugging Face's keys. As
//! there, nothing is ignored that could change a result: a key of the model's
//! architecture that is not known is refused by name.

use serde_json::{Value, json};

use super::LoadError;
use super::metadata::{Metadata, Read};
use super::reader::Header;
use super::tensors::tensor_name;
use crate::model::family::{FAMILIES, Family};
use crate::model::weights::Pairs;

/// Keys of an architecture that are read below, or cannot change a result.
const KNOWN: [&str; 26] = [
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.layer_norm_rms_epsilon",
    "attention.sliding_window",
    "attention.value_length",
    "block_count",
    "context_length",
    "embedding_length",
    "expert_count",
    "expert_used_count",
    "feed_forward_length",
    "rope.dimension_count",
    "rope.freq_base",
    "rope.scale_linear",
    "rope.scaling.attn_factor",
    "rope.scaling.factor",
    "rope.scaling.finetuned",
    "rope.scaling.original_context_length",
    "rope.scaling.type",
    "rope.scaling.yarn_attn_factor",
    "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow",
    "rope.scaling.yarn_ext_factor",
    "tensor_data_layout",
    "vocab_size",
];

/// The family of a file's model. Its names are Hugging Face's, but that there
/// is one for Llama and Mistral.
///
/// # Errors
/// One that is not known.
pub(super) fn family(metadata: &Metadata) -> Result<Family, LoadError> {
    let key = "general.architecture";
    let found = metadata.require::<&str>(key)?;
    let known = || FAMILIES.into_iter().filter(|(.., family)| *family != Family::Mistral);
    match known().find(|(_, name, _)| *name == found) {
        Some((.., Family::Llama)) if window(&Keys { metadata, architecture: found })?.is_some() => Ok(Family::Mistral),
        Some((.., family)) => Ok(family),
        None => {
            let names: Vec<_> = known().map(|(_, name, _)| name).collect();
            Err(unsupported(metadata, key, &format!("{found:?}"), &names.join(", ")))
        }
    }
}

/// How the rows of queries and keys lie: llama.cpp's converter puts those of
/// Llama's kin that turn together side by side.
pub(super) fn pairs(family: Family) -> Pairs {
    match family {
        Family::Llama | Family::Mistral | Family::SmolLm3 => Pairs::Together,
        Family::Phi3 | Family::Qwen2 | Family::Qwen3 => Pairs::Halves,
    }
}

/// The file as `config.json` has it.
///
/// # Errors
/// Keys that are missing, or ask for something that the decoder does not do.
pub(super) fn config(header: &Header) -> Result<Value, LoadError> {
    let metadata = &header.metadata;
    let family = family(metadata)?;
    let keys = Keys { metadata, architecture: metadata.require("general.architecture")? };
    keys.check()?;
    let has = |tensor: &str| {
        let own = tensor_name(tensor);
        header.tensors.iter().any(|tensor| tensor.name == own)
    };
    let width = keys.require::<u64>("embedding_length")?;
    let heads = keys.require::<u64>("attention.head_count")?;
    let head_dim = match keys.find::<u64>("attention.key_length")? {
        Some(head_dim) => head_dim,
        None if heads > 0 && width.is_multiple_of(heads) => width / heads,
        None => {
            let text = format!("has {heads} heads for a width of {width}, which must be a multiple");
            return Err(metadata.problem(format!("{text}: fetch the file again")));
        }
    };
    keys.fixed("attention.value_length", head_dim)?;
    let vocabulary = vocabulary(header, &keys)?;
    let mut config = json!({
        "hidden_size": width,
        "intermediate_size": keys.require::<u64>("feed_forward_length")?,
        "num_hidden_layers": keys.require::<u64>("block_count")?,
        "num_attention_heads": heads,
        "num_key_value_heads": keys.find::<u64>("attention.head_count_kv")?.unwrap_or(heads),
        "head_dim": head_dim,
        "vocab_size": vocabulary,
        "max_position_embeddings": keys.require::<u64>("context_length")?,
        "rms_norm_eps": keys.require::<f64>("attention.layer_norm_rms_epsilon")?,
        "rope_theta": keys.find::<f64>("rope.freq_base")?.unwrap_or(10_000.0),
        "rope_scaling": scaling(&keys)?,
        "tie_word_embeddings": !has("lm_head.weight"),
    });
    for (class, model_type, _) in FAMILIES.iter().filter(|(.., each)| *each == family) {
        config["architectures"] = json!([class]);
        config["model_type"] = json!(model_type);
    }
    match family {
        Family::Mistral | Family::Phi3 => config["sliding_window"] = json!(window(&keys)?),
        _ => keys.fixed("attention.sliding_window", 0)?,
    }
    match family {
        Family::Phi3 => {
            // Half an entry more makes up for what the division loses.
            let turned = keys.find::<u64>("rope.dimension_count")?.filter(|turned| *turned < head_dim);
            config["partial_rotary_factor"] = json!(turned.map(|turned| (turned as f64 + 0.5) / head_dim as f64));
        }
        _ => keys.fixed("rope.dimension_count", head_dim)?,
    }
    if matches!(family, Family::Llama | Family::Qwen3 | Family::SmolLm3) {
        config["attention_bias"] = json!(has("model.layers.0.self_attn.q_proj.bias"));
    }
    Ok(config)
}

/// Rows of the embedding, one for each token.
fn vocabulary(header: &Header, keys: &Keys<'_>) -> Result<u64, LoadError> {
    let Some(tokens) = header.metadata.find::<Vec<&str>>("tokenizer.ggml.tokens")? else {
        return keys.require("vocab_size");
    };
    let tokens = tokens.len() as u64;
    let own = tensor_name("model.embed_tokens.weight");
    let embedding = header.tensors.iter().find(|tensor| tensor.name == own);
    match embedding.and_then(|embedding| embedding.dimensions.last()) {
        Some(rows) if *rows != tokens => {
            let text = format!("has a tokenizer of {tokens} tokens and an embedding of {rows} rows");
            Err(header.metadata.problem(format!("{text}: fetch the file again, or another model")))
        }
        _ => Ok(tokens),
    }
}

/// Positions that a layer sees; 0 stands for all.
fn window(keys: &Keys<'_>) -> Result<Option<u64>, LoadError> {
    Ok(keys.find::<u64>("attention.sliding_window")?.filter(|window| *window > 0))
}

/// `rope_scaling`; Llama 3's is a tensor instead.
fn scaling(keys: &Keys<'_>) -> Result<Value, LoadError> {
    // The older of two keys; where there is a factor and no type, it is linear.
    let factor = match keys.find::<f64>("rope.scaling.factor")? {
        Some(factor) => Some(factor),
        None => keys.find::<f64>("rope.scale_linear")?,
    };
    let kind = keys.find::<&str>("rope.scaling.type")?.unwrap_or("linear");
    Ok(match (kind, factor) {
        // An absent factor may be written as 0.
        ("none", _) | ("linear", None | Some(0.0)) => Value::Null,
        ("linear", Some(factor)) => json!({"rope_type": "linear", "factor": factor}),
        ("yarn", factor) => {
            for key in ["rope.scaling.attn_factor", "rope.scaling.yarn_ext_factor"] {
                keys.fixed(key, 1)?;
            }
            json!({
                "rope_type": "yarn",
                "factor": factor,
                "original_max_position_embeddings": keys.find::<u64>("rope.scaling.original_context_length")?,
                "attention_factor": keys.find::<f64>("rope.scaling.yarn_attn_factor")?,
                "beta_fast": keys.find::<f64>("rope.scaling.yarn_beta_fast")?,
                "beta_slow": keys.find::<f64>("rope.scaling.yarn_beta_slow")?,
            })
        }
        // What it does depends on its name alone; refused by name where it is read.
        (kind, _) => json!({"rope_type": kind}),
    })
}

/// Metadata of one architecture.
struct Keys<'a> {
    metadata: &'a Metadata,
    architecture: &'a str,
}

impl<'a> Keys<'a> {
    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.architecture)
    }

    fn find<T: Read<'a>>(&self, key: &str) -> Result<Option<T>, LoadError> {
        self.metadata.find(&self.key(key))
    }

    fn require<T: Read<'a>>(&self, key: &str) -> Result<T, LoadError> {
        self.metadata.require(&self.key(key))
    }

    /// A number that, where present, must be this one.
    fn fixed(&self, key: &str, wanted: u64) -> Result<(), LoadError> {
        match self.find::<f64>(key)? {
            Some(found) if found != wanted as f64 => {
                Err(unsupported(self.metadata, &self.key(key), &found.to_string(), &wanted.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Refuses keys that are not known, and what is not done.
    fn check(&self) -> Result<(), LoadError> {
        self.fixed("expert_count", 0)?;
        let own = |key: &str| key.strip_prefix(self.architecture)?.strip_prefix('.').map(str::to_owned);
        let unknown = self.metadata.keys().filter_map(own).filter(|key| !KNOWN.contains(&key.as_str())).min();
        if let Some(key) = unknown {
            let text = format!("has a key `{}`, which is not supported: use another model", self.key(&key));
            return Err(self.metadata.problem(text));
        }
        match self.metadata.find::<u64>("split.count")? {
            Some(count) if count > 1 => Err(self.metadata.problem(format!(
                "is one of {count} files of a model, which is not supported: join them with llama-gguf-split --merge"
            ))),
            _ => Ok(()),
        }
    }
}

fn unsupported(metadata: &Metadata, key: &str, found: &str, supported: &str) -> LoadError {
    metadata.problem(format!("`{key}` {found} is not supported, only {supported}: use another model"))
}
