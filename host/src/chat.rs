//! Text and tokens: the tokenizer, and how one message is rendered.
//!
//! A model's chat template renders whole conversations; here a message is
//! rendered alone, since others may come to stand before it anywhere. What
//! stands around its text is read off the template when it is loaded, and
//! compared with what the template makes of whole conversations: see
//! [`Chat::deviations`].
//!
//! Invariant: text never becomes a control token, nor any other token of the
//! tokenizer's added vocabulary, whatever it spells.

mod alphabet;
mod difference;
mod files;
mod format;
mod frame;
mod literal;
mod probe;
mod python;
mod spelling;
mod template;
mod turn;
mod verify;

use std::borrow::Cow;

use self::alphabet::Before;
pub use self::difference::Difference;
use self::format::Format;
use self::frame::Frame;
use self::literal::{Cut, Literal};
use self::spelling::Spelling;
use self::template::Template;
use self::turn::Turn;
pub use self::verify::{Comparison, Spoken};
use crate::cache::plan::TokenId;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool's answer.
    Tool,
    /// Text alone: no role and no end-of-message tokens.
    Raw,
}

impl Role {
    /// Its name, in chat templates and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
            Self::Raw => "raw",
        }
    }
}

/// Who speaks, in which role, and by which name if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speaker<'a> {
    /// In which role.
    pub role: Role,
    /// A name is text, like the message's.
    pub name: Option<&'a str>,
}

impl From<Role> for Speaker<'_> {
    fn from(role: Role) -> Self {
        Self { role, name: None }
    }
}

/// Which part of a turn a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Opening, text and end of message.
    Whole,
    /// Opening and text.
    Open,
    /// Text.
    Middle,
    /// Text and end of message.
    Close,
}

impl Part {
    fn opens(self) -> bool {
        matches!(self, Self::Whole | Self::Open)
    }

    fn closes(self) -> bool {
        matches!(self, Self::Whole | Self::Close)
    }
}

/// A chat format that cannot be loaded, or a message that it cannot express.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// A role that the format does not have.
    #[error("role {role} in the model's chat format ({reason})")]
    Role {
        /// As templates name it.
        role: &'static str,
        /// What the template does with it.
        reason: String,
    },
    /// A name that the format has no place for.
    #[error("a name for a message of role {role} in the model's chat format ({reason}: put the name in the text)")]
    Name {
        /// As templates name it.
        role: &'static str,
        /// Why there is none.
        reason: String,
    },
    /// A file of the tokenizer that is missing or does not fit.
    #[error("{file} {problem}")]
    File {
        /// Its name.
        file: String,
        /// What was found and what to do.
        problem: String,
    },
}

/// How a model's messages are written.
pub struct Chat {
    spelling: Spelling,
    /// One for each of [`format::ROLES`], or why there is none.
    turns: Vec<Result<Frame, String>>,
    ends: Vec<TokenId>,
    beginning: Option<TokenId>,
    deviations: Vec<String>,
}

impl Chat {
    /// Loads the format of a model whose files `read` finds: `tokenizer.json`,
    /// and of `tokenizer_config.json`, `chat_template.jinja`, `config.json` and
    /// `generation_config.json` those that are there. A model without a chat
    /// template, or with one that cannot be used, has raw messages alone.
    ///
    /// # Errors
    /// A file that cannot be read or understood, or is not supported.
    pub fn load(read: impl Fn(&str) -> std::io::Result<Option<Cow<'static, [u8]>>>) -> Result<Self, ChatError> {
        Ok(Self::load_compared(read)?.0)
    }

    /// Loads a format, and the template that it was read off, where there is one
    /// that can be used.
    ///
    /// # Errors
    /// As [`Chat::load`].
    pub fn load_compared(
        read: impl Fn(&str) -> std::io::Result<Option<Cow<'static, [u8]>>>,
    ) -> Result<(Self, Option<Comparison>), ChatError> {
        let files = files::Files::read(read)?;
        let (spelling, literal) = Spelling::load(&files.tokenizer)?;
        let begin = files.name("bos_token").filter(|name| !name.is_empty());
        let mut chat = Self::raw(spelling, &literal, &files);
        let Some(source) = &files.template else { return Ok((chat, None)) };
        let read = Template::new(source, files.names.clone()).and_then(|template| {
            let format = Format::derive(&template, begin)?;
            Ok((template, format))
        });
        let (template, mut format) = match read {
            Ok(read) => read,
            Err(reason) => {
                let reason = format!("the template cannot be used: {reason}");
                chat.deviations = vec![format!("{reason}; messages of role raw alone are served")];
                chat.turns = format::ROLES.map(|_| Err(reason.clone())).into();
                return Ok((chat, None));
            }
        };
        chat.beginning = begin.filter(|_| format.begins).and_then(|name| literal.token(name));
        format.turns = controlled(format.turns, &chat.spelling, &literal)?;
        chat.turns = frame::frames(&format.turns, begin.filter(|_| format.begins).unwrap_or_default(), &literal)?;
        chat.ends.extend(chat.turns.iter().flatten().filter_map(|frame| frame.end(&chat.spelling)));
        chat.ends.sort_unstable();
        chat.ends.dedup();
        let comparison = Comparison::new(template, format, literal, begin);
        let found = comparison.deviations(&chat)?;
        chat.deviations = found.iter().map(ToString::to_string).chain(comparison.notes()).collect();
        Ok((chat, Some(comparison)))
    }

    /// What there is without a chat template.
    fn raw(spelling: Spelling, literal: &Literal, files: &files::Files) -> Self {
        let named = |name: &str| files.name(name).and_then(|name| literal.token(name));
        let mut ends: Vec<TokenId> = files.ends.iter().copied().chain(named("eos_token")).collect();
        ends.sort_unstable();
        ends.dedup();
        Self {
            spelling,
            turns: format::ROLES.map(|_| Err("the model has no chat template".to_owned())).into(),
            ends,
            beginning: named("bos_token").filter(|begin| literal.first_of_all() == Some(*begin)),
            deviations: Vec::new(),
        }
    }

    /// The tokens of one message: opening, text and closing as `part` says.
    ///
    /// # Errors
    /// A role that the format does not have, or a name that it has no place for.
    pub fn render<'a>(
        &self,
        speaker: impl Into<Speaker<'a>>,
        part: Part,
        text: &str,
    ) -> Result<Vec<TokenId>, ChatError> {
        self.compose(speaker.into(), part, text, Frame::opening)
    }

    /// The tokens that a generated message starts with: opening and header.
    ///
    /// # Errors
    /// A role that the format does not have, or a name that it has no place for.
    pub fn header<'a>(
        &self,
        speaker: impl Into<Speaker<'a>>,
        part: Part,
        text: &str,
    ) -> Result<Vec<TokenId>, ChatError> {
        let part = if part.opens() { Part::Open } else { Part::Middle };
        self.compose(speaker.into(), part, text, Frame::generation)
    }

    /// The tokens that end a generated message.
    pub fn closing(&self, role: Role, part: Part) -> Vec<TokenId> {
        match self.frame(role) {
            Ok(Some(frame)) if part.closes() => frame.write(&self.spelling, None, "", Part::Close),
            _ => Vec::new(),
        }
    }

    /// The tokens that a model ends its message with, ascending.
    pub fn ends(&self) -> &[TokenId] {
        &self.ends
    }

    /// Whether the model ends its message with this token; any control token does.
    pub fn is_end(&self, token: TokenId) -> bool {
        self.token_bytes(token).is_empty() || self.ends.binary_search(&token).is_ok()
    }

    /// The bytes that a token stands for; none for a control token.
    pub fn token_bytes(&self, token: TokenId) -> &[u8] {
        self.spelling.bytes(token)
    }

    /// Whether text may be spelled with a token: control tokens and others that
    /// were added to the vocabulary mean more than their letters.
    pub fn is_text(&self, token: TokenId) -> bool {
        !self.is_end(token) && !self.spelling.is_added(token)
    }

    /// What tokens spell, control tokens left out. A character that is not
    /// there in whole, at either end, is the replacement character.
    pub fn decode(&self, tokens: &[TokenId]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| self.token_bytes(*token)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Text alone, never a control token. It goes on from what stands before it:
    /// a tokenizer that puts a space before texts puts none before this one.
    pub fn encode_text(&self, text: &str) -> Vec<TokenId> {
        self.spelling.encode(text, Before::Text)
    }

    /// Number of tokens: one more than the largest.
    pub fn vocabulary(&self) -> u32 {
        self.spelling.vocabulary()
    }

    /// The beginning-of-sequence token, where the format starts with one.
    pub fn beginning(&self) -> Option<TokenId> {
        self.beginning
    }

    /// Where messages rendered one by one differ from the template's whole
    /// conversations, a line each.
    pub fn deviations(&self) -> &[String] {
        &self.deviations
    }

    /// None for raw messages.
    fn frame(&self, role: Role) -> Result<Option<&Frame>, ChatError> {
        match self.turns.get(format::index(role)) {
            None => Ok(None),
            Some(Ok(frame)) => Ok(Some(frame)),
            Some(Err(reason)) => Err(ChatError::Role { role: role.name(), reason: reason.clone() }),
        }
    }

    fn compose(
        &self,
        Speaker { role, name }: Speaker<'_>,
        part: Part,
        text: &str,
        opening: impl Fn(&Frame, &Spelling, Option<&str>) -> Result<Cut, String>,
    ) -> Result<Vec<TokenId>, ChatError> {
        let no_place = |reason: String| ChatError::Name { role: role.name(), reason };
        if name.is_some() && !part.opens() {
            return Err(no_place("a name stands where a turn opens, and this part does not open one".into()));
        }
        let Some(frame) = self.frame(role)? else {
            if name.is_some() {
                return Err(no_place("a raw message is its text alone".into()));
            }
            return Ok(self.encode_text(text));
        };
        let opening = if part.opens() { Some(opening(frame, &self.spelling, name).map_err(no_place)?) } else { None };
        Ok(frame.write(&self.spelling, opening, text, part))
    }
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Chat").field("vocabulary", &self.vocabulary()).finish_non_exhaustive()
    }
}

/// Takes out roles that the template pastes in where the user's name stands,
/// if that makes no control token of them: a turn that every text could spell.
fn controlled(
    turns: Vec<Result<Turn, String>>,
    spelling: &Spelling,
    literal: &Literal,
) -> Result<Vec<Result<Turn, String>>, ChatError> {
    let controls = |text: &str| -> Result<usize, ChatError> {
        Ok(literal.encode(text)?.iter().filter(|token| spelling.is_added(**token)).count())
    };
    let user = turns[format::index(Role::User)].as_ref().map(|turn| turn.opening.clone()).unwrap_or_default();
    let user_controls = controls(&user)?;
    let checked = turns.into_iter().zip(format::ROLES).map(|(turn, role)| match turn {
        Ok(turn)
            if turn.opening.replace(role.name(), Role::User.name()) == user
                && controls(&turn.opening)? < user_controls =>
        {
            Ok(Err(format!("its {:?} holds no control token for the role", turn.opening)))
        }
        turn => Ok(turn),
    });
    checked.collect()
}
