//! A model's tokens as the library wants them.

use std::collections::HashMap;
use std::sync::Arc;

use llguidance::toktrie::{INVALID_TOKEN, TokEnv, TokRxInfo, TokTrie, TokenizerEnv};

use crate::cache::TokenId;
use crate::chat::Chat;

/// Longer tokens than the library can hold spell nothing that shorter ones cannot.
const LONGEST: usize = 512;

struct Vocabulary {
    chat: Arc<Chat>,
    trie: TokTrie,
}

/// The tokens that may spell text, and how the tokenizer spells it.
pub(super) fn vocabulary(chat: Arc<Chat>) -> TokEnv {
    let spelled: Vec<Vec<u8>> = (0..chat.vocabulary()).map(TokenId).map(|token| spelled(&chat, token)).collect();
    let words = distinct(&chat, spelled);
    let ends: Vec<u32> = chat.ends().iter().map(|token| token.0).filter(|token| *token < chat.vocabulary()).collect();
    let info = TokRxInfo::new(chat.vocabulary(), ends.first().copied().unwrap_or(INVALID_TOKEN));
    let trie = TokTrie::from(&info, &words);
    let trie = if ends.is_empty() { trie } else { trie.with_eos_tokens(&ends) };
    Arc::new(Vocabulary { chat, trie })
}

/// The text that a token may be used for; none: it may not be used.
fn spelled(chat: &Chat, token: TokenId) -> Vec<u8> {
    let bytes = chat.token_bytes(token);
    let marker = bytes.first() == Some(&TokTrie::SPECIAL_TOKEN_MARKER);
    if chat.is_text(token) && bytes.len() <= LONGEST && !marker { bytes.to_vec() } else { Vec::new() }
}

/// Of several tokens that spell the same, keeps the one that the tokenizer uses.
fn distinct(chat: &Chat, mut words: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut by_bytes: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    for (token, word) in words.iter().enumerate().filter(|(_, word)| !word.is_empty()) {
        by_bytes.entry(word.clone()).or_default().push(token);
    }
    for (word, tokens) in by_bytes.into_iter().filter(|(_, tokens)| tokens.len() > 1) {
        let used = std::str::from_utf8(&word).map(|text| chat.encode_text(text)).unwrap_or_default();
        let kept = tokens.iter().find(|token| matches!(used[..], [only] if only.0 as usize == **token));
        let kept = *kept.unwrap_or(&tokens[0]);
        for token in tokens.into_iter().filter(|token| *token != kept) {
            words[token].clear();
        }
    }
    words
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        let spell = |text: &str| self.chat.encode_text(text).into_iter().map(|token| token.0).collect();
        let tokens = self.trie.tokenize_with_greedy_fallback(bytes, spell);
        // A tokenizer may add a space before a text, or may know a shorter way.
        if self.trie.decode(&tokens) == bytes { tokens } else { self.trie.greedy_tokenize(bytes) }
    }
}
