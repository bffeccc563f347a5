//! Template text as tokens, control tokens and all.

use std::ops::Range;

use tokenizers::Tokenizer;

use super::ChatError;
use super::alphabet::{Before, Prefixed};
use crate::cache::plan::TokenId;

/// The tokenizer with its added vocabulary, for text of the chat template.
pub(super) struct Literal {
    /// Puts no space before texts.
    tokenizer: Tokenizer,
    prefixed: Prefixed,
}

/// Template text, cut where its control tokens end or begin.
#[derive(Clone, Default)]
pub(super) struct Cut {
    /// Tokens of the part that holds the control tokens.
    pub(super) tokens: Vec<TokenId>,
    /// Plain text beside it, to be spelled together with a message's text.
    pub(super) plain: String,
    /// What stands before that.
    pub(super) before: Before,
}

impl Literal {
    pub(super) fn new(tokenizer: Tokenizer, prefixed: Prefixed) -> Self {
        Self { tokenizer, prefixed }
    }

    /// The token of this very name.
    pub(super) fn token(&self, name: &str) -> Option<TokenId> {
        self.tokenizer.token_to_id(name).map(TokenId)
    }

    /// Tokens of a whole text of the template's.
    pub(super) fn encode(&self, text: &str) -> Result<Vec<TokenId>, ChatError> {
        Ok(self.spelled(text, Before::Nothing)?.into_iter().map(|spelled| spelled.token).collect())
    }

    /// What the tokenizer itself puts before every text.
    pub(super) fn first_of_all(&self) -> Option<TokenId> {
        let encoding = self.tokenizer.encode("", true).ok()?;
        encoding.get_ids().first().copied().map(TokenId)
    }

    /// What this text is to the one that comes after it.
    pub(super) fn as_before(&self, text: &str) -> Result<Before, ChatError> {
        let control = self.spelled(text, Before::Text)?.last().is_some_and(|last| self.is_added(last.token));
        Ok(if control { Before::Control } else { Before::Text })
    }

    /// Cuts after the last control token of a text with something before it.
    pub(super) fn cut_opening(&self, text: &str, before: Before) -> Result<Cut, ChatError> {
        let all = self.spelled(text, before)?;
        let Some(last) = all.iter().rposition(|spelled| self.is_added(spelled.token)) else {
            return Ok(Cut { tokens: Vec::new(), plain: text.to_owned(), before });
        };
        let plain = text[all[last].text.end..].to_owned();
        Ok(Cut { tokens: tokens(&all[..=last]), plain, before: Before::Control })
    }

    /// Cuts before the first control token.
    pub(super) fn cut_closing(&self, text: &str) -> Result<Cut, ChatError> {
        let all = self.spelled(text, Before::Text)?;
        let first = all.iter().position(|spelled| self.is_added(spelled.token)).unwrap_or(all.len());
        let start = all.get(first).map_or(text.len(), |first| first.text.start);
        Ok(Cut { tokens: tokens(&all[first..]), plain: text[..start].to_owned(), before: Before::Text })
    }

    fn is_added(&self, token: TokenId) -> bool {
        self.tokenizer.get_added_vocabulary().get_added_tokens_decoder().contains_key(&token.0)
    }

    /// A space may stand before each stretch between control tokens.
    fn spelled(&self, text: &str, mut before: Before) -> Result<Vec<Spelled>, ChatError> {
        let all = self.stretch(text, "")?;
        if self.prefixed == Prefixed::None {
            return Ok(all);
        }
        let mut spelled = Vec::new();
        let mut from = 0;
        for added in all.into_iter().filter(|each| self.is_added(each.token)) {
            let between = &text[from..added.text.start];
            spelled.extend(self.stretch(between, self.prefixed.space(before, between))?);
            from = added.text.end;
            before = Before::Control;
            spelled.push(added);
        }
        let rest = &text[from..];
        spelled.extend(self.stretch(rest, self.prefixed.space(before, rest))?);
        Ok(spelled)
    }

    fn stretch(&self, text: &str, space: &str) -> Result<Vec<Spelled>, ChatError> {
        let encoding = self.tokenizer.encode([space, text].concat(), false).map_err(|error| ChatError::File {
            file: super::spelling::FILE.into(),
            problem: format!("cannot spell the chat template's {text:?}: {error}"),
        })?;
        let tokens = encoding.get_ids().iter().zip(encoding.get_offsets());
        Ok(tokens.map(|(id, (start, end))| Spelled { token: TokenId(*id), text: *start..*end }).collect())
    }
}

/// A token and the bytes of the text that it stands for: of the whole text, for
/// an added token.
struct Spelled {
    token: TokenId,
    text: Range<usize>,
}

fn tokens(spelled: &[Spelled]) -> Vec<TokenId> {
    spelled.iter().map(|spelled| spelled.token).collect()
}
