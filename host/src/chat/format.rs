//! What stands around one message's text, read off a chat template.
//!
//! Conversations of sentinels are rendered. What stands between two is the
//! closing of the first and the opening of the second; what follows the last
//! one, and what comes before the first, tell where the one ends and the other
//! begins. A message is written as it is when the conversation goes on after
//! it: some templates write the last one otherwise.

use super::Role::{self, Assistant, System, Tool, User};
use super::probe::{JOINED, Marks, NAME, Probe, Scene};
use super::template::{Calls, ENDLESS, Ending, Template};
use super::turn::{Escape, Named, Text, Trim, Turn};

/// The roles that a template may have, in the order of [`Format::turns`].
pub(super) const ROLES: [Role; 4] = [System, User, Assistant, Tool];

/// Conversations in which a role's message is looked at, likeliest first: with
/// something after it, and then without.
fn scenes(role: Role) -> &'static [Scene] {
    const fn scene(roles: &'static [Role], at: usize) -> Scene {
        Scene { roles, at }
    }
    match role {
        // Elsewhere than at the beginning some templates take it for another role's.
        System => const { &[scene(&[System, User, Assistant], 0), scene(&[System, User], 0), scene(&[System], 0)] },
        User => {
            const {
                &[
                    scene(&[User, Assistant, User, Assistant], 2),
                    scene(&[System, User, Assistant, User, Assistant], 3),
                    scene(&[User, Assistant, User], 2),
                    scene(&[System, User, Assistant, User], 3),
                    scene(&[System, User], 1),
                    scene(&[User, Assistant], 0),
                    scene(&[User], 0),
                ]
            }
        }
        Assistant => {
            const {
                &[
                    scene(&[User, Assistant, User], 1),
                    scene(&[System, User, Assistant, User], 2),
                    scene(&[User, Assistant], 1),
                    scene(&[System, User, Assistant], 2),
                    scene(&[Assistant, User], 0),
                    scene(&[Assistant], 0),
                ]
            }
        }
        Tool => {
            const {
                &[
                    scene(&[User, Assistant, Tool, Assistant], 2),
                    scene(&[User, Assistant, Tool, User], 2),
                    scene(&[User, Assistant, Tool], 2),
                    scene(&[User, Assistant, Tool, Tool, Assistant], 3),
                    scene(&[User, Tool], 1),
                ]
            }
        }
        Role::Raw => &[],
    }
}

/// A chat format, as text.
#[derive(Debug)]
pub(super) struct Format {
    /// Whether conversations start with the beginning-of-sequence token.
    pub(super) begins: bool,
    /// What conversations with tools need.
    pub(super) calls: Calls,
    /// One for each of [`ROLES`], or why the format has none.
    pub(super) turns: Vec<Result<Turn, String>>,
}

impl Format {
    /// Reads the format off a template; `beginning` is its name of the
    /// beginning-of-sequence token.
    ///
    /// # Errors
    /// Why the template has no role at all.
    pub(super) fn derive(template: &Template, beginning: Option<&str>) -> Result<Self, String> {
        let mut reading = Reading::new(template, beginning);
        let mut user = reading.turn(User, "");
        let mut assistant = reading.turn(Assistant, user.as_ref().map_or("", |user| &user.closing));
        if let (Ok(user), Ok(assistant)) = (&mut user, &mut assistant) {
            lend(user, assistant);
        }
        let closing = user.as_ref().map_or("", |user| &user.closing).to_owned();
        let system = reading.turn(System, &closing);
        let (calls, tool) = reading.tool(&closing);
        let begins = !reading.beginning.is_empty();
        match [system, user, assistant, tool] {
            [Err(_), Err(reason), Err(_), Err(_)] => Err(reason),
            _ if template.is_endless() => Err(ENDLESS.into()),
            turns => Ok(Self { begins, calls, turns: turns.into() }),
        }
    }
}

/// Where nothing opens the model's turn, what closes the user's does: a message
/// that the model writes needs something before its first token.
fn lend(user: &mut Turn, assistant: &mut Turn) {
    if !assistant.generation.is_empty() {
        return;
    }
    let lent = std::mem::take(&mut user.closing);
    let places = assistant.named.iter_mut().flatten().map(|place| &mut place.before);
    for opening in places.chain([&mut assistant.opening, &mut assistant.generation]) {
        opening.insert_str(0, &lent);
    }
}

/// A template that is being read.
struct Reading<'a> {
    probe: Probe<'a>,
    /// What conversations start with before the first message's own.
    beginning: &'a str,
    /// What follows a role's message that is the last.
    tails: Vec<Result<String, String>>,
    openings: Vec<Result<Opening, String>>,
}

/// What stands before a role's text, and where that was seen.
#[derive(Clone)]
struct Opening {
    text: String,
    scene: Scene,
}

impl<'a> Reading<'a> {
    fn new(template: &'a Template, beginning: Option<&'a str>) -> Self {
        let probe = Probe { template, calls: Calls::Unasked };
        let mut reading = Self { probe, beginning: "", tails: Vec::new(), openings: Vec::new() };
        reading.tails = ROLES.map(|role| reading.tail(role)).into();
        reading.beginning = beginning.filter(|token| reading.begins(token)).unwrap_or_default();
        reading.openings = ROLES.map(|role| reading.opening(role, Marks::default())).into();
        reading
    }

    /// The tool's turn, with as little of calls as makes it answer an assistant's
    /// message; if nothing does, with as little as makes a turn.
    fn tool(&mut self, closing: &str) -> (Calls, Result<Turn, String>) {
        let mut least: Option<(Calls, Turn)> = None;
        let mut refusal = String::new();
        for calls in [Calls::Unasked, Calls::Named, Calls::Made] {
            self.probe.calls = calls;
            self.tails[index(Tool)] = self.tail(Tool);
            self.openings[index(Tool)] = self.opening(Tool, Marks::default());
            let answers = |opening: &Opening| opening.scene.roles[..opening.scene.at].contains(&Assistant);
            match self.turn(Tool, closing) {
                Ok(turn) if self.openings[index(Tool)].as_ref().is_ok_and(answers) => return (calls, Ok(turn)),
                Ok(turn) => least = least.or(Some((calls, turn))),
                Err(reason) => refusal = reason,
            }
        }
        least.map_or((Calls::Unasked, Err(refusal)), |(calls, turn)| (calls, Ok(turn)))
    }

    fn tail(&self, role: Role) -> Result<String, String> {
        let last = scenes(role).iter().filter(|scene| scene.at + 1 == scene.roles.len());
        let mut tails = last.map(|scene| self.probe.pieces(*scene, Ending::Message, Marks::default()));
        let refused = tails.next().unwrap_or_else(|| Err("it has no place in a conversation".into()));
        let pieces = refused.or_else(|reason| tails.find_map(Result::ok).ok_or(reason))?;
        Ok(pieces.last().cloned().unwrap_or_default())
    }

    /// Whether conversations start with this token, and turns after others do not.
    fn begins(&self, token: &str) -> bool {
        let alone = |role: &Role| {
            let scene = scenes(*role).iter().find(|scene| scene.at == 0)?;
            self.probe.pieces(*scene, Ending::Message, Marks::default()).ok()
        };
        let first = ROLES.iter().find_map(alone).is_some_and(|pieces| pieces[0].starts_with(token));
        let later = self.opening(User, Marks::default());
        let repeated = later.is_ok_and(|opening| opening.scene.at > 0 && opening.text.starts_with(token));
        !token.is_empty() && first && !repeated
    }

    /// What stands before a role's text where it is likeliest to stand, without
    /// what belongs to the message before: after some, part of it is left out.
    fn opening(&self, role: Role, marks: Marks<'_>) -> Result<Opening, String> {
        let mut refusal = "it has no place in a conversation".to_owned();
        let mut found: Option<Opening> = None;
        for scene in scenes(role) {
            let pieces = match self.probe.pieces(*scene, Ending::Message, marks) {
                Ok(pieces) => pieces,
                Err(reason) => {
                    refusal = reason;
                    continue;
                }
            };
            let before = pieces[scene.at].as_str();
            let before = match scene.at.checked_sub(1) {
                None => before.strip_prefix(self.beginning),
                Some(last) if self.probe.calls.makes(scene.roles, last) => Some(before),
                Some(last) => {
                    let tail = self.tails[index(scene.roles[last])].as_ref().ok();
                    tail.and_then(|tail| before.strip_prefix(tail.as_str()))
                }
            };
            // Messages of one role that follow one another may share a turn.
            let apart = scene.at == 0 || scene.roles[scene.at - 1] != role;
            let shorter = apart && before.is_some_and(|before| !before.is_empty());
            match (before, &mut found) {
                (Some(before), None) => found = Some(Opening { text: before.to_owned(), scene: *scene }),
                (Some(before), Some(found)) if shorter && found.text.ends_with(before) => {
                    found.text = before.to_owned();
                }
                (Some(_), Some(_)) => {}
                (None, _) => refusal = JOINED.into(),
            }
        }
        found.ok_or(refusal)
    }

    /// `closing` is that of the user's messages.
    fn turn(&self, role: Role, closing: &str) -> Result<Turn, String> {
        let Opening { text: opening, scene } = self.openings[index(role)].clone()?;
        let pieces = self.probe.pieces(scene, Ending::Message, Marks::default())?;
        let closed = match (self.closing(role), &self.tails[index(role)]) {
            (Some(closed), _) => closed,
            (None, Ok(tail)) if pieces[scene.at + 1].starts_with(tail.as_str()) => tail.clone(),
            // The system's text is merged into the user's turn: it gets one of its own.
            _ if role == System => format!("{}{closing}", pieces[scene.at + 1].trim_end()),
            (None, tail) => tail.clone()?,
        };
        let generation = match role {
            Assistant => self.generation(&opening, closing),
            _ => opening.clone(),
        };
        let named = self.named(role, &opening).and_then(|named| {
            // The generation prompt knows no names: it goes on from the opening.
            let rest = generation.strip_prefix(&opening).ok_or("a message with a name opens otherwise")?;
            let longer = Named { before: named.before.clone(), after: format!("{}{rest}", named.after) };
            Ok([named, longer])
        });
        let text = self.text(scene, &pieces);
        Ok(Turn { opening, generation, closing: closed, text, named })
    }

    /// What stands after a role's text, up to the next message's opening.
    fn closing(&self, role: Role) -> Option<String> {
        scenes(role).iter().find_map(|scene| {
            let next = self.openings[index(*scene.roles.get(scene.at + 1)?)].as_ref().ok()?;
            let pieces = self.probe.pieces(*scene, Ending::Message, Marks::default()).ok()?;
            pieces[scene.at + 1].strip_suffix(next.text.as_str()).map(str::to_owned)
        })
    }

    /// What opens the model's own turn after a user's, which ends with `closing`.
    fn generation(&self, opening: &str, closing: &str) -> String {
        let asked = scenes(User).iter().filter(|scene| scene.at + 1 == scene.roles.len());
        let opened = asked.rev().find_map(|scene| {
            let pieces = self.probe.pieces(*scene, Ending::Generation, Marks::default()).ok()?;
            pieces.last()?.strip_prefix(closing).map(str::to_owned)
        });
        let opened = opened.unwrap_or_default();
        // A template that is not for generation opens the turn as any other.
        if opened.is_empty() && !opening.trim().is_empty() { opening.to_owned() } else { opened }
    }

    /// The place for a name in a role's opening.
    fn named(&self, role: Role, nameless: &str) -> Result<Named, String> {
        let opening = self.opening(role, Marks { name: Some(NAME), ..Marks::default() })?.text;
        match opening.split(NAME).collect::<Vec<_>>().as_slice() {
            [before, after] => Ok(Named { before: (*before).to_owned(), after: (*after).to_owned() }),
            [same] if *same == nameless => Err("it has no place for one".into()),
            _ => Err("it does not write one just once, before the text".into()),
        }
    }

    /// What becomes of a text in this scene, whose pieces these are.
    fn text(&self, scene: Scene, pieces: &[String]) -> Text {
        let marked = |marks| self.probe.pieces(scene, Ending::Message, marks).unwrap_or_default();
        let trim = |at: usize, mark: fn(&'static str) -> Marks<'static>| {
            let gone = |space| marked(mark(space)).get(at) == Some(&pieces[at]);
            match (gone(" "), gone("\n")) {
                (true, _) => Trim::Everything,
                (false, true) => Trim::Lines,
                (false, false) => Trim::Nothing,
            }
        };
        let quoted = marked(Marks { after: "\"", ..Marks::default() });
        let escaped = quoted.get(scene.at + 1).is_some_and(|after| after.starts_with("\\\""));
        Text {
            start: trim(scene.at, |before| Marks { before, ..Marks::default() }),
            end: trim(scene.at + 1, |after| Marks { after, ..Marks::default() }),
            escape: if escaped { Escape::Json } else { Escape::Nothing },
        }
    }
}

/// Where a role stands in [`ROLES`]; raw stands nowhere.
pub(super) fn index(role: Role) -> usize {
    ROLES.iter().position(|each| *each == role).unwrap_or(ROLES.len())
}
