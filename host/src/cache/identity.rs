//! What makes two messages the same: their tokens, and all that their keys and
//! values depend on.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::plan::{MessageId, TokenId};
use super::{Cache, NewMessage, Placed};

/// Whose messages may be shared with one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(pub u64);

/// Messages with one identity have the same keys and values, bit for bit: the
/// same tokens, which see messages of the same identities at the same
/// distances, in the same order. The model and the type of the cache are those
/// of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity([u8; 32]);

/// What an identity is made of.
struct Lineage<'a> {
    tenant: Tenant,
    tokens: &'a [TokenId],
    /// Each parent's identity, and how far its index 0 is from the message's.
    parents: Vec<(Identity, i64)>,
    /// How far the beginning of sequence is, where the model wants one.
    beginning: Option<i64>,
}

impl Cache {
    /// None where the message is not shared, or sees one that is not.
    pub(super) fn identity(&self, new: &NewMessage) -> Option<Identity> {
        self.identify(new.tenant?, &new.tokens, &new.parents, new.offset)
    }

    /// The same of a message that is there.
    pub(super) fn identity_of(&self, id: MessageId) -> Option<Identity> {
        let message = self.message(id);
        self.identify(message.tenant?, &message.tokens, &message.parents, message.offset)
    }

    /// Nobody finds the message any more.
    pub(super) fn forget(&mut self, id: MessageId) {
        if let Some(branch) = self.branch(id, self.message(id)) {
            self.branches.remove(&branch);
        }
        if let Some(identity) = self.message_mut(id).identity.take()
            && self.identities.get(&identity) == Some(&id)
        {
            self.identities.remove(&identity);
        }
    }

    /// Nor any message that sees it, at whatever remove.
    pub(super) fn forget_lineage(&mut self, id: MessageId) {
        let mut lineage = BTreeSet::from([id]);
        // Mostly what a message sees was there before it; edges of the tree of
        // prompts are split later.
        let mut before = 0;
        while before < lineage.len() {
            before = lineage.len();
            for (child, message) in &self.messages {
                if message.parents.iter().any(|parent| lineage.contains(&parent.message)) {
                    lineage.insert(*child);
                }
            }
        }
        for id in lineage {
            self.forget(id);
        }
    }

    fn identify(&self, tenant: Tenant, tokens: &[TokenId], parents: &[Placed], offset: i32) -> Option<Identity> {
        let distance = |place: i32| i64::from(place) - i64::from(offset);
        let parents = parents.iter().map(|parent| {
            let identity = self.message(parent.message).identity?;
            Some((identity, distance(parent.offset)))
        });
        let beginning = self.beginning.map(|_| distance(-1));
        Some(Lineage { tenant, tokens, parents: parents.collect::<Option<_>>()?, beginning }.identity())
    }
}

impl Lineage<'_> {
    fn identity(&self) -> Identity {
        let mut hash = Sha256::new();
        hash.update(self.tenant.0.to_le_bytes());
        hash.update(self.beginning.map_or([0; 9], |distance| tagged(1, distance)));
        hash.update((self.parents.len() as u64).to_le_bytes());
        for (Identity(parent), distance) in &self.parents {
            hash.update(parent);
            hash.update(distance.to_le_bytes());
        }
        for token in self.tokens {
            hash.update(token.0.to_le_bytes());
        }
        Identity(hash.finalize().into())
    }
}

fn tagged(tag: u8, distance: i64) -> [u8; 9] {
    let mut bytes = [tag; 9];
    bytes[1..].copy_from_slice(&distance.to_le_bytes());
    bytes
}
