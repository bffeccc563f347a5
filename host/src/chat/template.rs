//! A model's Jinja chat template, as transformers would run it.

use minijinja::{Environment, Error, ErrorKind, context};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{ChatError, python};

const NAME: &str = "chat_template";

/// A chat template and the token names it may use.
pub(super) struct Template {
    environment: Environment<'static>,
    /// `bos_token`, `eos_token` and the like.
    names: Map<String, Value>,
}

/// One message of a whole conversation.
#[derive(Serialize)]
pub(super) struct Said<'a> {
    pub(super) role: &'static str,
    pub(super) content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
}

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
    /// A template that cannot be parsed.
    pub(super) fn new(source: String, names: Map<String, Value>) -> Result<Self, ChatError> {
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_unknown_method_callback(python::method);
        environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        // There is no `strftime_now`: what a message encodes must not depend on the day.
        environment.add_template_owned(NAME, source).map_err(|error| ChatError::File {
            file: "the chat template".into(),
            problem: format!("cannot be read: {}", one_line(&error)),
        })?;
        Ok(Self { environment, names })
    }

    /// The whole conversation as text.
    ///
    /// # Errors
    /// Why the template refuses it, in one line.
    pub(super) fn render(&self, said: &[Said<'_>], ending: Ending) -> Result<String, String> {
        let template = self.environment.get_template(NAME).map_err(|error| one_line(&error))?;
        let context = context! {
            messages => said,
            add_generation_prompt => ending == Ending::Generation,
            tools => (),
            documents => (),
            ..minijinja::Value::from_serialize(&self.names)
        };
        template.render(context).map_err(|error| one_line(&error))
    }
}

fn one_line(error: &Error) -> String {
    let text = match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
