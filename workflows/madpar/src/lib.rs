//! Multi-agent debate in parallel, as the paper times it (no summaries): agents
//! solve a problem apart, then each solves it again after reading everyone's last
//! answer and its own earlier ones; the majority's last answer wins.
//!
//! Arguments: `[--agents A] [--rounds R] [--temperature T] [--max-tokens N]`, then
//! `PROBLEM` or `--draw N`, the N-th of the held-out problems (default: the first).
//! `--agents 1 --rounds 0 --temperature 0` is the direct answer.

mod options;

use choreo_guest::{Decoded, Message, Outcome, decode, decode_all, plan, prefill};
use options::Options;

const SOLVE: &str = include_str!("../prompts/solve.txt");
const UPDATE: &str = include_str!("../prompts/update.txt");

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let options = Options::parse(args)?;
    let mut transcript = format!("Problem: {}\n", options.problem);

    let solve = instruction(SOLVE, &options)?;
    let mut last = turns(&options, |_| vec![solve])?;
    write_round(&mut transcript, "Answers", &last);

    // Every agent's turns but the last, which all agents see; older first.
    let mut earlier = vec![Vec::new(); options.agents];
    if options.rounds > 0 {
        let update = instruction(UPDATE, &options)?;
        for round in 1..=options.rounds {
            let everyone: Vec<Message> = last.iter().map(|turn| turn.id).collect();
            let turns = turns(&options, |agent| [&[update], &everyone[..], &earlier[agent]].concat())?;
            for (own, turn) in earlier.iter_mut().zip(everyone) {
                own.push(turn);
            }
            last = turns;
            write_round(&mut transcript, &format!("Round {round}"), &last);
        }
    }

    let (answer, votes) = majority(last.iter().map(|turn| turn.text.as_str()));
    transcript += &format!("\nAnswer: {answer} ({votes} of {} agents)", options.agents);
    if let Some(expected) = &options.expected {
        let verdict = if answer == expected { "right" } else { "wrong" };
        transcript += &format!("\nExpected: {expected} ({verdict})");
    }
    Ok(transcript)
}

/// A system message about the problem, which sees nothing.
fn instruction(prompt: &str, options: &Options) -> Outcome<Message> {
    let text = prompt.replace("{problem}", &options.problem);
    Ok(prefill(text).system().send()?)
}

/// One turn of every agent, all at once; `view` says what each of them sees.
fn turns(options: &Options, view: impl Fn(usize) -> Vec<Message>) -> Outcome<Vec<Decoded>> {
    let turn = |agent| {
        decode(format!("From Agent {}:\n", agent + 1))
            .after(view(agent))
            .max_tokens(options.max_tokens)
            .temperature(options.temperature)
    };
    Ok(decode_all((0..options.agents).map(turn))?)
}

fn write_round(transcript: &mut String, title: &str, turns: &[Decoded]) {
    *transcript += &format!("\n== {title}\n");
    for turn in turns {
        *transcript += &format!("{}\n", turn.text);
    }
}

/// What most of the texts answer, and how many; of equals the first.
fn majority<'a>(texts: impl Iterator<Item = &'a str>) -> (&'a str, usize) {
    let answers: Vec<&str> = texts.filter_map(answer).collect();
    let votes = |answer: &str| answers.iter().filter(|other| **other == answer).count();
    // `max_by_key` keeps the last of equals.
    let most = answers.iter().rev().max_by_key(|answer| votes(answer));
    most.map_or(("none", 0), |answer| (answer, votes(answer)))
}

/// The number after the last `Answer:`.
fn answer(text: &str) -> Option<&str> {
    let (_, after) = text.rsplit_once("Answer:")?;
    let after = after.trim_start();
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    (end > 0).then(|| &after[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_the_number_after_the_last_mark() {
        assert_eq!(answer("Answer: 3. No: Answer: 31."), Some("31"));
        assert_eq!(answer("Answer:7"), Some("7"));
        assert_eq!(answer("Answer: none"), None);
        assert_eq!(answer("31"), None);
    }

    #[test]
    fn the_majority_wins_and_of_equals_the_first() {
        let check = |texts: &[&str], expected: (&str, usize)| {
            assert_eq!(majority(texts.iter().copied()), expected);
        };
        check(&["Answer: 1", "Answer: 2", "Answer: 2"], ("2", 2));
        check(&["Answer: 3", "", "Answer: 2"], ("3", 1));
        check(&["?"], ("none", 0));
    }
}
