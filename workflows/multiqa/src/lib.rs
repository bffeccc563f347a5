//! Several questions, one numbered answer (Table 1 of the paper). How the questions
//! are encoded and placed is the experiment:
//!
//! - `serial`: each is encoded apart, seeing the system's prompt alone, and they
//!   stand in a row for the answer;
//! - `parallel`: encoded apart, and all stand at the same offset;
//! - `baseline`: each sees those before it, as in an ordinary conversation.
//!
//! The published evaluation leaves the questions' numbers out in one of its rows;
//! here they are the same in all.
//!
//! Arguments: see `USAGE`.

use choreo_guest::{Outcome, Prefill, plan, prefill, prefill_all};
use plan_shared::{Arguments, Placement, Sampling, fill};

const SYSTEM: &str = include_str!("../prompts/system.txt");
const QUESTION: &str = include_str!("../prompts/question.txt");
const USAGE: &str = "[--placement serial|parallel|baseline] [--temperature T] [--max-tokens N] QUESTION…";

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let mut arguments = Arguments::new(args, USAGE);
    let apart = [("serial", Some(Placement::Serial)), ("parallel", Some(Placement::Parallel)), ("baseline", None)];
    let apart = arguments.choice("--placement", &apart)?;
    let sampling = Sampling::take(&mut arguments, 0.0)?;
    let questions = arguments.words()?;
    if questions.is_empty() {
        return Err(format!("no question: take {USAGE}").into());
    }

    let system = prefill(SYSTEM).system().send()?;
    let question = |(number, text): (usize, &String)| -> Prefill {
        prefill(fill(QUESTION, &[("number", &number.to_string()), ("question", text)])).after([system])
    };
    let asked = (1..).zip(&questions).map(question);
    let answer = sampling.decode("");
    let answer = match apart {
        Some(placement) => {
            let (seen, end) = placement.after(system, &prefill_all(asked)?)?;
            answer.after(seen).at(end)
        }
        None => {
            let mut before = Vec::new();
            for call in asked {
                before.push(call.after(&before).send()?);
            }
            answer.after([system]).after(before)
        }
    };
    Ok(answer.send()?.text)
}
