//! The tokens of a GGUF file.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::super::metadata::Metadata;
use crate::model::LoadError;

const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
/// Tokens that are control tokens, whatever type the file gives them.
const CONTROL: [&str; 4] = [
    "tokenizer.ggml.bos_token_id",
    "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id",
];

/// Bytes of a token at most, far above those of any model: merges are found by
/// looking at every part of a token.
const LONGEST: usize = 4096;

/// What a token is for, by ggml's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 1: merges spell it.
    Normal,
    /// 2: stands for what has no token.
    Unknown,
    /// 3: stands for no text.
    Control,
    /// 4: text that is one token wherever it stands.
    UserDefined,
    /// 5: fills up the numbers.
    Unused,
    /// 6: a single byte.
    Byte,
}

impl Kind {
    fn of(number: u32) -> Option<Self> {
        let kinds = [Self::Normal, Self::Unknown, Self::Control, Self::UserDefined, Self::Unused, Self::Byte];
        kinds.get(number.checked_sub(1)? as usize).copied()
    }
}

/// The tokens, by number.
pub(super) struct Vocabulary<'a> {
    pub(super) tokens: Vec<&'a str>,
    pub(super) kinds: Vec<Kind>,
    /// Numbers of those that are used.
    ids: HashMap<&'a str, u32>,
}

impl<'a> Vocabulary<'a> {
    /// # Errors
    /// Lists that are missing or of different lengths, unknown types, a token
    /// that is there twice, and one that is too long.
    pub(super) fn read(metadata: &'a Metadata) -> Result<Self, LoadError> {
        let tokens: Vec<&str> = metadata.require(TOKENS)?;
        let numbers: Vec<u32> = metadata.require(TYPES)?;
        if numbers.len() != tokens.len() {
            return Err(unequal(metadata, TYPES, numbers.len(), tokens.len()));
        }
        if let Some(id) = tokens.iter().position(|token| token.len() > LONGEST) {
            let text =
                format!("`{TOKENS}` has a token {id} of {} bytes, and at most {LONGEST} are read", tokens[id].len());
            return Err(metadata.problem(format!("{text}: fetch the file again")));
        }
        let mut kinds = Vec::with_capacity(numbers.len());
        for number in numbers {
            let kind = Kind::of(number).ok_or_else(|| {
                metadata.problem(format!("`{TYPES}` holds {number}, and types go from 1 to 6: fetch the file again"))
            })?;
            kinds.push(kind);
        }
        let mut vocabulary = Self { tokens, kinds, ids: HashMap::new() };
        for key in CONTROL {
            if let Some((id, _)) = vocabulary.named(metadata, key)? {
                vocabulary.kinds[id as usize] = Kind::Control;
            }
        }
        for (id, token) in (0..).zip(&vocabulary.tokens) {
            if vocabulary.kinds[id as usize] == Kind::Unused || token.is_empty() {
                continue;
            }
            if let Some(first) = vocabulary.ids.insert(token, id) {
                let text = format!("`{TOKENS}` has {token:?} twice, as {first} and {id}: fetch the file again");
                return Err(metadata.problem(text));
            }
        }
        Ok(vocabulary)
    }

    /// The token that a key gives the number of, where there is such a key.
    ///
    /// # Errors
    /// A number that is no token's.
    pub(super) fn named(&self, metadata: &Metadata, key: &str) -> Result<Option<(u32, &'a str)>, LoadError> {
        let Some(id) = metadata.find::<u32>(key)? else { return Ok(None) };
        match self.tokens.get(id as usize) {
            Some(token) => Ok(Some((id, token))),
            None => {
                let text = format!("`{key}` is {id}, and there are {} tokens: fetch the file again", self.tokens.len());
                Err(metadata.problem(text))
            }
        }
    }

    /// The number of a token that is used.
    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }

    /// The first token of a kind.
    pub(super) fn first(&self, kind: Kind) -> Option<&'a str> {
        let at = self.kinds.iter().position(|each| *each == kind)?;
        self.tokens.get(at).copied()
    }

    /// `model.vocab`: numbers by token.
    pub(super) fn model(&self) -> Map<String, Value> {
        let used = (0..).zip(&self.tokens).filter(|(id, token)| self.id(token) == Some(*id));
        used.map(|(id, token)| ((*token).to_owned(), Value::from(id))).collect()
    }

    /// `added_tokens`: those that no merges spell.
    pub(super) fn added(&self) -> Vec<Value> {
        let tokens = (0_u32..).zip(&self.tokens).zip(&self.kinds);
        let added = tokens.filter_map(|((id, token), kind)| {
            let special = match kind {
                Kind::Control | Kind::Unknown => true,
                Kind::UserDefined => false,
                Kind::Normal | Kind::Unused | Kind::Byte => return None,
            };
            let token = json!({"id": id, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": special});
            (self.id(token["content"].as_str()?) == Some(id)).then_some(token)
        });
        added.collect()
    }
}

/// A list that is not as long as that of the tokens.
pub(super) fn unequal(metadata: &Metadata, key: &str, found: usize, tokens: usize) -> LoadError {
    metadata.problem(format!("`{key}` has {found} entries for {tokens} tokens: fetch the file again"))
}
