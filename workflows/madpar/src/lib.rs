//! Multi-agent debate in parallel: agents solve a problem apart, then each solves it
//! again after reading everyone's last answer and its own earlier ones; the
//! majority's last answer wins.
//!
//! The paper speaks of no summaries, its published accuracies are made with them, and
//! its times without: `--summaries` has a summary of the last answers stand in for
//! them. A tie goes to the answer that was given first.
//!
//! Arguments: see `USAGE`; `--draw N` is the N-th of the held-out problems.
//! `--agents 1 --rounds 0 --temperature 0` is the direct answer.

use choreo_guest::{Decoded, Message, Outcome, decode_all, plan};
use plan_shared::{Arguments, Problem, Sampling, Transcript, answer, majority};

const SOLVE: &str = include_str!("../prompts/solve.txt");
const UPDATE: &str = include_str!("../prompts/update.txt");
const SUMMARISE: &str = include_str!("../prompts/summarise.txt");
const USAGE: &str = "[--agents A] [--rounds R] [--summaries] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]";

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let mut arguments = Arguments::new(args, USAGE);
    let agents = arguments.number("--agents", 3, 1..=64)?;
    let rounds = arguments.number("--rounds", 2, 0..=64)?;
    let summaries = arguments.flag("--summaries");
    let sampling = Sampling::take(&mut arguments, 0.7)?;
    let problem = Problem::take(arguments)?;
    let mut transcript = Transcript::of(&problem);

    // One turn of every agent, all at once; `view` says what each of them sees.
    let turns = |view: &dyn Fn(usize) -> Vec<Message>| {
        let turn = |agent| sampling.decode(format!("From Agent {}:\n", agent + 1)).after(view(agent));
        decode_all((0..agents).map(turn))
    };
    let solve = problem.instruction(SOLVE)?;
    let mut last = turns(&|_| vec![solve])?;
    transcript.turns("Answers", &last);

    // Every agent's own turns before its last one, oldest first.
    let mut earlier = vec![Vec::new(); agents];
    if rounds > 0 {
        let update = problem.instruction(UPDATE)?;
        let summarise = if summaries { Some(problem.instruction(SUMMARISE)?) } else { None };
        for round in 1..=rounds {
            transcript.section(&format!("Round {round}"));
            let everyone = messages(&last);
            let shared = match summarise {
                Some(summarise) => {
                    let summary = sampling.decode("Summary:\n").after([summarise]).after(&everyone).send()?;
                    transcript.line(&summary.text);
                    vec![summary.id]
                }
                None => everyone.clone(),
            };
            // Without summaries an agent's last turn is among everyone's.
            let own = |agent: usize| summarise.is_some().then_some(everyone[agent]);
            let view = |agent: usize| {
                let before = earlier[agent].iter().copied().chain(own(agent));
                [update].into_iter().chain(shared.iter().copied()).chain(before).collect()
            };
            last = turns(&view)?;
            for (own, turn) in earlier.iter_mut().zip(everyone) {
                own.push(turn);
            }
            last.iter().for_each(|turn| transcript.line(&turn.text));
        }
    }

    let answers: Vec<String> = last.iter().filter_map(|turn| answer(&turn.text)).collect();
    let (answer, votes) = majority(&answers).map_or((None, 0), |(answer, votes)| (Some(answer.as_str()), votes));
    Ok(transcript.answered(&problem, answer, &format!("{votes} of {agents} agents")))
}

fn messages(turns: &[Decoded]) -> Vec<Message> {
    turns.iter().map(|turn| turn.id).collect()
}
