//! What prefill, decode and score calls have in common.

use crate::generated::choreo::host::choreo as contract;
use crate::{OnViolation, Parent};

/// A view of nothing, placed by the host, which refuses hidden labels.
pub(crate) fn empty_view() -> contract::View {
    contract::View { parents: Vec::new(), offset: None, may_see: None, on_violation: OnViolation::Fail }
}

/// The parent in the contract's terms.
pub(crate) fn placed(parent: Parent) -> contract::Parent {
    contract::Parent { id: parent.message.into(), offset: parent.offset, refresh: parent.refresh }
}

/// Methods on who speaks and what is seen: of all three kinds of call.
macro_rules! view_methods {
    () => {
        /// Who speaks. `Role::Raw` adds no role and no end-of-message tokens.
        pub fn role(mut self, role: $crate::Role) -> Self {
            self.0.role = role;
            self
        }

        /// Spoken by the system.
        pub fn system(self) -> Self {
            self.role($crate::Role::System)
        }

        /// Spoken by the user.
        pub fn user(self) -> Self {
            self.role($crate::Role::User)
        }

        /// Spoken by the assistant.
        pub fn assistant(self) -> Self {
            self.role($crate::Role::Assistant)
        }

        /// Spoken by a tool.
        pub fn tool(self) -> Self {
            self.role($crate::Role::Tool)
        }

        /// Spoken by nobody: the text and nothing around it.
        pub fn raw(self) -> Self {
            self.role($crate::Role::Raw)
        }

        /// The speaker's name, where the model's chat format has a place for it.
        pub fn named(mut self, name: impl Into<String>) -> Self {
            self.0.name = Some(name.into());
            self
        }

        /// Adds parents: what the call sees, after those that were added before.
        /// A message stands right after the parent before it unless it is placed
        /// with [`Message::at`](crate::Message::at).
        pub fn after(mut self, parents: impl IntoIterator<Item = impl Into<$crate::Parent>>) -> Self {
            let parents = parents.into_iter().map(Into::into);
            self.0.view.parents.extend(parents.map($crate::call::placed));
            self
        }

        /// Position of the call's own first token, in tokens. Unset: right after
        /// the end of the last parent.
        pub fn at(mut self, offset: u32) -> Self {
            self.0.view.offset = Some(offset);
            self
        }

        /// Labels that parents may carry. Unset: any.
        pub fn may_see(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
            let labels = labels.into_iter().map(Into::into);
            self.0.view.may_see = Some(labels.collect());
            self
        }

        /// What to do when a parent carries a label that the call may not see.
        /// Unset: fail.
        pub fn on_violation(mut self, on_violation: $crate::OnViolation) -> Self {
            self.0.view.on_violation = on_violation;
            self
        }
    };
}

/// Methods on the message that a prefill or decode call leaves behind.
macro_rules! message_methods {
    () => {
        /// Which part of a turn the message is. Unset: the whole turn.
        pub fn part(mut self, part: $crate::Part) -> Self {
            self.0.part = part;
            self
        }

        /// Adds labels that the message starts with; it inherits its parents' too.
        pub fn labels(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.0.labels.extend(labels.into_iter().map(Into::into));
            self
        }
    };
}

pub(crate) use {message_methods, view_methods};
