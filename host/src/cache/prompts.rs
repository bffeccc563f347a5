//! The prompts of runs that cache no messages: a radix tree over tokens, in which
//! a prompt finds the longest beginning of itself that is there.
//!
//! An edge of the tree is a message that goes on where the edge before it ends: it
//! references that one, has its offset, and its first index follows the last there.
//! Rows are rotated by their index in the whole prompt, and seen as rows of one
//! message; so an edge can be split anywhere, and all bits are those of the prompt
//! encoded alone and whole. Edges are released messages: they stay to be found until
//! their slots are wanted, those nobody goes on from first.

use super::plan::{MessageId, TokenId};
use super::slots::cut_extents;
use super::{Cache, Message, NewMessage, Placed, Stage, Tenant, count};

/// Where an edge begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stem {
    /// At the beginning of a tenant's prompts.
    Root(Tenant),
    /// After another edge.
    Edge(MessageId),
}

impl Cache {
    /// Adds an open message that ends a prompt: the prompt's last token, after
    /// those before it, of which only what is missing is added; that is there to
    /// be found from now on, encoded or not, and so is the message once it is
    /// closed. `new` has the prompt's tokens, no parents, and offset 0.
    ///
    /// Returns the message, which has one holder, and how many of the prompt's
    /// tokens were there.
    pub fn prompt(&mut self, new: NewMessage) -> (MessageId, u32) {
        let mut tokens = new.tokens;
        let last = tokens.split_off(tokens.len() - 1);
        let before = count(&tokens);
        let (mut stem, found) = self.descend(Stem::Root(new.tenant.unwrap_or_default()), &tokens);
        let missing = tokens.split_off(found as usize);
        let grown = missing.first().copied().map(|first| {
            let edge = self.go_on(stem, missing, 0);
            self.message_mut(edge).stage = Stage::Closed;
            self.branches.insert((stem, first), edge);
            stem = Stem::Edge(edge);
            edge
        });
        let message = self.go_on(stem, last, new.capacity.saturating_sub(before));
        if let Some(edge) = grown {
            self.release(edge);
        }
        (message, found)
    }

    /// Adds a closed message of these tokens right after another one, as one text
    /// with it. It is found by nobody.
    pub fn add_after(&mut self, message: MessageId, tokens: Vec<TokenId>) -> MessageId {
        let id = self.go_on(Stem::Edge(message), tokens, 0);
        self.seal(id);
        id
    }

    /// Ends an open message's growth. It is found by nobody.
    pub fn seal(&mut self, id: MessageId) {
        self.message_mut(id).stage = Stage::Closed;
    }

    /// Index of a message's first token: 0, unless it goes on from others.
    pub fn first_index(&self, id: MessageId) -> u32 {
        self.message(id).first_index
    }

    /// The messages that a message goes on from, the first first: all that it sees
    /// but the beginning of sequence. None unless it goes on from others.
    pub fn path(&self, id: MessageId) -> Vec<MessageId> {
        let mut path = Vec::new();
        let mut stem = self.message(id).stem;
        while let Some(Stem::Edge(edge)) = stem {
            path.push(edge);
            stem = self.message(edge).stem;
        }
        path.reverse();
        path
    }

    /// The messages that a message sees, but for the beginning of sequence.
    pub fn seen(&self, id: MessageId) -> Vec<MessageId> {
        match self.message(id).stem {
            Some(_) => self.path(id),
            None => self.message(id).parents.iter().map(|parent| parent.message).collect(),
        }
    }

    /// An open message that begins at a stem.
    fn go_on(&mut self, stem: Stem, tokens: Vec<TokenId>, capacity: u32) -> MessageId {
        let (parents, first_index) = self.before(stem);
        let capacity = capacity.max(count(&tokens));
        let id = self.insert(NewMessage { tokens, parents, offset: 0, capacity, tenant: None });
        let message = self.message_mut(id);
        message.first_index = first_index;
        message.stem = Some(stem);
        message.peak = u64::from(first_index) + u64::from(message.capacity);
        id
    }

    /// The edge before a stem, and how many tokens there are up to it.
    fn before(&self, stem: Stem) -> (Vec<Placed>, u32) {
        let Stem::Edge(edge) = stem else { return (Vec::new(), 0) };
        let message = self.message(edge);
        (vec![Placed { message: edge, offset: 0 }], message.first_index + count(&message.tokens))
    }

    /// Goes along `tokens` from a stem as far as there are edges; where the way
    /// leaves one inside, it is split.
    fn descend(&mut self, mut stem: Stem, tokens: &[TokenId]) -> (Stem, u32) {
        let mut found = 0;
        while let Some(edge) = tokens.get(found).and_then(|next| self.branches.get(&(stem, *next)).copied()) {
            let own = &self.message(edge).tokens;
            let common = own.iter().zip(&tokens[found..]).take_while(|(own, asked)| own == asked).count();
            let whole = common == own.len();
            found += common;
            stem = Stem::Edge(if whole { edge } else { self.split(edge, common) });
            if !whole {
                break;
            }
        }
        (stem, u32::try_from(found).unwrap_or(u32::MAX))
    }

    /// Makes an edge's first `at` tokens one of their own, before it.
    fn split(&mut self, edge: MessageId, at: usize) -> MessageId {
        let head = MessageId(self.next);
        self.next += 1;
        let message = self.message_mut(edge);
        let rest = message.tokens.split_off(at);
        let tokens = std::mem::replace(&mut message.tokens, rest);
        let (stem, first, next) = (message.stem, tokens[0], message.tokens[0]);
        let len = count(&tokens);
        let new = Message {
            extents: cut_extents(&mut message.extents, len),
            parents: std::mem::replace(&mut message.parents, vec![Placed { message: head, offset: 0 }]),
            capacity: len,
            encoded: message.encoded.min(len),
            reached: message.reached.min(len),
            peak: u64::from(message.first_index) + u64::from(len),
            references: 1,
            holders: 0,
            tokens,
            identity: None,
            ..*message
        };
        message.stem = Some(Stem::Edge(head));
        message.first_index += len;
        message.capacity -= len;
        message.encoded -= new.encoded;
        message.reached -= new.reached;
        self.messages.insert(head, new);
        if let Some(stem) = stem {
            self.branches.insert((stem, first), head);
        }
        self.branches.insert((Stem::Edge(head), next), edge);
        self.changes.filled.extend([head, edge]);
        head
    }

    /// An open message that ended a prompt has all its tokens: those that are
    /// encoded are there to be found, unless they are already.
    pub(super) fn join(&mut self, id: MessageId) {
        self.trim(id);
        let message = self.message(id);
        let Some(stem) = message.stem.filter(|stem| self.is_found(*stem)) else { return };
        let tokens = message.tokens.clone();
        let (stem, found) = self.descend(stem, &tokens);
        self.behead(id, stem, found);
        if let Some(next) = tokens.get(found as usize) {
            self.branches.insert((stem, *next), id);
        }
    }

    /// Whether a prompt can come to a stem.
    fn is_found(&self, stem: Stem) -> bool {
        match stem {
            Stem::Root(_) => true,
            Stem::Edge(edge) => self.branch(edge, self.message(edge)).is_some(),
        }
    }

    /// Others have an encoded message's first tokens: it begins after them.
    fn behead(&mut self, id: MessageId, stem: Stem, len: u32) {
        let (parents, first_index) = self.before(stem);
        for parent in &parents {
            self.message_mut(parent.message).references += 1;
        }
        let message = self.message_mut(id);
        message.stem = Some(stem);
        message.first_index = first_index;
        message.tokens.drain(..len as usize);
        message.capacity -= len;
        message.encoded -= len;
        message.reached -= len;
        let extents = cut_extents(&mut message.extents, len);
        let before = std::mem::replace(&mut message.parents, parents);
        let used = message.used;
        self.give(extents);
        // It is on the way to the new one, or is that.
        for parent in before {
            self.message_mut(parent.message).references -= 1;
        }
        // What goes on from others yields before them.
        for edge in self.path(id) {
            let edge = self.message_mut(edge);
            edge.used = edge.used.max(used);
        }
    }

    /// Gives back an edge's last slots, so many, if nobody goes on from it and it
    /// keeps some.
    pub(super) fn shorten(&mut self, id: MessageId, slots: u32) -> bool {
        let message = self.message(id);
        let ends = message.stem.is_some() && message.holders == 0 && message.references == 0;
        if !ends || message.encoded <= slots {
            return false;
        }
        self.message_mut(id).encoded -= slots;
        self.trim(id);
        true
    }

    /// Keeps those tokens of an edge that are encoded.
    pub(super) fn trim(&mut self, id: MessageId) {
        let message = self.message_mut(id);
        message.tokens.truncate(message.encoded as usize);
        message.reached = message.encoded;
        message.capacity = message.encoded;
        let keep = message.encoded;
        let kept = cut_extents(&mut message.extents, keep);
        let spare = std::mem::replace(&mut message.extents, kept);
        self.give(spare);
        self.changes.filled.push(id);
    }

    /// The key by which an edge is found; none where it is not.
    pub(super) fn branch(&self, id: MessageId, message: &Message) -> Option<(Stem, TokenId)> {
        let key = (message.stem?, *message.tokens.first()?);
        (self.branches.get(&key) == Some(&id)).then_some(key)
    }
}
