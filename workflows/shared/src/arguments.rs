//! A plan's arguments: options that start with `--`, and words.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use choreo_guest::Outcome;

/// Values of an option by their names; the first is the default.
pub type Named<'a, T> = &'a [(&'a str, T)];

/// Arguments, of which each option is taken by its name; what is left then are
/// words, or mistakes.
#[derive(Clone, Debug)]
pub struct Arguments {
    left: Vec<String>,
    usage: &'static str,
}

impl Arguments {
    /// The arguments of a plan; `usage` names all it takes, in one line.
    #[must_use]
    pub fn new(args: Vec<String>, usage: &'static str) -> Self {
        Self { left: args, usage }
    }

    /// Whether this option, which has no value, is there.
    pub fn flag(&mut self, name: &str) -> bool {
        let at = self.left.iter().position(|arg| arg == name);
        at.map(|at| self.left.remove(at)).is_some()
    }

    /// The option's value, where it is there.
    ///
    /// # Errors
    /// It is the last argument.
    pub fn value(&mut self, name: &str) -> Outcome<Option<String>> {
        let Some(at) = self.left.iter().position(|arg| arg == name) else { return Ok(None) };
        if at + 1 == self.left.len() {
            return Err(self.no_value(name).into());
        }
        self.left.remove(at);
        Ok(Some(self.left.remove(at)))
    }

    /// The option's number, or `default`.
    ///
    /// # Errors
    /// The value is no number, or not in the range.
    pub fn number<T>(&mut self, name: &str, default: T, range: RangeInclusive<T>) -> Outcome<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.value(name)? else { return Ok(default) };
        let number = value.parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        number.ok_or_else(|| format!("{name} needs a number from {least} to {most}, not {value:?}").into())
    }

    /// What the option's value names, or the first of all.
    ///
    /// # Errors
    /// The value names none of them.
    pub fn choice<T: Copy>(&mut self, name: &str, named: Named<'_, T>) -> Outcome<T> {
        let value = self.value(name)?;
        let found = named.iter().find(|(known, _)| value.as_deref().is_none_or(|value| value == *known));
        let known = || named.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ");
        let value = value.clone().unwrap_or_default();
        Ok(found.ok_or_else(|| format!("{name} takes one of {}, not {value:?}", known()))?.1)
    }

    /// What is left: words, when all options have been taken.
    ///
    /// # Errors
    /// An option is left, which the plan does not know or has taken already.
    pub fn words(self) -> Outcome<Vec<String>> {
        match self.left.iter().find(|arg| arg.starts_with("--")) {
            Some(option) => Err(self.unknown(option).into()),
            None => Ok(self.left),
        }
    }

    /// What is left, each word with the value of the last option of this name that
    /// stands before it.
    ///
    /// # Errors
    /// Another option is left, or the last has no value.
    pub fn words_after(self, name: &str) -> Outcome<Vec<(Option<String>, String)>> {
        let (mut found, mut value) = (Vec::new(), None);
        let mut left = self.left.iter();
        while let Some(arg) = left.next() {
            if arg == name {
                let next = left.next().ok_or_else(|| self.no_value(name))?;
                value = Some(next.clone());
            } else if arg.starts_with("--") {
                return Err(self.unknown(arg).into());
            } else {
                found.push((value.clone(), arg.clone()));
            }
        }
        Ok(found)
    }

    /// The one word that is left, if any.
    ///
    /// # Errors
    /// As for [`words`](Self::words); or there are several.
    pub fn word(self) -> Outcome<Option<String>> {
        let usage = self.usage;
        match self.words()?.as_slice() {
            [] => Ok(None),
            [word] => Ok(Some(word.clone())),
            [_, second, ..] => Err(format!("one text too many, {second:?}: take {usage}, texts in quotes").into()),
        }
    }

    fn no_value(&self, name: &str) -> String {
        format!("{name} has no value: take {}", self.usage)
    }

    fn unknown(&self, option: &str) -> String {
        format!("no option is called {option}, or it stands twice: take {}", self.usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &[&str]) -> Arguments {
        Arguments::new(words.iter().map(|word| (*word).to_owned()).collect(), "[--agents A] PROBLEM")
    }

    #[track_caller]
    fn fails<T: std::fmt::Debug>(outcome: Outcome<T>, message: &str) {
        assert_eq!(outcome.unwrap_err().to_string(), message);
    }

    #[test]
    fn options_are_taken_from_anywhere_and_words_are_left() {
        let mut arguments = arguments(&["a", "--agents", "4", "--fast", "b"]);
        assert_eq!(arguments.number("--agents", 3, 1..=9).unwrap(), 4);
        assert_eq!(arguments.number("--rounds", 2, 0..=9).unwrap(), 2);
        assert!(arguments.flag("--fast") && !arguments.flag("--slow"));
        assert_eq!(arguments.choice("--way", &[("up", 1), ("down", 2)]).unwrap(), 1);
        assert_eq!(arguments.words().unwrap(), ["a", "b"]);
    }

    #[test]
    fn an_option_may_hold_for_the_words_after_it() {
        let after = |words: &[&str]| arguments(words).words_after("--docs");
        let found = after(&["a", "--docs", "3", "b", "c", "--docs", "1", "d"]).unwrap();
        let values: Vec<_> = found.iter().map(|(value, word)| (value.as_deref(), word.as_str())).collect();
        assert_eq!(values, [(None, "a"), (Some("3"), "b"), (Some("3"), "c"), (Some("1"), "d")]);
        fails(after(&["a", "--docs"]), "--docs has no value: take [--agents A] PROBLEM");
        assert!(after(&["--dogs", "1", "a"]).unwrap_err().to_string().starts_with("no option is called --dogs"));
    }

    #[test]
    fn what_does_not_fit_is_said_in_one_line() {
        let take = |value: &str| arguments(&["--agents", value]).number("--agents", 3, 1..=9);
        fails(take("x"), "--agents needs a number from 1 to 9, not \"x\"");
        fails(take("10"), "--agents needs a number from 1 to 9, not \"10\"");
        let heat = |value: &str| arguments(&["--heat", value]).number("--heat", 0.5, 0.0..=2.0);
        fails(heat("NaN"), "--heat needs a number from 0 to 2, not \"NaN\"");
        fails(arguments(&["--agents"]).value("--agents"), "--agents has no value: take [--agents A] PROBLEM");
        let way = |value: &str| arguments(&["--way", value]).choice("--way", &[("up", 1), ("down", 2)]);
        assert_eq!(way("down").unwrap(), 2);
        fails(way("left"), "--way takes one of up, down, not \"left\"");
        let twice = "no option is called --no, or it stands twice: take [--agents A] PROBLEM";
        fails(arguments(&["--no", "a"]).words(), twice);
        fails(arguments(&["a", "b"]).word(), "one text too many, \"b\": take [--agents A] PROBLEM, texts in quotes");
    }
}
