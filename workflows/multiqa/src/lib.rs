//! Several questions, one numbered answer (Table 1 of the paper). How the questions
//! are encoded and placed is the experiment:
//!
//! - `serial`: each is encoded apart, seeing the system's prompt alone, and they
//!   stand in a row for the answer;
//! - `parallel`: encoded apart, and all stand at the same offset;
//! - `baseline`: each sees those before it, as in an ordinary conversation.
//!
//! Arguments: `[--placement serial|parallel|baseline] QUESTION…`

use choreo_guest::{Message, Outcome, Parent, Prefill, decode, describe, plan, prefill, prefill_all};

const SYSTEM: &str = include_str!("../prompts/system.txt");
const QUESTION: &str = include_str!("../prompts/question.txt");

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let (placement, questions) = match args.as_slice() {
        [flag, placement, questions @ ..] if flag == "--placement" => (placement.as_str(), questions),
        questions => ("serial", questions),
    };
    if questions.is_empty() {
        return Err("no question: give each as one argument".into());
    }
    let system = prefill(SYSTEM).system().send()?;
    let question = |(index, text): (usize, &String)| -> Prefill {
        let number = (index + 1).to_string();
        prefill(QUESTION.replace("{number}", &number).replace("{question}", text)).after([system])
    };
    let asked = questions.iter().enumerate().map(question);

    let answer = decode("").temperature(0.0);
    let answer = match placement {
        "serial" => answer.after([system]).after(prefill_all(asked)?),
        "parallel" => {
            let (parents, end) = side_by_side(system, &prefill_all(asked)?)?;
            answer.after(parents).at(end)
        }
        "baseline" => {
            let mut before = Vec::new();
            for call in asked {
                before.push(call.after(&before).send()?);
            }
            answer.after([system]).after(before)
        }
        other => {
            let asked = format!("no placement is called {other:?}");
            return Err(format!("{asked}: take serial, parallel or baseline").into());
        }
    };
    Ok(answer.send()?.text)
}

/// The system's prompt with all questions right after it, at the same offset; and
/// where the longest of them ends, in tokens.
fn side_by_side(system: Message, questions: &[Message]) -> Outcome<(Vec<Parent>, u32)> {
    let start = system.describe()?.tokens;
    let lengths = describe(questions)?.into_iter().map(|found| found.tokens);
    let end = start + lengths.max().unwrap_or(0);
    let mut parents = vec![system.at(0)];
    parents.extend(questions.iter().map(|question| question.at(start)));
    Ok((parents, end))
}
