//! Text and tokens: the tokenizer, and how one message is rendered.

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

use crate::cache::plan::TokenId;

/// What the engine needs of the model's chat format; its loading follows.
#[derive(Debug)]
pub struct Chat;

/// A message that the model's chat format cannot express.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ChatError(pub String);

impl Chat {
    /// The tokens of one message: opening, text and closing as `part` says.
    ///
    /// # Errors
    /// A role that the format does not have.
    pub fn render(&self, _role: Role, _part: Part, _text: &str) -> Result<Vec<TokenId>, ChatError> {
        Err(ChatError("no chat format is loaded".into()))
    }

    /// The tokens that a generated message starts with: opening and header.
    ///
    /// # Errors
    /// A role that the format does not have.
    pub fn header(&self, role: Role, part: Part, text: &str) -> Result<Vec<TokenId>, ChatError> {
        self.render(role, part, text)
    }

    /// The tokens that end a message.
    pub fn closing(&self, _role: Role, _part: Part) -> Vec<TokenId> {
        Vec::new()
    }

    /// The tokens that a model ends its message with.
    pub fn ends(&self) -> &[TokenId] {
        &[]
    }

    /// Whether the model ends its message with this token; any control token does.
    pub fn is_end(&self, _token: TokenId) -> bool {
        true
    }

    /// The bytes that a token stands for; none for a control token.
    pub fn token_bytes(&self, _token: TokenId) -> Vec<u8> {
        Vec::new()
    }

    /// Text alone, never a control token.
    pub fn encode_text(&self, _text: &str) -> Vec<TokenId> {
        Vec::new()
    }

    /// Number of tokens.
    pub fn vocabulary(&self) -> u32 {
        0
    }

    /// The beginning-of-sequence token, where the format starts with one.
    pub fn beginning(&self) -> Option<TokenId> {
        None
    }
}
