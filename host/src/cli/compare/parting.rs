//! Where the texts of two modes part.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::engine::Generated;
use crate::engine::call::Number;

use super::measure::Timed;
use super::side::by_side;
use super::{Comparison, ModeComparison};

/// Characters that are shown of each text, before and after.
const CONTEXT: usize = 40;

/// What two modes generated, message by message.
#[derive(Debug, Serialize)]
pub(super) struct Partings {
    /// The other than the first.
    mode: &'static str,
    /// Messages that both generated.
    messages: usize,
    /// Those of them that have the same text.
    same: usize,
    parted: Vec<Parting>,
    /// Messages that one mode alone generated: the first, and the other.
    only: [Vec<Number>; 2],
    /// Whether the plan gave the same.
    same_result: bool,
}

/// A message of which two modes have different texts: the first's, and the other's.
#[derive(Debug, Serialize)]
struct Parting {
    id: Number,
    /// Characters that are the same.
    character: usize,
    /// The last of them.
    before: String,
    /// What follows.
    after: [String; 2],
    /// Tokens that are the same; none where the headers part, and no token does.
    token: Option<usize>,
    /// How far the likeliest next token's log-probability is above the second's.
    margins: [Option<f32>; 2],
    /// Messages it sees that parted before.
    sees: Vec<Number>,
}

/// Compares what two modes generated when each was free.
pub(super) fn partings(first: &Timed, other: &Timed) -> Partings {
    let [ours, theirs] = [&first.script.messages, &other.script.messages];
    let both: Vec<Number> = ours.keys().filter(|id| theirs.contains_key(id)).copied().collect();
    let alone = |own: Vec<&Number>| own.into_iter().filter(|id| !both.contains(id)).copied().collect();
    let only = [alone(ours.keys().collect()), alone(theirs.keys().collect())];
    let mut parted: Vec<Parting> = Vec::new();
    let mut known = BTreeSet::new();
    for id in &both {
        if let Some(parting) = part(*id, [&ours[id], &theirs[id]]) {
            let seen = first.parents(*id).into_iter().filter(|parent| known.contains(parent));
            parted.push(Parting { sees: seen.collect(), ..parting });
            known.insert(*id);
        }
    }
    Partings {
        mode: other.mode.name(),
        messages: both.len(),
        same: both.len() - parted.len(),
        parted,
        only,
        same_result: first.result == other.result,
    }
}

/// Where the texts of one message part, if they do.
fn part(id: Number, messages: [&Generated; 2]) -> Option<Parting> {
    let [one, other] = messages;
    if one.text == other.text {
        return None;
    }
    let same = one.text.chars().zip(other.text.chars()).take_while(|(a, b)| a == b);
    let character = same.count();
    let from = character.saturating_sub(CONTEXT);
    let token = parting_token(&one.tokens, &other.tokens);
    Some(Parting {
        id,
        character,
        before: one.text.chars().take(character).skip(from).collect(),
        after: messages.map(|message| message.text.chars().skip(character).take(CONTEXT).collect()),
        token,
        margins: messages.map(|message| message.margins.get(token?).copied().flatten()),
        sees: Vec::new(),
    })
}

/// How many tokens are the same, if not all are.
fn parting_token<T: PartialEq>(one: &[T], other: &[T]) -> Option<usize> {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    (same < one.len().max(other.len())).then_some(same)
}

/// It as lines for a person.
pub(super) fn show(partings: &Partings, comparison: &Comparison) -> String {
    let first = &comparison.modes[0];
    let mut text = format!(
        "\n{} and {}: {} of {} messages are the same\n",
        first.mode, partings.mode, partings.same, partings.messages
    );
    for parting in &partings.parted {
        text += &parting.show([first.mode, partings.mode]);
    }
    for (mode, only) in [first.mode, partings.mode].iter().zip(&partings.only) {
        if !only.is_empty() {
            text += &format!("  in {mode} alone: messages {}\n", list(only));
        }
    }
    match comparison.modes.iter().find(|mode| mode.mode == partings.mode) {
        Some(ModeComparison { result, .. }) if !partings.same_result => {
            text + "the plan's results\n" + &by_side([first.mode, partings.mode], [&first.result, result])
        }
        _ => text + "the plan's results are the same\n",
    }
}

impl Parting {
    fn show(&self, modes: [&str; 2]) -> String {
        let cause =
            if self.sees.is_empty() { String::new() } else { format!(", which sees {} part", list(&self.sees)) };
        let start = if self.character > self.before.chars().count() { "…" } else { "" };
        let mut text = format!(
            "  message {}{cause}: {} characters are the same, {start}{:?}\n",
            self.id, self.character, self.before
        );
        let width = modes.map(str::len).into_iter().max().unwrap_or(0);
        for ((mode, after), margin) in modes.iter().zip(&self.after).zip(self.margins) {
            let margin = margin.map_or(String::new(), |margin| format!("  ({} nats ahead)", nats(margin)));
            text += &format!("    {mode:width$}  {after:?}{margin}\n");
        }
        text
    }
}

/// Ties that rounding decides are told from choices.
fn nats(margin: f32) -> String {
    if margin < 0.01 { format!("{margin:.0e}") } else { format!("{margin:.2}") }
}

fn list(ids: &[Number]) -> String {
    let ids: Vec<String> = ids.iter().map(Number::to_string).collect();
    ids.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::call::Finish;

    fn said(text: &str, margin: f32) -> Generated {
        let words = text.split(' ').count();
        Generated { tokens: Vec::new(), margins: vec![Some(margin); words], text: text.into(), finish: Finish::End }
    }

    #[test]
    fn texts_part_at_a_character() {
        assert!(part(1, [&said("the same", 1.0), &said("the same", 2.0)]).is_none());
        let parting = part(1, [&said("é fox", 1.0), &said("é dog", 2.0)]).unwrap();
        assert_eq!((parting.character, parting.before.as_str()), (2, "é "));
        assert_eq!(parting.after, ["fox", "dog"]);
        assert_eq!((parting.token, parting.margins), (None, [None; 2]));
        let parting = part(1, [&said("é", 1.0), &said("é dog", 2.0)]).unwrap();
        assert_eq!(parting.after, ["", " dog"]);
    }

    #[test]
    fn a_small_margin_is_not_zero() {
        assert_eq!([0.000_21, 0.25, 10.0].map(nats), ["2e-4", "0.25", "10.00"]);
    }

    #[test]
    fn tokens_part_where_one_ends() {
        assert_eq!(parting_token(&[1, 2, 3], &[1, 2, 4]), Some(2));
        assert_eq!(parting_token(&[1, 2], &[1, 2, 4]), Some(2));
        assert_eq!(parting_token(&[1, 2], &[1, 2]), None);
    }
}
