//! The prisoner's dilemma, and what leaks in it.

use std::collections::BTreeSet;

use choreo_host::engine::Mode;
use choreo_host::engine::report::RunReport;

use super::{MODES, encoded_once, parents, run};

const LEAKS: [&str; 4] = ["all", "none", "plans", "rules"];

/// Alice's and Bob's messages: the rules, the request for a plan, the plan.
const ALICE: [u32; 3] = [1, 2, 5];
const BOB: [u32; 3] = [3, 4, 6];

/// All that a message was encoded in sight of, through any number of others.
fn ancestors(report: &RunReport, message: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut left = parents(report, message);
    while let Some(next) = left.pop() {
        if found.insert(next) {
            left.extend(parents(report, next));
        }
    }
    found
}

/// What `ancestors` has of these.
fn seen(ancestors: &BTreeSet<u32>, messages: [u32; 3]) -> Vec<u32> {
    messages.into_iter().filter(|message| ancestors.contains(message)).collect()
}

fn play(mode: Mode, arguments: &[&str]) -> (String, RunReport) {
    run("prisoners", mode, &[&["--temperature", "0", "--max-tokens", "32"], arguments].concat())
}

#[test]
fn what_leaks_is_what_may() {
    for leak in LEAKS {
        let (transcript, report) = play(Mode::Choreo, &["--leak", leak]);
        let last = u32::try_from(report.messages.len()).unwrap();
        let [alice, bob] = [last - 1, last].map(|decision| ancestors(&report, decision));
        assert_eq!((seen(&alice, ALICE), seen(&bob, BOB)), (ALICE.to_vec(), BOB.to_vec()), "each sees its own");
        let of_the_other = [seen(&alice, BOB), seen(&bob, ALICE)];
        let expected: [&[u32]; 2] = match leak {
            "all" => [&BOB, &ALICE],
            // Alice's rules and request, Bob's: the plans are not among them.
            "rules" => [&BOB[..2], &ALICE[..2]],
            _ => [&[], &[]],
        };
        assert_eq!(of_the_other, expected, "{leak}: {transcript}");
        // The plans' texts stand alone in messages 7 and 8, where they alone may leak.
        if leak == "plans" {
            assert!(parents(&report, 7).is_empty() && parents(&report, 8).is_empty());
            assert!(bob.contains(&7) && alice.contains(&8));
        }
        encoded_once(Mode::Choreo, &report);
    }
}

#[test]
fn without_leaks_the_players_say_what_they_say_without_a_cache() {
    let [naive, choreo] = [Mode::Naive, Mode::Choreo].map(|mode| play(mode, &["--leak", "none", "--predict"]).0);
    assert_eq!(naive, choreo);
    // Whatever may leak, without a cache nothing does.
    for leak in LEAKS {
        assert_eq!(play(Mode::Naive, &["--leak", leak, "--predict"]).0, naive, "{leak}");
    }
}

#[test]
fn decisions_are_paid() {
    for mode in MODES {
        for first in ["alice", "bob"] {
            let arguments = ["--payoffs", "9,6,2,1", "--first", first, "--alice", "defect", "--bob", "cooperate"];
            let (transcript, report) = play(mode, &[&arguments[..], &["--predict"]].concat());
            // Instructions, plans, four utterances, four requests and their answers.
            assert_eq!(report.messages.len(), 18, "{transcript}");
            let talk = if first == "alice" {
                ["Alice: To Bob:", "Bob: To Alice:"]
            } else {
                ["Bob: To Alice:", "Alice: To Bob:"]
            };
            let (_, talked) = transcript.split_once("== Talk\n").unwrap();
            assert!(talked.starts_with(talk[0]) && talked.matches(talk[1]).count() == 2, "{transcript}");

            let said = |player: &str, field: &str| {
                let (_, after) = transcript.split_once(&format!("\n{player}: {{\"{field}\":\"")).unwrap();
                after[..after.find('"').unwrap()].to_owned()
            };
            let [alice, bob] = ["Alice", "Bob"].map(|player| {
                assert!(["COOPERATE", "DEFECT"].contains(&&*said(player, "prediction")), "{transcript}");
                said(player, "decision")
            });
            let [points, others] = match (alice.as_str(), bob.as_str()) {
                ("COOPERATE", "COOPERATE") => [6, 6],
                ("COOPERATE", "DEFECT") => [1, 9],
                ("DEFECT", "COOPERATE") => [9, 1],
                _ => [2, 2],
            };
            let outcome = format!("\nOutcome: Alice {alice} (gets {points}), Bob {bob} (gets {others})");
            assert!(transcript.ends_with(&outcome), "{transcript}");
            assert!(transcript.contains("Alice: My plan: I will defect, and say so."), "{transcript}");
            assert_eq!((&*alice, &*bob), ("DEFECT", "COOPERATE"), "{transcript}");
        }
    }
}
