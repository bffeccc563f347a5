//! The embedded model's skills, asked through real plans: held-out items of
//! `tests/held_out`, which no training text holds by construction.

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

/// Two questions for one answer.
#[derive(Debug, Deserialize)]
pub struct Pair {
    questions: Vec<String>,
    answers: Vec<String>,
}

/// A word problem of two steps.
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

/// The items of a file of `tests/held_out`.
pub fn held_out<T: for<'de> Deserialize<'de>>(name: &str) -> Vec<T> {
    let path = root().join("tests/held_out").join(name).with_extension("json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// One engine with the embedded model, and the plans that ask it.
pub struct Evaluation {
    rig: Rig,
    multiqa: Plan,
    madpar: Plan,
}

impl Evaluation {
    /// Loads the model and builds the plans.
    pub fn new() -> Self {
        Self { rig: Rig::embedded(), multiqa: load("multiqa"), madpar: load("madpar") }
    }

    /// Single facts, greedy.
    pub fn facts(&self, mode: Mode, facts: &[Fact]) -> Score {
        let ask = |fact: &Fact| {
            let answer = self.rig.run(&self.multiqa, options(mode, 1), &[&fact.question]).0;
            answer == format!("1. {}", fact.answer)
        };
        facts.iter().map(ask).collect()
    }

    /// Two questions in one answer, both right, greedy.
    pub fn pairs(&self, mode: Mode, placement: &str, pairs: &[Pair]) -> Score {
        let ask = |pair: &Pair| {
            let arguments = ["--placement", placement, &pair.questions[0], &pair.questions[1]];
            let answer = self.rig.run(&self.multiqa, options(mode, 1), &arguments).0;
            answer == format!("1. {}\n2. {}", pair.answers[0], pair.answers[1])
        };
        pairs.iter().map(ask).collect()
    }

    /// Word problems by one agent without a debate; greedy at temperature 0.
    pub fn alone(&self, mode: Mode, temperature: &str, problems: &[Problem]) -> Score {
        self.problems(mode, &["--agents", "1", "--rounds", "0", "--temperature", temperature], problems)
    }

    /// Word problems by three agents in two rounds at temperature 0.7.
    pub fn debate(&self, mode: Mode, problems: &[Problem]) -> Score {
        self.problems(mode, &["--agents", "3", "--rounds", "2", "--temperature", "0.7"], problems)
    }

    fn problems(&self, mode: Mode, arguments: &[&str], problems: &[Problem]) -> Score {
        let ask = |(seed, problem): (u64, &Problem)| {
            let arguments = [arguments, &[&problem.problem]].concat();
            let transcript = self.rig.run(&self.madpar, options(mode, seed), &arguments).0;
            let last = transcript.lines().last().unwrap_or_default();
            last.starts_with(&format!("Answer: {} (", problem.answer))
        };
        (1..).zip(problems).map(ask).collect()
    }
}

impl Default for Evaluation {
    fn default() -> Self {
        Self::new()
    }
}
