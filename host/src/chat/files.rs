//! What of a model's files concerns its chat format.

use std::borrow::Cow;
use std::io;

use serde_json::{Map, Value};

use super::ChatError;
use crate::cache::plan::TokenId;

const TOKENIZER: &str = "tokenizer.json";

/// The files, read.
pub(super) struct Files {
    /// `tokenizer.json`.
    pub(super) tokenizer: Cow<'static, [u8]>,
    /// The chat template, where there is one.
    pub(super) template: Option<String>,
    /// Control tokens by the names that templates use: `bos_token` and others.
    pub(super) names: Map<String, Value>,
    /// `eos_token_id` of the configurations.
    pub(super) ends: Vec<TokenId>,
}

impl Files {
    /// Reads what is there.
    pub(super) fn read(read: impl Fn(&str) -> io::Result<Option<Cow<'static, [u8]>>>) -> Result<Self, ChatError> {
        let bytes = |file: &str| read(file).map_err(|error| problem(file, format!("cannot be read: {error}")));
        let object = |file: &str| match bytes(file)? {
            None => Ok(Map::new()),
            Some(bytes) => serde_json::from_slice::<Map<String, Value>>(&bytes)
                .map_err(|error| problem(file, format!("is not a JSON object ({error}): fetch it again"))),
        };
        let tokenizer = bytes(TOKENIZER)?
            .ok_or_else(|| problem(TOKENIZER, "is missing: name a Hugging Face model directory that has one".into()))?;
        let config = object("tokenizer_config.json")?;
        let template = match bytes("chat_template.jinja")? {
            Some(template) => Some(String::from_utf8_lossy(&template).into_owned()),
            None => config.get("chat_template").and_then(template_of),
        };
        let names = config.iter().filter_map(|(key, value)| {
            let name = value.as_str().or_else(|| value.get("content")?.as_str())?;
            Some((key.clone(), Value::from(name))).filter(|_| key.ends_with("_token"))
        });
        let names = names.collect();
        let mut ends = Vec::new();
        for file in ["config.json", "generation_config.json"] {
            let ids = match object(file)?.get("eos_token_id") {
                Some(Value::Array(ids)) => ids.clone(),
                Some(id) => vec![id.clone()],
                None => Vec::new(),
            };
            ends.extend(ids.iter().filter_map(|id| u32::try_from(id.as_u64()?).ok()).map(TokenId));
        }
        Ok(Self { tokenizer, template, names, ends })
    }

    /// A control token's text, by the name that templates use.
    pub(super) fn name(&self, name: &str) -> Option<&str> {
        self.names.get(name)?.as_str()
    }
}

/// One template, or the default one of a list of named ones.
fn template_of(value: &Value) -> Option<String> {
    match value {
        Value::Array(named) => {
            let default = named.iter().find(|template| template["name"] == "default")?;
            default["template"].as_str().map(str::to_owned)
        }
        _ => value.as_str().map(str::to_owned),
    }
}

fn problem(file: &str, problem: String) -> ChatError {
    ChatError::File { file: file.into(), problem }
}
