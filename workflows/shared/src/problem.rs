//! The problem that agents solve.

use choreo_guest::{Message, Outcome, prefill};

use crate::{Arguments, fill};

/// A problem and its answer a line, with a tab between. No training text of the
/// default model holds any of them.
const HELD_OUT: &str = include_str!("../../problems.txt");

/// A problem in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is asked.
    pub text: String,
    /// The right answer, where the problem is one of those that are held out.
    pub expected: Option<String>,
}

impl Problem {
    /// The problem that is the only word left of the arguments, or `--draw N`, the
    /// N-th of the held-out problems; the first where there is neither.
    ///
    /// # Errors
    /// Both are given, there is no such problem, or an argument is not known.
    pub fn take(mut arguments: Arguments) -> Outcome<Self> {
        let held_out: Vec<_> = HELD_OUT.lines().filter_map(|line| line.split_once('\t')).collect();
        let drawn = arguments.value("--draw")?;
        match (arguments.word()?, drawn) {
            (Some(text), None) => Ok(Self { text, expected: None }),
            (Some(_), Some(_)) => Err("a problem and --draw: give one of them".into()),
            (None, drawn) => {
                let drawn = drawn.unwrap_or_else(|| "1".into());
                let found = drawn.parse().ok().and_then(|number: usize| held_out.get(number.checked_sub(1)?));
                let known = held_out.len();
                let (text, answer) =
                    found.ok_or_else(|| format!("--draw needs a number from 1 to {known}, not {drawn:?}"))?;
                Ok(Self { text: (*text).to_owned(), expected: Some((*answer).to_owned()) })
            }
        }
    }

    /// A system's message that puts the problem where the prompt has `{problem}`.
    ///
    /// # Errors
    /// The host's.
    pub fn instruction(&self, prompt: &str) -> Outcome<Message> {
        Ok(prefill(fill(prompt, &[("problem", &self.text)])).system().send()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(words: &[&str]) -> Outcome<Problem> {
        Problem::take(Arguments::new(words.iter().map(|word| (*word).to_owned()).collect(), "PROBLEM"))
    }

    #[test]
    fn a_problem_is_given_or_drawn() {
        let own = Problem { text: "How many?".into(), expected: None };
        assert_eq!(take(&["How many?"]).unwrap(), own);
        assert_eq!(take(&[]).unwrap(), take(&["--draw", "1"]).unwrap());
        let last = HELD_OUT.lines().count();
        let drawn = take(&["--draw", &last.to_string()]).unwrap();
        assert!(HELD_OUT.trim_end().ends_with(&format!("{}\t{}", drawn.text, drawn.expected.unwrap())));
        for wrong in ["0", "x", &(last + 1).to_string()] {
            let error = take(&["--draw", wrong]).unwrap_err().to_string();
            assert_eq!(error, format!("--draw needs a number from 1 to {last}, not {wrong:?}"));
        }
        assert!(take(&["--draw", "1", "How many?"]).unwrap_err().to_string().starts_with("a problem and --draw"));
    }
}
