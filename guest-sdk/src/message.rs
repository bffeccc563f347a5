//! Messages, and how a call sees them.

use crate::error::only;
use crate::generated::choreo::host::choreo as contract;
use crate::{Error, Finish, Part, Refresh, Role};

/// A message of this run: its number, from 1 in the order of creation.
///
/// The number means nothing in another run, and nothing after [`release`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Message(u32);

impl Message {
    /// This message as a parent whose first token stands at `offset`, in tokens.
    ///
    /// ```
    /// use choreo_guest::{Message, decode};
    ///
    /// let [a, b] = [1, 2].map(Message::from);
    /// // Both at the same place, whatever the length of `a`.
    /// decode("").after([a.at(0), b.at(0)]);
    /// ```
    #[must_use]
    pub fn at(self, offset: u32) -> Parent {
        Parent { offset: Some(offset), ..self.into() }
    }

    /// This message as a parent that is repaired in its new company.
    #[must_use]
    pub fn refresh(self, refresh: Refresh) -> Parent {
        Parent { refresh: Some(refresh), ..self.into() }
    }

    /// The message's text, header included, role and end-of-message tokens not.
    ///
    /// # Errors
    /// The host's: the message is unknown.
    pub fn text(self) -> Result<String, Error> {
        only(text([self])?)
    }

    /// What the host knows of the message.
    ///
    /// # Errors
    /// The host's: the message is unknown.
    pub fn describe(self) -> Result<Description, Error> {
        only(describe([self])?)
    }

    /// Gives the message's room back; its number becomes unknown.
    ///
    /// # Errors
    /// The host's: the message is unknown.
    pub fn release(self) -> Result<(), Error> {
        release([self])
    }
}

impl From<u32> for Message {
    fn from(id: u32) -> Self {
        Self(id)
    }
}

impl From<Message> for u32 {
    fn from(message: Message) -> Self {
        message.0
    }
}

/// A message that a call sees, and where it stands in that call's view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parent {
    /// The message.
    pub message: Message,
    /// Position of its first token, in tokens. None: right after the end of the
    /// parent before it; 0 for the first.
    pub offset: Option<u32>,
    /// Repair of the message in a copy of its own. None: as it was encoded.
    pub refresh: Option<Refresh>,
}

impl Parent {
    /// The same parent with its first token at `offset`, in tokens.
    #[must_use]
    pub fn at(self, offset: u32) -> Self {
        Self { offset: Some(offset), ..self }
    }
}

impl<M: Into<Message>> From<M> for Parent {
    fn from(message: M) -> Self {
        Self { message: message.into(), offset: None, refresh: None }
    }
}

impl From<&Message> for Message {
    fn from(message: &Message) -> Self {
        *message
    }
}

impl From<contract::Parent> for Parent {
    fn from(parent: contract::Parent) -> Self {
        Self { message: parent.id.into(), offset: parent.offset, refresh: parent.refresh }
    }
}

/// What the host knows of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name.
    pub name: Option<String>,
    /// Which part of a turn it is.
    pub part: Part,
    /// Length in tokens, role and end-of-message tokens included.
    pub tokens: u32,
    /// How it ended.
    pub finish: Finish,
    /// Its own labels and those it inherited.
    pub labels: Vec<String>,
    /// Its parents as placed: every offset is there.
    pub parents: Vec<Parent>,
    /// Where its own first token stands, in tokens.
    pub offset: u32,
}

impl From<contract::Description> for Description {
    fn from(found: contract::Description) -> Self {
        Self {
            role: found.role,
            name: found.name,
            part: found.part,
            tokens: found.tokens,
            finish: found.finish,
            labels: found.labels,
            parents: found.parents.into_iter().map(Parent::from).collect(),
            offset: found.offset,
        }
    }
}

/// The texts of the messages, in their order.
///
/// # Errors
/// The host's: a message is unknown.
pub fn text(messages: impl IntoIterator<Item = impl Into<Message>>) -> Result<Vec<String>, Error> {
    Ok(contract::text(&ids(messages))?)
}

/// What the host knows of the messages, in their order.
///
/// # Errors
/// The host's: a message is unknown.
pub fn describe(messages: impl IntoIterator<Item = impl Into<Message>>) -> Result<Vec<Description>, Error> {
    let found = contract::describe(&ids(messages))?;
    Ok(found.into_iter().map(Description::from).collect())
}

/// Gives the messages' room back; their numbers become unknown.
///
/// # Errors
/// The host's: a message is unknown.
pub fn release(messages: impl IntoIterator<Item = impl Into<Message>>) -> Result<(), Error> {
    Ok(contract::release(&ids(messages))?)
}

fn ids(messages: impl IntoIterator<Item = impl Into<Message>>) -> Vec<u32> {
    messages.into_iter().map(|message| message.into().into()).collect()
}
