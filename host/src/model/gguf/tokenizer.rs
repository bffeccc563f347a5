//! A GGUF file's tokenizer, as the `tokenizer.json` that a Hugging Face
//! directory has for it: what reads the one reads the other. The keys
//! `tokenizer.ggml.*` are those of ggml's `docs/gguf.md`.

mod byte_level;
mod pieces;
mod vocabulary;

use serde_json::{Value, json};

use self::vocabulary::Vocabulary;
use super::metadata::Metadata;
use crate::model::LoadError;

/// What the kinds of tokenizers have of their own, as parts of the JSON file.
struct Parts {
    normalizer: Value,
    pre_tokenizer: Value,
    decoder: Value,
    model: Value,
    /// Whether it puts the beginning-of-sequence token first, if the file does
    /// not say.
    begins: bool,
}

/// The bytes of a `tokenizer.json` that spells every text as this file's
/// tokenizer does.
///
/// # Errors
/// A tokenizer of a kind that is not supported, keys that are missing, and
/// lists that do not fit one another.
pub(super) fn tokenizer_json(metadata: &Metadata) -> Result<Vec<u8>, LoadError> {
    let parts = match metadata.require("tokenizer.ggml.model")? {
        "gpt2" => byte_level::parts,
        "llama" => pieces::parts,
        other => {
            let text = format!(
                "`tokenizer.ggml.model` {other:?} is not supported, only \"gpt2\" (byte-level BPE) and \"llama\" \
                 (SentencePiece BPE): use another model"
            );
            return Err(metadata.problem(text));
        }
    };
    let vocabulary = Vocabulary::read(metadata)?;
    let parts = parts(metadata, &vocabulary)?;
    let begins = metadata.find("tokenizer.ggml.add_bos_token")?.unwrap_or(parts.begins);
    let beginning = vocabulary.named(metadata, "tokenizer.ggml.bos_token_id")?.filter(|_| begins);
    let tokenizer = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": vocabulary.added(),
        "normalizer": parts.normalizer,
        "pre_tokenizer": parts.pre_tokenizer,
        "post_processor": beginning.map(|(id, token)| begin_with(id, token)),
        "decoder": parts.decoder,
        "model": parts.model,
    });
    Ok(tokenizer.to_string().into_bytes())
}

/// Puts a token before every text.
fn begin_with(id: u32, token: &str) -> Value {
    let first = json!({"SpecialToken": {"id": token, "type_id": 0}});
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    json!({
        "type": "TemplateProcessing",
        "single": [first, text("A")],
        "pair": [first, text("A"), text("B")],
        "special_tokens": {token: {"id": token, "ids": [id], "tokens": [token]}},
    })
}

#[cfg(test)]
mod tests;
