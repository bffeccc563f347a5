//! One role's turn, as a template writes it.

/// What a template writes around a message's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Before the text.
    pub(super) opening: String,
    /// Before a text that the model writes.
    pub(super) generation: String,
    /// After the text.
    pub(super) closing: String,
    /// What becomes of the text.
    pub(super) text: Text,
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

/// What a template does to a message's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    /// At its beginning.
    pub(super) start: Trim,
    /// At its end.
    pub(super) end: Trim,
    pub(super) escape: Escape,
}

/// White space that is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trim {
    /// None.
    #[default]
    Nothing,
    /// Ends of lines.
    Lines,
    /// All.
    Everything,
}

/// How characters are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Escape {
    /// As they are.
    #[default]
    Nothing,
    /// As in a JSON string.
    Json,
}

impl Text {
    /// A whole message's text.
    pub(super) fn write(self, text: &str) -> String {
        self.escape.write(self.end.end(self.start.start(text)))
    }
}

impl Trim {
    /// A text without white space at its beginning.
    pub(super) fn start(self, text: &str) -> &str {
        match self {
            Self::Nothing => text,
            Self::Lines => text.trim_start_matches('\n'),
            Self::Everything => text.trim_start(),
        }
    }

    /// A text without white space at its end.
    pub(super) fn end(self, text: &str) -> &str {
        match self {
            Self::Nothing => text,
            Self::Lines => text.trim_end_matches('\n'),
            Self::Everything => text.trim_end(),
        }
    }
}

impl Escape {
    /// A text as it is written.
    pub(super) fn write(self, text: &str) -> String {
        match self {
            Self::Nothing => text.to_owned(),
            Self::Json => {
                let quoted = serde_json::Value::from(text).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
        }
    }
}
