//! What stands around one role's texts, as tokens.

use super::spelling::{Cut, Literal, Spelling};
use super::turn::{Named, Text, Turn};
use super::{ChatError, Part};
use crate::cache::plan::TokenId;

/// Plain text beside the control tokens is spelled together with the message's,
/// as in the whole conversation.
pub(super) struct Frame {
    opening: Cut,
    generation: Cut,
    closing: Cut,
    text: Text,
    /// The opening with a name in it, and the model's own; or why there is none.
    named: Result<[Place; 2], String>,
}

/// An opening with a place for a name.
struct Place {
    before: Cut,
    /// Plain text right after the name.
    beside: String,
    after: Cut,
}

impl Frame {
    pub(super) fn new(turn: &Turn, spelling: &Spelling, literal: &Literal) -> Result<Self, ChatError> {
        let named = match &turn.named {
            Ok([opening, generation]) => {
                Ok([Place::new(opening, spelling, literal)?, Place::new(generation, spelling, literal)?])
            }
            Err(reason) => Err(reason.clone()),
        };
        Ok(Self {
            opening: literal.cut_opening(&turn.opening, spelling)?,
            generation: literal.cut_opening(&turn.generation, spelling)?,
            closing: literal.cut_closing(&turn.closing, spelling)?,
            text: turn.text,
            named,
        })
    }

    /// What opens a given message; an error says why there is no place for a name.
    pub(super) fn opening(&self, spelling: &Spelling, name: Option<&str>) -> Result<Cut, String> {
        let Some(name) = name else { return Ok(self.opening.clone()) };
        let [opening, _] = self.named.as_ref().map_err(Clone::clone)?;
        Ok(opening.with(name, spelling))
    }

    /// What opens a message that the model writes.
    pub(super) fn generation(&self, spelling: &Spelling, name: Option<&str>) -> Result<Cut, String> {
        let Some(name) = name else { return Ok(self.generation.clone()) };
        let [_, generation] = self.named.as_ref().map_err(Clone::clone)?;
        Ok(generation.with(name, spelling))
    }

    /// The token that the model ends its message with: the first that is no text.
    pub(super) fn end(&self, spelling: &Spelling) -> Option<TokenId> {
        let tokens = &self.closing.tokens;
        tokens.iter().find(|token| spelling.bytes(**token).is_empty()).or(tokens.first()).copied()
    }

    /// A message's tokens after this opening.
    pub(super) fn write(&self, spelling: &Spelling, opening: Option<Cut>, text: &str, part: Part) -> Vec<TokenId> {
        let text = if opening.is_some() { self.text.start.start(text) } else { text };
        let text = if part.closes() { self.text.end.end(text) } else { text };
        let Cut { mut tokens, plain } = opening.unwrap_or_default();
        let after = if part.closes() { self.closing.plain.as_str() } else { "" };
        tokens.extend(spelling.encode(&[&plain, self.text.escape.write(text).as_str(), after].concat()));
        if part.closes() {
            tokens.extend(&self.closing.tokens);
        }
        tokens
    }
}

impl Place {
    fn new(named: &Named, spelling: &Spelling, literal: &Literal) -> Result<Self, ChatError> {
        let beside = literal.cut_closing(&named.after, spelling)?.plain;
        let after = literal.cut_opening(&named.after[beside.len()..], spelling)?;
        Ok(Self { before: literal.cut_opening(&named.before, spelling)?, beside, after })
    }

    fn with(&self, name: &str, spelling: &Spelling) -> Cut {
        let plain = [&self.before.plain, name, &self.beside].concat();
        let mut tokens = self.before.tokens.clone();
        if self.after.tokens.is_empty() {
            return Cut { tokens, plain };
        }
        tokens.extend(spelling.encode(&plain));
        tokens.extend(&self.after.tokens);
        Cut { tokens, plain: self.after.plain.clone() }
    }
}
