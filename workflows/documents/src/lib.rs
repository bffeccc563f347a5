//! Questions over documents: a knowledge base is encoded once, each document in the
//! sight of the system's message alone, and every question sees a subset of it in an
//! order of its own. So Prompt Cache reuses modules; the paper names retrieval as a
//! use and has no plan of it.
//!
//! - `row`: a question's documents stand one after another;
//! - `side-by-side`: all at the same offset, so that their order means nothing.
//!
//! Arguments: see `USAGE`. `--documents` has one a line (`@FILE` stands for a file's
//! text), and `--docs 3,1` holds for the questions after it; before it, all are seen.

use choreo_guest::{Message, Outcome, decode_all, plan, prefill, prefill_all};
use plan_shared::{Arguments, Placement, Sampling, Transcript, fill};

const SYSTEM: &str = include_str!("../prompts/system.txt");
const DOCUMENT: &str = include_str!("../prompts/document.txt");
const QUESTION: &str = include_str!("../prompts/question.txt");
const DOCUMENTS: &str = include_str!("../documents.txt");
const USAGE: &str = "[--documents TEXT] [--layout row|side-by-side] [--temperature T] [--max-tokens N] \
    [--docs 3,1] QUESTION [[--docs 2] QUESTION]…";

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let mut arguments = Arguments::new(args, USAGE);
    let base = arguments.value("--documents")?.unwrap_or_else(|| DOCUMENTS.into());
    let layout = arguments.choice("--layout", &[("row", Placement::Serial), ("side-by-side", Placement::Parallel)])?;
    let sampling = Sampling::take(&mut arguments, 0.0)?;
    let texts: Vec<&str> = base.lines().filter(|line| !line.trim().is_empty()).collect();
    let asked = arguments.words_after("--docs")?;
    if asked.is_empty() {
        return Err(format!("no question: take {USAGE}").into());
    }

    let system = prefill(SYSTEM).system().send()?;
    let document = |(number, text): (usize, &&str)| {
        prefill(fill(DOCUMENT, &[("number", &number.to_string()), ("text", text)])).after([system])
    };
    let documents = prefill_all((1..).zip(&texts).map(document))?;

    // All questions are asked at once: none sees another.
    let (mut calls, mut titles) = (Vec::new(), Vec::new());
    for (docs, question) in &asked {
        let numbers =
            docs.as_ref().map_or_else(|| Ok((1..=texts.len()).collect()), |docs| subset(docs, texts.len()))?;
        let chosen: Vec<Message> = numbers.iter().map(|number| documents[number - 1]).collect();
        let (seen, end) = layout.after(system, &chosen)?;
        let asking = prefill(fill(QUESTION, &[("question", question)])).after(seen.clone()).at(end).send()?;
        calls.push(sampling.decode("").after(seen).after([asking.at(end)]));
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        titles.push(format!("{question} (documents {})", numbers.join(", ")));
    }

    let mut transcript = Transcript::new(&format!("Documents: {}", texts.len()));
    for (title, answer) in titles.iter().zip(decode_all(calls)?) {
        transcript.turns(title, &[answer]);
    }
    Ok(transcript.end())
}

/// The numbers of `docs`, such as `3,1`, of `known` documents.
fn subset(docs: &str, known: usize) -> Result<Vec<usize>, String> {
    let number = |text: &str| text.trim().parse().ok().filter(|number| (1..=known).contains(number));
    let numbers: Option<Vec<usize>> = docs.split(',').map(number).collect();
    numbers.ok_or_else(|| format!("--docs takes numbers from 1 to {known} with commas between, not {docs:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_named_by_their_numbers() {
        assert_eq!(subset("3, 1", 3).unwrap(), [3, 1]);
        for wrong in ["4", "0", "1,,2", "", "a"] {
            let error = subset(wrong, 3).unwrap_err();
            assert_eq!(error, format!("--docs takes numbers from 1 to 3 with commas between, not {wrong:?}"));
        }
    }
}
