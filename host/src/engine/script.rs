//! What a run generated, kept so that another run can be made to say the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::call::{Finish, Number, Scored};
use crate::cache::TokenId;

/// Where a run's generated tokens come from.
#[derive(Clone, Debug, Default)]
pub enum Tokens {
    /// From the sampler.
    #[default]
    Sampled,
    /// From the sampler, and they are kept: see [`super::Run::script`].
    Kept,
    /// From a script: the model is asked as ever, and its answer replaced.
    Forced(Arc<Script>),
}

/// What a run generated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// By message number.
    pub messages: BTreeMap<Number, Generated>,
    /// Answers to lists of score calls, by the list's number in the order in which
    /// they were made, from 0.
    pub scores: BTreeMap<usize, Vec<Vec<Scored>>>,
    /// How fast the tokens are taken.
    pub pace: Pace,
}

/// What one message was.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// Tokens as they were chosen, the one that ended the message included.
    pub tokens: Vec<TokenId>,
    /// For each of them how far the likeliest token's logit was above the second's,
    /// of those that the call allows; none where there was no choice.
    pub margins: Vec<Option<f32>>,
    /// Header included; role and end-of-message tokens not.
    pub text: String,
    /// How it ended: what a message ends with that has no more tokens.
    pub finish: Finish,
}

impl Generated {
    /// What a message is to be, of which nothing else is known.
    pub fn new(tokens: Vec<TokenId>, finish: Finish) -> Self {
        Self { tokens, margins: Vec::new(), text: String::new(), finish }
    }
}

/// How fast a script's tokens are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// One a pass, as they were generated.
    #[default]
    OneByOne,
    /// The first, then all but the last in one pass, then the last: for times to
    /// the first token alone.
    AtOnce,
}

/// Tokens that one message must get.
#[derive(Debug)]
pub(super) struct Forced {
    tokens: std::vec::IntoIter<TokenId>,
    pub(super) finish: Finish,
    pace: Pace,
}

impl Forced {
    pub(super) fn new(generated: &Generated, pace: Pace) -> Self {
        Self { tokens: generated.tokens.clone().into_iter(), finish: generated.finish.clone(), pace }
    }

    /// The token for a row of logits; none: the message is over.
    pub(super) fn next(&mut self) -> Option<TokenId> {
        self.tokens.next()
    }

    /// A token that needs no row of its own.
    pub(super) fn beside(&mut self) -> Option<TokenId> {
        match self.pace {
            Pace::AtOnce if self.tokens.len() > 1 => self.tokens.next(),
            _ => None,
        }
    }
}
