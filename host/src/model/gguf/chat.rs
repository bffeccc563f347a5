//! What of a GGUF file's metadata concerns its chat format, as Hugging Face's
//! files have it.

use serde_json::{Map, Value, json};

use super::LoadError;
use super::metadata::Metadata;

/// Names that templates use, and the keys of their tokens' ids.
const NAMED: [(&str, &str); 4] = [
    ("bos_token", "tokenizer.ggml.bos_token_id"),
    ("eos_token", "tokenizer.ggml.eos_token_id"),
    ("unk_token", "tokenizer.ggml.unknown_token_id"),
    ("pad_token", "tokenizer.ggml.padding_token_id"),
];

/// Tokens that end an answer: a sequence's end, a turn's and a message's.
const ENDS: [&str; 3] = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

/// `tokenizer_config.json`: the template and the control tokens that it names.
///
/// # Errors
/// Values of other kinds; an id of no token.
pub(super) fn tokenizer_config(metadata: &Metadata) -> Result<Value, LoadError> {
    let tokens = metadata.find::<Vec<&str>>("tokenizer.ggml.tokens")?.unwrap_or_default();
    let mut config = Map::new();
    if let Some(template) = metadata.find::<&str>("tokenizer.chat_template")? {
        config.insert("chat_template".into(), template.into());
    }
    for (name, key) in NAMED {
        let Some(id) = metadata.find::<u32>(key)? else { continue };
        let Some(token) = tokens.get(id as usize) else {
            let text = format!("`{key}` is {id}, and there are {} tokens: fetch the file again", tokens.len());
            return Err(metadata.problem(text));
        };
        config.insert(name.into(), (*token).into());
    }
    Ok(Value::Object(config))
}

/// `generation_config.json`: what ends an answer.
///
/// # Errors
/// Values of other kinds.
pub(super) fn generation_config(metadata: &Metadata) -> Result<Value, LoadError> {
    let ids: Result<Vec<_>, _> = ENDS.iter().map(|key| metadata.find::<u32>(key)).collect();
    Ok(json!({ "eos_token_id": ids?.into_iter().flatten().collect::<Vec<_>>() }))
}
