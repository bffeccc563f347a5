//! Tree of thoughts of one level, as the paper has it: B solutions are proposed
//! apart, V voters read all of them and name the best, and the winner is finished.
//!
//! The published code takes votes for solutions that do not exist (0 is its last
//! one), and fails without a vote; here such votes are none, and without any the
//! first solution is taken. A tie goes to the solution that was named first. With
//! `--choice constrained` a vote is a number and nothing else.
//!
//! Arguments: see `USAGE`; `--draw N` is the N-th of the held-out problems.

use choreo_guest::{Constraint, Decode, Decoded, Outcome, decode_all, plan};
use plan_shared::{Arguments, Problem, Sampling, Transcript, answer, majority, number};

const PROPOSE: &str = include_str!("../prompts/propose.txt");
const VOTE: &str = include_str!("../prompts/vote.txt");
const FINISH: &str = include_str!("../prompts/finish.txt");
const USAGE: &str =
    "[--branches B] [--voters V] [--choice text|constrained] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]";

/// A vote's header.
const BEST: &str = "Best choice: ";

/// What a vote may be.
#[derive(Clone, Copy)]
enum Choice {
    /// A number, and why.
    Text,
    /// The number of a solution.
    Constrained,
}

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let mut arguments = Arguments::new(args, USAGE);
    let branches = arguments.number("--branches", 8, 1..=64)?;
    let voters = arguments.number("--voters", 4, 0..=64)?;
    let choice = arguments.choice("--choice", &[("text", Choice::Text), ("constrained", Choice::Constrained)])?;
    let sampling = Sampling::take(&mut arguments, 0.7)?;
    let problem = Problem::take(arguments)?;
    let mut transcript = Transcript::of(&problem);

    let propose = problem.instruction(PROPOSE)?;
    let proposal = |number| sampling.decode(format!("Solution {number}:\n")).after([propose]);
    let proposals = decode_all((1..=branches).map(proposal))?;
    transcript.turns("Solutions", &proposals);

    let vote = problem.instruction(VOTE)?;
    let ballot = held_to(choice, branches, sampling.decode(BEST)).after([vote]).after(&proposals);
    let ballots = decode_all(vec![ballot; voters])?;
    transcript.turns("Votes", &ballots);
    let (winner, how) = elect(&ballots, branches);

    let finish = problem.instruction(FINISH)?;
    let last = sampling.decode("Final answer:\n").after([finish, proposals[winner - 1].id]).send()?;
    transcript.section(&format!("Solution {winner} is finished"));
    transcript.line(&last.text);
    Ok(transcript.answered(&problem, answer(&last.text).as_deref(), &how))
}

fn held_to(choice: Choice, branches: usize, ballot: Decode) -> Decode {
    match choice {
        Choice::Text => ballot,
        Choice::Constrained => {
            ballot.constraint(Constraint::OneOf((1..=branches).map(|number| number.to_string()).collect()))
        }
    }
}

/// The number of the solution that most voters name, from 1, and how it came about.
fn elect(ballots: &[Decoded], branches: usize) -> (usize, String) {
    let votes: Vec<usize> = ballots.iter().filter_map(|ballot| named(&ballot.text, branches)).collect();
    match majority(&votes) {
        Some((&winner, count)) => (winner, format!("solution {winner}, {count} of {} votes", ballots.len())),
        None => (1, "solution 1, without a vote".into()),
    }
}

/// The solution that a vote names: the first number in it, if there is such a solution.
fn named(ballot: &str, branches: usize) -> Option<usize> {
    let first = number(ballot.strip_prefix(BEST).unwrap_or(ballot))?;
    first.parse().ok().filter(|number| (1..=branches).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vote_names_one_of_the_solutions() {
        let check = |ballot: &str, expected| assert_eq!(named(ballot, 8), expected, "{ballot}");
        check("Best choice: 3. 18 * 2 = 36.", Some(3));
        check("Best choice: Solution #8, since 2 + 2 = 4", Some(8));
        check("**5**", Some(5));
        check("Best choice: 0", None);
        check("Best choice: 9", None);
        check("Best choice: -3", None);
        check("Best choice: none of them", None);
    }
}
