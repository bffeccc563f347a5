//! Plans whose messages are encoded apart and placed together.

use super::{MODES, encoded_once, offsets, parents, run};
use choreo_host::engine::Mode;

const WORDS: [&str; 4] = ["apples", "cat", "coins", "rice"];

#[test]
fn two_stories_stand_as_they_are_placed() {
    for mode in MODES {
        for placement in ["serial", "parallel"] {
            let options = ["--placement", placement, "--temperature", "0", "--max-tokens", "64"];
            let (transcript, report) = run("bsm", mode, &[&options[..], &WORDS].concat());
            // A request, a branch, two requests, two stories, an instruction, the merge.
            assert_eq!(parents(&report, 2), [1]);
            assert_eq!([parents(&report, 5), parents(&report, 6)], [[3], [4]]);
            assert_eq!(parents(&report, 8), [7, 5, 6]);
            let tokens = |message: usize| report.messages[message - 1].tokens;
            // The baselines have no offsets: there, all stand in a row.
            let apart = placement == "parallel" && mode == Mode::Choreo;
            let second = tokens(7) + if apart { 0 } else { tokens(5) };
            assert_eq!(offsets(&report, 8), [0, tokens(7), second]);
            encoded_once(mode, &report);

            let line = |mark: &str| transcript.lines().find_map(|line| line.strip_prefix(mark)).unwrap();
            assert!(!line("Topic: ").is_empty(), "{transcript}");
            for group in [line("Group 1: "), line("Group 2: ")] {
                assert!(group.split(", ").all(|word| WORDS.contains(&word)), "{transcript}");
            }
            let (_, story) = transcript.split_once("\nStory:\n").unwrap();
            let (story, coverage) = story.split_once("\n\nCoverage: ").unwrap();
            let missing: Vec<&str> = WORDS.into_iter().filter(|word| !story.contains(word)).collect();
            let without = if missing.is_empty() { "all".into() } else { format!("without {}", missing.join(", ")) };
            assert_eq!(coverage, format!("{} of 4 words ({without})", 4 - missing.len()), "{transcript}");
            if mode != Mode::Choreo && placement == "serial" {
                assert_eq!(coverage, "4 of 4 words (all)", "{transcript}");
            }
        }
    }
}

const BASE: &str = "Anton has a cat. Anton lives in Oslo.\nFelix eats soup.\nCarla has a dog. Carla lives in Rome.";

#[test]
fn documents_are_read_in_any_order() {
    for mode in MODES {
        let asked = ["What pet does Carla have?", "--docs", "3,1", "What pet does Anton have?", "--docs", "2"];
        let arguments = [&["--documents", BASE], &asked[..], &["What pet does Carla have?"]].concat();
        let (transcript, report) = run("documents", mode, &arguments);
        // A system's message, three documents, three questions; then the answers.
        assert_eq!([2, 3, 4].map(|document| parents(&report, document)), [[1], [1], [1]]);
        assert_eq!(parents(&report, 8), [1, 2, 3, 4, 5]);
        assert_eq!(parents(&report, 9), [1, 4, 2, 6]);
        assert_eq!(parents(&report, 10), [1, 3, 7]);
        encoded_once(mode, &report);

        assert_eq!(transcript.matches("\n== ").count(), 3, "{transcript}");
        assert!(transcript.contains("\n== What pet does Anton have? (documents 3, 1)\n"), "{transcript}");
        if mode != Mode::Choreo {
            let answers: Vec<&str> = transcript.split("\n== ").skip(1).filter_map(|part| part.lines().nth(1)).collect();
            assert_eq!(answers[..2], ["Carla has a dog.", "Anton has a cat."], "{transcript}");
            // What it does not see it does not know; it makes something up instead of saying so.
            assert_ne!(answers[2], "Carla has a dog.", "{transcript}");
        }
    }
}

#[test]
fn documents_may_stand_side_by_side() {
    let arguments = ["--layout", "side-by-side", "--documents", BASE, "--docs", "3,2", "What pet does Carla have?"];
    let (_, report) = run("documents", Mode::Choreo, &arguments);
    let tokens = |message: usize| report.messages[message - 1].tokens;
    let (start, end) = (tokens(1), tokens(1) + tokens(4).max(tokens(3)));
    assert_eq!(offsets(&report, 5), [0, start, start]);
    assert_eq!((parents(&report, 6), offsets(&report, 6)), (vec![1, 4, 3, 5], vec![0, start, start, end]));
}

#[test]
fn three_questions_have_three_answers() {
    let questions = ["What pet does Halan have?", "Which city does Zetol live in?", "What does Temin eat most?"];
    for mode in MODES {
        let arguments = [&["--placement", "baseline"], &questions[..]].concat();
        let (answer, report) = run("multiqa", mode, &arguments);
        assert_eq!(answer, "1. fox\n2. Madrid\n3. soup");
        assert_eq!(parents(&report, 5), [1, 2, 3, 4]);
    }
}
