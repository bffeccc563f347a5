//! Debates: in parallel, and in turns with a moderator.

use choreo_host::engine::Mode;

use super::{MODES, encoded_once, parents, run};

#[test]
fn a_debate_ends_with_the_majority() {
    for mode in MODES {
        for draw in ["2", "3", "4"] {
            let (transcript, report) = run("madpar", mode, &["--draw", draw]);
            assert_eq!(transcript.matches("\n== Round").count(), 2, "{transcript}");
            assert_eq!(transcript.matches("\nFrom Agent 2:\n").count(), 3, "{transcript}");
            assert!(transcript.ends_with("(right)"), "{transcript}");
            // An update of round 2 sees the instruction, all three last answers, and its own first.
            assert_eq!(parents(&report, 11), [5, 6, 7, 8, 4]);
            encoded_once(mode, &report);
        }
    }
}

#[test]
fn a_summary_stands_in_for_the_answers() {
    for mode in MODES {
        let (transcript, report) = run("madpar", mode, &["--draw", "2", "--summaries", "--max-tokens", "64"]);
        assert_eq!(transcript.matches("\nSummary:\n").count(), 2, "{transcript}");
        assert_eq!(report.messages.len(), 14, "three instructions, three answers, two rounds of four");
        // The summary sees the last answers; an agent the summary and all its own.
        assert_eq!(parents(&report, 7), [6, 2, 3, 4]);
        assert_eq!(parents(&report, 8), [5, 7, 2]);
        assert_eq!(parents(&report, 11), [6, 8, 9, 10]);
        assert_eq!(parents(&report, 14), [5, 11, 4, 10]);
        encoded_once(mode, &report);
        let expected = transcript.lines().find_map(|line| line.strip_prefix("Expected: ")).unwrap();
        let answer = expected.trim_end_matches(" (right)");
        // It does not count well: three agents of one answer may be "2 agents" and "1 agent".
        assert_eq!(transcript.matches(&format!("say {answer}.")).count(), 2, "{transcript}");
        assert!(expected.ends_with("(right)"), "{transcript}");
    }
}

#[test]
fn a_debate_in_turns_shows_each_side_both() {
    for mode in MODES {
        for draw in ["1", "2", "3"] {
            let (transcript, report) = run("maditer", mode, &["--draw", draw, "--max-tokens", "80"]);
            let rounds = transcript.matches("\n== Round ").count();
            let (mut debate, mut heard) = (Vec::new(), Vec::new());
            for turn in (4..).step_by(3).take(rounds) {
                for (side, turn) in [(1, turn), (2, turn + 1)] {
                    assert_eq!(parents(&report, turn), [&[side], &debate[..]].concat(), "{transcript}");
                    debate.push(turn);
                    heard.push(turn);
                }
                assert_eq!(parents(&report, turn + 2), [&[3], &heard[..]].concat(), "{transcript}");
                heard.push(turn + 2);
            }
            assert_eq!(transcript.matches("\nModerator:\n{\"reason\":\"").count(), rounds, "{transcript}");
            let answer = transcript.lines().find(|line| line.starts_with("Answer: ")).unwrap();
            if transcript.contains("\n== Not decided\nModerator:\n{\"answer\":\"") {
                let last = 3 + 3 * u32::try_from(rounds).unwrap() + 2;
                heard.push(last - 1);
                assert_eq!(parents(&report, last), [&[3], &heard[..]].concat());
                assert!(answer.ends_with("(undecided after round 3)"), "{transcript}");
            } else {
                assert!(answer.ends_with(&format!("(decided in round {rounds})")), "{transcript}");
            }
            encoded_once(mode, &report);
            assert!(transcript.contains("\"decided\":true"), "{transcript}");
            assert!(transcript.ends_with("(right)"), "{transcript}");
        }
    }
}

/// A debate of one round that nobody may decide ends with the answer that is asked for.
#[test]
fn an_undecided_debate_is_answered_all_the_same() {
    let (transcript, report) = run("maditer", Mode::Choreo, &["--rounds", "1", "--max-tokens", "4", "--draw", "2"]);
    assert_eq!(report.messages.len(), 8, "three instructions, three turns, a request, an answer");
    assert!(transcript.contains("\n== Not decided\n"), "a cut verdict decides nothing: {transcript}");
    let mut end = transcript.lines().rev();
    assert!(end.next().unwrap().starts_with("Expected: "), "{transcript}");
    assert!(end.next().unwrap().ends_with("(undecided after round 1)"), "{transcript}");
}
