//! Every plan of the repository, run on the embedded model.

mod debate;
mod game;
mod placed;
mod thoughts;

use std::collections::BTreeSet;

use choreo_host::engine::Mode;
use choreo_host::engine::report::RunReport;
use choreo_tests::rig::{Rig, load, options};

use crate::support::Host;

/// Plans, and the test that runs them.
const TESTED: [(&str, &str); 32] = [
    ("bsm", "placed::two_stories_stand_as_they_are_placed"),
    ("calls", "languages::plans_say_the_same_in_every_language"),
    ("calls.c", "languages::plans_say_the_same_in_every_language"),
    ("calls.go", "languages::plans_say_the_same_in_every_language"),
    ("calls.js", "languages::plans_say_the_same_in_every_language"),
    ("calls.py", "languages::plans_say_the_same_in_every_language"),
    ("conversation", "a_conversation_goes_on_and_back"),
    ("conversation.js", "languages::plans_say_the_same_in_every_language"),
    ("council", "the_sdks_example_runs"),
    ("council.c", "languages::plans_say_the_same_in_every_language"),
    ("council.go", "languages::plans_say_the_same_in_every_language"),
    ("council.js", "languages::plans_say_the_same_in_every_language"),
    ("council.py", "languages::plans_say_the_same_in_every_language"),
    ("documents", "placed::documents_are_read_in_any_order"),
    ("maditer", "debate::a_debate_in_turns_shows_each_side_both"),
    ("madpar", "debate::a_debate_ends_with_the_majority"),
    ("madpar.c", "languages::plans_say_the_same_in_every_language"),
    ("madpar.go", "languages::plans_say_the_same_in_every_language"),
    ("madpar.js", "languages::plans_say_the_same_in_every_language"),
    ("madpar.py", "languages::plans_say_the_same_in_every_language"),
    ("multiqa", "skills::the_embedded_model_answers_two_questions_at_once"),
    ("prisoners", "game::what_leaks_is_what_may"),
    ("probe", "choreography::merkle_witness_through_a_component"),
    ("tot", "thoughts::the_solution_with_most_votes_is_finished"),
    ("tot.c", "languages::plans_say_the_same_in_every_language"),
    ("tot.go", "languages::plans_say_the_same_in_every_language"),
    ("tot.js", "languages::plans_say_the_same_in_every_language"),
    ("tot.py", "languages::plans_say_the_same_in_every_language"),
    ("trial.c", "trials::every_function_of_the_contract_is_there"),
    ("trial.go", "trials::every_function_of_the_contract_is_there"),
    ("trial.js", "trials::started_decodes_say_what_a_list_says"),
    ("trial.py", "trials::started_decodes_say_what_a_list_says"),
];

/// The modes that every plan runs in.
const MODES: [Mode; 3] = [Mode::Choreo, Mode::Prefix, Mode::Naive];

#[test]
fn every_plan_has_a_test() {
    let plans: BTreeSet<String> = choreo_workflows::plans().unwrap().into_iter().map(|plan| plan.name).collect();
    let tested: BTreeSet<String> = TESTED.iter().map(|(plan, _)| (*plan).to_owned()).collect();
    assert_eq!(plans, tested, "a plan has no test, or a test no plan: see TESTED");
}

fn run(plan: &str, mode: Mode, arguments: &[&str]) -> (String, RunReport) {
    Rig::embedded().run(&load(plan), options(mode, 3), arguments)
}

/// The numbers of a message's parents.
fn parents(report: &RunReport, message: u32) -> Vec<u32> {
    let message = &report.messages[message as usize - 1];
    message.parents.iter().map(|parent| parent.id).collect()
}

/// Where a message's parents stand in its view.
fn offsets(report: &RunReport, message: u32) -> Vec<u32> {
    let message = &report.messages[message as usize - 1];
    message.parents.iter().map(|parent| parent.offset).collect()
}

/// In mode choreo nothing is encoded twice.
#[track_caller]
fn encoded_once(mode: Mode, report: &RunReport) {
    if mode == Mode::Choreo {
        assert!(report.messages.iter().all(|message| message.encoded <= message.tokens), "{report:?}");
    }
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
    assert_eq!(run("conversation", Mode::Prefix, &QUESTIONS).0, choreo);
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

/// Sampled texts, too: the rows that the prefix cache gives are those of encoding anew.
#[test]
fn a_prefix_cache_changes_no_text() {
    let runs: [(&str, &[&str]); 8] = [
        ("bsm", &["cat", "drum", "apples", "rice"]),
        ("conversation", &QUESTIONS),
        ("documents", &["What pet does Carla have?", "--docs", "2,1", "What pet does Carla have?"]),
        ("maditer", &["--draw", "3"]),
        ("madpar", &["--summaries", "--draw", "3"]),
        ("multiqa", &QUESTIONS[..2]),
        ("prisoners", &["--predict"]),
        ("tot", &["--branches", "4", "--draw", "3"]),
    ];
    for (plan, arguments) in runs {
        let short = if plan == "conversation" { &[][..] } else { &["--max-tokens", "48"] };
        let [(naive, all), (prefix, some)] =
            [Mode::Naive, Mode::Prefix].map(|mode| run(plan, mode, &[short, arguments].concat()));
        assert_eq!(naive, prefix, "{plan}");
        // One prompt of questions has no other to share with.
        assert!(some.encoded < all.encoded || plan == "multiqa", "{plan}: {} {}", some.encoded, all.encoded);
    }
}

#[test]
fn bad_arguments_are_refused_in_one_line() {
    let refused: [(&str, &[&str], &str); 14] = [
        ("bsm", &["cat", "cat"], "1 words, and two groups to fill: take ["),
        ("bsm", &["--placement", "above", "cat", "rice"], "--placement takes one of serial, parallel, not \"above\""),
        ("documents", &[], "no question: take ["),
        ("documents", &["--docs", "1,99", "Who?"], "--docs takes numbers from 1 to "),
        ("maditer", &["--rounds", "0"], "--rounds needs a number from 1 to 64, not \"0\""),
        ("maditer", &["--draw", "0"], "--draw needs a number from 1 to "),
        ("madpar", &["--agents", "many"], "--agents needs a number from 1 to 64, not \"many\""),
        ("madpar", &["How many?", "How much?"], "one text too many, \"How much?\""),
        ("multiqa", &["--placement", "baseline"], "no question: take ["),
        ("prisoners", &["--payoffs", "5,3"], "--payoffs takes four numbers, such as 5,3,1,0, not \"5,3\""),
        ("prisoners", &["--leak", "some"], "--leak takes one of all, none, plans, rules, not \"some\""),
        ("tot", &["--temperature", "hot"], "--temperature needs a number from 0 to 10, not \"hot\""),
        ("tot", &["--branches"], "--branches has no value: take ["),
        ("tot", &["--help"], "no option is called --help, or it stands twice: take [--branches B]"),
    ];
    for (plan, arguments, error) in refused {
        let component = choreo_workflows::component(plan).unwrap();
        let host = Host::new("run").with(component.display());
        arguments.iter().fold(host, |host, argument| host.with(argument)).fails(1, &[error]);
    }
}
