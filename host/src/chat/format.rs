//! What stands around one message's text, read off a chat template.
//!
//! Conversations of sentinels are rendered; what follows the last one is the
//! closing of its role, and what stands between two is the closing of the first
//! and the opening of the second.

use super::Role;
use super::template::{Ending, Said, Template};

/// The roles that a template may have, in the order of [`Format::turns`].
pub(super) const ROLES: [Role; 4] = [Role::System, Role::User, Role::Assistant, Role::Tool];

/// What may come before a message of most roles, likeliest first.
const BEFORE: &[&[Role]] = &[
    &[Role::User, Role::Assistant],
    &[Role::User],
    &[Role::System, Role::User],
    &[Role::System, Role::User, Role::Assistant],
    &[Role::System],
    &[],
];

/// What a template writes around a message's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Before the text.
    pub(super) opening: String,
    /// Before a text that the model writes.
    pub(super) generation: String,
    /// After the text.
    pub(super) closing: String,
    /// What is left out of the text.
    pub(super) trim: Trim,
    /// Opening and generation with a name, or why there is no place for one.
    pub(super) named: Result<[Named; 2], String>,
}

/// What a template writes around a name, up to the message's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Before the name.
    pub(super) before: String,
    /// After the name.
    pub(super) after: String,
}

/// White space that a template leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trim {
    /// At the beginning of a text.
    pub(super) start: bool,
    /// At its end.
    pub(super) end: bool,
}

impl Trim {
    pub(super) fn start(self, text: &str) -> &str {
        if self.start { text.trim_start() } else { text }
    }

    pub(super) fn end(self, text: &str) -> &str {
        if self.end { text.trim_end() } else { text }
    }
}

/// A chat format, as text.
#[derive(Debug)]
pub(super) struct Format {
    /// Whether conversations start with the beginning-of-sequence token.
    pub(super) begins: bool,
    /// One for each of [`ROLES`], or why the format has none.
    pub(super) turns: Vec<Result<Turn, String>>,
}

impl Format {
    /// Reads the format off a template; `beginning` is its name of the
    /// beginning-of-sequence token.
    pub(super) fn derive(template: &Template, beginning: Option<&str>) -> Self {
        let probe = Probe { template };
        let closings: Vec<Result<String, String>> = ROLES.iter().map(|role| probe.closing(*role)).collect();
        let first = ROLES.iter().find_map(|role| probe.render(&[*role], Ending::Message, Last::default()).ok());
        let beginning = beginning.filter(|token| !token.is_empty());
        let begins = match (&first, beginning) {
            (Some(pieces), Some(token)) => pieces[0].starts_with(token),
            _ => false,
        };
        let prefix = beginning.filter(|_| begins).unwrap_or_default();
        let turns = ROLES.iter().zip(&closings).map(|(role, closing)| {
            let closing = closing.clone()?;
            let opening = probe.opening(*role, &closings, prefix, Last::default())?;
            let generation = match role {
                Role::Assistant => probe.generation(&closings).unwrap_or_else(|| opening.clone()),
                _ => opening.clone(),
            };
            let named = probe.named(*role, &closings, prefix, &opening).and_then(|named| {
                // The generation prompt knows no names: it goes on from the opening.
                let rest = generation.strip_prefix(&opening).ok_or("a message with a name opens otherwise")?;
                let longer = Named { before: named.before.clone(), after: format!("{}{rest}", named.after) };
                Ok([named, longer])
            });
            Ok(Turn { opening, generation, closing, trim: probe.trim(*role), named })
        });
        let turns = turns.collect();
        Self { begins, turns }
    }
}

/// Stands for a name while a template is read.
const NAME: &str = "⟦name⟧";

/// What is done to the last message of a conversation of sentinels.
#[derive(Clone, Copy, Default)]
struct Last<'a> {
    /// Before and after the sentinel, as the message's own text.
    around: (&'a str, &'a str),
    name: Option<&'a str>,
}

struct Probe<'a> {
    template: &'a Template,
}

impl Probe<'_> {
    /// What stands around the sentinels of a conversation: one piece more than
    /// there are messages.
    fn render(&self, roles: &[Role], ending: Ending, last: Last<'_>) -> Result<Vec<String>, String> {
        let sentinels: Vec<String> = (0..roles.len()).map(|number| format!("⟦message {number}⟧")).collect();
        let mut contents = sentinels.clone();
        if let Some(content) = contents.last_mut() {
            *content = format!("{}{content}{}", last.around.0, last.around.1);
        }
        let said = roles.iter().zip(&contents).map(|(role, content)| Said { role: role.name(), content, name: None });
        let mut said: Vec<Said<'_>> = said.collect();
        if let Some(said) = said.last_mut() {
            said.name = last.name;
        }
        let text = self.template.render(&said, ending)?;
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        for (sentinel, role) in sentinels.iter().zip(roles) {
            let (before, after) = rest
                .split_once(sentinel)
                .ok_or_else(|| format!("the template leaves the text of a {} message out", role.name()))?;
            pieces.push(before.to_owned());
            rest = after;
        }
        if sentinels.iter().any(|sentinel| rest.contains(sentinel)) {
            return Err("the template repeats a message's text".into());
        }
        pieces.push(rest.to_owned());
        Ok(pieces)
    }

    /// What may come before a role's message, likeliest first. A system message
    /// belongs at the beginning: elsewhere some templates take it for another role's.
    fn before(role: Role) -> &'static [&'static [Role]] {
        match role {
            Role::System => &[&[]],
            _ => BEFORE,
        }
    }

    /// The first context in which the role's message can be rendered last.
    fn in_context(&self, role: Role, last: Last<'_>) -> Result<Vec<String>, String> {
        let mut refusal = String::new();
        for before in Self::before(role) {
            match self.render(&[before, &[role][..]].concat(), Ending::Message, last) {
                Ok(pieces) => return Ok(pieces),
                Err(reason) => refusal = reason,
            }
        }
        Err(refusal)
    }

    fn closing(&self, role: Role) -> Result<String, String> {
        Ok(self.in_context(role, Last::default())?.pop().unwrap_or_default())
    }

    fn opening(
        &self,
        role: Role,
        closings: &[Result<String, String>],
        prefix: &str,
        last: Last<'_>,
    ) -> Result<String, String> {
        let mut refusal = String::new();
        for before in Self::before(role) {
            let pieces = match self.render(&[before, &[role][..]].concat(), Ending::Message, last) {
                Ok(pieces) => pieces,
                Err(reason) => {
                    refusal = reason;
                    continue;
                }
            };
            let between = &pieces[before.len()];
            let opening = match before.last() {
                Some(last) => closings[index(*last)].as_ref().ok().and_then(|closing| between.strip_prefix(closing)),
                None => between.strip_prefix(prefix),
            };
            match opening {
                Some(opening) => return Ok(opening.to_owned()),
                None => refusal = "the template joins it with the message before".into(),
            }
        }
        Err(refusal)
    }

    /// The place for a name in a role's opening.
    fn named(
        &self,
        role: Role,
        closings: &[Result<String, String>],
        prefix: &str,
        nameless: &str,
    ) -> Result<Named, String> {
        let opening = self.opening(role, closings, prefix, Last { name: Some(NAME), ..Last::default() })?;
        match opening.split(NAME).collect::<Vec<_>>().as_slice() {
            [before, after] => Ok(Named { before: (*before).to_owned(), after: (*after).to_owned() }),
            [same] if *same == nameless => Err("it has no place for one".into()),
            _ => Err("it does not write one just once, before the text".into()),
        }
    }

    /// What opens the model's own turn after a user's.
    fn generation(&self, closings: &[Result<String, String>]) -> Option<String> {
        let closing = closings[index(Role::User)].as_ref().ok()?;
        let before: [&[Role]; 2] = [&[Role::User], &[Role::System, Role::User]];
        before.iter().find_map(|roles| {
            let pieces = self.render(roles, Ending::Generation, Last::default()).ok()?;
            let opened = pieces.last()?.strip_prefix(closing.as_str())?;
            Some(opened.to_owned()).filter(|opened| !opened.is_empty())
        })
    }

    fn trim(&self, role: Role) -> Trim {
        let (lead, tail) = (" \t", "\t ");
        match self.in_context(role, Last { around: (lead, tail), ..Last::default() }) {
            Ok(pieces) => {
                let [.., before, after] = pieces.as_slice() else { return Trim::default() };
                Trim { start: !before.ends_with(lead), end: !after.starts_with(tail) }
            }
            Err(_) => Trim::default(),
        }
    }
}

/// Where a role stands in [`ROLES`]; raw stands nowhere.
pub(super) fn index(role: Role) -> usize {
    ROLES.iter().position(|each| *each == role).unwrap_or(ROLES.len())
}
