//! A model's Jinja chat template, as transformers would run it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::{Environment, Error, ErrorKind, context};
use serde_json::{Map, Value, json};

use super::{Role, python};

const NAME: &str = "chat_template";

/// Instructions that one rendering may take: the longest published templates
/// take some thousands for a short conversation.
const FUEL: u64 = 1_000_000;

pub(super) const ENDLESS: &str = "it takes too long over a conversation";

/// A chat template and the token names it may use.
pub(super) struct Template {
    environment: Environment<'static>,
    /// `bos_token`, `eos_token` and the like.
    names: Map<String, Value>,
    /// Whether a conversation took more than [`FUEL`].
    endless: Cell<bool>,
    asked: Arc<AtomicBool>,
}

/// One message of a whole conversation.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) role: Role,
    pub(super) content: &'a str,
    pub(super) name: Option<&'a str>,
    /// Whether it calls the tool that answers next.
    pub(super) calling: bool,
}

/// What a template asks of conversations with tools, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Calls {
    /// A tool's message needs its role and text alone.
    Unasked,
    /// It names the call that it answers.
    Named,
    /// And the assistant's message before it holds that call.
    Made,
}

impl Calls {
    /// Whether a message of a conversation of these roles holds a tool's call.
    pub(super) fn makes(self, roles: &[Role], index: usize) -> bool {
        self == Self::Made && roles[index] == Role::Assistant && roles.get(index + 1) == Some(&Role::Tool)
    }
}

/// The call that tools answer where a template asks for one; Mistral's want
/// nine letters or digits.
pub(super) const CALL: &str = "call00000";

/// Whether a conversation ends by opening the model's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the last message.
    Message,
    /// With what comes before the model's first token.
    Generation,
}

impl Template {
    /// `names` are the template's variables for control tokens.
    ///
    /// # Errors
    /// Why the template cannot be parsed, in one line.
    pub(super) fn new(source: &str, names: Map<String, Value>) -> Result<Self, String> {
        let mut environment = Environment::new();
        let asked = python::prepare(&mut environment);
        environment.set_fuel(Some(FUEL));
        environment
            .add_template_owned(NAME, python::without_generation_tags(source))
            .map_err(|error| format!("it cannot be read: {}", one_line(&error)))?;
        Ok(Self { environment, names, endless: Cell::new(false), asked })
    }

    /// The whole conversation as text.
    ///
    /// # Errors
    /// Why the template refuses it, in one line.
    pub(super) fn render(&self, said: &[Said<'_>], ending: Ending, calls: Calls) -> Result<String, String> {
        if self.is_endless() {
            return Err(ENDLESS.into());
        }
        let template = self.environment.get_template(NAME).map_err(|error| one_line(&error))?;
        let context = context! {
            messages => messages(said, calls),
            add_generation_prompt => ending == Ending::Generation,
            tools => (),
            documents => (),
            ..minijinja::Value::from_serialize(&self.names)
        };
        template.render(context).map_err(|error| {
            self.endless.set(self.endless.get() || error.kind() == ErrorKind::OutOfFuel);
            one_line(&error)
        })
    }

    /// Whether it does not come to an end with some conversation.
    pub(super) fn is_endless(&self) -> bool {
        self.endless.get()
    }

    /// Whether it has asked for the day.
    pub(super) fn asked_for_the_day(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The conversation as templates get it.
fn messages(said: &[Said<'_>], calls: Calls) -> Value {
    let message = |said: &Said<'_>| {
        let mut message = json!({"role": said.role.name(), "content": said.content});
        if let Some(name) = said.name {
            message["name"] = name.into();
        }
        if said.role == Role::Tool && calls >= Calls::Named {
            message["tool_call_id"] = CALL.into();
        }
        if said.calling {
            let call = json!({"name": "tool", "arguments": {}});
            message["tool_calls"] = json!([{"id": CALL, "type": "function", "function": call}]);
        }
        message
    };
    said.iter().map(message).collect()
}

fn one_line(error: &Error) -> String {
    let text = match error.kind() {
        ErrorKind::OutOfFuel => ENDLESS.to_owned(),
        _ => error.detail().map_or_else(|| error.to_string(), str::to_owned),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
