//! The tokenizer twice: as it is, and without its added vocabulary, so that a
//! guest's text cannot spell a control token.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::ChatError;
use super::alphabet::{Alphabet, Before, Prefixed};
use super::literal::Literal;
use crate::cache::plan::TokenId;

pub(super) const FILE: &str = "tokenizer.json";

/// Text to tokens and back.
pub(super) struct Spelling {
    /// Has no added vocabulary at all, and puts no space before texts.
    plain: Tokenizer,
    prefixed: Prefixed,
    /// Bytes of each token; none of those that stand for no text.
    bytes: Vec<Box<[u8]>>,
    /// A token for each single byte.
    single: Vec<TokenId>,
    added: HashSet<TokenId>,
}

impl Spelling {
    /// Reads `tokenizer.json`.
    ///
    /// # Errors
    /// A file that is no tokenizer, or one of a kind that is not supported.
    pub(super) fn load(json: &[u8]) -> Result<(Self, Literal), ChatError> {
        let problem = |problem| ChatError::File { file: FILE.into(), problem };
        let mut value: Value =
            serde_json::from_slice(json).map_err(|error| problem(format!("is not JSON: {error}; fetch it again")))?;
        let alphabet = Alphabet::of(&value).map_err(problem)?;
        let prefixed = Prefixed::take(&mut value).map_err(problem)?;
        for key in ["truncation", "padding"] {
            value[key] = Value::Null;
        }
        value["model"]["dropout"] = Value::Null;
        let literal = Literal::new(build(&value)?, prefixed);
        let added = Added::read(&value)?;
        let bytes = token_bytes(&value, &alphabet, &added)?;
        added.remove(&mut value);
        let plain = build(&value)?;
        let mut by_bytes = HashMap::new();
        let ids: HashSet<TokenId> = added.tokens.iter().map(|token| token.id).collect();
        for (token, bytes) in (0..).map(TokenId).zip(&bytes).filter(|(token, _)| !ids.contains(token)) {
            if let [byte] = **bytes {
                by_bytes.entry(byte).or_insert(token);
            }
        }
        let single: Option<Vec<TokenId>> = (0..=u8::MAX).map(|byte| by_bytes.get(&byte).copied()).collect();
        let single = single.ok_or_else(|| problem("has no token for some byte: use another model".into()))?;
        Ok((Self { plain, prefixed, bytes, single, added: ids }, literal))
    }

    /// Text as tokens; none of the added vocabulary can arise. What stands before
    /// it says whether a space is put there, where the tokenizer does that.
    pub(super) fn encode(&self, text: &str, before: Before) -> Vec<TokenId> {
        let text = &[self.prefixed.space(before, text), text].concat();
        let tokens: Option<Vec<TokenId>> = self.plain.encode(text.as_str(), false).ok().map(|encoding| {
            let ids = encoding.get_ids().iter();
            ids.map(|id| TokenId(*id)).collect()
        });
        match tokens.filter(|tokens| !tokens.iter().any(|token| self.is_added(*token))) {
            Some(tokens) => tokens,
            // Not known to happen; but what holds for all texts must not rest on a library.
            None => text.bytes().map(|byte| self.single[usize::from(byte)]).collect(),
        }
    }

    /// The bytes that a token stands for; none for a control token.
    pub(super) fn bytes(&self, token: TokenId) -> &[u8] {
        self.bytes.get(token.0 as usize).map(AsRef::as_ref).unwrap_or_default()
    }

    /// One more than the largest token.
    pub(super) fn vocabulary(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// Whether a token is of the added vocabulary.
    pub(super) fn is_added(&self, token: TokenId) -> bool {
        self.added.contains(&token)
    }
}

/// The tokens added to a tokenizer's model.
struct Added {
    tokens: Vec<AddedToken>,
}

struct AddedToken {
    id: TokenId,
    content: String,
    control: bool,
}

impl Added {
    fn read(value: &Value) -> Result<Self, ChatError> {
        let tokens = value["added_tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
        let read = |token: &Value| {
            let id = u32::try_from(token["id"].as_u64()?).ok().map(TokenId)?;
            let content = token["content"].as_str()?.to_owned();
            Some(AddedToken { id, content, control: token["special"].as_bool()? })
        };
        let tokens: Option<Vec<_>> = tokens.iter().map(read).collect();
        let problem = "has an added token without id, content and special: fetch it again".into();
        Ok(Self { tokens: tokens.ok_or(ChatError::File { file: FILE.into(), problem })? })
    }

    /// Takes them out of a tokenizer: of its additions, its model's vocabulary
    /// and the merges that spell them.
    fn remove(&self, value: &mut Value) {
        value["added_tokens"] = json!([]);
        value["post_processor"] = Value::Null;
        let contents: HashSet<&str> = self.tokens.iter().map(|token| token.content.as_str()).collect();
        let model = &mut value["model"];
        if let Some(vocabulary) = model["vocab"].as_object_mut() {
            vocabulary.retain(|token, _| !contents.contains(token.as_str()));
        }
        if let Some(merges) = model["merges"].as_array_mut() {
            merges.retain(|merge| match halves(merge) {
                Some((left, right)) => {
                    let whole = format!("{left}{right}");
                    ![left, right, &whole].iter().any(|part| contents.contains(part))
                }
                None => true,
            });
        }
        let unknown = model["unk_token"].as_str().is_some_and(|unknown| contents.contains(unknown));
        if unknown {
            model["unk_token"] = Value::Null;
        }
    }
}

/// A merge is written `"left right"` or `["left", "right"]`.
fn halves(merge: &Value) -> Option<(&str, &str)> {
    match merge {
        Value::String(merge) => merge.split_once(' '),
        Value::Array(merge) => Some((merge.first()?.as_str()?, merge.get(1)?.as_str()?)),
        _ => None,
    }
}

fn build(value: &Value) -> Result<Tokenizer, ChatError> {
    let read = || Tokenizer::from_bytes(serde_json::to_vec(value)?);
    read().map_err(|error| ChatError::File {
        file: FILE.into(),
        problem: format!("is not a tokenizer: {error}; fetch it again"),
    })
}

/// Bytes by token.
fn token_bytes(value: &Value, alphabet: &Alphabet, added: &Added) -> Result<Vec<Box<[u8]>>, ChatError> {
    let mut bytes: HashMap<u32, Box<[u8]>> = HashMap::new();
    for (token, id) in value["model"]["vocab"].as_object().into_iter().flatten() {
        let Some(id) = id.as_u64().and_then(|id| u32::try_from(id).ok()) else { continue };
        if bytes.insert(id, alphabet.bytes(token).unwrap_or_default()).is_some() {
            let problem = format!("gives {token:?} the number {id}, which another token has: fetch it again");
            return Err(ChatError::File { file: FILE.into(), problem });
        }
    }
    for token in &added.tokens {
        let text = if token.control { "" } else { token.content.as_str() };
        bytes.insert(token.id.0, text.as_bytes().into());
    }
    let len = bytes.keys().max().map_or(0, |last| *last as usize + 1);
    // Ids without a token are possible, but not more than there are tokens.
    if len > 2 * bytes.len() + 1024 {
        let problem = format!("numbers {} tokens up to {len}: fetch it again", bytes.len());
        return Err(ChatError::File { file: FILE.into(), problem });
    }
    Ok((0..len as u32).map(|id| bytes.remove(&id).unwrap_or_default()).collect())
}
