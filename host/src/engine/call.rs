//! What a run may ask of the engine and what it is told: the contract of
//! `wit/choreo.wit` in the host's own types, fields not served yet left out.

pub use crate::chat::{Part, Role, Speaker};

/// A message's number in its run, from 1.
pub type Number = u32;

/// A message that a call sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Which message of the run.
    pub id: Number,
    /// Position of its first token; none: right after the parent listed
    /// before, 0 for the first.
    pub offset: Option<u32>,
}

/// What a new message sees and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// In the order in which the plan listed them.
    pub parents: Vec<Parent>,
    /// Position of the new message's first token; none: right after the last
    /// listed parent.
    pub offset: Option<u32>,
}

/// A message to add with a given text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefillCall {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name.
    pub name: Option<String>,
    /// Which part of the turn.
    pub part: Part,
    /// What is said.
    pub text: String,
    /// What it sees.
    pub view: View,
}

/// A message to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeCall {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name.
    pub name: Option<String>,
    /// Which part of the turn.
    pub part: Part,
    /// What the message begins with.
    pub header: String,
    /// What it sees.
    pub view: View,
    /// How tokens are chosen.
    pub options: DecodeOptions,
}

/// How tokens are chosen; what is none takes the operator's default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DecodeOptions {
    /// Largest number of generated tokens.
    pub max_tokens: Option<u32>,
    /// 0 is greedy.
    pub temperature: Option<f32>,
    /// Smallest set of likeliest tokens whose probabilities reach this sum.
    pub top_p: Option<f32>,
    /// So many likeliest tokens.
    pub top_k: Option<u32>,
    /// Tokens with at least this share of the likeliest's probability, at the
    /// call's temperature.
    pub min_p: Option<f32>,
    /// Logits of the tokens of the parents and of the message itself, role and
    /// end-of-message tokens included, are divided by it where positive and
    /// multiplied where negative.
    pub repetition_penalty: Option<f32>,
    /// Replaces the run's seed.
    pub seed: Option<u32>,
    /// Text that ends the message.
    pub stop: Vec<String>,
    /// What the generated text must be.
    pub constraint: Option<Constraint>,
    /// Alternatives to report for each generated token; 0: none.
    pub top_logprobs: u8,
}

/// What a generated text must be, from its first character to its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// Exactly one of these strings.
    OneOf(Vec<String>),
    /// Matched by this regular expression as a whole, in the syntax of the crate
    /// `regex`.
    Regex(String),
    /// JSON, without white space between its tokens, that is valid under this
    /// schema.
    JsonSchema(String),
}

/// Continuations to score.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreCall {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name.
    pub name: Option<String>,
    /// What the message begins with.
    pub header: String,
    /// What it sees.
    pub view: View,
    /// How it may go on, each on its own.
    pub candidates: Vec<String>,
    /// Whether the end of message counts as part of each.
    pub with_end: bool,
}

/// How likely a continuation is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Natural logarithm of its probability at temperature 1, the sum over its
    /// tokens as the tokenizer cuts it.
    pub logprob: f64,
    /// How many they are.
    pub tokens: u32,
}

/// Why a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It was prefilled, not decoded.
    Prefilled,
    /// The model ended its message.
    End,
    /// This stop string of the list was produced.
    StopString(u32),
    /// The constraint allows nothing more.
    Constraint,
    /// `max_tokens` was reached.
    Length,
    /// The run was closed while the message was decoded.
    Cancelled,
    /// This budget of the run ran out.
    Budget(String),
}

/// A token with its probability.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprob {
    /// Which token.
    pub token: u32,
    /// The bytes it stands for.
    pub bytes: Vec<u8>,
    /// Natural logarithm of its probability at temperature 1.
    pub logprob: f32,
}

/// A generated token and its likeliest alternatives.
#[derive(Clone, Debug, PartialEq)]
pub struct Logprobs {
    /// The token that was chosen.
    pub chosen: TokenLogprob,
    /// The likeliest ones, best first.
    pub top: Vec<TokenLogprob>,
}

/// A message that was generated.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Its number in the run.
    pub id: Number,
    /// Header included; role and end-of-message tokens not.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Generated tokens.
    pub tokens: u32,
    /// One a generated token, where they were asked for.
    pub logprobs: Vec<Logprobs>,
}

/// What a message is, as placed.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name.
    pub name: Option<String>,
    /// Which part of the turn.
    pub part: Part,
    /// Role and end-of-message tokens included.
    pub tokens: u32,
    /// Why it ended.
    pub finish: Finish,
    /// Every offset filled in.
    pub parents: Vec<(Number, u32)>,
    /// Where it stands in its own view.
    pub offset: u32,
}

/// How much was asked of what was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The thing that was short.
    pub what: String,
    /// What the call needed.
    pub asked: u64,
    /// What there was.
    pub left: u64,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// No message of the run has this number.
    #[error("message {0} is not a message of this run (never made, or released): name one that is")]
    UnknownMessage(Number),
    /// The message was accepted, but its encoding failed.
    #[error("message {0} was lost: its encoding failed, or that of a message it sees; prefill it again")]
    Lost(Number),
    /// An argument that means nothing.
    #[error("{0}")]
    InvalidArgument(String),
    /// The call spans more positions than the model has.
    #[error("{} needs {} positions and the model's context has {}: shorten the text or lower the offset", .0.what, .0.asked, .0.left)]
    ContextOverflow(Shortage),
    /// No room for the call's tokens and those that it sees, even if all other
    /// messages yield theirs.
    #[error("{} needs {} cache tokens at once and the cache has {}: let it see fewer messages, or raise --cache-tokens", .0.what, .0.asked, .0.left)]
    CacheFull(Shortage),
    /// A budget of the run is used up.
    #[error("budget '{}' has {} left and the call needs {}: raise the host's flag for it (choreo-host run --help)", .0.what, .0.left, .0.asked)]
    Budget(Shortage),
    /// The run's wall time is over.
    #[error("the run's time is over: {} {} asked, {} left; raise --wall-ms", .0.asked, .0.what, .0.left)]
    Timeout(Shortage),
    /// Not served by this host.
    #[error("{0} is not supported by this host")]
    Unsupported(String),
    /// The engine failed.
    #[error("the engine failed: {0}")]
    Engine(String),
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What went wrong.
    pub cause: Cause,
    /// Index of the call in its list, where one call is to blame.
    pub call: Option<u32>,
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.call {
            Some(call) => write!(formatter, "call {call} of the list: {}", self.cause),
            None => self.cause.fmt(formatter),
        }
    }
}

impl std::error::Error for Error {}
