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
