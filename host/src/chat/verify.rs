//! Messages rendered one by one, held against the template's rendering of
//! whole conversations.

use super::difference::{Difference, Written, WrittenMessage};
use super::format::{Format, ROLES, index};
use super::literal::Literal;
use super::python::DAY;
use super::template::{CALL, Calls, Ending, Said, Template};
use super::turn::Turn;
use super::{Chat, ChatError, Part, Role, Speaker};
use crate::cache::plan::TokenId;

use Role::{Assistant, System, Tool, User};

/// The usual ones first: what differs in several is told of the first.
const CONVERSATIONS: &[&[Role]] = &[
    &[User],
    &[System, User],
    &[User, Assistant],
    &[System, User, Assistant],
    &[User, Assistant, User],
    &[System, User, Assistant, User],
    &[User, Assistant, User, Assistant],
    &[User, Assistant, Tool],
    &[User, Assistant, Tool, Assistant],
    &[System, User, Assistant, Tool, Assistant],
    &[User, Assistant, Tool, Tool],
    &[Assistant],
    &[System],
    &[User, User],
    &[Assistant, Assistant],
    &[System, System],
];

/// Texts that templates leave alone; texts with white space around them, which
/// some trim; and one with reasoning, which some take out of earlier turns.
const TEXTS: [[&str; 5]; 3] = [
    ["Hi there", "12 + 3 = 15", "One.\nTwo.", "Go on", "I go on"],
    [" Hi there ", "\n12\n", "\n\n One.", "Go on \n\n", " I go\n on\n"],
    ["Hi there", REASONED, "One.\nTwo.", "Go on", REASONED],
];
const REASONED: &str = "<think>\nEasy.\n</think>\n\n12 + 3 = 15";

/// The template that a chat format was read off.
pub struct Comparison {
    template: Template,
    calls: Calls,
    literal: Literal,
    turns: Vec<Result<Turn, String>>,
    /// Text that conversations start with.
    beginning: String,
}

/// A message of a conversation: who speaks, and what is said.
pub type Spoken<'a> = (Speaker<'a>, &'a str);

impl Comparison {
    pub(super) fn new(template: Template, format: Format, literal: Literal, beginning: Option<&str>) -> Self {
        let beginning = beginning.filter(|_| format.begins).unwrap_or_default().to_owned();
        Self { template, calls: format.calls, literal, turns: format.turns, beginning }
    }

    /// The ways in which conversations come out otherwise, as far as short ones
    /// of all roles show them.
    ///
    /// # Errors
    /// Text of the template that the tokenizer cannot spell.
    pub fn deviations(&self, chat: &Chat) -> Result<Vec<Difference>, ChatError> {
        let mut found: Vec<Difference> = Vec::new();
        for texts in &TEXTS {
            for roles in CONVERSATIONS {
                if !roles.iter().all(|role| self.turns[index(*role)].is_ok()) {
                    continue;
                }
                let spoken = roles.iter().zip(texts).map(|(role, text)| (Speaker::from(*role), *text));
                for difference in self.differences(chat, &spoken.collect::<Vec<_>>())? {
                    if !found.iter().any(|other| other.is_like(&difference)) {
                        found.push(difference);
                    }
                }
            }
        }
        Ok(found)
    }

    /// What the template wants to know that messages do not say.
    pub(super) fn notes(&self) -> Vec<String> {
        let call = |turn: &Turn| turn.opening.contains(CALL) || turn.closing.contains(CALL);
        let called = self.turns.iter().flatten().any(call);
        let called =
            called.then(|| format!("tool: the template names the call that is answered; messages name {CALL}"));
        let dated = self.template.asked_for_the_day();
        let dated = dated.then(|| format!("the template writes the day; messages have {DAY}"));
        let without = ROLES.iter().zip(&self.turns).filter(|(role, _)| **role != Tool).filter_map(|(role, turn)| {
            let reason = turn.as_ref().err()?;
            Some(format!("no messages of role {} ({reason})", role.name()))
        });
        without.chain(called).chain(dated).collect()
    }

    /// How messages rendered one by one differ from the template's rendering of
    /// the conversation; nothing, if they do not. The model's turn is opened at
    /// the end of one that ends with the user or a tool.
    ///
    /// # Errors
    /// A message that the format cannot express.
    pub fn differences(&self, chat: &Chat, conversation: &[Spoken<'_>]) -> Result<Vec<Difference>, ChatError> {
        let roles = conversation.iter().map(|(speaker, _)| speaker.role.name()).collect::<Vec<_>>().join(", ");
        let whole = match self.whole(conversation) {
            Ok(whole) => whole,
            Err(reason) => return Ok(vec![Difference::Refused { roles, reason }]),
        };
        let written = self.written(conversation)?;
        if whole != written.text() {
            return Ok(written.differences(&roles, &whole));
        }
        let controls = |tokens: &[TokenId]| tokens.iter().any(|token| chat.spelling.is_added(*token));
        for (_, text) in conversation {
            if controls(&self.literal.encode(text)?) {
                // The template's rendering makes control tokens of the text; messages do not.
                return Ok(Vec::new());
            }
        }
        let same = tokens(chat, conversation)? == self.literal.encode(&whole)?;
        Ok(if same { Vec::new() } else { vec![Difference::Tokens { roles }] })
    }

    /// The template's rendering of a conversation.
    ///
    /// # Errors
    /// Why the template refuses it, in one line.
    pub fn whole(&self, conversation: &[Spoken<'_>]) -> Result<String, String> {
        let roles: Vec<Role> = conversation.iter().map(|(speaker, _)| speaker.role).collect();
        let said = conversation.iter().enumerate().map(|(number, (Speaker { role, name }, content))| Said {
            role: *role,
            content,
            name: *name,
            calling: self.calls.makes(&roles, number),
        });
        self.template.render(&said.collect::<Vec<_>>(), ending(conversation), self.calls)
    }

    /// The conversation as messages give it.
    fn written(&self, conversation: &[Spoken<'_>]) -> Result<Written, ChatError> {
        let turn = |role: Role| {
            let reason = |reason: &String| ChatError::Role { role: role.name(), reason: reason.clone() };
            self.turns[index(role)].as_ref().map_err(reason)
        };
        let mut messages = Vec::new();
        let mut after = self.beginning.clone();
        for (Speaker { role, name }, said) in conversation {
            let turn = turn(*role)?;
            let mut before = std::mem::replace(&mut after, turn.closing.clone());
            match name {
                None => before.push_str(&turn.opening),
                Some(name) => {
                    let reason = |reason: &String| ChatError::Name { role: role.name(), reason: reason.clone() };
                    let [place, _] = turn.named.as_ref().map_err(reason)?;
                    before.extend([place.before.as_str(), name, place.after.as_str()]);
                }
            }
            messages.push(WrittenMessage { role: *role, before, text: turn.text.write(said) });
        }
        let assistant = turn(Assistant).ok().filter(|_| ending(conversation) == Ending::Generation);
        after.push_str(assistant.map_or("", |turn| &turn.generation));
        Ok(Written { messages, after, next: assistant.map(|_| Assistant) })
    }
}

/// The messages' tokens, one after another.
fn tokens(chat: &Chat, conversation: &[Spoken<'_>]) -> Result<Vec<TokenId>, ChatError> {
    let mut tokens: Vec<TokenId> = chat.beginning().into_iter().collect();
    for (speaker, text) in conversation {
        tokens.extend(chat.render(*speaker, Part::Whole, text)?);
    }
    if ending(conversation) == Ending::Generation && chat.frame(Assistant).is_ok() {
        tokens.extend(chat.header(Assistant, Part::Whole, "")?);
    }
    Ok(tokens)
}

fn ending(conversation: &[Spoken<'_>]) -> Ending {
    match conversation.last() {
        Some((Speaker { role: User | Tool, .. }, _)) => Ending::Generation,
        _ => Ending::Message,
    }
}
