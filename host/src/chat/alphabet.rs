//! What a tokenizer's tokens spell, and the space that it adds to texts.

use std::collections::HashMap;

use serde_json::{Value, json};

/// SentencePiece's sign for a space.
const SPACE: char = '▁';

/// How the tokens of a model's vocabulary are written.
pub(super) enum Alphabet {
    /// Byte by byte, in GPT-2's characters.
    Bytes(HashMap<char, u8>),
    /// As SentencePiece writes its pieces: `▁` is a space, `<0x0A>` a byte.
    Pieces,
}

impl Alphabet {
    /// Reads it off a tokenizer; what does not spell every text, or adds to
    /// texts in an unknown way, is refused.
    pub(super) fn of(tokenizer: &Value) -> Result<Self, String> {
        match tokenizer["model"]["type"].as_str() {
            Some("BPE") => {}
            kind => {
                let kind = kind.unwrap_or("unknown");
                return Err(format!("is a tokenizer of type {kind}; only BPE is supported: use another model"));
            }
        }
        let steps = ["normalizer", "pre_tokenizer", "decoder"].map(|key| components(&tokenizer[key]));
        let byte_level = |parts: &[&Value]| parts.iter().any(|part| part["type"] == "ByteLevel");
        if byte_level(&steps[1]) && byte_level(&steps[2]) {
            return match steps[1].iter().any(|part| part["add_prefix_space"] == true) {
                true => Err("puts a space before every text, which is not supported: use another model".into()),
                false => Ok(Self::Bytes(byte_characters())),
            };
        }
        let replaces = |part: &&&Value| match part["type"].as_str() {
            Some("Metaspace") => part["replacement"] == SPACE.to_string(),
            Some("Replace") => part["pattern"]["String"] == " " && part["content"] == SPACE.to_string(),
            _ => false,
        };
        let spaced = steps[..2].iter().flatten().find(replaces).is_some();
        match tokenizer["model"]["byte_fallback"] == true && spaced {
            true => Ok(Self::Pieces),
            false => Err("is a BPE tokenizer that is neither byte-level nor SentencePiece's with a token for every \
                          byte, which is not supported: use another model"
                .into()),
        }
    }

    /// The bytes that a token of the vocabulary stands for; none if it is not of
    /// this alphabet.
    pub(super) fn bytes(&self, token: &str) -> Option<Box<[u8]>> {
        match self {
            Self::Bytes(of_character) => token.chars().map(|character| of_character.get(&character).copied()).collect(),
            Self::Pieces => Some(match byte_of(token) {
                Some(byte) => Box::new([byte]),
                None => token.replace(SPACE, " ").into_bytes().into(),
            }),
        }
    }
}

/// What stands before a text that is spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing at all.
    Nothing,
    /// A control token.
    Control,
    /// Other text, which it goes on from.
    #[default]
    Text,
}

/// The texts that a tokenizer puts a space before: what goes on from other text
/// is never one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefixed {
    None,
    /// The first of all, unless it starts with one.
    First,
    /// That and those after control tokens, unless they start with one.
    Apart,
    /// All of these, spaces or not.
    Always,
}

impl Prefixed {
    /// Takes the space out of a tokenizer.
    pub(super) fn take(tokenizer: &mut Value) -> Result<Self, String> {
        let mut prefixed = Self::None;
        // A pre-tokenizer that cuts texts first would have a space put before each cut.
        let words = match &mut tokenizer["pre_tokenizer"] {
            sequence if sequence["type"] == "Sequence" => sequence["pretokenizers"].get_mut(0),
            single => Some(single),
        };
        if let Some(words) = words.filter(|words| words["type"] == "Metaspace") {
            let scheme = words["prepend_scheme"].as_str().unwrap_or("always");
            prefixed = match scheme {
                _ if words["add_prefix_space"] == false => Self::None,
                "never" => Self::None,
                "first" => Self::First,
                _ => Self::Apart,
            };
            words["prepend_scheme"] = json!("never");
            words["add_prefix_space"] = Value::Null;
        }
        if components(&tokenizer["pre_tokenizer"]).iter().any(|part| {
            part["type"] == "Metaspace" && part["prepend_scheme"] != "never" && part["add_prefix_space"] != false
        }) {
            return Err("puts a space before every word, which is not supported: use another model".into());
        }
        let normalizer = &tokenizer["normalizer"];
        let steps = match normalizer["type"].as_str() {
            None => return Ok(prefixed),
            Some("Sequence") => normalizer["normalizers"].as_array().cloned().unwrap_or_default(),
            Some(_) => vec![normalizer.clone()],
        };
        let (prepended, others): (Vec<Value>, Vec<Value>) =
            steps.into_iter().partition(|step| step["type"] == "Prepend");
        tokenizer["normalizer"] = json!({"type": "Sequence", "normalizers": others});
        for step in prepended {
            if step["prepend"] != SPACE.to_string() {
                let text = step["prepend"].as_str().unwrap_or_default();
                return Err(format!("puts {text:?} before every text, which is not supported: use another model"));
            }
            prefixed = Self::Always;
        }
        Ok(prefixed)
    }

    /// What is put before a text.
    pub(super) fn space(self, before: Before, text: &str) -> &'static str {
        let there = match (self, before) {
            (Self::None, _) | (_, Before::Text) | (Self::First, Before::Control) => false,
            (Self::First | Self::Apart, _) => !text.starts_with([' ', SPACE]),
            (Self::Always, _) => true,
        };
        if there && !text.is_empty() { " " } else { "" }
    }
}

/// A component of a tokenizer, with those of a sequence.
fn components(component: &Value) -> Vec<&Value> {
    let keys = ["normalizers", "pretokenizers", "decoders"];
    let parts = keys.iter().filter_map(|key| component[*key].as_array()).flatten();
    [component].into_iter().chain(parts.flat_map(components)).collect()
}

/// GPT-2's alphabet: printable bytes stand for themselves, the others for the
/// characters from U+0100 on.
fn byte_characters() -> HashMap<char, u8> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let (shown, hidden): (Vec<u8>, Vec<u8>) = (0..=u8::MAX).partition(printable);
    let hidden = ('\u{100}'..).zip(hidden);
    shown.into_iter().map(|byte| (char::from(byte), byte)).chain(hidden).collect()
}

/// The byte that a piece like `<0x0A>` stands for.
fn byte_of(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok())?
}
