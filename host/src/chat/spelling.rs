//! The tokenizer twice: as it is, and without its added vocabulary, so that a
//! guest's text cannot spell a control token.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::ChatError;
use crate::cache::plan::TokenId;

const FILE: &str = "tokenizer.json";

/// Text to tokens and back.
pub(super) struct Spelling {
    /// Has no added vocabulary at all.
    plain: Tokenizer,
    /// Bytes of each token; none of those that stand for no text.
    bytes: Vec<Box<[u8]>>,
    /// A token for each single byte.
    single: Vec<TokenId>,
    added: HashSet<TokenId>,
}

/// The tokenizer with its added vocabulary, for text of the chat template.
pub(super) struct Literal(Tokenizer);

/// Template text, cut where its control tokens end or begin.
#[derive(Clone, Default)]
pub(super) struct Cut {
    /// Tokens of the part that holds the control tokens.
    pub(super) tokens: Vec<TokenId>,
    /// Plain text beside it, to be spelled together with a message's text.
    pub(super) plain: String,
}

impl Spelling {
    /// Reads `tokenizer.json`.
    ///
    /// # Errors
    /// A file that is no tokenizer, or one that is not byte-level BPE.
    pub(super) fn load(json: &[u8]) -> Result<(Self, Literal), ChatError> {
        let problem = |problem| ChatError::File { file: FILE.into(), problem };
        let mut value: Value =
            serde_json::from_slice(json).map_err(|error| problem(format!("is not JSON: {error}; fetch it again")))?;
        byte_level(&value).map_err(problem)?;
        for key in ["truncation", "padding"] {
            value[key] = Value::Null;
        }
        value["model"]["dropout"] = Value::Null;
        let literal = build(&value)?;
        let added = Added::read(&value)?;
        let bytes = token_bytes(&value, &added)?;
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
        Ok((Self { plain, bytes, single, added: ids }, Literal(literal)))
    }

    /// Text as tokens; none of the added vocabulary can arise.
    pub(super) fn encode(&self, text: &str) -> Vec<TokenId> {
        let tokens: Option<Vec<TokenId>> = self.plain.encode(text, false).ok().map(|encoding| {
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

impl Literal {
    /// The token of this very name.
    pub(super) fn token(&self, name: &str) -> Option<TokenId> {
        self.0.token_to_id(name).map(TokenId)
    }

    /// Tokens of template text, control tokens and all.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<TokenId>, ChatError> {
        Ok(self.spelled(text)?.into_iter().map(|spelled| spelled.token).collect())
    }

    /// What the tokenizer itself puts before every text.
    pub(super) fn first_of_all(&self) -> Option<TokenId> {
        let encoding = self.0.encode("", true).ok()?;
        encoding.get_ids().first().copied().map(TokenId)
    }

    /// Cuts after the last control token.
    pub(super) fn cut_opening(&self, text: &str, spelling: &Spelling) -> Result<Cut, ChatError> {
        let all = self.spelled(text)?;
        let kept = all.iter().rposition(|spelled| spelling.is_added(spelled.token)).map_or(0, |last| last + 1);
        let end = all[..kept].last().map_or(0, |last| last.text.end);
        Ok(Cut { tokens: all[..kept].iter().map(|spelled| spelled.token).collect(), plain: text[end..].to_owned() })
    }

    /// Cuts before the first control token.
    pub(super) fn cut_closing(&self, text: &str, spelling: &Spelling) -> Result<Cut, ChatError> {
        let all = self.spelled(text)?;
        let first = all.iter().position(|spelled| spelling.is_added(spelled.token)).unwrap_or(all.len());
        let start = all.get(first).map_or(text.len(), |first| first.text.start);
        Ok(Cut { tokens: all[first..].iter().map(|spelled| spelled.token).collect(), plain: text[..start].to_owned() })
    }

    fn spelled(&self, text: &str) -> Result<Vec<Spelled>, ChatError> {
        let encoding = self.0.encode(text, false).map_err(|error| ChatError::File {
            file: FILE.into(),
            problem: format!("cannot spell the chat template's {text:?}: {error}"),
        })?;
        let tokens = encoding.get_ids().iter().zip(encoding.get_offsets());
        Ok(tokens.map(|(id, (start, end))| Spelled { token: TokenId(*id), text: *start..*end }).collect())
    }
}

/// A token and the bytes of the text that it stands for.
struct Spelled {
    token: TokenId,
    text: Range<usize>,
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

/// Refuses what does not spell any text byte by byte, or adds to it.
fn byte_level(value: &Value) -> Result<(), String> {
    let kind = value["model"]["type"].as_str().unwrap_or("unknown");
    let splits = components(&value["pre_tokenizer"]);
    let spaced = splits.iter().any(|part| part["add_prefix_space"] == true);
    let bytes = [splits, components(&value["decoder"])]
        .iter()
        .all(|parts| parts.iter().any(|part| part["type"] == "ByteLevel"));
    match kind {
        "BPE" if bytes && !spaced => Ok(()),
        "BPE" if bytes => Err("puts a space before every text, which is not supported: use another model".into()),
        "BPE" => Err("is a BPE tokenizer that is not byte-level, which is not supported: use another model".into()),
        _ => Err(format!("is a {kind} tokenizer; only byte-level BPE is supported: use another model")),
    }
}

/// A component of a tokenizer, with those of a sequence.
fn components(component: &Value) -> Vec<&Value> {
    let parts = ["pretokenizers", "decoders"].iter().filter_map(|key| component[*key].as_array()).flatten();
    [component].into_iter().chain(parts.flat_map(components)).collect()
}

/// Bytes by token.
fn token_bytes(value: &Value, added: &Added) -> Result<Vec<Box<[u8]>>, ChatError> {
    let of_character = byte_characters();
    let mut bytes: HashMap<u32, Box<[u8]>> = HashMap::new();
    for (token, id) in value["model"]["vocab"].as_object().into_iter().flatten() {
        let Some(id) = id.as_u64().and_then(|id| u32::try_from(id).ok()) else { continue };
        let spelled: Option<Box<[u8]>> = token.chars().map(|character| of_character.get(&character).copied()).collect();
        bytes.insert(id, spelled.unwrap_or_default());
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

/// GPT-2's alphabet: printable bytes stand for themselves, the others for the
/// characters from U+0100 on.
fn byte_characters() -> HashMap<char, u8> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let (shown, hidden): (Vec<u8>, Vec<u8>) = (0..=u8::MAX).partition(printable);
    let hidden = ('\u{100}'..).zip(hidden);
    shown.into_iter().map(|byte| (char::from(byte), byte)).chain(hidden).collect()
}
