//! Tree of thoughts.

use super::{MODES, encoded_once, parents, run};

/// The lines that follow this mark, up to each one's end.
fn after<'a>(transcript: &'a str, mark: &str) -> Vec<&'a str> {
    transcript.lines().filter_map(|line| line.strip_prefix(mark)).collect()
}

/// The solution that the outcome names.
fn winner(transcript: &str) -> u32 {
    let (_, after) = transcript.rsplit_once(" (solution ").unwrap();
    after[..after.find(',').unwrap()].parse().unwrap()
}

#[test]
fn the_solution_with_most_votes_is_finished() {
    for mode in MODES {
        for draw in ["1", "2", "3"] {
            let arguments =
                ["--branches", "5", "--voters", "3", "--choice", "constrained", "--max-tokens", "48", "--draw", draw];
            let (transcript, report) = run("tot", mode, &arguments);
            assert_eq!(after(&transcript, "Solution ").len(), 5, "{transcript}");
            let votes: Vec<u32> =
                after(&transcript, "Best choice: ").iter().map(|vote| vote.parse().unwrap()).collect();
            assert!(votes.len() == 3 && votes.iter().all(|vote| (1..=5).contains(vote)), "{transcript}");

            let count = |winner: u32| votes.iter().filter(|vote| **vote == winner).count();
            let winner = winner(&transcript);
            let most = votes.iter().map(|vote| count(*vote)).max().unwrap();
            assert_eq!(votes.iter().find(|vote| count(**vote) == most), Some(&winner), "{transcript}");
            assert!(transcript.contains(&format!(" (solution {winner}, {most} of 3 votes)\n")), "{transcript}");

            // Voters see all proposals, who finishes the winner alone.
            for voter in [8, 9, 10] {
                assert_eq!(parents(&report, voter), [7, 2, 3, 4, 5, 6]);
            }
            assert_eq!(parents(&report, 12), [11, 1 + winner]);
            encoded_once(mode, &report);
            assert!(transcript.ends_with("(right)"), "{transcript}");
        }
    }
}

#[test]
fn votes_may_say_why() {
    for mode in MODES {
        let arguments = ["--branches", "4", "--voters", "4", "--max-tokens", "48", "--draw", "2"];
        let (transcript, report) = run("tot", mode, &arguments);
        let winner = winner(&transcript);
        assert_eq!(parents(&report, 12), [11, 1 + winner], "{transcript}");
        let reasons = after(&transcript, &format!("Best choice: {winner}. "));
        assert!(!reasons.is_empty() && transcript.ends_with("(right)"), "{transcript}");
    }
}

#[test]
fn without_voters_the_first_solution_is_finished() {
    for mode in MODES {
        let arguments = ["--branches", "2", "--voters", "0", "--max-tokens", "48"];
        let (transcript, report) = run("tot", mode, &arguments);
        assert!(transcript.contains(" (solution 1, without a vote)\n"), "{transcript}");
        assert_eq!(parents(&report, 6), [5, 2]);
    }
}
