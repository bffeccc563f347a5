//! The paper's workflows as calls of real lengths (section 4 of the paper, and
//! its published code, for how many tokens the instructions have).

use anyhow::Result;

use super::workload::{Builder, Workload};
use crate::chat::{Chat, Role};

/// In which order a decode lists what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As the plan does: the instruction, then others' turns, then its own.
    Plan,
    /// As conversations that only grow, one for each agent: what it was told and
    /// what it said, round for round. The paper's baseline.
    Conversation,
    /// What agents share comes first, in one order for all: a plan rewritten for a
    /// prefix cache.
    Shared,
}

/// A problem's text; none: so many tokens of any text.
pub(super) enum Problem {
    Text(String),
    Tokens(usize),
}

/// What one run of a workflow is made of.
pub(super) struct Draw<'a> {
    pub(super) chat: &'a Chat,
    pub(super) seed: u64,
    pub(super) problem: &'a Problem,
}

impl Draw<'_> {
    fn builder(&self) -> (Builder<'_>, String) {
        let mut builder = Builder::new(self.chat, self.seed);
        let problem = match self.problem {
            Problem::Text(text) => text.clone(),
            Problem::Tokens(tokens) => builder.text(*tokens),
        };
        (builder, problem)
    }
}

/// A system's instruction of so many tokens, and the problem.
fn instruct(builder: &mut Builder<'_>, tokens: usize, problem: &str) -> Result<usize> {
    let text = format!("{} Problem: {problem}", builder.text(tokens));
    builder.prefill(Role::System, text, &[])
}

/// Iterated debate: affirmative, negative and moderator, all three rounds.
/// Turns have 240 ± 80 tokens, verdicts 96.
pub(super) fn maditer(draw: &Draw<'_>, order: Order) -> Result<Workload> {
    let (mut builder, problem) = draw.builder();
    let builder = &mut builder;
    let [affirmative, negative, moderator] = [73, 73, 177].map(|tokens| instruct(builder, tokens, &problem));
    let (affirmative, negative, moderator) = (affirmative?, negative?, moderator?);
    let see = |who: usize, turns: &[usize]| match order {
        Order::Shared => [turns, &[who]].concat(),
        Order::Plan | Order::Conversation => [&[who], turns].concat(),
    };
    let mut turns = Vec::new();
    let mut judged = Vec::new();
    for round in 0..3 {
        for (who, header) in [(affirmative, "Affirmative:\n\n"), (negative, "Negative:\n\n")] {
            let length = builder.around(240.0, 80.0);
            let said = builder.decode(vec![(header.into(), length, see(who, &turns))])?;
            turns.extend_from_slice(&said);
            if round > 0 {
                judged.extend(said);
            }
        }
        if round > 0 {
            judged.extend(builder.decode(vec![("".into(), 96, see(moderator, &judged))])?);
        }
    }
    let request = builder.text(40);
    let last = builder.prefill(Role::User, request, &see(moderator, &judged))?;
    let mut seen = see(moderator, &judged);
    seen.push(last);
    builder.decode(vec![("".into(), 96, seen)])?;
    Ok(std::mem::replace(builder, Builder::new(draw.chat, 0)).done())
}

/// Lengths of one tree of thoughts.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct TreeLengths {
    pub(super) proposals: Vec<usize>,
    pub(super) votes: Vec<usize>,
    #[serde(rename = "final")]
    pub(super) answer: usize,
}

/// Tree of thoughts: proposals, votes on all of them, an answer from the first.
pub(super) fn tot(draw: &Draw<'_>, lengths: &TreeLengths) -> Result<Workload> {
    let (mut builder, problem) = draw.builder();
    let [propose, vote, finish] = [84, 109, 90].map(|tokens| instruct(&mut builder, tokens, &problem));
    let (propose, vote, finish) = (propose?, vote?, finish?);
    let branches = lengths.proposals.iter().zip(1..);
    let branches =
        branches.map(|(tokens, number): (_, usize)| (format!("Solution #{number}:\n\n"), *tokens, vec![propose]));
    let proposals = builder.decode(branches.collect())?;
    let seen = [&[vote], &proposals[..]].concat();
    let votes = lengths.votes.iter().map(|tokens| ("BEST CHOICE: ".to_owned(), *tokens, seen.clone()));
    builder.decode(votes.collect())?;
    builder.decode(vec![("ANSWER: ".into(), lengths.answer, vec![finish, proposals[0]])])?;
    Ok(builder.done())
}

/// Parallel debate without summaries: after the first answers, so many rounds in
/// which each agent sees everyone's last answers and its own earlier ones.
pub(super) fn madpar(
    draw: &Draw<'_>,
    order: Order,
    (agents, rounds): (usize, usize),
    mut length: impl FnMut(&mut Builder<'_>) -> usize,
) -> Result<Workload> {
    let (mut builder, problem) = draw.builder();
    let [solve, update] = [43, 50].map(|tokens| instruct(&mut builder, tokens, &problem));
    let (solve, update) = (solve?, update?);
    let mut said: Vec<Vec<usize>> = Vec::new();
    for round in 0..=rounds {
        let calls = (0..agents).map(|agent| {
            let mut seen = vec![if round == 0 { solve } else { update }];
            let own = |rounds: &[Vec<usize>]| rounds.iter().map(|turns| turns[agent]).collect::<Vec<_>>();
            match (order, said.split_last()) {
                (_, None) => {}
                (Order::Plan | Order::Shared, Some((last, before))) => {
                    seen.extend_from_slice(last);
                    seen.extend(own(before));
                }
                (Order::Conversation, Some(_)) => {
                    for (round, turns) in said.iter().enumerate() {
                        if round > 0 {
                            // What it said itself, before it was told what all had said.
                            seen.push(turns[agent]);
                        }
                        seen.extend_from_slice(turns);
                    }
                }
            }
            (format!("From Agent {}:\n", agent + 1), length(&mut builder), seen)
        });
        let calls = calls.collect();
        said.push(builder.decode(calls)?);
    }
    Ok(builder.done())
}

/// Documents of so many tokens in all, encoded once, and a question of so many.
/// What is measured is the last decode: the one before has had everything encoded.
pub(super) fn documents(draw: &Draw<'_>, tokens: usize, question: usize) -> Result<Workload> {
    let (mut builder, _) = draw.builder();
    let instruction = builder.text(40);
    let system = builder.prefill(Role::System, instruction, &[])?;
    let count = 5;
    let documents = (0..count).map(|_| {
        let text = builder.text(tokens / count);
        builder.prefill(Role::User, text, &[system])
    });
    let documents: Vec<usize> = documents.collect::<Result<_>>()?;
    let first = builder.text(question);
    let asked = builder.prefill(Role::User, first, &[&[system], &documents[..]].concat())?;
    builder.decode(vec![("".into(), 2, [&[system], &documents[..], &[asked]].concat())])?;
    // Another order: for a prefix cache another text.
    let turned: Vec<usize> = documents.iter().rev().copied().collect();
    let mut seen = [&[system], &turned[..]].concat();
    if question > 0 {
        let second = builder.text(question);
        seen.push(builder.prefill(Role::User, second, &[system])?);
    }
    builder.decode(vec![("".into(), 2, seen)])?;
    Ok(builder.done())
}
