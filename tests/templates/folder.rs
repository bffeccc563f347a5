//! Any folder of templates, with a tokenizer that has their control tokens.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use choreo_host::cache::plan::TokenId;
use choreo_host::chat::{Chat, ChatError, Comparison, Part, Role, Speaker, Spoken};
use choreo_host::model::Source;
use serde_json::{Value, json};

pub(super) const ROLES: [Role; 4] = [Role::System, Role::User, Role::Assistant, Role::Tool];

/// A template, loaded.
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) chat: Chat,
    pub(super) comparison: Option<Comparison>,
    /// The control tokens that its tokenizer has.
    pub(super) controls: Vec<String>,
    /// All tokens of its added vocabulary, and what they spell.
    pub(super) added: BTreeMap<TokenId, String>,
}

/// What `make.py` wrote: conversations, and what transformers makes of them.
pub(super) struct Golden(Value);

impl Golden {
    /// The folder's, where there is one.
    pub(super) fn read(folder: &Path) -> Option<Self> {
        let bytes = std::fs::read(folder.join("golden.json")).ok()?;
        Some(Self(serde_json::from_slice(&bytes).unwrap()))
    }

    /// Each conversation, and what a template may make of it; none: a refusal.
    pub(super) fn of(&self, template: &str) -> Vec<(Vec<Spoken<'_>>, Vec<Option<&str>>)> {
        let conversations = self.0["conversations"].as_array().unwrap().iter();
        let whole = self.0["whole"][template].as_array().unwrap_or_else(|| panic!("{template}: run make.py again"));
        let pairs = conversations.zip(whole).map(|(conversation, whole)| {
            let spoken = conversation.as_array().unwrap().iter().map(|message| {
                let role = ROLES.into_iter().find(|role| message["role"] == role.name()).unwrap();
                (Speaker { role, name: message["name"].as_str() }, message["content"].as_str().unwrap())
            });
            (spoken.collect(), whole.as_array().unwrap().iter().map(Value::as_str).collect())
        });
        pairs.collect()
    }
}

/// The templates of a folder, by name.
pub(super) fn templates(folder: &Path) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths: BTreeSet<_> = files.map(|file| file.unwrap().path()).collect();
    let templates = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "jinja")).map(|path| {
        let source = std::fs::read_to_string(path).unwrap();
        (path.file_stem().unwrap().to_string_lossy().into_owned(), source)
    });
    templates.collect()
}

/// Families whose brackets are plain text.
const PLAIN_BRACKETS: [&str; 2] = ["llama-2", "mistral-v1"];

/// A template with the embedded tokenizer, which gets what it writes as control
/// tokens, and names for the beginning and the end.
pub(super) fn load(name: &str, source: &str) -> Result<Loaded, ChatError> {
    let mut controls: BTreeSet<String> =
        ["<think>", "</think>", "<tool_call>", "</tool_call>", "<|bos|>", "<|eos|>"].map(str::to_owned).into();
    if let (_, Some(plain)) = with_tokens(source, &BTreeSet::new())?.0 {
        for roles in [
            &[Role::User][..],
            &[Role::System, Role::User, Role::Assistant, Role::User],
            &[Role::User, Role::Assistant, Role::Tool, Role::Assistant],
            &[Role::User, Role::Assistant, Role::Tool],
        ] {
            let spoken: Vec<_> = roles.iter().map(|role| (Speaker::from(*role), "x")).collect();
            controls.extend(plain.whole(&spoken).iter().flat_map(|whole| control_like(whole)));
        }
    }
    if PLAIN_BRACKETS.contains(&name) {
        controls.retain(|control| !control.starts_with('['));
    }
    let ((chat, comparison), added) = with_tokens(source, &controls)?;
    Ok(Loaded { name: name.into(), chat, comparison, controls: controls.into_iter().collect(), added })
}

type Compared = (Chat, Option<Comparison>);

fn with_tokens(source: &str, controls: &BTreeSet<String>) -> Result<(Compared, BTreeMap<TokenId, String>), ChatError> {
    let mut tokenizer: Value =
        serde_json::from_slice(&Source::Embedded.read("tokenizer.json").unwrap().unwrap()).unwrap();
    let first = tokenizer["model"]["vocab"].as_object().unwrap().len();
    let added = tokenizer["added_tokens"].as_array_mut().unwrap();
    let own: Vec<String> = added.iter().map(|token| token["content"].as_str().unwrap().to_owned()).collect();
    for (name, id) in controls.iter().filter(|name| !own.contains(name)).zip(first..) {
        let special = !["think>", "tool_call>"].iter().any(|end| name.ends_with(end));
        added.push(json!({"id": id, "content": name, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": special}));
    }
    let id = |token: &Value| TokenId(u32::try_from(token["id"].as_u64().unwrap()).unwrap());
    let ids = added.iter().map(|token| (id(token), token["content"].as_str().unwrap().to_owned())).collect();
    let config = json!({"bos_token": "<|bos|>", "eos_token": "<|eos|>", "chat_template": source}).to_string();
    let compared = Chat::load_compared(|file| {
        Ok(match file {
            "tokenizer.json" => Some(Cow::Owned(tokenizer.to_string().into_bytes())),
            "tokenizer_config.json" => Some(Cow::Owned(config.clone().into_bytes())),
            _ => None,
        })
    })?;
    Ok((compared, ids))
}

/// What looks like a control token: `<|end|>`, `</s>`, `[INST]`.
fn control_like(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (open, close) in [('<', '>'), ('[', ']')] {
        for (at, _) in text.match_indices(open) {
            let Some(len) = text[at..].find(close) else { continue };
            let inside = &text[at + 1..at + len];
            let fits = |character: char| match open {
                '<' => character.is_alphanumeric() || "|/_｜▁:.-".contains(character),
                _ => character.is_ascii_uppercase() || "/_".contains(character),
            };
            if !inside.is_empty() && inside.chars().all(fits) {
                found.push(format!("{open}{inside}{close}"));
            }
        }
    }
    found
}

impl Loaded {
    pub(super) fn serves(&self, role: Role) -> bool {
        self.chat.render(role, Part::Whole, "x").is_ok()
    }

    /// A conversation's messages, one after another, as what their tokens spell.
    pub(super) fn spelled(&self, conversation: &[Spoken<'_>]) -> String {
        let mut tokens: Vec<TokenId> = self.chat.beginning().into_iter().collect();
        for (speaker, text) in conversation {
            tokens.extend(self.chat.render(*speaker, Part::Whole, text).unwrap());
        }
        if matches!(conversation.last(), Some((Speaker { role: Role::User | Role::Tool, .. }, _))) {
            tokens.extend(self.chat.header(Role::Assistant, Part::Whole, "").unwrap());
        }
        let bytes = tokens.iter().flat_map(|token| match self.added.get(token) {
            Some(control) => control.as_bytes(),
            None => self.chat.token_bytes(*token),
        });
        String::from_utf8(bytes.copied().collect()).unwrap()
    }

    /// A line of the table.
    pub(super) fn line(&self) -> String {
        let served: Vec<&str> = ROLES.iter().filter(|role| self.serves(**role)).map(|role| role.name()).collect();
        let served = if served.is_empty() { "raw".to_owned() } else { served.join(", ") };
        let deviations = self.chat.deviations();
        let count = if deviations.is_empty() { "exact".to_owned() } else { deviations.len().to_string() };
        let first = deviations.first().map(|line| line.replace('|', "\\|")).unwrap_or_default();
        format!("| {} | {served} | {count} | {first} |", self.name)
    }
}
