//! Every plan of the repository, run on the embedded model.

use std::collections::BTreeSet;

use choreo_host::engine::Mode;
use choreo_host::engine::report::RunReport;
use choreo_tests::rig::{Rig, load, options};
use choreo_workflows::Built;

/// Plans, and the test that runs them.
const TESTED: [(&str, &str); 6] = [
    ("conversation", "a_conversation_goes_on_and_back"),
    ("conversation.js", "javascript_says_what_rust_says"),
    ("council", "the_sdks_example_runs"),
    ("madpar", "a_debate_ends_with_the_majority"),
    ("multiqa", "skills::the_embedded_model_answers_two_questions_at_once"),
    ("probe", "choreography::merkle_witness_through_a_component"),
];

#[test]
fn every_plan_has_a_test() {
    let plans: BTreeSet<String> = choreo_workflows::plans().unwrap().into_iter().map(|plan| plan.name).collect();
    let tested: BTreeSet<String> = TESTED.iter().map(|(plan, _)| (*plan).to_owned()).collect();
    assert_eq!(plans, tested, "a plan has no test, or a test no plan: see TESTED");
}

fn run(plan: &str, mode: Mode, arguments: &[&str]) -> (String, RunReport) {
    Rig::embedded().run(&load(plan), options(mode, 3), arguments)
}

const QUESTIONS: [&str; 5] =
    ["What pet does Halan have?", "Which city does Zetol live in?", "--back", "1", "What does Temin eat most?"];
const CONVERSATION: &str = "\
User: What pet does Halan have?
Assistant: Halan has a fox.
User: Which city does Zetol live in?
Assistant: Zetol lives in Madrid.
(back to turn 1)
User: What does Temin eat most?
Assistant: Temin eats soup.
";

#[test]
fn a_conversation_goes_on_and_back() {
    let (choreo, report) = run("conversation", Mode::Choreo, &QUESTIONS);
    assert_eq!(choreo.trim_end(), CONVERSATION.trim_end());
    // The third question sees the system's message and the first turn, no more.
    let parents: Vec<u32> = report.messages[5].parents.iter().map(|parent| parent.id).collect();
    assert_eq!(parents, [1, 2, 3]);
    // What is said once is encoded once; the last answer's end waits for a reader.
    for message in &report.messages {
        assert!(message.encoded <= message.tokens, "{message:?}");
    }
    let (naive, baseline) = run("conversation", Mode::Naive, &QUESTIONS);
    assert_eq!(naive, choreo);
    assert!(baseline.encoded > report.encoded && baseline.reused == 0, "{} {}", baseline.encoded, report.encoded);
}

#[test]
fn javascript_says_what_rust_says() {
    let plans = choreo_workflows::plans().unwrap();
    let plan = plans.iter().find(|plan| plan.name == "conversation.js").unwrap();
    if let Built::Skipped(missing) = plan.build().unwrap() {
        // The contract is held in JavaScript wherever its tools are; CI has them.
        println!("skipped: {missing}");
        assert!(std::env::var_os("CI").is_none(), "CI has the tools of every guest language: {missing}");
        return;
    }
    let (script, _) = run("conversation.js", Mode::Choreo, &QUESTIONS);
    assert_eq!(script.trim_end(), CONVERSATION.trim_end());
}

#[test]
fn the_sdks_example_runs() {
    let problem = "Mira has 5 apples. She buys 3 more, then doubles them. How many apples now?";
    let (text, report) = run("council", Mode::Choreo, &[problem]);
    assert!(text.starts_with("From Agent 4:\n") && text.contains("Answer: "), "{text}");
    assert_eq!(report.messages.len(), 6, "two instructions, three opinions, a verdict");
    let verdict = report.messages.last().unwrap();
    assert_eq!(verdict.parents.iter().map(|parent| parent.id).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(verdict.reused, report.messages[1..5].iter().map(|message| message.tokens).sum::<u32>());
}

#[test]
fn a_debate_ends_with_the_majority() {
    for draw in ["2", "3", "4"] {
        let (transcript, report) = run("madpar", Mode::Choreo, &["--draw", draw]);
        assert_eq!(transcript.matches("\n== Round").count(), 2, "{transcript}");
        assert_eq!(transcript.matches("\nFrom Agent 2:\n").count(), 3, "{transcript}");
        assert!(transcript.trim_end().ends_with("(right)"), "{transcript}");
        // An update of round 2 sees the instruction, all three last answers, and its own first.
        assert_eq!(report.messages.last().unwrap().parents.len(), 5);
        assert!(report.messages.iter().all(|message| message.encoded <= message.tokens), "nothing is encoded twice");
    }
}
