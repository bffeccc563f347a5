//! The embedded model's skills, asked through real plans: held-out items of
//! `tests/held_out`, which no training text holds by construction.

use std::collections::BTreeMap;
use std::fs;

use choreo_host::engine::Mode;
use choreo_host::wasm::Plan;
use serde::Deserialize;

use crate::rig::{Rig, load, options, root};

/// So many right of so many asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Answers that were right.
    pub right: usize,
    /// Answers.
    pub asked: usize,
}

impl Score {
    /// Right answers of a hundred.
    pub fn percent(self) -> f64 {
        100.0 * self.right as f64 / self.asked as f64
    }
}

impl FromIterator<bool> for Score {
    fn from_iter<T: IntoIterator<Item = bool>>(answers: T) -> Self {
        answers.into_iter().fold(Self::default(), |score, right| Self {
            right: score.right + usize::from(right),
            asked: score.asked + 1,
        })
    }
}

/// One question about a stored fact.
#[derive(Debug, Deserialize)]
pub struct Fact {
    question: String,
    answer: String,
}

impl Fact {
    /// What is asked.
    #[must_use]
    pub fn question(&self) -> &str {
        &self.question
    }
}

/// Several questions for one answer.
#[derive(Debug, Deserialize)]
pub struct Pair {
    questions: Vec<String>,
    answers: Vec<String>,
}

/// A word problem.
#[derive(Debug, Deserialize)]
pub struct Problem {
    problem: String,
    answer: u32,
}

impl Problem {
    /// What is to be solved.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.problem
    }
}

/// A question on some of the documents that the plan `documents` knows.
#[derive(Debug, Deserialize)]
pub struct Reading {
    documents: Vec<u32>,
    question: String,
    answer: String,
}

/// Two players' strategies.
#[derive(Debug, Deserialize)]
pub struct Game {
    payoffs: [u32; 4],
    alice: String,
    bob: String,
    first: String,
}

/// The items of a file of `tests/held_out`.
pub fn held_out<T: for<'de> Deserialize<'de>>(name: &str) -> Vec<T> {
    let path = root().join("tests/held_out").join(name).with_extension("json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// How a problem comes to its answer; each row of a table is one. At temperature 1 one
/// answer is right almost always; at 1.5 several have something to gain.
pub const WAYS: [(&str, &str, &[&str]); 7] = [
    ("one answer, greedy", "madpar", &["--agents", "1", "--rounds", "0", "--temperature", "0"]),
    ("one answer, sampled", "madpar", &["--agents", "1", "--rounds", "0", "--temperature", "1.5"]),
    ("madpar: 3 agents, 2 rounds, majority", "madpar", &["--temperature", "1.5"]),
    ("madpar with summaries", "madpar", &["--summaries", "--temperature", "1.5"]),
    ("maditer: at most 3 rounds", "maditer", &["--temperature", "1.5"]),
    ("tot: 8 solutions, 4 votes with reasons", "tot", &["--temperature", "1.5"]),
    ("tot: 8 solutions, 4 votes of a number", "tot", &["--choice", "constrained", "--temperature", "1.5"]),
];

/// One engine with the embedded model, and the plans that ask it.
pub struct Evaluation {
    rig: Rig,
    plans: BTreeMap<&'static str, Plan>,
}

impl Evaluation {
    /// Loads the model and builds the plans.
    pub fn new() -> Self {
        let names = ["bsm", "documents", "maditer", "madpar", "multiqa", "prisoners", "tot"];
        Self { rig: Rig::embedded(), plans: names.map(|name| (name, load(name))).into() }
    }

    fn run(&self, plan: &str, mode: Mode, seed: u64, arguments: &[&str]) -> String {
        self.rig.run(&self.plans[plan], options(mode, seed), arguments).0
    }

    /// Single facts, greedy.
    pub fn facts(&self, mode: Mode, facts: &[Fact]) -> Score {
        let ask = |fact: &Fact| self.run("multiqa", mode, 1, &[&fact.question]) == format!("1. {}", fact.answer);
        facts.iter().map(ask).collect()
    }

    /// The first `count` of the questions in one answer, all right, greedy.
    pub fn questions(&self, mode: Mode, placement: &str, count: usize, items: &[Pair]) -> Score {
        let ask = |item: &Pair| {
            let questions = item.questions.iter().take(count).map(String::as_str);
            let arguments: Vec<&str> = ["--placement", placement].into_iter().chain(questions).collect();
            let numbered = (1..).zip(item.answers.iter().take(count)).map(|(n, answer)| format!("{n}. {answer}"));
            self.run("multiqa", mode, 1, &arguments) == numbered.collect::<Vec<_>>().join("\n")
        };
        items.iter().map(ask).collect()
    }

    /// Word problems, each with a seed of its own, by a plan that says its answer.
    pub fn problems(&self, mode: Mode, plan: &str, arguments: &[&str], problems: &[Problem]) -> Score {
        let ask = |(seed, problem): (u64, &Problem)| {
            let transcript = self.run(plan, mode, seed, &[arguments, &[&problem.problem]].concat());
            let last = transcript.lines().last().unwrap_or_default();
            last.starts_with(&format!("Answer: {} (", problem.answer))
        };
        (1..).zip(problems).map(ask).collect()
    }

    /// Merged stories that have every word of their list, at temperature 1.
    pub fn stories(&self, mode: Mode, placement: &str, lists: &[Vec<String>]) -> Score {
        let ask = |(seed, words): (u64, &Vec<String>)| {
            let words = words.join(",");
            let transcript = self.run("bsm", mode, seed, &["--placement", placement, "--temperature", "1", &words]);
            transcript.ends_with("words (all)")
        };
        (1..).zip(lists).map(ask).collect()
    }

    /// Questions on documents, greedy; `layout` is row or side-by-side.
    pub fn readings(&self, mode: Mode, layout: &str, readings: &[Reading]) -> Score {
        let ask = |reading: &Reading| {
            let numbers: Vec<String> = reading.documents.iter().map(u32::to_string).collect();
            let arguments = ["--layout", layout, "--docs", &numbers.join(","), &reading.question];
            self.run("documents", mode, 1, &arguments).lines().last() == Some(&reading.answer)
        };
        readings.iter().map(ask).collect()
    }

    /// Games in which each player whose strategy names a decision takes it, and predicts
    /// what the other's last words say, at temperature 1.
    pub fn games(&self, mode: Mode, games: &[Game]) -> Score {
        let play = |(seed, game): (u64, &Game)| {
            let payoffs = game.payoffs.map(|points| points.to_string()).join(",");
            let (alice, bob, first) = (game.alice.as_str(), game.bob.as_str(), game.first.to_lowercase());
            let options = ["--predict", "--payoffs", &payoffs, "--alice", alice, "--bob", bob, "--first", &first];
            let transcript = self.run("prisoners", mode, seed, &options);
            let said = |player: &str, field: &str, value: &str| {
                transcript.contains(&format!("\n{player}: {{\"{field}\":\"{value}\"}}"))
            };
            [("Alice", alice, "Bob"), ("Bob", bob, "Alice")].into_iter().all(|(player, strategy, other)| {
                let decided = match strategy {
                    "cooperate" => said(player, "decision", "COOPERATE"),
                    "defect" | "deceive" => said(player, "decision", "DEFECT"),
                    _ => true,
                };
                let heard = transcript.lines().rfind(|line| line.starts_with(&format!("{other}: To "))).unwrap_or("");
                let expected = if heard.ends_with("I will defect.") { "DEFECT" } else { "COOPERATE" };
                decided && said(player, "prediction", expected)
            })
        };
        (1..).zip(games).map(play).collect()
    }
}

impl Default for Evaluation {
    fn default() -> Self {
        Self::new()
    }
}
