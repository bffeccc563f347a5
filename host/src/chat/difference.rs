//! How a conversation comes out otherwise than by the template.

use super::Role;

/// A conversation as messages give it.
pub(super) struct Written {
    pub(super) messages: Vec<WrittenMessage>,
    /// After the last text.
    pub(super) after: String,
    /// Whose turn that opens.
    pub(super) next: Option<Role>,
}

/// One of its messages.
pub(super) struct WrittenMessage {
    pub(super) role: Role,
    /// Between the text before and its own.
    pub(super) before: String,
    pub(super) text: String,
}

impl Written {
    /// All of it.
    pub(super) fn text(&self) -> String {
        let messages = self.messages.iter().flat_map(|message| [message.before.as_str(), message.text.as_str()]);
        messages.chain([self.after.as_str()]).collect()
    }

    /// Finds each message's text in the template's rendering, and compares what
    /// stands between.
    pub(super) fn differences(&self, roles: &str, whole: &str) -> Vec<Difference> {
        let mut differences = Vec::new();
        let mut rest = whole;
        // The role before, where its text was found: what follows it can be compared.
        let mut last = Some(None);
        let mut lost: Vec<&str> = Vec::new();
        for (index, WrittenMessage { role, before, text }) in self.messages.iter().enumerate() {
            let expected = rest.strip_prefix(before.as_str()).is_some_and(|rest| rest.starts_with(text.as_str()));
            let at = if expected { Some(before.len()) } else { rest.find(text.as_str()).filter(|_| !text.is_empty()) };
            // Messages that come later do not stand between.
            let later = |at: usize| self.messages[index + 1..].iter().any(|later| holds(&rest[..at], &later.text));
            let Some(at) = at.filter(|at| expected || !later(*at)) else {
                differences.push(Difference::Text { roles: roles.to_owned(), role: *role, text: text.clone() });
                lost.push(text);
                last = None;
                continue;
            };
            // What was told of already may have moved there.
            let moved = lost.iter().any(|text| holds(&rest[..at], text));
            if let Some(last) = last.filter(|_| !moved) {
                differences.extend(Difference::between(last, Some(*role), &rest[..at], before));
            }
            rest = &rest[at + text.len()..];
            last = Some(Some(*role));
        }
        if let Some(last) = last {
            differences.extend(Difference::between(last, self.next, rest, &self.after));
        }
        differences
    }
}

fn holds(text: &str, part: &str) -> bool {
    !part.is_empty() && text.contains(part)
}

/// How a conversation comes out otherwise than by the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The template does not render it.
    Refused {
        /// Whose messages.
        roles: String,
        /// Why, as the template says.
        reason: String,
    },
    /// Other text stands between two messages, or before the first or after the last.
    Between {
        /// Whose message comes before; none at the beginning.
        last: Option<Role>,
        /// Whose comes after; none at the end.
        next: Option<Role>,
        /// What the template writes where messages give something else.
        template: String,
        /// What messages give.
        messages: String,
    },
    /// A message's text is not there as it was given.
    Text {
        /// Whose messages.
        roles: String,
        /// Whose message it is.
        role: Role,
        /// Its text.
        text: String,
    },
    /// The same text is cut into other tokens.
    Tokens {
        /// Whose messages.
        roles: String,
    },
}

impl Difference {
    fn between(last: Option<Role>, next: Option<Role>, template: &str, messages: &str) -> Option<Self> {
        let (template, messages) = differing(template, messages);
        let between = Self::Between { last, next, template: template.into(), messages: messages.into() };
        (template != messages).then_some(between)
    }

    /// Whether one of the two is enough to tell.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refused { reason, .. }, Self::Refused { reason: other, .. }) => reason == other,
            (Self::Between { template, messages, .. }, Self::Between { template: other, messages: others, .. }) => {
                (template.trim(), messages.trim()) == (other.trim(), others.trim())
            }
            (Self::Text { role, .. }, Self::Text { role: other, .. }) => role == other,
            (Self::Tokens { .. }, Self::Tokens { .. }) => true,
            _ => self == other,
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { roles, reason } => write!(formatter, "{roles}: the template refuses it ({reason})"),
            Self::Between { last, next, template, messages } => {
                match (last, next) {
                    (Some(last), Some(next)) => write!(formatter, "between {} and {}", last.name(), next.name())?,
                    (Some(last), None) => write!(formatter, "after {}", last.name())?,
                    (None, next) => write!(formatter, "before {}", next.map_or("all", Role::name))?,
                }
                let (template, messages) = (shortened(template), shortened(messages));
                write!(formatter, ": the template writes {template:?} where messages give {messages:?}")
            }
            Self::Text { roles, role, text } => {
                let (role, text) = (role.name(), shortened(text));
                write!(formatter, "{roles}: the template leaves the {role}'s {text:?} out, moves or changes it")
            }
            Self::Tokens { roles } => write!(formatter, "{roles}: the template's text is cut into other tokens"),
        }
    }
}

/// What is left of two texts without their common beginning and end.
fn differing<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    let start = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
    let start = start.unwrap_or(one.len().min(other.len()));
    let (one, other) = (&one[start..], &other[start..]);
    let same = one.chars().rev().zip(other.chars().rev()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8());
    let end: usize = same.sum();
    (&one[..one.len() - end], &other[..other.len() - end])
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(60).map_or(text, |(end, _)| &text[..end])
}
