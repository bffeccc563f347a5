//! Conversations of sentinels, rendered by a chat template.

use super::Role;
use super::template::{Calls, Ending, Said, Template};

/// Stands for a name while a template is read.
pub(super) const NAME: &str = "@@name@@";

/// Why a message cannot be told from the one before it.
pub(super) const JOINED: &str = "the template joins it with the message before";

/// Renders conversations whose texts are sentinels.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) template: &'a Template,
    pub(super) calls: Calls,
}

/// A conversation, and which of its messages is looked at.
#[derive(Clone, Copy)]
pub(super) struct Scene {
    pub(super) roles: &'static [Role],
    pub(super) at: usize,
}

/// What the message that is looked at has besides its sentinel.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks<'a> {
    /// Before the sentinel, as the message's own text.
    pub(super) before: &'a str,
    /// After it.
    pub(super) after: &'a str,
    pub(super) name: Option<&'a str>,
}

impl Probe<'_> {
    /// What stands around the sentinels: one piece more than there are messages.
    ///
    /// # Errors
    /// Why the template does not render the conversation, in one line.
    pub(super) fn pieces(&self, scene: Scene, ending: Ending, marks: Marks<'_>) -> Result<Vec<String>, String> {
        let sentinels: Vec<String> = (0..scene.roles.len()).map(|number| format!("@@message {number}@@")).collect();
        let mut contents = sentinels.clone();
        if let Some(content) = contents.get_mut(scene.at) {
            *content = [marks.before, content, marks.after].concat();
        }
        for (number, content) in contents.iter_mut().enumerate() {
            if self.calls.makes(scene.roles, number) {
                content.clear();
            }
        }
        let said = scene.roles.iter().zip(&contents).enumerate().map(|(number, (role, content))| Said {
            role: *role,
            content,
            name: marks.name.filter(|_| number == scene.at),
            calling: self.calls.makes(scene.roles, number),
        });
        let said: Vec<Said<'_>> = said.collect();
        let text = self.template.render(&said, ending, self.calls)?;
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        for ((number, sentinel), role) in sentinels.iter().enumerate().zip(scene.roles) {
            if said[number].calling {
                // What it writes of a call ends where the conversation would.
                let called = self.template.render(&said[..=number], Ending::Message, self.calls)?;
                rest = text.strip_prefix(&called).ok_or(JOINED)?;
                pieces.push(String::new());
                continue;
            }
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
}
