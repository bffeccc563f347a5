//! How likely given continuations are.

use crate::call::{empty_view, view_methods};
use crate::error::only;
use crate::generated::choreo::host::choreo as contract;
use crate::{Error, Role, Scored};

/// Continuations to score, not sent yet.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a call does nothing until it is sent"]
pub struct Score(contract::ScoreCall);

/// Scores each candidate as the continuation of an assistant's message that
/// starts with this header; the end of message does not count.
///
/// ```
/// use choreo_guest::{Message, score};
///
/// let question = Message::from(1);
/// let vote = score("My vote: ", ["yes", "no"]).after([question]);
/// assert_ne!(vote, vote.clone().with_end());
/// ```
pub fn score(header: impl Into<String>, candidates: impl IntoIterator<Item = impl Into<String>>) -> Score {
    Score(contract::ScoreCall {
        role: Role::Assistant,
        name: None,
        header: header.into(),
        view: empty_view(),
        candidates: candidates.into_iter().map(Into::into).collect(),
        with_end: false,
    })
}

/// Scores the candidates of several calls; for each call, theirs in order.
///
/// # Errors
/// The host's, with the index of the call to blame.
pub fn score_all(calls: impl IntoIterator<Item = Score>) -> Result<Vec<Vec<Scored>>, Error> {
    let calls: Vec<_> = calls.into_iter().map(|call| call.0).collect();
    Ok(contract::score(&calls)?)
}

impl Score {
    view_methods!();

    /// Counts the end of message as part of each candidate.
    pub fn with_end(mut self) -> Self {
        self.0.with_end = true;
        self
    }

    /// Scores the candidates, in their order. Leaves no message behind.
    ///
    /// # Errors
    /// The host's: a parent is unknown, or the call is not served.
    pub fn send(self) -> Result<Vec<Scored>, Error> {
        only(score_all([self])?)
    }
}
