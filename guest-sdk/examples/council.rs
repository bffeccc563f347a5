//! Three agents answer apart; a fourth sees all three answers and decides.

use choreo_guest::{Outcome, decode, decode_all, plan, prefill};

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let text = args.first().ok_or("no question: give one as the first argument")?;
    let system = prefill("You know some people well. Answer with one short sentence.").system().send()?;
    let question = prefill(text).after([system]).send()?;

    // One list: the three run together, and none sees another.
    let opinions = decode_all(
        (1..=3).map(|agent| decode(format!("From Agent {agent}:\n")).after([system, question]).max_tokens(32)),
    )?;

    // The opinions stand one after another. None of them is encoded again.
    let verdict = decode("").after([system, question]).after(&opinions).max_tokens(32).temperature(0.0).send()?;
    Ok(verdict.text)
}
