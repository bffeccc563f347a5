//! Questions asked one after another, each seeing all that was said before
//! (section 2.5 of the paper). `--back K` drops the last K turns: the next question
//! sees the shorter prefix, and none of it is encoded again.
//!
//! Arguments: questions, with `--back K` between them.

use choreo_guest::{Message, Outcome, decode, plan, prefill};

const SYSTEM: &str = include_str!("../prompts/system.txt");
const USAGE: &str = "no question: give each as one argument, and --back K to drop the last K turns";

plan!(run);

/// A question, its answer and what both said.
struct Turn {
    messages: [Message; 2],
}

fn run(args: Vec<String>) -> Outcome {
    if args.is_empty() {
        return Err(USAGE.into());
    }
    let system = prefill(SYSTEM).system().send()?;
    let mut turns: Vec<Turn> = Vec::new();
    let mut transcript = String::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if arg == "--back" {
            let count = args.next().ok_or("--back needs the number of turns to drop")?;
            let count: usize = count.parse().map_err(|_| format!("--back takes a number of turns, not {count:?}"))?;
            turns.truncate(turns.len().saturating_sub(count));
            transcript += &format!("(back to turn {})\n", turns.len());
            continue;
        }
        let history = || turns.iter().flat_map(|turn| turn.messages);
        let question = prefill(arg).user().after([system]).after(history()).send()?;
        let answer = decode("").after([system]).after(history()).after([question]).temperature(0.0).send()?;
        transcript += &format!("User: {arg}\nAssistant: {}\n", answer.text);
        turns.push(Turn { messages: [question, answer.id] });
    }
    Ok(transcript)
}
