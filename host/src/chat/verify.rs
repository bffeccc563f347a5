//! Messages rendered one by one, held against the template's rendering of
//! whole conversations.

use super::format::{Turn, index};
use super::spelling::Literal;
use super::template::{Ending, Said, Template};
use super::{Chat, ChatError, Part, Role};

use Role::{Assistant, System, Tool, User};

/// Shorter ones come before those that they begin.
const CONVERSATIONS: &[&[Role]] = &[
    &[System],
    &[User],
    &[Assistant],
    &[System, User],
    &[System, System],
    &[User, User],
    &[User, Assistant],
    &[User, System],
    &[Assistant, Assistant],
    &[System, User, Assistant],
    &[User, Assistant, User],
    &[User, Assistant, Tool],
    &[System, User, Assistant, User],
    &[User, Assistant, Tool, Assistant],
    &[User, Assistant, User, Assistant],
];

/// Texts that templates leave alone, and texts with white space around them,
/// which some trim.
const TEXTS: [[&str; 4]; 2] =
    [["Hi there", "12 + 3 = 15", "One.\nTwo.", "Go on"], [" Hi there ", "\n12\n", "\n\n One.", "Go on \n\n"]];

/// A line for each kind of conversation that comes out otherwise.
///
/// # Errors
/// Text of the template that the tokenizer cannot spell.
pub(super) fn deviations(
    chat: &Chat,
    turns: &[Result<Turn, String>],
    template: &Template,
    literal: &Literal,
) -> Result<Vec<String>, ChatError> {
    let mut lines = Vec::new();
    for texts in &TEXTS {
        let mut differing: Vec<&[Role]> = Vec::new();
        for roles in CONVERSATIONS {
            let supported = roles.iter().all(|role| turns[index(*role)].is_ok());
            // What is wrong with its beginning is told already.
            if !supported || !lines.is_empty() && differing.iter().any(|other| roles.starts_with(other)) {
                continue;
            }
            let compared = Compared { chat, turns, template, literal, roles, texts };
            if let Some(line) = compared.line()? {
                differing.push(roles);
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
    }
    Ok(lines)
}

struct Compared<'a> {
    chat: &'a Chat,
    turns: &'a [Result<Turn, String>],
    template: &'a Template,
    literal: &'a Literal,
    roles: &'a [Role],
    texts: &'a [&'a str],
}

impl Compared<'_> {
    /// How the two renderings differ, if they do.
    fn line(&self) -> Result<Option<String>, ChatError> {
        let ending = match self.roles.last() {
            Some(User | Tool) => Ending::Generation,
            _ => Ending::Message,
        };
        let said: Vec<Said<'_>> = self
            .roles
            .iter()
            .zip(self.texts)
            .map(|(role, content)| Said { role: role.name(), content, name: None })
            .collect();
        let conversation = self.roles.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
        let whole = match self.template.render(&said, ending) {
            Ok(whole) => whole,
            Err(reason) => return Ok(Some(format!("{conversation}: the template refuses it ({reason})"))),
        };
        let mut tokens: Vec<_> = self.chat.beginning().into_iter().collect();
        let mut text = self.chat.beginning().map(|_| whole_beginning(&whole, self.literal, tokens[0]));
        let text = text.get_or_insert_default();
        for (role, content) in self.roles.iter().zip(self.texts) {
            tokens.extend(self.chat.render(*role, Part::Whole, content)?);
            if let Ok(turn) = &self.turns[index(*role)] {
                let content = turn.trim.end(turn.trim.start(content));
                text.extend([turn.opening.as_str(), content, turn.closing.as_str()]);
            }
        }
        if ending == Ending::Generation
            && let Ok(turn) = &self.turns[index(Assistant)]
        {
            tokens.extend(self.chat.header(Assistant, Part::Whole, "")?);
            text.push_str(&turn.generation);
        }
        if tokens == self.literal.encode(&whole)? {
            return Ok(None);
        }
        let (expected, found) = difference(&whole, text);
        Ok(Some(match (expected, found) {
            ("", "") => format!("{conversation}: the template's text is cut into other tokens"),
            _ => format!("{conversation}: the template writes {expected:?} where messages give {found:?}"),
        }))
    }
}

/// The text of the beginning-of-sequence token, which the whole starts with.
fn whole_beginning(whole: &str, literal: &Literal, token: crate::cache::plan::TokenId) -> String {
    let ends = whole.char_indices().map(|(start, character)| start + character.len_utf8());
    let name = ends.map(|end| &whole[..end]).find(|name| literal.token(name) == Some(token));
    name.unwrap_or_default().to_owned()
}

/// What is left of two texts without their common beginning and end, shortened.
fn difference<'a>(one: &'a str, other: &'a str) -> (&'a str, &'a str) {
    let start = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
    let start = start.unwrap_or(one.len().min(other.len()));
    let (one, other) = (&one[start..], &other[start..]);
    let same = one.chars().rev().zip(other.chars().rev()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8());
    let end: usize = same.sum();
    (shortened(&one[..one.len() - end]), shortened(&other[..other.len() - end]))
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(60).map_or(text, |(end, _)| &text[..end])
}
