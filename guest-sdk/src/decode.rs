//! Messages that the model writes.

use crate::call::{empty_view, message_methods, view_methods};
use crate::error::only;
use crate::generated::choreo::host::choreo as contract;
use crate::pending::{Pending, start_all};
use crate::{Constraint, Error, Finish, Logprobs, Message, Part, Role};

/// A message to generate, not sent yet.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a call does nothing until it is sent"]
pub struct Decode(pub(crate) contract::DecodeCall);

/// A message that the model wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The message, a parent for later calls.
    pub id: Message,
    /// Its text, header included, role and end-of-message tokens not.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Number of generated tokens.
    pub tokens: u32,
    /// One entry for each generated token, where alternatives were asked for.
    pub logprobs: Vec<Logprobs>,
}

impl From<contract::Decoded> for Decoded {
    fn from(decoded: contract::Decoded) -> Self {
        Self {
            id: decoded.id.into(),
            text: decoded.text,
            finish: decoded.finish,
            tokens: decoded.tokens,
            logprobs: decoded.logprobs,
        }
    }
}

impl From<&Decoded> for Message {
    fn from(decoded: &Decoded) -> Self {
        decoded.id
    }
}

/// An assistant's message that starts with this header and sees nothing.
///
/// ```
/// use choreo_guest::{Message, decode};
///
/// let [system, question] = [1, 2].map(Message::from);
/// let answer = decode("").after([system, question]).max_tokens(64);
/// assert_eq!(answer, decode("").assistant().after([system]).after([question]).max_tokens(64));
/// ```
pub fn decode(header: impl Into<String>) -> Decode {
    Decode(contract::DecodeCall {
        role: Role::Assistant,
        name: None,
        part: Part::Whole,
        header: header.into(),
        labels: Vec::new(),
        view: empty_view(),
        options: contract::DecodeOptions {
            max_tokens: None,
            temperature: None,
            top_p: None,
            top_k: None,
            min_p: None,
            repetition_penalty: None,
            seed: None,
            stop: Vec::new(),
            constraint: None,
            top_logprobs: 0,
        },
    })
}

/// Generates messages in parallel, each with a result of its own.
///
/// # Errors
/// The outer error is the host's for a list that could not start, the inner one
/// that of a lane; both name the call to blame.
pub fn decode_each(calls: impl IntoIterator<Item = Decode>) -> Result<Vec<Result<Decoded, Error>>, Error> {
    let calls: Vec<_> = calls.into_iter().map(|call| call.0).collect();
    let lanes = contract::decode(&calls)?.into_iter().enumerate();
    let answer = |(index, lane): (usize, Result<_, contract::Error>)| match lane {
        Ok(decoded) => Ok(Decoded::from(decoded)),
        Err(error) => Err(Error { cause: error.cause, call: Some(index) }),
    };
    Ok(lanes.map(answer).collect())
}

/// Generates messages in parallel, all of them or an error.
///
/// # Errors
/// The host's for the list, or else that of the first lane that failed. What the
/// other lanes wrote stays in the cache until the run ends.
pub fn decode_all(calls: impl IntoIterator<Item = Decode>) -> Result<Vec<Decoded>, Error> {
    decode_each(calls)?.into_iter().collect()
}

impl Decode {
    view_methods!();
    message_methods!();

    /// Most tokens to generate. Unset: the operator's default, as for all below.
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.0.options.max_tokens = Some(tokens);
        self
    }

    /// What logits are divided by; 0 takes the likeliest token.
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.0.options.temperature = Some(temperature);
        self
    }

    /// Samples among the likeliest tokens that together have this probability, 0–1.
    pub fn top_p(mut self, probability: f32) -> Self {
        self.0.options.top_p = Some(probability);
        self
    }

    /// Samples among this many of the likeliest tokens.
    pub fn top_k(mut self, tokens: u32) -> Self {
        self.0.options.top_k = Some(tokens);
        self
    }

    /// Samples among tokens with at least this share of the likeliest's probability, 0–1,
    /// at the temperature.
    pub fn min_p(mut self, share: f32) -> Self {
        self.0.options.min_p = Some(share);
        self
    }

    /// Divides the logits of tokens that the parents or the message itself hold, role
    /// tokens included, where positive, and multiplies them where negative; 1 changes nothing.
    pub fn repetition_penalty(mut self, penalty: f32) -> Self {
        self.0.options.repetition_penalty = Some(penalty);
        self
    }

    /// Replaces the run's seed; the message's number is mixed in either way.
    pub fn seed(mut self, seed: u32) -> Self {
        self.0.options.seed = Some(seed);
        self
    }

    /// Adds strings that end the message; they are not in its text.
    pub fn stop(mut self, strings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let strings = strings.into_iter().map(Into::into);
        self.0.options.stop.extend(strings);
        self
    }

    /// What the generated text must be, the header not counted. `Constraint` has
    /// the three kinds.
    ///
    /// ```
    /// use choreo_guest::{Constraint, Message, decode};
    ///
    /// let question = Message::from(1);
    /// let schema = r#"{
    ///     "type": "object",
    ///     "properties": {
    ///         "city": {"type": "string", "maxLength": 30},
    ///         "sure": {"type": "boolean"}
    ///     },
    ///     "required": ["city", "sure"],
    ///     "additionalProperties": false
    /// }"#;
    /// // A text such as {"city":"Rome","sure":true}, unless it is cut by its length.
    /// decode("").after([question]).constraint(Constraint::JsonSchema(schema.into()));
    /// decode("").after([question]).constraint(Constraint::Regex("[0-9]{1,3}".into()));
    /// decode("").after([question]).constraint(Constraint::OneOf(vec!["yes".into(), "no".into()]));
    /// ```
    pub fn constraint(mut self, constraint: Constraint) -> Self {
        self.0.options.constraint = Some(constraint);
        self
    }

    /// How many alternatives to report for each generated token.
    pub fn top_logprobs(mut self, alternatives: u8) -> Self {
        self.0.options.top_logprobs = alternatives;
        self
    }

    /// Generates the message and waits for it.
    ///
    /// # Errors
    /// The host's: the call could not start, or its lane failed.
    pub fn send(self) -> Result<Decoded, Error> {
        only(decode_all([self])?)
    }

    /// Starts generating the message and returns at once.
    ///
    /// # Errors
    /// The host's: the call could not start.
    pub fn start(self) -> Result<Pending, Error> {
        only(start_all([self])?)
    }
}
