//! Messages with a given text.

use crate::call::{empty_view, message_methods, view_methods};
use crate::error::only;
use crate::generated::choreo::host::choreo as contract;
use crate::{Error, Message, Part, Role};

/// A message to add, not sent yet.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a call does nothing until it is sent"]
pub struct Prefill(contract::PrefillCall);

/// A user's message with this text, which sees nothing.
///
/// ```
/// use choreo_guest::{Message, prefill};
///
/// let system = Message::from(1);
/// let question = prefill("What?").after([system]);
/// assert_eq!(question, prefill("What?").user().after([system]));
/// assert_ne!(question, prefill("What?").user().after([system.at(12)]));
/// ```
pub fn prefill(text: impl Into<String>) -> Prefill {
    Prefill(contract::PrefillCall {
        role: Role::User,
        name: None,
        part: Part::Whole,
        text: text.into(),
        labels: Vec::new(),
        view: empty_view(),
    })
}

/// Adds messages that do not see one another: all of them, or none.
///
/// # Errors
/// The host's, with the index of the call to blame.
pub fn prefill_all(calls: impl IntoIterator<Item = Prefill>) -> Result<Vec<Message>, Error> {
    let calls: Vec<_> = calls.into_iter().map(|call| call.0).collect();
    let ids = contract::prefill(&calls)?;
    Ok(ids.into_iter().map(Message::from).collect())
}

impl Prefill {
    view_methods!();
    message_methods!();

    /// Adds the message. Its encoding may happen later.
    ///
    /// # Errors
    /// The host's: a parent is unknown, or there is no room.
    pub fn send(self) -> Result<Message, Error> {
        only(prefill_all([self])?)
    }
}
