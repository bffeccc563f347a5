//! Multi-agent debate in turns, as the paper has it: an affirmative and a negative
//! side solve a problem, each seeing all that both have said, and a moderator says
//! after each round whether the debate is decided. After the last round it is asked
//! for its answer.
//!
//! In the published code the moderator never sees the first round, its verdict is
//! read by regular expressions and `eval`, and the answer that it is asked for at the
//! end is never read. Here it sees every turn and its own verdicts where they were
//! given, writes JSON under a schema, and its last answer counts.
//!
//! Arguments: see `USAGE`; `--draw N` is the N-th of the held-out problems.

use choreo_guest::{Constraint, Message, Outcome, plan, prefill};
use plan_shared::{Arguments, Problem, Sampling, Transcript, answer, number, object, schema, word};
use serde_json::json;

const AFFIRMATIVE: &str = include_str!("../prompts/affirmative.txt");
const NEGATIVE: &str = include_str!("../prompts/negative.txt");
const MODERATOR: &str = include_str!("../prompts/moderator.txt");
const FINAL: &str = include_str!("../prompts/final.txt");
const USAGE: &str = "[--rounds R] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]";

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let mut arguments = Arguments::new(args, USAGE);
    let rounds = arguments.number("--rounds", 3, 1..=64)?;
    let sampling = Sampling::take(&mut arguments, 0.7)?;
    let problem = Problem::take(arguments)?;
    let mut transcript = Transcript::of(&problem);
    let instruct = |prompt| problem.instruction(prompt);
    let (affirmative, negative, moderator) = (instruct(AFFIRMATIVE)?, instruct(NEGATIVE)?, instruct(MODERATOR)?);

    // What both sides see of the debate, and what the moderator sees of it.
    let (mut debate, mut heard): (Vec<Message>, Vec<Message>) = (Vec::new(), Vec::new());
    let judge = |heard: &[Message], schema| {
        let verdict = sampling.decode("").constraint(Constraint::JsonSchema(schema));
        verdict.after([moderator]).after(heard).send()
    };
    for round in 1..=rounds {
        transcript.section(&format!("Round {round}"));
        for (side, header) in [(affirmative, "Affirmative:\n"), (negative, "Negative:\n")] {
            let turn = sampling.decode(header).after([side]).after(&debate).send()?;
            transcript.line(&turn.text);
            debate.push(turn.id);
            heard.push(turn.id);
        }
        let verdict = judge(&heard, verdict_schema())?;
        transcript.line(&format!("Moderator:\n{}", verdict.text));
        heard.push(verdict.id);
        if let Some(decided) = decided(&verdict.text) {
            return Ok(transcript.answered(&problem, Some(&decided), &format!("decided in round {round}")));
        }
    }

    heard.push(prefill(FINAL).after([moderator]).after(&heard).send()?);
    let last = judge(&heard, schema([("answer", text(40))]))?;
    transcript.section("Not decided");
    transcript.line(&format!("Moderator:\n{}", last.text));
    Ok(transcript.answered(&problem, held(&last.text).as_deref(), &format!("undecided after round {rounds}")))
}

/// The schema of what the moderator says after a round.
fn verdict_schema() -> String {
    schema([("reason", text(200)), ("decided", json!({"type": "boolean"})), ("answer", text(40))])
}

/// A string that comes to an end, and is not empty.
fn text(most: u32) -> serde_json::Value {
    json!({"type": "string", "minLength": 1, "maxLength": most})
}

/// The answer of a verdict that says that the debate is decided.
fn decided(verdict: &str) -> Option<String> {
    let decided = object(verdict)?.get("decided")?.as_bool()?;
    held(verdict).filter(|_| decided)
}

/// The answer that the moderator holds right: a number as solutions have it, or else
/// its words. Where the JSON is cut, the answer is what a solution's would be.
fn held(verdict: &str) -> Option<String> {
    match object(verdict) {
        Some(object) => word(&object, "answer").map(|answer| number(&answer).unwrap_or(answer)),
        None => answer(verdict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debate_is_decided_by_a_whole_verdict_that_says_so() {
        let check = |verdict: &str, expected: Option<&str>| assert_eq!(decided(verdict).as_deref(), expected);
        check(r#"{"reason":"Both say 24.","decided":true,"answer":"24"}"#, Some("24"));
        check(r#"{"reason":"Both say 24.","decided":true,"answer":"24 apples"}"#, Some("24"));
        check(r#"{"reason":"Both.","decided":true,"answer":"x + y"}"#, Some("x + y"));
        check(r#"{"reason":"They say 24 and 26.","decided":false,"answer":"24"}"#, None);
        check(r#"{"reason":"Both.","decided":true,"answer":" "}"#, None);
        check(r#"{"reason":"Both say 24.","decided":true,"#, None);
    }

    #[test]
    fn the_last_answer_is_read() {
        let check = |verdict: &str, expected: Option<&str>| assert_eq!(held(verdict).as_deref(), expected);
        check(r#"{"answer":"24"}"#, Some("24"));
        check(r#"{"answer":24}"#, Some("24"));
        check(r#"{"answer":"2"#, Some("2"));
        check(r#"{"an"#, None);
    }
}
