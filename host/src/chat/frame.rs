//! What stands around one role's texts, as tokens.

use super::Role::{Assistant, System, Tool, User};
use super::alphabet::Before;
use super::format::{ROLES, index};
use super::literal::{Cut, Literal};
use super::spelling::Spelling;
use super::turn::{Named, Text, Turn};
use super::{ChatError, Part, Role};
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

/// One for each of a format's turns, in conversations that start like this.
pub(super) fn frames(
    turns: &[Result<Turn, String>],
    beginning: &str,
    literal: &Literal,
) -> Result<Vec<Result<Frame, String>>, ChatError> {
    let frame = |(turn, role): (&Result<Turn, String>, Role)| match turn {
        Ok(turn) => Ok(Ok(Frame::new(turn, before(turns, role, beginning, literal)?, literal)?)),
        Err(reason) => Ok(Err(reason.clone())),
    };
    turns.iter().zip(ROLES).map(frame).collect()
}

/// What usually stands before a role's turn.
fn before(turns: &[Result<Turn, String>], role: Role, beginning: &str, literal: &Literal) -> Result<Before, ChatError> {
    let usual = match role {
        User | Tool => turns[index(Assistant)].as_ref().ok(),
        Assistant => turns[index(User)].as_ref().ok(),
        System | Role::Raw => None,
    };
    match usual {
        Some(turn) => literal.as_before(&turn.closing),
        None if beginning.is_empty() => Ok(Before::Nothing),
        None => literal.as_before(beginning),
    }
}

impl Frame {
    fn new(turn: &Turn, before: Before, literal: &Literal) -> Result<Self, ChatError> {
        let named = match &turn.named {
            Ok([opening, generation]) => {
                Ok([Place::new(opening, before, literal)?, Place::new(generation, before, literal)?])
            }
            Err(reason) => Err(reason.clone()),
        };
        Ok(Self {
            opening: literal.cut_opening(&turn.opening, before)?,
            generation: literal.cut_opening(&turn.generation, before)?,
            closing: literal.cut_closing(&turn.closing)?,
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
        let Cut { mut tokens, plain, before } = opening.unwrap_or_default();
        let after = if part.closes() { self.closing.plain.as_str() } else { "" };
        tokens.extend(spelling.encode(&[&plain, self.text.escape.write(text).as_str(), after].concat(), before));
        if part.closes() {
            tokens.extend(&self.closing.tokens);
        }
        tokens
    }
}

impl Place {
    fn new(named: &Named, before: Before, literal: &Literal) -> Result<Self, ChatError> {
        let beside = literal.cut_closing(&named.after)?.plain;
        let after = literal.cut_opening(&named.after[beside.len()..], Before::Text)?;
        Ok(Self { before: literal.cut_opening(&named.before, before)?, beside, after })
    }

    fn with(&self, name: &str, spelling: &Spelling) -> Cut {
        let Cut { mut tokens, plain, before } = self.before.clone();
        let plain = [&plain, name, &self.beside].concat();
        if self.after.tokens.is_empty() {
            return Cut { tokens, plain, before };
        }
        tokens.extend(spelling.encode(&plain, before));
        tokens.extend(&self.after.tokens);
        Cut { tokens, ..self.after.clone() }
    }
}
