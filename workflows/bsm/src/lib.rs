//! Branch, solve, merge: words are divided into two groups, a story is written of
//! each, both at once, and the two are merged into one.
//!
//! - `serial`: the stories stand one after another for the merge;
//! - `parallel`: both right after its instruction, at the same offset.
//!
//! The published code reads the groups by a regular expression and gives up where the
//! text has another form; here the branch is held to that form, words that it leaves
//! out or names twice are put right, and the transcript says so. Coverage counts whole
//! words, in their usual endings: `cat` is not in `category`.
//!
//! Arguments: see `USAGE`; the words also with commas between.

mod groups;
mod words;

use choreo_guest::{Constraint, Outcome, decode_all, plan, prefill, prefill_all};
use groups::Groups;
use plan_shared::{Arguments, Placement, Sampling, Transcript, fill};
use words::{missing, split};

const BRANCH: &str = include_str!("../prompts/branch.txt");
const SOLVE: &str = include_str!("../prompts/solve.txt");
const MERGE: &str = include_str!("../prompts/merge.txt");
const USAGE: &str = "[--placement serial|parallel] [--temperature T] [--max-tokens N] WORD WORD…";

plan!(run);

fn run(args: Vec<String>) -> Outcome {
    let mut arguments = Arguments::new(args, USAGE);
    let placed = [("serial", Placement::Serial), ("parallel", Placement::Parallel)];
    let placement = arguments.choice("--placement", &placed)?;
    let sampling = Sampling::take(&mut arguments, 0.7)?;
    let words = split(&arguments.words()?);
    if words.len() < 2 {
        return Err(format!("{} words, and two groups to fill: take {USAGE}", words.len()).into());
    }
    let mut transcript = Transcript::new(&format!("Words: {}", words.join(", ")));

    let branch = prefill(fill(BRANCH, &[("words", &words.join(", "))])).send()?;
    let branched = sampling.decode("").after([branch]).constraint(Constraint::Regex(groups::form(&words))).send()?;
    transcript.section("Branch");
    transcript.line(&branched.text);
    let (groups, repaired) = Groups::of(&branched.text, &words);
    if let Some(repaired) = repaired {
        transcript.line(&repaired);
    }

    let solve = |words: &Vec<String>| prefill(fill(SOLVE, &[("topic", &groups.topic), ("words", &words.join(", "))]));
    let solve = prefill_all(groups.words.iter().map(solve))?;
    let story = |(number, solve)| sampling.decode(format!("Story {number}:\n")).after([solve]);
    let stories = decode_all((1..).zip(solve).map(story))?;
    transcript.turns("Solve", &stories);

    let merge = prefill(MERGE).system().send()?;
    let (seen, end) = placement.after(merge, &stories.iter().map(|story| story.id).collect::<Vec<_>>())?;
    let merged = sampling.decode("Story:\n").after(seen).at(end).send()?;
    transcript.section("Merge");
    transcript.line(&merged.text);

    let missing = missing(&merged.text, &words);
    let covered = words.len() - missing.len();
    let without = if missing.is_empty() { "all".into() } else { format!("without {}", missing.join(", ")) };
    transcript.line(&format!("\nCoverage: {covered} of {} words ({without})", words.len()));
    Ok(transcript.end())
}
