//! An exact choice among strings, by masking.

use std::collections::HashMap;

use crate::cache::TokenId;
use crate::chat::Chat;

/// Tokens by the bytes they stand for; made once, on first use.
#[derive(Debug)]
pub(super) struct TokenIndex {
    by_bytes: HashMap<Vec<u8>, TokenId>,
    longest: usize,
}

impl TokenIndex {
    /// Over all tokens; those that stand for text alone spell strings.
    pub(super) fn new(chat: &Chat) -> Self {
        let tokens = || (0..chat.vocabulary()).map(TokenId);
        let text = tokens().filter(|token| chat.is_text(*token));
        Self {
            longest: tokens().map(|token| chat.token_bytes(token).len()).max().unwrap_or(0),
            by_bytes: by_bytes(text.map(|token| (token, chat.token_bytes(token).to_vec()))),
        }
    }

    /// Bytes of the longest token.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The tokens that begin `text`.
    fn beginning(&self, text: &[u8]) -> impl Iterator<Item = TokenId> {
        let longest = self.longest.min(text.len());
        (1..=longest).filter_map(|len| self.by_bytes.get(&text[..len]).copied())
    }
}

/// The first token of each spelling.
fn by_bytes(tokens: impl Iterator<Item = (TokenId, Vec<u8>)>) -> HashMap<Vec<u8>, TokenId> {
    let mut by_bytes = HashMap::new();
    for (token, bytes) in tokens {
        by_bytes.entry(bytes).or_insert(token);
    }
    by_bytes
}

/// What the generated text may still become.
#[derive(Debug)]
pub(super) struct OneOf {
    /// What is missing of each string that still fits.
    left: Vec<Vec<u8>>,
}

impl OneOf {
    pub(super) fn new(strings: &[String]) -> Self {
        Self { left: strings.iter().map(|string| string.clone().into_bytes()).collect() }
    }

    /// Whether the text is one of the strings.
    pub(super) fn may_end(&self) -> bool {
        self.left.iter().any(Vec::is_empty)
    }

    /// Whether nothing may follow the text.
    pub(super) fn must_end(&self) -> bool {
        self.left.iter().all(Vec::is_empty)
    }

    /// Sets the logits of all tokens that lead out of the strings to −∞;
    /// `ends` are the tokens that end a message.
    pub(super) fn mask(&self, logits: &mut [f32], index: &TokenIndex, ends: &[TokenId]) {
        let mut allowed: Vec<TokenId> = self.left.iter().flat_map(|left| index.beginning(left)).collect();
        if self.may_end() {
            allowed.extend_from_slice(ends);
        }
        allowed.sort_unstable();
        allowed.dedup();
        let kept: Vec<f32> = allowed.iter().map(|token| logits[token.0 as usize]).collect();
        logits.fill(f32::NEG_INFINITY);
        for (token, logit) in allowed.iter().zip(kept) {
            logits[token.0 as usize] = logit;
        }
    }

    /// The text went on with these bytes.
    pub(super) fn advance(&mut self, bytes: &[u8]) {
        self.left.retain_mut(|left| {
            let fits = left.starts_with(bytes);
            if fits {
                left.drain(..bytes.len());
            }
            fits
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> TokenIndex {
        let texts = ["y", "e", "s", "ye", "yes", " ", "p", "no", "n", "o"];
        let tokens = (0..).map(TokenId).zip(texts.map(|text| text.as_bytes().to_vec()));
        TokenIndex { by_bytes: by_bytes(tokens), longest: 3 }
    }

    fn allowed(choice: &OneOf) -> Vec<usize> {
        let mut logits = vec![1.0; 11];
        choice.mask(&mut logits, &index(), &[TokenId(10)]);
        (0..11).filter(|token| logits[*token] == 1.0).collect()
    }

    #[test]
    fn only_ways_into_the_strings_are_left() {
        let mut choice = OneOf::new(&["yes".into(), "yes p".into(), "no".into()]);
        assert_eq!(allowed(&choice), [0, 3, 4, 7, 8]);
        choice.advance(b"ye");
        assert_eq!(allowed(&choice), [2]);
        choice.advance(b"s");
        assert!(choice.may_end() && !choice.must_end());
        assert_eq!(allowed(&choice), [5, 10], "it may go on, or end");
        choice.advance(b" ");
        choice.advance(b"p");
        assert!(choice.must_end());
    }
}
