//! What a lane's text must be.

use std::borrow::Cow;

use super::call::Constraint;
use super::choice::{OneOf, TokenIndex};
use super::guide::Guide;
use crate::cache::TokenId;
use crate::chat::Chat;

/// What a lane's text may still become.
#[derive(Debug)]
pub(super) enum Constrained {
    /// Anything.
    Free,
    /// One of some strings.
    Choice(OneOf),
    /// Text of a grammar.
    Grammar(Box<Guide>),
}

impl Constrained {
    /// `guide` is of the constraint's grammar, if it is one that has a grammar.
    pub(super) fn new(constraint: Option<&Constraint>, guide: Option<Guide>) -> Self {
        match (constraint, guide) {
            (Some(Constraint::OneOf(strings)), _) => Self::Choice(OneOf::new(strings)),
            (_, Some(guide)) => Self::Grammar(Box::new(guide)),
            (_, None) => Self::Free,
        }
    }

    /// The next token, if there is no choice.
    pub(super) fn forced(&mut self) -> Option<TokenId> {
        match self {
            Self::Grammar(guide) => guide.forced(),
            _ => None,
        }
    }

    /// Sets the logits of all tokens that lead out of it to −∞.
    ///
    /// # Errors
    /// Why the lane cannot go on.
    pub(super) fn mask(
        &mut self,
        logits: &mut Cow<'_, [f32]>,
        index: Option<&TokenIndex>,
        chat: &Chat,
    ) -> Result<(), String> {
        match (self, index) {
            (Self::Choice(choice), Some(index)) => choice.mask(logits.to_mut(), index, chat.ends()),
            (Self::Grammar(guide), _) => guide.mask(logits.to_mut())?,
            _ => {}
        }
        Ok(())
    }

    /// The text went on with a token that was chosen, of these bytes.
    ///
    /// # Errors
    /// Why the lane cannot go on.
    pub(super) fn advance(&mut self, token: TokenId, bytes: &[u8]) -> Result<(), String> {
        match self {
            Self::Free => {}
            Self::Choice(choice) => choice.advance(bytes),
            Self::Grammar(guide) => guide.advance(token)?,
        }
        Ok(())
    }

    /// Whether nothing may follow the text.
    pub(super) fn must_end(&self) -> bool {
        match self {
            Self::Free => false,
            Self::Choice(choice) => choice.must_end(),
            Self::Grammar(guide) => guide.is_over(),
        }
    }
}
