//! Asks for the texts of a list of messages, again and again: what a call costs.
//!
//! Arguments: how often, and how many messages.

use choreo_guest::{Outcome, plan, prefill, text};

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let [calls, messages] = args.as_slice() else { return Err("give two numbers: calls, messages".into()) };
    let (calls, messages): (usize, usize) = (calls.parse()?, messages.parse()?);
    let messages = vec![prefill("one").send()?; messages];
    let mut bytes = 0;
    for _ in 0..calls {
        bytes += text(&messages)?.iter().map(String::len).sum::<usize>();
    }
    Ok(format!("{bytes} bytes"))
}
